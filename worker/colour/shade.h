/*
 * shade.h - decides the colours of pixels by the numbers of their samples.
 *
 * What a mode means is said in proto/colour.h. The cube in its curve leaves the plain outside of
 * the whole set calm, and still has contrast where counts go from 5000 to 6000.
 *
 * A sample's numbers give its *place* in the tables of colours, in steps of 1/65536 of an entry.
 * One sample of eight bits, not dithered, has its entry's colour; sixteen bits and dithering take
 * the colour between the entry and the next. The samples of a pixel are averaged in linear light,
 * in integers. No function of the C library whose last bit may differ is used, so the bytes are the
 * same everywhere; and whatever the numbers are, a place lies in the tables: they may come from a
 * file.
 *
 * Pure and thread-safe; a struct shade is constant once made.
 */
#ifndef WORKER_COLOUR_SHADE_H
#define WORKER_COLOUR_SHADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/colour.h"
#include "proto/error.h"
#include "worker/colour/knots.h"
#include "worker/colour/linear.h"
#include "worker/kernel/kernel.h"

#define SHADE_SCALE   0.0032
#define SHADE_ENTRIES 4096 /* of one run through the palette; one more for what comes after it */
#define SHADE_OCTAVES 32   /* of counts: [1, 2^32) */
#define SHADE_KNOTS   ((uint32_t)SHADE_OCTAVES * KNOTS_PARTS)

#define SHADE_COUNT_MOST 0x1.fffffffffffffp31

/* Where the parts of the tables begin. */
#define SHADE_INTERIOR (SHADE_ENTRIES + 1)  /* `interior`, and once more as what comes after */
#define SHADE_MIX      (SHADE_INTERIOR + 2) /* from `interior` to the palette's colour at 0.5 */
#define SHADE_MIXED    256                  /* steps of that mixture; its end stands twice too */
#define SHADE_DARK     (SHADE_MIX + SHADE_MIXED + 2) /* the palette again, darker by a quarter */
#define SHADE_TOTAL    (SHADE_DARK + SHADE_ENTRIES + 1)

/* Places */
#define SHADE_STEPS 65536 /* of an entry */
#define SHADE_TURN  ((uint64_t)SHADE_ENTRIES * SHADE_STEPS)

/* Runs a count, the most that `density` and `period` can make: more cannot be told from noise. */
#define SHADE_RUNS_MOST 0x1p30

struct survey;

/* A request's colours made ready; 150 KiB. Borrows nothing. */
struct shade {
	uint8_t table[SHADE_TOTAL][4];    /* sRGB, and 0 */
	uint16_t table16[SHADE_TOTAL][4]; /* the same, 257 times as fine */
	uint32_t linear[LINEAR_KNOTS];    /* see linear_fine() */
	struct knot curve[SHADE_KNOTS];   /* the places of counts, not wrapped yet */
	double offset;                    /* runs, [0, 1) */
	double density;                   /* runs a unit of curve(v) */
	double span;         /* runs from the palette's first to its last colour, times density */
	double runs_a_count; /* where `period` is not 0; else 0 */
	enum colour_mode mode;
	enum colour_inside inside;
	bool is_dithered;
	bool has_avx2; /* may be cleared: the bytes are the same */
};

/* Always BROT_OK: the request is checked. *ret_shade is large: not for a stack. */
enum brot_err shade_make(const struct colour *colour, struct shade *ret_shade,
			 struct brot_error *err);

/* The numbers of samples, row by row; what colour_planes() does not ask for may be NULL. */
struct shade_numbers {
	const uint32_t *iterations;
	const uint32_t *whole;
	const float *fraction;
	const float *distance; /* two a sample */
	const float *phase;
	const uint32_t *period;
	const float *interior;
};

/* The numbers from sample `first` on. */
static inline struct shade_numbers shade_numbers_from(const struct shade_numbers *numbers,
						      size_t first)
{
	struct shade_numbers n = *numbers;
	n.iterations = n.iterations == NULL ? NULL : n.iterations + first;
	n.whole = n.whole == NULL ? NULL : n.whole + first;
	n.fraction = n.fraction == NULL ? NULL : n.fraction + first;
	n.distance = n.distance == NULL ? NULL : n.distance + 2 * first;
	n.phase = n.phase == NULL ? NULL : n.phase + first;
	n.period = n.period == NULL ? NULL : n.period + first;
	n.interior = n.interior == NULL ? NULL : n.interior + first;
	return n;
}

