/*
 * compose.h - makes a request from the words of a command line.
 *
 * Later sources win: the defaults, the preset or the file that the view names, the options. A
 * formula without a view shows the whole of it.
 *
 * Pure but for the file that a view "@FILE" or a palette "@FILE" names. Thread-safe.
 */
#ifndef CLIENT_COMPOSE_H
#define CLIENT_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/buddha_words.h"
#include "client/filetype.h"
#include "proto/error.h"
#include "proto/options.h"
#include "proto/request.h"

/* What was said; NULL or 0 where nothing was. Strings are borrowed. */
struct compose_words {
	const char *view, *kind, *format, *palette;
	const char *formula; /* as request_set_formula() takes it */
	const char *precision;
	const char *mode;
	const char *colour; /* "KEY=VALUE,KEY=VALUE": keys of the request's colour */
	struct option_size size;
	uint32_t iterations, samples, adaptive;
	struct buddha_words buddha;
	bool has_no_shortcuts;
	char *ignored; /* LOCATION_IGNORED_BYTES: gets what of a place's file does not apply, "" if
			  nothing; or NULL */
};

/* The request, valid and complete, in a format that the kind of file can hold (NULL: there is no
 * file yet); and its canonical document, which the caller owns. Otherwise one sentence
 * (BROT_E_USAGE, _REQUEST, _NOT_FOUND or _NO_INPUT), outputs untouched. */
enum brot_err compose_request(const struct compose_words *words, const struct filetype *filetype,
			      struct request *ret_request, json_t **ret_json,
			      struct brot_error *err);

/* What view, formula, kind and size say, in *ret_request; it is not checked, nor complete where a
 * Buddhabrot's words are missing. Errors as above. */
enum brot_err compose_base(const struct compose_words *words, struct request *ret_request,
			   struct brot_error *err);

/* The same, laid over `base` in place of what the view and the formula say. */
enum brot_err compose_over(const struct compose_words *words, const struct filetype *filetype,
			   const struct request *base, struct request *ret_request,
			   json_t **ret_json, struct brot_error *err);

#endif
