/* request_field.c - each type of field as a reader, a writer and the pair of them; the walks. */
#include "proto/request_field.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/nearest.h"
#include "proto/quote.h"

#define REQUEST_VERSION 1
#define PATH_BYTES      64 /* "colour.interior" and the like */

enum brot_err field_refuse(const char *path, const char *rule, const json_t *json,
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

/* Reads a whole number min..max; what names it in the rule ("width ", or ""). */
static enum brot_err read_number(const char *path, const char *what, const json_t *json,
				 uint32_t min, uint32_t max, uint32_t *ret, struct brot_error *err)
{
	char rule[PATH_BYTES];
	if (!json_is_integer(json)) {
		(void)snprintf(rule, sizeof rule, "%smust be a whole number %u..%u", what, min,
			       max);
		return field_refuse(path, rule, json, err);
	}
	json_int_t value = json_integer_value(json);
	if (value < (json_int_t)min || value > (json_int_t)max) {
		(void)snprintf(rule, sizeof rule, "%smust be %u..%u", what, min, max);
		return field_refuse(path, rule, json, err);
	}
	*ret = (uint32_t)value;
	return BROT_OK;
}

void *field_member(const struct field *field, struct request *request)
{
	return (char *)request + field->offset;
}

const void *field_member_const(const struct field *field, const struct request *request)
{
	return (const char *)request + field->offset;
}

static enum brot_err version_read(const struct field *field, const char *path, const json_t *json,
				  struct request *request, struct brot_error *err)
{
	(void)field;
	(void)request;
	if (!json_is_integer(json) || json_integer_value(json) != REQUEST_VERSION)
		return field_refuse(path, "must be 1", json, err);
	return BROT_OK;
}

static int version_write(const struct field *field, const struct request *request, json_t *object)
{
	(void)request;
	return json_object_set_new(object, field->name, json_integer(REQUEST_VERSION));
}

const struct field_type field_version = {version_read, version_write};

static enum brot_err number_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	return read_number(path, "", json, field->min, field->max, field_member(field, request),
			   err);
}

static int number_write(const struct field *field, const struct request *request, json_t *object)
{
	const uint32_t *value = field_member_const(field, request);
	return json_object_set_new(object, field->name, json_integer(*value));
}

const struct field_type field_number = {number_read, number_write};

static enum brot_err long_read(const struct field *field, const char *path, const json_t *json,
			       struct request *request, struct brot_error *err)
{
	uint64_t *ret = field_member(field, request);
	if (!json_is_integer(json) || json_integer_value(json) < (json_int_t)field->min) {
		char rule[PATH_BYTES];
		(void)snprintf(rule, sizeof rule, "must be a whole number of at least %u",
			       field->min);
		return field_refuse(path, rule, json, err);
	}
	*ret = (uint64_t)json_integer_value(json);
	return BROT_OK;
}

static int long_write(const struct field *field, const struct request *request, json_t *object)
{
	const uint64_t *value = field_member_const(field, request);
	return json_object_set_new(object, field->name, json_integer((json_int_t)*value));
}

const struct field_type field_long = {long_read, long_write};

static enum brot_err bool_read(const struct field *field, const char *path, const json_t *json,
			       struct request *request, struct brot_error *err)
{
	if (!json_is_boolean(json))
		return field_refuse(path, "must be true or false", json, err);
	bool *ret = field_member(field, request);
	*ret = json_is_true(json);
	return BROT_OK;
}

static int bool_write(const struct field *field, const struct request *request, json_t *object)
{
	const bool *value = field_member_const(field, request);
	return json_object_set_new(object, field->name, json_boolean(*value));
}

const struct field_type field_bool = {bool_read, bool_write};

static enum brot_err size_read(const struct field *field, const char *path, const json_t *json,
			       struct request *request, struct brot_error *err)
{
	(void)field;
	if (!json_is_array(json) || json_array_size(json) != 2)
		return field_refuse(path, "must be [width, height]", json, err);
	enum brot_err code = read_number(path, "width ", json_array_get(json, 0), 1, LIMIT_SIZE_PX,
					 &request->width_px, err);
	if (code == BROT_OK)
		code = read_number(path, "height ", json_array_get(json, 1), 1, LIMIT_SIZE_PX,
				   &request->height_px, err);
	return code;
}

static int size_write(const struct field *field, const struct request *request, json_t *object)
{
	return json_object_set_new(
		object, field->name,
		json_pack("[I, I]", (json_int_t)request->width_px, (json_int_t)request->height_px));
}

const struct field_type field_size = {size_read, size_write};

/* Enums are stored by their number; every one of ours has the size of this one. */
static_assert(sizeof(enum request_kind) == sizeof(unsigned), "enums are stored as unsigned");

static enum brot_err word_read(const struct field *field, const char *path, const json_t *json,
			       struct request *request, struct brot_error *err)
{
	const char *word = json_string_value(json);
	for (unsigned i = 0; word != NULL && field->name_at(i) != NULL; i++)
		if (strcmp(field->name_at(i), word) == 0) {
			memcpy(field_member(field, request), &i, sizeof i);
			return BROT_OK;
		}
	char rule[192] = "must be ";
	for (unsigned i = 0; field->name_at(i) != NULL; i++) {
		size_t used = strlen(rule);
		(void)snprintf(rule + used, sizeof rule - used, "%s\"%s\"",
			       i == 0                          ? ""
			       : field->name_at(i + 1) == NULL ? " or "
							       : ", ",
			       field->name_at(i));
	}
	return field_refuse(path, rule, json, err);
}

