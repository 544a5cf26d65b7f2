/* selftest.c - the tiles, and how a kernel is held against their answers. */
#include "worker/selftest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "worker/kernel/derive.h"

/* Odd, so that vectors do not come out even and the middle sample lies at the centre; together
 * more samples than any kernel has in flight, so that lanes are refilled. */
#define TILE_COLUMNS 37
#define TILE_ROWS    5
#define TILE_SAMPLES (TILE_COLUMNS * TILE_ROWS)

#define SPEED_COLUMNS 64
#define SPEED_ROWS    256

#define DETAIL_BYTES 96

struct tile {
	const char *place;
	enum escape_step step;
	bool is_slow; /* left out at start */
	uint32_t limit;
	double re, im, width; /* samples lie on a square grid */
	double cos, sin;
	bool is_julia;
	double c_re, c_im;
};

/* "whole" has inside and outside, and the real axis in its middle row; "coast" is at the boundary,
 * where a sample's fate hangs on the last bit. The first tile of a step is where its speed is
 * measured. */
static const struct tile tiles[] = {
	{"seahorse", STEP_SQUARE, true, 200, -0.74375, 0.13125, 0.0015, 0.8, 0.6, false, 0, 0},
	{"whole", STEP_SQUARE, false, 40, -0.75, 0, 3, 1, 0, false, 0, 0},
	/* i is a boundary point, and exactly the middle sample. */
	{"coast", STEP_SQUARE, false, 50, 0, 1, 1e-9, 1, 0, false, 0, 0},
	{"julia", STEP_SQUARE, false, 50, 0, 0, 3, 0.8, 0.6, true, -0.8, 0.156},
	{"island", STEP_SQUARE, true, 3000, -1.7548776662466927, 0.001, 0.03, 1, 0, false, 0, 0},
	{"coast", STEP_POWER3, true, 100, 0.581801, 0.599045, 2e-3, 1, 0, false, 0, 0},
	{"whole", STEP_POWER3, false, 30, 0, 0, 3, 1, 0, false, 0, 0},
	{"coast", STEP_POWER4, true, 100, 0.212658, 0.766015, 2e-3, 1, 0, false, 0, 0},
	{"whole", STEP_POWER4, false, 30, 0, 0, 3, 1, 0, false, 0, 0},
	{"coast", STEP_POWER5, true, 100, -0.743434, 0.832061, 2e-3, 1, 0, false, 0, 0},
	{"whole", STEP_POWER5, false, 30, 0, 0, 3, 1, 0, false, 0, 0},
	{"coast", STEP_POWER6, true, 100, -0.245026, 1.050247, 2e-3, 1, 0, false, 0, 0},
	{"whole", STEP_POWER6, false, 30, 0, 0, 3, 1, 0, false, 0, 0},
	{"coast", STEP_BURNING_SHIP, true, 100, -1.755, -0.03, 0.05, 1, 0, false, 0, 0},
	{"whole", STEP_BURNING_SHIP, false, 30, -0.5, 0, 3.5, 1, 0, false, 0, 0},
	{"coast", STEP_TRICORN, true, 100, -1.5, 1e-7, 3e-7, 1, 0, false, 0, 0},
	{"whole", STEP_TRICORN, false, 30, -0.25, 0, 3.5, 1, 0, false, 0, 0},
};

#define TILE_COUNT (sizeof tiles / sizeof tiles[0])

#include "worker/selftest_answers.h"

_Static_assert(sizeof answers / sizeof answers[0] == TILE_COUNT,
	       "every tile has an answer: print them with print_selftest");

#define STEP_NAME(tag, upper, lower) #lower,
static const char *const step_names[] = {ESCAPE_STEPS(STEP_NAME, )};
#undef STEP_NAME

struct numbers {
	uint32_t iterations[TILE_SAMPLES];
	struct {
		uint32_t whole[TILE_SAMPLES];
		float fraction[TILE_SAMPLES];
	} smooth;
	struct {
		uint32_t whole[TILE_SAMPLES], period[TILE_SAMPLES];
		float fraction[TILE_SAMPLES], distance[2 * TILE_SAMPLES];
		float phase[TILE_SAMPLES], interior[TILE_SAMPLES];
	} derived;
};

/* What a kernel is asked for at a time. */
enum answer { ANSWER_ITERATIONS, ANSWER_SMOOTH, ANSWER_DERIVED, ANSWER_COUNT };

