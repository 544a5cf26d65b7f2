/*
 * quote.h - what a peer or a user wrote, made fit to stand in a sentence.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_QUOTE_H
#define PROTO_QUOTE_H

#include <stddef.h>

#define QUOTE_BYTES 44 /* room for 40 characters, "..." and the NUL */

/* Copies `bytes` bytes at text into buffer: whatever is not printable ASCII becomes '?', and what
 * would not fit is cut and ends in "...". buffer_bytes is at least 4. Returns buffer. */
const char *quote_text(const char *text, size_t bytes, char *buffer, size_t buffer_bytes);

#endif
