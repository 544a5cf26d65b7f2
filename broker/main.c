/* main.c - brot-broker: wires the parts together. */
#include <brot/version.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_options.h"
#include "broker/checkpoint.h"
#include "broker/exporter.h"
#include "broker/keeper.h"
#include "broker/peers.h"
#include "broker/server.h"
#include "broker/store.h"
#include "proto/secret.h"
#include "proto/sys/descriptors.h"
#include "proto/sys/keys.h"
#include "proto/sys/log.h"
#include "proto/sys/process.h"
#include "proto/sys/settings.h"
#include "proto/sys/signals.h"
#include "proto/sys/sock.h"
#include "proto/sys/steps.h"

#define DESCRIPTORS_RESERVED (LIMIT_JOBS * LIMIT_OPEN_BANDS + 64)

/* The settings that the broker runs with, and those that a SIGHUP has read since. */
struct program {
	int argc;
	char *const *argv;
	struct broker_options options;
	struct settings settings, reread;
};

/* ---- settings ---- */

static enum brot_err check_url(const struct broker_options *options, const char *url,
			       struct brot_error *err)
{
	bool is_local;
	enum brot_err code = sock_url_check(url, &is_local, err);
	if (code == BROT_OK && !is_local && options->keys == NULL && !options->is_insecure)
		return error_set(err, BROT_E_USAGE,
				 "URL: %s is tcp beyond this host, which needs --key and --keys, "
				 "or --insecure, with which anybody who reaches it may use it",
				 url);
	return code;
}

/* What the table cannot know of values: each is refused where it was given. */
static enum brot_err check(const struct broker_options *options,
			   const struct option_operands *operands, struct brot_error *err)
{
	const struct {
		const char *name;
		const struct option_strings *urls;
	} doors[] = {{"clients", &options->clients}, {"workers", &options->workers}};
	struct brot_error inner;
	for (size_t side = 0; side < sizeof doors / sizeof doors[0]; side++)
		for (size_t i = 0; i < doors[side].urls->count; i++)
			if (check_url(options, doors[side].urls->values[i], &inner) != BROT_OK)
				return options_blame(&broker_command, operands, doors[side].name, i,
						     &inner, err);
	if (options->metrics != NULL && exporter_check(options->metrics, &inner) != BROT_OK)
		return options_blame(&broker_command, operands, "metrics", 0, &inner, err);
	if (options->clients_group != NULL &&
	    sock_group_check(options->clients_group, &inner) != BROT_OK)
		return options_blame(&broker_command, operands, "clients-group", 0, &inner, err);
	return BROT_OK;
}

static enum brot_err parse(const struct program *program, struct settings *settings,
			   struct broker_options *ret_options, bool *ret_wants_help,
			   struct brot_error *err)
{
	const struct option_sources sources = settings_sources(settings);
	struct broker_options options;
	struct option_operands operands;
	enum brot_err code = broker_options_parse(program->argc - 1, program->argv + 1, &sources,
						  &options, &operands, err);
	if (code == BROT_OK && !operands.wants_help && !options.wants_version)
		code = check(&options, &operands, err);
	if (code != BROT_OK)
		return code;
	*ret_options = options;
	*ret_wants_help = operands.wants_help;
	return BROT_OK;
}

static enum brot_err reread(void *context, struct broker_options *ret_options,
			    struct brot_error *err)
{
	struct program *program = context;
	bool wants_help;
	return parse(program, &program->reread, ret_options, &wants_help, err);
}

/* ---- the service ---- */

static int complain(const struct brot_error *err)
{
	fprintf(stderr, "brot-broker: %s\n", err->text);
	return error_exit_status(err->code);
}

static int print_help(void)
{
	char *text = options_help(&broker_command);
	if (text == NULL)
		return error_exit_status(BROT_E_SYSTEM);
	fputs(text, stdout);
	free(text);
	return 0;
}

/* Each image keeps one open, and so do store, checkpoints and metrics. */
static enum brot_err open_descriptors(uint32_t *ret_connections, struct brot_error *err)
{
	struct descriptors descriptors;
	const uint32_t most = PEER_SIDES * LIMIT_PEERS;
	enum brot_err code = descriptors_open(DESCRIPTORS_RESERVED, &descriptors, err);
	if (code != BROT_OK)
		return code;
	bool are_few = descriptors.connections < most;
	log_line(are_few ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
		 "descriptors%s limit=%u reserved=%u connections_that_fit=%u "
		 "connections_at_most=%u",
		 are_few ? " for fewer connections than there may be:" : "", descriptors.limit,
		 descriptors.reserve, descriptors.connections, most);
	*ret_connections = are_few ? descriptors.connections : most;
	return BROT_OK;
}

