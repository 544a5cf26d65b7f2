/*
 * sched_job.c - the life of a job: submitted, recorded, finished, failed, ended.
 */
#include "broker/sched_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_MS 1000 /* between two records of nothing but counters */

struct job *job_find(const struct sched *s, uint64_t id)
{
	struct job *job;
	HASH_FIND(hh, s->jobs, &id, sizeof id, job);
	return job;
}

struct job *job_of_key(const struct sched *s, const uint8_t key[SCHED_KEY_BYTES])
{
	struct job *job;
	HASH_FIND(hh_key, s->jobs_by_key, key, SCHED_KEY_BYTES, job);
	return job;
}

bool job_is_unfinished(const struct job *job)
{
	return job->state == JOB_QUEUED || job->state == JOB_RUNNING;
}

bool job_has_stopped(const struct job *job)
{
	return job->state == JOB_FINISHED || job->state == JOB_FAILED;
}

void job_make_report(const struct job *job, int64_t now_ms, struct job_report *ret_report)
{
	bool has_stopped = job_has_stopped(job);
	const struct tally *preview = tally_largest(job);
	int64_t since_ms;
	*ret_report = (struct job_report){
		.job = job->id,
		.state = job->state,
		.is_paused = job->is_paused,
		.is_kept = job->is_kept,
		.is_unread = job_is_unfinished(job) && job_waits_for_reader(job, &since_ms),
		.priority = job->priority,
		.bands = job->plan.band_count,
		.bands_released = job_is_banded(job) ? job_bands_released(job) : 0,
		.pixels = job->pixels,
		.pixels_done = job->pixels_done,
		.tiles_done = job->tiles_done,
		.tiles_running = job->tiles_running,
		.retries = job->retries,
		.has_preview = job_has_grids(job) && job->state != JOB_FINISHED,
		.previewed = preview != NULL ? preview->samples : 0,
		.held = job->samples_held,
		.waits = has_stopped ? BROT_OK : job->no_room.code,
		.workers = has_stopped ? job->workers_ever : job->workers_now,
		.iterations = job->iterations,
		.worker_us = job->worker_us,
		.elapsed_ms = (has_stopped ? job->finished_ms : now_ms) - job->accepted_ms,
		.code = job->state == JOB_FAILED ? job->why.code : BROT_OK,
	};
	memcpy(ret_report->client, job->client->name, sizeof ret_report->client);
}

static uint64_t plan_pixels(const struct plan *plan)
{
	uint64_t pixels = 0;
	for (uint32_t p = 0; p < plan->phase_count; p++) {
		struct rect whole = {0, 0, plan->phases[p].grid.width_px,
				     plan->phases[p].grid.height_px};
		if (plan->band_count > 1)
			whole.h = plan->height_px;
		pixels += plan_rect_pixels(plan, p, &whole);
	}
	return pixels;
}

struct job *job_add(struct sched *s, uint64_t id, const uint8_t key[SCHED_KEY_BYTES],
		    const char *client, const struct plan *plan)
{
	uint32_t slot = 0;
	while (slot < LIMIT_JOBS && s->slot_used[slot])
		slot++;
	if (slot == LIMIT_JOBS)
		return NULL;
	s->slot_used[slot] = true;
	struct job *job = sched_alloc(sizeof *job);
	job->id = id;
	job->slot = slot;
	memcpy(job->key, key, sizeof job->key);
	job->client = client_take(s, client != NULL ? client : "");
	job->plan = *plan;
	job->pixels = plan_pixels(plan);
	job->last_count = 1;
	job->accepted_ms = job->progress_ms = job->record_ms = job->watched_ms = s->now_ms;
	job->reader_ms = INT64_MIN;
	s->image_bytes += plan->image_bytes;
	s->counted_jobs += job_has_grids(job);
	HASH_ADD(hh, s->jobs, id, sizeof job->id, job);
	HASH_ADD(hh_key, s->jobs_by_key, key, SCHED_KEY_BYTES, job);
	return job;
}

