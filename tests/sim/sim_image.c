/* sim_image.c - what of a job's image is there, kept apart from what the scheduler counts. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
#include "tests/sim/sim_internal.h"

static uint32_t segments_of(const struct plan *plan)
{
	uint32_t segments = 0;
	for (uint32_t p = 0; p < plan->phase_count; p++)
		segments += segment_count(&plan->phases[p].grid);
	return segments;
}

void sim_image_make(struct sim_job *job)
{
	job->applied = calloc(segments_of(&job->plan), 1);
	job->marked = calloc(segment_count(&job->plan.layout.grid), sizeof job->marked[0]);
	assert(job->applied != NULL && job->marked != NULL);
}

void sim_image_clear(struct sim_job *job)
{
	free(job->applied);
	free(job->marked);
	sim_image_make(job);
}

static void mark(struct sim_job *job, const struct rect *rect)
{
	uint32_t first, count;
	bool is_run = rect_segment_run(&job->plan.layout.grid, rect, &first, &count);
	assert(is_run);
	(void)is_run;
	for (uint32_t i = first; i < first + count; i++)
		job->marked[i] = true;
}

void sim_image_apply(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	uint32_t phase = action->tile.phase, first, count, before = 0;
	if (phase >= job->plan.phase_count ||
	    !rect_segment_run(&job->plan.phases[phase].grid, &action->rect, &first, &count)) {
		sim_break(sim, "a tile of job %" PRIu64 " was applied that cannot be", action->job);
		return;
	}
	for (uint32_t p = 0; p < phase; p++)
		before += segment_count(&job->plan.phases[p].grid);
	for (uint32_t i = 0; i < before; i++)
		if (job->applied[i] != 1)
			sim_break(sim, "phase %u of job %" PRIu64 " began before segment %u", phase,
				  action->job, i);
	for (uint32_t i = before + first; i < before + first + count; i++)
		if (job->applied[i]++ > 0)
			sim_break(sim, "segment %u of job %" PRIu64 " was applied twice", i,
				  action->job);
	if (phase + 1 < job->plan.phase_count)
		return;
	mark(job, &action->rect);
	if (plan_is_mirrored(&job->plan)) {
		struct rect other = mirror_rect(job->plan.layout.grid.height_px, &action->rect);
		mark(job, &other);
	}
}

/* The pixels that are there, those of earlier phases included. */
static uint64_t pixels_there(const struct sim_job *job)
{
	const struct plan *plan = &job->plan;
	uint64_t pixels = 0;
	uint32_t segment = 0;
	for (uint32_t p = 0; p + 1 < plan->phase_count; p++) {
		const struct segment_grid *grid = &plan->phases[p].grid;
		for (uint32_t i = 0; i < segment_count(grid); i++, segment++)
			pixels += job->applied[segment] > 0 ? segment_run_rect(grid, i, 1).w : 0;
	}
	for (uint32_t i = 0; i < segment_count(&plan->layout.grid); i++)
		pixels += job->marked[i] ? segment_run_rect(&plan->layout.grid, i, 1).w : 0;
	return pixels;
}

void sim_image_report(struct sim *sim, const struct sim_job *job, const struct sched_action *action)
{
	bool is_finished = action->type == ACTION_FINISHED;
	uint64_t there = pixels_there(job);
	if (action->report.pixels_done != there || (is_finished && action->report.pixels != there))
		sim_break(sim,
			  "job %" PRIu64 ": %" PRIu64 " of %" PRIu64 " pixels are told, %" PRIu64
			  " are there",
			  action->job, action->report.pixels_done, action->report.pixels, there);
	for (uint32_t i = 0; is_finished && i < segments_of(&job->plan); i++)
		if (job->applied[i] != 1)
			sim_break(sim, "job %" PRIu64 " finished without segment %u", action->job,
				  i);
	for (uint32_t i = 0; is_finished && i < segment_count(&job->plan.layout.grid); i++)
		if (!job->marked[i])
			sim_break(sim, "job %" PRIu64 " finished without segment %u of its image",
				  action->job, i);
}

double sim_job_share(const struct sim *sim, unsigned job)
{
	const struct sim_job *j = &sim->jobs[job];
	uint32_t done = 0, count = segments_of(&j->plan);
	for (uint32_t i = 0; i < count; i++)
		done += j->applied[i] > 0;
	return (double)done / count;
}
