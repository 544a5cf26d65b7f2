/* test_request_options.c - priorities in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/request_options.h"

static void priorities(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int32_t priority;
	} good[] = {{NULL, 0}, {"0", 0}, {"-0", 0}, {"007", 7}, {"100", 100}, {"-100", -100}};
	static const char *const bad[] = {"",    "-",  "+1", "1.5", "101",        "-101",
					  "--1", "1 ", " 1", "x",   "4294967297", "99999999999999"};
	struct brot_error err;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int32_t priority = -7;
		assert_int_equal(
			request_options_priority("--priority", good[i].text, &priority, &err),
			BROT_OK);
		assert_int_equal(priority, good[i].priority);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int32_t priority = -7;
		assert_int_equal(request_options_priority("--priority", bad[i], &priority, &err),
				 BROT_E_USAGE);
		assert_int_equal(priority, -7);
	}
	int32_t priority = 0;
	(void)request_options_priority("PRIORITY", "101", &priority, &err);
	assert_string_equal(err.text,
			    "PRIORITY: must be a whole number from -100 to 100, got \"101\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(priorities)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
