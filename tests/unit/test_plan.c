/* test_plan.c - what requests take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "broker/plan.h"

/* More than any image takes. */
static const struct plan_budget plenty = {.image_bytes = 1ull << 60};

static struct request request_of(const char *size, const char *rest)
{
	char text[512];
	struct request request;
	struct brot_error err = {0};
	int chars = snprintf(text, sizeof text,
			     "{\"brot\": 1, \"view\": {\"re\": \"-0.75\", \"im\": \"0.1\", "
			     "\"width\": \"4\"}, \"size\": [%s]%s}",
			     size, rest);
	if (request_parse(text, (size_t)chars, &request, &err) != BROT_OK)
		fail_msg("%s: %s", text, err.text);
	return request;
}

static struct plan plan_of(const struct request *request)
{
	struct plan plan;
	struct brot_error err = {0};
	memset(&plan, 0x5a, sizeof plan);
	if (plan_make(request, &plenty, &plan, &err) != BROT_OK)
		fail_msg("%s", err.text);
	assert_int_equal(err.code, BROT_OK);
	return plan;
}

static void refused(const struct request *request, const char *sentence)
{
	struct plan plan, before;
	struct brot_error err = {0};
	memset(&plan, 0x5a, sizeof plan);
	before = plan;
	assert_int_equal(plan_make(request, &plenty, &plan, &err), BROT_E_REQUEST);
	assert_int_equal(err.code, BROT_E_REQUEST);
	assert_string_equal(err.text, sentence);
	assert_memory_equal(&plan, &before, sizeof plan);
	assert_int_equal(plan_make(request, &plenty, &plan, NULL), BROT_E_REQUEST);
}

static void a_picture_is_one_phase_of_rows(void **state)
{
	(void)state;
	struct request request = request_of("1920, 1080", ", \"iterations\": 5000");
	struct plan plan = plan_of(&request);
	assert_int_equal(plan.phase_count, 1);
	assert_int_equal(plan.phases[0].kind, PHASE_RENDER);
	assert_int_equal(plan.phases[0].pixel_bytes, 3);
	assert_int_equal(plan.phases[0].pixel_work, 5000);
	assert_int_equal(plan.phases[0].grid.slice_px, 1920);
	assert_int_equal(segment_count(&plan.phases[0].grid), 1080);
	assert_memory_equal(&plan.phases[0].grid, &plan.layout.grid, sizeof plan.layout.grid);
	/* A page each for header and bits, and the pixels' 1519 pages. */
	assert_int_equal(plan.image_bytes, 4096 * (2 + 1519));
	assert_int_equal(plan.layout.total_bytes, plan.image_bytes);
	assert_int_equal(plan.layout.plane_count, 1);
	assert_int_equal(plan.format, FORMAT_RGB8);
	assert_int_equal(plan.height_px, 1080);
	assert_int_equal(plan.band_count, 1);
	assert_int_equal(plan.band_rows, 1080);
}

static void formats_and_samples_count(void **state)
{
	(void)state;
	struct request request = request_of("64, 32", ", \"iterations\": 70, \"samples\": 16");
	struct plan plan = plan_of(&request);
	assert_int_equal(plan.phases[0].pixel_work, 70 * 256);
	request = request_of("64, 32", ", \"iterations\": 1000000000, \"samples\": 2");
	plan = plan_of(&request);
	assert_true(plan.phases[0].pixel_work == 4000000000);
	assert_int_equal(plan.phases[0].grid.slice_px, 1);
	assert_int_equal(segment_count(&plan.phases[0].grid), 64 * 32);
	request = request_of("64, 32", ", \"format\": \"smooth\"");
	plan = plan_of(&request);
	assert_int_equal(plan.phases[0].pixel_bytes, 8);
	assert_int_equal(plan.layout.plane_count, 2);
	request = request_of("1, 1", ", \"format\": \"iterations\"");
	plan = plan_of(&request);
	assert_int_equal(plan.phases[0].pixel_bytes, 4);
	assert_int_equal(segment_count(&plan.phases[0].grid), 1);
	assert_int_equal(plan.image_bytes, 3 * 4096);
}

