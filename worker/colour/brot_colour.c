/* brot_colour.c - include/brot/colour.h over shade.h and survey.h. */
#include <assert.h>
#include <brot/colour.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "proto/planes.h"
#include "proto/request.h"
#include "proto/thread_mode.h"
#include "worker/colour/shade.h"
#include "worker/colour/survey.h"

/* The survey of an image, and who may touch it. */
struct whole {
	pthread_mutex_t lock; /* of all below, until it is settled */
	pthread_cond_t given;
	struct survey_part
		*parts; /* those that nobody looks with at the moment; at least one else */
	atomic_bool is_settled;
	struct survey *survey;
};

struct brot_colour {
	uint32_t width_px, height_px; /* of the picture */
	uint32_t samples;
	unsigned planes;     /* bit 1u << PLANE_...; 0 of a Buddhabrot: */
	uint32_t channels;   /* of its counts; else 0 */
	struct whole *whole; /* NULL where the mode needs no survey */
	struct shade shade;
};

static enum brot_err no_memory(struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "colour: no memory");
}

static struct survey_part *part_pop(struct whole *whole)
{
	struct survey_part *part = whole->parts;
	whole->parts = part->next;
	return part;
}

/* A part that is nobody else's until it is given back: a new one where there is none. Where memory
 * is short too, one of those that are there comes back. */
static struct survey_part *part_take(struct whole *whole)
{
	(void)pthread_mutex_lock(&whole->lock);
	struct survey_part *part = whole->parts != NULL ? part_pop(whole)
							: survey_part_new(whole->survey);
	while (part == NULL) {
		(void)pthread_cond_wait(&whole->given, &whole->lock);
		if (whole->parts != NULL)
			part = part_pop(whole);
	}
	(void)pthread_mutex_unlock(&whole->lock);
	return part;
}

static void part_give(struct whole *whole, struct survey_part *part)
{
	(void)pthread_mutex_lock(&whole->lock);
	part->next = whole->parts;
	whole->parts = part;
	(void)pthread_cond_signal(&whole->given);
	(void)pthread_mutex_unlock(&whole->lock);
}

static void whole_settle(struct whole *whole)
{
	while (whole->parts != NULL) {
		struct survey_part *part = part_pop(whole);
		survey_add(whole->survey, part);
		survey_part_free(part);
	}
	survey_settle(whole->survey);
}

static void whole_free(struct whole *whole)
{
	if (whole == NULL)
		return;
	while (whole->parts != NULL)
		survey_part_free(part_pop(whole));
	survey_free(whole->survey);
	(void)pthread_cond_destroy(&whole->given);
	(void)pthread_mutex_destroy(&whole->lock);
	free(whole);
}

/* *request is that of the data, `samples` of which are a pixel, per axis. */
static enum brot_err whole_new(const struct request *request, uint32_t samples,
			       struct whole **ret_whole, struct brot_error *err)
{
	struct whole *whole = calloc(1, sizeof *whole);
	if (whole == NULL || pthread_mutex_init(&whole->lock, NULL) != 0) {
		free(whole);
		return no_memory(err);
	}
	if (pthread_cond_init(&whole->given, NULL) != 0) {
		(void)pthread_mutex_destroy(&whole->lock);
		free(whole);
		return no_memory(err);
	}
	enum brot_err code;
	if (request->kind == KIND_BUDDHABROT)
		code = survey_new_counts(&request->tone, request->buddha.channels, &whole->survey,
					 err);
	else
		code = survey_new(&request->colour, request->width_px, request->height_px, samples,
				  &whole->survey, err);
	if (code == BROT_OK) {
		whole->parts = survey_part_new(whole->survey);
		code = whole->parts != NULL ? BROT_OK : no_memory(err);
	}
	if (code == BROT_OK)
		*ret_whole = whole;
	else
		whole_free(whole);
	return code;
}

/* The survey, settled by the first thread that asks. */
static const struct survey *whole_survey(struct whole *whole)
{
	if (whole == NULL)
		return NULL;
	if (!atomic_load_explicit(&whole->is_settled, memory_order_acquire)) {
		(void)pthread_mutex_lock(&whole->lock);
		if (!atomic_load_explicit(&whole->is_settled, memory_order_relaxed))
			whole_settle(whole);
		atomic_store_explicit(&whole->is_settled, true, memory_order_release);
		(void)pthread_mutex_unlock(&whole->lock);
	}
	return whole->survey;
}

