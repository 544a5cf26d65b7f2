/*
 * feed.h - the first steps of all samples: points, the interior, the dense part.
 */
#ifndef WORKER_KERNEL_FEED_H
#define WORKER_KERNEL_FEED_H

#include <string.h>

#include "worker/kernel/interior.h"
#include "worker/kernel/run.h"

/* |c|^2 of a point that needs escape_point() lies in 4 - EDGE to 4 + EDGE. */
#define EDGE ((real)(1 << 13) / (real)(UINT64_C(1) << SIMD_ROUNDING_BITS))

/* Fills the strip with the points of the row from the next sample on. */
static inline void strip_fill(struct run *run)
{
	const struct interior margin = KERNEL_F32 ? INTERIOR_F32 : INTERIOR_F64;
	const struct escape_task *task = run->task;
	struct strip *s = &run->strip;
	const struct point_row row = point_row_of(task->frame, task->y + run->row);
	const double first = point_column(task->frame, task->x + run->column);
	for (int32_t i = 0; i < STRIP; i++) {
		double re, im;
		point_at(task->frame, &row, first + (double)(2 * i), &re, &im);
		s->re[i] = (real)re;
		s->im[i] = (real)im;
	}
	if (run->has_interior)
		for (int32_t i = 0; i < STRIP; i++)
			s->depth[i] = (real)interior_depth(&margin, (double)s->re[i],
							   (double)s->im[i]);
	s->next = 0;
	/* |c| is largest at an end. */
	const double first_re = (double)s->re[0], first_im = (double)s->im[0];
	const double last_re = (double)s->re[STRIP - 1], last_im = (double)s->im[STRIP - 1];
	const double most2 = task->is_julia ? task->c_re * task->c_re + task->c_im * task->c_im
					    : fmax(first_re * first_re + first_im * first_im,
						   last_re * last_re + last_im * last_im);
	s->has_edge = most2 > 3.99;
}

/* Takes the next samples of the row, up to a group, into `ready`. Returns the bit set of those that
 * are known to be inside. */
static inline uint64_t group_take(struct run *run)
{
	const struct escape_task *task = run->task;
	struct batch *b = &run->ready;
	const uint32_t there = task->w - run->column;
	if (run->column == 0 || run->strip.next == STRIP)
		strip_fill(run);
	const struct strip *s = &run->strip;
	const uint32_t first = s->next;
	uint64_t inside = 0;
	for (int i = 0; i < GROUP; i += SIMD_LANES) {
		vec x = v_load(s->re + first + i), y = v_load(s->im + first + i);
		const vec cr = task->is_julia ? v_set((real)task->c_re) : x;
		const vec ci = task->is_julia ? v_set((real)task->c_im) : y;
		if (task->is_julia)
			step(&x, &y, cr, ci, false);
		v_store(b->x + i, x);
		v_store(b->y + i, y);
		v_store(b->cr + i, cr);
		v_store(b->ci + i, ci);
		if (run->has_interior)
			inside |= (uint64_t)m_bits(
					  m_le(v_load(s->depth + first + i), v_set(-REAL_TINY)))
				  << i;
	}
	for (uint32_t i = 0; i < GROUP; i++)
		b->place[i] = (struct place){run->column + i, run->row};
	b->count = there < GROUP ? there : GROUP;
	run->strip.next += GROUP;
	run->column += b->count;
	if (run->column == task->w) {
		run->column = 0;
		run->row++;
	}
	return inside;
}

/* Computes the samples of the group in `ready` whose |c| is near 2, and returns their bit set. */
static inline uint64_t group_edge(struct run *run)
{
	const struct escape_task *task = run->task;
	const struct batch *b = &run->ready;
	const vec least = v_set(ESCAPE_RADIUS2 - EDGE), most = v_set(ESCAPE_RADIUS2 + EDGE);
	uint64_t edge = 0;
	uint32_t any = 0;
	for (int i = 0; i < GROUP; i += SIMD_LANES) {
		const vec r = batch_square(v_load(b->cr + i), v_load(b->ci + i));
		any |= m_bits(m_and(m_le(least, r), m_le(r, most)));
	}
	for (uint32_t i = 0; i < b->count && any != 0 && !run->is_over; i++) {
		const struct place at = b->place[i];
		const real r = SIMD_REAL_FMA(b->cr[i], b->cr[i], b->ci[i] * b->ci[i]);
		double re, im;
		if (r < ESCAPE_RADIUS2 - EDGE || r > ESCAPE_RADIUS2 + EDGE)
			continue;
		edge |= UINT64_C(1) << i;
		const struct point_row row = point_row_of(task->frame, task->y + at.row);
		point_of(task->frame, &row, task->x + at.column, &re, &im);
		const struct escape_result result = SIMD_REAL_NAME(escape_point)(task, ESCAPE_STEP,
										 re, im);
		const uint64_t done = escape_store(task, ESCAPE_STEP, at.column, at.row, &result);
		run->total += done;
		run->work += done;
		if (run->work >= run->poll_at)
			run_poll(run);
	}
	return edge;
}

