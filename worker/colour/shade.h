/*
 * shade.h - decides the colours of pixels by the numbers of their samples.
 *
 * What a mode means is said in proto/colour.h. The cube in its curve leaves the plain outside of
 * the whole set calm, and still has contrast where counts go from 5000 to 6000.
 * Nothing depends on other pixels, so tiles are coloured apart. The samples of a pixel are averaged
 * in linear light, in integers. No function of the C library whose last bit may differ is used, so
 * the bytes are the same everywhere.
 *
 * Pure and thread-safe; a struct shade is constant once made.
 */
#ifndef WORKER_COLOUR_SHADE_H
#define WORKER_COLOUR_SHADE_H

#include <stdint.h>
#include <string.h>

#include "proto/error.h"
#include "proto/request.h"
#include "worker/kernel/kernel.h"

#define SHADE_SCALE    0.0032
#define SHADE_ENTRIES  4096          /* of one run through the palette */
#define SHADE_INTERIOR SHADE_ENTRIES /* the entry of what is inside */
#define SHADE_PARTS    64 /* of an octave of counts, between which positions are interpolated */

/* A palette compiled for a request's colours; 52 KiB. */
struct shade {
	uint8_t table[SHADE_ENTRIES + 1][3];   /* sRGB */
	uint16_t linear[SHADE_ENTRIES + 1][3]; /* the same in linear light */
	enum colour_mode mode;
	/* The position, in entries, of the count 2^(i / 64) (1 + i % 64 / 64), integer division. */
	double position[32 * SHADE_PARTS + 1];
};

/* BROT_E_REQUEST, *ret_shade untouched, where there is no palette of that name. */
enum brot_err shade_make(const struct colour *colour, struct shade *ret_shade,
			 struct brot_error *err);

/* The numbers of samples, row by row; what colour_planes() does not ask for is NULL. */
struct shade_numbers {
	const uint32_t *iterations;
	const uint32_t *whole;
	const float *fraction;
	const float *distance; /* two a sample */
	const float *phase;
	const uint32_t *period;
	const float *interior;
};

/* A rectangle of pixels of the picture and their numbers. */
struct shade_area {
	struct shade_numbers numbers; /* from the rectangle's first sample on */
	size_t stride;                /* samples from one row of samples to the next */
	uint32_t samples;             /* of a pixel, per axis */
	uint32_t x, y, w, h;          /* pixels */
};

/* Colours a rectangle: 3 values a pixel, rows stride_bytes apart. The mode is one that needs no
 * whole image. */
void shade_rgb8(const struct shade *shade, const struct shade_area *area, uint8_t *rgb,
		size_t stride_bytes);
void shade_rgb16(const struct shade *shade, const struct shade_area *area, uint16_t *rgb,
		 size_t stride_bytes);

/* The entry of a count in [1, 2^32). The top six bits of its significand choose the parts of the
 * table of positions, the other 46 lie between two. */
static inline uint32_t shade_entry(const struct shade *shade, double count)
{
	const uint64_t rest_mask = (1ull << 46) - 1, first = 1023ull << 6;
	uint64_t bits;
	memcpy(&bits, &count, sizeof bits);
	const uint64_t i = (bits >> 46) - first;
	const double rest = (double)(int64_t)(bits & rest_mask) * 0x1p-46;
	const double *at = &shade->position[i];
	return (uint32_t)(at[0] + rest * (at[1] - at[0])) % SHADE_ENTRIES;
}

/* The entry of a smooth count as planes `whole` and `fraction` have it. */
static inline uint32_t shade_smooth(const struct shade *shade, uint32_t whole, float fraction)
{
	return whole == KERNEL_WHOLE_INSIDE ? SHADE_INTERIOR
					    : shade_entry(shade, (double)whole + (double)fraction);
}

/* The entry of a count as plane `iterations` has it. A smooth count exceeds n by about 4, the steps
 * from 2 to 2^16: so the two modes have like colours. */
static inline uint32_t shade_banded(const struct shade *shade, uint32_t iterations)
{
	return iterations == 0 ? SHADE_INTERIOR : shade_entry(shade, (double)iterations + 4.0);
}

#endif
