/*
 * linear.h - converts between sRGB and linear light, in integers.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_LINEAR_H
#define WORKER_COLOUR_LINEAR_H

#include <stdint.h>

/* Linear light, 0..65535, of an sRGB value. */
uint16_t linear_of_srgb(uint8_t srgb);

/* The sRGB value whose linear light is nearest; the brighter one of two. Inverts the above. */
uint8_t linear_to_srgb(uint32_t linear);

#endif
