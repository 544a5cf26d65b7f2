/*
 * request.c - one table of fields, one walk that reads it and one that writes it.
 *
 * A further key is a row in one of the tables; a further formula, kind or colour mode is a name in
 * a list. A row's type says how its value is read and written.
 */
#include "proto/request.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/nearest.h"
#include "proto/palette.h"
#include "proto/quote.h"

#define REQUEST_VERSION 1
#define PATH_BYTES      64 /* "colour.interior" and the like */

struct field;

struct field_type {
	/* Reads *json into the request; path names the field in a sentence. */
	enum brot_err (*read)(const struct field *field, const char *path, const json_t *json,
			      struct request *request, struct brot_error *err);
	/* Puts the field into object. -1 if memory is short. */
	int (*write)(const struct field *field, const struct request *request, json_t *object);
};

struct field {
	const char *name;
	const struct field_type *type;
	bool is_required;
	size_t offset;                          /* in struct request */
	uint32_t max;                           /* whole numbers: 1..max */
	const char *(*name_at)(unsigned index); /* words of a list: NULL past the end */
	const struct field *members;            /* objects: a table that ends with no name */
};

/* The lists of words. */

static const char *const kind_names[KIND_COUNT] = {"escape"};
static const char *const formula_names[FORMULA_COUNT] = {"mandelbrot"};
static const char *const colour_mode_names[COLOUR_MODE_COUNT] = {"smooth", "banded"};

const char *request_kind_name(enum request_kind kind)
{
	assert((unsigned)kind < KIND_COUNT);
	return kind_names[kind];
}

const char *request_formula_name(enum request_formula formula)
{
	assert((unsigned)formula < FORMULA_COUNT);
	return formula_names[formula];
}

const char *colour_mode_name(enum colour_mode mode)
{
	assert((unsigned)mode < COLOUR_MODE_COUNT);
	return colour_mode_names[mode];
}

static const char *kind_name_at(unsigned index)
{
	return index < KIND_COUNT ? kind_names[index] : NULL;
}

static const char *formula_name_at(unsigned index)
{
	return index < FORMULA_COUNT ? formula_names[index] : NULL;
}

static const char *colour_mode_name_at(unsigned index)
{
	return index < COLOUR_MODE_COUNT ? colour_mode_names[index] : NULL;
}

static const char *format_name_at(unsigned index)
{
	return index < FORMAT_COUNT ? format_info((enum format_id)index)->name : NULL;
}

/* What all readers share. */

/* "<path>: <rule>, got <the value as JSON>" */
static enum brot_err refuse(const char *path, const char *rule, const json_t *json,
			    struct brot_error *err)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT |
					      JSON_REAL_PRECISION(15));
	char quoted[QUOTE_BYTES];
	if (text != NULL)
		quote_text(text, strlen(text), quoted, sizeof quoted);
	else
		quote_text("?", 1, quoted, sizeof quoted);
	free(text);
	return error_set(err, BROT_E_REQUEST, "%s: %s, got %s", path, rule, quoted);
}

/* Reads a whole number 1..max; what names it in the rule ("width ", or ""). */
static enum brot_err read_number(const char *path, const char *what, const json_t *json,
				 uint32_t max, uint32_t *ret, struct brot_error *err)
{
	char rule[PATH_BYTES];
	if (!json_is_integer(json)) {
		(void)snprintf(rule, sizeof rule, "%smust be a whole number 1..%u", what, max);
		return refuse(path, rule, json, err);
	}
	json_int_t value = json_integer_value(json);
	if (value < 1 || value > (json_int_t)max) {
		(void)snprintf(rule, sizeof rule, "%smust be 1..%u", what, max);
		return refuse(path, rule, json, err);
	}
	*ret = (uint32_t)value;
	return BROT_OK;
}

static void *member(const struct field *field, struct request *request)
{
	return (char *)request + field->offset;
}

static const void *member_const(const struct field *field, const struct request *request)
{
	return (const char *)request + field->offset;
}

/* The types of fields, each as a reader, a writer and the pair of them. */

static enum brot_err version_read(const struct field *field, const char *path, const json_t *json,
				  struct request *request, struct brot_error *err)
{
	(void)field;
	(void)request;
	if (!json_is_integer(json) || json_integer_value(json) != REQUEST_VERSION)
		return refuse(path, "must be 1", json, err);
	return BROT_OK;
}

static int version_write(const struct field *field, const struct request *request, json_t *object)
{
	(void)request;
	return json_object_set_new(object, field->name, json_integer(REQUEST_VERSION));
}

