/* descriptors.c - accept(2) with a limit. */
#define _DEFAULT_SOURCE /* syscall() */
#include "proto/sys/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/limits.h"

_Static_assert(LIMIT_CONNECTIONS <= 1 << 20, "a ticket has room for the number");

#define RESERVE_SHARE 4 /* of a small limit, one part in so many is the reserve */
#define MARGIN_SHARE  8 /* likewise, what is left free for those who come */
#define MARGIN_MAX    256
#define LEAST         32 /* a broker without peers has about as many */
#define LEAST_KEPT    4
#define LISTED_LEAST  8 /* of those that may be shut, so that handshakes have time */
#define NOBODY        (-1)
#define TICKET_BITS   20 /* of the number; the rest says which of those with that number it is */

static atomic_int bound = INT_MAX; /* connections have lower numbers */
static atomic_int short_from = INT_MAX;
static atomic_ullong turned_away;

/* A connection, by its number. Its owner closes it without a word: the inode shows whether it is
 * still the same. */
struct connection {
	uint64_t serial; /* 0: there was none of that number */
	ino_t inode;
	bool is_counted;
	bool may_be_shut; /* and is in the list, which begins with the oldest */
	int previous, next;
};

static pthread_mutex_t connections_lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection *connections; /* `bound` of them */
static int oldest = NOBODY, youngest = NOBODY;
static uint64_t last_serial;
static int listed;
/* Connections that are not known to have ended, and how many that may be before each new one costs
 * an old one. Their numbers alone would not do: those that are shut leave low ones, which the next
 * have. */
static int count, most;

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
	uint32_t margin = all / MARGIN_SHARE < MARGIN_MAX ? all / MARGIN_SHARE : MARGIN_MAX;
	uint32_t numbers = all - reserve < LIMIT_CONNECTIONS ? all - reserve : LIMIT_CONNECTIONS;
	connections = calloc(numbers, sizeof *connections);
	if (connections == NULL)
		return error_set(err, BROT_E_SYSTEM, "descriptors: no memory");
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bound = (int)numbers;
	most = (int)(numbers - margin);
	short_from = most;
	/* The reserve's files have the lowest free numbers too, while there are some. */
	uint32_t others = margin + LEAST + reserve;
	uint32_t kept = numbers > others + LEAST_KEPT ? numbers - others : LEAST_KEPT;
	*ret = (struct descriptors){all, reserve, kept};
	return BROT_OK;
}

/* ---- who may be shut ---- */

static void list_leave(int fd)
{
	struct connection *c = &connections[fd];
	if (!c->may_be_shut)
		return;
	*(c->previous != NOBODY ? &connections[c->previous].next : &oldest) = c->next;
	*(c->next != NOBODY ? &connections[c->next].previous : &youngest) = c->previous;
	c->may_be_shut = false;
	listed--;
}

static void list_join(int fd)
{
	struct connection *c = &connections[fd];
	c->previous = youngest;
	c->next = NOBODY;
	*(youngest != NOBODY ? &connections[youngest].next : &oldest) = fd;
	youngest = fd;
	c->may_be_shut = true;
	listed++;
}

static ino_t inode_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

/* One that is still there; one that has ended meanwhile leaves the list. */
static void shut_oldest(void)
{
	int fd = oldest;
	if (fd == NOBODY)
		return;
	list_leave(fd);
	count -= connections[fd].is_counted;
	connections[fd].is_counted = false;
	if (inode_of(fd) != connections[fd].inode)
		return;
	/* Not close(): its owner would close whatever has that number next. */
	(void)shutdown(fd, SHUT_RDWR);
	turned_away++;
}

static void connection_note(int fd)
{
	(void)pthread_mutex_lock(&connections_lock);
	list_leave(fd);
	count += !connections[fd].is_counted;
	connections[fd].is_counted = true;
	if (fd >= short_from && most >= count)
		most = count - 1; /* other files have some of the numbers */
	while (count > most && listed >= LISTED_LEAST)
		shut_oldest();
	if (count < most / 2)
		most = short_from;
	connections[fd].serial = ++last_serial;
	connections[fd].inode = inode_of(fd);
	list_join(fd);
	(void)pthread_mutex_unlock(&connections_lock);
}

uint64_t descriptors_keep(int fd)
{
	uint64_t ticket = 0;
	if (fd < 0 || fd >= bound || connections == NULL)
		return 0;
	(void)pthread_mutex_lock(&connections_lock);
	if (connections[fd].serial != 0) {
		list_leave(fd);
		ticket = connections[fd].serial << TICKET_BITS | (uint64_t)fd;
	}
	(void)pthread_mutex_unlock(&connections_lock);
	return ticket;
}

void descriptors_let_go(uint64_t ticket)
{
	int fd = (int)(ticket & ((1u << TICKET_BITS) - 1));
	if (ticket == 0)
		return;
	(void)pthread_mutex_lock(&connections_lock);
	if (connections[fd].serial == ticket >> TICKET_BITS && !connections[fd].may_be_shut)
		list_join(fd);
	(void)pthread_mutex_unlock(&connections_lock);
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
	if (got >= bound) {
		(void)pthread_mutex_lock(&connections_lock);
		shut_oldest();
		(void)pthread_mutex_unlock(&connections_lock);
		return turn_away(got);
	}
	if (got < 0 && bound != INT_MAX && (errno == EMFILE || errno == ENFILE))
		return accept_without_room(fd, flags);
	if (got >= 0 && bound != INT_MAX)
		connection_note(got);
	return got;
}

int accept(int fd, struct sockaddr *address, socklen_t *bytes)
{
	return accept4(fd, address, bytes, 0);
}
