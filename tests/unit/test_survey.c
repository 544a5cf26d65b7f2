/* test_survey.c - histogram and relief against slow models; rows in any order, numbers of any kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/colour_model.h"
#include "worker/colour/survey.h"

#define WIDTH  150
#define HEIGHT 61
#define COUNT  ((size_t)WIDTH * HEIGHT)

static struct shade shade;
static struct model_sample samples[COUNT];
static uint16_t rgb16[COUNT * 3];
static uint32_t per_axis = 1; /* samples of a pixel */

/* All rows, in pieces of `step` samples; backwards if asked. */
static struct survey *survey_of(const struct colour *colour, const struct shade_numbers *numbers,
				uint32_t width, uint32_t height, uint32_t step, bool backwards)
{
	struct survey *survey = NULL;
	assert_int_equal(survey_new(colour, width, height, per_axis, &survey, NULL), BROT_OK);
	/* as two threads would */
	struct survey_part *parts[2] = {survey_part_new(survey), survey_part_new(survey)};
	for (uint32_t k = 0; k < height; k++)
		for (uint32_t x = 0; x < width; x += step) {
			const uint32_t y = backwards ? height - 1 - k : k;
			survey_look(survey, numbers, x, y, width - x < step ? width - x : step,
				    parts[y % 3 == 0]);
		}
	for (int i = 0; i < 2; i++) {
		survey_add(survey, parts[i]);
		survey_part_free(parts[i]);
	}
	survey_settle(survey);
	return survey;
}

