/*
 * knots.h - curves as tables over octaves: their values at 2^e (1 + k / 64), straight between.
 *
 * An octave has 64 parts, so that a curve that bends with the logarithm of x is met to a millionth.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_KNOTS_H
#define WORKER_COLOUR_KNOTS_H

#include <stdint.h>
#include <string.h>

#define KNOTS_PARTS 64 /* of an octave */

/* The curve at x in [2^first, 2^(first + octaves)), where knots[i] is its value at 2^(first + i /
 * 64) (1 + i % 64 / 64), integer division, for i = 0 ... 64 octaves. The top six bits of x's
 * significand choose a part, the other 46 lie between two knots. */
static inline double knots_at(const double *knots, int first, double x)
{
	const uint64_t rest_mask = (1ull << 46) - 1;
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	const uint64_t i = (bits >> 46) - ((uint64_t)(1023 + first) << 6);
	const double rest = (double)(int64_t)(bits & rest_mask) * 0x1p-46;
	const double *at = &knots[i];
	return at[0] + rest * (at[1] - at[0]);
}

/* The x of knot i. */
static inline double knots_x(uint32_t i, int first)
{
	const uint64_t bits = ((uint64_t)(1023 + first) << 52) + ((uint64_t)i << 46);
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

#endif
