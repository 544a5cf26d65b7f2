/*
 * test_keeper.c - what a killed broker leaves behind.
 *
 * The test is made a subreaper, so that the keeper of a dead broker becomes its child: once that
 * child has ended, all that it cleans up is cleaned up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/keeper.h"
#include "proto/limits.h"
#include "proto/sys/clock.h"
#include "proto/sys/shm.h"

#define DEADLINE_MS 10000
#define BYTES       4096
#define PATH_BYTES  128

struct fixture {
	char folder[PATH_BYTES];
	char socket[PATH_BYTES];
	char other[PATH_BYTES];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	if (f == NULL || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return -1;
	(void)strcpy(f->folder, "/tmp/test_keeper.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	(void)snprintf(f->socket, sizeof f->socket, "%.64s/socket", f->folder);
	(void)snprintf(f->other, sizeof f->other, "%.64s/other", f->folder);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	(void)unlink(f->socket);
	(void)unlink(f->other);
	int status = rmdir(f->folder);
	bool is_gone = status == 0 || errno == ENOENT;
	free(f);
	return is_gone ? 0 : -1;
}

static bool exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

static bool image_exists(const char *name)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	return exists(path);
}

/* The helpers that a broker of a test calls assert nothing: it is another process. */
static bool make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	return fd >= 0 && close(fd) == 0;
}

static bool make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (strlen(path) >= sizeof address.sun_path)
		return false;
	strcpy(address.sun_path, path);
	bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
	return is_bound && close(fd) == 0;
}

/* Waits until a child has ended; fails when the time is up. */
static void await_end(pid_t pid)
{
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	int status;
	pid_t got;
	while ((got = waitpid(pid, &status, WNOHANG)) == 0 && clock_ms() < end_ms)
		(void)poll(NULL, 0, 1);
	assert_int_equal(got, pid);
}

/* What the broker of a test tells before it waits for its death. */
struct news {
	pid_t keeper;
	char kept[IMAGE_NAME_CHARS + 1], dropped[IMAGE_NAME_CHARS + 1];
};

/* Forks a broker that starts a keeper and calls fn, then kills it and waits for both. */
static struct news kill_broker(const struct fixture *f,
			       bool (*fn)(const struct fixture *f, const struct keeper *keeper,
					  struct news *news))
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t broker = fork();
	assert_true(broker >= 0);
	if (broker == 0) {
		struct keeper keeper;
		struct news news = {0};
		if (keeper_start(&keeper, NULL) != BROT_OK || !fn(f, &keeper, &news))
			_exit(1);
		news.keeper = keeper.pid;
		if (write(ends[1], &news, sizeof news) != sizeof news)
			_exit(2);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	struct news news;
	assert_int_equal(read(ends[0], &news, sizeof news), sizeof news);
	(void)close(ends[0]);
	assert_int_equal(kill(news.keeper, 0), 0);
	assert_int_equal(kill(broker, SIGKILL), 0);
	await_end(broker);
	await_end(news.keeper);
	return news;
}

static bool owns_it_all(const struct fixture *f, const struct keeper *keeper, struct news *news)
{
	struct shm kept, dropped;
	if (!make_socket(f->socket) || shm_make(BYTES, &kept, NULL) != BROT_OK ||
	    shm_make(BYTES, &dropped, NULL) != BROT_OK)
		return false;
	keeper_add_image(keeper, dropped.name);
	keeper_add_image(keeper, kept.name);
	keeper_add_path(keeper, f->socket);
	keeper_add_path(keeper, f->folder);
	keeper_remove_image(keeper, dropped.name);
	strcpy(news->kept, kept.name);
	strcpy(news->dropped, dropped.name);
	return image_exists(kept.name) && image_exists(dropped.name);
}

static void a_killed_broker_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct news news = kill_broker(f, owns_it_all);
	/* What was said to be gone is no longer the keeper's. */
	bool is_dropped_there = image_exists(news.dropped);
	shm_remove(news.dropped);
	assert_true(is_dropped_there);
	assert_true(image_name_is_valid(news.kept));
	assert_false(image_exists(news.kept));
	assert_false(exists(f->socket));
	assert_false(exists(f->folder));
}

/* Waits until the keeper has dealt with all that was said so far: it reads a note only after it
 * is done with the one before. */
static bool settle(const struct keeper *keeper)
{
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	int unread = 1;
	keeper_remove_image(keeper, "none");
	while (ioctl(keeper->fd, SIOCOUTQ, &unread) == 0 && unread > 0 && clock_ms() < end_ms)
		(void)poll(NULL, 0, 1);
	return unread == 0;
}

/* Another file under the same path. Both exist at once, so they cannot have the same inode. */
static bool replace(const char *path, const char *by)
{
	return make_file(by) && rename(by, path) == 0;
}

