/*
 * buddha_tmpl.c - counts a Buddhabrot in vectors; compiled once for each instruction set.
 *
 * Samples are made in strips, those left out whose end is known from c; the others are iterated
 * densely, a group at a time, with a test at every step, and those that survive in a bundle, as
 * worker/kernel/escape_tmpl.c has it and proves it. A sample whose n is known to be of a band waits
 * in plot.h for others of such n, with whom it is iterated once more for its hits: that is cheaper
 * than to keep every z of all that might be of a band.
 *
 * Shortcuts: the two largest components and orbits that repeat (as there), and cells.h.
 */
#include <assert.h>

#include "worker/buddha/inside.h"
#include "worker/buddha/strip.h"
#include "worker/kernel/bundle.h"
#include "worker/kernel/variants.h"

#define PASTE(a, b)      a##b
#define BUDDHA_NAME(isa) PASTE(buddha_, isa)

#define DENSE   24          /* tests of the dense part; even */
#define DENSE_N (DENSE + 1) /* n of what survives it; odd */

#define UNITS_MAX  8 /* of a block */
#define LOOK_UNITS UNITS_MAX
#define SAVE_UNITS (8 * LOOK_UNITS)
#define POLL_WORK  (1u << 26)
#define PAUSE_WORK (1u << 16)

_Static_assert(UNIT % 2 == 0 && DENSE % UNIT == 0, "a block must start with an odd n");

struct run {
	const struct buddha_job *job;
	uint64_t next, end; /* samples that are not made yet */
	uint64_t work;      /* steps so far, those of idle lanes included, and 1 a sample */
	uint64_t poll_at, pause_at;
	uint64_t left_count; /* samples that escaped from the bundle */
	int64_t need;        /* units from DENSE_N to the limit */
	uint32_t units;      /* of a block */
	bool has_interior, has_weights;
	struct gate gate;
	struct strip strip;
	struct batch ready, replay; /* place.column: the logarithm of the weight */
	struct bundle bundle;
	struct plot plot;
	struct inside inside;
};

_Static_assert(sizeof(struct run) < 112 * 1024, "a run's state is on its caller's stack");

static inline void run_poll(struct run *run)
{
	run->poll_at = run->work + POLL_WORK;
	(void)gate_ask(&run->gate);
}

static inline void sample_inside(struct run *run, double re, double im, uint32_t weight_log2,
				 uint64_t iterations)
{
	run->gate.iterations += iterations;
	if (!run->job->is_inside)
		return;
	run->work += run->job->hits;
	inside_sample(&run->plot, &run->inside, re, im, weight_log2);
}

/* n is the first that is outside, which may be past the limit. */
static inline void sample_escaped(struct run *run, double re, double im, uint32_t weight_log2,
				  uint32_t n)
{
	const struct buddha_job *job = run->job;
	if (n > job->limit) {
		sample_inside(run, re, im, weight_log2, job->limit);
		return;
	}
	run->gate.iterations += n;
	if (job->is_inside || n < 2 || buddha_channels_at(job, n) == 0)
		return;
	run->work += n;
	plot_sample(&run->plot, re, im, n, weight_log2);
}

/* Fills the strip again, and leaves in it what has to be iterated. */
static inline void run_fill(struct run *run)
{
	const struct buddha_job *job = run->job;
	struct strip *s = &run->strip;
	const uint32_t taken = strip_fill(s, &job->sampler, run->next, run->end - run->next);
	uint32_t kept = 0;
	run->next += taken;
	run->work += taken;
	if (run->has_interior)
		strip_depth(s);
	for (uint32_t first = 0; first < taken; first += SIMD_LANES) {
		const uint32_t there = taken - first < SIMD_LANES ? taken - first : SIMD_LANES;
		const uint32_t all = SIMD_ALL >> (SIMD_LANES - there);
		uint32_t inside, edge;
		const uint32_t bits = strip_bits(s, first, run->has_interior, &inside, &edge) & all;
		for (uint32_t rest = job->is_inside ? inside & all : 0; rest != 0;
		     rest &= rest - 1) {
			const uint32_t i = first + (uint32_t)__builtin_ctz(rest);
			sample_inside(run, s->re[i], s->im[i], s->weight_log2[i], 0);
		}
		for (uint32_t rest = edge & all; rest != 0; rest &= rest - 1) {
			const uint32_t i = first + (uint32_t)__builtin_ctz(rest);
			if (!one_sample(job, run->plot.scatter, &run->gate, s->re[i], s->im[i],
					s->weight_log2[i]))
				return;
		}
		for (uint32_t rest = run->has_weights ? bits : 0, at = kept; rest != 0;
		     rest &= rest - 1)
			s->weight_log2[at++] =
				s->weight_log2[first + (uint32_t)__builtin_ctz(rest)];
		const vec re = v_load(s->re + first), im = v_load(s->im + first);
		v_pack(s->re + kept, bits, re);
		v_pack(s->im + kept, bits, im);
		kept += (uint32_t)__builtin_popcount(bits);
	}
	s->count = kept;
	if (job->cells != NULL)
		strip_skip(s, job->cells, run->has_weights);
}

