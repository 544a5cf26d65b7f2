/*
 * options.c - command lines as tables.
 *
 * Everything is stored in a copy of the caller's struct, which replaces the original only when the
 * whole command line is good.
 */
#include "proto/options.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/nearest.h"
#include "proto/quote.h"

#define LABEL_BYTES 64

/* Values of one type: how to check and store a text, and how to show a limit. */

static enum brot_err refuse(struct brot_error *err, const char *label, const char *rule,
			    const char *text)
{
	char quoted[QUOTE_BYTES];
	return error_set(err, BROT_E_USAGE, "%s: %s, got \"%s\"", label, rule,
			 quote_text(text, strlen(text), quoted, sizeof quoted));
}

/* Reads digits only, at most INT64_MAX: more counts as that. NULL unless there is a digit, else
 * the end of the digits. */
static const char *read_digits(const char *text, int64_t *ret)
{
	const char *p = text;
	int64_t value = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		int digit = *p - '0';
		value = value > (INT64_MAX - digit) / 10 ? INT64_MAX : value * 10 + digit;
	}
	if (p == text)
		return NULL;
	*ret = value;
	return p;
}

static enum brot_err store_flag(const struct option_spec *spec, const char *label, const char *text,
				void *at, struct brot_error *err)
{
	(void)spec;
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return refuse(err, label, "must be 1 or 0", text);
	bool value = text[0] == '1';
	memcpy(at, &value, sizeof value);
	return BROT_OK;
}

static enum brot_err store_string(const struct option_spec *spec, const char *label,
				  const char *text, void *at, struct brot_error *err)
{
	(void)spec;
	if (text[0] == '\0')
		return error_set(err, BROT_E_USAGE, "%s: must not be empty", label);
	memcpy(at, &text, sizeof text);
	return BROT_OK;
}

static enum brot_err store_strings(const struct option_spec *spec, const char *label,
				   const char *text, void *at, struct brot_error *err)
{
	(void)spec;
	struct option_strings *list = at;
	if (text[0] == '\0')
		return error_set(err, BROT_E_USAGE, "%s: must not be empty", label);
	if (list->count >= LIMIT_ENDPOINTS)
		return error_set(err, BROT_E_USAGE, "%s: may be given at most %d times", label,
				 LIMIT_ENDPOINTS);
	list->values[list->count++] = text;
	return BROT_OK;
}

static enum brot_err store_u32(const struct option_spec *spec, const char *label, const char *text,
			       void *at, struct brot_error *err)
{
	int64_t value = 0;
	const char *end = read_digits(text, &value);
	uint32_t number = (uint32_t)value;
	if (end == NULL || *end != '\0' || value < spec->min || value > spec->max) {
		char rule[LABEL_BYTES];
		(void)snprintf(rule, sizeof rule, "must be a whole number %lld..%lld",
			       (long long)spec->min, (long long)spec->max);
		return refuse(err, label, rule, text);
	}
	assert(spec->max <= UINT32_MAX);
	memcpy(at, &number, sizeof number);
	return BROT_OK;
}

/* "64K" where that is exact. */
static void show_bytes(int64_t value, char *buffer, size_t buffer_bytes)
{
	static const char *const suffixes[] = {"", "K", "M", "G", "T"};
	size_t i = 0;
	for (; value != 0 && value % 1024 == 0 && i < 4; i++)
		value /= 1024;
	(void)snprintf(buffer, buffer_bytes, "%lld%s", (long long)value, suffixes[i]);
}

static enum brot_err store_bytes(const struct option_spec *spec, const char *label,
				 const char *text, void *at, struct brot_error *err)
{
	static const char suffixes[] = "KkMmGgTt";
	int64_t value = 0;
	const char *end = read_digits(text, &value);
	if (end != NULL && *end != '\0') {
		const char *suffix = strchr(suffixes, *end);
		int shift = suffix == NULL ? 0 : 10 * (int)((suffix - suffixes) / 2 + 1);
		value = value > INT64_MAX >> shift ? INT64_MAX : value << shift;
		end = suffix == NULL ? NULL : end + 1;
	}
	if (end == NULL || *end != '\0' || value < spec->min || value > spec->max) {
		char rule[2 * LABEL_BYTES], min[LABEL_BYTES / 2], max[LABEL_BYTES / 2];
		show_bytes(spec->min, min, sizeof min);
		show_bytes(spec->max, max, sizeof max);
		(void)snprintf(rule, sizeof rule, "must be %s..%s bytes, such as 512M", min, max);
		return refuse(err, label, rule, text);
	}
	uint64_t bytes = (uint64_t)value;
	memcpy(at, &bytes, sizeof bytes);
	return BROT_OK;
}

