/*
 * sched_lease.c - leases tiles to workers, and ends the leases: with a result that counts, or
 * without one.
 *
 * A tile may be leased to LIMIT_COPIES workers at a time. The first result counts and revokes what
 * the others have. One of samples, or of rows of counts, is leased to one worker alone, and what
 * its result means sched_grid.c decides.
 */
#include "broker/sched_internal.h"

#include <stdlib.h>
#include <string.h>

#define COST_WEIGHT 0.4 /* of the newest measurement */

static struct tile_name name_of(const struct lease *lease)
{
	const struct band *band = lease->tile->band;
	if (lease->tile->tally != NULL)
		return (struct tile_name){tally_work(lease->tile->tally), lease->tile->is_rows,
					  lease->tile->id, lease->attempt};
	return (struct tile_name){band_work(band), band->phase, lease->tile->id, lease->attempt};
}

void band_introduce(struct sched *s, const struct band *band, struct worker *worker)
{
	struct band_acquaintance *known = &worker->bands[band->slot];
	if (known->knows)
		return;
	known->knows = true;
	struct sched_action *action = sched_emit(s, ACTION_JOB, worker->peer);
	action->session = worker->session;
	action->job = band->job->id;
	action->work = band_work(band);
}

static int64_t lease_duration_ms(const struct sched *s, const struct lease *lease)
{
	uint32_t doublings = lease->attempt < 10 ? lease->attempt - 1 : 9;
	int64_t queue_ms = tile_expected_us(s, lease->tile) / 1000 *
			   (1 + lease->place / lease->worker->info.threads);
	int64_t lease_ms = s->limits.lease_ms > 8 * queue_ms ? s->limits.lease_ms : 8 * queue_ms;
	return lease_ms << doublings;
}

void lease_begin(struct sched *s, struct tile *tile, struct worker *worker)
{
	struct job *job = tile->band->job;
	struct lease *lease = tile->leases;
	while (lease->worker != NULL)
		lease++;
	*lease = (struct lease){
		.tile = tile,
		.worker = worker,
		.attempt = ++tile->attempt,
		.place = worker->held,
		.leased_ms = s->now_ms,
		.charged_us = tile_expected_us(s, tile),
	};
	lease->end_ms = s->now_ms + lease_duration_ms(s, lease);
	job->client->virtual_us += lease->charged_us;
	s->virtual_us = job->client->virtual_us;

	DL_APPEND(worker->leases, lease);
	worker->held++;
	if (tile->lease_count++ == 0)
		job->tiles_running++;
	if (tile->tally != NULL)
		tile->tally->leases++;
	if (worker->jobs[job->slot].holds++ == 0)
		job->workers_now++;
	if (tile->attempt > 1)
		job->retries++;
	job->has_moved = true;
	job->state = JOB_RUNNING;

	band_introduce(s, tile->band, worker);
	struct sched_action *action = sched_emit(s, ACTION_TILE, worker->peer);
	action->session = worker->session;
	action->job = job->id;
	action->tile = name_of(lease);
	action->rect = tile_rect(tile);
}

struct lease *lease_find(const struct sched *s, const struct worker *worker,
			 const struct tile_name *name)
{
	bool is_grid = work_is_grid(name->work);
	const struct tally *tally = is_grid ? tally_of_work(s, name->work) : NULL;
	const struct band *band = tally != NULL ? &tally->job->bands[0]
						: band_of_work(s, name->work);
	if (band == NULL || (tally == NULL && band->phase != name->phase))
		return NULL;
	struct tile *tile;
	HASH_FIND(hh, band->tiles, &name->tile, sizeof name->tile, tile);
	if (tile != NULL &&
	    (tile->tally != tally || (tally != NULL && tile->is_rows != name->phase)))
		return NULL;
	for (uint32_t i = 0; tile != NULL && i < LIMIT_COPIES; i++)
		if (tile->leases[i].worker == worker && tile->leases[i].attempt == name->attempt)
			return &tile->leases[i];
	return NULL;
}

/* The tile may then belong to no list. */
static void lease_end(struct sched *s, struct lease *lease)
{
	struct worker *worker = lease->worker;
	struct tile *tile = lease->tile;
	struct job *job = tile->band->job;
	DL_DELETE(worker->leases, lease);
	worker->held--;
	if (--tile->lease_count == 0)
		job->tiles_running--;
	if (--worker->jobs[job->slot].holds == 0)
		job->workers_now--;
	*lease = (struct lease){0};
	worker_make_ready(s, worker);
	if (tile->tally != NULL)
		tally_lease_ended(s, tile->tally);
}

/* A lease whose worker is not paid for it. */
void lease_void(struct sched *s, struct lease *lease)
{
	lease->tile->band->job->client->virtual_us -= lease->charged_us;
	lease_end(s, lease);
}

void tile_forget(struct tile *tile)
{
	HASH_DELETE(hh, tile->band->tiles, tile);
	free(tile);
}

static void revoke_others(struct sched *s, struct tile *tile)
{
	for (uint32_t i = 0; i < LIMIT_COPIES; i++) {
		struct lease *lease = &tile->leases[i];
		if (lease->worker == NULL)
			continue;
		struct sched_action *action = sched_emit(s, ACTION_REVOKE, lease->worker->peer);
		action->session = lease->worker->session;
		action->job = tile->band->job->id;
		action->tile = name_of(lease);
		lease_void(s, lease);
	}
}

