/*
 * bare_loop.h - the recurrence alone: what a core can do at most, beside which the figures stand.
 *
 * The forms of the kernel's square step, alternating, and nothing else: no escape test, no refill,
 * no result. Compiled once for each instruction set and precision.
 *
 * Pure and thread-safe.
 */
#ifndef TESTS_BENCH_BARE_LOOP_H
#define TESTS_BENCH_BARE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/request.h"

#define BARE_VECTORS_MAX 12
#define BARE_GROUPS_MAX  4
#define BARE_BLOCK       8 /* iterations of a group before it is the next one's turn; even */

/* How many vectors are under way at once. With several groups only one is in registers at a time,
 * for BARE_BLOCK iterations; the state of the others is in memory. */
struct bare_shape {
	unsigned groups;  /* 1..BARE_GROUPS_MAX */
	unsigned vectors; /* of a group: 1..BARE_VECTORS_MAX where there is one group, else 3..6 */
};

/* Runs `rounds` blocks of every group and returns the iterations done; 0 for a shape that is none
 * of the above. *ret_is_inside: every z is where those of the set are, so that no overflow and no
 * denormal number has changed the speed. */
typedef uint64_t bare_loop_fn(const struct bare_shape *shape, uint64_t rounds, bool *ret_is_inside);

/* The loop of the kernel variant of that name. NULL where it has none: scalar. */
bare_loop_fn *bare_loop_of(const char *kernel, enum precision precision);

#endif
