/* test_shade.c - each mode that is local to a pixel against a slow model; means, 16 bits,
 * dithering, cuts, and numbers that no kernel makes. */
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
#include "worker/colour/dither.h"
#include "worker/colour/place.h"
#include "worker/colour/shade.h"

#define SIDE  96 /* samples */
#define COUNT ((size_t)SIDE * SIDE)

static struct shade shade;
static struct model_sample samples[COUNT];
static uint8_t rgb8[COUNT * 3];
static uint16_t rgb16[COUNT * 3];

static const enum colour_mode local_modes[] = {COLOUR_SMOOTH, COLOUR_BANDED, COLOUR_DISTANCE,
					       COLOUR_ANGLE};
#define LOCAL_MODES (sizeof local_modes / sizeof local_modes[0])

static struct shade_area area_of(const struct shade_numbers *numbers, uint32_t per_axis)
{
	return (struct shade_area){
		.numbers = *numbers,
		.stride = SIDE,
		.samples = per_axis,
		.w = SIDE / per_axis,
		.h = SIDE / per_axis,
	};
}

static void make(const struct colour *colour)
{
	assert_int_equal(shade_make(colour, &shade, NULL), BROT_OK);
}

static void each_mode_is_the_model(void **state)
{
	(void)state;
	uint64_t random = 1;
	for (int round = 0; round < 12; round++)
		for (size_t m = 0; m < LOCAL_MODES; m++)
			for (int inside = 0; inside < INSIDE_COUNT; inside++) {
				const struct colour colour = model_colour(
					&random, local_modes[m], (enum colour_inside)inside);
				model_fill(&random, COUNT, samples);
				struct shade_numbers numbers = model_planes(samples, COUNT);
				const struct shade_area area = area_of(&numbers, 1);
				make(&colour);
				shade_rgb8(&shade, &area, rgb8, SIDE * 3);
				shade_rgb16(&shade, &area, rgb16, SIDE * 6);
				for (size_t i = 0; i < COUNT; i++) {
					const struct model_rgb want = model_sample(
						&colour, &samples[i], 0.0);
					for (size_t c = 0; c < 3; c++) {
						const double got8 = rgb8[3 * i + c];
						const double got16 = rgb16[3 * i + c] / 257.0;
						if (fabs(got8 - want.value[c]) > want.slack[c] ||
						    fabs(got16 - want.value[c]) > want.slack[c])
							fail_msg("mode %s, inside %d, sample %zu: "
								 "%g and %g, not %g +- %g",
								 colour_mode_name(colour.mode),
								 inside, i, got8, got16,
								 want.value[c], want.slack[c]);
					}
				}
				model_planes_free(&numbers);
			}
}

/* The mean in linear light, by the curve's own formula. */
static double light_of(double srgb)
{
	return srgb <= 0.04045 ? srgb / 12.92 : pow((srgb + 0.055) / 1.055, 2.4);
}

