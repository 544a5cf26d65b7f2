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
 * that |c| <= 2 - 2^10 u. Points whose computed |c|^2 is above EDGE do not meet that: most escape
 * in the dense part, which needs no such argument, and the few that survive it are left to
 * escape_point().
 *
 * Shortcuts: points of the two largest components are known to be inside (interior.h), and so is a
 * sample whose z has come back to an earlier one, for its orbit repeats from there. Both z have an
 * odd n, so that the form of the steps repeats as well.
 */
#include <assert.h>

#include "worker/kernel/bundle.h"
#include "worker/kernel/interior.h"
#include "worker/kernel/variants.h"

#define PASTE4(a, b, c, d)     a##b##c##d
#define ESCAPE_NAME(isa, f, s) PASTE4(escape_, isa, f, s)
#if KERNEL_F32
#define ESCAPE_FN ESCAPE_NAME(SIMD_NAME, _f32_, ESCAPE_STEP_NAME)
#else
#define ESCAPE_FN ESCAPE_NAME(SIMD_NAME, _f64_, ESCAPE_STEP_NAME)
#endif

#define DENSE   16          /* tests of the dense part; even */
#define DENSE_N (DENSE + 1) /* n of what survives it; odd */
/* |c|^2 of a point that needs escape_point() lies in 4 - EDGE to 4 + EDGE. */
#define EDGE       ((real)(1 << 13) / (real)(UINT64_C(1) << SIMD_ROUNDING_BITS))
#define POLL_WORK  (1u << 26)
#define PAUSE_WORK (1u << 16)

/* Blocks grow with the mean count: a longer one costs less for its test and more for the replay. */
#define UNITS_MAX 8
/* The time between two looks for a repeated z, and the least between two saved ones; units. */
#define LOOK_UNITS UNITS_MAX
#define SAVE_UNITS (8 * LOOK_UNITS)

/* Points of a row, which are cheaper to compute a few vectors at a time. */
#define STRIP (4 * GROUP)

struct strip {
	SIMD_ALIGNED real re[STRIP], im[STRIP];
	SIMD_ALIGNED real depth[STRIP]; /* of interior_depth() */
	uint32_t next;                  /* the first that is not taken */
};

struct run {
	const struct escape_task *task;
	uint32_t column, row; /* the next sample that nobody has taken */
	uint64_t total;       /* iterations of the samples that are done */
	uint64_t need;        /* units from DENSE_N to the limit */
	bool has_interior;    /* look for points of the two largest components */
	bool has_edge;        /* there may be points with |c| near 2 */
	bool is_calm;         /* nothing escaped lately that the dense part would have caught */
	bool is_over;         /* the poll said no */
	uint64_t work;        /* lane steps of the bundles so far */
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

static void store_inside(struct run *run, struct place at, uint64_t iterations)
{
	const struct escape_task *task = run->task;
	if (task->iterations != NULL)
		task->iterations[at.row * task->iterations_stride + at.column] = 0;
	if (task->whole != NULL) {
		task->whole[at.row * task->whole_stride + at.column] = KERNEL_WHOLE_INSIDE;
		task->fraction[at.row * task->fraction_stride + at.column] = 0.0f;
	}
	run->total += iterations;
}

/* Finishes what waits in `far`. */
static void far_flush(struct run *run)
{
	const struct escape_task *task = run->task;
	struct batch *b = &run->far;
	uint32_t whole[GROUP];
	float fraction[GROUP];
	batch_pad(b);
	batch_go_far(b);
	for (uint32_t i = 0; i < GROUP; i++) {
		const double x = (double)b->x[i], y = (double)b->y[i];
		escape_smooth(ESCAPE_STEP, b->n[i], fma(x, x, y * y), &whole[i], &fraction[i]);
	}
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
static void replay_flush(struct run *run)
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

/* Fills the strip with the points of the row from the next sample on. */
static void strip_fill(struct run *run)
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
}

/* Takes the next samples of the row, up to a group, into `ready`. Returns the bit set of those that
 * are known to be inside. */
static uint64_t group_take(struct run *run)
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
static uint64_t group_edge(struct run *run)
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
	for (uint32_t i = 0; i < b->count && any != 0; i++) {
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
		run->total += escape_store(task, ESCAPE_STEP, at.column, at.row, &result);
	}
	return edge;
}

/* Stores the counts of a whole group of neighbours; those that survived are inside. */
static void group_store(struct run *run, const real passed[GROUP])
{
	const struct escape_task *task = run->task;
	const struct batch *b = &run->ready;
	const struct place at = b->place[0];
	uint32_t *to = &task->iterations[at.row * task->iterations_stride + at.column];
	uint32_t n[GROUP], sum = 0;
	for (uint32_t i = 0; i < GROUP; i++) {
		const uint32_t escaped_at = 1 + (uint32_t)(int32_t)passed[i];
		n[i] = escaped_at > task->limit ? 0 : escaped_at;
	}
	for (uint32_t i = 0; i < b->count; i++) {
		to[i] = n[i];
		sum += n[i] == 0 ? task->limit : n[i];
	}
	run->total += sum;
}

