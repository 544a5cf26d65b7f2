/* buddha.c - makes jobs, and hands them to their kernel. */
#include "worker/buddha/buddha.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* Fewer samples are counted sooner than cells are searched for. */
#define CELLS_POINTS_MIN (1u << 22)

/* Looking up a cell pays where such a share is skipped; a search that is SEARCH_COARSE cells fine
 * tells in a tenth of the time whether it may. */
#define CELLS_SHARE_MIN  0.25
#define CELLS_SHARE_HOPE 0.1
#define SEARCH_COARSE    8

static bool cell_is_skipped(const void *context, struct cells_range range)
{
	const struct buddha_job *job = context;
	if (!range.is_seen)
		return true;
	if (job->is_inside)
		return range.most <= job->limit;
	for (uint32_t channel = 0; channel < job->channels; channel++)
		if (range.least <= job->bands[channel].max && range.most >= job->bands[channel].min)
			return false;
	return true;
}

/* Finds the cells of no interest; none where they are few and is_needed is false. */
static bool job_find_cells(struct buddha_job *job, bool is_needed)
{
	struct cells_search search = {SEARCH_COARSE, &job->map, job->limit, cell_is_skipped, job};
	if (!is_needed) {
		struct cells *coarse = cells_make(&search);
		if (coarse == NULL)
			return false;
		const double share = cells_share(coarse);
		free(coarse);
		if (share < CELLS_SHARE_HOPE)
			return true;
	}
	search.finest = 1;
	job->cells = cells_make(&search);
	if (job->cells != NULL && !is_needed && cells_share(job->cells) < CELLS_SHARE_MIN) {
		free(job->cells);
		job->cells = NULL;
		return true;
	}
	return job->cells != NULL;
}

static uint64_t side_of(uint64_t points)
{
	uint64_t side = (uint64_t)sqrt((double)(points / 2));
	while (2 * side * side > points)
		side--;
	while (2 * (side + 1) * (side + 1) <= points)
		side++;
	assert(2 * side * side == points);
	return side;
}

enum brot_err buddha_job_compile(const struct buddha_setup *setup, const struct kernel *kernel,
				 struct buddha_job **ret_job, struct brot_error *err)
{
	const struct buddha *buddha = &setup->buddha;
	struct buddha_job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return error_set(err, BROT_E_SYSTEM, "buddha: no memory for a job");
	job->map = pixel_map_of(&setup->frame, setup->is_turned, setup->is_mirrored);
	job->sampler = (struct sampler){.sampling = buddha->sampling, .seed = buddha->seed};
	job->width_px = setup->frame.columns;
	job->height_px = setup->frame.rows;
	job->rows = setup->is_mirrored ? job->height_px - job->height_px / 2 : job->height_px;
	job->is_inside = buddha->is_inside;
	job->has_shortcuts = setup->has_shortcuts;
	job->channels = buddha->channels;
	job->kernel = kernel;
	for (uint32_t channel = 0; channel < buddha->channels; channel++) {
		job->bands[channel] = buddha->bands[channel];
		if (buddha->bands[channel].max > job->hits)
			job->hits = buddha->bands[channel].max;
	}
	job->limit = job->is_inside ? setup->iterations : job->hits;
	const bool is_zoom = buddha->sampling == SAMPLING_ZOOM;
	bool is_made = true;
	if (buddha->sampling == SAMPLING_GRID)
		job->sampler.side = side_of(buddha->points);
	if (is_zoom || (job->has_shortcuts && buddha->points >= CELLS_POINTS_MIN))
		is_made = job_find_cells(job, is_zoom);
	if (is_made && is_zoom) {
		is_made = (job->sampler.zoom = zoom_make(job, job->cells)) != NULL;
		/* No sample lies in what they leave out. */
		free(job->cells);
		job->cells = NULL;
	}
	if (!is_made) {
		buddha_job_free(job);
		return error_set(err, BROT_E_SYSTEM, "buddha: no memory for a job");
	}
	*ret_job = job;
	return BROT_OK;
}

void buddha_job_free(struct buddha_job *job)
{
	if (job == NULL)
		return;
	free(job->sampler.zoom);
	free(job->cells);
	free(job);
}

bool buddha_job_is_weighted(const struct buddha_job *job)
{
	return job->sampler.sampling == SAMPLING_ZOOM || (job->is_inside && job->has_shortcuts);
}

bool buddha_job_layout(const struct buddha_job *job, uint32_t segments, uint64_t wrap,
		       struct grid_layout *ret_layout)
{
	return grid_layout_make(job->width_px, job->height_px, job->channels, job->map.is_mirrored,
				segments, wrap, ret_layout);
}

bool buddha_run(const struct buddha_job *job, uint64_t first, uint64_t count,
		struct scatter *scatter, const struct escape_poll *poll, uint64_t *ret_iterations)
{
	return job->kernel->buddha(job, first, count, scatter, poll, ret_iterations);
}
