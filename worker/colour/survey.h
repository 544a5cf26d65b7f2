/*
 * survey.h - what the whole image says, for the colours of its pixels.
 *
 *     survey_new, survey_part_new, survey_look for every row, survey_add for every part,
 *     survey_settle, survey_free
 *
 * Each thread has a part of its own, which says what it has looked at. Parts are merged by adding
 * integers, or by taking the lesser and the larger: so any order of rows, and any split of them
 * over threads, gives the same bytes.
 *
 * The histogram counts samples outside by their smooth count v, in SURVEY_PARTS bins of equal width
 * between 2^e and 2^(e + 1): at v = 1000 a bin is a 64th of a count. The share of samples with a
 * smaller count is that of the lower bins, and of v's own bin as much as v has of its width.
 *
 * Of a Buddhabrot it is tone.h that looks; a survey has its tones and hands its bins on.
 *
 * Pure. survey_look() is thread-safe for different parts; one thread at a time may call
 * survey_add(), and settled, a survey is constant.
 */
#ifndef WORKER_COLOUR_SURVEY_H
#define WORKER_COLOUR_SURVEY_H

#include <stdint.h>
#include <string.h>

#include "worker/colour/relief.h"
#include "worker/colour/shade.h"
#include "worker/colour/tone.h"

#define SURVEY_PARTS 32768 /* of an octave */
#define SURVEY_BINS  ((size_t)SHADE_OCTAVES * SURVEY_PARTS)
#define SURVEY_PIECE RELIEF_PIECE /* samples that are looked at in a call */

struct survey {
	enum colour_mode mode;
	uint32_t width, height; /* samples */
	struct relief relief;   /* relief: light and ranges */
	uint64_t *bins;         /* histogram: SURVEY_BINS of them */
	double *shares;         /* and the share below each, once settled; SURVEY_BINS + 1 */
	struct tones *tones;    /* of a Buddhabrot, which has nothing else; or NULL */
};

/* What some samples say. */
struct survey_part {
	uint64_t *bins; /* as above, or those of the tones */
	struct relief_range counts, lights;
	struct survey_part *next; /* for the caller */
};

/* A survey of width x height samples, `samples` a pixel and axis, for a mode that needs one.
 * BROT_E_SYSTEM if memory is short. The caller owns *ret_survey. */
enum brot_err survey_new(const struct colour *colour, uint32_t width, uint32_t height,
			 uint32_t samples, struct survey **ret_survey, struct brot_error *err);
/* One of a Buddhabrot's counts. */
enum brot_err survey_new_counts(const struct tone *tone, uint32_t channels,
				struct survey **ret_survey, struct brot_error *err);
void survey_free(struct survey *survey); /* accepts NULL */

/* A part that has seen nothing. NULL if memory is short; the caller owns it. */
struct survey_part *survey_part_new(const struct survey *survey);
void survey_part_free(struct survey_part *part); /* accepts NULL */

/* Looks at `count` samples, at most SURVEY_PIECE, of row y from x on, and adds them to the part;
 * numbers are the whole image's. */
void survey_look(const struct survey *survey, const struct shade_numbers *numbers, uint32_t x,
		 uint32_t y, uint32_t count, struct survey_part *part);

/* Adds a part to the survey, once. */
void survey_add(struct survey *survey, const struct survey_part *part);

/* After all parts. */
void survey_settle(struct survey *survey);

/* The bin of a count, and where in it. */
static inline uint32_t survey_bin(double count, double *ret_rest)
{
	const uint64_t rest_mask = (1ull << 37) - 1, first = 1023ull << 15;
	uint64_t bits;
	count = shade_count(count);
	memcpy(&bits, &count, sizeof bits);
	*ret_rest = (double)(int64_t)(bits & rest_mask) * 0x1p-37;
	return (uint32_t)((bits >> 37) - first);
}

/* The share of samples outside with a smaller count, [0, 1]. */
static inline double survey_share(const struct survey *survey, double count)
{
	double rest;
	const double *at = &survey->shares[survey_bin(count, &rest)];
	return at[0] + rest * (at[1] - at[0]);
}

#endif
