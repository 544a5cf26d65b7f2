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
	assert_int_equal(descriptors_keep(listener), 0);
	descriptors_let_go(0);
	assert_int_equal(descriptors_open(RESERVE, &descriptors, &err), BROT_OK);
	assert_int_equal(descriptors.limit, LIMIT);
	assert_int_equal(descriptors.reserve, RESERVE);
	assert_true(descriptors.connections > 0);
	assert_true(descriptors.connections < LIMIT - 2 * RESERVE);
	assert_int_equal(descriptors_keep(listener), 0);
	return 0;
}

static bool has_ended(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static int take(void)
{
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0 && fd < LIMIT - RESERVE);
	return fd;
}

/* All that there are are kept, so that none can be shut. */
static void the_reserve_stays(void **state)
{
	(void)state;
	int ours[LIMIT], theirs[LIMIT], count = 0;
	uint64_t before = descriptors_turned_away();
	for (;;) {
		theirs[count] = client();
		ours[count] = accept(listener, NULL, NULL);
		if (ours[count] < 0)
			break;
		assert_true(ours[count] < LIMIT - RESERVE);
		assert_true(descriptors_keep(ours[count]) != 0);
		count++;
		assert_true(count < LIMIT);
	}
	assert_int_equal(errno, ECONNABORTED);
	assert_int_equal(descriptors_turned_away() - before, 1);
	expect_end(theirs[count]);

	/* One leaves, and another fits. */
	(void)close(ours[0]);
	(void)close(theirs[0]);
	theirs[0] = client();
	ours[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(ours[0] >= 0 && ours[0] < LIMIT - RESERVE);
	for (int i = 0; i < count; i++) {
		assert_false(has_ended(theirs[i]));
		(void)close(ours[i]);
		(void)close(theirs[i]);
	}
}

/* One after the other, each of which may hold its descriptor as long as it likes: none is turned
 * away, and those that are kept stay. */
static void strangers_make_room_for_others(void **state)
{
	(void)state;
	enum { COUNT = 10 * LIMIT };
	static int theirs[COUNT];
	int ours[COUNT], closed = 0, kept = client(), kept_end = take(), late = client();
	int late_end = take();
	uint64_t ticket = descriptors_keep(kept_end), late_ticket = descriptors_keep(late_end);
	assert_true(ticket != 0 && late_ticket != 0 && ticket != late_ticket);
	for (int i = 0; i < COUNT; i++) {
		theirs[i] = client();
		ours[i] = take();
		if (i == 0)
			descriptors_let_go(late_ticket);
		/* What was shut its owner closes, some time later. */
		while (closed < i && has_ended(theirs[closed])) {
			(void)close(theirs[closed]);
			(void)close(ours[closed++]);
		}
		if (late >= 0 && has_ended(late)) {
			assert_true(closed >= 1);
			(void)close(late);
			(void)close(late_end);
			late = -1;
		}
	}
	assert_true(closed > COUNT - LIMIT && late == -1);
	assert_false(has_ended(kept));
	/* An old ticket is nobody's, though the number is another's by now. */
	descriptors_let_go(late_ticket);
	descriptors_let_go(ticket);
	for (; closed < COUNT; closed++) {
		(void)close(theirs[closed]);
		(void)close(ours[closed]);
	}
	(void)close(kept);
	(void)close(kept_end);
}

/* Its number may be a file's by then, or a socket's that was never accepted. */
static void what_has_ended_is_not_shut(void **state)
{
	(void)state;
	int ends[2], theirs[LIMIT], ours[LIMIT], count = 0;
	int gone = client(), gone_end = take();
	(void)close(gone);
	(void)close(gone_end);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_true(ends[0] == gone || ends[0] == gone_end || ends[1] == gone_end);
	for (; count < LIMIT - RESERVE; count++) {
		theirs[count] = client();
		ours[count] = accept(listener, NULL, NULL);
		if (ours[count] < 0)
			break;
	}
	assert_int_equal(write(ends[0], "x", 1), 1);
	assert_int_equal(write(ends[1], "x", 1), 1);
	for (int i = 0; i <= count && i < LIMIT - RESERVE; i++) {
		(void)close(theirs[i]);
		if (ours[i] >= 0)
			(void)close(ours[i]);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void nothing_waits_where_there_is_no_room_at_all(void **state)
{
	(void)state;
	int held[LIMIT], count = 0;
	int waiting = client();
	while ((held[count] = dup(listener)) >= 0)
		count++;
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
		cmocka_unit_test(strangers_make_room_for_others),
		cmocka_unit_test(what_has_ended_is_not_shut),
		cmocka_unit_test(nothing_waits_where_there_is_no_room_at_all),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
