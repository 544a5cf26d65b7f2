/*
 * view.h - where to look, and the ways to say it in one word.
 *
 * A view is a centre, the extents of the image in the complex plane, and a rotation. Nothing here
 * passes a coordinate through a double.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_VIEW_H
#define PROTO_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/decimal.h"
#include "proto/error.h"

/* |re|, |im|, width and height are at most LIMIT_COORDINATE. */
struct view {
	struct decimal_text re, im; /* the centre */
	struct decimal_text width;  /* > 0 */
	struct decimal_text height; /* > 0; empty text where the pixels are square */
	double rotate_deg;          /* counter-clockwise, in (-360, 360) */
};

/* Reads a view from
 *     RE,IM,WIDTH             a centre and a width, pixels square
 *     XMIN:XMAX,YMIN:YMAX     the edges; sets width and height to exactly what is given, so that
 *                             pixels are square only if the image has the same proportions
 *     NAME                    a row of the table of presets
 * with any number of digits, and blanks allowed around a number. *ret_iterations is what the
 * preset asks for, 0 in the other forms and where it asks for nothing: then
 * request_default_iterations() knows.
 * Fails with BROT_E_REQUEST, or BROT_E_NOT_FOUND for an unknown name; outputs untouched. */
enum brot_err view_parse(const char *text, struct view *ret_view, uint32_t *ret_iterations,
			 struct brot_error *err);

/* Read one coordinate of the centre, or one extent, of `chars` characters and check its limits.
 * field names it in the sentence ("view.re"). BROT_E_REQUEST; *ret untouched on failure. */
enum brot_err view_read_centre(const char *field, const char *text, size_t chars,
			       struct decimal_text *ret, struct brot_error *err);
enum brot_err view_read_extent(const char *field, const char *text, size_t chars,
			       struct decimal_text *ret, struct brot_error *err);

/* Whether a picture of it that is symmetric about the real axis has each row as the mirror image of
 * another: the centre's im is exactly 0 and nothing is turned. */
bool view_is_mirrored(const struct view *view);

#endif
