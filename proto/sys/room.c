/* room.c - takes what somebody else will need, and gives it back. */
#include "proto/sys/room.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static enum brot_err check_descriptors(unsigned count, struct brot_error *err)
{
	int taken[ROOM_DESCRIPTORS_MAX];
	unsigned used = 0;
	while (used < count && (taken[used] = epoll_create1(EPOLL_CLOEXEC)) >= 0)
		used++;
	const int error = errno;
	for (unsigned i = 0; i < used; i++)
		(void)close(taken[i]);
	if (used == count)
		return BROT_OK;
	return error_set(err, BROT_E_SYSTEM,
			 "descriptors: %u more must be free (ulimit -n), got %u: %s", count, used,
			 strerror(error));
}

static void *pass(void *gate)
{
	(void)pthread_mutex_lock(gate);
	(void)pthread_mutex_unlock(gate);
	return NULL;
}

/* All at once. */
static enum brot_err check_threads(unsigned count, struct brot_error *err)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t taken[ROOM_THREADS_MAX];
	sigset_t all, before;
	unsigned used = 0;
	int error = 0;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_mutex_lock(&gate);
	while (used < count && error == 0) {
		error = pthread_create(&taken[used], NULL, pass, &gate);
		used += error == 0;
	}
	(void)pthread_mutex_unlock(&gate);
	for (unsigned i = 0; i < used; i++)
		(void)pthread_join(taken[i], NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (used == count)
		return BROT_OK;
	return error_set(err, BROT_E_SYSTEM, "threads: %u more must be possible, got %u: %s", count,
			 used, strerror(error));
}

enum brot_err room_check(unsigned descriptors, unsigned threads, struct brot_error *err)
{
	assert(descriptors <= ROOM_DESCRIPTORS_MAX && threads <= ROOM_THREADS_MAX);
	const enum brot_err code = check_descriptors(descriptors, err);
	return code == BROT_OK ? check_threads(threads, err) : code;
}
