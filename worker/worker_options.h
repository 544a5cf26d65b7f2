/*
 * worker_options.h - converts the command line, the environment and the settings file to the
 * worker's settings.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_WORKER_OPTIONS_H
#define WORKER_WORKER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/options.h"

struct worker_options {
	const char *broker;           /* URL of the workers' endpoint; may be NULL for --selftest */
	uint32_t processes;           /* 0: one a core */
	uint32_t threads;             /* 0: processes instead */
	const char *kernel;           /* NULL: the fastest */
	const char *name;             /* NULL: HOSTNAME/PID */
	const char *log_level;        /* never NULL */
	const char *config;           /* NULL: the file of worker_command, if it exists */
	const char *key, *server_key; /* certificates, secret and public; both or none */
	uint32_t tied_to;             /* a process to end with; 0: none */
	uint32_t child_of;            /* the parent that supervises this process; 0: none */
	bool is_insecure, no_shm, wants_selftest, is_json, wants_version;
};

extern const struct option_command worker_command;

/* Parses and checks what belongs together. Strings are borrowed from argv and the sources. Fails as
 * options_parse(); outputs are untouched on failure. */
enum brot_err worker_options_parse(int argc, char *const *argv,
				   const struct option_sources *sources,
				   struct worker_options *ret_options,
				   struct option_operands *ret_operands, struct brot_error *err);

#endif
