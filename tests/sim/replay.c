/*
 * replay.c - feeds the events of a broker's debug log to a scheduler once more, and compares what
 * it answers with what the log says.
 *
 * Reads the lines of sched_limits_str(), sched_event_str() and sched_action_str(), wherever in a
 * line of the log they begin; all other lines are passed over. A line of limits begins a new life,
 * unless it says that they are changed.
 * Usage: replay LOG. Exit status: 0 if all is the same, 1 with the first difference, 2 for a log
 * that cannot be read or holds no event.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/sched.h"

struct replay {
	struct sched *sched;
	struct sched_actions actions;
	size_t compared; /* of the actions */
	unsigned long line_number, events, lives;
	bool has_failed;
	char line[SCHED_LINE_BYTES];
};

static void differ(struct replay *replay, const char *what, const char *expected, const char *seen)
{
	printf("line %lu: %s\n  log:    %s\n  replay: %s\n", replay->line_number, what, expected,
	       seen);
	replay->has_failed = true;
}

static const char *next_action(struct replay *replay)
{
	if (replay->compared == replay->actions.count)
		return NULL;
	return sched_action_str(&replay->actions.items[replay->compared++], replay->line,
				sizeof replay->line);
}

/* Before the next event: the log must have had all actions of the one before. */
static void end_step(struct replay *replay)
{
	const char *left = next_action(replay);
	if (left != NULL)
		differ(replay, "an action is not in the log", "(none)", left);
}

static void begin_life(struct replay *replay, const struct sched_limits *limits)
{
	/* The last step of a life that was killed may be cut short. */
	replay->actions.count = replay->compared = 0;
	sched_free(replay->sched);
	replay->sched = sched_new(limits);
	replay->lives++;
}

static void take_limits(struct replay *replay, const char *line, const char *told)
{
	static const char changed[] = "changed ";
	const size_t chars = sizeof changed - 1;
	struct sched_limits limits;
	if (!sched_limits_parse(told, &limits))
		return;
	if ((size_t)(told - line) < chars || memcmp(told - chars, changed, chars) != 0)
		begin_life(replay, &limits);
	else if (replay->sched != NULL)
		sched_set_limits(replay->sched, &limits);
}

static void feed(struct replay *replay, const char *line)
{
	struct sched_event event;
	struct sched_event_storage storage;
	end_step(replay);
	if (replay->has_failed)
		return;
	if (replay->sched == NULL) {
		differ(replay, "an event comes before the limits", line, "(no scheduler)");
		return;
	}
	if (!sched_event_parse(line, &event, &storage)) {
		differ(replay, "an event cannot be read", line, "");
		return;
	}
	replay->actions.count = replay->compared = 0;
	sched_step(replay->sched, &event, &replay->actions);
	sched_event_storage_done(&storage);
	replay->events++;
}

static void compare(struct replay *replay, const char *line)
{
	const char *mine = next_action(replay);
	if (mine == NULL || strcmp(mine, line) != 0)
		differ(replay, "an action differs", line, mine != NULL ? mine : "(none)");
}

/* Where an event's line begins: "[    12] event ". */
static const char *find_event(const char *line)
{
	const char *word = strstr(line, "] event ");
	while (word != NULL && word > line && *word != '[')
		word--;
	return word != NULL && *word == '[' ? word : NULL;
}

static void take_line(struct replay *replay, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	const char *event = find_event(line);
	const char *action = strstr(line, "action "), *told = strstr(line, "limits ");
	/* What a peer wrote may hold any word, but comes later in its line. */
	if (event != NULL && (action == NULL || event < action))
		feed(replay, event);
	else if (action != NULL && (told == NULL || action < told))
		compare(replay, action);
	else if (told != NULL)
		take_limits(replay, line, told);
}

int main(int argc, char **argv)
{
	FILE *log = argc == 2 ? fopen(argv[1], "r") : NULL;
	if (log == NULL) {
		fprintf(stderr, "usage: replay LOG, which must be readable\n");
		return 2;
	}
	struct replay replay = {0};
	char *line = NULL;
	size_t bytes = 0;
	while (!replay.has_failed && getline(&line, &bytes, log) >= 0) {
		replay.line_number++;
		take_line(&replay, line);
	}
	free(line);
	(void)fclose(log);
	/* Nor need the last step of a log be whole. */
	sched_free(replay.sched);
	sched_actions_done(&replay.actions);
	printf("%lu events in %lu lives: %s\n", replay.events, replay.lives,
	       replay.has_failed ? "they differ" : "the same");
	if (replay.has_failed)
		return 1;
	return replay.events > 0 ? 0 : 2;
}
