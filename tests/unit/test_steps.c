/* test_steps.c - death at a named step, numbers of tests, and a checkpoint that was cut off at a
 * step. Built with BROT_STEPS, whatever the rest is built with. */
#include <signal.h>
#include <sys/wait.h>

#include "proto/sys/steps.h"
#include "tests/unit/checkpoint_fixture.h"

#define SEGMENTS 111

/* Runs fn in a child with that environment; whether it was killed. */
static bool is_killed(const char *at, const char *count, void (*fn)(struct fixture *f),
		      struct fixture *f)
{
	pid_t pid = fork();
	if (pid == 0) {
		(void)unsetenv("BROT_DIE_AT");
		(void)unsetenv("BROT_DIE_COUNT");
		if (at != NULL)
			(void)setenv("BROT_DIE_AT", at, 1);
		if (count != NULL)
			(void)setenv("BROT_DIE_COUNT", count, 1);
		fn(f);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void three_steps(struct fixture *f)
{
	(void)f;
	step_reached("first");
	step_reached("second");
	step_reached("first");
}

static void a_process_dies_where_it_is_told_to(void **state)
{
	struct fixture *f = *state;
	assert_false(is_killed(NULL, NULL, three_steps, f));
	assert_false(is_killed("third", NULL, three_steps, f));
	assert_true(is_killed("first", NULL, three_steps, f));
	assert_true(is_killed("second", "1", three_steps, f));
	assert_true(is_killed("first", "2", three_steps, f));
	assert_false(is_killed("first", "3", three_steps, f));
	assert_false(is_killed("second", "2", three_steps, f));
}

static void numbers_come_from_the_environment(void **state)
{
	(void)state;
	(void)unsetenv("BROT_NUMBER");
	assert_int_equal(step_number("BROT_NUMBER", 7), 7);
	(void)setenv("BROT_NUMBER", "5000000000", 1);
	assert_int_equal(step_number("BROT_NUMBER", 7), 5000000000);
}

static void save_once(struct fixture *f)
{
	(void)save(f);
}

static void bits_come_after_their_pixels(void **state)
{
	struct fixture *f = *state;
	uint32_t segments;
	done(f, 0, 9);
	(void)save(f);
	done(f, 0, SEGMENTS);
	assert_true(is_killed("checkpoint-data", NULL, save_once, f));
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, 9);
	assert_true(is_killed("checkpoint-bits", NULL, save_once, f));
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, SEGMENTS);
	assert_int_equal(count_segments(f), SEGMENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_process_dies_where_it_is_told_to),
		TEST(numbers_come_from_the_environment),
		TEST(bits_come_after_their_pixels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
