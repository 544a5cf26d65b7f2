/*
 * sched_client.c - who submits, and is given a fair share; who watches, and is told.
 */
#include "broker/sched_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUND_MOST_US 1000000 /* that a client may be before the others by it */

struct client *client_find(const struct sched *s, const char *name)
{
	struct client *client;
	HASH_FIND_STR(s->clients, name, client);
	return client;
}

/* The virtual time of the one that was given least, of those with work but that one, or NULL. */
static int64_t least_virtual_us(const struct sched *s, const struct client *but)
{
	int64_t least = INT64_MAX;
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
		if (job->client != but && job->client->virtual_us < least && job_has_work(job))
			least = job->client->virtual_us;
	return least < INT64_MAX ? least : s->virtual_us;
}

void client_level(const struct sched *s, struct client *client)
{
	int64_t least = least_virtual_us(s, NULL);
	if (client->virtual_us < least)
		client->virtual_us = least;
}

void client_refund(const struct sched *s, struct client *client, int64_t elapsed_us)
{
	int64_t floor_us = least_virtual_us(s, client) - REFUND_MOST_US;
	int64_t refunded_us = client->virtual_us - elapsed_us;
	if (client->virtual_us > floor_us)
		client->virtual_us = refunded_us > floor_us ? refunded_us : floor_us;
}

struct client *client_take(struct sched *s, const char *name)
{
	struct client *client = client_find(s, name);
	if (client == NULL) {
		client = sched_alloc(sizeof *client);
		(void)snprintf(client->name, sizeof client->name, "%s", name);
		client->virtual_us = least_virtual_us(s, NULL);
		HASH_ADD_STR(s->clients, name, client);
	} else {
		client_level(s, client);
	}
	client->jobs++;
	return client;
}

void client_leave(struct sched *s, struct client *client)
{
	if (--client->jobs > 0)
		return;
	HASH_DELETE(hh, s->clients, client);
	free(client);
}

void job_watch(struct sched *s, struct job *job, uint64_t peer)
{
	job->watched_ms = s->now_ms;
	struct watcher *stalest = &job->watchers[0];
	for (uint32_t i = 0; i < job->watcher_count; i++) {
		if (job->watchers[i].peer == peer) {
			job->watchers[i].seen_ms = s->now_ms;
			return;
		}
		if (job->watchers[i].seen_ms < stalest->seen_ms)
			stalest = &job->watchers[i];
	}
	if (job->watcher_count < LIMIT_WATCHERS)
		stalest = &job->watchers[job->watcher_count++];
	*stalest = (struct watcher){peer, s->now_ms, s->now_ms};
}

void job_tell(struct sched *s, const struct job *job, enum sched_action_type type, uint64_t peer)
{
	struct sched_action *action = sched_emit(s, type, peer);
	action->job = job->id;
	if (type == ACTION_FAILED) {
		action->code = job->why.code;
		memcpy(action->text, job->why.text, sizeof action->text);
		return;
	}
	job_make_report(job, s->now_ms, &action->report);
}

void job_tell_watchers(struct sched *s, const struct job *job, enum sched_action_type type)
{
	for (uint32_t i = 0; i < job->watcher_count; i++)
		job_tell(s, job, type, job->watchers[i].peer);
}
