/* main.c - brot-worker: the parent of a host's worker processes, and each of them. */
#include <brot/version.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/sys/clock.h"
#include "proto/sys/keys.h"
#include "proto/sys/log.h"
#include "proto/sys/process.h"
#include "proto/sys/signals.h"
#include "proto/sys/sock.h"
#include "worker/choice.h"
#include "worker/cmd_selftest.h"
#include "worker/link.h"
#include "worker/supervise.h"
#include "worker/worker_options.h"

#define SESSION_FD 3 /* where process_start() puts a child's pipe */

static const char *environment(const char *name, void *context)
{
	(void)context;
	return getenv(name);
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

static enum brot_err log_begin(const struct worker_options *options, struct brot_error *err)
{
	/* Whoever embeds a worker speaks for it. */
	const char *name = options->tied_to != 0 ? "warning" : "notice";
	enum log_level level;
	if (options->log_level != NULL)
		name = options->log_level;
	enum brot_err code = log_level_parse(name, &level, err);
	if (code == BROT_OK)
		log_init("brot-worker", level);
	return code;
}

/* *ret_has_keys: *ret_keys is to be shown to the broker. */
static enum brot_err broker_check(const struct worker_options *options, struct sock_keys *ret_keys,
				  bool *ret_has_keys, struct brot_error *err)
{
	bool is_local;
	enum brot_err code = sock_url_check(options->broker, &is_local, err);
	if (code == BROT_OK)
		code = keys_for_url(options->broker, options->key, options->server_key, ret_keys,
				    ret_has_keys, err);
	if (code == BROT_OK && !is_local && !*ret_has_keys && !options->is_insecure)
		return error_set(err, BROT_E_USAGE,
				 "%s: tcp beyond this host needs --key and --server-key, or "
				 "--insecure, since nobody knows who answers there",
				 options->broker);
	return code;
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

/* One process with its compute threads. */
static enum brot_err work(const struct worker_options *options, const struct sock_keys *keys,
			  struct choice *choice, int signal_fd, int *ret_status,
			  struct brot_error *err)
{
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
		.keys = keys,
		.name = options->name != NULL ? options->name : name,
		.choice = choice,
		.threads = is_child ? 1 : options->threads,
		.use_shm = !options->no_shm,
		.parent = (pid_t)options->child_of,
		.signal_fd = signal_fd,
		.session_fd = is_child ? SESSION_FD : -1,
	};
	return link_run(&config, ret_status, err);
}

static enum brot_err supervise(const struct worker_options *options, const struct sock_keys *keys,
			       int argc, char *const *argv, int signal_fd, int *ret_status,
			       struct brot_error *err)
{
	const struct supervise_config config = {
		.broker = options->broker,
		.keys = keys,
		.processes = options->processes != 0 ? options->processes : supervise_core_count(),
		.argv = argv,
		.argc = argc,
		.signal_fd = signal_fd,
	};
	return supervise_run(&config, ret_status, err);
}

static enum brot_err run(const struct worker_options *options, int argc, char *const *argv,
			 int *ret_status, struct brot_error *err)
{
	struct choice choice;
	struct sock_keys keys_read;
	bool has_keys = false;
	enum brot_err code = log_begin(options, err);
	if (code == BROT_OK)
		code = broker_check(options, &keys_read, &has_keys, err);
	const struct sock_keys *keys = has_keys ? &keys_read : NULL;
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
		return work(options, keys, &choice, signal_fd, ret_status, err);
	return supervise(options, keys, argc, argv, signal_fd, ret_status, err);
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

int main(int argc, char **argv)
{
	struct worker_options options;
	struct brot_error err;
	bool wants_help;
	int status = 0;
	process_open_standard_streams();
	if (worker_options_parse(argc - 1, argv + 1, environment, &options, &wants_help, &err) !=
	    BROT_OK)
		return complain(&err);
	if (wants_help)
		return print_help();
	if (options.wants_version)
		return print_version();
	if (options.wants_selftest)
		return print_selftest(&options);
	return run(&options, argc, argv, &status, &err) == BROT_OK ? status : complain(&err);
}
