/*
 * test_selftest.c - the self-test passes what is right, and says what is wrong and where.
 *
 * Wrong kernels are wrappers of the scalar one that spoil one number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "worker/buddha/buddha.h"
#include "worker/buddha/scatter.h"
#include "worker/kernel/derive.h"
#include "worker/selftest.h"

static const struct kernel *scalar(void)
{
	const struct kernel *kernel = NULL;
	struct brot_error err;
	if (kernel_by_name("scalar", &kernel, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return kernel;
}

static void answers_are_those_of_the_reference(void **state)
{
	(void)state;
	assert_true(selftest_tile_count() >= 2 * STEP_COUNT);
	for (size_t tile = 0; tile < selftest_tile_count(); tile++)
		for (unsigned p = 0; p < PRECISION_COUNT; p++) {
			const enum precision precision = (enum precision)p;
			const struct selftest_digests want = selftest_answer(tile, precision);
			const struct selftest_digests got = selftest_compute(tile, precision,
									     scalar(), false);
			char name[64];
			selftest_tile_name(tile, name, sizeof name);
			if (want.iterations != got.iterations || want.smooth != got.smooth ||
			    want.derived != got.derived)
				fail_msg("%s in %s: print the answers anew with print_selftest, if "
					 "the definition of the numbers was meant to change",
					 name, precision_name(precision));
		}
}

static void every_kernel_passes(void **state)
{
	(void)state;
	const struct kernel *kernel;
	struct brot_error err = {0};
	for (size_t i = 0; (kernel = kernel_at(i)) != NULL; i++)
		if (kernel->supported() && selftest_kernel(kernel, SELFTEST_FULL, &err) != BROT_OK)
			fail_msg("%s", err.text);
}

/* What the wrong kernel does to the numbers of its next call. */
static struct {
	enum precision precision;
	enum escape_step step;
	bool only_with_shortcuts, only_smooth, only_derived, only_buddha;
} fault;

static bool is_spoiled(enum precision precision, enum escape_step step,
		       const struct escape_task *task)
{
	return !fault.only_derived && !fault.only_buddha && precision == fault.precision &&
	       step == fault.step && (task->has_shortcuts || !fault.only_with_shortcuts) &&
	       (task->whole != NULL || !fault.only_smooth);
}

static bool wrong(enum precision precision, enum escape_step step, const struct escape_task *task,
		  uint64_t *ret_iterations)
{
	const bool is_whole = scalar()->escape[precision][step](task, ret_iterations);
	if (!is_spoiled(precision, step, task))
		return is_whole;
	const size_t last = task->w - 1;
	if (task->iterations != NULL)
		task->iterations[(task->h - 1) * task->iterations_stride + last]++;
	if (task->fraction != NULL) {
		float *fraction = &task->fraction[(task->h - 1) * task->fraction_stride + last];
		*fraction = nextafterf(*fraction, 2);
	}
	return is_whole;
}

