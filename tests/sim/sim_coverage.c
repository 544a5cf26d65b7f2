/* sim_coverage.c - counts which events met which states. */
#include "tests/sim/sim_coverage.h"

#include <string.h>

#include "tests/sim/sim_internal.h"

static uint64_t counts[COVER_STATE_COUNT][EVENT_TYPE_COUNT];

static const char *const state_names[COVER_STATE_COUNT] = {
	[COVER_JOB_UNKNOWN] = "job unknown",
	[COVER_JOB_CREATING] = "job creating",
	[COVER_JOB_QUEUED] = "job queued",
	[COVER_JOB_RUNNING] = "job running",
	[COVER_JOB_PAUSED] = "job paused",
	[COVER_JOB_FINISHED] = "job finished",
	[COVER_JOB_FAILED] = "job failed",
	[COVER_BANDED_CREATING] = "banded creating",
	[COVER_BANDED_RENDERING] = "banded rendering",
	[COVER_BANDED_READABLE] = "banded readable",
	[COVER_BANDED_PAUSED] = "banded paused",
	[COVER_BANDED_FAILED] = "banded failed",
	[COVER_COUNTED_CREATING] = "counted creating",
	[COVER_COUNTED_SAMPLING] = "counted sampling",
	[COVER_COUNTED_SUMMING] = "counted summing",
	[COVER_COUNTED_PAUSED] = "counted paused",
	[COVER_COUNTED_FAILED] = "counted failed",
	[COVER_WORKER_UNKNOWN] = "worker unknown",
	[COVER_WORKER_WELCOMED] = "worker welcomed",
	[COVER_WORKER_IDLE] = "worker idle",
	[COVER_WORKER_HOLDING] = "worker holding",
	[COVER_WORKER_DRAINING] = "worker draining",
	[COVER_WORKER_MOVED] = "worker moved",
	[COVER_TILE_NEVER_CUT] = "tile never cut",
	[COVER_TILE_WAITING] = "tile waiting",
	[COVER_TILE_LEASED] = "tile leased",
	[COVER_TILE_LEASED_TWICE] = "tile leased twice",
	[COVER_TILE_HELD] = "tile held",
	[COVER_TILE_DONE] = "tile done",
	[COVER_TILE_OTHER_LIFE] = "tile of another life",
};

static const char *const event_names[EVENT_TYPE_COUNT] = {
	[EVENT_TICK] = "tick",
	[EVENT_STOP] = "stop",
	[EVENT_UNREACHABLE] = "unreachable",
	[EVENT_SUBMIT] = "submit",
	[EVENT_IMAGE_READY] = "image_ready",
	[EVENT_IMAGE_FAILED] = "image_failed",
	[EVENT_COMMITTED] = "committed",
	[EVENT_SUMMED] = "summed",
	[EVENT_WATCH] = "watch",
	[EVENT_CANCEL_JOB] = "cancel_job",
	[EVENT_RELEASE] = "release",
	[EVENT_ATTACH] = "attach",
	[EVENT_PAUSE] = "pause",
	[EVENT_RESUME] = "resume",
	[EVENT_RETRY] = "retry",
	[EVENT_PRIORITY] = "priority",
	[EVENT_DRAIN_WORKER] = "drain_worker",
	[EVENT_RESTORE] = "restore",
	[EVENT_HELLO] = "hello",
	[EVENT_CREDIT] = "credit",
	[EVENT_MAPPED] = "mapped",
	[EVENT_DONE] = "done",
	[EVENT_FAIL] = "fail",
	[EVENT_BEAT] = "beat",
	[EVENT_BYE] = "bye",
	[EVENT_GONE] = "gone",
};

const char *coverage_state_name(enum coverage_state state)
{
	return state_names[state];
}

const char *coverage_event_name(enum sched_event_type type)
{
	return event_names[type];
}

void coverage_reset(void)
{
	memset(counts, 0, sizeof counts);
}

uint64_t coverage_count(enum coverage_state state, enum sched_event_type type)
{
	return counts[state][type];
}

static bool is_of_job(enum sched_event_type type)
{
	return type >= EVENT_SUBMIT && type <= EVENT_RESTORE && type != EVENT_DRAIN_WORKER;
}

static bool is_of_worker(enum sched_event_type type)
{
	return (type >= EVENT_HELLO && type <= EVENT_GONE) || type == EVENT_UNREACHABLE ||
	       type == EVENT_DRAIN_WORKER;
}

bool coverage_applies(enum coverage_state state, enum sched_event_type type)
{
	bool is_of_all = type == EVENT_TICK || type == EVENT_STOP;
	if (state < COVER_WORKER_UNKNOWN)
		return is_of_job(type) || (is_of_all && state != COVER_JOB_UNKNOWN);
	if (state < COVER_TILE_NEVER_CUT) {
		bool has_session = state != COVER_WORKER_UNKNOWN && state != COVER_WORKER_MOVED;
		return is_of_worker(type) || (is_of_all && has_session);
	}
	return type == EVENT_DONE || type == EVENT_FAIL;
}

static bool is_readable(const struct sim *sim, const struct job_report *report)
{
	for (uint32_t b = report->bands_released; b < report->bands; b++)
		if (b - report->bands_released < LIMIT_OPEN_BANDS &&
		    sched_band_is_complete(sim->sched, work_id(report->job, b)))
			return true;
	return false;
}

static enum coverage_state state_of_counted(const struct job_report *report,
					    const struct plan *plan)
{
	if (report->state == JOB_CREATING)
		return COVER_COUNTED_CREATING;
	if (report->state == JOB_FAILED)
		return COVER_COUNTED_FAILED;
	if (report->state == JOB_FINISHED)
		return COVER_JOB_FINISHED;
	if (report->is_paused)
		return COVER_COUNTED_PAUSED;
	return report->pixels_done < plan->points ? COVER_COUNTED_SAMPLING : COVER_COUNTED_SUMMING;
}

