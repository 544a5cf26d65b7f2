/* test_grid.c - where a grid's parts lie, headers that a stranger made, carries and rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proto/grid.h"
#include "proto/limits.h"
#include "proto/view.h"

#define WORK      0x0102030405060708
#define OWNER_UID 0xa1a2a3a4
#define OWNER_PID 0xb1b2b3b4

static const uint8_t nonce[MESSAGE_NONCE_BYTES] = "0123456789abcde";

static struct grid_layout layout_of(uint32_t width, uint32_t height, uint32_t channels,
				    bool is_mirrored, uint64_t wrap)
{
	struct grid_layout layout;
	assert_true(grid_layout_make(width, height, channels, is_mirrored, 100, wrap, &layout));
	return layout;
}

static void *memory_of(const struct grid_layout *layout)
{
	void *memory = calloc(1, layout->total_bytes);
	assert_non_null(memory);
	grid_header_write(memory, layout, WORK, nonce, OWNER_UID, OWNER_PID, 0);
	return memory;
}

/* What a cell has had added to it, one by one. */
static void add(const struct grid *grid, uint64_t cell, uint64_t times)
{
	for (uint64_t k = 0; k < times; k++)
		if (++grid->cells[cell] == (uint32_t)grid->layout.wrap) {
			grid->cells[cell] = 0;
			grid_carry(grid, cell, 1);
		}
}

static void parts_are_aligned_and_apart(void **state)
{
	(void)state;
	static const uint32_t sizes[][2] = {{1, 1}, {3, 7}, {700, 700}, {4096, 4097}, {1, 1 << 20}};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (uint32_t channels = 1; channels <= 3; channels += 2)
			for (int is_mirrored = 0; is_mirrored < 2; is_mirrored++) {
				const uint32_t h = sizes[i][1];
				const struct grid_layout l = layout_of(sizes[i][0], h, channels,
								       is_mirrored, GRID_WRAP);
				assert_int_equal(l.rows, is_mirrored ? (h + 1) / 2 : h);
				assert_int_equal(l.plane_cells, (uint64_t)sizes[i][0] * l.rows);
				assert_true(l.bits_offset >= sizeof(struct grid_header));
				assert_true(l.carries_offset >= l.bits_offset + (100 + 7) / 8);
				assert_true(l.cells_offset >= l.carries_offset + 16 * l.carry_room);
				assert_true(l.total_bytes >=
					    l.cells_offset + 4 * channels * l.plane_cells);
				assert_int_equal((l.bits_offset | l.carries_offset |
						  l.cells_offset | l.total_bytes) %
							 IMAGE_ALIGN,
						 0);
				assert_int_equal(l.carry_room & (l.carry_room - 1), 0);
				/* A slice of a sum looks through all of it. */
				assert_true(l.carry_room <= 1u << 16);
			}
}

static void a_wide_grid_has_no_carries(void **state)
{
	(void)state;
	const struct grid_layout l = layout_of(64, 49, 3, true, GRID_WIDE);
	const struct grid_layout narrow = layout_of(64, 49, 3, true, GRID_WRAP);
	assert_int_equal(l.carry_room, 0);
	assert_int_equal(l.cells_offset, l.carries_offset);
	assert_true(l.total_bytes >= l.cells_offset + 8 * 3 * l.plane_cells);
	void *memory = memory_of(&l), *other = memory_of(&narrow);
	const struct grid grid = grid_view(memory, &l), carried = grid_view(other, &narrow);
	assert_null(grid.cells);
	assert_null(carried.wide);
	/* Nobody takes the one for the other. */
	uint8_t found[MESSAGE_NONCE_BYTES];
	enum grid_state at;
	assert_int_equal(grid_header_check(memory, l.total_bytes, &l, WORK, found, &at, NULL),
			 BROT_OK);
	((struct grid_header *)memory)->wrap = GRID_WRAP;
	assert_int_equal(grid_header_check(memory, l.total_bytes, &l, WORK, found, &at, NULL),
			 BROT_E_PROTOCOL);
	/* Each has what the other adds to it. */
	uint64_t counts[2 * 64 * 3];
	for (uint64_t i = 0; i < 2 * 64 * 3; i++)
		counts[i] = i << 40;
	assert_true(grid_rows_set(&grid, 3, 2, counts));
	assert_true(grid_rows_set(&carried, 3, 2, counts));
	const struct grid *both[] = {&carried, &grid};
	assert_true(grid_rows_sum(both, 2, 3, 2, counts));
	for (uint64_t i = 0; i < 2 * 64 * 3; i++)
		assert_int_equal(counts[i], i << 41);
	free(memory);
	free(other);
}

