/*
 * request_field.h - how the keys of a request document are read and written: the types of fields
 * and the walks over a table of them.
 *
 * Private to request.c, request_buddha.c and request_colour.c, which have the tables. Pure and
 * thread-safe.
 */
#ifndef PROTO_REQUEST_FIELD_H
#define PROTO_REQUEST_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/request.h"

struct field;

struct field_type {
	/* Reads *json into the request; path names the field in a sentence. */
	enum brot_err (*read)(const struct field *field, const char *path, const json_t *json,
			      struct request *request, struct brot_error *err);
	/* Puts the field into object. -1 if memory is short. */
	int (*write)(const struct field *field, const struct request *request, json_t *object);
};

/* A key of a document: a row of a table that ends with no name. */
struct field {
	const char *name;
	const struct field_type *type;
	bool is_required;
	size_t offset;                          /* in struct request */
	uint32_t min, max;                      /* whole numbers; of field_long min alone */
	double least, most;                     /* reals, both included */
	const char *(*name_at)(unsigned index); /* words of a list: NULL past the end */
	const struct field *members;            /* objects: their table */
	/* Whether a request of that formula or, where is_of_kind, of that kind has the key at all;
	 * NULL: all have. Formula and kind stand before it. */
	bool (*applies)(const struct request *request);
	bool is_of_kind;
};

extern const struct field_type field_version; /* the number of this document's version */
extern const struct field_type field_number;  /* uint32_t, min..max */
extern const struct field_type field_bool;    /* bool */
extern const struct field_type field_size;    /* width_px and height_px */
extern const struct field_type field_word;    /* an enum, by its name */
extern const struct field_type field_centre;  /* struct decimal_text, view.h's centre */
extern const struct field_type field_extent;  /* struct decimal_text, view.h's extent */
extern const struct field_type field_angle;   /* double, degrees */
extern const struct field_type field_real;    /* double, least..most */
extern const struct field_type field_rgb;     /* uint8_t[3] */
extern const struct field_type field_object;  /* members */
extern const struct field_type field_long;    /* uint64_t, min..2^63 - 1 */

/* The table of `colour`, and what must hold between its keys and those of the request. */
extern const struct field colour_fields[];
enum brot_err request_check_colour(const struct request *request, struct brot_error *err);

/* The tables of `buddha` and `tone`; what a kind has where the document does not say it: one band
 * of all iterations, and a palette unless that was given; and what must hold between a kind and the
 * rest of the request. */
extern const struct field buddha_fields[], tone_fields[];
void request_settle_kind(struct request *request, bool has_palette);
enum brot_err request_check_kind(const struct request *request, struct brot_error *err);

/* Where a field's value lies. */
void *field_member(const struct field *field, struct request *request);
const void *field_member_const(const struct field *field, const struct request *request);

/* Reads what `fields` names out of object; prefix stands before each name in a sentence.
 * Unknown keys are refused before missing ones: a key with a slip in it is both. */
enum brot_err field_read_members(const struct field *fields, const char *prefix,
				 const json_t *object, struct request *request,
				 struct brot_error *err);

/* A new object with what `fields` names, but for what does not apply. NULL if memory is short. */
json_t *field_write_members(const struct field *fields, const struct request *request);

/* "<path>: <rule>, got <the value as JSON>", BROT_E_REQUEST. */
enum brot_err field_refuse(const char *path, const char *rule, const json_t *json,
			   struct brot_error *err);

#endif
