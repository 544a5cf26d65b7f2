/* test_last_words.c - what is kept of a child's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "client/last_words.h"

static void say(int writer, const char *text)
{
	assert_int_equal(write(writer, text, strlen(text)), (ssize_t)strlen(text));
}

static void the_last_line(void **state)
{
	struct last_words words = LAST_WORDS_NONE;
	int writer;
	(void)state;
	assert_true(last_words_open(&words, &writer));
	last_words_hear(&words);
	assert_string_equal(words.line, "");
	say(writer, "first\nsecond");
	last_words_hear(&words);
	assert_string_equal(words.line, "second");
	say(writer, " half\n\n");
	last_words_hear(&words);
	assert_string_equal(words.line, "second half");
	char much[LAST_WORDS_CHARS + 100];
	memset(much, 'm', sizeof much);
	much[sizeof much - 1] = '\0';
	say(writer, much);
	last_words_hear(&words);
	assert_int_equal(strlen(words.line), LAST_WORDS_CHARS);
	assert_int_equal(close(writer), 0);
	last_words_hear(&words);
	assert_int_equal(words.fd, -1);
	assert_int_equal(strlen(words.line), LAST_WORDS_CHARS);
	last_words_close(&words);
}

/* A child of another thread's fork() would keep the pipe open. */
static void nobody_inherits_it(void **state)
{
	struct last_words words = LAST_WORDS_NONE;
	int writer;
	(void)state;
	assert_true(last_words_open(&words, &writer));
	assert_true((fcntl(words.fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(writer, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(close(writer), 0);
	last_words_close(&words);
}

/* read() is wrapped: of such a child there is always more. */
static bool never_stops;
static unsigned reads;

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	if (!never_stops)
		return __real_read(fd, bytes, size);
	assert_true(++reads < 100000);
	memset(bytes, 'm', size);
	return (ssize_t)size;
}

static void who_never_stops(void **state)
{
	struct last_words words = LAST_WORDS_NONE;
	int writer;
	(void)state;
	assert_true(last_words_open(&words, &writer));
	never_stops = true;
	last_words_hear(&words);
	never_stops = false;
	assert_true(reads > 0);
	assert_int_equal(strlen(words.line), LAST_WORDS_CHARS);
	assert_int_equal(close(writer), 0);
	last_words_close(&words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_line),
		cmocka_unit_test(nobody_inherits_it),
		cmocka_unit_test(who_never_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