/* Stores a whole group of neighbours that are known to be inside. */
static void group_store_inside(struct run *run)
{
	const struct escape_task *task = run->task;
	const struct batch *b = &run->ready;
	const struct place at = b->place[0];
	for (uint32_t i = 0; i < b->count && task->iterations != NULL; i++)
		task->iterations[at.row * task->iterations_stride + at.column + i] = 0;
	for (uint32_t i = 0; i < b->count && task->whole != NULL; i++) {
		task->whole[at.row * task->whole_stride + at.column + i] = KERNEL_WHOLE_INSIDE;
		task->fraction[at.row * task->fraction_stride + at.column + i] = 0.0f;
	}
}

/* Sorts a group after the dense part: what is done is stored, the rest stays in `ready`. */
static void group_sort(struct run *run, uint64_t inside, uint64_t surviving, uint64_t edge,
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
static void run_feed(struct run *run)
{
	const struct escape_task *task = run->task;
	struct batch *b = &run->ready;
	const uint32_t tests = task->limit < DENSE ? (task->limit + 1) / 2 * 2 : DENSE;
	while (b->count == 0 && run->row < task->h && !run->is_over) {
		real passed[GROUP];
		const uint64_t taken = group_take(run);
		const uint64_t all = UINT64_MAX >> (64 - b->count), inside = taken & all;
		if (inside == all) {
			group_store_inside(run);
			b->count = 0;
			continue;
		}
		const uint64_t edge = run->has_edge ? group_edge(run) : 0;
		run->skipped_units = run->is_calm && edge == 0 && inside == 0 ? DENSE / UNIT : 0;
		if (run->skipped_units > 0)
			break;
		run->work += GROUP * DENSE;
		const uint64_t surviving = batch_count(b, tests, task->whole != NULL, passed) & all;
		run->is_calm = surviving == all && tests == DENSE;
		if ((inside | surviving | edge) == 0 && task->whole == NULL) {
			group_store(run, passed);
			b->count = 0;
		} else if (surviving != all || (inside | edge) != 0 || DENSE_N > task->limit) {
			group_sort(run, inside, surviving, edge, passed);
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
	l->expires_at[i] = l->now + run->need + run->skipped_units;
	if (run->task->has_shortcuts) {
		l->saved_x[i] = (real)NAN;
		l->save_at[i] = l->now;
	}
}

/* The n of lane i that its z has at a time of the bundle. */
static uint64_t lane_n(const struct run *run, uint32_t i, uint64_t now)
{
	return DENSE_N + UNIT * (now - (run->bundle.expires_at[i] - run->need));
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
	l->first_expiry = BUNDLE_NEVER;
	for (uint32_t i = 0; i < BUNDLE; i++) {
		if (l->expires_at[i] <= l->now) {
			store_inside(run, l->place[i], run->task->limit);
			lane_refill(run, i);
		}
		if (l->expires_at[i] < l->first_expiry)
			l->first_expiry = l->expires_at[i];
	}
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

/* The iterations so far, those of the samples in the lanes included. */
static uint64_t run_iterations(const struct run *run)
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

/* Asks whether to go on, and sets the length of blocks by the mean count of samples so far. */
static void run_pause(struct run *run)
{
	const struct escape_poll *poll = run->task->poll;
	const uint64_t mean = run->work / (run->left_count + 1);
	run->units = mean < 230 ? 1 : mean < 900 ? 2 : mean < 4000 ? 4 : UNITS_MAX;
	run->pause_at = run->work + PAUSE_WORK;
	if (run->work >= run->poll_at) {
		run->poll_at = run->work + POLL_WORK;
		run->is_over = poll != NULL &&
			       !poll->keep_going(poll->context, run_iterations(run));
	}
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

/* Whether a sample of the task may have |c| within rounding of 2: a corner is the farthest. */
static bool task_has_edge(const struct escape_task *task)
{
	const uint32_t x[2] = {task->x, task->x + task->w - 1};
	const uint32_t y[2] = {task->y, task->y + task->h - 1};
	double most = task->c_re * task->c_re + task->c_im * task->c_im;
	for (int i = 0; i < 4 && !task->is_julia; i++) {
		double re, im;
		const struct point_row row = point_row_of(task->frame, y[i / 2]);
		point_of(task->frame, &row, x[i % 2], &re, &im);
		most = fmax(most, re * re + im * im);
	}
	return most > 3.99;
}

static void run_init(struct run *run, const struct escape_task *task)
{
	const uint32_t over = task->limit > DENSE_N ? task->limit - DENSE_N : 1;
	run->task = task;
	run->column = run->row = 0;
	run->total = run->work = run->left_count = 0;
	run->need = (over + UNIT - 1) / UNIT;
	run->has_interior = ESCAPE_STEP == STEP_SQUARE && task->has_shortcuts && !task->is_julia;
	run->has_edge = task_has_edge(task);
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
