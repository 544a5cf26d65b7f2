/*
 * grids.h - what becomes of the grids of counts that images.h owns: rows taken in, committed, added
 * up, looked at.
 *
 * One thread owns them, as it does the images.
 */
#ifndef BROKER_GRIDS_H
#define BROKER_GRIDS_H

#include "broker/images.h"

/* Takes the packed counts of rows, u64, channel after channel, into a grid that has none of them
 * yet. codec and data are a peer's: BROT_E_PROTOCOL if they are not counts of that digest, or more
 * than the grid has room for; the rows, or the whole grid, are then not to be used. */
enum brot_err grids_unpack(struct image *image, const struct rect *rect, uint32_t codec,
			   struct bytes data, uint64_t digest, struct brot_error *err);

/* Commits a grid with those samples, one bit a segment: nobody counts into it from now on. bytes
 * must be those of its bits. BROT_E_PROTOCOL where what was counted into it is not exact. */
enum brot_err grids_commit(struct image *image, const uint8_t *bits, size_t bytes,
			   struct brot_error *err);

/* Carries out ACTION_SUM. BROT_E_NOT_FOUND where something of it is not there any more, as after
 * the end of its job; errors of sum.h. Marks the segments of an image. */
enum brot_err grids_sum(struct images *images, const struct sched_action *action,
			struct brot_error *err);

/* The committed grids of a job, into ret_restore: their bits are borrowed as long as they live. */
void grids_list(struct images *images, uint64_t job, struct sched_restore *ret_restore);

/* Of the grids of a job that were taken over drops those whose samples others have: forget is told
 * of each before it goes. */
void grids_settle(struct images *images, uint64_t job, void (*forget)(uint64_t work, void *context),
		  void *context);

#endif
