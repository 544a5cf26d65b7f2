/*
 * relief.h - the picture of a lit surface, as matplotlib's LightSource.shade() makes it.
 *
 * The height of a sample is its smooth count times `height`, 0 inside; pixels lie one apart, and so
 * a surface is as steep with many samples a pixel as with one. Slopes are central differences,
 * one-sided at the image's edges (numpy.gradient). With n the unit normal and l the direction of
 * the light, the light of a sample is n . l, stretched so that the image's least becomes 0 and its
 * largest 1 (unless they are within 1e-6) and clipped to [0, 1]. That changes the palette's colour
 * at ((v - least) / (largest - least))^power by `blend`:
 *
 *     hsv      towards white or black: with i = 2 light - 1, saturation to (1 - i) s and value to
 *              (1 - i) v + i where i > 0; saturation to (1 + i) s - i (if it is not 0) and value to
 *              (1 + i) v else
 *     overlay  2 light c where c <= 0.5, else 1 - 2 (1 - light) (1 - c)
 *     soft     2 light c + (1 - 2 light) c^2
 *
 * Unlike there, a sample inside has its colour of the other modes, unlit, and does not count for
 * the least and largest v; its light does count. The palette's colours are not cut to 256 steps.
 * The norm is interpolated between the 64 parts of an octave, and below 2^-40 it is that of 2^-40;
 * at 0 it is 0.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_RELIEF_H
#define WORKER_COLOUR_RELIEF_H

#include <stddef.h>
#include <stdint.h>

#include "proto/colour.h"
#include "worker/colour/knots.h"
#include "worker/colour/shade.h"

#define RELIEF_OCTAVES 40
#define RELIEF_KNOTS   ((uint32_t)RELIEF_OCTAVES * KNOTS_PARTS)
#define RELIEF_PIECE   1024 /* samples in a call */

/* The least and the largest of what was seen; least > most: nothing yet. */
struct relief_range {
	double least, most;
};

/* A request's light, and what the image says of it. */
struct relief {
	double light[3]; /* the direction it comes from: east, north, up */
	double height;
	double samples; /* a pixel, per axis */
	enum colour_blend blend;
	struct relief_range counts, lights;
	struct knot norm[RELIEF_KNOTS]; /* of shares from 2^-40 to 1 */
};

/* Rows of samples, and the sample that a call is about. */
struct relief_at {
	const struct shade_numbers *numbers;
	ptrdiff_t sample;       /* of *numbers, whose rows above lie before it */
	ptrdiff_t stride;       /* samples from a row to the next */
	uint32_t x, y;          /* of the sample in the whole image */
	uint32_t width, height; /* of the whole image, samples */
};

/* Nothing seen yet; samples: of a pixel, per axis. */
void relief_init(const struct colour *colour, uint32_t samples, struct relief *ret_relief);

/* Widens a range by another; order does not matter. */
void relief_widen(struct relief_range *range, const struct relief_range *by);

/* The ranges of `count` samples of a row, at most RELIEF_PIECE. */
void relief_look(const struct relief *relief, const struct relief_at *at, size_t count,
		 struct relief_range *ret_counts, struct relief_range *ret_lights);

/* The colours, sRGB of 16 bits, of `count` samples of a row, at most RELIEF_PIECE, once the whole
 * image was looked at. `places` are theirs of place_samples(). */
void relief_colours(const struct relief *relief, const struct shade *shade,
		    const struct relief_at *at, const uint32_t *places, size_t count,
		    uint16_t (*ret_rgb)[3]);

#endif
