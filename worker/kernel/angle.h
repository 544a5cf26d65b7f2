/*
 * angle.h - the angle of a point, with the same bits everywhere, unlike atan2() of a C library.
 *
 * Pure and thread-safe. Static inline, for each kernel compiles it for its own instruction set.
 */
#ifndef WORKER_KERNEL_ANGLE_H
#define WORKER_KERNEL_ANGLE_H

#include <math.h>

/* arg(x + iy) in turns, in [0, 1); 1 itself where y is just below 0. x and y are finite, not both
 * 0. The octant comes off first, and half of one by atan t = pi/4 + atan((t - 1) / (t + 1)), so
 * that the series is one for |t| <= tan(pi/8). The error is below 2^-47. */
static inline double angle_turns(double x, double y)
{
	const double ax = fabs(x), ay = fabs(y);
	const double most = ax < ay ? ay : ax, least = ax < ay ? ax : ay;
	const int is_steep = least > most * 0x1.a827999fcef32p-2;
	const double over = is_steep ? least - most : least;
	const double under = is_steep ? least + most : most;
	const double t = over / under, square = t * t;
	double series = 0x1.3fcd199bcc308p-8;
	series = fma(series, square, -0x1.325c384d066bap-7);
	series = fma(series, square, 0x1.8a75b4f846be5p-7);
	series = fma(series, square, -0x1.d97481374d1e0p-7);
	series = fma(series, square, 0x1.21b6bafe1d200p-6);
	series = fma(series, square, -0x1.74834cc1a5b0ap-6);
	series = fma(series, square, 0x1.04c26b8d352bdp-5);
	series = fma(series, square, -0x1.b2995e7aed9a8p-5);
	series = fma(series, square, 0x1.45f306dc9c7e9p-3);
	double turns = fma(t, series, is_steep ? 0.125 : 0.0);
	turns = ax < ay ? 0.25 - turns : turns;
	turns = x < 0.0 ? 0.5 - turns : turns;
	return y < 0.0 ? 1.0 - turns : turns;
}

#endif
