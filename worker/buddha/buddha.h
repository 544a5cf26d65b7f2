/*
 * buddha.h - counts the samples of a Buddhabrot into a grid.
 *
 * What is counted is defined in proto/buddha.h, pixel.h and sampler.h, and spelled out by
 * orbit_ref.c. Every variant, every cut of the samples, any order and any number of threads give
 * the same counts; so does a job without shortcuts.
 *
 * Pure. A job is constant once made and shared by threads; a scatter is one thread's.
 */
#ifndef WORKER_BUDDHA_BUDDHA_H
#define WORKER_BUDDHA_BUDDHA_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/buddha.h"
#include "proto/error.h"
#include "proto/grid.h"
#include "proto/point.h"
#include "proto/request.h"
#include "worker/buddha/cells.h"
#include "worker/buddha/pixel.h"
#include "worker/buddha/sampler.h"
#include "worker/buddha/scatter.h"
#include "worker/kernel/kernel.h"

/* What a job is made of. */
struct buddha_setup {
	struct point_frame frame; /* one sample a pixel */
	bool is_turned, is_mirrored;
	uint32_t iterations; /* N */
	bool has_shortcuts;  /* use what gives the same counts with fewer iterations */
	struct buddha buddha;
};

struct buddha_job {
	struct pixel_map map;
	struct sampler sampler;
	uint32_t width_px, height_px;
	uint32_t rows;  /* that a grid keeps */
	uint32_t limit; /* steps after which a sample that has not escaped is known to be of no
			 * band, or to be inside */
	uint32_t hits;  /* inside: the largest max of a band */
	bool is_inside, has_shortcuts;
	uint32_t channels;
	struct buddha_band bands[BUDDHA_CHANNELS];
	struct cells *cells; /* owned; NULL: none are skipped */
	const struct kernel *kernel;
};

/* The caller owns *ret_job. Fails with BROT_E_REQUEST where the view is too deep for f64, and with
 * BROT_E_SYSTEM where memory is short; outputs untouched. The second does it from parts that were
 * checked. Where there are shortcuts it looks for what can be skipped, which takes up to a few
 * tenths of a second; a sampling of zoom takes as much for its pilot. */
enum brot_err buddha_job_make(const struct request *request, const struct kernel *kernel,
			      struct buddha_job **ret_job, struct brot_error *err);
enum brot_err buddha_job_compile(const struct buddha_setup *setup, const struct kernel *kernel,
				 struct buddha_job **ret_job, struct brot_error *err);

/* NULL is allowed. */
void buddha_job_free(struct buddha_job *job);

/* Whether hits of other weight than 1 occur: what its scatters must be made for. */
bool buddha_job_is_weighted(const struct buddha_job *job);

/* The grid that the job's hits fit in; segments and wrap as in grid_layout_make(): GRID_WIDE where
 * they are weighted, for they may make more carries than any table has room for. False where its
 * size overflows. */
bool buddha_job_layout(const struct buddha_job *job, uint32_t segments, uint64_t wrap,
		       struct grid_layout *ret_layout);

/* Adds samples first ... first + count - 1, numbers as in proto/buddha.h (so at least the
 * request's `first`), to the bins of a scatter whose grid has the job's layout: they are in the
 * grid after scatter_flush(). poll may be NULL; it is asked after 2^22 steps of orbits, or 2^26 in
 * vectors that are only tested, whatever they are done for. Returns
 * false where it said no: some of the hits are in the grid or the bins then, so that neither is of
 * use (scatter_abandon()). *ret_iterations gets the iterations done to tell how samples end. */
bool buddha_run(const struct buddha_job *job, uint64_t first, uint64_t count,
		struct scatter *scatter, const struct escape_poll *poll, uint64_t *ret_iterations);

/* The same by definition, one sample after the other, added to u64 planes of the image's size,
 * channel after channel: the reference of all variants. */
void buddha_count(const struct buddha_job *job, uint64_t first, uint64_t count, uint64_t *counts);

/* The set of channels, 1 << channel each, whose band has a sample that escapes at n. */
static inline uint32_t buddha_channels_at(const struct buddha_job *job, uint32_t n)
{
	uint32_t set = 0;
	for (uint32_t channel = 0; channel < job->channels; channel++)
		if (n >= job->bands[channel].min && n <= job->bands[channel].max)
			set |= 1u << channel;
	return set;
}

/* Inside: the set of channels in which z_m is a hit. */
static inline uint32_t buddha_channels_inside(const struct buddha_job *job, uint32_t m)
{
	uint32_t set = 0;
	for (uint32_t channel = 0; channel < job->channels; channel++)
		if (m <= job->bands[channel].max)
			set |= 1u << channel;
	return set;
}

#endif
