/*
 * escape_tmpl.c - the vector kernel, compiled once for each instruction set.
 *
 * KERNEL_SIMD_HEADER names the header that defines SIMD_NAME, SIMD_UNROLL, SIMD_LANES, vec and mask
 * and, on them: v_load, v_store, v_set, v_add, v_mul; v_fma(a, b, c) = a b + c;
 * v_fnma(a, b, c) = -a b + c; v_select(m, a, b) = m ? a : b; v_add_where(m, a, b) = m ? a + b : a;
 * m_le (false for a NaN), m_and, and m_bits (lane 0 in bit 0).
 *
 * A group of samples is first iterated densely, tested at every step: most samples of a wide view
 * are done then. What survives waits in `ready` and takes the next free lane of the main loop,
 * which tests every BLOCK iterations only. A lane that has escaped since leaves its checkpoint in
 * `replay`, where groups of them repeat the block with a test at every step.
 *
 * Why a test at the end of a block cannot miss an escape inside it. Let u = 2^-53 and let the
 * computed r of z exceed 4, so that |z| >= 2 - 2^-50. The rounding errors of one step add up to
 * less than 4u (|c| + |z|^2), so the next computed z' has |z'| >= |z|^2 (1 - 4u) - |c| (1 + 4u).
 * With |c| <= 2 - 2^-43 that is at least 2 + 2^-44, whose r is computed above 4 again. An overflow
 * makes a component infinite or NaN; then one of the next z is, too, and r <= 4 is false. So once
 * out is always out, provided that |c| <= 2 - 2^-43. Points whose computed |c|^2 is above EDGE do
 * not meet that: most escape in the dense part, which needs no such argument, and the few that
 * survive it are left to escape_point().
 */
#include <assert.h>
#include <string.h>

#include "worker/kernel/escape_point.h"
#include "worker/kernel/variants.h"

#include KERNEL_SIMD_HEADER

#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)

#define GROUP (SIMD_UNROLL * SIMD_LANES)
#define DENSE 16 /* tests of the dense part; also of a replay, at least BLOCK + 1 */
#define BLOCK 8
#define VISIT (GROUP / 8) /* lanes that must be done before the main loop pauses */
#define EDGE  (4.0 - 0x1p-40)
#define IDLE  1e300 /* `left` of a lane without a sample: never runs out */

_Static_assert(GROUP <= 64, "a group's lanes must fit a bit set");
_Static_assert(DENSE >= BLOCK + 1, "a replay must reach the end of its block");

/* Samples on their way, each somewhere in its orbit. */
struct batch {
	double x[GROUP], y[GROUP]; /* z_n */
	double cr[GROUP], ci[GROUP];
	double n[GROUP];
	uint32_t column[GROUP], row[GROUP]; /* within the task's rectangle */
	uint32_t count;
};

/* What batch_run() found out. */
struct verdict {
	uint64_t surviving;     /* bit set of the lanes that have not escaped */
	double n[GROUP];        /* the first n with |z_n| > 2, or the n that was not tested yet */
	double smooth_n[GROUP]; /* as in struct escape_result */
	double smooth_r[GROUP];
};

/* The lanes of the main loop between two visits. */
struct lanes {
	double x[GROUP], y[GROUP];
	double cr[GROUP], ci[GROUP];
	double left[GROUP];                        /* limit - n of each */
	double checked_x[GROUP], checked_y[GROUP]; /* z at the start of the last block */
	uint32_t column[GROUP], row[GROUP];
	uint32_t busy; /* lanes with a sample */
};

struct run {
	const struct escape_task *task;
	uint32_t column, row; /* the next sample that nobody has taken */
	uint64_t total;
	struct batch ready, replay;
	struct lanes lanes;
};

#define STEP(x, y, cr, ci)                       \
	do {                                     \
		const vec t_ = v_fnma(y, y, cr); \
		y = v_fma(v_add(x, x), y, ci);   \
		x = v_fma(x, x, t_);             \
	} while (0)

static inline uint64_t bits_at(mask m, int u)
{
	return (uint64_t)m_bits(m) << (u * SIMD_LANES);
}

/* Runs DENSE tests on a batch, each followed by a step, so that b->x, y, n of the lanes that
 * survive are z_n not tested yet. Lanes past b->count must hold zeros. */
