/* location_kfr.c - Kalles Fraktaler's lines "Key: value". */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/location.h"
#include "client/textline.h"

/* What lines have said of the formula, with the line of each, 0 for a default. */
struct formula_lines {
	long type, power;
	unsigned type_line, power_line;
};

/* A line's key and value, without the blanks around them. */
struct pair {
	const char *key, *value;
	size_t key_chars, chars;
};

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ';
}

static void trim(const char **text, size_t *chars)
{
	for (; *chars > 0 && is_blank(**text); ++*text)
		--*chars;
	while (*chars > 0 && is_blank((*text)[*chars - 1]))
		--*chars;
}

/* Splits the line of `chars` characters; what has no colon is a key without a value. */
static struct pair split(const char *line, size_t chars)
{
	const char *colon = memchr(line, ':', chars);
	const char *end = line + chars;
	struct pair pair = {.key = line, .value = end, .key_chars = chars};
	if (colon != NULL) {
		pair.key_chars = (size_t)(colon - line);
		pair.value = colon + 1;
		pair.chars = (size_t)(end - pair.value);
	}
	trim(&pair.key, &pair.key_chars);
	trim(&pair.value, &pair.chars);
	return pair;
}

static bool is_key(const struct pair *pair, const char *key)
{
	return location_is(pair->key, pair->key_chars, key);
}

/* Its numbers of formulas: 0 is the Mandelbrot set, 1 the Burning Ship, 4 the Tricorn. */
static enum brot_err set_formula(struct location *location, const struct formula_lines *lines,
				 struct brot_error *err)
{
	struct request *request = location->request;
	if (lines->type != 0 && lines->type != 1 && lines->type != 4)
		return location_refuse(location, lines->type_line,
				       "this FractalType is not one of brot's", err);
	if (lines->type != 0 && lines->power != 2)
		return location_refuse(location, lines->power_line,
				       "Power must be 2 with this FractalType", err);
	if (lines->type != 0) {
		request->formula = lines->type == 1 ? FORMULA_BURNING_SHIP : FORMULA_TRICORN;
	} else if (lines->power != 2) {
		request->formula = FORMULA_MULTIBROT;
		request->power = (uint32_t)lines->power;
	}
	return BROT_OK;
}

/* Where a key has another value than this, the program draws what brot cannot. */
static const struct {
	const char *key;
	double value;
} fixed[] = {
	{"StretchAmount", 0.0}, {"Ratio", 360.0},          {"SeedR", 0.0},
	{"SeedI", 0.0},         {"UseHybridFormula", 0.0}, {"ExponentialMap", 0.0},
};

static enum brot_err check_fixed(const struct location *location, unsigned line,
				 const struct pair *pair, bool *is_known, struct brot_error *err)
{
	double value;
	char reason[64];
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		if (!is_key(pair, fixed[i].key))
			continue;
		*is_known = true;
		if (location_number(pair->value, pair->chars, &value) && value == fixed[i].value)
			return BROT_OK;
		(void)snprintf(reason, sizeof reason, "%s must be %g for brot to draw it",
			       fixed[i].key, fixed[i].value);
		return location_refuse(location, line, reason, err);
	}
	return BROT_OK;
}

/* How it renders, and what works upon keys that `fixed` holds, or of other formulas. */
static const char *const harmless[] = {"Period",        "Version",           "SettingsVersion",
				       "StretchAngle",  "Threads",           "ImageWidth",
				       "ImageHeight",   "HybridFormula",     "TargetWidth",
				       "TargetHeight",  "TargetSupersample", "WindowWidth",
				       "WindowHeight",  "WindowTop",         "WindowLeft",
				       "WindowBottom",  "WindowRight",       "AnimateZoom",
				       "NoReuseCenter", "ShowGlitches",      NULL};

/* Off at 0. */
static const char *const off[] = {"Slopes", "MultiColor",     "BlendMC",
				  "Flat",   "TextureEnabled", NULL};

static enum brot_err take(struct location *location, unsigned line, const struct pair *pair,
			  struct formula_lines *formula, struct brot_error *err)
{
	struct view *view = &location->request->view;
	const char *value = pair->value;
	const size_t chars = pair->chars;
	bool is_known = false;
	long number;
	if (is_key(pair, "Re"))
		return location_take_centre(location, line, value, chars, &view->re, err);
	if (is_key(pair, "Im"))
		return location_take_centre(location, line, value, chars, &view->im, err);
	if (is_key(pair, "Zoom"))
		return location_take_zoom(location, line, value, chars, 4.0, err);
	if (is_key(pair, "Iterations"))
		return location_take_iterations(location, line, value, chars, err);
	if (is_key(pair, "RotateAngle"))
		return location_take_angle(location, line, "RotateAngle", value, chars, err);
	if (is_key(pair, "Rotate"))
		return location_take_angle(location, line, "Rotate", value, chars, err);
	if (is_key(pair, "FractalType")) {
		formula->type_line = line;
		if (!location_whole(value, chars, 0, LONG_MAX, &formula->type))
			return location_refuse(location, line, "FractalType must be a whole number",
					       err);
	} else if (is_key(pair, "Power")) {
		formula->power_line = line;
		if (!location_whole(value, chars, 2, FORMULA_POWER_MAX, &formula->power))
			return location_refuse(location, line, "Power must be 2..6", err);
	} else if (is_key(pair, "ImagPointsUp")) {
		if (!location_whole(value, chars, 0, 1, &number))
			return location_refuse(location, line, "ImagPointsUp must be 0 or 1", err);
		location->points_down = number == 0;
	} else {
		const enum brot_err code = check_fixed(location, line, pair, &is_known, err);
		is_known |= location_is_one(pair->key, pair->key_chars, harmless) ||
			    (location_is_one(pair->key, pair->key_chars, off) &&
			     location_is(value, chars, "0"));
		if (!is_known)
			location_ignore(location, pair->key, pair->key_chars);
		return code;
	}
	return BROT_OK;
}

enum brot_err location_parse_kfr(struct location *location, struct brot_error *err)
{
	struct textlines lines = textlines_of(location->text, location->bytes);
	struct formula_lines formula = {.power = 2};
	enum brot_err code = BROT_OK;
	location->points_down = true;
	for (const char *at = lines.at; code == BROT_OK && textlines_next(&lines); at = lines.at) {
		/* Coordinates may be longer than a line of textlines is. */
		const struct pair pair = split(at, (size_t)(lines.at - at));
		if (pair.key_chars > 0 && pair.key[0] != ';' && pair.key[0] != '#')
			code = take(location, lines.number, &pair, &formula, err);
	}
	return code == BROT_OK ? set_formula(location, &formula, err) : code;
}
