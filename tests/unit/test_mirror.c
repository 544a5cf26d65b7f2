/* test_mirror.c - which images are their own mirror image, and where their rows go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
#include "proto/point.h"

static bool applies(const char *im, const char *rotate, const char *rest)
{
	char text[512];
	struct request request;
	struct brot_error err = {0};
	int chars = snprintf(
		text, sizeof text,
		"{\"brot\": 1, \"view\": {\"re\": \"-0.6\", \"im\": \"%s\", \"width\": "
		"\"3\", \"rotate\": %s}, \"size\": [64, 48]%s}",
		im, rotate, rest);
	if (request_parse(text, (size_t)chars, &request, &err) != BROT_OK)
		fail_msg("%s: %s", text, err.text);
	return mirror_applies(&request);
}

static void the_centre_must_lie_on_the_real_axis(void **state)
{
	(void)state;
	static const char *const zeros[] = {"0", "-0", "0.0", "+0", "-0.000", "0e5", "-0e-300"};
	static const char *const others[] = {"1e-400", "-1e-400", "5e-324", "1e-17",
					     "-1e-17", "0.5",     "1"};
	for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
		assert_true(applies(zeros[i], "0", ""));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(applies(others[i], "0", ""));
}

static void the_axis_must_lie_level(void **state)
{
	(void)state;
	static const char *const level[] = {"0", "-0.0", "180", "-180", "180.0", "1.8e2"};
	static const char *const turned[] = {
		"90",     "-90",    "270",  "1e-9", "-1e-9",
		"1e-300", "179.99", "-359", "45",   "180.00000000000003"};
	for (size_t i = 0; i < sizeof level / sizeof level[0]; i++)
		assert_true(applies("0", level[i], ""));
	for (size_t i = 0; i < sizeof turned / sizeof turned[0]; i++)
		assert_false(applies("0", turned[i], ""));
}

static void formulas_and_formats_decide(void **state)
{
	(void)state;
	assert_true(applies("0", "0", ", \"formula\": \"mandelbrot\""));
	assert_true(applies("0", "0", ", \"formula\": \"tricorn\""));
	assert_true(
		applies("0", "0", ", \"formula\": \"multibrot\", \"parameters\": {\"power\": 3}"));
	assert_true(
		applies("0", "0", ", \"formula\": \"multibrot\", \"parameters\": {\"power\": 6}"));
	assert_false(applies("0", "0", ", \"formula\": \"burning-ship\""));
	assert_true(applies("0", "0",
			    ", \"formula\": \"julia\", \"parameters\": {\"re\": \"-0.8\", \"im\": "
			    "\"-0.0\"}"));
	assert_false(applies("0", "0",
			     ", \"formula\": \"julia\", \"parameters\": {\"re\": \"-0.8\", \"im\": "
			     "\"1e-400\"}"));
	assert_false(applies("0", "0",
			     ", \"formula\": \"julia\", \"parameters\": {\"re\": \"-0.8\", \"im\": "
			     "\"0.156\"}"));
	assert_true(applies("0", "0", ", \"format\": \"iterations\""));
	assert_true(applies("0", "0", ", \"format\": \"smooth\""));
	assert_true(applies("0", "0", ", \"format\": \"rgb16\""));
	assert_false(applies("0", "0", ", \"format\": \"distance\""));
	assert_false(applies("0", "0", ", \"format\": \"phase\""));
	assert_false(applies("0", "0", ", \"format\": \"raw\""));
	assert_true(applies("0", "0", ", \"samples\": 3"));
	assert_true(applies("0", "0", ", \"samples\": 3, \"adaptive\": 4"));
	assert_true(applies("0", "0", ", \"precision\": \"f32\""));
	assert_true(applies("0", "0", ", \"shortcuts\": true"));
	assert_false(applies("0", "0", ", \"shortcuts\": false"));
}

static void colours_decide(void **state)
{
	(void)state;
	assert_true(applies("0", "0", ", \"colour\": {\"mode\": \"banded\"}"));
	assert_true(applies("0", "0", ", \"colour\": {\"mode\": \"distance\"}"));
	assert_false(applies("0", "0", ", \"colour\": {\"mode\": \"angle\"}"));
	assert_true(applies("0", "0", ", \"colour\": {\"inside\": \"period\"}"));
	assert_true(applies("0", "0", ", \"colour\": {\"inside\": \"distance\"}"));
	assert_false(applies("0", "0", ", \"colour\": {\"dither\": true}"));
	assert_true(applies(
		"0", "0",
		", \"format\": \"smooth\", \"colour\": {\"mode\": \"angle\", \"dither\": true}"));
}

/* What the proof in mirror.h says of points, for sizes and places where rounding is not simple. */
static void mirrored_rows_have_mirrored_points(void **state)
{
	(void)state;
	static const char *const centres[] = {"0", "-0.6", "0.3333333333333333", "1e-9", "-1.75"};
	static const uint32_t heights[] = {1, 2, 3, 7, 100, 333, 1000003};
	static const double turns[] = {0, -0.0, 180, -180};
	for (size_t i = 0; i < 5 * 7 * 4; i++) {
		struct request request;
		request_init(&request);
		strcpy(request.view.re.text, centres[i % 5]);
		strcpy(request.view.width.text, "0.07");
		request.height_px = heights[i / 5 % 7];
		request.width_px = 13;
		request.samples = 3;
		request.view.rotate_deg = turns[i / 35];
		strcpy(request.view.height.text, "0.7");
		assert_true(mirror_applies(&request));
		struct point_frame frame;
		assert_int_equal(point_frame_make(&request, &frame, NULL), BROT_OK);
		for (uint32_t row = 0; row < frame.rows; row += 1 + frame.rows / 500)
			for (uint32_t column = 0; column < frame.columns; column++) {
				struct point_row a = point_row_of(&frame, row);
				struct point_row b = point_row_of(&frame, frame.rows - 1 - row);
				double re[2], im[2];
				point_of(&frame, &a, column, &re[0], &im[0]);
				point_of(&frame, &b, column, &re[1], &im[1]);
				assert_true(re[0] == re[1] && im[0] == -im[1]);
			}
	}
}

