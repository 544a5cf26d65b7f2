/* location_toml.c - Fraktaler-3's keys, of the part of TOML that it writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/location.h"
#include "client/textline.h"

#define KEY_CHARS 95

/* One "key = value" with its table's name before it, and the value's place in the text. */
struct pair {
	char key[KEY_CHARS + 1];
	const char *value;
	size_t chars; /* without quotes */
};

/* Splits the line at..end; false where it has no value. */
static bool split(const char *at, const char *end, const char *table, struct pair *ret_pair)
{
	const char *equals = memchr(at, '=', (size_t)(end - at));
	if (equals == NULL || *at == '#')
		return false;
	size_t key = (size_t)(equals - at);
	while (key > 0 && at[key - 1] == ' ')
		key--;
	(void)snprintf(ret_pair->key, sizeof ret_pair->key, "%s%s%.*s", table,
		       table[0] != '\0' ? "." : "", (int)(key < KEY_CHARS ? key : KEY_CHARS), at);
	const char *value = equals + 1;
	while (value < end && *value == ' ')
		value++;
	const char quote = value < end && (*value == '"' || *value == '\'') ? *value : '\0';
	if (quote != '\0')
		value++;
	const char *stop = value;
	while (stop < end &&
	       (quote != '\0' ? *stop != quote : (unsigned char)*stop > ' ' && *stop != '#'))
		stop++;
	ret_pair->value = value;
	ret_pair->chars = (size_t)(stop - value);
	return true;
}

static bool value_is(const struct pair *pair, const char *text)
{
	return pair->chars == strlen(text) && strncmp(pair->value, text, pair->chars) == 0;
}

/* A formula of one line is z^power + c, or the Burning Ship where both parts lose their signs. */
struct formula_lines {
	long power, count;
	bool abs_x, abs_y, is_odd;
};

static void take_formula(const struct pair *pair, struct formula_lines *formula)
{
	const char *key = pair->key + strlen("formula.");
	const bool is_true = value_is(pair, "true");
	if (strcmp(key, "power") == 0)
		formula->power = strtol(pair->value, NULL, 10);
	else if (strcmp(key, "abs_x") == 0)
		formula->abs_x = is_true;
	else if (strcmp(key, "abs_y") == 0)
		formula->abs_y = is_true;
	else if (is_true)
		formula->is_odd = true;
}

static enum brot_err set_formula(struct location *location, const struct formula_lines *formula,
				 unsigned line, struct brot_error *err)
{
	struct request *request = location->request;
	const bool is_plain = !formula->is_odd && formula->count <= 1;
	if (is_plain && formula->power == 2 && formula->abs_x && formula->abs_y)
		request->formula = FORMULA_BURNING_SHIP;
	else if (is_plain && !formula->abs_x && !formula->abs_y &&
		 formula->power >= FORMULA_POWER_MIN && formula->power <= FORMULA_POWER_MAX) {
		request->formula = FORMULA_MULTIBROT;
		request->power = (uint32_t)formula->power;
	} else if (!is_plain || formula->power != 2 || formula->abs_x || formula->abs_y)
		return location_refuse(location, line, "this formula is not one of brot's", err);
	return BROT_OK;
}

static enum brot_err take(struct location *location, unsigned line, const struct pair *pair,
			  struct brot_error *err)
{
	struct view *view = &location->request->view;
	const char *key = pair->key, *value = pair->value;
	if (strcmp(key, "location.real") == 0)
		return location_take_centre(location, line, value, pair->chars, &view->re, err);
	if (strcmp(key, "location.imag") == 0)
		return location_take_centre(location, line, value, pair->chars, &view->im, err);
	if (strcmp(key, "location.zoom") == 0)
		return location_take_zoom(location, line, value, pair->chars, 4.0, err);
	if (strcmp(key, "bailout.iterations") == 0)
		return location_take_iterations(location, line, value, err);
	if (strcmp(key, "transform.rotate") == 0) {
		if (!textline_number(&value, &view->rotate_deg) ||
		    !(view->rotate_deg > -360.0 && view->rotate_deg < 360.0))
			return location_refuse(location, line,
					       "transform.rotate must be over -360 and under 360",
					       err);
	} else if (strncmp(key, "transform.", 10) == 0 && !value_is(pair, "false") &&
		   strtod(value, NULL) != 0.0) {
		location_ignore(location, key);
	} else if (strncmp(key, "postprocessing.", 15) == 0 || strncmp(key, "colour", 6) == 0) {
		location_ignore(location, "colours");
	}
	return BROT_OK;
}

/* "[table]" or "[[table]]". */
static void take_table(const char *line, char table[KEY_CHARS + 1])
{
	line += strspn(line, "[ ");
	(void)snprintf(table, KEY_CHARS + 1, "%.*s", (int)strcspn(line, " ]"), line);
}

enum brot_err location_parse_toml(struct location *location, struct brot_error *err)
{
	struct textlines lines = textlines_of(location->text, location->bytes);
	struct formula_lines formula = {.power = 2};
	char table[KEY_CHARS + 1] = "";
	enum brot_err code = BROT_OK;
	for (const char *at = lines.at; code == BROT_OK && textlines_next(&lines); at = lines.at) {
		struct pair pair;
		while (at < lines.at && *at == ' ')
			at++;
		if (lines.line[0] == '[') {
			take_table(lines.line, table);
			formula.count += strcmp(table, "formula") == 0;
		} else if (!split(at, lines.at, table, &pair)) {
			continue;
		} else if (strncmp(pair.key, "formula.", 8) == 0) {
			take_formula(&pair, &formula);
		} else {
			code = take(location, lines.number, &pair, err);
		}
	}
	return code == BROT_OK ? set_formula(location, &formula, lines.number, err) : code;
}
