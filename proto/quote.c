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
