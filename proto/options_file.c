/*
 * options_file.c - jansson says what a text means, json_text.h where that stands.
 *
 * jansson's own places are ends of tokens, and it has none for what is JSON.
 */
#include "proto/options_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_text.h"
#include "proto/nearest.h"
#include "proto/quote.h"

#define NUMBER_BYTES 64 /* what is longer is out of any range, cut or not */

struct entry {
	struct json_span key_span, value_span;
	json_t *key, *value;
};

struct options_file {
	char name[OPTIONS_FILE_NAME_CHARS + 1];
	struct json_text json; /* text is ours */
	size_t count;
	struct entry *entries;
};

/* ---- places ---- */

static const char *label_at(const struct options_file *file, size_t offset, const char *key,
			    char buffer[OPTIONS_FILE_LABEL_BYTES])
{
	struct json_place place = json_text_place(&file->json, offset);
	(void)snprintf(buffer, OPTIONS_FILE_LABEL_BYTES, "%s:%zu:%zu%s%s", file->name, place.line,
		       place.column, key != NULL ? ": " : "", key != NULL ? key : "");
	return buffer;
}

static enum brot_err refuse_at(const struct options_file *file, size_t offset, const char *sentence,
			       struct brot_error *err)
{
	char label[OPTIONS_FILE_LABEL_BYTES];
	return error_set(err, BROT_E_CONFIG, "%s: %s", label_at(file, offset, NULL, label),
			 sentence);
}

/* A value as it stands in the file. */
static const char *quote_span(const struct options_file *file, struct json_span span,
			      char buffer[QUOTE_BYTES])
{
	return quote_text(file->json.text + span.first, span.end - span.first, buffer, QUOTE_BYTES);
}

static size_t item_offset(const struct options_file *file, const struct entry *entry, size_t item)
{
	struct json_span span;
	size_t cursor = entry->value_span.first;
	if (json_is_array(entry->value) && item < json_array_size(entry->value))
		for (size_t i = 0; json_text_element(&file->json, &cursor, &span); i++)
			if (i == item)
				return span.first;
	return entry->value_span.first;
}

const char *options_file_label(const struct options_file *file,
			       const struct option_command *command, const struct option_spec *spec,
			       size_t item, char buffer[OPTIONS_FILE_LABEL_BYTES])
{
	char key[OPTIONS_VARIABLE_BYTES];
	bool is_key = options_key(command, spec, key) != NULL;
	for (size_t i = 0; is_key && i < file->count; i++)
		if (strcmp(json_string_value(file->entries[i].key), key) == 0)
			return label_at(file, item_offset(file, &file->entries[i], item), key,
					buffer);
	(void)snprintf(buffer, OPTIONS_FILE_LABEL_BYTES, "%s", file->name);
	return buffer;
}

/* ---- the text ---- */

static enum brot_err refuse_memory(const struct options_file *file, struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "%s: out of memory", file->name);
}

/* Where the token begins that jansson found wrong, of which it may have read a part alone; within a
 * string the wrong byte, which it has put back if that is a control character. */
static size_t syntax_offset(const struct options_file *file, const json_error_t *wrong)
{
	const char *text = file->json.text;
	size_t end = wrong->position > 0 ? (size_t)wrong->position : 0;
	enum json_error_code code = json_error_code(wrong);
	if (code == json_error_premature_end_of_input || code == json_error_invalid_utf8 ||
	    end == 0)
		return end;
	struct json_span token = json_text_token(&file->json, end - 1);
	bool is_string = token.first < end && text[token.first] == '"';
	if (token.first < end && (!is_string || token.end == end))
		return token.first;
	return is_string && end < file->json.bytes && (unsigned char)text[end] < ' ' ? end
										     : end - 1;
}

static enum brot_err refuse_syntax(const struct options_file *file, const json_error_t *wrong,
				   struct brot_error *err)
{
	char sentence[JSON_ERROR_TEXT_LENGTH + 16], quoted[JSON_ERROR_TEXT_LENGTH];
	enum json_error_code code = json_error_code(wrong);
	if (code == json_error_out_of_memory)
		return refuse_memory(file, err);
	if (code == json_error_null_byte_in_key)
		(void)snprintf(sentence, sizeof sentence, "\\u0000 is not allowed");
	else
		(void)snprintf(sentence, sizeof sentence, "not JSON: %s",
			       quote_text(wrong->text, strlen(wrong->text), quoted, sizeof quoted));
	return refuse_at(file, syntax_offset(file, wrong), sentence, err);
}

