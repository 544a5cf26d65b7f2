/* main.c - brot-worker: the parent of a host's worker processes, and each of them. */
#include <brot/version.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "proto/secret.h"
#include "proto/sys/clock.h"
#include "proto/sys/cores.h"
#include "proto/sys/keys.h"
#include "proto/sys/log.h"
#include "proto/sys/notify.h"
#include "proto/sys/process.h"
#include "proto/sys/settings.h"
#include "proto/sys/signals.h"
#include "proto/sys/sock.h"
#include "worker/choice.h"
#include "worker/cmd_selftest.h"
#include "worker/link.h"
#include "worker/supervise.h"
#include "worker/worker_options.h"

#define SESSION_FD 3 /* where process_start() puts a child's pipe */

/* The settings that the worker runs with, and those that a SIGHUP has read since. */
struct program {
	int argc;
	char *const *argv;
	struct worker_options options;
	struct settings settings, reread;
	struct sock_keys keys; /* shown to the broker, if has_keys */
	bool has_keys;
};

static enum brot_err check_url(const struct worker_options *options, struct brot_error *err)
{
	bool is_local;
	enum brot_err code = sock_url_check(options->broker, &is_local, err);
	if (code == BROT_OK && !is_local && options->key == NULL && !options->is_insecure)
		return error_set(
			err, BROT_E_USAGE,
			"URL: %s is tcp beyond this host, which needs --key and "
			"--server-key, or --insecure, since nobody knows who answers there",
			options->broker);
	return code;
}

/* What the table cannot know of values: each is refused where it was given. */
static enum brot_err check(const struct worker_options *options,
			   const struct option_operands *operands, struct brot_error *err)
{
	const struct kernel *kernel;
	struct brot_error inner;
	if (options->kernel != NULL && kernel_by_name(options->kernel, &kernel, &inner) != BROT_OK)
		return options_blame(&worker_command, operands, "kernel", 0, &inner, err);
	if (!options->wants_selftest && check_url(options, &inner) != BROT_OK)
		return options_blame(&worker_command, operands, "broker", 0, &inner, err);
	return BROT_OK;
}

static enum brot_err parse(const struct program *program, struct settings *settings,
			   struct worker_options *ret_options, bool *ret_wants_help,
			   struct brot_error *err)
{
	const struct option_sources sources = settings_sources(settings);
	struct worker_options options;
	struct option_operands operands;
	enum brot_err code = worker_options_parse(program->argc - 1, program->argv + 1, &sources,
						  &options, &operands, err);
	if (code == BROT_OK && !operands.wants_help && !options.wants_version)
		code = check(&options, &operands, err);
	if (code != BROT_OK)
		return code;
	*ret_options = options;
	*ret_wants_help = operands.wants_help;
	return BROT_OK;
}

static int complain(const struct brot_error *err)
{
	fprintf(stderr, "brot-worker: %s\n", err->text);
	return error_exit_status(err->code);
}

static int print_help(void)
{
	char *text = options_help(&worker_command);
	if (text == NULL)
		return error_exit_status(BROT_E_SYSTEM);
	fputs(text, stdout);
	free(text);
	return 0;
}

/* SIGHUP: the level of the log changes, what else differs waits for a restart. Of the processes
 * that read the same file the parent alone tells of it. */
static void reread(void *context)
{
	struct program *program = context;
	struct worker_options options;
	struct brot_error err;
	enum log_level level;
	bool wants_help;
	char waiting[512] = "";
	enum brot_err code = parse(program, &program->reread, &options, &wants_help, &err);
	if (code == BROT_OK)
		code = log_level_parse(options.log_level, &level, &err);
	if (code == BROT_OK)
		log_set_level(level);
	if (program->options.child_of != 0)
		return;
	if (code != BROT_OK) {
		log_line(LOG_LEVEL_ERROR, "settings stay as they are: %s", err.text);
		return;
	}
	bool is_changed = strcmp(program->options.log_level, options.log_level) != 0;
	program->options.log_level = log_level_name(level);
	for (const struct option_spec *spec = worker_command.specs; spec->name != NULL; spec++)
		if (!options_agree(spec, &program->options, &options))
			options_list(waiting, sizeof waiting, spec->name);
	log_line(LOG_LEVEL_NOTICE, "settings read again changed=%s",
		 is_changed ? "log_level" : "none");
	if (waiting[0] != '\0')
		log_line(LOG_LEVEL_WARNING, "settings that wait for a restart names=%s", waiting);
}

