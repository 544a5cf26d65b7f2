/* sim_store.c - what outlives a broker: its store, its images' marks, and its peers. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_internal.h"

void sim_store_add(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	if (action->report.job != job->id)
		sim_break(sim, "job %" PRIu64 ": there was nothing to store of it", job->id);
	job->row = (struct sim_row){
		.exists = true,
		.report = action->report,
		.accepted_ms = sim->now_ms,
		.finished_ms = -1,
	};
	job->heard_ms = sim->now_ms;
	job->fails = job->leases_lost = 0;
	job->passed_over = 0;
	job->ready_ms = sim->now_ms;
	job->tile_count = 0;
	for (uint32_t b = 0; b < job->plan.band_count; b++)
		job->images[b].is_delivered = false;
}

static bool is_over(const struct job_report *report)
{
	return report->state == JOB_FINISHED || report->state == JOB_FAILED;
}

void sim_store_record(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	struct sim_row *row = &job->row;
	if (!row->exists || action->report.job != job->id)
		sim_break(sim, "job %" PRIu64 ": what is not stored was recorded", job->id);
	if (!is_over(&action->report))
		row->finished_ms = -1;
	else if (row->finished_ms < 0)
		row->finished_ms = sim->now_ms;
	row->report = action->report;
	/* From the top again. */
	for (uint32_t b = 0; sim->event->type == EVENT_ATTACH && b < job->plan.band_count; b++)
		job->images[b].is_delivered = false;
	row->code = action->code;
	memcpy(row->text, action->text, sizeof row->text);
}

static bool may_end(const struct sim *sim, const struct sim_job *job, enum job_end end)
{
	const struct sched_event *event = sim->event;
	const struct sim_row *row = &job->row;
	int64_t since_ms = row->finished_ms;
	switch (end) {
	case JOB_END_RELEASED:
		if (event->type == EVENT_RESTORE) /* the end itself was lost */
			return row->report.bands > 1 &&
			       row->report.bands_released == row->report.bands;
		return event->type == EVENT_RELEASE && event->job == job->id;
	case JOB_END_CANCELLED:
		return event->type == EVENT_CANCEL_JOB && event->job == job->id;
	case JOB_END_ABANDONED:
		return event->type == EVENT_TICK && !row->report.is_kept &&
		       sim->now_ms - job->heard_ms >= sim->limits.lost_ms;
	case JOB_END_EXPIRED:
		if (row->report.bands > 1 && row->finished_ms < 0)
			since_ms = job->heard_ms; /* its bands waited to be read */
		return event->type == EVENT_TICK && row->report.is_kept && since_ms >= 0 &&
		       sim->now_ms - since_ms >= sim->limits.retention_ms &&
		       sim->now_ms - job->heard_ms >= sim->limits.lost_ms;
	case JOB_END_FAILED:
		return !row->report.is_kept || event->type == EVENT_IMAGE_FAILED ||
		       event->type == EVENT_STOP;
	case JOB_END_COUNT:
		break;
	}
	return false;
}

void sim_store_end(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	if (!job->row.exists)
		sim_break(sim, "job %" PRIu64 ": ended twice", job->id);
	else if (!may_end(sim, job, action->end))
		sim_break(sim, "job %" PRIu64 ": ended for no reason (%d)", job->id, action->end);
	if (sim->event->type == EVENT_STOP && sim->limits.is_durable)
		sim_break(sim, "job %" PRIu64 ": ended, but the broker has a store", job->id);
	job->row.exists = false;
}

/* A new life */

/* What waits at a peer for the new broker may reach it; what the old one had taken is lost. */
static void connect_again(struct sim *sim, struct sim_link *link)
{
	struct sim_link old = *link;
	sim_link_new(sim, link);
	link->last_in_ms = old.last_in_ms;
	link->last_out_ms = old.last_out_ms;
	bool in_waits = sim_random(sim, 2) == 0, out_arrives = sim_random(sim, 2) == 0;
	for (struct flight *f = sim->flights; f != NULL; f = f->next) {
		if (f->connection != old.connection || !(f->is_to_broker ? in_waits : out_arrives))
			continue;
		f->connection = link->connection;
		f->event.peer = link->peer;
	}
}

