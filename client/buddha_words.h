/*
 * buddha_words.h - what a command line says of a Buddhabrot: its samples, bands and tones.
 *
 * Words become members of a request; what these may be is for the request's parser to say.
 *
 * Pure and thread-safe.
 */
#ifndef CLIENT_BUDDHA_WORDS_H
#define CLIENT_BUDDHA_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/request.h"

/* What was said; NULL, 0 or false where nothing was. Strings are borrowed. */
struct buddha_words {
	const char *points;            /* this and all whole numbers: see buddha_words_number() */
	const char *samples_per_pixel; /* instead: a number over 0 */
	const char *bands;             /* "MIN:MAX", or three with commas between them */
	const char *sampling, *seed;
	const char *min_iterations; /* instead of bands: one from these up to all iterations */
	bool is_inside;
	const char *tone, *gamma, *white; /* gamma without tone is that curve */
};

/* Makes an escape-time request one of a Buddhabrot, or the other way round, where `kind` names the
 * other one; NULL, or a word that names none, changes nothing. What the new kind does not have goes
 * back to its default, as do samples and, where it was that of the old kind, the palette. */
void buddha_words_kind(const char *kind, struct request *request);

/* Applies them to a request of any kind whose size is settled. iterations is what the same command
 * line says of these, or 0: then bands raise or lower them to what they need. A Buddhabrot must
 * have points in the end. BROT_E_USAGE, *request changed in part, otherwise. */
enum brot_err buddha_words_apply(const struct buddha_words *words, uint32_t iterations,
				 struct request *request, struct brot_error *err);

/* A whole number below 2^63, as 1000000, 1e6 or 2.5e9; `option` names it in the sentence. */
enum brot_err buddha_words_number(const char *option, const char *text, uint64_t *ret,
				  struct brot_error *err);

#endif