static void what_u64_cannot_hold_is_told(void **state)
{
	(void)state;
	const struct grid_layout l = layout_of(2, 3, 1, true, GRID_WIDE);
	const struct grid_layout narrow = layout_of(2, 3, 1, true, GRID_WRAP);
	void *memory = memory_of(&l), *other = memory_of(&narrow);
	const struct grid grid = grid_view(memory, &l), carried = grid_view(other, &narrow);
	const struct grid *both[] = {&grid, &carried};
	uint64_t counts[6] = {UINT64_MAX - 5, 7};
	assert_true(grid_rows_set(&grid, 0, 1, counts));
	carried.cells[0] = 5;
	assert_true(grid_rows_sum(both, 2, 0, 1, counts));
	assert_true(counts[0] == UINT64_MAX);
	carried.cells[0] = 6;
	assert_false(grid_rows_sum(both, 2, 0, 1, counts));
	assert_true(counts[0] == UINT64_MAX && counts[1] == 7);
	assert_false(grid_image_rows(both, 2, 0, 3, counts));
	assert_true(counts[4] == UINT64_MAX && counts[5] == 7);
	/* The row in the middle is there twice. */
	grid.wide[0] = carried.cells[0] = 0;
	grid.wide[3] = 1ull << 63;
	assert_true(grid_rows_sum(both, 2, 0, 2, counts));
	assert_false(grid_image_rows(both, 2, 1, 1, counts));
	assert_true(counts[1] == UINT64_MAX);
	/* And what a table says may be too much by itself. */
	grid.wide[3] = 0;
	grid_carry(&carried, 1, 1ull << 32);
	assert_false(grid_rows_get(&carried, 0, 1, counts));
	assert_true(counts[1] == UINT64_MAX);
	free(memory);
	free(other);
}

static void sizes_that_overflow_are_refused(void **state)
{
	(void)state;
	struct grid_layout layout, before;
	memset(&layout, 0x5a, sizeof layout);
	before = layout;
	assert_false(grid_layout_make(UINT32_MAX, UINT32_MAX, 1, false, 1, GRID_WRAP, &layout));
	assert_false(grid_layout_make(UINT32_MAX, 1u << 30, 3, true, 1, GRID_WRAP, &layout));
	assert_memory_equal(&layout, &before, sizeof layout);
	assert_true(grid_layout_make(LIMIT_SIZE_PX, LIMIT_SIZE_PX, 3, false, UINT32_MAX, GRID_WRAP,
				     &layout));
	assert_true(layout.total_bytes <= INT64_MAX);
}

static void refused(const void *memory, size_t bytes, const struct grid_layout *want, uint64_t work,
		    const char *sentence)
{
	uint8_t found[MESSAGE_NONCE_BYTES], before[MESSAGE_NONCE_BYTES];
	enum grid_state at = (enum grid_state)7;
	struct brot_error err = {0};
	memset(found, 0x5a, sizeof found);
	memcpy(before, found, sizeof before);
	if (grid_header_check(memory, bytes, want, work, found, &at, &err) != BROT_E_PROTOCOL)
		fail_msg("taken; should be refused: %s", sentence);
	assert_int_equal(err.code, BROT_E_PROTOCOL);
	assert_memory_equal(found, before, sizeof found);
	assert_int_equal(at, 7);
	assert_string_equal(err.text, sentence);
}

