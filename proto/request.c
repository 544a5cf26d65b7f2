/*
 * request.c - the tables of a request's keys, and the rules that hold between several of them.
 *
 * A further key is a row in one of the tables; a further kind or colour mode is a name in a list.
 */
#include "proto/request.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/quote.h"
#include "proto/request_field.h"

/* The lists of words. */

static const char *const kind_names[KIND_COUNT] = {"escape", "buddhabrot"};
static const char *const precision_names[PRECISION_COUNT] = {"f64", "f32"};

const char *request_kind_name(enum request_kind kind)
{
	assert((unsigned)kind < KIND_COUNT);
	return kind_names[kind];
}

const char *precision_name(enum precision precision)
{
	assert((unsigned)precision < PRECISION_COUNT);
	return precision_names[precision];
}

static const char *kind_name_at(unsigned index)
{
	return index < KIND_COUNT ? kind_names[index] : NULL;
}

static const char *formula_name_at(unsigned index)
{
	return index < FORMULA_COUNT ? formula_info((enum formula_id)index)->name : NULL;
}

static const char *precision_name_at(unsigned index)
{
	return index < PRECISION_COUNT ? precision_names[index] : NULL;
}

static const char *format_name_at(unsigned index)
{
	return index < FORMAT_COUNT ? format_info((enum format_id)index)->name : NULL;
}

/* The tables. */

#define AT(member_name) .offset = offsetof(struct request, member_name)

static bool has_c(const struct request *request)
{
	return formula_info(request->formula)->has_c;
}

static bool has_power(const struct request *request)
{
	return formula_info(request->formula)->has_power;
}

static bool has_parameters(const struct request *request)
{
	return has_c(request) || has_power(request);
}

static bool is_buddhabrot(const struct request *request)
{
	return request->kind == KIND_BUDDHABROT;
}

static const struct field parameter_fields[] = {
	{.name = "re", .type = &field_centre, .is_required = true, AT(c_re), .applies = has_c},
	{.name = "im", .type = &field_centre, .is_required = true, AT(c_im), .applies = has_c},
	{.name = "power",
	 .type = &field_number,
	 .is_required = true,
	 AT(power),
	 .min = FORMULA_POWER_MIN,
	 .max = FORMULA_POWER_MAX,
	 .applies = has_power},
	{.name = NULL},
};

static const struct field view_fields[] = {
	{.name = "re", .type = &field_centre, .is_required = true, AT(view.re)},
	{.name = "im", .type = &field_centre, .is_required = true, AT(view.im)},
	{.name = "width", .type = &field_extent, .is_required = true, AT(view.width)},
	{.name = "height", .type = &field_extent, AT(view.height)},
	{.name = "rotate", .type = &field_angle, AT(view.rotate_deg)},
	{.name = NULL},
};

static const struct field request_fields[] = {
	{.name = "brot", .type = &field_version, .is_required = true},
	{.name = "kind", .type = &field_word, AT(kind), .name_at = kind_name_at},
	{.name = "formula", .type = &field_word, AT(formula), .name_at = formula_name_at},
	{.name = "parameters",
	 .type = &field_object,
	 .is_required = true,
	 .members = parameter_fields,
	 .applies = has_parameters},
	{.name = "precision", .type = &field_word, AT(precision), .name_at = precision_name_at},
	{.name = "shortcuts", .type = &field_bool, AT(has_shortcuts)},
	{.name = "view", .type = &field_object, .is_required = true, .members = view_fields},
	{.name = "size", .type = &field_size, .is_required = true},
	{.name = "iterations",
	 .type = &field_number,
	 AT(iterations),
	 .min = 1,
	 .max = LIMIT_ITERATIONS},
	{.name = "buddha",
	 .type = &field_object,
	 .is_required = true,
	 .members = buddha_fields,
	 .applies = is_buddhabrot,
	 .is_of_kind = true},
	{.name = "tone",
	 .type = &field_object,
	 .members = tone_fields,
	 .applies = is_buddhabrot,
	 .is_of_kind = true},
	{.name = "samples", .type = &field_number, AT(samples), .min = 1, .max = LIMIT_SAMPLES},
	{.name = "adaptive", .type = &field_number, AT(adaptive), .min = 0, .max = LIMIT_ADAPTIVE},
	{.name = "format", .type = &field_word, AT(format), .name_at = format_name_at},
	{.name = "colour", .type = &field_object, .members = colour_fields},
	{.name = NULL},
};

