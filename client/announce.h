/*
 * announce.h - tells the user what becomes of a render: bar, lines, events or nothing.
 *
 * Events are lines of JSON; bars and lines are for people, at a pace that a terminal or a log can
 * bear.
 *
 * One thread owns a struct announce. Times are milliseconds of a monotonic clock, and enter
 * through now_ms alone.
 */
#ifndef CLIENT_ANNOUNCE_H
#define CLIENT_ANNOUNCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/progress.h"
#include "client/session.h"

#define ANNOUNCE_BAR_MS     100
#define ANNOUNCE_LINE_MS    2000
#define ANNOUNCE_WRITING_MS 500 /* between events "writing" */

enum announce_mode {
	ANNOUNCE_NOTHING,
	ANNOUNCE_EVENTS,
	ANNOUNCE_PEOPLE, /* a bar on a terminal, lines elsewhere */
};

struct announce_config {
	enum announce_mode mode;
	const json_t *request;        /* canonical; borrowed, as both streams are; NULL until */
	uint32_t width_px, height_px; /* announce_request() */
	FILE *events, *people;
	bool is_terminal; /* people */
	const char *url;  /* the broker's; borrowed; NULL until announce_broker() */
};

/* Nobody but announce.c touches the members. */
struct announce {
	struct announce_config config;
	bool has_bar, has_line, is_banded, has_hits;
	uint64_t points; /* of a Buddhabrot that was counted, and has_hits or not; or 0 */
	uint32_t band_count;
	uint64_t job;
	int64_t start_ms, shown_ms;
	struct progress progress;
	struct session_summary summary;
};

void announce_init(struct announce *announce, const struct announce_config *config, int64_t now_ms);

/* What is rendered, where that shows only later: before ACCEPTED is told. */
void announce_request(struct announce *announce, const json_t *request, uint32_t width_px,
		      uint32_t height_px);

/* An embedded service was started. */
void announce_started(struct announce *announce, uint32_t workers);

/* Whom it is about, where that shows only later: before BUSY, SILENT and BACK are told. `job` is 0
 * until ACCEPTED where there is none yet. */
void announce_broker(struct announce *announce, const char *url, uint64_t job);

/* ACCEPTED, PROGRESS, WORKERS, BAND, FINISHED, BUSY, SILENT or BACK. */
void announce_action(struct announce *announce, const struct session_action *action,
		     int64_t now_ms);

/* So many rows of the file are written. Call it as often as you like. */
void announce_rows(struct announce *announce, uint64_t rows_written, int64_t now_ms);

/* A Buddhabrot of so many points, whose counts are all 0 or not: before its file is there. */
void announce_counts(struct announce *announce, uint64_t points, bool has_hits);

/* The file is there. */
void announce_saved(struct announce *announce, const char *path, uint64_t bytes, int64_t now_ms);

/* The job is at its end, and nobody wants a file. */
void announce_ended(struct announce *announce, uint64_t job);

/* The job is kept, though this client does not wait for it; `path` is the file it was to be, and
 * `format` what "wait" must be told of it, or NULL. */
void announce_left(struct announce *announce, uint64_t job, const char *path, const char *format);

/* Leaves the people's stream at the start of a line. Call it before a failure is told. Accepts a
 * struct that is all zero. */
void announce_done(struct announce *announce);

#endif
