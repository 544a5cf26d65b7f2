/*
 * fuzz_settings.c - a settings file, with the broker's table or the worker's: what is taken is what
 * the file says, and what is refused is refused at a place in it.
 *
 * The input: a byte that says which table, and whether the command line and the environment speak
 * too, then the text of the file.
 */
#include <jansson.h>
#include <math.h>

#include "broker/broker_options.h"
#include "proto/json_text.h"
#include "proto/options_file.h"
#include "proto/quote.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/words.h"
#include "worker/worker_options.h"

#define WORKER   1 /* of the first byte */
#define HAS_LINE 2
#define HAS_ENV  4
#define NAME     "fuzz.json"

/* One program and the text; file is that of the last parse. */
struct program {
	const struct option_command *command;
	size_t values_bytes;
	int argc;
	char **argv;
	bool has_env;
	const char *text;
	size_t size;
	struct options_file *file;
};

union values {
	struct broker_options broker;
	struct worker_options worker;
};

static const char *environment(const char *name, void *context)
{
	static const char *const variables[][2] = {
		{"BROT_CLIENTS", "ipc://c, d"}, {"BROT_MEMORY", "512M"}, {"BROT_RETENTION", "1.5"},
		{"BROT_INSECURE", "1"},         {"BROT_NAME", "w"},      {"BROT_LOG_LEVEL", "info"},
		{"BROT_PROCESSES", "3"},        {"BROT_SYNC", ""},
	};
	const struct program *program = context;
	for (size_t i = 0; program->has_env && i < sizeof variables / sizeof variables[0]; i++)
		if (strcmp(name, variables[i][0]) == 0)
			return variables[i][1];
	return NULL;
}

static char *keep(const char *text, void *context)
{
	static char kept[64];
	(void)context;
	(void)snprintf(kept, sizeof kept, "%s", text);
	return kept;
}

static enum brot_err read_file(const char *path, bool must_exist, void *context,
			       const struct options_file **ret_file, struct brot_error *err)
{
	struct program *program = context;
	(void)must_exist;
	FUZZ_CHECK(strcmp(path, program->command->file) == 0, "the file %s", path);
	options_file_free(program->file);
	program->file = NULL;
	enum brot_err code = options_file_parse(NAME, program->text, program->size, &program->file,
						err);
	*ret_file = program->file;
	return code;
}

static struct option_sources sources_of(struct program *program)
{
	return (struct option_sources){.env = environment,
				       .env_context = program,
				       .file = read_file,
				       .file_context = program,
				       .keep = keep};
}

/* ---- places ---- */

/* Reads "NAME:LINE:COLUMN" and says which byte that is: at most the end of the text. */
static size_t offset_of(const struct program *program, const char *label)
{
	size_t line, column, offset = 0;
	FUZZ_CHECK(sscanf(label, NAME ":%zu:%zu", &line, &column) == 2 && line > 0 && column > 0,
		   "no place: %s", label);
	for (; line > 1; line--) {
		const char *end = memchr(program->text + offset, '\n', program->size - offset);
		FUZZ_CHECK(end != NULL, "a line behind the last: %s", label);
		offset = (size_t)(end - program->text) + 1;
	}
	while (column > 1) {
		FUZZ_CHECK(offset < program->size && program->text[offset] != '\n',
			   "a column behind the last: %s", label);
		offset++;
		if (offset == program->size || ((uint8_t)program->text[offset] & 0xc0) != 0x80)
			column--;
	}
	return offset;
}

static void check_sentence(const struct brot_error *err, enum brot_err code)
{
	FUZZ_CHECK(err->code == code && err->text[0] != '\0', "no sentence");
	FUZZ_CHECK(strlen(err->text) < sizeof err->text - 1, "cut: %s", err->text);
	for (const char *p = err->text; *p != '\0'; p++)
		FUZZ_CHECK(quote_control_bytes(p) == 0, "\"%s\"", err->text);
}

/* What is no JSON is so from its place on: nothing before is wrong. But a byte that is no UTF-8 is
 * told rather than what is wrong just before it, and an escape without its end is a wrong one. */
