/*
 * top.h - what `brot-client top` shows: one snapshot of a broker after the other, and the rates
 * between them.
 *
 * A snapshot is the answers to STATUS, JOBS and WORKERS of one round.
 *
 * Pure. One thread owns a struct top. Times are milliseconds of a monotonic clock.
 */
#ifndef CLIENT_TOP_H
#define CLIENT_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

struct top; /* opaque */

/* NULL if memory is short. */
struct top *top_new(void);
void top_free(struct top *top); /* accepts NULL */

/* Begins a round: what came of an unfinished one is forgotten. */
void top_begin(struct top *top);

/* Takes the body of a REPORT, which may be anything. *ret_is_complete: it was the last of its
 * round, and the snapshot is now this one. BROT_E_PROTOCOL otherwise. */
enum brot_err top_take(struct top *top, const json_t *report, int64_t now_ms, bool *ret_is_complete,
		       struct brot_error *err);

/* Hands over the lines of the last snapshot, of at most `columns` columns, and no more than `rows`
 * of them (0: all; at least 10 otherwise). With no newer snapshot for silent_ms: not 0, a line that
 * says so. */
void top_draw(const struct top *top, int64_t silent_ms, unsigned columns, unsigned rows,
	      void (*line)(const char *text, void *context), void *context);

/* The last snapshot as an object, which the caller owns; NULL if memory is short. */
json_t *top_json(const struct top *top);

/* What a broker has counted since it began. */
struct top_counts {
	uint64_t pid, uptime_ms; /* of the broker; pid 0: nothing is known */
	uint64_t tiles_done, iterations;
};

struct top_rates {
	bool is_known; /* false after a restart of the broker, say */
	double tiles_per_s, iterations_per_s;
};

/* The rates between two snapshots, by the broker's own clock. */
struct top_rates top_rates(const struct top_counts *before, const struct top_counts *now);

#endif
