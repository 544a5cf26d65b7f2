/*
 * sum.h - slices of sums over grids of counts, and which grids of an earlier life are to be kept.
 *
 * Pure; thread-safe for grids that nobody writes to.
 */
#ifndef BROKER_SUM_H
#define BROKER_SUM_H

#include "proto/error.h"
#include "proto/grid.h"
#include "proto/image.h"

/* Adds up rows, of those that are kept, of `count` >= 1 grids, and puts them into the rows of `to`,
 * which is wide. BROT_E_FAILED where one is more than `most`, which is what a pixel of the image
 * can hold: counts only grow, so that no later sum would fit. */
enum brot_err sum_into_grid(const struct grid *const *grids, uint32_t count, uint32_t y,
			    uint32_t rows, uint64_t most, const struct grid *to,
			    struct brot_error *err);

/* The most that a pixel of an image of counts can hold. */
uint64_t sum_most(const struct image_layout *layout);

/* The same for rows of the image whose planes lie in `memory`: a plane of counts a channel.
 * BROT_E_FAILED where a count is more than its plane's type holds; its rows are then not final. */
enum brot_err sum_into_image(const struct grid *const *grids, uint32_t count, uint32_t y,
			     uint32_t rows, const struct image_layout *layout, void *memory,
			     struct brot_error *err);

/* One row of one channel of a grid as its image would have it now, from x on: pixels of
 * `pixel_bytes`, 4 or 8; a count that is too large for it becomes the largest. */
void sum_preview(const struct grid *grid, uint32_t channel, const struct rect *rect,
		 uint32_t pixel_bytes, void *to);

/* Which of `count` grids can stay side by side: those with most segments first, each that has none
 * of those kept before it. bits: `bytes` bytes each. */
void sum_choose(const uint8_t *const *bits, uint32_t count, size_t bytes, bool *ret_keep);

#endif
