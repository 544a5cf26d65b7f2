/*
 * progress.h - says in words how far a render is, how fast it goes and how long it will take.
 *
 * Pure. One thread owns a struct progress. Times are milliseconds of a monotonic clock.
 */
#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/notice.h"

#define PROGRESS_TEXT_BYTES 512 /* enough for every text here */

/* Start with {0}. Nobody but progress.c touches the members. */
struct progress {
	struct session_progress now;
	int64_t now_ms;
	double recent_pixels, recent_s; /* smoothed sums */
	double pixels_per_s;            /* 0 while unknown */
	bool is_started;
	bool has_no_workers;         /* the broker, at all */
	bool is_rendered;            /* all pixels are done */
	uint64_t rows_written, rows; /* of the file; rows is 0 before it is begun */
};

/* Takes what the broker said at that time. A count that falls (another broker has begun again)
 * starts the rate anew. */
void progress_update(struct progress *progress, const struct session_progress *now, int64_t now_ms);

/* Takes how many workers the broker has at all, which counts while none has a tile of the job. */
void progress_workers(struct progress *progress, uint64_t workers);

/* All pixels are done, and so many of the file's rows are written. */
void progress_rendered(struct progress *progress, uint64_t rows_written, uint64_t rows);

/* So many of the file's rows are written while others are still rendered. */
void progress_written(struct progress *progress, uint64_t rows_written, uint64_t rows);

/* Seconds until all pixels, or all points, are done at the present rate; -1 while unknown. */
double progress_left_s(const struct progress *progress);

/* How far it is, in whole percent, rounded down: of the points of a Buddhabrot, those that are
 * counted, whether they are done or held, and 99 while its image is added up of them. */
unsigned progress_percent(const struct session_progress *now);

/* A bar of at most `columns` columns, without a newline: percent first, and then, as far as there
 * is room, tiles or points, workers, rate and time left, or what it waits for. Once all pixels
 * are done and rows are written the percentage is theirs. Returns buffer. */
const char *progress_bar(const struct progress *progress, unsigned columns,
			 char buffer[PROGRESS_TEXT_BYTES]);

/* The same as a line for a log, without a newline. Returns buffer. */
const char *progress_line(const struct progress *progress, char buffer[PROGRESS_TEXT_BYTES]);

/* What a render took in the end; elapsed_ms is the client's whole time. Returns buffer. */
const char *progress_summary(const struct session_summary *summary, uint32_t width_px,
			     uint32_t height_px, int64_t elapsed_ms, const char *path,
			     char buffer[PROGRESS_TEXT_BYTES]);

#endif
