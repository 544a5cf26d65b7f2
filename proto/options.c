/*
 * options.c - the command line, and in which order the sources are asked.
 *
 * Everything is stored in a copy of the caller's struct, which replaces the original only when all
 * is good. The command line is read first, since it may name the file: what it gave is not touched
 * by the others.
 */
#include "proto/options.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/nearest.h"
#include "proto/options_file.h"
#include "proto/quote.h"

#define LABEL_BYTES 64

/* One command line under way. */
struct parse {
	const struct option_command *command;
	int argc;
	char *const *argv;
	int next;     /* index of the next word */
	void *values; /* the copy */
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

static void clear_list(const struct option_spec *spec, void *values)
{
	if (spec->type == OPTION_STRINGS)
		((struct option_strings *)(void *)((char *)values + spec->offset))->count = 0;
}

static enum brot_err refuse_help(struct brot_error *err, const char *value)
{
	char quoted[QUOTE_BYTES];
	return error_set(err, BROT_E_USAGE, "--help: takes no value, got \"%s\"",
			 quote_text(value, strlen(value), quoted, sizeof quoted));
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
		return refuse_help(p->err, name + chars + 1);
	if (spec->name == NULL)
		return refuse_unknown(p, word, chars + 2);
	char label[LABEL_BYTES];
	(void)snprintf(label, sizeof label, "--%s", spec->name);
	const char *value = name[chars] == '=' ? name + chars + 1 : NULL;
	if (spec->type == OPTION_FLAG && value == NULL) {
		value = "true";
	} else if (value == NULL) {
		/* A value may start with one dash, as -0.75,0,4 does; with two it is rather the
		 * next option, and --name=--value says that it is not. */
		bool is_there = p->next < p->argc && strncmp(p->argv[p->next], "--", 2) != 0;
		if (!is_there)
			return error_set(p->err, BROT_E_USAGE, "%s: needs a value %s", label,
					 spec->arg);
		value = p->argv[p->next++];
	}
	if (p->operands.sources[row] != OPTION_BY_LINE)
		clear_list(spec, p->values);
	p->operands.sources[row] = OPTION_BY_LINE;
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

/* ---- the other sources ---- */

static size_t row_of(const struct option_command *command, const char *name)
{
	size_t row = 0;
	while (command->specs[row].name != NULL && strcmp(command->specs[row].name, name) != 0)
		row++;
	return row;
}

static bool is_line_only(const struct option_spec *spec)
{
	return spec->env != NULL && spec->env[0] == '\0';
}

const char *options_variable(const struct option_command *command, const struct option_spec *spec,
			     char buffer[OPTIONS_VARIABLE_BYTES])
{
	if (is_line_only(spec) || (spec->env == NULL && command->file == NULL))
		return NULL;
	(void)snprintf(buffer, OPTIONS_VARIABLE_BYTES, "%s%s", spec->env != NULL ? "" : "BROT_",
		       spec->env != NULL ? spec->env : spec->name);
	for (char *p = buffer; spec->env == NULL && *p != '\0'; p++)
		*p = (char)(*p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	return buffer;
}

const char *options_key(const struct option_command *command, const struct option_spec *spec,
			char buffer[OPTIONS_VARIABLE_BYTES])
{
	if (command->file == NULL || is_line_only(spec) || strcmp(spec->name, "config") == 0)
		return NULL;
	(void)snprintf(buffer, OPTIONS_VARIABLE_BYTES, "%s", spec->name);
	for (char *p = buffer; (p = strchr(p, '-')) != NULL;)
		*p = '_';
	return buffer;
}

static bool is_alone(const struct parse *p)
{
	const char *const *name = p->command->alone;
	for (; name != NULL && *name != NULL; name++) {
		const struct option_spec *spec = &p->command->specs[row_of(p->command, *name)];
		bool is_unset = spec->type == OPTION_FLAG &&
				!*(const bool *)((const char *)p->values + spec->offset);
		if (options_source(p->command, &p->operands, *name) == OPTION_BY_LINE && !is_unset)
			return true;
	}
	return false;
}

/* The file that command line or environment name, or NULL. */
static const char *file_named(const struct parse *p, const struct option_sources *sources)
{
	char name[OPTIONS_VARIABLE_BYTES];
	size_t row = row_of(p->command, "config");
	const struct option_spec *spec = &p->command->specs[row];
	if (spec->name == NULL)
		return NULL;
	if (p->operands.sources[row] == OPTION_BY_LINE)
		return *(const char *const *)(const void *)((const char *)p->values + spec->offset);
	if (sources->env == NULL || options_variable(p->command, spec, name) == NULL)
		return NULL;
	const char *path = sources->env(name, sources->env_context);
	return path != NULL && path[0] != '\0' ? path : NULL;
}

static enum brot_err take_file(struct parse *p, const struct option_sources *sources,
			       size_t values_bytes)
{
	if (p->command->file == NULL || sources->file == NULL)
		return BROT_OK;
	const char *path = file_named(p, sources);
	enum brot_err code = sources->file(path != NULL ? path : p->command->file, path != NULL,
					   sources->file_context, &p->operands.file, p->err);
	if (code != BROT_OK || p->operands.file == NULL)
		return code;
	/* Also what the command line overrules must be right. */
	void *overruled = malloc(values_bytes);
	if (overruled == NULL)
		return error_set(p->err, BROT_E_SYSTEM, "%s: out of memory", p->command->name);
	memcpy(overruled, p->values, values_bytes);
	code = options_file_store(p->operands.file, p->command, p->operands.sources, p->values,
				  overruled, p->err);
	free(overruled);
	return code;
}

static enum brot_err take_list(struct parse *p, const struct option_sources *sources,
			       const struct option_spec *spec, const char *name, const char *text)
{
	static const char partings[] = " \t\n,";
	char *kept = sources->keep(text, sources->keep_context);
	if (kept == NULL)
		return error_set(p->err, BROT_E_SYSTEM, "%s: out of memory", p->command->name);
	enum brot_err code = BROT_OK;
	char *value = kept + strspn(kept, partings);
	do {
		char *end = value + strcspn(value, partings);
		char *next = end + strspn(end, partings);
		*end = '\0';
		code = options_store(spec, name, value, p->values, p->err);
		value = next;
	} while (code == BROT_OK && *value != '\0');
	return code;
}

static enum brot_err take_environment(struct parse *p, const struct option_sources *sources,
				      bool are_named_alone)
{
	enum brot_err code = BROT_OK;
	const struct option_spec *specs = p->command->specs;
	for (size_t row = 0; specs[row].name != NULL && code == BROT_OK; row++) {
		char name[OPTIONS_VARIABLE_BYTES];
		if (p->operands.sources[row] == OPTION_BY_LINE ||
		    options_variable(p->command, &specs[row], name) == NULL ||
		    (are_named_alone && specs[row].env == NULL))
			continue;
		const char *text = sources->env(name, sources->env_context);
		if (text == NULL || text[0] == '\0')
			continue;
		clear_list(&specs[row], p->values);
		p->operands.sources[row] = OPTION_BY_ENVIRONMENT;
		if (specs[row].type == OPTION_STRINGS)
			code = take_list(p, sources, &specs[row], name, text);
		else
			code = options_store(&specs[row], name, text, p->values, p->err);
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

static enum brot_err take_all(struct parse *p, const struct option_sources *sources,
			      size_t values_bytes)
{
	const struct option_command *command = p->command;
	enum brot_err code = take_words(p);
	if (code != BROT_OK || p->operands.wants_help)
		return code;
	bool are_named_alone = is_alone(p);
	if (sources != NULL && !are_named_alone)
		code = take_file(p, sources, values_bytes);
	if (code == BROT_OK && sources != NULL && sources->env != NULL)
		code = take_environment(p, sources, are_named_alone);
	if (code == BROT_OK && p->operands.count < command->operands_min)
		code = error_set(p->err, BROT_E_USAGE, "%s: needs %s", command->name,
				 command->operands);
	return code;
}

enum brot_err options_parse(const struct option_command *command, int argc, char *const *argv,
			    const struct option_sources *sources, void *values, size_t values_bytes,
			    struct option_operands *ret_operands, struct brot_error *err)
{
	check_table(command, values_bytes);
	struct parse p = {.command = command, .argc = argc, .argv = argv, .err = err};
	p.values = malloc(values_bytes);
	if (p.values == NULL)
		return error_set(err, BROT_E_SYSTEM, "%s: out of memory", command->name);
	memcpy(p.values, values, values_bytes);
	enum brot_err code = take_all(&p, sources, values_bytes);
	if (code == BROT_OK && !p.operands.wants_help)
		memcpy(values, p.values, values_bytes);
	if (code == BROT_OK)
		*ret_operands = p.operands;
	free(p.values);
	return code;
}

/* ---- rules between several options ---- */

enum option_source options_source(const struct option_command *command,
				  const struct option_operands *operands, const char *name)
{
	size_t row = row_of(command, name);
	assert(command->specs[row].name != NULL);
	return operands->sources[row];
}

/* The whole of a list is item SIZE_MAX. */
static enum brot_err refuse_item(const struct option_command *command,
				 const struct option_operands *operands, const char *name,
				 size_t item, const char *rule, struct brot_error *err)
{
	const struct option_spec *spec = &command->specs[row_of(command, name)];
	enum option_source source = options_source(command, operands, name);
	char label[OPTIONS_FILE_LABEL_BYTES];
	(void)snprintf(label, sizeof label, "--%s", name);
	if (source == OPTION_BY_FILE)
		(void)options_file_label(operands->file, command, spec, item, label);
	else if (source == OPTION_BY_ENVIRONMENT)
		(void)options_variable(command, spec, label);
	return error_set(err, source == OPTION_BY_FILE ? BROT_E_CONFIG : BROT_E_USAGE, "%s: %s",
			 label, rule);
}

enum brot_err options_refuse(const struct option_command *command,
			     const struct option_operands *operands, const char *name,
			     struct brot_error *err, const char *format, ...)
{
	char rule[BROT_ERROR_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(rule, sizeof rule, format, args);
	va_end(args);
	return refuse_item(command, operands, name, SIZE_MAX, rule, err);
}

enum brot_err options_blame(const struct option_command *command,
			    const struct option_operands *operands, const char *name, size_t item,
			    const struct brot_error *inner, struct brot_error *err)
{
	const char *colon = strstr(inner->text, ": ");
	if (inner->code != BROT_E_USAGE)
		return error_set(err, inner->code, "%s", inner->text);
	return refuse_item(command, operands, name, item, colon != NULL ? colon + 2 : inner->text,
			   err);
}
