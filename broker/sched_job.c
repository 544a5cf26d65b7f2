/*
 * sched_job.c - the life of a job: submitted, watched, finished, failed, released.
 */
#include "broker/sched_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct job *job_find(const struct sched *s, uint64_t id)
{
	struct job *job;
	HASH_FIND(hh, s->jobs, &id, sizeof id, job);
	return job;
}

void job_make_report(const struct job *job, int64_t now_ms, struct job_report *ret_report)
{
	bool is_finished = job->state == JOB_FINISHED;
	*ret_report = (struct job_report){
		.job = job->id,
		.state = job->state,
		.pixels = job->pixels,
		.pixels_done = job->pixels_done,
		.tiles_done = job->tiles_done,
		.tiles_running = job->tiles_running,
		.retries = job->retries,
		.workers = is_finished ? job->workers_ever : job->workers_now,
		.iterations = job->iterations,
		.elapsed_ms = (is_finished ? job->finished_ms : now_ms) - job->accepted_ms,
	};
}

static struct client *client_of_peer(struct sched *s, uint64_t peer)
{
	struct client *client;
	HASH_FIND(hh, s->clients, &peer, sizeof peer, client);
	return client;
}

/* A client that had nothing to do starts level with those that have, not with its old credit. */
static struct client *client_for_submit(struct sched *s, uint64_t peer)
{
	int64_t level = INT64_MAX;
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
		if (job_has_work(job) && job->client->virtual_us < level)
			level = job->client->virtual_us;
	if (level == INT64_MAX)
		level = s->virtual_us;

	struct client *client = client_of_peer(s, peer);
	if (client == NULL) {
		client = sched_alloc(sizeof *client);
		client->peer = peer;
		client->virtual_us = level;
		HASH_ADD(hh, s->clients, peer, sizeof client->peer, client);
	} else if (client->virtual_us < level) {
		client->virtual_us = level;
	}
	return client;
}

static void watch(struct sched *s, struct job *job, uint64_t peer)
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
	*stalest = (struct watcher){peer, s->now_ms};
}

static void tell(struct sched *s, const struct job *job, enum sched_action_type type, uint64_t peer)
{
	struct sched_action *action = sched_emit(s, type, peer);
	action->job = job->id;
	job_make_report(job, s->now_ms, &action->report);
}

static void tell_watchers(struct sched *s, const struct job *job, enum sched_action_type type)
{
	for (uint32_t i = 0; i < job->watcher_count; i++)
		tell(s, job, type, job->watchers[i].peer);
}

/* Lets the workers that know the job forget it: their tiles of it are void. */
static void forget_at_workers(struct sched *s, const struct job *job)
{
	for (struct worker *w = s->workers; w != NULL; w = w->hh.next) {
		struct acquaintance *known = &w->jobs[job->slot];
		if (known->knows) {
			struct sched_action *action = sched_emit(s, ACTION_CANCEL, w->peer);
			action->session = w->session;
			action->job = job->id;
		}
		assert(known->holds == 0);
		*known = (struct acquaintance){0};
	}
}

/* The end of a job's record, image included. */
static void job_end(struct sched *s, struct job *job)
{
	tile_drop_all(s, job);
	forget_at_workers(s, job);
	if (job->state != JOB_CREATING)
		sched_emit(s, ACTION_DROP_IMAGE, 0)->job = job->id;
	s->image_bytes -= job->plan.image_bytes;
	s->slot_used[job->slot] = false;
	HASH_DELETE(hh, s->jobs, job);
	HASH_DELETE(hh_key, s->jobs_by_key, job);
	if (--job->client->jobs == 0) {
		HASH_DELETE(hh, s->clients, job->client);
		free(job->client);
	}
	free(job);
}

void job_fail(struct sched *s, struct job *job, enum brot_err code, const char *text)
{
	struct brot_error why;
	error_set(&why, code, "%s", text);
	for (uint32_t i = 0; i < job->watcher_count; i++) {
		struct sched_action *action = sched_emit(s, ACTION_FAILED, job->watchers[i].peer);
		action->job = job->id;
		action->code = code;
		memcpy(action->text, why.text, sizeof action->text);
	}
	sched_note(s, "job ended job=%llu error=%s tiles_done=%u retries=%u reason=\"%s\"",
		   (unsigned long long)job->id, brot_err_name(code), job->tiles_done, job->retries,
		   why.text);
	job_end(s, job);
}