static void batch_run(struct batch *b, struct verdict *ret)
{
	const vec one = v_set(1.0), radius2 = v_set(ESCAPE_RADIUS2);
	vec x[SIMD_UNROLL], y[SIMD_UNROLL], n[SIMD_UNROLL];
	mask in[SIMD_UNROLL];
	for (int u = 0; u < SIMD_UNROLL; u++) {
		x[u] = v_load(b->x + u * SIMD_LANES);
		y[u] = v_load(b->y + u * SIMD_LANES);
		n[u] = v_load(b->n + u * SIMD_LANES);
		in[u] = m_le(one, one);
	}
	uint64_t surviving = 1;
	for (int k = 0; k < DENSE && surviving != 0; k++) {
		surviving = 0;
		for (int u = 0; u < SIMD_UNROLL; u++) {
			const vec cr = v_load(b->cr + u * SIMD_LANES);
			const vec ci = v_load(b->ci + u * SIMD_LANES);
			const vec r = v_fma(x[u], x[u], v_mul(y[u], y[u]));
			in[u] = m_and(in[u], m_le(r, radius2));
			n[u] = v_add_where(in[u], n[u], one);
			surviving |= bits_at(in[u], u);
			STEP(x[u], y[u], cr, ci);
		}
	}
	for (int u = 0; u < SIMD_UNROLL; u++) {
		v_store(b->x + u * SIMD_LANES, x[u]);
		v_store(b->y + u * SIMD_LANES, y[u]);
		v_store(b->n + u * SIMD_LANES, n[u]);
		v_store(ret->n + u * SIMD_LANES, n[u]);
	}
	ret->surviving = surviving;
}

/* The same, and takes the lanes that escaped on to |z| > R. A lane stays at the first z that is
 * beyond R, so that nothing overflows and |z|^2 can be had at the end. */
static void batch_run_smooth(struct batch *b, struct verdict *ret)
{
	const vec one = v_set(1.0), radius2 = v_set(ESCAPE_RADIUS2), far2 = v_set(SMOOTH_RADIUS2);
	const vec most = v_set(SMOOTH_STEPS_MAX - 1.0);
	vec x[SIMD_UNROLL], y[SIMD_UNROLL], n[SIMD_UNROLL], far_n[SIMD_UNROLL];
	mask in[SIMD_UNROLL];
	for (int u = 0; u < SIMD_UNROLL; u++) {
		x[u] = v_load(b->x + u * SIMD_LANES);
		y[u] = v_load(b->y + u * SIMD_LANES);
		n[u] = v_load(b->n + u * SIMD_LANES);
		far_n[u] = n[u];
		in[u] = m_le(one, one);
	}
	uint64_t surviving = 0, moving = 1;
	for (int k = 0; moving != 0; k++) {
		surviving = 0;
		moving = 0;
		for (int u = 0; u < SIMD_UNROLL; u++) {
			const vec cr = v_load(b->cr + u * SIMD_LANES);
			const vec ci = v_load(b->ci + u * SIMD_LANES);
			const vec r = v_fma(x[u], x[u], v_mul(y[u], y[u]));
			if (k < DENSE) {
				in[u] = m_and(in[u], m_le(r, radius2));
				n[u] = v_add_where(in[u], n[u], one);
			}
			/* The cap cannot bind a lane that is still inside: its far_n is n. */
			const mask near = m_and(m_le(r, far2), m_le(far_n[u], v_add(n[u], most)));
			vec next_x = x[u], next_y = y[u];
			STEP(next_x, next_y, cr, ci);
			x[u] = v_select(near, next_x, x[u]);
			y[u] = v_select(near, next_y, y[u]);
			far_n[u] = v_add_where(near, far_n[u], one);
			surviving |= bits_at(in[u], u);
			moving |= bits_at(near, u);
		}
		if (k == DENSE - 1)
			for (int u = 0; u < SIMD_UNROLL; u++) {
				v_store(b->x + u * SIMD_LANES, x[u]);
				v_store(b->y + u * SIMD_LANES, y[u]);
			}
		if (k >= DENSE - 1)
			moving &= ~surviving;
	}
	for (int u = 0; u < SIMD_UNROLL; u++) {
		v_store(b->n + u * SIMD_LANES, n[u]);
		v_store(ret->n + u * SIMD_LANES, n[u]);
		v_store(ret->smooth_n + u * SIMD_LANES, far_n[u]);
		v_store(ret->smooth_r + u * SIMD_LANES, v_fma(x[u], x[u], v_mul(y[u], y[u])));
	}
	ret->surviving = surviving;
}

