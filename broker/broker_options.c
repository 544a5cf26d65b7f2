/* broker_options.c - the table of the broker's options. */
#include "broker/broker_options.h"

#include <stddef.h>
#include <string.h>

#include "proto/quote.h"

#define RETENTION_MAX_MS   31536000000 /* a year */
#define MEMORY_LEAST_BYTES (1ll << 20) /* less would be no band of many pictures */
#define MEMORY_MOST_BYTES  (1ll << 60)

#define AT(member) offsetof(struct broker_options, member)

static const struct option_spec specs[] = {
	{"config", "FILE", "BROT_CONFIG", "the settings file, see below", OPTION_STRING, AT(config),
	 0, 0},
	{"clients", "URL", NULL,
	 "where clients connect, tcp://HOST:PORT or ipc://PATH; may be repeated", OPTION_STRINGS,
	 AT(clients), 0, 0},
	{"workers", "URL", NULL, "where workers connect; may be repeated", OPTION_STRINGS,
	 AT(workers), 0, 0},
	{"clients-group", "NAME", NULL,
	 "let this group use the ipc sockets for clients, which are the own user's otherwise",
	 OPTION_STRING, AT(clients_group), 0, 0},
	{"memory", "BYTES", "BROT_MEMORY",
	 "shared memory that all images together may take; by default three quarters of /dev/shm",
	 OPTION_BYTES, AT(memory_bytes), MEMORY_LEAST_BYTES, MEMORY_MOST_BYTES},
	{"state-dir", "DIR", NULL,
	 "keep jobs here, so that they outlive this process; without it they end with it",
	 OPTION_STRING, AT(state_dir), 0, 0},
	{"sync", "normal|full", NULL,
	 "full: the disk is written to before each answer, for power cuts; normal by default",
	 OPTION_WORD, AT(sync_mode), 0, 0},
	{"retention", "S", NULL,
	 "forget kept jobs so long after they have finished or failed, 604800 by default",
	 OPTION_MS, AT(retention_ms), 1, RETENTION_MAX_MS},
	{"checkpoint-dir", "DIR", NULL,
	 "copy unfinished images here, so that they outlive a reboot of the host", OPTION_STRING,
	 AT(checkpoint_dir), 0, 0},
	{"checkpoint-every", "S", NULL, "between two copies of an image, 60 by default", OPTION_MS,
	 AT(checkpoint_every_ms), 100, 86400000},
	{"history-days", "N", NULL, "remember ended jobs so long, 90 by default", OPTION_U32,
	 AT(history_days), 1, 36500},
	{"key", "FILE", NULL,
	 "our own secret certificate, NAME.cert_secret: who connects over tcp must know its public "
	 "half",
	 OPTION_STRING, AT(key), 0, 0},
	{"keys", "DIR", NULL,
	 "let in over tcp only who has the key of a certificate in DIR/clients, DIR/workers or "
	 "DIR/admins; read again when one of these folders changes, and at SIGHUP",
	 OPTION_STRING, AT(keys), 0, 0},
	{"insecure", NULL, NULL, "allow tcp beyond this host without keys", OPTION_FLAG,
	 AT(is_insecure), 0, 0},
	{"metrics", "HOST:PORT", NULL,
	 "tell Prometheus metrics at http://HOST:PORT/metrics, a loopback address; port 0: any "
	 "that is free",
	 OPTION_STRING, AT(metrics), 0, 0},
	{"log-level", OPTION_LOG_LEVELS, "BROT_LOG_LEVEL", "how much to log, info by default",
	 OPTION_WORD, AT(log_level), 0, 0},
	{"tile-rows", "N", NULL, "fix the height of tiles, for measurements", OPTION_U32,
	 AT(tile_rows), 1, LIMIT_SIZE_PX},
	{"ready-fd", "N", OPTION_LINE_ONLY,
	 "write a line of JSON with the endpoints there once they are bound", OPTION_U32,
	 AT(ready_fd), 3, 1023},
	{"tied-to", "PID", OPTION_LINE_ONLY, "end when this process, our parent, ends", OPTION_U32,
	 AT(tied_to), 1, INT32_MAX},
	{"embedded", NULL, OPTION_LINE_ONLY,
	 "serve one call: remove the folder of the ipc sockets at the end, log warnings only",
	 OPTION_FLAG, AT(is_embedded), 0, 0},
	{"version", NULL, OPTION_LINE_ONLY, "print the version and end", OPTION_FLAG,
	 AT(wants_version), 0, 0},
	{0},
};

static const char *const alone[] = {"embedded", "version", NULL};

const struct option_command broker_command = {
	.name = "brot-broker",
	.summary = "Takes render requests from clients and leases their tiles to workers.",
	.specs = specs,
	.file = "/etc/brot/broker.json",
	.alone = alone,
};

