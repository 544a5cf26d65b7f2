/* z85.c - base 85, four bytes at a time, the most significant first. */
#include "proto/z85.h"

#include <assert.h>
#include <string.h>

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     ".-:+=^!/*?&<>()[]{}@%$#";

void z85_write(const uint8_t *data, size_t bytes, char *ret_text)
{
	assert(bytes % 4 == 0);
	for (size_t i = 0; i < bytes; i += 4) {
		uint32_t value = (uint32_t)data[i] << 24 | (uint32_t)data[i + 1] << 16 |
				 (uint32_t)data[i + 2] << 8 | data[i + 3];
		for (int k = 4; k >= 0; k--) {
			ret_text[k] = digits[value % 85];
			value /= 85;
		}
		ret_text += 5;
	}
	*ret_text = '\0';
}

bool z85_read(const char *text, uint8_t *ret_data, size_t bytes)
{
	uint8_t data[Z85_KEY_BYTES];
	assert(bytes % 4 == 0 && bytes <= sizeof data);
	if (strlen(text) != bytes / 4 * 5)
		return false;
	for (size_t i = 0; i < bytes; i += 4) {
		uint64_t value = 0;
		for (int k = 0; k < 5; k++) {
			const char *digit = strchr(digits, *text++);
			if (digit == NULL)
				return false;
			value = value * 85 + (uint64_t)(digit - digits);
		}
		if (value > UINT32_MAX)
			return false;
		for (size_t k = 0; k < 4; k++)
			data[i + k] = (uint8_t)(value >> (24 - 8 * k));
	}
	memcpy(ret_data, data, bytes);
	return true;
}
