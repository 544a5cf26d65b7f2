/* test_tile.c - segments at their limits, and runs of them against rectangles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/tile.h"

static struct segment_grid grid_of(uint32_t width, uint32_t height, uint32_t pixel_bytes,
				   uint64_t pixel_work)
{
	struct segment_grid grid;
	if (!segment_grid_make(width, height, pixel_bytes, pixel_work, &grid))
		fail_msg("%ux%u, %u bytes a pixel: refused", width, height, pixel_bytes);
	return grid;
}

/* A grid whose slices the limits of bytes and work would not give. */
static struct segment_grid cut_grid(uint32_t width, uint32_t height, uint32_t slice)
{
	return (struct segment_grid){width, height, slice, (width + slice - 1) / slice};
}

static void assert_refused(uint32_t width, uint32_t height, uint32_t pixel_bytes,
			   uint64_t pixel_work)
{
	struct segment_grid grid, before;
	memset(&grid, 0x5a, sizeof grid);
	before = grid;
	assert_false(segment_grid_make(width, height, pixel_bytes, pixel_work, &grid));
	assert_memory_equal(&grid, &before, sizeof grid);
}

static void light_rows_are_one_segment(void **state)
{
	(void)state;
	struct segment_grid grid = grid_of(1, 1, 3, 1);
	assert_int_equal(grid.width_px, 1);
	assert_int_equal(grid.height_px, 1);
	assert_int_equal(grid.slice_px, 1);
	assert_int_equal(grid.slices_per_row, 1);
	assert_int_equal(segment_count(&grid), 1);
	grid = grid_of(3840, 2160, 8, 5000);
	assert_int_equal(grid.slice_px, 3840);
	assert_int_equal(segment_count(&grid), 2160);
	grid = grid_of(7, 5, 3, 0);
	assert_int_equal(grid.slice_px, 7);
}

static void wide_rows_are_cut_by_bytes(void **state)
{
	(void)state;
	struct segment_grid grid = grid_of(LIMIT_SIZE_PX, LIMIT_SIZE_PX, 8, 1);
	assert_int_equal(grid.slice_px, 131072);
	assert_int_equal(grid.slices_per_row, 8);
	assert_int_equal(segment_count(&grid), 8u << 20);
	/* 2^20 is one pixel more than three slices of 349525. */
	grid = grid_of(LIMIT_SIZE_PX, LIMIT_SIZE_PX, 3, 1);
	assert_int_equal(grid.slice_px, 349525);
	assert_int_equal(grid.slices_per_row, 4);
	struct rect last = segment_run_rect(&grid, 3, 1);
	assert_int_equal(last.x, LIMIT_SIZE_PX - 1);
	assert_int_equal(last.w, 1);
	assert_int_equal(grid_of(131072, 1, 8, 1).slices_per_row, 1);
	assert_int_equal(grid_of(131073, 1, 8, 1).slices_per_row, 2);
}

static void heavy_rows_are_cut_by_work(void **state)
{
	(void)state;
	const uint64_t heaviest = (uint64_t)LIMIT_ITERATIONS * LIMIT_SAMPLES * LIMIT_SAMPLES;
	assert_true(heaviest > LIMIT_SEGMENT_WORK);
	struct segment_grid grid = grid_of(8192, 8192, 3, heaviest);
	assert_int_equal(grid.slice_px, 1);
	assert_int_equal(segment_count(&grid), LIMIT_SEGMENTS);
	assert_refused(8193, 8192, 3, heaviest);
	assert_refused(8192, 8193, 3, heaviest);
	assert_refused(LIMIT_SIZE_PX, LIMIT_SIZE_PX, 3, heaviest);
	assert_refused(LIMIT_SIZE_PX, LIMIT_SIZE_PX, 3, UINT64_MAX);
	assert_int_equal(grid_of(100, 1, 3, LIMIT_SEGMENT_WORK / 100).slice_px, 100);
	assert_int_equal(grid_of(100, 1, 3, LIMIT_SEGMENT_WORK / 100 + 1).slice_px, 99);
	assert_int_equal(grid_of(100, 1, 3, LIMIT_SEGMENT_WORK).slice_px, 1);
	assert_int_equal(grid_of(100, 1, 3, LIMIT_SEGMENT_WORK + 1).slice_px, 1);
	assert_int_equal(grid_of(100, 1, 3, LIMIT_SEGMENT_WORK / 2).slice_px, 2);
}

