/*
 * test_supervise.c - a parent and real children, which are this program again.
 *
 * A child adds a byte to a file and ends as the words after "--child-of PID" say; the file's length
 * tells how many there were.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/sys/signals.h"
#include "worker/supervise.h"

#define PROCESSES  3
#define PATIENCE_S 30 /* then SIGALRM ends the program */

static char path[] = "/tmp/brot-supervise-XXXXXX";

/* ---- the child ---- */

static int child_run(const char *mode, const char *file)
{
	int fd = open(file, O_WRONLY | O_APPEND);
	struct stat st;
	if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &st) != 0)
		return EX_IOERR;
	if (strcmp(mode, "drained") == 0)
		return 0;
	if (strcmp(mode, "dies-twice") == 0)
		return st.st_size <= 2 ? EX_OSERR : 0;
	if (strcmp(mode, "hopeless") == 0)
		return EX_NOPERM;
	(void)alarm(PATIENCE_S);
	/* "serves": until it is told to end, in the parent's stead by the last one that started. */
	int signals = signals_open();
	if (st.st_size == PROCESSES)
		(void)kill(getppid(), SIGTERM);
	sigset_t set;
	int number;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)close(signals);
	return sigwait(&set, &number) == 0 && number == SIGTERM ? 0 : EX_OSERR;
}

/* ---- the parent ---- */

/* Runs a parent, in a process of its own since it reads signals; returns its exit status. */
static int parent_run(const char *mode, long *ret_started)
{
	assert_int_equal(truncate(path, 0), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char program[] = "supervise", word[32];
		(void)snprintf(word, sizeof word, "%s", mode);
		char *argv[] = {program, word, path, NULL};
		(void)alarm(PATIENCE_S);
		const struct supervise_config config = {
			.broker = "ipc:///nonexistent/brot",
			.processes = PROCESSES,
			.argv = argv,
			.argc = 3,
			.signal_fd = signals_open(),
		};
		int status = -1;
		struct brot_error err;
		if (supervise_run(&config, &status, &err) != BROT_OK)
			_exit(EX_SOFTWARE);
		_exit(status);
	}
	int status;
	struct stat st;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(stat(path, &st), 0);
	*ret_started = (long)st.st_size;
	return WEXITSTATUS(status);
}

static void drained_children_are_not_replaced(void **state)
{
	long started;
	(void)state;
	assert_int_equal(parent_run("drained", &started), 0);
	assert_int_equal(started, PROCESSES);
}

static void dead_children_are_replaced_until_they_are_drained(void **state)
{
	long started;
	(void)state;
	assert_int_equal(parent_run("dies-twice", &started), 0);
	assert_int_equal(started, PROCESSES + 2);
}

static void a_hopeless_child_ends_all(void **state)
{
	long started;
	(void)state;
	assert_int_equal(parent_run("hopeless", &started), EX_NOPERM);
	assert_in_range(started, 1, PROCESSES);
}

static void sigterm_ends_children_and_parent_with_0(void **state)
{
	long started;
	(void)state;
	assert_int_equal(parent_run("serves", &started), 0);
	assert_int_equal(started, PROCESSES);
}

static int file_make(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 || close(fd) != 0 ? -1 : 0;
}

static int file_remove(void **state)
{
	(void)state;
	return unlink(path);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drained_children_are_not_replaced),
		cmocka_unit_test(dead_children_are_replaced_until_they_are_drained),
		cmocka_unit_test(a_hopeless_child_ends_all),
		cmocka_unit_test(sigterm_ends_children_and_parent_with_0),
	};
	if (argc == 5 && strcmp(argv[1], "--child-of") == 0)
		return child_run(argv[3], argv[4]);
	return cmocka_run_group_tests(tests, file_make, file_remove);
}
