/* test_colour.c - counts to colours, colours to light, and the logarithm under both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "proto/palette.h"
#include "proto/power.h"
#include "worker/colour/linear.h"
#include "worker/colour/shade.h"
#include "worker/kernel/escape_point.h"

static struct shade shade;

static struct colour colour_of(const char *palette)
{
	struct colour colour;
	colour_init(&colour);
	memcpy(colour.interior, "\1\2\3", 3);
	(void)snprintf(colour.palette.name, sizeof colour.palette.name, "%s", palette);
	return colour;
}

static void test_linear(void **state)
{
	(void)state;
	assert_int_equal(linear_of_srgb(0), 0);
	assert_int_equal(linear_of_srgb(255), 65535);
	for (int i = 0; i < 256; i++) {
		const double c = i / 255.0;
		const double light = c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
		assert_int_equal(linear_of_srgb((uint8_t)i), lround(65535.0 * light));
		assert_int_equal(linear_to_srgb(linear_of_srgb((uint8_t)i)), i);
	}
	for (uint32_t x = 0; x <= 65535; x++) {
		const int i = linear_to_srgb(x);
		const int off = abs((int)x - linear_of_srgb((uint8_t)i));
		assert_true(i == 0 || off <= abs((int)x - linear_of_srgb((uint8_t)(i - 1))));
		assert_true(i == 255 || off <= abs((int)x - linear_of_srgb((uint8_t)(i + 1))));
	}
}

static void test_logarithm(void **state)
{
	(void)state;
	for (int e = -64; e <= 64; e++)
		assert_true(logarithm_2(ldexp(1.0, e)) == (double)e);
	double worst = 0.0;
	for (double x = 1.0; x < 0x1p65; x *= 1.00021) {
		const double error = (double)fabsl(logarithm_2(x) - log2l((long double)x));
		worst = error > worst ? error : worst;
	}
	assert_true(worst < 0x1p-45);
}

static void test_smooth_count(void **state)
{
	(void)state;
	for (double r = 0x1.0000000000001p32; r < 0x1p64; r *= 1.0031) {
		const double v = 8.0 - log2(log(r) / 2.0 / log(65536.0));
		uint32_t whole;
		float fraction;
		escape_smooth(STEP_SQUARE, 7, r, &whole, &fraction);
		assert_true(fraction >= 0.0f && fraction < 1.0f);
		assert_true(fabs((double)whole + (double)fraction - v) < 1e-7);
	}
	/* Other powers fall by the logarithm to their base. */
	static const struct {
		enum escape_step step;
		double power;
	} powers[] = {{STEP_POWER3, 3}, {STEP_POWER4, 4},       {STEP_POWER5, 5},
		      {STEP_POWER6, 6}, {STEP_BURNING_SHIP, 2}, {STEP_TRICORN, 2}};
	for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++)
		for (double r = 0x1.0000000000001p32; r < 0x1p190; r *= 1.31) {
			const double v = 8.0 -
					 log(log(r) / 2.0 / log(65536.0)) / log(powers[i].power);
			uint32_t whole;
			float fraction;
			escape_smooth(powers[i].step, 7, r, &whole, &fraction);
			assert_true(fabs((double)whole + (double)fraction - v) < 1e-7);
		}
	/* The ends: just beyond R, and what rounds to 1. */
	uint32_t whole;
	float fraction;
	escape_smooth(STEP_SQUARE, 7, 0x1p32, &whole, &fraction);
	assert_true(whole == 8 && fraction == 0.0f);
	escape_smooth(STEP_SQUARE, 7, 0x1.000000001p32, &whole, &fraction);
	assert_true(whole == 7 && fraction == 0x1.fffffep-1f);
	escape_smooth(STEP_SQUARE, 7, 0x1.0001p64, &whole, &fraction);
	assert_true(whole == 6 && fraction > 0.9f && fraction < 1.0f);
}

static void test_power(void **state)
{
	(void)state;
	for (double x = 0x1p-40; x <= 1.2; x *= 1.0037)
		for (double e = 0.01; e <= 10.0; e *= 1.37) {
			const double want = pow(x, e);
			assert_true(fabs(power_of(x, e) - want) <= want * 0x1p-44 * fmax(1.0, e));
		}
	assert_true(power_of(1.0, 0.3) == 1.0);
	assert_true(power_of(0.25, 0.5) == 0.5);
}

