/*
 * shade.h - decides the colour of a count.
 *
 * A count v becomes a position, SHADE_SCALE log2(v)^3, and the position runs through the palette
 * again and again: round a cyclic palette, to and fro through another. The cube leaves the plain
 * outside of the whole set calm, and still has contrast where counts go from 5000 to 6000.
 * Nothing depends on other pixels, so tiles are coloured apart. No function of the C
 * library whose last bit may differ is used, so the bytes are the same everywhere.
 *
 * Pure and thread-safe; a struct shade is constant once made.
 */
#ifndef WORKER_COLOUR_SHADE_H
#define WORKER_COLOUR_SHADE_H

#include <stdint.h>

#include "proto/error.h"
#include "proto/request.h"

#define SHADE_SCALE   0.0032
#define SHADE_ENTRIES 4096 /* of one run through the palette */
#define SHADE_PARTS   64   /* of an octave of counts, between which positions are interpolated */

/* A palette compiled for a request's colours; 28 KiB. */
struct shade {
	uint8_t table[SHADE_ENTRIES][3]; /* sRGB */
	/* The position, in entries, of the count 2^(i / 64) (1 + i % 64 / 64), integer division. */
	double position[32 * SHADE_PARTS + 1];
	uint8_t interior[3];
};

/* BROT_E_REQUEST, *ret_shade untouched, where there is no palette of that name. */
enum brot_err shade_make(const struct colour *colour, struct shade *ret_shade,
			 struct brot_error *err);

/* The colour of a smooth count as planes `whole` and `fraction` have it. */
void shade_smooth(const struct shade *shade, uint32_t whole, float fraction, uint8_t ret_rgb[3]);

/* The colour of a count as plane `iterations` has it. */
void shade_banded(const struct shade *shade, uint32_t iterations, uint8_t ret_rgb[3]);

#endif
