/* textline.c - see textline.h. */
#include "client/textline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct textlines textlines_of(const char *text, size_t bytes)
{
	return (struct textlines){.at = text, .end = text + bytes};
}

bool textlines_next(struct textlines *lines)
{
	if (lines->at == lines->end)
		return false;
	size_t chars = 0;
	while (lines->at < lines->end && *lines->at != '\n' && *lines->at != '\r') {
		const char c = *lines->at++;
		if (chars < TEXTLINE_CHARS)
			lines->line[chars++] = c == '\0' || c == '\t' ? ' ' : c;
	}
	lines->line[chars] = '\0';
	if (lines->at < lines->end && *lines->at++ == '\r' && lines->at < lines->end &&
	    *lines->at == '\n')
		lines->at++;
	lines->number++;
	return true;
}

const char *textline_skip(const char *text)
{
	return text + strspn(text, " ");
}

/* strtod() and strtol() would take infinities, hexadecimal digits and other blanks. */
static bool begins_number(const char *text)
{
	text += strspn(text, "+-");
	return *text != '\0' && strchr("0123456789.", *text) != NULL &&
	       strncasecmp(text, "0x", 2) != 0;
}

bool textline_number(const char **text, double *ret_number)
{
	char *end;
	const char *from = textline_skip(*text);
	if (!begins_number(from))
		return false;
	const double number = strtod(from, &end);
	if (end == from || !isfinite(number))
		return false;
	*text = textline_skip(end);
	*ret_number = number;
	return true;
}

bool textline_whole(const char **text, long least, long most, long *ret_number)
{
	char *end;
	const char *from = textline_skip(*text);
	if (!begins_number(from))
		return false;
	errno = 0;
	const long number = strtol(from, &end, 10);
	if (end == from || errno != 0 || number < least || number > most)
		return false;
	*text = textline_skip(end);
	*ret_number = number;
	return true;
}