static void paint(const struct colour *colour, const struct shade_numbers *numbers, uint32_t width,
		  uint32_t height, const struct survey *survey)
{
	const struct shade_area area = {
		.numbers = *numbers,
		.stride = width,
		.samples = 1,
		.w = width,
		.h = height,
		.survey = survey,
	};
	assert_int_equal(shade_make(colour, &shade, NULL), BROT_OK);
	shade_rgb16(&shade, &area, rgb16, width * 6);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* How many of the sorted counts are below v. */
static size_t below(const double *sorted, size_t count, double v)
{
	size_t low = 0, high = count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (sorted[middle] < v)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The share is exact where bins begin, and between those where they do not. */
static void the_share_is_of_smaller_counts(void **state)
{
	(void)state;
	uint64_t random = 11;
	static double counts[COUNT];
	for (int round = 0; round < 6; round++) {
		const struct colour colour = model_colour(&random, COLOUR_HISTOGRAM, INSIDE_PLAIN);
		size_t outside = 0;
		model_fill(&random, COUNT, samples);
		for (size_t i = 0; i < COUNT; i++)
			if (samples[i].iterations > 0)
				counts[outside++] = samples[i].whole + (double)samples[i].fraction;
		qsort(counts, outside, sizeof counts[0], by_value);
		struct shade_numbers numbers = model_planes(samples, COUNT);
		struct survey *survey = survey_of(&colour, &numbers, WIDTH, HEIGHT, SURVEY_PIECE,
						  false);
		for (size_t i = 0; i < outside; i++) {
			double rest;
			const uint32_t bin = survey_bin(counts[i], &rest);
			const double from = ldexp(1.0 + bin % SURVEY_PARTS / (double)SURVEY_PARTS,
						  (int)(bin / SURVEY_PARTS));
			const double to = from +
					  ldexp(1.0 / SURVEY_PARTS, (int)(bin / SURVEY_PARTS));
			const double least = (double)below(counts, outside, from) / (double)outside;
			const double most = (double)below(counts, outside, to) / (double)outside;
			const double share = survey_share(survey, counts[i]);
			assert_true(counts[i] >= from && counts[i] < to);
			assert_true(fabs(survey_share(survey, from) - least) < 1e-15);
			assert_true(fabs(share - (least + rest * (most - least))) < 1e-14);
		}
		paint(&colour, &numbers, WIDTH, HEIGHT, survey);
		for (size_t i = 0; i < COUNT; i++) {
			const double v = samples[i].whole + (double)samples[i].fraction;
			const struct model_rgb want = model_sample(&colour, &samples[i],
								   survey_share(survey, v));
			for (size_t c = 0; c < 3; c++)
				assert_true(fabs(rgb16[3 * i + c] / 257.0 - want.value[c]) <=
					    want.slack[c]);
		}
		survey_free(survey);
		model_planes_free(&numbers);
	}
}

/* Each colour gets the same area: that is what the mode is for. */
static void colours_have_equal_areas(void **state)
{
	(void)state;
	uint64_t random = 12;
	struct colour colour;
	colour_init(&colour);
	(void)snprintf(colour.palette.name, sizeof colour.palette.name, "grey");
	colour.mode = COLOUR_HISTOGRAM;
	/* Two stops make an S: stops of one's own make a line. */
	colour.palette = (struct colour_palette){.stop_count = 17};
	for (uint32_t i = 0; i < 17; i++) {
		const uint8_t v = (uint8_t)lround(255.0 * i / 16);
		colour.palette.stops[i] = (struct palette_stop){i / 16.0, {v, v, v}};
	}
	for (size_t i = 0; i < COUNT; i++) {
		const double v = exp2(
			3.0 + 9.0 * pow((double)(model_random(&random) >> 11) * 0x1p-53, 4.0));
		samples[i] = (struct model_sample){.iterations = 9, .whole = (uint32_t)v};
		samples[i].fraction = (float)(v - floor(v));
	}
	struct shade_numbers numbers = model_planes(samples, COUNT);
	struct survey *survey = survey_of(&colour, &numbers, WIDTH, HEIGHT, SURVEY_PIECE, false);
	size_t shades[16] = {0};
	paint(&colour, &numbers, WIDTH, HEIGHT, survey);
	for (size_t i = 0; i < COUNT; i++)
		shades[rgb16[3 * i] / 4096]++;
	for (int k = 0; k < 16; k++)
		assert_true(fabs((double)shades[k] * 16 / COUNT - 1.0) < 0.06);
	survey_free(survey);
	model_planes_free(&numbers);
}

/* A hilly surface with a hole in it. */
static void surface_fill(uint64_t *random, uint32_t width, uint32_t height)
{
	const double a = (double)(model_random(random) % 100) / 10, b = 0.05 + a / 50;
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width; x++) {
			struct model_sample *s = &samples[y * width + x];
			const double v = 20 + 9 * sin(b * x + a) * cos(0.07 * y) + 0.2 * x +
					 exp(0.03 * y);
			const bool is_inside = hypot(x - 40.0, y - 30.0) < 12;
			*s = (struct model_sample){.iterations = 1, .whole = (uint32_t)v};
			s->fraction = (float)(v - floor(v));
			if (is_inside)
				*s = (struct model_sample){.whole = UINT32_MAX};
		}
}

static double height_at(const struct colour *colour, uint32_t width, uint32_t x, uint32_t y)
{
	const struct model_sample *s = &samples[y * width + x];
	/* Samples lie 1 / per_axis apart. */
	return s->iterations == 0 ? 0.0
				  : per_axis * colour->height * (s->whole + (double)s->fraction);
}

/* numpy.gradient along one axis. */
static double slope(double before, double here, double after, bool has_before, bool has_after)
{
	if (has_before && has_after)
		return (after - before) / 2.0;
	return has_after ? after - here : has_before ? here - before : 0.0;
}

static void light_model(const struct colour *colour, uint32_t width, uint32_t height, double *light)
{
	const double pi = acos(-1.0);
	const double azimuth = (90.0 - colour->azimuth_deg) * pi / 180.0;
	const double up = colour->elevation_deg * pi / 180.0;
	double least = INFINITY, most = -INFINITY;
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width; x++) {
			const double here = height_at(colour, width, x, y);
			const double dx = slope(
				x > 0 ? height_at(colour, width, x - 1, y) : 0, here,
				x + 1 < width ? height_at(colour, width, x + 1, y) : 0, x > 0,
				x + 1 < width);
			const double dy = -slope(
				y > 0 ? height_at(colour, width, x, y - 1) : 0, here,
				y + 1 < height ? height_at(colour, width, x, y + 1) : 0, y > 0,
				y + 1 < height);
			const double n = sqrt(dx * dx + dy * dy + 1);
			double *to = &light[y * width + x];
			*to = (-dx * cos(azimuth) * cos(up) - dy * sin(azimuth) * cos(up) +
			       sin(up)) /
			      n;
			least = fmin(least, *to);
			most = fmax(most, *to);
		}
	for (uint32_t i = 0; i < width * height; i++) {
		if (most - least > 1e-6)
			light[i] = (light[i] - least) / (most - least);
		light[i] = fmax(0.0, fmin(1.0, light[i]));
	}
}

