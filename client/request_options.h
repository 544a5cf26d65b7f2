/*
 * request_options.h - the options that describe a request on a command line, for every subcommand
 * that submits one.
 *
 * Rows of an option table for a struct `values` whose member `words` is a struct compose_words, to
 * be handed to compose_request(). `more` ends the help of --format.
 */
#ifndef CLIENT_REQUEST_OPTIONS_H
#define CLIENT_REQUEST_OPTIONS_H

#include "client/compose.h"
#include "proto/limits.h"
#include "proto/options.h"

#define REQUEST_OPTION_WORD(values, word, value, text)                            \
	{                                                                         \
		.name = #word, .arg = value, .help = text, .type = OPTION_STRING, \
		.offset = offsetof(struct values, words.word)                     \
	}

#define REQUEST_OPTION_NUMBER(values, number, text, most)                              \
	{                                                                              \
		.name = #number, .arg = "N", .help = text, .type = OPTION_U32,         \
		.offset = offsetof(struct values, words.number), .min = 1, .max = most \
	}

#define REQUEST_OPTION_SIZE(values)                                                           \
	{                                                                                     \
		.name = "size", .arg = "WxH",                                                 \
		.help = "pixels; 1920x1080 without it, or what the view says",                \
		.type = OPTION_SIZE, .offset = offsetof(struct values, words.size), .min = 1, \
		.max = LIMIT_SIZE_PX                                                          \
	}

#define REQUEST_OPTION_SHORTCUTS(values)                                                       \
	{                                                                                      \
		.name = "no-shortcuts",                                                        \
		.help = "iterate every point to its end; the picture is the same",             \
		.type = OPTION_FLAG, .offset = offsetof(struct values, words.has_no_shortcuts) \
	}

#define REQUEST_OPTIONS(values, more)                                                              \
	REQUEST_OPTION_WORD(values, view, "VIEW",                                                  \
			    "a name that \"views\" lists, RE,IM,WIDTH, XMIN:XMAX,YMIN:YMAX, "      \
			    "@REQUEST.json, @FILE of a .png, .exr or .dzi made here, or of a "     \
			    ".kfr, .toml, .par or .xpf "                                           \
			    "place; the whole of what the formula makes "                          \
			    "without it"),                                                         \
		REQUEST_OPTION_SIZE(values),                                                       \
		REQUEST_OPTION_NUMBER(                                                             \
			values, iterations,                                                        \
			"how long to iterate at most; grows with the zoom without it",             \
			LIMIT_ITERATIONS),                                                         \
		REQUEST_OPTION_NUMBER(                                                             \
			values, samples,                                                           \
			"N x N points for each pixel; 1 without it, or what the view says",        \
			LIMIT_SAMPLES),                                                            \
		REQUEST_OPTION_WORD(values, kind, "KIND",                                          \
				    "what is counted: escape, also without it, or buddhabrot"),    \
		REQUEST_OPTION_WORD(                                                               \
			values, formula, "FORMULA",                                                \
			"what is iterated: mandelbrot, julia:RE,IM, multibrot:POWER, "             \
			"burning-ship "                                                            \
			"or tricorn, the point or power 3 to 6 being its parameter; mandelbrot "   \
			"without it, or what the view says"),                                      \
		REQUEST_OPTION_WORD(                                                               \
			values, precision, "PRECISION",                                            \
			"f64, or f32, which is faster and less deep; f64 without it, or what the " \
			"view says"),                                                              \
		REQUEST_OPTION_SHORTCUTS(values),                                                  \
		REQUEST_OPTION_NUMBER(values, adaptive,                                            \
				      "save samples where that changes no channel by more than N " \
				      "of 255; with --samples",                                    \
				      LIMIT_ADAPTIVE),                                             \
		REQUEST_OPTION_WORD(                                                               \
			values, format, "FORMAT",                                                  \
			"rgb8, rgb16, iterations, smooth, distance, phase or raw; of a "           \
			"Buddhabrot rgb8, rgb16, density or density32, or with three bands "       \
			"nebula or nebula32; " more),                                              \
		REQUEST_OPTIONS_BUDDHA(values), REQUEST_OPTIONS_COLOUR(values)

#define REQUEST_OPTION_BUDDHA(values, key, member, value, text)                 \
	{                                                                       \
		.name = key, .arg = value, .help = text, .type = OPTION_STRING, \
		.offset = offsetof(struct values, words.buddha.member)          \
	}

