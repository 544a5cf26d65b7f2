/*
 * sim_check.c - the invariants, from what the messages told alone.
 *
 * Who holds which lease, whether a worker may have one more, what of an image is there: all of it
 * is counted here a second time and compared with the scheduler's views after each step.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_internal.h"

/* Leases that others may be given while a client waits for the first of its only job, once it has
 * waited for so long. It starts level with the client that was given least, but a guess at the cost
 * of a tile that was too high by up to tile_target_ms is given back later, for each of its leases;
 * and all of it for one that came to nothing, which does not count as given.
 */
#define PATIENCE_MS 5000
#define PASSED_MOST 20

struct sim_session *sim_session_find(struct sim *sim, uint64_t session)
{
	for (unsigned i = 0; i < sim->session_count; i++)
		if (sim->sessions[i].session == session)
			return &sim->sessions[i];
	return NULL;
}

static struct sim_tile *tile_find(struct sim_job *job, uint32_t id)
{
	return job != NULL && id < job->tile_count && job->tiles[id].is_cut ? &job->tiles[id]
									    : NULL;
}

/* The new tile included; ids are given in order, so this grows by one. */
static struct sim_tile *tile_make(struct sim *sim, struct sim_job *job, uint32_t id)
{
	if (id > job->tile_count + 100000) {
		sim_break(sim, "job %" PRIu64 ": tile %u was cut after %u", job->id, id,
			  job->tile_count);
		return NULL;
	}
	if (id >= job->tile_count) {
		uint32_t count = job->tile_count;
		job->tile_count = id + 1;
		job->tiles = realloc(job->tiles, job->tile_count * sizeof job->tiles[0]);
		assert(job->tiles != NULL);
		memset(job->tiles + count, 0, (job->tile_count - count) * sizeof job->tiles[0]);
	}
	return &job->tiles[id];
}

/* Under which it has the tile; 0: it does not. */
static uint64_t lease_work(const struct sim_tile *tile, uint64_t session)
{
	for (uint32_t i = 0; i < tile->lease_count; i++)
		if (tile->leases[i].session == session)
			return tile->leases[i].work;
	return 0;
}

static bool lease_remove(struct sim *sim, struct sim_tile *tile, uint64_t session)
{
	for (uint32_t i = 0; i < tile->lease_count; i++)
		if (tile->leases[i].session == session) {
			tile->leases[i] = tile->leases[--tile->lease_count];
			struct sim_session *s = sim_session_find(sim, session);
			if (s != NULL)
				s->held--;
			return true;
		}
	return false;
}

/* A lease came to nothing. */
static void forget_lease(struct sim *sim)
{
	for (unsigned j = 0; j < sim->job_count; j++)
		sim->jobs[j].passed_over -= sim->jobs[j].passed_over > 0;
}

static bool is_held(const struct sim_tile *tile, const struct tile_name *name, uint64_t session)
{
	for (uint32_t i = 0; i < tile->lease_count; i++)
		if (tile->leases[i].session == session && tile->leases[i].attempt == name->attempt)
			return tile->work == name->work && tile->phase == name->phase;
	return false;
}

static void check_answer(struct sim *sim, const struct sched_event *event)
{
	struct sim_job *job = sim_job_by_id(sim, work_job(event->tile.work));
	struct sim_tile *tile = tile_find(job, event->tile.tile);
	struct rect rect;
	bool is_valid = tile != NULL && is_held(tile, &event->tile, event->session);
	if (is_valid != sched_tile_rect(sim->sched, event, &rect))
		sim_break(sim, "job %" PRIu64 ": tile %u attempt %u is %sheld",
			  work_job(event->tile.work), event->tile.tile, event->tile.attempt,
			  is_valid ? "" : "not ");
	if (!is_valid)
		return;
	(void)lease_remove(sim, tile, event->session);
	bool is_grid = work_is_grid(tile->work);
	const struct sim_session *session = sim_session_find(sim, event->session);
	bool is_leaving = session->was_drained || session->credit == 0;
	bool is_unbegun = event->type == EVENT_FAIL && event->code == BROT_E_CANCELLED &&
			  is_leaving;
	bool is_bare = is_grid && tile->phase == 1 && !event->done.has_pixels;
	if (event->type == EVENT_DONE && is_grid && !is_bare)
		sim_grid_done(sim, job, &event->tile, &tile->rect);
	else if (is_grid && !is_unbegun)
		sim_grid_taint(job, tile->work);
	if (event->type != EVENT_DONE)
		forget_lease(sim);
	if (event->type != EVENT_DONE)
		job->fails++;
	else if (!is_grid)
		sim->done_job = job;
}

