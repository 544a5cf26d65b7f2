/*
 * sched_room.c - whether there is room for one more job, and what makes some where there is none.
 */
#include <stdio.h>

#include "broker/sched_internal.h"

#define HINT_BYTES 128

/* Ends the sentence of a refusal: jobs that wait for somebody to take or retry them hold their
 * place and their memory. client: of that one alone; NULL: of all. */
static void hint_make(const struct sched *s, const struct client *client, char hint[HINT_BYTES])
{
	uint32_t jobs = 0;
	uint64_t bytes = 0;
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		if (!job->is_kept || !job_has_stopped(job) ||
		    (client != NULL && job->client != client))
			continue;
		jobs++;
		bytes += job->plan.image_bytes;
	}
	if (jobs == 0)
		(void)snprintf(hint, HINT_BYTES, ": try later");
	else
		(void)snprintf(hint, HINT_BYTES,
			       "; %u finished or failed job%s kept (%llu bytes): release or cancel "
			       "%s, or try later",
			       jobs, jobs == 1 ? " is" : "s are", (unsigned long long)bytes,
			       jobs == 1 ? "it" : "them");
}

enum brot_err sched_check_room(const struct sched *s, const char *client_name, uint32_t owner_jobs,
			       const struct plan *plan, struct brot_error *err)
{
	uint64_t bytes = plan->image_bytes, limit = s->limits.image_bytes;
	uint64_t left = limit > s->image_bytes ? limit - s->image_bytes : 0;
	const struct client *client = client_find(s, client_name);
	char hint[HINT_BYTES];
	if (bytes > limit)
		return error_set(err, BROT_E_NO_SPACE,
				 "size: the image needs %llu bytes, but the broker's images may "
				 "take at most %llu",
				 (unsigned long long)bytes, (unsigned long long)limit);
	hint_make(s, NULL, hint);
	if (bytes > left)
		return error_set(err, BROT_E_BUSY,
				 "size: the image needs %llu bytes, but other jobs have left "
				 "%llu%s",
				 (unsigned long long)bytes, (unsigned long long)left, hint);
	if (HASH_COUNT(s->jobs) >= s->limits.jobs)
		return error_set(err, BROT_E_BUSY, "jobs: the broker holds at most %u%s",
				 s->limits.jobs, hint);
	if (owner_jobs >= s->limits.jobs_per_client)
		return error_set(err, BROT_E_BUSY,
				 "jobs: who is no admin may have at most %u, by all its clients' "
				 "names together: release or cancel some, or try later",
				 s->limits.jobs_per_client);
	if (client == NULL || client->jobs < s->limits.jobs_per_client)
		return BROT_OK;
	hint_make(s, client, hint);
	return error_set(err, BROT_E_BUSY, "jobs: a client may have at most %u%s",
			 s->limits.jobs_per_client, hint);
}
