/*
 * picture.h - an image as the file writers see it, wherever its pixels lie and however many of its
 * rows are there at a time.
 *
 * A mapped image and one that came over the socket look the same: one pointer a plane, rows
 * without padding. A writer takes the rows in order, calling picture_reach() before each, so that
 * whoever gets them can wait for a row, give back those behind it, keep the broker informed and
 * notice Ctrl-C.
 *
 * Pure. One thread owns a picture.
 */
#ifndef CLIENT_PICTURE_H
#define CLIENT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/request.h"

/* What is packed how hard without a word: takes 60 % of the time of 6, which is usual, for PNGs
 * that are 4 to 15 % larger (measured on presets at 1920x1080). */
#define PICTURE_COMPRESS 4

struct picture {
	const struct request *request;     /* says size and format; borrowed */
	const uint8_t *planes[PLANES_MAX]; /* in the order of the format, from row `first` on;
					      borrowed, by whoever reaches, until the next row */
	uint32_t first, rows;              /* that are there */
	uint32_t dpi;                      /* pixels an inch, for files that say so; 0: not said */
	bool is_anonymous; /* what was rendered is not known: the request says how it is coloured */
	uint32_t compress; /* how hard it is packed: 0, not at all, to 9 */
	unsigned threads;  /* that pack it, at most CREW_MAX; 0: crew_size() */

	/* Is called with each row once, from 0 up, but with a row of many that are there any number
	 * of times: waits until it is there, and sets the three above. NULL: all rows are there
	 * from the start. */
	enum brot_err (*reach)(struct picture *picture, uint32_t y, struct brot_error *err);
	void *context; /* of reach */
};

/* Makes row y (0 on top, below height_px) readable. Fails as `reach` does: BROT_E_CANCELLED after
 * Ctrl-C, and where the rows come only now also with whatever ended the job. */
enum brot_err picture_reach(struct picture *picture, uint32_t y, struct brot_error *err);

/* The first byte of row y, the one that was reached last, of plane index p of the format. */
const uint8_t *picture_row(const struct picture *picture, uint32_t p, uint32_t y);

/* Copies rows y to y + rows, each when it is reached, to planes of the whole picture without
 * padding. Fails as picture_reach(). */
enum brot_err picture_copy(struct picture *picture, uint32_t y, uint32_t rows,
			   uint8_t *const to_planes[], struct brot_error *err);

/* Whether any count is over 0, of a picture of counts whose rows are all there. */
bool picture_has_hits(const struct picture *picture);

/* Copies a row of 16-bit values with the high byte first, as files have them. */
void picture_swap16(const uint8_t *row, size_t bytes, uint8_t *ret_swapped);

/* The canonical request of a picture, for files that carry it along: ASCII, and without what
 * changes no pixel. NULL if memory is short; the caller frees it. */
char *picture_request_text(const struct picture *picture);

/* Bytes of one row, and of `rows` rows, of plane index p. */
size_t picture_row_bytes(const struct request *request, uint32_t p);
size_t picture_rows_bytes(const struct request *request, uint32_t p, uint32_t rows);

#endif