/* The options of Buddhabrots alone. */
#define REQUEST_OPTIONS_BUDDHA(values)                                                             \
	REQUEST_OPTION_BUDDHA(values, "points", points, "N",                                       \
			      "how many points a Buddhabrot is made of, as 1000000 or 1e6"),       \
		REQUEST_OPTION_BUDDHA(values, "samples-per-pixel", samples_per_pixel, "N",         \
				      "the same as so many points for each pixel"),                \
		REQUEST_OPTION_BUDDHA(                                                             \
			values, "min-iterations", min_iterations, "N",                             \
			"a Buddhabrot of the orbits that escape then at the earliest, as 1000 or " \
			"1e3; at most the iterations, so mostly beside --iterations"),             \
		REQUEST_OPTION_BUDDHA(values, "bands", bands, "MIN:MAX,...",                       \
				      "the orbits that escape within one band of iterations, or "  \
				      "three for red, green and blue, a Nebulabrot; all without "  \
				      "it"),                                                       \
		REQUEST_OPTION_BUDDHA(values, "sampling", sampling, "SAMPLING",                    \
				      "random, grid, or zoom for a view of a small part; random "  \
				      "without it"),                                               \
		REQUEST_OPTION_BUDDHA(values, "seed", seed, "N",                                   \
				      "other random points; 0 without it"),                        \
	{                                                                                          \
		.name = "inside", .help = "the anti-Buddhabrot, of the orbits that do not escape", \
		.type = OPTION_FLAG, .offset = offsetof(struct values, words.buddha.is_inside)     \
	}

/* How a Buddhabrot's counts become brightness. */
#define REQUEST_OPTIONS_TONE(values)                                                              \
	REQUEST_OPTION_BUDDHA(values, "tone", tone, "CURVE",                                      \
			      "of a Buddhabrot's counts: linear, sqrt, log, gamma or rank; sqrt " \
			      "without it, or what the view says"),                               \
		REQUEST_OPTION_BUDDHA(values, "gamma", gamma, "N",                                \
				      "the power of --tone gamma, which it stands for; 0.5 "      \
				      "without it"),                                              \
		REQUEST_OPTION_BUDDHA(values, "white", white, "SHARE",                            \
				      "the share of its pixels with counts that stay below "      \
				      "white; 0.9999 without it")

/* The options that describe colours. */
#define REQUEST_OPTIONS_COLOUR(values)                                                           \
	REQUEST_OPTION_WORD(values, palette, "PALETTE",                                          \
			    "a name that \"palettes\" lists, or @FILE of a .map, .ggr, .ugr or " \
			    ".json file; classic without it, grey of a Buddhabrot, or what the " \
			    "view says"),                                                        \
		REQUEST_OPTION_WORD(values, mode, "MODE",                                        \
				    "smooth, banded, histogram, distance, relief or angle; "     \
				    "smooth without it, or what the view says"),                 \
		REQUEST_OPTION_WORD(                                                             \
			values, colour, "KEY=VALUE,...",                                         \
			"interior=#RRGGBB, inside=plain|period|distance, period=COUNTS, "        \
			"density=N, "                                                            \
			"offset=N, rotation=N, dither=true, and for relief azimuth=DEGREES, "    \
			"elevation=DEGREES, height=N, power=N, blend=hsv|overlay|soft"),         \
		REQUEST_OPTIONS_TONE(values)

/* How a file is written: for a member `struct save_style style`, which begins as SAVE_STYLE. */
#define REQUEST_OPTIONS_FILE(values)                                                             \
	{.name = "dpi",                                                                          \
	 .arg = "N",                                                                             \
	 .help = "pixels an inch, which a PNG or an EXR file then says of itself",               \
	 .type = OPTION_U32,                                                                     \
	 .offset = offsetof(struct values, style.dpi),                                           \
	 .min = 1,                                                                               \
	 .max = SAVE_DPI_MAX},                                                                   \
	{                                                                                        \
		.name = "compress", .arg = "0..9",                                               \
		.help = "how hard a PNG or an EXR file is packed: 0 not at all, 9 most; 4 "      \
			"without it",                                                            \
		.type = OPTION_U32, .offset = offsetof(struct values, style.compress), .min = 0, \
		.max = 9                                                                         \
	}

/* For a member `const char *priority` in struct `values`, whose text is for
 * request_options_priority(): it may be negative. */
#define REQUEST_OPTION_PRIORITY(values)                                                        \
	{                                                                                      \
		.name = "priority", .arg = "N",                                                \
		.help = "-100 to 100: among your jobs the higher ones go first; 0 without it", \
		.type = OPTION_STRING, .offset = offsetof(struct values, priority)             \
	}

/* For a member `const char *client`, which is for request_options_client(). */
#define REQUEST_OPTION_CLIENT(values, without)                                         \
	{                                                                              \
		.name = "client", .arg = "NAME",                                       \
		.help = "in whose name: the broker shares its workers fairly between " \
			"names; " without,                                             \
		.type = OPTION_STRING, .offset = offsetof(struct values, client)       \
	}

/* BROT_E_USAGE for what no broker takes as a client's name. */
enum brot_err request_options_client(const char *client, struct brot_error *err);

/* The number in `text`; 0 where it is NULL. BROT_E_USAGE, *ret_priority untouched, for anything
 * but a whole number in that range; `label` names it in the sentence ("--priority"). */
enum brot_err request_options_priority(const char *label, const char *text, int32_t *ret_priority,
				       struct brot_error *err);

/* Whether a picture can be had of a job that goes on without whoever has submitted it: not where
 * its colours need the whole image and more than one sample a pixel, for the job is then one of
 * numbers, which do not tell. BROT_E_REQUEST. */
enum brot_err request_options_alone(const struct request *request, struct brot_error *err);

/* What "wait" must be told by --format to make that picture of its job; NULL: nothing. */
const char *request_options_wait_format(const struct request *request);

#endif
