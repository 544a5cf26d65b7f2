/*
 * run.h - one call of the vector kernel: its state, and how what is known of a sample is stored.
 */
#ifndef WORKER_KERNEL_RUN_H
#define WORKER_KERNEL_RUN_H

#include <assert.h>

#include "worker/kernel/bundle.h"

#define DENSE   24          /* tests of the dense part; even */
#define DENSE_N (DENSE + 1) /* n of what survives it; odd */

/* The most units of a block. */
#define UNITS_MAX 8

_Static_assert(UNIT % 2 == 0 && DENSE % UNIT == 0, "a block must start with an odd n");

#define POLL_WORK (1u << 26)

/* Points of a row, which are cheaper to compute a few vectors at a time. */
#define STRIP (4 * GROUP)

struct strip {
	SIMD_ALIGNED real re[STRIP], im[STRIP];
	SIMD_ALIGNED real depth[STRIP]; /* of interior_depth() */
	uint32_t next;                  /* the first that is not taken */
	bool has_edge;                  /* |c| of some may be within rounding of 2 */
};

struct run {
	const struct escape_task *task;
	uint32_t column, row; /* the next sample that nobody has taken */
	uint64_t total;       /* iterations of the samples that are done */
	int64_t need;         /* units from DENSE_N to the limit */
	bool has_interior;    /* look for points of the two largest components */
	bool is_calm;         /* the last group that the dense part saw survived it whole */
	bool is_over;         /* the poll said no */
	uint64_t work;        /* steps so far, those of idle lanes included, and 1 a sample */
	uint64_t poll_at;     /* the work at which to ask again */
	uint64_t pause_at;    /* the work at which to look at the length of blocks again */
	uint64_t left_count;  /* samples that escaped from the bundle */
	uint32_t units;       /* of a block */
	struct strip strip;
	struct batch ready, replay, far;
	uint32_t skipped_units; /* of the samples in `ready`: DENSE / UNIT, or 0 after the dense
				   part */
	struct bundle bundle;
};

/* The n of lane i that its z has at a time of the bundle. */
static inline uint64_t lane_n(const struct run *run, uint32_t i, int64_t now)
{
	return DENSE_N + UNIT * (uint64_t)(now - (run->bundle.expires_at[i] - run->need));
}

/* The iterations so far, those of the samples in the lanes included. */
static inline uint64_t run_iterations(const struct run *run)
{
	uint64_t sum = run->total;
	for (uint32_t i = 0; i < BUNDLE; i++) {
		if (run->bundle.expires_at[i] == BUNDLE_NEVER)
			continue;
		const uint64_t n = lane_n(run, i, run->bundle.now);
		sum += n < run->task->limit ? n : run->task->limit;
	}
	return sum;
}

/* Asks whether to go on. */
static inline void run_poll(struct run *run)
{
	const struct escape_poll *poll = run->task->poll;
	run->poll_at = run->work + POLL_WORK;
	run->is_over = poll != NULL && !poll->keep_going(poll->context, run_iterations(run));
}

static inline void store_inside(struct run *run, struct place at, uint64_t iterations)
{
	escape_write(run->task, at.column, at.row, 0, KERNEL_WHOLE_INSIDE, 0.0f);
	run->total += iterations;
}

/* Takes a batch whose z are outside on to their smooth counts. */
static inline void batch_smooth(struct batch *b, uint32_t ret_whole[GROUP],
				float ret_fraction[GROUP])
{
	for (uint32_t i = b->count; i < GROUP; i++)
		b->x[i] = 0x1p17f; /* beyond R, so that nobody waits for it */
	batch_go_far(b);
	for (uint32_t i = 0; i < GROUP; i++) {
		const double x = (double)b->x[i], y = (double)b->y[i];
		escape_smooth(ESCAPE_STEP, b->n[i], fma(x, x, y * y), &ret_whole[i],
			      &ret_fraction[i]);
	}
}

/* Finishes what waits in `far`. */
static inline void far_flush(struct run *run)
{
	const struct escape_task *task = run->task;
	struct batch *b = &run->far;
	uint32_t whole[GROUP];
	float fraction[GROUP];
	batch_pad(b);
	batch_smooth(b, whole, fraction);
	for (uint32_t i = 0; i < b->count; i++) {
		const struct place at = b->place[i];
		task->whole[at.row * task->whole_stride + at.column] = whole[i];
		task->fraction[at.row * task->fraction_stride + at.column] = fraction[i];
	}
	b->count = 0;
}

/* Stores lane i of a batch, whose z of step n is the first that is outside. */
static inline void store_escaped(struct run *run, const struct batch *b, uint32_t i, uint32_t n)
{
	const struct escape_task *task = run->task;
	const struct place at = b->place[i];
	if (n > task->limit) {
		store_inside(run, at, task->limit);
		return;
	}
	run->total += n;
	if (task->iterations != NULL)
		task->iterations[at.row * task->iterations_stride + at.column] = n;
	if (task->whole != NULL) {
		struct batch *far = &run->far;
		batch_copy(far, far->count, b, i);
		far->n[far->count++] = n;
		if (far->count == GROUP)
			far_flush(run);
	}
}

/* Finds the exact n of the samples in `replay`. */
static inline void replay_flush(struct run *run)
{
	struct batch *b = &run->replay;
	uint32_t n[GROUP], least = DENSE_N;
	real passed[GROUP];
	batch_pad(b);
	for (uint32_t i = b->count; i < GROUP; i++)
		b->x[i] = 3; /* outside, so that nobody waits for it */
	const uint64_t inside = batch_count(b, UNITS_MAX * UNIT + 2, run->task->whole != NULL,
					    passed);
	assert(inside == 0);
	for (uint32_t i = 0; i < GROUP; i++)
		n[i] = b->n[i] + (uint32_t)(int32_t)passed[i];
	for (uint32_t i = 0; i < b->count; i++) {
		store_escaped(run, b, i, n[i]);
		least = n[i] < least ? n[i] : least;
	}
	if (least < DENSE_N)
		run->is_calm = false;
	b->count = 0;
}

#endif
