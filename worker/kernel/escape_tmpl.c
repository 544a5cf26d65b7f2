/*
 * escape_tmpl.c - the vector kernel, compiled once for each instruction set, precision and step.
 *
 * The samples of a row are first iterated densely, a group of neighbours at a time, with a test at
 * every step: most samples of a wide view are done then. What survives waits in `ready` and takes
 * the next free lane of the bundle, which is tested at the end of a block only. A lane that has
 * escaped since leaves the z of the block's start in `replay`, where groups of them repeat the
 * block with a test at every step. Where the smooth count is wanted, what has escaped goes on in
 * `far`.
 *
 * Why a test at the end of a block cannot miss an escape inside it. Let u be the unit of rounding,
 * 2^-53 for doubles, and let the computed r of z exceed 4, so that |z| >= 2 - 2^3 u. The rounding
 * errors of one step add up to less than 4u (|c| + |z|^2), so the next computed z' has |z'| >=
 * |z|^2 (1 - 4u) - |c| (1 + 4u), and more for a higher power. With |c| <= 2 - 2^10 u that is at
 * least 2 + 2^9 u, whose r is computed above 4 again. An overflow makes a component infinite or
 * NaN; then one of the next z is, too, and r <= 4 is false. So once out is always out, provided
 * that |c| <= 2 - 2^10 u. A point with |c| >= 2 + 2^10 u is out from z_1 = c on (of a Julia set
 * there is none), and |z'| > |z| from there. The few points between, whose |c|^2 is within EDGE of
 * 4, are left to escape_point().
 *
 * Shortcuts: points of the two largest components are known to be inside (interior.h), and so is a
 * sample whose z has come back to an earlier one, for its orbit repeats from there. Both z have an
 * odd n, so that the form of the steps repeats as well.
 */
#include "worker/kernel/feed.h"
#include "worker/kernel/variants.h"

#define PASTE4(a, b, c, d)     a##b##c##d
#define ESCAPE_NAME(isa, f, s) PASTE4(escape_, isa, f, s)
#if KERNEL_F32
#define ESCAPE_FN ESCAPE_NAME(SIMD_NAME, _f32_, ESCAPE_STEP_NAME)
#else
#define ESCAPE_FN ESCAPE_NAME(SIMD_NAME, _f64_, ESCAPE_STEP_NAME)
#endif

#define EXPIRY_LANES 8 /* lanes whose expiry is checked at once */
#define PAUSE_WORK   (1u << 16)

/* The time between two looks for a repeated z, and the least between two saved ones; units. */
#define LOOK_UNITS UNITS_MAX
#define SAVE_UNITS (8 * LOOK_UNITS)

_Static_assert(BUNDLE % EXPIRY_LANES == 0, "no lane may be left out");

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
	l->expires_at[i] = l->now + run->need + run->skipped_units;
	if (run->task->has_shortcuts) {
		l->saved_x[i] = (real)NAN;
		l->save_at[i] = l->now;
	}
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
	lane_refill(run, i);
}

static void run_escapes(struct run *run, uint32_t units, const struct bundle_lanes *out)
{
	for (uint32_t w = 0; w < BUNDLE_WORDS; w++)
		for (uint64_t bits = out->word[w]; bits != 0; bits &= bits - 1, run->left_count++)
			lane_escaped(run, w * 64 + (uint32_t)__builtin_ctzll(bits), units);
}

/* Ends the lanes that have reached the limit. */
static void run_expire(struct run *run)
{
	struct bundle *l = &run->bundle;
	for (uint32_t first = 0; first < BUNDLE; first += EXPIRY_LANES) {
		bool any = false;
		for (uint32_t i = first; i < first + EXPIRY_LANES; i++)
			any |= l->expires_at[i] <= l->now;
		for (uint32_t i = first; any && i < first + EXPIRY_LANES; i++)
			if (l->expires_at[i] <= l->now) {
				store_inside(run, l->place[i], run->task->limit);
				lane_refill(run, i);
			}
	}
	int64_t least = BUNDLE_NEVER;
	for (uint32_t i = 0; i < BUNDLE; i++)
		least = l->expires_at[i] < least ? l->expires_at[i] : least;
	l->first_expiry = least;
}

/* Ends the lanes whose orbit repeats, and saves the z of others. */
static void run_look(struct run *run)
{
	struct bundle *l = &run->bundle;
	struct bundle_lanes same;
	if (bundle_repeats(l, &same))
		for (uint32_t w = 0; w < BUNDLE_WORDS; w++)
			for (uint64_t bits = same.word[w]; bits != 0; bits &= bits - 1) {
				const uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
				store_inside(run, l->place[i], lane_n(run, i, l->now));
				lane_refill(run, i);
			}
	if (l->now % SAVE_UNITS == 0)
		bundle_save(l, run->need, SAVE_UNITS);
}

/* Sets the length of blocks by the mean count so far: a longer one costs less for its test and
 * more for the replay. Asks whether to go on, where it is time. */
static void run_pause(struct run *run)
{
	const uint64_t mean = run->work / (run->left_count + 1);
	run->units = mean < 230 ? 1 : mean < 900 ? 2 : mean < 4000 ? 4 : UNITS_MAX;
	run->pause_at = run->work + PAUSE_WORK;
	if (run->work >= run->poll_at)
		run_poll(run);
}

static void run_block(struct run *run)
{
	struct bundle *l = &run->bundle;
	struct bundle_lanes out;
	/* Looks come at multiples of their time. */
	const uint32_t units = l->now % run->units == 0 ? run->units : 1;
	run->work += (uint64_t)units * UNIT * BUNDLE;
	if (bundle_advance(l, units, &out))
		run_escapes(run, units, &out);
	if (l->now >= l->first_expiry)
		run_expire(run);
	if (run->task->has_shortcuts && l->now % LOOK_UNITS == 0)
		run_look(run);
	if (run->work >= run->pause_at)
		run_pause(run);
}

static void run_init(struct run *run, const struct escape_task *task)
{
	const uint32_t over = task->limit > DENSE_N ? task->limit - DENSE_N : 1;
	run->task = task;
	run->column = run->row = 0;
	run->total = run->work = run->left_count = 0;
	run->need = (over + UNIT - 1) / UNIT;
	run->has_interior = ESCAPE_STEP == STEP_SQUARE && task->has_shortcuts && !task->is_julia;
	run->is_calm = run->is_over = false;
	run->skipped_units = 0;
	run->units = 1;
	run->pause_at = PAUSE_WORK;
	run->poll_at = POLL_WORK;
	run->ready.count = run->replay.count = run->far.count = 0;
	for (uint32_t i = 0; i < GROUP; i++)
		run->ready.n[i] = run->replay.n[i] = run->far.n[i] = 0;
	bundle_init(&run->bundle);
}

bool ESCAPE_FN(const struct escape_task *task, uint64_t *ret_iterations)
{
	struct run run;
	run_init(&run, task);
	run.bundle.busy = BUNDLE;
	for (uint32_t i = 0; i < BUNDLE; i++)
		lane_refill(&run, i);
	run.bundle.first_expiry = run.need;
	while (run.bundle.busy > 0 && !run.is_over)
		run_block(&run);
	if (run.replay.count > 0)
		replay_flush(&run);
	if (run.far.count > 0)
		far_flush(&run);
	*ret_iterations = run.total;
	return !run.is_over;
}