static void check_before(const struct program *program, size_t offset, const char *sentence)
{
	json_error_t wrong;
	json_t *json = json_loadb(program->text, offset, JSON_DECODE_ANY | JSON_ALLOW_NUL, &wrong);
	enum json_error_code code = json != NULL ? json_error_premature_end_of_input
						 : json_error_code(&wrong);
	json_decref(json);
	FUZZ_CHECK(code == json_error_premature_end_of_input || code == json_error_invalid_utf8 ||
			   strstr(sentence, "decode byte") != NULL ||
			   strstr(sentence, "invalid escape") != NULL,
		   "%s, but already before: %s", sentence, wrong.text);
}

static void check_refusal(const struct program *program, const struct brot_error *err)
{
	static const char syntax[] = ": not JSON: ";
	const char *rest = strstr(err->text, ": ");
	size_t offset = offset_of(program, err->text);
	FUZZ_CHECK(rest != NULL && rest[2] != '\0', "no sentence: %s", err->text);
	if (strncmp(rest, syntax, sizeof syntax - 1) == 0)
		check_before(program, offset, err->text);
}

/* ---- what was taken ---- */

static bool is_number(const json_t *json, double value)
{
	return json_is_number(json) && fabs(json_number_value(json) - value) < 0.0001;
}

static bool is_text(const json_t *json, const char *text)
{
	return json_is_string(json) && json_string_length(json) == strlen(text) &&
	       strcmp(json_string_value(json), text) == 0;
}

static bool is_list(const json_t *json, const struct option_strings *list)
{
	bool is_same = json_is_array(json) && json_array_size(json) == list->count;
	for (size_t i = 0; is_same && i < list->count; i++)
		is_same = is_text(json_array_get(json, i), list->values[i]);
	return is_same;
}

static bool is_taken(const struct option_spec *spec, const json_t *json, const void *values)
{
	const void *at = (const char *)values + spec->offset;
	switch (spec->type) {
	case OPTION_FLAG:
		return json_is_boolean(json) && json_is_true(json) == *(const bool *)at;
	case OPTION_STRING:
	case OPTION_WORD:
		return is_text(json, *(const char *const *)at);
	case OPTION_U32:
		return is_number(json, *(const uint32_t *)at);
	case OPTION_BYTES:
		return json_is_string(json) || is_number(json, (double)*(const uint64_t *)at);
	case OPTION_MS:
		return is_number(json, (double)*(const int64_t *)at / 1000);
	case OPTION_STRINGS:
		return is_list(json, at);
	case OPTION_SIZE:
		break;
	}
	return false;
}

static void check_label(const struct program *program, const struct option_spec *spec, size_t item,
			const json_t *json)
{
	char label[OPTIONS_FILE_LABEL_BYTES];
	(void)options_file_label(program->file, program->command, spec, item, label);
	size_t at = offset_of(program, label);
	const char *begins = json_is_string(json)  ? "\""
			     : json_is_array(json) ? "["
						   : "-0123456789tf";
	FUZZ_CHECK(at < program->size && strchr(begins, program->text[at]) != NULL,
		   "%s is not where it stands", label);
}

