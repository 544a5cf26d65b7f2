/* options_help.c - the text of --help, from the same tables that parse. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/options.h"

#define HELP_COLUMNS 80 /* lines are no longer, where words allow */
#define HELP_INDENT  28 /* where the sentences begin */

/* A string that grows; data is NULL for good once memory was short. */
struct buffer {
	char *data;
	size_t used, room;
};

static void append(struct buffer *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void append(struct buffer *out, const char *format, ...)
{
	while (out->data != NULL) {
		va_list args;
		va_start(args, format);
		int chars = vsnprintf(out->data + out->used, out->room - out->used, format, args);
		va_end(args);
		if (chars >= 0 && (size_t)chars < out->room - out->used) {
			out->used += (size_t)chars;
			return;
		}
		char *data = chars < 0 ? NULL : realloc(out->data, 2 * out->room + (size_t)chars);
		if (data == NULL)
			free(out->data);
		out->data = data;
		out->room = 2 * out->room + (size_t)(chars < 0 ? 0 : chars);
	}
}

/* Appends words from `column` on and wraps them to HELP_INDENT. */
static void append_words(struct buffer *out, size_t column, const char *text)
{
	const char *gap = "";
	while (*text != '\0') {
		size_t chars = strcspn(text, " ");
		if (column + strlen(gap) + chars > HELP_COLUMNS && *gap != '\0') {
			append(out, "\n%*s", HELP_INDENT, "");
			column = HELP_INDENT;
			gap = "";
		}
		append(out, "%s%.*s", gap, (int)chars, text);
		column += strlen(gap) + chars;
		gap = " ";
		text += chars;
		text += strspn(text, " ");
	}
	append(out, "\n");
}

static void append_row(struct buffer *out, const char *name, const char *arg, const char *help,
		       const char *env)
{
	char left[128], right[512];
	int chars = snprintf(left, sizeof left, "  --%s%s%s", name, arg != NULL ? " " : "",
			     arg != NULL ? arg : "");
	(void)snprintf(right, sizeof right, "%s%s%s%s", help, env != NULL ? " (or " : "",
		       env != NULL ? env : "", env != NULL ? ")" : "");
	if (chars > HELP_INDENT - 2)
		append(out, "%s\n%*s", left, HELP_INDENT, "");
	else
		append(out, "%-*s", HELP_INDENT, left);
	append_words(out, HELP_INDENT, right);
}

/* The first option of that type which more than the command line gives, or NULL. */
static const struct option_spec *first_of(const struct option_command *command,
					  enum option_type type)
{
	char key[OPTIONS_VARIABLE_BYTES];
	for (const struct option_spec *spec = command->specs; spec->name != NULL; spec++)
		if (spec->type == type && options_key(command, spec, key) != NULL)
			return spec;
	return NULL;
}

static void append_file(struct buffer *out, const struct option_command *command)
{
	append(out,
	       "\n"
	       "Settings come from the file of --config, or from\n"
	       "%s if it exists, then from the environment, then from the\n"
	       "command line; the last one counts. The file is one JSON object; its keys are the\n"
	       "options above that have a variable, without --config, and with _ for -.\n",
	       command->file);
	if (first_of(command, OPTION_STRINGS) != NULL)
		append(out, "A variable gives several of what may be repeated, parted by blanks or "
			    "commas.\n");
	const struct option_spec *flag = first_of(command, OPTION_FLAG);
	if (flag != NULL)
		append(out, "What takes no value is unset by =false, as in --%s=false.\n",
		       flag->name);
}

char *options_help(const struct option_command *command)
{
	struct buffer out = {.data = malloc(1024), .used = 0, .room = 1024};
	append(&out, "usage: %s [options]%s%s\n", command->name,
	       command->operands != NULL ? " " : "",
	       command->operands != NULL ? command->operands : "");
	append(&out, "%s\n\noptions:\n", command->summary);
	for (const struct option_spec *spec = command->specs; spec->name != NULL; spec++) {
		char variable[OPTIONS_VARIABLE_BYTES];
		append_row(&out, spec->name, spec->arg, spec->help,
			   options_variable(command, spec, variable));
	}
	append_row(&out, "help", NULL, "print this and exit", NULL);
	if (command->file != NULL)
		append_file(&out, command);
	return out.data;
}