void job_advance(struct sched *s, struct job *job)
{
	if (job->segments_done < segment_count(&job->plan.phases[job->phase].grid))
		return;
	assert(job->tiles == NULL && job->waiting == NULL);
	if (++job->phase < job->plan.phase_count) {
		job->next_tile = job->next_segment = job->segments_done = 0;
		job->segment_us = 0;
		return;
	}
	job->phase--; /* reports and late results still ask for it */
	job->state = JOB_FINISHED;
	job->finished_ms = s->now_ms;
	s->jobs_done++;
	tell_watchers(s, job, ACTION_FINISHED);
	forget_at_workers(s, job);
	sched_note(s,
		   "job finished job=%llu pixels=%llu tiles=%u retries=%u iterations=%llu "
		   "elapsed_ms=%lld",
		   (unsigned long long)job->id, (unsigned long long)job->pixels, job->tiles_done,
		   job->retries, (unsigned long long)job->iterations,
		   (long long)(job->finished_ms - job->accepted_ms));
}

/* Refuses a new job that passes a limit. */
static bool is_over_limits(struct sched *s, const struct sched_event *event)
{
	uint64_t bytes = event->submit.plan->image_bytes;
	const struct client *client = client_of_peer(s, event->peer);
	if (bytes > s->limits.image_bytes)
		sched_refuse(s, event->peer, 0, BROT_E_NO_SPACE,
			     "size: the image needs %llu bytes, but the broker's images may take "
			     "at most %llu",
			     (unsigned long long)bytes, (unsigned long long)s->limits.image_bytes);
	else if (bytes > s->limits.image_bytes - s->image_bytes)
		sched_refuse(s, event->peer, 0, BROT_E_BUSY,
			     "size: the image needs %llu bytes, but other jobs have left %llu: "
			     "try later",
			     (unsigned long long)bytes,
			     (unsigned long long)(s->limits.image_bytes - s->image_bytes));
	else if (HASH_COUNT(s->jobs) >= s->limits.jobs)
		sched_refuse(s, event->peer, 0, BROT_E_BUSY,
			     "jobs: the broker holds at most %u: try later", s->limits.jobs);
	else if (client != NULL && client->jobs >= s->limits.jobs_per_client)
		sched_refuse(s, event->peer, 0, BROT_E_BUSY,
			     "jobs: a client may have at most %u: try later",
			     s->limits.jobs_per_client);
	else
		return false;
	return true;
}

static void submit(struct sched *s, const struct sched_event *event)
{
	struct job *job;
	HASH_FIND(hh_key, s->jobs_by_key, event->submit.key, SCHED_KEY_BYTES, job);
	if (job != NULL) {
		watch(s, job, event->peer);
		tell(s, job, ACTION_ACCEPTED, event->peer);
		return;
	}
	if (is_over_limits(s, event))
		return;
	struct client *client = client_for_submit(s, event->peer);
	job = sched_alloc(sizeof *job);
	job->id = event->submit.job;
	memcpy(job->key, event->submit.key, sizeof job->key);
	while (s->slot_used[job->slot])
		job->slot++;
	s->slot_used[job->slot] = true;
	job->client = client;
	client->jobs++;
	job->plan = *event->submit.plan;
	for (uint32_t p = 0; p < job->plan.phase_count; p++) {
		const struct segment_grid *grid = &job->plan.phases[p].grid;
		const struct rect whole = {0, 0, grid->width_px, grid->height_px};
		job->pixels += plan_rect_pixels(&job->plan, p, &whole);
	}
	job->last_count = 1;
	job->accepted_ms = job->progress_ms = s->now_ms;
	s->image_bytes += job->plan.image_bytes;
	HASH_ADD(hh, s->jobs, id, sizeof job->id, job);
	HASH_ADD(hh_key, s->jobs_by_key, key, SCHED_KEY_BYTES, job);
	watch(s, job, event->peer);
	sched_emit(s, ACTION_CREATE_IMAGE, event->peer)->job = job->id;
}