#define WRONG(precision, upper, lower)                                                   \
	static bool wrong_##precision##_##lower(const struct escape_task *task,          \
						uint64_t *ret_iterations)                \
	{                                                                                \
		return wrong(PRECISION_##precision, STEP_##upper, task, ret_iterations); \
	}
ESCAPE_STEPS(WRONG, F64)
ESCAPE_STEPS(WRONG, F32)
#undef WRONG

static bool wrong_derive(enum escape_step step, const struct derive_task *task)
{
	const bool is_whole = scalar()->derive[step](task);
	const struct escape_task *escape = task->escape;
	const size_t last = (escape->h - 1) * task->phase_stride + escape->w - 1;
	if (fault.only_derived && step == fault.step)
		task->phase[last] = nextafterf(task->phase[last], 2);
	return is_whole;
}

#define WRONG(tag, upper, lower)                                         \
	static bool wrong_derive_##lower(const struct derive_task *task) \
	{                                                                \
		return wrong_derive(STEP_##upper, task);                 \
	}
ESCAPE_STEPS(WRONG, )
#undef WRONG

static bool wrong_buddha(const struct buddha_job *job, uint64_t first, uint64_t count,
			 struct scatter *scatter, const struct escape_poll *poll,
			 uint64_t *ret_iterations)
{
	const bool is_whole = scalar()->buddha(job, first, count, scatter, poll, ret_iterations);
	if (fault.only_buddha && (job->is_inside || !fault.only_with_shortcuts))
		scatter_add_one(scatter, 5, 0, 1);
	return is_whole;
}

static bool always(void)
{
	return true;
}

#define WRONG_STEP(precision, upper, lower) [STEP_##upper] = wrong_##precision##_##lower,
#define WRONG_DERIVE(tag, upper, lower)     [STEP_##upper] = wrong_derive_##lower,
static const struct kernel wrong_kernel = {
	.name = "wrong",
	.needs = "",
	.supported = always,
	.escape =
		{
			[PRECISION_F64] = {ESCAPE_STEPS(WRONG_STEP, F64)},
			[PRECISION_F32] = {ESCAPE_STEPS(WRONG_STEP, F32)},
		},
	.derive = {ESCAPE_STEPS(WRONG_DERIVE, )},
	.buddha = wrong_buddha,
};

static void assert_begins(const char *text, const char *begin)
{
	if (strncmp(text, begin, strlen(begin)) != 0)
		fail_msg("\"%s\" should begin with \"%s\"", text, begin);
}

/* One number that is wrong by one, in any precision and step, is found by both forms. */
static void one_wrong_number_is_found(void **state)
{
	(void)state;
	for (int depth = SELFTEST_START; depth <= SELFTEST_FULL; depth++)
		for (int p = 0; p < PRECISION_COUNT; p++)
			for (int step = 0; step < STEP_COUNT; step++) {
				struct brot_error err = {0};
				fault.precision = (enum precision)p;
				fault.step = (enum escape_step)step;
				assert_int_equal(selftest_kernel(&wrong_kernel,
								 (enum selftest_depth)depth, &err),
						 BROT_E_INTERNAL);
				char begin[96];
				(void)snprintf(begin, sizeof begin,
					       "self-test: kernel wrong, %s, step %s, tile ",
					       precision_name(fault.precision),
					       selftest_step_name(fault.step));
				assert_begins(err.text, begin);
				assert_non_null(strstr(err.text, ": sample (36, 4) must be "));
			}
}

static void one_wrong_derivative_is_found(void **state)
{
	(void)state;
	fault.only_derived = true;
	for (int depth = SELFTEST_START; depth <= SELFTEST_FULL; depth++)
		for (int step = 0; step < STEP_COUNT; step++) {
			struct brot_error err = {0};
			fault.step = (enum escape_step)step;
			assert_int_equal(
				selftest_kernel(&wrong_kernel, (enum selftest_depth)depth, &err),
				BROT_E_INTERNAL);
			char begin[96];
			(void)snprintf(begin, sizeof begin,
				       "self-test: kernel wrong, f64, step %s, tile ",
				       selftest_step_name(fault.step));
			assert_begins(err.text, begin);
			assert_non_null(strstr(err.text, ", derivatives with shortcuts: sample "));
			assert_non_null(strstr(err.text, ": sample (36, 4) must have "));
		}
	fault.only_derived = false;
}

static void the_sentence_says_what_was_asked(void **state)
{
	(void)state;
	struct brot_error err = {0};
	uint32_t checks = 0;
	fault.precision = PRECISION_F64;
	fault.step = STEP_SQUARE;
	fault.only_smooth = fault.only_with_shortcuts = true;
	assert_int_equal(selftest_step(&wrong_kernel, PRECISION_F32, STEP_SQUARE, SELFTEST_FULL,
				       &checks, &err),
			 BROT_OK);
	assert_true(checks >= 4);
	assert_int_equal(selftest_step(&wrong_kernel, PRECISION_F64, STEP_SQUARE, SELFTEST_START,
				       &checks, &err),
			 BROT_E_INTERNAL);
	assert_begins(err.text, "self-test: kernel wrong, f64, step square, tile whole, smooth "
				"counts with shortcuts: sample (36, 4) must be ");
	fault.only_smooth = fault.only_with_shortcuts = false;
	assert_int_equal(selftest_step(&wrong_kernel, PRECISION_F64, STEP_SQUARE, SELFTEST_START,
				       &checks, &err),
			 BROT_E_INTERNAL);
	assert_begins(err.text, "self-test: kernel wrong, f64, step square, tile whole, iterations "
				"without shortcuts: sample (36, 4) must be ");
}

static int64_t fake_us;

static int64_t fake_clock(void)
{
	return fake_us;
}

/* Does a million iterations a second, by the fake clock. */
static bool slow(const struct escape_task *task, uint64_t *ret_iterations)
{
	*ret_iterations = 10 * (uint64_t)task->w * task->h;
	fake_us += (int64_t)*ret_iterations;
	return true;
}

static bool instant(const struct escape_task *task, uint64_t *ret_iterations)
{
	*ret_iterations = (uint64_t)task->w * task->h;
	fake_us++;
	return true;
}

static void speed_is_iterations_by_time(void **state)
{
	(void)state;
	const struct kernel slow_kernel = {.escape = {{[STEP_SQUARE] = slow}}};
	const struct kernel instant_kernel = {.escape = {{[STEP_SQUARE] = instant}}};
	static const int64_t least_us[] = {1, 1000, 1000000};
	for (size_t i = 0; i < sizeof least_us / sizeof least_us[0]; i++) {
		assert_int_equal(selftest_speed(&slow_kernel, PRECISION_F64, STEP_SQUARE,
						least_us[i], fake_clock),
				 1000000);
		assert_true(selftest_speed(&instant_kernel, PRECISION_F64, STEP_SQUARE, least_us[i],
					   fake_clock) > 1000000);
	}
}

/* One hit too many, in any way to count. */
static void one_wrong_count_is_found(void **state)
{
	(void)state;
	for (int only_inside = 0; only_inside < 2; only_inside++) {
		struct brot_error err = {0};
		uint32_t checks;
		memset(&fault, 0, sizeof fault);
		fault.only_buddha = true;
		fault.only_with_shortcuts = only_inside;
		assert_int_equal(selftest_kernel(&wrong_kernel, SELFTEST_START, &err),
				 BROT_E_INTERNAL);
		assert_begins(err.text,
			      only_inside ? "self-test: kernel wrong, Buddhabrot inside: the "
					  : "self-test: kernel wrong, Buddhabrot whole: the ");
		assert_int_equal(selftest_buddha(&wrong_kernel, &checks, &err), BROT_E_INTERNAL);
	}
	memset(&fault, 0, sizeof fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_of_the_reference),
		cmocka_unit_test(every_kernel_passes),
		cmocka_unit_test(one_wrong_number_is_found),
		cmocka_unit_test(one_wrong_derivative_is_found),
		cmocka_unit_test(the_sentence_says_what_was_asked),
		cmocka_unit_test(one_wrong_count_is_found),
		cmocka_unit_test(speed_is_iterations_by_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
