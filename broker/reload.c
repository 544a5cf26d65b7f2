/* reload.c - SIGHUP: what a running broker takes from its settings, and what waits for its end. */
#include <string.h>

#include "broker/server_internal.h"
#include "proto/sys/log.h"
#include "proto/sys/shm.h"

#define NAMES_BYTES 512

uint64_t server_image_bytes(uint64_t memory_bytes)
{
	const uint64_t bytes = broker_memory_bytes(memory_bytes, shm_total_bytes());
	if (bytes < memory_bytes)
		log_line(LOG_LEVEL_WARNING,
			 "--memory is more than /dev/shm has asked=%llu used=%llu",
			 (unsigned long long)memory_bytes, (unsigned long long)bytes);
	return bytes;
}

static void take_limits(struct server *server)
{
	const struct sched_limits *limits = &server->settings.limits;
	char text[SCHED_LINE_BYTES];
	sched_set_limits(server->sched, limits);
	if (log_enabled(LOG_LEVEL_DEBUG))
		log_line(LOG_LEVEL_DEBUG, "changed %s",
			 sched_limits_str(limits, text, sizeof text));
}

static void take_memory(struct server *server, const struct broker_options *options)
{
	server->options.memory_bytes = options->memory_bytes;
	server->settings.limits.image_bytes = server_image_bytes(options->memory_bytes);
	take_limits(server);
}

static void take_retention(struct server *server, const struct broker_options *options)
{
	server->options.retention_ms = options->retention_ms;
	server->settings.limits.retention_ms = options->retention_ms;
	take_limits(server);
}

static void take_checkpoint_every(struct server *server, const struct broker_options *options)
{
	server->options.checkpoint_every_ms = options->checkpoint_every_ms;
	server->settings.checkpoint_every_ms = options->checkpoint_every_ms;
	server->save_ms = server->now_ms + options->checkpoint_every_ms;
}

static void take_history_days(struct server *server, const struct broker_options *options)
{
	server->options.history_days = options->history_days;
	server->settings.history_days = options->history_days;
	server->prune_ms = server->now_ms;
}

static void take_log_level(struct server *server, const struct broker_options *options)
{
	enum log_level level;
	if (log_level_parse(options->log_level, &level, NULL) != BROT_OK)
		return;
	server->options.log_level = log_level_name(level); /* outlives *options */
	log_set_level(level);
}

typedef void take_fn(struct server *server, const struct broker_options *options);

static take_fn *find_take(const char *name)
{
	static const struct {
		const char *name;
		take_fn *take;
	} takes[] = {
		{"memory", take_memory},
		{"retention", take_retention},
		{"checkpoint-every", take_checkpoint_every},
		{"history-days", take_history_days},
		{"log-level", take_log_level},
	};
	for (size_t i = 0; i < sizeof takes / sizeof takes[0]; i++)
		if (strcmp(takes[i].name, name) == 0)
			return takes[i].take;
	return NULL;
}

void server_reload(struct server *server, const struct broker_options *options)
{
	char changed[NAMES_BYTES] = "", waiting[NAMES_BYTES] = "";
	for (const struct option_spec *spec = broker_command.specs; spec->name != NULL; spec++) {
		if (options_agree(spec, &server->options, options))
			continue;
		take_fn *take = find_take(spec->name);
		options_list(take != NULL ? changed : waiting, NAMES_BYTES, spec->name);
		if (take != NULL)
			take(server, options);
	}
	log_line(LOG_LEVEL_NOTICE, "settings read again changed=%s",
		 changed[0] != '\0' ? changed : "none");
	if (waiting[0] != '\0')
		log_line(LOG_LEVEL_WARNING, "settings that wait for a restart names=%s", waiting);
}

void server_hang_up(struct server *server)
{
	const struct server_config *config = server->config;
	struct broker_options options;
	struct brot_error err;
	if (config->reread(config->reread_context, &options, &err) == BROT_OK)
		server_reload(server, &options);
	else
		log_line(LOG_LEVEL_ERROR, "settings stay as they are: %s", err.text);
}
