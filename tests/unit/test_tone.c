/* test_tone.c - the curves of counts against sorted lists and the C library, and the bytes for any
 * split of rows and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brot/colour.h>

#include "worker/colour/tone.h"

#define WIDTH   1100 /* more than a piece of a row */
#define HEIGHT  19
#define PIXELS  ((size_t)WIDTH * HEIGHT)
#define THREADS 4

static uint64_t counts[BUDDHA_CHANNELS][PIXELS];
static uint32_t narrow[BUDDHA_CHANNELS][PIXELS];
static uint64_t sorted[PIXELS];
static size_t sorted_count;

/* Counts of all magnitudes below 2^bits, a seventh of them 0. */
static void fill(unsigned bits)
{
	uint64_t x = 88172645463325252u + bits;
	for (uint32_t c = 0; c < BUDDHA_CHANNELS; c++)
		for (size_t i = 0; i < PIXELS; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			counts[c][i] = i % 7 == 0 ? 0 : x >> (64 - bits) >> (x % bits);
			narrow[c][i] = (uint32_t)counts[c][i];
		}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

/* Only the leading 16 bits, by division. */
static uint64_t leading(uint64_t count)
{
	uint64_t unit = 1;
	while (count / unit >= 65536)
		unit *= 2;
	return count / unit * unit;
}

static void sort(uint32_t channel)
{
	sorted_count = 0;
	for (size_t i = 0; i < PIXELS; i++)
		if (counts[channel][i] != 0)
			sorted[sorted_count++] = leading(counts[channel][i]);
	qsort(sorted, sorted_count, sizeof sorted[0], by_size);
}

static double wanted_level(const struct tone *tone, uint64_t count)
{
	if (count == 0 || sorted_count == 0)
		return 0.0;
	if (tone->curve == TONE_RANK) {
		size_t below = 0, above = sorted_count;
		while (below < above) {
			const size_t middle = (below + above) / 2;
			if (sorted[middle] <= leading(count))
				below = middle + 1;
			else
				above = middle;
		}
		return (double)below / (double)sorted_count;
	}
	size_t rank = (size_t)ceil(tone->white * (double)sorted_count);
	rank = rank < 1 ? 1 : rank;
	const double x = fmin((double)count / (double)sorted[rank - 1], 1.0);
	switch (tone->curve) {
	case TONE_LINEAR:
		return x;
	case TONE_LOG:
		return log(1 + 1000 * x) / log(1001);
	case TONE_GAMMA:
		return pow(x, tone->gamma);
	case TONE_SQRT:
	case TONE_RANK:
	case TONE_COUNT:
		break;
	}
	return sqrt(x);
}

static struct tone_counts planes(uint32_t channels, bool is_wide)
{
	struct tone_counts ret = {{NULL}, {NULL}};
	for (uint32_t c = 0; c < channels; c++) {
		ret.wide[c] = is_wide ? counts[c] : NULL;
		ret.narrow[c] = is_wide ? NULL : narrow[c];
	}
	return ret;
}

static struct tones *settled(const struct tone *tone, uint32_t channels)
{
	struct tones *tones = tones_new(tone, channels);
	uint64_t *bins = tones_bins_new(tones);
	const struct tone_counts all = planes(channels, true);
	assert_non_null(tones);
	assert_non_null(bins);
	tones_look(tones, &all, 0, PIXELS, bins);
	tones_add(tones, bins);
	tones_settle(tones);
	free(bins);
	return tones;
}

static void curves(void **state)
{
	(void)state;
	static const unsigned sizes[] = {4, 20, 64};
	static const double whites[] = {0.0, 0.5, 0.9999, 1.0};
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		fill(sizes[s]);
		for (unsigned curve = 0; curve < TONE_COUNT; curve++) {
			const struct tone tone = {(enum tone_curve)curve, 0.01 + 0.7 * (double)s,
						  whites[s % 4]};
			struct tones *tones = settled(&tone, 3);
			for (uint32_t c = 0; c < 3; c++) {
				sort(c);
				for (size_t i = 0; i < PIXELS; i++) {
					const double level = tones_level(tones, c, counts[c][i]);
					const double wanted = wanted_level(&tone, counts[c][i]);
					assert_true(level >= 0.0 && level <= 1.0);
					assert_true(fabs(level - wanted) < 1e-11);
				}
			}
			tones_free(tones);
		}
	}
}

