/*
 * derive_point.h - the Jacobian of one orbit, and what follows from it: the definition of right.
 *
 * A Jacobian by the coordinates of the point is (a, b; c, d): dx/d re, dx/d im, dy/d re, dy/d im.
 * Of a formula that is analytic in z and c it is (a, -b; b, a) for the complex derivative a + ib,
 * so that two numbers are enough. Static inline, for each variant compiles it for its own
 * instruction set.
 */
#ifndef WORKER_KERNEL_DERIVE_POINT_H
#define WORKER_KERNEL_DERIVE_POINT_H

#include <float.h>

#include "worker/kernel/angle.h"
#include "worker/kernel/derive.h"
#include "worker/kernel/escape_point.h"

#define LN_2_HALF 0x1.62e42fefa39efp-2

struct jacobian {
	double a, b, c, d; /* c and d: of formulas that are not analytic */
};

static inline bool step_is_analytic(enum escape_step step)
{
	return step != STEP_BURNING_SHIP && step != STEP_TRICORN;
}

/* The power of z in an analytic step. */
static inline int step_power_of(enum escape_step step)
{
	switch (step) {
	case STEP_POWER3:
		return 3;
	case STEP_POWER4:
		return 4;
	case STEP_POWER5:
		return 5;
	case STEP_POWER6:
		return 6;
	case STEP_SQUARE:
	case STEP_BURNING_SHIP:
	case STEP_TRICORN:
	case STEP_COUNT:
		break;
	}
	return 2;
}

/* Of z_0: of a Julia set the point itself. */
static inline struct jacobian jacobian_of(const struct escape_task *task)
{
	const double one = task->is_julia ? 1.0 : 0.0;
	return (struct jacobian){.a = one, .d = one};
}

/* f'(z) = power z^(power - 1). */
static inline void slope_of(int power, double x, double y, double *ret_re, double *ret_im)
{
	const double factor = (double)power;
	const double re2 = fma(-y, y, x * x), im2 = (x + x) * y;
	double re = x, im = y;
	if (power == 3) {
		re = re2;
		im = im2;
	} else if (power == 4) {
		re = fma(-im2, y, re2 * x);
		im = fma(re2, y, im2 * x);
	} else if (power >= 5) {
		re = fma(-im2, im2, re2 * re2);
		im = (re2 + re2) * im2;
	}
	if (power == 6) {
		const double re4 = re, im4 = im;
		re = fma(-im4, y, re4 * x);
		im = fma(re4, y, im4 * x);
	}
	*ret_re = re * factor;
	*ret_im = im * factor;
}

/* From that of z_k to that of z_(k+1); z is z_k, and `one` what c adds: 0 for Julia sets. */
static inline void jacobian_step(struct jacobian *j, enum escape_step step,
				 const struct orbit_f64 *z, double one)
{
	const struct jacobian old = *j;
	const double x2 = z->x + z->x, y2 = z->y + z->y;
	if (step == STEP_BURNING_SHIP) {
		/* 2 |x| |y| by x and by y. At 0 either sign would do. */
		const double by_x = z->x >= 0.0 ? fabs(y2) : 0.0 - fabs(y2);
		const double by_y = z->y >= 0.0 ? fabs(x2) : 0.0 - fabs(x2);
		j->a = fma(x2, old.a, fma(-y2, old.c, 1.0));
		j->b = fma(x2, old.b, 0.0 - y2 * old.d);
		j->c = fma(by_x, old.a, by_y * old.c);
		j->d = fma(by_x, old.b, fma(by_y, old.d, 1.0));
	} else if (step == STEP_TRICORN) {
		j->a = fma(x2, old.a, fma(-y2, old.c, 1.0));
		j->b = fma(x2, old.b, 0.0 - y2 * old.d);
		j->c = fma(-y2, old.a, 0.0 - x2 * old.c);
		j->d = fma(-y2, old.b, fma(-x2, old.d, 1.0));
	} else {
		double re, im;
		slope_of(step_power_of(step), z->x, z->y, &re, &im);
		j->a = fma(re, old.a, fma(-im, old.b, one));
		j->b = fma(re, old.b, im * old.a);
	}
}

/* What turns a gradient by the point's coordinates into one by those of the image. */
struct derive_scale {
	double width, height; /* of a pixel */
	double cos, sin;
};

static inline struct derive_scale derive_scale_of(const struct derive_task *task)
{
	const struct point_frame *frame = task->escape->frame;
	const double steps = 2.0 * (double)task->samples;
	return (struct derive_scale){
		.width = steps * frame->step_re,
		.height = steps * frame->step_im,
		.cos = frame->cos,
		.sin = frame->sin,
	};
}

/* The numbers of one sample. */
struct derived {
	uint32_t whole;
	float fraction;
	float distance_x, distance_y;
	float phase;
};

/* From z_n, the first with |z_n| > R, and its Jacobian. With v = J^T z in pixels, the gradient of
 * |z| is v / |z|, so that the distance is |z|^2 ln|z| v / |v|^2. */
static inline struct derived derive_finish(const struct derive_scale *scale, enum escape_step step,
					   uint32_t n, double x, double y, const struct jacobian *j)
{
	struct derived out;
	const double r = fma(x, x, y * y);
	escape_smooth(step, n, r, &out.whole, &out.fraction);
	const bool is_analytic = step_is_analytic(step);
	const double u = is_analytic ? fma(x, j->a, y * j->b) : fma(x, j->a, y * j->c);
	const double w = is_analytic ? fma(y, j->a, -(x * j->b)) : fma(x, j->b, y * j->d);
	const double vx = scale->width * fma(scale->cos, u, scale->sin * w);
	const double vy = scale->height * fma(scale->cos, w, -(scale->sin * u));
	const double factor = r * (logarithm_2(r < 4.0 ? 4.0 : r) * LN_2_HALF) /
			      fma(vx, vx, vy * vy);
	const double dx = vx * factor, dy = vy * factor;
	const bool is_finite = fabs(dx) <= (double)FLT_MAX && fabs(dy) <= (double)FLT_MAX;
	out.distance_x = (float)(is_finite ? dx : 0.0);
	out.distance_y = (float)(is_finite ? dy : 0.0);
	const float phase = (float)angle_turns(x, y);
	out.phase = phase < 1.0f ? phase : 0x1.fffffep-1f;
	return out;
}

/* Stores the numbers of sample (column, row) of the rectangle where they are wanted. */
static inline void derive_write(const struct derive_task *task, uint32_t column, uint32_t row,
				const struct derived *out)
{
	if (task->whole != NULL) {
		task->whole[row * task->whole_stride + column] = out->whole;
		task->fraction[row * task->fraction_stride + column] = out->fraction;
	}
	if (task->distance != NULL) {
		float *to = &task->distance[2 * (row * task->distance_stride + column)];
		to[0] = out->distance_x;
		to[1] = out->distance_y;
	}
	if (task->phase != NULL)
		task->phase[row * task->phase_stride + column] = out->phase;
}

/* Stores what is known of the inside of sample (column, row), where it is wanted. */
static inline void derive_write_inside(const struct derive_task *task, uint32_t column,
				       uint32_t row, uint32_t period, float interior)
{
	if (task->period != NULL) {
		task->period[row * task->period_stride + column] = period;
		task->interior[row * task->interior_stride + column] = interior;
	}
}

/* Whether a task wants anything of samples that escape but zeros. */
static inline bool derive_wants_outside(const struct derive_task *task)
{
	return task->whole != NULL || task->distance != NULL || task->phase != NULL;
}

#endif