static const struct field_type version_type = {version_read, version_write};

static enum brot_err number_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	return read_number(path, "", json, field->max, member(field, request), err);
}

static int number_write(const struct field *field, const struct request *request, json_t *object)
{
	const uint32_t *value = member_const(field, request);
	return json_object_set_new(object, field->name, json_integer(*value));
}

static const struct field_type number_type = {number_read, number_write};

static enum brot_err size_read(const struct field *field, const char *path, const json_t *json,
			       struct request *request, struct brot_error *err)
{
	(void)field;
	if (!json_is_array(json) || json_array_size(json) != 2)
		return refuse(path, "must be [width, height]", json, err);
	enum brot_err code = read_number(path, "width ", json_array_get(json, 0), LIMIT_SIZE_PX,
					 &request->width_px, err);
	if (code == BROT_OK)
		code = read_number(path, "height ", json_array_get(json, 1), LIMIT_SIZE_PX,
				   &request->height_px, err);
	return code;
}

static int size_write(const struct field *field, const struct request *request, json_t *object)
{
	return json_object_set_new(
		object, field->name,
		json_pack("[I, I]", (json_int_t)request->width_px, (json_int_t)request->height_px));
}

static const struct field_type size_type = {size_read, size_write};

/* Enums are stored by their number; every one of ours has the size of this one. */
static_assert(sizeof(enum request_kind) == sizeof(unsigned), "enums are stored as unsigned");

static enum brot_err word_read(const struct field *field, const char *path, const json_t *json,
			       struct request *request, struct brot_error *err)
{
	const char *word = json_string_value(json);
	for (unsigned i = 0; word != NULL && field->name_at(i) != NULL; i++)
		if (strcmp(field->name_at(i), word) == 0) {
			memcpy(member(field, request), &i, sizeof i);
			return BROT_OK;
		}
	char rule[128] = "must be ";
	for (unsigned i = 0; field->name_at(i) != NULL; i++) {
		size_t used = strlen(rule);
		(void)snprintf(rule + used, sizeof rule - used, "%s\"%s\"",
			       i == 0                          ? ""
			       : field->name_at(i + 1) == NULL ? " or "
							       : ", ",
			       field->name_at(i));
	}
	return refuse(path, rule, json, err);
}

static int word_write(const struct field *field, const struct request *request, json_t *object)
{
	unsigned index;
	memcpy(&index, member_const(field, request), sizeof index);
	const char *word = field->name_at(index);
	assert(word != NULL);
	return json_object_set_new(object, field->name, json_string(word));
}

static const struct field_type word_type = {word_read, word_write};

typedef enum brot_err read_text_fn(const char *field, const char *text, size_t chars,
				   struct decimal_text *ret, struct brot_error *err);

/* Hands a coordinate, a string or a number, to one of view.h's readers. */
static enum brot_err read_coordinate(const char *path, const json_t *json, read_text_fn *read_text,
				     struct decimal_text *ret, struct brot_error *err)
{
	struct decimal_text text;
	if (json_is_string(json))
		return read_text(path, json_string_value(json), json_string_length(json), ret, err);
	if (json_is_integer(json))
		(void)snprintf(text.text, sizeof text.text, "%" JSON_INTEGER_FORMAT,
			       json_integer_value(json));
	else if (!json_is_real(json) || !decimal_from_double(json_real_value(json), &text))
		return refuse(path, decimal_rule(DECIMAL_SYNTAX), json, err);
	return read_text(path, text.text, strlen(text.text), ret, err);
}

static enum brot_err centre_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	return read_coordinate(path, json, view_read_centre, member(field, request), err);
}

static enum brot_err extent_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	return read_coordinate(path, json, view_read_extent, member(field, request), err);
}

static int coordinate_write(const struct field *field, const struct request *request,
			    json_t *object)
{
	const struct decimal_text *value = member_const(field, request);
	if (value->text[0] == '\0') /* a height that was not given */
		return 0;
	return json_object_set_new(object, field->name, json_string(value->text));
}

static const struct field_type centre_type = {centre_read, coordinate_write};
static const struct field_type extent_type = {extent_read, coordinate_write};

static enum brot_err angle_read(const struct field *field, const char *path, const json_t *json,
				struct request *request, struct brot_error *err)
{
	double degrees = json_number_value(json);
	if (!json_is_number(json) || !(degrees > -360.0 && degrees < 360.0))
		return refuse(path, "must be a number over -360 and under 360", json, err);
	double *ret = member(field, request);
	*ret = degrees + 0.0; /* -0 becomes 0 */
	return BROT_OK;
}

