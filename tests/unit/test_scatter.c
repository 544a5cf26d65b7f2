/* test_scatter.c - bins, weights, carries, and threads at one grid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "worker/buddha/scatter.h"

#define THREADS 4

struct made {
	struct grid_layout layout;
	void *memory;
	struct grid grid;
	struct grid_locks *locks;
	uint64_t *want, *got;
};

static void make(struct made *m, uint32_t width, uint32_t height, uint32_t channels, uint64_t wrap)
{
	static const uint8_t nonce[MESSAGE_NONCE_BYTES] = {1};
	assert_true(grid_layout_make(width, height, channels, false, 1, wrap, &m->layout));
	m->memory = calloc(1, m->layout.total_bytes);
	assert_non_null(m->memory);
	grid_header_write(m->memory, &m->layout, 1, nonce, 0, 0, 0);
	m->grid = grid_view(m->memory, &m->layout);
	m->locks = grid_locks_make(&m->layout);
	m->want = calloc(m->layout.plane_cells * channels, sizeof *m->want);
	m->got = calloc(m->layout.plane_cells * channels, sizeof *m->got);
	assert_true(m->locks != NULL && m->want != NULL && m->got != NULL);
}

static void check(struct made *m)
{
	const size_t cells = m->layout.plane_cells * m->layout.channels;
	grid_rows_get(&m->grid, 0, m->layout.rows, m->got);
	assert_true(grid_is_exact(&m->grid));
	assert_memory_equal(m->got, m->want, cells * sizeof *m->got);
}

static void drop(struct made *m)
{
	grid_locks_free(m->locks);
	free(m->memory);
	free(m->want);
	free(m->got);
}

static uint64_t hit_of(uint64_t cell, uint32_t weight_log2)
{
	const double value = SCATTER_HIT + SCATTER_WEIGHT * weight_log2 + (double)cell;
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* More hits than the bins hold, half of them in one row. */
static void hits_arrive(uint32_t width, uint32_t height, uint32_t channels, uint64_t wrap,
			bool is_weighted)
{
	struct made m;
	make(&m, width, height, channels, wrap);
	struct scatter *s = scatter_make(&m.grid, m.locks, is_weighted);
	assert_non_null(s);
	uint64_t state = width, hits[100];
	for (uint32_t k = 0; k < 20000; k++) {
		const uint32_t channel = (uint32_t)next_random(&state) % channels;
		for (uint32_t i = 0; i < 100; i++) {
			uint64_t cell = next_random(&state) % m.layout.plane_cells;
			const uint32_t log2 = is_weighted ? (uint32_t)next_random(&state) % 16 : 0;
			if (i % 2 == 0)
				cell %= width;
			hits[i] = hit_of(cell, log2);
			m.want[channel * m.layout.plane_cells + cell] += 1ull << log2;
		}
		scatter_add(s, hits, 100, channel);
		if (k % 1000 == 0) {
			const uint64_t weight = is_weighted ? 1ull << (k / 1000 * 2) : 3;
			scatter_add_one(s, k % width, channel, weight);
			m.want[channel * m.layout.plane_cells + k % width] += weight;
		}
		if (k == 7000)
			scatter_flush(s);
	}
	scatter_flush(s);
	check(&m);
	scatter_free(s);
	drop(&m);
}

static void all_hits_arrive(void **state)
{
	(void)state;
	hits_arrive(1, 1, 1, GRID_WRAP, false);
	hits_arrive(33, 7, 3, 100, false);
	hits_arrive(700, 350, 1, GRID_WRAP, false);
	hits_arrive(2000, 1500, 3, 2, false);
	hits_arrive(33, 7, 3, 10, true);
	hits_arrive(2000, 1500, 1, GRID_WRAP, true);
	hits_arrive(700, 350, 3, GRID_WIDE, true);
	hits_arrive(700, 350, 1, GRID_WIDE, false);
}

static void a_wide_cell_that_is_full_says_so(void **state)
{
	(void)state;
	for (int is_weighted = 0; is_weighted < 2; is_weighted++) {
		struct made m;
		make(&m, 3, 1, 1, GRID_WIDE);
		struct scatter *s = scatter_make(&m.grid, m.locks, is_weighted);
		assert_non_null(s);
		m.grid.wide[1] = UINT64_MAX - 1;
		scatter_add_one(s, 1, 0, 1);
		scatter_flush(s);
		assert_true(grid_is_exact(&m.grid));
		scatter_add_one(s, 1, 0, 1);
		scatter_flush(s);
		assert_false(grid_is_exact(&m.grid));
		scatter_free(s);
		drop(&m);
	}
}

