/*
 * png_stream.h - owns the threads that filter and deflate the rows of a PNG.
 *
 * The rows go in one after the other, and come out as the parts of one zlib stream, in order, for
 * the IDAT chunks. Each part is deflated by itself, with the 32 KiB before it as dictionary, so
 * that the stream is hardly longer than one that is made in one go; its bytes do not depend on the
 * number of threads.
 *
 * One thread owns a stream.
 */
#ifndef CLIENT_PNG_STREAM_H
#define CLIENT_PNG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct png_stream; /* opaque */

struct png_stream_config {
	size_t row_bytes;   /* without the filter's number */
	size_t pixel_bytes; /* 1..8 */
	uint64_t rows;      /* that will come, at least 1 */
	int level;          /* zlib's, 0..9; 0: neither filtered nor packed */
	unsigned threads;   /* at least 1 */
	/* Gets the parts in order, short ones together, in the thread that calls
	 * png_stream_row(). */
	enum brot_err (*write)(const uint8_t *data, size_t bytes, void *context,
			       struct brot_error *err);
	void *context;
};

/* BROT_E_SYSTEM where memory or threads are short. */
enum brot_err png_stream_new(const struct png_stream_config *config, struct png_stream **ret_stream,
			     struct brot_error *err);

/* Takes the next row, which it copies. After the last all parts have been written. Fails as write
 * does, and with BROT_E_SYSTEM. */
enum brot_err png_stream_row(struct png_stream *stream, const uint8_t *row, struct brot_error *err);

/* Ends the threads, whatever they are at. Accepts NULL. */
void png_stream_free(struct png_stream *stream);

#endif
