/* plan.c - what a request takes. */
#include "broker/plan.h"

#include <assert.h>

#include "proto/buddha.h"
#include "proto/mirror.h"
#include "proto/point.h"

const char *phase_name(enum phase_kind kind)
{
	static const char *const names[PHASE_KIND_COUNT] = {
		[PHASE_RENDER] = "render",
		[PHASE_MIRROR] = "mirror",
		[PHASE_SAMPLE] = "sample",
		[PHASE_SUM] = "sum",
	};
	return names[kind];
}

/* Rows of a band, so that LIMIT_OPEN_BANDS of them take half the budget. */
static enum brot_err band_rows_choose(const struct plan *plan, const struct plan_budget *budget,
				      uint32_t *ret_rows, struct brot_error *err)
{
	if (budget->band_rows > 0) {
		*ret_rows = budget->band_rows < plan->height_px ? budget->band_rows
								: plan->height_px;
		return BROT_OK;
	}
	uint64_t total = plan->layout.total_bytes;
	uint64_t most = budget->image_bytes;
	if (budget->whole_bytes > 0 && budget->whole_bytes < most)
		most = budget->whole_bytes;
	*ret_rows = plan->height_px;
	if (total <= most)
		return BROT_OK;
	uint64_t band_bytes = most / (2 * LIMIT_OPEN_BANDS);
	/* What an image has besides its rows is at most this much. */
	uint64_t extra = (2 + plan->layout.plane_count) * (uint64_t)IMAGE_ALIGN;
	uint64_t row_bytes = (total + plan->height_px - 1) / plan->height_px;
	uint64_t rows = band_bytes > extra ? (band_bytes - extra) / row_bytes : 0;
	if (rows < 1)
		return error_set(
			err, BROT_E_NO_SPACE,
			"size: a row of the image needs %llu bytes, and a band of one row "
			"more than a quarter of the %llu that the broker's images may take",
			(unsigned long long)row_bytes, (unsigned long long)budget->image_bytes);
	*ret_rows = (uint32_t)rows;
	return BROT_OK;
}

/* Cuts a plan whose image is over the budget into bands. */
static enum brot_err bands_make(struct plan *plan, const struct plan_budget *budget,
				struct brot_error *err)
{
	enum brot_err code = band_rows_choose(plan, budget, &plan->band_rows, err);
	if (code != BROT_OK)
		return code;
	plan->band_count = (plan->height_px + plan->band_rows - 1) / plan->band_rows;
	if (plan->band_count == 1)
		return BROT_OK;
	for (uint32_t p = 0; p < plan->phase_count; p++)
		plan->phases[p].grid.height_px = plan->band_rows;
	struct segment_grid grid = plan->layout.grid;
	grid.height_px = plan->band_rows;
	/* A part of an image that could be made whole. */
	(void)image_layout_make(&grid, plan->format, &plan->layout);
	plan->image_bytes = LIMIT_OPEN_BANDS * plan->layout.total_bytes;
	return BROT_OK;
}

/* A sum, what it and another become, that other, and one to count into meanwhile. */
#define GRIDS_LEAST     4
#define GRIDS_SUMS      2 /* that there are at a time */
#define GRID_CELL_BYTES 8 /* of a cell on its way from a worker */

uint64_t plan_grids_bytes(const struct plan *plan, uint32_t grids)
{
	const uint64_t sums = plan->sums.total_bytes, each = plan->counts.total_bytes;
	/* Before the first sum is there another has its place, which may be larger. */
	return sums + (sums > each ? sums : each) + (grids - GRIDS_SUMS) * each;
}

/* As many grids as take half the budget, the image included. */
static enum brot_err grids_choose(struct plan *plan, const struct plan_budget *budget,
				  struct brot_error *err)
{
	uint64_t image = plan->layout.total_bytes, sums = plan->sums.total_bytes;
	uint64_t each = plan->counts.total_bytes, half = budget->image_bytes / 2;
	if (sums > (UINT64_MAX - image) / LIMIT_GRIDS || each > (UINT64_MAX - image) / LIMIT_GRIDS)
		return error_set(err, BROT_E_REQUEST, "size: the grids of counts overflow");
	uint64_t least = image + plan_grids_bytes(plan, GRIDS_SUMS);
	uint64_t count = half > least ? GRIDS_SUMS + (half - least) / each : 0;
	count = count < LIMIT_GRIDS ? count : LIMIT_GRIDS;
	count = count > GRIDS_LEAST ? count : GRIDS_LEAST;
	plan->grids = (uint32_t)count;
	plan->image_bytes = image + plan_grids_bytes(plan, plan->grids);
	bool was_planned = budget->band_rows > 0;
	if (plan->image_bytes > budget->image_bytes && !was_planned)
		return error_set(err, BROT_E_NO_SPACE,
				 "size: the image and %d grids of its counts need %llu bytes (of "
				 "u64 two, for sums, and those of weighted hits), and the broker's "
				 "images may take %llu (--memory)",
				 GRIDS_LEAST, (unsigned long long)plan->image_bytes,
				 (unsigned long long)budget->image_bytes);
	return BROT_OK;
}

