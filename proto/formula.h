/*
 * formula.h - the table of formulas: their names, parameters and symmetries.
 *
 * A new formula is a row here and a step in worker/kernel/steps.h. Pure and thread-safe.
 */
#ifndef PROTO_FORMULA_H
#define PROTO_FORMULA_H

#include <stdbool.h>
#include <stdint.h>

enum formula_id {
	FORMULA_MANDELBROT,   /* z^2 + c from z_0 = 0 */
	FORMULA_JULIA,        /* z^2 + c from z_0 = the sample's point; c is a parameter */
	FORMULA_MULTIBROT,    /* z^power + c; power is a parameter, 3..6 */
	FORMULA_BURNING_SHIP, /* (|re z| + i |im z|)^2 + c */
	FORMULA_TRICORN,      /* conj(z)^2 + c */
	FORMULA_COUNT
};

#define FORMULA_POWER_MIN 3
#define FORMULA_POWER_MAX 6

struct formula_info {
	const char *name;    /* in JSON and on the command line */
	const char *meaning; /* half a sentence for a person */
	bool has_c;          /* takes parameters.re and parameters.im, |c| <= 2 */
	bool has_power;      /* takes parameters.power */
	bool is_conjugate;   /* a point and its mirror image in the real axis have equal counts */
	const char *home_re, *home_im,
		*home_width; /* a view of the whole, in decimal.h's grammar */
};

const struct formula_info *formula_info(enum formula_id id);

/* Writes the id of a name; false, *ret_id untouched, where there is none. */
bool formula_by_name(const char *name, enum formula_id *ret_id);

#endif
