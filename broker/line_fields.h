/*
 * line_fields.h - takes a log line apart: " name=value name=\"quoted value\"".
 *
 * In a quoted value \" and \\ stand for themselves and \xNN for a byte. What is not as it should be
 * sets is_broken, which the caller looks at once, when it has taken all it wants. Pure and
 * thread-safe.
 */
#ifndef BROKER_LINE_FIELDS_H
#define BROKER_LINE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX    64
#define FIELD_HEX_MAX 16 /* bytes */

/* One name=value of a line; a quoted value without its quotes, still escaped. */
struct field {
	const char *name, *value;
	size_t name_chars, value_chars;
	bool is_quoted;
};

/* Borrows the line. */
struct fields {
	struct field items[FIELDS_MAX];
	size_t count;
	bool is_broken;
};

/* A line of more than FIELDS_MAX fields is broken. */
struct fields fields_split(const char *line);
const struct field *fields_find(const struct fields *fields, const char *name); /* or NULL */

/* The value of a field; 0 where the line does not have it. */
uint64_t fields_u64(struct fields *fields, const char *name);
uint32_t fields_u32(struct fields *fields, const char *name);
int64_t fields_i64(struct fields *fields, const char *name);
int32_t fields_i32(struct fields *fields, const char *name);
bool fields_bool(struct fields *fields, const char *name);

/* Exactly that many bytes, at most FIELD_HEX_MAX. */
void fields_hex(struct fields *fields, const char *name, uint8_t *ret_data, size_t bytes);

/* A quoted value that fits, as text. Returns ret_text; NULL where the line does not have it. */
const char *fields_text(struct fields *fields, const char *name, char *ret_text, size_t bytes);

/* Each takes what is named from *at, which then points behind it; false, with *at anywhere before
 * the end of the line, where that is not there. Numbers are decimal digits alone. */
bool line_take_u64(const char **at, uint64_t *ret_value);
bool line_take_u32(const char **at, uint32_t *ret_value);
bool line_take_char(const char **at, char c);
bool line_take_word(const char **at, const char *word);

#endif
