/* location_par.c - Fractint's blocks NAME { key=value ... }. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/location.h"
#include "client/textline.h"
#include "proto/quote.h"

#define SCREEN     (4.0 / 3.0) /* what a magnification is of */
#define VALUES_MAX 16

/* Where a "/"-separated list of values lies. */
struct values {
	const char *at[VALUES_MAX];
	size_t chars[VALUES_MAX];
	unsigned count;
};

/* `params`, and its line. */
struct params {
	struct values values;
	unsigned line;
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

/* The number i of the list, or `without` where there is none. False for what is no number. */
static bool number(const struct values *values, unsigned i, double without, double *ret)
{
	*ret = without;
	return i >= values->count || values->chars[i] == 0 ||
	       location_number(values->at[i], values->chars[i], ret);
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
	double stretch, degrees, skew;
	if (code == BROT_OK &&
	    !(number(values, 3, 1.0, &stretch) && stretch > 0.0 &&
	      number(values, 4, 0.0, &degrees) && degrees > -360.0 && degrees < 360.0))
		code = location_refuse(location, line,
				       "center-mag must have an Xmagfactor over 0, and a rotation "
				       "over -360 and under 360",
				       err);
	if (code == BROT_OK && !(number(values, 5, 0.0, &skew) && skew == 0.0))
		code = location_refuse(location, line, "center-mag must have no skew", err);
	if (code != BROT_OK)
		return code;
	location->x_stretch = 1.0 / stretch;
	location->proportion = SCREEN;
	view->rotate_deg = degrees;
	return BROT_OK;
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
	/* A third corner, on the lower left, makes it turned or skewed unless it is where it was.
	 */
	for (unsigned i = 4; i < values->count; i++) {
		struct decimal_text third, corner;
		enum brot_err read = location_take_centre(location, line, values->at[i],
							  values->chars[i], &third, err);
		if (read == BROT_OK)
			read = location_take_centre(location, line, values->at[2 * (i - 4)],
						    values->chars[2 * (i - 4)], &corner, err);
		if (read != BROT_OK)
			return read;
		if (i > 5 || decimal_compare(&third, &corner) != 0)
			return location_refuse(location, line,
					       "corners must be without a third corner, or upright",
					       err);
	}
	enum brot_err code = take_edges(location, line, values, 0, &view->re, &width, err);
	if (code == BROT_OK)
		code = take_edges(location, line, values, 2, &view->im, &height, err);
	if (code != BROT_OK)
		return code;
	return location_take_extents(location, line, &width, &height, err);
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

/* What `type` has made of the formula decides what params are: c of a Julia set, else the place
 * where orbits begin, which is 0. */
static enum brot_err set_params(struct location *location, const struct params *params,
				struct brot_error *err)
{
	struct request *request = location->request;
	const struct values *values = &params->values;
	const unsigned line = params->line;
	const bool is_julia = request->formula == FORMULA_JULIA;
	enum brot_err code = BROT_OK;
	double rest;
	if (is_julia && params->line == 0) { /* its default */
		(void)decimal_parse("0.3", 3, &request->c_re);
		(void)decimal_parse("0.6", 3, &request->c_im);
		return BROT_OK;
	}
	if (is_julia && values->count < 2)
		return location_refuse(
			location, params->line,
			"params must be a real and an imaginary part with type julia", err);
	if (is_julia)
		code = location_take_centre(location, line, values->at[0], values->chars[0],
					    &request->c_re, err);
	if (is_julia && code == BROT_OK)
		code = location_take_centre(location, line, values->at[1], values->chars[1],
					    &request->c_im, err);
	for (unsigned i = is_julia ? 2 : 0; i < values->count && code == BROT_OK; i++)
		if (!number(values, i, 0.0, &rest) || rest != 0.0)
			code = location_refuse(location, line,
					       "params must be 0 but for c of a julia set: brot "
					       "cannot begin orbits elsewhere",
					       err);
	return code;
}

static bool is_zero(const struct values *values)
{
	double value = 0.0;
	for (unsigned i = 0; i < values->count; i++)
		if (!number(values, i, 0.0, &value) || value != 0.0)
			return false;
	return true;
}

static enum brot_err take(struct location *location, unsigned line, const char *word, size_t chars,
			  struct params *params, struct brot_error *err)
{
	/* How it renders, and sounds. */
	static const char *const harmless[] = {
		"reset",    "float",      "passes",     "video",         "periodicity",
		"sound",    "savename",   "overwrite",  "autokey",       "batch",
		"askvideo", "cyclerange", "cyclelimit", "mathtolerance", NULL};
	const char *equals = memchr(word, '=', chars);
	if (equals == NULL) {
		if (chars > 0)
			location_ignore(location, word, chars);
		return BROT_OK;
	}
	const size_t key = (size_t)(equals - word), rest = chars - key - 1;
	const struct values values = split(equals + 1, rest);
	if (location_is(word, key, "center-mag"))
		return take_center(location, line, &values, err);
	if (location_is(word, key, "corners"))
		return take_corners(location, line, &values, err);
	if (location_is(word, key, "maxiter"))
		return location_take_iterations(location, line, equals + 1, rest, err);
	if (location_is(word, key, "type"))
		return take_type(location, line, equals + 1, rest, err);
	if (location_is(word, key, "params")) {
		*params = (struct params){.values = values, .line = line};
	} else if (location_is(word, key, "invert") || location_is(word, key, "initorbit")) {
		if (!is_zero(&values))
			return location_refuse(location, line,
					       "invert and initorbit must be 0 for brot to draw it",
					       err);
	} else if (!location_is_one(word, key, harmless)) {
		location_ignore(location, word, key);
	}
	return BROT_OK;
}

/* The words of a block, its lines joined where they end in a backslash. */
static enum brot_err take_block(struct location *location, char *block, unsigned line,
				struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	struct params params = {.line = 0};
	for (char *at = block; code == BROT_OK && *at != '\0';) {
		const size_t chars = strcspn(at, " \n");
		code = take(location, line, at, chars, &params, err);
		at += chars;
		line += *at == '\n';
		at += *at != '\0';
	}
	return code == BROT_OK ? set_params(location, &params, err) : code;
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
