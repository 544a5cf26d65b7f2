/*
 * selftest.h - whether a kernel computes what it should, and how fast.
 *
 * Tiny tiles with known answers, for every step of steps.h and both precisions: both sides of the
 * boundary, points on the boundary itself, inner points, with shortcuts and without. The answers
 * are digests of what the scalar kernel says; they are stored, so that a compiler or CPU that
 * breaks the scalar kernel as well is noticed.
 *
 * Pure and thread-safe: time comes in through a function. A call needs some 200 KiB of stack.
 */
#ifndef WORKER_SELFTEST_H
#define WORKER_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "worker/kernel/kernel.h"

enum selftest_depth {
	SELFTEST_START, /* about a millisecond for a vector kernel: what every worker does first */
	SELFTEST_FULL,  /* every tile in every way */
};

/* Compares a kernel with the answers for one step in one precision. *ret_checks gets how many
 * comparisons were made, the one that failed included. BROT_E_INTERNAL at the first difference,
 * with a sentence that names kernel, precision, step, tile and sample. */
enum brot_err selftest_step(const struct kernel *kernel, enum precision precision,
			    enum escape_step step, enum selftest_depth depth, uint32_t *ret_checks,
			    struct brot_error *err);

/* The same for a Buddhabrot's counts; there is one depth. BROT_E_SYSTEM if memory is short. */
enum brot_err selftest_buddha(const struct kernel *kernel, uint32_t *ret_checks,
			      struct brot_error *err);

/* The same for every precision and step. */
enum brot_err selftest_kernel(const struct kernel *kernel, enum selftest_depth depth,
			      struct brot_error *err);

/* Microseconds of a clock that never goes back. */
typedef int64_t selftest_clock(void);

/* Iterations a second, without shortcuts, on a view of mixed counts; at least 1. Takes a few times
 * least_us, or one call on a row where that is longer. */
uint64_t selftest_speed(const struct kernel *kernel, enum precision precision,
			enum escape_step step, int64_t least_us, selftest_clock *clock_us);

/* As it stands in tables and sentences: "square", "ship". */
const char *selftest_step_name(enum escape_step step);

/* What a tile's numbers are boiled down to. */
struct selftest_digests {
	uint64_t iterations, smooth;
	uint64_t derived; /* in f64; else 0 */
};

/* For whoever prints or checks the table of answers. A tile is named by step and place. */
size_t selftest_tile_count(void);
void selftest_tile_name(size_t tile, char *buffer, size_t bytes);
struct selftest_digests selftest_answer(size_t tile, enum precision precision);
struct selftest_digests selftest_compute(size_t tile, enum precision precision,
					 const struct kernel *kernel, bool has_shortcuts);

#endif
