/*
 * render.c - a tile as one or more calls of the kernels.
 *
 * Formats of numbers that an escape kernel gives are written by it straight into the planes, the
 * whole tile in one call. Else the numbers of a chunk stay in a scratch buffer, the counts from
 * which others are derived or all those of a picture until it is coloured: a chunk is a few full
 * rows of the tile, or a part of one row, whatever the number of samples a pixel.
 */
#include "worker/render.h"

#include <assert.h>
#include <string.h>

#include "worker/numbers.h"

#define CHUNK_NUMBERS 32768 /* of a kind in 256 KiB of scratch, and so at least 25 pixels */
#define CHUNK_CENTRES 4096  /* pixels whose centres are looked at together */
#define GAP_SAMPLES   64 /* between two runs of pixels, which are better computed than left out */

/* The numbers of the samples of one chunk, plane after plane. */
struct scratch {
	uint32_t words[CHUNK_NUMBERS];
	float reals[CHUNK_NUMBERS];
};

/* Those of the centres of its pixels. */
struct centres {
	uint32_t iterations[CHUNK_CENTRES], whole[CHUNK_CENTRES];
	float fraction[CHUNK_CENTRES], distance[2 * CHUNK_CENTRES];
	bool is_proven[CHUNK_CENTRES];
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
	const bool is_data = format_info(request->format)->is_data;
	enum brot_err code = point_frame_make(request, &frame, err);
	if (code == BROT_OK && !is_data)
		code = shade_make(&request->colour, &ret_job->shade, err);
	if (code != BROT_OK)
		return code;
	ret_job->adaptive.is_on = false;
	if (!is_data)
		adaptive_make(request, &frame, &ret_job->shade, &ret_job->adaptive);
	ret_job->frame = frame;
	ret_job->escape = kernel->escape[request->precision][kernel_step(request)];
	ret_job->derive = kernel->derive[kernel_step(request)];
	ret_job->task = (struct escape_task){
		.limit = request->iterations,
		.is_julia = formula_info(request->formula)->has_c,
		.c_re = decimal_to_double(&request->c_re),
		.c_im = decimal_to_double(&request->c_im),
		.has_shortcuts = request->has_shortcuts,
	};
	ret_job->planes = is_data ? format_planes(request->format)
				  : colour_planes(&request->colour);
	ret_job->width_px = request->width_px;
	ret_job->height_px = request->height_px;
	ret_job->samples = request->samples;
	ret_job->format = request->format;
	return BROT_OK;
}

static bool pass_goes_on(void *context, uint64_t iterations)
{
	const struct pass *pass = context;
	return pass->progress->keep_going(pass->progress->context, pass->iterations + iterations);
}