/* 1500 ms as "1.5". */
static void show_seconds(int64_t ms, char *buffer, size_t buffer_bytes)
{
	int chars = snprintf(buffer, buffer_bytes, "%lld.%03d", (long long)(ms / 1000),
			     (int)(ms % 1000));
	while (buffer[chars - 1] == '0')
		buffer[--chars] = '\0';
	if (buffer[chars - 1] == '.')
		buffer[chars - 1] = '\0';
}

static enum brot_err store_ms(const struct option_spec *spec, const char *label, const char *text,
			      void *at, struct brot_error *err)
{
	int64_t value = 0;
	const char *end = read_digits(text, &value);
	value = value > INT64_MAX / 1000 - 1 ? INT64_MAX / 1000 - 1 : value;
	value *= 1000;
	if (end != NULL && *end == '.') {
		int64_t scale = 100;
		const char *decimals = end + 1;
		for (end = decimals; *end >= '0' && *end <= '9' && scale > 0; end++, scale /= 10)
			value += scale * (*end - '0');
		if (end == decimals)
			end = NULL;
	}
	if (end == NULL || *end != '\0' || value < spec->min || value > spec->max) {
		char rule[2 * LABEL_BYTES], min[LABEL_BYTES / 2], max[LABEL_BYTES / 2];
		show_seconds(spec->min, min, sizeof min);
		show_seconds(spec->max, max, sizeof max);
		(void)snprintf(rule, sizeof rule, "must be %s..%s seconds with at most 3 decimals",
			       min, max);
		return refuse(err, label, rule, text);
	}
	memcpy(at, &value, sizeof value);
	return BROT_OK;
}

static enum brot_err store_size(const struct option_spec *spec, const char *label, const char *text,
				void *at, struct brot_error *err)
{
	int64_t width = 0, height = 0;
	const char *end = read_digits(text, &width);
	if (end != NULL)
		end = *end == 'x' ? read_digits(end + 1, &height) : NULL;
	if (end == NULL || *end != '\0' || width < spec->min || width > spec->max ||
	    height < spec->min || height > spec->max) {
		char rule[2 * LABEL_BYTES];
		(void)snprintf(rule, sizeof rule, "must be WxH, each %lld..%lld",
			       (long long)spec->min, (long long)spec->max);
		return refuse(err, label, rule, text);
	}
	assert(spec->max <= UINT32_MAX);
	struct option_size size = {(uint32_t)width, (uint32_t)height};
	memcpy(at, &size, sizeof size);
	return BROT_OK;
}

enum brot_err options_store(const struct option_spec *spec, const char *label, const char *text,
			    void *values, struct brot_error *err)
{
	typedef enum brot_err store_fn(const struct option_spec *, const char *, const char *,
				       void *, struct brot_error *);
	static store_fn *const stores[] = {
		[OPTION_FLAG] = store_flag,       [OPTION_STRING] = store_string,
		[OPTION_U32] = store_u32,         [OPTION_BYTES] = store_bytes,
		[OPTION_MS] = store_ms,           [OPTION_SIZE] = store_size,
		[OPTION_STRINGS] = store_strings,
	};
	return stores[spec->type](spec, label, text, (char *)values + spec->offset, err);
}

/* One command line under way. */
struct parse {
	const struct option_command *command;
	int argc;
	char *const *argv;
	int next;               /* index of the next word */
	void *values;           /* the copy */
	bool seen[OPTIONS_MAX]; /* on the command line, by row */
	struct option_operands operands;
	struct brot_error *err;
};

static enum brot_err refuse_unknown(struct parse *p, const char *word, size_t chars)
{
	char name[LABEL_BYTES], quoted[QUOTE_BYTES], hint[NEAREST_HINT_BYTES] = "";
	size_t dashes = strspn(word, "-");
	(void)snprintf(name, sizeof name, "%.*s", (int)(chars - dashes > 60 ? 60 : chars - dashes),
		       word + dashes);
	struct nearest nearest = nearest_start(name);
	for (const struct option_spec *spec = p->command->specs; spec->name != NULL; spec++)
		nearest_offer(&nearest, spec->name);
	nearest_offer(&nearest, "help");
	if (nearest_found(&nearest) != NULL)
		(void)snprintf(hint, sizeof hint, "; did you mean --%s?", nearest_found(&nearest));
	return error_set(p->err, BROT_E_USAGE, "%s: unknown option%s",
			 quote_text(word, chars, quoted, sizeof quoted), hint);
}

