/*
 * derive_inside.h - the cycle that attracts the orbit of an inside point, in parameter planes of
 * z^power + c.
 *
 * Such a map has one critical point, 0, and so at most one attracting cycle, which attracts the
 * orbit of 0: a cycle found with a multiplier below 1 is that one, wherever the search began. The
 * candidates for the period are the n at which |z_n| is smaller than ever before; Newton's method
 * on f^n(z) = z starts at z_n. The period is then the least divisor of n whose f^p has the same
 * fixed point, attracting.
 *
 * Every operation gives for conjugate points what is equal or exactly opposite, so the results are
 * equal there. A search is bounded: at most SEARCH_FACTOR steps for each of the limit.
 *
 * Static inline, for each variant compiles it for its own instruction set.
 */
#ifndef WORKER_KERNEL_DERIVE_INSIDE_H
#define WORKER_KERNEL_DERIVE_INSIDE_H

#include "worker/kernel/derive_point.h"

#define SEARCH_FACTOR 8
#define SEARCH_LEAST  4096 /* steps that any search may take */
#define NEWTON_MAX    32
#define NEWTON_DONE2  0x1p-70 /* |step|^2 after which the next would be below rounding */
#define SAME_POINT2   0x1p-60 /* |difference|^2 of two z that may be one */
#define DISTANCE_MOST 4.0     /* no point of a set is farther from its boundary */

#define DERIVE_POLL_WORK (UINT64_C(1) << 24) /* steps of one orbit */

struct complex_f64 {
	double re, im;
};

static inline struct complex_f64 complex_mul(struct complex_f64 a, struct complex_f64 b)
{
	return (struct complex_f64){fma(a.re, b.re, -(a.im * b.im)), fma(a.re, b.im, a.im * b.re)};
}

static inline struct complex_f64 complex_add(struct complex_f64 a, struct complex_f64 b)
{
	return (struct complex_f64){a.re + b.re, a.im + b.im};
}

static inline double complex_square(struct complex_f64 a)
{
	return fma(a.re, a.re, a.im * a.im);
}

static inline struct complex_f64 complex_div(struct complex_f64 a, struct complex_f64 b)
{
	const double r = complex_square(b);
	const struct complex_f64 p = complex_mul(a, (struct complex_f64){b.re, -b.im});
	return (struct complex_f64){p.re / r, p.im / r};
}

/* How far a call has come, over all of its samples. */
struct derive_meter {
	const struct escape_poll *poll;
	uint64_t work, poll_at;
	bool is_over; /* the poll said no */
};

/* Counts steps. Returns whether to go on. */
static inline bool meter_add(struct derive_meter *meter, uint64_t steps)
{
	meter->work += steps;
	if (meter->work >= meter->poll_at && meter->poll != NULL && !meter->is_over) {
		meter->poll_at = meter->work + DERIVE_POLL_WORK;
		meter->is_over = !meter->poll->keep_going(meter->poll->context, 0);
	}
	return !meter->is_over;
}

/* One search. */
struct search {
	enum escape_step step;
	struct complex_f64 c;
	uint64_t left; /* steps that it may still take */
	struct derive_meter *meter;
};

/* Takes steps from the budget of a search; false where it has not so many, or the poll said no. */
static inline bool search_take(struct search *s, uint64_t steps)
{
	if (s->left < steps)
		return false;
	s->left -= steps;
	return meter_add(s->meter, steps);
}

/* z^power + c, and the slope there. */
static inline struct complex_f64 search_step(const struct search *s, struct complex_f64 z,
					     struct complex_f64 *ret_slope)
{
	struct orbit_f64 o = {z.re, z.im, s->c.re, s->c.im};
	slope_of(step_power_of(s->step), z.re, z.im, &ret_slope->re, &ret_slope->im);
	orbit_step_f64(&o, s->step, true);
	return (struct complex_f64){o.x, o.y};
}

#define CYCLE_PIECE (1u << 20) /* steps between two looks at the budget */

/* f^p of z, and its derivative by z. */
static inline bool cycle_run(struct search *s, uint32_t p, struct complex_f64 *z,
			     struct complex_f64 *ret_dz)
{
	struct complex_f64 dz = {1.0, 0.0}, w = *z;
	for (uint32_t done = 0; done < p;) {
		const uint32_t piece = p - done < CYCLE_PIECE ? p - done : CYCLE_PIECE;
		if (!search_take(s, piece))
			return false;
		for (uint32_t k = 0; k < piece; k++) {
			struct complex_f64 slope;
			w = search_step(s, w, &slope);
			dz = complex_mul(slope, dz);
		}
		done += piece;
	}
	*z = w;
	*ret_dz = dz;
	return true;
}

/* Newton's method on f^p(z) = z from *z. Returns whether it has come to an attracting fixed
 * point, which *z then is. */
static inline bool cycle_find(struct search *s, uint32_t p, struct complex_f64 *z)
{
	for (int i = 0; i < NEWTON_MAX; i++) {
		struct complex_f64 w = *z, dz;
		if (!cycle_run(s, p, &w, &dz))
			return false;
		const struct complex_f64 off = {w.re - z->re, w.im - z->im};
		const struct complex_f64 slope = {dz.re - 1.0, dz.im};
		const struct complex_f64 move = complex_div(off, slope);
		*z = (struct complex_f64){z->re - move.re, z->im - move.im};
		const double far2 = complex_square(move);
		if (far2 <= NEWTON_DONE2)
			return complex_square(dz) < 1.0;
		/* NaN as well. */
		if (!(complex_square(*z) <= 16.0))
			return false;
	}
	return false;
}