/* A process that connects again is the same one. */
static void count_worker(struct job *job, const struct worker *worker)
{
	const size_t bytes = sizeof worker->info.id;
	for (uint32_t i = 0; i < job->rendered_count; i++)
		if (memcmp(job->rendered_by[i], worker->info.id, bytes) == 0)
			return;
	if (job->rendered_count == LIMIT_WORKERS)
		return;
	if (job->rendered_count == job->rendered_capacity) {
		job->rendered_capacity = job->rendered_capacity > 0 ? 2 * job->rendered_capacity
								    : 4;
		job->rendered_by = realloc(job->rendered_by, job->rendered_capacity * bytes);
		if (job->rendered_by == NULL)
			abort();
	}
	memcpy(job->rendered_by[job->rendered_count++], worker->info.id, bytes);
	if (job->workers_ever < job->rendered_count)
		job->workers_ever = job->rendered_count;
}

void tile_count(struct sched *s, const struct tile *tile, int64_t elapsed_us, uint64_t iterations)
{
	struct job *job = tile->band->job;
	struct rect rect = tile_rect(tile);
	s->tiles_done++;
	s->iterations += iterations;
	job->iterations += iterations;
	job->worker_us += elapsed_us;
	job->tiles_done++;
	job->has_moved = true;
	job->pixels_done += plan_rect_pixels(&job->plan, tile->band->phase, &rect);
	tile->band->segments_done += tile->count;
}

/* What the worker has from it, and what it tells of the job's cost. */
static void credit_worker(const struct lease *lease, int64_t elapsed_us, uint64_t iterations)
{
	const struct tile *tile = lease->tile;
	struct worker *worker = lease->worker;
	struct job *job = tile->band->job;
	if (!worker->jobs[job->slot].rendered) {
		worker->jobs[job->slot].rendered = true;
		count_worker(job, worker);
	}
	worker->tiles_done++;
	worker->iterations += iterations;
	double cost = (double)elapsed_us / tile->count;
	double *segment_us = &job->segment_us[tile->band->phase];
	*segment_us = *segment_us > 0 ? *segment_us + COST_WEIGHT * (cost - *segment_us) : cost;
}

void lease_accept(struct sched *s, struct lease *lease, int64_t elapsed_us, uint64_t iterations)
{
	struct tile *tile = lease->tile;
	struct band *band = tile->band;
	/* No worker has taken longer than it has had the tile, whatever it says. */
	int64_t most_us = (s->now_ms - lease->leased_ms + 1) * 1000;
	if (elapsed_us > most_us)
		elapsed_us = most_us;
	band->job->client->virtual_us += elapsed_us - lease->charged_us;
	if (!tile->is_rows)
		credit_worker(lease, elapsed_us, iterations);
	if (tile->tally != NULL) {
		lease_end(s, lease);
		tally_done(s, tile, elapsed_us, iterations);
		return;
	}
	struct sched_action *action = sched_emit(s, ACTION_APPLY, 0);
	action->job = band->job->id;
	action->tile = name_of(lease);
	action->rect = tile_rect(tile);
	tile_count(s, tile, elapsed_us, iterations);
	lease_end(s, lease);
	if (PLANTED(PLANT_DOUBLE_COUNT) && tile->lease_count > 0)
		return;
	revoke_others(s, tile);
	tile_forget(tile);
	band_advance(s, band);
}

void lease_return(struct sched *s, struct lease *lease)
{
	struct tile *tile = lease->tile;
	struct job *job = tile->band->job;
	const struct worker *worker = lease->worker;
	lease_void(s, lease);
	if (tile->lease_count > 0)
		return;
	tile->tally = NULL;
	if (PLANTED(PLANT_LOST_LEASE) || tile->is_rows) {
		tile_forget(tile);
		return;
	}
	DL_APPEND(tile->band->waiting, tile);
	if (tile->lost < LIMIT_TILE_LEASES || s->is_stopping)
		return;
	/* Whoever takes it dies of it. */
	struct brot_error why;
	char rows[TILE_ROWS_CHARS];
	tile_rows_str(tile, rows);
	error_set(&why, BROT_E_FAILED,
		  "%s were lost with %u workers that were %s them, last with %s", rows, tile->lost,
		  job_has_grids(job) ? "counting" : "rendering", worker->info.name);
	job_fail(s, job, why.code, why.text);
}

void band_return_tiles(struct sched *s, struct band *band)
{
	for (struct tile *tile = band->tiles; tile != NULL; tile = tile->hh.next) {
		bool has_waited = tile->lease_count == 0;
		for (uint32_t i = 0; i < LIMIT_COPIES; i++)
			if (tile->leases[i].worker != NULL)
				lease_void(s, &tile->leases[i]);
		tile->failures = tile->lost = 0;
		if (!has_waited)
			DL_APPEND(band->waiting, tile);
	}
}

void band_drop_tiles(struct sched *s, struct band *band)
{
	struct tile *tile, *next;
	HASH_ITER(hh, band->tiles, tile, next)
	{
		if (tile->lease_count == 0)
			DL_DELETE(band->waiting, tile);
		for (uint32_t i = 0; i < LIMIT_COPIES; i++)
			if (tile->leases[i].worker != NULL)
				lease_void(s, &tile->leases[i]);
		tile_forget(tile);
	}
}
