/* textline.c - see textline.h. */
#include "client/textline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/decimal.h"

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

static size_t digits_of(const char *text)
{
	return strspn(text, "0123456789");
}

/* The characters of what decimal.h has for a number, at the start of a text. */
static size_t number_chars(const char *text)
{
	size_t chars = *text == '+' || *text == '-';
	const size_t whole = digits_of(text + chars);
	const size_t point = text[chars + whole] == '.';
	const size_t places = point != 0 ? digits_of(text + chars + whole + 1) : 0;
	chars += whole + point + places;
	if (whole + places == 0)
		return 0;
	if (text[chars] != 'e' && text[chars] != 'E')
		return chars;
	const size_t sign = text[chars + 1] == '+' || text[chars + 1] == '-';
	const size_t exponent = digits_of(text + chars + 1 + sign);
	return exponent == 0 ? chars : chars + 1 + sign + exponent;
}

/* strtol() would take other blanks; and hexadecimal digits are no number with rubbish behind it. */
static bool begins_number(const char *text)
{
	text += strspn(text, "+-");
	return *text != '\0' && strchr("0123456789.", *text) != NULL &&
	       strncasecmp(text, "0x", 2) != 0;
}

bool textline_number(const char **text, double *ret_number)
{
	struct decimal_text decimal;
	const char *from = textline_skip(*text);
	const size_t chars = number_chars(from);
	if (!begins_number(from) || decimal_parse(from, chars, &decimal) != DECIMAL_OK)
		return false;
	const double number = decimal_to_double(&decimal);
	if (!isfinite(number))
		return false;
	*text = textline_skip(from + chars);
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
