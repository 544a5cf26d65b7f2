/* buddha_words.c - each word read, then put where it belongs. */
#include "client/buddha_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/quote.h"

#define NUMBER_MOST ((uint64_t)INT64_MAX)

/* ---- the kind ---- */

static void palette_set(struct request *request, const char *name)
{
	struct colour_palette *palette = &request->colour.palette;
	memset(palette, 0, sizeof *palette);
	(void)snprintf(palette->name, sizeof palette->name, "%s", name);
}

void buddha_words_kind(const char *kind, struct request *request)
{
	const enum request_kind old = request->kind;
	enum request_kind new = old;
	for (unsigned i = 0; kind != NULL && i < KIND_COUNT; i++)
		if (strcmp(kind, request_kind_name((enum request_kind)i)) == 0)
			new = (enum request_kind)i;
	if (new == old)
		return;
	request->kind = new;
	if (strcmp(request->colour.palette.name, request_default_palette(old)) == 0)
		palette_set(request, request_default_palette(new));
	if (format_info(request->format)->is_data)
		request->format = FORMAT_RGB8;
	request->precision = PRECISION_F64;
	request->samples = 1;
	request->adaptive = 0;
	request->colour.mode = COLOUR_SMOOTH;
	request->colour.inside = INSIDE_PLAIN;
	buddha_init(&request->buddha);
	tone_init(&request->tone);
}

/* ---- numbers ---- */

static enum brot_err refuse_number(const char *option, const char *rule, const char *text,
				   struct brot_error *err)
{
	char quoted[QUOTE_BYTES];
	return error_set(err, BROT_E_USAGE, "%s: must be %s, got \"%s\"", option, rule,
			 quote_text(text, strlen(text), quoted, sizeof quoted));
}

static bool append_digit(uint64_t *number, unsigned digit)
{
	if (*number > (NUMBER_MOST - digit) / 10)
		return false;
	*number = *number * 10 + digit;
	return true;
}

enum brot_err buddha_words_number(const char *option, const char *text, uint64_t *ret,
				  struct brot_error *err)
{
	static const char rule[] = "a whole number below 2^63, as 1000000 or 1e6";
	uint64_t number = 0, power = 0;
	unsigned digits = 0, behind = 0;
	bool is_behind = false, is_good = true;
	const char *p = text;
	for (; is_good && ((*p >= '0' && *p <= '9') || (*p == '.' && !is_behind)); p++) {
		if (*p == '.') {
			is_behind = true;
			continue;
		}
		is_good = append_digit(&number, (unsigned)(*p - '0'));
		digits++;
		behind += is_behind ? 1 : 0;
	}
	if (is_good && (*p == 'e' || *p == 'E')) {
		p++;
		p += *p == '+' ? 1 : 0;
		is_good = *p != '\0';
		for (; is_good && *p >= '0' && *p <= '9'; p++)
			is_good = append_digit(&power, (unsigned)(*p - '0')) && power < 1000;
	}
	is_good = is_good && digits > 0 && *p == '\0' && (!is_behind || behind > 0);
	for (; is_good && power > behind && number > 0; power--)
		is_good = append_digit(&number, 0);
	for (; is_good && behind > power; behind--) {
		is_good = number % 10 == 0;
		number /= 10;
	}
	if (!is_good)
		return refuse_number(option, rule, text, err);
	*ret = number;
	return BROT_OK;
}

static enum brot_err read_real(const char *option, const char *text, double *ret,
			       struct brot_error *err)
{
	char *end;
	const double value = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(value))
		return refuse_number(option, "a number", text, err);
	*ret = value;
	return BROT_OK;
}

/* ---- samples ---- */

static enum brot_err read_per_pixel(const char *text, struct request *request,
				    struct brot_error *err)
{
	double each = 0.0;
	enum brot_err code = read_real("--samples-per-pixel", text, &each, err);
	const double points = ceil(each * request->width_px * request->height_px);
	if (code == BROT_OK && !(each > 0.0 && points < 0x1p62))
		code = refuse_number("--samples-per-pixel", "over 0 and make less than 2^62 points",
				     text, err);
	if (code == BROT_OK)
		request->buddha.points = (uint64_t)points;
	return code;
}

