/*
 * kernel.h - the table of escape-time kernels: one variant per instruction set.
 *
 * All variants give the same bytes; `scalar` is the definition of right. The program chooses one
 * at start with kernel_select(), before it has threads, and passes the pointer down.
 *
 * Pure and thread-safe: a variant keeps its state on the caller's stack (below 32 KiB).
 */
#ifndef WORKER_KERNEL_KERNEL_H
#define WORKER_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/point.h"
#include "proto/request.h"

#define KERNEL_WHOLE_INSIDE UINT32_MAX /* the smooth count of a sample that does not escape */

/* Which samples to compute and where their numbers go. Everything is borrowed for the call.
 * Strides are elements from one row to the next. An output that is NULL is not wanted; whole and
 * fraction come together. Every element is stored once, with its final value, in any order. */
struct escape_task {
	const struct point_frame *frame;
	uint32_t x, y, w, h; /* rectangle of the frame's sample grid; w, h > 0 */
	uint32_t limit;      /* N, 1..LIMIT_ITERATIONS */

	uint32_t *iterations; /* smallest n >= 1 with |z_n| > 2; 0 where no n <= N has */
	size_t iterations_stride;
	uint32_t *whole; /* floor of the smooth count, >= 1; KERNEL_WHOLE_INSIDE */
	size_t whole_stride;
	float *fraction; /* the rest of the smooth count, in [0, 1); 0 inside */
	size_t fraction_stride;
};

/* Computes a task. Returns the iterations done: the sum over all samples of n where it escaped
 * and N where not. What a variant computes beyond that is its own affair. */
typedef uint64_t escape_fn(const struct escape_task *task);

struct kernel {
	const char *name;
	const char *needs;                /* the CPU features, for a person; "" for none */
	uint32_t lanes;                   /* samples it has in flight: fewer at once waste some */
	bool (*supported)(void);          /* by this CPU and operating system */
	escape_fn *escape[FORMULA_COUNT]; /* by enum request_formula; NULL: it has not that one */
};

/* The variants of this build in order of preference, the last one `scalar`. NULL past the end. */
const struct kernel *kernel_at(size_t index);

/* The variant of that name, or with NULL the first one that is supported. BROT_E_USAGE for a name
 * that is not in the table or that this CPU cannot run; *ret_kernel is untouched then. */
enum brot_err kernel_select(const char *name, const struct kernel **ret_kernel,
			    struct brot_error *err);

#endif
