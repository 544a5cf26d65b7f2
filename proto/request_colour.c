/* request_colour.c - the keys of a request's `colour`, its palettes, and the rules between them and
 * the rest of a request. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/nearest.h"
#include "proto/quote.h"
#include "proto/request_field.h"

#define PATH_BYTES 64

/* ---- palettes ---- */

static enum brot_err name_read(const char *path, const char *name, struct colour_palette *ret,
			       struct brot_error *err)
{
	const struct palette *palette = palette_by_name(name);
	if (palette == NULL) {
		struct nearest nearest = nearest_start(name);
		for (size_t i = 0; palette_at(i) != NULL; i++)
			nearest_offer(&nearest, palette_at(i)->name);
		char quoted[QUOTE_BYTES], hint[NEAREST_HINT_BYTES];
		return error_set(err, BROT_E_REQUEST, "%s: no palette is named \"%s\"%s", path,
				 quote_text(name, strlen(name), quoted, sizeof quoted),
				 nearest_hint(&nearest, hint));
	}
	memset(ret, 0, sizeof *ret);
	(void)snprintf(ret->name, sizeof ret->name, "%s", palette->name);
	return BROT_OK;
}

static enum brot_err stop_read(const char *path, size_t index, const json_t *json,
			       struct colour_palette *palette, struct brot_error *err)
{
	char place[PATH_BYTES];
	(void)snprintf(place, sizeof place, "%.40s.stops[%u]", path, (unsigned)index);
	struct palette_stop stop;
	const json_t *position = json_array_get(json, 0);
	if (json_array_size(json) != 2 || !json_is_number(position) ||
	    !colour_rgb_parse(json_string_value(json_array_get(json, 1)), stop.rgb))
		return field_refuse(place, "must be [POSITION, \"#rrggbb\"]", json, err);
	stop.position = json_number_value(position) + 0.0; /* -0 becomes 0 */
	if (index == 0 && stop.position != 0.0)
		return field_refuse(place, "must be at position 0", json, err);
	if (!(stop.position >= 0.0 && stop.position <= 1.0))
		return field_refuse(place, "must be at a position 0..1", json, err);
	if (index > 0 && !(stop.position > palette->stops[index - 1].position))
		return field_refuse(place, "must be at a higher position than the one before it",
				    json, err);
	palette->stops[index] = stop;
	return BROT_OK;
}

/* A cyclic palette is at 1 where it began; another ends there. */
static enum brot_err end_check(const char *path, const struct colour_palette *palette,
			       struct brot_error *err)
{
	double last = palette->stops[palette->stop_count - 1].position;
	if (palette->is_cyclic == (last < 1.0))
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST,
			 "%s.stops: the last one's position must be %s, got %.6g", path,
			 palette->is_cyclic ? "below 1 in a cyclic palette"
					    : "1 in a palette that is not cyclic",
			 last);
}

static enum brot_err own_read(const char *path, const json_t *json, struct colour_palette *ret,
			      struct brot_error *err)
{
	const json_t *cyclic = json_object_get(json, "cyclic");
	const json_t *linear = json_object_get(json, "linear");
	const json_t *stops = json_object_get(json, "stops");
	size_t count = json_array_size(stops);
	struct colour_palette palette = {.is_cyclic = json_is_true(cyclic),
					 .is_linear = json_is_true(linear)};
	if (json_object_size(json) != (linear == NULL ? 2 : 3) || !json_is_boolean(cyclic) ||
	    (linear != NULL && !json_is_boolean(linear)) || !json_is_array(stops))
		return error_set(err, BROT_E_REQUEST,
				 "%s: must be a name, or an object with \"cyclic\", \"stops\" and "
				 "perhaps \"linear\"",
				 path);
	if (count < 2 || count > LIMIT_STOPS)
		return error_set(err, BROT_E_REQUEST, "%s.stops: must be 2..%d stops, got %zu",
				 path, LIMIT_STOPS, count);
	enum brot_err code = BROT_OK;
	for (size_t i = 0; i < count && code == BROT_OK; i++)
		code = stop_read(path, i, json_array_get(stops, i), &palette, err);
	palette.stop_count = (uint32_t)count;
	if (code == BROT_OK)
		code = end_check(path, &palette, err);
	if (code == BROT_OK)
		*ret = palette;
	return code;
}