/* By hue, as hexcone models have it. */
static void hsv_model(double light, double rgb[3])
{
	const double most = fmax(rgb[0], fmax(rgb[1], rgb[2]));
	const double least = fmin(rgb[0], fmin(rgb[1], rgb[2])), range = most - least;
	const double i = 2 * light - 1;
	double hue = 0.0, s = most > 0 ? range / most : 0.0, v = most;
	if (range > 0 && most == rgb[0])
		hue = (rgb[1] - rgb[2]) / range;
	else if (range > 0 && most == rgb[1])
		hue = 2 + (rgb[2] - rgb[0]) / range;
	else if (range > 0)
		hue = 4 + (rgb[0] - rgb[1]) / range;
	hue = hue < 0 ? hue + 6 : hue;
	if (s > 1e-10)
		s = i > 0 ? (1 - i) * s : (1 + i) * s - i;
	v = i > 0 ? (1 - i) * v + i : (1 + i) * v;
	for (int c = 0; c < 3; c++) {
		/* 0 within one of the channel's own hue, 1 two and more away. */
		const double off = fabs(remainder(hue - 2 * c, 6.0));
		rgb[c] = v * (1 - s * fmax(0.0, fmin(1.0, off - 1)));
	}
}

static void blend_model(const struct colour *colour, double light, double rgb[3])
{
	if (colour->blend == BLEND_HSV) {
		hsv_model(light, rgb);
		return;
	}
	for (int c = 0; c < 3; c++)
		if (colour->blend == BLEND_SOFT)
			rgb[c] = 2 * light * rgb[c] + (1 - 2 * light) * rgb[c] * rgb[c];
		else
			rgb[c] = rgb[c] <= 0.5 ? 2 * light * rgb[c]
					       : 1 - 2 * (1 - light) * (1 - rgb[c]);
}

/* The palette's colours are taken from the tables, which test_shade.c compares: hue can turn fast
 * where they are nearly grey. */
