/*
 * request.h - what to draw, how large and in which format; and the arrays that it comes in.
 *
 *     struct brot_request *request;
 *     brot_request_new("seahorse", "{\"size\": [640, 480]}", &request, &err)
 *
 * Thread rule: a request never changes; any number of threads may use one, and brot_request_free()
 * comes last.
 */
#ifndef BROT_REQUEST_H
#define BROT_REQUEST_H

#include <brot/api.h>
#include <brot/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct brot_request; /* opaque */

/* Makes a request of a view and a document.
 *
 * view: what brot-client takes as --view: a preset's name, "RE,IM,WIDTH", "XMIN:XMAX,YMIN:YMAX", or
 * "@FILE" of a request, a picture or a place. NULL: the view of the document or, where it has none,
 * the whole of what its formula makes. json: a request (request.schema.json), UTF-8, in which
 * everything may be left out, "brot", "view" and "size" too; NULL: all of it. What it says goes
 * before what the view brings along (its iterations, its formula, all of a file's request), but
 * `view` goes before its view, which must be an object then, and is not looked at. Members of
 * parameters, buddha, tone and colour that are left out stay as the view has them.
 *
 * BROT_E_REQUEST names the field, the rule and the value; BROT_E_NOT_FOUND: no such preset;
 * BROT_E_NO_INPUT: a file cannot be read; BROT_E_SYSTEM: memory is short. The caller owns
 * *ret_request. Needs some 256 KiB of stack. */
BROT_API enum brot_err brot_request_new(const char *view, const char *json,
					struct brot_request **ret_request, struct brot_error *err);

/* Accepts NULL. */
BROT_API void brot_request_free(struct brot_request *request);

/* The canonical document, in which every default is spelled out: compact JSON, UTF-8. Borrowed
 * until brot_request_free(). */
BROT_API const char *brot_request_json(const struct brot_request *request);

/* The size of the picture, in pixels. */
BROT_API void brot_request_size(const struct brot_request *request, uint32_t *ret_width_px,
				uint32_t *ret_height_px);

/* How many rows, from the top on, have to be rendered for all to be known: where the lower half is
 * the upper one upside down these are the upper half's, an odd height's middle row among them, and
 * row y is the bytes of row height - 1 - y. Elsewhere all of them. */
BROT_API uint32_t brot_request_rows(const struct brot_request *request);

enum brot_type { BROT_U8 = 1, BROT_U16, BROT_U32, BROT_U64, BROT_F32 };

/* One array of an image: height x width pixels, row by row, row 0 on top, of `channels` elements
 * each, in the host's byte order. What the numbers mean is said in PROTOCOL.md, section 6. */
struct brot_plane {
	const char *name; /* "rgb8", "iterations", "whole"...; static. A Nebulabrot has three of the
			   * same name: red, green, blue. */
	enum brot_type type;
	uint32_t channels;
	size_t pixel_bytes; /* of all channels */
};
#define BROT_PLANES_MAX 7

/* The planes of the request's format, in their order. Returns how many, at least 1. */
BROT_API uint32_t brot_request_planes(const struct brot_request *request,
				      struct brot_plane ret_planes[BROT_PLANES_MAX]);

/* Where a plane lies. data is aligned to its type. stride_bytes: from one row to the next, 0 where
 * nothing lies between them; at least a row's bytes, and a multiple of pixel_bytes, for rgb16 of 2
 * and for rgb8 of 1; and all rows must fit into PTRDIFF_MAX bytes. */
struct brot_array {
	void *data;
	size_t stride_bytes;
};

#ifdef __cplusplus
}
#endif

#endif
