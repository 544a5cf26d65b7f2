/* line_fields.c - takes a log line apart. */
#include "broker/line_fields.h"

#include <string.h>

#include "proto/hex.h"

/* The end of a quoted value, or NULL. */
static const char *quote_end(const char *p)
{
	for (; *p != '\0' && *p != '"'; p++)
		if (*p == '\\' && *++p == '\0')
			return NULL;
	return *p == '"' ? p : NULL;
}

struct fields fields_split(const char *line)
{
	struct fields fields = {0};
	const char *p = line;
	while (*p == ' ' && !fields.is_broken) {
		struct field field = {.name = ++p};
		field.name_chars = strcspn(p, " =\"");
		p += field.name_chars;
		fields.is_broken = *p != '=' || fields.count == FIELDS_MAX;
		if (fields.is_broken)
			break;
		field.is_quoted = *++p == '"';
		field.value = p += field.is_quoted;
		const char *end = field.is_quoted ? quote_end(p) : p + strcspn(p, " ");
		fields.is_broken = end == NULL;
		if (fields.is_broken)
			break;
		field.value_chars = (size_t)(end - p);
		p = end + field.is_quoted;
		fields.items[fields.count++] = field;
	}
	fields.is_broken |= *p != '\0';
	return fields;
}

const struct field *fields_find(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (fields->items[i].name_chars == strlen(name) &&
		    strncmp(fields->items[i].name, name, fields->items[i].name_chars) == 0)
			return &fields->items[i];
	return NULL;
}

bool line_take_u64(const char **at, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *p = *at;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (p == *at)
		return false;
	*at = p;
	*ret_value = value;
	return true;
}

bool line_take_u32(const char **at, uint32_t *ret_value)
{
	uint64_t value;
	if (!line_take_u64(at, &value) || value > UINT32_MAX)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

bool line_take_char(const char **at, char c)
{
	bool is_there = **at == c;
	*at += is_there;
	return is_there;
}

uint64_t fields_u64(struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);
	uint64_t value = 0;
	if (field == NULL)
		return 0;
	const char *p = field->value;
	fields->is_broken |= !line_take_u64(&p, &value) || p != field->value + field->value_chars;
	return value;
}

uint32_t fields_u32(struct fields *fields, const char *name)
{
	uint64_t value = fields_u64(fields, name);
	fields->is_broken |= value > UINT32_MAX;
	return (uint32_t)value;
}

bool fields_bool(struct fields *fields, const char *name)
{
	uint64_t value = fields_u64(fields, name);
	fields->is_broken |= value > 1;
	return value == 1;
}

int64_t fields_i64(struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);
	uint64_t value = 0;
	if (field == NULL)
		return 0;
	const char *p = field->value;
	bool is_negative = line_take_char(&p, '-');
	fields->is_broken |= !line_take_u64(&p, &value) || p != field->value + field->value_chars ||
			     value > INT64_MAX;
	return is_negative ? -(int64_t)(value & INT64_MAX) : (int64_t)(value & INT64_MAX);
}

int32_t fields_i32(struct fields *fields, const char *name)
{
	int64_t value = fields_i64(fields, name);
	fields->is_broken |= value < INT32_MIN || value > INT32_MAX;
	return (int32_t)value;
}

void fields_hex(struct fields *fields, const char *name, uint8_t *ret_data, size_t bytes)
{
	char digits[2 * FIELD_HEX_MAX + 1] = "";
	const struct field *field = fields_find(fields, name);
	if (field != NULL && field->value_chars == 2 * bytes && 2 * bytes < sizeof digits)
		memcpy(digits, field->value, 2 * bytes);
	fields->is_broken |= !hex_read(digits, ret_data, bytes);
}

/* A character of a quoted value; *at moves behind it. */
static bool take_escaped(const char **at, char *ret_char)
{
	*ret_char = *(*at)++;
	if (*ret_char != '\\')
		return true;
	*ret_char = *(*at)++;
	if (*ret_char != 'x')
		return *ret_char == '"' || *ret_char == '\\';
	uint8_t byte;
	char digits[3] = {(*at)[0], (*at)[0] != '\0' ? (*at)[1] : '\0', '\0'};
	if (!hex_read(digits, &byte, 1))
		return false;
	*at += 2;
	*ret_char = (char)byte;
	return true;
}

const char *fields_text(struct fields *fields, const char *name, char *ret_text, size_t bytes)
{
	const struct field *field = fields_find(fields, name);
	size_t chars = 0;
	ret_text[0] = '\0';
	if (field == NULL)
		return NULL;
	const char *p = field->value, *end = p + field->value_chars;
	fields->is_broken |= !field->is_quoted;
	while (p < end && chars + 1 < bytes && !fields->is_broken)
		fields->is_broken |= !take_escaped(&p, &ret_text[chars++]);
	fields->is_broken |= p != end;
	ret_text[chars] = '\0';
	return ret_text;
}

bool line_take_word(const char **at, const char *word)
{
	size_t chars = strlen(word);
	bool is_there = strncmp(*at, word, chars) == 0;
	*at += is_there ? chars : 0;
	return is_there;
}