void sim_check_event(struct sim *sim, const struct sched_event *event)
{
	sim->done_job = NULL;
	for (unsigned i = 0; i < sim->session_count; i++)
		sim->sessions[i].got_tile = false;
	if (event->type == EVENT_WATCH || event->type == EVENT_ATTACH) {
		struct sim_job *job = sim_job_by_id(sim, event->job);
		if (job != NULL)
			job->heard_ms = sim->now_ms;
	} else if (event->type == EVENT_SUBMIT) {
		sim->jobs[sim->submitting - 1].heard_ms = sim->now_ms;
	}
	bool is_in_session = event->type == EVENT_CREDIT || event->type == EVENT_MAPPED ||
			     event->type == EVENT_DONE || event->type == EVENT_FAIL ||
			     event->type == EVENT_BEAT;
	struct sim_session *session = sim_session_find(sim, event->session);
	if (!is_in_session || session == NULL || session->peer != event->peer)
		return;
	session->has_spoken = true;
	if (event->type == EVENT_CREDIT)
		session->credit = event->credit < LIMIT_CREDIT ? event->credit : LIMIT_CREDIT;
	if (event->type == EVENT_DONE || event->type == EVENT_FAIL)
		check_answer(sim, event);
}

static void check_welcome(struct sim *sim, const struct sched_action *action)
{
	if (sim_session_find(sim, action->session) != NULL)
		return; /* an echo of a BEAT */
	if (sim->session_count == SESSIONS_MAX) {
		sim_break(sim, "more sessions than workers");
		return;
	}
	struct sim_session *session = &sim->sessions[sim->session_count++];
	*session = (struct sim_session){.session = action->session, .peer = action->peer};
}

static void check_new_lease(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	const struct tile_name *name = &action->tile;
	if (work_is_grid(name->work)) {
		const struct sim_tile *tile = tile_find(job, name->tile);
		sim_grid_lease(sim, job, action, tile != NULL && tile->work == name->work);
		return;
	}
	uint32_t band = work_band(name->work), first, count, before = 0;
	if (!job->row.exists || band >= job->plan.band_count || !job->images[band].exists ||
	    name->phase >= job->plan.phase_count) {
		sim_break(sim, "job %" PRIu64 ": a tile of nothing was leased", job->id);
		return;
	}
	struct segment_grid grid = plan_band_grid(&job->plan, name->phase, band);
	if (!rect_segment_run(&grid, &action->rect, &first, &count)) {
		sim_break(sim, "job %" PRIu64 ": tile %u is no run of segments", job->id,
			  name->tile);
		return;
	}
	for (uint32_t p = 0; p < name->phase; p++) {
		struct segment_grid earlier = plan_band_grid(&job->plan, p, band);
		before += segment_count(&earlier);
	}
	for (uint32_t i = before + first; i < before + first + count; i++)
		if (job->images[band].applied[i] != 0)
			sim_break(sim, "job %" PRIu64 ": segment %u was leased but is done",
				  job->id, i);
	job->leased_segments += count;
}

