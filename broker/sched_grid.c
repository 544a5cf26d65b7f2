/*
 * sched_grid.c - the grids that workers count samples into.
 *
 *   of a worker that maps: WANTED -> (segment made) OFFERED -> (worker sees it) OPEN -> CLOSED ->
 *                          (last lease ended) committed
 *   of any other:          OPEN -> CLOSED -> (last lease ended, segment made) COLLECTED ->
 *                          (all rows have come) committed
 *   each --worker lost amid a lease, failure--> discarded: its tiles wait again
 *
 * A tile whose lease ended well is held in its grid. It counts when the grid is committed, with all
 * that are held there: sched_sum.c.
 */
#include "broker/sched_internal.h"

#include <assert.h>
#include <stdlib.h>

bool job_has_grids(const struct job *job)
{
	return job->plan.grids > 0;
}

uint64_t tally_work(const struct tally *tally)
{
	return work_grid_id(tally->job->id, tally->number);
}

static struct tally *tally_find(const struct job *job, uint32_t number)
{
	struct tally *tally = job->tallies;
	while (tally != NULL && tally->number != number)
		tally = tally->next;
	return tally;
}

struct tally *tally_of_work(const struct sched *s, uint64_t work)
{
	const struct job *job = work_is_grid(work) ? job_find(s, work_job(work)) : NULL;
	return job != NULL ? tally_find(job, work_grid(work)) : NULL;
}

void tally_stir(struct sched *s, struct job *job)
{
	job->is_stirred = true;
	s->ask_ms = s->now_ms;
}

void tallies_stir_all(struct sched *s)
{
	for (struct job *job = s->counted_jobs > 0 ? s->jobs : NULL; job != NULL;
	     job = job->hh.next)
		if (job_has_grids(job))
			tally_stir(s, job);
}

/* Numbers come round again after four million grids, of which few are left. */
static uint32_t next_number(struct job *job)
{
	do
		job->next_tally = (job->next_tally + 1) % WORK_GRID_BIT;
	while (tally_find(job, job->next_tally) != NULL);
	return job->next_tally;
}

struct tally *tally_add(struct sched *s, struct job *job, struct worker *worker)
{
	struct tally *tally = sched_alloc(sizeof *tally);
	tally->number = next_number(job);
	tally->job = job;
	tally->state = TALLY_WANTED;
	tally->worker = worker;
	tally->open_ms = tally->ask_ms = s->now_ms;
	DL_APPEND(job->tallies, tally);
	tally_stir(s, job);
	return tally;
}

static void leave_worker(struct tally *tally)
{
	if (tally->worker == NULL)
		return;
	struct acquaintance *known = &tally->worker->jobs[tally->job->slot];
	for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS; i++)
		if (known->tallies[i] == tally)
			known->tallies[i] = NULL;
	tally->worker = NULL;
}

/* Its worker need not keep anything of it. */
static void forget_at_worker(struct sched *s, struct tally *tally)
{
	if (tally->worker != NULL && tally->state >= TALLY_OFFERED) {
		struct sched_action *action = sched_emit(s, ACTION_CANCEL, tally->worker->peer);
		action->session = tally->worker->session;
		action->job = tally->job->id;
		action->work = tally_work(tally);
	}
	leave_worker(tally);
}

void tally_retire(struct sched *s, struct tally *tally)
{
	forget_at_worker(s, tally);
	tally->state = TALLY_COMMITTED;
}

static void tally_free(struct sched *s, struct tally *tally)
{
	struct job *job = tally->job;
	if (tally->has_segment) {
		struct sched_action *action = sched_emit(s, ACTION_DROP_IMAGE, 0);
		action->job = job->id;
		action->work = tally_work(tally);
	}
	DL_DELETE(job->tallies, tally);
	tally_stir(s, job);
	free(tally->bits);
	free(tally);
}

static void release_held(struct sched *s, struct tally *tally)
{
	struct tile *tile, *next;
	DL_FOREACH_SAFE(tally->held, tile, next)
	{
		const struct rect rect = tile_rect(tile);
		tally->job->samples_held -= plan_rect_pixels(&tally->job->plan, 0, &rect);
		DL_DELETE(tally->held, tile);
		client_refund(s, tally->job->client, tile->held_us);
		if (PLANTED(PLANT_DISCARDED_COUNTS)) {
			tile_count(s, tile, tile->held_us, tile->held_iterations);
			tile_forget(tile);
			continue;
		}
		tile->tally = NULL;
		tile->is_held = false;
		DL_APPEND(tile->band->waiting, tile);
	}
}

