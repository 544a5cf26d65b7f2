/* worker_options.c - the table of the worker's options. */
#include "worker/worker_options.h"

#include <stddef.h>
#include <string.h>

#include "proto/limits.h"

#define AT(member)    offsetof(struct worker_options, member)
#define PROCESSES_MAX 1024
#define THREADS_MAX   (LIMIT_CREDIT - 1) /* each holds a tile, and one more waits */

static const struct option_spec specs[] = {
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
	{"selftest", NULL, NULL,
	 "check and measure the kernels, print a table and end; a worker does a short form of this "
	 "before it serves",
	 OPTION_FLAG, AT(wants_selftest), 0, 0},
	{"json", NULL, NULL, "print the table of --selftest as JSON", OPTION_FLAG, AT(is_json), 0,
	 0},
	{"name", "NAME", NULL, "what people shall call this worker; by default HOSTNAME/PID",
	 OPTION_STRING, AT(name), 0, 0},
	{"no-shm", NULL, NULL, "send pixels even where shared memory would do", OPTION_FLAG,
	 AT(no_shm), 0, 0},
	{"key", "FILE", "BROT_KEY",
	 "our own secret certificate, NAME.cert_secret, for a broker with keys; with tcp alone",
	 OPTION_STRING, AT(key), 0, 0},
	{"server-key", "FILE", "BROT_SERVER_KEY", "the broker's public certificate, NAME.cert",
	 OPTION_STRING, AT(server_key), 0, 0},
	{"insecure", NULL, NULL, "allow tcp beyond this host without keys", OPTION_FLAG,
	 AT(is_insecure), 0, 0},
	{"log-level", "LEVEL", "BROT_LOG_LEVEL", "error, warning, notice, info or debug",
	 OPTION_STRING, AT(log_level), 0, 0},
	{"tied-to", "PID", NULL, "end when this process, our parent, ends", OPTION_U32, AT(tied_to),
	 1, INT32_MAX},
	{"child-of", "PID", NULL, "be one of the processes that a parent supervises", OPTION_U32,
	 AT(child_of), 1, INT32_MAX},
	{"version", NULL, NULL, "print the version and the kernels, and end", OPTION_FLAG,
	 AT(wants_version), 0, 0},
	{0},
};

const struct option_command worker_command = {
	.name = "brot-worker",
	.summary = "Renders tiles for a broker, on all cores of this host.",
	.specs = specs,
};

static enum brot_err name_check(const char *name, struct brot_error *err)
{
	size_t length = strlen(name);
	if (length < 1 || length > LIMIT_NAME_CHARS)
		return error_set(err, BROT_E_USAGE, "--name: must have 1 to %d characters, got %zu",
				 LIMIT_NAME_CHARS, length);
	for (size_t i = 0; i < length; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return error_set(err, BROT_E_USAGE,
					 "--name: must be printable ASCII, is not at character %zu",
					 i + 1);
	return BROT_OK;
}

enum brot_err worker_options_parse(int argc, char *const *argv, option_env_fn *env,
				   struct worker_options *ret_options, bool *ret_wants_help,
				   struct brot_error *err)
{
	struct worker_options options = {0};
	struct option_operands operands;
	enum brot_err code = options_parse(&worker_command, argc, argv, env, NULL, &options,
					   sizeof options, &operands, err);
	if (code != BROT_OK)
		return code;
	if (!operands.wants_help && !options.wants_version) {
		if (options.is_json && !options.wants_selftest)
			return error_set(err, BROT_E_USAGE,
					 "--json: is for --selftest, which is not there");
		if (options.broker == NULL && !options.wants_selftest)
			return error_set(err, BROT_E_USAGE,
					 "--broker: must be given, here or as BROT_BROKER");
		if (options.processes != 0 && options.threads != 0)
			return error_set(err, BROT_E_USAGE,
					 "--threads: means one process, so --processes cannot "
					 "stand beside it");
		if (options.name != NULL && name_check(options.name, err) != BROT_OK)
			return BROT_E_USAGE;
	}
	*ret_options = options;
	*ret_wants_help = operands.wants_help;
	return BROT_OK;
}
