/*
 * scatter.h - brings hits to the cells of a grid: a thread's bins, and the locks between threads.
 *
 * A grid is cut into blocks of neighbouring cells, which fit a CPU's nearest caches. A hit is first
 * written to the bin of its block; a bin is added to the grid as a whole, under the block's lock.
 * So memory sees streams in place of scattered additions, and no addition is atomic.
 *
 * Pure. A scatter is one thread's; grid_locks are shared by all threads that add to one grid in
 * this process, and must outlive their scatters.
 */
#ifndef WORKER_BUDDHA_SCATTER_H
#define WORKER_BUDDHA_SCATTER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/grid.h"

/* A hit as vectors make it: the bits of the double 2^52 + weight_log2 * 2^40 + cell. */
#define SCATTER_CELL_BITS   40
#define SCATTER_CELL_MASK   ((1ull << SCATTER_CELL_BITS) - 1)
#define SCATTER_WEIGHT_MASK 0xfffu
#define SCATTER_HIT         0x1p52
#define SCATTER_WEIGHT      0x1p40

/* The largest weight of one hit. */
#define SCATTER_WEIGHT_MAX ((1ull << 48) - 1)

struct grid_locks;
struct scatter;

/* The locks of a grid of that layout. The caller owns what is returned; NULL if memory is short, or
 * for a grid of 2^40 cells or more, which none has. */
struct grid_locks *grid_locks_make(const struct grid_layout *layout);
void grid_locks_free(struct grid_locks *locks); /* NULL is allowed */

/* The memory of a scatter: an eighth of the grid, but 4 to 32 MiB, or more where not even two
 * chunks of 256 bytes for each block of 65536 cells fit in that; and a 32nd of it for the books. */
uint64_t scatter_bytes(const struct grid_layout *layout);

/* Empty bins for a grid. is_weighted: hits may weigh more than 1. Both are borrowed. The caller
 * owns what is returned; NULL if memory is short. */
struct scatter *scatter_make(const struct grid *grid, struct grid_locks *locks, bool is_weighted);

/* NULL is allowed. Hits that were not flushed are lost. */
void scatter_free(struct scatter *scatter);

/* Adds hits in cells of a channel. */
void scatter_add(struct scatter *scatter, const uint64_t *hits, uint32_t count, uint32_t channel);

/* One hit, of weight 1..SCATTER_WEIGHT_MAX. */
void scatter_add_one(struct scatter *scatter, uint64_t cell, uint32_t channel, uint64_t weight);

/* Brings all that is in the bins to the grid. */
void scatter_flush(struct scatter *scatter);

/* Empties the bins without that, and gives back a lock that a call held which did not return
 * (worker/fault.h). */
void scatter_abandon(struct scatter *scatter);

#endif