static enum brot_err check_syntax(const struct options_file *file, struct brot_error *err)
{
	json_error_t wrong;
	char quoted[QUOTE_BYTES], sentence[QUOTE_BYTES + 32];
	/* A text without a byte is no pointer that jansson takes. */
	json_t *json = json_loadb(file->json.text, file->json.bytes,
				  JSON_DECODE_ANY | JSON_ALLOW_NUL, &wrong);
	if (json == NULL)
		return refuse_syntax(file, &wrong, err);
	bool is_object = json_is_object(json);
	json_decref(json);
	if (is_object)
		return BROT_OK;
	struct json_span value = json_text_value(&file->json, 0);
	(void)snprintf(sentence, sizeof sentence, "must be an object {...}, got %s",
		       quote_span(file, value, quoted));
	return refuse_at(file, value.first, sentence, err);
}

static json_t *decode(const struct options_file *file, struct json_span span)
{
	return json_loadb(file->json.text + span.first, span.end - span.first,
			  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* Finds and decodes the members of the object. */
static enum brot_err read_entries(struct options_file *file, struct brot_error *err)
{
	struct json_span key, value;
	const size_t start = json_text_value(&file->json, 0).first;
	size_t count = 0, cursor = start;
	while (json_text_member(&file->json, &cursor, &key, &value))
		count++;
	file->entries = calloc(count + 1, sizeof *file->entries);
	if (file->entries == NULL)
		return refuse_memory(file, err);
	cursor = start;
	while (json_text_member(&file->json, &cursor, &key, &value)) {
		struct entry *entry = &file->entries[file->count++];
		*entry = (struct entry){key, value, decode(file, key), decode(file, value)};
		if (entry->key == NULL || entry->value == NULL)
			return refuse_memory(file, err);
	}
	return BROT_OK;
}

enum brot_err options_file_parse(const char *name, const char *text, size_t bytes,
				 struct options_file **ret_file, struct brot_error *err)
{
	struct options_file *file = calloc(1, sizeof *file);
	char *copy = malloc(bytes + 1);
	if (file == NULL || copy == NULL) {
		free(file);
		free(copy);
		return error_set(err, BROT_E_SYSTEM, "%s: out of memory", name);
	}
	memcpy(copy, text, bytes);
	file->json = (struct json_text){copy, bytes};
	size_t chars = strlen(name), over = chars > OPTIONS_FILE_NAME_CHARS;
	if (over)
		name += chars - OPTIONS_FILE_NAME_CHARS + 3;
	(void)snprintf(file->name, sizeof file->name, "%s%s", over ? "..." : "", name);
	enum brot_err code = check_syntax(file, err);
	if (code == BROT_OK)
		code = read_entries(file, err);
	if (code != BROT_OK)
		options_file_free(file);
	else
		*ret_file = file;
	return code;
}

void options_file_free(struct options_file *file)
{
	if (file == NULL)
		return;
	for (size_t i = 0; i < file->count; i++) {
		json_decref(file->entries[i].key);
		json_decref(file->entries[i].value);
	}
	free(file->entries);
	union {
		const char *borrowed;
		char *owned;
	} text = {.borrowed = file->json.text};
	free(text.owned);
	free(file);
}

/* ---- values ---- */

/* One value, or one element of a list, on its way into a struct. */
struct taking {
	const struct options_file *file;
	const struct option_spec *spec;
	const char *key;
	void *values;
	struct brot_error *err;
};

static enum brot_err refuse_type(const struct taking *t, struct json_span span, const char *rule)
{
	char label[OPTIONS_FILE_LABEL_BYTES], quoted[QUOTE_BYTES];
	return error_set(t->err, BROT_E_CONFIG, "%s: must be %s, got %s",
			 label_at(t->file, span.first, t->key, label), rule,
			 quote_span(t->file, span, quoted));
}

static enum brot_err store_text(const struct taking *t, struct json_span span, const char *text)
{
	char label[OPTIONS_FILE_LABEL_BYTES];
	if (options_store(t->spec, label_at(t->file, span.first, t->key, label), text, t->values,
			  t->err) == BROT_OK)
		return BROT_OK;
	if (t->err != NULL)
		t->err->code = BROT_E_CONFIG;
	return BROT_E_CONFIG;
}

static enum brot_err take_string(const struct taking *t, struct json_span span, const json_t *value)
{
	const char *text = json_string_value(value);
	if (strlen(text) != json_string_length(value))
		return refuse_type(t, span, "without \\u0000");
	return store_text(t, span, text);
}

/* A number keeps the form that it has in the file: nothing is rounded. */
static enum brot_err take_number(const struct taking *t, struct json_span span)
{
	char number[NUMBER_BYTES];
	(void)snprintf(number, sizeof number, "%.*s", (int)(span.end - span.first),
		       t->file->json.text + span.first);
	return store_text(t, span, number);
}

static enum brot_err take_list(const struct taking *t, const struct entry *entry)
{
	static const char rule[] = "a list of strings";
	struct json_span span;
	size_t cursor = entry->value_span.first, i = 0;
	if (!json_is_array(entry->value))
		return refuse_type(t, entry->value_span, rule);
	((struct option_strings *)(void *)((char *)t->values + t->spec->offset))->count = 0;
	for (; json_text_element(&t->file->json, &cursor, &span); i++) {
		const json_t *value = json_array_get(entry->value, i);
		if (!json_is_string(value))
			return refuse_type(t, span, rule);
		enum brot_err code = take_string(t, span, value);
		if (code != BROT_OK)
			return code;
	}
	return BROT_OK;
}

static enum brot_err take_value(const struct taking *t, const struct entry *entry)
{
	const json_t *value = entry->value;
	const struct json_span span = entry->value_span;
	switch (t->spec->type) {
	case OPTION_FLAG:
		if (!json_is_boolean(value))
			return refuse_type(t, span, "true or false");
		return store_text(t, span, json_is_true(value) ? "1" : "0");
	case OPTION_U32:
	case OPTION_MS:
		if (!json_is_number(value))
			return refuse_type(t, span, "a number");
		return take_number(t, span);
	case OPTION_BYTES:
		if (json_is_number(value))
			return take_number(t, span);
		if (!json_is_string(value))
			return refuse_type(t, span, "a number or a string such as \"512M\"");
		return take_string(t, span, value);
	case OPTION_STRINGS:
		return take_list(t, entry);
	case OPTION_STRING:
	case OPTION_WORD:
	case OPTION_SIZE:
		break;
	}
	if (!json_is_string(value))
		return refuse_type(t, span, "a string");
	return take_string(t, span, value);
}

/* ---- keys ---- */

static enum brot_err refuse_key(const struct options_file *file,
				const struct option_command *command, const struct entry *entry,
				struct brot_error *err)
{
	const char *key = json_string_value(entry->key);
	char names[OPTIONS_MAX][OPTIONS_VARIABLE_BYTES];
	char quoted[QUOTE_BYTES], hint[NEAREST_HINT_BYTES], label[OPTIONS_FILE_LABEL_BYTES];
	struct nearest nearest = nearest_start(key);
	const struct option_spec *spec = command->specs;
	for (size_t row = 0; spec->name != NULL; spec++, row++)
		if (options_key(command, spec, names[row]) != NULL)
			nearest_offer(&nearest, names[row]);
	return error_set(err, BROT_E_CONFIG, "%s: unknown key%s",
			 label_at(file, entry->key_span.first,
				  quote_text(key, strlen(key), quoted, sizeof quoted), label),
			 nearest_hint(&nearest, hint));
}

static enum brot_err refuse_doubled(const struct options_file *file, const struct entry *first,
				    const struct entry *entry, const char *key,
				    struct brot_error *err)
{
	char label[OPTIONS_FILE_LABEL_BYTES];
	return error_set(err, BROT_E_CONFIG, "%s: doubled, line %zu has it too",
			 label_at(file, entry->key_span.first, key, label),
			 json_text_place(&file->json, first->key_span.first).line);
}

static const struct option_spec *spec_of(const struct option_command *command,
					 const struct entry *entry,
					 char key[OPTIONS_VARIABLE_BYTES])
{
	const struct option_spec *spec = command->specs;
	for (; spec->name != NULL; spec++)
		if (options_key(command, spec, key) != NULL &&
		    strcmp(json_string_value(entry->key), key) == 0)
			return spec;
	return NULL;
}

enum brot_err options_file_store(const struct options_file *file,
				 const struct option_command *command,
				 enum option_source sources[OPTIONS_MAX], void *values,
				 void *overruled, struct brot_error *err)
{
	const struct entry *given[OPTIONS_MAX] = {NULL};
	enum brot_err code = BROT_OK;
	for (size_t i = 0; i < file->count && code == BROT_OK; i++) {
		const struct entry *entry = &file->entries[i];
		char key[OPTIONS_VARIABLE_BYTES];
		const struct option_spec *spec = spec_of(command, entry, key);
		if (spec == NULL)
			return refuse_key(file, command, entry, err);
		size_t row = (size_t)(spec - command->specs);
		if (given[row] != NULL)
			return refuse_doubled(file, given[row], entry, key, err);
		given[row] = entry;
		bool is_overruled = sources[row] == OPTION_BY_LINE;
		if (!is_overruled)
			sources[row] = OPTION_BY_FILE;
		const struct taking taking = {file, spec, key, is_overruled ? overruled : values,
					      err};
		code = take_value(&taking, entry);
	}
	return code;
}