static void relief_is_the_model(void **state)
{
	(void)state;
	static const uint32_t sizes[][2] = {{WIDTH, HEIGHT}, {1, 40}, {40, 1},
					    {1, 1},          {2, 2},  {83, 7}};
	static double light[COUNT];
	uint64_t random = 13;
	for (int round = 0; round < 60; round++) {
		const uint32_t width = sizes[round % 6][0], height = sizes[round % 6][1];
		const struct colour colour = model_colour(&random, COLOUR_RELIEF, INSIDE_PLAIN);
		double least = INFINITY, most = 0.0;
		surface_fill(&random, width, height);
		per_axis = 1 + (uint32_t)round % 4;
		for (uint32_t i = 0; i < width * height; i++)
			if (samples[i].iterations > 0) {
				const double v = samples[i].whole + (double)samples[i].fraction;
				least = fmin(least, v);
				most = fmax(most, v);
			}
		light_model(&colour, width, height, light);
		struct shade_numbers numbers = model_planes(samples, (size_t)width * height);
		struct survey *survey = survey_of(&colour, &numbers, width, height,
						  1 + (uint32_t)round, round % 2 == 0);
		paint(&colour, &numbers, width, height, survey);
		for (size_t i = 0; i < (size_t)width * height; i++) {
			const double v = samples[i].whole + (double)samples[i].fraction;
			const double share = most > least ? (v - least) / (most - least) : 0.0;
			const double runs = model_once(&colour, pow(share, colour.power));
			uint16_t plain[3];
			double want[3];
			shade_fine(&shade, shade_place_of_runs(runs + 1.0), plain);
			for (int c = 0; c < 3; c++)
				want[c] = plain[c] / 65535.0;
			blend_model(&colour, light[i], want);
			for (size_t c = 0; c < 3; c++) {
				const double model = samples[i].iterations == 0 ? colour.interior[c]
										: want[c] * 255.0;
				const double got = rgb16[3 * i + c] / 257.0;
				if (!(fabs(got - model) < 0.1))
					fail_msg("%ux%u, blend %d, sample %zu: %g, not %g", width,
						 height, (int)colour.blend, i, got, model);
			}
		}
		survey_free(survey);
		model_planes_free(&numbers);
	}
	per_axis = 1;
}

static void order_does_not_matter(void **state)
{
	(void)state;
	uint64_t random = 14;
	for (int round = 0; round < 8; round++) {
		const struct colour colour = model_colour(
			&random, round % 2 == 0 ? COLOUR_HISTOGRAM : COLOUR_RELIEF, INSIDE_PLAIN);
		model_fill(&random, COUNT, samples);
		struct shade_numbers numbers = model_planes(samples, COUNT);
		struct survey *a = survey_of(&colour, &numbers, WIDTH, HEIGHT, SURVEY_PIECE, false);
		struct survey *b = survey_of(&colour, &numbers, WIDTH, HEIGHT, 17, true);
		assert_memory_equal(&a->relief, &b->relief, sizeof a->relief);
		if (colour.mode == COLOUR_HISTOGRAM)
			assert_memory_equal(a->shares, b->shares, (SURVEY_BINS + 1) * 8);
		survey_free(a);
		survey_free(b);
		model_planes_free(&numbers);
	}
}

/* Numbers as a file may hold them: whatever comes out, the sanitizers are content. */
static void any_numbers_are_surveyed(void **state)
{
	(void)state;
	static const float odd[] = {NAN, INFINITY, -INFINITY, -1.0f, 0.0f, 1e30f};
	static const uint32_t wholes[] = {0, 1, 1000, UINT32_MAX - 1, UINT32_MAX};
	uint64_t random = 15;
	for (int round = 0; round < 40; round++) {
		struct colour colour = model_colour(
			&random, round % 2 == 0 ? COLOUR_HISTOGRAM : COLOUR_RELIEF, INSIDE_PLAIN);
		colour.power = round % 3 == 0 ? 0.01 : 10.0;
		colour.height = round % 5 == 0 ? 0.0 : 1e4;
		colour.azimuth_deg = round % 4 == 0 ? -360.0 : 360.0;
		for (size_t i = 0; i < COUNT; i++)
			samples[i] = (struct model_sample){
				.whole = round % 10 == 9 ? UINT32_MAX
							 : wholes[model_random(&random) % 5],
				.fraction = odd[model_random(&random) % 6],
			};
		struct shade_numbers numbers = model_planes(samples, COUNT);
		struct survey *survey = survey_of(&colour, &numbers, WIDTH, HEIGHT, 1000, false);
		paint(&colour, &numbers, WIDTH, HEIGHT, survey);
		for (size_t i = 0; i < COUNT; i++)
			if (samples[i].whole == UINT32_MAX)
				assert_int_equal(rgb16[3 * i], 257 * colour.interior[0]);
		survey_free(survey);
		model_planes_free(&numbers);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_is_of_smaller_counts),
		cmocka_unit_test(colours_have_equal_areas),
		cmocka_unit_test(relief_is_the_model),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(any_numbers_are_surveyed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
