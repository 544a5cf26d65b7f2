/*
 * location.h - places that other programs have written, as a request has them.
 *
 * A parser is handed the whole text, and is pure. It takes centre, extent, rotation, limit and
 * formula from wherever they stand, refuses what makes another picture of them that brot cannot
 * draw, and names in `ignored` whatever else there is that is not known to change nothing. How high
 * a view is follows each program's own convention:
 *
 *     .kfr    Kalles Fraktaler   4 / Zoom
 *     .toml   Fraktaler-3        4 / zoom
 *     .par    Fractint           2 / magnification, or corners
 *     .xpf    XaoS               both extents: all of them is seen
 *
 * and its width from the proportions of the picture. Where a program's imaginary axis points down
 * (.kfr without ImagPointsUp, .toml with transform.reflect), the place is that of the conjugate,
 * which looks the same; a burning ship has none.
 */
#ifndef CLIENT_LOCATION_H
#define CLIENT_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"
#include "proto/options.h"
#include "proto/request.h"

#define LOCATION_IGNORED_BYTES 512

/* What a parser gets, and what it has found. */
struct location {
	const char *path;  /* for sentences; borrowed */
	const char *text;  /* ends in a NUL; borrowed */
	size_t bytes;      /* without that */
	const char *entry; /* the place that is wanted; NULL: the first. Borrowed */

	struct request *request; /* re, im, formula, rotation are set in it; borrowed */
	double height_digits;    /* the view's height is height_digits x 10^height_power */
	long height_power;
	double proportion;   /* width : height that must be seen at least; 0: any */
	double x_stretch;    /* a pixel's width : its height in the plane, 1 in a square one */
	bool points_down;    /* the imaginary axis does */
	uint32_t iterations; /* 0: not said */
	char ignored[LOCATION_IGNORED_BYTES]; /* names, separated by commas; "..." for what did not
						 fit */
};

/* Whether the name ends in a suffix that is one of these, ":NAME" behind .par's included. */
bool location_is_file(const char *file);

/* Reads the place in a file into a request, for a picture of `size`, or of the request's where that
 * is 0 x 0. ignored gets the names of what does not apply, "" if none. BROT_E_NO_INPUT where it
 * cannot be read, BROT_E_REQUEST with file, line and reason for what is wrong in it,
 * BROT_E_NOT_FOUND for a NAME that is not there. *request is untouched on failure. */
enum brot_err location_read(const char *file, const struct option_size *size,
			    struct request *request, char ignored[LOCATION_IGNORED_BYTES],
			    struct brot_error *err);

/* For a text that is there already: the parser that the suffix of location->path asks for, then the
 * view. */
typedef enum brot_err location_parse_fn(struct location *location, struct brot_error *err);
enum brot_err location_parse_kfr(struct location *location, struct brot_error *err);
enum brot_err location_parse_toml(struct location *location, struct brot_error *err);
enum brot_err location_parse_par(struct location *location, struct brot_error *err);
enum brot_err location_parse_xpf(struct location *location, struct brot_error *err);
enum brot_err location_finish(struct location *location, const struct option_size *size,
			      struct brot_error *err);

/* For parsers. */

/* "FILE:LINE: reason", BROT_E_REQUEST; line 0: what is wrong with the file as a whole. */
enum brot_err location_refuse(const struct location *location, unsigned line, const char *reason,
			      struct brot_error *err);

/* A number in the C locale's form, or a whole one least..most: all of the `chars` characters at
 * text but for blanks around. False for others. */
bool location_number(const char *text, size_t chars, double *ret_number);
bool location_whole(const char *text, size_t chars, long least, long most, long *ret_number);

/* Each with a line that is named where the text is wrong: a coordinate of any number of digits, a
 * magnification whose inverse, times `scale`, is the height, the height and the proportions of
 * extents, an iteration limit, and the rotation that is called `name`. */
enum brot_err location_take_centre(struct location *location, unsigned line, const char *text,
				   size_t chars, struct decimal_text *ret, struct brot_error *err);
enum brot_err location_take_zoom(struct location *location, unsigned line, const char *text,
				 size_t chars, double scale, struct brot_error *err);
enum brot_err location_take_extents(struct location *location, unsigned line,
				    const struct decimal_text *width,
				    const struct decimal_text *height, struct brot_error *err);
enum brot_err location_take_iterations(struct location *location, unsigned line, const char *text,
				       size_t chars, struct brot_error *err);
enum brot_err location_take_angle(struct location *location, unsigned line, const char *name,
				  const char *text, size_t chars, struct brot_error *err);

/* Adds a name, once. It is the file's: whatever is not printable becomes '?'. */
void location_ignore(struct location *location, const char *name, size_t chars);

/* Whether `chars` characters at text are the word, and whether they are one of a list that ends in
 * NULL. */
bool location_is(const char *text, size_t chars, const char *word);
bool location_is_one(const char *text, size_t chars, const char *const *words);

#endif
