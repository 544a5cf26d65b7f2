/*
 * sched_tile.c - cuts tiles, leases them, and takes them back.
 *
 * Which job: of the clients with work the one that was given the least worker time, of its jobs
 * the oldest. Which worker: those with free credit that are not kept off the
 * job, in turn. How large: so that a tile takes about
 * tile_target_ms by the measured cost of the job's last tiles, fewer segments toward the end so
 * that all workers end together.
 */
#include "broker/sched_internal.h"

#include <stdlib.h>

#define FIRST_TILE_WORK (1ull << 25) /* at most, in iterations, while the cost is unknown */
#define GROWTH_MAX      4            /* a tile to the one before: cost changes along the image */
#define SHORT_TILE_US   4000         /* not worth cutting finer at the end */
#define COST_WEIGHT     0.4          /* of the newest measurement */

static const struct phase *phase_of(const struct job *job)
{
	return &job->plan.phases[job->phase];
}

static const struct segment_grid *grid_of(const struct job *job)
{
	return &phase_of(job)->grid;
}

bool job_has_work(const struct job *job)
{
	bool can_run = job->state == JOB_QUEUED || job->state == JOB_RUNNING;
	return can_run && (job->waiting != NULL || job->next_segment < segment_count(grid_of(job)));
}

bool worker_may_render(const struct worker *worker, const struct job *job)
{
	return worker->jobs[job->slot].strikes < LIMIT_WORKER_STRIKES;
}

static bool has_failed_on(const struct tile *tile, const struct worker *worker)
{
	for (uint32_t i = 0; i < tile->failures && i < LIMIT_TILE_ATTEMPTS; i++)
		if (tile->failed_on[i] == worker->session)
			return true;
	return false;
}

/* A tile that failed on this worker is for another, if there is one that may still try. */
static bool is_for(const struct sched *s, const struct tile *tile, const struct worker *worker)
{
	if (!has_failed_on(tile, worker))
		return true;
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		if (!w->is_draining && worker_may_render(w, tile->job) && !has_failed_on(tile, w))
			return false;
	return true;
}

static struct tile *waiting_tile_for(const struct sched *s, const struct job *job,
				     const struct worker *worker)
{
	for (struct tile *tile = job->waiting; tile != NULL; tile = tile->next)
		if (is_for(s, tile, worker))
			return tile;
	return NULL;
}

bool job_has_work_for(const struct sched *s, const struct job *job, const struct worker *worker)
{
	return job_has_work(job) && worker_may_render(worker, job) &&
	       (job->next_segment < segment_count(grid_of(job)) ||
		waiting_tile_for(s, job, worker) != NULL);
}