static void check_taken(const struct program *program, const struct option_operands *operands,
			const void *values)
{
	json_t *json = json_loadb(program->text, program->size,
				  JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	const struct option_spec *specs = program->command->specs;
	size_t known = 0;
	FUZZ_CHECK(json_is_object(json), "accepted without being an object, or with a key twice");
	for (size_t row = 0; specs[row].name != NULL; row++) {
		char key[OPTIONS_VARIABLE_BYTES];
		const enum option_source source = operands->sources[row];
		const json_t *value = NULL;
		if (options_key(program->command, &specs[row], key) != NULL)
			value = json_object_get(json, key);
		FUZZ_CHECK(value != NULL ? source != OPTION_BY_CALLER : source != OPTION_BY_FILE,
			   "%s has source %d", specs[row].name, (int)source);
		if (value == NULL)
			continue;
		known++;
		check_label(program, &specs[row], SIZE_MAX, value);
		for (size_t i = 0; i < json_array_size(value); i++)
			check_label(program, &specs[row], i, json_array_get(value, i));
		FUZZ_CHECK(source != OPTION_BY_FILE || is_taken(&specs[row], value, values),
			   "%s is not what the file says", specs[row].name);
	}
	FUZZ_CHECK(known == json_object_size(json), "a key that is none");
	json_decref(json);
}

/* ---- parsing ---- */

static void check_table(struct program *program)
{
	union values values = {0}, before = {0};
	struct option_operands operands, untouched;
	struct brot_error err = {.code = BROT_OK};
	const struct option_sources sources = sources_of(program);
	memset(&operands, 'x', sizeof operands);
	memcpy(&untouched, &operands, sizeof operands);
	enum brot_err code = options_parse(program->command, program->argc, program->argv, &sources,
					   &values, program->values_bytes, &operands, &err);
	if (code == BROT_OK) {
		check_taken(program, &operands, &values);
		return;
	}
	FUZZ_CHECK(code == BROT_E_CONFIG, "%s", err.text);
	check_sentence(&err, code);
	check_refusal(program, &err);
	FUZZ_CHECK(memcmp(&values, &before, sizeof values) == 0 &&
			   memcmp(&operands, &untouched, sizeof operands) == 0,
		   "an output was touched");
}

/* With the rules between several options. */
static void check_program(struct program *program)
{
	union values values, before;
	struct option_operands operands, untouched;
	struct brot_error err = {.code = BROT_OK};
	const struct option_sources sources = sources_of(program);
	memset(&values, 'x', sizeof values);
	memcpy(&before, &values, sizeof values);
	memset(&operands, 'x', sizeof operands);
	memcpy(&untouched, &operands, sizeof operands);
	enum brot_err code = program->command == &broker_command
				     ? broker_options_parse(program->argc, program->argv, &sources,
							    &values.broker, &operands, &err)
				     : worker_options_parse(program->argc, program->argv, &sources,
							    &values.worker, &operands, &err);
	if (code == BROT_OK) {
		FUZZ_CHECK(!operands.wants_help, "a file that asks for help");
		return;
	}
	check_sentence(&err, code);
	if (code == BROT_E_CONFIG)
		check_refusal(program, &err);
	else
		FUZZ_CHECK(code == BROT_E_USAGE && (strncmp(err.text, "--", 2) == 0 ||
						    strncmp(err.text, "BROT_", 5) == 0),
			   "no option is named: %s", err.text);
	FUZZ_CHECK(memcmp(&values, &before, sizeof values) == 0 &&
			   memcmp(&operands, &untouched, sizeof operands) == 0,
		   "an output was touched");
}

/* The scanner alone, which must stay inside of what is no JSON too. */
static void check_scanner(const char *text, size_t size)
{
	const struct json_text json = {text, size};
	struct json_span key = {0}, value = {0};
	size_t steps = 0, cursor = json_text_value(&json, 0).first;
	for (size_t last = cursor; json_text_member(&json, &cursor, &key, &value); last = cursor) {
		FUZZ_CHECK(++steps <= size && cursor > last && cursor <= size, "does not end");
		FUZZ_CHECK(key.first <= key.end && key.end <= size, "a key outside");
		FUZZ_CHECK(value.first <= value.end && value.end <= size, "a value outside");
	}
	cursor = json_text_value(&json, 0).first;
	for (size_t last = cursor; json_text_element(&json, &cursor, &value); last = cursor)
		FUZZ_CHECK(cursor > last && cursor <= size && value.end <= size, "does not end");
	for (size_t at = 0; at <= size; at += size / 16 + 1) {
		struct json_span token = json_text_token(&json, at);
		FUZZ_CHECK(token.first <= token.end && token.end <= size, "a token outside");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS_MOST];
	if (size == 0)
		return 0;
	char *text = (char *)fuzz_copy(data + 1, size - 1);
	const bool is_worker = (data[0] & WORKER) != 0;
	const char *line = (data[0] & HAS_LINE) == 0 ? ""
			   : is_worker               ? "--broker=ipc://w --threads 2 --no-shm"
						     : "--clients ipc://c --memory=64M --sync full";
	struct program program = {
		.command = is_worker ? &worker_command : &broker_command,
		.values_bytes = is_worker ? sizeof(struct worker_options)
					  : sizeof(struct broker_options),
		.argc = words_of(line, argv),
		.argv = argv,
		.has_env = (data[0] & HAS_ENV) != 0,
		.text = text,
		.size = size - 1,
	};
	check_scanner(text, size - 1);
	check_table(&program);
	check_program(&program);
	options_file_free(program.file);
	free(text);
	return 0;
}
