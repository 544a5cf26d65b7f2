/*
 * options.h - command lines, environments and settings files as one table.
 *
 * A program (or each of its subcommands) describes its options in one table; the table says how to
 * parse, where to store, what the limits are and what the help says. Sources, the later ones
 * winning: what the caller stored beforehand, the settings file, the environment, the command line.
 * A list of a later source replaces that of an earlier one.
 *
 * Command line: --name VALUE, --name=VALUE, --flag, --flag=false, -h, --help; "--" ends the
 * options; "-" and words such as -0.75 are operands. Where an option is repeated the last one
 * counts, but OPTION_STRINGS collects. Environment: a variable gives one value; for OPTION_STRINGS
 * several, parted by blanks or commas. A flag's value is true, false, 1 or 0. File: see
 * options_file.h.
 *
 * Pure: environment and file enter through functions. Thread-safe.
 */
#ifndef PROTO_OPTIONS_H
#define PROTO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/limits.h"

#define OPTIONS_MAX          64 /* rows in one table */
#define OPTIONS_OPERANDS_MAX 64 /* operands on one command line */

/* What is written where, at spec.offset. */
enum option_type {
	OPTION_FLAG,   /* bool */
	OPTION_STRING, /* const char *: borrowed from its source; with a max: min..max printable
			* ASCII characters */
	OPTION_WORD, /* const char *, borrowed likewise: one of those that arg lists, parted by | */
	OPTION_U32,  /* uint32_t: min..max */
	OPTION_BYTES,   /* uint64_t: min..max bytes; K, M, G or T behind the number multiply by 1024
			 */
	OPTION_MS,      /* int64_t: min..max ms; written in seconds, at most three decimals */
	OPTION_SIZE,    /* struct option_size: WxH, each min..max */
	OPTION_STRINGS, /* struct option_strings: borrowed likewise */
};

struct option_size {
	uint32_t width, height;
};

struct option_strings {
	size_t count;
	const char *values[LIMIT_ENDPOINTS];
};

/* As env of a row: the command line alone gives it. */
#define OPTION_LINE_ONLY ""

/* As arg of a row: the levels of proto/sys/log.h. */
#define OPTION_LOG_LEVELS "error|warning|notice|info|debug"

struct option_spec {
	const char *name; /* without the dashes; NULL ends a table */
	const char *arg;  /* the value's name in the help; NULL for a flag */
	/* A variable that gives it as well. NULL: for a command with a settings file BROT_ and the
	 * name in capitals, for any other none. OPTION_LINE_ONLY: none, nor is it a key of the
	 * file. */
	const char *env;
	const char *help; /* one sentence, lower case, without a full stop */
	enum option_type type;
	size_t offset; /* in the caller's struct */
	int64_t min, max;
};

struct option_command {
	const char *name;                  /* "brot-client render" */
	const char *summary;               /* one sentence for the help */
	const char *operands;              /* "[JOB]" for the help; NULL if there are none */
	size_t operands_min, operands_max; /* at most OPTIONS_OPERANDS_MAX */
	const struct option_spec *specs;   /* at most OPTIONS_MAX rows, without a row for help */
	/* The settings file that is read if it exists, unless the row "config", which is no key of
	 * a file, names another, which then must exist. NULL: the command has no file. */
	const char *file;
	/* Names of options, up to NULL, with which the command is no service of its own: then its
	 * file does not count, nor do the variables that rows do not name. NULL: there are none. */
	const char *const *alone;
};

/* Who had the last word on an option. */
enum option_source { OPTION_BY_CALLER, OPTION_BY_FILE, OPTION_BY_ENVIRONMENT, OPTION_BY_LINE };

struct options_file;

struct option_operands {
	bool wants_help; /* -h or --help was there: nothing else counts, the values are untouched */
	size_t count;
	const char *values[OPTIONS_OPERANDS_MAX]; /* borrowed from argv */
	enum option_source sources[OPTIONS_MAX];  /* by row */
	const struct options_file *file;          /* borrowed; NULL: none was read */
};

/* The value of an environment variable, or NULL. An empty one counts as not set. */
typedef const char *option_env_fn(const char *name, void *context);

/* Reads a settings file, which stays the callee's and must live as long as the values. One that
 * does not exist is NULL and BROT_OK unless it must. BROT_E_CONFIG. */
typedef enum brot_err option_file_fn(const char *path, bool must_exist, void *context,
				     const struct options_file **ret_file, struct brot_error *err);

/* A copy of a text, which stays the callee's and must live as long as the values. NULL if memory is
 * short. */
typedef char *option_keep_fn(const char *text, void *context);

/* Where values come from beside the command line. Each function may be NULL, but keep() only where
 * no variable gives a list. */
struct option_sources {
	option_env_fn *env;
	void *env_context;
	option_file_fn *file;
	void *file_context;
	option_keep_fn *keep;
	void *keep_context;
};

/* Parses argv[0] to argv[argc - 1]: the words after the program's and the subcommand's name.
 * values is the struct of values_bytes bytes that the offsets mean. sources may be NULL.
 * BROT_E_USAGE, BROT_E_CONFIG where the file is bad, or BROT_E_SYSTEM if memory is short; outputs
 * are untouched on failure. */
enum brot_err options_parse(const struct option_command *command, int argc, char *const *argv,
			    const struct option_sources *sources, void *values, size_t values_bytes,
			    struct option_operands *ret_operands, struct brot_error *err);

/* Checks one value and stores it as the command line would (OPTION_STRINGS: appends), for sources
 * other than those above. text is borrowed as long as values; label names the option in the
 * sentence. BROT_E_USAGE; values untouched on failure. */
enum brot_err options_store(const struct option_spec *spec, const char *label, const char *text,
			    void *values, struct brot_error *err);

/* For rules between several options: who had the last word on the one of that name, and a refusal
 * of it in a sentence that begins with where it was given. The table has a row of that name. */
enum option_source options_source(const struct option_command *command,
				  const struct option_operands *operands, const char *name);
enum brot_err options_refuse(const struct option_command *command,
			     const struct option_operands *operands, const char *name,
			     struct brot_error *err, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The same by what another check says of a value: "WORD: RULE", of which the rule is taken. item
 * counts in the values of an OPTION_STRINGS, and is 0 elsewhere. What is no BROT_E_USAGE, and so
 * not the value's fault, is passed on as it is. */
enum brot_err options_blame(const struct option_command *command,
			    const struct option_operands *operands, const char *name, size_t item,
			    const struct brot_error *inner, struct brot_error *err);

/* Whether two structs of values have the same in that row. */
bool options_agree(const struct option_spec *spec, const void *values, const void *others);

/* Appends an option's name, as a settings file has it, to a list parted by commas, if the buffer
 * has room for it. */
void options_list(char *buffer, size_t buffer_bytes, const char *name);

/* Writes the variable of a row. Returns buffer, or NULL if the row has none. */
#define OPTIONS_VARIABLE_BYTES 64
const char *options_variable(const struct option_command *command, const struct option_spec *spec,
			     char buffer[OPTIONS_VARIABLE_BYTES]);

/* Writes the key of a row: its name with _ for -. Returns buffer, or NULL if the row has none. */
const char *options_key(const struct option_command *command, const struct option_spec *spec,
			char buffer[OPTIONS_VARIABLE_BYTES]);

/* The text of --help, lines of at most 80 columns where words allow. The caller frees it. NULL if
 * memory is short. */
char *options_help(const struct option_command *command);

#endif