json_t *request_to_json(const struct request *request)
{
	return field_write_members(request_fields, request);
}

char *request_to_text(const struct request *request, bool is_ascii)
{
	/* json_dumps() would leave keys out that memory is short for, and say nothing. */
	const size_t flags = JSON_COMPACT | (is_ascii ? JSON_ENSURE_ASCII : 0);
	json_t *json = request_to_json(request);
	const size_t bytes = json != NULL ? json_dumpb(json, NULL, 0, flags) : 0;
	char *text = bytes != 0 ? malloc(bytes + 1) : NULL;
	if (text != NULL && json_dumpb(json, text, bytes, flags) != bytes) {
		free(text);
		text = NULL;
	}
	if (text != NULL)
		text[bytes] = '\0';
	json_decref(json);
	return text;
}

/* Square pixels: the height is width * height_px / width_px, which no field gives. */
static bool implied_height_is_over(const struct request *request)
{
	if (request->view.height.text[0] != '\0')
		return false;
	struct decimal_text height;
	if (decimal_multiply(&request->view.width, (int32_t)request->height_px, &height) !=
	    DECIMAL_OK)
		return true;
	return decimal_compare_magnitude(&height, LIMIT_COORDINATE * request->width_px) > 0;
}

/* By the same operations as the kernels' test of a point. */
static bool c_is_within(const struct request *request)
{
	const double re = decimal_to_double(&request->c_re), im = decimal_to_double(&request->c_im);
	return fma(re, re, im * im) <= 4.0;
}

static enum brot_err refuse_c(const struct request *request, struct brot_error *err)
{
	const char *re = request->c_re.text, *im = request->c_im.text;
	char quoted_re[QUOTE_BYTES], quoted_im[QUOTE_BYTES];
	return error_set(err, BROT_E_REQUEST,
			 "parameters: re and im must be at most 2 away from 0, got %s and %s",
			 quote_text(re, strlen(re), quoted_re, sizeof quoted_re),
			 quote_text(im, strlen(im), quoted_im, sizeof quoted_im));
}

enum brot_err request_from_json(const json_t *json, struct request *ret_request,
				struct brot_error *err)
{
	if (!json_is_object(json))
		return field_refuse("request", "must be an object", json, err);
	/* First of all: another version may well have other keys. */
	const json_t *version = json_object_get(json, "brot");
	enum brot_err code = BROT_OK;
	if (version != NULL)
		code = field_version.read(request_fields, "brot", version, NULL, err);
	struct request request;
	request_init(&request);
	request.iterations = 0;
	if (code == BROT_OK)
		code = field_read_members(request_fields, "", json, &request, err);
	if (code != BROT_OK)
		return code;
	if (request.iterations == 0)
		request.iterations = request_default_iterations(&request.view);
	request_settle_kind(&request,
			    json_object_get(json_object_get(json, "colour"), "palette") != NULL);
	if (formula_info(request.formula)->has_c && !c_is_within(&request))
		return refuse_c(&request, err);
	if (implied_height_is_over(&request))
		return error_set(err, BROT_E_REQUEST,
				 "size: %ux%u makes the view higher than %d, give view.height",
				 request.width_px, request.height_px, LIMIT_COORDINATE);
	const struct format_info *format = format_info(request.format);
	if (format->is_data && request.samples != 1)
		return error_set(err, BROT_E_REQUEST,
				 "samples: must be 1 with format \"%s\", got %u", format->name,
				 request.samples);
	code = request_check_kind(&request, err);
	if (code == BROT_OK)
		code = request_check_colour(&request, err);
	if (code == BROT_OK)
		*ret_request = request;
	return code;
}