/* Takes the next samples into `ready`, which is empty: z_1 of each. */
static inline void group_take(struct run *run)
{
	struct batch *b = &run->ready;
	struct strip *s = &run->strip;
	while (b->count < GROUP && !run->gate.is_over) {
		if (s->next == s->count) {
			if (run->next == run->end)
				break;
			run_fill(run);
			if (run->work >= run->poll_at)
				run_poll(run);
			continue;
		}
		const uint32_t k = b->count++, i = s->next++;
		b->x[k] = b->cr[k] = s->re[i];
		b->y[k] = b->ci[k] = s->im[i];
		b->place[k].column = s->weight_log2[i];
	}
	for (uint32_t k = b->count; k < GROUP; k++) {
		b->x[k] = 3; /* outside, so that nobody waits for it */
		b->y[k] = b->cr[k] = b->ci[k] = 0;
	}
}

/* Has samples in `ready` that are worth a lane of the bundle, unless there are no more. */
static inline void run_feed(struct run *run)
{
	const struct buddha_job *job = run->job;
	struct batch *b = &run->ready;
	const uint32_t tests = job->limit < DENSE ? (job->limit + 1) / 2 * 2 : DENSE;
	real passed[GROUP];
	while (b->count == 0) {
		group_take(run);
		if (b->count == 0 || run->gate.is_over) {
			b->count = 0;
			return;
		}
		run->work += GROUP * DENSE;
		const uint32_t taken = b->count;
		uint64_t surviving = batch_count(b, tests, false, passed);
		b->count = 0;
		for (uint32_t i = 0; i < taken; i++) {
			const uint32_t n = 1 + (uint32_t)(int32_t)passed[i];
			const uint32_t weight_log2 = b->place[i].column;
			if ((surviving >> i & 1) == 0)
				sample_escaped(run, b->cr[i], b->ci[i], weight_log2, n);
			else if (job->limit < DENSE_N)
				sample_inside(run, b->cr[i], b->ci[i], weight_log2, job->limit);
			else
				batch_copy(b, b->count++, b, i);
		}
	}
}

/* Gives lane i the next ready sample, or parks it. */
static inline void lane_refill(struct run *run, uint32_t i)
{
	struct bundle *l = &run->bundle;
	struct batch *b = &run->ready;
	if (b->count == 0)
		run_feed(run);
	if (b->count == 0) {
		bundle_park(l, i);
		l->busy--;
		return;
	}
	const uint32_t k = --b->count;
	l->x[l->side][i] = b->x[k];
	l->y[l->side][i] = b->y[k];
	l->cr[i] = b->cr[k];
	l->ci[i] = b->ci[k];
	l->place[i] = b->place[k];
	l->expires_at[i] = l->now + run->need;
	l->saved_x[i] = (real)NAN;
	l->save_at[i] = l->now;
}

/* The n of lane i that its z has at a time of the bundle. */
static inline uint64_t lane_n(const struct run *run, uint32_t i, int64_t now)
{
	return DENSE_N + UNIT * (uint64_t)(now - (run->bundle.expires_at[i] - run->need));
}

/* Finds the exact n of the samples in `replay`. */
static inline void replay_flush(struct run *run)
{
	struct batch *b = &run->replay;
	real passed[GROUP];
	for (uint32_t i = b->count; i < GROUP; i++) {
		b->x[i] = 3; /* outside, so that nobody waits for it */
		b->y[i] = b->cr[i] = b->ci[i] = 0;
	}
	const uint64_t inside = batch_count(b, UNITS_MAX * UNIT + 2, false, passed);
	assert(inside == 0);
	for (uint32_t i = 0; i < b->count; i++)
		sample_escaped(run, b->cr[i], b->ci[i], b->place[i].column,
			       b->n[i] + (uint32_t)(int32_t)passed[i]);
	b->count = 0;
}

/* Lane i has escaped in the last block, of so many units. */
static inline void lane_escaped(struct run *run, uint32_t i, uint32_t units)
{
	const struct bundle *l = &run->bundle;
	struct batch *b = &run->replay;
	const uint32_t k = b->count++;
	const int side = 1 - l->side;
	b->x[k] = l->x[side][i];
	b->y[k] = l->y[side][i];
	b->cr[k] = l->cr[i];
	b->ci[k] = l->ci[i];
	b->n[k] = (uint32_t)lane_n(run, i, l->now - units);
	b->place[k] = l->place[i];
	if (b->count == GROUP)
		replay_flush(run);
	run->left_count++;
	lane_refill(run, i);
}

