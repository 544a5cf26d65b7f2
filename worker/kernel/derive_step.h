/*
 * derive_step.h - jacobian_step() of derive_point.h on vectors, operation by operation.
 *
 * Included after a simd header. ESCAPE_STEP is the step that is compiled.
 */
#ifndef WORKER_KERNEL_DERIVE_STEP_H
#define WORKER_KERNEL_DERIVE_STEP_H

#include "worker/kernel/derive_point.h"
#include "worker/kernel/step.h"

#define DERIVE_VECTORS (SIMD_UNROLL / 2) /* iterated side by side: twice the state of an escape */
#define DERIVE_LANES   (DERIVE_VECTORS * SIMD_LANES)

/* Samples that are iterated side by side, in the order of their counts. */
struct derive_lanes {
	SIMD_ALIGNED real x[DERIVE_LANES], y[DERIVE_LANES]; /* z_k */
	SIMD_ALIGNED real cr[DERIVE_LANES], ci[DERIVE_LANES];
	SIMD_ALIGNED real a[DERIVE_LANES], b[DERIVE_LANES]; /* the Jacobian */
	SIMD_ALIGNED real c[DERIVE_LANES], d[DERIVE_LANES];
	SIMD_ALIGNED real n[DERIVE_LANES]; /* the steps to the last z that is wanted */
};

/* The same in registers, a vector of each lane. */
struct derive_vector {
	vec x, y, a, b, c, d;
};

static inline struct derive_vector derive_load(const struct derive_lanes *l, int i)
{
	struct derive_vector v = {
		.x = v_load(l->x + i),
		.y = v_load(l->y + i),
		.a = v_load(l->a + i),
		.b = v_load(l->b + i),
		.c = v_set(0),
		.d = v_set(0),
	};
	if (!step_is_analytic(ESCAPE_STEP)) {
		v.c = v_load(l->c + i);
		v.d = v_load(l->d + i);
	}
	return v;
}

static inline void derive_save(struct derive_lanes *l, int i, const struct derive_vector *v)
{
	v_store(l->x + i, v->x);
	v_store(l->y + i, v->y);
	v_store(l->a + i, v->a);
	v_store(l->b + i, v->b);
	if (!step_is_analytic(ESCAPE_STEP)) {
		v_store(l->c + i, v->c);
		v_store(l->d + i, v->d);
	}
}

/* slope_of() of ESCAPE_STEP. */
static inline void derive_slope(vec x, vec y, vec *ret_re, vec *ret_im)
{
	const int power = step_power_of(ESCAPE_STEP);
	if (power == 2) {
		*ret_re = v_add(x, x);
		*ret_im = v_add(y, y);
		return;
	}
	const vec re2 = v_fnma(y, y, v_mul(x, x)), im2 = v_mul(v_add(x, x), y);
	vec re = re2, im = im2;
	if (power == 4) {
		re = v_fnma(im2, y, v_mul(re2, x));
		im = v_fma(re2, y, v_mul(im2, x));
	} else if (power >= 5) {
		re = v_fnma(im2, im2, v_mul(re2, re2));
		im = v_mul(v_add(re2, re2), im2);
	}
	if (power == 6) {
		const vec re4 = re, im4 = im;
		re = v_fnma(im4, y, v_mul(re4, x));
		im = v_fma(re4, y, v_mul(im4, x));
	}
	*ret_re = v_mul(re, v_set((real)power));
	*ret_im = v_mul(im, v_set((real)power));
}

/* |s| with the sign of t, of either sign for a zero. */
static inline vec derive_sign(vec s, vec t)
{
	return v_select(m_le(v_set(0), t), v_abs(s), v_sub(v_set(0), v_abs(s)));
}

static inline void derive_jacobian(struct derive_vector *v, vec one)
{
	const struct derive_vector old = *v;
	if (step_is_analytic(ESCAPE_STEP)) {
		vec re, im;
		derive_slope(old.x, old.y, &re, &im);
		v->a = v_fma(re, old.a, v_fnma(im, old.b, one));
		v->b = v_fma(re, old.b, v_mul(im, old.a));
		return;
	}
	const vec x2 = v_add(old.x, old.x), y2 = v_add(old.y, old.y);
	v->a = v_fma(x2, old.a, v_fnma(y2, old.c, v_set(1)));
	v->b = v_fma(x2, old.b, v_sub(v_set(0), v_mul(y2, old.d)));
	if (ESCAPE_STEP == STEP_BURNING_SHIP) {
		const vec by_x = derive_sign(y2, old.x), by_y = derive_sign(x2, old.y);
		v->c = v_fma(by_x, old.a, v_mul(by_y, old.c));
		v->d = v_fma(by_x, old.b, v_fma(by_y, old.d, v_set(1)));
	} else {
		v->c = v_fnma(y2, old.a, v_sub(v_set(0), v_mul(x2, old.c)));
		v->d = v_fnma(y2, old.b, v_fnma(x2, old.d, v_set(1)));
	}
}