static int angle_write(const struct field *field, const struct request *request, json_t *object)
{
	const double *degrees = member_const(field, request);
	json_int_t whole = (json_int_t)*degrees;
	return json_object_set_new(object, field->name,
				   (double)whole == *degrees ? json_integer(whole)
							     : json_real(*degrees));
}

static const struct field_type angle_type = {angle_read, angle_write};

static enum brot_err palette_read(const struct field *field, const char *path, const json_t *json,
				  struct request *request, struct brot_error *err)
{
	const char *name = json_string_value(json);
	if (name == NULL)
		return refuse(path, "must be the name of a palette", json, err);
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
	char *ret = member(field, request);
	(void)snprintf(ret, LIMIT_NAME_CHARS + 1, "%s", palette->name);
	return BROT_OK;
}

static int palette_write(const struct field *field, const struct request *request, json_t *object)
{
	return json_object_set_new(object, field->name, json_string(member_const(field, request)));
}

static const struct field_type palette_type = {palette_read, palette_write};

static enum brot_err rgb_read(const struct field *field, const char *path, const json_t *json,
			      struct request *request, struct brot_error *err)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *text = json_string_value(json);
	if (text == NULL || text[0] != '#' || strlen(text) != 7 || strspn(text + 1, digits) != 6)
		return refuse(path, "must be \"#rrggbb\"", json, err);
	uint8_t *ret = member(field, request);
	unsigned long value = strtoul(text + 1, NULL, 16);
	for (int i = 0; i < 3; i++)
		ret[i] = (uint8_t)(value >> (16 - 8 * i));
	return BROT_OK;
}

static int rgb_write(const struct field *field, const struct request *request, json_t *object)
{
	const uint8_t *rgb = member_const(field, request);
	char text[8];
	(void)snprintf(text, sizeof text, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
	return json_object_set_new(object, field->name, json_string(text));
}

static const struct field_type rgb_type = {rgb_read, rgb_write};

static enum brot_err read_members(const struct field *fields, const char *prefix,
				  const json_t *object, struct request *request,
				  struct brot_error *err);
static json_t *write_members(const struct field *fields, const struct request *request);

static enum brot_err object_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	if (!json_is_object(json))
		return refuse(path, "must be an object", json, err);
	char prefix[PATH_BYTES];
	(void)snprintf(prefix, sizeof prefix, "%s.", path);
	return read_members(field->members, prefix, json, request, err);
}

static int object_write(const struct field *field, const struct request *request, json_t *object)
{
	return json_object_set_new(object, field->name, write_members(field->members, request));
}

static const struct field_type object_type = {object_read, object_write};

/* The tables. */

#define AT(member_name) .offset = offsetof(struct request, member_name)

static const struct field view_fields[] = {
	{.name = "re", .type = &centre_type, .is_required = true, AT(view.re)},
	{.name = "im", .type = &centre_type, .is_required = true, AT(view.im)},
	{.name = "width", .type = &extent_type, .is_required = true, AT(view.width)},
	{.name = "height", .type = &extent_type, AT(view.height)},
	{.name = "rotate", .type = &angle_type, AT(view.rotate_deg)},
	{.name = NULL},
};

static const struct field colour_fields[] = {
	{.name = "palette", .type = &palette_type, AT(colour.palette)},
	{.name = "mode", .type = &word_type, AT(colour.mode), .name_at = colour_mode_name_at},
	{.name = "interior", .type = &rgb_type, AT(colour.interior)},
	{.name = NULL},
};

static const struct field request_fields[] = {
	{.name = "brot", .type = &version_type, .is_required = true},
	{.name = "kind", .type = &word_type, AT(kind), .name_at = kind_name_at},
	{.name = "formula", .type = &word_type, AT(formula), .name_at = formula_name_at},
	{.name = "view", .type = &object_type, .is_required = true, .members = view_fields},
	{.name = "size", .type = &size_type, .is_required = true},
	{.name = "iterations", .type = &number_type, AT(iterations), .max = LIMIT_ITERATIONS},
	{.name = "samples", .type = &number_type, AT(samples), .max = LIMIT_SAMPLES},
	{.name = "format", .type = &word_type, AT(format), .name_at = format_name_at},
	{.name = "colour", .type = &object_type, .members = colour_fields},
	{.name = NULL},
};

/* The walks. */

