/*
 * delivery_internal.h - what the files of a delivery share: delivery.c has the loop,
 * delivery_action.c carries out the session, delivery_image.c has the pixels.
 */
#ifndef CLIENT_DELIVERY_INTERNAL_H
#define CLIENT_DELIVERY_INTERNAL_H

#include "client/delivery.h"
#include "proto/image.h"
#include "proto/sys/shm.h"

/* The rows that are here, or come: all of them, or those of one band. */
struct delivery_image {
	uint32_t first, rows;
	struct shm shm;
	struct image_layout layout;  /* of shm */
	uint8_t *planes[PLANES_MAX]; /* owned, where they are fetched */
	size_t bytes[PLANES_MAX];    /* of each; a later band takes their place */
};

struct delivery {
	struct delivery_config config;
	struct session *session;
	struct session_job job;  /* its job is 0 before ACCEPTED */
	struct request attached; /* what the broker says of a job that is not ours */
	json_t *document;        /* of it */
	struct delivery_image image;
	bool is_ready; /* the image can be read */
	/* An image that is still rendered, where it can be seen: mapped once ACCEPTED, and read row
	 * by row, as far as they are complete. Becomes `image` when it is finished. */
	struct delivery_image early;
	uint32_t early_rows; /* from the top, that are complete */
	bool is_cancelled;
	uint32_t row; /* of the file: those before it are written */
	int64_t keep_at_ms;
	struct brot_error error; /* the first that came; then nothing moves any more */
};

/* Where the broker says they lie. */
struct delivery_place {
	uint64_t work; /* the id in the image's header */
	uint32_t slice_px;
	const struct session_image *image;
};

/* ---- delivery_action.c ---- */

/* Applies an event that has no more than a message, NULL in others, and does what follows. */
void delivery_step(struct delivery *d, enum session_event_type type, const struct message *m);

/* Keeps the first failure. */
void delivery_fail(struct delivery *d, const struct brot_error *error);

/* Fails as the user wished. */
void delivery_cancelled(struct delivery *d);

/* ---- delivery_image.c ---- */

/* Sets which rows it has, and drops what was mapped. */
void delivery_image_begin(struct delivery_image *image, uint32_t first, uint32_t rows);

/* Whether the memory that the broker named can be seen and is for these rows. Why not is nobody's
 * business: then the pixels come over the socket. */
bool delivery_image_map(struct delivery_image *image, const struct request *request,
			const struct delivery_place *place);
bool delivery_image_is_mapped(const struct delivery_image *image);

/* Whether a row of a mapped one, or all, are complete. A broker that was restarted may have made
 * another image and left the one that it named first, unfinished. What is complete, by its bits, is
 * right, whoever made it. */
bool delivery_image_has_row(const struct delivery_image *image, uint32_t row);
bool delivery_image_is_complete(const struct delivery_image *image);

/* Takes what another has mapped; it has nothing then. */
void delivery_image_adopt(struct delivery_image *image, struct delivery_image *other);

/* Makes room for the rows. False if memory is short. */
bool delivery_image_reserve(struct delivery_image *image, const struct request *request);

/* Stores a piece of them; the session has checked the piece and its bytes. */
void delivery_image_store(struct delivery_image *image, const struct request *request,
			  const struct fetch_piece *piece, const struct bytes *data);

/* Plane index p, from the first of the rows on. */
const uint8_t *delivery_image_plane(const struct delivery_image *image, uint32_t p);

void delivery_image_free(struct delivery_image *image);

#endif
