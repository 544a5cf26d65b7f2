/* location_par.c - Fractint's blocks NAME { key=value ... }. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/location.h"
#include "client/textline.h"
#include "proto/quote.h"

#define SCREEN     (4.0 / 3.0) /* what a magnification is of */
#define VALUES_MAX 6

/* Where a "/"-separated list of values lies. */
struct values {
	const char *at[VALUES_MAX];
	size_t chars[VALUES_MAX];
	unsigned count;
};

static struct values split(const char *text, size_t chars)
{
	struct values values = {.count = 0};
	const char *end = text + chars;
	while (text <= end && values.count < VALUES_MAX) {
		const char *slash = memchr(text, '/', (size_t)(end - text));
		const char *stop = slash != NULL ? slash : end;
		values.at[values.count] = text;
		values.chars[values.count++] = (size_t)(stop - text);
		text = stop + 1;
		if (slash == NULL)
			break;
	}
	return values;
}

static double number(const struct values *values, unsigned i, double without)
{
	return i < values->count && values->chars[i] > 0 ? strtod(values->at[i], NULL) : without;
}

static enum brot_err take_center(struct location *location, unsigned line,
				 const struct values *values, struct brot_error *err)
{
	struct view *view = &location->request->view;
	if (values->count < 3)
		return location_refuse(location, line,
				       "center-mag must have a centre and a magnification", err);
	enum brot_err code = location_take_centre(location, line, values->at[0], values->chars[0],
						  &view->re, err);
	if (code == BROT_OK)
		code = location_take_centre(location, line, values->at[1], values->chars[1],
					    &view->im, err);
	if (code == BROT_OK)
		code = location_take_zoom(location, line, values->at[2], values->chars[2], 2.0,
					  err);
	const double stretch = number(values, 3, 1.0), degrees = number(values, 4, 0.0);
	if (code == BROT_OK && !(stretch > 0.0 && degrees > -360.0 && degrees < 360.0))
		code = location_refuse(location, line,
				       "center-mag must have an Xmagfactor over 0, and a rotation "
				       "over -360 and under 360",
				       err);
	location->x_stretch = 1.0 / stretch;
	location->proportion = SCREEN;
	view->rotate_deg = degrees;
	if (number(values, 5, 0.0) != 0.0)
		location_ignore(location, "skew");
	return code;
}

/* The middle of two edges, and their distance. */
static enum brot_err take_edges(struct location *location, unsigned line,
				const struct values *values, unsigned i,
				struct decimal_text *ret_middle, struct decimal_text *ret_extent,
				struct brot_error *err)
{
	struct decimal_text low, high, sum;
	enum brot_err code = location_take_centre(location, line, values->at[i], values->chars[i],
						  &low, err);
	if (code == BROT_OK)
		code = location_take_centre(location, line, values->at[i + 1], values->chars[i + 1],
					    &high, err);
	if (code != BROT_OK)
		return code;
	if (decimal_subtract(&high, &low, ret_extent) != DECIMAL_OK ||
	    decimal_add(&high, &low, &sum) != DECIMAL_OK ||
	    decimal_halve(&sum, ret_middle) != DECIMAL_OK || decimal_sign(ret_extent) <= 0)
		return location_refuse(location, line, "corners must rise from min to max", err);
	return BROT_OK;
}

static enum brot_err take_corners(struct location *location, unsigned line,
				  const struct values *values, struct brot_error *err)
{
	struct view *view = &location->request->view;
	struct decimal_text width, height;
	if (values->count < 4)
		return location_refuse(location, line, "corners must be xmin/xmax/ymin/ymax", err);
	if (values->count > 4)
		location_ignore(location, "the third corner");
	enum brot_err code = take_edges(location, line, values, 0, &view->re, &width, err);
	if (code == BROT_OK)
		code = take_edges(location, line, values, 2, &view->im, &height, err);
	if (code != BROT_OK)
		return code;
	/* Their power of ten is kept apart: they may be too small for a double. */
	const int32_t power = decimal_log10(&height);
	char text[32];
	(void)snprintf(text, sizeof text, "1e%d", (int)-power);
	location->height_power = power;
	location->height_digits = decimal_to_double(&height) * strtod(text, NULL);
	location->proportion = decimal_to_double(&width) / decimal_to_double(&height);
	return BROT_OK;
}

static enum brot_err take_type(struct location *location, unsigned line, const char *type,
			       size_t chars, struct brot_error *err)
{
	static const struct {
		const char *name;
		enum formula_id formula;
	} types[] = {{"mandel", FORMULA_MANDELBROT},
		     {"mandelfp", FORMULA_MANDELBROT},
		     {"julia", FORMULA_JULIA},
		     {"juliafp", FORMULA_JULIA},
		     {"burning-ship", FORMULA_BURNING_SHIP}};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strlen(types[i].name) == chars && strncmp(types[i].name, type, chars) == 0) {
			location->request->formula = types[i].formula;
			return BROT_OK;
		}
	char quoted[QUOTE_BYTES], reason[128];
	(void)snprintf(reason, sizeof reason, "type \"%s\" is not one of brot's formulas",
		       quote_text(type, chars, quoted, sizeof quoted));
	return location_refuse(location, line, reason, err);
}

