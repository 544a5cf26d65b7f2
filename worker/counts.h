/*
 * counts.h - what a worker counts samples into: a grid, in memory that the broker sees or in its
 * own, and the samples themselves, which the grids of a job share.
 *
 * Once a tile ends in the middle the grid has a part of it that nobody can take out: it is tainted
 * from then on, and every later tile in it fails.
 *
 * Thread rule: one thread opens and closes; compute threads run tiles between.
 */
#ifndef WORKER_COUNTS_H
#define WORKER_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/grid.h"
#include "proto/request.h"
#include "proto/sys/shm.h"
#include "proto/tile.h"
#include "worker/buddha/buddha.h"

struct samples; /* a request's, compiled; shared */

/* Compiles a request of KIND_BUDDHABROT. Errors of buddha_job_make(). */
enum brot_err samples_make(const struct request *request, const struct kernel *kernel,
			   struct samples **ret_samples, struct brot_error *err);
struct samples *samples_take(struct samples *samples); /* one more user */
void samples_leave(struct samples *samples);           /* the last one frees; accepts NULL */

/* Whether they are those of that request. */
bool samples_are_of(const struct samples *samples, const struct request *request);

uint32_t samples_segments(const struct samples *samples);

struct counts; /* opaque */

/* A grid for them, of memory that was mapped and checked to be grid_layout's, borrowed; or of its
 * own where memory is NULL. Takes one more use of samples. NULL if memory is short. */
struct counts *counts_new(struct samples *samples, const struct grid_layout *layout, void *memory);
void counts_free(struct counts *counts); /* accepts NULL */

/* The `wrap` of a grid of our own for them. */
uint64_t samples_wrap(const struct samples *samples);

/* The layout of the grids of these samples; false where the size overflows. */
bool samples_layout(const struct samples *samples, uint64_t wrap, struct grid_layout *ret_layout);

const struct grid_layout *counts_layout(const struct counts *counts);

/* Counts the samples of segments first ... first + count - 1. BROT_E_CANCELLED where poll said no,
 * BROT_E_SYSTEM where the grid is tainted, truncated, full, or memory short: *err says which.
 * fault_init() comes first. */
enum brot_err counts_run(struct counts *counts, uint32_t first, uint32_t count,
			 const struct escape_poll *poll, uint64_t *ret_iterations,
			 struct brot_error *err);

/* Rows of the grid, as counts_row_bytes() bytes each; no tile may run meanwhile. BROT_E_SYSTEM
 * where the grid is tainted or a count is more than u64 holds. */
size_t counts_row_bytes(const struct counts *counts);
enum brot_err counts_rows(const struct counts *counts, uint32_t y, uint32_t rows, void *to,
			  struct brot_error *err);

#endif
