/*
 * images.h - owns the images of jobs and of their bands, and the grids of counts: shared memory, by
 * work id. What a grid holds is for grids.h.
 *
 * One thread owns a struct images.
 */
#ifndef BROKER_IMAGES_H
#define BROKER_IMAGES_H

#include "broker/keeper.h"
#include "broker/plan.h"
#include "broker/sched.h"
#include "proto/message.h"
#include "proto/sys/shm.h"

struct image {
	uint64_t work;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	struct image_layout layout; /* unless it is a grid */
	bool is_mirrored;
	struct grid
		grid; /* a view of the memory, of one that is; layout.total_bytes 0: it is not */
	struct shm shm;
	uint64_t marks, saved_marks; /* image_mark()s, and how many a checkpoint was asked for */
};

/* What tells an image from all others; random. */
struct image_id {
	char name[IMAGE_NAME_CHARS + 1];
	uint8_t nonce[MESSAGE_NONCE_BYTES];
};
struct image_id image_id_draw(void);

struct images; /* opaque */

/* is_durable: the images outlive us, as IMAGE_DURABLE says; otherwise keeper, borrowed for the
 * life of the images, removes those that we cannot, and images_note_all() tells a new one of each.
 */
struct images *images_new(const struct keeper *keeper, bool is_durable);
void images_note_all(const struct images *images);

/* Removes them all; leaves durable ones where they are. Accepts NULL. */
void images_free(struct images *images);

/* Makes the image, or grid to count into, of a work that has none, zeroed but for its header.
 * BROT_E_NO_SPACE where it does not fit. The second makes a grid that others are added up in. */
enum brot_err images_make(struct images *images, uint64_t work, const struct plan *plan,
			  const struct image_id *id, struct brot_error *err);
enum brot_err images_make_sum(struct images *images, uint64_t work, const struct plan *plan,
			      const struct image_id *id, struct brot_error *err);

/* Takes over the image that an earlier life of this broker made of that work, with all that is in
 * it; a grid, of either make, only if it was committed. BROT_E_NOT_FOUND where it is gone; another
 * error where it is not what it should be. */
enum brot_err images_adopt(struct images *images, uint64_t work, const struct plan *plan,
			   const struct image_id *id, struct brot_error *err);

/* Says of each that its broker is alive: see shm_sweep(). */
void images_touch(const struct images *images);

/* Removes the images of brokers that are dead, and logs it: see shm_sweep(). The first time also
 * those that stay. */
void images_sweep(bool is_first);

bool image_is_grid(const struct image *image);
uint64_t image_total_bytes(const struct image *image);

/* The image of a work, borrowed until images_drop(), or NULL. */
struct image *images_find(const struct images *images, uint64_t work);

/* The bits of an image, one a segment, as they lie there. */
const uint8_t *image_bits(const struct image *image);

/* Removes an image; false if there was none. */
bool images_drop(struct images *images, uint64_t work);

/* Calls fn for each; it must not add or drop any. */
void images_each(struct images *images, void (*fn)(struct image *image, void *context),
		 void *context);

/* Takes the packed pixels of a tile into the image, and into a mirrored one twice. codec and data
 * are a peer's: BROT_E_PROTOCOL if they are not image_rect_bytes() of pixels with that digest; the
 * image is then untouched. Rows count from the top of the image, here and below. */
enum brot_err image_unpack(struct image *image, const struct rect *rect, uint32_t codec,
			   struct bytes data, uint64_t digest, struct brot_error *err);

/* The `bytes` bytes of a tile, as a peer sent them: as image_unpack(). *ret_unpacked is then owned,
 * with free(). */
enum brot_err image_unpack_bytes(size_t bytes, uint32_t codec, struct bytes data, uint64_t digest,
				 void **ret_unpacked, struct brot_error *err);

/* Marks a tile's segments as final, and their mirror images in a mirrored image. rect must be one
 * that the scheduler cut. */
void image_mark(struct image *image, const struct rect *rect);

/* Makes and marks the mirror images that are missing of segments that are marked, in a mirrored
 * image: the upper rows alone say what is done. */
void image_mirror(struct image *image);

/* Copies a rectangle of a plane, row by row, to `to`. */
void image_copy_out(const struct image *image, uint32_t plane, const struct rect *rect, void *to);

#endif
