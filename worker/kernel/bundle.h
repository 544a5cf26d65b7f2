/*
 * bundle.h - samples that are iterated side by side and tested only at the end of a block.
 *
 * z is kept twice: at the end of the last block and at its start, from where the block can be
 * replayed. Time is counted in units of UNIT steps, so that n of a lane follows from its start.
 */
#ifndef WORKER_KERNEL_BUNDLE_H
#define WORKER_KERNEL_BUNDLE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker/kernel/batch.h"

#define UNIT 8 /* steps; even, so that each block starts with an odd n */

#define BUNDLE_NEVER     INT64_MAX
#define BUNDLE_WORDS     ((BUNDLE + 63) / 64)
#define BUNDLE_LAST_WORD (UINT64_MAX >> ((64 - BUNDLE % 64) % 64)) /* its lanes */

struct bundle {
	SIMD_ALIGNED real x[2][BUNDLE], y[2][BUNDLE]; /* z; [side] is the newer one */
	SIMD_ALIGNED real cr[BUNDLE], ci[BUNDLE];
	SIMD_ALIGNED real saved_x[BUNDLE], saved_y[BUNDLE]; /* an earlier z; NaN: none yet */
	int64_t save_at[BUNDLE];                            /* when to save z next */
	int64_t expires_at[BUNDLE];                         /* when n has reached the limit */
	int64_t first_expiry;                               /* not after the least of them */
	int64_t now;
	struct place place[BUNDLE];
	uint32_t busy; /* lanes with a sample */
	int side;
};

/* A set of lanes: lane i is bit i % 64 of word i / 64. */
struct bundle_lanes {
	uint64_t word[BUNDLE_WORDS];
};

/* Takes the sample out of lane i. */
static inline void bundle_park(struct bundle *b, uint32_t i)
{
	b->x[b->side][i] = b->y[b->side][i] = b->cr[i] = b->ci[i] = 0;
	b->saved_x[i] = (real)NAN;
	b->save_at[i] = b->expires_at[i] = BUNDLE_NEVER;
}

static inline void bundle_init(struct bundle *b)
{
	b->now = 0;
	b->side = 0;
	b->busy = 0;
	b->first_expiry = BUNDLE_NEVER;
	for (uint32_t i = 0; i < BUNDLE; i++) {
		bundle_park(b, i);
		b->x[1][i] = b->y[1][i] = b->saved_y[i] = 0;
	}
}

/* UNIT steps of the vectors from lane `first` on, from one array to another or the same. */
static inline void bundle_unit(const struct bundle *b, int first, const real *from_x,
			       const real *from_y, real *to_x, real *to_y)
{
	vec x[SIMD_UNROLL], y[SIMD_UNROLL];
	SIMD_UNROLL_ALL
	for (int u = 0; u < SIMD_UNROLL; u++) {
		x[u] = v_load(from_x + first + u * SIMD_LANES);
		y[u] = v_load(from_y + first + u * SIMD_LANES);
	}
	SIMD_UNROLL_ALL
	for (int k = 0; k < UNIT; k++) {
		SIMD_UNROLL_ALL
		for (int u = 0; u < SIMD_UNROLL; u++)
			step(&x[u], &y[u], v_load(b->cr + first + u * SIMD_LANES),
			     v_load(b->ci + first + u * SIMD_LANES), k % 2 == 0);
	}
	SIMD_UNROLL_ALL
	for (int u = 0; u < SIMD_UNROLL; u++) {
		v_store(to_x + first + u * SIMD_LANES, x[u]);
		v_store(to_y + first + u * SIMD_LANES, y[u]);
	}
}

/* One block of so many units. Returns whether a lane is outside then, and which. */
static inline bool bundle_advance(struct bundle *b, uint32_t units, struct bundle_lanes *ret_out)
{
	const vec radius2 = v_set(ESCAPE_RADIUS2);
	real *to_x = b->x[1 - b->side], *to_y = b->y[1 - b->side];
	const real *from_x = b->x[b->side], *from_y = b->y[b->side];
	for (uint32_t unit = 0; unit < units; unit++) {
		for (int part = 0; part < SIMD_PARTS; part++)
			bundle_unit(b, part * SIMD_UNROLL * SIMD_LANES, from_x, from_y, to_x, to_y);
		from_x = to_x;
		from_y = to_y;
	}
	b->side = 1 - b->side;
	b->now += units;
	struct bundle_lanes in = {{0}};
	SIMD_UNROLL_ALL
	for (int i = 0; i < BUNDLE; i += SIMD_LANES) {
		const mask m = m_le(batch_square(v_load(to_x + i), v_load(to_y + i)), radius2);
		in.word[i / 64] |= (uint64_t)m_bits(m) << (i % 64);
	}
	uint64_t any = 0;
	for (int w = 0; w < BUNDLE_WORDS; w++) {
		const uint64_t lanes = w == BUNDLE_WORDS - 1 ? BUNDLE_LAST_WORD : UINT64_MAX;
		ret_out->word[w] = ~in.word[w] & lanes;
		any |= ret_out->word[w];
	}
	return any != 0;
}

/* Whether a lane is where it was when it was saved, and which. */
static inline bool bundle_repeats(const struct bundle *b, struct bundle_lanes *ret_same)
{
	const real *at_x = b->x[b->side], *at_y = b->y[b->side];
	uint64_t any = 0;
	*ret_same = (struct bundle_lanes){{0}};
	SIMD_UNROLL_ALL
	for (int i = 0; i < BUNDLE; i += SIMD_LANES) {
		const mask same = m_and(m_eq(v_load(at_x + i), v_load(b->saved_x + i)),
					m_eq(v_load(at_y + i), v_load(b->saved_y + i)));
		const uint64_t bits = m_bits(same);
		ret_same->word[i / 64] |= bits << (i % 64);
		any |= bits;
	}
	return any != 0;
}

/* Saves z of the lanes whose time has come: at twice the age of the time before, as Brent's method
 * does, but at least `least` units later. need: the units from a lane's start to its expiry. */
static inline void bundle_save(struct bundle *b, int64_t need, int64_t least)
{
	for (uint32_t i = 0; i < BUNDLE; i++) {
		if (b->now < b->save_at[i])
			continue;
		const int64_t age = b->now - (b->expires_at[i] - need);
		b->saved_x[i] = b->x[b->side][i];
		b->saved_y[i] = b->y[b->side][i];
		b->save_at[i] = b->now + (age > least ? age : least);
	}
}

#endif
