/* broker_options.c - the table of the broker's options. */
#include "broker/broker_options.h"

#include <stddef.h>
#include <string.h>

#define RETENTION_MAX_MS 31536000000 /* a year */

/* What the table stores; the mode of --sync is a word first. */
struct values {
	struct broker_options options;
	const char *sync;
};

#define AT(member) offsetof(struct values, member)

static const struct option_spec specs[] = {
	{"clients", "URL", NULL,
	 "where clients connect, tcp://HOST:PORT or ipc://PATH; may be repeated", OPTION_STRINGS,
	 AT(options.clients), 0, 0},
	{"workers", "URL", NULL, "where workers connect; may be repeated", OPTION_STRINGS,
	 AT(options.workers), 0, 0},
	{"memory", "BYTES", "BROT_MEMORY",
	 "shared memory that all images together may take; by default three quarters of /dev/shm",
	 OPTION_BYTES, AT(options.memory_bytes), 1, INT64_MAX},
	{"state-dir", "DIR", "BROT_STATE_DIR",
	 "keep jobs here, so that they outlive this process; without it they end with it",
	 OPTION_STRING, AT(options.state_dir), 0, 0},
	{"sync", "MODE", NULL,
	 "normal, or full for a disk that is written to before each answer: for power cuts",
	 OPTION_STRING, AT(sync), 0, 0},
	{"retention", "S", NULL,
	 "forget kept jobs so long after they have finished or failed, 604800 by default",
	 OPTION_MS, AT(options.retention_ms), 1, RETENTION_MAX_MS},
	{"checkpoint-dir", "DIR", NULL,
	 "copy unfinished images here, so that they outlive a reboot of the host", OPTION_STRING,
	 AT(options.checkpoint_dir), 0, 0},
	{"checkpoint-every", "S", NULL, "between two copies of an image, 60 by default", OPTION_MS,
	 AT(options.checkpoint_every_ms), 100, 86400000},
	{"history-days", "N", NULL, "remember ended jobs so long, 90 by default", OPTION_U32,
	 AT(options.history_days), 1, 36500},
	{"key", "FILE", "BROT_KEY",
	 "our own secret certificate, NAME.cert_secret: who connects over tcp must know its public "
	 "half",
	 OPTION_STRING, AT(options.key), 0, 0},
	{"keys", "DIR", "BROT_KEYS",
	 "let in over tcp only who has the key of a certificate in DIR/clients, DIR/workers or "
	 "DIR/admins; read again when one of these folders changes, and at SIGHUP",
	 OPTION_STRING, AT(options.keys), 0, 0},
	{"insecure", NULL, NULL, "allow tcp beyond this host without keys", OPTION_FLAG,
	 AT(options.is_insecure), 0, 0},
	{"metrics", "HOST:PORT", NULL,
	 "tell Prometheus metrics at http://HOST:PORT/metrics, a loopback address; port 0: any "
	 "that is free",
	 OPTION_STRING, AT(options.metrics), 0, 0},
	{"log-level", "LEVEL", "BROT_LOG_LEVEL", "error, warning, notice, info or debug",
	 OPTION_STRING, AT(options.log_level), 0, 0},
	{"tile-rows", "N", NULL, "fix the height of tiles, for measurements", OPTION_U32,
	 AT(options.tile_rows), 1, LIMIT_SIZE_PX},
	{"ready-fd", "N", NULL, "write a line of JSON with the endpoints there once they are bound",
	 OPTION_U32, AT(options.ready_fd), 3, 1023},
	{"tied-to", "PID", NULL, "end when this process, our parent, ends", OPTION_U32,
	 AT(options.tied_to), 1, INT32_MAX},
	{"embedded", NULL, NULL,
	 "serve one call: remove the folder of the ipc sockets at the end, log warnings only",
	 OPTION_FLAG, AT(options.is_embedded), 0, 0},
	{"version", NULL, NULL, "print the version and end", OPTION_FLAG, AT(options.wants_version),
	 0, 0},
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

/* What belongs together around the lock. */
static enum brot_err check_keys(struct broker_options *options, option_env_fn *env,
				struct brot_error *err)
{
	/* The variables are meant for the service, or for a client, which an embedded broker is
	 * not. */
	if (options->is_embedded && env != NULL) {
		if (options->key != NULL && options->key == env("BROT_KEY", NULL))
			options->key = NULL;
		if (options->keys != NULL && options->keys == env("BROT_KEYS", NULL))
			options->keys = NULL;
	}
	if (options->keys != NULL && options->key == NULL)
		return error_set(err, BROT_E_USAGE,
				 "--keys: needs --key, the broker's own secret certificate");
	if (options->key != NULL && options->keys == NULL)
		return error_set(err, BROT_E_USAGE,
				 "--key: needs --keys, the folder of those whom it lets in");
	if (options->keys != NULL && options->is_insecure)
		return error_set(err, BROT_E_USAGE,
				 "--insecure: must not be given with --keys, which lock all tcp");
	return BROT_OK;
}

/* What belongs together around the store. */
static enum brot_err check_store(struct broker_options *options, const char *sync,
				 option_env_fn *env, struct brot_error *err)
{
	/* The variable is meant for the service, which an embedded broker is not. */
	if (options->is_embedded && options->state_dir != NULL && env != NULL &&
	    options->state_dir == env("BROT_STATE_DIR", NULL))
		options->state_dir = NULL;
	if (options->is_embedded && options->state_dir != NULL)
		return error_set(err, BROT_E_USAGE,
				 "--state-dir: must not be given with --embedded, whose jobs end "
				 "with their call");
	if (options->checkpoint_dir != NULL && options->state_dir == NULL)
		return error_set(err, BROT_E_USAGE,
				 "--checkpoint-dir: needs --state-dir, where the jobs are");
	if (strcmp(sync, "full") == 0)
		options->sync = STORE_SYNC_FULL;
	else if (strcmp(sync, "normal") != 0)
		return error_set(err, BROT_E_USAGE, "--sync: must be normal or full, got \"%s\"",
				 sync);
	return BROT_OK;
}

enum brot_err broker_options_parse(int argc, char *const *argv, option_env_fn *env,
				   struct broker_options *ret_options, bool *ret_wants_help,
				   struct brot_error *err)
{
	struct values values = {
		.options = {.retention_ms = 7 * 86400000ll,
			    .checkpoint_every_ms = 60000,
			    .history_days = 90},
		.sync = "normal",
	};
	struct broker_options *options = &values.options;
	struct option_operands operands;
	enum brot_err code = options_parse(&broker_command, argc, argv, env, NULL, &values,
					   sizeof values, &operands, err);
	if (code != BROT_OK)
		return code;
	bool needs_urls = !operands.wants_help && !options->wants_version;
	if (needs_urls && options->clients.count == 0)
		return error_set(err, BROT_E_USAGE, "--clients: must be given at least once");
	if (needs_urls && options->workers.count == 0)
		return error_set(err, BROT_E_USAGE, "--workers: must be given at least once");
	const char *twice = first_repeated(&options->clients, &options->workers);
	if (twice != NULL)
		return error_set(err, BROT_E_USAGE, "%s: must be given once only", twice);
	code = check_keys(options, env, err);
	if (code != BROT_OK)
		return code;
	code = check_store(options, values.sync, env, err);
	if (code != BROT_OK)
		return code;
	if (options->log_level == NULL)
		options->log_level = options->is_embedded ? "warning" : "info";
	*ret_options = *options;
	*ret_wants_help = operands.wants_help;
	return BROT_OK;
}
