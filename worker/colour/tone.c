/* tone.c - bins, the curves over them, and two ways to paint. */
#include "worker/colour/tone.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/logarithm.h"
#include "proto/power.h"
#include "worker/colour/dither.h"

_Static_assert(TONE_EXACT == 2 * TONE_PARTS, "tone_bin() keeps 16 bits of a count");

#define LOG_STEEPNESS 1000.0
#define PIECE_PIXELS  1024

struct channel {
	uint64_t *bins; /* pixels by their counts; once settled, those with no more, of `total` */
	uint64_t total; /* with a count */
	double white;   /* the count that is as bright as can be */
	double *levels; /* of the counts below TONE_EXACT */
};

struct tones {
	struct tone tone;
	uint32_t channels;
	struct channel each[BUDDHA_CHANNELS];
};

uint64_t *tones_bins_new(const struct tones *tones)
{
	/* Most of its pages are never touched. */
	return calloc((size_t)tones->channels * TONE_BINS, sizeof(uint64_t));
}

struct tones *tones_new(const struct tone *tone, uint32_t channels)
{
	struct tones *tones = calloc(1, sizeof *tones);
	assert(channels == 1 || channels == BUDDHA_CHANNELS);
	if (tones == NULL)
		return NULL;
	tones->tone = *tone;
	tones->channels = channels;
	for (uint32_t i = 0; i < channels; i++) {
		struct channel *channel = &tones->each[i];
		channel->bins = calloc(TONE_BINS, sizeof channel->bins[0]);
		channel->levels = calloc(TONE_EXACT, sizeof channel->levels[0]);
		if (channel->bins == NULL || channel->levels == NULL) {
			tones_free(tones);
			return NULL;
		}
	}
	return tones;
}

void tones_free(struct tones *tones)
{
	if (tones == NULL)
		return;
	for (uint32_t i = 0; i < tones->channels; i++) {
		free(tones->each[i].bins);
		free(tones->each[i].levels);
	}
	free(tones);
}

void tones_look(const struct tones *tones, const struct tone_counts *counts, size_t first,
		size_t count, uint64_t *bins)
{
	for (uint32_t c = 0; c < tones->channels; c++, bins += TONE_BINS) {
		const uint64_t *wide = counts->wide[c];
		const uint32_t *narrow = counts->narrow[c];
		for (size_t i = first; i < first + count; i++)
			bins[tone_bin(wide != NULL ? wide[i] : narrow[i])]++;
	}
}

void tones_add(struct tones *tones, const uint64_t *bins)
{
	for (uint32_t c = 0; c < tones->channels; c++, bins += TONE_BINS)
		for (size_t i = 0; i < TONE_BINS; i++)
			if (bins[i] != 0)
				tones->each[c].bins[i] += bins[i];
}

static double level_at(const struct tones *tones, const struct channel *channel, uint64_t count)
{
	const double x = fmin((double)count / channel->white, 1.0);
	if (count == 0 || channel->total == 0)
		return 0.0;
	switch (tones->tone.curve) {
	case TONE_LINEAR:
		return x;
	case TONE_LOG:
		return fmin(logarithm_2(1.0 + LOG_STEEPNESS * x) / logarithm_2(1.0 + LOG_STEEPNESS),
			    1.0);
	case TONE_GAMMA:
		return fmin(power_of(x, tones->tone.gamma), 1.0);
	case TONE_RANK:
		return (double)channel->bins[tone_bin(count)] / (double)channel->total;
	case TONE_SQRT:
	case TONE_COUNT:
		break;
	}
	return sqrt(x);
}

static void channel_settle(const struct tones *tones, struct channel *channel)
{
	uint64_t up_to = 0;
	bool is_found = false;
	channel->bins[0] = 0; /* no pixel without a count matters */
	for (uint32_t i = 0; i < TONE_BINS; i++)
		channel->total += channel->bins[i];
	channel->white = 1.0;
	for (uint32_t i = 0; i < TONE_BINS; i++) {
		const uint64_t here = channel->bins[i];
		up_to += here;
		channel->bins[i] = up_to;
		if (here != 0 && !is_found &&
		    (double)up_to >= tones->tone.white * (double)channel->total) {
			channel->white = (double)tone_bin_least(i);
			is_found = true;
		}
	}
	for (uint32_t i = 0; i < TONE_EXACT; i++)
		channel->levels[i] = level_at(tones, channel, i);
}

void tones_settle(struct tones *tones)
{
	for (uint32_t c = 0; c < tones->channels; c++)
		channel_settle(tones, &tones->each[c]);
}

