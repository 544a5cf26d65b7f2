/* cli.c - the table of subcommands, and the one place where a failure is told. */
#include "client/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/print.h"
#include "proto/nearest.h"
#include "proto/quote.h"

static const struct command {
	const char *name;
	const char *summary;
	enum brot_err (*run)(const struct cli *cli, struct brot_error *err);
} commands[] = {
	{"render", "Renders a view into a file.", cmd_render},
	{"submit", "Submits a job that goes on by itself, and prints its number.", cmd_submit},
	{"wait", "Waits for the end of a job, and gets its picture.", cmd_wait},
	{"fetch", "Gets the picture of a job that is finished.", cmd_fetch},
	{"colour", "Colours numbers that a file has, without rendering them again.", cmd_colour},
	{"view", "Says what a view or a place's file shows, in the words of other programs.",
	 cmd_view},
	{"views", "Lists the places that --view knows by name.", cmd_views},
	{"palettes", "Lists the palettes that --palette knows, or draws them.", cmd_palettes},
	{"jobs", "Lists the jobs that the broker knows, or those that have ended.", cmd_jobs},
	{"workers", "Lists the workers of the broker, their kernels and how fast these are.",
	 cmd_workers},
	{"status", "Says how the broker is.", cmd_status},
	{"top", "Shows jobs and workers, again every second.", cmd_top},
	{"pause", "Stops a job from getting workers, until it is resumed.", cmd_verb},
	{"resume", "Lets a paused job go on.", cmd_verb},
	{"retry", "Renders what a failed or cancelled job lacks.", cmd_verb},
	{"priority", "Changes which of a client's jobs goes first.", cmd_verb},
	{"release", "Has the broker forget a job that is finished.", cmd_verb},
	{"cancel", "Ends a job, also a finished one that is kept.", cmd_verb},
	{"drain", "Has a worker finish what it holds, and leave.", cmd_verb},
	{"keygen", "Makes the two files of a key that opens a broker's door.", cmd_keygen},
	{"version", "Says which brot this is.", cmd_version},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

void cli_tell_ignored(const char *view, const char *ignored)
{
	if (ignored[0] != '\0')
		fprintf(stderr, "brot-client: of %.200s not read: %s\n", view + 1, ignored);
}

static void print_help(void)
{
	printf("usage: brot-client COMMAND [OPTION]...\n\n"
	       "Renders the Mandelbrot family, by a broker and its workers.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s%s\n", commands[i].name, commands[i].summary);
	printf("\nbrot-client COMMAND --help says more.\n\n"
	       "Exit status:\n"
	       "  0    it is done\n"
	       "  64   the command line is wrong\n"
	       "  65   the request, or a file that holds one, is wrong\n"
	       "  66   there is no such file, view or job\n"
	       "  69   no broker answers\n"
	       "  70   the workers could not render it, or brot has made a mistake\n"
	       "  71   a disk or shared memory is full, or the system refused something\n"
	       "  73   the file cannot be made\n"
	       "  75   the broker is at a limit: try later\n"
	       "  76   the other end does not speak as a broker does\n"
	       "  77   the broker or the system does not allow it, or the key is not known\n"
	       "  78   the file of a key is wrong\n"
	       "  130  cancelled; by a signal, 128 and its number (143 for SIGTERM)\n");
}

static enum brot_err find(const char *name, const struct command **ret_command,
			  struct brot_error *err)
{
	struct nearest nearest = nearest_start(name);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			*ret_command = &commands[i];
			return BROT_OK;
		}
		nearest_offer(&nearest, commands[i].name);
	}
	char quoted[QUOTE_BYTES], hint[NEAREST_HINT_BYTES];
	return error_set(err, BROT_E_USAGE, "command: must be one that --help lists, got \"%s\"%s",
			 quote_text(name, strlen(name), quoted, sizeof quoted),
			 nearest_hint(&nearest, hint));
}

static enum brot_err run(struct cli *cli, const char *name, struct brot_error *err)
{
	const struct command *command = NULL;
	if (name == NULL)
		return error_set(err, BROT_E_USAGE,
				 "command: must be one that --help lists, got none");
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_help();
		return BROT_OK;
	}
	if (strcmp(name, "--version") == 0)
		return cmd_version(cli, err);
	enum brot_err code = find(name, &command, err);
	if (code != BROT_OK)
		return code;
	cli->name = command->name;
	cli->summary = command->summary;
	(void)snprintf(cli->title, sizeof cli->title, "brot-client %s", command->name);
	return command->run(cli, err);
}

/* Also known where the command line as a whole is wrong. */
static bool wants_json(const struct cli *cli)
{
	bool wants = false;
	for (int i = 0; i < cli->argc && strcmp(cli->argv[i], "--") != 0; i++) {
		const char *word = cli->argv[i];
		if (strcmp(word, "--json") == 0)
			wants = true;
		else if (strncmp(word, "--json=", 7) == 0)
			wants = strcmp(word + 7, "true") == 0 || strcmp(word + 7, "1") == 0;
	}
	return wants;
}

/* A reader that has enough, such as head, is no failure. Which of the many writes it was that
 * failed, and with what, is not asked: the pipe itself still knows. */
static bool reader_is_gone(void)
{
	struct pollfd item = {.fd = STDOUT_FILENO, .events = POLLOUT};
	return poll(&item, 1, 0) == 1 && (item.revents & (POLLERR | POLLHUP)) != 0;
}

static enum brot_err finish_output(struct brot_error *err)
{
	errno = 0;
	if ((fflush(stdout) == 0 && !ferror(stdout)) || reader_is_gone())
		return BROT_OK;
	return error_set(err, BROT_E_OUTPUT, "standard output: cannot be written: %s",
			 errno != 0 ? strerror(errno) : "it was closed or is full");
}

