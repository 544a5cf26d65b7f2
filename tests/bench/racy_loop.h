/*
 * racy_loop.h - a Buddhabrot as one would write it first, with four ways to share its grid between
 * threads and with or without a cache of z: the loops of a well-known article.
 *
 * One sample after the other over rows of the whole square -2..2, no fused multiply-add, no
 * shortcut, no symmetry: a hit is one addition to one cell. `unsafe` adds without a care; `atomic`
 * by an atomic addition; `critical` under one lock; `private` to a grid a thread, which
 * racy_sum() adds up. `symmetric` is `unsafe` where each hit is added with its mirror image, so
 * that the rows of one half will do.
 */
#ifndef TESTS_BENCH_RACY_LOOP_H
#define TESTS_BENCH_RACY_LOOP_H

#include <stdbool.h>
#include <stdint.h>

enum racy_way { RACY_UNSAFE, RACY_ATOMIC, RACY_CRITICAL, RACY_PRIVATE, RACY_SYMMETRIC, RACY_COUNT };

struct racy_task {
	uint32_t *grid; /* side_px * side_px cells, row 0 at im = 2; the thread's own if private */
	uint32_t side_px;
	uint32_t side; /* samples of a row, and rows */
	uint32_t limit;
	double *cache_x, *cache_y; /* `limit` numbers each, of the thread; NULL: none */
};

/* One row of samples. */
void racy_row(const struct racy_task *task, enum racy_way way, uint32_t row);

/* Adds rows first ... first + rows - 1 of one grid to another's. */
void racy_sum(uint32_t *to, const uint32_t *from, uint32_t side_px, uint32_t first, uint32_t rows);

#endif