/* What people shall call this process: HOSTNAME/PID, printable. */
static void name_make(char name[LIMIT_NAME_CHARS + 1])
{
	char host[LIMIT_NAME_CHARS + 1];
	if (gethostname(host, sizeof host) != 0)
		(void)snprintf(host, sizeof host, "localhost");
	host[sizeof host - 1] = '\0';
	for (char *p = host; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	(void)snprintf(name, LIMIT_NAME_CHARS + 1, "%.50s/%ld", host, (long)getpid());
}

/* A process that another one started for itself is not what systemd waits for. */
static struct notify notify_unless_owned(const struct worker_options *options)
{
	return options->child_of == 0 && options->tied_to == 0 ? notify_open() : NOTIFY_OFF;
}

/* One process with its compute threads. */
static enum brot_err work(struct program *program, struct choice *choice, int signal_fd,
			  int *ret_status, struct brot_error *err)
{
	const struct worker_options *options = &program->options;
	char name[LIMIT_NAME_CHARS + 1];
	bool is_child = options->child_of != 0;
	choice_measure(choice, clock_us);
	log_line(LOG_LEVEL_INFO, "kernel chosen name=%s iterations_per_s=%llu",
		 choice->kernel->name, (unsigned long long)choice_speed(choice));
	name_make(name);
	if (is_child)
		(void)fcntl(SESSION_FD, F_SETFD, FD_CLOEXEC);
	const struct link_config config = {
		.broker = options->broker,
		.keys = program->has_keys ? &program->keys : NULL,
		.server_key = options->server_key,
		.name = options->name != NULL ? options->name : name,
		.choice = choice,
		.threads = is_child ? 1 : options->threads,
		.use_shm = !options->no_shm,
		.parent = (pid_t)options->child_of,
		.signal_fd = signal_fd,
		.notify = notify_unless_owned(options),
		.session_fd = is_child ? SESSION_FD : -1,
		.reread = options->tied_to == 0 ? reread : NULL,
		.reread_context = program,
	};
	return link_run(&config, ret_status, err);
}

static enum brot_err supervise(struct program *program, int signal_fd, int *ret_status,
			       struct brot_error *err)
{
	const struct worker_options *options = &program->options;
	const struct supervise_config config = {
		.broker = options->broker,
		.keys = program->has_keys ? &program->keys : NULL,
		.processes = options->processes != 0 ? options->processes : cores_count(),
		.argv = program->argv,
		.argc = program->argc,
		.signal_fd = signal_fd,
		.notify = notify_unless_owned(options),
		.reread = options->tied_to == 0 ? reread : NULL,
		.reread_context = program,
	};
	return supervise_run(&config, ret_status, err);
}

static enum brot_err run(struct program *program, int *ret_status, struct brot_error *err)
{
	const struct worker_options *options = &program->options;
	struct choice choice;
	enum log_level level;
	enum brot_err code = log_level_parse(options->log_level, &level, err);
	if (code == BROT_OK) {
		log_init("brot-worker", level);
		code = keys_for_url(options->broker, options->key, options->server_key,
				    &program->keys, &program->has_keys, err);
	}
	if (code == BROT_OK)
		code = choice_offer(options->kernel, &choice, err);
	/* A parent checks as well: it can say once what all its children would. */
	if (code == BROT_OK)
		code = choice_check(&choice, err);
	if (code != BROT_OK)
		return code;
	int signal_fd = signals_open();
	if (signal_fd < 0)
		return error_set(err, BROT_E_SYSTEM, "signals: %s", strerror(errno));
	/* A child that loses its parent still says BYE, so that its tiles go elsewhere at once. */
	if (options->child_of != 0 && !process_tie((pid_t)options->child_of, SIGTERM))
		return BROT_OK;
	if (options->child_of == 0 && options->tied_to != 0 &&
	    !process_tie((pid_t)options->tied_to, SIGKILL))
		return BROT_OK;
	if (options->child_of != 0 || options->threads != 0)
		return work(program, &choice, signal_fd, ret_status, err);
	return supervise(program, signal_fd, ret_status, err);
}

/* The version, the kernels of this build, and which of them a worker here would use. */
static int print_version(void)
{
	const struct kernel *kernel;
	struct choice choice;
	struct brot_error err;
	if (choice_offer(NULL, &choice, &err) != BROT_OK)
		return complain(&err);
	choice_measure(&choice, clock_us);
	printf("brot-worker %s\nkernels:", BROT_VERSION);
	for (size_t i = 0; (kernel = kernel_at(i)) != NULL; i++)
		printf("%s %s%s", i > 0 ? "," : "", kernel->name,
		       kernel->supported() ? "" : " (not on this CPU)");
	printf("; here %s is the fastest\n", choice.kernel->name);
	return 0;
}

static int print_selftest(const struct worker_options *options)
{
	struct choice choice;
	struct brot_error err;
	enum brot_err code = choice_offer(options->kernel, &choice, &err);
	if (code == BROT_OK)
		code = cmd_selftest(&choice, options->is_json, &err);
	return code == BROT_OK ? 0 : complain(&err);
}

/* Of a child, which was given what its parent took: only the file can have become bad. */
static int complain_early(int argc, char *const *argv, const struct brot_error *err)
{
	int status = complain(err);
	return argc > 1 && strcmp(argv[1], SUPERVISE_CHILD_OPTION) == 0 ? EX_CONFIG : status;
}

static int run_command(struct program *program)
{
	const struct worker_options *options = &program->options;
	struct brot_error err;
	bool wants_help;
	int status = 0;
	if (parse(program, &program->settings, &program->options, &wants_help, &err) != BROT_OK)
		return complain_early(program->argc, program->argv, &err);
	if (wants_help)
		return print_help();
	if (options->wants_version)
		return print_version();
	if (options->wants_selftest)
		return print_selftest(options);
	return run(program, &status, &err) == BROT_OK ? status : complain(&err);
}

int main(int argc, char **argv)
{
	struct program program = {.argc = argc, .argv = argv};
	process_open_standard_streams();
	process_set_name("brot-worker");
	signals_keep_hangup();
	int status = run_command(&program);
	secret_forget(&program.keys, sizeof program.keys);
	settings_done(&program.settings);
	settings_done(&program.reread);
	return status;
}
