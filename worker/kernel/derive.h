/*
 * derive.h - what more there is to know of samples whose escape counts are known: derivatives.
 *
 * The counts come from an escape kernel, which finds them fast. A sample that escapes is iterated
 * once more, by exactly the same steps and without a test, together with the Jacobian of z_n by the
 * point; for one inside, the cycle that attracts it is looked for. The planes are defined in
 * proto/format.h. What is computed here is f64 throughout and rounded to f32 once.
 *
 * Pure and thread-safe: state is kept on the caller's stack (below 128 KiB).
 */
#ifndef WORKER_KERNEL_DERIVE_H
#define WORKER_KERNEL_DERIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/kernel/kernel.h"

/* Which samples to derive from and where their numbers go. Everything is borrowed for the call.
 * Strides are elements from one row to the next. An output that is NULL is not wanted; whole and
 * fraction come together, and so do period and interior. Every element is stored once, with its
 * final value, in any order. */
struct derive_task {
	/* Rectangle, points and limit; its outputs, poll and shortcuts are not looked at. */
	const struct escape_task *escape;
	uint32_t samples; /* of a pixel, per axis: distances are in pixels */

	const uint32_t *iterations; /* as the f64 escape kernel has found them */
	size_t iterations_stride;

	uint32_t *whole; /* these two as the escape kernel has them */
	size_t whole_stride;
	float *fraction;
	size_t fraction_stride;
	float *distance;        /* x and y of the vector from the set, 0 inside or if not finite */
	size_t distance_stride; /* samples, of two floats */
	float *phase;           /* arg z_n / 2 pi in [0, 1), n that of the smooth count; 0 inside */
	size_t phase_stride;
	uint32_t *period; /* of the attracting cycle of an inside sample of a formula with one
			   * critical point that starts there; 0 where none is found, and outside */
	size_t period_stride;
	float *interior; /* estimate of the distance from the boundary; 0 where period is */
	size_t interior_stride;

	/* NULL: never asked; else about every 2^26 steps, with 0 iterations: they are the escape
	 * kernel's to count. */
	const struct escape_poll *poll;
};

#endif
