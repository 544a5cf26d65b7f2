/*
 * fetch.h - decides which part of an image to ask the broker for next.
 *
 * A piece is a run of full rows of one plane, or a slice of one row where a row alone is over
 * LIMIT_FETCH_BYTES: either way its pixels are contiguous in the plane. At most FETCH_WINDOW
 * pieces are asked for at a time; one that stays unanswered is asked for again. Rows are those of
 * the whole picture, also where a band of it is fetched.
 *
 * Pure. One thread owns a struct fetch. Times are milliseconds of a monotonic clock.
 */
#ifndef CLIENT_FETCH_H
#define CLIENT_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/format.h"
#include "proto/limits.h"
#include "proto/tile.h"

#define FETCH_WINDOW   8
#define FETCH_AGAIN_MS 3000

struct fetch_piece {
	uint32_t plane; /* index in the format */
	struct rect rect;
};

/* What to fetch: so many full rows of a picture, from row `first` on. */
struct fetch_area {
	uint32_t width_px;
	uint32_t first, rows; /* rows > 0 */
	enum format_id format;
};

/* Nobody but fetch.c touches the members. */
struct fetch {
	struct fetch_area area;
	const struct format_info *format;
	struct fetch_piece next; /* the next never asked for; only plane, x and y count */
	struct {
		struct fetch_piece piece;
		int64_t asked_ms;
		bool is_open;
	} window[FETCH_WINDOW];
};

/* Starts over: nothing is asked for yet. Sizes 1..LIMIT_SIZE_PX. */
void fetch_init(struct fetch *fetch, const struct fetch_area *area);

/* A piece to ask for now, which then counts as asked for. False: none at this time. */
bool fetch_next(struct fetch *fetch, int64_t now_ms, struct fetch_piece *ret_piece);

/* An answer with so many bytes came. True if it is a piece that was asked for and whose pixels
 * have that size: it will not be asked for again. False, without effect, for any other. */
bool fetch_take(struct fetch *fetch, const struct fetch_piece *piece, size_t bytes);

/* All pieces have been taken. */
bool fetch_is_complete(const struct fetch *fetch);

/* When fetch_next() has something to say without an answer coming; INT64_MAX: never. */
int64_t fetch_deadline_ms(const struct fetch *fetch);

#endif
