/*
 * colour_model.h - the modes of proto/colour.h once more, in slow floating point with the C
 * library's functions, as something to compare with; and numbers to colour.
 */
#ifndef TESTS_UNIT_COLOUR_MODEL_H
#define TESTS_UNIT_COLOUR_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "proto/colour.h"
#include "worker/colour/shade.h"

#define MODEL_ENTRIES 4096.0 /* a run has: a colour may be off by what two of them make */

/* The numbers of one sample. */
struct model_sample {
	uint32_t iterations, whole, period;
	float fraction, distance[2], phase, interior;
};

/* A colour, and how far from it another one may be. Both 0..255. */
struct model_rgb {
	double value[3], slack[3];
};

/* The palette of a colour at a position in runs, its rotation counted. */
struct model_rgb model_palette(const struct colour *colour, double position);

/* The colour of a sample in a mode that needs no image; share: of histogram, else 0. */
struct model_rgb model_sample(const struct colour *colour, const struct model_sample *sample,
			      double share);

/* A position for a value in [0, 1] that runs from the palette's first to its last colour. */
double model_once(const struct colour *colour, double value);

/* Reproducible numbers: 64 bits at random. */
uint64_t model_random(uint64_t *state);

/* Fills in `count` samples: counts from 2 to 2^31, a tenth of them inside, and what goes with that.
 */
void model_fill(uint64_t *state, size_t count, struct model_sample *ret_samples);

/* Planes for `count` samples; free with model_planes_free(). */
struct shade_numbers model_planes(const struct model_sample *samples, size_t count);
void model_planes_free(struct shade_numbers *planes);

/* A colour with everything set at random that the mode has. */
struct colour model_colour(uint64_t *state, enum colour_mode mode, enum colour_inside inside);

#endif
