/*
 * finish.h - the picture of an image's numbers, coloured on all cores while it is written.
 *
 *     finish_new, finish_survey, finish_picture and what reads it, finish_free
 *
 * The numbers are those of all samples, and stay as they are until finish_free(). Rows are coloured
 * in blocks, somewhat ahead of the row that is reached. The bytes do not depend on the number of
 * threads: they are those of include/brot/colour.h.
 *
 * One thread owns a finish.
 */
#ifndef CLIENT_FINISH_H
#define CLIENT_FINISH_H

#include <brot/colour.h>

#include "client/picture.h"
#include "proto/error.h"
#include "proto/request.h"

struct finish; /* opaque */

struct finish_config {
	const struct request *request;      /* of the picture, rgb8 or rgb16; borrowed */
	const struct brot_numbers *numbers; /* planes are borrowed */
	unsigned threads;                   /* 1..CREW_MAX */
	/* NULL, or called with each row before it is reached, and with row 0 now and then during
	 * the survey: what fails ends it all. In the owner's thread. */
	enum brot_err (*keep)(uint32_t row, void *context, struct brot_error *err);
	void *context;
};

/* Whether data of a format has what the picture's colours need: otherwise BROT_E_REQUEST, and the
 * sentence says what to have rendered. */
enum brot_err finish_check_format(const struct request *picture, enum format_id format,
				  struct brot_error *err);

/* The same for planes, bit 1u << PLANE_... each. */
enum brot_err finish_check_planes(const struct request *picture, unsigned planes,
				  struct brot_error *err);

/* The planes that there are, of a picture of numbers whose rows are all there. */
void finish_numbers(const struct picture *data, struct brot_numbers *ret_numbers);

/* BROT_E_REQUEST where the numbers are not enough or not of that size, BROT_E_SYSTEM where memory
 * is short. */
enum brot_err finish_new(const struct finish_config *config, struct finish **ret_finish,
			 struct brot_error *err);

/* Looks at the whole image where the colours depend on it, on all threads. Fails as `keep` does. */
enum brot_err finish_survey(struct finish *finish, struct brot_error *err);

/* The picture, after the survey; borrowed until finish_free(). To reach a row fails as `keep` does,
 * and with BROT_E_SYSTEM where no thread can be had. */
void finish_picture(struct finish *finish, struct picture *ret_picture);

/* Ends the threads, whatever they are at. Accepts NULL. */
void finish_free(struct finish *finish);

#endif
