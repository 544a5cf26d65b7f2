/*
 * inside.h - the orbits of samples that do not escape, for the anti-Buddhabrot.
 *
 * All have equally many hits, most of them in a cycle: once z has come back to an earlier one an
 * even number of steps before, so that the form of the steps repeats as well, the orbit goes round
 * for ever, and each point of the cycle is added once, with its multiplicity as weight.
 */
#ifndef WORKER_BUDDHA_INSIDE_H
#define WORKER_BUDDHA_INSIDE_H

#include "worker/buddha/plot.h"

#define INSIDE_STEPS 64 /* between two looks for a cycle; even */

/* Samples that wait. */
struct inside {
	SIMD_ALIGNED double re[PLOT_LANES], im[PLOT_LANES];
	uint32_t weight_log2[PLOT_LANES];
	uint32_t count;
};

/* The last m up to which z_m, z_(m+1) ... all go to the channels that z_m goes to. */
static inline uint32_t inside_last(const struct buddha_job *job, uint32_t m)
{
	uint32_t last = job->hits;
	for (uint32_t channel = 0; channel < job->channels; channel++) {
		const uint32_t max = job->bands[channel].max;
		if (max >= m && max < last)
			last = max;
	}
	return last;
}

/* Two steps of each lane that is alive, one by one, where a band may end after the first. */
static inline void inside_two(struct plot *plot, struct plot_lanes *lanes, const struct inside *in,
			      uint32_t m)
{
	for (uint32_t i = 0; i < PLOT_LANES; i++) {
		struct orbit_f64 z = {lanes->x[i], lanes->y[i], lanes->re[i], lanes->im[i]};
		if (lanes->left[i] == 0)
			continue;
		const uint32_t last = m + 1 < plot->job->hits ? m + 1 : plot->job->hits;
		one_plot(plot->job, plot->scatter, plot->gate, 0, &z, m, last,
			 1ull << in->weight_log2[i]);
		lanes->x[i] = z.x;
		lanes->y[i] = z.y;
	}
}

/* Ends the lanes that are where they were when they were saved. Returns whether any is left. */
static inline bool inside_look(const struct plot *plot, struct plot_lanes *lanes,
			       const struct inside *in, const double *saved_x,
			       const double *saved_y, uint32_t m)
{
	bool is_any = false;
	for (uint32_t i = 0; i < PLOT_LANES; i++) {
		if (lanes->left[i] == 0)
			continue;
		if (lanes->x[i] != saved_x[i] || lanes->y[i] != saved_y[i]) {
			is_any = true;
			continue;
		}
		one_cycle(plot->job, plot->scatter, plot->gate,
			  (struct orbit_f64){lanes->x[i], lanes->y[i], lanes->re[i], lanes->im[i]},
			  m, in->weight_log2[i]);
		lanes->left[i] = 0;
	}
	return is_any;
}

static inline void inside_flush(struct plot *plot, struct inside *in)
{
	const struct buddha_job *job = plot->job;
	const struct plot_map map = plot_map_of(&job->map);
	struct plot_lanes lanes;
	double saved_x[PLOT_LANES], saved_y[PLOT_LANES];
	for (uint32_t i = 0; i < PLOT_LANES; i++) {
		const bool is_there = i < in->count;
		lanes.x[i] = lanes.re[i] = is_there ? in->re[i] : 0;
		lanes.y[i] = lanes.im[i] = is_there ? in->im[i] : 0;
		lanes.base[i] = SCATTER_HIT + (is_there ? SCATTER_WEIGHT * in->weight_log2[i] : 0);
		lanes.left[i] = is_there ? INSIDE_STEPS : 0;
		saved_x[i] = saved_y[i] = 8; /* no orbit's */
	}
	uint32_t m = 1, looks = 0;
	bool is_any = in->count > 0;
	while (is_any && m <= job->hits && gate_pass(plot->gate, INSIDE_STEPS * PLOT_LANES)) {
		const uint32_t there = inside_last(job, m) - m + 1;
		uint32_t steps = there < INSIDE_STEPS ? there / 2 * 2 : INSIDE_STEPS;
		if (steps > 0) {
			const uint32_t set = buddha_channels_inside(job, m);
			plot_advance(plot, &map, &lanes, 0, PLOT_VECTORS, steps, set);
			plot_flush(plot, set);
		} else {
			inside_two(plot, &lanes, in, m);
			steps = 2;
		}
		m += steps;
		if (!job->has_shortcuts || m > job->hits)
			continue;
		is_any = inside_look(plot, &lanes, in, saved_x, saved_y, m);
		looks++;
		if ((looks & (looks - 1)) != 0)
			continue;
		for (uint32_t i = 0; i < PLOT_LANES; i++) {
			saved_x[i] = lanes.x[i];
			saved_y[i] = lanes.y[i];
		}
	}
	in->count = 0;
}

static inline void inside_sample(struct plot *plot, struct inside *in, double re, double im,
				 uint32_t weight_log2)
{
	const uint32_t i = in->count++;
	in->re[i] = re;
	in->im[i] = im;
	in->weight_log2[i] = weight_log2;
	if (in->count == PLOT_LANES)
		inside_flush(plot, in);
}

#endif
