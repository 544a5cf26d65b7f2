/*
 * planes.h - the planes of an image's numbers by their types: the one table from types to the
 * members of struct brot_numbers.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_PLANES_H
#define PROTO_PLANES_H

#include <brot/colour.h>

#include "proto/format.h"

/* The plane of a type; NULL where it is not there, and for rgb8 and rgb16. */
const void *planes_get(const struct brot_numbers *numbers, enum plane_type type);

/* Sets it, borrowed; of a type that is a picture nothing. */
void planes_set(struct brot_numbers *numbers, enum plane_type type, const void *plane);

/* Which are there, bit 1u << PLANE_... each. */
unsigned planes_present(const struct brot_numbers *numbers);

#endif