/* Stores lane i of a batch that has escaped; later than the limit is inside. */
static void run_finish(struct run *run, const struct batch *b, const struct verdict *v, uint32_t i)
{
	struct escape_result result = {0};
	if (v->n[i] <= (double)run->task->limit) {
		result.iterations = (uint32_t)v->n[i];
		if (run->task->whole != NULL) {
			result.smooth_n = (uint32_t)v->smooth_n[i];
			result.smooth_r = v->smooth_r[i];
		}
	}
	run->total += escape_store(run->task, b->column[i], b->row[i], &result);
}

static void batch_copy(struct batch *to, uint32_t t, const struct batch *from, uint32_t f)
{
	to->x[t] = from->x[f];
	to->y[t] = from->y[f];
	to->cr[t] = from->cr[f];
	to->ci[t] = from->ci[f];
	to->n[t] = from->n[f];
	to->column[t] = from->column[f];
	to->row[t] = from->row[f];
}

static void batch_pad(struct batch *b)
{
	for (uint32_t i = b->count; i < GROUP; i++)
		b->x[i] = b->y[i] = b->cr[i] = b->ci[i] = b->n[i] = 0.0;
}

/* Takes the next samples of the rectangle, row by row, up to a group. */
static void run_take(struct run *run, struct batch *b)
{
	const struct escape_task *task = run->task;
	b->count = 0;
	while (b->count < GROUP && run->row < task->h) {
		const struct point_row shared = point_row_of(task->frame, task->y + run->row);
		const uint32_t there = task->w - run->column, room = GROUP - b->count;
		const uint32_t count = there < room ? there : room;
		for (uint32_t k = 0; k < count; k++) {
			const uint32_t i = b->count + k;
			point_of(task->frame, &shared, task->x + run->column + k, &b->cr[i],
				 &b->ci[i]);
			b->x[i] = b->cr[i];
			b->y[i] = b->ci[i];
			b->n[i] = 1.0;
			b->column[i] = run->column + k;
			b->row[i] = run->row;
		}
		b->count += count;
		run->column += count;
		if (run->column == task->w) {
			run->column = 0;
			run->row++;
		}
	}
	batch_pad(b);
}

/* Fills `ready`, which is empty, with samples that survived the dense part; leaves it empty when
 * the rectangle is used up. */
static void run_feed(struct run *run)
{
	const struct escape_task *task = run->task;
	struct batch *b = &run->ready;
	struct verdict v;
	while (b->count == 0 && run->row < task->h) {
		run_take(run, b);
		if (task->whole != NULL)
			batch_run_smooth(b, &v);
		else
			batch_run(b, &v);
		const uint32_t taken = b->count;
		b->count = 0;
		for (uint32_t i = 0; i < taken; i++) {
			const double cr = b->cr[i], ci = b->ci[i];
			if ((v.surviving >> i & 1) == 0 || v.n[i] > (double)task->limit) {
				run_finish(run, b, &v, i);
			} else if (fma(cr, cr, ci * ci) > EDGE) {
				const struct escape_result result = escape_point(
					cr, ci, task->limit, task->whole != NULL);
				run->total += escape_store(task, b->column[i], b->row[i], &result);
			} else {
				batch_copy(b, b->count++, b, i);
			}
		}
	}
}

/* Finds the exact n of the samples in `replay`. */
static void run_replay(struct run *run)
{
	struct batch *b = &run->replay;
	struct verdict v;
	batch_pad(b);
	if (run->task->whole != NULL)
		batch_run_smooth(b, &v);
	else
		batch_run(b, &v);
	for (uint32_t i = 0; i < b->count; i++) {
		assert((v.surviving >> i & 1) == 0);
		run_finish(run, b, &v, i);
	}
	b->count = 0;
}

/* Gives lane i the next ready sample, or parks it. */
static void lane_refill(struct run *run, uint32_t i)
{
	struct lanes *l = &run->lanes;
	struct batch *b = &run->ready;
	if (b->count == 0)
		run_feed(run);
	if (b->count == 0) {
		l->x[i] = l->y[i] = l->cr[i] = l->ci[i] = 0.0;
		l->left[i] = IDLE;
		return;
	}
	const uint32_t k = --b->count;
	l->x[i] = b->x[k];
	l->y[i] = b->y[k];
	l->cr[i] = b->cr[k];
	l->ci[i] = b->ci[k];
	l->left[i] = (double)run->task->limit - b->n[k];
	l->column[i] = b->column[k];
	l->row[i] = b->row[k];
	l->busy++;
}

