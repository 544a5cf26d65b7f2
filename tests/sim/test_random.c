/*
 * test_random.c - many random lives of a broker (scenario.h).
 *
 * Prints which events met which states, and fails where a pair that can happen never did.
 * Usage: test_random [--runs N] [--first SEED] [--log FILE] [--story SEED]
 * --story tells one life, and writes what replay reads to the log.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/scenario.h"
#include "tests/sim/sim_coverage.h"

#define RUNS_FOR_COVERAGE 5000 /* fewer need not meet everything */

#define BIT(event) (1u << (event))
#define IMAGE      (BIT(EVENT_IMAGE_READY) | BIT(EVENT_IMAGE_FAILED))
#define COUNTS     (BIT(EVENT_COMMITTED) | BIT(EVENT_SUMMED))
#define UNCOUNTED  "only a Buddhabrot has grids"
#define BY_PEER    (BIT(EVENT_HELLO) | BIT(EVENT_UNREACHABLE))

/* Pairs that cannot happen. */
static const struct impossible {
	enum coverage_state state;
	uint32_t events;
	const char *why;
} impossible[] = {
	{COVER_JOB_CREATING, ~IMAGE,
	 "the caller answers CREATE_IMAGE before it says anything else"},
	{COVER_BANDED_CREATING, ~IMAGE,
	 "the caller answers CREATE_IMAGE before it says anything else"},
	{COVER_JOB_UNKNOWN, IMAGE, "images are asked for jobs that are known"},
	{COVER_JOB_RUNNING, IMAGE, "a job in one piece runs when it has its image"},
	{COVER_JOB_FINISHED, IMAGE, "it has its image"},
	{COVER_JOB_FAILED, IMAGE, "none is asked for before a RETRY"},
	{COVER_BANDED_FAILED, IMAGE, "none is asked for before a RETRY"},
	{COVER_COUNTED_CREATING, ~IMAGE,
	 "the caller answers CREATE_IMAGE before it says anything else"},
	{COVER_COUNTED_SUMMING, IMAGE | BIT(EVENT_COMMITTED), "there are no more grids to come"},
	{COVER_COUNTED_FAILED, IMAGE | BIT(EVENT_COMMITTED), "none is asked for before a RETRY"},
	{COVER_JOB_UNKNOWN, BIT(EVENT_COMMITTED),
	 "the caller answers COMMIT before it says anything else"},
	{COVER_JOB_FINISHED, COUNTS, "it has no grids any more"},
	{COVER_JOB_QUEUED, COUNTS, UNCOUNTED},
	{COVER_JOB_RUNNING, COUNTS, UNCOUNTED},
	{COVER_JOB_PAUSED, COUNTS, UNCOUNTED},
	{COVER_JOB_FAILED, COUNTS, UNCOUNTED},
	{COVER_BANDED_RENDERING, COUNTS, UNCOUNTED},
	{COVER_BANDED_READABLE, COUNTS, UNCOUNTED},
	{COVER_BANDED_PAUSED, COUNTS, UNCOUNTED},
	{COVER_BANDED_FAILED, COUNTS, UNCOUNTED},
	{COVER_WORKER_MOVED, BY_PEER | BIT(EVENT_GONE) | BIT(EVENT_DRAIN_WORKER),
	 "it is not about a session that comes over a connection"},
};

static const char *why_impossible(enum coverage_state state, enum sched_event_type type)
{
	if (type == EVENT_RESTORE && state != COVER_JOB_UNKNOWN)
		return "only what the scheduler does not know is restored";
	for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
		if (impossible[i].state == state && (impossible[i].events & BIT(type)) != 0)
			return impossible[i].why;
	return NULL;
}

/* The number of pairs that should have been met and were not, or the other way round. */
static unsigned print_coverage(void)
{
	unsigned missing = 0, visited = 0, cannot = 0;
	for (unsigned s = 0; s < COVER_STATE_COUNT; s++) {
		printf("%s:", coverage_state_name(s));
		for (unsigned t = 0; t < EVENT_TYPE_COUNT; t++) {
			if (!coverage_applies(s, t))
				continue;
			uint64_t count = coverage_count(s, t);
			const char *why = why_impossible(s, t);
			const char *mark = count == 0 && why == NULL  ? " MISSING"
					   : count > 0 && why != NULL ? " IMPOSSIBLE?"
								      : "";
			missing += mark[0] != '\0';
			visited += count > 0;
			cannot += count == 0 && why != NULL;
			if (count == 0 && why != NULL)
				printf(" %s -", coverage_event_name(t));
			else
				printf(" %s %" PRIu64 "%s", coverage_event_name(t), count, mark);
		}
		printf("\n");
	}
	printf("pairs of state and event: %u visited, %u impossible, %u wrong\n", visited, cannot,
	       missing);
	return missing;
}

static void print_reasons(void)
{
	for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
		printf("%s cannot meet", coverage_state_name(impossible[i].state));
		for (unsigned t = 0; t < EVENT_TYPE_COUNT; t++)
			if (coverage_applies(impossible[i].state, t) &&
			    (impossible[i].events & BIT(t)) != 0)
				printf(" %s", coverage_event_name(t));
		printf(": %s\n", impossible[i].why);
	}
	printf("only job unknown can meet restore: %s\n",
	       why_impossible(COVER_JOB_QUEUED, EVENT_RESTORE));
}

static int tell_story(uint64_t seed, const char *log_path)
{
	struct scenario_result result;
	FILE *log = log_path != NULL ? fopen(log_path, "w") : NULL;
	if (log_path != NULL && log == NULL) {
		perror(log_path);
		return 1;
	}
	scenario_run(&(struct scenario){.seed = seed, .log = log}, &result);
	if (log != NULL && fclose(log) != 0) {
		perror(log_path);
		return 1;
	}
	printf("%sseed %" PRIu64 ": %s\nto repeat it: test_random --story %" PRIu64 "\n",
	       result.trace, seed, result.is_broken ? result.text : "nothing is broken", seed);
	free(result.trace);
	return result.is_broken ? 1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t runs = 300, first = 1, story = 0;
	const char *log_path = NULL;
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--runs") == 0)
			runs = value;
		else if (strcmp(argv[i], "--first") == 0)
			first = value;
		else if (strcmp(argv[i], "--story") == 0)
			story = value;
		else if (strcmp(argv[i], "--log") == 0)
			log_path = argv[i + 1];
	}
	if (story != 0)
		return tell_story(story, log_path);
	uint64_t jobs = 0, finished = 0, steps = 0, restarts = 0;
	for (uint64_t seed = first; seed < first + runs; seed++) {
		struct scenario_result result;
		scenario_run(&(struct scenario){.seed = seed, .is_quiet = true}, &result);
		free(result.trace);
		if (result.is_broken) {
			(void)tell_story(seed, NULL);
			return 1;
		}
		jobs += result.jobs;
		finished += result.finished;
		steps += result.steps;
		restarts += result.restarts;
	}
	unsigned missing = print_coverage();
	print_reasons();
	printf("runs %" PRIu64 ", first seed %" PRIu64 ": jobs %" PRIu64 ", finished %" PRIu64
	       ", steps %" PRIu64 ", restarts %" PRIu64 "\n",
	       runs, first, jobs, finished, steps, restarts);
	/* Runs in which nothing finishes would prove nothing. */
	return finished < runs || (runs >= RUNS_FOR_COVERAGE && missing > 0) ? 1 : 0;
}
