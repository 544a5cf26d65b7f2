/*
 * brot_request.h - what libbrot's struct brot_request is: for the files behind include/brot alone.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_BROT_REQUEST_H
#define PROTO_BROT_REQUEST_H

#include <brot/request.h>

#include "proto/request.h"

_Static_assert(BROT_PLANES_MAX == PLANES_MAX, "the interface has room for every format's planes");

struct brot_request {
	struct request request;
	char *json; /* the canonical document; owned */
};

/* Whether an array is as include/brot/request.h says, that of plane number p, whose rows have so
 * many bytes. BROT_E_USAGE. */
enum brot_err brot_array_check(uint32_t p, const struct brot_plane *plane, size_t row_bytes,
			       const struct brot_array *array, struct brot_error *err);

#endif
