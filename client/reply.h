/*
 * reply.h - takes apart what a broker says, which may be anything.
 *
 * Keys that are not asked for are ignored, since a later broker may say more. A key that is
 * missing or of the wrong type is BROT_E_PROTOCOL with one sentence.
 *
 * Pure and thread-safe.
 */
#ifndef CLIENT_REPLY_H
#define CLIENT_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/message.h"

/* Parses a body. The caller owns *ret_json, an object. */
enum brot_err reply_parse(const struct message *m, json_t **ret_json, struct brot_error *err);

/* An integer from 0 to 2^63 - 1. */
enum brot_err reply_u64(const json_t *json, const char *key, uint64_t *ret, struct brot_error *err);

/* Any integer. */
enum brot_err reply_i64(const json_t *json, const char *key, int64_t *ret, struct brot_error *err);

/* A string, borrowed from json. */
enum brot_err reply_text(const json_t *json, const char *key, const char **ret,
			 struct brot_error *err);

/* A member that must be an object or a list, borrowed. */
enum brot_err reply_object(const json_t *json, const char *key, json_t **ret,
			   struct brot_error *err);
enum brot_err reply_list(const json_t *json, const char *key, json_t **ret, struct brot_error *err);

/* The failure that FAILED or REFUSED tells. Fills *err and returns its code, which is never
 * BROT_OK. */
enum brot_err reply_failure(const json_t *json, struct brot_error *err);

/* The same for REFUSED, whose reason is told anew where this is not the broker's endpoint for
 * clients: `url` names it. */
enum brot_err reply_refusal(const json_t *json, const char *url, struct brot_error *err);

/* Whether it is that another client reads the bands of the job, of all that a broker is busy with.
 */
bool reply_is_of_reader(const struct brot_error *error);

#endif
