/*
 * cli.h - the subcommands of brot-client, and what they share.
 *
 * A new subcommand is a file cmd_NAME.c and a row in cli.c. It gets the words behind its name and
 * returns BROT_OK or a failure with one sentence, which cli_run() tells.
 *
 * One thread runs all of it.
 */
#ifndef CLIENT_CLI_H
#define CLIENT_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/interrupt.h"
#include "client/service.h"
#include "proto/error.h"
#include "proto/message.h"
#include "proto/options.h"

struct cli {
	struct interrupt *interrupt;
	const char *name;    /* the subcommand's */
	const char *summary; /* one sentence */
	char title[32];      /* "brot-client NAME" */
	int argc;            /* the words behind the subcommand's name */
	char *const *argv;
	bool *is_left; /* to set where an event has said that the job outlives a cancelled call */
};

/* Runs the subcommand that argv[1] names. Returns the exit status; a failure is one line on
 * standard error and, where --json is among the words, an event on standard output. signal_fd is
 * that of signals_open(). */
int cli_run(int argc, char *const *argv, int signal_fd);

/* Tells people what of a place's file does not apply, if anything. */
void cli_tell_ignored(const char *view, const char *ignored);

/* Tells a failure that is not the subcommand's last. */
void cli_tell_failure(const struct cli *cli, bool is_json, const struct brot_error *error);

/* The subcommand for options_parse(): its name, its sentence and these options. */
struct option_command cli_command(const struct cli *cli, const struct option_spec *specs);

/* options_parse() with the process's environment. With --help among the words it prints the help
 * and sets ret_operands->wants_help: the subcommand returns BROT_OK then. */
enum brot_err cli_parse(const struct cli *cli, const struct option_command *command, void *values,
			size_t values_bytes, struct option_operands *ret_operands,
			struct brot_error *err);

/* What every subcommand that asks a broker one question takes. */
struct cli_ask {
	const char *broker, *key, *server_key;
	int64_t timeout_ms;
	bool is_insecure, is_json;
};
/* What --timeout is without it; struct members that must tell whether it was given stay 0. */
#define CLI_TIMEOUT_MS  10000
#define CLI_ASK_DEFAULT ((struct cli_ask){.timeout_ms = CLI_TIMEOUT_MS})

/* Where to ask, with the keys to show there. */
struct service_config cli_service(const struct cli *cli, const struct cli_ask *ask);

/* Rows of an option table for members of those names in struct `values`; `more` ends the help. */
#define CLI_TIMEOUT_MIN_MS 100
#define CLI_TIMEOUT_MAX_MS 86400000
#define CLI_SPEC_BROKER(values)                                                  \
	{                                                                        \
		.name = "broker", .arg = "URL", .env = "BROT_BROKER",            \
		.help = "the broker's endpoint for clients, such as "            \
			"ipc:///run/user/1000/brot-c or tcp://127.0.0.1:5570",   \
		.type = OPTION_STRING, .offset = offsetof(struct values, broker) \
	}
#define CLI_SPEC_TIMEOUT(values, more)                                                       \
	{                                                                                    \
		.name = "timeout", .arg = "S",                                               \
		.help = "seconds that the broker may be silent before it counts as absent; " \
			"10 without it" more,                                                \
		.type = OPTION_MS, .offset = offsetof(struct values, timeout_ms),            \
		.min = CLI_TIMEOUT_MIN_MS, .max = CLI_TIMEOUT_MAX_MS                         \
	}
/* For a member that is 0 without the option: the client is patient then. */
#define CLI_SPEC_PATIENCE(values)                                                              \
	{                                                                                      \
		.name = "timeout", .arg = "S",                                                 \
		.help = "seconds that the broker may be silent before it counts as absent; "   \
			"10 without it for the first answer; then no limit: a broker that is " \
			"started again is waited for, as workers are",                         \
		.type = OPTION_MS, .offset = offsetof(struct values, timeout_ms),              \
		.min = CLI_TIMEOUT_MIN_MS, .max = CLI_TIMEOUT_MAX_MS                           \
	}
#define CLI_SPEC_KEY(values)                                                                     \
	{                                                                                        \
		.name = "key", .arg = "FILE", .env = "BROT_KEY",                                 \
		.help = "your own secret certificate, NAME.cert_secret of keygen, for a broker " \
			"with keys; with tcp alone",                                             \
		.type = OPTION_STRING, .offset = offsetof(struct values, key)                    \
	}
#define CLI_SPEC_SERVER_KEY(values)                                                          \
	{                                                                                    \
		.name = "server-key", .arg = "FILE", .env = "BROT_SERVER_KEY",               \
		.help = "the broker's public certificate, NAME.cert", .type = OPTION_STRING, \
		.offset = offsetof(struct values, server_key)                                \
	}
#define CLI_SPEC_INSECURE(values)                                                            \
	{                                                                                    \
		.name = "insecure",                                                          \
		.help = "allow tcp beyond this host, where anyone may read and write along", \
		.type = OPTION_FLAG, .offset = offsetof(struct values, is_insecure)          \
	}
#define CLI_SPEC_JSON(values)                                                                 \
	{                                                                                     \
		.name = "json", .help = "write JSON to standard output", .type = OPTION_FLAG, \
		.offset = offsetof(struct values, is_json)                                    \
	}

/* Parses the command line of such a subcommand, whose struct is struct cli_ask alone, and, unless
 * it wants help, asks. *ret_report is NULL after --help; the caller owns it. */
enum brot_err cli_ask(const struct cli *cli, enum message_type type, const char *key,
		      bool *ret_is_json, json_t **ret_report, struct brot_error *err);

/* The same for a subcommand that has parsed its command line already. */
enum brot_err cli_ask_parsed(const struct cli *cli, const struct cli_ask *ask,
			     enum message_type type, const char *body, const char *key,
			     json_t **ret_report, struct brot_error *err);

extern const struct option_spec cli_ask_specs[];

/* An operand JOB, or another word that `label` names: a job's id, 1 to 2^63 - 1, in decimal. */
enum brot_err cli_read_job(const char *label, const char *text, uint64_t *ret_job,
			   struct brot_error *err);

/* The subcommands. */
enum brot_err cmd_render(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_submit(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_wait(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_fetch(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_views(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_palettes(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_jobs(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_workers(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_status(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_verb(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_top(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_keygen(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_colour(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_view(const struct cli *cli, struct brot_error *err);
enum brot_err cmd_version(const struct cli *cli, struct brot_error *err);

#endif
