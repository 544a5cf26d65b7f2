/* palette_css.c - stops as CSS has them. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/palette_file.h"
#include "client/textline.h"
#include "proto/json_text.h"
#include "proto/quote.h"

#define COLOUR_CHARS 31
#define UNPLACED     (-1.0)

/* CSS's sixteen basic names, and orange. */
static const struct {
	const char *name;
	uint8_t rgb[3];
} names[] = {
	{"black", {0, 0, 0}},      {"silver", {192, 192, 192}}, {"gray", {128, 128, 128}},
	{"grey", {128, 128, 128}}, {"white", {255, 255, 255}},  {"maroon", {128, 0, 0}},
	{"red", {255, 0, 0}},      {"purple", {128, 0, 128}},   {"fuchsia", {255, 0, 255}},
	{"green", {0, 128, 0}},    {"lime", {0, 255, 0}},       {"olive", {128, 128, 0}},
	{"yellow", {255, 255, 0}}, {"navy", {0, 0, 128}},       {"blue", {0, 0, 255}},
	{"teal", {0, 128, 128}},   {"aqua", {0, 255, 255}},     {"orange", {255, 165, 0}},
};

static bool colour_parse(const char *word, uint8_t ret_rgb[3])
{
	if (word[0] == '#' && strlen(word) == 4) {
		const char twice[] = {'#',     word[1], word[1], word[2],
				      word[2], word[3], word[3], '\0'};
		return colour_rgb_parse(twice, ret_rgb);
	}
	if (word[0] == '#')
		return colour_rgb_parse(word, ret_rgb);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(names[i].name, word) == 0) {
			memcpy(ret_rgb, names[i].rgb, 3);
			return true;
		}
	return false;
}

/* "COLOUR", "COLOUR 30%" or [0.3, "COLOUR"]. */
static bool stop_parse(const json_t *json, struct palette_stop *ret_stop)
{
	const char *text = json_string_value(json_is_array(json) ? json_array_get(json, 1) : json);
	char word[COLOUR_CHARS + 1];
	double percent;
	if (text == NULL)
		return false;
	text = textline_skip(text);
	const size_t chars = strcspn(text, " ");
	if (chars > COLOUR_CHARS)
		return false;
	(void)snprintf(word, sizeof word, "%.*s", (int)chars, text);
	text += chars;
	ret_stop->position = UNPLACED;
	if (json_is_array(json)) {
		if (json_array_size(json) != 2 || !json_is_number(json_array_get(json, 0)))
			return false;
		ret_stop->position = json_number_value(json_array_get(json, 0));
	} else if (textline_number(&text, &percent)) {
		if (*text++ != '%')
			return false;
		ret_stop->position = percent / 100.0;
	}
	const bool is_placed = ret_stop->position != UNPLACED;
	return *textline_skip(text) == '\0' && colour_parse(word, ret_stop->rgb) &&
	       (!is_placed || (ret_stop->position >= 0.0 && ret_stop->position <= 1.0));
}

/* What has no place lies evenly between its neighbours. */
static void place(struct colour_palette *palette)
{
	struct palette_stop *stops = palette->stops;
	const uint32_t count = palette->stop_count;
	if (stops[0].position == UNPLACED)
		stops[0].position = 0.0;
	for (uint32_t i = 1; i < count; i++) {
		if (stops[i].position != UNPLACED)
			continue;
		uint32_t next = i;
		while (next < count && stops[next].position == UNPLACED)
			next++;
		const bool is_end = next == count && !palette->is_cyclic;
		const double from = stops[i - 1].position;
		const double to = next < count ? stops[next].position : 1.0;
		const uint32_t steps = next - i + (is_end ? 0 : 1);
		for (uint32_t k = i; k < next; k++)
			stops[k].position = from + (to - from) * (k - i + 1) / steps;
	}
}

/* Names the stop, and the line that it stands in, of a text that is JSON. */
static enum brot_err refuse(const struct palette_text *from, size_t index, const char *rule,
			    struct brot_error *err)
{
	const struct json_text json = {from->text, from->bytes};
	const bool is_list = from->text[json_text_find(&json, "")] == '[';
	char path[48], reason[160];
	(void)snprintf(path, sizeof path, "%s[%zu]", is_list ? "" : "stops", index);
	const size_t offset = json_text_find(&json, path);
	(void)snprintf(reason, sizeof reason, "stop %zu: %s", index + 1, rule);
	return palette_refuse(from, (unsigned)json_text_place(&json, offset).line, reason, err);
}

static enum brot_err stops_parse(const struct palette_text *from, const json_t *stops,
				 struct colour_palette *palette, struct brot_error *err)
{
	const size_t count = json_array_size(stops);
	if (count < 2 || count > LIMIT_STOPS)
		return error_set(err, BROT_E_REQUEST,
				 "--palette: %.100s:1: must have 2..%d stops, got %zu", from->path,
				 LIMIT_STOPS, count);
	for (size_t i = 0; i < count; i++)
		if (!stop_parse(json_array_get(stops, i), &palette->stops[i]))
			return refuse(
				from, i,
				"must be \"#rrggbb\", \"#rgb\" or a name, with a place such as "
				"30% or without",
				err);
	palette->stop_count = (uint32_t)count;
	place(palette);
	for (size_t i = 1; i < count; i++)
		if (!(palette->stops[i].position > palette->stops[i - 1].position))
			return refuse(from, i, "must be at a higher place than the one before it",
				      err);
	const double last = palette->stops[count - 1].position;
	if (palette->stops[0].position != 0.0)
		return refuse(from, 0, "must be at 0%", err);
	if (palette->is_cyclic != (last < 1.0))
		return refuse(from, count - 1,
			      palette->is_cyclic ? "must be below 100% where the palette is cyclic"
						 : "must be at 100%",
			      err);
	return BROT_OK;
}

enum brot_err palette_css_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err)
{
	json_error_t why;
	char quoted[JSON_ERROR_TEXT_LENGTH];
	struct colour_palette palette = {.stop_count = 0};
	json_t *json = json_loadb(from->text, from->bytes, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL)
		return palette_refuse(from, why.line > 0 ? (unsigned)why.line : 1,
				      quote_text(why.text, strlen(why.text), quoted, sizeof quoted),
				      err);
	const json_t *stops = json, *cyclic = NULL, *linear = NULL;
	size_t keys = 0;
	if (json_is_object(json)) {
		stops = json_object_get(json, "stops");
		cyclic = json_object_get(json, "cyclic");
		linear = json_object_get(json, "linear");
		keys = 1u + (cyclic != NULL ? 1u : 0u) + (linear != NULL ? 1u : 0u);
	}
	palette.is_cyclic = json_is_true(cyclic);
	palette.is_linear = keys == 0 || json_is_true(linear);
	enum brot_err code = BROT_OK;
	if (!json_is_array(stops) || json_object_size(json) != keys ||
	    (cyclic != NULL && !json_is_boolean(cyclic)) ||
	    (linear != NULL && !json_is_boolean(linear)))
		code = palette_refuse(from, 1,
				      "must be a list of stops, or an object with \"cyclic\", "
				      "\"linear\" and \"stops\"",
				      err);
	else
		code = stops_parse(from, stops, &palette, err);
	json_decref(json);
	if (code == BROT_OK)
		*ret_palette = palette;
	return code;
}
