/*
 * textline.h - the lines of a text, and the numbers in them, whatever its bytes are.
 *
 * Pure and thread-safe.
 */
#ifndef CLIENT_TEXTLINE_H
#define CLIENT_TEXTLINE_H

#include <stdbool.h>
#include <stddef.h>

#define TEXTLINE_CHARS 511 /* a longer line is cut */

struct textlines {
	const char *at, *end;
	unsigned number;               /* of `line`, from 1 */
	char line[TEXTLINE_CHARS + 1]; /* without its end; a NUL in it has become a blank */
};

struct textlines textlines_of(const char *text, size_t bytes);

/* Reads the next line into `line`; false at the end. A line ends in LF, CR or both. */
bool textlines_next(struct textlines *lines);

/* Reads a finite number in the C locale's form at *text and moves behind it and the blanks that
 * follow; false where there is none. */
bool textline_number(const char **text, double *ret_number);

/* The same for a whole number least..most. */
bool textline_whole(const char **text, long least, long most, long *ret_number);

/* `text` without blanks at its begin. */
const char *textline_skip(const char *text);

#endif
