/*
 * decimal.h - exact decimal numbers as text.
 *
 * Coordinates keep every digit that the user gave until the kernel chooses its precision, so they
 * travel as text; the little arithmetic that views need is exact. A result that would not fit the
 * limits is a failure, never rounded.
 *
 * The grammar is the same everywhere and in every locale:
 *     [+-] ( digits [. digits*] | . digits ) [ (e|E) [+-] digits ]
 * with at most LIMIT_DECIMAL_CHARS characters; the exponent, and the power of ten of the leading
 * digit, lie within +-LIMIT_DECIMAL_EXPONENT. No blanks, hexadecimal digits, inf or nan.
 *
 * Pure and thread-safe. Arguments are borrowed; a result may be the argument itself. Functions
 * that take a struct decimal_text need one that a function here made (asserted).
 */
#ifndef PROTO_DECIMAL_H
#define PROTO_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

/* A decimal number in canonical form: no leading plus, no superfluous zeros, no "-0", a digit on
 * both sides of a point, and d.ddde-n only where it is shorter than the plain digits. Equal
 * numbers have equal text. NUL-terminated. */
struct decimal_text {
	char text[LIMIT_DECIMAL_CHARS + 1];
};

enum decimal_status {
	DECIMAL_OK = 0,
	DECIMAL_SYNTAX,   /* not in the grammar */
	DECIMAL_LENGTH,   /* over LIMIT_DECIMAL_CHARS, as it stands or in canonical form */
	DECIMAL_EXPONENT, /* beyond LIMIT_DECIMAL_EXPONENT */
};

/* The rule that a failure broke, to stand after the name of a field: "must be a decimal number". */
const char *decimal_rule(enum decimal_status status);

/* Reads `chars` characters at text, which need not end with a NUL. *ret is untouched on failure. */
enum decimal_status decimal_parse(const char *text, size_t chars, struct decimal_text *ret);

/* The shortest decimal that reads back as the same double; false, *ret untouched, unless finite. */
bool decimal_from_double(double value, struct decimal_text *ret);

/* The same, of value * 10^power with so many digits (1..17) of a finite value. */
enum decimal_status decimal_from_scaled(double value, int digits, int64_t power,
					struct decimal_text *ret);

/* The nearest double, ties to even; HUGE_VAL with its sign where that overflows. */
double decimal_to_double(const struct decimal_text *a);

/* Exact arithmetic; DECIMAL_LENGTH or DECIMAL_EXPONENT, *ret untouched, where it does not fit. */
enum decimal_status decimal_add(const struct decimal_text *a, const struct decimal_text *b,
				struct decimal_text *ret);
enum decimal_status decimal_subtract(const struct decimal_text *a, const struct decimal_text *b,
				     struct decimal_text *ret);
enum decimal_status decimal_multiply(const struct decimal_text *a, int32_t factor,
				     struct decimal_text *ret);
enum decimal_status decimal_halve(const struct decimal_text *a, struct decimal_text *ret);

/* -1, 0 or 1. */
int decimal_sign(const struct decimal_text *a);
int decimal_compare(const struct decimal_text *a, const struct decimal_text *b);
/* Compares |a| with limit. */
int decimal_compare_magnitude(const struct decimal_text *a, uint32_t limit);

/* The power of ten of the leading digit: 0 for 1 and 9.9, -5 for 3e-5. 0 for zero. */
int32_t decimal_log10(const struct decimal_text *a);

/* The nearest double to |a| without that power: 1..10, or 0 for zero; for numbers that are beyond a
 * double. */
double decimal_digits(const struct decimal_text *a);

#endif
