/* sched_check.c - the scheduler's invariants, for the tests. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

static bool worker_lists(const struct worker *worker, const struct lease *lease)
{
	for (const struct lease *listed = worker->leases; listed != NULL; listed = listed->next)
		if (listed == lease)
			return true;
	return false;
}

static bool check_leases(const struct tile *tile, char text[SCHED_TEXT_BYTES])
{
	unsigned long long work = band_work(tile->band);
	uint32_t live = 0;
	for (uint32_t i = 0; i < LIMIT_COPIES; i++) {
		const struct lease *lease = &tile->leases[i];
		if (lease->worker == NULL)
			continue;
		live++;
		if (lease->tile != tile || !worker_lists(lease->worker, lease))
			return broken(text, "work %llu: a lease of tile %u is in no worker's list",
				      work, tile->id);
		if (lease->attempt == 0 || lease->attempt > tile->attempt)
			return broken(text, "work %llu: tile %u has an attempt %u of %u", work,
				      tile->id, lease->attempt, tile->attempt);
		for (uint32_t j = 0; j < i; j++)
			if (tile->leases[j].worker == lease->worker)
				return broken(text, "work %llu: tile %u is twice on one worker",
					      work, tile->id);
	}
	if (live != tile->lease_count)
		return broken(text, "work %llu: tile %u has %u leases, %u counted", work, tile->id,
			      live, tile->lease_count);
	return true;
}

/* Segments before `end` that an earlier life has done. */
static uint32_t restored_below(const struct band *band, uint32_t end)
{
	uint32_t count = 0;
	for (uint32_t i = 0; band->restored != NULL && i < end; i++)
		count += band->restored[i / 8] >> i % 8 & 1;
	return count;
}

static bool check_segments(const struct band *band, uint64_t open, char text[SCHED_TEXT_BYTES])
{
	unsigned long long work = band_work(band);
	uint32_t restored = restored_below(band, band->segments);
	uint32_t passed = restored_below(band, band->next_segment);
	uint64_t rendered = (uint64_t)band->segments_done - band->segments_restored;
	if (restored != band->segments_restored || band->segments_restored > band->segments_done)
		return broken(text, "work %llu: %u segments restored, %u counted, %u done", work,
			      restored, band->segments_restored, band->segments_done);
	if (rendered + open + passed != band->next_segment)
		return broken(text,
			      "work %llu: %llu segments rendered, %llu open and %u restored of %u "
			      "cut",
			      work, (unsigned long long)rendered, (unsigned long long)open, passed,
			      band->next_segment);
	bool is_full = band->segments_done == band->segments &&
		       band->phase + 1 == band->job->plan.phase_count;
	if ((band->state == BAND_COMPLETE) != is_full)
		return broken(text, "work %llu: state %d with %u of %u segments done", work,
			      (int)band->state, band->segments_done, band->segments);
	return true;
}

static bool check_band(const struct band *band, uint32_t *ret_running, char text[SCHED_TEXT_BYTES])
{
	unsigned long long work = band_work(band);
	uint64_t open = 0;
	uint32_t waiting = 0, listed = 0;
	for (const struct tile *tile = band->tiles; tile != NULL; tile = tile->hh.next) {
		*ret_running += tile->lease_count > 0;
		waiting += tile->lease_count == 0 && !tile->is_held;
		if (!check_leases(tile, text))
			return false;
		if (tile->is_rows)
			continue;
		open += tile->count;
		if (tile->band != band || tile->id >= band->job->next_tile ||
		    tile->first + tile->count > band->next_segment)
			return broken(text, "work %llu: tile %u was never cut", work, tile->id);
		if (restored_below(band, tile->first + tile->count) !=
		    restored_below(band, tile->first))
			return broken(text, "work %llu: tile %u has restored segments", work,
				      tile->id);
	}
	for (const struct tile *tile = band->waiting; tile != NULL; tile = tile->next)
		listed++;
	if (waiting != listed)
		return broken(text, "work %llu: %u tiles wait, %u are listed", work, waiting,
			      listed);
	if (band->state != BAND_OPEN && band->tiles != NULL)
		return broken(text, "work %llu: has tiles in state %d", work, (int)band->state);
	return check_segments(band, open, text);
}

