/*
 * test_process.c - children that inherit nothing by accident and end with their parent.
 *
 * The program starts itself: with the word "leaf" or "middle" it is the child of a test.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/sys/process.h"
#include "proto/sys/signals.h"

#define SELF        "/proc/self/exe"
#define DEADLINE_MS 10000
#define KEPT_FD     3

/* ---- what the children do ---- */

static void own_pid_text(char text[32])
{
	(void)snprintf(text, 32, "%ld", (long)getpid());
}

/* Ties itself, says so on descriptor 3, and waits for the end. */
static int leaf_main(const char *parent)
{
	if (!process_tie((pid_t)atol(parent), SIGKILL))
		return 3;
	pid_t pid = getpid();
	if (write(3, &pid, sizeof pid) != (ssize_t)sizeof pid)
		return 4;
	for (;;)
		(void)pause();
}

static int middle_main(void)
{
	char parent[32];
	own_pid_text(parent);
	char *argv[] = {(char[]){"leaf"}, (char[]){"leaf"}, parent, NULL};
	pid_t pid;
	if (process_start(SELF, argv, 3, &pid, NULL) != BROT_OK)
		return 5;
	for (;;)
		(void)pause();
}

/* Bits of the descriptors that are open, the one that looks excepted; then the blocked signals. */
static int inventory_main(void)
{
	uint64_t seen[2] = {0, 0};
	DIR *folder = opendir("/proc/self/fd");
	if (folder == NULL)
		return 6;
	const struct dirent *entry;
	while ((entry = readdir(folder)) != NULL) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && fd != dirfd(folder) && fd < 64)
			seen[0] |= UINT64_C(1) << fd;
	}
	(void)closedir(folder);
	sigset_t blocked;
	(void)sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int s = 1; s < 32; s++)
		seen[1] += sigismember(&blocked, s) == 1;
	struct sigaction pipe_action;
	(void)sigaction(SIGPIPE, NULL, &pipe_action);
	if (pipe_action.sa_handler != SIG_DFL)
		return 7;
	return write(3, seen, sizeof seen) == (ssize_t)sizeof seen ? 0 : 8;
}

/* ---- tests ---- */

static void read_all(int fd, void *memory, size_t bytes)
{
	struct pollfd item = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&item, 1, DEADLINE_MS), 1);
	assert_int_equal(read(fd, memory, bytes), (ssize_t)bytes);
}

static int status_of(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_child_inherits_one_descriptor(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	/* Not close-on-exec, and must not get through all the same. */
	int stray = open("/dev/null", O_RDONLY);
	assert_true(stray > 3 && stray < 64);
	char *argv[] = {(char[]){"x"}, (char[]){"inventory"}, NULL};
	pid_t pid;
	assert_int_equal(process_start(SELF, argv, ends[1], &pid, NULL), BROT_OK);
	uint64_t seen[2];
	read_all(ends[0], seen, sizeof seen);
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(seen[0], 0xf);
	assert_int_equal(seen[1], 0);
	(void)close(stray);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void a_child_ends_with_its_killed_parent(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	char *argv[] = {(char[]){"middle"}, (char[]){"middle"}, NULL};
	pid_t middle, leaf;
	assert_int_equal(process_start(SELF, argv, ends[1], &middle, NULL), BROT_OK);
	(void)close(ends[1]);
	read_all(ends[0], &leaf, sizeof leaf);
	assert_int_equal(kill(leaf, 0), 0);
	assert_int_equal(kill(middle, SIGKILL), 0);
	/* Both held the other end of the pipe: it closes when both are gone. */
	struct pollfd item = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&item, 1, DEADLINE_MS), 1);
	char byte;
	assert_int_equal(read(ends[0], &byte, 1), 0);
	(void)waitpid(middle, NULL, 0);
	(void)close(ends[0]);
}

static void a_child_sees_that_its_parent_is_gone(void **state)
{
	(void)state;
	/* A parent that ended before the tie looks like one with another id. */
	char *argv[] = {(char[]){"leaf"}, (char[]){"leaf"}, (char[]){"1"}, NULL};
	pid_t pid;
	assert_int_equal(process_start(SELF, argv, -1, &pid, NULL), BROT_OK);
	assert_int_equal(status_of(pid), 3);
}

/* Begins like a program that has closed its standard streams: what it opens gets their numbers. */
static int streamless_main(void)
{
	char parent[32];
	int ready[2], words[2];
	pid_t pid, told = 0;
	for (int fd = 0; fd <= KEPT_FD; fd++)
		(void)close(fd);
	if (pipe(ready) != 0 || pipe(words) != 0 || ready[1] != 1 || words[1] != KEPT_FD)
		return 7;
	own_pid_text(parent);
	char *argv[] = {(char[]){"leaf"}, (char[]){"leaf"}, parent, NULL};
	if (process_start_apart(SELF, argv, ready[1], words[1], &pid, NULL) != BROT_OK)
		return 8;
	struct pollfd item = {.fd = ready[0], .events = POLLIN};
	if (poll(&item, 1, DEADLINE_MS) != 1 ||
	    read(ready[0], &told, sizeof told) != (ssize_t)sizeof told)
		return 9;
	(void)kill(pid, SIGKILL);
	return waitpid(pid, NULL, 0) == pid && told == pid ? 0 : 10;
}

static void a_child_of_a_program_without_streams(void **state)
{
	(void)state;
	char *argv[] = {(char[]){"streamless"}, (char[]){"streamless"}, NULL};
	pid_t pid;
	assert_int_equal(process_start(SELF, argv, -1, &pid, NULL), BROT_OK);
	assert_int_equal(status_of(pid), 0);
}

static void a_missing_program_is_an_error(void **state)
{
	(void)state;
	char *argv[] = {(char[]){"x"}, NULL};
	pid_t pid = 17;
	struct brot_error err = {0};
	assert_int_equal(process_start("/nonexistent/x", argv, -1, &pid, &err), BROT_E_SYSTEM);
	assert_int_equal(pid, 17);
	assert_non_null(strstr(err.text, "/nonexistent/x"));
}

static void programs_are_found_beside_this_one_and_on_path(void **state)
{
	(void)state;
	char path[PATH_MAX] = "untouched";
	struct brot_error err = {0};
	assert_int_equal(process_find("test_process", path, &err), BROT_OK);
	assert_int_equal(access(path, X_OK), 0);
	assert_int_equal(process_find("sh", path, &err), BROT_OK);
	assert_int_equal(access(path, X_OK), 0);

	(void)snprintf(path, sizeof path, "untouched");
	assert_int_equal(process_find("no-such-brot", path, &err), BROT_E_SYSTEM);
	assert_string_equal(path, "untouched");
	assert_non_null(strstr(err.text, "no-such-brot"));
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "leaf") == 0)
		return leaf_main(argv[2]);
	if (argc == 2 && strcmp(argv[1], "middle") == 0)
		return middle_main();
	if (argc == 2 && strcmp(argv[1], "streamless") == 0)
		return streamless_main();
	if (argc == 2 && strcmp(argv[1], "inventory") == 0)
		return inventory_main();
	/* As the programs do: children must not inherit what this blocks and ignores. */
	if (signals_open() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_inherits_one_descriptor),
		cmocka_unit_test(a_child_ends_with_its_killed_parent),
		cmocka_unit_test(a_child_sees_that_its_parent_is_gone),
		cmocka_unit_test(a_child_of_a_program_without_streams),
		cmocka_unit_test(a_missing_program_is_an_error),
		cmocka_unit_test(programs_are_found_beside_this_one_and_on_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
