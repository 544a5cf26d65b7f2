/* test_sum.c - grids of counts, added up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "broker/sum.h"

#define WIDTH    7
#define HEIGHT   9
#define CHANNELS 3
#define CELLS    ((size_t)WIDTH * HEIGHT)
#define GRIDS    4
#define WRAP     16

struct made {
	struct grid grid;
	void *memory;
};

static struct made make_of(uint32_t width, uint32_t height, uint32_t channels, bool is_mirrored,
			   uint64_t wrap)
{
	struct grid_layout layout;
	const uint8_t nonce[MESSAGE_NONCE_BYTES] = {0};
	assert_true(grid_layout_make(width, height, channels, is_mirrored, 20, wrap, &layout));
	struct made made = {.memory = calloc(1, (size_t)layout.total_bytes)};
	assert_non_null(made.memory);
	grid_header_write(made.memory, &layout, 5, nonce, 1, 2, 0);
	made.grid = grid_view(made.memory, &layout);
	return made;
}

static struct made make(uint32_t channels, bool is_mirrored, uint64_t wrap)
{
	return make_of(WIDTH, HEIGHT, channels, is_mirrored, wrap);
}

/* A number that cells of wrap 16 carry more often than not. */
static uint64_t count_at(uint32_t g, uint32_t channel, size_t i)
{
	return (g + 1) * 1000 + channel * 77 + i * 13 % 500;
}

static void fill(const struct made *made, uint32_t g)
{
	const struct grid_layout *layout = &made->grid.layout;
	for (uint32_t y = 0; y < layout->rows; y++) {
		uint64_t counts[WIDTH * CHANNELS];
		for (uint32_t c = 0; c < layout->channels; c++)
			for (uint32_t x = 0; x < WIDTH; x++)
				counts[c * WIDTH + x] = count_at(g, c, (size_t)y * WIDTH + x);
		assert_true(grid_rows_set(&made->grid, y, 1, counts));
	}
}

static void rows_of_grids_are_added_up(void **state)
{
	(void)state;
	struct made from[GRIDS], to = make(CHANNELS, false, GRID_WIDE);
	const struct grid *sources[GRIDS];
	for (uint32_t g = 0; g < GRIDS; g++) {
		from[g] = make(CHANNELS, false, WRAP);
		fill(&from[g], g);
		sources[g] = &from[g].grid;
	}
	for (uint32_t y = 0; y < HEIGHT; y += 2)
		assert_int_equal(sum_into_grid(sources, GRIDS, y, y + 2 <= HEIGHT ? 2 : 1,
					       UINT64_MAX, &to.grid, NULL),
				 BROT_OK);
	uint64_t counts[CELLS * CHANNELS];
	grid_rows_get(&to.grid, 0, HEIGHT, counts);
	for (uint32_t c = 0; c < CHANNELS; c++)
		for (size_t i = 0; i < CELLS; i++) {
			uint64_t want = 0;
			for (uint32_t g = 0; g < GRIDS; g++)
				want += count_at(g, c, i);
			assert_true(counts[c * CELLS + i] == want);
		}
	for (uint32_t g = 0; g < GRIDS; g++)
		free(from[g].memory);
	free(to.memory);
}

static void image_of(enum format_id format, struct image_layout *ret_layout, void **ret_memory)
{
	struct segment_grid grid;
	assert_true(segment_grid_make(WIDTH, HEIGHT, format_pixel_bytes(format), 1, &grid));
	assert_true(image_layout_make(&grid, format, ret_layout));
	*ret_memory = calloc(1, (size_t)ret_layout->total_bytes);
	assert_non_null(*ret_memory);
}

/* In a mirrored one the row in the middle has each hit and its conjugate. */
static uint64_t pixel_at(bool is_mirrored, uint32_t channel, uint32_t x, uint32_t y)
{
	uint32_t row = is_mirrored && y > HEIGHT / 2 ? HEIGHT - 1 - y : y;
	uint64_t count = count_at(0, channel, (size_t)row * WIDTH + x);
	return is_mirrored && y == HEIGHT / 2 ? 2 * count : count;
}

