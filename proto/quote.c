/* quote.c - foreign text for a sentence. */
#include "proto/quote.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

const char *quote_text(const char *text, size_t bytes, char *buffer, size_t buffer_bytes)
{
	assert(buffer_bytes >= 4);
	bool is_cut = bytes > buffer_bytes - 1;
	size_t kept = is_cut ? buffer_bytes - 4 : bytes;
	for (size_t i = 0; i < kept; i++)
		buffer[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	memcpy(buffer + kept, is_cut ? "..." : "", is_cut ? 4 : 1);
	return buffer;
}

size_t quote_control_bytes(const char *p)
{
	const unsigned char first = (unsigned char)p[0];
	if (first == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0)
		return 2;
	return (first > 0 && first < 0x20) || first == 0x7f ? 1 : 0;
}

void quote_controls(char *text)
{
	while (*text != '\0') {
		size_t bytes = quote_control_bytes(text);
		memset(text, '?', bytes);
		text += bytes > 0 ? bytes : 1;
	}
}
