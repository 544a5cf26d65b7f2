/* print.c - lines for programs, and cells for people. */
#include "client/print.h"

#include <stdbool.h>
#include <stdlib.h>

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
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		/* 0xc2 0x80 to 0xc2 0x9f are the C1 control characters in UTF-8. */
		bool is_c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
		if (is_c1)
			p++;
		(void)putc(is_c1 || *p < 0x20 || *p == 0x7f ? '?' : *p, file);
	}
}