static void check_tile(struct sim *sim, const struct sched_action *action)
{
	struct sim_session *session = sim_session_find(sim, action->session);
	struct sim_job *job = sim_job_by_id(sim, work_job(action->tile.work));
	if (session == NULL || session->peer != action->peer || job == NULL) {
		sim_break(sim, "a tile was leased to nobody, or of no job");
		return;
	}
	/* Rows are asked of those who leave too, and those wait for it. */
	bool is_rows = work_is_grid(action->tile.work) && action->tile.phase == 1;
	if ((session->was_drained || session->credit == 0) && !is_rows)
		sim_break(sim, "tile %u was leased to a worker that is draining",
			  action->tile.tile);
	check_new_lease(sim, job, action);
	struct sim_tile *tile = tile_make(sim, job, action->tile.tile);
	if (tile == NULL)
		return;
	bool is_same = (tile->work == action->tile.work || work_is_grid(tile->work)) &&
		       tile->phase == action->tile.phase &&
		       memcmp(&tile->rect, &action->rect, sizeof tile->rect) == 0;
	if (tile->is_cut && (!is_same || tile->is_done))
		sim_break(sim, "job %" PRIu64 ": tile %u was leased as another", job->id,
			  action->tile.tile);
	if (action->tile.attempt <= tile->last_attempt)
		sim_break(sim, "job %" PRIu64 ": tile %u attempt %u came after %u", job->id,
			  action->tile.tile, action->tile.attempt, tile->last_attempt);
	if (tile->lease_count == LEASES_MAX) {
		sim_break(sim, "job %" PRIu64 ": tile %u was leased too often", job->id,
			  action->tile.tile);
		return;
	}
	tile->is_cut = true;
	tile->work = action->tile.work;
	tile->phase = action->tile.phase;
	tile->rect = action->rect;
	tile->last_attempt = action->tile.attempt;
	tile->leases[tile->lease_count++] = (struct sim_lease){action->session, action->tile.work,
							       action->tile.attempt};
	session->held++;
	session->got_tile |= !is_rows;
}

static void check_apply(struct sim *sim, const struct sched_action *action)
{
	struct sim_job *job = sim->done_job;
	if (job == NULL || !is_same_tile(&action->tile, &sim->event->tile)) {
		sim_break(sim, "tile %u was applied, but not by its holder", action->tile.tile);
		return;
	}
	job->tiles[action->tile.tile].is_done = true;
	sim->done_job = NULL;
}

static void check_cancel(struct sim *sim, const struct sched_action *action)
{
	struct sim_job *job = sim_job_by_id(sim, work_job(action->work));
	for (uint32_t i = 0; job != NULL && i < job->tile_count; i++)
		if (lease_work(&job->tiles[i], action->session) == action->work) {
			(void)lease_remove(sim, &job->tiles[i], action->session);
			forget_lease(sim);
		}
}

static void check_revoke(struct sim *sim, const struct sched_action *action)
{
	struct sim_job *job = sim_job_by_id(sim, work_job(action->tile.work));
	struct sim_tile *tile = tile_find(job, action->tile.tile);
	if (tile == NULL || !tile->is_done || !is_held(tile, &action->tile, action->session))
		sim_break(sim, "tile %u was revoked from one that does not hold it, or undone",
			  action->tile.tile);
	else
		(void)lease_remove(sim, tile, action->session);
}

void sim_check_action(struct sim *sim, const struct sched_action *action)
{
	struct sim_session *session = sim_session_find(sim, action->session);
	struct sim_job *job = sim_job_by_id(sim, action->job);
	if (action->type == ACTION_ACCEPTED && job != NULL)
		job->heard_ms = sim->now_ms;
	if (action->type == ACTION_WELCOME)
		check_welcome(sim, action);
	else if (action->type == ACTION_JOB && work_is_grid(action->work) && job != NULL)
		sim_grid_begin(sim, job, action);
	else if (action->type == ACTION_TILE)
		check_tile(sim, action);
	else if (action->type == ACTION_APPLY)
		check_apply(sim, action);
	else if (action->type == ACTION_CANCEL)
		check_cancel(sim, action);
	else if (action->type == ACTION_REVOKE)
		check_revoke(sim, action);
	else if (action->type == ACTION_DRAIN && session != NULL)
		session->was_drained = true;
	else if (action->type == ACTION_BAND && job != NULL)
		sim_image_is_read(sim, job, action);
	else if ((action->type == ACTION_FINISHED || action->type == ACTION_PROGRESS) &&
		 job != NULL)
		sim_image_report(sim, job, action);
}

