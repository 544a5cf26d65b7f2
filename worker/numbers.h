/*
 * numbers.h - the numbers of a rectangle of samples, whatever planes are wanted of them.
 *
 * Pure and thread-safe. A call needs some 150 KiB of stack.
 */
#ifndef WORKER_NUMBERS_H
#define WORKER_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/format.h"
#include "worker/kernel/derive.h"
#include "worker/kernel/kernel.h"

/* Planes whose numbers come from escape kernels only with their derivatives. */
#define NUMBERS_OUTSIDE (1u << PLANE_DISTANCE | 1u << PLANE_PHASE)
#define NUMBERS_INSIDE  (1u << PLANE_PERIOD | 1u << PLANE_INTERIOR)
#define NUMBERS_DERIVED (NUMBERS_OUTSIDE | NUMBERS_INSIDE)

/* Where the planes of a rectangle's samples go, by type; NULL: not wanted. Strides are samples. */
struct numbers_planes {
	void *at[PLANE_TYPES];
	size_t stride[PLANE_TYPES];
};

/* What to compute them with. */
struct numbers_source {
	const struct point_frame *frame;
	uint32_t samples;               /* of a pixel, per axis */
	const struct escape_task *task; /* without a rectangle and outputs */
	escape_fn *escape;
	derive_fn *derive;
};

/* The planes that a rectangle has in memory for those wanted (bits 1u << PLANE_...): the counts as
 * well where something is derived from them, period and interior both where one is wanted. */
unsigned numbers_needed(unsigned planes);

/* Computes the samples of a rectangle of the source's grid; *planes has what numbers_needed() says.
 * Returns false where the poll said no. *ret_iterations as an escape_fn has it. */
bool numbers_compute(const struct numbers_source *source, uint32_t x, uint32_t y, uint32_t w,
		     uint32_t h, const struct numbers_planes *planes,
		     const struct escape_poll *poll, uint64_t *ret_iterations);

#endif