/* What the store should know of the job now. */
void job_record(struct sched *s, struct job *job)
{
	struct sched_action *action = sched_emit(s, ACTION_RECORD, 0);
	action->job = job->id;
	job_make_report(job, s->now_ms, &action->report);
	action->report.workers = job->workers_ever;
	if (job->state == JOB_FAILED) {
		action->code = job->why.code;
		memcpy(action->text, job->why.text, sizeof action->text);
	}
	job->record_ms = s->now_ms;
	job->has_moved = false;
}

static void note_end(struct sched *s, const struct job *job, enum job_end end,
		     const struct brot_error *why)
{
	unsigned long long id = job->id;
	const char *error = brot_err_name(why != NULL ? why->code : BROT_OK);
	const char *text = why != NULL ? why->text : "";
	if (job->state == JOB_CREATING)
		sched_note(s, "job refused job=%llu client=\"%s\" error=%s reason=\"%s\"", id,
			   job->client->name, error, text);
	else
		sched_note(s,
			   "job ended job=%llu end=%s error=%s tiles_done=%u retries=%u "
			   "reason=\"%s\"",
			   id, sched_end_name(end), error, job->tiles_done, job->retries, text);
}

void job_end(struct sched *s, struct job *job, enum job_end end, const struct brot_error *why)
{
	tallies_drop(s, job);
	job_drop_bands(s, job);
	for (struct worker *w = s->workers; w != NULL; w = w->hh.next) {
		assert(w->jobs[job->slot].holds == 0);
		w->jobs[job->slot] = (struct acquaintance){0};
	}
	struct sched_action *action = sched_emit(s, ACTION_END, 0);
	action->job = job->id;
	action->end = end;
	job_make_report(job, s->now_ms, &action->report);
	action->report.workers = job->workers_ever;
	if (why != NULL) {
		action->code = why->code;
		memcpy(action->text, why->text, sizeof action->text);
	}
	note_end(s, job, end, why);
	s->image_bytes -= job->plan.image_bytes;
	s->counted_jobs -= job_has_grids(job);
	s->slot_used[job->slot] = false;
	HASH_DELETE(hh, s->jobs, job);
	HASH_DELETE(hh_key, s->jobs_by_key, job);
	client_leave(s, job->client);
	free(job->rendered_by);
	free(job);
}

void job_drop(struct sched *s, struct job *job, enum job_end end, enum brot_err code,
	      const char *text)
{
	error_set(&job->why, code, "%s", text);
	job_tell_watchers(s, job, ACTION_FAILED);
	struct brot_error why = job->why;
	job_end(s, job, end, &why);
}

void job_give_up_room(struct sched *s, struct job *job)
{
	if (!job_has_grids(job) || job->tallies != NULL)
		return;
	uint64_t bytes = job->plan.image_bytes - job->plan.layout.total_bytes;
	job->unroomed_bytes += bytes;
	job->plan.image_bytes -= bytes;
	s->image_bytes -= bytes;
}

bool job_take_room(struct sched *s, struct job *job)
{
	uint64_t bytes = job->unroomed_bytes, limit = s->limits.image_bytes;
	if (bytes > 0 && (s->image_bytes > limit || bytes > limit - s->image_bytes))
		return false;
	job->unroomed_bytes = 0;
	job->plan.image_bytes += bytes;
	s->image_bytes += bytes;
	return true;
}

void job_fail(struct sched *s, struct job *job, enum brot_err code, const char *text)
{
	if (!job->is_kept) {
		job_drop(s, job, JOB_END_FAILED, code, text);
		return;
	}
	error_set(&job->why, code, "%s", text);
	job->state = JOB_FAILED;
	job->finished_ms = s->now_ms;
	tallies_discard_open(s, job);
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		if (job->bands[i].state == BAND_NONE)
			continue;
		band_return_tiles(s, &job->bands[i]);
		band_forget_at_workers(s, &job->bands[i]);
	}
	job_give_up_room(s, job);
	job_record(s, job);
	job_tell_watchers(s, job, ACTION_FAILED);
	sched_note(s, "job failed job=%llu error=%s tiles_done=%u retries=%u reason=\"%s\"",
		   (unsigned long long)job->id, brot_err_name(code), job->tiles_done, job->retries,
		   job->why.text);
}