static enum brot_err refuse_unknown(const struct field *fields, const char *prefix, const char *key,
				    struct brot_error *err)
{
	struct nearest nearest = nearest_start(key);
	for (const struct field *field = fields; field->name != NULL; field++)
		nearest_offer(&nearest, field->name);
	char quoted[QUOTE_BYTES], hint[NEAREST_HINT_BYTES];
	return error_set(err, BROT_E_REQUEST, "%s%s: unknown key%s", prefix,
			 quote_text(key, strlen(key), quoted, sizeof quoted),
			 nearest_hint(&nearest, hint));
}

/* Unknown keys are refused before missing ones: a key with a slip in it is both. */
static enum brot_err check_keys(const struct field *fields, const char *prefix,
				const json_t *object, struct brot_error *err)
{
	/* jansson's iterators have no const form; these only read. */
	union {
		const json_t *borrowed;
		json_t *walked;
	} json = {.borrowed = object};
	for (void *at = json_object_iter(json.walked); at != NULL;
	     at = json_object_iter_next(json.walked, at)) {
		const char *key = json_object_iter_key(at);
		const struct field *field = fields;
		while (field->name != NULL && strcmp(field->name, key) != 0)
			field++;
		if (field->name == NULL)
			return refuse_unknown(fields, prefix, key, err);
	}
	return BROT_OK;
}

static enum brot_err read_members(const struct field *fields, const char *prefix,
				  const json_t *object, struct request *request,
				  struct brot_error *err)
{
	enum brot_err code = check_keys(fields, prefix, object, err);
	for (const struct field *field = fields; field->name != NULL && code == BROT_OK; field++) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof path, "%s%s", prefix, field->name);
		const json_t *value = json_object_get(object, field->name);
		if (value != NULL)
			code = field->type->read(field, path, value, request, err);
		else if (field->is_required)
			code = error_set(err, BROT_E_REQUEST, "%s: required, but missing", path);
	}
	return code;
}

static json_t *write_members(const struct field *fields, const struct request *request)
{
	json_t *object = json_object();
	for (const struct field *field = fields; field->name != NULL && object != NULL; field++)
		if (field->type->write(field, request, object) != 0) {
			json_decref(object);
			object = NULL;
		}
	return object;
}

json_t *request_to_json(const struct request *request)
{
	return write_members(request_fields, request);
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

enum brot_err request_from_json(const json_t *json, struct request *ret_request,
				struct brot_error *err)
{
	if (!json_is_object(json))
		return refuse("request", "must be an object", json, err);
	/* First of all: another version may well have other keys. */
	const json_t *version = json_object_get(json, "brot");
	enum brot_err code = BROT_OK;
	if (version != NULL)
		code = version_read(request_fields, "brot", version, NULL, err);
	struct request request;
	request_init(&request);
	request.iterations = 0;
	if (code == BROT_OK)
		code = read_members(request_fields, "", json, &request, err);
	if (code != BROT_OK)
		return code;
	if (request.iterations == 0)
		request.iterations = request_default_iterations(&request.view);
	if (implied_height_is_over(&request))
		return error_set(err, BROT_E_REQUEST,
				 "size: %ux%u makes the view higher than %d, give view.height",
				 request.width_px, request.height_px, LIMIT_COORDINATE);
	const struct format_info *format = format_info(request.format);
	if (format->is_data && request.samples != 1)
		return error_set(err, BROT_E_REQUEST,
				 "samples: must be 1 with format \"%s\", got %u", format->name,
				 request.samples);
	*ret_request = request;
	return BROT_OK;
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
	if (code == json_error_out_of_memory)
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

enum brot_err request_parse(const char *text, size_t bytes, struct request *ret_request,
			    struct brot_error *err)
{
	if (bytes > LIMIT_REQUEST_BYTES)
		return error_set(err, BROT_E_REQUEST,
				 "request: must have at most %d bytes, got %zu",
				 LIMIT_REQUEST_BYTES, bytes);
	json_error_t json_err;
	json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &json_err);
	if (json == NULL)
		return refuse_syntax(text, bytes, &json_err, err);
	enum brot_err code = request_from_json(json, ret_request, err);
	json_decref(json);
	return code;
}

void request_init(struct request *request)
{
	*request = (struct request){
		.kind = KIND_ESCAPE,
		.formula = FORMULA_MANDELBROT,
		.view = {.re = {"-0.75"}, .im = {"0"}, .width = {"4"}},
		.width_px = 1920,
		.height_px = 1080,
		.samples = 1,
		.format = FORMAT_RGB8,
		.colour = {.palette = PALETTE_DEFAULT, .mode = COLOUR_SMOOTH},
	};
	request->iterations = request_default_iterations(&request->view);
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
