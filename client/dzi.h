/*
 * dzi.h - writes a picture as a DeepZoom pyramid: tiles that a viewer in a browser loads as it
 * needs them.
 *
 * NAME.dzi is the description; the tiles lie beside it as NAME_files/LEVEL/COLUMN_ROW.png, 254
 * pixels a side, with one more of their neighbours on each inner edge. The last level is the
 * picture, each other one half the size of the next, averaged in linear light, down to one pixel.
 * Rows are taken as they come, and no more of a level is held than a row of its tiles.
 *
 * The description carries the canonical request as processing instruction "brot-request", unless
 * the picture is anonymous, and brot's version as "brot".
 *
 * The folder is the outfile's, and gets its name with that: what fails leaves neither. A kill -9
 * before that leaves a folder NAME_files.XXXXXX.
 */
#ifndef CLIENT_DZI_H
#define CLIENT_DZI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "client/outfile.h"
#include "client/picture.h"

#define DZI_REQUEST_KEY "brot-request"

/* Rules as in filetype.h. The picture's format must be rgb8. BROT_E_OUTPUT where the folder of the
 * tiles is there already: another pyramid's. */
enum brot_err dzi_write(struct picture *picture, struct outfile *outfile, struct brot_error *err);

/* Before anything is rendered: BROT_E_OUTPUT where the tiles of that .dzi could not be written. */
enum brot_err dzi_check(const char *path, struct brot_error *err);

/* Whether the bytes, the first of a file, may be those of a description. */
bool dzi_file_is_dzi(const void *start, size_t bytes);

/* Reads the request's text from a description. `name` is for sentences only. The file may be
 * hostile: BROT_E_REQUEST where it is no whole description of at most LIMIT_REQUEST_BYTES and a
 * little, or carries no request. The caller frees *ret_text, NUL-terminated. */
enum brot_err dzi_file_read_request(FILE *file, const char *name, char **ret_text,
				    struct brot_error *err);

#endif