static void half_of_a_mirrored_picture_is_planned(void **state)
{
	(void)state;
	static const uint32_t heights[] = {1, 2, 3, 1080, 1081};
	for (size_t i = 0; i < sizeof heights / sizeof heights[0]; i++) {
		struct request request = request_of("1920, 1", ", \"format\": \"smooth\"");
		request.height_px = heights[i];
		struct plan whole = plan_of(&request);
		strcpy(request.view.im.text, "0");
		struct plan plan = plan_of(&request);
		assert_int_equal(plan.phase_count, 1);
		assert_int_equal(plan.phases[0].kind, PHASE_MIRROR);
		assert_string_equal(phase_name(plan.phases[0].kind), "mirror");
		assert_int_equal(segment_count(&plan.phases[0].grid), (heights[i] + 1) / 2);
		assert_int_equal(plan.phases[0].pixel_work, whole.phases[0].pixel_work);
		/* The image itself is that of any other view. */
		assert_memory_equal(&plan.layout, &whole.layout, sizeof plan.layout);
		assert_int_equal(plan.image_bytes, whole.image_bytes);
		assert_true(plan_is_mirrored(&plan) && !plan_is_mirrored(&whole));
		struct rect all = {0, 0, 1920, heights[i]}, half = all;
		half.h = plan.phases[0].grid.height_px;
		assert_int_equal(plan_rect_pixels(&whole, 0, &all), 1920 * heights[i]);
		assert_int_equal(plan_rect_pixels(&plan, 0, &half), 1920 * heights[i]);
		request.has_shortcuts = false;
		assert_int_equal(plan_of(&request).phases[0].kind, PHASE_RENDER);
	}
	/* The limit is on the image's segments, which all have their bits. */
	struct request request = request_of("8192, 32769", ", \"iterations\": 1000000000");
	strcpy(request.view.im.text, "0");
	refused(&request, "size: 8192x32769 with 1000000000 iterations must make at most 67108864 "
			  "segments");
}

static void the_largest_picture_has_a_plan(void **state)
{
	(void)state;
	struct request request = request_of("1048576, 1048576", ", \"format\": \"smooth\"");
	struct plan plan = plan_of(&request);
	assert_int_equal(plan.phases[0].grid.slices_per_row, 8);
	assert_true(plan.image_bytes > 1ull << 43);
	assert_true(plan.image_bytes < (1ull << 43) + (8u << 20));
}

static void too_many_segments_are_refused(void **state)
{
	(void)state;
	/* 4 px to a segment: 2048 in a row of 8192. */
	struct request request = request_of("8192, 32768", ", \"iterations\": 1000000000");
	assert_int_equal(segment_count(&plan_of(&request).phases[0].grid), LIMIT_SEGMENTS);
	request.height_px++;
	refused(&request, "size: 8192x32769 with 1000000000 iterations must make at most 67108864 "
			  "segments");
}

static void heavy_pixels_are_refused(void **state)
{
	(void)state;
	struct request request = request_of("1, 1", ", \"iterations\": 16777216, \"samples\": 16");
	assert_true(plan_of(&request).phases[0].pixel_work == LIMIT_PIXEL_WORK);
	request.iterations++;
	refused(&request, "samples: 16 x 16 a pixel with 16777217 iterations each must make at "
			  "most 4294967296 iterations a pixel");
}

static void views_that_are_too_deep_are_refused(void **state)
{
	(void)state;
	struct request request = request_of("1000, 1000", ", \"iterations\": 100");
	(void)plan_of(&request);
	strcpy(request.view.width.text, "1e-14");
	refused(&request, "view.width: 1e-14 is too deep for f64 at this place and size, must be "
			  "at least 1.2e-13");
	strcpy(request.view.width.text, "4");
	strcpy(request.view.height.text, "1e-300");
	refused(&request, "view.height: 1e-300 is too deep for f64 at this place and size, must be "
			  "at least 4.5e-13");
}

static void what_needs_the_whole_image_is_refused(void **state)
{
	(void)state;
	struct request data, request = request_of("20, 10", ", \"samples\": 3, \"colour\": "
							    "{\"mode\": \"relief\"}");
	refused(&request, "colour.mode: \"relief\" needs the whole image, whose data a client has "
			  "rendered and then colours");
	assert_int_equal(request_to_data(&request, &data, NULL), BROT_OK);
	assert_int_equal(plan_of(&data).format, FORMAT_SMOOTH);
	assert_int_equal(data.width_px, 60);
	assert_int_equal(data.height_px, 30);
	assert_int_equal(data.samples, 1);
	request.width_px = LIMIT_SIZE_PX / 3 + 1;
	assert_int_equal(request_to_data(&request, &data, NULL), BROT_E_REQUEST);
}

/* The bands of a plan one after the other are its picture, and two of them are what it takes. */
static void bands_make_up_the_picture(const struct plan *plan, uint32_t width, uint32_t height)
{
	uint32_t next = 0, segments = 0;
	uint64_t pixels = 0;
	for (uint32_t b = 0; b < plan->band_count; b++) {
		uint32_t rows = plan_band_rows(plan, b);
		struct segment_grid grid = plan_band_grid(plan, 0, b);
		struct image_layout layout = plan_band_layout(plan, b);
		struct rect all = {0, 0, width, rows};
		assert_int_equal(plan_band_first(plan, b), next);
		assert_true(rows > 0 && rows <= plan->band_rows);
		assert_true(b + 1 == plan->band_count || rows == plan->band_rows);
		assert_int_equal(grid.height_px, rows);
		assert_int_equal(grid.width_px, width);
		assert_int_equal(grid.slice_px, plan->layout.grid.slice_px);
		assert_memory_equal(&layout.grid, &grid, sizeof grid);
		assert_true(layout.total_bytes <= plan->layout.total_bytes);
		assert_true(LIMIT_OPEN_BANDS * layout.total_bytes <= plan->image_bytes ||
			    plan->band_count == 1);
		next += rows;
		segments += segment_count(&grid);
		pixels += plan_rect_pixels(plan, 0, &all);
	}
	assert_int_equal(next, height);
	assert_int_equal(segments, height * plan->layout.grid.slices_per_row);
	assert_true(pixels == (uint64_t)width * height);
}

