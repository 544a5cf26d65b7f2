/* location_kfr.c - Kalles Fraktaler's lines "Key: value". */
#include <stdlib.h>
#include <string.h>

#include "client/location.h"
#include "client/textline.h"

static enum brot_err take_angle(struct location *location, unsigned line, const char *value,
				struct brot_error *err)
{
	double degrees;
	if (!textline_number(&value, &degrees) || !(degrees > -360.0 && degrees < 360.0))
		return location_refuse(location, line, "Rotate must be over -360 and under 360",
				       err);
	location->request->view.rotate_deg = degrees;
	return BROT_OK;
}

static enum brot_err take_type(struct location *location, unsigned line, const char *value,
			       struct brot_error *err)
{
	/* Its numbers of formulas: 0 is the Mandelbrot set, 1 the Burning Ship. */
	const long type = strtol(value, NULL, 10);
	if (type == 1)
		location->request->formula = FORMULA_BURNING_SHIP;
	else if (type != 0)
		return location_refuse(location, line, "this FractalType is not one of brot's",
				       err);
	return BROT_OK;
}

static enum brot_err take_power(struct location *location, unsigned line, const char *value,
				struct brot_error *err)
{
	const long power = strtol(value, NULL, 10);
	if (power == 2)
		return BROT_OK;
	if (power < FORMULA_POWER_MIN || power > FORMULA_POWER_MAX)
		return location_refuse(location, line, "Power must be 2..6", err);
	location->request->formula = FORMULA_MULTIBROT;
	location->request->power = (uint32_t)power;
	return BROT_OK;
}

static bool is_key(const char *line, size_t chars, const char *key)
{
	return strlen(key) == chars && strncmp(line, key, chars) == 0;
}

enum brot_err location_parse_kfr(struct location *location, struct brot_error *err)
{
	struct textlines lines = textlines_of(location->text, location->bytes);
	struct request *request = location->request;
	enum brot_err code = BROT_OK;
	for (const char *at = lines.at; code == BROT_OK && textlines_next(&lines); at = lines.at) {
		/* Coordinates may be longer than a line of textlines is. */
		const char *colon = memchr(at, ':', (size_t)(lines.at - at));
		if (colon == NULL)
			continue;
		const size_t key = (size_t)(colon - at);
		const char *value = colon + 1, *end = lines.at;
		while (value < end && *value == ' ')
			value++;
		while (end > value && (unsigned char)end[-1] <= ' ')
			end--;
		const size_t chars = (size_t)(end - value);
		const char *text = lines.line + key + 1;
		if (is_key(at, key, "Re"))
			code = location_take_centre(location, lines.number, value, chars,
						    &request->view.re, err);
		else if (is_key(at, key, "Im"))
			code = location_take_centre(location, lines.number, value, chars,
						    &request->view.im, err);
		else if (is_key(at, key, "Zoom"))
			code = location_take_zoom(location, lines.number, value, chars, 4.0, err);
		else if (is_key(at, key, "Iterations"))
			code = location_take_iterations(location, lines.number, text, err);
		else if (is_key(at, key, "Rotate"))
			code = take_angle(location, lines.number, text, err);
		else if (is_key(at, key, "FractalType"))
			code = take_type(location, lines.number, text, err);
		else if (is_key(at, key, "Power"))
			code = take_power(location, lines.number, text, err);
		else if (is_key(at, key, "Colors"))
			location_ignore(location, "Colors");
		else if (is_key(at, key, "StretchAmount") && strtod(text, NULL) != 0.0)
			location_ignore(location, "StretchAmount");
	}
	return code;
}