/* Copies the string token that ends at `end` into a sentence. */
static const char *quote_key(const char *text, size_t end, char *buffer, size_t buffer_bytes)
{
	size_t last = end > 0 ? end - 1 : 0; /* the closing quote */
	size_t first = last;
	while (first > 0 && (text[first - 1] != '"' || (first > 1 && text[first - 2] == '\\')))
		first--;
	return quote_text(text + first, last - first, buffer, buffer_bytes);
}

static enum brot_err refuse_syntax(const char *text, size_t bytes, const json_error_t *json_err,
				   struct brot_error *err)
{
	char quoted[JSON_ERROR_TEXT_LENGTH];
	enum json_error_code code = json_error_code(json_err);
	/* It seldom says so itself. */
	if (code == json_error_out_of_memory || errno == ENOMEM)
		return error_set(err, BROT_E_SYSTEM, "request: out of memory");
	size_t position = json_err->position > 0 ? (size_t)json_err->position : 0;
	if (code == json_error_duplicate_key && position <= bytes)
		return error_set(err, BROT_E_REQUEST, "%s: duplicate key at line %d, column %d",
				 quote_key(text, position, quoted, QUOTE_BYTES), json_err->line,
				 json_err->column);
	const char *what = "not JSON";
	const char *why = quote_text(json_err->text, strlen(json_err->text), quoted, sizeof quoted);
	if (code == json_error_numeric_overflow) {
		what = "number out of range";
	} else if (code == json_error_null_character || code == json_error_null_byte_in_key) {
		what = "bad string";
		why = "\\u0000 is not allowed";
	}
	return error_set(err, BROT_E_REQUEST, "request: %s at line %d, column %d: %s", what,
			 json_err->line, json_err->column, why);
}

enum brot_err request_read_json(const char *text, size_t bytes, json_t **ret_json,
				struct brot_error *err)
{
	if (bytes > LIMIT_REQUEST_BYTES)
		return error_set(err, BROT_E_REQUEST,
				 "request: must have at most %d bytes, got %zu",
				 LIMIT_REQUEST_BYTES, bytes);
	json_error_t json_err;
	errno = 0;
	json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &json_err);
	if (json == NULL)
		return refuse_syntax(text, bytes, &json_err, err);
	*ret_json = json;
	return BROT_OK;
}

enum brot_err request_parse(const char *text, size_t bytes, struct request *ret_request,
			    struct brot_error *err)
{
	json_t *json = NULL;
	enum brot_err code = request_read_json(text, bytes, &json, err);
	if (code == BROT_OK)
		code = request_from_json(json, ret_request, err);
	json_decref(json);
	return code;
}

void request_init(struct request *request)
{
	*request = (struct request){
		.kind = KIND_ESCAPE,
		.formula = FORMULA_MANDELBROT,
		.c_re = {"0"},
		.c_im = {"0"},
		.power = 2,
		.precision = PRECISION_F64,
		.has_shortcuts = true,
		.width_px = 1920,
		.height_px = 1080,
		.samples = 1,
		.format = FORMAT_RGB8,
	};
	colour_init(&request->colour);
	buddha_init(&request->buddha);
	tone_init(&request->tone);
	request_set_home(request);
}

uint32_t request_default_iterations(const struct view *view)
{
	int64_t zoom = -(int64_t)decimal_log10(&view->width);
	if (view->height.text[0] != '\0') {
		int64_t other = -(int64_t)decimal_log10(&view->height);
		zoom = other > zoom ? other : zoom;
	}
	if (zoom < 0)
		zoom = 0;
	/* The parabola through (0, 500), (5, 5000) and (13, 20000). */
	int64_t iterations = 500 + 525 * zoom + 75 * zoom * zoom;
	return iterations < LIMIT_ITERATIONS ? (uint32_t)iterations : LIMIT_ITERATIONS;
}
