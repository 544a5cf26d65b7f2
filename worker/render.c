/*
 * render.c - a tile in chunks, each bounded in work and in memory.
 *
 * A chunk is a few full rows of the tile, or a part of one row. Formats of numbers are written by
 * the kernel straight into the planes. A picture's numbers stay in a scratch buffer until the
 * chunk is coloured, whatever the number of samples a pixel.
 */
#include "worker/render.h"

#include <assert.h>

#include "worker/colour/linear.h"

#define CHUNK_WORK    (1u << 27) /* pixels x samples^2 x iterations */
#define CHUNK_SAMPLES 8192       /* 64 KiB of scratch, and so at least 32 pixels */

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
	if (kernel->escape[request->formula] == NULL)
		return error_set(err, BROT_E_REQUEST, "formula: kernel %s has no %s", kernel->name,
				 request_formula_name(request->formula));
	ret_job->frame = frame;
	ret_job->kernel = kernel;
	ret_job->escape = kernel->escape[request->formula];
	ret_job->width_px = request->width_px;
	ret_job->height_px = request->height_px;
	ret_job->samples = request->samples;
	ret_job->iterations = request->iterations;
	ret_job->format = request->format;
	ret_job->mode = request->colour.mode;
	return BROT_OK;
}

/* The most pixels of a chunk. */
static uint64_t chunk_pixels(const struct render_job *job)
{
	const uint64_t pixel_samples = (uint64_t)job->samples * job->samples;
	uint64_t pixels = CHUNK_WORK / (pixel_samples * job->iterations);
	/* Fewer samples than lanes would leave some of these without work. */
	const uint64_t least = (job->kernel->lanes + pixel_samples - 1) / pixel_samples;
	if (pixels < least)
		pixels = least;
	if (!format_info(job->format)->is_data && pixels > CHUNK_SAMPLES / pixel_samples)
		pixels = CHUNK_SAMPLES / pixel_samples;
	return pixels;
}

static struct escape_task chunk_task(const struct render_job *job, const struct rect *chunk)
{
	return (struct escape_task){
		.frame = &job->frame,
		.x = chunk->x * job->samples,
		.y = chunk->y * job->samples,
		.w = chunk->w * job->samples,
		.h = chunk->h * job->samples,
		.limit = job->iterations,
	};
}

/* Where pixel (x, y) of the image lies in plane p. */
static void *pass_pixel(const struct pass *pass, uint32_t p, uint32_t x, uint32_t y)
{
	const enum plane_type type = format_info(pass->job->format)->planes[p];
	return (uint8_t *)pass->planes[p] + (y - pass->rect.y) * pass->strides_bytes[p] +
	       (size_t)(x - pass->rect.x) * plane_info(type)->pixel_bytes;
}

static uint64_t chunk_numbers(const struct pass *pass, const struct rect *chunk)
{
	const struct format_info *format = format_info(pass->job->format);
	struct escape_task task = chunk_task(pass->job, chunk);
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
			assert(false);
			break;
		}
	}
	return pass->job->escape(&task);
}

static void sample_colour(const struct render_job *job, const struct scratch *scratch, size_t i,
			  uint8_t ret_rgb[3])
{
	if (job->mode == COLOUR_BANDED)
		shade_banded(&job->shade, scratch->count[i], ret_rgb);
	else
		shade_smooth(&job->shade, scratch->count[i], scratch->fraction[i], ret_rgb);
}

/* The colour of the pixel whose first sample is i: the mean of its samples in linear light. */
static void pixel_colour(const struct render_job *job, const struct scratch *scratch, size_t i,
			 size_t stride, uint8_t ret_rgb[3])
{
	uint32_t sum[3] = {0, 0, 0};
	if (job->samples == 1) {
		sample_colour(job, scratch, i, ret_rgb);
		return;
	}
	for (uint32_t b = 0; b < job->samples; b++)
		for (uint32_t a = 0; a < job->samples; a++) {
			uint8_t rgb[3];
			sample_colour(job, scratch, i + b * stride + a, rgb);
			for (int c = 0; c < 3; c++)
				sum[c] += linear_of_srgb(rgb[c]);
		}
	const uint32_t count = job->samples * job->samples;
	for (int c = 0; c < 3; c++)
		ret_rgb[c] = linear_to_srgb((sum[c] + count / 2) / count);
}

static uint64_t chunk_picture(const struct pass *pass, const struct rect *chunk)
{
	const struct render_job *job = pass->job;
	struct scratch scratch;
	struct escape_task task = chunk_task(job, chunk);
	if (job->mode == COLOUR_BANDED) {
		task.iterations = scratch.count;
		task.iterations_stride = task.w;
	} else {
		task.whole = scratch.count;
		task.fraction = scratch.fraction;
		task.whole_stride = task.fraction_stride = task.w;
	}
	const uint64_t iterations = job->escape(&task);
	for (uint32_t row = 0; row < chunk->h; row++) {
		uint8_t *rgb = pass_pixel(pass, 0, chunk->x, chunk->y + row);
		const size_t first = (size_t)row * job->samples * task.w;
		for (uint32_t column = 0; column < chunk->w; column++, rgb += 3) {
			uint8_t colour[3];
			pixel_colour(job, &scratch, first + (size_t)column * job->samples, task.w,
				     colour);
			for (int c = 0; c < 3; c++)
				rgb[c] = colour[c];
		}
	}
	return iterations;
}

enum brot_err render_rect(const struct render_job *job, const struct rect *rect,
			  void *const planes[PLANES_MAX], const size_t strides_bytes[PLANES_MAX],
			  const struct render_progress *progress, uint64_t *ret_iterations)
{
	assert(rect_inside(rect, job->width_px, job->height_px));
	const struct pass pass = {job, *rect, planes, strides_bytes};
	const bool is_data = format_info(job->format)->is_data;
	const uint64_t pixels = chunk_pixels(job);
	const uint32_t width = pixels < rect->w ? (uint32_t)pixels : rect->w;
	const uint32_t height = pixels / rect->w > 1 ? (uint32_t)(pixels / rect->w) : 1;
	uint64_t iterations = 0;
	uint32_t x = 0, y = 0;
	while (y < rect->h) {
		if (progress != NULL && !progress->keep_going(progress->context, iterations))
			return BROT_E_CANCELLED;
		const struct rect chunk = {
			.x = rect->x + x,
			.y = rect->y + y,
			.w = rect->w - x < width ? rect->w - x : width,
			.h = rect->h - y < height ? rect->h - y : height,
		};
		iterations += is_data ? chunk_numbers(&pass, &chunk) : chunk_picture(&pass, &chunk);
		x += chunk.w;
		if (x == rect->w) {
			x = 0;
			y += chunk.h;
		}
	}
	*ret_iterations = iterations;
	return BROT_OK;
}
