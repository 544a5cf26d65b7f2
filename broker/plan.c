/* plan.c - what a request takes. */
#include "broker/plan.h"

#include "proto/mirror.h"
#include "proto/point.h"

const char *phase_name(enum phase_kind kind)
{
	static const char *const names[PHASE_KIND_COUNT] = {
		[PHASE_RENDER] = "render",
		[PHASE_MIRROR] = "mirror",
	};
	return names[kind];
}

enum brot_err plan_make(const struct request *request, struct plan *ret_plan,
			struct brot_error *err)
{
	struct point_frame frame;
	enum brot_err code = point_frame_make(request, &frame, err);
	if (code != BROT_OK)
		return code;

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
	struct plan plan = {.phase_count = 1};
	if (!image_layout_make(grid, request->format, &plan.layout))
		return error_set(err, BROT_E_REQUEST, "size: %ux%u overflows an image",
				 request->width_px, request->height_px);
	if (mirror_applies(request)) {
		render.kind = PHASE_MIRROR;
		grid->height_px = mirror_rows(grid->height_px);
	}
	plan.phases[0] = render;
	plan.image_bytes = plan.layout.total_bytes;
	*ret_plan = plan;
	return BROT_OK;
}

bool plan_is_mirrored(const struct plan *plan)
{
	return plan->phases[plan->phase_count - 1].kind == PHASE_MIRROR;
}

uint64_t plan_rect_pixels(const struct plan *plan, uint32_t phase, const struct rect *rect)
{
	if (plan->phases[phase].kind == PHASE_MIRROR)
		return mirror_pixels(plan->layout.grid.height_px, rect);
	return (uint64_t)rect->w * rect->h;
}
