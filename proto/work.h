/*
 * work.h - the id by which workers and images know a band of a job, or a grid of its counts: they
 * need not know that it is not all. It stands on the wire and in the header of an image or grid.
 *
 * A job whose image is in one piece has one band, number 0, whose work id is the job's id. Grids of
 * a job are numbered too, over all its life. No work id reaches 2^63.
 *
 * Pure; thread-safe.
 */
#ifndef PROTO_WORK_H
#define PROTO_WORK_H

#include <stdbool.h>
#include <stdint.h>

#define WORK_BAND_SHIFT 40         /* job ids are smaller than 2^40 */
#define WORK_GRID_BIT   (1u << 22) /* a grid's number; bands and grids are fewer */

static inline uint64_t work_id(uint64_t job, uint32_t band)
{
	return job | (uint64_t)band << WORK_BAND_SHIFT;
}

static inline uint64_t work_job(uint64_t work)
{
	return work & ((1ull << WORK_BAND_SHIFT) - 1);
}

static inline uint32_t work_band(uint64_t work)
{
	return (uint32_t)(work >> WORK_BAND_SHIFT);
}

static inline uint64_t work_grid_id(uint64_t job, uint32_t grid)
{
	return work_id(job, WORK_GRID_BIT | grid);
}

static inline bool work_is_grid(uint64_t work)
{
	return work_band(work) / WORK_GRID_BIT == 1;
}

static inline uint32_t work_grid(uint64_t work)
{
	return work_band(work) & (WORK_GRID_BIT - 1);
}

#endif
