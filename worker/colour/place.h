/*
 * place.h - finds where in the tables of colours samples lie, by their numbers.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_COLOUR_PLACE_H
#define WORKER_COLOUR_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "worker/colour/shade.h"

#define PLACE_INTERIOR ((uint32_t)SHADE_INTERIOR * SHADE_STEPS)

/* Whether place_smooth_avx2() is there and this CPU can run it. */
bool place_has_avx2(void);

/* The places in mode smooth, `period` being 0, of the first samples, in fours; returns how many.
 * For the CPUs that have it. */
size_t place_smooth_avx2(const struct shade *shade, const uint32_t *whole, const float *fraction,
			 size_t count, uint32_t *ret_places);

/* The places of `count` of the area's samples from sample `first` of its numbers on. In mode relief
 * those inside alone have one: the colours of the others are relief_colours()'s. */
void place_samples(const struct shade *shade, const struct shade_area *area, size_t first,
		   size_t count, uint32_t *ret_places);

#endif
