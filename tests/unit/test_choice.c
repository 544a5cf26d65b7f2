/* test_choice.c - which kernels are offered, and which one is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "worker/choice.h"

static int64_t fake_us;

static int64_t fake_clock(void)
{
	return fake_us;
}

/* Takes so many microseconds for a thousand iterations. */
static void spend(const struct escape_task *task, uint64_t *ret_iterations, int64_t us)
{
	*ret_iterations = 1000 * (uint64_t)task->w * task->h;
	fake_us += us * task->w * task->h;
}

static bool in_100(const struct escape_task *task, uint64_t *ret_iterations)
{
	spend(task, ret_iterations, 100);
	return true;
}

static bool in_97(const struct escape_task *task, uint64_t *ret_iterations)
{
	spend(task, ret_iterations, 97);
	return true;
}

static bool in_50(const struct escape_task *task, uint64_t *ret_iterations)
{
	spend(task, ret_iterations, 50);
	return true;
}

#define KERNEL(label, f64, f32)                                                           \
	{                                                                                 \
		.name = label, .escape = { {[STEP_SQUARE] = f64}, {[STEP_SQUARE] = f32} } \
	}
static const struct kernel steady = KERNEL("steady", in_100, in_100);
static const struct kernel equal = KERNEL("equal", in_97, in_97);
static const struct kernel fast = KERNEL("fast", in_50, in_100);
static const struct kernel fast_f32 = KERNEL("fast_f32", in_100, in_50);

static const struct kernel *chosen(const struct kernel *first, const struct kernel *second)
{
	struct choice choice = {.count = 2, .offers = {{.kernel = first}, {.kernel = second}}};
	choice_measure(&choice, fake_clock);
	assert_non_null(choice.kernel);
	return choice.kernel;
}

static void the_fastest_in_f64_is_taken(void **state)
{
	(void)state;
	assert_ptr_equal(chosen(&fast, &steady), &fast);
	assert_ptr_equal(chosen(&steady, &fast), &fast);
	assert_ptr_equal(chosen(&steady, &fast_f32), &steady);
	/* Within the margin the first of the table stays. */
	assert_ptr_equal(chosen(&steady, &equal), &steady);
	assert_ptr_equal(chosen(&equal, &steady), &equal);
}

static void speeds_are_kept(void **state)
{
	(void)state;
	struct choice choice = {.count = 2, .offers = {{.kernel = &steady}, {.kernel = &fast}}};
	choice_measure(&choice, fake_clock);
	assert_int_equal(choice.offers[0].speed[PRECISION_F64], 10000000);
	assert_int_equal(choice.offers[0].speed[PRECISION_F32], 10000000);
	assert_int_equal(choice.offers[1].speed[PRECISION_F64], 20000000);
	assert_int_equal(choice.offers[1].speed[PRECISION_F32], 10000000);
	assert_int_equal(choice_speed(&choice), 20000000);
}

static void all_that_the_cpu_can_run_is_offered(void **state)
{
	(void)state;
	struct choice choice;
	struct brot_error err = {0};
	const struct kernel *kernel;
	uint32_t supported = 0;
	assert_int_equal(choice_offer(NULL, &choice, &err), BROT_OK);
	for (size_t i = 0; (kernel = kernel_at(i)) != NULL; i++)
		if (kernel->supported())
			assert_ptr_equal(choice.offers[supported++].kernel, kernel);
	assert_int_equal(choice.count, supported);
	assert_true(supported >= 1);
	if (choice_check(&choice, &err) != BROT_OK)
		fail_msg("%s", err.text);
}

static void one_that_is_named_is_alone(void **state)
{
	(void)state;
	struct choice choice;
	struct brot_error err = {0};
	assert_int_equal(choice_offer("scalar", &choice, &err), BROT_OK);
	assert_int_equal(choice.count, 1);
	assert_string_equal(choice.offers[0].kernel->name, "scalar");
}

static void a_wrong_name_is_refused(void **state)
{
	(void)state;
	struct choice choice = {.count = 77};
	struct brot_error err = {0};
	assert_int_equal(choice_offer("mmx", &choice, &err), BROT_E_USAGE);
	assert_non_null(strstr(err.text, "scalar"));
	assert_non_null(strstr(err.text, "\"mmx\""));
	assert_int_equal(choice.count, 77);
}

/* The one kernel of a choice may be wrong although it is not the one in use. */
static bool nothing(const struct escape_task *task, uint64_t *ret_iterations)
{
	(void)task;
	*ret_iterations = 0;
	return true;
}

static void a_wrong_kernel_that_is_not_used_counts(void **state)
{
	(void)state;
	struct choice choice;
	struct brot_error err = {0};
	struct kernel idle = {.name = "idle"};
	for (int p = 0; p < PRECISION_COUNT; p++)
		for (int step = 0; step < STEP_COUNT; step++)
			idle.escape[p][step] = nothing;
	assert_int_equal(choice_offer("scalar", &choice, &err), BROT_OK);
	choice.kernel = choice.offers[0].kernel;
	choice.offers[choice.count++].kernel = &idle;
	assert_int_equal(choice_check(&choice, &err), BROT_E_INTERNAL);
	assert_non_null(strstr(err.text, "kernel idle, f64, step square"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fastest_in_f64_is_taken),
		cmocka_unit_test(speeds_are_kept),
		cmocka_unit_test(all_that_the_cpu_can_run_is_offered),
		cmocka_unit_test(one_that_is_named_is_alone),
		cmocka_unit_test(a_wrong_name_is_refused),
		cmocka_unit_test(a_wrong_kernel_that_is_not_used_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
