/* location_toml.c - Fraktaler-3's keys, of the part of TOML that it writes. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/location.h"
#include "client/textline.h"
#include "proto/quote.h"

#define KEY_CHARS  95
#define ITERATIONS 1024 /* where the file says none */

/* One "key = value" with its table's name before it, and the value's place in the text. */
struct pair {
	char key[KEY_CHARS + 1];
	const char *value;
	size_t chars; /* without quotes */
};

static void set_key(const char *at, const char *equals, const char *table, struct pair *pair)
{
	size_t key = (size_t)(equals - at);
	while (key > 0 && (unsigned char)at[key - 1] <= ' ')
		key--;
	(void)snprintf(pair->key, sizeof pair->key, "%s%s%.*s", table, table[0] != '\0' ? "." : "",
		       (int)(key < KEY_CHARS ? key : KEY_CHARS), at);
}

/* Splits the line at..end; false where its value does not end before the line does. */
static bool split(const char *at, const char *end, const char *table, struct pair *ret_pair)
{
	const char *equals = memchr(at, '=', (size_t)(end - at));
	if (equals == NULL)
		return false;
	set_key(at, equals, table, ret_pair);
	const char *value = equals + 1;
	while (value < end && (unsigned char)*value <= ' ')
		value++;
	const char quote = value < end && (*value == '"' || *value == '\'') ? *value : '\0';
	const char *stop = ++value;
	if (quote == '\0') {
		stop = --value;
		while (stop < end && *stop != '\n' && *stop != '\r' && *stop != '#')
			stop++;
		while (stop > value && (unsigned char)stop[-1] <= ' ')
			stop--;
	} else {
		while (stop < end && *stop != quote)
			stop++;
	}
	ret_pair->value = value;
	ret_pair->chars = (size_t)(stop - value);
	if (quote == '\0')
		return ret_pair->chars > 0;
	if (stop == end)
		return false;
	for (stop++; stop < end && (unsigned char)*stop <= ' ';)
		stop++;
	return stop == end || *stop == '#';
}

/* What ends a value that a line begins and does not end, or NULL: of a text in three quotes, or a
 * list. The key is set as split() does. */
static const char *closer_of(const char *line, const char *table, struct pair *ret_pair)
{
	static const char *const opens[] = {"\"\"\"", "'''", "["}, *const closes[] = {"\"\"\"",
										      "'''", "]"};
	const char *equals = strchr(line, '=');
	if (equals == NULL)
		return NULL;
	const char *value = textline_skip(equals + 1);
	for (size_t i = 0; i < 3; i++) {
		const size_t chars = strlen(opens[i]);
		if (strncmp(value, opens[i], chars) != 0 ||
		    strstr(value + chars, closes[i]) != NULL)
			continue;
		set_key(line, equals, table, ret_pair);
		ret_pair->value = value;
		ret_pair->chars = 0;
		return closes[i];
	}
	return NULL;
}

static bool value_is(const struct pair *pair, const char *text)
{
	return location_is(pair->value, pair->chars, text);
}

/* What the file has said so far. A formula of one line is z^power + c, or the Burning Ship where
 * both parts lose their signs. The first line that makes it another one is kept. */
struct toml {
	long power, count;
	bool abs_x, abs_y;
	unsigned odd_line, reflect_line;
	bool is_place; /* of this program */
};

static enum brot_err take_bool(const struct location *location, unsigned line,
			       const struct pair *pair, bool *ret, struct brot_error *err)
{
	char reason[96], quoted[QUOTE_BYTES];
	*ret = value_is(pair, "true");
	if (*ret || value_is(pair, "false"))
		return BROT_OK;
	(void)snprintf(reason, sizeof reason, "%s must be true or false",
		       quote_text(pair->key, strlen(pair->key), quoted, sizeof quoted));
	return location_refuse(location, line, reason, err);
}

