/*
 * bench_measure.h - what the rows of bench_kernel.c have in common: clock, limits, areas.
 */
#ifndef TESTS_BENCH_BENCH_MEASURE_H
#define TESTS_BENCH_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/point.h"
#include "tests/bench/bare_loop.h"
#include "tests/bench/bench_table.h"
#include "worker/kernel/kernel.h"

/* A rectangular view, not rotated, one sample a pixel. */
struct area {
	double left, right, bottom, top;
	uint32_t columns, rows, limit;
};

/* The turns of one side of a comparison. All zero: none yet. */
struct score {
	double least_s;
	uint64_t iterations; /* of a turn */
};

/* The bare loop of one variant and precision at its best shape, and its turns. */
struct limit {
	bare_loop_fn *loop; /* NULL where the variant has none */
	struct bare_shape shape;
	struct score score;
};

/* Processor time of this thread: other programs on the machine count little. */
double time_s(void);

/* Memory whose pages are there already. Ends the program where there is none. */
void *allocate(size_t bytes);

struct point_frame area_frame(const struct area *area);

void score_add(struct score *score, double took_s, uint64_t iterations);

/* Iterations a second. */
double score_rate(const struct score *score);

/* Tries every shape of the bare loop. */
struct limit limit_find(const struct kernel *kernel, enum precision precision);

/* A turn of the bare loop; nothing where there is none. */
void limit_run(struct limit *limit);

/* A rate and what it is of the limit, in words. */
void limit_cell(const struct limit *limit, double rate, char cell[TABLE_CELL_CHARS]);

#endif