static enum brot_err read_sampling(const char *word, struct buddha *buddha, struct brot_error *err)
{
	for (unsigned i = 0; i < SAMPLING_COUNT; i++)
		if (strcmp(word, buddha_sampling_name((enum buddha_sampling)i)) == 0) {
			buddha->sampling = (enum buddha_sampling)i;
			return BROT_OK;
		}
	return refuse_number("--sampling", "random, grid or zoom", word, err);
}

/* A grid has twice a square of them: as many more as that takes. */
static void fill_grid(struct buddha *buddha)
{
	uint64_t fewer, more;
	if (buddha->sampling == SAMPLING_GRID && buddha->points > 0 &&
	    buddha->points < LIMIT_POINTS && !buddha_grid_fits(buddha->points, &fewer, &more))
		buddha->points = more;
}

static enum brot_err apply_samples(const struct buddha_words *words, struct request *request,
				   struct brot_error *err)
{
	struct buddha *buddha = &request->buddha;
	enum brot_err code = BROT_OK;
	if (words->points != NULL && words->samples_per_pixel != NULL)
		return error_set(err, BROT_E_USAGE,
				 "--points: cannot stand beside --samples-per-pixel");
	if (words->sampling != NULL)
		code = read_sampling(words->sampling, buddha, err);
	if (code == BROT_OK && words->seed != NULL)
		code = buddha_words_number("--seed", words->seed, &buddha->seed, err);
	if (code == BROT_OK && words->points != NULL)
		code = buddha_words_number("--points", words->points, &buddha->points, err);
	if (code == BROT_OK && words->samples_per_pixel != NULL)
		code = read_per_pixel(words->samples_per_pixel, request, err);
	if (code == BROT_OK && words->samples_per_pixel != NULL)
		fill_grid(buddha);
	if (code == BROT_OK && buddha->points == 0)
		code = error_set(err, BROT_E_USAGE,
				 words->points != NULL
					 ? "--points: must be at least 1, got 0"
					 : "--points: must be given with --kind buddhabrot, or "
					   "--samples-per-pixel");
	return code;
}

/* ---- bands ---- */

static enum brot_err read_bands(const char *text, struct buddha *buddha, struct brot_error *err)
{
	static const char rule[] = "one band MIN:MAX of iterations, or three with commas between";
	const char *p = text;
	struct buddha read = *buddha;
	read.channels = 0;
	for (;;) {
		unsigned long bounds[2] = {0, 0};
		for (int i = 0; i < 2; i++) {
			char *end = NULL;
			if (*p < '0' || *p > '9')
				return refuse_number("--bands", rule, text, err);
			bounds[i] = strtoul(p, &end, 10);
			p = end + (i == 0 && *end == ':' ? 1 : 0);
			if ((i == 0 && *end != ':') || bounds[i] > LIMIT_ITERATIONS)
				return refuse_number("--bands", rule, text, err);
		}
		if (read.channels == BUDDHA_CHANNELS)
			return refuse_number("--bands", rule, text, err);
		read.bands[read.channels++] = (struct buddha_band){(uint32_t)bounds[0],
								   (uint32_t)bounds[1]};
		if (*p != ',')
			break;
		p++;
	}
	if (*p != '\0' || (read.channels != 1 && read.channels != BUDDHA_CHANNELS))
		return refuse_number("--bands", rule, text, err);
	*buddha = read;
	return BROT_OK;
}

static uint32_t bands_most(const struct buddha *buddha)
{
	uint32_t most = 1;
	for (uint32_t i = 0; i < buddha->channels; i++)
		most = buddha->bands[i].max > most ? buddha->bands[i].max : most;
	return most;
}