/* Counters that follow from the workers: how many hold leases of the job. */
static bool check_holders(const struct sched *s, const struct job *job, uint32_t running,
			  char text[SCHED_TEXT_BYTES])
{
	unsigned long long id = job->id;
	uint32_t workers = 0;
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		workers += w->jobs[job->slot].holds > 0;
	if (running != job->tiles_running)
		return broken(text, "job %llu: %u tiles run, %u are counted", id, running,
			      job->tiles_running);
	if (workers != job->workers_now)
		return broken(text, "job %llu: %u workers hold tiles, %u are counted", id, workers,
			      job->workers_now);
	if (running > 0 && job->state != JOB_RUNNING)
		return broken(text, "job %llu: %u tiles run in state %d", id, running,
			      (int)job->state);
	return true;
}

static bool check_job(const struct sched *s, const struct job *job, char text[SCHED_TEXT_BYTES])
{
	unsigned long long id = job->id;
	uint32_t running = 0, open = 0;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		const struct band *band = &job->bands[i];
		if (band->state == BAND_NONE)
			continue;
		open++;
		if (band->job != job || band->slot != job->slot * LIMIT_OPEN_BANDS + i ||
		    band->index >= job->next_band)
			return broken(text, "job %llu: band %u is out of place", id, band->index);
		if (i > 0 && job->bands[0].state != BAND_NONE && band->index == job->bands[0].index)
			return broken(text, "job %llu: band %u is open twice", id, band->index);
		if (!check_band(band, &running, text))
			return false;
	}
	if (open < LIMIT_OPEN_BANDS && job->next_band < job->plan.band_count)
		return broken(text, "job %llu: %u bands are open, %u were never", id, open,
			      job->plan.band_count - job->next_band);
	if (job->next_band > job->plan.band_count)
		return broken(text, "job %llu: has opened %u of %u bands", id, job->next_band,
			      job->plan.band_count);
	if (job->pixels_done > job->pixels ||
	    (job->state == JOB_FINISHED && job->pixels_done != job->pixels))
		return broken(text, "job %llu: state %d with %llu of %llu pixels", id,
			      (int)job->state, (unsigned long long)job->pixels_done,
			      (unsigned long long)job->pixels);
	if ((job->state == JOB_FAILED) != (job->why.code != BROT_OK) ||
	    (job->state == JOB_FAILED && !job->is_kept))
		return broken(text, "job %llu: state %d with error %d", id, (int)job->state,
			      (int)job->why.code);
	return tallies_check(s, job, text) && check_holders(s, job, running, text);
}

static bool check_worker(const struct sched *s, const struct worker *w, char text[SCHED_TEXT_BYTES])
{
	unsigned long long session = w->session;
	uint32_t held = 0, by_job = 0;
	for (const struct lease *lease = w->leases; lease != NULL; lease = lease->next) {
		held++;
		if (lease->worker != w)
			return broken(text, "worker %llu: lists a lease it does not hold", session);
		if (!w->bands[lease->tile->band->slot].knows)
			return broken(text, "worker %llu: has a tile of a job it does not know",
				      session);
	}
	for (uint32_t i = 0; i < LIMIT_JOBS; i++) {
		by_job += w->jobs[i].holds;
		if (!s->slot_used[i] && (w->jobs[i].rendered || w->jobs[i].strikes > 0))
			return broken(text, "worker %llu: remembers a job that is gone", session);
	}
	if (held != w->held || by_job != held)
		return broken(text, "worker %llu: holds %u tiles, %u counted, %u by job", session,
			      held, w->held, by_job);
	if (w->is_ready != (w->held < w->credit && !w->is_draining))
		return broken(text, "worker %llu: ready is %d with %u of %u tiles", session,
			      w->is_ready, w->held, w->credit);
	if (w->was_told_to_drain && !w->is_draining)
		return broken(text, "worker %llu: does not drain any more", session);
	return true;
}