/* Hits that weigh more than 1 can make more carries than a table has room for. */
static uint64_t wrap_choose(const struct buddha *buddha, const struct plan_budget *budget)
{
	if (budget->wrap > 0)
		return budget->wrap;
	bool is_weighted = buddha->is_inside || buddha->sampling == SAMPLING_ZOOM;
	return is_weighted ? GRID_WIDE : GRID_WRAP;
}

/* Its samples are counted in grids, which are then added up: never in bands. */
static enum brot_err buddhabrot_make(const struct request *request,
				     const struct plan_budget *budget, struct plan *ret_plan,
				     struct brot_error *err)
{
	const struct buddha *buddha = &request->buddha;
	const struct buddha_segments cut = buddha_segments(buddha->points, request->iterations);
	uint32_t width = request->width_px, height = request->height_px;
	struct segment_grid *image_grid;
	struct plan plan = {
		.phase_count = 2,
		.format = request->format,
		.height_px = height,
		.band_rows = height,
		.band_count = 1,
		.points = buddha->points,
		.first_point = buddha->first,
		.segment_points = cut.points,
	};
	const uint64_t work_most = 1ull << 40;
	plan.phases[0] = (struct phase){
		.kind = PHASE_SAMPLE,
		.grid = {1, cut.count, 1, 1},
		.pixel_work = cut.points > work_most / request->iterations
				      ? work_most
				      : cut.points * request->iterations,
	};
	plan.phases[1] = (struct phase){
		.kind = PHASE_SUM,
		.pixel_work = 1,
		.pixel_bytes = format_pixel_bytes(request->format),
	};
	image_grid = &plan.phases[1].grid;
	if ((uint64_t)width * buddha->channels > LIMIT_DATA_BYTES / GRID_CELL_BYTES)
		return error_set(err, BROT_E_REQUEST,
				 "size: a row of %u counts must have at most %d bytes: at most %u "
				 "px wide",
				 buddha->channels, LIMIT_DATA_BYTES,
				 LIMIT_DATA_BYTES / GRID_CELL_BYTES / buddha->channels);
	bool is_mirrored = view_is_mirrored(&request->view);
	if (!segment_grid_make(width, height, plan.phases[1].pixel_bytes, 1, image_grid) ||
	    !image_layout_make(image_grid, request->format, &plan.layout) ||
	    !grid_layout_make(width, height, buddha->channels, is_mirrored, cut.count,
			      wrap_choose(buddha, budget), &plan.counts) ||
	    !grid_layout_make(width, height, buddha->channels, is_mirrored, cut.count, GRID_WIDE,
			      &plan.sums))
		return error_set(err, BROT_E_REQUEST, "size: %ux%u overflows an image", width,
				 height);
	enum brot_err code = grids_choose(&plan, budget, err);
	if (code == BROT_OK)
		*ret_plan = plan;
	return code;
}

static bool counts_samples(enum format_id format)
{
	enum plane_type type = format_info(format)->planes[0];
	return type == PLANE_DENSITY || type == PLANE_DENSITY32;
}

/* Whether the kind has that format at all. */
static enum brot_err check_format(const struct request *request, struct brot_error *err)
{
	bool is_buddhabrot = request->kind == KIND_BUDDHABROT;
	if (is_buddhabrot && !format_info(request->format)->is_data)
		return error_set(err, BROT_E_REQUEST,
				 "format: \"%s\" of a Buddhabrot needs the whole image, whose "
				 "counts a client has rendered and then colours",
				 format_info(request->format)->name);
	if (counts_samples(request->format) != is_buddhabrot)
		return error_set(err, BROT_E_REQUEST, "format: the kind %s has no \"%s\"",
				 request_kind_name(request->kind),
				 format_info(request->format)->name);
	if (is_buddhabrot && request->buddha.channels != format_info(request->format)->plane_count)
		return error_set(err, BROT_E_REQUEST, "format: \"%s\" has %u planes for %u bands",
				 format_info(request->format)->name,
				 format_info(request->format)->plane_count,
				 request->buddha.channels);
	return BROT_OK;
}

