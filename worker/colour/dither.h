/*
 * dither.h - sixteen bits as eight, by a pattern that hides the steps.
 *
 * The pattern is M. Roberts's R2 sequence, x / g + y / g^2 modulo 1 with g^3 = g + 1, as
 * thresholds: pixels that lie near each other have thresholds that lie far apart, without the
 * crosses of an ordered matrix and without a table. It depends on the pixel's place in the picture
 * alone, and is the same for the three channels, so that greys stay grey.
 *
 * A value is rounded up where its threshold says so, on average as often as it should be: the mean
 * error is zero. Values that have 8 bits stay as they are.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_DITHER_H
#define WORKER_COLOUR_DITHER_H

#include <stdint.h>

#define DITHER_NEAREST 32767 /* the threshold that rounds to the nearest */

/* The threshold of pixel (x, y), 0..65534. */
static inline uint32_t dither_threshold(uint32_t x, uint32_t y)
{
	/* 2^32 / g and 2^32 / g^2. */
	const uint32_t turned = x * 3242174889u + y * 2447445414u;
	return (uint32_t)(((uint64_t)turned * 65535) >> 32);
}

/* Sixteen bits as eight by a threshold 0..65534. */
static inline uint8_t dither_to_8(uint32_t value, uint32_t threshold)
{
	/* x / 65535 by shifts, which is right below 65535 65536. */
	const uint32_t x = value * 255 + threshold;
	return (uint8_t)((x + (x >> 16) + 1) >> 16);
}

#endif
