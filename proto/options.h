/*
 * options.h - command lines as tables.
 *
 * A program (or each of its subcommands) describes its options in one table; the table says how to
 * parse, where to store, what the limits are and what the help says. Sources, the later ones
 * winning: what the caller stored beforehand, the environment, the command line.
 *
 * Forms: --name VALUE, --name=VALUE, --flag, -h, --help; "--" ends the options; "-" and words such
 * as -0.75 are operands. Where an option is repeated the last one counts, but OPTION_STRINGS
 * collects.
 *
 * Pure: the environment enters through a function. Thread-safe.
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
	OPTION_FLAG,    /* bool: true; in the environment 1 or 0 */
	OPTION_STRING,  /* const char *: borrowed from argv or the environment */
	OPTION_U32,     /* uint32_t: min..max */
	OPTION_BYTES,   /* uint64_t: min..max bytes; K, M or G behind the number multiply by 1024 */
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

struct option_spec {
	const char *name; /* without the dashes; NULL ends a table */
	const char *arg;  /* the value's name in the help; NULL for a flag */
	const char *env;  /* a variable that gives it as well, or NULL */
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
};

struct option_operands {
	bool wants_help; /* -h or --help was there: nothing else counts, the values are untouched */
	size_t count;
	const char *values[OPTIONS_OPERANDS_MAX]; /* borrowed from argv */
};

/* The value of an environment variable, or NULL. An empty one counts as not set. */
typedef const char *option_env_fn(const char *name, void *context);

/* Parses argv[0] to argv[argc - 1]: the words after the program's and the subcommand's name.
 * values is the struct of values_bytes bytes that the offsets mean. env may be NULL.
 * BROT_E_USAGE, or BROT_E_SYSTEM if memory is short; outputs are untouched on failure. */
enum brot_err options_parse(const struct option_command *command, int argc, char *const *argv,
			    option_env_fn *env, void *env_context, void *values,
			    size_t values_bytes, struct option_operands *ret_operands,
			    struct brot_error *err);

/* Checks one value and stores it as the command line would (OPTION_STRINGS: appends), for sources
 * other than those above. text is borrowed as long as values; label names the option in the
 * sentence. BROT_E_USAGE; values untouched on failure. */
enum brot_err options_store(const struct option_spec *spec, const char *label, const char *text,
			    void *values, struct brot_error *err);

/* The text of --help, lines of at most 80 columns where words allow. The caller frees it. NULL if
 * memory is short. */
char *options_help(const struct option_command *command);

#endif
