/* print.c - lines for programs, and cells for people. */
#include "client/print.h"

#include <stdbool.h>
#include <stdlib.h>

#include "proto/quote.h"

void print_json(FILE *file, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text != NULL)
		fprintf(file, "%s\n", text);
	free(text);
	(void)fflush(file);
}

void print_event(FILE *file, const char *event, json_t *members)
{
	json_t *json = json_pack("{s:s}", "event", event);
	if (json != NULL && members != NULL && json_object_update(json, members) == 0)
		print_json(file, json);
	json_decref(json);
	json_decref(members);
}

void print_text(FILE *file, const char *text)
{
	for (const char *p = text; *p != '\0';) {
		size_t bytes = quote_control_bytes(p);
		(void)putc(bytes != 0 ? '?' : *p, file);
		p += bytes != 0 ? bytes : 1;
	}
}

void print_clean(char *text)
{
	char *to = text;
	for (const char *p = text; *p != '\0';) {
		size_t bytes = quote_control_bytes(p);
		*to++ = bytes != 0 ? '?' : *p;
		p += bytes != 0 ? bytes : 1;
	}
	*to = '\0';
}

const char *print_scaled(double value, char buffer[PRINT_SCALED_BYTES])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	size_t i = 0;
	while (value >= 999.5 && i + 1 < sizeof prefixes / sizeof prefixes[0]) {
		value /= 1000;
		i++;
	}
	int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	(void)snprintf(buffer, PRINT_SCALED_BYTES, "%.*f %s", decimals, value, prefixes[i]);
	return buffer;
}

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t print_columns(const char *text)
{
	size_t columns = 0;
	for (const char *p = text; *p != '\0'; p++)
		columns += !is_continuation(*p);
	return columns;
}

size_t print_bytes(const char *text, size_t columns)
{
	size_t bytes = 0;
	for (size_t used = 0; text[bytes] != '\0'; bytes++) {
		used += !is_continuation(text[bytes]);
		if (used > columns)
			break;
	}
	return bytes;
}