static enum brot_err take_params(struct location *location, unsigned line,
				 const struct values *values, struct brot_error *err)
{
	struct request *request = location->request;
	if (values->count < 2)
		return location_refuse(location, line,
				       "params must be a real and an imaginary part", err);
	enum brot_err code = location_take_centre(location, line, values->at[0], values->chars[0],
						  &request->c_re, err);
	if (code == BROT_OK)
		code = location_take_centre(location, line, values->at[1], values->chars[1],
					    &request->c_im, err);
	return code;
}

static enum brot_err take(struct location *location, unsigned line, const char *word, size_t chars,
			  struct brot_error *err)
{
	static const char *const ignored[] = {"colors",   "inside", "outside",
					      "decomp",   "logmap", "potential",
					      "biomorph", "invert", "distest"};
	const char *equals = memchr(word, '=', chars);
	if (equals == NULL)
		return BROT_OK;
	const size_t key = (size_t)(equals - word);
	const struct values values = split(equals + 1, chars - key - 1);
	if (key == 10 && strncmp(word, "center-mag", key) == 0)
		return take_center(location, line, &values, err);
	if (key == 7 && strncmp(word, "corners", key) == 0)
		return take_corners(location, line, &values, err);
	if (key == 7 && strncmp(word, "maxiter", key) == 0)
		return location_take_iterations(location, line, equals + 1, err);
	if (key == 4 && strncmp(word, "type", key) == 0)
		return take_type(location, line, equals + 1, chars - key - 1, err);
	if (key == 6 && strncmp(word, "params", key) == 0)
		return take_params(location, line, &values, err);
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		if (strlen(ignored[i]) == key && strncmp(word, ignored[i], key) == 0)
			location_ignore(location, ignored[i]);
	return BROT_OK;
}

/* The words of a block, its lines joined where they end in a backslash. */
static enum brot_err take_block(struct location *location, char *block, unsigned line,
				struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	for (char *at = block; code == BROT_OK && *at != '\0';) {
		const size_t chars = strcspn(at, " \n");
		code = take(location, line, at, chars, err);
		at += chars;
		line += *at == '\n';
		at += *at != '\0';
	}
	return code;
}

/* Copies a block's text without comments and continuations. Line numbers are then those of its
 * begin and of each word's first line. */
static void clean(const char *from, const char *end, char *to)
{
	bool is_comment = false;
	for (; from < end; from++) {
		const char *next = from + 1;
		if (*from == '\\' && next < end && (*next == '\n' || *next == '\r')) {
			from = next + (*next == '\r' && next + 1 < end && next[1] == '\n');
			while (from + 1 < end && from[1] == ' ')
				from++;
			continue;
		}
		is_comment = *from == '\n' ? false : is_comment || *from == ';';
		if (!is_comment)
			*to++ = *from == '\n' ? '\n' : (unsigned char)*from <= ' ' ? ' ' : *from;
	}
	*to = '\0';
}

/* The brace that ends a block, which none in a comment does; or NULL. */
static const char *block_end(const char *at, const char *end)
{
	bool is_comment = false;
	for (; at < end; at++) {
		if (*at == '}' && !is_comment)
			return at;
		is_comment = *at == '\n' ? false : is_comment || *at == ';';
	}
	return NULL;
}

static bool is_wanted(const char *line, const char *brace, const char *entry)
{
	while (line < brace && (unsigned char)*line <= ' ')
		line++;
	while (brace > line && (unsigned char)brace[-1] <= ' ')
		brace--;
	const size_t chars = (size_t)(brace - line);
	return chars > 0 && *line != ';' &&
	       (entry == NULL || (strlen(entry) == chars && strncmp(entry, line, chars) == 0));
}

enum brot_err location_parse_par(struct location *location, struct brot_error *err)
{
	struct textlines lines = textlines_of(location->text, location->bytes);
	char quoted[QUOTE_BYTES];
	for (const char *at = lines.at; textlines_next(&lines); at = lines.at) {
		const char *brace = memchr(at, '{', (size_t)(lines.at - at));
		if (brace == NULL || !is_wanted(at, brace, location->entry))
			continue;
		const unsigned line = lines.number;
		const char *end = block_end(brace, lines.end);
		if (end == NULL)
			return location_refuse(location, line, "this block does not end", err);
		char *block = malloc((size_t)(end - brace));
		if (block == NULL)
			return error_set(err, BROT_E_SYSTEM, "no memory to read a place");
		clean(brace + 1, end, block);
		enum brot_err code = take_block(location, block, line, err);
		free(block);
		return code;
	}
	if (location->entry == NULL)
		return location_refuse(location, lines.number, "it has no block NAME { ... }", err);
	return error_set(
		err, BROT_E_NOT_FOUND, "--view: %.100s has no place \"%s\"", location->path,
		quote_text(location->entry, strlen(location->entry), quoted, sizeof quoted));
}