static void image_result(struct sched *s, const struct sched_event *event)
{
	struct job *job = job_find(s, event->job);
	assert(job != NULL && job->state == JOB_CREATING);
	uint64_t peer = job->watchers[0].peer;
	if (event->type == EVENT_IMAGE_FAILED) {
		sched_refuse(s, peer, job->id, event->code, "%s", event->text);
		job_end(s, job);
		return;
	}
	job->state = JOB_QUEUED;
	tell(s, job, ACTION_ACCEPTED, peer);
	sched_note(s, "job accepted job=%llu size=%ux%u work=%llu image_bytes=%llu",
		   (unsigned long long)job->id, job->plan.layout.grid.width_px,
		   job->plan.layout.grid.height_px,
		   (unsigned long long)job->plan.phases[0].pixel_work,
		   (unsigned long long)job->plan.image_bytes);
}

/* The end of a job that nobody wants any more; a finished one has nothing left to fail. */
static void job_drop(struct sched *s, struct job *job, const char *why)
{
	if (job->state == JOB_FINISHED)
		job_end(s, job);
	else
		job_fail(s, job, BROT_E_CANCELLED, why);
}

/* Whether there are workers, and all are kept off the job. */
static bool is_deserted(const struct sched *s, const struct job *job)
{
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		if (worker_may_render(w, job))
			return false;
	return s->workers != NULL && job_has_work(job);
}

static void client_verb(struct sched *s, struct job *job, const struct sched_event *event)
{
	if (event->type == EVENT_WATCH) {
		watch(s, job, event->peer);
		bool is_finished = job->state == JOB_FINISHED;
		tell(s, job, is_finished ? ACTION_FINISHED : ACTION_PROGRESS, event->peer);
	} else if (event->type == EVENT_CANCEL_JOB) {
		sched_emit(s, ACTION_CANCELLED, event->peer)->job = job->id;
		job_drop(s, job, "the job was cancelled");
	} else if (job->state == JOB_FINISHED) {
		job_end(s, job);
	} else {
		sched_refuse(s, event->peer, job->id, BROT_E_REQUEST,
			     "job: %llu must be finished to be released",
			     (unsigned long long)job->id);
	}
}

void job_event(struct sched *s, const struct sched_event *event)
{
	if (event->type == EVENT_SUBMIT) {
		submit(s, event);
		return;
	}
	if (event->type == EVENT_IMAGE_READY || event->type == EVENT_IMAGE_FAILED) {
		image_result(s, event);
		return;
	}
	struct job *job = job_find(s, event->job);
	if (job != NULL && job->state != JOB_CREATING) {
		client_verb(s, job, event);
	} else if (event->type == EVENT_WATCH) {
		struct sched_action *action = sched_emit(s, ACTION_FAILED, event->peer);
		action->job = event->job;
		action->code = BROT_E_NOT_FOUND;
		strcpy(action->text, "job: is not known to this broker");
	} else {
		sched_refuse(s, event->peer, event->job, BROT_E_NOT_FOUND,
			     "job: %llu is not known to this broker",
			     (unsigned long long)event->job);
	}
}

void job_tick(struct sched *s)
{
	struct job *job, *next;
	HASH_ITER(hh, s->jobs, job, next)
	{
		if (s->now_ms - job->watched_ms >= s->limits.lost_ms) {
			job_drop(s, job, "no client has watched the job");
			continue;
		}
		if (is_deserted(s, job)) {
			job_fail(s, job, BROT_E_FAILED,
				 "every worker failed its tiles three times");
			continue;
		}
		bool is_due = s->now_ms - job->progress_ms >= s->limits.progress_ms;
		if (is_due && job->state != JOB_FINISHED) {
			job->progress_ms = s->now_ms;
			tell_watchers(s, job, ACTION_PROGRESS);
		}
	}
}
