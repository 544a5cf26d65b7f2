/*
 * shade.c - palettes as tables, counts as positions in them.
 *
 * Between stops each channel follows a monotone cubic (Fritsch and Carlson's condition, with the
 * harmonic mean of the neighbouring slopes): a straight line would show its corners as bands of
 * light. Colours are mixed as sRGB values, which is closer to even steps for the eye than linear
 * light is.
 */
#include "worker/colour/shade.h"

#include <string.h>

#include "proto/palette.h"
#include "worker/colour/linear.h"
#include "worker/kernel/logarithm.h"

_Static_assert(SHADE_PARTS == 64, "shade_entry() takes six bits of a count's significand");

/* Stop i of a palette continued on both sides: a cyclic one repeats; another stays as it ends, so
 * that it is flat there and turns back without an edge. */
static void stop_at(const struct palette *palette, int i, int channel, double *ret_position,
		    double *ret_value)
{
	const int count = (int)palette->stop_count;
	int turn = 0;
	if (i < 0)
		turn = -1;
	else if (i >= count)
		turn = 1;
	int k = i - turn * count;
	if (!palette->cyclic && turn != 0)
		k = turn < 0 ? 0 : count - 1;
	*ret_position = (double)palette->stops[k].position + (double)turn;
	*ret_value = (double)palette->stops[k].rgb[channel];
}

/* The tangent at the middle one of three stops. */
static double tangent(const double position[3], const double value[3])
{
	const double before = (value[1] - value[0]) / (position[1] - position[0]);
	const double after = (value[2] - value[1]) / (position[2] - position[1]);
	return before * after > 0.0 ? 2.0 * before * after / (before + after) : 0.0;
}

/* One channel of the palette at a position in [0, 1], which lies between stops i and i + 1. */
static uint8_t channel_at(const struct palette *palette, int i, int channel, double position)
{
	double p[4], v[4];
	for (int k = 0; k < 4; k++)
		stop_at(palette, i - 1 + k, channel, &p[k], &v[k]);
	const double width = p[2] - p[1];
	const double t = (position - p[1]) / width;
	const double from = tangent(p, v) * width, to = tangent(p + 1, v + 1) * width;
	/* Hermite's cubic by Horner's rule. */
	const double rise = v[2] - v[1];
	const double c2 = 3.0 * rise - 2.0 * from - to, c3 = from + to - 2.0 * rise;
	const double value = ((c3 * t + c2) * t + from) * t + v[1];
	return (uint8_t)(value < 0.0 ? 0.0 : value > 255.0 ? 255.0 : value + 0.5);
}

static void table_make(const struct palette *palette, uint8_t table[SHADE_ENTRIES + 1][3])
{
	/* A palette that is run to and fro shows both ends; a cyclic one meets its start again. */
	const int entries = palette->cyclic ? SHADE_ENTRIES : SHADE_ENTRIES / 2;
	const double last = palette->cyclic ? SHADE_ENTRIES : SHADE_ENTRIES / 2 - 1;
	const int last_stop = (int)palette->stop_count - (palette->cyclic ? 1 : 2);
	int stop = 0;
	for (int i = 0; i < entries; i++) {
		const double position = (double)i / last;
		while (stop < last_stop && (double)palette->stops[stop + 1].position <= position)
			stop++;
		for (int c = 0; c < 3; c++)
			table[i][c] = channel_at(palette, stop, c, position);
	}
	for (int i = entries; i < SHADE_ENTRIES; i++)
		memcpy(table[i], table[SHADE_ENTRIES - 1 - i], sizeof table[i]);
}

enum brot_err shade_make(const struct colour *colour, struct shade *ret_shade,
			 struct brot_error *err)
{
	struct palette palette;
	(void)err;
	colour_palette_of(colour, &palette);
	table_make(&palette, ret_shade->table);
	ret_shade->mode = colour->mode;
	memcpy(ret_shade->table[SHADE_INTERIOR], colour->interior, 3);
	for (int i = 0; i <= SHADE_INTERIOR; i++)
		for (int c = 0; c < 3; c++)
			ret_shade->linear[i][c] = linear_of_srgb(ret_shade->table[i][c]);
	for (int i = 0; i <= 32 * SHADE_PARTS; i++) {
		const double part = (double)(i % SHADE_PARTS) / SHADE_PARTS;
		const double power = (double)(i / SHADE_PARTS) + logarithm_2(1.0 + part);
		ret_shade->position[i] = SHADE_SCALE * SHADE_ENTRIES * (power * power * power);
	}
	return BROT_OK;
}

static uint32_t entry_of(const struct shade *shade, const struct shade_numbers *numbers, size_t i)
{
	return shade->mode == COLOUR_BANDED
		       ? shade_banded(shade, numbers->iterations[i])
		       : shade_smooth(shade, numbers->whole[i], numbers->fraction[i]);
}

/* The mean of the samples from i on in linear light. */
static void mean_of(const struct shade *shade, const struct shade_area *area, size_t i,
		    uint8_t ret_rgb[3])
{
	uint32_t sum[3] = {0, 0, 0};
	for (uint32_t b = 0; b < area->samples; b++)
		for (uint32_t a = 0; a < area->samples; a++) {
			const uint32_t entry = entry_of(shade, &area->numbers,
							i + b * area->stride + a);
			for (int c = 0; c < 3; c++)
				sum[c] += shade->linear[entry][c];
		}
	const uint32_t count = area->samples * area->samples;
	for (int c = 0; c < 3; c++)
		ret_rgb[c] = linear_to_srgb((sum[c] + count / 2) / count);
}

void shade_rgb8(const struct shade *shade, const struct shade_area *area, uint8_t *rgb,
		size_t stride_bytes)
{
	for (uint32_t row = 0; row < area->h; row++) {
		uint8_t *to = rgb + row * stride_bytes;
		const size_t first = (size_t)row * area->samples * area->stride;
		for (uint32_t column = 0; column < area->w; column++, to += 3) {
			const size_t i = first + (size_t)column * area->samples;
			if (area->samples > 1)
				mean_of(shade, area, i, to);
			else
				memcpy(to, shade->table[entry_of(shade, &area->numbers, i)], 3);
		}
	}
}

/* Eight bits of sRGB as sixteen. */
void shade_rgb16(const struct shade *shade, const struct shade_area *area, uint16_t *rgb,
		 size_t stride_bytes)
{
	for (uint32_t row = 0; row < area->h; row++) {
		uint16_t *to = (uint16_t *)(void *)((uint8_t *)rgb + row * stride_bytes);
		struct shade_area one = *area;
		for (uint32_t column = 0; column < area->w; column++, to += 3) {
			const size_t i = (size_t)row * area->samples * area->stride +
					 (size_t)column * area->samples;
			uint8_t rgb8[3];
			mean_of(shade, &one, i, rgb8);
			for (int c = 0; c < 3; c++)
				to[c] = (uint16_t)(rgb8[c] * 257);
		}
	}
}
