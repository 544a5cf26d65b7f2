/*
 * palette_file.h - palettes that other programs have written, as a request has them.
 *
 * Each kind is read by a parser of its own, which is handed the whole text and is pure. What a
 * palette has that ours have not is left out: opacity, and the names of colours.
 *
 * Thread-safe.
 */
#ifndef CLIENT_PALETTE_FILE_H
#define CLIENT_PALETTE_FILE_H

#include <jansson.h>
#include <stddef.h>

#include "proto/colour.h"
#include "proto/error.h"

/* Reads "FILE", or "FILE:NAME" for one of the gradients of an .ugr file, and makes the value of a
 * request's colour.palette, which the caller owns. The suffix says what the file is. BROT_E_USAGE
 * for another one, BROT_E_NO_INPUT where it cannot be read, BROT_E_REQUEST with file, line and
 * reason for what is wrong in it, BROT_E_NOT_FOUND for a NAME that is not there. */
enum brot_err palette_file_read(const char *file, json_t **ret_json, struct brot_error *err);

/* What a parser gets and makes. */
struct palette_text {
	const char *path;  /* for sentences */
	const char *text;  /* ends in a NUL; there may be others before it */
	size_t bytes;      /* without that */
	const char *entry; /* the gradient that is wanted; NULL: the first */
};
typedef enum brot_err palette_parse_fn(const struct palette_text *from,
				       struct colour_palette *ret_palette, struct brot_error *err);

/* Fractint's and XaoS's .map: a line of red, green and blue, 0 to 255, for each colour of a ring.
 * Words behind them are comments. Straight lines run between the colours. */
enum brot_err palette_map_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err);

/* GIMP's .ggr: segments with a blending function each, sampled here, straight between the samples.
 */
enum brot_err palette_ggr_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err);

/* Ultra Fractal's .ugr: gradients of 400 places round a ring, linear but for smooth=yes. */
enum brot_err palette_ugr_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err);

/* JSON: stops as CSS has them, ["#000", "#fa0 30%", "white"], and as straight between them; or with
 * "cyclic", "linear" and "stops" around them, both false if they are not there, as in a request. */
enum brot_err palette_css_parse(const struct palette_text *from, struct colour_palette *ret_palette,
				struct brot_error *err);

/* For parsers: "FILE:LINE: reason", BROT_E_REQUEST; line 0: what is wrong with the file as a whole.
 */
enum brot_err palette_refuse(const struct palette_text *from, unsigned line, const char *reason,
			     struct brot_error *err);

/* For parsers that sample: the most stops, a multiple of 2. */
#define PALETTE_SAMPLES LIMIT_STOPS

#endif
