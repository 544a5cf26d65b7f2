/*
 * swatch.h - a picture of palettes: a strip each, from the first colour to the last, by the way
 * that all numbers are coloured.
 *
 * One thread owns a swatch.
 */
#ifndef CLIENT_SWATCH_H
#define CLIENT_SWATCH_H

#include <stddef.h>

#include "client/picture.h"
#include "proto/error.h"

#define SWATCH_WIDTH_PX 1024
#define SWATCH_STRIP_PX 24 /* high */
#define SWATCH_GAP_PX   4  /* white, between two */

struct swatch; /* opaque */

/* A strip for each of `count` palettes, at least 1, in their order: as --palette has them, NAME or
 * @FILE; or all of the table where count is 0. Fails as compose_over() does. */
enum brot_err swatch_new(const char *const *palettes, size_t count, struct swatch **ret_swatch,
			 struct brot_error *err);

/* The picture, rgb8; borrowed until swatch_free(). */
void swatch_picture(struct swatch *swatch, struct picture *ret_picture);

void swatch_free(struct swatch *swatch); /* accepts NULL */

#endif