static void void_leases(struct sched *s, struct tally *tally)
{
	struct tile *tile, *next;
	if (tally->leases == 0)
		return;
	HASH_ITER(hh, tally->job->bands[0].tiles, tile, next)
	{
		if (tile->tally != tally || tile->lease_count == 0)
			continue;
		for (uint32_t i = 0; i < LIMIT_COPIES; i++)
			if (tile->leases[i].worker != NULL)
				lease_void(s, &tile->leases[i]);
		tile->tally = NULL;
		if (tile->is_rows)
			tile_forget(tile);
		else
			DL_APPEND(tile->band->waiting, tile);
	}
}

void tally_discard(struct sched *s, struct tally *tally, const char *why)
{
	if (tally->leases > 0 || tally->held != NULL)
		sched_note(s, "grid discarded job=%llu grid=%u reason=\"%s\"",
			   (unsigned long long)tally->job->id, tally->number, why);
	void_leases(s, tally);
	release_held(s, tally);
	forget_at_worker(s, tally);
	tally_free(s, tally);
}

void tallies_discard_open(struct sched *s, struct job *job)
{
	struct tally *tally, *next;
	DL_FOREACH_SAFE(job->tallies, tally, next)
	if (tally->state != TALLY_COMMITTED)
		tally_discard(s, tally, "its job has failed");
}

void tallies_drop(struct sched *s, struct job *job)
{
	struct tally *tally, *next;
	DL_FOREACH_SAFE(job->tallies, tally, next)
	{
		/* Whoever ends a job has had the time that went into it. */
		for (struct tile *tile = tally->held; tile != NULL; tile = tile->next)
			tile->held_us = 0;
		tally_discard(s, tally, "its job has ended");
	}
}

/* ---- for workers ---- */

static struct tally *open_of(const struct acquaintance *known)
{
	for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS; i++)
		if (known->tallies[i] != NULL && known->tallies[i]->state <= TALLY_OPEN)
			return known->tallies[i];
	return NULL;
}

static bool may_count(const struct sched *s, const struct job *job, const struct worker *worker)
{
	const struct band *band = &job->bands[0];
	return job_is_unfinished(job) && !job->is_paused && worker_may_render(worker, job) &&
	       !worker->is_draining && band_has_work(band) &&
	       (band->next_segment < band->segments || waiting_tile_for(s, band, worker) != NULL);
}

void tally_send_job(struct sched *s, const struct tally *tally)
{
	struct sched_action *action = sched_emit(s, ACTION_JOB, tally->worker->peer);
	action->session = tally->worker->session;
	action->job = tally->job->id;
	action->work = tally_work(tally);
}

static bool has_free_slot(const struct acquaintance *known)
{
	for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS; i++)
		if (known->tallies[i] == NULL)
			return true;
	return false;
}

bool tally_may_prepare(const struct sched *s, const struct job *job, const struct worker *worker)
{
	const struct acquaintance *known = &worker->jobs[job->slot];
	const struct band_acquaintance *image = &worker->bands[job->bands[0].slot];
	if (!job_has_grids(job) || !may_count(s, job, worker))
		return false;
	const struct tally *open = open_of(known);
	if (open != NULL)
		return !tally_is_stuck(open);
	if (!image->has_answered)
		return !image->knows || s->now_ms - known->told_ms < s->limits.lease_ms;
	return has_free_slot(known) && !tallies_are_crowded(job);
}

bool tally_prepare(struct sched *s, struct job *job, struct worker *worker)
{
	struct acquaintance *known = &worker->jobs[job->slot];
	const struct band_acquaintance *image = &worker->bands[job->bands[0].slot];
	if (!image->knows) {
		known->told_ms = s->now_ms;
		band_introduce(s, &job->bands[0], worker);
	}
	if (!image->has_answered || open_of(known) != NULL)
		return false;
	uint32_t free_slot = 0;
	while (known->tallies[free_slot] != NULL)
		free_slot++;
	assert(free_slot < LIMIT_WORKER_GRIDS);
	struct tally *tally = tally_add(s, job, worker);
	known->tallies[free_slot] = tally;
	tally->is_remote = !image->is_mapped || known->is_apart;
	if (tally->is_remote) {
		tally->state = TALLY_OPEN;
		tally_send_job(s, tally);
	}
	return tally_is_stuck(tally);
}

bool tally_has_rows(const struct tally *tally)
{
	return tally->state == TALLY_COLLECTED && tally->leases < LIMIT_COLLECT_LEASES &&
	       tally->next_row < tally->job->plan.counts.rows;
}

