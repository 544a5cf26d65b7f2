/*
 * images.h - owns the images of the jobs: shared memory, request, key and nonce, by job id.
 *
 * One thread owns a store.
 */
#ifndef BROKER_IMAGES_H
#define BROKER_IMAGES_H

#include "broker/keeper.h"
#include "broker/plan.h"
#include "broker/sched.h"
#include "proto/request.h"
#include "proto/sys/shm.h"

struct image {
	uint64_t job;
	uint8_t key[SCHED_KEY_BYTES];
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	struct request request;
	struct plan plan;
	struct shm shm;
};

struct images; /* opaque */

/* keeper is borrowed for the store's life; images_note_all() tells a new one of every image. */
struct images *images_new(const struct keeper *keeper);
void images_free(struct images *images); /* removes them all; accepts NULL */
void images_note_all(const struct images *images);

/* Makes the image of a job, zeroed but for its header. BROT_E_NO_SPACE where it does not fit. */
enum brot_err images_make(struct images *images, uint64_t job, const uint8_t key[SCHED_KEY_BYTES],
			  const struct request *request, const struct plan *plan,
			  struct brot_error *err);

/* The image of a job, borrowed until images_drop(), or NULL. */
struct image *images_find(const struct images *images, uint64_t job);

/* Removes an image; one that is not there is no error. */
void images_drop(struct images *images, uint64_t job);

/* Takes the packed pixels of a tile into the image, and into a mirrored one twice. codec and data
 * are a peer's: BROT_E_PROTOCOL if they are not image_rect_bytes() of pixels with that digest; the
 * image is then untouched. */
enum brot_err image_unpack(struct image *image, const struct rect *rect, uint32_t codec,
			   struct bytes data, uint64_t digest, struct brot_error *err);

/* Marks a tile's segments as final, and their mirror images in a mirrored image. rect must be one
 * that the scheduler cut. */
void image_mark(struct image *image, const struct rect *rect);

/* Copies a rectangle of a plane, row by row, to `to`. */
void image_copy_out(const struct image *image, uint32_t plane, const struct rect *rect, void *to);

#endif
