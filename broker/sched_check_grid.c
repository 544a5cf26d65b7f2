/* sched_check_grid.c - the invariants of grids, for the tests. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/sched_internal.h"

static bool __attribute__((format(printf, 4, 5)))
broken(const struct job *job, const struct tally *tally, char text[SCHED_TEXT_BYTES],
       const char *format, ...)
{
	va_list args;
	int head = snprintf(text, SCHED_TEXT_BYTES,
			    "job %llu grid %u: ", (unsigned long long)job->id,
			    tally != NULL ? tally->number : 0);
	va_start(args, format);
	(void)vsnprintf(text + head, SCHED_TEXT_BYTES - (size_t)head, format, args);
	va_end(args);
	return false;
}

static bool check_tiles(const struct job *job, const struct tally *tally,
			char text[SCHED_TEXT_BYTES])
{
	uint32_t leases = 0, held = 0, listed = 0;
	for (const struct tile *t = job->bands[0].tiles; t != NULL; t = t->hh.next) {
		if (t->tally != tally)
			continue;
		leases += t->lease_count;
		held += t->is_held;
		if (t->is_held == (t->lease_count > 0) || t->lease_count > 1)
			return broken(job, tally, text, "tile %u is neither leased nor held",
				      t->id);
		if (t->lease_count > 0 && t->leases[0].worker != tally->worker)
			return broken(job, tally, text, "tile %u is leased to another", t->id);
		if (t->is_rows != (tally->state == TALLY_COLLECTED) && !t->is_held)
			return broken(job, tally, text, "tile %u is leased in state %d", t->id,
				      (int)tally->state);
	}
	for (const struct tile *t = tally->held; t != NULL; t = t->next)
		listed++;
	if (leases != tally->leases || held != listed)
		return broken(job, tally, text, "%u leases, %u counted; %u held, %u listed", leases,
			      tally->leases, held, listed);
	return true;
}

static bool check_tally(const struct job *job, const struct tally *tally,
			char text[SCHED_TEXT_BYTES])
{
	bool is_listed = tally->worker == NULL;
	for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS && !is_listed; i++)
		is_listed = tally->worker->jobs[job->slot].tallies[i] == tally;
	if (tally->job != job || !is_listed)
		return broken(job, tally, text, "its worker does not have it");
	if ((tally->state == TALLY_COMMITTED) != (tally->bits != NULL))
		return broken(job, tally, text, "has bits in state %d", (int)tally->state);
	bool needs_worker = !tally->is_sum && tally->state <= TALLY_OPEN;
	if ((needs_worker && tally->worker == NULL) || (tally->is_sum && tally->worker != NULL))
		return broken(job, tally, text, "has a wrong worker in state %d",
			      (int)tally->state);
	bool must_exist = tally->state == TALLY_OFFERED || tally->state >= TALLY_COLLECTED ||
			  (tally->state == TALLY_OPEN && !tally->is_remote);
	if (must_exist && !tally->has_segment)
		return broken(job, tally, text, "has no segment in state %d", (int)tally->state);
	return check_tiles(job, tally, text);
}

/* No sample is in two committed ones, and those in any are the ones that are done. */
static bool check_bits(const struct job *job, char text[SCHED_TEXT_BYTES])
{
	uint32_t segments = job->plan.counts.segments, done = 0, sums = 0;
	uint64_t samples = 0, counted = 0;
	uint8_t *all = sched_alloc((segments + 7) / 8);
	for (const struct tally *t = job->tallies; t != NULL; t = t->next) {
		sums += t->is_sum;
		samples += t->state == TALLY_COMMITTED ? t->samples : 0;
		for (uint32_t i = 0; t->bits != NULL && i < segments; i++) {
			if ((t->bits[i / 8] >> i % 8 & 1) == 0)
				continue;
			const struct rect rect = {0, i, 1, 1};
			done += (all[i / 8] >> i % 8 & 1) == 0;
			counted += plan_rect_pixels(&job->plan, 0, &rect);
			all[i / 8] |= (uint8_t)(1u << i % 8);
		}
	}
	free(all);
	const struct band *band = &job->bands[0];
	uint32_t expected = band->phase == 0 ? band->segments_done : segments;
	if (job->state != JOB_FINISHED && band->state == BAND_OPEN && done != expected)
		return broken(job, NULL, text, "%u segments are in grids, %u are done", done,
			      expected);
	if (samples != counted)
		return broken(job, NULL, text, "%llu samples are in grids, %llu are counted",
			      (unsigned long long)counted, (unsigned long long)samples);
	if (sums > 1)
		return broken(job, NULL, text, "%u sums are made at once", sums);
	return true;
}

bool tallies_check(const struct sched *s, const struct job *job, char text[SCHED_TEXT_BYTES])
{
	uint32_t segments = 0;
	uint64_t held = 0;
	(void)s;
	if (!job_has_grids(job))
		return job->tallies == NULL || broken(job, job->tallies, text, "of another kind");
	for (const struct tally *tally = job->tallies; tally != NULL; tally = tally->next) {
		segments += tally->has_segment;
		if (!check_tally(job, tally, text))
			return false;
	}
	if (segments > job->plan.grids)
		return broken(job, NULL, text, "%u grids are there, %u may be", segments,
			      job->plan.grids);
	if (job_has_stopped(job) && job->tallies != NULL &&
	    (job->state == JOB_FINISHED || tally_largest(job) == NULL))
		return broken(job, job->tallies, text, "is there in state %d", (int)job->state);
	for (const struct tile *t = job->bands[0].tiles; t != NULL; t = t->hh.next) {
		const struct rect rect = tile_rect(t);
		held += t->is_held ? plan_rect_pixels(&job->plan, 0, &rect) : 0;
		if (t->tally == NULL && (t->lease_count > 0 || t->is_held || t->is_rows))
			return broken(job, NULL, text, "tile %u is in no grid", t->id);
	}
	if (held != job->samples_held)
		return broken(job, NULL, text, "%llu samples are held, %llu are counted",
			      (unsigned long long)held, (unsigned long long)job->samples_held);
	return check_bits(job, text);
}

/* Whether the worker could count for the job, and nothing has been done about it. */
bool tally_wants_worker(const struct sched *s, const struct job *job, const struct worker *worker)
{
	const struct band *band = &job->bands[0];
	const struct acquaintance *known = &worker->jobs[job->slot];
	if (!job_has_grids(job) || !job_is_unfinished(job) || job->is_paused ||
	    !worker_may_render(worker, job) || !band_has_work(band) ||
	    (band->next_segment >= band->segments && waiting_tile_for(s, band, worker) == NULL))
		return false;
	const struct band_acquaintance *image = &worker->bands[band->slot];
	if (!image->knows)
		return true;
	bool has_tally = false;
	for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS; i++)
		has_tally |= known->tallies[i] != NULL;
	return image->has_answered && !has_tally && !tallies_are_crowded(job);
}

/* Whether something is under way for it that has not been waited for too long. */
bool worker_awaits_grid(const struct sched *s, const struct worker *worker)
{
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		const struct acquaintance *known = &worker->jobs[job->slot];
		const struct band_acquaintance *image = &worker->bands[job->bands[0].slot];
		if (!job_has_grids(job))
			continue;
		if (image->knows && !image->has_answered &&
		    s->now_ms - known->told_ms < s->limits.lease_ms)
			return true;
		for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS; i++)
			if (known->tallies[i] != NULL && known->tallies[i]->state < TALLY_OPEN &&
			    !tally_is_stuck(known->tallies[i]))
				return true;
	}
	return false;
}