/* The least period of the attracting cycle through z, which f^p maps to itself. */
static inline uint32_t cycle_least(struct search *s, uint32_t p, struct complex_f64 z)
{
	for (uint32_t k = 1; k <= p / 2; k++) {
		if (p % k != 0)
			continue;
		struct complex_f64 w = z, dz;
		if (!cycle_run(s, k, &w, &dz))
			return p;
		const struct complex_f64 off = {w.re - z.re, w.im - z.im};
		if (complex_square(off) <= SAME_POINT2 && complex_square(dz) < 1.0)
			return k;
	}
	return p;
}

/* (1 - |dz|^2) / |dz by c + dz by z * dc / (1 - dz)| for the cycle of period p through z: an
 * estimate of the distance of c from the boundary of its component, right to a factor of 4 for the
 * square. */
static inline double cycle_interior(struct search *s, uint32_t p, struct complex_f64 z)
{
	const int power = step_power_of(s->step);
	struct complex_f64 w = z, dz = {1.0, 0.0}, dc = {0.0, 0.0}, dzdz = dc, dcdz = dc;
	for (uint32_t k = 0; k < p; k++) {
		struct complex_f64 slope, bend = {2.0, 0.0};
		if (power > 2) {
			slope_of(power - 1, w.re, w.im, &bend.re, &bend.im);
			bend.re *= (double)power;
			bend.im *= (double)power;
		}
		w = search_step(s, w, &slope);
		const struct complex_f64 bent = complex_mul(bend, dz);
		dcdz = complex_add(complex_mul(bent, dc), complex_mul(slope, dcdz));
		dzdz = complex_add(complex_mul(bent, dz), complex_mul(slope, dzdz));
		dc = complex_mul(slope, dc);
		dc.re += 1.0;
		dz = complex_mul(slope, dz);
	}
	const struct complex_f64 rest = {1.0 - dz.re, -dz.im};
	const struct complex_f64 by_c = complex_add(dcdz, complex_div(complex_mul(dzdz, dc), rest));
	const double distance = (1.0 - complex_square(dz)) / sqrt(complex_square(by_c));
	/* At the nucleus of a higher power the multiplier has a zero slope. */
	return distance < DISTANCE_MOST ? distance : DISTANCE_MOST;
}

/* Looks for the cycle that attracts the orbit of c. Writes its period, or 0, and the distance of c
 * from the boundary in the plane's units, or 0. */
static inline void inside_search(enum escape_step step, double re, double im, uint32_t limit,
				 struct derive_meter *meter, uint32_t *ret_period,
				 double *ret_distance)
{
	struct search s = {step, {re, im}, (uint64_t)limit * SEARCH_FACTOR + SEARCH_LEAST, meter};
	struct orbit_f64 o = {0.0, 0.0, re, im};
	double least = INFINITY;
	*ret_period = 0;
	*ret_distance = 0.0;
	for (uint32_t n = 1, counted = 0; n <= limit; n++) {
		orbit_step_f64(&o, step, n % 2 == 0);
		const double r = orbit_square_f64(&o);
		if (r < least || n == limit || n - counted == CYCLE_PIECE) {
			if (!search_take(&s, n - counted))
				return;
			counted = n;
		}
		if (!(r < least))
			continue;
		least = r;
		struct complex_f64 z = {o.x, o.y};
		if (!cycle_find(&s, n, &z)) {
			if (meter->is_over || s.left < n)
				return;
			continue;
		}
		const uint32_t period = cycle_least(&s, n, z);
		if (meter->is_over || !search_take(&s, 0))
			return;
		*ret_period = period;
		*ret_distance = cycle_interior(&s, period, z);
		return;
	}
}

/* Whether samples inside may have a period: else it is 0. */
static inline bool step_has_period(const struct escape_task *task, enum escape_step step)
{
	return step_is_analytic(step) && !task->is_julia;
}

/* Stores all numbers of sample (column, row), which is inside. Returns false where the poll said
 * no; then nothing is stored. */
static inline bool derive_inside(const struct derive_task *task, enum escape_step step,
				 uint32_t column, uint32_t row, struct derive_meter *meter)
{
	const struct derived zero = {.whole = KERNEL_WHOLE_INSIDE};
	uint32_t period = 0;
	double distance = 0.0;
	if (task->period != NULL && step_has_period(task->escape, step)) {
		const struct escape_task *escape = task->escape;
		const struct point_row shared = point_row_of(escape->frame, escape->y + row);
		double re, im;
		point_of(escape->frame, &shared, escape->x + column, &re, &im);
		inside_search(step, re, im, escape->limit, meter, &period, &distance);
		if (meter->is_over)
			return false;
	}
	const double pixels = distance / derive_scale_of(task).width;
	derive_write(task, column, row, &zero);
	derive_write_inside(task, column, row, period,
			    (float)(pixels < (double)FLT_MAX ? pixels : (double)FLT_MAX));
	return true;
}

#endif
