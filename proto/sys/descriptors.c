/* descriptors.c - accept(2) with a limit. */
#define _DEFAULT_SOURCE /* syscall() */
#include "proto/sys/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESERVE_SHARE 4  /* of a small limit, one part in so many is the reserve */
#define SHORT_SHARE   16 /* likewise, what is too few to take new work */
#define SHORT_MAX     64
#define LEAST         32 /* a broker without peers has about as many */

static atomic_int bound = INT_MAX; /* connections have lower numbers */
static atomic_int short_from = INT_MAX;
static atomic_ullong turned_away;

/* A descriptor to give up for the moment in which a connection is accepted only to be closed. */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static int spare = -1;

enum brot_err descriptors_open(uint32_t reserve, struct descriptors *ret, struct brot_error *err)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return error_set(err, BROT_E_SYSTEM, "descriptors: the system tells no limit");
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 2 * LEAST)
		return error_set(err, BROT_E_SYSTEM,
				 "descriptors: the limit (ulimit -n) must be at least %d, got %llu",
				 2 * LEAST, (unsigned long long)limit.rlim_cur);
	uint32_t all = limit.rlim_cur < INT_MAX ? (uint32_t)limit.rlim_cur : INT_MAX;
	if (reserve > all / RESERVE_SHARE)
		reserve = all / RESERVE_SHARE;
	uint32_t margin = all / SHORT_SHARE < SHORT_MAX ? all / SHORT_SHARE : SHORT_MAX;
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bound = (int)(all - reserve);
	short_from = (int)(all - reserve - margin);
	*ret = (struct descriptors){all, reserve, all - reserve - LEAST / 2};
	return BROT_OK;
}

bool descriptors_are_short(void)
{
	if (short_from == INT_MAX)
		return false;
	int lowest_free = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (lowest_free < 0)
		return errno == EMFILE;
	(void)close(lowest_free);
	return lowest_free >= short_from;
}

uint64_t descriptors_turned_away(void)
{
	return turned_away;
}

static int accept_really(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
	return (int)syscall(SYS_accept4, fd, address, bytes, flags);
}

/* What accept(2) says of a connection that ended before it was accepted: every caller goes on. */
static int turn_away(int fd)
{
	if (fd >= 0)
		(void)close(fd);
	turned_away++;
	errno = ECONNABORTED;
	return -1;
}

/* There is not one descriptor left: only files of our own can have taken the reserve. */
static int accept_without_room(int fd, int flags)
{
	int got = -1;
	(void)pthread_mutex_lock(&spare_lock);
	if (spare >= 0) {
		(void)close(spare);
		got = accept_really(fd, NULL, NULL, flags);
		if (got >= 0)
			(void)close(got);
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	(void)pthread_mutex_unlock(&spare_lock);
	if (got >= 0)
		return turn_away(-1);
	errno = EAGAIN;
	return -1;
}

/* In place of the C library's, for all that this program is linked with. */
__attribute__((visibility("default"))) int accept4(int fd, struct sockaddr *address,
						   socklen_t *bytes, int flags);
__attribute__((visibility("default"))) int accept(int fd, struct sockaddr *address,
						  socklen_t *bytes);

int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
	int got = accept_really(fd, address, bytes, flags);
	if (got >= bound)
		return turn_away(got);
	if (got < 0 && bound != INT_MAX && (errno == EMFILE || errno == ENFILE))
		return accept_without_room(fd, flags);
	return got;
}

int accept(int fd, struct sockaddr *address, socklen_t *bytes)
{
	return accept4(fd, address, bytes, 0);
}
