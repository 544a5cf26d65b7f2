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

/* The places of `count` samples from sample `first` on, for every mode but relief. `survey` is of
 * the whole image for histogram, else NULL. */
void place_samples(const struct shade *shade, const struct survey *survey,
		   const struct shade_numbers *numbers, size_t first, size_t count,
		   uint32_t *ret_places);

#endif
