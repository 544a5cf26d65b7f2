/*
 * batch.h - samples that are iterated side by side with a test at every step.
 *
 * For the first steps of all samples, for the replay of the block in which one escaped, and for
 * the way from |z| = 2 to R.
 */
#ifndef WORKER_KERNEL_BATCH_H
#define WORKER_KERNEL_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/kernel/escape_point.h"
#include "worker/kernel/simd.h"
#include "worker/kernel/step.h"

struct place {
	uint32_t column, row; /* within the task's rectangle */
};

struct batch {
	SIMD_ALIGNED real x[GROUP], y[GROUP]; /* z_n */
	SIMD_ALIGNED real cr[GROUP], ci[GROUP];
	uint32_t n[GROUP];
	struct place place[GROUP];
	uint32_t count;
};

static inline vec batch_square(vec x, vec y)
{
	return v_fma(x, x, v_mul(y, y));
}

static inline void batch_copy(struct batch *to, uint32_t t, const struct batch *from, uint32_t f)
{
	to->x[t] = from->x[f];
	to->y[t] = from->y[f];
	to->cr[t] = from->cr[f];
	to->ci[t] = from->ci[f];
	to->n[t] = from->n[f];
	to->place[t] = from->place[f];
}

/* Makes the lanes that have no sample harmless. */
static inline void batch_pad(struct batch *b)
{
	for (uint32_t i = b->count; i < GROUP; i++)
		b->x[i] = b->y[i] = b->cr[i] = b->ci[i] = 0;
}

/* Tests |z_n| <= 2 for an odd n, steps, and so on, `tests` times (an even number) or until no lane
 * is left. passed[i] counts the tests before the first that failed. Returns the bit set of the
 * lanes that passed all; their z is not tested yet. With is_frozen a lane's z stays where it
 * failed. */
static inline uint64_t batch_count(struct batch *b, uint32_t tests, bool is_frozen,
				   real passed[GROUP])
{
	const vec one = v_set(1), radius2 = v_set(ESCAPE_RADIUS2);
	vec x[SIMD_DENSE], y[SIMD_DENSE], n[SIMD_DENSE];
	SIMD_UNROLL_ALL
	for (int u = 0; u < SIMD_DENSE; u++) {
		x[u] = v_load(b->x + u * SIMD_LANES);
		y[u] = v_load(b->y + u * SIMD_LANES);
		n[u] = v_set(0);
	}
	uint64_t bits = 1;
	for (uint32_t k = 0; k < tests && bits != 0; k += 2) {
		bits = 0;
		SIMD_UNROLL_ALL
		for (int half = 0; half < 2; half++) {
			SIMD_UNROLL_ALL
			for (int u = 0; u < SIMD_DENSE; u++) {
				const vec cr = v_load(b->cr + u * SIMD_LANES);
				const vec ci = v_load(b->ci + u * SIMD_LANES);
				const vec old_x = x[u], old_y = y[u];
				const mask in = m_le(batch_square(old_x, old_y), radius2);
				n[u] = v_add_where(in, n[u], one);
				step(&x[u], &y[u], cr, ci, half == 0);
				if (is_frozen) {
					x[u] = v_select(in, x[u], old_x);
					y[u] = v_select(in, y[u], old_y);
				}
				if (half == 1)
					bits |= (uint64_t)m_bits(in) << (u * SIMD_LANES);
			}
		}
	}
	SIMD_UNROLL_ALL
	for (int u = 0; u < SIMD_DENSE; u++) {
		v_store(b->x + u * SIMD_LANES, x[u]);
		v_store(b->y + u * SIMD_LANES, y[u]);
		v_store(passed + u * SIMD_LANES, n[u]);
	}
	return bits;
}

/* Takes lanes that are outside on to |z| > R, or SMOOTH_STEPS_MAX steps: z, and n[i] by as many. */
static inline void batch_go_far(struct batch *b)
{
	const vec one = v_set(1), far2 = v_set((real)SMOOTH_RADIUS2);
	vec x[SIMD_DENSE], y[SIMD_DENSE], n[SIMD_DENSE];
	real steps[GROUP];
	SIMD_UNROLL_ALL
	for (int u = 0; u < SIMD_DENSE; u++) {
		x[u] = v_load(b->x + u * SIMD_LANES);
		y[u] = v_load(b->y + u * SIMD_LANES);
		n[u] = v_set(0);
	}
	uint32_t any = 1;
	for (uint32_t k = 0; k < SMOOTH_STEPS_MAX && any != 0; k++) {
		any = 0;
		SIMD_UNROLL_ALL
		for (int u = 0; u < SIMD_DENSE; u++) {
			const mask near = m_le(batch_square(x[u], y[u]), far2);
			vec next_x = x[u], next_y = y[u];
			step(&next_x, &next_y, v_load(b->cr + u * SIMD_LANES),
			     v_load(b->ci + u * SIMD_LANES), true);
			x[u] = v_select(near, next_x, x[u]);
			y[u] = v_select(near, next_y, y[u]);
			n[u] = v_add_where(near, n[u], one);
			any |= m_bits(near);
		}
	}
	SIMD_UNROLL_ALL
	for (int u = 0; u < SIMD_DENSE; u++) {
		v_store(b->x + u * SIMD_LANES, x[u]);
		v_store(b->y + u * SIMD_LANES, y[u]);
		v_store(steps + u * SIMD_LANES, n[u]);
	}
	for (uint32_t i = 0; i < GROUP; i++)
		b->n[i] += (uint32_t)(int32_t)steps[i];
}

#endif
