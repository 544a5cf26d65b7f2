/*
 * sampler.h - sample k of a Buddhabrot: its point c and its weight, as proto/buddha.h defines them.
 *
 * Pure and thread-safe.
 */
#ifndef WORKER_BUDDHA_SAMPLER_H
#define WORKER_BUDDHA_SAMPLER_H

#include <stdint.h>

#include "proto/buddha.h"
#include "worker/buddha/philox.h"
#include "worker/buddha/zoom.h"

struct sampler {
	enum buddha_sampling sampling;
	uint64_t seed;
	uint64_t side;     /* grid: q */
	struct zoom *zoom; /* zoom: owned by the job */
};

struct sample {
	double re, im;
	uint32_t weight_log2;
};

#define SAMPLER_UNIT 0x1p-53 /* of the top 53 bits of a word */

static inline struct sample sampler_random(const struct sampler *sampler, uint64_t k)
{
	const struct philox p = philox_sample(k, sampler->seed);
	const double u = (double)(int64_t)(p.word[0] >> 11) * SAMPLER_UNIT;
	const double v = (double)(int64_t)(p.word[1] >> 11) * SAMPLER_UNIT;
	return (struct sample){-2 + 4 * u, 2 * v, 0};
}

/* (i + 1/2) / (2 q) times 4 is (2 i + 1) / q, and (j + 1/2) / q times 2 is (2 j + 1) / q. */
static inline struct sample sampler_grid_at(const struct sampler *sampler, uint64_t i, uint64_t j)
{
	const double q = (double)(int64_t)sampler->side;
	return (struct sample){-2 + (double)(int64_t)(2 * i + 1) / q,
			       (double)(int64_t)(2 * j + 1) / q, 0};
}

static inline struct sample sampler_zoom(const struct sampler *sampler, uint64_t k)
{
	struct sample sample;
	zoom_point(sampler->zoom, philox_sample(k, sampler->seed), &sample.re, &sample.im,
		   &sample.weight_log2);
	return sample;
}

static inline struct sample sampler_at(const struct sampler *sampler, uint64_t k)
{
	if (sampler->sampling == SAMPLING_RANDOM)
		return sampler_random(sampler, k);
	if (sampler->sampling == SAMPLING_GRID)
		return sampler_grid_at(sampler, k % (2 * sampler->side), k / (2 * sampler->side));
	return sampler_zoom(sampler, k);
}

#endif
