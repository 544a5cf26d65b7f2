/*
 * addition.h - more points for a Buddhabrot: the counts of a file, or of a finished job, to which
 * those of a new job are added.
 *
 *     addition_check, addition_load, addition_compose, addition_data, addition_add, addition_free
 *
 * The sum is what one larger job gives, byte by byte.
 *
 * One thread owns an addition.
 */
#ifndef CLIENT_ADDITION_H
#define CLIENT_ADDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/compose.h"
#include "client/delivery.h"
#include "client/numbers.h"
#include "client/picture.h"

struct addition {
	uint64_t points; /* to be added; 0: nothing is */
	uint64_t job;    /* where the base is a job of the broker, set by the caller; 0: a file */
	const char *base;
	struct request request; /* of the base */
	struct numbers counts;  /* of the base, then of all: u64, but for addition_add() */
};
#define ADDITION_NONE ((struct addition){.counts = {0}})

/* Takes what --add-points and --base say; NULL where nothing was. The other words are those of the
 * same line: what is counted is for the base to say. BROT_E_USAGE. */
enum brot_err addition_check(const char *points, const char *base,
			     const struct compose_words *words, struct addition *addition,
			     struct brot_error *err);

/* Reads the base. *config is that of a delivery in most, `attach` and the rest is set here; it is
 * for a job alone. Fails as numbers_read() and deliveries do, and with BROT_E_REQUEST where the
 * base says not what it counts, or no more can be added to it. */
enum brot_err addition_load(struct addition *addition, const struct delivery_config *config,
			    struct brot_error *err);

/* The request of the picture, as compose_request() makes it: the base's, and all points. */
enum brot_err addition_compose(const struct addition *addition, const struct compose_words *words,
			       const struct filetype *filetype, struct request *ret_request,
			       json_t **ret_json, struct brot_error *err);

/* The request of the points that are added to make *whole: their counts are u64. */
enum brot_err addition_data(const struct addition *addition, const struct request *whole,
			    struct request *ret_data, struct brot_error *err);

/* Adds the counts of a picture, all of whose rows are there, and makes *ret_sum, borrowed until
 * addition_free(), of all: its request is *data, whose format it gets. BROT_E_REQUEST where a count
 * does not fit that. Once. */
enum brot_err addition_add(struct addition *addition, const struct picture *added,
			   const struct request *data, struct picture *ret_sum,
			   struct brot_error *err);

void addition_free(struct addition *addition);

#endif