static double srgb_of(double light)
{
	return light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static void samples_are_averaged_in_linear_light(void **state)
{
	(void)state;
	uint64_t random = 2;
	static uint8_t single8[COUNT * 3];
	static uint16_t single16[COUNT * 3];
	for (uint32_t n = 2; n <= LIMIT_SAMPLES; n += n < 4 ? 1 : 4) {
		struct colour colour = model_colour(&random, COLOUR_ANGLE, INSIDE_DISTANCE);
		model_fill(&random, COUNT, samples);
		struct shade_numbers numbers = model_planes(samples, COUNT);
		const struct shade_area all = area_of(&numbers, 1), area = area_of(&numbers, n);
		make(&colour);
		shade_rgb8(&shade, &all, single8, SIDE * 3);
		shade_rgb16(&shade, &all, single16, SIDE * 6);
		shade_rgb8(&shade, &area, rgb8, area.w * 3);
		shade_rgb16(&shade, &area, rgb16, area.w * 6);
		for (size_t p = 0; p < (size_t)area.w * area.h * 3; p++) {
			const size_t x = p / 3 % area.w * n, y = p / 3 / area.w * n;
			double sum8 = 0.0, sum16 = 0.0;
			for (size_t k = 0; k < (size_t)n * n; k++) {
				const size_t at = ((y + k / n) * SIDE + x + k % n) * 3 + p % 3;
				sum8 += light_of(single8[at] / 255.0);
				sum16 += light_of(single16[at] / 65535.0);
			}
			assert_true(fabs(255.0 * srgb_of(sum8 / n / n) - rgb8[p]) < 0.54);
			assert_true(fabs(65535.0 * srgb_of(sum16 / n / n) - rgb16[p]) < 0.53);
		}
		model_planes_free(&numbers);
	}
}

/* A palette of one colour, whatever the samples: it comes back. */
static void a_constant_colour_comes_back(void **state)
{
	(void)state;
	uint64_t random = 3;
	model_fill(&random, COUNT, samples);
	struct shade_numbers numbers = model_planes(samples, COUNT);
	for (uint32_t value = 0; value < 256; value += 3) {
		struct colour colour;
		colour_init(&colour);
		colour.palette = (struct colour_palette){.is_cyclic = true, .stop_count = 2};
		colour.palette.stops[1].position = 0.5;
		for (int c = 0; c < 3; c++) {
			colour.interior[c] = (uint8_t)(value ^ (uint32_t)c);
			colour.palette.stops[0].rgb[c] = colour.interior[c];
			colour.palette.stops[1].rgb[c] = colour.interior[c];
		}
		for (uint32_t n = 1; n <= LIMIT_SAMPLES; n *= 4)
			for (int dithered = 0; dithered < 2; dithered++) {
				const struct shade_area area = area_of(&numbers, n);
				colour.is_dithered = dithered == 1;
				make(&colour);
				shade_rgb8(&shade, &area, rgb8, area.w * 3);
				shade_rgb16(&shade, &area, rgb16, area.w * 6);
				for (size_t p = 0; p < (size_t)area.w * area.h * 3; p++) {
					assert_int_equal(rgb8[p], colour.interior[p % 3]);
					assert_int_equal(rgb16[p], 257 * colour.interior[p % 3]);
				}
			}
	}
	model_planes_free(&numbers);
}

/* A grey ramp over one run's half: sixteen bits rise, take every level, and agree with eight. */
static void sixteen_bits_rise_and_agree_with_eight(void **state)
{
	(void)state;
	enum { LENGTH = 1 << 18 };
	uint32_t *whole = malloc(LENGTH * 4);
	float *fraction = malloc(LENGTH * 4);
	uint8_t *out8 = malloc(LENGTH * 3);
	uint16_t *out16 = malloc(LENGTH * 6);
	struct colour colour;
	colour_init(&colour);
	(void)snprintf(colour.palette.name, sizeof colour.palette.name, "grey");
	colour.period = 2.0 * LENGTH;
	for (uint32_t i = 0; i < LENGTH; i++) {
		whole[i] = i + 1;
		fraction[i] = 0.0f;
	}
	const struct shade_area area = {
		.numbers = {.whole = whole, .fraction = fraction},
		.stride = LENGTH,
		.samples = 1,
		.w = LENGTH,
		.h = 1,
	};
	make(&colour);
	shade_rgb8(&shade, &area, out8, LENGTH * 3);
	shade_rgb16(&shade, &area, out16, LENGTH * 6);
	uint32_t levels = 1;
	for (size_t i = 1; i < LENGTH; i++) {
		assert_true(out16[3 * i] >= out16[3 * i - 3]);
		assert_true(out16[3 * i] == out16[3 * i + 1] && out16[3 * i] == out16[3 * i + 2]);
		levels += out16[3 * i] != out16[3 * i - 3];
		/* Eight bits have the entry's own colour, a step of 2048 below at most. */
		assert_true(fabs(out16[3 * i] / 257.0 - out8[3 * i]) < 0.5 + 1.6 * 255.0 / 2048);
	}
	assert_true(out16[0] == 0 && out16[3 * (LENGTH - 1)] == 65535);
	assert_true(levels > 60000);
	free(whole);
	free(fraction);
	free(out8);
	free(out16);
}

static void cuts_do_not_matter(void **state)
{
	(void)state;
	uint64_t random = 4;
	static uint8_t cut8[COUNT * 3];
	static uint16_t cut16[COUNT * 3];
	for (int round = 0; round < 40; round++) {
		const uint32_t n = 1 + (uint32_t)model_random(&random) % 4;
		struct colour colour = model_colour(&random, local_modes[round % 4],
						    (enum colour_inside)(round % INSIDE_COUNT));
		colour.is_dithered = round % 2 == 1;
		model_fill(&random, COUNT, samples);
		struct shade_numbers numbers = model_planes(samples, COUNT);
		struct shade_area area = area_of(&numbers, n);
		const size_t stride = area.w * 3;
		make(&colour);
		shade_rgb8(&shade, &area, rgb8, stride);
		shade_rgb16(&shade, &area, rgb16, stride * 2);
		memset(cut8, 0x5a, sizeof cut8);
		memset(cut16, 0x5a, sizeof cut16);
		/* Scalar and vectors, widths that are no multiple of anything. */
		shade.has_avx2 = round % 3 == 0 && shade.has_avx2;
		const uint32_t w = 1 + (uint32_t)model_random(&random) % area.w;
		const uint32_t h = 1 + (uint32_t)model_random(&random) % area.h;
		const struct shade_area all = area;
		for (uint32_t y = 0; y < all.h; y += h)
			for (uint32_t x = 0; x < all.w; x += w) {
				area.x = x;
				area.y = y;
				area.w = all.w - x < w ? all.w - x : w;
				area.h = all.h - y < h ? all.h - y : h;
				area.numbers = shade_numbers_from(&numbers, (size_t)y * n * SIDE +
										    (size_t)x * n);
				shade_rgb8(&shade, &area, cut8 + y * stride + x * 3, stride);
				shade_rgb16(&shade, &area, cut16 + y * stride + x * 3, stride * 2);
			}
		assert_memory_equal(rgb8, cut8, stride * all.h);
		assert_memory_equal(rgb16, cut16, stride * all.h * 2);
		model_planes_free(&numbers);
	}
}

/* What lies beside the rectangle stays as it is. */
static void only_the_rectangle_is_stored(void **state)
{
	(void)state;
	uint64_t random = 5;
	const struct colour colour = model_colour(&random, COLOUR_SMOOTH, INSIDE_PLAIN);
	model_fill(&random, COUNT, samples);
	struct shade_numbers numbers = model_planes(samples, COUNT);
	make(&colour);
	for (uint32_t w = 1; w < 12; w++) {
		struct shade_area area = area_of(&numbers, 1);
		area.w = w;
		area.h = 2;
		memset(rgb8, 0xa5, sizeof rgb8);
		shade_rgb8(&shade, &area, rgb8 + 7, 50);
		for (size_t i = 0; i < 200; i++) {
			const bool is_mine = i >= 7 && i < 107 && (i - 7) % 50 < w * 3;
			assert_true(is_mine || rgb8[i] == 0xa5);
		}
	}
	model_planes_free(&numbers);
}

static void dithering_has_no_mean_error(void **state)
{
	(void)state;
	enum { TILE = 64 };
	/* Every level, over squares anywhere: the mean is off by less than a 200th of a step. */
	double worst = 0.0;
	for (uint32_t value = 0; value <= 65535; value += 13)
		for (uint32_t corner = 0; corner < 2; corner++) {
			uint32_t sum = 0;
			for (uint32_t y = 0; y < TILE; y++)
				for (uint32_t x = 0; x < TILE; x++)
					sum += dither_to_8(value,
							   dither_threshold(x + corner * 100003,
									    y + corner * 777));
			const double mean = (double)sum / (TILE * TILE);
			worst = fmax(worst, fabs(mean - value / 257.0));
		}
	assert_true(worst < 0.005);
	for (uint32_t k = 0; k < 256; k++) {
		assert_int_equal(dither_to_8(257 * k, 0), k);
		assert_int_equal(dither_to_8(257 * k, 65534), k);
	}
	for (uint32_t v = 0; v <= 65535; v++)
		assert_int_equal(dither_to_8(v, DITHER_NEAREST), lround(v / 257.0));
	for (uint32_t i = 0; i < 100000; i++)
		assert_true(dither_threshold(i * 7919, i * 104729) <= 65534);
	/* Small squares are even too: no blotches. */
	for (uint32_t value = 1; value < 257; value += 5)
		for (uint32_t x = 0; x < 64; x += 8) {
			uint32_t sum = 0;
			for (uint32_t k = 0; k < 64; k++)
				sum += dither_to_8(value, dither_threshold(x + k % 8, x + k / 8));
			assert_true(fabs(sum / 64.0 - value / 257.0) < 0.07);
		}
}

static void a_dithered_picture_is_its_sixteen_bits(void **state)
{
	(void)state;
	uint64_t random = 6;
	for (uint32_t n = 1; n <= 3; n++) {
		struct colour colour = model_colour(&random, COLOUR_SMOOTH, INSIDE_PLAIN);
		colour.is_dithered = true;
		model_fill(&random, COUNT, samples);
		struct shade_numbers numbers = model_planes(samples, COUNT);
		const struct shade_area area = area_of(&numbers, n);
		make(&colour);
		shade_rgb8(&shade, &area, rgb8, area.w * 3);
		shade_rgb16(&shade, &area, rgb16, area.w * 6);
		for (uint32_t p = 0; p < area.w * area.h * 3; p++)
			assert_int_equal(rgb8[p],
					 dither_to_8(rgb16[p], dither_threshold(p / 3 % area.w,
										p / 3 / area.w)));
		model_planes_free(&numbers);
	}
}

/* Numbers as a file may hold them, colours at their limits: the sanitizers watch, and places stay
 * in the tables. */
static void any_numbers_are_coloured(void **state)
{
	(void)state;
	static const float odd[] = {NAN, INFINITY, -INFINITY, -1.0f, 0.0f, -0.0f, 1e30f, 0x1p-149f};
	static const uint32_t wholes[] = {0, 1, 2, 1000, UINT32_MAX - 1, UINT32_MAX, 1u << 31};
	static const double periods[] = {0.0, 1e9, 1.0, 0x1p-1074, 1e-300};
	static const double densities[] = {1e-4, 1.0, 1e4};
	static const double turns[] = {-1.0, -0x1p-1074, 0.0, 1.0};
	uint64_t random = 7;
	for (int round = 0; round < 600; round++) {
		struct colour colour = model_colour(&random, local_modes[round % 4],
						    (enum colour_inside)(round / 4 % INSIDE_COUNT));
		colour.period = periods[model_random(&random) % 5];
		colour.density = densities[model_random(&random) % 3];
		colour.offset = turns[model_random(&random) % 4];
		colour.rotation = turns[model_random(&random) % 4];
		for (size_t i = 0; i < COUNT; i++) {
			samples[i] = (struct model_sample){
				.iterations = wholes[model_random(&random) % 7],
				.whole = wholes[model_random(&random) % 7],
				.period = wholes[model_random(&random) % 7],
				.fraction = odd[model_random(&random) % 8],
				.distance = {odd[model_random(&random) % 8],
					     odd[model_random(&random) % 8]},
				.phase = odd[model_random(&random) % 8],
				.interior = odd[model_random(&random) % 8],
			};
		}
		struct shade_numbers numbers = model_planes(samples, COUNT);
		static uint32_t places[COUNT], slow[COUNT];
		const struct shade_area all = {.numbers = numbers, .samples = 1};
		make(&colour);
		place_samples(&shade, &all, 0, COUNT, places);
		shade.has_avx2 = false;
		place_samples(&shade, &all, 0, COUNT, slow);
		assert_memory_equal(places, slow, sizeof places);
		for (size_t i = 0; i < COUNT; i++)
			assert_true(places[i] / SHADE_STEPS < SHADE_TOTAL - 1);
		const struct shade_area area = area_of(&numbers, 1 + (uint32_t)round % 3);
		shade_rgb8(&shade, &area, rgb8, area.w * 3);
		shade_rgb16(&shade, &area, rgb16, area.w * 6);
		model_planes_free(&numbers);
	}
}

/* What CSS gives half-way and elsewhere between black and white. */
static void a_linear_palette_is_straight(void **state)
{
	(void)state;
	struct colour colour;
	colour_init(&colour);
	colour.palette = (struct colour_palette){.is_linear = true,
						 .stop_count = 2,
						 .stops = {{0.0, {0, 0, 255}}, {1.0, {255, 0, 0}}}};
	make(&colour);
	static const int eighths[] = {0, 32, 64, 96, 128, 159, 191, 223, 255};
	for (uint32_t i = 0; i <= 8; i++) {
		const uint8_t *rgb = shade.table[(SHADE_ENTRIES / 2 - 1) * i / 8];
		assert_in_range(rgb[0] + 1, eighths[i], eighths[i] + 2);
		assert_in_range(rgb[2] + 1, eighths[8 - i], eighths[8 - i] + 2);
	}
	colour.palette.is_linear = false;
	make(&colour);
	assert_in_range(shade.table[SHADE_ENTRIES / 16][0], 10, 12);
}

/* Stops as close as a request may have them. */
static void any_stops_are_coloured(void **state)
{
	(void)state;
	struct colour colour;
	colour_init(&colour);
	colour.palette = (struct colour_palette){
		.stop_count = 5,
		.stops = {{0.0, {0, 255, 3}},
			  {0x1p-1074, {255, 0, 3}},
			  {0.5, {9, 9, 9}},
			  {0x1.0000000000001p-1, {200, 200, 200}},
			  {1.0, {0, 0, 0}}},
	};
	make(&colour);
	for (int kind = 0; kind < 4; kind++) {
		const int cyclic = kind % 2;
		colour.palette.is_cyclic = cyclic == 1;
		colour.palette.is_linear = kind >= 2;
		colour.palette.stops[4].position = cyclic == 1 ? 0x1.fffffffffffffp-1 : 1.0;
		make(&colour);
		assert_memory_equal(shade.table[0], colour.palette.stops[0].rgb, 3);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mode_is_the_model),
		cmocka_unit_test(samples_are_averaged_in_linear_light),
		cmocka_unit_test(a_constant_colour_comes_back),
		cmocka_unit_test(sixteen_bits_rise_and_agree_with_eight),
		cmocka_unit_test(cuts_do_not_matter),
		cmocka_unit_test(only_the_rectangle_is_stored),
		cmocka_unit_test(dithering_has_no_mean_error),
		cmocka_unit_test(a_dithered_picture_is_its_sixteen_bits),
		cmocka_unit_test(any_numbers_are_coloured),
		cmocka_unit_test(any_stops_are_coloured),
		cmocka_unit_test(a_linear_palette_is_straight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
