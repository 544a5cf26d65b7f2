/*
 * tone.h - the counts of a Buddhabrot as brightness, and that as pixels.
 *
 *     tones_new, tones_look for all counts, tones_add for all bins, tones_settle, tones_rgb8 or
 *     tones_rgb16, tones_free
 *
 * What the curves are is said in proto/buddha.h. A channel's counts are sorted into TONE_BINS bins
 * by their leading 16 bits: one a count below 65536, and 32768 an octave above. Bins are whole
 * numbers that are added up, so that the order of rows and their split over threads change no byte.
 *
 * One channel's brightness is a place in the palette, once() of proto/colour.h. Three are red,
 * green and blue, as sRGB values.
 *
 * No function of the C library whose last bit may differ is used. Pure; settled, constant and
 * thread-safe. tones_look() is thread-safe for different bins.
 */
#ifndef WORKER_COLOUR_TONE_H
#define WORKER_COLOUR_TONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buddha.h"
#include "worker/colour/shade.h"

#define TONE_EXACT 65536u /* counts below have a bin each */
#define TONE_PARTS 32768u /* of an octave above */
#define TONE_BINS  (TONE_EXACT + 48 * TONE_PARTS)

struct tones; /* opaque */

/* Planes of counts, channel by channel, as many as the tones have: either all of `wide` or all of
 * `narrow`; the others are NULL. */
struct tone_counts {
	const uint64_t *wide[BUDDHA_CHANNELS];
	const uint32_t *narrow[BUDDHA_CHANNELS];
};

/* Some rows of the picture. */
struct tone_area {
	struct tone_counts counts; /* of the whole picture */
	uint32_t y, w, h;          /* whole rows */
};

/* NULL if memory is short. The caller owns it. channels: 1 or BUDDHA_CHANNELS. */
struct tones *tones_new(const struct tone *tone, uint32_t channels);
void tones_free(struct tones *tones); /* accepts NULL */

/* Bins that have seen nothing, for tones_look(). NULL if memory is short; free() releases them. */
uint64_t *tones_bins_new(const struct tones *tones);

/* Counts `count` pixels from `first` on in the bins. */
void tones_look(const struct tones *tones, const struct tone_counts *counts, size_t first,
		size_t count, uint64_t *bins);

/* Adds bins, once; then, after all of them, settles. One thread. */
void tones_add(struct tones *tones, const uint64_t *bins);
void tones_settle(struct tones *tones);

/* The brightness of a count, [0, 1]. */
double tones_level(const struct tones *tones, uint32_t channel, uint64_t count);

/* Paints rows, stride_bytes apart: 3 values a pixel, each stored once. */
void tones_rgb8(const struct tones *tones, const struct shade *shade, const struct tone_area *area,
		uint8_t *rgb, size_t stride_bytes);
void tones_rgb16(const struct tones *tones, const struct shade *shade, const struct tone_area *area,
		 uint16_t *rgb, size_t stride_bytes);

/* The bin of a count, and the least count that a bin has. */
static inline uint32_t tone_bin(uint64_t count)
{
	if (count < TONE_EXACT)
		return (uint32_t)count;
	const uint32_t shift = 48 - (uint32_t)__builtin_clzll(count); /* leaves 16 bits */
	return TONE_EXACT + (shift - 1) * TONE_PARTS + (uint32_t)((count >> shift) % TONE_PARTS);
}

static inline uint64_t tone_bin_least(uint32_t bin)
{
	if (bin < TONE_EXACT)
		return bin;
	const uint32_t shift = (bin - TONE_EXACT) / TONE_PARTS + 1;
	return (uint64_t)(TONE_PARTS + bin % TONE_PARTS) << shift;
}

#endif
