/*
 * paint.c - rows of pixels from the places of their samples.
 *
 * A row is painted in pieces, so that all that lies between numbers and bytes stays in the first
 * cache. Eight bits that are not dithered have a way of their own: it is the one that must be fast.
 */
#include <string.h>

#include "proto/limits.h"
#include "worker/colour/dither.h"
#include "worker/colour/place.h"
#include "worker/colour/relief.h"
#include "worker/colour/shade.h"
#include "worker/colour/survey.h"

#define PIECE_SAMPLES 1024 /* of one row of samples; at least LIMIT_SAMPLES */

_Static_assert(PIECE_SAMPLES >= LIMIT_SAMPLES, "a piece has a pixel at least");

/* A piece of a row of pixels. */
struct piece {
	const struct shade *shade;
	const struct shade_area *area;
	uint32_t row, column, count; /* pixels of the area */
};

/* The first of the samples in row b of the piece's pixels. */
static size_t piece_sample(const struct piece *piece, uint32_t b)
{
	const uint32_t samples = piece->area->samples;
	return ((size_t)piece->row * samples + b) * piece->area->stride +
	       (size_t)piece->column * samples;
}

static void piece_places(const struct piece *piece, uint32_t b, uint32_t *ret_places)
{
	place_samples(piece->shade, piece->area, piece_sample(piece, b),
		      (size_t)piece->count * piece->area->samples, ret_places);
}

/* ---- eight bits ---- */

static uint32_t packed(const struct shade *shade, uint32_t place)
{
	uint32_t rgb;
	memcpy(&rgb, shade->table[place / SHADE_STEPS], sizeof rgb);
	return rgb;
}

static void word_set(uint8_t *to, uint32_t word)
{
	memcpy(to, &word, sizeof word);
}

/* Four pixels are three words. A word for each pixel would store the byte after it as well. */
static void paint_plain(const struct shade *shade, const uint32_t *places, uint32_t count,
			uint8_t *rgb)
{
	uint32_t i = 0;
	for (; i + 4 <= count; i += 4, rgb += 12) {
		const uint32_t a = packed(shade, places[i]), b = packed(shade, places[i + 1]);
		const uint32_t c = packed(shade, places[i + 2]), d = packed(shade, places[i + 3]);
		word_set(rgb, a | b << 24);
		word_set(rgb + 4, b >> 8 | c << 16);
		word_set(rgb + 8, c >> 16 | d << 8);
	}
	for (; i < count; i++, rgb += 3)
		memcpy(rgb, shade->table[places[i] / SHADE_STEPS], 3);
}

/* The means of the samples in linear light. */
static void paint_means(const struct piece *piece, uint8_t *rgb)
{
	const uint32_t samples = piece->area->samples, area = samples * samples;
	uint32_t places[PIECE_SAMPLES];
	uint32_t sums[PIECE_SAMPLES][3];
	memset(sums, 0, piece->count * sizeof sums[0]);
	for (uint32_t b = 0; b < samples; b++) {
		piece_places(piece, b, places);
		for (uint32_t i = 0; i < piece->count; i++)
			for (uint32_t a = 0; a < samples; a++) {
				const uint32_t entry = places[i * samples + a] / SHADE_STEPS;
				for (int c = 0; c < 3; c++)
					sums[i][c] += linear_of_srgb(piece->shade->table[entry][c]);
			}
	}
	for (uint32_t i = 0; i < piece->count; i++)
		for (int c = 0; c < 3; c++)
			rgb[3 * i + (uint32_t)c] = linear_to_srgb((sums[i][c] + area / 2) / area);
}

/* ---- sixteen bits ---- */

