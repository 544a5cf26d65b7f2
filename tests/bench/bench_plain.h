/*
 * bench_plain.h - plain scalar loops: what one would write first, and so the unit of many figures.
 *
 * One sample after the other, no fused multiply-add, no shortcut. Points are those of the frame.
 * Pure and thread-safe.
 */
#ifndef TESTS_BENCH_BENCH_PLAIN_H
#define TESTS_BENCH_BENCH_PLAIN_H

#include <stdint.h>

#include "proto/point.h"

#define PLAIN_COLUMNS_MAX 16384

/* Computes one row of the frame's grid, which must not be rotated and have at most
 * PLAIN_COLUMNS_MAX columns: the smallest n >= 1 with |z_n| > 2, 0 where no n <= limit has.
 * Returns the iterations done. */
uint64_t plain_row(const struct point_frame *frame, uint32_t row, uint32_t limit,
		   uint32_t *ret_iterations);

/* The same as a bitmap, the first column in the highest bit, 1 where there is no such n. Columns
 * must be a multiple of 8. */
uint64_t plain_bitmap_row(const struct point_frame *frame, uint32_t row, uint32_t limit,
			  uint8_t *ret_bits);

#endif
