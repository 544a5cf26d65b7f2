/* parse_internal.h - what the parse_*.c files share. */
#ifndef BROKER_PARSE_INTERNAL_H
#define BROKER_PARSE_INTERNAL_H

#include <jansson.h>

#include "broker/parse.h"

/* Loads a message's body, to be unpacked strictly as json_unpack_ex() does. The caller owns the
 * returned tree, which the unpacked strings belong to. */
json_t *parse_load(const struct message *m, struct brot_error *err);

/* The refusal of a body whose members json_unpack_ex() found wrong. */
enum brot_err parse_misfit(const struct message *m, const json_error_t *why,
			   struct brot_error *err);

/* Copies a name of at most LIMIT_NAME_CHARS printable characters. */
enum brot_err parse_name(const struct message *m, const char *field, const char *from,
			 bool may_be_empty, char to[LIMIT_NAME_CHARS + 1], struct brot_error *err);

#endif