static void the_sum_becomes_an_image(void **state)
{
	(void)state;
	for (int way = 0; way < 4; way++) {
		bool is_mirrored = way % 2 == 1, is_wide = way < 2;
		struct made from = make(CHANNELS, is_mirrored, GRID_WRAP);
		const struct grid *source = &from.grid;
		struct image_layout layout;
		void *memory;
		fill(&from, 0);
		image_of(is_wide ? FORMAT_NEBULA : FORMAT_NEBULA32, &layout, &memory);
		for (uint32_t y = 0; y < HEIGHT; y += 4)
			assert_int_equal(sum_into_image(&source, 1, y, y + 4 <= HEIGHT ? 4 : 1,
							&layout, memory, NULL),
					 BROT_OK);
		for (uint32_t i = 0; i < CELLS * CHANNELS; i++) {
			uint32_t c = i / CELLS, x = i % WIDTH, y = i % CELLS / WIDTH;
			const void *pixel = image_pixel(memory, &layout, c, x, y);
			uint64_t got = is_wide ? *(const uint64_t *)pixel
					       : *(const uint32_t *)pixel;
			assert_true(got == pixel_at(is_mirrored, c, x, y));
			uint64_t preview = 0;
			const struct rect rect = {x, y, 1, 1};
			sum_preview(source, c, &rect, is_wide ? 8 : 4, &preview);
			assert_true(preview == got);
		}
		free(memory);
		free(from.memory);
	}
}

static void a_count_too_large_names_the_format_that_holds_it(void **state)
{
	(void)state;
	struct made from = make(1, false, GRID_WRAP);
	const struct grid *source = &from.grid;
	uint64_t counts[WIDTH] = {0};
	struct image_layout layout;
	struct brot_error err = {0};
	void *memory;
	counts[3] = UINT32_MAX;
	assert_true(grid_rows_set(source, 2, 1, counts));
	image_of(FORMAT_DENSITY32, &layout, &memory);
	assert_int_equal(sum_into_image(&source, 1, 0, HEIGHT, &layout, memory, &err), BROT_OK);
	grid_carry(source, 2 * WIDTH + 3, 1);
	assert_int_equal(sum_into_image(&source, 1, 0, HEIGHT, &layout, memory, &err),
			 BROT_E_FAILED);
	assert_string_equal(err.text, "format: a pixel has 8589934591 hits, and u32 holds at most "
				      "4294967295: density and nebula hold them all, as u64");
	uint32_t narrow;
	const struct rect rect = {3, 2, 1, 1};
	sum_preview(source, 0, &rect, 4, &narrow);
	assert_true(narrow == UINT32_MAX);
	free(memory);
	free(from.memory);
}

/* More of them than a table of carries has room for. */
static void all_pixels_may_have_large_counts(void **state)
{
	(void)state;
	enum { SIDE = 300 };
	struct made a = make_of(SIDE, SIDE, 1, false, GRID_WIDE),
		    b = make_of(SIDE, SIDE, 1, false, GRID_WIDE),
		    to = make_of(SIDE, SIDE, 1, false, GRID_WIDE);
	const struct grid *sources[] = {&a.grid, &b.grid};
	uint64_t row[SIDE];
	for (uint64_t i = 0; i < SIDE; i++)
		row[i] = (1ull << 33) + i;
	for (uint32_t y = 0; y < SIDE; y++)
		assert_true(grid_rows_set(&a.grid, y, 1, row) && grid_rows_set(&b.grid, y, 1, row));
	assert_int_equal(sum_into_grid(sources, 2, 0, SIDE, UINT64_MAX, &to.grid, NULL), BROT_OK);
	for (uint32_t y = 0; y < SIDE; y++) {
		assert_true(grid_rows_get(&to.grid, y, 1, row));
		for (uint64_t i = 0; i < SIDE; i++)
			assert_true(row[i] == (1ull << 34) + 2 * i);
	}
	free(a.memory);
	free(b.memory);
	free(to.memory);
}

static void refused(const struct grid *const *sources, uint64_t most, const struct grid *to,
		    const char *sentence)
{
	struct brot_error err = {0};
	assert_int_equal(sum_into_grid(sources, 2, 0, to->layout.rows, most, to, &err),
			 BROT_E_FAILED);
	assert_string_equal(err.text, sentence);
}

