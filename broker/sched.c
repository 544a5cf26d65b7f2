/*
 * sched.c - takes the scheduler's events apart and hands them to jobs and workers.
 *
 * After every event tile_dispatch() gives waiting work to workers with credit, so no rule has to
 * remember to do so.
 */
#include "broker/sched_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250

#ifdef SCHED_PLANT
enum sched_plant sched_planted;
#endif

void *sched_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes);
	if (memory == NULL)
		abort();
	return memory;
}

struct sched_action *sched_emit(struct sched *s, enum sched_action_type type, uint64_t peer)
{
	struct sched_actions *out = s->out;
	if (out->count == out->capacity) {
		out->capacity = out->capacity > 0 ? 2 * out->capacity : 16;
		out->items = realloc(out->items, out->capacity * sizeof out->items[0]);
		if (out->items == NULL)
			abort();
	}
	struct sched_action *action = &out->items[out->count++];
	*action = (struct sched_action){.type = type, .peer = peer};
	return action;
}

void sched_note(struct sched *s, const char *format, ...)
{
	struct sched_action *action = sched_emit(s, ACTION_NOTE, 0);
	va_list args;
	va_start(args, format);
	(void)vsnprintf(action->text, sizeof action->text, format, args);
	va_end(args);
}

void sched_refuse(struct sched *s, uint64_t peer, uint64_t job, enum brot_err code,
		  const char *format, ...)
{
	struct sched_action *action = sched_emit(s, ACTION_REFUSE, peer);
	action->code = code;
	action->job = job;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(action->text, sizeof action->text, format, args);
	va_end(args);
}