enum brot_err plan_make(const struct request *request, const struct plan_budget *budget,
			struct plan *ret_plan, struct brot_error *err)
{
	struct point_frame frame;
	enum brot_err code = point_frame_make(request, &frame, err);
	if (code != BROT_OK)
		return code;
	code = check_format(request, err);
	if (code != BROT_OK)
		return code;
	if (request->kind == KIND_BUDDHABROT)
		return buddhabrot_make(request, budget, ret_plan, err);
	if (request_needs_image(request))
		return error_set(
			err, BROT_E_REQUEST,
			"colour.mode: \"%s\" needs the whole image, whose data a client has "
			"rendered and then colours",
			colour_mode_name(request->colour.mode));

	struct phase render = {
		.kind = PHASE_RENDER,
		.pixel_bytes = format_pixel_bytes(request->format),
		.pixel_work = (uint64_t)request->iterations * request->samples * request->samples,
	};
	if (render.pixel_work > LIMIT_PIXEL_WORK)
		return error_set(err, BROT_E_REQUEST,
				 "samples: %u x %u a pixel with %u iterations each must make at "
				 "most %llu iterations a pixel",
				 request->samples, request->samples, request->iterations,
				 LIMIT_PIXEL_WORK);
	struct segment_grid *grid = &render.grid;
	if (!segment_grid_make(request->width_px, request->height_px, render.pixel_bytes,
			       render.pixel_work, grid))
		return error_set(err, BROT_E_REQUEST,
				 "size: %ux%u with %u iterations must make at most %d segments",
				 request->width_px, request->height_px, request->iterations,
				 LIMIT_SEGMENTS);
	struct plan plan = {
		.phase_count = 1,
		.format = request->format,
		.height_px = request->height_px,
	};
	if (!image_layout_make(grid, request->format, &plan.layout))
		return error_set(err, BROT_E_REQUEST, "size: %ux%u overflows an image",
				 request->width_px, request->height_px);
	plan.phases[0] = render;
	plan.image_bytes = plan.layout.total_bytes;
	code = bands_make(&plan, budget, err);
	if (code != BROT_OK)
		return code;
	/* The mirror image of a band's row lies in another band. */
	if (plan.band_count == 1 && mirror_applies(request)) {
		plan.phases[0].kind = PHASE_MIRROR;
		plan.phases[0].grid.height_px = mirror_rows(request->height_px);
	}
	*ret_plan = plan;
	return BROT_OK;
}

uint32_t plan_band_first(const struct plan *plan, uint32_t band)
{
	return band * plan->band_rows;
}

uint32_t plan_band_rows(const struct plan *plan, uint32_t band)
{
	uint32_t left = plan->height_px - plan_band_first(plan, band);
	return left < plan->band_rows ? left : plan->band_rows;
}

struct segment_grid plan_band_grid(const struct plan *plan, uint32_t phase, uint32_t band)
{
	struct segment_grid grid = plan->phases[phase].grid;
	if (plan->band_count > 1)
		grid.height_px = plan_band_rows(plan, band);
	return grid;
}

struct image_layout plan_band_layout(const struct plan *plan, uint32_t band)
{
	if (plan->band_count == 1)
		return plan->layout;
	struct image_layout layout;
	struct segment_grid grid = plan->layout.grid;
	grid.height_px = plan_band_rows(plan, band);
	bool fits = image_layout_make(&grid, plan->format, &layout);
	assert(fits); /* no larger than a full one */
	(void)fits;
	return layout;
}

bool plan_is_mirrored(const struct plan *plan)
{
	return plan->phases[plan->phase_count - 1].kind == PHASE_MIRROR;
}

uint64_t plan_rect_pixels(const struct plan *plan, uint32_t phase, const struct rect *rect)
{
	if (plan->phases[phase].kind == PHASE_SAMPLE) {
		uint64_t first = rect->y * plan->segment_points;
		uint64_t count = rect->h * plan->segment_points, left = plan->points - first;
		return count < left ? count : left;
	}
	if (plan->phases[phase].kind == PHASE_MIRROR)
		return mirror_pixels(plan->layout.grid.height_px, rect);
	return (uint64_t)rect->w * rect->h;
}
