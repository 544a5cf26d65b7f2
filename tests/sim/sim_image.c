/* sim_image.c - what of a job's images is there, kept apart from what the scheduler counts. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
#include "tests/sim/sim_internal.h"

static uint32_t segments_before(const struct plan *plan, uint32_t band, uint32_t phase)
{
	uint32_t segments = 0;
	for (uint32_t p = 0; p < phase; p++) {
		struct segment_grid grid = plan_band_grid(plan, p, band);
		segments += segment_count(&grid);
	}
	return segments;
}

static struct segment_grid image_grid(const struct plan *plan, uint32_t band)
{
	return plan_band_layout(plan, band).grid;
}

static bool has_bit(const struct sim_image *image, uint32_t segment)
{
	return (image->bits[segment / 8] >> (segment % 8)) & 1;
}

void sim_images_new(struct sim_job *job)
{
	job->images = calloc(job->plan.band_count, sizeof job->images[0]);
	assert(job->images != NULL);
	for (uint32_t b = 0; b < job->plan.band_count; b++) {
		struct segment_grid grid = image_grid(&job->plan, b);
		struct sim_image *image = &job->images[b];
		image->applied = calloc(segments_before(&job->plan, b, job->plan.phase_count), 1);
		image->bits = calloc((segment_count(&grid) + 7) / 8, 1);
		assert(image->applied != NULL && image->bits != NULL);
	}
}

void sim_images_free(struct sim_job *job)
{
	for (uint32_t b = 0; b < job->plan.band_count; b++) {
		free(job->images[b].applied);
		free(job->images[b].bits);
	}
	free(job->images);
	free(job->tiles);
}

void sim_image_create(struct sim *sim, struct sim_job *job, uint32_t band)
{
	struct sim_image *image = &job->images[band];
	if (image->exists)
		sim_break(sim, "job %" PRIu64 ": the image of band %u was made twice", job->id,
			  band);
	struct segment_grid grid = image_grid(&job->plan, band);
	image->exists = true;
	image->is_delivered = false;
	memset(image->applied, 0, segments_before(&job->plan, band, job->plan.phase_count));
	memset(image->bits, 0, (segment_count(&grid) + 7) / 8);
}

void sim_image_drop(struct sim *sim, struct sim_job *job, uint32_t band)
{
	struct sim_image *image = &job->images[band];
	if (!image->exists)
		sim_break(sim, "job %" PRIu64 ": the image of band %u was dropped, but is none",
			  job->id, band);
	image->exists = false;
	image->is_delivered = sim->event->type == EVENT_RELEASE && sim->event->band == band;
}

/* A new life of the broker knows of what is marked, and of nothing else. */
void sim_image_lose_unmarked(struct sim_job *job, uint32_t band)
{
	struct sim_image *image = &job->images[band];
	const struct plan *plan = &job->plan;
	uint32_t last = plan->phase_count - 1, before = segments_before(plan, band, last);
	struct segment_grid grid = plan_band_grid(plan, last, band);
	bool is_complete = true;
	for (uint32_t i = 0; i < segment_count(&grid); i++) {
		image->applied[before + i] = has_bit(image, i);
		is_complete = is_complete && has_bit(image, i);
	}
	memset(image->applied, is_complete, before);
	/* What the last phase was made from is lost, so it starts from the first. */
	if (before > 0 && !is_complete)
		memset(image->applied + before, 0, segment_count(&grid));
}

/* What its grids have of the samples is still there; what was added up into the image is not,
 * unless that is complete. */
void sim_image_lose_sums(struct sim_job *job, bool is_reboot)
{
	struct sim_image *image = &job->images[0];
	uint32_t samples = job->plan.counts.segments, rows = segment_count(&job->plan.layout.grid);
	bool is_complete = image->exists;
	for (uint32_t i = 0; i < rows; i++)
		is_complete = is_complete && has_bit(image, i);
	sim_grids_outlive(job, is_reboot);
	if (is_complete)
		memset(image->applied, 1, samples + rows);
	else
		memset(image->applied + samples, 0, rows);
}

static void mark(struct sim_image *image, const struct segment_grid *grid, const struct rect *rect)
{
	uint32_t first, count;
	bool is_run = rect_segment_run(grid, rect, &first, &count);
	assert(is_run);
	(void)is_run;
	for (uint32_t i = first; i < first + count; i++)
		image->bits[i / 8] |= (uint8_t)(1u << (i % 8));
}

