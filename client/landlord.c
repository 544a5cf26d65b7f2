/* landlord.c - a thread that starts, waits to be told, and stops. */
#include "client/landlord.h"

#include <stdbool.h>
#include <stdlib.h>

#include "client/embedded.h"
#include "proto/sys/thread.h"

struct landlord {
	uint32_t workers;
	int64_t timeout_ms;
	struct interrupt nothing; /* that interrupts */
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool is_tried, must_end;
	struct embedded *embedded; /* NULL: not started, or stopped */
	struct brot_error error;   /* why, or of a child that has ended */
};

static void *run(void *context)
{
	struct landlord *l = context;
	struct brot_error error = {.code = BROT_OK};
	struct embedded *embedded = NULL;
	(void)embedded_start(l->workers, &l->nothing, l->timeout_ms, &embedded, &error);
	(void)pthread_mutex_lock(&l->lock);
	l->embedded = embedded;
	l->error = error;
	l->is_tried = true;
	(void)pthread_cond_broadcast(&l->changed);
	while (!l->must_end)
		(void)pthread_cond_wait(&l->changed, &l->lock);
	(void)pthread_mutex_unlock(&l->lock);
	embedded_stop(embedded);
	return NULL;
}

static void end(struct landlord *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->must_end = true;
	(void)pthread_cond_broadcast(&l->changed);
	(void)pthread_mutex_unlock(&l->lock);
	(void)pthread_join(l->thread, NULL);
}

static void dispose(struct landlord *l)
{
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
