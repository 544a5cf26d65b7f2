/*
 * broker_options.h - converts the command line, the environment and the settings file to the
 * broker's settings.
 *
 * Pure and thread-safe.
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
	const char *log_level;                  /* never NULL */
	const char *metrics;                    /* HOST:PORT; NULL: none */
	const char *clients_group;              /* NULL: nobody but our own user */
	const char *state_dir;                  /* NULL: jobs end with the broker */
	const char *checkpoint_dir;             /* NULL: none are made */
	const char *config;                     /* NULL: the file of broker_command, if it exists */
	const char *sync_mode;                  /* as it was given */
	const char *keys;                       /* a folder of keys; NULL: there are none */
	const char *key;                        /* our own; with keys */
	enum store_sync sync;
	int64_t retention_ms, checkpoint_every_ms;
	uint32_t history_days;
	bool is_embedded, is_insecure, wants_version;
};

extern const struct option_command broker_command;

/* The budget for images: what was asked for (0: nothing), but no more than /dev/shm has; that is 0
 * where it has no limit. */
uint64_t broker_memory_bytes(uint64_t asked_bytes, uint64_t shm_bytes);

/* Parses and checks what belongs together. Strings are borrowed from argv and the sources. Fails as
 * options_parse(); outputs are untouched on failure. */
enum brot_err broker_options_parse(int argc, char *const *argv,
				   const struct option_sources *sources,
				   struct broker_options *ret_options,
				   struct option_operands *ret_operands, struct brot_error *err);

#endif
