/* survey.c - the histogram, and the ranges that a relief needs. */
#include "worker/colour/survey.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

_Static_assert(SURVEY_PARTS == 1 << 15, "survey_bin() takes 15 bits of a count's significand");

enum brot_err survey_new(const struct colour *colour, uint32_t width, uint32_t height,
			 uint32_t samples, struct survey **ret_survey, struct brot_error *err)
{
	assert(colour_needs_image(colour));
	struct survey *survey = calloc(1, sizeof *survey);
	if (survey == NULL)
		return error_set(err, BROT_E_SYSTEM, "colour: no memory");
	survey->mode = colour->mode;
	survey->width = width;
	survey->height = height;
	relief_init(colour, samples, &survey->relief);
	if (survey->mode == COLOUR_HISTOGRAM) {
		survey->bins = calloc(SURVEY_BINS, sizeof survey->bins[0]);
		survey->shares = calloc(SURVEY_BINS + 1, sizeof survey->shares[0]);
		if (survey->bins == NULL || survey->shares == NULL) {
			survey_free(survey);
			return error_set(err, BROT_E_SYSTEM, "colour: no memory for a histogram");
		}
	}
	*ret_survey = survey;
	return BROT_OK;
}

enum brot_err survey_new_counts(const struct tone *tone, uint32_t channels,
				struct survey **ret_survey, struct brot_error *err)
{
	struct survey *survey = calloc(1, sizeof *survey);
	if (survey != NULL)
		survey->tones = tones_new(tone, channels);
	if (survey == NULL || survey->tones == NULL) {
		survey_free(survey);
		return error_set(err, BROT_E_SYSTEM, "colour: no memory for a histogram");
	}
	*ret_survey = survey;
	return BROT_OK;
}

void survey_free(struct survey *survey)
{
	if (survey == NULL)
		return;
	tones_free(survey->tones);
	free(survey->bins);
	free(survey->shares);
	free(survey);
}

struct survey_part *survey_part_new(const struct survey *survey)
{
	const struct relief_range nothing = {INFINITY, -INFINITY};
	struct survey_part *part = calloc(1, sizeof *part);
	if (part == NULL)
		return NULL;
	part->counts = part->lights = nothing;
	const bool has_bins = survey->tones != NULL || survey->mode == COLOUR_HISTOGRAM;
	/* Most of its pages are never touched: an image has counts of a few octaves. */
	if (survey->tones != NULL)
		part->bins = tones_bins_new(survey->tones);
	else if (has_bins)
		part->bins = calloc(SURVEY_BINS, sizeof part->bins[0]);
	if (has_bins && part->bins == NULL) {
		free(part);
		return NULL;
	}
	return part;
}

void survey_part_free(struct survey_part *part)
{
	if (part == NULL)
		return;
	free(part->bins);
	free(part);
}

void survey_look(const struct survey *survey, const struct shade_numbers *numbers, uint32_t x,
		 uint32_t y, uint32_t count, struct survey_part *part)
{
	const size_t first = (size_t)y * survey->width + x;
	if (survey->mode == COLOUR_RELIEF) {
		const struct relief_at at = {
			.numbers = numbers,
			.sample = (ptrdiff_t)first,
			.stride = survey->width,
			.x = x,
			.y = y,
			.width = survey->width,
			.height = survey->height,
		};
		struct relief_range counts, lights;
		relief_look(&survey->relief, &at, count, &counts, &lights);
		relief_widen(&part->counts, &counts);
		relief_widen(&part->lights, &lights);
		return;
	}
	for (size_t i = first; i < first + count; i++) {
		double rest;
		const uint32_t bin = survey_bin(
			(double)numbers->whole[i] + (double)numbers->fraction[i], &rest);
		part->bins[bin] += numbers->whole[i] != KERNEL_WHOLE_INSIDE;
	}
}

void survey_add(struct survey *survey, const struct survey_part *part)
{
	if (survey->tones != NULL) {
		tones_add(survey->tones, part->bins);
		return;
	}
	for (size_t i = 0; part->bins != NULL && i < SURVEY_BINS; i++)
		survey->bins[i] += part->bins[i];
	if (survey->mode == COLOUR_RELIEF) {
		relief_widen(&survey->relief.counts, &part->counts);
		relief_widen(&survey->relief.lights, &part->lights);
	}
}

void survey_settle(struct survey *survey)
{
	if (survey->tones != NULL)
		tones_settle(survey->tones);
	if (survey->mode != COLOUR_HISTOGRAM)
		return;
	uint64_t total = 0, below = 0;
	for (size_t i = 0; i < SURVEY_BINS; i++)
		total += survey->bins[i];
	for (size_t i = 0; i < SURVEY_BINS; i++) {
		survey->shares[i] = total == 0 ? 0.0 : (double)below / (double)total;
		below += survey->bins[i];
	}
	survey->shares[SURVEY_BINS] = 1.0;
}
