/* broker_options.h - converts the command line and the environment to the broker's settings. Pure.
 */
#ifndef BROKER_BROKER_OPTIONS_H
#define BROKER_BROKER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/store.h"
#include "proto/options.h"

struct broker_options {
	struct option_strings clients, workers; /* URLs */
	uint64_t memory_bytes;                  /* for images; 0: three quarters of /dev/shm */
	uint32_t tile_rows;                     /* 0: by measured cost */
	uint32_t tied_to;                       /* a process to end with; 0: none */
	uint32_t ready_fd;                      /* 0: none */
	const char *log_level;
	const char *keys;           /* a folder of keys; NULL: there are none */
	const char *key;            /* our own; with keys */
	const char *metrics;        /* HOST:PORT; NULL: none */
	const char *state_dir;      /* NULL: jobs end with the broker */
	const char *checkpoint_dir; /* NULL: none are made */
	enum store_sync sync;
	int64_t retention_ms, checkpoint_every_ms;
	uint32_t history_days;
	bool is_embedded, is_insecure, is_keeper, wants_version;
};

extern const struct option_command broker_command;

/* Parses and checks what belongs together. *ret_wants_help as in struct option_operands. */
enum brot_err broker_options_parse(int argc, char *const *argv, option_env_fn *env,
				   struct broker_options *ret_options, bool *ret_wants_help,
				   struct brot_error *err);

#endif
