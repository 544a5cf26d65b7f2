/*
 * delivery_internal.h - what the files of a delivery share: delivery.c carries out the session,
 * delivery_image.c has the pixels.
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

/* Where the broker says they lie. */
struct delivery_place {
	uint64_t work; /* the id in the image's header */
	uint32_t slice_px;
	const struct session_image *image;
};

/* Sets which rows it has, and drops what was mapped. */
void delivery_image_begin(struct delivery_image *image, uint32_t first, uint32_t rows);

/* Whether the memory that the broker named can be seen and holds these rows, complete. Why not is
 * nobody's business: then the pixels come over the socket. */
bool delivery_image_map(struct delivery_image *image, const struct request *request,
			const struct delivery_place *place);

/* Makes room for the rows. False if memory is short. */
bool delivery_image_reserve(struct delivery_image *image, const struct request *request);

/* Stores a piece of them; the session has checked the piece and its bytes. */
void delivery_image_store(struct delivery_image *image, const struct request *request,
			  const struct fetch_piece *piece, const struct bytes *data);

/* Plane index p, from the first of the rows on. */
const uint8_t *delivery_image_plane(const struct delivery_image *image, uint32_t p);

void delivery_image_free(struct delivery_image *image);

#endif