void worker_make_ready(struct sched *s, struct worker *worker)
{
	bool should = worker->held < worker->credit && !worker->is_draining;
	if (should == worker->is_ready)
		return;
	worker->is_ready = should;
	if (should)
		DL_APPEND(s->ready, worker);
	else
		DL_DELETE(s->ready, worker);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* How many segments the next tile of a job should have, before geometry and limits. */
static uint64_t wanted_segments(const struct sched *s, const struct job *job)
{
	const struct segment_grid *grid = grid_of(job);
	if (s->limits.tile_rows > 0)
		return (uint64_t)s->limits.tile_rows * grid->slices_per_row;

	uint64_t left = segment_count(grid) - job->next_segment;
	uint64_t share = max_u64(left / (2 * (uint64_t)max_u64(s->threads, 1)), 1);
	if (job->segment_us <= 0) {
		uint64_t segment_work = phase_of(job)->pixel_work * grid->slice_px;
		uint64_t careful = max_u64(FIRST_TILE_WORK / max_u64(segment_work, 1), 1);
		return min_u64(careful, share);
	}
	double target = (double)s->limits.tile_target_ms * 1000 / job->segment_us;
	double least = SHORT_TILE_US / job->segment_us;
	uint64_t wanted = target < 1 ? 1 : target > 1e9 ? 1000000000 : (uint64_t)target;
	uint64_t floor = least < 1 ? 1 : least > 1e9 ? 1000000000 : (uint64_t)least;
	wanted = min_u64(wanted, (uint64_t)GROWTH_MAX * job->last_count);
	return min_u64(wanted, max_u64(share, floor));
}

/* Cuts a new tile from the job's next segments: whole rows, or slices of one row. */
static struct tile *tile_cut(struct sched *s, struct job *job)
{
	const struct segment_grid *grid = grid_of(job);
	uint32_t total = segment_count(grid), per_row = grid->slices_per_row;
	uint64_t segment_bytes = (uint64_t)grid->slice_px * phase_of(job)->pixel_bytes;
	uint64_t count = min_u64(wanted_segments(s, job), total - job->next_segment);
	count = max_u64(min_u64(count, LIMIT_DATA_BYTES / segment_bytes), 1);

	uint32_t slice = job->next_segment % per_row;
	if (slice == 0 && count >= per_row)
		count -= count % per_row;
	else
		count = min_u64(count, per_row - slice);

	struct tile *tile = sched_alloc(sizeof *tile);
	tile->id = job->next_tile++;
	tile->first = job->next_segment;
	tile->count = (uint32_t)count;
	tile->job = job;
	job->next_segment += tile->count;
	job->last_count = tile->count;
	HASH_ADD(hh, job->tiles, id, sizeof tile->id, tile);
	return tile;
}

/* While nothing is measured: at 1 G iterations/s, but no more than a tile should take. */
static int64_t expected_us(const struct sched *s, const struct tile *tile)
{
	const struct job *job = tile->job;
	if (job->segment_us > 0)
		return (int64_t)(job->segment_us * tile->count) + 1;
	uint64_t work = phase_of(job)->pixel_work * grid_of(job)->slice_px * tile->count;
	return (int64_t)min_u64(work / 1000, (uint64_t)s->limits.tile_target_ms * 1000) + 1;
}

static void lease(struct sched *s, struct tile *tile, struct worker *worker)
{
	struct job *job = tile->job;
	struct acquaintance *known = &worker->jobs[job->slot];
	tile->holder = worker;
	tile->attempt++;
	tile->leased_ms = s->now_ms;
	uint32_t doublings = tile->attempt < 10 ? tile->attempt - 1 : 9;
	int64_t queue_ms = expected_us(s, tile) / 1000 * (1 + worker->held / worker->info.threads);
	int64_t lease_ms = s->limits.lease_ms > 8 * queue_ms ? s->limits.lease_ms : 8 * queue_ms;
	tile->lease_end_ms = s->now_ms + (lease_ms << doublings);
	tile->charged_us = expected_us(s, tile);
	job->client->virtual_us += tile->charged_us;
	s->virtual_us = job->client->virtual_us;

	DL_APPEND(worker->tiles, tile);
	worker->held++;
	job->tiles_running++;
	if (known->holds++ == 0)
		job->workers_now++;
	if (tile->attempt > 1)
		job->retries++;
	job->state = JOB_RUNNING;

	if (!known->knows) {
		known->knows = true;
		struct sched_action *action = sched_emit(s, ACTION_JOB, worker->peer);
		action->session = worker->session;
		action->job = job->id;
	}
	struct sched_action *action = sched_emit(s, ACTION_TILE, worker->peer);
	action->session = worker->session;
	action->tile = (struct tile_name){job->id, job->phase, tile->id, tile->attempt};
	action->rect = segment_run_rect(grid_of(job), tile->first, tile->count);
}

/* The job that this worker should work on next, or NULL. */
static struct job *choose_job(struct sched *s, const struct worker *worker)
{
	struct job *best = NULL;
	for (struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		if (!job_has_work_for(s, job, worker))
			continue;
		if (best == NULL || job->client->virtual_us < best->client->virtual_us)
			best = job;
	}
	return best;
}

static bool any_work(const struct sched *s)
{
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
		if (job_has_work(job))
			return true;
	return false;
}

void tile_dispatch(struct sched *s)
{
	struct worker *refused_first = NULL; /* the pass ends when it comes round again */
	while (s->ready != NULL && s->ready != refused_first) {
		struct worker *worker = s->ready;
		struct job *job = choose_job(s, worker);
		DL_DELETE(s->ready, worker);
		worker->is_ready = false;
		if (job == NULL) {
			worker_make_ready(s, worker);
			if (!any_work(s))
				return;
			if (refused_first == NULL)
				refused_first = worker;
			continue;
		}
		struct tile *tile = waiting_tile_for(s, job, worker);
		if (tile != NULL)
			DL_DELETE(job->waiting, tile);
		else
			tile = tile_cut(s, job);
		lease(s, tile, worker);
		worker_make_ready(s, worker);
		refused_first = NULL; /* all have their turn again: credit bounds how often */
	}
}

/* Ends the lease of a tile; the tile then belongs to no list. */
static void lease_end(struct sched *s, struct tile *tile)
{
	struct worker *worker = tile->holder;
	struct job *job = tile->job;
	DL_DELETE(worker->tiles, tile);
	worker->held--;
	job->tiles_running--;
	if (--worker->jobs[job->slot].holds == 0)
		job->workers_now--;
	tile->holder = NULL;
	worker_make_ready(s, worker);
}

void tile_accept(struct sched *s, struct tile *tile, int64_t elapsed_us, uint64_t iterations)
{
	struct job *job = tile->job;
	struct worker *worker = tile->holder;
	/* No worker has taken longer than it has had the tile, whatever it says. */
	int64_t most_us = (s->now_ms - tile->leased_ms + 1) * 1000;
	if (elapsed_us > most_us)
		elapsed_us = most_us;
	struct rect rect = segment_run_rect(grid_of(job), tile->first, tile->count);

	struct sched_action *action = sched_emit(s, ACTION_APPLY, 0);
	action->job = job->id;
	action->tile = (struct tile_name){job->id, job->phase, tile->id, tile->attempt};
	action->rect = rect;

	if (!worker->jobs[job->slot].rendered) {
		worker->jobs[job->slot].rendered = true;
		job->workers_ever++;
	}
	worker->tiles_done++;
	worker->iterations += iterations;
	s->tiles_done++;
	s->iterations += iterations;
	job->iterations += iterations;
	job->tiles_done++;
	job->pixels_done += plan_rect_pixels(&job->plan, job->phase, &rect);
	job->segments_done += tile->count;
	job->client->virtual_us += elapsed_us - tile->charged_us;
	double cost = (double)elapsed_us / tile->count;
	job->segment_us = job->segment_us > 0
				  ? job->segment_us + COST_WEIGHT * (cost - job->segment_us)
				  : cost;

	lease_end(s, tile);
	HASH_DELETE(hh, job->tiles, tile);
	free(tile);
	job_advance(s, job);
}

void tile_return(struct sched *s, struct tile *tile)
{
	tile->job->client->virtual_us -= tile->charged_us;
	lease_end(s, tile);
	DL_APPEND(tile->job->waiting, tile);
}

void tile_drop_all(struct sched *s, struct job *job)
{
	struct tile *tile, *next;
	HASH_ITER(hh, job->tiles, tile, next)
	{
		if (tile->holder != NULL)
			lease_end(s, tile);
		else
			DL_DELETE(job->waiting, tile);
		HASH_DELETE(hh, job->tiles, tile);
		free(tile);
	}
}
