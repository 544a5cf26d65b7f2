/*
 * save.h - from a delivery that can be read to a file that is there.
 *
 * One thread owns all of the arguments.
 */
#ifndef CLIENT_SAVE_H
#define CLIENT_SAVE_H

#include "client/addition.h"
#include "client/announce.h"
#include "client/delivery.h"
#include "client/filetype.h"
#include "client/outfile.h"
#include "proto/error.h"

/* How files are written. */
struct save_style {
	uint32_t dpi;      /* 0: not said; at most SAVE_DPI_MAX */
	uint32_t compress; /* 0..9 */
};
#define SAVE_STYLE   ((struct save_style){.dpi = 0, .compress = PICTURE_COMPRESS})
#define SAVE_DPI_MAX 100000

/* Starts to announce on the standard streams; what is rendered follows by announce_request(). */
void save_announce(struct announce *announce, bool is_quiet, bool is_json);

/* What is saved, all borrowed. */
struct save {
	struct delivery *delivery;
	/* NULL: the delivery's picture as it is. Else the picture, rgb8 or rgb16, that its numbers
	 * are coloured to (see finish.h); they must be enough for it, and not in bands. */
	const struct request *coloured;
	/* NULL, or what the delivery's counts are added to: the sum, with `data` as its request, is
	 * what is saved or coloured. */
	struct addition *addition;
	const struct request *data;
	const struct filetype *filetype;
	struct save_style style;
	struct outfile *outfile;
	bool is_released;
	struct announce *announce;
};

/* After delivery_wait(): writes the file, gives it its name, and only then ends the delivery well
 * (see delivery_finish()) and announces the file. On failure neither is done. */
enum brot_err save_picture(const struct save *save, struct brot_error *err);

/* Writes a picture that lies in memory, or what it is coloured to; `delivery` counts for nothing,
 * and nothing is announced. */
enum brot_err save_preview(const struct save *save, struct picture *picture,
			   struct brot_error *err);

/* BROT_E_REQUEST, naming what would do, where an accepted job of numbers to be coloured is in
 * bands: the colours are made when all of it is there. */
enum brot_err save_check_bands(const struct delivery *delivery, const struct request *coloured,
			       struct brot_error *err);

#endif