const char *sched_state_name(enum job_state state)
{
	static const char *const names[] = {
		[JOB_CREATING] = "creating", [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",
		[JOB_FINISHED] = "finished", [JOB_FAILED] = "failed",
	};
	return names[state];
}

const char *sched_end_name(enum job_end end)
{
	static const char *const names[JOB_END_COUNT] = {
		[JOB_END_RELEASED] = "released",   [JOB_END_FAILED] = "failed",
		[JOB_END_CANCELLED] = "cancelled", [JOB_END_ABANDONED] = "abandoned",
		[JOB_END_EXPIRED] = "expired",
	};
	return names[end];
}

void sched_actions_done(struct sched_actions *actions)
{
	free(actions->items);
	*actions = (struct sched_actions){0};
}

struct sched_limits sched_limits_default(uint64_t image_bytes)
{
	return (struct sched_limits){
		.image_bytes = image_bytes,
		.jobs = LIMIT_JOBS,
		.jobs_per_client = LIMIT_JOBS_PER_CLIENT,
		.workers = LIMIT_WORKERS,
		.beat_ms = 2000,
		.lost_ms = 10000,
		.progress_ms = 500,
		.lease_ms = 30000,
		.tile_target_ms = 150,
		.grid_ms = 30000,
		.sum_bytes = 1 << 20,
		.rows_bytes = LIMIT_DATA_BYTES,
		.retention_ms = 7 * 86400000ll,
	};
}

struct sched *sched_new(const struct sched_limits *limits)
{
	assert(limits->jobs <= LIMIT_JOBS);
	struct sched *s = sched_alloc(sizeof *s);
	s->limits = *limits;
	s->next_tick_ms = s->ask_ms = SCHED_NEVER;
	return s;
}

void sched_set_limits(struct sched *s, const struct sched_limits *limits)
{
	s->limits.image_bytes = limits->image_bytes;
	s->limits.retention_ms = limits->retention_ms;
}

/* With a store the jobs go on in the next life, from what it has of them. */
static void stop(struct sched *s)
{
	s->is_stopping = true;
	struct job *job, *next_job;
	HASH_ITER(hh, s->jobs, job, next_job)
	if (!s->limits.is_durable)
		job_drop(s, job, JOB_END_FAILED, BROT_E_UNAVAILABLE, "the broker is stopping");
	else if (job->has_moved)
		job_record(s, job);
	struct worker *worker, *next_worker;
	HASH_ITER(hh, s->workers, worker, next_worker)
	worker_end(s, worker, "the broker is stopping");
}

void sched_free(struct sched *s)
{
	if (s == NULL)
		return;
	struct sched_actions ignored = {0};
	s->out = &ignored;
	s->limits.is_durable = false;
	stop(s);
	sched_actions_done(&ignored);
	free(s->commit_bits);
	free(s);
}

static void dispatch_event(struct sched *s, const struct sched_event *event)
{
	switch (event->type) {
	case EVENT_TICK:
		worker_tick(s);
		job_tick(s);
		break;
	case EVENT_STOP:
		stop(s);
		break;
	case EVENT_SUBMIT:
		job_submit(s, event);
		break;
	case EVENT_IMAGE_READY:
	case EVENT_IMAGE_FAILED:
		job_image_result(s, event);
		break;
	case EVENT_COMMITTED:
	case EVENT_SUMMED:
		sum_event(s, event);
		break;
	case EVENT_RESTORE:
		restore_event(s, event);
		break;
	case EVENT_WATCH:
	case EVENT_ATTACH:
	case EVENT_CANCEL_JOB:
	case EVENT_RELEASE:
	case EVENT_PAUSE:
	case EVENT_RESUME:
	case EVENT_RETRY:
	case EVENT_PRIORITY:
		verb_event(s, event);
		break;
	case EVENT_DRAIN_WORKER:
		worker_drain(s, event);
		break;
	case EVENT_UNREACHABLE:
	case EVENT_HELLO:
	case EVENT_CREDIT:
	case EVENT_MAPPED:
	case EVENT_DONE:
	case EVENT_FAIL:
	case EVENT_BEAT:
	case EVENT_BYE:
	case EVENT_GONE:
		worker_event(s, event);
		break;
	case EVENT_TYPE_COUNT:
		assert(false);
	}
}

void sched_step(struct sched *s, const struct sched_event *event, struct sched_actions *out)
{
	assert(event->now_ms >= s->now_ms);
	s->now_ms = event->now_ms;
	s->out = out;
	dispatch_event(s, event);
	tallies_turn(s, event->type == EVENT_TICK);
	tile_dispatch(s);
	tallies_turn(s, false); /* what has just been leased may be the last */
	if (event->type == EVENT_TICK)
		copy_dispatch(s);
	band_ask_images(s);
	sum_ask_commit(s);
	sum_ask_rows(s);
	s->out = NULL;

	bool is_idle = s->workers == NULL && s->jobs == NULL;
	if (is_idle)
		s->next_tick_ms = SCHED_NEVER;
	else if (event->type == EVENT_TICK || s->next_tick_ms == SCHED_NEVER)
		s->next_tick_ms = s->now_ms + TICK_MS;
}

int64_t sched_deadline_ms(const struct sched *s)
{
	return s->next_tick_ms;
}

bool sched_band_is_complete(const struct sched *s, uint64_t work)
{
	const struct band *band = band_of_work(s, work);
	return band != NULL && band->state == BAND_COMPLETE;
}

bool sched_job_report(const struct sched *s, uint64_t id, int64_t now_ms,
		      struct job_report *ret_report)
{
	const struct job *job = job_find(s, id);
	if (job == NULL)
		return false;
	job_make_report(job, now_ms, ret_report);
	return true;
}

uint64_t sched_preview(const struct sched *s, uint64_t id)
{
	const struct job *job = job_find(s, id);
	const struct tally *tally = job != NULL ? tally_largest(job) : NULL;
	return tally != NULL ? tally_work(tally) : 0;
}

const struct brot_error *sched_job_why(const struct sched *s, uint64_t id)
{
	const struct job *job = job_find(s, id);
	return job != NULL && job->state == JOB_FAILED ? &job->why : NULL;
}

void sched_each_job(const struct sched *s, int64_t now_ms,
		    void (*fn)(const struct job_report *report, void *context), void *context)
{
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		struct job_report report;
		job_make_report(job, now_ms, &report);
		fn(&report, context);
	}
}

void sched_each_worker(const struct sched *s, int64_t now_ms,
		       void (*fn)(const struct worker_report *report, void *context), void *context)
{
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next) {
		struct worker_report report = {
			.session = w->session,
			.info = &w->info,
			.credit = w->credit,
			.tiles_held = w->held,
			.tiles_done = w->tiles_done,
			.failures = w->failures,
			.iterations = w->iterations,
			.is_local = w->is_local,
			.is_draining = w->is_draining,
			.connected_ms = now_ms - w->connected_ms,
			.silent_ms = now_ms - w->heard_ms,
		};
		fn(&report, context);
	}
}

void sched_totals(const struct sched *s, struct sched_totals *ret_totals)
{
	struct sched_totals totals = {
		.workers = HASH_COUNT(s->workers),
		.clients = HASH_COUNT(s->clients),
		.jobs_done = s->jobs_done,
		.tiles_done = s->tiles_done,
		.iterations = s->iterations,
		.image_bytes = s->image_bytes,
	};
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		bool is_paused = job->is_paused && job_is_unfinished(job);
		bool is_queued = job->state == JOB_CREATING || job->state == JOB_QUEUED;
		totals.jobs_paused += is_paused;
		totals.jobs_queued += is_queued && !is_paused;
		totals.jobs_running += job->state == JOB_RUNNING && !is_paused;
		totals.jobs_finished += job->state == JOB_FINISHED;
		totals.jobs_failed += job->state == JOB_FAILED;
	}
	*ret_totals = totals;
}