static enum brot_err take_formula(const struct location *location, unsigned line,
				  const struct pair *pair, struct toml *toml,
				  struct brot_error *err)
{
	const char *key = pair->key + strlen("formula.");
	bool is_true = false;
	if (strcmp(key, "power") == 0) {
		if (location_whole(pair->value, pair->chars, 1, LONG_MAX, &toml->power))
			return BROT_OK;
		return location_refuse(location, line, "formula.power must be a whole number", err);
	}
	if (strcmp(key, "abs_x") == 0)
		return take_bool(location, line, pair, &toml->abs_x, err);
	if (strcmp(key, "abs_y") == 0)
		return take_bool(location, line, pair, &toml->abs_y, err);
	if (strcmp(key, "opcodes") == 0)
		is_true = pair->chars > 0;
	else if (take_bool(location, line, pair, &is_true, err) != BROT_OK)
		return BROT_E_REQUEST;
	if (is_true && toml->odd_line == 0)
		toml->odd_line = line;
	return BROT_OK;
}

static enum brot_err set_formula(struct location *location, const struct toml *toml, unsigned line,
				 struct brot_error *err)
{
	struct request *request = location->request;
	const bool is_plain = toml->odd_line == 0 && toml->count <= 1;
	if (is_plain && toml->power == 2 && toml->abs_x && toml->abs_y)
		request->formula = FORMULA_BURNING_SHIP;
	else if (is_plain && !toml->abs_x && !toml->abs_y && toml->power >= FORMULA_POWER_MIN &&
		 toml->power <= FORMULA_POWER_MAX) {
		request->formula = FORMULA_MULTIBROT;
		request->power = (uint32_t)toml->power;
	} else if (!is_plain || toml->power != 2 || toml->abs_x || toml->abs_y)
		return location_refuse(location, toml->odd_line != 0 ? toml->odd_line : line,
				       "this formula is not one of brot's", err);
	return BROT_OK;
}

static enum brot_err take_transform(struct location *location, unsigned line,
				    const struct pair *pair, struct toml *toml,
				    struct brot_error *err)
{
	const char *key = pair->key + strlen("transform.");
	double number = 0.0;
	bool is_true = false;
	enum brot_err code = BROT_OK;
	if (strcmp(key, "rotate") == 0)
		return location_take_angle(location, line, pair->key, pair->value, pair->chars,
					   err);
	if (strcmp(key, "stretch_angle") == 0) /* stretch_amount must be 0 */
		return BROT_OK;
	if (strcmp(key, "stretch_amount") == 0) {
		if (location_number(pair->value, pair->chars, &number) && number == 0.0)
			return BROT_OK;
		return location_refuse(location, line, "transform.stretch_amount must be 0", err);
	}
	if (strcmp(key, "reflect") == 0) {
		toml->reflect_line = line;
		return take_bool(location, line, pair, &location->points_down, err);
	}
	if (strcmp(key, "exponential_map") != 0 && strcmp(key, "vertical_flip") != 0) {
		location_ignore(location, pair->key, strlen(pair->key));
		return BROT_OK;
	}
	code = take_bool(location, line, pair, &is_true, err);
	if (code == BROT_OK && is_true)
		code = location_refuse(location, line,
				       "transform.exponential_map and vertical_flip must be false",
				       err);
	return code;
}

/* How it renders, and where to; reference.* is where the reference orbit begins. */
static bool is_harmless(const char *key)
{
	static const char *const tables[] = {"reference.",       "algorithm.", "image.",
					     "render.",          "newton.",    "batch.",
					     "bailout.maximum_", NULL};
	for (size_t i = 0; tables[i] != NULL; i++)
		if (strncmp(key, tables[i], strlen(tables[i])) == 0)
			return true;
	return strcmp(key, "program") == 0 || strcmp(key, "version") == 0;
}