/* Runs whole blocks until a few lanes have escaped or reached the limit: a visit costs as much as
 * several blocks. Returns the bit set of these lanes, whose checkpoints and `left` stay as they
 * were in their last block; *ret_inside are those that reached the limit. */
static uint64_t lanes_advance(struct lanes *l, uint64_t *ret_inside)
{
	const vec one = v_set(1.0), block = v_set(-BLOCK), radius2 = v_set(ESCAPE_RADIUS2);
	const int enough = l->busy < VISIT ? (int)l->busy : VISIT;
	vec x[SIMD_UNROLL], y[SIMD_UNROLL];
	mask live[SIMD_UNROLL];
	uint64_t inside = 0, done = 0;
	for (int u = 0; u < SIMD_UNROLL; u++) {
		x[u] = v_load(l->x + u * SIMD_LANES);
		y[u] = v_load(l->y + u * SIMD_LANES);
		live[u] = m_le(one, one);
	}
	do {
		for (int u = 0; u < SIMD_UNROLL; u++) {
			double *checked_x = l->checked_x + u * SIMD_LANES;
			double *checked_y = l->checked_y + u * SIMD_LANES;
			v_store(checked_x, v_select(live[u], x[u], v_load(checked_x)));
			v_store(checked_y, v_select(live[u], y[u], v_load(checked_y)));
		}
		for (int k = 0; k < BLOCK; k++)
			for (int u = 0; u < SIMD_UNROLL; u++) {
				const vec cr = v_load(l->cr + u * SIMD_LANES);
				const vec ci = v_load(l->ci + u * SIMD_LANES);
				STEP(x[u], y[u], cr, ci);
			}
		uint64_t in_bits = 0, live_bits = 0;
		for (int u = 0; u < SIMD_UNROLL; u++) {
			double *left_at = l->left + u * SIMD_LANES;
			const vec r = v_fma(x[u], x[u], v_mul(y[u], y[u]));
			const vec left = v_add_where(live[u], v_load(left_at), block);
			const mask in = m_le(r, radius2);
			v_store(left_at, left);
			live[u] = m_and(live[u], m_and(in, m_le(one, left)));
			in_bits |= bits_at(in, u);
			live_bits |= bits_at(live[u], u);
		}
		const uint64_t over = ~live_bits & (UINT64_MAX >> (64 - GROUP));
		inside |= in_bits & over & ~done;
		done = over;
	} while (__builtin_popcountll(done) < enough);
	for (int u = 0; u < SIMD_UNROLL; u++) {
		v_store(l->x + u * SIMD_LANES, x[u]);
		v_store(l->y + u * SIMD_LANES, y[u]);
	}
	*ret_inside = inside;
	return done;
}

/* Takes the sample out of lane i at the end of a block. */
static void lane_retire(struct run *run, uint32_t i, bool is_inside)
{
	struct lanes *l = &run->lanes;
	l->busy--;
	if (is_inside) {
		const struct escape_result result = {0};
		run->total += escape_store(run->task, l->column[i], l->row[i], &result);
		return;
	}
	struct batch *b = &run->replay;
	const uint32_t k = b->count++;
	b->x[k] = l->checked_x[i];
	b->y[k] = l->checked_y[i];
	b->cr[k] = l->cr[i];
	b->ci[k] = l->ci[i];
	b->n[k] = (double)run->task->limit - l->left[i] - BLOCK;
	b->column[k] = l->column[i];
	b->row[k] = l->row[i];
	if (b->count == GROUP)
		run_replay(run);
}

uint64_t PASTE(escape_, SIMD_NAME)(const struct escape_task *task)
{
	struct run run;
	run.task = task;
	run.column = run.row = 0;
	run.total = 0;
	run.ready.count = run.replay.count = 0;
	memset(&run.lanes, 0, sizeof run.lanes);
	for (uint32_t i = 0; i < GROUP; i++)
		lane_refill(&run, i);
	while (run.lanes.busy > 0) {
		uint64_t inside;
		uint64_t done = lanes_advance(&run.lanes, &inside);
		for (; done != 0; done &= done - 1) {
			const uint32_t i = (uint32_t)__builtin_ctzll(done);
			lane_retire(&run, i, (inside >> i & 1) != 0);
			lane_refill(&run, i);
		}
	}
	if (run.replay.count > 0)
		run_replay(&run);
	return run.total;
}
