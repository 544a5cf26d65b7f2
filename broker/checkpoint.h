/*
 * checkpoint.h - owns the files that images are copied to, so that long jobs outlive a reboot.
 *
 * FOLDER/<work id, 16 hexadecimal digits>.ckpt is a sparse file laid out as its image is, with a
 * header of its own, and after the planes one checksum a segment. Pixels and checksums of newly
 * finished segments are on the disk before their bits are: a set bit has its pixels, even after a
 * power cut. A segment whose checksum is wrong counts as not done.
 *
 * A folder belongs to one store for good, since ids of jobs mean nothing to another one, and to one
 * broker at a time: FOLDER/store.id holds the store's id, and a lock.
 *
 * A thread of its own writes. It maps the image itself, so that one that is dropped meanwhile does
 * no harm, and its troubles (a full disk, an image that is gone) only mean that this checkpoint
 * does not happen; each is logged once until a checkpoint succeeds again.
 *
 * Thread rule: one thread owns a struct checkpoint and calls these functions.
 */
#ifndef BROKER_CHECKPOINT_H
#define BROKER_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/image.h"

#define CHECKPOINT_SUFFIX ".ckpt"
#define CHECKPOINT_OWNER  "store.id" /* the file that says which store's jobs these are */

/* Saves and removals that wait for the thread. */
#define CHECKPOINT_QUEUE 1024

struct checkpoint; /* opaque */

/* An image of a job or of one of its bands. */
struct checkpoint_image {
	uint64_t work;
	struct image_layout layout;
	uint64_t request_digest;            /* checkpoint_digest() */
	char name[IMAGE_NAME_CHARS + 1];    /* for checkpoint_save() */
	uint8_t nonce[MESSAGE_NONCE_BYTES]; /* for checkpoint_save() */
};

/* Of a request's text as it is stored: a file of another request is not used. */
uint64_t checkpoint_digest(const char *request, size_t bytes);

/* Makes the folder (0700; its parent must exist) where it is missing, takes it for the store of
 * that id (store_id()), and starts the thread. Fails with one sentence that names the folder:
 * BROT_E_BUSY where another broker uses it; BROT_E_SYSTEM where it is another store's, or the
 * system does not let us; BROT_E_NO_SPACE. *ret_checkpoint is then untouched. */
enum brot_err checkpoint_open(const char *folder, const char *store,
			      struct checkpoint **ret_checkpoint, struct brot_error *err);

/* Ends the thread after the segment it is at; what waits is dropped, so that checkpoint_wait()
 * comes before it where that matters. Accepts NULL. */
void checkpoint_close(struct checkpoint *checkpoint);

/* Asks for a copy of the segments that are done by the time the thread gets to it. Copies *image.
 * Never blocks. False where this very work still waits for its turn or the queue is full: then
 * nothing happens. */
bool checkpoint_save(struct checkpoint *checkpoint, const struct checkpoint_image *image);

/* How many copies have failed so far, of whatever work; an image that is gone is no failure. */
uint64_t checkpoint_failures(const struct checkpoint *checkpoint);

/* Removes the file of a work, and gives up a save of it that waits or is being written. Never
 * blocks. A file that is not there is no error; one that cannot be removed, or for which the queue
 * had no room, stays for the next checkpoint_sweep(). */
void checkpoint_remove(struct checkpoint *checkpoint, uint64_t work);

/* Waits until nothing is to be done any more, timeout_ms at most; false if it came to that. */
bool checkpoint_wait(struct checkpoint *checkpoint, int64_t timeout_ms);

/* Fills the planes of a new image at `memory` (image->layout.total_bytes, zeroed but for its
 * header) with the segments that the file of image->work has, and sets their bits. *ret_segments
 * gets how many, *ret_discarded how many were there but spoilt. Blocks while it reads. Whatever the
 * file holds, nothing outside the planes and bits is written, and no bit without a matching
 * checksum set. BROT_E_NOT_FOUND where there is no file, or the thread is still busy with that of
 * an earlier image; BROT_E_PROTOCOL where it is of another request or layout, or no checkpoint at
 * all; BROT_E_SYSTEM where it cannot be read. Both are then 0 and no bit is set. */
enum brot_err checkpoint_load(struct checkpoint *checkpoint, const struct checkpoint_image *image,
			      void *memory, uint32_t *ret_segments, uint32_t *ret_discarded,
			      struct brot_error *err);

/* Removes the checkpoints in the folder whose work is_live() says false of. For the start: blocks
 * while it does. Returns how many. Files of other names are left alone. */
unsigned checkpoint_sweep(struct checkpoint *checkpoint,
			  bool (*is_live)(uint64_t work, void *context), void *context);

#endif
