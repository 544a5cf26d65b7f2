/* request_buddha.c - the keys of a request's `buddha` and `tone`, and the rules between the kind of
 * a request and the rest of it. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/point.h"
#include "proto/request_field.h"

#define PATH_BYTES 64
#define RULE_BYTES 192

/* ---- bands ---- */

static enum brot_err band_read(const char *path, size_t index, const json_t *json,
			       struct buddha_band *ret, struct brot_error *err)
{
	char place[PATH_BYTES];
	(void)snprintf(place, sizeof place, "%.40s[%zu]", path, index);
	const json_t *min = json_array_get(json, 0), *max = json_array_get(json, 1);
	if (json_array_size(json) != 2 || !json_is_integer(min) || !json_is_integer(max))
		return field_refuse(place, "must be [MIN, MAX], numbers of iterations", json, err);
	if (json_integer_value(min) < 1)
		return field_refuse(place, "its minimum must be at least 1", json, err);
	if (json_integer_value(max) > LIMIT_ITERATIONS)
		return field_refuse(place, "its maximum must be at most the request's iterations",
				    json, err);
	if (json_integer_value(min) > json_integer_value(max))
		return field_refuse(place, "its minimum must be at most its maximum", json, err);
	ret->min = (uint32_t)json_integer_value(min);
	ret->max = (uint32_t)json_integer_value(max);
	return BROT_OK;
}

static enum brot_err bands_read(const struct field *field, const char *path, const json_t *json,
				struct request *request, struct brot_error *err)
{
	const size_t count = json_array_size(json);
	struct buddha *buddha = &request->buddha;
	(void)field;
	if (!json_is_array(json) || (count != 1 && count != BUDDHA_CHANNELS))
		return field_refuse(path, "must be one band [MIN, MAX] or three", json, err);
	enum brot_err code = BROT_OK;
	for (size_t i = 0; i < count && code == BROT_OK; i++)
		code = band_read(path, i, json_array_get(json, i), &buddha->bands[i], err);
	buddha->channels = (uint32_t)count;
	return code;
}

static int bands_write(const struct field *field, const struct request *request, json_t *object)
{
	const struct buddha *buddha = &request->buddha;
	json_t *bands = json_array();
	int failed = 0;
	for (uint32_t i = 0; i < buddha->channels; i++)
		failed |= json_array_append_new(bands,
						json_pack("[I,I]", (json_int_t)buddha->bands[i].min,
							  (json_int_t)buddha->bands[i].max));
	return json_object_set_new(object, field->name, bands) | failed;
}

static const struct field_type field_bands = {bands_read, bands_write};

/* ---- the keys ---- */

static const char *sampling_name_at(unsigned index)
{
	return index < SAMPLING_COUNT ? buddha_sampling_name((enum buddha_sampling)index) : NULL;
}

static const char *curve_name_at(unsigned index)
{
	return index < TONE_COUNT ? tone_curve_name((enum tone_curve)index) : NULL;
}

static enum brot_err orbits_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	const char *word = json_string_value(json);
	(void)field;
	if (word == NULL || (strcmp(word, "escaping") != 0 && strcmp(word, "inside") != 0))
		return field_refuse(path, "must be \"escaping\" or \"inside\"", json, err);
	request->buddha.is_inside = word[0] == 'i';
	return BROT_OK;
}

static int orbits_write(const struct field *field, const struct request *request, json_t *object)
{
	return json_object_set_new(object, field->name,
				   json_string(request->buddha.is_inside ? "inside" : "escaping"));
}

static const struct field_type field_orbits = {orbits_read, orbits_write};

#define AT(member_name) .offset = offsetof(struct request, member_name)

const struct field buddha_fields[] = {
	{.name = "points", .type = &field_long, .is_required = true, AT(buddha.points), .min = 1},
	{.name = "first", .type = &field_long, AT(buddha.first)},
	{.name = "seed", .type = &field_long, AT(buddha.seed)},
	{.name = "sampling", .type = &field_word, AT(buddha.sampling), .name_at = sampling_name_at},
	{.name = "orbits", .type = &field_orbits},
	{.name = "bands", .type = &field_bands},
	{.name = NULL},
};