static void the_right_header_is_taken(void **state)
{
	(void)state;
	for (int is_mirrored = 0; is_mirrored < 2; is_mirrored++) {
		const struct grid_layout l = layout_of(64, 49, 3, is_mirrored, GRID_WRAP);
		void *memory = memory_of(&l);
		const struct grid grid = grid_view(memory, &l);
		uint8_t found[MESSAGE_NONCE_BYTES];
		enum grid_state at;
		struct brot_error err;
		grid_carry(&grid, 5, 1);
		assert_int_equal(
			grid_header_check(memory, l.total_bytes, &l, WORK, found, &at, &err),
			BROT_OK);
		assert_memory_equal(found, nonce, sizeof nonce);
		assert_int_equal(at, GRID_OPEN);
		grid_commit(&grid);
		assert_int_equal(
			grid_header_check(memory, l.total_bytes, &l, WORK, found, &at, &err),
			BROT_OK);
		assert_int_equal(at, GRID_COMMITTED);
		free(memory);
	}
}

static void a_stranger_s_header_is_refused(void **state)
{
	(void)state;
	const char *other = "grid: header is not that of work 72623859790382856 with 64x49 pixels";
	const struct grid_layout l = layout_of(64, 49, 1, false, GRID_WRAP);
	uint8_t *memory = memory_of(&l), *copy = memory_of(&l);
	struct grid_header *header = (struct grid_header *)(void *)copy;
	refused(copy, sizeof(struct grid_header) - 1, &l, WORK,
		"grid: must have 155648 bytes, got 135");
	refused(copy, l.total_bytes - 1, &l, WORK, "grid: must have 155648 bytes, got 155647");
	refused(copy, l.total_bytes, &l, WORK + 1,
		"grid: header is not that of work 72623859790382857 with 64x49 pixels");
	copy[0] = 'b';
	refused(copy, l.total_bytes, &l, WORK, "grid: must start with \"BROTGRD1\"");
	copy[0] = 'B';
	header->version = 2;
	refused(copy, l.total_bytes, &l, WORK, "grid: version must be 1, got 2");
	header->version = 1;
	header->state = 2;
	refused(copy, l.total_bytes, &l, WORK, "grid: state must be 0 or 1, got 2");
	header->state = 0;
	/* Any other bit of what the layout says. */
	for (size_t at = offsetof(struct grid_header, header_bytes);
	     at < offsetof(struct grid_header, carry_used); at++) {
		const bool is_free = (at >= offsetof(struct grid_header, nonce) &&
				      at < offsetof(struct grid_header, width_px)) ||
				     (at >= offsetof(struct grid_header, state) &&
				      at < offsetof(struct grid_header, wrap));
		if (is_free)
			continue;
		memcpy(copy, memory, sizeof(struct grid_header));
		copy[at] ^= 0x10;
		refused(copy, l.total_bytes, &l, WORK, other);
	}
	free(memory);
	free(copy);
}

static void counts_pass_the_wrap(void **state)
{
	(void)state;
	const struct grid_layout l = layout_of(5, 4, 3, false, 10);
	void *memory = memory_of(&l), *other = memory_of(&l);
	const struct grid grid = grid_view(memory, &l), copy = grid_view(other, &l);
	for (uint64_t cell = 0; cell < 60; cell++)
		add(&grid, cell, cell * cell);
	for (uint64_t cell = 0; cell < 60; cell++)
		assert_true(grid.cells[cell] < 10);
	uint64_t counts[60];
	for (uint32_t y = 0; y < 4; y++)
		for (uint32_t rows = 1; y + rows <= 4; rows++) {
			grid_rows_get(&grid, y, rows, counts);
			for (uint64_t i = 0; i < 15 * rows; i++) {
				const uint64_t channel = i / (5 * rows), at = i % (5 * rows);
				const uint64_t cell = channel * 20 + y * 5 + at;
				assert_int_equal(counts[i], cell * cell);
			}
		}
	/* Row by row into another, and the two added up. */
	uint64_t row[15];
	for (uint32_t y = 0; y < 4; y++) {
		grid_rows_get(&grid, y, 1, row);
		assert_true(grid_rows_set(&copy, y, 1, row));
	}
	const struct grid *both[] = {&grid, &copy};
	grid_rows_sum(both, 2, 0, 4, counts);
	for (uint64_t cell = 0; cell < 60; cell++)
		assert_int_equal(counts[cell], 2 * cell * cell);
	assert_true(grid_is_exact(&grid) && grid_is_exact(&copy));
	free(memory);
	free(other);
}

