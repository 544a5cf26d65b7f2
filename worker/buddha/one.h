/*
 * one.h - one sample through the bins, without a vector: the `scalar` variant, and what the others
 * leave to it.
 *
 * Everything here is static inline, for each variant compiles it for its own instruction set.
 */
#ifndef WORKER_BUDDHA_ONE_H
#define WORKER_BUDDHA_ONE_H

#include "worker/buddha/buddha.h"
#include "worker/buddha/gate.h"
#include "worker/kernel/escape_point.h"

#define ONE_STEPS (1u << 16) /* between two looks at the gate; even */

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
 * the channels that want them, others to those of the set. *z is z_(last + 1) then. Ends early
 * where the gate says so. */
static inline void one_plot(const struct buddha_job *job, struct scatter *scatter,
			    struct gate *gate, uint32_t set, struct orbit_f64 *z, uint32_t first,
			    uint32_t last, uint64_t weight)
{
	for (uint32_t m = first; m <= last; m++) {
		const uint32_t channels = job->is_inside ? buddha_channels_inside(job, m) : set;
		if (m % ONE_STEPS == 0 && !gate_pass(gate, ONE_STEPS))
			return;
		one_hit(job, scatter, channels, z->x, z->y, weight);
		one_step(z, m);
	}
}

/* An orbit that is watched for an earlier z an even number of steps before, so that the form of the
 * steps repeats as well: it then goes round for ever. */
struct one_watch {
	double x, y;
	uint32_t at, next; /* the number of the z that is kept, and of the next that will be */
};

static inline struct one_watch one_watch_begin(void)
{
	return (struct one_watch){.x = 8, .at = 0, .next = 2}; /* 8: no orbit's */
}

/* z is z_m; to be called for each m. */
static inline bool one_repeats(struct one_watch *watch, const struct orbit_f64 *z, uint32_t m)
{
	if ((m - watch->at) % 2 == 0 && z->x == watch->x && z->y == watch->y)
		return true;
	if (m == watch->next)
		*watch = (struct one_watch){z->x, z->y, m, 2 * m};
	return false;
}

/* Adds z_m ... of an orbit that is in a cycle at z_m: each point of it once, with its multiplicity
 * as weight. */
static inline void one_cycle(const struct buddha_job *job, struct scatter *scatter,
			     struct gate *gate, struct orbit_f64 z, uint32_t m,
			     uint32_t weight_log2)
{
	const struct orbit_f64 start = z;
	uint32_t period = 0;
	do {
		if (period % ONE_STEPS == 0 && !gate_pass(gate, period > 0 ? ONE_STEPS : 0))
			return;
		one_step(&z, m + period++);
		one_step(&z, m + period++);
	} while (z.x != start.x || z.y != start.y);
	for (uint32_t k = 0; k < period; k++) {
		if (k % ONE_STEPS == ONE_STEPS - 1 && !gate_pass(gate, ONE_STEPS))
			return;
		for (uint32_t channel = 0; channel < job->channels; channel++) {
			const uint32_t max = job->bands[channel].max;
			if (max < m + k)
				continue;
			const uint64_t times = (max - (m + k)) / period + 1;
			one_hit(job, scatter, 1u << channel, z.x, z.y, times << weight_log2);
		}
		one_step(&z, m + k);
	}
}

/* Plots the sample c = (re, im), which is known to be inside. */
static inline void one_inside(const struct buddha_job *job, struct scatter *scatter,
			      struct gate *gate, double re, double im, uint32_t weight_log2)
{
	struct orbit_f64 z = {re, im, re, im};
	struct one_watch watch = one_watch_begin();
	if (!job->has_shortcuts) {
		one_plot(job, scatter, gate, 0, &z, 1, job->hits, 1ull << weight_log2);
		return;
	}
	for (uint32_t m = 1; m <= job->hits; m++) {
		if (m % ONE_STEPS == 0 && !gate_pass(gate, ONE_STEPS))
			return;
		if (one_repeats(&watch, &z, m)) {
			one_cycle(job, scatter, gate, z, m, weight_log2);
			return;
		}
		one_hit(job, scatter, buddha_channels_inside(job, m), z.x, z.y,
			1ull << weight_log2);
		one_step(&z, m);
	}
}

/* Tests and plots the sample c = (re, im), and adds the iterations that tell its n to the gate's.
 * False where the gate said no meanwhile. */
static inline bool one_sample(const struct buddha_job *job, struct scatter *scatter,
			      struct gate *gate, double re, double im, uint32_t weight_log2)
{
	struct orbit_f64 z = {re, im, re, im};
	struct one_watch watch = one_watch_begin();
	bool has_repeated = false;
	uint32_t n = 1;
	while (n <= job->limit && orbit_square_f64(&z) <= ESCAPE_RADIUS2) {
		has_repeated = job->has_shortcuts && one_repeats(&watch, &z, n);
		if (has_repeated || (n % ONE_STEPS == 0 && !gate_pass(gate, ONE_STEPS)))
			break;
		one_step(&z, n++);
	}
	if (gate->is_over)
		return false;
	const bool is_inside = has_repeated || n > job->limit;
	const uint32_t set = is_inside ? 0 : buddha_channels_at(job, n);
	gate->iterations += n < job->limit ? n : job->limit;
	z = (struct orbit_f64){re, im, re, im};
	if (job->is_inside && is_inside)
		one_inside(job, scatter, gate, re, im, weight_log2);
	else if (!job->is_inside && set != 0)
		one_plot(job, scatter, gate, set, &z, 1, n - 1, 1ull << weight_log2);
	return gate_pass(gate, 1 + n % ONE_STEPS);
}

#endif
