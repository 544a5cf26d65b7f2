/*
 * colour.h - how numbers become colours: the C form of a request's `colour`, and what each of its
 * modes needs.
 *
 * A *position* runs through the palette, 1.0 a run: round a cyclic palette, to and fro through
 * another. A smooth count v (banded: n + 4) has the position
 *
 *     offset + density * curve(v),  curve(v) = v / period, or 0.0032 log2(v)^3 where period is 0
 *
 * and the colours of the palette themselves are turned by `rotation` of a run, to the nearest of
 * 4096 parts. What lies in [0, 1] has the position offset + density * once(x): x itself for a
 * cyclic palette, x / 2 (but for one part of 4096) for another, so that it goes from the first
 * colour to the last. The modes:
 *
 *   - smooth: the position of the smooth count;
 *   - banded: that of the count n, so that each has one colour;
 *   - histogram: once() of the share of the image's outside samples that have a smaller count, so
 *     that each colour gets the same area;
 *   - distance: once() of 1 - d / (d + 4), d the distance from the set in pixels;
 *   - relief: once() of PowerNorm(power) of the smooth count between the image's least and largest,
 *     lit from azimuth and elevation, as matplotlib's LightSource.shade() does;
 *   - angle: the smooth colour, darker by a quarter where the phase is at least half a turn.
 *
 * Inside points have the colour `interior`, or by `inside` one from the palette: their period's, at
 * (period * 0.61803398875) modulo 1, or `interior` mixed by their distance d from the boundary with
 * the palette's colour at 0.5, in the parts d / (d + 16) and the rest.
 *
 * Modes that need the whole image (colour_needs_image()) are not rendered by workers: a client has
 * the numbers rendered and colours them (request_to_data()).
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_COLOUR_H
#define PROTO_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/palette.h"

enum colour_mode {
	COLOUR_SMOOTH,
	COLOUR_BANDED,
	COLOUR_HISTOGRAM,
	COLOUR_DISTANCE,
	COLOUR_RELIEF,
	COLOUR_ANGLE,
	COLOUR_MODE_COUNT
};
enum colour_inside { INSIDE_PLAIN, INSIDE_PERIOD, INSIDE_DISTANCE, INSIDE_COUNT };
enum colour_blend { BLEND_HSV, BLEND_OVERLAY, BLEND_SOFT, BLEND_COUNT }; /* matplotlib's */

/* A palette by its name, or one that the request brings along. */
struct colour_palette {
	char name[LIMIT_NAME_CHARS + 1]; /* in the table of palettes; "": the stops below */
	bool is_cyclic, is_linear;
	uint32_t stop_count; /* 2..LIMIT_STOPS, or 0 with a name */
	struct palette_stop stops[LIMIT_STOPS];
};

struct colour {
	struct colour_palette palette;
	enum colour_mode mode;
	uint8_t interior[3]; /* sRGB */
	enum colour_inside inside;
	double period;                     /* counts a run, 0..1e9 */
	double density;                    /* 0.0001..10000 */
	double offset, rotation;           /* -1..1 */
	bool is_dithered;                  /* to 8 bits, by a pattern of pixel coordinates */
	double azimuth_deg, elevation_deg; /* of the light, -360..360 clockwise from above; 0..90 */
	double height;                     /* of the relief: vertical exaggeration, 0..10000 */
	double power;                      /* of the norm, 0.01..10 */
	enum colour_blend blend;
};

/* Every default: the palette "classic", smooth, a black interior; light from 315 at 10 degrees. */
void colour_init(struct colour *colour);

/* "#rrggbb": whether text, which may be NULL, is one; and the text of one. */
#define COLOUR_RGB_BYTES 8
bool colour_rgb_parse(const char *text, uint8_t ret_rgb[3]);
const char *colour_rgb_text(const uint8_t rgb[3], char text[COLOUR_RGB_BYTES]);

/* The palette as the table would have it; borrows from *colour. The name is of the table
 * (asserted), as parsing assures. */
void colour_palette_of(const struct colour *colour, struct palette *ret_palette);

/* What the numbers of a pixel must be, bit 1u << PLANE_...: iterations for banded alone, whole and
 * fraction, distance, phase, period, interior. */
unsigned colour_planes(const struct colour *colour);

/* Whether a pixel's colour depends on numbers of other pixels. */
bool colour_needs_image(const struct colour *colour);

/* The names as they stand in JSON. */
const char *colour_mode_name(enum colour_mode mode);
const char *colour_inside_name(enum colour_inside inside);
const char *colour_blend_name(enum colour_blend blend);

#endif
