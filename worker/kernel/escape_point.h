/*
 * escape_point.h - one point from start to end: the definition of right.
 *
 * Everything here is static inline, for each variant compiles it for its own instruction set.
 * Operations are rounded one by one, but for the multiply-adds that are written fma().
 */
#ifndef WORKER_KERNEL_ESCAPE_POINT_H
#define WORKER_KERNEL_ESCAPE_POINT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker/kernel/kernel.h"
#include "worker/kernel/logarithm.h"

#define ESCAPE_RADIUS2 4.0 /* |z|^2 where a point counts as escaped */
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

/* v = n + 1 - log2(log2(r) / 32) as floor and rest, for r = |z_n|^2 > 2^32: ln|z| / ln 2^16 is
 * log2(r) / 32. The rest is rounded to the nearest float, or the last one below 1. v >= 1 always:
 * |c| is below 2^12, so that n >= 2 and r < 2^65. r is raised to 4 where the cap cut the orbit. */
static inline void escape_smooth(uint32_t n, double r, uint32_t *ret_whole, float *ret_fraction)
{
	const double above = r < 4.0 ? 4.0 : r;
	const double rest = 1.0 - logarithm_2(logarithm_2(above) * 0x1p-5);
	int32_t down = (int32_t)rest;
	if ((double)down > rest)
		down--;
	const float fraction = (float)(rest - (double)down);
	*ret_whole = n + (uint32_t)down;
	*ret_fraction = fraction < 1.0f ? fraction : 0x1.fffffep-1f;
}

/* Iterates c up to `limit`. Fills in smooth_n and smooth_r only if is_smooth and it escapes. */
static inline struct escape_result escape_point(double cr, double ci, uint32_t limit,
						bool is_smooth)
{
	struct escape_result result = {0};
	double x = cr, y = ci;
	uint32_t n = 1;
	double r = fma(x, x, y * y);
	while (r <= ESCAPE_RADIUS2) {
		if (n == limit)
			return result;
		const double t = fma(-y, y, cr);
		y = fma(x + x, y, ci);
		x = fma(x, x, t);
		r = fma(x, x, y * y);
		n++;
	}
	result.iterations = n;
	if (!is_smooth)
		return result;
	const uint32_t cap = n + SMOOTH_STEPS_MAX;
	while (r <= SMOOTH_RADIUS2 && n < cap) {
		const double t = fma(-y, y, cr);
		y = fma(x + x, y, ci);
		x = fma(x, x, t);
		r = fma(x, x, y * y);
		n++;
	}
	result.smooth_n = n;
	result.smooth_r = r;
	return result;
}

/* Stores what is known of sample (column, row) of the task's rectangle and returns its share of
 * the iterations. */
static inline uint64_t escape_store(const struct escape_task *task, uint32_t column, uint32_t row,
				    const struct escape_result *result)
{
	const bool is_inside = result->iterations == 0;
	if (task->iterations != NULL)
		task->iterations[row * task->iterations_stride + column] = result->iterations;
	if (task->whole != NULL) {
		uint32_t whole = KERNEL_WHOLE_INSIDE;
		float fraction = 0.0f;
		if (!is_inside)
			escape_smooth(result->smooth_n, result->smooth_r, &whole, &fraction);
		task->whole[row * task->whole_stride + column] = whole;
		task->fraction[row * task->fraction_stride + column] = fraction;
	}
	return is_inside ? task->limit : result->iterations;
}

#endif