/* Computes a chunk of pixels with `samples` each, per axis, of a frame that has so many. */
static bool pass_compute(struct pass *pass, const struct rect *chunk, uint32_t samples,
			 const struct point_frame *frame, const struct numbers_planes *planes)
{
	const struct render_job *job = pass->job;
	const struct escape_poll poll = {pass_goes_on, pass};
	const struct numbers_source source = {
		.frame = frame,
		.samples = samples,
		.task = &job->task,
		.escape = job->escape,
		.derive = job->derive,
	};
	uint64_t iterations;
	if (!numbers_compute(&source, chunk->x * samples, chunk->y * samples, chunk->w * samples,
			     chunk->h * samples, planes, pass->progress == NULL ? NULL : &poll,
			     &iterations))
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

/* Numbers of a sample in either half of the scratch, whichever has more. */
static uint32_t scratch_share(unsigned needed)
{
	static const unsigned words = 1u << PLANE_ITERATIONS | 1u << PLANE_WHOLE |
				      1u << PLANE_PERIOD;
	static const unsigned reals = 1u << PLANE_FRACTION | 1u << PLANE_PHASE |
				      1u << PLANE_INTERIOR;
	const uint32_t of_words = (uint32_t)__builtin_popcount(needed & words);
	const uint32_t of_reals = (uint32_t)__builtin_popcount(needed & reals) +
				  ((needed >> PLANE_DISTANCE & 1) != 0 ? 2 : 0);
	return of_words > of_reals ? of_words : of_reals;
}

/* Lays the planes of so many samples, `stride` a row, out in the scratch. */
static struct numbers_planes scratch_planes(struct scratch *scratch, unsigned needed,
					    size_t samples, size_t stride)
{
	struct numbers_planes planes = {{NULL}, {0}};
	size_t words = 0, reals = 0;
	for (unsigned type = 0; type < PLANE_TYPES; type++) {
		const bool is_word = type == PLANE_ITERATIONS || type == PLANE_WHOLE ||
				     type == PLANE_PERIOD;
		if ((needed >> type & 1) == 0)
			continue;
		planes.stride[type] = stride;
		planes.at[type] = is_word ? (void *)&scratch->words[words] : &scratch->reals[reals];
		words += is_word ? samples : 0;
		reals += is_word ? 0 : type == PLANE_DISTANCE ? 2 * samples : samples;
	}
	assert(words <= CHUNK_NUMBERS && reals <= CHUNK_NUMBERS);
	return planes;
}

static bool chunk_numbers(struct pass *pass, const struct rect *chunk)
{
	const struct format_info *format = format_info(pass->job->format);
	struct numbers_planes planes = {{NULL}, {0}};
	uint32_t counts[CHUNK_NUMBERS];
	for (uint32_t p = 0; p < format->plane_count; p++) {
		const enum plane_type type = format->planes[p];
		planes.at[type] = pass_pixel(pass, p, chunk->x, chunk->y);
		planes.stride[type] = pass->strides_bytes[p] / plane_info(type)->pixel_bytes;
		assert((uintptr_t)planes.at[type] % sizeof(uint32_t) == 0);
		assert(pass->strides_bytes[p] % plane_info(type)->pixel_bytes == 0);
	}
	const bool is_derived = (pass->job->planes & NUMBERS_DERIVED) != 0;
	uint32_t *kept = planes.at[PLANE_ITERATIONS];
	const size_t stride = planes.stride[PLANE_ITERATIONS];
	if (is_derived) {
		planes.at[PLANE_ITERATIONS] = counts;
		planes.stride[PLANE_ITERATIONS] = chunk->w;
	}
	if (!pass_compute(pass, chunk, 1, &pass->job->frame, &planes))
		return false;
	/* What is derived from them is not read from memory that others see. */
	for (uint32_t y = 0; is_derived && kept != NULL && y < chunk->h; y++)
		memcpy(kept + y * stride, counts + (size_t)y * chunk->w, chunk->w * sizeof *counts);
	return true;
}

/* Colours the pixels of a chunk by numbers that lie `stride` samples a row apart. */
static void chunk_shade(const struct pass *pass, const struct rect *chunk, uint32_t samples,
			const struct shade_numbers *numbers, size_t stride)
{
	const struct render_job *job = pass->job;
	const struct shade_area area = {
		.numbers = *numbers,
		.stride = stride,
		.samples = samples,
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
}

static bool chunk_picture(struct pass *pass, const struct rect *chunk)
{
	const struct render_job *job = pass->job;
	struct scratch scratch;
	const uint32_t n = job->samples;
	const size_t stride = (size_t)chunk->w * n;
	const struct numbers_planes planes = scratch_planes(&scratch, numbers_needed(job->planes),
							    stride * chunk->h * n, stride);
	if (!pass_compute(pass, chunk, n, &job->frame, &planes))
		return false;
	const struct shade_numbers numbers = {
		.iterations = planes.at[PLANE_ITERATIONS],
		.whole = planes.at[PLANE_WHOLE],
		.fraction = planes.at[PLANE_FRACTION],
		.distance = planes.at[PLANE_DISTANCE],
		.phase = planes.at[PLANE_PHASE],
		.period = planes.at[PLANE_PERIOD],
		.interior = planes.at[PLANE_INTERIOR],
	};
	chunk_shade(pass, chunk, n, &numbers, stride);
	return true;
}

/* Computes the centres of a chunk's pixels, and which of them are enough. */
static bool centres_compute(struct pass *pass, const struct rect *chunk, struct centres *c)
{
	const struct render_job *job = pass->job;
	struct numbers_planes planes = {{NULL}, {0}};
	planes.at[PLANE_ITERATIONS] = c->iterations;
	planes.at[PLANE_WHOLE] = c->whole;
	planes.at[PLANE_FRACTION] = c->fraction;
	planes.at[PLANE_DISTANCE] = c->distance;
	for (unsigned type = 0; type < PLANE_TYPES; type++)
		planes.stride[type] = chunk->w;
	if (!pass_compute(pass, chunk, 1, &job->adaptive.frame, &planes))
		return false;
	for (uint32_t i = 0; i < chunk->w * chunk->h; i++) {
		const struct adaptive_centre centre = {
			.x = chunk->x + i % chunk->w,
			.y = chunk->y + i / chunk->w,
			.whole = c->whole[i],
			.fraction = c->fraction[i],
			.distance_x = c->distance[2 * (size_t)i],
			.distance_y = c->distance[2 * (size_t)i + 1],
		};
		c->is_proven[i] = adaptive_proves(&job->adaptive, &job->shade, &centre);
	}
	return true;
}

/* The pixels of a row from `first` on that are as is_proven[first] says. */
static uint32_t run_length(const bool *is_proven, uint32_t first, uint32_t end)
{
	uint32_t i = first + 1;
	while (i < end && is_proven[i] == is_proven[first])
		i++;
	return i - first;
}

/* Computes all samples of the pixels from first to end of row y, and stores those that are not
 * proven. */
static bool row_fill(struct pass *pass, const struct rect *chunk, uint32_t y, uint32_t first,
		     uint32_t end, const bool *is_proven)
{
	const struct render_job *job = pass->job;
	const uint32_t n = job->samples;
	const struct rect run = {chunk->x + first, chunk->y + y, end - first, 1};
	struct scratch scratch;
	const size_t stride = (size_t)run.w * n;
	const struct numbers_planes planes = scratch_planes(&scratch, numbers_needed(job->planes),
							    stride * n, stride);
	if (!pass_compute(pass, &run, n, &job->frame, &planes))
		return false;
	for (uint32_t x = first, length; x < end; x += length) {
		length = run_length(is_proven, x, end);
		if (is_proven[x])
			continue;
		const uint32_t *whole = planes.at[PLANE_WHOLE];
		const float *fraction = planes.at[PLANE_FRACTION];
		const struct rect part = {chunk->x + x, run.y, length, 1};
		const size_t skipped = (size_t)(x - first) * n;
		const struct shade_numbers numbers = {.whole = whole + skipped,
						      .fraction = fraction + skipped};
		chunk_shade(pass, &part, n, &numbers, stride);
	}
	return true;
}

/* A row of a chunk of which the centres are known: pixels that are proven get the colour of theirs;
 * the others all their samples, and short gaps between them with them. */
static bool row_adaptive(struct pass *pass, const struct rect *chunk, uint32_t y,
			 const struct centres *c)
{
	const uint32_t n = pass->job->samples;
	const size_t row = (size_t)y * chunk->w;
	const bool *is_proven = &c->is_proven[row];
	uint32_t from = 0, to = 0; /* what waits to be filled */
	for (uint32_t x = 0, length; x < chunk->w; x += length) {
		length = run_length(is_proven, x, chunk->w);
		if (is_proven[x]) {
			const struct rect part = {chunk->x + x, chunk->y + y, length, 1};
			const struct shade_numbers numbers = {.whole = &c->whole[row + x],
							      .fraction = &c->fraction[row + x]};
			chunk_shade(pass, &part, 1, &numbers, chunk->w);
			continue;
		}
		if (to > from && (x - to) * n * n > GAP_SAMPLES) {
			if (!row_fill(pass, chunk, y, from, to, is_proven))
				return false;
			from = to = 0;
		}
		from = to > from ? from : x;
		to = x + length;
	}
	return to == from || row_fill(pass, chunk, y, from, to, is_proven);
}

static bool chunk_adaptive(struct pass *pass, const struct rect *chunk)
{
	struct centres centres;
	if (!centres_compute(pass, chunk, &centres))
		return false;
	for (uint32_t y = 0; y < chunk->h; y++)
		if (!row_adaptive(pass, chunk, y, &centres))
			return false;
	return true;
}

/* Pixels of a chunk, and the most of one row. */
static uint32_t chunk_pixels(const struct render_job *job, uint32_t *ret_width)
{
	const uint32_t share = scratch_share(numbers_needed(job->planes));
	const bool is_data = format_info(job->format)->is_data;
	const uint32_t pixels = is_data ? CHUNK_NUMBERS
					: CHUNK_NUMBERS / share / (job->samples * job->samples);
	if (!job->adaptive.is_on) {
		*ret_width = pixels;
		return pixels;
	}
	*ret_width = pixels < CHUNK_CENTRES ? pixels : CHUNK_CENTRES;
	return CHUNK_CENTRES;
}

enum brot_err render_rect(const struct render_job *job, const struct rect *rect,
			  void *const planes[PLANES_MAX], const size_t strides_bytes[PLANES_MAX],
			  const struct render_progress *progress, uint64_t *ret_iterations)
{
	assert(rect_inside(rect, job->width_px, job->height_px));
	struct pass pass = {job, *rect, planes, strides_bytes, progress, 0};
	const bool is_data = format_info(job->format)->is_data;
	if (is_data && (job->planes & NUMBERS_DERIVED) == 0) {
		if (!chunk_numbers(&pass, rect))
			return BROT_E_CANCELLED;
		*ret_iterations = pass.iterations;
		return BROT_OK;
	}
	uint32_t width;
	const uint32_t pixels = chunk_pixels(job, &width);
	width = width < rect->w ? width : rect->w;
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
			bool is_done;
			if (is_data)
				is_done = chunk_numbers(&pass, &chunk);
			else if (job->adaptive.is_on)
				is_done = chunk_adaptive(&pass, &chunk);
			else
				is_done = chunk_picture(&pass, &chunk);
			if (!is_done)
				return BROT_E_CANCELLED;
		}
	*ret_iterations = pass.iterations;
	return BROT_OK;
}
