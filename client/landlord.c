/* landlord.c - a thread that starts, listens until it is told to end, and stops. */
#include "client/landlord.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/embedded.h"
#include "proto/sys/thread.h"
#include "proto/thread_mode.h"

struct landlord {
	uint32_t workers;
	int64_t timeout_ms;
	struct interrupt nothing; /* that interrupts */
	int bell;                 /* wakes the thread */
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool is_tried, must_end;
	struct embedded *embedded; /* NULL: not started, or stopped */
	struct brot_error error;   /* why, or of a child that has ended */
};

/* Under the lock, but for the wait. A child whose pipe is full would wait for us. */
static void listen_once(struct landlord *l)
{
	int fds[EMBEDDED_CHILDREN] = {-1, -1};
	if (l->embedded != NULL)
		embedded_words(l->embedded, fds);
	struct pollfd items[] = {{.fd = l->bell, .events = POLLIN},
				 {.fd = fds[0], .events = POLLIN},
				 {.fd = fds[1], .events = POLLIN}};
	(void)pthread_mutex_unlock(&l->lock);
	(void)poll(items, 1 + EMBEDDED_CHILDREN, -1);
	(void)pthread_mutex_lock(&l->lock);
	if (l->embedded != NULL)
		embedded_hear(l->embedded);
}

static void *run(void *context)
{
	struct landlord *l = context;
	struct brot_error error = {.code = BROT_OK};
	struct embedded *embedded = NULL;
	struct thread_mode callers; /* which the thread ends with */
	thread_mode_enter(&callers);
	(void)embedded_start(l->workers, &l->nothing, l->timeout_ms, &embedded, &error);
	(void)pthread_mutex_lock(&l->lock);
	l->embedded = embedded;
	l->error = error;
	l->is_tried = true;
	(void)pthread_cond_broadcast(&l->changed);
	while (!l->must_end)
		listen_once(l);
	(void)pthread_mutex_unlock(&l->lock);
	embedded_stop(embedded);
	return NULL;
}

static void end(struct landlord *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->must_end = true;
	(void)pthread_mutex_unlock(&l->lock);
	(void)eventfd_write(l->bell, 1);
	(void)pthread_join(l->thread, NULL);
}

static void dispose(struct landlord *l)
{
	(void)close(l->bell);
	(void)pthread_cond_destroy(&l->changed);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

enum brot_err landlord_new(uint32_t workers, int64_t timeout_ms, struct landlord **ret_landlord,
			   struct brot_error *err)
{
	struct landlord *l = calloc(1, sizeof *l);
	if (l == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for an embedded service");
	l->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->bell < 0) {
		free(l);
		return error_set(err, BROT_E_SYSTEM,
				 "cannot make a descriptor for an embedded service: %s",
				 strerror(errno));
	}
	l->workers = workers;
	l->timeout_ms = timeout_ms;
	l->nothing.signal_fd = -1;
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->changed, NULL);
	if (!thread_start(&l->thread, run, l)) {
		dispose(l);
		return error_set(err, BROT_E_SYSTEM, "no thread for an embedded service");
	}
	(void)pthread_mutex_lock(&l->lock);
	while (!l->is_tried)
		(void)pthread_cond_wait(&l->changed, &l->lock);
	const struct brot_error error = l->error;
	(void)pthread_mutex_unlock(&l->lock);
	if (error.code != BROT_OK) {
		end(l);
		dispose(l);
		return error_set(err, error.code, "%s", error.text);
	}
	*ret_landlord = l;
	return BROT_OK;
}

const char *landlord_url(const struct landlord *landlord)
{
	return embedded_url(landlord->embedded);
}

enum brot_err landlord_check(struct landlord *landlord, struct brot_error *err)
{
	(void)pthread_mutex_lock(&landlord->lock);
	if (landlord->error.code == BROT_OK)
		(void)embedded_check(landlord->embedded, &landlord->error);
	const struct brot_error error = landlord->error;
	(void)pthread_mutex_unlock(&landlord->lock);
	return error.code == BROT_OK ? BROT_OK : error_set(err, error.code, "%s", error.text);
}

void landlord_free(struct landlord *landlord)
{
	if (landlord == NULL)
		return;
	end(landlord);
	dispose(landlord);
}