static const char *const answer_names[ANSWER_COUNT] = {"iterations", "smooth counts",
						       "derivatives"};

const char *selftest_step_name(enum escape_step step)
{
	assert((unsigned)step < STEP_COUNT);
	return step_names[step];
}

size_t selftest_tile_count(void)
{
	return TILE_COUNT;
}

void selftest_tile_name(size_t tile, char *buffer, size_t bytes)
{
	(void)snprintf(buffer, bytes, "%s %s", step_names[tiles[tile].step], tiles[tile].place);
}

struct selftest_digests selftest_answer(size_t tile, enum precision precision)
{
	return answers[tile][precision];
}

static struct point_frame tile_frame(const struct tile *tile, uint32_t columns, uint32_t rows)
{
	const double half = tile->width / (2.0 * columns);
	return (struct point_frame){
		.re = tile->re,
		.im = tile->im,
		.step_re = half,
		.step_im = half,
		.cos = tile->cos,
		.sin = tile->sin,
		.columns = columns,
		.rows = rows,
	};
}

static struct escape_task tile_task(const struct tile *tile, const struct point_frame *frame,
				    bool has_shortcuts)
{
	return (struct escape_task){
		.frame = frame,
		.w = frame->columns,
		.h = frame->rows,
		.limit = tile->limit,
		.is_julia = tile->is_julia,
		.c_re = tile->c_re,
		.c_im = tile->c_im,
		.has_shortcuts = has_shortcuts,
	};
}

static void tile_derive(const struct tile *tile, const struct kernel *kernel,
			const struct escape_task *escape, struct numbers *numbers)
{
	const struct derive_task task = {
		.escape = escape,
		.samples = 1,
		.iterations = numbers->iterations,
		.iterations_stride = TILE_COLUMNS,
		.whole = numbers->derived.whole,
		.whole_stride = TILE_COLUMNS,
		.fraction = numbers->derived.fraction,
		.fraction_stride = TILE_COLUMNS,
		.distance = numbers->derived.distance,
		.distance_stride = TILE_COLUMNS,
		.phase = numbers->derived.phase,
		.phase_stride = TILE_COLUMNS,
		.period = numbers->derived.period,
		.period_stride = TILE_COLUMNS,
		.interior = numbers->derived.interior,
		.interior_stride = TILE_COLUMNS,
	};
	(void)kernel->derive[tile->step](&task);
}

/* The numbers in one of the ways that kernels are asked for them; derivatives are of the counts
 * that they find. */
static void tile_compute(const struct tile *tile, enum precision precision,
			 const struct kernel *kernel, enum answer answer, bool has_shortcuts,
			 struct numbers *ret_numbers)
{
	const struct point_frame frame = tile_frame(tile, TILE_COLUMNS, TILE_ROWS);
	struct escape_task task = tile_task(tile, &frame, has_shortcuts);
	uint64_t iterations;
	if (answer == ANSWER_SMOOTH) {
		task.whole = ret_numbers->smooth.whole;
		task.fraction = ret_numbers->smooth.fraction;
		task.whole_stride = task.fraction_stride = TILE_COLUMNS;
	} else {
		task.iterations = ret_numbers->iterations;
		task.iterations_stride = TILE_COLUMNS;
	}
	/* What a kernel leaves out must show. */
	memset(ret_numbers, 0xa5, sizeof *ret_numbers);
	(void)kernel->escape[precision][tile->step](&task, &iterations);
	if (answer == ANSWER_DERIVED)
		tile_derive(tile, kernel, &task, ret_numbers);
}

static uint64_t digest_of(const struct numbers *numbers, enum answer answer)
{
	switch (answer) {
	case ANSWER_SMOOTH:
		return XXH3_64bits(&numbers->smooth, sizeof numbers->smooth);
	case ANSWER_DERIVED:
		return XXH3_64bits(&numbers->derived, sizeof numbers->derived);
	case ANSWER_ITERATIONS:
	case ANSWER_COUNT:
		break;
	}
	return XXH3_64bits(numbers->iterations, sizeof numbers->iterations);
}