/* As large as it may be, and no larger. */
static void a_segment_stays_under_both_limits(void **state)
{
	(void)state;
	static const uint32_t widths[] = {1, 2, 3, 1000, 131071, 131072, 131073, LIMIT_SIZE_PX};
	static const uint32_t pixel_bytes[] = {1, 3, 4, 8, 16};
	static const uint64_t works[] = {1, 500, 5000, 1 << 20, 1000000000, 1ull << 33};
	for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
		for (size_t b = 0; b < sizeof pixel_bytes / sizeof pixel_bytes[0]; b++)
			for (size_t k = 0; k < sizeof works / sizeof works[0]; k++) {
				struct segment_grid grid = grid_of(widths[w], 1, pixel_bytes[b],
								   works[k]);
				uint64_t slice = grid.slice_px;
				assert_in_range(slice, 1, widths[w]);
				assert_true(slice == 1 ||
					    (slice * pixel_bytes[b] <= LIMIT_SEGMENT_BYTES &&
					     slice * works[k] <= LIMIT_SEGMENT_WORK));
				assert_true(slice == widths[w] ||
					    (slice + 1) * pixel_bytes[b] > LIMIT_SEGMENT_BYTES ||
					    (slice + 1) * works[k] > LIMIT_SEGMENT_WORK);
				assert_true(grid.slices_per_row * slice >= widths[w]);
				assert_true((grid.slices_per_row - 1) * slice < widths[w]);
			}
}

#define SIDE_MAX 6

static void segments_cover_the_image_once(void **state)
{
	(void)state;
	for (uint32_t width = 1; width <= SIDE_MAX; width++)
		for (uint32_t slice = 1; slice <= width; slice++) {
			struct segment_grid grid = cut_grid(width, SIDE_MAX, slice);
			uint32_t next = 0; /* pixel, row by row */
			for (uint32_t i = 0; i < segment_count(&grid); i++) {
				struct rect rect = segment_run_rect(&grid, i, 1);
				assert_int_equal(rect.y * width + rect.x, next);
				assert_int_equal(rect.h, 1);
				assert_in_range(rect.w, 1, slice);
				next += rect.w;
			}
			assert_int_equal(next, width * SIDE_MAX);
		}
}

/* The run that a rectangle is, found by trying them all; false if it is none. */
static bool search_run(const struct segment_grid *grid, const struct rect *want,
		       uint32_t *ret_first, uint32_t *ret_count)
{
	uint32_t total = segment_count(grid), row = grid->slices_per_row;
	for (uint32_t first = 0; first < total; first++)
		for (uint32_t count = 1; count <= total - first; count++) {
			bool is_rows = first % row == 0 && count % row == 0;
			bool is_in_a_row = first % row + count <= row;
			if (!is_rows && !is_in_a_row)
				continue;
			struct rect rect = segment_run_rect(grid, first, count);
			if (memcmp(&rect, want, sizeof rect) == 0) {
				*ret_first = first;
				*ret_count = count;
				return true;
			}
		}
	return false;
}

static void check_rect(const struct segment_grid *grid, struct rect rect)
{
	uint32_t first = 77, count = 78, want_first = 77, want_count = 78;
	bool is_run = search_run(grid, &rect, &want_first, &want_count);
	if (rect_segment_run(grid, &rect, &first, &count) != is_run || first != want_first ||
	    count != want_count)
		fail_msg("%u,%u %ux%u in %ux%u cut by %u: %u+%u, should be %u+%u", rect.x, rect.y,
			 rect.w, rect.h, grid->width_px, grid->height_px, grid->slice_px, first,
			 count, want_first, want_count);
}