/* *request becomes that of its data where a survey is needed. */
static enum brot_err colour_fill(struct brot_colour *colour, struct request *request,
				 struct brot_error *err)
{
	colour->width_px = request->width_px;
	colour->height_px = request->height_px;
	colour->samples = request->samples;
	const bool is_buddhabrot = request->kind == KIND_BUDDHABROT;
	colour->planes = is_buddhabrot ? 0 : colour_planes(&request->colour);
	colour->channels = is_buddhabrot ? request->buddha.channels : 0;
	enum brot_err code = shade_make(&request->colour, &colour->shade, err);
	if (code != BROT_OK || (!is_buddhabrot && !colour_needs_image(&request->colour)))
		return code;
	code = request_to_data(request, request, err);
	if (code == BROT_OK)
		code = whole_new(request, colour->samples, &colour->whole, err);
	return code;
}

enum brot_err brot_colour_new(const char *request_text, size_t bytes,
			      struct brot_colour **ret_colour, struct brot_error *err)
{
	/* Coordinates make a request too large for a stack. */
	struct request *request = malloc(sizeof *request);
	struct brot_colour *colour = calloc(1, sizeof *colour);
	enum brot_err code = BROT_E_SYSTEM;
	struct thread_mode callers;
	thread_mode_enter(&callers);
	if (request == NULL || colour == NULL)
		(void)error_set(err, code, "colour: no memory");
	else
		code = request_parse(request_text, bytes, request, err);
	if (code == BROT_OK)
		code = colour_fill(colour, request, err);
	free(request);
	if (code == BROT_OK)
		*ret_colour = colour;
	else
		brot_colour_free(colour);
	thread_mode_leave(&callers);
	return code;
}

void brot_colour_free(struct brot_colour *colour)
{
	if (colour == NULL)
		return;
	whole_free(colour->whole);
	free(colour);
}

/* How many of the channels have their counts, from the first on. */
static uint32_t wide_channels(const struct brot_colour *colour, const struct brot_numbers *numbers)
{
	uint32_t wide = 0;
	while (wide < colour->channels && numbers->density[wide] != NULL)
		wide++;
	return wide;
}

static uint32_t narrow_channels(const struct brot_colour *colour,
				const struct brot_numbers *numbers)
{
	uint32_t narrow = 0;
	while (narrow < colour->channels && numbers->density32[narrow] != NULL)
		narrow++;
	return narrow;
}

static enum brot_err check_counts(const struct brot_colour *colour,
				  const struct brot_numbers *numbers, struct brot_error *err)
{
	const uint32_t wide = wide_channels(colour, numbers);
	const uint32_t narrow = narrow_channels(colour, numbers);
	if (wide == colour->channels || narrow == colour->channels)
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST,
			 "buddha.bands: the counts of %u are needed, got those of %u",
			 (unsigned)colour->channels, (unsigned)(wide > narrow ? wide : narrow));
}

enum brot_err brot_colour_check(const struct brot_colour *colour,
				const struct brot_numbers *numbers, struct brot_error *err)
{
	const uint64_t width = (uint64_t)colour->width_px * colour->samples;
	const uint64_t height = (uint64_t)colour->height_px * colour->samples;
	if (numbers->width_px != width || numbers->height_px != height)
		return error_set(err, BROT_E_REQUEST,
				 "size: %ux%u with %u samples a side needs numbers of %llux%llu, "
				 "got %ux%u",
				 (unsigned)colour->width_px, (unsigned)colour->height_px,
				 (unsigned)colour->samples, (unsigned long long)width,
				 (unsigned long long)height, (unsigned)numbers->width_px,
				 (unsigned)numbers->height_px);
	for (uint32_t type = PLANE_ITERATIONS; type < PLANE_TYPES; type++)
		if ((colour->planes & ~planes_present(numbers) & 1u << type) != 0)
			return error_set(
				err, BROT_E_REQUEST,
				"colour.mode \"%s\" with colour.inside \"%s\" needs plane %s, "
				"which is not there",
				colour_mode_name(colour->shade.mode),
				colour_inside_name(colour->shade.inside), plane_info(type)->name);
	return check_counts(colour, numbers, err);
}

bool brot_colour_needs_survey(const struct brot_colour *colour)
{
	return colour->whole != NULL;
}

static struct shade_numbers shade_numbers_of(const struct brot_numbers *numbers)
{
	return (struct shade_numbers){
		.iterations = numbers->iterations,
		.whole = numbers->whole,
		.fraction = numbers->fraction,
		.distance = numbers->distance,
		.phase = numbers->phase,
		.period = numbers->period,
		.interior = numbers->interior,
	};
}

