/*
 * json_text.h - where things stand in a JSON text, which a parsed document does not tell.
 *
 * Of a text that is not JSON nothing is promised but that no byte outside of it is read.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_JSON_TEXT_H
#define PROTO_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct json_text {
	const char *text;
	size_t bytes;
};

/* The bytes [first, end) of a text. */
struct json_span {
	size_t first, end;
};

/* Both count from 1, columns in characters of UTF-8. */
struct json_place {
	size_t line, column;
};

/* The line and column of the byte at that offset, which may be the end. */
struct json_place json_text_place(const struct json_text *json, size_t offset);

/* The token that has the byte at that offset, or is the first behind it: a string with its quotes,
 * a bracket, comma or colon, or a run of any other characters. Empty at the end of the text. */
struct json_span json_text_token(const struct json_text *json, size_t offset);

/* The value that begins there, white space apart: one token, or all up to the closing bracket. */
struct json_span json_text_value(const struct json_text *json, size_t offset);

/* Walk an object or array: *cursor is at first the offset of its opening bracket, then what the
 * call before left there. False behind the last one. */
bool json_text_member(const struct json_text *json, size_t *cursor, struct json_span *ret_key,
		      struct json_span *ret_value);
bool json_text_element(const struct json_text *json, size_t *cursor, struct json_span *ret_value);

/* The offset of what a path such as "colour.palette.stops[1]" names, the key's where it is an
 * object's member; of the last thing on the way to it where it is not there, such as a key that is
 * missing. The path ends at its first byte that is neither of a name nor ".", "[" or "]". */
size_t json_text_find(const struct json_text *json, const char *path);

#endif