/* After the step */

static void check_worker(const struct worker_report *report, void *context)
{
	struct sim *sim = context;
	struct sim_session *session = sim_session_find(sim, report->session);
	if (session == NULL) {
		sim_break(sim, "a worker was not welcomed");
		return;
	}
	session->is_seen = true;
	if (report->tiles_held != session->held)
		sim_break(sim, "worker %s holds %u tiles, but %u were leased", report->info->name,
			  report->tiles_held, session->held);
	if (report->credit != session->credit)
		sim_break(sim, "worker %s said credit %u, not %u", report->info->name,
			  session->credit, report->credit);
	if (session->got_tile && session->held > session->credit)
		sim_break(sim, "worker %s has %u tiles and credit %u", report->info->name,
			  session->held, session->credit);
	if (session->was_drained && !report->is_draining)
		sim_break(sim, "worker %s was drained, and is not draining", report->info->name);
}

static void drop_leases(struct sim *sim, uint64_t session)
{
	for (unsigned j = 0; j < sim->job_count; j++) {
		struct sim_job *job = &sim->jobs[j];
		for (uint32_t i = 0; i < job->tile_count; i++) {
			uint64_t work = lease_work(&job->tiles[i], session);
			if (!lease_remove(sim, &job->tiles[i], session))
				continue;
			job->leases_lost++;
			forget_lease(sim);
			sim_grid_taint(job, work);
		}
		sim_grids_leave(job, session);
	}
}

static void check_workers(struct sim *sim)
{
	for (unsigned i = 0; i < sim->session_count; i++)
		sim->sessions[i].is_seen = false;
	sched_each_worker(sim->sched, sim->now_ms, check_worker, sim);
	for (unsigned i = sim->session_count; i-- > 0;)
		if (!sim->sessions[i].is_seen) {
			drop_leases(sim, sim->sessions[i].session);
			sim->sessions[i] = sim->sessions[--sim->session_count];
		}
}

static void check_copies(struct sim *sim, const struct sched_action *action)
{
	const struct sim_job *job = sim_job_by_id(sim, work_job(action->tile.work));
	if (job == NULL || action->tile.tile >= job->tile_count)
		return;
	const struct sim_tile *tile = &job->tiles[action->tile.tile];
	bool is_twice = tile->lease_count == 2 &&
			tile->leases[0].session == tile->leases[1].session;
	if (tile->lease_count > LIMIT_COPIES || is_twice)
		sim_break(sim, "job %" PRIu64 ": tile %u is leased %u times", job->id,
			  action->tile.tile, tile->lease_count);
	struct job_report report;
	bool is_rows = work_is_grid(action->tile.work) && action->tile.phase == 1;
	if (job->row.exists && !is_rows &&
	    (!sched_job_report(sim->sched, job->id, sim->now_ms, &report) || report.is_paused))
		sim_break(sim, "job %" PRIu64 ": a tile of it was leased while it was paused",
			  job->id);
}

static bool has_open_band(const struct sim *sim, const struct sim_job *job)
{
	for (uint32_t b = 0; b < job->plan.band_count; b++)
		if (job->images[b].exists &&
		    !sched_band_is_complete(sim->sched, work_id(job->id, b)))
			return true;
	return false;
}

static bool is_only_job(const struct sim *sim, const struct sim_job *job)
{
	for (unsigned j = 0; j < sim->job_count; j++) {
		const struct sim_job *other = &sim->jobs[j];
		if (other != job && other->row.exists &&
		    strcmp(other->row.report.client, job->row.report.client) == 0)
			return false;
	}
	return true;
}

