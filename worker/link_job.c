/* link_job.c - the jobs of a connection, and their tiles on the way through the pool. */
#include <assert.h>
#include <unistd.h>

#include "proto/sys/log.h"
#include "worker/link_internal.h"

static struct job *job_find(struct link *link, uint64_t handle)
{
	struct job *job = link->jobs;
	while (job != NULL && job->handle != handle)
		job = job->next;
	return job;
}

/* Frees the closed jobs that no thread works on. */
static void jobs_reap(struct link *link)
{
	struct job **at = &link->jobs;
	while (*at != NULL) {
		struct job *job = *at;
		if (job->is_closed && job->tiles == 0) {
			*at = job->next;
			job_free(job);
		} else {
			at = &job->next;
		}
	}
}

/* Half of what the host has. */
static uint64_t memory_bytes(void)
{
	const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 2 : 0;
}

void link_job_open(struct link *link, const struct session_action *action,
		   const struct message *message)
{
	struct session_event event = {.type = SESSION_ON_OPENED};
	const struct job_setup setup = {
		.handle = action->handle,
		.kernel = link->config->choice->kernel,
		.use_shm = link->config->use_shm,
		.others = link->jobs,
		.memory_bytes = memory_bytes(),
	};
	struct job *job = job_open(message, &setup, &event.opened);
	if (job != NULL) {
		job->next = link->jobs;
		link->jobs = job;
	}
	log_line(LOG_LEVEL_INFO, "job opened job=%llu mapped=%d reason=\"%s\"",
		 (unsigned long long)action->job, event.opened.is_mapped, event.opened.error.text);
	link_step(link, &event, NULL);
}

void link_jobs_close(struct link *link, uint64_t handle)
{
	for (struct job *job = link->jobs; job != NULL; job = job->next)
		if (handle == 0 || job->handle == handle)
			job->is_closed = true;
	if (handle == 0)
		pool_cancel_all(link->pool);
	else
		pool_cancel(link->pool, handle);
	jobs_reap(link);
}

void link_tile_start(struct link *link, const struct session_action *action)
{
	struct job *job = job_find(link, action->handle);
	struct pool_tile tile = {
		.handle = action->handle,
		.job = action->job,
		.phase = action->phase,
		.tile = action->tile,
		.attempt = action->attempt,
		.rect = action->rect,
	};
	if (job != NULL) {
		tile.render = &job->render;
		tile.layout = &job->layout;
		tile.memory = job->shm.memory;
		tile.top_px = job->top_px;
		tile.is_mirrored = job->kind == JOB_MIRROR;
		tile.counts = job->counts;
		tile.is_rows = job->kind == JOB_COLLECT && action->phase == 1;
		if (pool_submit(link->pool, &tile)) {
			job->tiles++;
			return;
		}
	}
	struct session_event event = {.type = SESSION_ON_TILE_ENDED};
	event.ended = (struct session_ended){.handle = action->handle,
					     .phase = action->phase,
					     .tile = action->tile,
					     .attempt = action->attempt};
	(void)error_set(&event.ended.error, BROT_E_SYSTEM, "tile: no memory to queue it");
	link_step(link, &event, NULL);
}

void link_tile_revoke(struct link *link, const struct session_action *action)
{
	log_line(LOG_LEVEL_DEBUG, "tile revoked job=%llu tile=%u attempt=%u",
		 (unsigned long long)action->job, action->tile, action->attempt);
	pool_cancel_tile(link->pool, action->handle, action->phase, action->tile, action->attempt);
}

void link_results_take(struct link *link)
{
	struct pool_result result;
	while (!link->is_over && pool_take(link->pool, &result)) {
		struct session_event event = {.type = SESSION_ON_TILE_ENDED};
		event.ended = (struct session_ended){
			.handle = result.tile.handle,
			.phase = result.tile.phase,
			.tile = result.tile.tile,
			.attempt = result.tile.attempt,
			.error = result.error,
			.digest = result.digest,
			.iterations = result.iterations,
			.elapsed_us = result.elapsed_us,
			.codec = result.codec,
			.data = {result.data, result.data != NULL ? result.data_bytes : 0},
		};
		struct job *job = job_find(link, result.tile.handle);
		assert(job != NULL && job->tiles > 0);
		job->tiles--;
		link_step(link, &event, NULL);
		pool_result_done(&result);
		jobs_reap(link);
	}
}

void link_jobs_free(struct link *link)
{
	for (struct job *job = link->jobs; job != NULL; job = job->next) {
		job->is_closed = true;
		job->tiles = 0;
	}
	jobs_reap(link);
}