/* What it was made from is not needed any more, nor the room for that. */
void job_drop_grids(struct sched *s, struct job *job)
{
	tallies_drop(s, job);
	job_give_up_room(s, job);
}

void job_finish(struct sched *s, struct job *job)
{
	job->state = JOB_FINISHED;
	job->finished_ms = s->now_ms;
	s->jobs_done++;
	job_record(s, job);
	job_tell_watchers(s, job, ACTION_FINISHED);
	job_drop_grids(s, job);
	sched_note(s,
		   "job finished job=%llu pixels=%llu tiles=%u retries=%u iterations=%llu "
		   "elapsed_ms=%lld",
		   (unsigned long long)job->id, (unsigned long long)job->pixels, job->tiles_done,
		   job->retries, (unsigned long long)job->iterations,
		   (long long)(job->finished_ms - job->accepted_ms));
}

void job_submit(struct sched *s, const struct sched_event *event)
{
	struct job *job = job_of_key(s, event->submit.key);
	if (job != NULL) {
		if (!job->is_kept && reader_may_be(s, job, event->peer))
			job->reader = event->peer;
		job_watch(s, job, event->peer);
		if (job->state != JOB_CREATING)
			job_tell(s, job, ACTION_ACCEPTED, event->peer);
		return;
	}
	const char *client = event->submit.client != NULL ? event->submit.client : "";
	struct brot_error why;
	if (sched_check_room(s, client, event->submit.owner_jobs, event->submit.plan, &why) !=
	    BROT_OK) {
		sched_refuse(s, event->peer, 0, why.code, "%s", why.text);
		return;
	}
	job = job_find(s, event->submit.job) == NULL
		      ? job_add(s, event->submit.job, event->submit.key, client, event->submit.plan)
		      : NULL;
	if (job == NULL) {
		sched_refuse(s, event->peer, 0, BROT_E_BUSY, "jobs: no number is free: try later");
		return;
	}
	job->priority = event->submit.priority;
	job->is_kept = event->submit.is_kept;
	/* Whoever has a job kept may mean to leave it: its bands are for the first who takes one.
	 */
	if (!job->is_kept)
		job->reader = event->peer;
	job_watch(s, job, event->peer);
	job_open_bands(s, job);
}

static void accept(struct sched *s, struct job *job)
{
	job->state = JOB_QUEUED;
	job_tell_watchers(s, job, ACTION_ACCEPTED);
	sched_note(s,
		   "job accepted job=%llu client=\"%s\" priority=%d kept=%d size=%ux%u bands=%u "
		   "work=%llu image_bytes=%llu",
		   (unsigned long long)job->id, job->client->name, job->priority, job->is_kept,
		   job->plan.layout.grid.width_px, job->plan.height_px, job->plan.band_count,
		   (unsigned long long)job->plan.phases[0].pixel_work,
		   (unsigned long long)job->plan.image_bytes);
}

