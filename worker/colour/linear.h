/*
 * linear.h - converts between sRGB and linear light, in integers.
 *
 * Eight bits of sRGB have 16 bits of light, sixteen have 31: so much that converting back gives
 * what one began with. Between its knots, every 16th value, the curve of the fine scale is
 * straight, which is off by less than a tenth of a value.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_LINEAR_H
#define WORKER_COLOUR_LINEAR_H

#include <stdint.h>

#define LINEAR_KNOTS 4097
#define LINEAR_FULL  (1u << 31) /* the light of 65535 on the fine scale, but for the last bits */

extern const uint16_t linear_table[256];

/* Linear light, 0..65535, of an sRGB value. */
static inline uint16_t linear_of_srgb(uint8_t srgb)
{
	return linear_table[srgb];
}

/* The sRGB value whose linear light is nearest; the brighter one of two. Inverts the above. */
uint8_t linear_to_srgb(uint32_t linear);

/* Fills in the fine scale's light of 0, 16, 32 ... 65536. */
void linear_knots(uint32_t ret_knots[LINEAR_KNOTS]);

/* Linear light on the fine scale of a value 0..65535 of sRGB. Rises strictly. */
static inline uint32_t linear_fine(const uint32_t knots[LINEAR_KNOTS], uint32_t srgb)
{
	const uint32_t *at = &knots[srgb / 16];
	return at[0] + (uint32_t)((uint64_t)(at[1] - at[0]) * (srgb % 16) / 16);
}

/* The value whose light is nearest to one between those of 0 and 65535. Inverts the above. */
uint32_t linear_fine_to_srgb(const uint32_t knots[LINEAR_KNOTS], uint32_t linear);

#endif
