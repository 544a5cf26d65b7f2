/* brot_escape.c - tiles of rows, and their mirror images. */
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
#include "worker/brot_internal.h"
#include "worker/render.h"

/* A row of more work than that, samples x iterations, is cut: a twentieth of a second at worst. */
#define SLICE_WORK ((uint64_t)1 << 27)
#define SLICE_PX   64    /* the least, of which a kernel makes full use */
#define PIECE_PX   32768 /* of a piece that is not worth being cut */

struct escape {
	struct render_job *job;
	const struct canvas *canvas;
	bool is_mirrored;
	uint32_t first_row;       /* of the image, which is the canvas's first */
	struct segment_grid grid; /* of the rows that are computed, from first_row on */
};

static uint32_t slice_of(const struct request *request)
{
	const uint64_t pixel_work = (uint64_t)request->samples * request->samples *
				    request->iterations;
	const uint64_t fitting = SLICE_WORK / pixel_work;
	const uint64_t slice_px = fitting < SLICE_PX ? SLICE_PX : fitting;
	return slice_px < request->width_px ? (uint32_t)slice_px : request->width_px;
}

/* Row by row to where row y of the whole image has its mirror image; a middle row is its own. */
static void mirror(const struct escape *escape, const struct rect *rect)
{
	const struct canvas *canvas = escape->canvas;
	const struct format_info *format = format_info(escape->job->format);
	for (uint32_t p = 0; p < canvas->plane_count; p++) {
		const size_t pixel_bytes = plane_info(format->planes[p])->pixel_bytes;
		uint8_t *column = (uint8_t *)canvas->planes[p] + rect->x * pixel_bytes;
		for (uint32_t y = rect->y; y < rect->y + rect->h; y++) {
			const uint32_t other = escape->job->height_px - 1 - y;
			if (other != y)
				memcpy(column + other * canvas->strides_bytes[p],
				       column + y * canvas->strides_bytes[p],
				       rect->w * pixel_bytes);
		}
	}
}

/* Units first ... first + count - 1, which are whole rows or lie in one. */
static struct rect rect_of(const struct segment_grid *grid, uint64_t first, uint64_t count)
{
	const uint32_t y = (uint32_t)(first / grid->slices_per_row);
	const uint32_t slice = (uint32_t)(first % grid->slices_per_row);
	if (slice == 0 && count % grid->slices_per_row == 0)
		return (struct rect){0, y, grid->width_px,
				     (uint32_t)(count / grid->slices_per_row)};
	const uint32_t left = slice * grid->slice_px;
	const uint64_t right = (slice + count) * grid->slice_px;
	const uint32_t end = right < grid->width_px ? (uint32_t)right : grid->width_px;
	return (struct rect){left, y, end - left, 1};
}

static enum brot_err render_tile(void *context, void *own, uint64_t first, uint64_t count,
				 void *poll, struct brot_error *err)
{
	const struct escape *escape = context;
	const struct canvas *canvas = escape->canvas;
	const struct format_info *format = format_info(escape->job->format);
	struct rect rect = rect_of(&escape->grid, first, count);
	const struct render_progress progress = {gang_goes_on, poll};
	void *planes[PLANES_MAX] = {NULL};
	uint64_t iterations;
	(void)own;
	for (uint32_t p = 0; p < canvas->plane_count; p++)
		planes[p] = (uint8_t *)canvas->planes[p] + rect.y * canvas->strides_bytes[p] +
			    (size_t)rect.x * plane_info(format->planes[p])->pixel_bytes;
	rect.y += escape->first_row;
	const enum brot_err code = render_rect(escape->job, &rect, planes, canvas->strides_bytes,
					       &progress, &iterations);
	if (code != BROT_OK)
		return error_set(err, code, "the render was cancelled");
	if (escape->is_mirrored)
		mirror(escape, &rect);
	return BROT_OK;
}

enum brot_err local_escape(struct local *local, const struct request *request,
			   const struct canvas *canvas, double share, struct brot_error *err)
{
	struct escape escape = {
		.job = malloc(sizeof *escape.job),
		.canvas = canvas,
		/* The mirror images of some rows are not among them. */
		.is_mirrored = local->rows == 0 && mirror_applies(request),
		.first_row = local->rows != 0 ? local->first_row : 0,
		.grid = {.width_px = request->width_px, .slice_px = slice_of(request)},
	};
	if (escape.job == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a render");
	escape.grid.height_px = escape.is_mirrored ? mirror_rows(request->height_px)
						   : request->height_px;
	if (local->rows != 0)
		escape.grid.height_px = local->rows;
	escape.grid.slices_per_row = (request->width_px + escape.grid.slice_px - 1) /
				     escape.grid.slice_px;
	const struct gang_phase phase = {
		.units = (uint64_t)escape.grid.slices_per_row * escape.grid.height_px,
		.row_units = escape.grid.slices_per_row,
		.least = (PIECE_PX + escape.grid.slice_px - 1) / escape.grid.slice_px,
		.share = share,
		.task = render_tile,
		.context = &escape,
	};
	enum brot_err code = render_job_make(request, local->kernel, escape.job, err);
	if (code == BROT_OK)
		code = gang_run(&local->gang, &phase, err);
	free(escape.job);
	return code;
}