/* Each row of the image is computed or a copy, once; so is each pixel that is counted. */
static void halves_make_a_whole(void **state)
{
	(void)state;
	assert_int_equal(mirror_rows(LIMIT_SIZE_PX), LIMIT_SIZE_PX / 2);
	for (uint32_t height = 1; height <= 9; height++) {
		uint32_t half = mirror_rows(height);
		assert_int_equal(half, (height + 1) / 2);
		for (uint32_t y = 0; y < half; y++)
			for (uint32_t h = 1; h <= half - y; h++) {
				struct rect rect = {3, y, 5, h};
				struct rect other = mirror_rect(height, &rect);
				assert_int_equal(other.x, 3);
				assert_int_equal(other.w, 5);
				assert_int_equal(other.h, h);
				assert_int_equal(other.y, height - y - h);
				uint32_t rows = 0;
				for (uint32_t row = 0; row < height; row++)
					rows += row - rect.y < h || row - other.y < h;
				assert_int_equal(mirror_pixels(height, &rect), 5 * rows);
			}
		struct rect whole = {0, 0, 4, half};
		assert_int_equal(mirror_pixels(height, &whole), 4 * height);
	}
	struct rect huge = {0, 0, LIMIT_SIZE_PX, LIMIT_SIZE_PX / 2};
	assert_true(mirror_pixels(LIMIT_SIZE_PX, &huge) == 1ull << 40);
}

static void copies_go_where_they_belong(void **state)
{
	(void)state;
	enum { WIDTH = 7 };
	static const struct rect rects[] = {
		{0, 0, WIDTH, 1}, {2, 1, 3, 1}, {0, 1, WIDTH, 2}, {6, 0, 1, 3}};
	for (uint32_t i = 0; i < 4 * 2 * FORMAT_COUNT; i++) {
		const struct rect *rect = &rects[i % 4];
		uint32_t height = 5 + i / 4 % 2;
		struct image_layout layout;
		struct segment_grid grid = {WIDTH, height, WIDTH, 1};
		assert_true(image_layout_make(&grid, (enum format_id)(i / 8), &layout));
		uint8_t *memory = malloc(layout.total_bytes), *want = malloc(layout.total_bytes);
		assert_true(memory != NULL && want != NULL);
		for (size_t k = 0; k < layout.total_bytes; k++)
			memory[k] = want[k] = (uint8_t)(k * k / 5 + k);
		for (uint32_t p = 0; p < layout.plane_count; p++)
			for (uint32_t y = rect->y; y < rect->y + rect->h; y++)
				for (uint32_t x = rect->x; x < rect->x + rect->w; x++)
					memcpy(image_pixel(want, &layout, p, x, height - 1 - y),
					       image_pixel(memory, &layout, p, x, y),
					       layout.planes[p].pixel_bytes);
		mirror_copy(memory, &layout, rect);
		assert_memory_equal(memory, want, layout.total_bytes);
		free(memory);
		free(want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_centre_must_lie_on_the_real_axis),
		cmocka_unit_test(the_axis_must_lie_level),
		cmocka_unit_test(formulas_and_formats_decide),
		cmocka_unit_test(colours_decide),
		cmocka_unit_test(mirrored_rows_have_mirrored_points),
		cmocka_unit_test(halves_make_a_whole),
		cmocka_unit_test(copies_go_where_they_belong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