static void nothing_is_black(void **state)
{
	(void)state;
	memset(counts, 0, sizeof counts);
	for (unsigned curve = 0; curve < TONE_COUNT; curve++) {
		const struct tone tone = {(enum tone_curve)curve, 0.5, 1.0};
		struct tones *tones = settled(&tone, 1);
		assert_true(tones_level(tones, 0, 0) == 0.0);
		assert_true(tones_level(tones, 0, 5) == 0.0);
		tones_free(tones);
	}
}

static void bins(void **state)
{
	(void)state;
	uint32_t last = 0;
	for (uint32_t bin = 0; bin < TONE_BINS; bin++) {
		const uint64_t least = tone_bin_least(bin);
		assert_int_equal(tone_bin(least), bin);
		assert_true(leading(least) == least);
		assert_true(bin == 0 || tone_bin(least - 1) == bin - 1);
		last = tone_bin(least);
	}
	assert_int_equal(last, TONE_BINS - 1);
	assert_int_equal(tone_bin(UINT64_MAX), TONE_BINS - 1);
}

/* ---- pictures ---- */

static struct brot_colour *colour;
static struct brot_numbers numbers;

static void colour_new(const char *bands, const char *tone, const char *more)
{
	char text[1024];
	struct brot_error err = {0};
	const int bytes = snprintf(
		text, sizeof text,
		"{\"brot\":1,\"kind\":\"buddhabrot\",\"view\":{\"re\":\"0\",\"im\":\"0\","
		"\"width\":\"4\"},\"size\":[%d,%d],\"buddha\":{\"points\":1,\"bands\":%s},"
		"\"tone\":{\"curve\":\"%s\"},\"colour\":%s}",
		WIDTH, HEIGHT, bands, tone, more);
	if (brot_colour_new(text, (size_t)bytes, &colour, &err) != BROT_OK)
		fail_msg("%s", err.text);
	assert_true(brot_colour_needs_survey(colour));
}

static void *survey_share(void *context)
{
	const uint32_t *thread = context;
	for (uint32_t y = *thread; y < HEIGHT; y += THREADS)
		brot_colour_survey(colour, &numbers, y, 1);
	return NULL;
}

