/* location.c - which parser reads which file, and the view that follows. */
#include "client/location.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/textfile.h"
#include "client/textline.h"

#define FILE_BYTES (1 << 20)
#define PATH_CHARS 4095

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
	const char *dot = strrchr(file, '.');
	for (size_t i = 0; dot != NULL && i < KINDS; i++) {
		const size_t chars = strlen(kinds[i].suffix);
		const char *end = dot + 1 + chars;
		if (strncasecmp(dot + 1, kinds[i].suffix, chars) != 0)
			continue;
		*ret_path_chars = (size_t)(end - file);
		if (*end == '\0' || (*end == ':' && kinds[i].has_entries))
			return i;
	}
	return KINDS;
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
	const long power = decimal_log10(&zoom);
	double digits = 0.0, unit = 1.0;
	for (const char *p = zoom.text; *p != '\0' && *p != 'e' && unit > 1e-18; p++) {
		if (*p < '0' || *p > '9' || (digits == 0.0 && *p == '0'))
			continue;
		digits += unit * (*p - '0');
		unit /= 10.0;
	}
	location->height_digits = scale / digits;
	location->height_power = -power;
	return BROT_OK;
}

enum brot_err location_take_iterations(struct location *location, unsigned line, const char *text,
				       struct brot_error *err)
{
	long number;
	if (!textline_whole(&text, 1, LONG_MAX, &number))
		return location_refuse(location, line, "the limit must be a whole number over 0",
				       err);
	location->iterations = number < LIMIT_ITERATIONS ? (uint32_t)number : LIMIT_ITERATIONS;
	return BROT_OK;
}

void location_ignore(struct location *location, const char *name)
{
	const size_t used = strlen(location->ignored);
	const char *found = strstr(location->ignored, name);
	const size_t chars = strlen(name);
	if (found != NULL && (found[chars] == ',' || found[chars] == '\0'))
		return;
	if (used + 2 + chars < sizeof location->ignored)
		(void)snprintf(location->ignored + used, sizeof location->ignored - used, "%s%s",
			       used > 0 ? ", " : "", name);
}

static enum brot_err set_extent(const struct location *location, double factor,
				struct decimal_text *ret, struct brot_error *err)
{
	char text[64];
	struct brot_error why;
	const int chars = snprintf(text, sizeof text, "%.15ge%ld", location->height_digits * factor,
				   location->height_power);
	/* %g may have put an exponent of its own there. */
	const double value = location->height_digits * factor;
	if (strchr(text, 'e') != strrchr(text, 'e') || !isfinite(value) || chars < 0)
		return location_refuse(location, 0, "its extent makes no sense", err);
	if (view_read_extent("the view", text, (size_t)chars, ret, &why) != BROT_OK)
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
	request->iterations = location->iterations != 0
				      ? location->iterations
				      : request_default_iterations(&request->view);
	return code;
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
