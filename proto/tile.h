/*
 * tile.h - rectangle and segment arithmetic.
 *
 * An image is cut into segments when its job is accepted: a segment is one row, or one slice of a
 * row where a whole row would be too much work or too many bytes. Segments are numbered row by
 * row, left to right. A tile is a run of full rows, or a run of slices within one row.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_TILE_H
#define PROTO_TILE_H

#include <stdbool.h>
#include <stdint.h>

struct rect {
	uint32_t x, y, w, h; /* px; w and h > 0 */
};

struct segment_grid {
	uint32_t width_px, height_px;
	uint32_t slice_px;       /* width of a segment; the last of a row may be narrower */
	uint32_t slices_per_row; /* 1 where slice_px == width_px */
};

/* Cuts an image of width x height pixels, each of pixel_bytes bytes and at most pixel_work units
 * of work, so that every segment stays under LIMIT_SEGMENT_BYTES and LIMIT_SEGMENT_WORK (one
 * pixel is a segment where it alone is over).
 * Returns false, *ret_grid untouched, where that takes more than LIMIT_SEGMENTS. */
bool segment_grid_make(uint32_t width_px, uint32_t height_px, uint32_t pixel_bytes,
		       uint64_t pixel_work, struct segment_grid *ret_grid);

uint32_t segment_count(const struct segment_grid *grid);

/* The rectangle of the `count` segments from `first` on. They must be whole rows, or lie in one
 * row (asserted: the broker cuts tiles so). */
struct rect segment_run_rect(const struct segment_grid *grid, uint32_t first, uint32_t count);

/* The inverse, for a rectangle from a peer: false unless it is such a run, outputs untouched. */
bool rect_segment_run(const struct segment_grid *grid, const struct rect *rect, uint32_t *ret_first,
		      uint32_t *ret_count);

/* Whether rect is not empty and lies within width x height, whatever numbers it holds. */
bool rect_inside(const struct rect *rect, uint32_t width_px, uint32_t height_px);

#endif
