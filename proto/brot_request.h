/*
 * brot_request.h - what libbrot's struct brot_request is: for the files behind include/brot alone.
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

#endif