static void large_counts_are_kept(void **state)
{
	(void)state;
	const struct grid_layout l = layout_of(3, 1, 1, false, GRID_WRAP);
	void *memory = memory_of(&l);
	const struct grid grid = grid_view(memory, &l);
	const uint64_t want[3] = {UINT64_MAX, 1ull << 32, (1ull << 32) - 1};
	uint64_t got[3];
	assert_true(grid_rows_set(&grid, 0, 1, want));
	grid_rows_get(&grid, 0, 1, got);
	assert_memory_equal(got, want, sizeof want);
	assert_int_equal(*grid.carry_used, 2);
	free(memory);
}

static void a_table_without_room_says_so(void **state)
{
	(void)state;
	struct grid_layout l = layout_of(100, 1, 1, false, 2);
	l.carry_room = 16;
	void *memory = memory_of(&l);
	const struct grid grid = grid_view(memory, &l);
	for (uint64_t cell = 0; cell < 16; cell++)
		add(&grid, 3 * cell, 5);
	assert_true(grid_is_exact(&grid));
	add(&grid, 6, 100);
	assert_true(grid_is_exact(&grid));
	uint64_t counts[100];
	grid_rows_get(&grid, 0, 1, counts);
	assert_int_equal(counts[6], 105);
	assert_int_equal(counts[45], 5);
	add(&grid, 50, 1);
	assert_true(grid_is_exact(&grid));
	add(&grid, 50, 1);
	assert_false(grid_is_exact(&grid));
	for (uint64_t cell = 0; cell < 100; cell++)
		counts[cell] = 2;
	assert_false(grid_rows_set(&grid, 0, 1, counts));
	free(memory);
}

/* Of no use any more, a grid does not search its full table for each further carry. */
static void nothing_is_noted_in_a_grid_that_is_lost(void **state)
{
	(void)state;
	struct grid_layout l = layout_of(100, 1, 1, false, 2);
	l.carry_room = 16;
	void *memory = memory_of(&l);
	const struct grid grid = grid_view(memory, &l);
	for (uint64_t cell = 0; cell < 17; cell++)
		grid_carry(&grid, cell, 1);
	assert_false(grid_is_exact(&grid));
	for (uint64_t cell = 0; cell < 17; cell++)
		grid_carry(&grid, cell, 1);
	for (uint64_t i = 0; i < l.carry_room; i++)
		assert_int_equal(grid.carries[i].times, 1);
	assert_int_equal(*grid.carry_lost, 1);
	free(memory);
}

static void a_hostile_table_touches_nothing_else(void **state)
{
	(void)state;
	const struct grid_layout l = layout_of(4, 4, 1, true, 10);
	void *memory = memory_of(&l);
	const struct grid grid = grid_view(memory, &l);
	memset(grid.carries, 0xff, l.carry_room * sizeof *grid.carries);
	for (uint64_t k = 0; k < l.carry_room; k += 2)
		grid.carries[k].cell = k;
	*grid.carry_used = 1;
	uint64_t counts[4 * 4 + 2];
	counts[0] = counts[17] = 77;
	grid_rows_get(&grid, 0, 2, counts + 1);
	const struct grid *one = &grid;
	grid_image_rows(&one, 1, 0, 4, counts + 1);
	assert_int_equal(counts[0], 77);
	assert_int_equal(counts[17], 77);
	/* Full: it must not be searched for ever. */
	memset(grid.carries, 0xff, l.carry_room * sizeof *grid.carries);
	grid_carry(&grid, 1, 1);
	assert_false(grid_is_exact(&grid));
	free(memory);
}

