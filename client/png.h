/*
 * png.h - writes a picture as PNG, and reads back from a PNG the request it was made by.
 *
 * The file carries the canonical request as text chunk "brot-request", and for people Title,
 * Description and Software. Rules as in filetype.h.
 */
#ifndef CLIENT_PNG_H
#define CLIENT_PNG_H

#include <stdbool.h>
#include <stddef.h>

#include "client/outfile.h"
#include "client/picture.h"

#define PNG_REQUEST_KEY "brot-request"

/* The picture's format must be rgb8 or rgb16. Packs on all cores. */
enum brot_err png_file_write(struct picture *picture, struct outfile *outfile,
			     struct brot_error *err);

/* Whether the bytes, the first of a file, are a PNG's. */
bool png_file_is_png(const void *start, size_t bytes);

/* Reads the request's text from a PNG. `name` is for sentences only. The pixels are skipped; the
 * file may be hostile: BROT_E_REQUEST where it is damaged before them, ends before its last chunk,
 * or carries no request of at most LIMIT_REQUEST_BYTES. The caller frees *ret_text, NUL-terminated.
 */
enum brot_err png_file_read_request(FILE *file, const char *name, char **ret_text,
				    struct brot_error *err);

#endif