/* As an error, which no level hides. */
static void warn_of_open_doors(const struct option_strings *urls)
{
	for (size_t i = 0; i < urls->count; i++) {
		bool is_local;
		if (sock_url_check(urls->values[i], &is_local, NULL) == BROT_OK && !is_local)
			log_line(LOG_LEVEL_ERROR, "open to anybody who reaches it url=%s",
				 urls->values[i]);
	}
}

static enum brot_err open_files(const struct broker_options *options, struct server_config *config,
				struct brot_error *err)
{
	if (options->state_dir == NULL)
		return BROT_OK;
	enum brot_err code = store_open(options->state_dir, options->sync, &config->store, err);
	if (code == BROT_OK && options->checkpoint_dir != NULL)
		code = checkpoint_open(options->checkpoint_dir, store_id(config->store),
				       &config->checkpoint, err);
	config->store_folder = options->state_dir;
	config->checkpoint_every_ms = options->checkpoint_every_ms;
	config->history_days = options->history_days;
	config->limits.is_durable = true;
	return code;
}

static enum brot_err serve(struct program *program, int signal_fd, uint32_t connections,
			   struct keeper *keeper, struct brot_error *err)
{
	const struct broker_options *options = &program->options;
	struct server_config config = {
		.client_urls = options->clients,
		.worker_urls = options->workers,
		.clients_group = options->clients_group,
		.is_embedded = options->is_embedded,
		.ready_fd = options->ready_fd != 0 ? (int)options->ready_fd : -1,
		.signal_fd = signal_fd,
		.connections = connections,
		.metrics = options->metrics,
		.limits = sched_limits_default(server_image_bytes(options->memory_bytes)),
		.options = options,
		.reread = options->is_embedded ? NULL : reread,
		.reread_context = program,
	};
	config.limits.tile_rows = options->tile_rows;
	config.limits.retention_ms = options->retention_ms;
	config.limits.grid_ms = step_number("BROT_GRID_MS", config.limits.grid_ms);
	config.grid_wrap = (uint64_t)step_number("BROT_GRID_WRAP", 0);
	struct cert cert;
	enum brot_err code = BROT_OK;
	if (options->keys != NULL) {
		config.keys = options->keys;
		config.cert = &cert;
		struct brot_error inner;
		code = keys_read_secret(options->key, &cert, &inner);
		if (code != BROT_OK)
			(void)error_set(err, code, "--key: %.240s", inner.text);
	}
	if (code == BROT_OK)
		code = open_files(options, &config, err);
	if (code == BROT_OK)
		code = server_run(&config, keeper, err);
	secret_forget(&cert, sizeof cert);
	checkpoint_close(config.checkpoint);
	store_close(config.store);
	return code;
}

static enum brot_err run(struct program *program, struct brot_error *err)
{
	const struct broker_options *options = &program->options;
	if (options->keys == NULL) {
		warn_of_open_doors(&options->clients);
		warn_of_open_doors(&options->workers);
	}
	int signal_fd = signals_open();
	if (signal_fd < 0)
		return error_set(err, BROT_E_SYSTEM, "signals: %s", strerror(errno));
	if (options->tied_to != 0 && !process_tie((pid_t)options->tied_to, SIGTERM))
		return BROT_OK;

	struct keeper keeper = KEEPER_NONE;
	enum brot_err code = keeper_start(&keeper, err);
	if (code != BROT_OK)
		return code;
	uint32_t connections;
	code = open_descriptors(&connections, err);
	if (code == BROT_OK)
		code = serve(program, signal_fd, connections, &keeper, err);
	keeper_stop(&keeper);
	return code;
}

static int run_command(struct program *program)
{
	const struct broker_options *options = &program->options;
	struct brot_error err;
	bool wants_help;
	enum log_level level;
	if (parse(program, &program->settings, &program->options, &wants_help, &err) != BROT_OK)
		return complain(&err);
	if (wants_help)
		return print_help();
	if (options->wants_version) {
		printf("brot-broker %s\n", BROT_VERSION);
		return 0;
	}
	if (log_level_parse(options->log_level, &level, &err) != BROT_OK)
		return complain(&err);
	log_init("brot-broker", level);
	return run(program, &err) == BROT_OK ? 0 : complain(&err);
}

int main(int argc, char **argv)
{
	struct program program = {.argc = argc, .argv = argv};
	process_open_standard_streams();
	process_set_name("brot-broker");
	if (argc == 2 && strcmp(argv[1], KEEPER_OPTION) == 0) {
		keeper_run();
		return 0;
	}
	signals_keep_hangup();
	int status = run_command(&program);
	settings_done(&program.settings);
	settings_done(&program.reread);
	return status;
}