/* From z_k to z_(k+1), and the Jacobian with it. */
static inline void derive_step(struct derive_vector *v, const struct derive_lanes *l, int i,
			       vec one, bool k_is_odd)
{
	derive_jacobian(v, one);
	step(&v->x, &v->y, v_load(l->cr + i), v_load(l->ci + i), k_is_odd);
}

/* That step for the lanes of a mask; the others stay. */
static inline void derive_step_where(mask m, struct derive_vector *v, const struct derive_lanes *l,
				     int i, vec one, bool k_is_odd)
{
	const struct derive_vector old = *v;
	derive_step(v, l, i, one, k_is_odd);
	v->x = v_select(m, v->x, old.x);
	v->y = v_select(m, v->y, old.y);
	v->a = v_select(m, v->a, old.a);
	v->b = v_select(m, v->b, old.b);
	if (!step_is_analytic(ESCAPE_STEP)) {
		v->c = v_select(m, v->c, old.c);
		v->d = v_select(m, v->d, old.d);
	}
}

/* So many steps of all lanes from an even k on, an even number. */
static inline void derive_together(struct derive_lanes *l, vec one, uint64_t steps)
{
	struct derive_vector v[DERIVE_VECTORS];
	SIMD_UNROLL_ALL
	for (int u = 0; u < DERIVE_VECTORS; u++)
		v[u] = derive_load(l, u * SIMD_LANES);
	for (uint64_t k = 0; k < steps; k += 2) {
		SIMD_UNROLL_ALL
		for (int half = 0; half < 2; half++) {
			SIMD_UNROLL_ALL
			for (int u = 0; u < DERIVE_VECTORS; u++)
				derive_step(&v[u], l, u * SIMD_LANES, one, half == 1);
		}
	}
	SIMD_UNROLL_ALL
	for (int u = 0; u < DERIVE_VECTORS; u++)
		derive_save(l, u * SIMD_LANES, &v[u]);
}

/* From an even k on, each lane to its own n, of which the largest is `most`, at most `steps` (an
 * even number) on. */
static inline void derive_apart(struct derive_lanes *l, vec one, uint64_t k, uint64_t most,
				uint64_t steps)
{
	struct derive_vector v[DERIVE_VECTORS];
	SIMD_UNROLL_ALL
	for (int u = 0; u < DERIVE_VECTORS; u++)
		v[u] = derive_load(l, u * SIMD_LANES);
	const uint64_t end = most - k < steps ? most : k + steps;
	vec next = v_set((real)(int64_t)(k + 1));
	for (; k < end; k += 2) {
		SIMD_UNROLL_ALL
		for (int half = 0; half < 2; half++) {
			SIMD_UNROLL_ALL
			for (int u = 0; u < DERIVE_VECTORS; u++) {
				const int i = u * SIMD_LANES;
				derive_step_where(m_le(next, v_load(l->n + i)), &v[u], l, i, one,
						  half == 1);
			}
			next = v_add(next, v_set(1));
		}
	}
	SIMD_UNROLL_ALL
	for (int u = 0; u < DERIVE_VECTORS; u++)
		derive_save(l, u * SIMD_LANES, &v[u]);
}

/* Takes all lanes on to |z| > R, or SMOOTH_STEPS_MAX steps, and n with them. */
static inline void derive_far(struct derive_lanes *l, vec one)
{
	const vec far2 = v_set((real)SMOOTH_RADIUS2);
	for (int u = 0; u < DERIVE_VECTORS; u++) {
		const int i = u * SIMD_LANES;
		struct derive_vector v = derive_load(l, i);
		vec n = v_load(l->n + i);
		for (int k = 0; k < SMOOTH_STEPS_MAX; k++) {
			const mask near = m_le(v_fma(v.x, v.x, v_mul(v.y, v.y)), far2);
			if (m_bits(near) == 0)
				break;
			derive_step_where(near, &v, l, i, one, true);
			n = v_add_where(near, n, v_set(1));
		}
		derive_save(l, i, &v);
		v_store(l->n + i, n);
	}
}

#endif