static enum brot_err palette_read(const struct field *field, const char *path, const json_t *json,
				  struct request *request, struct brot_error *err)
{
	struct colour_palette *ret = field_member(field, request);
	if (json_is_string(json))
		return name_read(path, json_string_value(json), ret, err);
	if (json_is_object(json))
		return own_read(path, json, ret, err);
	return field_refuse(path, "must be the name of a palette, or an object", json, err);
}

json_t *request_palette_to_json(const struct colour_palette *palette)
{
	if (palette->name[0] != '\0')
		return json_string(palette->name);
	json_t *stops = json_array();
	int failed = 0;
	for (uint32_t i = 0; i < palette->stop_count; i++) {
		const struct palette_stop *stop = &palette->stops[i];
		char text[COLOUR_RGB_BYTES];
		failed |= json_array_append_new(stops, json_pack("[f,s]", stop->position,
								 colour_rgb_text(stop->rgb, text)));
	}
	json_t *json = json_pack("{s:b,s:b,s:o}", "cyclic", palette->is_cyclic, "linear",
				 palette->is_linear, "stops", stops);
	if (failed != 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static int palette_write(const struct field *field, const struct request *request, json_t *object)
{
	return json_object_set_new(object, field->name,
				   request_palette_to_json(field_member_const(field, request)));
}

static const struct field_type field_palette = {palette_read, palette_write};

/* ---- the keys ---- */

static const char *mode_name_at(unsigned index)
{
	return index < COLOUR_MODE_COUNT ? colour_mode_name((enum colour_mode)index) : NULL;
}

static const char *inside_name_at(unsigned index)
{
	return index < INSIDE_COUNT ? colour_inside_name((enum colour_inside)index) : NULL;
}

static const char *blend_name_at(unsigned index)
{
	return index < BLEND_COUNT ? colour_blend_name((enum colour_blend)index) : NULL;
}

#define AT(member_name) .offset = offsetof(struct request, colour.member_name)

#define REAL(key, member_name, min_value, max_value)                                   \
	{                                                                              \
		.name = key, .type = &field_real, AT(member_name), .least = min_value, \
		.most = max_value                                                      \
	}

const struct field colour_fields[] = {
	{.name = "palette", .type = &field_palette, AT(palette)},
	{.name = "mode", .type = &field_word, AT(mode), .name_at = mode_name_at},
	{.name = "interior", .type = &field_rgb, AT(interior)},
	{.name = "inside", .type = &field_word, AT(inside), .name_at = inside_name_at},
	REAL("period", period, 0.0, 1e9),
	REAL("density", density, 1e-4, 1e4),
	REAL("offset", offset, -1.0, 1.0),
	REAL("rotation", rotation, -1.0, 1.0),
	{.name = "dither", .type = &field_bool, AT(is_dithered)},
	REAL("azimuth", azimuth_deg, -360.0, 360.0),
	REAL("elevation", elevation_deg, 0.0, 90.0),
	REAL("height", height, 0.0, 1e4),
	REAL("power", power, 0.01, 10.0),
	{.name = "blend", .type = &field_word, AT(blend), .name_at = blend_name_at},
	{.name = NULL},
};

/* ---- the rules ---- */

static bool is_analytic(const struct request *request)
{
	return request->formula == FORMULA_MANDELBROT || request->formula == FORMULA_MULTIBROT ||
	       request->formula == FORMULA_JULIA;
}

/* What needs a derivative, which f32 is too coarse for. */
static enum brot_err check_precision(const struct request *request, const char *what,
				     struct brot_error *err)
{
	if (request->precision == PRECISION_F64)
		return BROT_OK;
	return error_set(err, BROT_E_REQUEST, "precision: must be \"f64\" with %s, got \"%s\"",
			 what, precision_name(request->precision));
}

static enum brot_err check_planes(const struct request *request, struct brot_error *err)
{
	static const unsigned f64_alone = 1u << PLANE_DISTANCE | 1u << PLANE_PHASE |
					  1u << PLANE_PERIOD | 1u << PLANE_INTERIOR;
	const struct format_info *format = format_info(request->format);
	const struct colour *colour = &request->colour;
	char what[PATH_BYTES];
	if ((format_planes(format->id) & f64_alone) != 0) {
		(void)snprintf(what, sizeof what, "format \"%s\"", format->name);
		return check_precision(request, what, err);
	}
	if (format->is_data || (colour_planes(colour) & f64_alone) == 0)
		return BROT_OK;
	bool is_mode = colour->mode == COLOUR_DISTANCE || colour->mode == COLOUR_ANGLE;
	(void)snprintf(what, sizeof what, "colour.%s \"%s\"", is_mode ? "mode" : "inside",
		       is_mode ? colour_mode_name(colour->mode)
			       : colour_inside_name(colour->inside));
	return check_precision(request, what, err);
}

static enum brot_err refuse_adaptive(const char *why, const char *got, struct brot_error *err)
{
	return error_set(err, BROT_E_REQUEST, "adaptive: needs %s, got \"%s\"", why, got);
}

static enum brot_err check_adaptive(const struct request *request, struct brot_error *err)
{
	const struct colour *colour = &request->colour;
	if (request->adaptive == 0)
		return BROT_OK;
	if (format_info(request->format)->is_data)
		return refuse_adaptive("a format that is a picture",
				       format_info(request->format)->name, err);
	if (request->samples < 2)
		return error_set(err, BROT_E_REQUEST,
				 "adaptive: needs samples of at least 2, got %u",
				 (unsigned)request->samples);
	if (colour->mode != COLOUR_SMOOTH)
		return refuse_adaptive("colour.mode \"smooth\"", colour_mode_name(colour->mode),
				       err);
	if (colour->inside != INSIDE_PLAIN)
		return refuse_adaptive("colour.inside \"plain\"",
				       colour_inside_name(colour->inside), err);
	if (!is_analytic(request))
		return refuse_adaptive("formula mandelbrot, multibrot or julia",
				       formula_info(request->formula)->name, err);
	return check_precision(request, "adaptive", err);
}

enum brot_err request_check_colour(const struct request *request, struct brot_error *err)
{
	const struct colour *colour = &request->colour;
	enum brot_err code = check_planes(request, err);
	if (code == BROT_OK)
		code = check_adaptive(request, err);
	if (code == BROT_OK && colour->inside != INSIDE_PLAIN &&
	    request->formula != FORMULA_MANDELBROT && request->formula != FORMULA_MULTIBROT)
		code = error_set(err, BROT_E_REQUEST,
				 "colour.inside: must be \"plain\" with formula \"%s\", got \"%s\"",
				 formula_info(request->formula)->name,
				 colour_inside_name(colour->inside));
	return code;
}

bool request_needs_image(const struct request *request)
{
	return !format_info(request->format)->is_data &&
	       (request->kind == KIND_BUDDHABROT || colour_needs_image(&request->colour));
}

enum brot_err request_to_data(const struct request *request, struct request *ret_data,
			      struct brot_error *err)
{
	const uint64_t width = (uint64_t)request->width_px * request->samples;
	const uint64_t height = (uint64_t)request->height_px * request->samples;
	if (width > LIMIT_SIZE_PX || height > LIMIT_SIZE_PX)
		return error_set(err, BROT_E_REQUEST,
				 "samples: %u of %ux%u pixels would be more than %d a side, which "
				 "colour.mode \"%s\" needs at once",
				 (unsigned)request->samples, (unsigned)request->width_px,
				 (unsigned)request->height_px, LIMIT_SIZE_PX,
				 colour_mode_name(request->colour.mode));
	struct request data = *request;
	data.width_px = (uint32_t)width;
	data.height_px = (uint32_t)height;
	data.samples = 1;
	data.adaptive = 0;
	if (request->kind == KIND_BUDDHABROT)
		data.format = request->buddha.channels == 1 ? FORMAT_DENSITY : FORMAT_NEBULA;
	else
		data.format = request->colour.inside == INSIDE_PLAIN ? FORMAT_SMOOTH : FORMAT_RAW;
	enum brot_err code = check_planes(&data, err);
	if (code == BROT_OK)
		*ret_data = data;
	return code;
}
