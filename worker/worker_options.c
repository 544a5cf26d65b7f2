/* worker_options.c - the table of the worker's options. */
#include "worker/worker_options.h"

#include <stddef.h>
#include <string.h>

#include "proto/limits.h"

#define AT(member)    offsetof(struct worker_options, member)
#define PROCESSES_MAX 1024
#define THREADS_MAX   (LIMIT_CREDIT - 1) /* each holds a tile, and one more waits */

static const struct option_spec specs[] = {
	{"config", "FILE", "BROT_CONFIG", "the settings file, see below", OPTION_STRING, AT(config),
	 0, 0},
	{"broker", "URL", "BROT_BROKER", "the broker's endpoint for workers", OPTION_STRING,
	 AT(broker), 0, 0},
	{"processes", "N", NULL, "run N processes of one thread each; by default one for each core",
	 OPTION_U32, AT(processes), 1, PROCESSES_MAX},
	{"threads", "N", NULL, "run one process of N threads instead", OPTION_U32, AT(threads), 1,
	 THREADS_MAX},
	{"kernel", "NAME", "BROT_KERNEL",
	 "use and test this kernel alone; by default all that this CPU has are tested, and the one "
	 "that is measured to be the fastest is used",
	 OPTION_STRING, AT(kernel), 0, 0},
	{"selftest", NULL, OPTION_LINE_ONLY,
	 "check and measure the kernels, print a table and end; a worker does a short form of this "
	 "before it serves",
	 OPTION_FLAG, AT(wants_selftest), 0, 0},
	{"json", NULL, OPTION_LINE_ONLY, "print the table of --selftest as JSON", OPTION_FLAG,
	 AT(is_json), 0, 0},
	{"name", "NAME", NULL, "what people shall call this worker; by default HOSTNAME/PID",
	 OPTION_STRING, AT(name), 1, LIMIT_NAME_CHARS},
	{"no-shm", NULL, NULL, "send pixels even where shared memory would do", OPTION_FLAG,
	 AT(no_shm), 0, 0},
	{"key", "FILE", NULL,
	 "our own secret certificate, NAME.cert_secret, for a broker with keys; with tcp alone",
	 OPTION_STRING, AT(key), 0, 0},
	{"server-key", "FILE", NULL, "the broker's public certificate, NAME.cert", OPTION_STRING,
	 AT(server_key), 0, 0},
	{"insecure", NULL, NULL, "allow tcp beyond this host without keys", OPTION_FLAG,
	 AT(is_insecure), 0, 0},
	{"log-level", OPTION_LOG_LEVELS, "BROT_LOG_LEVEL", "how much to log, notice by default",
	 OPTION_WORD, AT(log_level), 0, 0},
	{"tied-to", "PID", OPTION_LINE_ONLY, "end when this process, our parent, ends", OPTION_U32,
	 AT(tied_to), 1, INT32_MAX},
	{"child-of", "PID", OPTION_LINE_ONLY, "be one of the processes that a parent supervises",
	 OPTION_U32, AT(child_of), 1, INT32_MAX},
	{"version", NULL, OPTION_LINE_ONLY, "print the version and the kernels, and end",
	 OPTION_FLAG, AT(wants_version), 0, 0},
	{0},
};

static const char *const alone[] = {"tied-to", "version", NULL};

const struct option_command worker_command = {
	.name = "brot-worker",
	.summary = "Renders tiles for a broker, on all cores of this host.",
	.specs = specs,
	.file = "/etc/brot/worker.json",
	.alone = alone,
};

/* One of the two counts: that of the later source. */
static enum brot_err check_processes(struct worker_options *options,
				     const struct option_operands *operands, struct brot_error *err)
{
	enum option_source processes = options_source(&worker_command, operands, "processes");
	enum option_source threads = options_source(&worker_command, operands, "threads");
	if (options->processes == 0 || options->threads == 0)
		return BROT_OK;
	if (processes == threads)
		return options_refuse(&worker_command, operands, "threads", err,
				      "means one process, so --processes cannot stand beside it");
	if (processes > threads)
		options->threads = 0;
	else
		options->processes = 0;
	return BROT_OK;
}

/* Over ipc neither counts. */
static enum brot_err check_keys(const struct worker_options *options,
				const struct option_operands *operands, struct brot_error *err)
{
	if (options->broker == NULL || strncmp(options->broker, "tcp:", 4) != 0)
		return BROT_OK;
	if (options->key != NULL && options->server_key == NULL)
		return options_refuse(&worker_command, operands, "key", err,
				      "needs --server-key, the broker's public certificate");
	if (options->key == NULL && options->server_key != NULL)
		return options_refuse(&worker_command, operands, "server-key", err,
				      "needs --key, the worker's own secret certificate");
	return BROT_OK;
}

static enum brot_err check(struct worker_options *options, const struct option_operands *operands,
			   struct brot_error *err)
{
	if (options->is_json && !options->wants_selftest)
		return error_set(err, BROT_E_USAGE,
				 "--json: is for --selftest, which is not there");
	if (options->broker == NULL && !options->wants_selftest)
		return error_set(err, BROT_E_USAGE,
				 "--broker: must be given, here, as BROT_BROKER or in the settings "
				 "file");
	enum brot_err code = check_keys(options, operands, err);
	return code == BROT_OK ? check_processes(options, operands, err) : code;
}

enum brot_err worker_options_parse(int argc, char *const *argv,
				   const struct option_sources *sources,
				   struct worker_options *ret_options,
				   struct option_operands *ret_operands, struct brot_error *err)
{
	struct worker_options options = {0};
	struct option_operands operands;
	enum brot_err code = options_parse(&worker_command, argc, argv, sources, &options,
					   sizeof options, &operands, err);
	if (code == BROT_OK && !operands.wants_help && !options.wants_version)
		code = check(&options, &operands, err);
	if (code != BROT_OK)
		return code;
	/* Whoever embeds a worker speaks for it. */
	if (options.log_level == NULL)
		options.log_level = options.tied_to != 0 ? "warning" : "notice";
	*ret_options = options;
	*ret_operands = operands;
	return BROT_OK;
}
