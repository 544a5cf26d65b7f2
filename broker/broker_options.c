/* broker_options.c - the table of the broker's options. */
#include "broker/broker_options.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct broker_options, member)

static const struct option_spec specs[] = {
	{"clients", "URL", NULL,
	 "where clients connect, tcp://HOST:PORT or ipc://PATH; may be repeated", OPTION_STRINGS,
	 AT(clients), 0, 0},
	{"workers", "URL", NULL, "where workers connect; may be repeated", OPTION_STRINGS,
	 AT(workers), 0, 0},
	{"memory", "BYTES", "BROT_MEMORY",
	 "shared memory that all images together may take; by default three quarters of /dev/shm",
	 OPTION_BYTES, AT(memory_bytes), 1, INT64_MAX},
	{"insecure", NULL, NULL, "allow tcp beyond this host without keys", OPTION_FLAG,
	 AT(is_insecure), 0, 0},
	{"log-level", "LEVEL", "BROT_LOG_LEVEL", "error, warning, notice, info or debug",
	 OPTION_STRING, AT(log_level), 0, 0},
	{"tile-rows", "N", NULL, "fix the height of tiles, for measurements", OPTION_U32,
	 AT(tile_rows), 1, LIMIT_SIZE_PX},
	{"ready-fd", "N", NULL, "write a line of JSON with the endpoints there once they are bound",
	 OPTION_U32, AT(ready_fd), 3, 1023},
	{"tied-to", "PID", NULL, "end when this process, our parent, ends", OPTION_U32, AT(tied_to),
	 1, INT32_MAX},
	{"embedded", NULL, NULL,
	 "serve one call: remove the folder of the ipc sockets at the end, log warnings only",
	 OPTION_FLAG, AT(is_embedded), 0, 0},
	{"version", NULL, NULL, "print the version and end", OPTION_FLAG, AT(wants_version), 0, 0},
	{0},
};

const struct option_command broker_command = {
	.name = "brot-broker",
	.summary = "Takes render requests from clients and leases their tiles to workers.",
	.specs = specs,
};

/* The first ipc URL that stands in the two lists more than once; a tcp port may be 0 or "*". */
static const char *first_repeated(const struct option_strings *a, const struct option_strings *b)
{
	for (size_t i = 0; i < a->count + b->count; i++) {
		const char *url = i < a->count ? a->values[i] : b->values[i - a->count];
		for (size_t k = 0; k < i; k++) {
			const char *other = k < a->count ? a->values[k] : b->values[k - a->count];
			if (strncmp(url, "ipc:", 4) == 0 && strcmp(url, other) == 0)
				return url;
		}
	}
	return NULL;
}

enum brot_err broker_options_parse(int argc, char *const *argv, option_env_fn *env,
				   struct broker_options *ret_options, bool *ret_wants_help,
				   struct brot_error *err)
{
	struct broker_options options = {0};
	struct option_operands operands;
	enum brot_err code = options_parse(&broker_command, argc, argv, env, NULL, &options,
					   sizeof options, &operands, err);
	if (code != BROT_OK)
		return code;
	bool needs_urls = !operands.wants_help && !options.wants_version;
	if (needs_urls && options.clients.count == 0)
		return error_set(err, BROT_E_USAGE, "--clients: must be given at least once");
	if (needs_urls && options.workers.count == 0)
		return error_set(err, BROT_E_USAGE, "--workers: must be given at least once");
	const char *twice = first_repeated(&options.clients, &options.workers);
	if (twice != NULL)
		return error_set(err, BROT_E_USAGE, "%s: must be given once only", twice);
	if (options.log_level == NULL)
		options.log_level = options.is_embedded ? "warning" : "info";
	*ret_options = options;
	*ret_wants_help = operands.wants_help;
	return BROT_OK;
}
