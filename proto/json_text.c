/* json_text.c - a walk over tokens; nothing is decoded. */
#include "proto/json_text.h"

#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_mark(char c)
{
	return c != '\0' && strchr("{}[],:", c) != NULL;
}

static size_t skip_space(const struct json_text *json, size_t at)
{
	while (at < json->bytes && is_space(json->text[at]))
		at++;
	return at;
}

/* The end of the token that begins there. */
static size_t token_end(const struct json_text *json, size_t first)
{
	const char *text = json->text;
	size_t at = first;
	if (at >= json->bytes)
		return json->bytes;
	if (is_mark(text[at]))
		return at + 1;
	if (text[at] != '"') {
		while (at < json->bytes && !is_space(text[at]) && !is_mark(text[at]) &&
		       text[at] != '"')
			at++;
		return at;
	}
	for (at++; at < json->bytes && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < json->bytes ? at + 1 : json->bytes;
}

struct json_place json_text_place(const struct json_text *json, size_t offset)
{
	struct json_place place = {1, 1};
	for (size_t i = 0; i < offset && i < json->bytes; i++) {
		bool continues = ((unsigned char)json->text[i] & 0xc0) == 0x80;
		if (json->text[i] == '\n')
			place = (struct json_place){place.line + 1, 1};
		else if (!continues)
			place.column++;
	}
	return place;
}

struct json_span json_text_token(const struct json_text *json, size_t offset)
{
	struct json_span span = {0, 0};
	do {
		span.first = skip_space(json, span.end);
		span.end = token_end(json, span.first);
	} while (span.end <= offset && span.end < json->bytes);
	if (span.end <= offset)
		span.first = span.end;
	return span;
}

struct json_span json_text_value(const struct json_text *json, size_t offset)
{
	struct json_span span = {.first = skip_space(json, offset)};
	size_t depth = 0;
	span.end = span.first;
	do {
		size_t first = skip_space(json, span.end);
		char c = first < json->bytes ? json->text[first] : '\0';
		span.end = token_end(json, first);
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
	} while (depth > 0 && span.end < json->bytes);
	return span;
}

/* Steps behind the mark at *cursor, an opening bracket or a comma, to what follows. False where
 * that is the closing bracket, or nothing. */
static bool next(const struct json_text *json, size_t *cursor)
{
	size_t at = skip_space(json, *cursor);
	char mark = at < json->bytes ? json->text[at] : '\0';
	if (mark != '{' && mark != '[' && mark != ',')
		return false;
	at = skip_space(json, at + 1);
	*cursor = at;
	return at < json->bytes && json->text[at] != '}' && json->text[at] != ']';
}

bool json_text_element(const struct json_text *json, size_t *cursor, struct json_span *ret_value)
{
	if (!next(json, cursor))
		return false;
	*ret_value = json_text_value(json, *cursor);
	*cursor = ret_value->end;
	return true;
}

bool json_text_member(const struct json_text *json, size_t *cursor, struct json_span *ret_key,
		      struct json_span *ret_value)
{
	if (!next(json, cursor))
		return false;
	ret_key->first = *cursor;
	ret_key->end = token_end(json, *cursor);
	size_t colon = skip_space(json, ret_key->end);
	*ret_value = json_text_value(json, colon < json->bytes ? colon + 1 : colon);
	*cursor = ret_value->end;
	return true;
}

static bool is_key(const struct json_text *json, struct json_span key, const char *name,
		   size_t chars)
{
	return key.end - key.first == chars + 2 &&
	       memcmp(json->text + key.first + 1, name, chars) == 0;
}

/* Steps into the member or element that `path` begins with; false where there is none. *at: the
 * value on the way, *ret_offset: where it is told to stand. */
static bool step(const struct json_text *json, const char *path, size_t chars, size_t *at,
		 size_t *ret_offset)
{
	struct json_span key, value;
	size_t cursor = *at = json_text_value(json, *at).first;
	const char open = cursor < json->bytes ? json->text[cursor] : '\0';
	if (path[0] != '[') {
		while (open == '{' && json_text_member(json, &cursor, &key, &value)) {
			if (!is_key(json, key, path, chars))
				continue;
			*at = value.first;
			*ret_offset = key.first;
			return true;
		}
		return false;
	}
	unsigned long index = strtoul(path + 1, NULL, 10);
	while (open == '[' && json_text_element(json, &cursor, &value)) {
		if (index-- != 0)
			continue;
		*ret_offset = *at = value.first;
		return true;
	}
	return false;
}

size_t json_text_find(const struct json_text *json, const char *path)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";
	size_t at = 0, offset = json_text_value(json, 0).first;
	for (size_t chars; *path != '\0'; path += chars) {
		path += *path == ']';
		path += *path == '.';
		chars = *path == '[' ? 1 + strspn(path + 1, names) : strspn(path, names);
		if (chars == 0 || !step(json, path, chars, &at, &offset))
			break;
	}
	return offset;
}