static void sweep(struct sim *sim, struct sim_job *job, bool is_reboot)
{
	uint32_t first = job->row.report.bands_released;
	for (uint32_t b = 0; b < job->plan.band_count; b++) {
		bool is_kept = job->row.exists && b >= first && b - first < LIMIT_OPEN_BANDS;
		if (!is_kept || is_reboot)
			job->images[b].exists = false;
		job->images[b].is_delivered = job->row.exists && b < first;
		if (job->images[b].exists)
			sim_image_lose_unmarked(job, b);
	}
	if (job->plan.grids > 0)
		sim_image_lose_sums(job, is_reboot);
	free(job->tiles);
	job->tiles = NULL;
	job->tile_count = 0;
	job->heard_ms = sim->now_ms;
	job->passed_over = 0;
	job->ready_ms = sim->now_ms;
	(void)sim;
}

static void restore(struct sim *sim, struct sim_job *job)
{
	const struct sim_row *row = &job->row;
	const struct job_report *report = &row->report;
	struct sched_restore restore = {
		.plan = &job->plan,
		.priority = report->priority,
		.is_kept = report->is_kept,
		.is_paused = report->is_paused,
		.code = report->state == JOB_FAILED ? row->code : BROT_OK,
		.text = report->state == JOB_FAILED ? row->text : NULL,
		.bands_released = report->bands_released,
		.tiles_done = report->tiles_done,
		.retries = report->retries,
		.workers = report->workers,
		.iterations = report->iterations,
		.worker_us = report->worker_us,
		.accepted_ago_ms = sim->now_ms - row->accepted_ms,
		.finished_ago_ms = row->finished_ms < 0 ? -1 : sim->now_ms - row->finished_ms,
	};
	memcpy(restore.key, job->key, sizeof restore.key);
	memcpy(restore.client, report->client, sizeof restore.client);
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		uint32_t band = report->bands_released + i;
		if (band < job->plan.band_count && job->images[band].exists)
			restore.bits[i] = job->images[band].bits;
	}
	sim_grids_restore(job, &restore);
	struct sched_event event = {.type = EVENT_RESTORE, .job = job->id, .restore = &restore};
	sim_step(sim, &event);
}

static void live_again(struct sim *sim, bool is_reboot)
{
	sched_free(sim->sched);
	sim->sched = sched_new(&sim->limits);
	sim_log_limits(sim);
	sim->is_dead = false;
	sim->is_restoring = true;
	sim->session_count = 0;
	sim->created_work = 0;
	sim->committed_work = 0;
	sim->life++;
	sim->done_job = NULL;
	for (unsigned w = 0; w < sim->worker_count; w++)
		connect_again(sim, &sim->workers[w].link);
	for (unsigned c = 0; c < sim->client_count; c++)
		connect_again(sim, &sim->clients[c].link);
	for (unsigned j = 0; j < sim->job_count; j++) {
		sim->jobs[j].row.exists &= sim->limits.is_durable;
		sweep(sim, &sim->jobs[j], is_reboot);
	}
	/* As the store lists them: by id. */
	for (uint64_t id = 1; id <= sim->last_job && !sim->is_dead; id++) {
		struct sim_job *job = sim_job_by_id(sim, id);
		if (job != NULL && job->row.exists)
			restore(sim, job);
	}
	sim->is_restoring = false;
	if (!sim->is_dead)
		sim_check_step(sim);
}

void sim_bury(struct sim *sim, bool is_reboot)
{
	unsigned submitting = sim->submitting;
	sim->submitting = 0;
	do
		live_again(sim, is_reboot);
	while (sim->is_dead);
	sim->submitting = submitting;
}

void sim_restart(struct sim *sim, enum sim_restart how)
{
	static const char *const names[] = {"killed", "stopped", "reboots"};
	sim_note(sim, "broker: %s", names[how]);
	if (how == SIM_RESTART_STOP) {
		struct sched_event stop = {.type = EVENT_STOP};
		sim_step(sim, &stop);
	}
	sim_bury(sim, how == SIM_RESTART_REBOOT);
}

void sim_restart_after(struct sim *sim, unsigned things)
{
	sim->die_in = things;
}

bool sim_is_restart_due(const struct sim *sim)
{
	return sim->die_in > 0;
}

void sim_fail_next_sum(struct sim *sim, unsigned sums)
{
	sim->fail_sums = sums;
}

void sim_fail_next_commit(struct sim *sim, unsigned commits)
{
	sim->fail_commits = commits;
}

void sim_fail_next_image(struct sim *sim, unsigned images)
{
	sim->fail_images = images;
}
