/* z85.h - converts bytes to the text of ZeroMQ's RFC 32 and back. Pure and thread-safe. */
#ifndef PROTO_Z85_H
#define PROTO_Z85_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define Z85_KEY_BYTES 32 /* of a CURVE key */
#define Z85_KEY_CHARS 40

/* Writes 5 characters for each 4 bytes, and a NUL; bytes is a multiple of 4 (asserted). */
void z85_write(const uint8_t *data, size_t bytes, char *ret_text);

/* False, ret_data untouched, unless text is exactly what z85_write() makes of so many bytes, at
 * most Z85_KEY_BYTES (asserted). */
bool z85_read(const char *text, uint8_t *ret_data, size_t bytes);

#endif