/* Lane i is known to be inside after so many iterations. */
static inline void lane_inside(struct run *run, uint32_t i, uint64_t iterations)
{
	const struct bundle *l = &run->bundle;
	sample_inside(run, l->cr[i], l->ci[i], l->place[i].column, iterations);
	lane_refill(run, i);
}

/* Ends the lanes that have reached the limit. */
static inline void run_expire(struct run *run)
{
	struct bundle *l = &run->bundle;
	int64_t least = BUNDLE_NEVER;
	for (uint32_t i = 0; i < BUNDLE; i++) {
		if (l->expires_at[i] <= l->now)
			lane_inside(run, i, run->job->limit);
		least = l->expires_at[i] < least ? l->expires_at[i] : least;
	}
	l->first_expiry = least;
}

/* Ends the lanes whose orbit repeats, and saves the z of others. */
static inline void run_look(struct run *run)
{
	struct bundle *l = &run->bundle;
	struct bundle_lanes same;
	if (bundle_repeats(l, &same))
		for (uint32_t w = 0; w < BUNDLE_WORDS; w++)
			for (uint64_t bits = same.word[w]; bits != 0; bits &= bits - 1) {
				const uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
				lane_inside(run, i, lane_n(run, i, l->now));
			}
	if (l->now % SAVE_UNITS == 0)
		bundle_save(l, run->need, SAVE_UNITS);
}

/* Sets the length of blocks by the mean count so far: a longer one costs less for its test and
 * more for the replay. Asks whether to go on, where it is time. */
static inline void run_pause(struct run *run)
{
	const uint64_t mean = run->work / (run->left_count + 1);
	run->units = mean < 230 ? 1 : mean < 900 ? 2 : mean < 4000 ? 4 : UNITS_MAX;
	run->pause_at = run->work + PAUSE_WORK;
	if (run->work >= run->poll_at)
		run_poll(run);
}

static inline void run_block(struct run *run)
{
	struct bundle *l = &run->bundle;
	struct bundle_lanes out;
	/* Looks come at multiples of their time. */
	const uint32_t units = l->now % run->units == 0 ? run->units : 1;
	run->work += (uint64_t)units * UNIT * BUNDLE;
	if (bundle_advance(l, units, &out))
		for (uint32_t w = 0; w < BUNDLE_WORDS; w++)
			for (uint64_t bits = out.word[w]; bits != 0; bits &= bits - 1)
				lane_escaped(run, w * 64 + (uint32_t)__builtin_ctzll(bits), units);
	if (l->now >= l->first_expiry)
		run_expire(run);
	if (run->job->has_shortcuts && l->now % LOOK_UNITS == 0)
		run_look(run);
	if (run->work >= run->pause_at)
		run_pause(run);
}

static void run_init(struct run *run, const struct buddha_job *job, struct scatter *scatter,
		     const struct escape_poll *poll)
{
	const uint32_t over = job->limit > DENSE_N ? job->limit - DENSE_N : 1;
	run->job = job;
	run->work = run->left_count = 0;
	run->gate = (struct gate){.poll = poll};
	run->need = (over + UNIT - 1) / UNIT;
	run->units = 1;
	run->pause_at = PAUSE_WORK;
	run->poll_at = POLL_WORK;
	run->has_interior = job->has_shortcuts;
	run->has_weights = job->sampler.sampling == SAMPLING_ZOOM;
	run->strip.count = run->strip.next = 0;
	for (uint32_t i = 0; i < STRIP; i++)
		run->strip.weight_log2[i] = 0;
	run->ready.count = run->replay.count = 0;
	for (uint32_t i = 0; i < GROUP; i++)
		run->ready.n[i] = run->replay.n[i] = 0;
	run->inside.count = 0;
	plot_init(&run->plot, job, scatter, &run->gate);
	bundle_init(&run->bundle);
}

bool BUDDHA_NAME(SIMD_NAME)(const struct buddha_job *job, uint64_t first, uint64_t count,
			    struct scatter *scatter, const struct escape_poll *poll,
			    uint64_t *ret_iterations)
{
	struct run run;
	run_init(&run, job, scatter, poll);
	run.next = first;
	run.end = first + count;
	run.bundle.busy = BUNDLE;
	for (uint32_t i = 0; i < BUNDLE; i++)
		lane_refill(&run, i);
	run.bundle.first_expiry = run.need;
	while (run.bundle.busy > 0 && !run.gate.is_over)
		run_block(&run);
	if (!run.gate.is_over) {
		replay_flush(&run);
		plot_end(&run.plot);
		inside_flush(&run.plot, &run.inside);
	}
	*ret_iterations = run.gate.iterations;
	return !run.gate.is_over;
}
