/* test_palette_file.c - the palettes of other programs. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/palette_file.h"

static struct colour_palette palette;

static enum brot_err parse(palette_parse_fn *fn, const char *text, const char *entry,
			   struct brot_error *err)
{
	const struct palette_text from = {
		.path = "p", .text = text, .bytes = strlen(text), .entry = entry};
	return fn(&from, &palette, err);
}

static void taken(palette_parse_fn *fn, const char *text, const char *entry)
{
	struct brot_error err = {0};
	if (parse(fn, text, entry, &err) != BROT_OK)
		fail_msg("%s: %s", text, err.text);
	assert_in_range(palette.stop_count, 2, LIMIT_STOPS);
	assert_true(palette.stops[0].position == 0.0);
	for (uint32_t i = 1; i < palette.stop_count; i++)
		assert_true(palette.stops[i].position > palette.stops[i - 1].position);
	const double last = palette.stops[palette.stop_count - 1].position;
	assert_true(palette.is_cyclic ? last < 1.0 : last == 1.0);
}

static void refused(palette_parse_fn *fn, const char *text, const char *sentence)
{
	struct brot_error err = {0};
	memset(&palette, 0x5a, sizeof palette);
	const struct colour_palette before = palette;
	if (parse(fn, text, NULL, &err) == BROT_OK)
		fail_msg("taken: %s", text);
	assert_string_equal(err.text, sentence);
	assert_int_equal(err.code, BROT_E_REQUEST);
	assert_memory_equal(&palette, &before, sizeof before);
}

static void is_stop(uint32_t i, double position, uint8_t r, uint8_t g, uint8_t b)
{
	assert_true(i < palette.stop_count);
	const struct palette_stop *stop = &palette.stops[i];
	assert_true(stop->position > position - 1e-6 && stop->position < position + 1e-6);
	assert_int_equal(stop->rgb[0], r);
	assert_int_equal(stop->rgb[1], g);
	assert_int_equal(stop->rgb[2], b);
}

/* The stop at or next behind a position. */
static const uint8_t *at(double position)
{
	for (uint32_t i = 0; i < palette.stop_count; i++)
		if (palette.stops[i].position >= position)
			return palette.stops[i].rgb;
	return palette.stops[palette.stop_count - 1].rgb;
}

static void a_map_is_a_ring_of_colours(void **state)
{
	(void)state;
	taken(palette_map_parse, "  0   0 0 black\r\n255 128 0\r\n\r\n255\t255 255 ; white\r\n",
	      NULL);
	assert_true(palette.is_cyclic);
	assert_int_equal(palette.stop_count, 3);
	is_stop(1, 1.0 / 3, 255, 128, 0);
	char full[4096] = "";
	for (int i = 0; i < 256; i++)
		strcat(full, "1 2 3\n");
	taken(palette_map_parse, full, NULL);
	assert_int_equal(palette.stop_count, 256);
	strcat(full, "1 2 3\n");
	refused(palette_map_parse, full, "--palette: p:257: there must be at most 256 colours");
	refused(palette_map_parse, "1 2 3\n4 5\n",
		"--palette: p:2: must begin with three numbers 0..255");
	refused(palette_map_parse, "1 2 256\n",
		"--palette: p:1: must begin with three numbers 0..255");
	refused(palette_map_parse, "1 2 3", "--palette: p:1: there must be at least 2 colours");
	refused(palette_map_parse, "", "--palette: p: there must be at least 2 colours");
}

#define GGR(segments) "GIMP Gradient\nName: x\n" segments