struct selftest_digests selftest_compute(size_t tile, enum precision precision,
					 const struct kernel *kernel, bool has_shortcuts)
{
	uint64_t digests[ANSWER_COUNT] = {0};
	for (unsigned answer = 0; answer < ANSWER_COUNT; answer++) {
		struct numbers numbers;
		if (answer == ANSWER_DERIVED && precision != PRECISION_F64)
			continue;
		tile_compute(&tiles[tile], precision, kernel, (enum answer)answer, has_shortcuts,
			     &numbers);
		digests[answer] = digest_of(&numbers, (enum answer)answer);
	}
	return (struct selftest_digests){digests[ANSWER_ITERATIONS], digests[ANSWER_SMOOTH],
					 digests[ANSWER_DERIVED]};
}

/* Whether two have the same derivatives of sample i. */
static bool derived_equal(const struct numbers *a, const struct numbers *b, unsigned i)
{
	return a->derived.whole[i] == b->derived.whole[i] &&
	       a->derived.period[i] == b->derived.period[i] &&
	       memcmp(&a->derived.fraction[i], &b->derived.fraction[i], sizeof(float)) == 0 &&
	       memcmp(&a->derived.distance[2 * i], &b->derived.distance[2 * i],
		      2 * sizeof(float)) == 0 &&
	       memcmp(&a->derived.phase[i], &b->derived.phase[i], sizeof(float)) == 0 &&
	       memcmp(&a->derived.interior[i], &b->derived.interior[i], sizeof(float)) == 0;
}

/* The first sample where two differ, as half a sentence; false where they do not. */
static bool difference_tell(const struct numbers *want, const struct numbers *got,
			    enum answer answer, char detail[DETAIL_BYTES])
{
	for (unsigned i = 0; i < TILE_SAMPLES; i++) {
		const unsigned x = i % TILE_COLUMNS, y = i / TILE_COLUMNS;
		if (answer == ANSWER_ITERATIONS && want->iterations[i] != got->iterations[i]) {
			(void)snprintf(detail, DETAIL_BYTES, "sample (%u, %u) must be %u, got %u",
				       x, y, want->iterations[i], got->iterations[i]);
			return true;
		}
		if (answer == ANSWER_SMOOTH &&
		    (want->smooth.whole[i] != got->smooth.whole[i] ||
		     memcmp(&want->smooth.fraction[i], &got->smooth.fraction[i], sizeof(float)) !=
			     0)) {
			(void)snprintf(detail, DETAIL_BYTES,
				       "sample (%u, %u) must be %u + %a, got %u + %a", x, y,
				       want->smooth.whole[i], (double)want->smooth.fraction[i],
				       got->smooth.whole[i], (double)got->smooth.fraction[i]);
			return true;
		}
		if (answer == ANSWER_DERIVED && !derived_equal(want, got, i)) {
			(void)snprintf(detail, DETAIL_BYTES,
				       "sample (%u, %u) must have (%a, %a), got (%a, %a)", x, y,
				       (double)want->derived.distance[2 * i],
				       (double)want->derived.distance[2 * i + 1],
				       (double)got->derived.distance[2 * i],
				       (double)got->derived.distance[2 * i + 1]);
			return true;
		}
	}
	return false;
}

/* The answers are digests; which sample is wrong, the reference knows, if it is right itself. */
static void difference_find(const struct tile *tile, enum precision precision,
			    const struct kernel *kernel, const struct numbers *got,
			    enum answer answer, uint64_t digest, char detail[DETAIL_BYTES])
{
	const struct kernel *reference = NULL;
	struct numbers want;
	bool is_right = false;
	if (kernel_by_name("scalar", &reference, NULL) == BROT_OK) {
		tile_compute(tile, precision, reference, answer, false, &want);
		is_right = digest_of(&want, answer) == digest;
	}
	if (is_right && difference_tell(&want, got, answer, detail))
		return;
	(void)snprintf(detail, DETAIL_BYTES, "the digest must be %016llx, got %016llx%s",
		       (unsigned long long)digest, (unsigned long long)digest_of(got, answer),
		       is_right || kernel == reference ? "" : ", and scalar is wrong too");
}

static enum brot_err tile_check(const struct tile *tile, enum precision precision,
				const struct kernel *kernel, enum answer answer, bool has_shortcuts,
				struct brot_error *err)
{
	const struct selftest_digests *digests = &answers[tile - tiles][precision];
	const uint64_t digest = answer == ANSWER_ITERATIONS ? digests->iterations
				: answer == ANSWER_SMOOTH   ? digests->smooth
							    : digests->derived;
	struct numbers numbers;
	char detail[DETAIL_BYTES];
	tile_compute(tile, precision, kernel, answer, has_shortcuts, &numbers);
	if (digest_of(&numbers, answer) == digest)
		return BROT_OK;
	difference_find(tile, precision, kernel, &numbers, answer, digest, detail);
	return error_set(err, BROT_E_INTERNAL,
			 "self-test: kernel %s, %s, step %s, tile %s, %s %s shortcuts: %s",
			 kernel->name, precision_name(precision), step_names[tile->step],
			 tile->place, answer_names[answer], has_shortcuts ? "with" : "without",
			 detail);
}