/* What a thread takes does not grow with the picture, up to a gigapixel. */
static void bins_of_large_grids_are_small(void **state)
{
	(void)state;
	static const uint32_t sides[] = {1, 700, 4000, 9000, 20000};
	for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
		struct grid_layout layout;
		assert_true(grid_layout_make(sides[i], sides[i], 3, false, 1, GRID_WIDE, &layout));
		assert_true(scatter_bytes(&layout) <= 34u << 20);
	}
	struct made m = {.want = NULL};
	assert_true(grid_layout_make(17000, 17000, 1, false, 1, GRID_WRAP, &m.layout));
	m.memory = calloc(1, m.layout.total_bytes); /* most of it is never touched */
	assert_non_null(m.memory);
	m.grid = grid_view(m.memory, &m.layout);
	m.locks = grid_locks_make(&m.layout);
	for (uint32_t is_weighted = 0; is_weighted < 2; is_weighted++) {
		struct scatter *s = scatter_make(&m.grid, m.locks, is_weighted);
		assert_non_null(s);
		for (uint64_t k = 0; k < 20000000; k++) {
			const uint64_t hit = hit_of(k % 4000 * 65536 + k % 7, is_weighted);
			scatter_add(s, &hit, 1, 0);
		}
		scatter_flush(s);
		scatter_free(s);
	}
	uint64_t sum = 0;
	for (uint64_t block = 0; block < 4000; block++)
		for (uint64_t i = 0; i < 7; i++)
			sum += m.grid.cells[block * 65536 + i];
	assert_int_equal(sum, 3 * 20000000);
	assert_int_equal(m.grid.cells[65536 * 5 + 5], 3 * 715);
	drop(&m);
}

static void cells_wrap_at_32_bits(void **state)
{
	(void)state;
	struct made m;
	make(&m, 3, 1, 1, GRID_WRAP);
	struct scatter *ones = scatter_make(&m.grid, m.locks, false);
	struct scatter *weights = scatter_make(&m.grid, m.locks, true);
	assert_true(ones != NULL && weights != NULL);
	m.grid.cells[0] = UINT32_MAX - 1;
	m.grid.cells[1] = UINT32_MAX;
	const uint64_t hits[] = {hit_of(0, 0), hit_of(1, 0), hit_of(0, 0), hit_of(0, 0)};
	scatter_add(ones, hits, 4, 0);
	scatter_flush(ones);
	scatter_add_one(weights, 2, 0, SCATTER_WEIGHT_MAX);
	scatter_add_one(weights, 2, 0, SCATTER_WEIGHT_MAX);
	scatter_flush(weights);
	m.want[0] = (uint64_t)UINT32_MAX + 2;
	m.want[1] = (uint64_t)UINT32_MAX + 1;
	m.want[2] = 2 * SCATTER_WEIGHT_MAX;
	check(&m);
	scatter_free(ones);
	scatter_free(weights);
	drop(&m);
}

static void what_is_abandoned_is_gone(void **state)
{
	(void)state;
	struct made m;
	make(&m, 100, 100, 1, GRID_WRAP);
	struct scatter *s = scatter_make(&m.grid, m.locks, false);
	assert_non_null(s);
	const uint64_t hit = hit_of(77, 0);
	for (int i = 0; i < 5000; i++)
		scatter_add(s, &hit, 1, 0);
	scatter_abandon(s);
	scatter_add(s, &hit, 1, 0);
	scatter_flush(s);
	m.want[77] = 1;
	check(&m);
	scatter_free(s);
	drop(&m);
}

static void *thread_add(void *context)
{
	struct made *m = context;
	struct scatter *s = scatter_make(&m->grid, m->locks, false);
	uint64_t hits[1000];
	if (s == NULL)
		return NULL;
	for (uint32_t k = 0; k < 3000; k++) {
		for (uint32_t i = 0; i < 1000; i++)
			hits[i] = hit_of((k * 31 + i * i) % m->layout.plane_cells, 0);
		scatter_add(s, hits, 1000, 0);
	}
	scatter_flush(s);
	scatter_free(s);
	return m;
}

static void threads_share_a_grid(void **state)
{
	(void)state;
	struct made m;
	make(&m, 300, 50, 1, 1000);
	for (uint32_t k = 0; k < 3000; k++)
		for (uint32_t i = 0; i < 1000; i++)
			m.want[(k * 31 + i * i) % m.layout.plane_cells] += THREADS;
	pthread_t threads[THREADS];
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, thread_add, &m), 0);
	for (int t = 0; t < THREADS; t++) {
		void *done = NULL;
		pthread_join(threads[t], &done);
		assert_ptr_equal(done, &m);
	}
	check(&m);
	drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_hits_arrive),
		cmocka_unit_test(bins_of_large_grids_are_small),
		cmocka_unit_test(cells_wrap_at_32_bits),
		cmocka_unit_test(a_wide_cell_that_is_full_says_so),
		cmocka_unit_test(what_is_abandoned_is_gone),
		cmocka_unit_test(threads_share_a_grid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
