/*
 * log.h - owns the log: lines on standard error.
 *
 * A line is a sentence, then key=value pairs. Under journald (JOURNAL_STREAM names standard error)
 * each line starts with its priority as "<4>"; elsewhere with the time, in UTC, and the program's
 * name: "2026-11-21T16:43:25Z brot-broker: ".
 * Only files that do I/O log, and an error is logged once, where it is handled.
 *
 * Thread-safe, but for log_init(): a line is one write.
 */
#ifndef PROTO_SYS_LOG_H
#define PROTO_SYS_LOG_H

#include "proto/error.h"

/* The numbers are syslog's. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Call once in main. name is borrowed for the life of the program. */
void log_init(const char *name, enum log_level level);

/* Another level from now on. */
void log_set_level(enum log_level level);

/* The level of that name: error, warning, notice, info or debug (BROT_E_USAGE otherwise). */
enum brot_err log_level_parse(const char *name, enum log_level *ret_level, struct brot_error *err);

const char *log_level_name(enum log_level level);

int log_enabled(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