/* Stores the counts of a whole group of neighbours that have all failed a test; past the limit is
 * inside. */
static inline void group_count(struct run *run, const real passed[GROUP])
{
	const struct escape_task *task = run->task;
	const struct batch *b = &run->ready;
	const struct place at = b->place[0];
	uint32_t n[GROUP], sum = 0;
	for (uint32_t i = 0; i < GROUP; i++) {
		const uint32_t escaped_at = 1 + (uint32_t)(int32_t)passed[i];
		n[i] = escaped_at > task->limit ? 0 : escaped_at;
	}
	for (uint32_t i = 0; i < b->count; i++)
		sum += n[i] == 0 ? task->limit : n[i];
	run->total += sum;
	if (task->iterations != NULL)
		memcpy(&task->iterations[at.row * task->iterations_stride + at.column], n,
		       b->count * sizeof n[0]);
}

/* Stores the smooth counts of such a group, none of which is past the limit. */
static inline void group_smooth(struct run *run, const real passed[GROUP])
{
	const struct escape_task *task = run->task;
	struct batch *b = &run->ready;
	const struct place at = b->place[0];
	uint32_t whole[GROUP];
	float fraction[GROUP];
	for (uint32_t i = 0; i < GROUP; i++)
		b->n[i] = 1 + (uint32_t)(int32_t)passed[i];
	batch_smooth(b, whole, fraction);
	memcpy(&task->whole[at.row * task->whole_stride + at.column], whole,
	       b->count * sizeof whole[0]);
	memcpy(&task->fraction[at.row * task->fraction_stride + at.column], fraction,
	       b->count * sizeof fraction[0]);
}

/* Sorts a group after the dense part: what is done is stored, the rest stays in `ready`. */
static inline void group_sort(struct run *run, uint64_t inside, uint64_t surviving, uint64_t edge,
			      const real passed[GROUP])
{
	struct batch *b = &run->ready;
	const uint32_t taken = b->count;
	b->count = 0;
	for (uint32_t i = 0; i < taken; i++) {
		if ((inside >> i & 1) != 0)
			store_inside(run, b->place[i], 0);
		else if ((edge >> i & 1) != 0)
			continue;
		else if ((surviving >> i & 1) == 0)
			store_escaped(run, b, i, 1 + (uint32_t)passed[i]);
		else if (DENSE_N > run->task->limit)
			store_inside(run, b->place[i], run->task->limit);
		else
			batch_copy(b, b->count++, b, i);
	}
}

/* Fills `ready`, which is empty, with samples that survived the dense part, or with fresh ones as
 * long as all would; leaves it empty when the rectangle is used up. */
static inline void run_feed(struct run *run)
{
	const struct escape_task *task = run->task;
	struct batch *b = &run->ready;
	const uint32_t tests = task->limit < DENSE ? (task->limit + 1) / 2 * 2 : DENSE;
	while (b->count == 0 && run->row < task->h && !run->is_over) {
		real passed[GROUP];
		const uint64_t taken = group_take(run);
		const uint64_t all = UINT64_MAX >> (64 - b->count), inside = taken & all;
		run->work += GROUP;
		if (run->work >= run->poll_at)
			run_poll(run);
		if (inside == all) {
			for (uint32_t i = 0; i < b->count; i++)
				store_inside(run, b->place[i], 0);
			b->count = 0;
			continue;
		}
		const uint64_t edge = run->strip.has_edge ? group_edge(run) : 0;
		if (run->is_over) {
			b->count = 0;
			break;
		}
		run->skipped_units = run->is_calm && edge == 0 && inside == 0 ? DENSE / UNIT : 0;
		if (run->skipped_units > 0)
			break;
		run->work += GROUP * DENSE;
		const uint64_t surviving = batch_count(b, tests, task->whole != NULL, passed) & all;
		run->is_calm = surviving == all && tests == DENSE;
		if ((inside | surviving | edge) == 0 &&
		    (task->whole == NULL || DENSE_N <= task->limit)) {
			group_count(run, passed);
			if (task->whole != NULL)
				group_smooth(run, passed);
			b->count = 0;
		} else if (surviving != all || (inside | edge) != 0 || DENSE_N > task->limit) {
			group_sort(run, inside, surviving, edge, passed);
		}
	}
}

#endif
