/*
 * escape_point.h - one point from start to end: the definition of right, in both precisions.
 *
 * escape_point_f64() and escape_point_f32() come from one text, escape_point_tmpl.h. Everything
 * here is static inline, for each variant compiles it for its own instruction set. Operations are
 * rounded one by one, but for the multiply-adds that are written as such.
 */
#ifndef WORKER_KERNEL_ESCAPE_POINT_H
#define WORKER_KERNEL_ESCAPE_POINT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/logarithm.h"
#include "worker/kernel/kernel.h"

#define ESCAPE_RADIUS2 4 /* |z|^2 where a point counts as escaped */
#define SMOOTH_RADIUS2 0x1p32

/* Steps past the escape after which the smooth count takes z as it is. A point that escapes needs
 * at most 30 for R, since |z| - 2 grows nearly fourfold a step; the cap makes that certain also for
 * c within rounding of -2. */
#define SMOOTH_STEPS_MAX 64

struct escape_result {
	uint32_t iterations; /* n, 0 inside */
	uint32_t smooth_n;   /* first n with |z_n| > R, or where the cap cut it */
	double smooth_r;     /* |z|^2 there */
};

/* 1 / log2 of the power of z in a step: how fast the smooth count of a far z falls. */
static inline double smooth_slope(enum escape_step step)
{
	switch (step) {
	case STEP_POWER3:
		return 0x1.430939835353ep-1;
	case STEP_POWER4:
		return 0.5;
	case STEP_POWER5:
		return 0x1.b903469050f73p-2;
	case STEP_POWER6:
		return 0x1.8c23246dc0aa0p-2;
	case STEP_SQUARE:
	case STEP_BURNING_SHIP:
	case STEP_TRICORN:
	case STEP_COUNT:
		break;
	}
	return 1.0;
}

/* v = n + 1 - log_d(log2(r) / 32) as floor and rest, for r = |z_n|^2 > 2^32 and z^d in the step:
 * ln|z| / ln 2^16 is log2(r) / 32. The rest is rounded to the nearest float, or the last one below
 * 1. v >= 1 always: coordinates are below 2^12, so that |z_(n-1)| <= 2^16 and |z_n| < 2^(16 d + 1),
 * or n = 1. r is raised to 4 where the cap cut the orbit. */
static inline void escape_smooth(enum escape_step step, uint32_t n, double r, uint32_t *ret_whole,
				 float *ret_fraction)
{
	const double above = r < 4.0 ? 4.0 : r;
	const double rest = 1.0 - logarithm_2(logarithm_2(above) * 0x1p-5) * smooth_slope(step);
	const double down = floor(rest);
	const float fraction = (float)(rest - down);
	*ret_whole = n + (uint32_t)(int32_t)down;
	*ret_fraction = fraction < 1.0f ? fraction : 0x1.fffffep-1f;
}

#define REAL         double
#define REAL_NAME(a) a##_f64
#define REAL_FMA     fma
#define REAL_ABS     fabs
#include "worker/kernel/escape_point_tmpl.h"
#undef REAL
#undef REAL_NAME
#undef REAL_FMA
#undef REAL_ABS

#define REAL         float
#define REAL_NAME(a) a##_f32
#define REAL_FMA     fmaf
#define REAL_ABS     fabsf
#include "worker/kernel/escape_point_tmpl.h"
#undef REAL
#undef REAL_NAME
#undef REAL_FMA
#undef REAL_ABS

/* Stores the numbers of sample (column, row) of the task's rectangle where they are wanted. */
static inline void escape_write(const struct escape_task *task, uint32_t column, uint32_t row,
				uint32_t iterations, uint32_t whole, float fraction)
{
	if (task->iterations != NULL)
		task->iterations[row * task->iterations_stride + column] = iterations;
	if (task->whole != NULL) {
		task->whole[row * task->whole_stride + column] = whole;
		task->fraction[row * task->fraction_stride + column] = fraction;
	}
}

/* Stores what is known of a sample and returns its share of the iterations. */
static inline uint64_t escape_store(const struct escape_task *task, enum escape_step step,
				    uint32_t column, uint32_t row,
				    const struct escape_result *result)
{
	const bool is_inside = result->iterations == 0;
	uint32_t whole = KERNEL_WHOLE_INSIDE;
	float fraction = 0.0f;
	if (!is_inside && task->whole != NULL)
		escape_smooth(step, result->smooth_n, result->smooth_r, &whole, &fraction);
	escape_write(task, column, row, result->iterations, whole, fraction);
	return is_inside ? task->limit : result->iterations;
}

#endif
