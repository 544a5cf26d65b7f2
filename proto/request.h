/*
 * request.h - what to draw, how large, in which format: the JSON document and its C form.
 *
 * request_parse() accepts a document whole or not at all; request_to_json() writes the canonical
 * document, in which every default is spelled out, so that both ends and a picture's metadata
 * mean the same. Coordinates stay text: no double stands between the user's digits and the
 * kernel that chooses its precision. A coordinate may stand in the document as a JSON number too,
 * but then it has at most the 17 digits of a double: use strings.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_REQUEST_H
#define PROTO_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/buddha.h"
#include "proto/colour.h"
#include "proto/error.h"
#include "proto/format.h"
#include "proto/formula.h"
#include "proto/limits.h"
#include "proto/view.h"

enum request_kind { KIND_ESCAPE, KIND_BUDDHABROT, KIND_COUNT };
enum precision { PRECISION_F64, PRECISION_F32, PRECISION_COUNT };

struct request {
	enum request_kind kind;
	enum formula_id formula;
	struct decimal_text c_re, c_im; /* parameters of formulas that have a c; else "0" */
	uint32_t power;                 /* FORMULA_POWER_MIN..MAX of those that have one; else 2 */
	enum precision precision;       /* of the iteration */
	bool has_shortcuts;             /* false: brute force, which gives the same bytes */
	struct view view;
	uint32_t width_px, height_px; /* 1..LIMIT_SIZE_PX */
	uint32_t iterations;          /* 1..LIMIT_ITERATIONS */
	uint32_t samples;             /* per axis, 1..LIMIT_SAMPLES */
	uint32_t adaptive; /* the error that saving samples may make, in steps of 255 of any
			    * channel, 1..LIMIT_ADAPTIVE; 0: all samples */
	enum format_id format;
	struct colour colour;
	struct buddha buddha; /* of KIND_BUDDHABROT, as is tone */
	struct tone tone;
};

/* Parses `bytes` bytes of JSON at text. *ret_request is untouched on failure; *err gets one
 * sentence that names the field, the rule and the value (BROT_E_REQUEST; BROT_E_SYSTEM if memory
 * is short).
 * What may be left out: kind, formula, precision, shortcuts, view.height, view.rotate, iterations
 * (then request_default_iterations()), samples, adaptive, format, colour and any of its members;
 * tone, and of buddha all but points. parameters stands exactly where the formula has some, with
 * just those; buddha and tone stand with KIND_BUDDHABROT alone. */
enum brot_err request_parse(const char *text, size_t bytes, struct request *ret_request,
			    struct brot_error *err);

/* The same for a document that is parsed already; json is borrowed. Duplicate keys can no longer be
 * seen in it: whoever parsed it must have used JSON_REJECT_DUPLICATES. */
enum brot_err request_from_json(const json_t *json, struct request *ret_request,
				struct brot_error *err);

/* Parses the JSON alone, with the errors of request_parse(). The caller owns the reference. */
enum brot_err request_read_json(const char *text, size_t bytes, json_t **ret_json,
				struct brot_error *err);

/* The canonical document: every key in the order of the tables, coordinates as canonical text;
 * only view.height is left out where the pixels are square, parameters where the formula has
 * none, buddha and tone where the kind has none. *request must have come from here
 * or keep the rules above. The caller owns the reference. NULL only if memory is short. */
json_t *request_to_json(const struct request *request);

/* The same as compact text, with escapes where is_ascii for what is not ASCII, for free(). NULL
 * only if memory is short. */
char *request_to_text(const struct request *request, bool is_ascii);

/* The value of colour.palette: a name, or an object with every key. The caller owns the reference.
 * NULL only if memory is short. */
json_t *request_palette_to_json(const struct colour_palette *palette);

/* An iteration limit that shows the structure of a view of that width: 500 for the whole set, 5000
 * at 1e-5, 20000 at 1e-13. Depends on the power of ten of the smaller extent alone, never falls
 * with the zoom, and is at most LIMIT_ITERATIONS. */
uint32_t request_default_iterations(const struct view *view);

/* Fills in a request for the whole set, 1920x1080, rgb8, with every default. */
void request_init(struct request *request);

/* The palette that a kind has unless another is named. */
const char *request_default_palette(enum request_kind kind);

/* Sets the formula and its parameters from
 *     NAME                    parameters that the request has for that formula already stay
 *     NAME:RE,IM              a formula with a c
 *     NAME:POWER              a formula with a power
 * with blanks allowed around a number. BROT_E_REQUEST, *request untouched, for anything else; that
 * c lies within its circle is request_from_json()'s to say. */
enum brot_err request_set_formula(const char *text, struct request *request,
				  struct brot_error *err);

/* Sets the view to the one that shows the whole of the formula, or of the Buddhabrot, sitting
 * upright, in an image of the request's size; and iterations to suit. */
void request_set_home(struct request *request);

/* Whether its pixels need numbers of the whole image, which no broker renders: what it is made of
 * is the data that request_to_data() asks for, a pixel for each of its samples, to be coloured by
 * include/brot/colour.h. BROT_E_REQUEST, *ret_data untouched, where that would be too large. */
bool request_needs_image(const struct request *request);
enum brot_err request_to_data(const struct request *request, struct request *ret_data,
			      struct brot_error *err);

/* The names of the enums above as they stand in JSON. */
const char *request_kind_name(enum request_kind kind);
const char *precision_name(enum precision precision);

#endif