static int word_write(const struct field *field, const struct request *request, json_t *object)
{
	unsigned index;
	memcpy(&index, field_member_const(field, request), sizeof index);
	const char *word = field->name_at(index);
	assert(word != NULL);
	return json_object_set_new(object, field->name, json_string(word));
}

const struct field_type field_word = {word_read, word_write};

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
		return field_refuse(path, decimal_rule(DECIMAL_SYNTAX), json, err);
	return read_text(path, text.text, strlen(text.text), ret, err);
}

static enum brot_err centre_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	return read_coordinate(path, json, view_read_centre, field_member(field, request), err);
}

static enum brot_err extent_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	return read_coordinate(path, json, view_read_extent, field_member(field, request), err);
}

static int coordinate_write(const struct field *field, const struct request *request,
			    json_t *object)
{
	const struct decimal_text *value = field_member_const(field, request);
	if (value->text[0] == '\0') /* a height that was not given */
		return 0;
	return json_object_set_new(object, field->name, json_string(value->text));
}

const struct field_type field_centre = {centre_read, coordinate_write};
const struct field_type field_extent = {extent_read, coordinate_write};

static enum brot_err real_read(const struct field *field, const char *path, const json_t *json,
			       struct request *request, struct brot_error *err)
{
	double value = json_number_value(json);
	if (!json_is_number(json) || !(value >= field->least && value <= field->most)) {
		char rule[PATH_BYTES];
		(void)snprintf(rule, sizeof rule, "must be a number %g..%g", field->least,
			       field->most);
		return field_refuse(path, rule, json, err);
	}
	double *ret = field_member(field, request);
	*ret = value + 0.0; /* -0 becomes 0 */
	return BROT_OK;
}

static json_t *real_json(double value)
{
	json_int_t whole = (json_int_t)value;
	return (double)whole == value ? json_integer(whole) : json_real(value);
}

static int real_write(const struct field *field, const struct request *request, json_t *object)
{
	const double *value = field_member_const(field, request);
	return json_object_set_new(object, field->name, real_json(*value));
}

const struct field_type field_real = {real_read, real_write};

static enum brot_err angle_read(const struct field *field, const char *path, const json_t *json,
				struct request *request, struct brot_error *err)
{
	double degrees = json_number_value(json);
	if (!json_is_number(json) || !(degrees > -360.0 && degrees < 360.0))
		return field_refuse(path, "must be a number over -360 and under 360", json, err);
	double *ret = field_member(field, request);
	*ret = degrees + 0.0; /* -0 becomes 0 */
	return BROT_OK;
}

static int angle_write(const struct field *field, const struct request *request, json_t *object)
{
	const double *degrees = field_member_const(field, request);
	return json_object_set_new(object, field->name, real_json(*degrees));
}

const struct field_type field_angle = {angle_read, angle_write};

static enum brot_err rgb_read(const struct field *field, const char *path, const json_t *json,
			      struct request *request, struct brot_error *err)
{
	if (!colour_rgb_parse(json_string_value(json), field_member(field, request)))
		return field_refuse(path, "must be \"#rrggbb\"", json, err);
	return BROT_OK;
}

static int rgb_write(const struct field *field, const struct request *request, json_t *object)
{
	char text[COLOUR_RGB_BYTES];
	return json_object_set_new(
		object, field->name,
		json_string(colour_rgb_text(field_member_const(field, request), text)));
}

const struct field_type field_rgb = {rgb_read, rgb_write};

static enum brot_err object_read(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	if (!json_is_object(json))
		return field_refuse(path, "must be an object", json, err);
	char prefix[PATH_BYTES];
	(void)snprintf(prefix, sizeof prefix, "%s.", path);
	return field_read_members(field->members, prefix, json, request, err);
}

static int object_write(const struct field *field, const struct request *request, json_t *object)
{
	return json_object_set_new(object, field->name,
				   field_write_members(field->members, request));
}

const struct field_type field_object = {object_read, object_write};

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

static bool applies(const struct field *field, const struct request *request)
{
	return field->applies == NULL || field->applies(request);
}

/* json is NULL where the document has no such key. */
static enum brot_err read_member(const struct field *field, const char *path, const json_t *json,
				 struct request *request, struct brot_error *err)
{
	const char *owner = field->is_of_kind ? "kind" : "formula";
	const char *name = field->is_of_kind ? request_kind_name(request->kind)
					     : formula_info(request->formula)->name;
	if (!applies(field, request)) {
		char rule[PATH_BYTES];
		(void)snprintf(rule, sizeof rule, "%s \"%s\" has none", owner, name);
		return json == NULL ? BROT_OK : field_refuse(path, rule, json, err);
	}
	if (json != NULL)
		return field->type->read(field, path, json, request, err);
	if (!field->is_required)
		return BROT_OK;
	if (field->applies != NULL)
		return error_set(err, BROT_E_REQUEST, "%s: required with %s \"%s\", but missing",
				 path, owner, name);
	return error_set(err, BROT_E_REQUEST, "%s: required, but missing", path);
}

enum brot_err field_read_members(const struct field *fields, const char *prefix,
				 const json_t *object, struct request *request,
				 struct brot_error *err)
{
	enum brot_err code = check_keys(fields, prefix, object, err);
	for (const struct field *field = fields; field->name != NULL && code == BROT_OK; field++) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof path, "%s%s", prefix, field->name);
		code = read_member(field, path, json_object_get(object, field->name), request, err);
	}
	return code;
}

json_t *field_write_members(const struct field *fields, const struct request *request)
{
	json_t *object = json_object();
	for (const struct field *field = fields; field->name != NULL && object != NULL; field++)
		if (applies(field, request) && field->type->write(field, request, object) != 0) {
			json_decref(object);
			object = NULL;
		}
	return object;
}
