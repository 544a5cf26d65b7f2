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

#define ASK_AGAIN_MS   1000 /* for a segment that could not be made */
#define HASTE          8    /* a grid that others wait to have the place of is old so much sooner */
#define COLLECT_LEASES 4    /* of rows of one grid at a time, which one link has to carry */

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
	for (uint32_t i = 0; i < WORKER_TALLIES; i++)
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
		DL_DELETE(tally->held, tile);
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
	tally_discard(s, tally, "its job has ended");
}

/* ---- for workers ---- */

static struct tally *open_of(const struct acquaintance *known)
{
	for (uint32_t i = 0; i < WORKER_TALLIES; i++)
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

static void send_job(struct sched *s, const struct tally *tally)
{
	struct sched_action *action = sched_emit(s, ACTION_JOB, tally->worker->peer);
	action->session = tally->worker->session;
	action->job = tally->job->id;
	action->work = tally_work(tally);
}

void tally_prepare(struct sched *s, struct job *job, struct worker *worker)
{
	struct acquaintance *known = &worker->jobs[job->slot];
	if (!job_has_grids(job) || !may_count(s, job, worker))
		return;
	const struct band_acquaintance *image = &worker->bands[job->bands[0].slot];
	if (!image->knows)
		band_introduce(s, &job->bands[0], worker);
	if (!image->has_answered || open_of(known) != NULL)
		return;
	uint32_t free_slot = 0;
	while (free_slot < WORKER_TALLIES && known->tallies[free_slot] != NULL)
		free_slot++;
	if (free_slot == WORKER_TALLIES)
		return;
	struct tally *tally = tally_add(s, job, worker);
	known->tallies[free_slot] = tally;
	tally->is_remote = !image->is_mapped || known->is_apart;
	if (tally->is_remote) {
		tally->state = TALLY_OPEN;
		send_job(s, tally);
	}
}

static bool has_rows(const struct tally *tally)
{
	return tally->state == TALLY_COLLECTED && tally->leases < COLLECT_LEASES &&
	       tally->next_row < tally->job->plan.counts.rows;
}

struct tally *tally_choose(const struct sched *s, struct job *job, const struct worker *worker,
			   bool *ret_is_rows)
{
	const struct acquaintance *known = &worker->jobs[job->slot];
	*ret_is_rows = true;
	for (uint32_t i = 0; i < WORKER_TALLIES; i++)
		if (known->tallies[i] != NULL && has_rows(known->tallies[i]))
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
		if (has_rows(tally))
			return true;
	return false;
}

struct rect tally_rows_rect(const struct tile *tile)
{
	return (struct rect){0, tile->first, tile->band->job->plan.counts.width_px, tile->count};
}

struct tile *tally_cut_rows(struct tally *tally)
{
	struct job *job = tally->job;
	const struct grid_layout *counts = &job->plan.counts;
	uint64_t row_bytes = (uint64_t)counts->width_px * counts->channels * sizeof(uint64_t);
	uint64_t rows = LIMIT_DATA_BYTES / row_bytes, left = counts->rows - tally->next_row;
	assert(rows > 0);
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

/* From now on that worker sends its counts. */
static void set_apart(struct sched *s, struct tally *tally, const char *why)
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
	set_apart(s, tally, event->text != NULL ? event->text : "");
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
		for (uint32_t i = 0; i < WORKER_TALLIES; i++) {
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

/* ---- segments ---- */

static bool wants_segment(const struct tally *tally)
{
	if (tally->has_segment)
		return false;
	return tally->state == TALLY_WANTED || (tally->is_remote && tally->state == TALLY_CLOSED &&
						tally->leases == 0 && tally->held != NULL);
}

/* A sum may always have one: it is kept free for it. */
static bool has_place(const struct tally *tally)
{
	uint32_t used = 0;
	for (const struct tally *t = tally->job->tallies; t != NULL; t = t->next)
		used += t->has_segment && !t->is_sum;
	return tally->is_sum || used + 1 < tally->job->plan.grids;
}

bool tally_asks_image(struct sched *s, struct job *job, int64_t *ret_next_ms)
{
	struct tally *best = NULL;
	if (!job_is_unfinished(job))
		return false;
	for (struct tally *t = job->tallies; t != NULL; t = t->next) {
		if (!wants_segment(t) || !has_place(t))
			continue;
		if (t->ask_ms > s->now_ms) {
			*ret_next_ms = t->ask_ms < *ret_next_ms ? t->ask_ms : *ret_next_ms;
			continue;
		}
		if (best == NULL || (t->is_sum && !best->is_sum))
			best = t;
	}
	if (best == NULL)
		return false;
	best->ask_ms = s->now_ms + ASK_AGAIN_MS;
	s->is_asking = true;
	s->asked_work = tally_work(best);
	struct sched_action *action = sched_emit(s, ACTION_CREATE_IMAGE, 0);
	action->job = job->id;
	action->work = s->asked_work;
	return true;
}

void tally_image_result(struct sched *s, const struct sched_event *event)
{
	struct tally *tally = tally_of_work(s, event->work);
	if (tally == NULL || !wants_segment(tally))
		return;
	tally_stir(s, tally->job);
	if (event->type == EVENT_IMAGE_FAILED) {
		if (!tally->has_failed)
			sched_note(s, "grid wanted job=%llu grid=%u error=%s reason=\"%s\"",
				   (unsigned long long)tally->job->id, tally->number,
				   brot_err_name(event->code),
				   event->text != NULL ? event->text : "");
		tally->has_failed = true;
		return;
	}
	tally->has_segment = true;
	if (tally->is_sum) {
		tally->state = TALLY_SUMMED;
	} else if (tally->is_remote) {
		tally->state = TALLY_COLLECTED;
	} else {
		tally->state = TALLY_OFFERED;
		tally->open_ms = s->now_ms;
		send_job(s, tally);
	}
}

/* ---- closing ---- */

static bool others_wait(const struct job *job)
{
	for (const struct tally *t = job->tallies; t != NULL; t = t->next)
		if (wants_segment(t) && !has_place(t))
			return true;
	return false;
}

/* Long enough open; one that has nothing only makes room. */
static bool is_old(const struct sched *s, const struct tally *tally)
{
	bool is_hindrance = !tally->is_remote && others_wait(tally->job);
	int64_t most_ms = is_hindrance ? s->limits.grid_ms / HASTE : s->limits.grid_ms;
	if (tally->held == NULL && (tally->leases > 0 || !is_hindrance))
		return false;
	return s->now_ms - tally->open_ms >= most_ms;
}

static bool should_close(const struct sched *s, const struct tally *tally, bool is_tick)
{
	const struct job *job = tally->job;
	if (tally->is_sum || tally->state > TALLY_OPEN)
		return false;
	if (job->is_paused || tally->worker->is_draining ||
	    !worker_may_render(tally->worker, job) || !band_has_work(&job->bands[0]))
		return true;
	return is_tick && tally->state == TALLY_OPEN && is_old(s, tally);
}

static void close_tally(struct sched *s, struct tally *tally)
{
	if (tally->state < TALLY_OPEN || (tally->leases == 0 && tally->held == NULL))
		tally_discard(s, tally, "nothing is in it");
	else
		tally->state = TALLY_CLOSED;
}

/* Of a worker that takes no more tiles, rows among them. */
static bool is_out_of_reach(const struct tally *tally)
{
	return tally->is_remote && tally->worker != NULL && tally->worker->is_draining &&
	       (tally->state == TALLY_CLOSED || tally->state == TALLY_COLLECTED) &&
	       tally->leases == 0 && tally->rows_done < tally->job->plan.counts.rows;
}

static void turn(struct sched *s, struct job *job, bool is_tick)
{
	struct tally *tally, *next;
	DL_FOREACH_SAFE(job->tallies, tally, next)
	{
		if (tally->state == TALLY_CLOSED && tally->leases == 0 && tally->held == NULL)
			tally_discard(s, tally, "nothing is in it");
		else if (is_out_of_reach(tally))
			tally_discard(s, tally, "its worker leaves");
		else if (tally->state == TALLY_OFFERED &&
			 s->now_ms - tally->open_ms >= s->limits.lease_ms)
			set_apart(s, tally, "it does not answer");
		else if (should_close(s, tally, is_tick))
			close_tally(s, tally);
	}
	sum_begin(s, job);
}

void tallies_turn(struct sched *s, bool is_tick)
{
	struct job *job, *next;
	if (s->counted_jobs == 0)
		return;
	HASH_ITER(hh, s->jobs, job, next)
	{
		if (!job_has_grids(job) || !job_is_unfinished(job))
			continue;
		bool has_tile = band_has_work(&job->bands[0]);
		if (!is_tick && !job->is_stirred && has_tile)
			continue;
		job->is_stirred = false;
		turn(s, job, is_tick);
	}
}
