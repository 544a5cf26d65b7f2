/*
 * derive_tmpl.c - the vector form of derive_scalar.c, compiled once for each instruction set and
 * step.
 *
 * The counts being known, nothing is tested: samples are sorted by their counts and iterated a
 * group of neighbours in that order at a time, all lanes together up to the least count and then
 * each to its own. What lanes idle is at most the largest count for each of them and block. Points
 * inside are looked at one by one, by the reference's text.
 */
#include <string.h>

#include "worker/kernel/derive_inside.h"
#include "worker/kernel/simd.h"
#include "worker/kernel/variants.h"

#include "worker/kernel/derive_step.h"

#define PASTE4(a, b, c, d)  a##b##c##d
#define DERIVE_NAME(isa, s) PASTE4(derive_, isa, _, s)
#define DERIVE_FN           DERIVE_NAME(SIMD_NAME, ESCAPE_STEP_NAME)

#define BLOCK_BITS    12
#define BLOCK         (1u << BLOCK_BITS) /* samples that are sorted at once */
#define DIGITS        256
#define TOGETHER_MOST (UINT64_C(1) << 20) /* steps between two polls; even */

/* A block: the count of a sample times BLOCK, plus the sample's number in the block. */
struct block {
	uint64_t first; /* sample of the rectangle, row by row */
	uint32_t count;
	uint64_t keys[BLOCK], spare[BLOCK];
};

static void block_sort(struct block *b)
{
	uint64_t most = 0;
	for (uint32_t i = 0; i < b->count; i++)
		most |= b->keys[i];
	for (uint32_t shift = BLOCK_BITS; shift < 64 && most >> shift != 0; shift += 8) {
		uint32_t at[DIGITS] = {0}, sum = 0;
		for (uint32_t i = 0; i < b->count; i++)
			at[b->keys[i] >> shift & (DIGITS - 1)]++;
		for (uint32_t i = 0; i < DIGITS; i++) {
			const uint32_t here = at[i];
			at[i] = sum;
			sum += here;
		}
		for (uint32_t i = 0; i < b->count; i++)
			b->spare[at[b->keys[i] >> shift & (DIGITS - 1)]++] = b->keys[i];
		memcpy(b->keys, b->spare, b->count * sizeof b->keys[0]);
	}
}

struct place {
	uint32_t column, row; /* within the task's rectangle */
};

static struct place place_of(const struct derive_task *task, const struct block *b, uint64_t key)
{
	const uint64_t i = b->first + (key & (BLOCK - 1));
	return (struct place){(uint32_t)(i % task->escape->w), (uint32_t)(i / task->escape->w)};
}

/* Fills the lanes with samples from keys[first] on; lanes without one repeat the last. */
static void lanes_fill(const struct derive_task *task, const struct block *b, uint32_t first,
		       struct derive_lanes *l)
{
	const struct escape_task *escape = task->escape;
	const struct jacobian start = jacobian_of(escape);
	for (uint32_t i = 0; i < DERIVE_LANES; i++) {
		const uint32_t k = first + i < b->count ? first + i : b->count - 1;
		const struct place at = place_of(task, b, b->keys[k]);
		const struct point_row row = point_row_of(escape->frame, escape->y + at.row);
		double re, im;
		point_of(escape->frame, &row, escape->x + at.column, &re, &im);
		const struct orbit_f64 o = orbit_of_f64(escape, re, im);
		l->x[i] = o.x;
		l->y[i] = o.y;
		l->cr[i] = o.cr;
		l->ci[i] = o.ci;
		l->a[i] = start.a;
		l->b[i] = start.b;
		l->c[i] = start.c;
		l->d[i] = start.d;
		l->n[i] = (real)(int64_t)(b->keys[k] >> BLOCK_BITS);
	}
}

/* Iterates all lanes to the end. Returns false where the poll said no. */
static bool lanes_run(struct derive_lanes *l, bool is_julia, struct derive_meter *meter)
{
	const vec one = v_set(is_julia ? 0 : 1);
	const uint64_t least = (uint64_t)(int64_t)l->n[0];
	const uint64_t most = (uint64_t)(int64_t)l->n[DERIVE_LANES - 1];
	uint64_t k = 0;
	while (k < most) {
		uint64_t steps = (least - k) / 2 * 2;
		if (k + 1 < least) {
			steps = steps < TOGETHER_MOST ? steps : TOGETHER_MOST;
			derive_together(l, one, steps);
		} else {
			steps = most - k < TOGETHER_MOST ? most - k : TOGETHER_MOST;
			derive_apart(l, one, k, most, TOGETHER_MOST);
		}
		k += steps;
		if (!meter_add(meter, steps * DERIVE_VECTORS))
			return false;
	}
	derive_far(l, one);
	return true;
}

static void lanes_store(const struct derive_task *task, const struct block *b, uint32_t first,
			const struct derive_lanes *l)
{
	const struct derive_scale scale = derive_scale_of(task);
	struct derived out[DERIVE_LANES];
	for (uint32_t i = 0; i < DERIVE_LANES; i++) {
		const struct jacobian j = {l->a[i], l->b[i], l->c[i], l->d[i]};
		out[i] = derive_finish(&scale, ESCAPE_STEP, (uint32_t)(int32_t)l->n[i], l->x[i],
				       l->y[i], &j);
	}
	for (uint32_t i = 0; i < DERIVE_LANES && first + i < b->count; i++) {
		const struct place at = place_of(task, b, b->keys[first + i]);
		derive_write(task, at.column, at.row, &out[i]);
	}
}

/* Takes the samples of a block: those inside are done at once, the others get a key. */
static bool block_take(const struct derive_task *task, uint32_t samples, struct block *b,
		       struct derive_meter *meter)
{
	const bool wants_outside = derive_wants_outside(task);
	b->count = 0;
	for (uint32_t i = 0; i < samples; i++) {
		const struct place at = place_of(task, b, i);
		const uint32_t n = task->iterations[at.row * task->iterations_stride + at.column];
		if (n == 0) {
			if (!derive_inside(task, ESCAPE_STEP, at.column, at.row, meter))
				return false;
			continue;
		}
		derive_write_inside(task, at.column, at.row, 0, 0.0f);
		if (wants_outside)
			b->keys[b->count++] = (uint64_t)n << BLOCK_BITS | i;
	}
	return true;
}

bool DERIVE_FN(const struct derive_task *task)
{
	const uint64_t end = (uint64_t)task->escape->w * task->escape->h;
	struct derive_meter meter = {.poll = task->poll, .poll_at = DERIVE_POLL_WORK};
	struct block block;
	struct derive_lanes lanes;
	for (block.first = 0; block.first < end; block.first += BLOCK) {
		const uint64_t rest = end - block.first;
		if (!block_take(task, rest < BLOCK ? (uint32_t)rest : BLOCK, &block, &meter))
			return false;
		block_sort(&block);
		for (uint32_t i = 0; i < block.count; i += DERIVE_LANES) {
			lanes_fill(task, &block, i, &lanes);
			if (!lanes_run(&lanes, task->escape->is_julia, &meter))
				return false;
			lanes_store(task, &block, i, &lanes);
		}
	}
	return true;
}