double tones_level(const struct tones *tones, uint32_t channel, uint64_t count)
{
	const struct channel *of = &tones->each[channel];
	return count < TONE_EXACT ? of->levels[count] : level_at(tones, of, count);
}

/* ---- pixels ---- */

/* A piece of a row. */
struct piece {
	const struct tones *tones;
	const struct shade *shade;
	const struct tone_area *area;
	uint32_t y, x, count; /* y: of the picture */
};

static void piece_levels(const struct piece *piece, uint32_t channel, double *ret_levels)
{
	const struct tone_counts *counts = &piece->area->counts;
	const size_t first = (size_t)piece->y * piece->area->w + piece->x;
	const uint64_t *wide = counts->wide[channel];
	const uint32_t *narrow = counts->narrow[channel];
	for (uint32_t i = 0; i < piece->count; i++)
		ret_levels[i] = tones_level(piece->tones, channel,
					    wide != NULL ? wide[first + i] : narrow[first + i]);
}

static uint32_t place_of(const struct shade *shade, double level)
{
	return shade_place_of_runs(shade->offset + shade->span * level);
}

static const uint8_t *plain_of(const struct shade *shade, double level)
{
	return shade->table[place_of(shade, level) / SHADE_STEPS];
}

/* Sixteen bits. */
static void piece_fine(const struct piece *piece, uint16_t (*ret_rgb)[3])
{
	double levels[PIECE_PIXELS];
	for (uint32_t c = 0; c < piece->tones->channels; c++) {
		piece_levels(piece, c, levels);
		for (uint32_t i = 0; i < piece->count; i++) {
			if (piece->tones->channels == 1)
				shade_fine(piece->shade, place_of(piece->shade, levels[i]),
					   ret_rgb[i]);
			else
				ret_rgb[i][c] = (uint16_t)(levels[i] * 65535.0 + 0.5);
		}
	}
}

static void paint_dithered(const struct piece *piece, uint8_t *rgb)
{
	uint16_t fine[PIECE_PIXELS][3];
	piece_fine(piece, fine);
	for (uint32_t i = 0; i < piece->count; i++) {
		const uint32_t threshold = dither_threshold(piece->x + i, piece->y);
		for (uint32_t c = 0; c < 3; c++)
			rgb[3 * i + c] = dither_to_8(fine[i][c], threshold);
	}
}

static void paint_plain(const struct piece *piece, uint8_t *rgb)
{
	double levels[PIECE_PIXELS];
	for (uint32_t c = 0; c < piece->tones->channels; c++) {
		piece_levels(piece, c, levels);
		for (uint32_t i = 0; i < piece->count; i++) {
			if (piece->tones->channels == 1)
				memcpy(rgb + 3 * i, plain_of(piece->shade, levels[i]), 3);
			else
				rgb[3 * i + c] = (uint8_t)(levels[i] * 255.0 + 0.5);
		}
	}
}

static void paint16(const struct piece *piece, uint8_t *rgb)
{
	uint16_t fine[PIECE_PIXELS][3];
	piece_fine(piece, fine);
	memcpy(rgb, fine, piece->count * sizeof fine[0]);
}

static void paint(const struct tones *tones, const struct shade *shade,
		  const struct tone_area *area, uint8_t *rgb, size_t stride_bytes, bool is_16)
{
	struct piece piece = {.tones = tones, .shade = shade, .area = area};
	for (uint32_t row = 0; row < area->h; row++)
		for (piece.x = 0; piece.x < area->w; piece.x += piece.count) {
			const uint32_t left = area->w - piece.x;
			uint8_t *to = rgb + row * stride_bytes + (size_t)piece.x * (is_16 ? 6 : 3);
			piece.y = area->y + row;
			piece.count = left < PIECE_PIXELS ? left : PIECE_PIXELS;
			if (is_16)
				paint16(&piece, to);
			else if (shade->is_dithered)
				paint_dithered(&piece, to);
			else
				paint_plain(&piece, to);
		}
}

void tones_rgb8(const struct tones *tones, const struct shade *shade, const struct tone_area *area,
		uint8_t *rgb, size_t stride_bytes)
{
	paint(tones, shade, area, rgb, stride_bytes, false);
}

void tones_rgb16(const struct tones *tones, const struct shade *shade, const struct tone_area *area,
		 uint16_t *rgb, size_t stride_bytes)
{
	paint(tones, shade, area, (uint8_t *)rgb, stride_bytes, true);
}
