/* palette_ugr.c - Ultra Fractal's gradients: words KEY=VALUE in a block NAME { gradient: ... }. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/palette_file.h"
#include "client/textline.h"
#include "proto/quote.h"

#define PLACES     400 /* of a ring */
#define WORD_CHARS 63

/* What has been read of the gradient that is wanted. */
struct gradient {
	bool is_smooth;
	long rotation, index;
	bool has_index;
	uint32_t count;
	struct {
		long index;
		uint8_t rgb[3];
	} stops[LIMIT_STOPS];
};

static long ring(long index)
{
	const long place = index % PLACES;
	return place < 0 ? place + PLACES : place;
}

static int by_index(const void *a, const void *b)
{
	const long *x = a, *y = b; /* the first member of a stop */
	return (*x > *y) - (*x < *y);
}

/* Takes one word. NULL, or why it is wrong. */
static const char *take(struct gradient *g, const char *word)
{
	const char *value = strchr(word, '=');
	const size_t key = value == NULL ? 0 : (size_t)(value - word);
	long number;
	if (value == NULL)
		return NULL;
	value++;
	if (strncmp(word, "smooth", key) == 0 && key == 6) {
		g->is_smooth = strcmp(value, "yes") == 0;
	} else if (strncmp(word, "rotation", key) == 0 && key == 8) {
		if (!textline_whole(&value, -PLACES, PLACES, &g->rotation))
			return "rotation must be -400..400";
	} else if (strncmp(word, "index", key) == 0 && key == 5) {
		if (!textline_whole(&value, -PLACES, 2 * PLACES, &g->index))
			return "index must be -400..800";
		g->has_index = true;
	} else if (strncmp(word, "color", key) == 0 && key == 5) {
		if (!textline_whole(&value, 0, 0xffffff, &number))
			return "color must be 0..16777215";
		if (!g->has_index)
			return "color must follow an index";
		if (g->count == LIMIT_STOPS)
			return "there must be at most 256 colours";
		g->stops[g->count].index = ring(g->index);
		for (int c = 0; c < 3; c++)
			g->stops[g->count].rgb[c] = (uint8_t)(number >> 8 * c);
		g->count++;
		g->has_index = false;
	}
	return NULL;
}

/* Words of a line, quoted ones whole. */
static const char *take_line(struct gradient *g, const char *text)
{
	while (*(text = textline_skip(text)) != '\0') {
		char word[WORD_CHARS + 1];
		size_t chars = 0;
		bool is_quoted = false;
		for (; *text != '\0' && (is_quoted || *text != ' '); text++) {
			if (*text == '"')
				is_quoted = !is_quoted;
			if (chars < WORD_CHARS)
				word[chars++] = *text;
		}
		word[chars] = '\0';
		const char *why = take(g, word);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static void mix(const uint8_t a[3], const uint8_t b[3], double t, uint8_t ret_rgb[3])
{
	for (int c = 0; c < 3; c++)
		ret_rgb[c] = (uint8_t)(a[c] + t * (b[c] - a[c]) + 0.5);
}

/* The ring with its rotation, from place 0 on. */
static enum brot_err finish(const struct palette_text *from, unsigned line, struct gradient *g,
			    struct colour_palette *ret_palette, struct brot_error *err)
{
	struct colour_palette palette = {.is_cyclic = true, .is_linear = !g->is_smooth};
	for (uint32_t i = 0; i < g->count; i++)
		g->stops[i].index = ring(g->stops[i].index + g->rotation);
	qsort(g->stops, g->count, sizeof g->stops[0], by_index);
	if (g->count < 2)
		return palette_refuse(from, line, "a gradient must have two colours", err);
	if (g->stops[0].index != 0 && g->count < LIMIT_STOPS) {
		const uint32_t last = g->count - 1;
		const long before = PLACES - g->stops[last].index;
		mix(g->stops[last].rgb, g->stops[0].rgb,
		    (double)before / (double)(before + g->stops[0].index), palette.stops[0].rgb);
		palette.stop_count = 1;
	}
	for (uint32_t i = 0; i < g->count; i++) {
		struct palette_stop *stop = &palette.stops[palette.stop_count];
		const double position = (double)g->stops[i].index / PLACES;
		if (palette.stop_count > 0 && position <= stop[-1].position)
			continue; /* the first of several at one place */
		stop->position = palette.stop_count > 0 ? position : 0.0;
		memcpy(stop->rgb, g->stops[i].rgb, 3);
		palette.stop_count++;
	}
	if (palette.stop_count < 2)
		return palette_refuse(from, line, "a gradient must have colours at two places",
				      err);
	*ret_palette = palette;
	return BROT_OK;
}

/* Whether a line opens the block that is wanted: "NAME {". */
static bool opens(const char *line, const char *entry)
{
	const char *brace = strrchr(line, '{');
	const char *name = textline_skip(line);
	if (brace == NULL || *name == ';')
		return false;
	size_t chars = (size_t)(brace - name);
	while (chars > 0 && name[chars - 1] == ' ')
		chars--;
	return entry == NULL || (strlen(entry) == chars && strncmp(name, entry, chars) == 0);
}

enum brot_err palette_ugr_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err)
{
	struct textlines lines = textlines_of(from->text, from->bytes);
	struct gradient gradient = {.count = 0};
	char quoted[QUOTE_BYTES];
	while (textlines_next(&lines))
		if (opens(lines.line, from->entry))
			break;
	if (lines.at == lines.end && from->entry != NULL)
		return error_set(
			err, BROT_E_NOT_FOUND, "--palette: %.100s has no gradient \"%s\"",
			from->path,
			quote_text(from->entry, strlen(from->entry), quoted, sizeof quoted));
	for (bool is_colours = false; textlines_next(&lines);) {
		const char *text = textline_skip(lines.line);
		if (*text == '}')
			return finish(from, lines.number, &gradient, ret_palette, err);
		const char *why = NULL;
		if (strncmp(text, "gradient:", 9) == 0)
			is_colours = true;
		else if (strncmp(text, "opacity:", 8) == 0)
			is_colours = false;
		else if (is_colours)
			why = take_line(&gradient, text);
		if (why != NULL)
			return palette_refuse(from, lines.number, why, err);
	}
	return palette_refuse(from, lines.number, "must have a block NAME { gradient: ... }", err);
}