static enum brot_err take(struct location *location, unsigned line, const struct pair *pair,
			  struct toml *toml, struct brot_error *err)
{
	struct view *view = &location->request->view;
	const char *key = pair->key, *value = pair->value;
	if (strncmp(key, "location.", 9) == 0 ||
	    (strcmp(key, "program") == 0 && value_is(pair, "fraktaler-3")))
		toml->is_place = true;
	if (strcmp(key, "location.real") == 0)
		return location_take_centre(location, line, value, pair->chars, &view->re, err);
	if (strcmp(key, "location.imag") == 0)
		return location_take_centre(location, line, value, pair->chars, &view->im, err);
	if (strcmp(key, "location.zoom") == 0)
		return location_take_zoom(location, line, value, pair->chars, 4.0, err);
	if (strcmp(key, "bailout.iterations") == 0)
		return location_take_iterations(location, line, value, pair->chars, err);
	if (strncmp(key, "formula.", 8) == 0)
		return take_formula(location, line, pair, toml, err);
	if (strncmp(key, "transform.", 10) == 0)
		return take_transform(location, line, pair, toml, err);
	if (strncmp(key, "postprocessing.", 15) == 0 || strncmp(key, "colour", 6) == 0)
		location_ignore(location, "colours", strlen("colours"));
	else if (!is_harmless(key))
		location_ignore(location, key, strlen(key));
	return BROT_OK;
}

/* It leaves out every key that has its default. */
static void set_defaults(struct location *location)
{
	struct view *view = &location->request->view;
	if (view->re.text[0] == '\0')
		(void)decimal_parse("0", 1, &view->re);
	if (view->im.text[0] == '\0')
		(void)decimal_parse("0", 1, &view->im);
	if (location->height_digits == 0.0)
		location->height_digits = 4.0;
	if (location->iterations == 0)
		location->iterations = ITERATIONS;
}

/* "[table]" or "[[table]]". */
static void take_table(const char *line, char table[KEY_CHARS + 1])
{
	line += strspn(line, "[ ");
	(void)snprintf(table, KEY_CHARS + 1, "%.*s", (int)strcspn(line, " ]"), line);
}

/* Takes the line that begins at `at`; *ret_closer is what ends a value that it leaves open. */
static enum brot_err take_line(struct location *location, const struct textlines *lines,
			       const char *at, char table[KEY_CHARS + 1], struct toml *toml,
			       const char **ret_closer, struct brot_error *err)
{
	struct pair pair;
	const char *line = textline_skip(lines->line);
	while (at < lines->at && (unsigned char)*at <= ' ')
		at++;
	if (at == lines->at || *at == '#')
		return BROT_OK;
	if (*at == '[') {
		take_table(line, table);
		toml->count += strcmp(table, "formula") == 0;
		return BROT_OK;
	}
	*ret_closer = closer_of(line, table, &pair);
	const bool must_end = *ret_closer == NULL || strncmp(pair.key, "location.", 9) == 0 ||
			      strncmp(pair.key, "bailout.", 8) == 0 ||
			      strncmp(pair.key, "formula.", 8) == 0 ||
			      strncmp(pair.key, "transform.", 10) == 0;
	if (must_end && !split(at, lines->at, table, &pair))
		return location_refuse(location, lines->number,
				       "must be KEY = VALUE, with the value whole on its line and "
				       "nothing behind it",
				       err);
	return take(location, lines->number, &pair, toml, err);
}

enum brot_err location_parse_toml(struct location *location, struct brot_error *err)
{
	struct textlines lines = textlines_of(location->text, location->bytes);
	struct toml toml = {.power = 2};
	char table[KEY_CHARS + 1] = "";
	enum brot_err code = BROT_OK;
	const char *closer = NULL;
	for (const char *at = lines.at; code == BROT_OK && textlines_next(&lines); at = lines.at) {
		if (closer == NULL)
			code = take_line(location, &lines, at, table, &toml, &closer, err);
		else if (strstr(lines.line, closer) != NULL)
			closer = NULL;
	}
	if (code == BROT_OK && closer != NULL)
		code = location_refuse(location, lines.number, "the last value does not end", err);
	if (code == BROT_OK)
		code = set_formula(location, &toml, lines.number, err);
	if (code == BROT_OK && location->points_down && location->request->view.rotate_deg != 0.0)
		code = location_refuse(location, toml.reflect_line,
				       "transform.reflect must be false where it is rotated", err);
	if (code == BROT_OK && toml.is_place)
		set_defaults(location);
	return code;
}
