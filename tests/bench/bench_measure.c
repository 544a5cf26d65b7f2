#include "tests/bench/bench_measure.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEARCH_ITERATIONS 10000000u  /* of one shape */
#define TURN_ITERATIONS   200000000u /* of the best one */
#define SEARCH_RUNS       5

double time_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void *allocate(size_t bytes)
{
	void *memory = malloc(bytes);
	if (memory == NULL) {
		fprintf(stderr, "bench_kernel: no memory for %zu bytes\n", bytes);
		exit(EXIT_FAILURE);
	}
	memset(memory, 0xff, bytes);
	return memory;
}

struct point_frame area_frame(const struct area *area)
{
	return (struct point_frame){
		.re = (area->left + area->right) / 2,
		.im = (area->bottom + area->top) / 2,
		.step_re = (area->right - area->left) / (2.0 * area->columns),
		.step_im = (area->top - area->bottom) / (2.0 * area->rows),
		.cos = 1.0,
		.columns = area->columns,
		.rows = area->rows,
	};
}

void score_add(struct score *score, double took_s, uint64_t iterations)
{
	if (score->iterations == 0 || took_s < score->least_s)
		score->least_s = took_s;
	score->iterations = iterations;
}

double score_rate(const struct score *score)
{
	return (double)score->iterations / score->least_s;
}

/* One turn of a shape. Does nothing where there is no such shape. */
static void shape_run(bare_loop_fn *loop, const struct bare_shape *shape, uint64_t iterations,
		      struct score *score)
{
	bool is_inside = false;
	const uint64_t a_round = loop(shape, 1, &is_inside);
	if (a_round == 0)
		return;
	const double start_s = time_s();
	/* The same number for each turn of a shape, and nearly so for all shapes. */
	const uint64_t done = loop(shape, iterations / a_round + 1, &is_inside);
	score_add(score, time_s() - start_s, done);
	assert(is_inside);
}

struct limit limit_find(const struct kernel *kernel, enum precision precision)
{
	struct limit limit = {.loop = bare_loop_of(kernel->name, precision)};
	double best = 0.0;
	if (limit.loop == NULL)
		return limit;
	for (int run = 0; run < SEARCH_RUNS; run++)
		for (unsigned groups = 1; groups <= BARE_GROUPS_MAX; groups++)
			for (unsigned vectors = 1; vectors <= BARE_VECTORS_MAX; vectors++) {
				const struct bare_shape shape = {groups, vectors};
				struct score score = {0};
				shape_run(limit.loop, &shape, SEARCH_ITERATIONS, &score);
				if (score.iterations > 0 && score_rate(&score) > best) {
					best = score_rate(&score);
					limit.shape = shape;
				}
			}
	return limit;
}

void limit_run(struct limit *limit)
{
	if (limit->loop != NULL)
		shape_run(limit->loop, &limit->shape, TURN_ITERATIONS, &limit->score);
}

void limit_cell(const struct limit *limit, double rate, char cell[TABLE_CELL_CHARS])
{
	char shape[TABLE_CELL_CHARS];
	if (limit->loop == NULL) {
		table_cell(cell, "%.2f G it/s", rate * 1e-9);
		return;
	}
	if (limit->shape.groups == 1)
		table_cell(shape, "%u vectors", limit->shape.vectors);
	else
		table_cell(shape, "%u x %u vectors", limit->shape.groups, limit->shape.vectors);
	table_cell(cell, "%.2f G it/s, %.0f %% of bare %.2f (%s)", rate * 1e-9,
		   100 * rate / score_rate(&limit->score), score_rate(&limit->score) * 1e-9, shape);
}