static void test_fine_light(void **state)
{
	(void)state;
	static uint32_t knots[LINEAR_KNOTS];
	linear_knots(knots);
	assert_int_equal(linear_fine(knots, 0), 0);
	assert_in_range(linear_fine(knots, 65535), LINEAR_FULL, LINEAR_FULL + 16);
	for (uint32_t i = 0; i <= 65535; i++) {
		const double c = i / 65535.0;
		const double light = c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
		const uint32_t got = linear_fine(knots, i);
		const uint32_t step = i == 0 ? 1 : got - linear_fine(knots, i - 1);
		assert_true(i == 0 || got > linear_fine(knots, i - 1));
		assert_true(fabs(got - light * LINEAR_FULL) < 0.1 * step + 2.0);
		assert_int_equal(linear_fine_to_srgb(knots, got), i);
		if (i > 0) {
			assert_int_equal(linear_fine_to_srgb(knots, got - step / 3), i);
			assert_int_equal(linear_fine_to_srgb(knots, got - 2 * step / 3), i - 1);
		}
	}
}

static void test_palettes(void **state)
{
	(void)state;
	const struct palette *palette;
	for (size_t p = 0; (palette = palette_at(p)) != NULL; p++) {
		const struct colour colour = colour_of(palette->name);
		assert_int_equal(shade_make(&colour, &shade, NULL), BROT_OK);
		/* Every stop is in the table, and no two neighbours differ by a visible edge;
		 * published is one, of 46 at the begin of earth. */
		const int most = strcmp(palette->name, "earth") == 0 ? 6 : 4;
		const double entries = palette->cyclic ? SHADE_ENTRIES : SHADE_ENTRIES / 2 - 1;
		for (uint32_t s = 0; s < palette->stop_count; s++) {
			const int i = (int)(palette->stops[s].position * entries);
			for (int c = 0; c < 3; c++)
				assert_true(abs(shade.table[i % SHADE_ENTRIES][c] -
						palette->stops[s].rgb[c]) <= 1);
		}
		for (int i = 0; i < SHADE_ENTRIES; i++)
			for (int c = 0; c < 3; c++)
				assert_true(abs(shade.table[i][c] -
						shade.table[(i + 1) % SHADE_ENTRIES][c]) <= most);
	}
}

static void test_counts(void **state)
{
	(void)state;
	const struct colour colour = colour_of("grey");
	assert_int_equal(shade_make(&colour, &shade, NULL), BROT_OK);
	assert_int_equal(shade.table[shade_smooth(&shade, 1, 0.0f)][0], 0);
	for (uint32_t n = 1; n < 100000; n = n * 9 / 8 + 1) {
		const double count = n + 0.375;
		const double turns = SHADE_SCALE * pow(log2(count), 3.0);
		const double part = turns - floor(turns);
		/* To and fro. */
		const double grey = 255.0 * (part < 0.5 ? 2.0 * part : 2.0 - 2.0 * part);
		const uint8_t *rgb = shade.table[shade_smooth(&shade, n, 0.375f)];
		assert_true(fabs(grey - rgb[1]) < 1.5);
		assert_true(rgb[0] == rgb[1] && rgb[1] == rgb[2]);
		assert_int_equal(shade_banded(&shade, n), shade_smooth(&shade, n + 4, 0.0f));
	}
	/* The largest counts there are. */
	assert_true(shade_smooth(&shade, UINT32_MAX - 1, 0x1.fffffep-1f) < SHADE_ENTRIES);
	assert_true(shade_banded(&shade, UINT32_MAX - 8) < SHADE_ENTRIES);
	assert_int_equal(shade_smooth(&shade, KERNEL_WHOLE_INSIDE, 0.0f), SHADE_INTERIOR);
	assert_int_equal(shade_banded(&shade, 0), SHADE_INTERIOR);
	assert_memory_equal(shade.table[SHADE_INTERIOR], "\1\2\3", 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linear),       cmocka_unit_test(test_logarithm),
		cmocka_unit_test(test_smooth_count), cmocka_unit_test(test_palettes),
		cmocka_unit_test(test_power),        cmocka_unit_test(test_fine_light),
		cmocka_unit_test(test_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
