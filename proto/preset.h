/*
 * preset.h - the table of places that have a name.
 *
 * All lie within reach of doubles (width over 1e-12) and suit any proportions of the image. A
 * further place is one row in preset.c.
 *
 * Pure and thread-safe. Rows are constant and live for ever.
 */
#ifndef PROTO_PRESET_H
#define PROTO_PRESET_H

#include <stddef.h>
#include <stdint.h>

struct view;

struct preset {
	const char *name;    /* lower case, without ',' and ':', which mark other views */
	const char *title;   /* what is to be seen there */
	const char *formula; /* with its parameters, as request_set_formula() takes it */
	const char *re, *im; /* the centre, in decimal.h's grammar */
	const char *width;   /* in the complex plane, likewise */
	double rotate_deg;   /* counter-clockwise, in (-360, 360) */
	uint32_t iterations; /* that show it well; 0: request_default_iterations() */
};

/* The row of that name, or NULL. */
const struct preset *preset_by_name(const char *name);

/* That row of the table; NULL past the end. Row 0 is the whole Mandelbrot set. */
const struct preset *preset_at(size_t index);

/* The view of a row, which is a view of the row's formula. */
void preset_view(const struct preset *preset, struct view *ret_view);

#endif
