/*
 * choice.h - which kernels a worker offers, whether they are right, and which of them it uses.
 *
 * A worker offers every kernel that its CPU can run, or the one that it was told to use. All it
 * offers must pass the self-test, also those it does not use: where one is wrong, the build or the
 * CPU is not what it should be. Naming another kernel leaves the wrong one out.
 *
 * Pure and thread-safe: time comes in through a function.
 */
#ifndef WORKER_CHOICE_H
#define WORKER_CHOICE_H

#include <stdint.h>

#include "proto/error.h"
#include "proto/limits.h"
#include "worker/kernel/kernel.h"
#include "worker/selftest.h"

struct choice_offer {
	const struct kernel *kernel;
	uint64_t speed[PRECISION_COUNT]; /* iterations a second; 0 until measured */
};

struct choice {
	const struct kernel *kernel; /* the one to use; NULL until choice_measure() */
	uint32_t count;              /* at least 1 */
	struct choice_offer offers[LIMIT_KERNELS];
};

/* Fills in the offers: the kernel of that name or, for NULL, all that this CPU can run. *ret_choice
 * is untouched on failure, BROT_E_USAGE, which kernel_by_name() tells. */
enum brot_err choice_offer(const char *name, struct choice *ret_choice, struct brot_error *err);

/* The short form of the self-test on each. BROT_E_INTERNAL with a sentence at the first difference.
 * Takes some 2 ms, nearly all of it for the scalar kernel. */
enum brot_err choice_check(const struct choice *choice, struct brot_error *err);

/* Measures each and chooses: the fastest at squares in f64, where one that comes later in the table
 * of kernels must be faster by a twentieth, so that chance seldom decides. Takes some 3 ms. */
void choice_measure(struct choice *choice, selftest_clock *clock_us);

/* What was measured in f64 of the kernel that was chosen. */
uint64_t choice_speed(const struct choice *choice);

#endif
