/*
 * denials.h - owns what is told of those who are denied: to them so often, in the log once a
 * second.
 *
 * One thread owns a struct denials.
 */
#ifndef BROKER_DENIALS_H
#define BROKER_DENIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/doors.h"

/* Starts as {0}. */
struct denials {
	int64_t due_us; /* when the last answer was due, at LIMIT_DENIALS a second */
	int64_t log_ms; /* no line before that */
	uint64_t unlogged;
};

/* Whether one more peer without a role may be answered now; if so it is counted. */
bool denials_may_answer(struct denials *denials, int64_t now_ms);

/* Logs that who was denied what, unless there was such a line within a second: then the next one
 * counts it. */
void denials_log(struct denials *denials, const struct principal *who, const char *why,
		 int64_t now_ms);

#endif
