/*
 * settings.h - reads a program's settings file and environment, for options_parse().
 *
 * Thread rule: one thread at a time, and nothing sets the environment meanwhile.
 */
#ifndef PROTO_SYS_SETTINGS_H
#define PROTO_SYS_SETTINGS_H

#include "proto/options.h"
#include "proto/options_file.h"

/* Owns what was read last. Start with {0}; values that were parsed with it borrow from it. */
struct settings {
	struct options_file *file; /* NULL: there is none */
};

/* The sources of one options_parse(), which reads the file into *settings. */
struct option_sources settings_sources(struct settings *settings);

/* Frees the file. Then *settings is as at the start. */
void settings_done(struct settings *settings);

#endif
