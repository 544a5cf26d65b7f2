/* test_log.c - what stands before a line of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/sys/clock.h"
#include "proto/sys/log.h"

/* The line that is logged while standard error is a pipe; journald's, if asked. */
static void line_of(bool is_journal, char line[256])
{
	int ends[2], old = dup(STDERR_FILENO);
	char stream[64];
	struct stat st;
	assert_true(old >= 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[1], &st), 0);
	(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", is_journal ? stream : "1:1", 1), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_init("brot-broker", LOG_LEVEL_INFO);
	log_line(LOG_LEVEL_WARNING, "a thing happened count=%d", 7);
	log_line(LOG_LEVEL_DEBUG, "nothing of note");
	assert_int_equal(dup2(old, STDERR_FILENO), STDERR_FILENO);
	(void)close(ends[1]);
	ssize_t bytes = read(ends[0], line, 255);
	assert_true(bytes > 0);
	line[bytes] = '\0';
	(void)close(ends[0]);
	(void)close(old);
}

static void a_line_says_when(void **state)
{
	(void)state;
	char line[256];
	int year, month, day, hour, minute, second, end = 0;
	line_of(false, line);
	assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2dZ %n", &year, &month, &day, &hour,
				&minute, &second, &end),
			 6);
	assert_string_equal(line + end, "brot-broker: a thing happened count=7\n");
	assert_in_range(month, 1, 12);
	/* Of 366 days each at most, and 365 at least. */
	assert_in_range(year, 1970 + clock_unix_s() / 31622400, 1970 + clock_unix_s() / 31536000);
	assert_true(day >= 1 && hour <= 23 && minute <= 59 && second <= 60);
}

static void journald_knows_the_time(void **state)
{
	(void)state;
	char line[256];
	line_of(true, line);
	assert_string_equal(line, "<4>a thing happened count=7\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_when),
		cmocka_unit_test(journald_knows_the_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
