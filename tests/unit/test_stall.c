/* test_stall.c - a thread that does not move, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "worker/stall.h"

static void one_that_moves_is_never_still(void **state)
{
	struct stall stall = {0};
	(void)state;
	for (int64_t now_ms = 1000; now_ms < 100000; now_ms += 1000)
		assert_int_equal(stall_look(&stall, true, (uint64_t)now_ms, now_ms), 0);
}

static void one_that_stops_is_still_since_it_was_last_seen_to_move(void **state)
{
	struct stall stall = {0};
	(void)state;
	assert_int_equal(stall_look(&stall, true, 5, 1000), 0);
	assert_int_equal(stall_look(&stall, true, 5, 1400), 400);
	assert_int_equal(stall_look(&stall, true, 5, 31000), 30000);
	assert_int_equal(stall_look(&stall, true, 6, 31001), 0);
	assert_int_equal(stall_look(&stall, true, 6, 31003), 2);
}

static void one_without_work_is_not_still(void **state)
{
	struct stall stall = {0};
	(void)state;
	assert_int_equal(stall_look(&stall, true, 5, 1000), 0);
	assert_int_equal(stall_look(&stall, false, 6, 2000), 0);
	assert_int_equal(stall_look(&stall, false, 6, 90000), 0);
	/* Work comes: the time begins with it, though its first step is not done. */
	assert_int_equal(stall_look(&stall, true, 6, 90100), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_moves_is_never_still),
		cmocka_unit_test(one_that_stops_is_still_since_it_was_last_seen_to_move),
		cmocka_unit_test(one_without_work_is_not_still),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
