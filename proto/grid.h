/*
 * grid.h - a grid of counts in shared memory: what one worker adds its samples to, or the sum of
 * such grids.
 *
 * A grid has `channels` planes of width x rows cells, row 0 on top. Those of a wide one, whose
 * `wrap` is 0, are u64, and each is its count. Those of any other are u32: a cell that would reach
 * `wrap` starts again from 0, and how often it did is noted in a table of carries. So a count is
 * cell + wrap * carries, and is exact as long as the table has room for every cell that has
 * carries. The table is of a fixed size: more than hits that come one by one can fill while a grid
 * is open. Sums, and grids whose hits weigh more than 1, are wide. A grid that has lost a carry, or
 * a hit that u64 has no room for, is of no use (grid_is_exact() says so).
 *
 * A grid of a view that is its own mirror image (view_is_mirrored()) keeps the upper half of
 * the image's rows alone, the middle one included: cell (column, r) counts the hits in image row r
 * and, since each of them has a conjugate in row height - 1 - r, stands for that row as well. In
 * the middle row of an odd height a point and its conjugate share a pixel, so that the image has
 * twice the cell. grid_image_rows() knows that; all else here is about rows that are kept.
 *
 * One bit a sample segment says which samples are in it; the broker sets them when the grid is
 * committed, and from then on nobody writes to it.
 *
 * Layout, little-endian: struct grid_header; the bits; the carries, which a wide one does not have;
 * the planes without a gap between them. Each of these parts starts at a multiple of IMAGE_ALIGN.
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

#define GRID_MAGIC    "BROTGRD1"
#define GRID_VERSION  1
#define GRID_WRAP     (1ull << 32) /* the `wrap` of all u32 grids but those of tests */
#define GRID_WIDE     0ull         /* that of a wide grid */
#define GRID_MIRRORED 2u           /* a flag, beside IMAGE_DURABLE */

enum grid_state { GRID_OPEN = 0, GRID_COMMITTED = 1 };

/* As it lies in memory; every field is naturally aligned and there is no padding. */
struct grid_header {
	char magic[8];
	uint32_t version, header_bytes;
	uint64_t total_bytes;
	uint64_t work; /* proto/work.h */
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	uint32_t owner_uid, owner_pid;
	uint32_t width_px, height_px, channels, flags; /* IMAGE_DURABLE, GRID_MIRRORED */
	uint32_t segments;                             /* of samples */
	uint32_t state;                                /* enum grid_state; the broker's */
	uint64_t wrap;                                 /* 2..2^32, or GRID_WIDE */
	uint64_t bits_offset, carries_offset, cells_offset;
	uint64_t carry_room; /* entries of the table, a power of two; 0: it is wide */
	uint64_t carry_used; /* entries in use; atomic */
	uint64_t carry_lost; /* carries and hits that found no room; atomic */
};

/* An entry of the table of carries: open addressing, from grid_carry_home() on. Both atomic. */
struct grid_carry {
	uint64_t cell;  /* channel * plane_cells + row * width + column, plus 1; 0: free */
	uint64_t times; /* how often that cell reached `wrap` */
};

struct grid_layout {
	uint64_t total_bytes;
	uint32_t width_px, height_px; /* of the image */
	uint32_t rows;                /* that are kept: height_px, or its upper half */
	uint32_t channels, segments;
	bool is_mirrored;
	uint64_t wrap, carry_room;
	uint64_t bits_offset, carries_offset, cells_offset;
	uint64_t plane_cells; /* width_px * rows */
};

/* A grid that is mapped, or in memory of our own: made by grid_view(), valid as long as that is. */
struct grid {
	struct grid_layout layout;
	uint32_t *cells; /* channel after channel; NULL of a wide one */
	uint64_t *wide;  /* likewise of a wide one; else NULL */
	struct grid_carry *carries;
	uint64_t *carry_used, *carry_lost;
	uint32_t *state;
	uint8_t *bits;
};

/* width, height, channels and segments > 0. wrap: GRID_WIDE, GRID_WRAP, or less to try the carries.
 * False, *ret_layout untouched, where the size overflows. */
bool grid_layout_make(uint32_t width_px, uint32_t height_px, uint32_t channels, bool is_mirrored,
		      uint32_t segments, uint64_t wrap, struct grid_layout *ret_layout);

/* Makes an empty, open grid of memory that is zero. flags: IMAGE_DURABLE or 0. */
void grid_header_write(void *memory, const struct grid_layout *layout, uint64_t work,
		       const uint8_t nonce[MESSAGE_NONCE_BYTES], uint32_t owner_uid,
		       uint32_t owner_pid, uint32_t flags);

/* Checks that `memory` (`bytes` long) holds the grid of that work and layout, as
 * image_header_check() does: memory is hostile, and is read once. BROT_E_PROTOCOL; outputs
 * untouched on failure. */
enum brot_err grid_header_check(const void *memory, size_t bytes, const struct grid_layout *want,
				uint64_t work, uint8_t ret_nonce[MESSAGE_NONCE_BYTES],
				enum grid_state *ret_state, struct brot_error *err);

/* The parts of a grid at `memory`, total_bytes long, as the layout (not the header) says. */
struct grid grid_view(void *memory, const struct grid_layout *layout);

/* Notes that a cell has reached `wrap` so many times: any thread; not of a wide grid. cell as in
 * struct grid_carry, without the 1. Nothing more is noted once a carry was lost. */
void grid_carry(const struct grid *grid, uint64_t cell, uint64_t times);

/* Notes that a hit found no room: any thread. */
void grid_lose(const struct grid *grid);

/* Whether nothing was lost. */
bool grid_is_exact(const struct grid *grid);

/* Sets the bits of `count` segments from `first`, and says that the grid is committed. Release
 * order; one thread alone. */
void grid_bits_set(const struct grid *grid, uint32_t first, uint32_t count);
void grid_commit(const struct grid *grid);
bool grid_bit_get(const struct grid *grid, uint32_t segment);

/* Rows y ... y + rows - 1 of those that are kept, of all channels, as packed u64 counts, channel
 * after channel, row by row: cells and carries. Whatever a hostile table of carries holds, nothing
 * else is touched. False where a count is over UINT64_MAX, as which it is then told. */
bool grid_rows_get(const struct grid *grid, uint32_t y, uint32_t rows, uint64_t *ret_counts);

/* The same into a grid whose rows hold nothing yet. False where the carries have no room. */
bool grid_rows_set(const struct grid *grid, uint32_t y, uint32_t rows, const uint64_t *counts);

/* grid_rows_get() added up over `count` grids, whose layouts may differ in `wrap`. */
bool grid_rows_sum(const struct grid *const *grids, uint32_t count, uint32_t y, uint32_t rows,
		   uint64_t *ret_counts);

/* The same for rows of the image: what its planes hold. */
bool grid_image_rows(const struct grid *const *grids, uint32_t count, uint32_t y, uint32_t rows,
		     uint64_t *ret_counts);

#endif
