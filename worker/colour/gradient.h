/*
 * gradient.h - the colours between the stops of a palette.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_GRADIENT_H
#define WORKER_COLOUR_GRADIENT_H

#include <stdint.h>

#include "proto/palette.h"

/* Fills in the colours of `count` evenly spaced positions, sRGB of 0..255: of a cyclic palette i /
 * count, of another i / (count - 1), so that its last stop is the last of them. */
void gradient_fill(const struct palette *palette, uint32_t count, double (*ret_rgb)[3]);

#endif
