/* test_brot_colour.c - include/brot/colour.h: the bytes of shade_rgb8() on tiles, any split of rows
 * and threads, and what it says of requests and numbers that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include <brot/colour.h>

#include "tests/unit/colour_model.h"
#include "worker/colour/survey.h"

#define WIDTH   1300 /* pixels: more than a piece of a row */
#define HEIGHT  23
#define MOST    2 /* samples */
#define THREADS 4

static struct model_sample samples[(size_t)WIDTH * HEIGHT * MOST * MOST];
static uint8_t whole8[WIDTH * HEIGHT * 3], parts8[WIDTH * HEIGHT * 3];
static uint16_t whole16[WIDTH * HEIGHT * 3], parts16[WIDTH * HEIGHT * 3];
static struct brot_numbers numbers;

static struct brot_colour *colour_new(uint32_t per_axis, const char *colour)
{
	char text[1024];
	struct brot_colour *ret = NULL;
	struct brot_error err = {0};
	const int bytes = snprintf(
		text, sizeof text,
		"{\"brot\":1,\"view\":{\"re\":\"0\",\"im\":\"0\",\"width\":\"4\"},"
		"\"size\":[%d,%d],\"samples\":%u,\"colour\":%s}",
		WIDTH, HEIGHT, per_axis, colour);
	if (brot_colour_new(text, (size_t)bytes, &ret, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return ret;
}

static void numbers_of(const struct shade_numbers *planes, uint32_t per_axis)
{
	numbers = (struct brot_numbers){
		.width_px = WIDTH * per_axis,
		.height_px = HEIGHT * per_axis,
		.iterations = planes->iterations,
		.whole = planes->whole,
		.fraction = planes->fraction,
		.distance = planes->distance,
		.phase = planes->phase,
		.period = planes->period,
		.interior = planes->interior,
	};
}

/* A part of the rows, as a thread has it. */
struct share {
	struct brot_colour *colour;
	uint32_t k;
};

static void *survey_some(void *context)
{
	const struct share *share = context;
	for (uint32_t y = share->k; y < numbers.height_px; y += THREADS)
		brot_colour_survey(share->colour, &numbers, y, 1);
	return NULL;
}

static void *paint_some(void *context)
{
	const struct share *share = context;
	for (uint32_t y = share->k; y < HEIGHT; y += THREADS) {
		brot_colour_rows8(share->colour, &numbers, y, 1, parts8 + (size_t)y * WIDTH * 3,
				  WIDTH * 3);
		brot_colour_rows16(share->colour, &numbers, y, 1, parts16 + (size_t)y * WIDTH * 3,
				   WIDTH * 6);
	}
	return NULL;
}

static void in_threads(struct brot_colour *colour, void *(*work)(void *))
{
	pthread_t threads[THREADS];
	struct share shares[THREADS];
	for (uint32_t k = 0; k < THREADS; k++) {
		shares[k] = (struct share){colour, k};
		assert_int_equal(pthread_create(&threads[k], NULL, work, &shares[k]), 0);
	}
	for (uint32_t k = 0; k < THREADS; k++)
		assert_int_equal(pthread_join(threads[k], NULL), 0);
}

static const char *const documents[] = {
	"{}",
	"{\"mode\":\"banded\",\"palette\":\"magma\",\"density\":2.5}",
	"{\"mode\":\"angle\",\"inside\":\"period\",\"period\":17}",
	"{\"mode\":\"distance\",\"inside\":\"distance\",\"palette\":\"ice\",\"dither\":true}",
	"{\"mode\":\"histogram\",\"palette\":\"viridis\",\"offset\":-0.3}",
	"{\"mode\":\"relief\",\"palette\":\"hot\",\"height\":0.1,\"inside\":\"plain\"}",
	"{\"mode\":\"relief\",\"blend\":\"overlay\",\"dither\":true}",
};
#define DOCUMENTS (sizeof documents / sizeof documents[0])

static void rows_and_threads_do_not_matter(void **state)
{
	(void)state;
	uint64_t random = 21;
	for (uint32_t n = 1; n <= MOST; n++)
		for (size_t d = 0; d < DOCUMENTS; d++) {
			const size_t count = (size_t)WIDTH * HEIGHT * n * n;
			model_fill(&random, count, samples);
			struct shade_numbers planes = model_planes(samples, count);
			struct brot_colour *a = colour_new(n, documents[d]);
			struct brot_colour *b = colour_new(n, documents[d]);
			numbers_of(&planes, n);
			assert_int_equal(brot_colour_check(a, &numbers, NULL), BROT_OK);
			assert_int_equal(brot_colour_needs_survey(a), d >= 4);
			brot_colour_survey(a, &numbers, 0, numbers.height_px);
			in_threads(b, survey_some);
			brot_colour_rows8(a, &numbers, 0, HEIGHT, whole8, WIDTH * 3);
			brot_colour_rows16(a, &numbers, 0, HEIGHT, whole16, WIDTH * 6);
			in_threads(b, paint_some);
			assert_memory_equal(whole8, parts8, sizeof whole8);
			assert_memory_equal(whole16, parts16, sizeof whole16);
			brot_colour_free(a);
			brot_colour_free(b);
			model_planes_free(&planes);
		}
}

/* What a worker does to a tile with the numbers of the tile alone. */
static void tiles_have_the_same_bytes(void **state)
{
	(void)state;
	static struct shade shade;
	static struct request request;
	uint64_t random = 22;
	for (size_t d = 0; d < 4; d++) {
		const size_t count = (size_t)WIDTH * HEIGHT;
		model_fill(&random, count, samples);
		struct shade_numbers planes = model_planes(samples, count);
		struct brot_colour *colour = colour_new(1, documents[d]);
		numbers_of(&planes, 1);
		brot_colour_rows8(colour, &numbers, 0, HEIGHT, whole8, WIDTH * 3);
		char text[512];
		const int bytes = snprintf(text, sizeof text,
					   "{\"brot\":1,\"view\":{\"re\":0,\"im\":0,\"width\":4},"
					   "\"size\":[9,9],\"colour\":%s}",
					   documents[d]);
		assert_int_equal(request_parse(text, (size_t)bytes, &request, NULL), BROT_OK);
		assert_int_equal(shade_make(&request.colour, &shade, NULL), BROT_OK);
		for (uint32_t y = 0; y < HEIGHT; y += 5)
			for (uint32_t x = 0; x < WIDTH; x += 77) {
				const uint32_t w = WIDTH - x < 77 ? WIDTH - x : 77;
				const uint32_t h = HEIGHT - y < 5 ? HEIGHT - y : 5;
				static struct model_sample tile[77 * 5];
				for (uint32_t row = 0; row < h; row++)
					memcpy(tile + row * w, samples + (y + row) * WIDTH + x,
					       w * sizeof tile[0]);
				struct shade_numbers own = model_planes(tile, (size_t)w * h);
				const struct shade_area area = {
					.numbers = own,
					.stride = w,
					.samples = 1,
					.x = x,
					.y = y,
					.w = w,
					.h = h,
				};
				shade_rgb8(&shade, &area, parts8 + ((size_t)y * WIDTH + x) * 3,
					   WIDTH * 3);
				model_planes_free(&own);
			}
		assert_memory_equal(whole8, parts8, sizeof whole8);
		brot_colour_free(colour);
		model_planes_free(&planes);
	}
}

/* The same place with n samples a pixel: distances in samples are n times as large. */
static void distances_are_those_of_pixels(void **state)
{
	(void)state;
	static const char *const modes[] = {"smooth", "banded",    "distance",
					    "angle",  "histogram", "relief"};
	uint8_t inside[3] = {0};
	for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++)
		for (uint32_t n = 1; n <= MOST; n++) {
			const size_t count = (size_t)WIDTH * HEIGHT * n * n;
			char text[128];
			/* half of the picture inside, far from the rest */
			for (size_t i = 0; i < count; i++) {
				const bool is_inside = i >= count / 2;
				samples[i] = (struct model_sample){.iterations = 9, .whole = 13};
				samples[i].distance[1] = 3.0f * (float)n;
				if (is_inside)
					samples[i] = (struct model_sample){
						.whole = UINT32_MAX,
						.period = 3,
						.interior = 16.0f * (float)n,
					};
			}
			struct shade_numbers planes = model_planes(samples, count);
			(void)snprintf(text, sizeof text,
				       "{\"palette\":\"grey\",\"mode\":\"%s\",\"offset\":0.1,"
				       "\"inside\":\"distance\",\"interior\":\"#00ff00\"}",
				       modes[m]);
			struct brot_colour *colour = colour_new(n, text);
			numbers_of(&planes, n);
			brot_colour_survey(colour, &numbers, 0, numbers.height_px);
			uint8_t *to = n == 1 ? whole8 : parts8;
			brot_colour_rows8(colour, &numbers, 0, HEIGHT, to, WIDTH * 3);
			const uint8_t *last = to + sizeof whole8 - 3;
			if (m == 0 && n == 1)
				memcpy(inside, last, sizeof inside);
			assert_memory_equal(last, inside, sizeof inside);
			/* half the way from the palette's middle to green */
			assert_in_range(inside[1], inside[0] + 100, 255);
			if (n > 1 && strcmp(modes[m], "relief") != 0)
				assert_memory_equal(whole8, parts8, sizeof whole8 / 3);
			brot_colour_free(colour);
			model_planes_free(&planes);
		}
}

static void numbers_that_do_not_fit_are_named(void **state)
{
	(void)state;
	static const uint32_t integers[1];
	static const float reals[2];
	struct brot_error err;
	struct brot_colour *colour = colour_new(2, documents[3]);
	numbers = (struct brot_numbers){
		.width_px = 2 * WIDTH,
		.height_px = 2 * HEIGHT,
		.whole = integers,
		.fraction = reals,
		.distance = reals,
		.period = integers,
	};
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_E_REQUEST);
	assert_string_equal(err.text,
			    "colour.mode \"distance\" with colour.inside \"distance\" needs "
			    "plane interior, which is not there");
	numbers.interior = reals;
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_OK);
	numbers.height_px = HEIGHT;
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_E_REQUEST);
	assert_string_equal(err.text,
			    "size: 1300x23 with 2 samples a side needs numbers of 2600x46, "
			    "got 2600x23");
	brot_colour_free(colour);
	colour = colour_new(1, documents[1]);
	numbers = (struct brot_numbers){.width_px = WIDTH, .height_px = HEIGHT};
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "iterations"));
	numbers.iterations = integers;
	assert_int_equal(brot_colour_check(colour, &numbers, &err), BROT_OK);
	brot_colour_free(colour);
}

static void bad_requests_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"{}",
		"{\"brot\":1,\"view\":{\"re\":0,\"im\":0,\"width\":4},\"size\":[9,9],"
		"\"colour\":{\"mode\":\"mauve\"}}",
		"{\"brot\":1,\"view\":{\"re\":0,\"im\":0,\"width\":4},\"size\":[1000000,9],"
		"\"samples\":2,\"colour\":{\"mode\":\"relief\"}}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct brot_colour *colour = (struct brot_colour *)&numbers;
		struct brot_error err = {0};
		assert_int_equal(brot_colour_new(texts[i], strlen(texts[i]), &colour, &err),
				 BROT_E_REQUEST);
		assert_ptr_equal(colour, &numbers);
		assert_true(err.text[0] != '\0');
	}
	brot_colour_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_threads_do_not_matter),
		cmocka_unit_test(tiles_have_the_same_bytes),
		cmocka_unit_test(distances_are_those_of_pixels),
		cmocka_unit_test(numbers_that_do_not_fit_are_named),
		cmocka_unit_test(bad_requests_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