/* Who knows a band that is not there, or that nobody may know. */
static bool check_acquaintances(const struct sched *s, char text[SCHED_TEXT_BYTES])
{
	bool may_know[BAND_SLOTS] = {false};
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
		for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
			may_know[job->slot * LIMIT_OPEN_BANDS + i] = job->bands[i].state ==
									     BAND_OPEN &&
								     (job->state == JOB_RUNNING ||
								      (job_has_grids(job) &&
								       job->state == JOB_QUEUED));
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		for (size_t i = 0; i < BAND_SLOTS; i++)
			if ((w->bands[i].knows && !may_know[i]) ||
			    (w->bands[i].is_mapped && !w->bands[i].knows))
				return broken(text, "worker %llu: knows band slot %zu",
					      (unsigned long long)w->session, i);
	return true;
}

static bool check_sums(const struct sched *s, char text[SCHED_TEXT_BYTES])
{
	uint64_t bytes = 0;
	uint32_t threads = 0, slots = 0;
	bool slot_seen[LIMIT_JOBS] = {false};
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		bytes += job->plan.image_bytes;
		if (job->slot >= LIMIT_JOBS || slot_seen[job->slot] || !s->slot_used[job->slot])
			return broken(text, "job %llu: slot %u is another's",
				      (unsigned long long)job->id, job->slot);
		slot_seen[job->slot] = true;
	}
	for (uint32_t i = 0; i < LIMIT_JOBS; i++)
		slots += s->slot_used[i];
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		threads += w->info.threads;
	if (slots != HASH_COUNT(s->jobs) || HASH_CNT(hh_key, s->jobs_by_key) != slots)
		return broken(text, "%u slots are used by %u jobs", slots, HASH_COUNT(s->jobs));
	for (const struct client *c = s->clients; c != NULL; c = c->hh.next) {
		uint32_t owned = 0;
		for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
			owned += job->client == c;
		if (owned == 0 || owned != c->jobs)
			return broken(text, "client %s: has %u jobs, %u counted", c->name, owned,
				      c->jobs);
	}
	if (bytes != s->image_bytes)
		return broken(text, "images take %llu bytes, %llu counted",
			      (unsigned long long)bytes, (unsigned long long)s->image_bytes);
	if (threads != s->threads)
		return broken(text, "workers have %u threads, %u counted", threads, s->threads);
	return true;
}

/* Work that nobody does though somebody could, and work that nobody will ever look at. */
static bool check_progress(const struct sched *s, char text[SCHED_TEXT_BYTES])
{
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		for (struct job *job = s->jobs; w->is_ready && job != NULL; job = job->hh.next)
			if ((tally_wants_worker(s, job, w) && !worker_awaits_grid(s, w)) ||
			    job_has_work_for(s, job, w))
				return broken(text,
					      "worker %llu: has credit while job %llu has work",
					      (unsigned long long)w->session,
					      (unsigned long long)job->id);
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
		for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
			if (job->bands[i].state == BAND_WANTED && job->state != JOB_FAILED &&
			    !s->is_asking && s->ask_ms == SCHED_NEVER)
				return broken(text, "work %llu: nobody will ask for its image",
					      (unsigned long long)band_work(&job->bands[i]));
	bool is_idle = s->workers == NULL && s->jobs == NULL;
	if (!is_idle && s->next_tick_ms == SCHED_NEVER)
		return broken(text, "nobody will ever tick, there are %u jobs",
			      HASH_COUNT(s->jobs));
	return true;
}

bool sched_check(const struct sched *s, char text[SCHED_TEXT_BYTES])
{
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
		if (!check_job(s, job, text))
			return false;
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		if (!check_worker(s, w, text))
			return false;
	return check_acquaintances(s, text) && check_sums(s, text) && check_progress(s, text);
}
