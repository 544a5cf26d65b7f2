/*
 * kernel.h - the table of escape-time kernels: one variant per instruction set.
 *
 * All variants give the same bytes; `scalar` is the definition of right. The program chooses one
 * at start, before it has threads, and passes the pointer down.
 *
 * Pure and thread-safe: a variant keeps its state on the caller's stack (below 128 KiB).
 */
#ifndef WORKER_KERNEL_KERNEL_H
#define WORKER_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/point.h"
#include "proto/request.h"
#include "worker/kernel/steps.h"

#define KERNEL_WHOLE_INSIDE UINT32_MAX /* the smooth count of a sample that does not escape */

/* Asked now and then, about every 2^26 iterations or (by scalar) at most once a sample, whether to
 * go on; iterations: done so far by this call. Returns false to give the task up. */
struct escape_poll {
	bool (*keep_going)(void *context, uint64_t iterations);
	void *context;
};

/* Which samples to compute and where their numbers go. Everything is borrowed for the call.
 * Strides are elements from one row to the next. An output that is NULL is not wanted, but
 * one must be; whole and fraction come together. Every element is stored once, with its final
 * value, in any order. */
struct escape_task {
	const struct point_frame *frame;
	uint32_t x, y, w, h; /* rectangle of the frame's sample grid; w, h > 0 */
	uint32_t limit;      /* N, 1..LIMIT_ITERATIONS */
	bool is_julia;       /* c is the same for all and z_0 the sample's point; else z_0 = 0 */
	double c_re, c_im;   /* that c; |c| <= 2 */
	bool has_shortcuts;  /* use what gives the same numbers with fewer iterations */

	uint32_t *iterations; /* smallest n >= 1 with |z_n| > 2; 0 where no n <= N has */
	size_t iterations_stride;
	uint32_t *whole; /* floor of the smooth count, >= 1; KERNEL_WHOLE_INSIDE */
	size_t whole_stride;
	float *fraction; /* the rest of the smooth count, in [0, 1); 0 inside */
	size_t fraction_stride;

	const struct escape_poll *poll; /* NULL: never asked */
};

/* Computes a task. Returns false where its poll said no: what has been stored till then is final,
 * the rest untouched. *ret_iterations gets the iterations done for the samples that were stored: n
 * where one escaped, N where not, or what was done before a shortcut told so. What a variant
 * computes beyond that is its own affair. */
typedef bool escape_fn(const struct escape_task *task, uint64_t *ret_iterations);

/* What a kernel finds on the way to derivatives: see derive.h. Returns false where the task's poll
 * said no: what has been stored till then is final, the rest untouched. */
struct derive_task;
typedef bool derive_fn(const struct derive_task *task);

/* Counts samples of a Buddhabrot: see worker/buddha/buddha.h, whose buddha_run() calls it. */
struct buddha_job;
struct scatter;
typedef bool buddha_fn(const struct buddha_job *job, uint64_t first, uint64_t count,
		       struct scatter *scatter, const struct escape_poll *poll,
		       uint64_t *ret_iterations);

struct kernel {
	const char *name;
	const char *needs;       /* the CPU features, for a person; "" for none */
	bool (*supported)(void); /* by this CPU and operating system */
	escape_fn *escape[PRECISION_COUNT][STEP_COUNT]; /* none is NULL */
	derive_fn *derive[STEP_COUNT];                  /* in f64; none is NULL */
	buddha_fn *buddha;                              /* not NULL */
};

/* The variants of this build, the widest first, the last one `scalar`. NULL past the end. */
const struct kernel *kernel_at(size_t index);

/* The variant of that name. BROT_E_USAGE for a name that is not in the table or that this CPU
 * cannot run; *ret_kernel is untouched then. */
enum brot_err kernel_by_name(const char *name, const struct kernel **ret_kernel,
			     struct brot_error *err);

/* The step that a request's formula takes. */
enum escape_step kernel_step(const struct request *request);

#endif
