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

/* The planes of an image: strides are bytes, and never 0. */
struct canvas {
	uint32_t plane_count;
	void *planes[PLANES_MAX];
	size_t strides_bytes[PLANES_MAX];
};

/* The canvas that the arrays of a request are, of so many rows, if they are as
 * include/brot/request.h says; `name` is what the sentence calls them, "arrays" or, of one alone,
 * another name. BROT_E_USAGE. */
enum brot_err brot_canvas_of(const struct brot_request *request, uint32_t rows,
			     const struct brot_array *arrays, const char *name,
			     struct canvas *ret_canvas, struct brot_error *err);

/* BROT_E_USAGE where options say what this version does not know; see include/brot/api.h. */
enum brot_err brot_reserved_check(const uint64_t reserved[BROT_RESERVED], struct brot_error *err);

#endif
