/*
 * step.h - the steps of escape_point_tmpl.h on vectors, operation by operation.
 *
 * Included after a simd header. ESCAPE_STEP is the step that is compiled.
 */
#ifndef WORKER_KERNEL_STEP_H
#define WORKER_KERNEL_STEP_H

#include <stdbool.h>

#include "worker/kernel/steps.h"

static inline void step_square_add(vec *x, vec *y, vec cr, vec ci)
{
	const vec p = v_sub(*x, *y), q = v_add(*x, *y);
	*y = v_fma(v_add(*x, *x), *y, ci);
	*x = v_fma(p, q, cr);
}

static inline void step_square_multiply(vec *x, vec *y, vec cr, vec ci)
{
	const vec t = v_fnma(*y, *y, cr);
	*y = v_fma(v_add(*x, *x), *y, ci);
	*x = v_fma(*x, *x, t);
}

static inline void step_power(int power, vec *x, vec *y, vec cr, vec ci)
{
	const vec three = v_set(3), xx = v_mul(*x, *x), yy = v_mul(*y, *y);
	const vec re2 = v_fnma(*y, *y, xx), im2 = v_mul(v_add(*x, *x), *y);
	const vec re3 = v_fnma(three, yy, xx), im3 = v_fnma(*y, *y, v_mul(three, xx));
	if (power == 3) {
		*x = v_fma(*x, re3, cr);
		*y = v_fma(*y, im3, ci);
	} else if (power == 5) {
		const vec re4 = v_fnma(im2, im2, v_mul(re2, re2)),
			  im4 = v_mul(v_add(re2, re2), im2);
		const vec next = v_fma(re4, *x, v_fnma(im4, *y, cr));
		*y = v_fma(re4, *y, v_fma(im4, *x, ci));
		*x = next;
	} else {
		const vec p = power == 4 ? re2 : v_mul(*x, re3),
			  q = power == 4 ? im2 : v_mul(*y, im3);
		*x = v_fma(p, p, v_fnma(q, q, cr));
		*y = v_fma(v_add(p, p), q, ci);
	}
}

static inline void step_ship(vec *x, vec *y, vec cr, vec ci)
{
	const vec t = v_fnma(*y, *y, cr);
	*y = v_fma(v_abs(v_add(*x, *x)), v_abs(*y), ci);
	*x = v_fma(*x, *x, t);
}

static inline void step_tricorn(vec *x, vec *y, vec cr, vec ci)
{
	const vec t = v_fnma(*y, *y, cr);
	*y = v_fnma(v_add(*x, *x), *y, ci);
	*x = v_fma(*x, *x, t);
}

/* From z_k to z_(k+1). */
static inline void step(vec *x, vec *y, vec cr, vec ci, bool k_is_odd)
{
	switch (ESCAPE_STEP) {
	case STEP_SQUARE:
		if (k_is_odd)
			step_square_multiply(x, y, cr, ci);
		else
			step_square_add(x, y, cr, ci);
		break;
	case STEP_POWER3:
		step_power(3, x, y, cr, ci);
		break;
	case STEP_POWER4:
		step_power(4, x, y, cr, ci);
		break;
	case STEP_POWER5:
		step_power(5, x, y, cr, ci);
		break;
	case STEP_POWER6:
		step_power(6, x, y, cr, ci);
		break;
	case STEP_BURNING_SHIP:
		step_ship(x, y, cr, ci);
		break;
	case STEP_TRICORN:
		step_tricorn(x, y, cr, ci);
		break;
	case STEP_COUNT:
		break;
	}
}

#endif
