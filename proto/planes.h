/*
 * planes.h - the planes of an image's numbers by their types: the one table from types to the
 * members of struct brot_numbers.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_PLANES_H
#define PROTO_PLANES_H

#include <brot/colour.h>

#include "proto/buddha.h"
#include "proto/format.h"

/* The plane of a type; NULL where it is not there, and for rgb8 and rgb16. */
const void *planes_get(const struct brot_numbers *numbers, enum plane_type type);

/* Sets it, borrowed; of a type that is a picture nothing. */
void planes_set(struct brot_numbers *numbers, enum plane_type type, const void *plane);

/* The same of a channel of a Buddhabrot's counts, below BUDDHA_CHANNELS; others have 0 alone. */
const void *planes_get_channel(const struct brot_numbers *numbers, enum plane_type type,
			       uint32_t channel);
void planes_set_channel(struct brot_numbers *numbers, enum plane_type type, uint32_t channel,
			const void *plane);

/* Which are there, bit 1u << PLANE_... each. */
unsigned planes_present(const struct brot_numbers *numbers);

#endif