/* Of a new job the first image is a condition; any other is asked for again. */
void job_image_result(struct sched *s, const struct sched_event *event)
{
	if (!s->is_asking || event->work != s->asked_work)
		return;
	s->is_asking = false;
	if (work_is_grid(event->work)) {
		tally_image_result(s, event);
		return;
	}
	struct band *band = band_of_work(s, event->work);
	if (band == NULL || band->state != BAND_WANTED)
		return;
	struct job *job = band->job;
	if (event->type == EVENT_IMAGE_READY) {
		client_level(s, job->client);
		if (job->state == JOB_CREATING)
			accept(s, job);
		band_image_ready(s, band, event);
		return;
	}
	const char *text = event->text != NULL ? event->text : "";
	if (job->state == JOB_CREATING) {
		struct brot_error why;
		error_set(&why, event->code, "%s", text);
		for (uint32_t i = 0; i < job->watcher_count; i++)
			sched_refuse(s, job->watchers[i].peer, job->id, why.code, "%s", why.text);
		job_end(s, job, JOB_END_FAILED, &why);
	} else if (!band->has_failed) {
		band->has_failed = true;
		sched_note(s, "image wanted job=%llu band=%u error=%s reason=\"%s\"",
			   (unsigned long long)job->id, band->index, brot_err_name(event->code),
			   text);
	}
}

/* Whether there are workers, and all are kept off the job. */
static bool is_deserted(const struct sched *s, const struct job *job)
{
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		if (worker_may_render(w, job))
			return false;
	return s->workers != NULL && job_has_work(job);
}

static void desert(struct sched *s, struct job *job)
{
	struct brot_error why;
	bool is_known = job->last_failure.code != BROT_OK;
	error_set(&why, BROT_E_FAILED, "every worker failed its tiles three times%s%s",
		  is_known ? ", " : "", is_known ? job->last_failure.text : "");
	job_fail(s, job, why.code, why.text);
}

/* Ends a kept job that nobody has come for. */
static bool kept_expires(struct sched *s, struct job *job)
{
	bool has_stopped = job_has_stopped(job);
	int64_t since_ms = job->finished_ms;
	struct brot_error why = job->why;
	if (!has_stopped && !job_waits_for_reader(job, &since_ms))
		return false;
	bool is_wanted = s->now_ms - job->watched_ms < s->limits.lost_ms;
	if (is_wanted || s->now_ms - since_ms < s->limits.retention_ms)
		return false;
	if (!has_stopped)
		error_set(&why, BROT_E_NOT_FOUND,
			  "job: %llu had bands to be read, and its retention has ended",
			  (unsigned long long)job->id);
	job_end(s, job, JOB_END_EXPIRED, why.code != BROT_OK ? &why : NULL);
	return true;
}

/* Ends a job that nobody wants any more; a finished one has nothing left to fail. */
static bool job_expires(struct sched *s, struct job *job)
{
	if (job->is_kept)
		return kept_expires(s, job);
	if (s->now_ms - job->watched_ms < s->limits.lost_ms)
		return false;
	if (job->state == JOB_FINISHED)
		job_end(s, job, JOB_END_ABANDONED, NULL);
	else
		job_drop(s, job, JOB_END_ABANDONED, BROT_E_CANCELLED,
			 "no client has watched the job");
	return true;
}

/* The rest of a restore may have taken long, and peers cannot speak before it is over: what was
 * restored counts as watched now, and its reader as awaited from now on. */
static void first_tick(struct sched *s, struct job *job)
{
	job->awaits_tick = false;
	job->watched_ms = s->now_ms;
	if (job->reader != 0 || job->reader_ms == INT64_MIN)
		return;
	job->reader_ms = s->now_ms;
	for (uint32_t i = 0; i < job->watcher_count; i++)
		job->watchers[i].since_ms = job->watchers[i].seen_ms = s->now_ms;
}

void job_tick(struct sched *s)
{
	struct job *job, *next;
	HASH_ITER(hh, s->jobs, job, next)
	{
		if (job->awaits_tick)
			first_tick(s, job);
		if (job_expires(s, job))
			continue;
		if (is_deserted(s, job)) {
			desert(s, job);
			continue;
		}
		if (job->has_moved && s->now_ms - job->record_ms >= RECORD_MS)
			job_record(s, job);
		bool is_due = s->now_ms - job->progress_ms >= s->limits.progress_ms;
		if (is_due && !job_has_stopped(job)) {
			job->progress_ms = s->now_ms;
			job_tell_watchers(s, job, ACTION_PROGRESS);
		}
	}
}