static void segments_of_gimp_are_sampled(void **state)
{
	(void)state;
	taken(palette_ggr_parse,
	      GGR("2\n0 0.25 0.5 0 0 0 1 1 0 0 1 0 0\n0.5 0.75 1 0 0 1 1 1 1 1 0 0 0\n"), NULL);
	is_stop(0, 0, 0, 0, 0);
	assert_in_range(at(0.25)[0], 126, 130);
	/* A sudden change, from red to blue. */
	assert_int_equal(at(0.499999)[0], 255);
	assert_int_equal(at(0.5000001)[2], 255);
	assert_int_equal(at(0.5000001)[0], 0);
	is_stop(palette.stop_count - 1, 1, 255, 255, 255);
	/* Without a name; the middle off its place; sine; the hues upwards from red to green. */
	taken(palette_ggr_parse, "GIMP Gradient\n1\n0 0.1 1 0 0 0 1 1 1 1 1 0 0 0 0\n", NULL);
	assert_in_range(at(0.1)[0], 126, 130);
	taken(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 2 0\n"), NULL);
	assert_in_range(at(0.25)[0], 36, 40);
	taken(palette_ggr_parse, GGR("1\n0 0.5 1 1 0 0 1 0 1 0 1 0 1\n"), NULL);
	assert_in_range(at(0.5)[0], 252, 255);
	assert_in_range(at(0.5)[1], 252, 255);
	taken(palette_ggr_parse, GGR("1\n0 0.5 1 1 0 0 1 0 1 0 1 0 2\n"), NULL);
	assert_in_range(at(0.5)[2], 252, 255);
	for (int blend = 0; blend <= 5; blend++) {
		char text[128];
		(void)snprintf(text, sizeof text, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 %d 0\n"), blend);
		taken(palette_ggr_parse, text, NULL);
		is_stop(palette.stop_count - 1, 1, 255, 255, 255);
	}
	refused(palette_ggr_parse, "GIMP\n", "--palette: p:1: must be \"GIMP Gradient\"");
	/* Curved: a half at the middle, and what lies beside it. */
	taken(palette_ggr_parse, GGR("1\n0 0.25 1 0 0 0 1 1 1 1 1 1 0\n"), NULL);
	assert_in_range(at(0.25)[0], 126, 129);
	assert_in_range(at(0.5)[0], 179, 182);
	taken(palette_ggr_parse, GGR("1\n0 0 1 0 0 0 1 1 1 1 1 1 0\n"), NULL);
	taken(palette_ggr_parse, GGR("1\n0 1 1 0 0 0 1 1 1 1 1 1 0\n"), NULL);
	assert_int_equal(at(0.9)[0], 0);
	/* What stands behind. */
	taken(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 0 0 0 0\n \n\n"), NULL);
	refused(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 0 0 1 0\n"),
		"--palette: p:4: its ends must have colours of their own, not the foreground's or "
		"background's");
	refused(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 0 0 0 3\n"),
		"--palette: p:4: its ends must have colours of their own, not the foreground's or "
		"background's");
	refused(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 0 0 0 0 0\n"),
		"--palette: p:4: must be a segment: 11 numbers, blending 0..5, colouring 0..2");
	refused(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 0 0x\n"),
		"--palette: p:4: must be a segment: 11 numbers, blending 0..5, colouring 0..2");
	refused(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 1 1 1 0 0\n\n0 0\n"),
		"--palette: p:6: must be empty behind the last segment");
	refused(palette_ggr_parse, GGR("0\n"),
		"--palette: p:3: must be the number of segments, 1..1000");
	refused(palette_ggr_parse, GGR("86\n"), "--palette: p:3: must have at most 85 segments");
	refused(palette_ggr_parse, GGR("2\n0 0.25 0.5 0 0 0 1 1 0 0 1 0 0\n"),
		"--palette: p:4: ends before its last segment");
	refused(palette_ggr_parse, GGR("1\n0 0.25 0.5 0 0 0 1 1 0 0 1 0 0\n"),
		"--palette: p:4: the last segment must end at 1");
	refused(palette_ggr_parse, GGR("1\n0.2 0.25 1 0 0 0 1 1 0 0 1 0 0\n"),
		"--palette: p:4: must begin where the one before it ended, and rise to at most 1");
	refused(palette_ggr_parse, GGR("1\n0 0.5 1 0 0 0 1 1 0 nan 1 0 0\n"),
		"--palette: p:4: must be a segment: 11 numbers, blending 0..5, colouring 0..2");
}

#define UGR                                                                                      \
	"; a comment {\nSunny {\ngradient:\n  title=\"a = b\" smooth=yes rotation=0\n"           \
	"  index=0 color=255\n  index=100 color=65280 index=300 color=16711680\nopacity:\n"      \
	"  smooth=no index=0 opacity=255\n}\nOther one {\ngradient:\n smooth=no rotation=-50 "   \
	"index=50 "                                                                              \
	"color=0 index=250 color=16777215\n}\nLate {\ngradient:\n index=200 color=0 index=-100 " \
	"color=255\n}\n"

static void gradients_of_ultra_fractal_are_rings(void **state)
{
	(void)state;
	struct brot_error err;
	taken(palette_ugr_parse, UGR, NULL);
	assert_true(palette.is_cyclic);
	assert_false(palette.is_linear);
	assert_int_equal(palette.stop_count, 3);
	is_stop(0, 0, 255, 0, 0);
	is_stop(1, 0.25, 0, 255, 0);
	is_stop(2, 0.75, 0, 0, 255);
	taken(palette_ugr_parse, UGR, "Other one");
	assert_true(palette.is_linear);
	is_stop(0, 0, 0, 0, 0);
	is_stop(1, 0.5, 255, 255, 255);
	/* A ring whose first colour is behind 0 has there what lies between its ends. */
	taken(palette_ugr_parse, UGR, "Late");
	assert_int_equal(palette.stop_count, 3);
	is_stop(0, 0, 170, 0, 0);
	is_stop(1, 0.5, 0, 0, 0);
	is_stop(2, 0.75, 255, 0, 0);
	assert_int_equal(parse(palette_ugr_parse, UGR, "None", &err), BROT_E_NOT_FOUND);
	assert_string_equal(err.text, "--palette: p has no gradient \"None\"");
	refused(palette_ugr_parse, "x {\ngradient:\n index=0 color=1\n}\n",
		"--palette: p:4: a gradient must have two colours");
	refused(palette_ugr_parse, "x {\ngradient:\n color=1\n}\n",
		"--palette: p:3: color must follow an index");
	refused(palette_ugr_parse, "x {\ngradient:\n index=0 color=99999999\n}\n",
		"--palette: p:3: color must be 0..16777215");
	refused(palette_ugr_parse, "x {\ngradient:\n index=0 color=1 index=400 color=2\n}\n",
		"--palette: p:4: a gradient must have colours at two places");
	refused(palette_ugr_parse, "x {\ngradient:\n",
		"--palette: p:2: must have a block NAME { gradient: ... }");
}

static void stops_are_placed_as_css_does(void **state)
{
	(void)state;
	taken(palette_css_parse, "[\"#000\", \"orange\", \"#fA0b0C 80%\", \"white\"]", NULL);
	assert_false(palette.is_cyclic);
	assert_true(palette.is_linear);
	is_stop(1, 0.4, 255, 165, 0);
	is_stop(2, 0.8, 0xfa, 0x0b, 0x0c);
	is_stop(3, 1.0, 255, 255, 255);
	taken(palette_css_parse, "{\"cyclic\":true,\"stops\":[\"red\",\"lime\",\"blue\",\"teal\"]}",
	      NULL);
	assert_true(palette.is_cyclic);
	assert_false(palette.is_linear);
	is_stop(3, 0.75, 0, 128, 128);
	taken(palette_css_parse, "{\"linear\":true,\"stops\":[\"red\",\"lime\"]}", NULL);
	assert_true(palette.is_linear);
	taken(palette_css_parse, "{\"cyclic\":false,\"stops\":[[0,\"#000000\"],[1,\"#ffffff\"]]}",
	      NULL);
	is_stop(1, 1.0, 255, 255, 255);
	refused(palette_css_parse, "[\"#000\"", "--palette: p:1: ']' expected near end of file");
	refused(palette_css_parse, "[\"#000\"]", "--palette: p:1: must have 2..256 stops, got 1");
	refused(palette_css_parse, "{}",
		"--palette: p:1: must be a list of stops, or an object with \"cyclic\", "
		"\"linear\" and \"stops\"");
	refused(palette_css_parse, "{\"stops\":[\"red\",\"lime\"],\"cyclc\":true}",
		"--palette: p:1: must be a list of stops, or an object with \"cyclic\", "
		"\"linear\" and \"stops\"");
#define RULE "must be \"#rrggbb\", \"#rgb\" or a name, with a place such as 30% or without"
	refused(palette_css_parse, "[\"#000\",\"#ffff\"]", "--palette: p:1: stop 2: " RULE);
	refused(palette_css_parse, "[\"#000\",\"#fff 101%\"]", "--palette: p:1: stop 2: " RULE);
	refused(palette_css_parse, "[\"#000\",\"#fff 50\"]", "--palette: p:1: stop 2: " RULE);
	refused(palette_css_parse, "[\"#000\",\"#fff 50%%\"]", "--palette: p:1: stop 2: " RULE);
	refused(palette_css_parse, "[\"#000 10%\",\"#fff\"]",
		"--palette: p:1: stop 1: must be at 0%");
	refused(palette_css_parse, "[\"#000\",\"red 50%\",\"#fff 20%\"]",
		"--palette: p:1: stop 3: must be at a higher place than the one before it");
	refused(palette_css_parse, "[\n\"#000\",\n\n\"#ffff\"]", "--palette: p:4: stop 2: " RULE);
	refused(palette_css_parse,
		"{\"cyclic\":false,\n\"stops\":[[0,\"#000000\"],\n[1,\"#fffff\"]]}",
		"--palette: p:3: stop 2: " RULE);
	refused(palette_css_parse, "[\"#000\",\"red 50%\"]",
		"--palette: p:1: stop 2: must be at 100%");
}

/* Where the decimal point is a comma. */
static void any_locale(void **state)
{
	if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
		skip();
	a_map_is_a_ring_of_colours(state);
	segments_of_gimp_are_sampled(state);
	gradients_of_ultra_fractal_are_rings(state);
	stops_are_placed_as_css_does(state);
	assert_non_null(setlocale(LC_ALL, "C"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_a_ring_of_colours),
		cmocka_unit_test(segments_of_gimp_are_sampled),
		cmocka_unit_test(gradients_of_ultra_fractal_are_rings),
		cmocka_unit_test(stops_are_placed_as_css_does),
		cmocka_unit_test(any_locale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