/* Of those who wait for their first lease, when another client is given one. */
static void check_fairness(struct sim *sim, const struct sched_action *action)
{
	const struct sim_job *given = sim_job_by_id(sim, work_job(action->tile.work));
	for (unsigned j = 0; j < sim->job_count; j++) {
		struct sim_job *job = &sim->jobs[j];
		struct job_report report;
		if (!job->row.exists || job->tile_count > 0 || given == NULL ||
		    strcmp(given->row.report.client, job->row.report.client) == 0 ||
		    !sched_job_report(sim->sched, job->id, sim->now_ms, &report))
			continue;
		bool could_run = report.state == JOB_QUEUED && !report.is_paused &&
				 job->fails == 0 && has_open_band(sim, job) &&
				 is_only_job(sim, job);
		if (!could_run)
			job->ready_ms = sim->now_ms;
		else if (sim->now_ms - job->ready_ms >= PATIENCE_MS &&
			 ++job->passed_over > PASSED_MOST)
			sim_break(sim, "job %" PRIu64 ": its client starves", job->id);
	}
}

static void check_jobs(struct sim *sim)
{
	uint32_t stored = 0;
	uint64_t bytes = 0, again = 0;
	for (unsigned j = 0; j < sim->job_count; j++) {
		struct sim_job *job = &sim->jobs[j];
		for (uint32_t b = 0; b < job->plan.band_count; b++) {
			if (!job->images[b].exists)
				continue;
			bytes += plan_band_layout(&job->plan, b).total_bytes;
			if (!job->row.exists)
				sim_break(sim, "job %" PRIu64 " has ended and left an image",
					  job->id);
		}
		bytes += sim_grids_bytes(job);
		if (!job->row.exists && sim_grids_bytes(job) > 0)
			sim_break(sim, "job %" PRIu64 " has ended and left a grid", job->id);
		if (!job->row.exists)
			continue;
		stored++;
		/* A job that had finished gave up its grids' room, and may have to begin again. */
		if (sim->life > 0)
			again += job->plan.grids > 0 ? plan_grids_bytes(&job->plan, job->plan.grids)
						     : 0;
		struct job_report report;
		if (!sched_job_report(sim->sched, job->id, sim->now_ms, &report))
			sim_break(sim, "job %" PRIu64 " was lost", job->id);
	}
	struct sched_totals totals;
	sched_totals(sim->sched, &totals);
	uint32_t known = totals.jobs_queued + totals.jobs_running + totals.jobs_paused +
			 totals.jobs_finished + totals.jobs_failed;
	if (known != stored)
		sim_break(sim, "%u jobs are known, %u are stored", known, stored);
	if (bytes > totals.image_bytes || totals.image_bytes > sim->limits.image_bytes + again)
		sim_break(sim,
			  "images take %" PRIu64 " bytes, %" PRIu64 " are counted, and %" PRIu64
			  " are the most",
			  bytes, totals.image_bytes, sim->limits.image_bytes);
}

void sim_check_step(struct sim *sim)
{
	check_workers(sim);
	for (size_t i = 0; i < sim->actions.count; i++)
		if (sim->actions.items[i].type == ACTION_TILE) {
			check_copies(sim, &sim->actions.items[i]);
			check_fairness(sim, &sim->actions.items[i]);
		}
	check_jobs(sim);
}

bool sim_is_clean(struct sim *sim)
{
	for (unsigned j = 0; j < sim->job_count; j++) {
		const struct sim_job *job = &sim->jobs[j];
		if (job->row.exists)
			sim_break(sim, "job %" PRIu64 " has not ended", job->id);
		for (uint32_t b = 0; b < job->plan.band_count; b++)
			if (job->images[b].exists)
				sim_break(sim, "job %" PRIu64 " has left an image", job->id);
		if (sim_grids_bytes(job) > 0)
			sim_break(sim, "job %" PRIu64 " has left a grid", job->id);
	}
	for (unsigned i = 0; i < sim->session_count; i++)
		if (sim->sessions[i].held > 0)
			sim_break(sim, "a worker holds a tile of nothing");
	return sim->broken[0] == '\0';
}