/* Pixels first, then the marks: a broker may die between any two. */
void sim_image_apply(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	const struct plan *plan = &job->plan;
	uint32_t band = work_band(action->tile.work), phase = action->tile.phase, first, count;
	struct sim_image *image = &job->images[band];
	struct segment_grid grid = phase < plan->phase_count ? plan_band_grid(plan, phase, band)
							     : (struct segment_grid){0};
	if (!image->exists || phase >= plan->phase_count ||
	    !rect_segment_run(&grid, &action->rect, &first, &count)) {
		sim_break(sim, "a tile of job %" PRIu64 " was applied that cannot be", job->id);
		return;
	}
	uint32_t before = segments_before(plan, band, phase);
	for (uint32_t i = 0; i < before; i++)
		if (image->applied[i] != 1)
			sim_break(sim, "phase %u of job %" PRIu64 " began before segment %u", phase,
				  job->id, i);
	for (uint32_t i = before + first; i < before + first + count; i++)
		if (image->applied[i]++ > 0)
			sim_break(sim, "segment %u of job %" PRIu64 " was applied twice", i,
				  job->id);
	if (sim_reached(sim) || phase + 1 < plan->phase_count)
		return;
	struct segment_grid whole = image_grid(plan, band);
	/* The computed rows last: their marks are what a restarted broker goes by. */
	if (plan_is_mirrored(plan)) {
		struct rect other = mirror_rect(whole.height_px, &action->rect);
		mark(image, &whole, &other);
		if (sim_reached(sim))
			return;
	}
	mark(image, &whole, &action->rect);
}

static uint64_t band_pixels(const struct sim_job *job, uint32_t band)
{
	const struct sim_image *image = &job->images[band];
	const struct plan *plan = &job->plan;
	uint64_t pixels = 0;
	uint32_t segment = 0;
	for (uint32_t p = 0; p < plan->phase_count; p++) {
		struct segment_grid grid = plan_band_grid(plan, p, band);
		for (uint32_t i = 0; i < segment_count(&grid); i++, segment++) {
			struct rect rect = segment_run_rect(&grid, i, 1);
			if (image->applied[segment] > 0)
				pixels += plan_rect_pixels(plan, p, &rect);
		}
	}
	return pixels;
}

/* The pixels that are there or were delivered, those of earlier phases included. */
static uint64_t pixels_there(const struct sim_job *job)
{
	uint64_t pixels = 0;
	for (uint32_t b = 0; b < job->plan.band_count; b++)
		if (job->images[b].exists || job->images[b].is_delivered)
			pixels += band_pixels(job, b);
	return pixels;
}

static void check_band(struct sim *sim, struct sim_job *job, uint32_t band)
{
	const struct sim_image *image = &job->images[band];
	uint32_t count = segments_before(&job->plan, band, job->plan.phase_count);
	uint32_t before = segments_before(&job->plan, band, job->plan.phase_count - 1);
	for (uint32_t i = 0; i < count; i++)
		if (image->applied[i] != 1 && (i >= before || image->applied[i] > 1))
			sim_break(sim,
				  "job %" PRIu64 ": band %u is complete without segment %u, or "
				  "with it twice",
				  job->id, band, i);
	struct segment_grid whole = image_grid(&job->plan, band);
	for (uint32_t i = 0; i < segment_count(&whole); i++)
		if (!has_bit(image, i))
			sim_break(sim, "job %" PRIu64 ": band %u is complete without its mark %u",
				  job->id, band, i);
}

void sim_image_is_read(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	uint32_t band = work_band(action->work);
	if (band >= job->plan.band_count || !job->images[band].exists ||
	    !sched_band_is_complete(sim->sched, action->work)) {
		sim_break(sim, "job %" PRIu64 ": band %u is told, but not there", job->id, band);
		return;
	}
	check_band(sim, job, band);
}

void sim_image_report(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	bool is_finished = action->type == ACTION_FINISHED;
	/* The pixels of earlier phases are not marked, so a restart cannot count them. */
	if (job->plan.phase_count == 1 || job->plan.grids > 0 || !sim->limits.is_durable) {
		uint64_t there = pixels_there(job);
		if (action->report.pixels_done != there)
			sim_break(sim,
				  "job %" PRIu64 ": %" PRIu64 " pixels are told, %" PRIu64
				  " are there",
				  job->id, action->report.pixels_done, there);
	}
	if (!is_finished)
		return;
	if (action->report.pixels_done != action->report.pixels)
		sim_break(sim, "job %" PRIu64 ": finished with %" PRIu64 " of %" PRIu64 " pixels",
			  job->id, action->report.pixels_done, action->report.pixels);
	for (uint32_t b = 0; b < job->plan.band_count; b++)
		check_band(sim, job, b);
}

double sim_job_share(const struct sim *sim, unsigned job)
{
	const struct sim_job *j = &sim->jobs[job];
	uint32_t done = 0, count = 0;
	for (uint32_t b = 0; b < j->plan.band_count; b++) {
		uint32_t of_band = segments_before(&j->plan, b, j->plan.phase_count);
		for (uint32_t i = 0; i < of_band; i++)
			done += j->images[b].applied[i] > 0;
		count += of_band;
	}
	return (double)done / count;
}
