/* colour.c - what each mode needs. */
#include "proto/colour.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/format.h"

#define PLANE_BIT(plane) (1u << (plane))
#define SMOOTH_BITS      (PLANE_BIT(PLANE_WHOLE) | PLANE_BIT(PLANE_FRACTION))

static const struct {
	const char *name;
	unsigned planes;
	bool needs_image;
} modes[COLOUR_MODE_COUNT] = {
	[COLOUR_SMOOTH] = {"smooth", SMOOTH_BITS, false},
	[COLOUR_BANDED] = {"banded", PLANE_BIT(PLANE_ITERATIONS), false},
	[COLOUR_HISTOGRAM] = {"histogram", SMOOTH_BITS, true},
	[COLOUR_DISTANCE] = {"distance", SMOOTH_BITS | PLANE_BIT(PLANE_DISTANCE), false},
	[COLOUR_RELIEF] = {"relief", SMOOTH_BITS, true},
	[COLOUR_ANGLE] = {"angle", SMOOTH_BITS | PLANE_BIT(PLANE_PHASE), false},
};

static const struct {
	const char *name;
	unsigned planes;
} insides[INSIDE_COUNT] = {
	[INSIDE_PLAIN] = {"plain", 0},
	[INSIDE_PERIOD] = {"period", PLANE_BIT(PLANE_PERIOD)},
	[INSIDE_DISTANCE] = {"distance", PLANE_BIT(PLANE_PERIOD) | PLANE_BIT(PLANE_INTERIOR)},
};

static const char *const blend_names[BLEND_COUNT] = {"hsv", "overlay", "soft"};

void colour_init(struct colour *colour)
{
	*colour = (struct colour){
		.palette = {.name = PALETTE_DEFAULT},
		.density = 1.0,
		.azimuth_deg = 315.0,
		/* matplotlib's gallery lights the Mandelbrot set so; higher, all is pale. */
		.elevation_deg = 10.0,
		.height = 1.5,
		.power = 0.3,
	};
}

bool colour_rgb_parse(const char *text, uint8_t ret_rgb[3])
{
	static const char digits[] = "0123456789abcdefABCDEF";
	if (text == NULL || text[0] != '#' || strlen(text) != 7 || strspn(text + 1, digits) != 6)
		return false;
	unsigned long value = strtoul(text + 1, NULL, 16);
	for (int i = 0; i < 3; i++)
		ret_rgb[i] = (uint8_t)(value >> (16 - 8 * i));
	return true;
}

const char *colour_rgb_text(const uint8_t rgb[3], char text[COLOUR_RGB_BYTES])
{
	(void)snprintf(text, COLOUR_RGB_BYTES, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
	return text;
}

void colour_palette_of(const struct colour *colour, struct palette *ret_palette)
{
	const struct colour_palette *own = &colour->palette;
	if (own->name[0] != '\0') {
		const struct palette *named = palette_by_name(own->name);
		assert(named != NULL);
		*ret_palette = *named;
		return;
	}
	*ret_palette = (struct palette){
		.name = "",
		.title = "the request's own",
		.cyclic = own->is_cyclic,
		.linear = own->is_linear,
		.stop_count = own->stop_count,
		.stops = own->stops,
	};
}

unsigned colour_planes(const struct colour *colour)
{
	return modes[colour->mode].planes | insides[colour->inside].planes;
}

bool colour_needs_image(const struct colour *colour)
{
	return modes[colour->mode].needs_image;
}

const char *colour_mode_name(enum colour_mode mode)
{
	assert((unsigned)mode < COLOUR_MODE_COUNT);
	return modes[mode].name;
}

const char *colour_inside_name(enum colour_inside inside)
{
	assert((unsigned)inside < INSIDE_COUNT);
	return insides[inside].name;
}

const char *colour_blend_name(enum colour_blend blend)
{
	assert((unsigned)blend < BLEND_COUNT);
	return blend_names[blend];
}
