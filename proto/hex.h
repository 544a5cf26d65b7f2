/* hex.h - converts bytes to lower-case hexadecimal digits and back. Pure and thread-safe. */
#ifndef PROTO_HEX_H
#define PROTO_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * bytes digits and a NUL. */
void hex_write(const uint8_t *data, size_t bytes, char *ret_text);

/* False, ret_data untouched, unless text is exactly 2 * bytes lower-case digits. */
bool hex_read(const char *text, uint8_t *ret_data, size_t bytes);

#endif