/* Not only when all samples are counted: what a sum has too many of an image has as well. */
static void a_sum_that_no_image_holds_is_refused(void **state)
{
	(void)state;
	for (int is_mirrored = 0; is_mirrored < 2; is_mirrored++) {
		struct made a = make(1, is_mirrored, GRID_WRAP),
			    b = make(1, is_mirrored, GRID_WIDE),
			    to = make(1, is_mirrored, GRID_WIDE);
		const struct grid *sources[] = {&a.grid, &b.grid};
		const uint32_t rows = to.grid.layout.rows;
		a.grid.cells[3] = 1;
		b.grid.wide[3] = UINT32_MAX - 1;
		assert_int_equal(sum_into_grid(sources, 2, 0, rows, UINT32_MAX, &to.grid, NULL),
				 BROT_OK);
		b.grid.wide[3]++;
		refused(sources, UINT32_MAX, &to.grid,
			"format: a pixel has 4294967296 hits, and u32 holds at most 4294967295: "
			"density and nebula hold them all, as u64");
		b.grid.wide[3] = UINT64_MAX - 1;
		assert_int_equal(sum_into_grid(sources, 2, 0, rows, UINT64_MAX, &to.grid, NULL),
				 BROT_OK);
		assert_true(to.grid.wide[3] == UINT64_MAX);
		b.grid.wide[3]++;
		refused(sources, UINT64_MAX, &to.grid,
			"counts: a pixel has over 18446744073709551615 hits, and u64 holds no "
			"more");
		/* The pixels in the middle of a mirrored image have twice the cell. */
		b.grid.wide[3] = 0;
		b.grid.wide[HEIGHT / 2 * WIDTH] = 1u << 31;
		if (is_mirrored)
			refused(sources, UINT32_MAX, &to.grid,
				"format: a pixel has 4294967296 hits, and u32 holds at most "
				"4294967295: density and nebula hold them all, as u64");
		else
			assert_int_equal(
				sum_into_grid(sources, 2, 0, rows, UINT32_MAX, &to.grid, NULL),
				BROT_OK);
		free(a.memory);
		free(b.memory);
		free(to.memory);
	}
}

/* Where there was one grid alone. */
static void an_image_that_does_not_hold_it_is_refused(void **state)
{
	(void)state;
	struct made a = make(1, false, GRID_WIDE), b = make(1, false, GRID_WIDE);
	const struct grid *sources[] = {&a.grid, &b.grid};
	struct image_layout layout;
	struct brot_error err = {0};
	void *memory;
	image_of(FORMAT_DENSITY, &layout, &memory);
	assert_true(sum_most(&layout) == UINT64_MAX);
	a.grid.wide[5] = b.grid.wide[5] = 1ull << 63;
	assert_int_equal(sum_into_image(sources, 2, 0, HEIGHT, &layout, memory, &err),
			 BROT_E_FAILED);
	assert_non_null(strstr(err.text, "counts: a pixel has over 18446744073709551615 hits"));
	free(memory);
	image_of(FORMAT_DENSITY32, &layout, &memory);
	assert_true(sum_most(&layout) == UINT32_MAX);
	free(memory);
	free(a.memory);
	free(b.memory);
}

static void grids_with_the_same_samples_do_not_stay_side_by_side(void **state)
{
	(void)state;
	static const struct {
		uint32_t count;
		uint8_t bits[4][2];
		bool keep[4];
	} cases[] = {
		{0, {{0}}, {false}},
		{1, {{0x01, 0}}, {true}},
		{1, {{0, 0}}, {false}},
		/* A sum and what it was made of. */
		{3, {{0x0f, 0}, {0xff, 0x01}, {0xf0, 0x01}}, {false, true, false}},
		/* And one that was committed meanwhile. */
		{4, {{0x0f, 0}, {0, 0xc0}, {0x3f, 0}, {0x30, 0}}, {false, true, true, false}},
		{2, {{0x0f, 0}, {0xf0, 0}}, {true, true}},
		{2, {{0x0f, 0}, {0x0f, 0}}, {true, false}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const uint8_t *bits[4];
		bool keep[4] = {false};
		for (size_t g = 0; g < 4; g++)
			bits[g] = cases[i].bits[g];
		sum_choose(bits, cases[i].count, 2, keep);
		for (uint32_t g = 0; g < cases[i].count; g++)
			assert_int_equal(keep[g], cases[i].keep[g]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_grids_are_added_up),
		cmocka_unit_test(the_sum_becomes_an_image),
		cmocka_unit_test(a_count_too_large_names_the_format_that_holds_it),
		cmocka_unit_test(all_pixels_may_have_large_counts),
		cmocka_unit_test(a_sum_that_no_image_holds_is_refused),
		cmocka_unit_test(an_image_that_does_not_hold_it_is_refused),
		cmocka_unit_test(grids_with_the_same_samples_do_not_stay_side_by_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
