/*
 * knots.h - curves as tables over octaves: straight between the points 2^e (1 + k / 64).
 *
 * An octave has 64 parts, so that a curve that bends with the logarithm of x is met to a
 * hundred-thousandth of its change over an octave.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_KNOTS_H
#define WORKER_COLOUR_KNOTS_H

#include <stdint.h>
#include <string.h>

#define KNOTS_PARTS 64 /* of an octave */

/* 16 bytes, so that none lies across two lines of a cache. */
struct knot {
	double value;
	double rise; /* up to the next knot */
};

/* The x of knot i, where knot 0 lies at 2^first. */
static inline double knot_x(uint32_t i, int first)
{
	const uint64_t bits = ((uint64_t)(1023 + first) << 52) + ((uint64_t)i << 46);
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/* The number of the knot at or next below x: the exponent and the top six bits of the significand.
 * Beyond all knots where x < 2^first, and for what is not a number. */
static inline uint64_t knot_below(double x, int first)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return (bits >> 46) - ((uint64_t)(1023 + first) << 6);
}

/* The curve at x, by the knot next below: the other 46 bits say how far x is on its way. */
static inline double knot_value(const struct knot *knot, double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	const double rest = (double)(int64_t)(bits & ((1ull << 46) - 1)) * 0x1p-46;
	return knot->value + rest * knot->rise;
}

#endif