const struct field tone_fields[] = {
	{.name = "curve", .type = &field_word, AT(tone.curve), .name_at = curve_name_at},
	{.name = "gamma", .type = &field_real, AT(tone.gamma), .least = 0.01, .most = 10.0},
	{.name = "white", .type = &field_real, AT(tone.white), .least = 0.0, .most = 1.0},
	{.name = NULL},
};

/* ---- the rules ---- */

const char *request_default_palette(enum request_kind kind)
{
	return kind == KIND_BUDDHABROT ? "grey" : PALETTE_DEFAULT;
}

void request_settle_kind(struct request *request, bool has_palette)
{
	struct buddha *buddha = &request->buddha;
	if (request->kind != KIND_BUDDHABROT)
		return;
	if (buddha->channels == 0) {
		buddha->channels = 1;
		buddha->bands[0] = (struct buddha_band){1, request->iterations};
	}
	if (!has_palette) {
		memset(&request->colour.palette, 0, sizeof request->colour.palette);
		(void)snprintf(request->colour.palette.name, sizeof request->colour.palette.name,
			       "%s", request_default_palette(request->kind));
	}
}

static enum brot_err check_samples(const struct request *request, struct brot_error *err)
{
	const struct buddha *buddha = &request->buddha;
	const unsigned long long points = buddha->points;
	const uint64_t most = buddha_points_most(request->iterations);
	uint64_t fewer, more;
	if (buddha->points > most)
		return error_set(err, BROT_E_REQUEST,
				 "buddha.points: must be at most %llu with %u iterations, got %llu",
				 (unsigned long long)most, (unsigned)request->iterations, points);
	if (buddha->first >= LIMIT_POINTS - buddha->points)
		return error_set(err, BROT_E_REQUEST,
				 "buddha.first: with buddha.points it must be below 2^62, got "
				 "%llu and %llu",
				 (unsigned long long)buddha->first, points);
	if (buddha->sampling != SAMPLING_GRID)
		return BROT_OK;
	if (buddha->first != 0 || buddha->seed != 0)
		return error_set(
			err, BROT_E_REQUEST,
			"buddha.%s: must be 0 with sampling \"grid\", got %llu",
			buddha->first != 0 ? "first" : "seed",
			(unsigned long long)(buddha->first != 0 ? buddha->first : buddha->seed));
	if (buddha_grid_fits(buddha->points, &fewer, &more))
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST,
			 "buddha.points: must be twice a square with sampling \"grid\", got %llu: "
			 "%llu would do",
			 points, (unsigned long long)(fewer == 0 ? more : fewer));
}

static enum brot_err check_bands(const struct request *request, struct brot_error *err)
{
	const struct buddha *buddha = &request->buddha;
	for (uint32_t i = 0; i < buddha->channels; i++) {
		const struct buddha_band *band = &buddha->bands[i];
		if (band->max > request->iterations)
			return error_set(err, BROT_E_REQUEST,
					 "buddha.bands[%u]: its maximum must be at most the "
					 "request's iterations, %u, got %u",
					 (unsigned)i, (unsigned)request->iterations,
					 (unsigned)band->max);
		if (!buddha->is_inside && band->max == 1)
			return error_set(err, BROT_E_REQUEST,
					 "buddha.bands[%u]: its maximum must be at least 2, for "
					 "orbits that escape at 1 have no hits, got 1",
					 (unsigned)i);
		if (buddha->is_inside && band->min != 1)
			return error_set(err, BROT_E_REQUEST,
					 "buddha.bands[%u]: its minimum must be 1 with orbits "
					 "\"inside\", which never escape, got %u",
					 (unsigned)i, (unsigned)band->min);
	}
	return BROT_OK;
}

/* Points of orbits that count lie at most 2 away from 0. A view is refused that does not come so
 * near: by more than all roundings, so that no host sees it otherwise. */