/* A broker's sentence may begin with the message that it refuses, which is not what was typed. */
static void name_verb(const struct cli *cli, struct brot_error *err)
{
	const struct brot_error before = *err;
	const char *colon = strstr(before.text, ": ");
	for (int type = MSG_SUBMIT; colon != NULL && type <= MSG_HISTORY; type++) {
		const char *name = message_name((enum message_type)type);
		const size_t length = (size_t)(colon - before.text);
		if (cli->name != NULL && strlen(name) == length &&
		    memcmp(before.text, name, length) == 0)
			(void)error_set(err, before.code, "%s%s", cli->name, colon);
	}
}

void cli_tell_failure(const struct cli *cli, bool is_json, const struct brot_error *error)
{
	struct brot_error err = *error;
	name_verb(cli, &err);
	if (is_json)
		print_event(
			stdout, err.code == BROT_E_CANCELLED ? "cancelled" : "failed",
			json_pack("{s:s,s:s}", "error", brot_err_name(err.code), "text", err.text));
	fprintf(stderr, "brot-client: %s\n", err.text);
}

int cli_run(int argc, char *const *argv, int signal_fd)
{
	struct interrupt interrupt = {.signal_fd = signal_fd};
	bool is_left = false;
	struct cli cli = {.interrupt = &interrupt,
			  .is_left = &is_left,
			  .argc = argc > 2 ? argc - 2 : 0,
			  .argv = argc > 2 ? argv + 2 : NULL};
	struct brot_error err = {0};
	enum brot_err code = run(&cli, argc > 1 ? argv[1] : NULL, &err);
	bool is_told = code == BROT_E_CANCELLED && is_left;
	bool is_output = false;
	if (code == BROT_OK) {
		code = finish_output(&err);
		is_output = code != BROT_OK;
	}
	if (code != BROT_OK)
		cli_tell_failure(&cli, !is_told && !is_output && wants_json(&cli), &err);
	return interrupt_exit_status(&interrupt, code);
}

static const char *environment(const char *name, void *context)
{
	(void)context;
	return getenv(name);
}

struct option_command cli_command(const struct cli *cli, const struct option_spec *specs)
{
	return (struct option_command){.name = cli->title, .summary = cli->summary, .specs = specs};
}

enum brot_err cli_parse(const struct cli *cli, const struct option_command *command, void *values,
			size_t values_bytes, struct option_operands *ret_operands,
			struct brot_error *err)
{
	const struct option_sources sources = {.env = environment};
	enum brot_err code = options_parse(command, cli->argc, cli->argv, &sources, values,
					   values_bytes, ret_operands, err);
	if (code != BROT_OK || !ret_operands->wants_help)
		return code;
	char *help = options_help(command);
	if (help == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for the help");
	(void)fputs(help, stdout);
	free(help);
	return BROT_OK;
}

const struct option_spec cli_ask_specs[] = {
	CLI_SPEC_BROKER(cli_ask),
	CLI_SPEC_TIMEOUT(cli_ask, ""),
	CLI_SPEC_KEY(cli_ask),
	CLI_SPEC_SERVER_KEY(cli_ask),
	CLI_SPEC_INSECURE(cli_ask),
	CLI_SPEC_JSON(cli_ask),
	{.name = NULL},
};

struct service_config cli_service(const struct cli *cli, const struct cli_ask *ask)
{
	return (struct service_config){
		.broker = ask->broker,
		.key = ask->key,
		.server_key = ask->server_key,
		.is_insecure = ask->is_insecure,
		.timeout_ms = ask->timeout_ms,
		.interrupt = cli->interrupt,
	};
}

enum brot_err cli_ask_parsed(const struct cli *cli, const struct cli_ask *ask,
			     enum message_type type, const char *body, const char *key,
			     json_t **ret_report, struct brot_error *err)
{
	const struct service_config config = cli_service(cli, ask);
	struct service service = SERVICE_NONE;
	enum brot_err code = service_open(&config, &service, err);
	if (code == BROT_OK)
		code = connection_ask(service.connection, type, body, key, ask->timeout_ms,
				      ret_report, err);
	service_close(&service);
	return code;
}

enum brot_err cli_ask(const struct cli *cli, enum message_type type, const char *key,
		      bool *ret_is_json, json_t **ret_report, struct brot_error *err)
{
	const struct option_command command = cli_command(cli, cli_ask_specs);
	struct cli_ask ask = CLI_ASK_DEFAULT;
	struct option_operands operands;
	*ret_report = NULL;
	enum brot_err code = cli_parse(cli, &command, &ask, sizeof ask, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	*ret_is_json = ask.is_json;
	return cli_ask_parsed(cli, &ask, type, "{}", key, ret_report, err);
}

enum brot_err cli_read_job(const char *label, const char *text, uint64_t *ret_job,
			   struct brot_error *err)
{
	uint64_t job = 0;
	bool is_number = text[0] != '\0';
	for (const char *p = text; is_number && *p != '\0'; p++) {
		is_number = *p >= '0' && *p <= '9' && job <= (INT64_MAX - 9) / 10;
		if (is_number)
			job = job * 10 + (uint64_t)(*p - '0');
	}
	char quoted[QUOTE_BYTES];
	if (!is_number || job == 0)
		return error_set(err, BROT_E_USAGE,
				 "%s: must be the number of a job, as \"jobs\" lists it, got "
				 "\"%s\"",
				 label, quote_text(text, strlen(text), quoted, sizeof quoted));
	*ret_job = job;
	return BROT_OK;
}
