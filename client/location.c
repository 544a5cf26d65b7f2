/* location.c - which parser reads which file, and the view that follows. */
#include "client/location.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/textfile.h"
#include "client/textline.h"
#include "proto/quote.h"

#define FILE_BYTES   (1 << 20)
#define PATH_CHARS   4095
#define NUMBER_CHARS 63

static const struct {
	const char *suffix;
	location_parse_fn *parse;
	bool has_entries;
} kinds[] = {
	{"kfr", location_parse_kfr, false},
	{"toml", location_parse_toml, false},
	{"par", location_parse_par, true},
	{"xpf", location_parse_xpf, false},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static size_t kind_of(const char *file, size_t *ret_path_chars)
{
	size_t i = 0;
	while (i < KINDS &&
	       !textfile_is(file, kinds[i].suffix, kinds[i].has_entries, ret_path_chars))
		i++;
	return i;
}

bool location_is_file(const char *file)
{
	size_t path_chars;
	return kind_of(file, &path_chars) < KINDS;
}

enum brot_err location_refuse(const struct location *location, unsigned line, const char *reason,
			      struct brot_error *err)
{
	if (line == 0)
		return error_set(err, BROT_E_REQUEST, "--view: %.80s: %.160s", location->path,
				 reason);
	return error_set(err, BROT_E_REQUEST, "--view: %.80s:%u: %.160s", location->path, line,
			 reason);
}

bool location_is(const char *text, size_t chars, const char *word)
{
	return strlen(word) == chars && strncmp(text, word, chars) == 0;
}

bool location_is_one(const char *text, size_t chars, const char *const *words)
{
	while (*words != NULL && !location_is(text, chars, *words))
		words++;
	return *words != NULL;
}

/* Ends it with a NUL. What is too long is no number. */
static bool copy_number(const char *text, size_t chars, char word[NUMBER_CHARS + 1])
{
	if (chars > NUMBER_CHARS || memchr(text, '\0', chars) != NULL)
		return false;
	memcpy(word, text, chars);
	word[chars] = '\0';
	return true;
}

bool location_number(const char *text, size_t chars, double *ret_number)
{
	char word[NUMBER_CHARS + 1];
	const char *at = word;
	double number;
	if (!copy_number(text, chars, word) || !textline_number(&at, &number) || *at != '\0')
		return false;
	*ret_number = number;
	return true;
}

bool location_whole(const char *text, size_t chars, long least, long most, long *ret_number)
{
	char word[NUMBER_CHARS + 1];
	const char *at = word;
	long number;
	if (!copy_number(text, chars, word) || !textline_whole(&at, least, most, &number) ||
	    *at != '\0')
		return false;
	*ret_number = number;
	return true;
}

enum brot_err location_take_centre(struct location *location, unsigned line, const char *text,
				   size_t chars, struct decimal_text *ret, struct brot_error *err)
{
	struct brot_error why;
	if (view_read_centre("the centre", text, chars, ret, &why) == BROT_OK)
		return BROT_OK;
	return location_refuse(location, line, why.text, err);
}

/* A magnification may be beyond a double's range: its digits and its power of ten apart. */
enum brot_err location_take_zoom(struct location *location, unsigned line, const char *text,
				 size_t chars, double scale, struct brot_error *err)
{
	struct decimal_text zoom;
	if (decimal_parse(text, chars, &zoom) != DECIMAL_OK || decimal_sign(&zoom) <= 0)
		return location_refuse(location, line, "the zoom must be a decimal number over 0",
				       err);
	location->height_digits = scale / decimal_digits(&zoom);
	location->height_power = -(long)decimal_log10(&zoom);
	return BROT_OK;
}

enum brot_err location_take_extents(struct location *location, unsigned line,
				    const struct decimal_text *width,
				    const struct decimal_text *height, struct brot_error *err)
{
	if (decimal_sign(width) <= 0 || decimal_sign(height) <= 0)
		return location_refuse(location, line, "extents must be over 0", err);
	location->height_digits = decimal_digits(height);
	location->height_power = decimal_log10(height);
	char power[32];
	(void)snprintf(power, sizeof power, "1e%ld",
		       (long)decimal_log10(width) - location->height_power);
	location->proportion = decimal_digits(width) / location->height_digits *
			       strtod(power, NULL);
	return BROT_OK;
}

enum brot_err location_take_iterations(struct location *location, unsigned line, const char *text,
				       size_t chars, struct brot_error *err)
{
	long number;
	if (!location_whole(text, chars, 1, LONG_MAX, &number))
		return location_refuse(location, line, "the limit must be a whole number over 0",
				       err);
	location->iterations = number < LIMIT_ITERATIONS ? (uint32_t)number : LIMIT_ITERATIONS;
	return BROT_OK;
}

enum brot_err location_take_angle(struct location *location, unsigned line, const char *name,
				  const char *text, size_t chars, struct brot_error *err)
{
	double degrees;
	char reason[96];
	if (location_number(text, chars, &degrees) && degrees > -360.0 && degrees < 360.0) {
		location->request->view.rotate_deg = degrees;
		return BROT_OK;
	}
	(void)snprintf(reason, sizeof reason, "%s must be over -360 and under 360", name);
	return location_refuse(location, line, reason, err);
}

/* Whether the list has the name already. */
static bool is_listed(const char *list, const char *name)
{
	const size_t chars = strlen(name);
	for (const char *at = list; *at != '\0';) {
		const size_t item = strcspn(at, ",");
		if (item == chars && strncmp(at, name, chars) == 0)
			return true;
		at += item;
		at += strspn(at, ", ");
	}
	return false;
}

void location_ignore(struct location *location, const char *name, size_t chars)
{
	char quoted[QUOTE_BYTES];
	char *list = location->ignored;
	const size_t used = strlen(list), most = sizeof location->ignored;
	(void)quote_text(name, chars, quoted, sizeof quoted);
	if (is_listed(list, quoted) || is_listed(list, "..."))
		return;
	const bool fits = used + 2 + strlen(quoted) + strlen(", ...") < most;
	(void)snprintf(list + used, most - used, "%s%s", used > 0 ? ", " : "",
		       fits ? quoted : "...");
}

/* A place whose imaginary axis points down looks like that of the conjugate: the set is the same.
 */
static enum brot_err mirror(struct location *location, struct brot_error *err)
{
	struct request *request = location->request;
	struct view *view = &request->view;
	if (request->formula == FORMULA_BURNING_SHIP)
		return location_refuse(
			location, 0,
			"its imaginary axis points down, which brot cannot draw of a "
			"burning ship",
			err);
	if (decimal_multiply(&view->im, -1, &view->im) != DECIMAL_OK ||
	    decimal_multiply(&request->c_im, -1, &request->c_im) != DECIMAL_OK)
		return location_refuse(location, 0, "its centre has too many digits", err);
	view->rotate_deg = 0.0 - view->rotate_deg;
	return BROT_OK;
}

static enum brot_err set_extent(const struct location *location, double factor,
				struct decimal_text *ret, struct brot_error *err)
{
	struct decimal_text text;
	struct brot_error why;
	const double value = location->height_digits * factor;
	if (!(value == 0.0 || (value >= 1e-4 && value < 1e15)) ||
	    decimal_from_scaled(value, 15, location->height_power, &text) != DECIMAL_OK)
		return location_refuse(location, 0, "its extent makes no sense", err);
	if (view_read_extent("the view", text.text, strlen(text.text), ret, &why) != BROT_OK)
		return location_refuse(location, 0, why.text, err);
	return BROT_OK;
}

enum brot_err location_finish(struct location *location, const struct option_size *size,
			      struct brot_error *err)
{
	struct request *request = location->request;
	const uint32_t width_px = size->width != 0 ? size->width : request->width_px;
	const uint32_t height_px = size->width != 0 ? size->height : request->height_px;
	const double picture = (double)width_px / height_px;
	if (request->view.re.text[0] == '\0' || request->view.im.text[0] == '\0' ||
	    !(location->height_digits > 0.0))
		return location_refuse(location, 0, "it says no centre, or no extent", err);
	/* A picture that is higher than the place shows all of the place's width. */
	double height = 1.0;
	if (location->proportion > picture)
		height = location->proportion / picture;
	enum brot_err code = set_extent(location, height * picture * location->x_stretch,
					&request->view.width, err);
	request->view.height.text[0] = '\0';
	if (code == BROT_OK && location->x_stretch != 1.0)
		code = set_extent(location, height, &request->view.height, err);
	if (code != BROT_OK)
		return code;
	request->iterations = location->iterations != 0
				      ? location->iterations
				      : request_default_iterations(&request->view);
	if (location->points_down)
		return mirror(location, err);
	return BROT_OK;
}

enum brot_err location_read(const char *file, const struct option_size *size,
			    struct request *request, char ignored[LOCATION_IGNORED_BYTES],
			    struct brot_error *err)
{
	char path[PATH_CHARS + 1];
	char *text = NULL;
	size_t path_chars = 0;
	const size_t kind = kind_of(file, &path_chars);
	if (kind == KINDS || path_chars > PATH_CHARS)
		return error_set(err, BROT_E_USAGE, "--view: \"%.100s\" is not a place's file",
				 file);
	memcpy(path, file, path_chars);
	path[path_chars] = '\0';
	struct request found = *request;
	found.view = (struct view){.rotate_deg = 0.0};
	struct location location = {
		.path = path,
		.entry = file[path_chars] == ':' ? file + path_chars + 1 : NULL,
		.request = &found,
		.x_stretch = 1.0,
	};
	enum brot_err code = textfile_read("--view", path, FILE_BYTES, &text, &location.bytes, err);
	if (code != BROT_OK)
		return code;
	location.text = text;
	code = kinds[kind].parse(&location, err);
	free(text);
	if (code == BROT_OK)
		code = location_finish(&location, size, err);
	if (code != BROT_OK)
		return code;
	*request = found;
	memcpy(ignored, location.ignored, LOCATION_IGNORED_BYTES);
	return BROT_OK;
}
