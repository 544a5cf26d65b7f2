/* buddha_words.c - each word read, then put where it belongs. */
#include "client/buddha_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/quote.h"

#define NUMBER_MOST     ((uint64_t)INT64_MAX)
#define NUMBER_CHARS    64 /* of a word that is one of several */
#define ITERATIONS_RULE "a whole number from 1 to 1000000000, as 1000 or 1e3"
#define BANDS_RULE                                                                             \
	"MIN:MAX, iterations from 1 to 1000000000 of which the first is not larger, or three " \
	"with commas between"
_Static_assert(LIMIT_ITERATIONS == 1000000000, "the rules say so");

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
	if (code == BROT_OK && words->points != NULL && buddha->points >= LIMIT_POINTS)
		code = refuse_number("--points", "below 2^62", words->points, err);
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

/* The number in `chars` characters, of iterations; false where they are none. */
static bool read_bound(const char *text, size_t chars, uint32_t *ret)
{
	char word[NUMBER_CHARS + 1];
	uint64_t number = 0;
	struct brot_error ignored;
	if (chars >= sizeof word)
		return false;
	memcpy(word, text, chars);
	word[chars] = '\0';
	const bool is_good = buddha_words_number("", word, &number, &ignored) == BROT_OK &&
			     number >= 1 && number <= LIMIT_ITERATIONS;
	*ret = is_good ? (uint32_t)number : 0;
	return is_good;
}

/* At "MIN:MAX", of which *ret_end is the end. */
static bool read_band(const char *text, struct buddha_band *ret_band, const char **ret_end)
{
	const size_t min_chars = strcspn(text, ":,");
	if (text[min_chars] != ':')
		return false;
	const char *max = text + min_chars + 1;
	const size_t max_chars = strcspn(max, ":,");
	*ret_end = max + max_chars;
	return read_bound(text, min_chars, &ret_band->min) &&
	       read_bound(max, max_chars, &ret_band->max) && ret_band->min <= ret_band->max;
}

static enum brot_err read_bands(const char *text, struct buddha *buddha, struct brot_error *err)
{
	const char *p = text;
	uint32_t count = 0;
	bool is_good = true;
	struct buddha read = *buddha;
	for (bool is_more = true; is_good && is_more; p += is_more ? 1 : 0) {
		is_good = count < BUDDHA_CHANNELS && read_band(p, &read.bands[count], &p);
		count++;
		is_more = is_good && *p == ',';
	}
	is_good = is_good && *p == '\0' && (count == 1 || count == BUDDHA_CHANNELS);
	if (!is_good)
		return refuse_number("--bands", BANDS_RULE, text, err);
	read.channels = count;
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

static enum brot_err read_min(const struct buddha_words *words, uint32_t iterations,
			      const struct request *request, uint32_t *ret_min,
			      struct brot_error *err)
{
	const char *text = words->min_iterations;
	uint64_t min = 0;
	if (request->buddha.channels > 1)
		return error_set(
			err, BROT_E_USAGE,
			"--min-iterations: is of one band, and the view has three, of red, "
			"green and blue: --bands sets them anew");
	if (words->is_inside || request->buddha.is_inside)
		return error_set(err, BROT_E_USAGE,
				 "--min-iterations: %s, whose orbits do not escape",
				 words->is_inside ? "cannot stand beside --inside"
						  : "has no meaning with the view");
	const enum brot_err code = buddha_words_number("--min-iterations", text, &min, err);
	if (code != BROT_OK)
		return code;
	if (min < 1 || min > LIMIT_ITERATIONS)
		return refuse_number("--min-iterations", ITERATIONS_RULE, text, err);
	if (min > request->iterations)
		return error_set(err, BROT_E_USAGE,
				 "--min-iterations: must be at most the iterations, %u%s, got %u",
				 (unsigned)request->iterations,
				 iterations == 0 ? " without --iterations" : "", (unsigned)min);
	*ret_min = (uint32_t)min;
	return BROT_OK;
}

static enum brot_err apply_bands(const struct buddha_words *words, uint32_t iterations,
				 struct request *request, struct brot_error *err)
{
	struct buddha *buddha = &request->buddha;
	const bool is_whole = buddha->channels == 0 ||
			      (buddha->channels == 1 &&
			       buddha->bands[0].max == request->iterations);
	enum brot_err code = BROT_OK;
	if (words->bands != NULL && words->min_iterations != NULL)
		return error_set(err, BROT_E_USAGE,
				 "--min-iterations: cannot stand beside --bands");
	if (iterations != 0)
		request->iterations = iterations;
	if (words->bands != NULL) {
		code = read_bands(words->bands, buddha, err);
		if (code == BROT_OK && iterations == 0)
			request->iterations = bands_most(buddha);
		if (code == BROT_OK && bands_most(buddha) > request->iterations)
			code = error_set(err, BROT_E_USAGE,
					 "--bands: must be within --iterations, %u, got \"%.80s\"",
					 (unsigned)iterations, words->bands);
		return code;
	}
	uint32_t min = buddha->channels == 1 ? buddha->bands[0].min : 1;
	if (words->min_iterations != NULL)
		code = read_min(words, iterations, request, &min, err);
	if (code == BROT_OK && (is_whole || words->min_iterations != NULL)) {
		buddha->channels = 1;
		buddha->bands[0] = (struct buddha_band){min, request->iterations};
	}
	return code;
}

/* What a request's parser would say of its document, said of what was given. */
static enum brot_err check_bands(const struct buddha_words *words, const struct request *request,
				 struct brot_error *err)
{
	const struct buddha *buddha = &request->buddha;
	const bool is_given = words->bands != NULL;
	for (uint32_t i = 0; i < buddha->channels; i++) {
		const unsigned min = buddha->bands[i].min, max = buddha->bands[i].max;
		if (buddha->is_inside && min != 1)
			return error_set(
				err, BROT_E_USAGE,
				is_given ? "--bands: MIN must be 1 of orbits that do not "
					   "escape, got %u"
					 : "--inside: needs a band whose least is 1, and the "
					   "view's is %u: --bands sets it anew",
				min);
		if (!buddha->is_inside && max < 2)
			return error_set(err, BROT_E_USAGE,
					 "%s must be at least 2, for orbits that escape at 1 have "
					 "no hits, got %u",
					 is_given ? "--bands: MAX" : "--iterations:", max);
	}
	return BROT_OK;
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
		{"--min-iterations", words->min_iterations != NULL},
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
	if (words->is_inside)
		request->buddha.is_inside = true;
	if (code == BROT_OK)
		code = check_bands(words, request, err);
	return code == BROT_OK ? apply_tone(words, &request->tone, err) : code;
}
