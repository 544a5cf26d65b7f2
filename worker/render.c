/*
 * render.c - a tile as one or more calls of a kernel.
 *
 * Formats of numbers are written by the kernel straight into the planes, the whole tile in one
 * call. A picture's samples stay in a scratch buffer until their chunk is coloured: a chunk is a
 * few full rows of the tile, or a part of one row, whatever the number of samples a pixel.
 */
#include "worker/render.h"

#include <assert.h>
#include <string.h>

#define CHUNK_SAMPLES 32768 /* 256 KiB of scratch, and so at least 128 pixels */

/* The numbers of the samples of one chunk. */
struct scratch {
	uint32_t count[CHUNK_SAMPLES]; /* iterations or whole, by the colour mode */
	float fraction[CHUNK_SAMPLES];
};

/* One call of render_rect(). */
struct pass {
	const struct render_job *job;
	struct rect rect;
	void *const *planes;
	const size_t *strides_bytes;
	const struct render_progress *progress;
	uint64_t iterations; /* of the chunks that are done */
};

enum brot_err render_job_make(const struct request *request, const struct kernel *kernel,
			      struct render_job *ret_job, struct brot_error *err)
{
	struct point_frame frame;
	enum brot_err code = point_frame_make(request, &frame, err);
	if (code == BROT_OK && !format_info(request->format)->is_data)
		code = shade_make(&request->colour, &ret_job->shade, err);
	if (code != BROT_OK)
		return code;
	ret_job->frame = frame;
	ret_job->escape = kernel->escape[request->precision][kernel_step(request)];
	ret_job->task = (struct escape_task){
		.limit = request->iterations,
		.is_julia = formula_info(request->formula)->has_c,
		.c_re = decimal_to_double(&request->c_re),
		.c_im = decimal_to_double(&request->c_im),
		.has_shortcuts = request->has_shortcuts,
	};
	ret_job->width_px = request->width_px;
	ret_job->height_px = request->height_px;
	ret_job->samples = request->samples;
	ret_job->format = request->format;
	ret_job->mode = request->colour.mode;
	return BROT_OK;
}

static bool pass_goes_on(void *context, uint64_t iterations)
{
	const struct pass *pass = context;
	return pass->progress->keep_going(pass->progress->context, pass->iterations + iterations);
}

/* Computes a chunk, whose outputs are set in *task. */
static bool pass_compute(struct pass *pass, const struct rect *chunk, struct escape_task *task)
{
	const struct render_job *job = pass->job;
	const struct escape_poll poll = {pass_goes_on, pass};
	uint64_t iterations;
	task->frame = &job->frame;
	task->x = chunk->x * job->samples;
	task->y = chunk->y * job->samples;
	task->w = chunk->w * job->samples;
	task->h = chunk->h * job->samples;
	task->poll = pass->progress == NULL ? NULL : &poll;
	if (!job->escape(task, &iterations))
		return false;
	pass->iterations += iterations;
	return true;
}

/* Where pixel (x, y) of the image lies in plane p. */
static void *pass_pixel(const struct pass *pass, uint32_t p, uint32_t x, uint32_t y)
{
	const enum plane_type type = format_info(pass->job->format)->planes[p];
	return (uint8_t *)pass->planes[p] + (y - pass->rect.y) * pass->strides_bytes[p] +
	       (size_t)(x - pass->rect.x) * plane_info(type)->pixel_bytes;
}

static bool chunk_numbers(struct pass *pass, const struct rect *chunk)
{
	const struct format_info *format = format_info(pass->job->format);
	struct escape_task task = pass->job->task;
	for (uint32_t p = 0; p < format->plane_count; p++) {
		void *pixels = pass_pixel(pass, p, chunk->x, chunk->y);
		const size_t stride = pass->strides_bytes[p] / sizeof(uint32_t);
		assert((uintptr_t)pixels % sizeof(uint32_t) == 0);
		assert(pass->strides_bytes[p] % sizeof(uint32_t) == 0);
		switch (format->planes[p]) {
		case PLANE_ITERATIONS:
			task.iterations = pixels;
			task.iterations_stride = stride;
			break;
		case PLANE_WHOLE:
			task.whole = pixels;
			task.whole_stride = stride;
			break;
		case PLANE_FRACTION:
			task.fraction = pixels;
			task.fraction_stride = stride;
			break;
		case PLANE_RGB8:
		case PLANE_RGB16:
		case PLANE_DISTANCE:
		case PLANE_PHASE:
		case PLANE_PERIOD:
		case PLANE_INTERIOR:
			assert(false);
			break;
		}
	}
	return pass_compute(pass, chunk, &task);
}

static bool chunk_picture(struct pass *pass, const struct rect *chunk)
{
	const struct render_job *job = pass->job;
	struct scratch scratch;
	struct escape_task task = job->task;
	const size_t stride = (size_t)chunk->w * job->samples;
	if (job->mode == COLOUR_BANDED) {
		task.iterations = scratch.count;
		task.iterations_stride = stride;
	} else {
		task.whole = scratch.count;
		task.fraction = scratch.fraction;
		task.whole_stride = task.fraction_stride = stride;
	}
	if (!pass_compute(pass, chunk, &task))
		return false;
	const struct shade_area area = {
		.numbers = {.iterations = task.iterations,
			    .whole = task.whole,
			    .fraction = task.fraction},
		.stride = stride,
		.samples = job->samples,
		.x = chunk->x,
		.y = chunk->y,
		.w = chunk->w,
		.h = chunk->h,
	};
	void *pixels = pass_pixel(pass, 0, chunk->x, chunk->y);
	if (job->format == FORMAT_RGB16)
		shade_rgb16(&job->shade, &area, pixels, pass->strides_bytes[0]);
	else
		shade_rgb8(&job->shade, &area, pixels, pass->strides_bytes[0]);
	return true;
}

enum brot_err render_rect(const struct render_job *job, const struct rect *rect,
			  void *const planes[PLANES_MAX], const size_t strides_bytes[PLANES_MAX],
			  const struct render_progress *progress, uint64_t *ret_iterations)
{
	assert(rect_inside(rect, job->width_px, job->height_px));
	struct pass pass = {job, *rect, planes, strides_bytes, progress, 0};
	if (format_info(job->format)->is_data) {
		if (!chunk_numbers(&pass, rect))
			return BROT_E_CANCELLED;
		*ret_iterations = pass.iterations;
		return BROT_OK;
	}
	const uint32_t pixels = CHUNK_SAMPLES / (job->samples * job->samples);
	const uint32_t width = pixels < rect->w ? pixels : rect->w;
	const uint32_t height = pixels / width;
	for (uint32_t y = 0; y < rect->h; y += height)
		for (uint32_t x = 0; x < rect->w; x += width) {
			const struct rect chunk = {
				.x = rect->x + x,
				.y = rect->y + y,
				.w = rect->w - x < width ? rect->w - x : width,
				.h = rect->h - y < height ? rect->h - y : height,
			};
			if (progress != NULL &&
			    !progress->keep_going(progress->context, pass.iterations))
				return BROT_E_CANCELLED;
			if (!chunk_picture(&pass, &chunk))
				return BROT_E_CANCELLED;
		}
	*ret_iterations = pass.iterations;
	return BROT_OK;
}
