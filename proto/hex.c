/* hex.c - hexadecimal digits. */
#include "proto/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

void hex_write(const uint8_t *data, size_t bytes, char *ret_text)
{
	for (size_t i = 0; i < bytes; i++) {
		*ret_text++ = digits[data[i] >> 4];
		*ret_text++ = digits[data[i] & 15];
	}
	*ret_text = '\0';
}

bool hex_read(const char *text, uint8_t *ret_data, size_t bytes)
{
	if (strlen(text) != 2 * bytes || strspn(text, digits) != 2 * bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		size_t high = (size_t)(strchr(digits, text[2 * i]) - digits);
		size_t low = (size_t)(strchr(digits, text[2 * i + 1]) - digits);
		ret_data[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