/* At start, the square is asked for counts without shortcuts and smooth counts with them, the other
 * steps for the latter alone: theirs differ from it in the step. Derivatives, in f64 alone, are
 * asked for with shortcuts, which change nothing there but the counts. */
static bool is_wanted(const struct tile *tile, enum precision precision, enum selftest_depth depth,
		      enum answer answer, bool has_shortcuts)
{
	if (answer == ANSWER_DERIVED)
		return precision == PRECISION_F64 && has_shortcuts &&
		       (depth == SELFTEST_FULL || !tile->is_slow);
	if (depth == SELFTEST_FULL)
		return true;
	return !tile->is_slow && (answer == ANSWER_SMOOTH) == has_shortcuts &&
	       (answer == ANSWER_SMOOTH || tile->step == STEP_SQUARE);
}

enum brot_err selftest_step(const struct kernel *kernel, enum precision precision,
			    enum escape_step step, enum selftest_depth depth, uint32_t *ret_checks,
			    struct brot_error *err)
{
	*ret_checks = 0;
	for (size_t i = 0; i < TILE_COUNT; i++)
		for (unsigned way = 0; way < 2 * ANSWER_COUNT; way++) {
			const enum answer answer = (enum answer)(way % ANSWER_COUNT);
			const bool has_shortcuts = way >= ANSWER_COUNT;
			if (tiles[i].step != step ||
			    !is_wanted(&tiles[i], precision, depth, answer, has_shortcuts))
				continue;
			++*ret_checks;
			enum brot_err code = tile_check(&tiles[i], precision, kernel, answer,
							has_shortcuts, err);
			if (code != BROT_OK)
				return code;
		}
	if (step != STEP_SQUARE || precision != PRECISION_F64)
		return BROT_OK;
	uint32_t checks;
	const enum brot_err code = selftest_buddha(kernel, &checks, err);
	*ret_checks += checks;
	return code;
}

enum brot_err selftest_kernel(const struct kernel *kernel, enum selftest_depth depth,
			      struct brot_error *err)
{
	for (unsigned precision = 0; precision < PRECISION_COUNT; precision++)
		for (unsigned step = 0; step < STEP_COUNT; step++) {
			uint32_t checks;
			enum brot_err code = selftest_step(kernel, (enum precision)precision,
							   (enum escape_step)step, depth, &checks,
							   err);
			if (code != BROT_OK)
				return code;
		}
	return BROT_OK;
}

uint64_t selftest_speed(const struct kernel *kernel, enum precision precision,
			enum escape_step step, int64_t least_us, selftest_clock *clock_us)
{
	const struct tile *tile = tiles;
	while (tile->step != step)
		tile++;
	uint32_t numbers[SPEED_COLUMNS * SPEED_ROWS];
	const struct point_frame frame = tile_frame(tile, SPEED_COLUMNS, SPEED_ROWS);
	struct escape_task task = tile_task(tile, &frame, false);
	task.iterations = numbers;
	task.iterations_stride = SPEED_COLUMNS;
	/* A slow kernel is done after a row; a fast one needs many before its lanes and the clock
	 * count for little. */
	for (uint32_t rows = 1, calls = 1;;) {
		uint64_t iterations = 0, one;
		task.y = (SPEED_ROWS - rows) / 2;
		task.h = rows;
		const int64_t begin_us = clock_us();
		for (uint32_t call = 0; call < calls; call++) {
			(void)kernel->escape[precision][step](&task, &one);
			iterations += one;
		}
		const int64_t spent_us = clock_us() - begin_us;
		if (spent_us >= least_us && spent_us > 0) {
			const uint64_t rate = iterations * 1000000 / (uint64_t)spent_us;
			return rate > 0 ? rate : 1;
		}
		if (rows < SPEED_ROWS)
			rows *= 4;
		else if (calls < UINT32_MAX / 2)
			calls *= 2;
	}
}
