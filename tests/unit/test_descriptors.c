/* test_descriptors.c - connections stop before descriptors run out. */
#define _GNU_SOURCE /* accept4() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/sys/descriptors.h"

#define LIMIT   128
#define RESERVE 20

static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_bytes;

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, address_bytes), 0);
	return fd;
}

/* The end of a connection that was closed at once. */
static void expect_end(int fd)
{
	char byte;
	assert_int_equal(read(fd, &byte, 1), 0);
	assert_int_equal(close(fd), 0);
}

static int set_up(void **state)
{
	(void)state;
	const struct rlimit limit = {64, LIMIT};
	struct descriptors descriptors;
	struct brot_error err;
	/* An abstract name: chosen by the kernel, gone with the socket. */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	address_bytes = sizeof address;
	if (bind(listener, (const struct sockaddr *)&address, sizeof address.sun_family) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &address_bytes) != 0 ||
	    listen(listener, 8) != 0 || setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return -1;
	assert_false(descriptors_are_short());
	assert_int_equal(descriptors_open(RESERVE, &descriptors, &err), BROT_OK);
	assert_int_equal(descriptors.limit, LIMIT);
	assert_int_equal(descriptors.reserve, RESERVE);
	assert_true(descriptors.connections < LIMIT - RESERVE);
	return 0;
}

static void the_reserve_stays(void **state)
{
	(void)state;
	int ours[LIMIT], theirs[LIMIT], count = 0;
	assert_false(descriptors_are_short());
	for (;;) {
		theirs[count] = client();
		ours[count] = accept(listener, NULL, NULL);
		if (ours[count] < 0)
			break;
		assert_true(ours[count] < LIMIT - RESERVE);
		count++;
		assert_true(count < LIMIT);
	}
	assert_int_equal(errno, ECONNABORTED);
	assert_int_equal(descriptors_turned_away(), 1);
	assert_true(descriptors_are_short());
	expect_end(theirs[count]);

	/* One leaves, and another fits. */
	(void)close(ours[0]);
	(void)close(theirs[0]);
	theirs[0] = client();
	ours[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(ours[0] >= 0 && ours[0] < LIMIT - RESERVE);
	for (int i = 0; i < count; i++) {
		(void)close(ours[i]);
		(void)close(theirs[i]);
	}
	assert_false(descriptors_are_short());
}

static void nothing_waits_where_there_is_no_room_at_all(void **state)
{
	(void)state;
	int held[LIMIT], count = 0;
	int waiting = client();
	while ((held[count] = dup(listener)) >= 0)
		count++;
	assert_true(descriptors_are_short());
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, ECONNABORTED);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	for (int i = 0; i < count; i++)
		(void)close(held[i]);
	expect_end(waiting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reserve_stays),
		cmocka_unit_test(nothing_waits_where_there_is_no_room_at_all),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