static enum brot_err check_reach(const struct request *request, struct brot_error *err)
{
	const struct view *view = &request->view;
	const double re = decimal_to_double(&view->re), im = decimal_to_double(&view->im);
	double turn_cos, turn_sin;
	const double width = decimal_to_double(&view->width);
	const double height = view->height.text[0] != '\0'
				      ? decimal_to_double(&view->height)
				      : width * request->height_px / request->width_px;
	point_rotation(view->rotate_deg, &turn_cos, &turn_sin);
	/* From 0 to the view's sides, in the directions in which these run. */
	const double across = fmax(fabs(re * turn_cos + im * turn_sin) - width / 2, 0);
	const double along = fmax(fabs(im * turn_cos - re * turn_sin) - height / 2, 0);
	const double away = sqrt(across * across + along * along);
	const double roundings = 1e-6 + 1e-12 * (fabs(re) + fabs(im) + width + height);
	if (away <= 2 + roundings)
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST,
			 "view: no orbit reaches it: it must come within 2 of 0, and is %.3g away",
			 away);
}

static enum brot_err check_format(const struct request *request, struct brot_error *err)
{
	const struct format_info *format = format_info(request->format);
	const uint32_t channels = request->buddha.channels;
	if (!format->is_data || channels == format->plane_count)
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST,
			 "buddha.bands: format \"%s\" has %u of them, got %u: %s would do",
			 format->name, (unsigned)format->plane_count, (unsigned)channels,
			 channels == 1 ? "density or density32" : "nebula or nebula32");
}

/* What a Buddhabrot does not have. */
static enum brot_err check_plain(const struct request *request, struct brot_error *err)
{
	static const char rule[] = "must be %s with kind \"buddhabrot\", got %s";
	const struct colour *colour = &request->colour;
	const char *key = NULL, *wanted = NULL, *got = NULL;
	char number[16], sentence[RULE_BYTES];
	if (request->formula != FORMULA_MANDELBROT) {
		key = "formula", wanted = "mandelbrot";
		got = formula_info(request->formula)->name;
	} else if (request->precision != PRECISION_F64) {
		key = "precision", wanted = "f64", got = precision_name(request->precision);
	} else if (colour->mode != COLOUR_SMOOTH) {
		key = "colour.mode", wanted = "smooth", got = colour_mode_name(colour->mode);
	} else if (colour->inside != INSIDE_PLAIN) {
		key = "colour.inside", wanted = "plain", got = colour_inside_name(colour->inside);
	} else if (request->samples != 1 || request->adaptive != 0) {
		key = request->samples != 1 ? "samples" : "adaptive";
		wanted = request->samples != 1 ? "1" : "0";
		got = number;
		(void)snprintf(
			number, sizeof number, "%u",
			(unsigned)(request->samples != 1 ? request->samples : request->adaptive));
	}
	if (key == NULL)
		return BROT_OK;
	(void)snprintf(sentence, sizeof sentence, rule, wanted, got);
	return error_set(err, BROT_E_REQUEST, "%s: %s", key, sentence);
}

enum brot_err request_check_kind(const struct request *request, struct brot_error *err)
{
	const struct format_info *format = format_info(request->format);
	const bool has_counts = format->planes[0] == PLANE_DENSITY ||
				format->planes[0] == PLANE_DENSITY32;
	if (format->is_data && has_counts != (request->kind == KIND_BUDDHABROT))
		return error_set(err, BROT_E_REQUEST, "format: kind \"%s\" has no \"%s\"",
				 request_kind_name(request->kind), format->name);
	if (request->kind != KIND_BUDDHABROT)
		return BROT_OK;
	enum brot_err code = check_plain(request, err);
	if (code == BROT_OK)
		code = check_samples(request, err);
	if (code == BROT_OK)
		code = check_bands(request, err);
	if (code == BROT_OK)
		code = check_format(request, err);
	if (code == BROT_OK)
		code = check_reach(request, err);
	return code;
}