static void runs_and_rectangles_are_inverse(void **state)
{
	(void)state;
	for (uint32_t width = 1; width <= SIDE_MAX; width++)
		for (uint32_t slice = 1; slice <= width; slice++) {
			struct segment_grid grid = cut_grid(width, 3, slice);
			for (uint32_t x = 0; x <= width; x++)
				for (uint32_t w = 0; w <= width + 1; w++)
					for (uint32_t y = 0; y <= 3; y++)
						for (uint32_t h = 0; h <= 4; h++)
							check_rect(&grid,
								   (struct rect){x, y, w, h});
		}
}

static void large_runs_are_inverse_too(void **state)
{
	(void)state;
	struct segment_grid grid = grid_of(LIMIT_SIZE_PX, LIMIT_SIZE_PX, 8, 1);
	static const uint32_t runs[][2] = {
		{0, 8u << 20},
		{0, 1},
		{0, 7},
		{0, 8},
		{8, 8},
		{(8u << 20) - 8, 8},
		{(8u << 20) - 1, 1},
		{13, 3},
		{16, (8u << 20) - 16},
	};
	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
		struct rect rect = segment_run_rect(&grid, runs[i][0], runs[i][1]);
		uint32_t first, count;
		assert_true(rect_inside(&rect, LIMIT_SIZE_PX, LIMIT_SIZE_PX));
		assert_true(rect_segment_run(&grid, &rect, &first, &count));
		assert_int_equal(first, runs[i][0]);
		assert_int_equal(count, runs[i][1]);
	}
}

static void numbers_that_overflow_are_outside(void **state)
{
	(void)state;
	static const uint32_t numbers[] = {
		0,
		1,
		2,
		3,
		99,
		100,
		101,
		0x7fffffff,
		0x80000000,
		0x80000001,
		UINT32_MAX - 100,
		UINT32_MAX - 99,
		UINT32_MAX - 1,
		UINT32_MAX,
	};
	const size_t n = sizeof numbers / sizeof numbers[0];
	struct segment_grid grid = cut_grid(100, 3, 100);
	size_t inside = 0;
	for (size_t i = 0; i < n * n * n * n; i++) {
		struct rect rect = {numbers[i % n], numbers[i / n % n], numbers[i / n / n % n],
				    numbers[i / n / n / n]};
		bool want = rect.w > 0 && rect.h > 0 && (uint64_t)rect.x + rect.w <= 100 &&
			    (uint64_t)rect.y + rect.h <= 3;
		uint32_t first, count;
		assert_int_equal(rect_inside(&rect, 100, 3), want);
		assert_int_equal(rect_segment_run(&grid, &rect, &first, &count),
				 want && rect.w == 100);
		want = rect.w > 0 && rect.h > 0 && (uint64_t)rect.x + rect.w <= UINT32_MAX &&
		       (uint64_t)rect.y + rect.h <= UINT32_MAX;
		assert_int_equal(rect_inside(&rect, UINT32_MAX, UINT32_MAX), want);
		assert_false(rect_inside(&rect, 0, 3));
		assert_false(rect_inside(&rect, 100, 0));
		inside += want;
	}
	assert_true(inside > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(light_rows_are_one_segment),
		cmocka_unit_test(wide_rows_are_cut_by_bytes),
		cmocka_unit_test(heavy_rows_are_cut_by_work),
		cmocka_unit_test(a_segment_stays_under_both_limits),
		cmocka_unit_test(segments_cover_the_image_once),
		cmocka_unit_test(runs_and_rectangles_are_inverse),
		cmocka_unit_test(large_runs_are_inverse_too),
		cmocka_unit_test(numbers_that_overflow_are_outside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