struct tally *tally_choose(const struct sched *s, struct job *job, const struct worker *worker,
			   bool *ret_is_rows)
{
	const struct acquaintance *known = &worker->jobs[job->slot];
	*ret_is_rows = true;
	for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS; i++)
		if (known->tallies[i] != NULL && tally_has_rows(known->tallies[i]))
			return known->tallies[i];
	*ret_is_rows = false;
	struct tally *open = open_of(known);
	if (open == NULL || open->state != TALLY_OPEN || !may_count(s, job, worker))
		return NULL;
	return open;
}

bool tallies_have_rows(const struct job *job)
{
	for (const struct tally *tally = job->tallies; tally != NULL; tally = tally->next)
		if (tally_has_rows(tally))
			return true;
	return false;
}

struct rect tally_rows_rect(const struct tile *tile)
{
	return (struct rect){0, tile->first, tile->band->job->plan.counts.width_px, tile->count};
}

struct tile *tally_cut_rows(const struct sched *s, struct tally *tally)
{
	struct job *job = tally->job;
	const struct grid_layout *counts = &job->plan.counts;
	uint64_t row_bytes = (uint64_t)counts->width_px * counts->channels * sizeof(uint64_t);
	uint64_t rows = row_bytes < s->limits.rows_bytes ? s->limits.rows_bytes / row_bytes : 1;
	uint64_t left = counts->rows - tally->next_row;
	struct tile *tile = sched_alloc(sizeof *tile);
	tile->id = job->next_tile++;
	tile->first = tally->next_row;
	tile->count = (uint32_t)(rows < left ? rows : left);
	tile->band = &job->bands[0];
	tile->tally = tally;
	tile->is_rows = true;
	tally->next_row += tile->count;
	HASH_ADD(hh, tile->band->tiles, id, sizeof tile->id, tile);
	return tile;
}

void tally_set_apart(struct sched *s, struct tally *tally, const char *why)
{
	sched_note(s, "worker counts apart name=\"%s\" job=%llu reason=\"%s\"",
		   tally->worker->info.name, (unsigned long long)tally->job->id, why);
	tally->worker->jobs[tally->job->slot].is_apart = true;
	tally_discard(s, tally, "its worker does not see it");
}

void tally_mapped(struct sched *s, struct worker *worker, const struct sched_event *event)
{
	struct tally *tally = tally_of_work(s, event->work);
	if (tally == NULL || tally->worker != worker || tally->state != TALLY_OFFERED)
		return;
	if (event->is_mapped) {
		tally->state = TALLY_OPEN;
		tally->open_ms = s->now_ms;
		return;
	}
	tally_set_apart(s, tally, event->text != NULL ? event->text : "");
}

void tally_lease_ended(struct sched *s, struct tally *tally)
{
	if (--tally->leases == 0 || tally->state == TALLY_COLLECTED)
		tally_stir(s, tally->job);
}

/* A tile of it is done; its lease has ended. */
void tally_done(struct sched *s, struct tile *tile, int64_t elapsed_us, uint64_t iterations)
{
	struct tally *tally = tile->tally;
	if (tile->is_rows) {
		tally->rows_done += tile->count;
		tile_forget(tile);
		tally_stir(s, tally->job);
		return;
	}
	const struct rect rect = tile_rect(tile);
	tally->job->samples_held += plan_rect_pixels(&tally->job->plan, 0, &rect);
	tile->is_held = true;
	tile->held_us = elapsed_us;
	tile->held_iterations = iterations;
	DL_APPEND(tally->held, tile);
}

/* Before its leases return (!is_over) and after: jobs may fail over them. What it has finished in
 * a grid that we have is whole; what was under way may have left a part of itself. */
void tally_worker_ends(struct sched *s, struct worker *worker, bool is_over)
{
	struct job *job, *next_job;
	if (s->counted_jobs == 0)
		return;
	HASH_ITER(hh, s->jobs, job, next_job)
	{
		struct acquaintance *known = &worker->jobs[job->slot];
		for (uint32_t i = 0; i < LIMIT_WORKER_GRIDS; i++) {
			struct tally *tally = known->tallies[i];
			if (tally == NULL)
				continue;
			if (!is_over) {
				tally->is_doomed = tally->leases > 0 || tally->is_remote ||
						   tally->state < TALLY_OPEN;
				continue;
			}
			leave_worker(tally);
			tally->state = TALLY_CLOSED;
			tally_stir(s, job);
			if (tally->is_doomed)
				tally_discard(s, tally, "its worker has ended");
		}
	}
}