static struct tone_counts counts_of(const struct brot_colour *colour,
				    const struct brot_numbers *numbers)
{
	struct tone_counts counts = {{NULL}, {NULL}};
	const bool is_wide = wide_channels(colour, numbers) == colour->channels;
	for (uint32_t i = 0; i < colour->channels; i++) {
		counts.wide[i] = is_wide ? numbers->density[i] : NULL;
		counts.narrow[i] = is_wide ? NULL : numbers->density32[i];
	}
	return counts;
}

static void look(struct brot_colour *colour, const struct brot_numbers *numbers, uint32_t first,
		 uint32_t rows)
{
	const struct shade_numbers all = shade_numbers_of(numbers);
	const uint32_t width = numbers->width_px;
	struct whole *whole = colour->whole;
	struct survey_part *part = part_take(whole);
	assert(first <= numbers->height_px && rows <= numbers->height_px - first);
	if (colour->channels > 0) {
		const struct tone_counts counts = counts_of(colour, numbers);
		tones_look(whole->survey->tones, &counts, (size_t)first * width,
			   (size_t)rows * width, part->bins);
		part_give(whole, part);
		return;
	}
	for (uint32_t y = first; y < first + rows; y++)
		for (uint32_t x = 0; x < width; x += SURVEY_PIECE) {
			const uint32_t count = width - x < SURVEY_PIECE ? width - x : SURVEY_PIECE;
			survey_look(whole->survey, &all, x, y, count, part);
		}
	part_give(whole, part);
}

void brot_colour_survey(struct brot_colour *colour, const struct brot_numbers *numbers,
			uint32_t first, uint32_t rows)
{
	struct thread_mode callers;
	if (colour->whole == NULL)
		return;
	thread_mode_enter(&callers);
	look(colour, numbers, first, rows);
	thread_mode_leave(&callers);
}

/* The area of some rows of the picture. */
static struct shade_area area_of(const struct brot_colour *colour,
				 const struct brot_numbers *numbers, uint32_t first, uint32_t rows)
{
	const struct shade_numbers all = shade_numbers_of(numbers);
	assert(first <= colour->height_px && rows <= colour->height_px - first);
	return (struct shade_area){
		.numbers = shade_numbers_from(&all,
					      (size_t)first * colour->samples * numbers->width_px),
		.stride = numbers->width_px,
		.samples = colour->samples,
		.y = first,
		.w = colour->width_px,
		.h = rows,
		.is_by_sample = true,
		.survey = whole_survey(colour->whole),
	};
}

static struct tone_area tone_area_of(const struct brot_colour *colour,
				     const struct brot_numbers *numbers, uint32_t first,
				     uint32_t rows)
{
	assert(first <= colour->height_px && rows <= colour->height_px - first);
	return (struct tone_area){counts_of(colour, numbers), first, colour->width_px, rows};
}

static void rows8(const struct brot_colour *colour, const struct brot_numbers *numbers,
		  uint32_t first, uint32_t rows, uint8_t *rgb, size_t stride_bytes)
{
	if (colour->channels > 0) {
		const struct tone_area area = tone_area_of(colour, numbers, first, rows);
		tones_rgb8(whole_survey(colour->whole)->tones, &colour->shade, &area, rgb,
			   stride_bytes);
		return;
	}
	const struct shade_area area = area_of(colour, numbers, first, rows);
	shade_rgb8(&colour->shade, &area, rgb, stride_bytes);
}

void brot_colour_rows8(const struct brot_colour *colour, const struct brot_numbers *numbers,
		       uint32_t first, uint32_t rows, uint8_t *rgb, size_t stride_bytes)
{
	struct thread_mode callers;
	thread_mode_enter(&callers);
	rows8(colour, numbers, first, rows, rgb, stride_bytes);
	thread_mode_leave(&callers);
}

static void rows16(const struct brot_colour *colour, const struct brot_numbers *numbers,
		   uint32_t first, uint32_t rows, uint16_t *rgb, size_t stride_bytes)
{
	if (colour->channels > 0) {
		const struct tone_area area = tone_area_of(colour, numbers, first, rows);
		tones_rgb16(whole_survey(colour->whole)->tones, &colour->shade, &area, rgb,
			    stride_bytes);
		return;
	}
	const struct shade_area area = area_of(colour, numbers, first, rows);
	shade_rgb16(&colour->shade, &area, rgb, stride_bytes);
}

void brot_colour_rows16(const struct brot_colour *colour, const struct brot_numbers *numbers,
			uint32_t first, uint32_t rows, uint16_t *rgb, size_t stride_bytes)
{
	struct thread_mode callers;
	thread_mode_enter(&callers);
	rows16(colour, numbers, first, rows, rgb, stride_bytes);
	thread_mode_leave(&callers);
}