/* Takes "--name", "--name=value" or "--name value". */
static enum brot_err take_option(struct parse *p, const char *word)
{
	const char *name = word + 2;
	size_t chars = strcspn(name, "=");
	size_t row = 0;
	const struct option_spec *spec = p->command->specs;
	while (spec->name != NULL &&
	       (strlen(spec->name) != chars || memcmp(spec->name, name, chars) != 0)) {
		spec++;
		row++;
	}
	if (spec->name == NULL && chars == 4 && memcmp(name, "help", 4) == 0)
		return refuse(p->err, "--help", "takes no value", name + chars + 1);
	if (spec->name == NULL)
		return refuse_unknown(p, word, chars + 2);
	char label[LABEL_BYTES];
	(void)snprintf(label, sizeof label, "--%s", spec->name);
	const char *value = name[chars] == '=' ? name + chars + 1 : NULL;
	if (spec->type == OPTION_FLAG) {
		if (value != NULL)
			return refuse(p->err, label, "takes no value", value);
		value = "1";
	} else if (value == NULL) {
		/* A value may start with one dash, as -0.75,0,4 does; with two it is rather the
		 * next option, and --name=--value says that it is not. */
		bool is_there = p->next < p->argc && strncmp(p->argv[p->next], "--", 2) != 0;
		if (!is_there)
			return error_set(p->err, BROT_E_USAGE, "%s: needs a value %s", label,
					 spec->arg);
		value = p->argv[p->next++];
	}
	if (spec->type == OPTION_STRINGS && !p->seen[row])
		((struct option_strings *)(void *)((char *)p->values + spec->offset))->count = 0;
	p->seen[row] = true;
	return options_store(spec, label, value, p->values, p->err);
}

static enum brot_err take_operand(struct parse *p, const char *word)
{
	char quoted[QUOTE_BYTES];
	quote_text(word, strlen(word), quoted, sizeof quoted);
	if (p->command->operands_max == 0)
		return error_set(p->err, BROT_E_USAGE,
				 "%s: takes no operands besides its options, got \"%s\"",
				 p->command->name, quoted);
	if (p->operands.count >= p->command->operands_max)
		return error_set(p->err, BROT_E_USAGE,
				 "%s: takes at most %zu operand%s, \"%s\" is one more",
				 p->command->name, p->command->operands_max,
				 p->command->operands_max == 1 ? "" : "s", quoted);
	p->operands.values[p->operands.count++] = word;
	return BROT_OK;
}

static enum brot_err take_words(struct parse *p)
{
	bool only_operands = false;
	enum brot_err code = BROT_OK;
	while (p->next < p->argc && code == BROT_OK) {
		const char *word = p->argv[p->next++];
		/* "-" alone counts as one. */
		bool is_number = word[0] == '-' && strchr(".0123456789", word[1]) != NULL;
		if (only_operands || word[0] != '-' || is_number) {
			code = take_operand(p, word);
		} else if (strcmp(word, "--") == 0) {
			only_operands = true;
		} else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
			p->operands.wants_help = true;
			return BROT_OK;
		} else if (word[1] == '-') {
			code = take_option(p, word);
		} else {
			code = refuse_unknown(p, word, strlen(word));
		}
	}
	return code;
}

static enum brot_err take_environment(struct parse *p, option_env_fn *env, void *context)
{
	enum brot_err code = BROT_OK;
	const struct option_spec *specs = p->command->specs;
	for (size_t row = 0; specs[row].name != NULL && code == BROT_OK; row++) {
		if (specs[row].env == NULL || p->seen[row])
			continue;
		const char *text = env(specs[row].env, context);
		if (text == NULL || text[0] == '\0')
			continue;
		if (specs[row].type == OPTION_STRINGS)
			((struct option_strings *)(void *)((char *)p->values + specs[row].offset))
				->count = 0;
		code = options_store(&specs[row], specs[row].env, text, p->values, p->err);
	}
	return code;
}

/* Our own mistakes in a table. */
static void check_table(const struct option_command *command, size_t values_bytes)
{
	size_t rows = 0;
	for (; command->specs[rows].name != NULL; rows++) {
		const struct option_spec *spec = &command->specs[rows];
		assert(spec->offset < values_bytes);
		assert((spec->arg == NULL) == (spec->type == OPTION_FLAG));
	}
	assert(rows <= OPTIONS_MAX && command->operands_max <= OPTIONS_OPERANDS_MAX);
}

enum brot_err options_parse(const struct option_command *command, int argc, char *const *argv,
			    option_env_fn *env, void *env_context, void *values,
			    size_t values_bytes, struct option_operands *ret_operands,
			    struct brot_error *err)
{
	check_table(command, values_bytes);
	struct parse p = {.command = command, .argc = argc, .argv = argv, .err = err};
	p.values = malloc(values_bytes);
	if (p.values == NULL)
		return error_set(err, BROT_E_SYSTEM, "%s: out of memory", command->name);
	memcpy(p.values, values, values_bytes);
	enum brot_err code = take_words(&p);
	if (code == BROT_OK && !p.operands.wants_help) {
		if (env != NULL)
			code = take_environment(&p, env, env_context);
		if (code == BROT_OK && p.operands.count < command->operands_min)
			code = error_set(err, BROT_E_USAGE, "%s: needs %s", command->name,
					 command->operands);
		if (code == BROT_OK)
			memcpy(values, p.values, values_bytes);
	}
	if (code == BROT_OK)
		*ret_operands = p.operands;
	free(p.values);
	return code;
}
