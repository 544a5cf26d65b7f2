/*
 * brot_internal.h - what the client's files behind include/brot share.
 */
#ifndef CLIENT_BROT_INTERNAL_H
#define CLIENT_BROT_INTERNAL_H

#include <brot/request.h>

#include "proto/error.h"
#include "proto/request.h"

/* A request for what a parser gave. BROT_E_SYSTEM if memory is short. */
enum brot_err brot_request_of(const struct request *request, struct brot_request **ret_request,
			      struct brot_error *err);

/* Takes the dashes from the options that a sentence for the command line names: "--size: must"
 * becomes "size: must". Accepts NULL. */
void brot_error_plain(struct brot_error *err);

#endif