static void check_image(uint32_t height, bool is_mirrored)
{
	enum { WIDTH = 3, CHANNELS = 3 };
	const struct grid_layout l = layout_of(WIDTH, height, CHANNELS, is_mirrored, 7);
	void *memory = memory_of(&l);
	const struct grid grid = grid_view(memory, &l);
	const struct grid *two[] = {&grid, &grid};
	for (uint64_t cell = 0; cell < CHANNELS * l.plane_cells; cell++)
		add(&grid, cell, 3 * cell + 1);
	uint64_t *counts = calloc((size_t)WIDTH * CHANNELS * height, sizeof *counts);
	assert_non_null(counts);
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t rows = 1; y + rows <= height; rows++) {
			grid_image_rows(two, 2, y, rows, counts);
			for (uint32_t i = 0; i < CHANNELS * rows * WIDTH; i++) {
				const uint32_t channel = i / (rows * WIDTH);
				const uint32_t row = y + i / WIDTH % rows;
				const uint32_t lower = height - 1 - row;
				const uint32_t kept = is_mirrored && lower < row ? lower : row;
				const uint64_t cell = channel * l.plane_cells + kept * WIDTH +
						      i % WIDTH;
				const uint64_t twice = is_mirrored && lower == row ? 2 : 1;
				assert_int_equal(counts[i], 2 * twice * (3 * cell + 1));
			}
		}
	free(counts);
	free(memory);
}

static void a_mirrored_grid_is_half_an_image(void **state)
{
	(void)state;
	for (uint32_t height = 1; height <= 7; height++) {
		check_image(height, true);
		check_image(height, false);
	}
	struct view view = {.re = {"-0.5"}, .im = {"0"}, .rotate_deg = 0};
	assert_true(view_is_mirrored(&view));
	view.rotate_deg = 180;
	assert_false(view_is_mirrored(&view));
	view = (struct view){.re = {"0"}, .im = {"1e-30"}, .rotate_deg = 0};
	assert_false(view_is_mirrored(&view));
}

#define THREADS 4

static void *carry_often(void *context)
{
	for (uint64_t k = 0; k < 20000; k++)
		grid_carry(context, k % 1000, 1);
	return NULL;
}

static void threads_share_the_table(void **state)
{
	(void)state;
	const struct grid_layout l = layout_of(1000, 1, 1, false, 3);
	void *memory = memory_of(&l);
	struct grid grid = grid_view(memory, &l);
	pthread_t threads[THREADS];
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, carry_often, &grid), 0);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	uint64_t counts[1000];
	grid_rows_get(&grid, 0, 1, counts);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(counts[i], 3 * THREADS * 20);
	assert_int_equal(*grid.carry_used, 1000);
	free(memory);
}

static void bits_are_set_once(void **state)
{
	(void)state;
	const struct grid_layout l = layout_of(2, 2, 1, true, GRID_WRAP);
	void *memory = memory_of(&l);
	const struct grid grid = grid_view(memory, &l);
	grid_bits_set(&grid, 3, 10);
	grid_bits_set(&grid, 99, 1);
	for (uint32_t segment = 0; segment < 100; segment++)
		assert_int_equal(grid_bit_get(&grid, segment),
				 (segment >= 3 && segment < 13) || segment == 99);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_aligned_and_apart),
		cmocka_unit_test(a_wide_grid_has_no_carries),
		cmocka_unit_test(what_u64_cannot_hold_is_told),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(the_right_header_is_taken),
		cmocka_unit_test(a_stranger_s_header_is_refused),
		cmocka_unit_test(counts_pass_the_wrap),
		cmocka_unit_test(large_counts_are_kept),
		cmocka_unit_test(a_table_without_room_says_so),
		cmocka_unit_test(nothing_is_noted_in_a_grid_that_is_lost),
		cmocka_unit_test(a_hostile_table_touches_nothing_else),
		cmocka_unit_test(a_mirrored_grid_is_half_an_image),
		cmocka_unit_test(threads_share_the_table),
		cmocka_unit_test(bits_are_set_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