static enum coverage_state state_of_report(struct sim *sim, const struct job_report *report)
{
	const struct sim_job *job = sim_job_by_id(sim, report->job);
	if (job != NULL && job->plan.grids > 0)
		return state_of_counted(report, &job->plan);
	bool is_banded = report->bands > 1;
	if (report->state == JOB_CREATING)
		return is_banded ? COVER_BANDED_CREATING : COVER_JOB_CREATING;
	if (report->state == JOB_FAILED)
		return is_banded ? COVER_BANDED_FAILED : COVER_JOB_FAILED;
	if (report->state == JOB_FINISHED)
		return COVER_JOB_FINISHED;
	if (report->is_paused)
		return is_banded ? COVER_BANDED_PAUSED : COVER_JOB_PAUSED;
	if (is_banded)
		return is_readable(sim, report) ? COVER_BANDED_READABLE : COVER_BANDED_RENDERING;
	return report->state == JOB_QUEUED ? COVER_JOB_QUEUED : COVER_JOB_RUNNING;
}

struct count {
	struct sim *sim;
	enum sched_event_type type;
	uint64_t peer, session;
	const char *text;
	bool was_found;
};

static void count_job(const struct job_report *report, void *context)
{
	const struct count *count = context;
	counts[state_of_report(count->sim, report)][count->type]++;
}

static enum coverage_state state_of_worker(const struct sim_session *session,
					   const struct worker_report *report)
{
	if (session == NULL || !session->has_spoken)
		return COVER_WORKER_WELCOMED;
	if (report->is_draining)
		return COVER_WORKER_DRAINING;
	return report->tiles_held > 0 ? COVER_WORKER_HOLDING : COVER_WORKER_IDLE;
}

/* Those that the event is about: by session, by connection, by name, or all. */
static void count_worker(const struct worker_report *report, void *context)
{
	struct count *count = context;
	const struct sim_session *session = sim_session_find(count->sim, report->session);
	uint64_t peer = session != NULL ? session->peer : 0;
	bool is_of_all = count->type == EVENT_TICK || count->type == EVENT_STOP;
	bool is_by_peer = count->type == EVENT_HELLO || count->type == EVENT_UNREACHABLE;
	bool is_it = report->session == count->session;
	if (count->type == EVENT_DRAIN_WORKER)
		is_it = strcmp(report->info->name, count->text) == 0;
	else if (is_by_peer)
		is_it = peer == count->peer;
	if (!is_it && !is_of_all)
		return;
	count->was_found = true;
	enum coverage_state state = state_of_worker(session, report);
	if (is_it && !is_by_peer && count->type != EVENT_DRAIN_WORKER && peer != count->peer &&
	    count->type != EVENT_GONE)
		state = COVER_WORKER_MOVED;
	counts[state][count->type]++;
}

static enum coverage_state state_of_tile(struct sim *sim, const struct sched_event *event)
{
	struct sim_job *job = sim_job_by_id(sim, work_job(event->tile.work));
	bool is_grid = work_is_grid(event->tile.work);
	uint32_t band = is_grid ? 0 : work_band(event->tile.work);
	if (job == NULL || !job->row.exists || band >= job->plan.band_count ||
	    !job->images[band].exists || sim_session_find(sim, event->session) == NULL)
		return COVER_TILE_OTHER_LIFE;
	if (event->tile.tile >= job->tile_count || !job->tiles[event->tile.tile].is_cut)
		return COVER_TILE_NEVER_CUT;
	const struct sim_tile *tile = &job->tiles[event->tile.tile];
	if (tile->is_done)
		return COVER_TILE_DONE;
	if (tile->lease_count == 0 && is_grid && sim_grid_holds(job, tile))
		return COVER_TILE_HELD;
	if (tile->lease_count == 0)
		return COVER_TILE_WAITING;
	return tile->lease_count == 1 ? COVER_TILE_LEASED : COVER_TILE_LEASED_TWICE;
}

static uint64_t job_of_event(struct sim *sim, const struct sched_event *event)
{
	if (event->type == EVENT_SUBMIT)
		return sim->jobs[sim->submitting - 1].id;
	if (event->type == EVENT_IMAGE_READY || event->type == EVENT_IMAGE_FAILED ||
	    event->type == EVENT_COMMITTED || event->type == EVENT_SUMMED)
		return work_job(event->work);
	return event->job;
}

void sim_coverage_event(struct sim *sim, const struct sched_event *event)
{
	struct count count = {sim, event->type, event->peer, event->session, event->text, false};
	if (event->type == EVENT_TICK || event->type == EVENT_STOP)
		sched_each_job(sim->sched, sim->now_ms, count_job, &count);
	if (is_of_job(event->type)) {
		struct job_report report;
		bool is_known = sched_job_report(sim->sched, job_of_event(sim, event), sim->now_ms,
						 &report);
		counts[is_known ? state_of_report(sim, &report) : COVER_JOB_UNKNOWN][event->type]++;
	}
	bool is_of_all = event->type == EVENT_TICK || event->type == EVENT_STOP;
	if (is_of_all || is_of_worker(event->type)) {
		sched_each_worker(sim->sched, sim->now_ms, count_worker, &count);
		if (!count.was_found && !is_of_all)
			counts[COVER_WORKER_UNKNOWN][event->type]++;
	}
	if (event->type == EVENT_DONE || event->type == EVENT_FAIL)
		counts[state_of_tile(sim, event)][event->type]++;
}