static void survey_by_threads(void)
{
	pthread_t threads[THREADS];
	uint32_t indices[THREADS];
	for (uint32_t i = 0; i < THREADS; i++) {
		indices[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, survey_share, &indices[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void numbers_set(uint32_t channels, bool is_wide)
{
	numbers = (struct brot_numbers){.width_px = WIDTH, .height_px = HEIGHT};
	for (uint32_t c = 0; c < channels; c++) {
		if (is_wide)
			numbers.density[c] = counts[c];
		else
			numbers.density32[c] = narrow[c];
	}
}

static uint8_t whole8[PIXELS * 3], parts8[PIXELS * 3];
static uint16_t whole16[PIXELS * 3], parts16[PIXELS * 3];

static void check_bytes(uint32_t channels, const char *tone, const char *more)
{
	const char *bands = channels == 1 ? "[[1,9]]" : "[[1,9],[1,9],[1,9]]";
	numbers_set(channels, true);
	colour_new(bands, tone, more);
	assert_int_equal(brot_colour_check(colour, &numbers, NULL), BROT_OK);
	brot_colour_survey(colour, &numbers, 0, HEIGHT);
	brot_colour_rows8(colour, &numbers, 0, HEIGHT, whole8, 3 * WIDTH);
	brot_colour_rows16(colour, &numbers, 0, HEIGHT, whole16, 6 * WIDTH);
	brot_colour_free(colour);

	numbers_set(channels, false);
	colour_new(bands, tone, more);
	assert_int_equal(brot_colour_check(colour, &numbers, NULL), BROT_OK);
	survey_by_threads();
	for (uint32_t y = 0; y < HEIGHT; y += 2) {
		const uint32_t rows = HEIGHT - y < 2 ? HEIGHT - y : 2;
		brot_colour_rows8(colour, &numbers, y, rows, parts8 + (size_t)y * 3 * WIDTH,
				  3 * WIDTH);
		brot_colour_rows16(colour, &numbers, y, rows, parts16 + (size_t)y * 3 * WIDTH,
				   6 * WIDTH);
	}
	brot_colour_free(colour);
	assert_memory_equal(whole8, parts8, sizeof whole8);
	assert_memory_equal(whole16, parts16, sizeof whole16);
}

static void any_split_gives_the_same_bytes(void **state)
{
	(void)state;
	fill(32);
	check_bytes(1, "sqrt", "{}");
	check_bytes(1, "rank", "{\"palette\":\"hot\",\"offset\":0.3}");
	check_bytes(1, "log", "{\"dither\":true}");
	check_bytes(3, "gamma", "{}");
	check_bytes(3, "linear", "{\"dither\":true}");
}

static void channels_are_red_green_and_blue(void **state)
{
	(void)state;
	const struct tone tone = {TONE_LOG, 0.5, 0.9999};
	fill(20);
	check_bytes(3, "log", "{\"palette\":\"hot\"}");
	struct tones *tones = settled(&tone, 3);
	for (size_t i = 0; i < 3 * PIXELS; i++) {
		const double level = tones_level(tones, (uint32_t)(i % 3), counts[i % 3][i / 3]);
		assert_int_equal(whole8[i], (int)(level * 255 + 0.5));
		assert_int_equal(whole16[i], (int)(level * 65535 + 0.5));
	}
	tones_free(tones);
}

static void grey_is_the_palette(void **state)
{
	(void)state;
	const struct tone tone = {TONE_SQRT, 0.5, 0.9999};
	fill(12);
	check_bytes(1, "sqrt", "{}");
	struct tones *tones = settled(&tone, 1);
	for (size_t i = 0; i < PIXELS; i++) {
		const double level = tones_level(tones, 0, counts[0][i]);
		for (size_t c = 0; c < 3; c++) {
			assert_true(fabs((double)whole8[3 * i + c] - 255 * level) < 0.7);
			assert_true(fabs((double)whole16[3 * i + c] - 65535 * level) < 1.1);
		}
	}
	tones_free(tones);
}

static void what_is_missing_is_said(void **state)
{
	(void)state;
	struct brot_error err;
	fill(5);
	colour_new("[[1,9],[1,9],[1,9]]", "sqrt", "{}");
	numbers_set(1, true);
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "counts of 3 are needed, got those of 1"));
	/* Channels of one type, all or none of them: those of the other are not looked at. */
	numbers_set(3, true);
	numbers.density[0] = numbers.density[1] = NULL;
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_E_REQUEST);
	for (uint32_t c = 0; c < 3; c++)
		numbers.density32[c] = narrow[c];
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_OK);
	brot_colour_survey(colour, &numbers, 0, HEIGHT);
	brot_colour_rows8(colour, &numbers, 0, HEIGHT, whole8, 3 * WIDTH);
	numbers_set(3, true);
	numbers.height_px--;
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_E_REQUEST);
	brot_colour_free(colour);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(curves),
		cmocka_unit_test(nothing_is_black),
		cmocka_unit_test(bins),
		cmocka_unit_test(any_split_gives_the_same_bytes),
		cmocka_unit_test(channels_are_red_green_and_blue),
		cmocka_unit_test(grey_is_the_palette),
		cmocka_unit_test(what_is_missing_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
