/*
 * brot_request.c - include/brot/request.h: a document laid over what a view gives.
 *
 * The document goes over the canonical one of the view, member by member, and the result through
 * the one parser of requests: what may stand in it, and what it must not say, is known there alone.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/brot_internal.h"
#include "client/compose.h"
#include "proto/brot_request.h"
#include "proto/request_field.h"
#include "proto/thread_mode.h"

/* Stands in for a view that depends on what else the document says. */
#define ANY_VIEW "{s:s, s:s, s:s, s:s}", "re", "0", "im", "0", "width", "1", "height", "1"

static enum brot_err no_memory(struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "no memory for a request");
}

void brot_error_plain(struct brot_error *err)
{
	if (err == NULL)
		return;
	char *to = err->text;
	for (const char *from = err->text; *from != '\0'; from++) {
		const bool is_start = from == err->text || from[-1] == ' ' || from[-1] == '(';
		if (is_start && from[0] == '-' && from[1] == '-' && islower((unsigned char)from[2]))
			from += 2;
		*to++ = *from;
	}
	*to = '\0';
}

/* ---- what the document says that a view's reading depends on ---- */

static struct option_size size_of(const json_t *document)
{
	const json_t *size = json_object_get(document, "size");
	const json_int_t width = json_integer_value(json_array_get(size, 0));
	const json_int_t height = json_integer_value(json_array_get(size, 1));
	if (json_array_size(size) != 2 || width < 1 || width > LIMIT_SIZE_PX || height < 1 ||
	    height > LIMIT_SIZE_PX)
		return (struct option_size){0, 0};
	return (struct option_size){(uint32_t)width, (uint32_t)height};
}

/* Without its own iterations a document has those that its bands need, as --bands does. Returns 0
 * or -1: memory. */
static int set_iterations_of_bands(json_t *base, const json_t *document)
{
	const json_t *bands = json_object_get(json_object_get(document, "buddha"), "bands");
	json_int_t most = 0;
	for (size_t i = 0; i < json_array_size(bands); i++) {
		const json_int_t max = json_integer_value(
			json_array_get(json_array_get(bands, i), 1));
		most = max > most ? max : most;
	}
	return most == 0 ? 0 : json_object_set_new(base, "iterations", json_integer(most));
}

/* ---- laying over ---- */

/* Whether the document changes the formula, so that its parameters are others too. */
static bool has_other_formula(const json_t *base, const json_t *document)
{
	const json_t *formula = json_object_get(document, "formula");
	return formula != NULL && !json_equal(formula, json_object_get(base, "formula"));
}

/* Bands that are not said follow the iterations, where they were all of them. */
static int follow_iterations(json_t *base, const json_t *document)
{
	json_t *bands = json_object_get(json_object_get(base, "buddha"), "bands");
	const json_t *before = json_object_get(base, "iterations");
	const json_t *after = json_object_get(document, "iterations");
	json_t *band = json_array_get(bands, 0);
	if (!json_is_integer(after) || json_array_size(bands) != 1 ||
	    !json_equal(json_array_get(band, 1), before))
		return 0;
	return json_array_set_new(band, 1, json_integer(json_integer_value(after)));
}

/* Lays all members of the document over base's but `view`. Returns 0 or -1: memory. */
static int lay_over(json_t *base, json_t *document)
{
	const char *key;
	json_t *value;
	int failed = follow_iterations(base, document);
	if (has_other_formula(base, document))
		(void)json_object_del(base, "parameters");
	json_object_foreach(document, key, value)
	{
		json_t *member = json_object_get(base, key);
		if (strcmp(key, "view") == 0)
			continue;
		if (json_is_object(member) && json_is_object(value))
			failed |= json_object_update(member, value);
		else
			failed |= json_object_set(base, key, value);
	}
	return failed;
}

/* A picture's samples are no mistake of who wants its numbers. */
static int settle_samples(json_t *base, const json_t *document)
{
	const char *name = json_string_value(json_object_get(base, "format"));
	const struct format_info *format = name != NULL ? format_by_name(name) : NULL;
	if (format == NULL || !format->is_data || json_object_get(document, "samples") != NULL)
		return 0;
	return json_object_set_new(base, "samples", json_integer(1));
}

/* ---- the three ways to a view ---- */

