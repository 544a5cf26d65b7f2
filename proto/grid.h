/*
 * grid.h - a grid of counts in shared memory: what one worker adds its samples to, or the sum of
 * such grids.
 *
 * A grid has `channels` planes of width x height cells, u32, row 0 on top. A cell that would reach
 * `wrap` starts again from 0 and a carry is noted: its number (channel * width * height + y * width
 * + x), as often as that happened. So a count is cell + wrap * carries, and is exact as long as the
 * carries have room; a grid whose carries have none left is of no use (grid_is_exact() says so).
 *
 * One bit a sample segment says which samples are in it; the broker sets them when the grid is
 * committed, and from then on nobody writes to it.
 *
 * Layout, little-endian: struct grid_header; the bits; the carries (u64 each); the planes, each
 * part at a multiple of IMAGE_ALIGN.
 *
 * Pure. Cells are added to by whoever holds the block's lock (worker/buddha/scatter.h); carries by
 * any thread.
 */
#ifndef PROTO_GRID_H
#define PROTO_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/image.h"

#define GRID_MAGIC   "BROTGRD1"
#define GRID_VERSION 1

enum grid_state { GRID_OPEN = 0, GRID_COMMITTED = 1 };

struct grid_header {
	char magic[8];
	uint32_t version, header_bytes;
	uint64_t total_bytes;
	uint64_t work; /* proto/work.h */
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	uint32_t owner_uid, owner_pid;
	uint32_t width_px, height_px, channels, flags; /* IMAGE_DURABLE or 0 */
	uint32_t segments;                             /* of samples */
	uint32_t state;                                /* enum grid_state; the broker's */
	uint64_t wrap;                                 /* 2..2^32 */
	uint64_t bits_offset, carries_offset, cells_offset;
	uint64_t carry_room;  /* carries that fit */
	uint64_t carry_count; /* of those noted, which may be more than fit; atomic */
};

struct grid_layout {
	uint64_t total_bytes;
	uint32_t width_px, height_px, channels, segments;
	uint64_t wrap, carry_room;
	uint64_t bits_offset, carries_offset, cells_offset;
	uint64_t plane_cells; /* width * height */
};

/* A grid that is mapped, or in memory of our own: made by grid_view(), valid as long as that is. */
struct grid {
	struct grid_layout layout;
	uint32_t *cells; /* channel after channel */
	uint64_t *carries, *carry_count;
	uint8_t *bits;
};

/* wrap: 2^32, or less to try the carries. False where the size overflows. */
bool grid_layout_make(uint32_t width_px, uint32_t height_px, uint32_t channels, uint32_t segments,
		      uint64_t wrap, struct grid_layout *ret_layout);

void grid_header_write(void *memory, const struct grid_layout *layout, uint64_t work,
		       const uint8_t nonce[MESSAGE_NONCE_BYTES], uint32_t owner_uid,
		       uint32_t owner_pid, uint32_t flags);

/* As image_header_check(): what is there must be what the layout says; memory is hostile. */
enum brot_err grid_header_check(const void *memory, size_t bytes, const struct grid_layout *want,
				uint64_t work, uint8_t ret_nonce[MESSAGE_NONCE_BYTES],
				enum grid_state *ret_state, struct brot_error *err);

/* The parts of a grid at `memory`, total_bytes long, as the layout (not the header) says. */
struct grid grid_view(void *memory, const struct grid_layout *layout);

/* Notes a carry of that cell: any thread. */
void grid_carry(const struct grid *grid, uint64_t cell);

bool grid_is_exact(const struct grid *grid);

/* Rows y ... y + rows - 1 of all channels as packed u64 counts, channel after channel, row by row:
 * cells and carries. Needs grid_is_exact(). */
void grid_rows_get(const struct grid *grid, uint32_t y, uint32_t rows, uint64_t *ret_counts);

/* The same into a grid whose rows hold nothing yet. False where the carries have no room. */
bool grid_rows_set(const struct grid *grid, uint32_t y, uint32_t rows, const uint64_t *counts);

/* Adds up rows of `count` grids of one layout, which have those carries: into the rows of another
 * (false where its carries have no room), or as u64 counts. */
void grid_rows_sum(const struct grid *const *grids, uint32_t count, uint32_t y, uint32_t rows,
		   uint64_t *ret_counts);

#endif
