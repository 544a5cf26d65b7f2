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

/* Whether a control character stands at p, which ends in a NUL: its bytes, or 0. One may be two
 * bytes: in UTF-8 0xc2 0x80 to 0xc2 0x9f steer terminals too. */
size_t quote_control_bytes(const char *p);

/* Replaces each byte of the control characters in a text by '?'. */
void quote_controls(char *text);

#endif