static bool owns_what_is_replaced(const struct fixture *f, const struct keeper *keeper,
				  struct news *news)
{
	(void)news;
	if (!make_file(f->socket))
		return false;
	keeper_add_path(keeper, f->socket);
	keeper_add_path(keeper, f->folder);
	return settle(keeper) && replace(f->socket, f->other);
}

static void what_another_put_in_its_place_stays(void **state)
{
	struct fixture *f = *state;
	(void)kill_broker(f, owns_what_is_replaced);
	assert_true(exists(f->socket));
	/* Nor is a folder that is not empty removed. */
	assert_true(exists(f->folder));
}

/* The file that counts is the one that was there when the broker noted it, not when the keeper
 * found time to look. */
static void a_slow_keeper_takes_nothing_of_another(void **state)
{
	struct fixture *f = *state;
	struct keeper keeper;
	int status;
	assert_int_equal(keeper_start(&keeper, NULL), BROT_OK);
	assert_int_equal(kill(keeper.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(keeper.pid, &status, WUNTRACED), keeper.pid);
	assert_true(WIFSTOPPED(status));
	assert_true(make_file(f->socket));
	keeper_add_path(&keeper, f->socket);
	assert_true(replace(f->socket, f->other));
	assert_int_equal(kill(keeper.pid, SIGCONT), 0);
	keeper_stop(&keeper);
	assert_true(exists(f->socket));
}

/* A file system gives a new file the inode of one just removed: only its time tells them apart. */
static void the_same_inode_again_is_another_file(void **state)
{
	struct fixture *f = *state;
	struct keeper keeper;
	struct stat before, now;
	assert_int_equal(keeper_start(&keeper, NULL), BROT_OK);
	assert_true(make_file(f->socket));
	assert_int_equal(lstat(f->socket, &before), 0);
	keeper_add_path(&keeper, f->socket);
	do {
		assert_int_equal(chmod(f->socket, 0640), 0);
		assert_int_equal(lstat(f->socket, &now), 0);
	} while (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
		 now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
	keeper_stop(&keeper);
	assert_true(exists(f->socket));
}

static bool owns_all_endpoints(const struct fixture *f, const struct keeper *keeper,
			       struct news *news)
{
	(void)news;
	for (int i = 0; i < 2 * LIMIT_ENDPOINTS; i++) {
		char path[2 * PATH_BYTES];
		(void)snprintf(path, sizeof path, "%s%d", f->socket, i);
		if (!make_file(path))
			return false;
		keeper_add_path(keeper, path);
	}
	keeper_add_path(keeper, f->folder);
	return true;
}

static void as_many_sockets_as_a_broker_may_have(void **state)
{
	struct fixture *f = *state;
	(void)kill_broker(f, owns_all_endpoints);
	assert_false(exists(f->folder));
}

static bool says_nonsense(const struct fixture *f, const struct keeper *keeper, struct news *news)
{
	(void)news;
	static char too_long[PATH_MAX + 10];
	memset(too_long, 'x', sizeof too_long - 1);
	keeper_add_path(keeper, too_long);
	keeper_add_image(keeper, too_long);
	keeper_remove_image(keeper, too_long);
	too_long[PATH_MAX - 1] = '\0';
	keeper_add_path(keeper, too_long);
	keeper_add_image(keeper, too_long);
	keeper_add_path(keeper, "");
	keeper_add_image(keeper, "");
	keeper_add_image(keeper, "/brot-../../../../../../../tmp/xxxxxxxx");
	keeper_add_image(keeper, f->socket);
	keeper_remove_image(keeper, "/brot-0123456789abcdef0123456789abcdef");
	/* Not there when it is noted. */
	keeper_add_path(keeper, f->other);
	return settle(keeper) && make_file(f->other) && make_file(f->socket);
}

static void nonsense_removes_nothing(void **state)
{
	struct fixture *f = *state;
	(void)kill_broker(f, says_nonsense);
	assert_true(exists(f->other));
	assert_true(exists(f->socket));
}

/* Images come and go, many more than the keeper has places for. */
static bool owns_images_for_long(const struct fixture *f, const struct keeper *keeper,
				 struct news *news)
{
	(void)f;
	const unsigned most = LIMIT_JOBS * LIMIT_OPEN_BANDS;
	struct shm kept;
	char name[IMAGE_NAME_CHARS + 1];
	for (unsigned i = 0; i < 3 * most; i++) {
		(void)snprintf(name, sizeof name, "/brot-%032x", i);
		keeper_add_image(keeper, name);
		if (i + 1 >= most) {
			(void)snprintf(name, sizeof name, "/brot-%032x", i + 1 - most);
			keeper_remove_image(keeper, name);
		}
	}
	if (shm_make(BYTES, &kept, NULL) != BROT_OK)
		return false;
	keeper_add_image(keeper, kept.name);
	strcpy(news->kept, kept.name);
	return image_exists(kept.name);
}

static void an_image_has_a_place_after_many_others(void **state)
{
	struct fixture *f = *state;
	struct news news = kill_broker(f, owns_images_for_long);
	assert_true(image_name_is_valid(news.kept));
	assert_false(image_exists(news.kept));
}

static void a_proper_end_cleans_up_too(void **state)
{
	struct fixture *f = *state;
	struct keeper keeper;
	struct shm shm;
	assert_int_equal(keeper_start(&keeper, NULL), BROT_OK);
	assert_true(keeper.fd >= 0 && keeper.pid > 0);
	assert_int_equal(fcntl(keeper.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(shm_make(BYTES, &shm, NULL), BROT_OK);
	assert_true(make_socket(f->socket));
	keeper_add_image(&keeper, shm.name);
	keeper_add_path(&keeper, f->socket);
	pid_t pid = keeper.pid;
	keeper_stop(&keeper);
	assert_int_equal(keeper.fd, -1);
	assert_false(image_exists(shm.name));
	assert_false(exists(f->socket));
	/* It has been waited for. */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	shm_unmap(&shm);
	keeper_stop(&keeper);
}

static void no_keeper_takes_no_notes(void **state)
{
	(void)state;
	struct keeper none = KEEPER_NONE;
	keeper_add_image(&none, "/brot-0123456789abcdef0123456789abcdef");
	keeper_remove_image(&none, "/brot-0123456789abcdef0123456789abcdef");
	keeper_add_path(&none, "/tmp");
	keeper_stop(&none);
	assert_int_equal(none.fd, -1);
}

static void signals_for_the_broker_do_not_end_it(void **state)
{
	struct fixture *f = *state;
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1};
	struct keeper keeper;
	assert_int_equal(keeper_start(&keeper, NULL), BROT_OK);
	/* It has blocked them, and has its own session, before it reads its first note. */
	assert_true(settle(&keeper));
	assert_int_equal(getsid(keeper.pid), keeper.pid);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		assert_int_equal(kill(keeper.pid, signals[i]), 0);
	assert_true(make_file(f->socket));
	keeper_add_path(&keeper, f->socket);
	assert_true(settle(&keeper));
	assert_int_equal(waitpid(keeper.pid, NULL, WNOHANG), 0);
	keeper_stop(&keeper);
	assert_false(exists(f->socket));
}

static void a_killed_keeper_harms_nobody(void **state)
{
	struct fixture *f = *state;
	struct keeper keeper;
	siginfo_t info;
	assert_int_equal(keeper_start(&keeper, NULL), BROT_OK);
	assert_int_equal(kill(keeper.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)keeper.pid, &info, WEXITED | WNOWAIT), 0);
	keeper_add_path(&keeper, f->folder);
	keeper_add_image(&keeper, "/brot-0123456789abcdef0123456789abcdef");
	keeper_stop(&keeper);
	assert_int_equal(keeper.fd, -1);
	assert_true(exists(f->folder));
}

static void it_holds_nothing_of_the_brokers_open(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct keeper keeper;
	assert_int_equal(keeper_start(&keeper, NULL), BROT_OK);
	(void)close(ends[1]);
	struct pollfd item = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&item, 1, DEADLINE_MS), 1);
	char byte;
	assert_int_equal(read(ends[0], &byte, 1), 0);
	(void)close(ends[0]);
	keeper_stop(&keeper);
}