static enum brot_err apply_bands(const struct buddha_words *words, uint32_t iterations,
				 struct request *request, struct brot_error *err)
{
	struct buddha *buddha = &request->buddha;
	const bool is_whole = buddha->channels == 0 ||
			      (buddha->channels == 1 &&
			       buddha->bands[0].max == request->iterations);
	enum brot_err code = BROT_OK;
	if (words->bands != NULL && words->min_iterations != 0)
		return error_set(err, BROT_E_USAGE,
				 "--min-iterations: cannot stand beside --bands");
	if (iterations != 0)
		request->iterations = iterations;
	if (words->bands != NULL) {
		code = read_bands(words->bands, buddha, err);
		if (code == BROT_OK && iterations == 0)
			request->iterations = bands_most(buddha);
		return code;
	}
	if (is_whole || words->min_iterations != 0) {
		const uint32_t min = buddha->channels == 1 ? buddha->bands[0].min : 1;
		buddha->channels = 1;
		buddha->bands[0] = (struct buddha_band){
			words->min_iterations != 0 ? words->min_iterations : min,
			request->iterations};
	}
	if (words->min_iterations > request->iterations)
		return error_set(err, BROT_E_USAGE,
				 "--min-iterations: must be at most the iterations, %u, got %u",
				 (unsigned)request->iterations, (unsigned)words->min_iterations);
	return code;
}

/* ---- tones ---- */

static enum brot_err apply_tone(const struct buddha_words *words, struct tone *tone,
				struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	bool is_known = words->tone == NULL;
	for (unsigned i = 0; words->tone != NULL && i < TONE_COUNT; i++)
		if (strcmp(words->tone, tone_curve_name((enum tone_curve)i)) == 0) {
			tone->curve = (enum tone_curve)i;
			is_known = true;
		}
	if (!is_known)
		return refuse_number("--tone", "linear, sqrt, log, gamma or rank", words->tone,
				     err);
	if (words->gamma != NULL) {
		code = read_real("--gamma", words->gamma, &tone->gamma, err);
		if (words->tone == NULL)
			tone->curve = TONE_GAMMA;
		else if (code == BROT_OK && tone->curve != TONE_GAMMA)
			code = error_set(err, BROT_E_USAGE,
					 "--gamma: goes with --tone gamma alone");
	}
	if (code == BROT_OK && words->white != NULL)
		code = read_real("--white", words->white, &tone->white, err);
	return code;
}

/* ---- all of it ---- */

/* The first option that only a Buddhabrot has; NULL: none. */
static const char *first_given(const struct buddha_words *words)
{
	const struct {
		const char *option;
		bool is_given;
	} options[] = {
		{"--points", words->points != NULL},
		{"--samples-per-pixel", words->samples_per_pixel != NULL},
		{"--bands", words->bands != NULL},
		{"--min-iterations", words->min_iterations != 0},
		{"--sampling", words->sampling != NULL},
		{"--seed", words->seed != NULL},
		{"--inside", words->is_inside},
		{"--tone", words->tone != NULL},
		{"--gamma", words->gamma != NULL},
		{"--white", words->white != NULL},
	};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (options[i].is_given)
			return options[i].option;
	return NULL;
}

enum brot_err buddha_words_apply(const struct buddha_words *words, uint32_t iterations,
				 struct request *request, struct brot_error *err)
{
	const char *given = first_given(words);
	if (request->kind != KIND_BUDDHABROT)
		return given == NULL ? BROT_OK
				     : error_set(err, BROT_E_USAGE,
						 "%s: goes with a Buddhabrot alone, --kind "
						 "buddhabrot",
						 given);
	enum brot_err code = apply_samples(words, request, err);
	if (code == BROT_OK)
		code = apply_bands(words, iterations, request, err);
	if (code == BROT_OK)
		code = apply_tone(words, &request->tone, err);
	if (words->is_inside)
		request->buddha.is_inside = true;
	return code;
}
