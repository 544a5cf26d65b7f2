/* shade.c - the tables of a request's colours. */
#include "worker/colour/shade.h"

#include <string.h>

#include "proto/logarithm.h"
#include "worker/colour/gradient.h"
#include "worker/colour/place.h"

/* One colour, sRGB of 0..255, into both tables. */
static void entry_set(struct shade *shade, uint32_t entry, const double rgb[3])
{
	for (int c = 0; c < 3; c++) {
		shade->table[entry][c] = (uint8_t)(rgb[c] + 0.5);
		shade->table16[entry][c] = (uint16_t)(rgb[c] * 257.0 + 0.5);
	}
	shade->table[entry][3] = 0;
	shade->table16[entry][3] = 0;
}

static void entry_mix(struct shade *shade, uint32_t entry, const double from[3], const double to[3],
		      double part)
{
	double rgb[3];
	for (int c = 0; c < 3; c++)
		rgb[c] = from[c] + part * (to[c] - from[c]);
	entry_set(shade, entry, rgb);
}

static void tables_make(struct shade *shade, const struct palette *palette,
			const struct colour *colour)
{
	static const double black[3] = {0.0, 0.0, 0.0};
	double rgb[SHADE_ENTRIES][3];
	/* A palette that is run to and fro shows both ends; a cyclic one meets its start again. */
	const uint32_t count = palette->cyclic ? SHADE_ENTRIES : SHADE_ENTRIES / 2;
	gradient_fill(palette, count, rgb);
	for (uint32_t i = count; i < SHADE_ENTRIES; i++)
		memcpy(rgb[i], rgb[SHADE_ENTRIES - 1 - i], sizeof rgb[i]);

	const double turned = colour->rotation * SHADE_ENTRIES + SHADE_ENTRIES + 0.5;
	for (uint32_t i = 0; i <= SHADE_ENTRIES; i++) {
		const double *from = rgb[(i + (uint32_t)turned) % SHADE_ENTRIES];
		entry_set(shade, i, from);
		entry_mix(shade, SHADE_DARK + i, from, black, 0.25);
	}

	double interior[3];
	for (int c = 0; c < 3; c++)
		interior[c] = (double)colour->interior[c];
	entry_set(shade, SHADE_INTERIOR, interior);
	entry_set(shade, SHADE_INTERIOR + 1, interior);
	const double *middle = rgb[(SHADE_ENTRIES / 2 + (uint32_t)turned) % SHADE_ENTRIES];
	for (uint32_t i = 0; i <= SHADE_MIXED + 1; i++)
		entry_mix(shade, SHADE_MIX + i, interior, middle,
			  i < SHADE_MIXED ? (double)i / SHADE_MIXED : 1.0);
}

/* The place of knot i's count, before wrapping. */
static double curve_at(const struct shade *shade, uint32_t i)
{
	const double part = (double)(i % KNOTS_PARTS) / KNOTS_PARTS;
	const double power = (double)(i / KNOTS_PARTS) + logarithm_2(1.0 + part);
	const double entries = SHADE_SCALE * SHADE_ENTRIES * (power * power * power);
	return (entries * shade->density + shade->offset * SHADE_ENTRIES) * SHADE_STEPS;
}

enum brot_err shade_make(const struct colour *colour, struct shade *ret_shade,
			 struct brot_error *err)
{
	struct palette palette;
	(void)err;
	colour_palette_of(colour, &palette);
	tables_make(ret_shade, &palette, colour);
	linear_knots(ret_shade->linear);
	ret_shade->mode = colour->mode;
	ret_shade->inside = colour->inside;
	ret_shade->has_avx2 = place_has_avx2();
	ret_shade->is_dithered = colour->is_dithered;
	ret_shade->density = colour->density;
	ret_shade->offset = colour->offset < 0.0 ? colour->offset + 1.0 : colour->offset;
	/* Of a palette that is run to and fro, the way to. */
	ret_shade->span = colour->density *
			  (palette.cyclic ? 1.0 : (SHADE_ENTRIES / 2 - 1.0) / SHADE_ENTRIES);
	const double runs = colour->period > 0.0 ? colour->density / colour->period : 0.0;
	ret_shade->runs_a_count = runs < SHADE_RUNS_MOST ? runs : SHADE_RUNS_MOST;
	double value = curve_at(ret_shade, 0);
	for (uint32_t i = 0; i < SHADE_KNOTS; i++) {
		const double next = curve_at(ret_shade, i + 1);
		ret_shade->curve[i] = (struct knot){value, next - value};
		value = next;
	}
	return BROT_OK;
}