/* A view in words. */
static enum brot_err over_words(const char *view, json_t *document, struct request *request,
				struct brot_error *err)
{
	const struct compose_words words = {
		.view = view,
		.kind = json_string_value(json_object_get(document, "kind")),
		.size = size_of(document),
	};
	const json_t *own = json_object_get(document, "view");
	if (own != NULL && !json_is_object(own))
		return field_refuse("view", "must be an object", own, err);
	enum brot_err code = compose_base(&words, request, err);
	if (code != BROT_OK)
		return code;
	json_t *base = request_to_json(request);
	if (request->buddha.channels == 0)
		(void)json_object_del(json_object_get(base, "buddha"), "bands");
	if (base == NULL || set_iterations_of_bands(base, document) != 0 ||
	    lay_over(base, document) != 0 || settle_samples(base, document) != 0)
		code = no_memory(err);
	else
		code = request_from_json(base, request, err);
	json_decref(base);
	return code;
}

/* The document's own, or without one any. */
static enum brot_err over_nothing(json_t *document, struct request *request, struct brot_error *err)
{
	json_t *view = json_object_get(document, "view");
	json_t *base = json_pack("{s:i, s:[i,i]}", "brot", 1, "size", 1920, 1080);
	json_t *any = json_pack(ANY_VIEW);
	enum brot_err code = BROT_OK;
	if (base == NULL || any == NULL ||
	    (view == NULL && set_iterations_of_bands(base, document) != 0) ||
	    lay_over(base, document) != 0 ||
	    json_object_set(base, "view", view != NULL ? view : any) != 0)
		code = no_memory(err);
	else
		code = request_from_json(base, request, err);
	json_decref(any);
	json_decref(base);
	return code;
}

/* The whole of what the rest of the document makes. */
static enum brot_err over_home(const json_t *document, struct request *request,
			       struct brot_error *err)
{
	const bool has_iterations = json_object_get(document, "iterations") != NULL ||
				    json_object_get(json_object_get(document, "buddha"), "bands") !=
					    NULL;
	const uint32_t iterations = request->iterations;
	request_set_home(request);
	if (has_iterations)
		request->iterations = iterations;
	json_t *json = request_to_json(request);
	if (json == NULL)
		return no_memory(err);
	const enum brot_err code = request_from_json(json, request, err);
	json_decref(json);
	return code;
}

static enum brot_err make(const char *view, json_t *document, struct request *request,
			  struct brot_error *err)
{
	if (view != NULL)
		return over_words(view, document, request, err);
	enum brot_err code = over_nothing(document, request, err);
	if (code == BROT_OK && json_object_get(document, "view") == NULL)
		code = over_home(document, request, err);
	return code;
}

/* ---- the interface ---- */

enum brot_err brot_request_of(const struct request *request, struct brot_request **ret_request,
			      struct brot_error *err)
{
	struct brot_request *made = malloc(sizeof *made);
	struct thread_mode callers;
	thread_mode_enter(&callers);
	char *text = request_to_text(request, false);
	thread_mode_leave(&callers);
	if (made == NULL || text == NULL) {
		free(made);
		free(text);
		return no_memory(err);
	}
	made->request = *request;
	made->json = text;
	*ret_request = made;
	return BROT_OK;
}

static enum brot_err request_new(const char *view, const char *json,
				 struct brot_request **ret_request, struct brot_error *err)
{
	struct request request;
	json_t *document = NULL;
	enum brot_err code = request_read_json(json != NULL ? json : "{}",
					       json != NULL ? strlen(json) : 2, &document, err);
	if (code == BROT_OK && !json_is_object(document))
		code = error_set(err, BROT_E_REQUEST, "request: must be an object");
	if (code == BROT_OK)
		code = make(view, document, &request, err);
	if (code == BROT_OK)
		code = brot_request_of(&request, ret_request, err);
	json_decref(document);
	return code;
}

enum brot_err brot_request_new(const char *view, const char *json,
			       struct brot_request **ret_request, struct brot_error *err)
{
	struct brot_error inner;
	struct thread_mode callers;
	thread_mode_enter(&callers);
	const enum brot_err code = request_new(view, json, ret_request, &inner);
	if (code != BROT_OK && err != NULL) {
		*err = inner;
		brot_error_plain(err);
	}
	thread_mode_leave(&callers);
	return code;
}