static void without_descriptors_there_is_a_sentence(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct keeper keeper;
		struct brot_error err = {0};
		const struct rlimit none = {3, 3};
		if (setrlimit(RLIMIT_NOFILE, &none) != 0)
			_exit(1);
		if (keeper_start(&keeper, &err) != BROT_E_SYSTEM)
			_exit(2);
		_exit(strncmp(err.text, "keeper: no socket pair: ", 24) == 0 ? 0 : 3);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
	/* keeper_start() runs this program once more. */
	if (argc == 2 && strcmp(argv[1], KEEPER_OPTION) == 0) {
		keeper_run();
		return 0;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_killed_broker_leaves_nothing),
		TEST(what_another_put_in_its_place_stays),
		TEST(a_slow_keeper_takes_nothing_of_another),
		TEST(the_same_inode_again_is_another_file),
		TEST(as_many_sockets_as_a_broker_may_have),
		TEST(nonsense_removes_nothing),
		TEST(an_image_has_a_place_after_many_others),
		TEST(a_proper_end_cleans_up_too),
		TEST(no_keeper_takes_no_notes),
		TEST(signals_for_the_broker_do_not_end_it),
		TEST(a_killed_keeper_harms_nobody),
		TEST(it_holds_nothing_of_the_brokers_open),
		TEST(without_descriptors_there_is_a_sentence),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