/* The colours of one row of samples. */
static void piece_colours(const struct piece *piece, uint32_t b, uint16_t (*ret_rgb)[3])
{
	const struct shade *shade = piece->shade;
	const struct shade_area *area = piece->area;
	const size_t count = (size_t)piece->count * area->samples;
	uint32_t places[PIECE_SAMPLES];
	piece_places(piece, b, places);
	if (shade->mode == COLOUR_RELIEF) {
		const struct relief_at at = {
			.numbers = &area->numbers,
			.sample = (ptrdiff_t)piece_sample(piece, b),
			.stride = (ptrdiff_t)area->stride,
			.x = (area->x + piece->column) * area->samples,
			.y = (area->y + piece->row) * area->samples + b,
			.width = area->survey->width,
			.height = area->survey->height,
		};
		relief_colours(&area->survey->relief, shade, &at, places, count, ret_rgb);
		return;
	}
	for (size_t i = 0; i < count; i++)
		shade_fine(shade, places[i], ret_rgb[i]);
}

/* The colours of the pixels. */
static void piece_means(const struct piece *piece, uint16_t (*ret_rgb)[3])
{
	const uint32_t samples = piece->area->samples, area = samples * samples;
	const uint32_t *knots = piece->shade->linear;
	if (samples == 1) {
		piece_colours(piece, 0, ret_rgb);
		return;
	}
	uint16_t rgb[PIECE_SAMPLES][3];
	uint64_t sums[PIECE_SAMPLES][3];
	memset(sums, 0, piece->count * sizeof sums[0]);
	for (uint32_t b = 0; b < samples; b++) {
		piece_colours(piece, b, rgb);
		for (uint32_t i = 0; i < piece->count * samples; i++)
			for (int c = 0; c < 3; c++)
				sums[i / samples][c] += linear_fine(knots, rgb[i][c]);
	}
	for (uint32_t i = 0; i < piece->count; i++)
		for (int c = 0; c < 3; c++)
			ret_rgb[i][c] = (uint16_t)linear_fine_to_srgb(
				knots, (uint32_t)((sums[i][c] + area / 2) / area));
}

static void paint_fine8(const struct piece *piece, uint8_t *rgb)
{
	const struct shade_area *area = piece->area;
	uint16_t fine[PIECE_SAMPLES][3];
	piece_means(piece, fine);
	for (uint32_t i = 0; i < piece->count; i++) {
		const uint32_t threshold = piece->shade->is_dithered
						   ? dither_threshold(area->x + piece->column + i,
								      area->y + piece->row)
						   : DITHER_NEAREST;
		for (int c = 0; c < 3; c++)
			rgb[3 * i + (uint32_t)c] = dither_to_8(fine[i][c], threshold);
	}
}

static void paint8(const struct piece *piece, uint8_t *rgb)
{
	if (piece->shade->is_dithered || piece->shade->mode == COLOUR_RELIEF) {
		paint_fine8(piece, rgb);
	} else if (piece->area->samples > 1) {
		paint_means(piece, rgb);
	} else {
		uint32_t places[PIECE_SAMPLES];
		piece_places(piece, 0, places);
		paint_plain(piece->shade, places, piece->count, rgb);
	}
}

static void paint16(const struct piece *piece, uint8_t *rgb)
{
	uint16_t fine[PIECE_SAMPLES][3];
	piece_means(piece, fine);
	memcpy(rgb, fine, piece->count * sizeof fine[0]);
}

static void paint(const struct shade *shade, const struct shade_area *area, uint8_t *rgb,
		  size_t stride_bytes, bool is_16)
{
	const uint32_t width = PIECE_SAMPLES / area->samples;
	const size_t pixel_bytes = is_16 ? 6 : 3;
	struct piece piece = {.shade = shade, .area = area};
	for (piece.row = 0; piece.row < area->h; piece.row++)
		for (piece.column = 0; piece.column < area->w; piece.column += piece.count) {
			const uint32_t left = area->w - piece.column;
			piece.count = left < width ? left : width;
			uint8_t *to = rgb + piece.row * stride_bytes + piece.column * pixel_bytes;
			if (is_16)
				paint16(&piece, to);
			else
				paint8(&piece, to);
		}
}

void shade_rgb8(const struct shade *shade, const struct shade_area *area, uint8_t *rgb,
		size_t stride_bytes)
{
	paint(shade, area, rgb, stride_bytes, false);
}

void shade_rgb16(const struct shade *shade, const struct shade_area *area, uint16_t *rgb,
		 size_t stride_bytes)
{
	paint(shade, area, (uint8_t *)rgb, stride_bytes, true);
}
