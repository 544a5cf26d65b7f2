/*
 * one.h - one sample through the bins, without a vector: the `scalar` variant, and what the others
 * leave to it.
 *
 * Everything here is static inline, for each variant compiles it for its own instruction set.
 */
#ifndef WORKER_BUDDHA_ONE_H
#define WORKER_BUDDHA_ONE_H

#include "worker/buddha/buddha.h"
#include "worker/kernel/escape_point.h"

/* Adds a hit, and its conjugate, of any weight to the channels of a set. */
static inline void one_hit(const struct buddha_job *job, struct scatter *scatter, uint32_t set,
			   double x, double y, uint64_t weight)
{
	for (int half = 0; half < (job->map.is_mirrored ? 1 : 2); half++) {
		uint32_t column, row;
		if (!pixel_of(&job->map, x, half == 0 ? y : -y, &column, &row))
			continue;
		if (job->map.is_mirrored && job->height_px - 1 - row < row)
			row = job->height_px - 1 - row;
		const uint64_t cell = (uint64_t)row * job->width_px + column;
		for (uint32_t channel = 0; channel < job->channels; channel++)
			if ((set >> channel & 1) != 0)
				scatter_add_one(scatter, cell, channel, weight);
	}
}

/* The step from z_m to z_(m+1). */
static inline void one_step(struct orbit_f64 *z, uint32_t m)
{
	orbit_step_f64(z, STEP_SQUARE, m % 2 == 1);
}

/* z_first ... z_last of the orbit whose z_first is given. Those of a sample that is inside go to
 * the channels that want them, others to those of the set. *z is z_(last + 1) then. */
static inline void one_plot(const struct buddha_job *job, struct scatter *scatter, uint32_t set,
			    struct orbit_f64 *z, uint32_t first, uint32_t last, uint64_t weight)
{
	for (uint32_t m = first; m <= last; m++) {
		const uint32_t channels = job->is_inside ? buddha_channels_inside(job, m) : set;
		one_hit(job, scatter, channels, z->x, z->y, weight);
		one_step(z, m);
	}
}

/* Tests and plots the sample c = (re, im). Returns the iterations that tell its n. */
static inline uint64_t one_sample(const struct buddha_job *job, struct scatter *scatter, double re,
				  double im, uint32_t weight_log2)
{
	struct orbit_f64 z = {re, im, re, im};
	uint32_t n = 1;
	while (n <= job->limit && orbit_square_f64(&z) <= ESCAPE_RADIUS2)
		one_step(&z, n++);
	const bool is_inside = n > job->limit;
	const uint32_t set = is_inside ? 0 : buddha_channels_at(job, n);
	z = (struct orbit_f64){re, im, re, im};
	if (job->is_inside && is_inside)
		one_plot(job, scatter, 0, &z, 1, job->hits, 1ull << weight_log2);
	else if (!job->is_inside && set != 0)
		one_plot(job, scatter, set, &z, 1, n - 1, 1ull << weight_log2);
	return is_inside ? job->limit : n;
}

#endif
