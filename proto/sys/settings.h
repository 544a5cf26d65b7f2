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
	struct options_file *file;   /* NULL: there is none */
	struct settings_text *texts; /* of variables that give lists; NULL: there are none */
};

/* The sources of one options_parse(), which reads into *settings; what that had is freed. */
struct option_sources settings_sources(struct settings *settings);

/* Frees what was read. Then *settings is as at the start. */
void settings_done(struct settings *settings);

#endif
