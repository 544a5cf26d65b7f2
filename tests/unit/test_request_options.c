/* test_request_options.c - priorities in words, and what is to be told to wait. */
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

/* The numbers that a job becomes do not say how deep its picture was to be. */
static void formats_for_wait(void **state)
{
	(void)state;
	static struct request request;
	request_init(&request);
	request.format = FORMAT_RGB16;
	assert_null(request_options_wait_format(&request));
	request.colour.mode = COLOUR_HISTOGRAM;
	assert_string_equal(request_options_wait_format(&request), "rgb16");
	request.format = FORMAT_RGB8;
	assert_null(request_options_wait_format(&request));
	request.format = FORMAT_RAW;
	assert_null(request_options_wait_format(&request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priorities),
		cmocka_unit_test(formats_for_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
