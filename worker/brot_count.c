/* brot_count.c - a Buddhabrot's samples into one grid that all threads share, and its counts out.
 */
#include <stdlib.h>
#include <string.h>

#include "worker/brot_internal.h"
#include "worker/buddha/buddha.h"

#define SHARE_ROWS 0.02    /* of the time: reading the counts out of the grid */
#define ROWS_CELLS 1048576 /* that are read at a time; at least one row */

struct count {
	const struct request *request;
	const struct canvas *canvas;
	struct buddha_job *job;
	uint64_t first, points; /* numbers of the samples, as proto/buddha.h has them */
	struct buddha_segments cut;
	struct grid_layout layout;
	struct grid grid;
	struct grid_locks *locks;
	uint32_t rows; /* of the image, that are read at a time */
};

/* ---- in the threads ---- */

static bool bins_make(void *context, void **ret_own)
{
	const struct count *count = context;
	*ret_own = scatter_make(&count->grid, count->locks, buddha_job_is_weighted(count->job));
	return *ret_own != NULL;
}

static void bins_end(void *context, void *own, bool is_good)
{
	(void)context;
	if (is_good)
		scatter_flush(own);
	else
		scatter_abandon(own);
	scatter_free(own);
}

static enum brot_err sample(void *context, void *own, uint64_t first, uint64_t units, void *poll,
			    struct brot_error *err)
{
	const struct count *count = context;
	const struct escape_poll ask = {gang_goes_on, poll};
	const uint64_t before = first * count->cut.points, left = count->points - before;
	const uint64_t points = units * count->cut.points;
	uint64_t iterations;
	if (buddha_run(count->job, count->first + before, points < left ? points : left, own, &ask,
		       &iterations))
		return BROT_OK;
	return error_set(err, BROT_E_CANCELLED, "the render was cancelled");
}

static enum brot_err store_narrow(const uint64_t *counts, uint32_t width, uint8_t *row,
				  struct brot_error *err)
{
	for (uint32_t x = 0; x < width; x++) {
		if (counts[x] > UINT32_MAX)
			return error_set(err, BROT_E_FAILED,
					 "format: a pixel has %llu hits, and u32 holds at most %u: "
					 "density and nebula hold them all, as u64",
					 (unsigned long long)counts[x], UINT32_MAX);
		const uint32_t narrow = (uint32_t)counts[x];
		memcpy(row + (size_t)x * sizeof narrow, &narrow, sizeof narrow);
	}
	return BROT_OK;
}

static enum brot_err read_rows(void *context, void *own, uint64_t first, uint64_t units, void *poll,
			       struct brot_error *err)
{
	const struct count *count = context;
	const struct canvas *canvas = count->canvas;
	const uint32_t width = count->layout.width_px, height = count->layout.height_px;
	const struct grid *grid = &count->grid;
	uint64_t *counts = malloc((size_t)count->rows * width * canvas->plane_count *
				  sizeof *counts);
	enum brot_err code = BROT_OK;
	(void)own;
	if (counts == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for %u rows of counts",
				 count->rows);
	for (uint64_t unit = first; unit < first + units && code == BROT_OK; unit++) {
		const uint32_t top = (uint32_t)unit * count->rows;
		const uint32_t rows = height - top < count->rows ? height - top : count->rows;
		if (!gang_goes_on(poll, 0))
			code = error_set(err, BROT_E_CANCELLED, "the render was cancelled");
		else
			grid_image_rows(&grid, 1, top, rows, counts);
		for (uint32_t i = 0; i < rows * canvas->plane_count && code == BROT_OK; i++) {
			const uint32_t p = i / rows;
			uint8_t *row = (uint8_t *)canvas->planes[p] +
				       (top + i % rows) * canvas->strides_bytes[p];
			const uint64_t *from = counts + (size_t)i * width;
			if (plane_info(format_info(count->request->format)->planes[p])
				    ->pixel_bytes == sizeof *from)
				memcpy(row, from, width * sizeof *from);
			else
				code = store_narrow(from, width, row, err);
		}
	}
	free(counts);
	return code;
}

/* ---- the phases ---- */

static enum brot_err count_samples(struct local *local, struct count *count, double share,
				   struct brot_error *err)
{
	const struct gang_phase phase = {
		.units = count->cut.count,
		.row_units = 1,
		.least = 1,
		.share = share,
		.begin = bins_make,
		.end = bins_end,
		.task = sample,
		.context = count,
	};
	const enum brot_err code = gang_run(&local->gang, &phase, err);
	if (code != BROT_OK || grid_is_exact(&count->grid))
		return code;
	return error_set(err, BROT_E_FAILED,
			 "counts: more than %llu pixels have over %llu hits, which is as many as a "
			 "grid has room for",
			 (unsigned long long)count->layout.carry_room,
			 (unsigned long long)count->layout.wrap - 1);
}

static enum brot_err count_rows(struct local *local, struct count *count, double share,
				struct brot_error *err)
{
	const uint32_t fitting = ROWS_CELLS / count->layout.width_px;
	const uint32_t height = count->layout.height_px;
	count->rows = fitting == 0 ? 1 : fitting < height ? fitting : height;
	const struct gang_phase phase = {
		.units = (height + count->rows - 1) / count->rows,
		.row_units = 1,
		.least = 1,
		.share = share,
		.task = read_rows,
		.context = count,
	};
	return gang_run(&local->gang, &phase, err);
}

enum brot_err local_count(struct local *local, const struct request *request,
			  const struct canvas *canvas, double share, struct brot_error *err)
{
	const bool is_part = local->samples != 0;
	struct count count = {
		.request = request,
		.canvas = canvas,
		.first = request->buddha.first + (is_part ? local->first_sample : 0),
		.points = is_part ? local->samples : request->buddha.points,
	};
	count.cut = buddha_segments(count.points, request->iterations);
	void *memory = NULL;
	enum brot_err code = buddha_job_make(request, local->kernel, &count.job, err);
	if (code != BROT_OK)
		return code;
	if (!buddha_job_layout(count.job, count.cut.count, GRID_WRAP, &count.layout)) {
		code = error_set(err, BROT_E_REQUEST, "size: the grid of counts is too large");
	} else {
		memory = calloc(1, (size_t)count.layout.total_bytes);
		count.locks = grid_locks_make(&count.layout);
		if (memory == NULL || count.locks == NULL)
			code = error_set(err, BROT_E_SYSTEM, "no memory for %llu bytes of counts",
					 (unsigned long long)count.layout.total_bytes);
	}
	if (code == BROT_OK) {
		count.grid = grid_view(memory, &count.layout);
		code = count_samples(local, &count, share * (1.0 - SHARE_ROWS), err);
	}
	if (code == BROT_OK)
		code = count_rows(local, &count, share * SHARE_ROWS, err);
	grid_locks_free(count.locks);
	free(memory);
	buddha_job_free(count.job);
	return code;
}
