/* brot_local.c - include/brot/local.h: what to do with which request. */
#include <math.h>
#include <stdlib.h>

#include "worker/brot_internal.h"

/* Of the time of a picture that is coloured as a whole, roughly. */
#define SHARE_DATA  0.9
#define SHARE_PAINT 0.1

/* ---- numbers ---- */

static void canvas_free(struct canvas *canvas)
{
	for (uint32_t p = 0; p < canvas->plane_count; p++)
		free(canvas->planes[p]);
}

static enum brot_err canvas_make(const struct request *request, struct canvas *ret_canvas,
				 struct brot_error *err)
{
	const struct format_info *format = format_info(request->format);
	struct canvas canvas = {.plane_count = format->plane_count};
	for (uint32_t p = 0; p < format->plane_count; p++) {
		const size_t bytes = plane_info(format->planes[p])->pixel_bytes;
		canvas.strides_bytes[p] = request->width_px * bytes;
		canvas.planes[p] = malloc(canvas.strides_bytes[p] * request->height_px);
		if (canvas.planes[p] != NULL)
			continue;
		canvas_free(&canvas);
		return error_set(err, BROT_E_SYSTEM, "no memory for the numbers of %ux%u samples",
				 request->width_px, request->height_px);
	}
	*ret_canvas = canvas;
	return BROT_OK;
}

/* ---- rendering ---- */

static enum brot_err render_data(struct local *local, const struct request *request,
				 const struct canvas *canvas, double share, struct brot_error *err)
{
	return request->kind == KIND_BUDDHABROT ? local_count(local, request, canvas, share, err)
						: local_escape(local, request, canvas, share, err);
}

static enum brot_err render_whole(struct local *local, const struct brot_request *request,
				  const struct canvas *canvas, struct brot_error *err)
{
	struct canvas numbers = {.plane_count = 0};
	/* Coordinates make it too large for the stack of whoever calls. */
	struct request *data = malloc(sizeof *data);
	if (data == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a request");
	enum brot_err code = request_to_data(&request->request, data, err);
	if (code == BROT_OK)
		code = canvas_make(data, &numbers, err);
	if (code == BROT_OK)
		code = render_data(local, data, &numbers, SHARE_DATA, err);
	if (code == BROT_OK)
		code = local_paint(local, &request->request, request->json, data, &numbers, canvas,
				   SHARE_PAINT, err);
	canvas_free(&numbers);
	free(data);
	return code;
}

/* Whether there is such a part, and it can be rendered without the others. */
static enum brot_err part_check(const struct request *request, const struct brot_local *local,
				struct brot_error *err)
{
	const bool is_counted = request->kind == KIND_BUDDHABROT;
	const uint64_t points = request->buddha.points;
	if (local->rows == 0 && local->samples == 0)
		return BROT_OK;
	if (request_needs_image(request) || (local->rows != 0 && is_counted))
		return error_set(
			err, BROT_E_USAGE,
			"%s: must be 0 where pixels depend on the whole image, got %llu",
			local->rows != 0 ? "rows" : "samples",
			(unsigned long long)(local->rows != 0 ? local->rows : local->samples));
	if (local->samples != 0 && !is_counted)
		return error_set(err, BROT_E_USAGE,
				 "samples: must be 0 but for a Buddhabrot, got %llu",
				 (unsigned long long)local->samples);
	if (is_counted &&
	    (local->first_sample >= points || local->samples > points - local->first_sample))
		return error_set(
			err, BROT_E_USAGE,
			"samples: must lie within the %llu of the image, got %llu from %llu on",
			(unsigned long long)points, (unsigned long long)local->samples,
			(unsigned long long)local->first_sample);
	if (local->rows == 0)
		return BROT_OK;
	if (local->first_row >= request->height_px ||
	    local->rows > request->height_px - local->first_row)
		return error_set(
			err, BROT_E_USAGE,
			"rows: must lie within the %u rows of the image, got %u from %u on",
			request->height_px, (unsigned)local->rows, (unsigned)local->first_row);
	return BROT_OK;
}

static enum brot_err render(const struct brot_request *request, const struct brot_array arrays[],
			    const struct brot_local *how, struct thread_mode *callers,
			    struct brot_error *err)
{
	struct local render = {
		.first_row = how->first_row,
		.rows = how->rows,
		.first_sample = how->first_sample,
		.samples = how->samples,
	};
	struct canvas canvas;
	enum brot_err code = part_check(&request->request, how, err);
	if (code == BROT_OK)
		code = brot_canvas_of(request,
				      how->rows != 0 ? how->rows : request->request.height_px,
				      arrays, "arrays", &canvas, err);
	if (code == BROT_OK)
		code = local_kernel(&render.kernel, err);
	if (code == BROT_OK)
		code = gang_init(&render.gang, how, callers, err);
	if (code != BROT_OK)
		return code;
	if (request_needs_image(&request->request))
		code = render_whole(&render, request, &canvas, err);
	else
		code = render_data(&render, &request->request, &canvas, 1.0, err);
	if (code == BROT_OK)
		gang_finish(&render.gang);
	gang_free(&render.gang);
	return code;
}

enum brot_err brot_render(const struct brot_request *request, const struct brot_array arrays[],
			  const struct brot_local *local, struct brot_error *err)
{
	static const struct brot_local usual;
	const struct brot_local *how = local != NULL ? local : &usual;
	struct thread_mode callers;
	if (request == NULL || arrays == NULL)
		return error_set(err, BROT_E_USAGE, "%s: must not be NULL",
				 request == NULL ? "request" : "arrays");
	if (how->threads > BROT_THREADS_MAX)
		return error_set(err, BROT_E_USAGE, "threads: must be at most %d, got %u",
				 BROT_THREADS_MAX, (unsigned)how->threads);
	enum brot_err code = brot_reserved_check(how->reserved, err);
	if (code != BROT_OK)
		return code;
	thread_mode_enter(&callers);
	code = render(request, arrays, how, &callers, err);
	thread_mode_leave(&callers);
	return code;
}

void brot_smooth(const uint32_t *whole, const float *fraction, size_t count, double *ret_smooth)
{
	struct thread_mode callers;
	thread_mode_enter(&callers);
	for (size_t i = 0; i < count; i++)
		ret_smooth[i] = whole[i] == UINT32_MAX ? (double)INFINITY
						       : (double)whole[i] + (double)fraction[i];
	thread_mode_leave(&callers);
}
