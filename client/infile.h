/*
 * infile.h - reads a request from a file: a JSON document, or a .png, .exr or .dzi that carries
 * one.
 *
 * Thread-safe.
 */
#ifndef CLIENT_INFILE_H
#define CLIENT_INFILE_H

#include "proto/error.h"
#include "proto/request.h"

/* The bytes decide which of these it is, not the name. BROT_E_NO_INPUT where the file cannot be
 * read, BROT_E_REQUEST where what it holds is not a request; *ret_request is then untouched. */
enum brot_err infile_read_request(const char *path, struct request *ret_request,
				  struct brot_error *err);

#endif