static void an_image_over_the_budget_is_cut_into_bands(void **state)
{
	(void)state;
	struct request request = request_of("1000, 1000", "");
	struct plan whole = plan_of(&request), plan;
	struct plan_budget budget = {.image_bytes = whole.image_bytes};
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	assert_memory_equal(&plan, &whole, sizeof plan);

	budget.image_bytes--;
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	assert_true(plan.band_count > 1);
	assert_int_equal(plan.height_px, 1000);
	assert_int_equal(plan.image_bytes, LIMIT_OPEN_BANDS * plan.layout.total_bytes);
	assert_true(plan.image_bytes <= budget.image_bytes / 2);
	bands_make_up_the_picture(&plan, 1000, 1000);

	budget = (struct plan_budget){.image_bytes = 2 * whole.image_bytes,
				      .whole_bytes = whole.image_bytes};
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	assert_int_equal(plan.band_count, 1);
	budget.whole_bytes--;
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	assert_true(plan.band_count > 1);
	assert_true(plan.image_bytes <= budget.whole_bytes / 2);
	bands_make_up_the_picture(&plan, 1000, 1000);

	budget = (struct plan_budget){0};
	for (uint64_t bytes = 200000; bytes < 4000000; bytes += 77777) {
		budget.image_bytes = bytes;
		assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
		assert_true(plan.image_bytes <= bytes);
		bands_make_up_the_picture(&plan, 1000, 1000);
	}
}

static void bands_are_cut_again_as_they_were(void **state)
{
	(void)state;
	struct request request = request_of("100, 101", "");
	struct plan plan, again;
	struct plan_budget budget = {.image_bytes = 1ull << 60, .band_rows = 10};
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	assert_int_equal(plan.band_rows, 10);
	assert_int_equal(plan.band_count, 11);
	assert_int_equal(plan_band_rows(&plan, 10), 1);
	bands_make_up_the_picture(&plan, 100, 101);
	/* One that fitted then is in one piece now, whatever the budget has become. */
	budget = (struct plan_budget){.image_bytes = 1000, .band_rows = 101};
	assert_int_equal(plan_make(&request, &budget, &again, NULL), BROT_OK);
	assert_int_equal(again.band_count, 1);
	budget.band_rows = 1000;
	assert_int_equal(plan_make(&request, &budget, &again, NULL), BROT_OK);
	assert_int_equal(again.band_rows, 101);
}

static void a_banded_picture_is_not_mirrored(void **state)
{
	(void)state;
	struct request request = request_of("1000, 1000", "");
	strcpy(request.view.im.text, "0");
	struct plan whole = plan_of(&request), plan;
	assert_true(plan_is_mirrored(&whole));
	struct plan_budget budget = {.image_bytes = whole.image_bytes - 1};
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	assert_false(plan_is_mirrored(&plan));
	bands_make_up_the_picture(&plan, 1000, 1000);
}

static void a_budget_under_a_row_is_refused(void **state)
{
	(void)state;
	struct request request = request_of("1000, 1000", "");
	struct plan_budget budget = {.image_bytes = 50000};
	struct plan plan;
	struct brot_error err = {0};
	assert_int_equal(plan_make(&request, &budget, &plan, &err), BROT_E_NO_SPACE);
	assert_non_null(strstr(err.text, "a band of one row more than a quarter of the 50000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_is_one_phase_of_rows),
		cmocka_unit_test(formats_and_samples_count),
		cmocka_unit_test(half_of_a_mirrored_picture_is_planned),
		cmocka_unit_test(the_largest_picture_has_a_plan),
		cmocka_unit_test(too_many_segments_are_refused),
		cmocka_unit_test(heavy_pixels_are_refused),
		cmocka_unit_test(views_that_are_too_deep_are_refused),
		cmocka_unit_test(what_needs_the_whole_image_is_refused),
		cmocka_unit_test(an_image_over_the_budget_is_cut_into_bands),
		cmocka_unit_test(bands_are_cut_again_as_they_were),
		cmocka_unit_test(a_banded_picture_is_not_mirrored),
		cmocka_unit_test(a_budget_under_a_row_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
