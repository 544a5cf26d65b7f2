/*
 * preview.h - the counts that a Buddhabrot has so far.
 *
 * One thread owns the connection.
 */
#ifndef CLIENT_PREVIEW_H
#define CLIENT_PREVIEW_H

#include <stdint.h>

#include "client/connection.h"
#include "client/numbers.h"
#include "proto/request.h"

/* Fetches them over a connection whose broker has accepted the job, and which has fetched nothing
 * before. Rows may be of different moments. Fails with what REFUSED says, BROT_E_UNAVAILABLE where
 * none came for timeout_ms, BROT_E_CANCELLED on a signal; *numbers, which begins as NUMBERS_NONE,
 * is the caller's to free in any case. */
enum brot_err preview_fetch(struct connection *connection, uint64_t job,
			    const struct request *request, int64_t timeout_ms,
			    struct numbers *numbers, struct brot_error *err);

#endif
