/* orbit_ref.c - the reference: one sample after the other, no shortcut. Never optimised. */
#include "worker/buddha/buddha.h"
#include "worker/kernel/escape_point.h"

#define STEP STEP_SQUARE

/* Adds a hit at z to the channels of a set. */
static void count_point(const struct buddha_job *job, uint32_t set, double x, double y,
			uint64_t weight, uint64_t *counts)
{
	const uint64_t plane = (uint64_t)job->width_px * job->height_px;
	uint32_t column, row;
	if (!pixel_of(&job->map, x, y, &column, &row))
		return;
	for (uint32_t channel = 0; channel < job->channels; channel++)
		if ((set >> channel & 1) != 0)
			counts[channel * plane + (uint64_t)row * job->width_px + column] += weight;
}

/* Adds a hit at z and its conjugate. */
static void count_pair(const struct buddha_job *job, uint32_t set, double x, double y,
		       uint64_t weight, uint64_t *counts)
{
	const uint64_t plane = (uint64_t)job->width_px * job->height_px;
	uint32_t column, row;
	count_point(job, set, x, y, weight, counts);
	if (!job->map.is_mirrored) {
		count_point(job, set, x, -y, weight, counts);
		return;
	}
	if (!pixel_of(&job->map, x, y, &column, &row))
		return;
	const uint32_t mirrored = job->height_px - 1 - row;
	for (uint32_t channel = 0; channel < job->channels; channel++)
		if ((set >> channel & 1) != 0)
			counts[channel * plane + (uint64_t)mirrored * job->width_px + column] +=
				weight;
}

/* The smallest n >= 1 with !(|z_n|^2 <= 4); 0 where no n up to the limit has. */
static uint32_t count_steps(const struct buddha_job *job, double re, double im)
{
	struct orbit_f64 z = {0, 0, re, im};
	for (uint32_t n = 1; n <= job->limit; n++) {
		orbit_step_f64(&z, STEP, (n - 1) % 2 == 1);
		if (!(orbit_square_f64(&z) <= ESCAPE_RADIUS2))
			return n;
	}
	return 0;
}

void buddha_count(const struct buddha_job *job, uint64_t first, uint64_t count, uint64_t *counts)
{
	for (uint64_t k = first; k < first + count; k++) {
		const struct sample sample = sampler_at(&job->sampler, k);
		const uint64_t weight = 1ull << sample.weight_log2;
		const uint32_t n = count_steps(job, sample.re, sample.im);
		if (job->is_inside != (n == 0))
			continue;
		const uint32_t set = job->is_inside ? 0 : buddha_channels_at(job, n);
		const uint32_t last = job->is_inside ? job->hits : set != 0 ? n - 1 : 0;
		struct orbit_f64 z = {0, 0, sample.re, sample.im};
		for (uint32_t m = 1; m <= last; m++) {
			orbit_step_f64(&z, STEP, (m - 1) % 2 == 1);
			count_pair(job, job->is_inside ? buddha_channels_inside(job, m) : set, z.x,
				   z.y, weight, counts);
		}
	}
}
