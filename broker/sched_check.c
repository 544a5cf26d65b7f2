/* sched_check.c - the scheduler's invariants, for the tests. */
#include <stdarg.h>
#include <stdio.h>

#include "broker/sched_internal.h"

static bool __attribute__((format(printf, 2, 3)))
broken(char text[SCHED_TEXT_BYTES], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, SCHED_TEXT_BYTES, format, args);
	va_end(args);
	return false;
}

static bool check_job(const struct job *job, char text[SCHED_TEXT_BYTES])
{
	unsigned long long id = job->id;
	uint64_t open_segments = 0;
	uint32_t running = 0, waiting = 0, listed = 0;
	for (const struct tile *tile = job->tiles; tile != NULL; tile = tile->hh.next) {
		open_segments += tile->count;
		running += tile->holder != NULL;
		waiting += tile->holder == NULL;
		if (tile->id >= job->next_tile || tile->first + tile->count > job->next_segment)
			return broken(text, "job %llu: tile %u was never cut", id, tile->id);
	}
	for (const struct tile *tile = job->waiting; tile != NULL; tile = tile->next)
		listed++;
	if (waiting != listed)
		return broken(text, "job %llu: %u tiles wait, %u are listed", id, waiting, listed);
	if (running != job->tiles_running)
		return broken(text, "job %llu: %u tiles run, %u are counted", id, running,
			      job->tiles_running);
	if (job->segments_done + open_segments != job->next_segment)
		return broken(text, "job %llu: %u segments done and %llu open of %u cut", id,
			      job->segments_done, (unsigned long long)open_segments,
			      job->next_segment);
	if (job->state == JOB_FINISHED && job->pixels_done != job->pixels)
		return broken(text, "job %llu: finished with %llu of %llu pixels", id,
			      (unsigned long long)job->pixels_done,
			      (unsigned long long)job->pixels);
	return true;
}

static bool check_worker(const struct sched *s, const struct worker *w, char text[SCHED_TEXT_BYTES])
{
	unsigned long long session = w->session;
	uint32_t held = 0, by_job = 0;
	for (const struct tile *tile = w->tiles; tile != NULL; tile = tile->next) {
		held++;
		if (tile->holder != w)
			return broken(text, "worker %llu: lists a tile it does not hold", session);
	}
	for (uint32_t i = 0; i < LIMIT_JOBS; i++) {
		by_job += w->jobs[i].holds;
		if (!s->slot_used[i] && (w->jobs[i].knows || w->jobs[i].strikes > 0))
			return broken(text, "worker %llu: remembers a job that is gone", session);
	}
	if (held != w->held || by_job != held)
		return broken(text, "worker %llu: holds %u tiles, %u counted, %u by job", session,
			      held, w->held, by_job);
	if (w->is_ready != (w->held < w->credit && !w->is_draining))
		return broken(text, "worker %llu: ready is %d with %u of %u tiles", session,
			      w->is_ready, w->held, w->credit);
	return true;
}

bool sched_check(const struct sched *s, char text[SCHED_TEXT_BYTES])
{
	uint64_t bytes = 0;
	uint32_t threads = 0, owned = 0, has_work = 0;
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		if (!check_job(job, text))
			return false;
		bytes += job->plan.image_bytes;
		has_work += job_has_work(job);
	}
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next) {
		if (!check_worker(s, w, text))
			return false;
		threads += w->info.threads;
		for (const struct job *job = s->jobs; w->is_ready && job != NULL;
		     job = job->hh.next)
			if (job_has_work_for(s, job, w))
				return broken(text,
					      "worker %llu: has credit while job %llu has work",
					      (unsigned long long)w->session,
					      (unsigned long long)job->id);
	}
	for (const struct client *c = s->clients; c != NULL; c = c->hh.next)
		owned += c->jobs;
	if (owned != HASH_COUNT(s->jobs))
		return broken(text, "clients own %u jobs of %u", owned, HASH_COUNT(s->jobs));
	if (bytes != s->image_bytes)
		return broken(text, "images take %llu bytes, %llu counted",
			      (unsigned long long)bytes, (unsigned long long)s->image_bytes);
	if (threads != s->threads)
		return broken(text, "workers have %u threads, %u counted", threads, s->threads);
	bool is_idle = s->workers == NULL && s->jobs == NULL;
	if (!is_idle && s->next_tick_ms == SCHED_NEVER)
		return broken(text, "nobody will ever tick, %u jobs have work", has_work);
	return true;
}