/* No ipc URL stands in the two lists more than once; a tcp port may be 0 or "*". */
static enum brot_err check_repeated(const struct broker_options *options,
				    const struct option_operands *operands, struct brot_error *err)
{
	const struct option_strings *a = &options->clients, *b = &options->workers;
	for (size_t i = 0; i < a->count + b->count; i++) {
		bool is_client = i < a->count;
		size_t item = is_client ? i : i - a->count;
		const char *url = (is_client ? a : b)->values[item];
		for (size_t k = 0; k < i; k++) {
			const char *other = k < a->count ? a->values[k] : b->values[k - a->count];
			if (strncmp(url, "ipc:", 4) != 0 || strcmp(url, other) != 0)
				continue;
			struct brot_error inner;
			char quoted[QUOTE_BYTES];
			(void)error_set(&inner, BROT_E_USAGE,
					"URL: must not name an ipc endpoint again, got \"%s\"",
					quote_text(url, strlen(url), quoted, sizeof quoted));
			return options_blame(&broker_command, operands,
					     is_client ? "clients" : "workers", item, &inner, err);
		}
	}
	return BROT_OK;
}

static bool has_ipc(const struct option_strings *urls)
{
	for (size_t i = 0; i < urls->count; i++)
		if (strncmp(urls->values[i], "ipc:", 4) == 0)
			return true;
	return false;
}

/* What belongs together around the lock. */
static enum brot_err check_keys(const struct broker_options *options,
				const struct option_operands *operands, struct brot_error *err)
{
	if (options->keys != NULL && options->key == NULL)
		return options_refuse(&broker_command, operands, "keys", err,
				      "needs --key, the broker's own secret certificate");
	if (options->key != NULL && options->keys == NULL)
		return options_refuse(&broker_command, operands, "key", err,
				      "needs --keys, the folder of those whom it lets in");
	if (options->keys != NULL && options->is_insecure)
		return options_refuse(&broker_command, operands, "insecure", err,
				      "must not be given with --keys, which lock all tcp");
	return BROT_OK;
}

/* What belongs together around the store. */
static enum brot_err check_store(struct broker_options *options,
				 const struct option_operands *operands, struct brot_error *err)
{
	if (options->is_embedded && options->state_dir != NULL)
		return options_refuse(&broker_command, operands, "state-dir", err,
				      "must not be given with --embedded, whose jobs end with "
				      "their call");
	if (options->checkpoint_dir != NULL && options->state_dir == NULL)
		return options_refuse(&broker_command, operands, "checkpoint-dir", err,
				      "needs --state-dir, where the jobs are");
	options->sync = strcmp(options->sync_mode, "full") == 0 ? STORE_SYNC_FULL
								: STORE_SYNC_NORMAL;
	return BROT_OK;
}

uint64_t broker_memory_bytes(uint64_t asked_bytes, uint64_t shm_bytes)
{
	if (asked_bytes == 0)
		return shm_bytes > 0 ? shm_bytes / 4 * 3 : INT64_MAX;
	return shm_bytes > 0 && asked_bytes > shm_bytes ? shm_bytes : asked_bytes;
}

static enum brot_err check_endpoints(const struct broker_options *options,
				     const struct option_operands *operands, struct brot_error *err)
{
	static const char rule[] = "must be given at least once";
	if (options->clients.count == 0)
		return options_refuse(&broker_command, operands, "clients", err, rule);
	if (options->workers.count == 0)
		return options_refuse(&broker_command, operands, "workers", err, rule);
	if (options->clients_group != NULL && !has_ipc(&options->clients))
		return options_refuse(&broker_command, operands, "clients-group", err,
				      "is for ipc sockets, and --clients names none");
	return check_repeated(options, operands, err);
}

enum brot_err broker_options_parse(int argc, char *const *argv,
				   const struct option_sources *sources,
				   struct broker_options *ret_options,
				   struct option_operands *ret_operands, struct brot_error *err)
{
	struct broker_options options = {
		.retention_ms = 7 * 86400000ll,
		.checkpoint_every_ms = 60000,
		.history_days = 90,
		.sync_mode = "normal",
	};
	struct option_operands operands;
	enum brot_err code = options_parse(&broker_command, argc, argv, sources, &options,
					   sizeof options, &operands, err);
	if (code == BROT_OK && !operands.wants_help && !options.wants_version)
		code = check_endpoints(&options, &operands, err);
	if (code == BROT_OK)
		code = check_store(&options, &operands, err);
	if (code == BROT_OK)
		code = check_keys(&options, &operands, err);
	if (code != BROT_OK)
		return code;
	if (options.log_level == NULL)
		options.log_level = options.is_embedded ? "warning" : "info";
	*ret_options = options;
	*ret_operands = operands;
	return BROT_OK;
}