/* A rectangle of pixels of the picture and their numbers. */
struct shade_area {
	struct shade_numbers numbers; /* from the rectangle's first sample on */
	size_t stride;                /* samples from one row of samples to the next */
	uint32_t samples;             /* of a pixel, per axis; 1..LIMIT_SAMPLES */
	uint32_t x, y, w, h;          /* pixels */
	/* Whether distance and interior are in samples instead of pixels, as they are where each
	 * sample was a pixel of an image of numbers. */
	bool is_by_sample;
	/* What the whole image says, for modes that need it (then all of its numbers lie round
	 * this rectangle's); else NULL. */
	const struct survey *survey;
};

/* Colours a rectangle: 3 values a pixel, rows stride_bytes apart. Each byte is stored once. */
void shade_rgb8(const struct shade *shade, const struct shade_area *area, uint8_t *rgb,
		size_t stride_bytes);
void shade_rgb16(const struct shade *shade, const struct shade_area *area, uint16_t *rgb,
		 size_t stride_bytes);

/* Any number as a count that the tables know, in [1, 2^32). */
static inline double shade_count(double count)
{
	/* In this order, and so, NaN becomes 1. */
	count = count > 1.0 ? count : 1.0;
	return count < SHADE_COUNT_MOST ? count : SHADE_COUNT_MOST;
}

/* The place after that many runs, in [0, 2^30 2^32]. */
static inline uint32_t shade_place_of_runs(double runs)
{
	return (uint32_t)((runs - (double)(int64_t)runs) * (double)SHADE_TURN);
}

/* The place of a count where `period` is 0. */
static inline uint32_t shade_place_on_curve(const struct shade *shade, double count)
{
	uint64_t i = knot_below(count, 0);
	if (i >= SHADE_KNOTS) {
		count = shade_count(count);
		i = knot_below(count, 0);
	}
	return (uint32_t)(int64_t)knot_value(&shade->curve[i], count) % SHADE_TURN;
}

/* The place of a count in modes smooth, banded and angle. */
static inline uint32_t shade_place(const struct shade *shade, double count)
{
	return shade->runs_a_count > 0.0
		       ? shade_place_of_runs(shade_count(count) * shade->runs_a_count +
					     shade->offset)
		       : shade_place_on_curve(shade, count);
}

/* The colour at a place, between its entry's and the next one's, sRGB of 16 bits. */
static inline void shade_fine(const struct shade *shade, uint32_t place, uint16_t ret_rgb[3])
{
	const uint16_t(*at)[4] = &shade->table16[place / SHADE_STEPS];
	const int32_t rest = (int32_t)(place % SHADE_STEPS / 2); /* of 2^15 */
	for (int c = 0; c < 3; c++) {
		/* Its magnitude is below 2^31 - 2^15; a shift rounds down. */
		const int32_t rise = ((int32_t)at[1][c] - (int32_t)at[0][c]) * rest;
		ret_rgb[c] = (uint16_t)(at[0][c] + ((rise + 16384) >> 15));
	}
}

/* The entry of a smooth count as planes `whole` and `fraction` have it. */
static inline uint32_t shade_smooth(const struct shade *shade, uint32_t whole, float fraction)
{
	return whole == KERNEL_WHOLE_INSIDE
		       ? SHADE_INTERIOR
		       : shade_place(shade, (double)whole + (double)fraction) / SHADE_STEPS;
}

/* The entry of a count as plane `iterations` has it. A smooth count exceeds n by about 4, the steps
 * from 2 to 2^16: so the two modes have like colours. */
static inline uint32_t shade_banded(const struct shade *shade, uint32_t iterations)
{
	return iterations == 0 ? SHADE_INTERIOR
			       : shade_place(shade, (double)iterations + 4.0) / SHADE_STEPS;
}

#endif
