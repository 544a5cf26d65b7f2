/*
 * brot_job.h - what struct brot_job is: for brot_job.c, which callers see, and brot_job_run.c, the
 * thread behind it.
 */
#ifndef CLIENT_BROT_JOB_H
#define CLIENT_BROT_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/brot_service.h"
#include "client/delivery.h"
#include "proto/brot_request.h"

struct brot_job {
	struct brot_service *service;
	/* Set before the thread starts; later, of a job that is attached to, by the thread before
	 * it says that the job is accepted. */
	struct brot_request *request; /* what the arrays are of */
	struct brot_request *data;    /* what is rendered; NULL: the same */
	bool is_kept, is_unshared, may_consume;
	int32_t priority;
	char *client;
	uint64_t attach; /* 0: submitted */

	struct interrupt bell; /* wakes the thread */
	atomic_bool is_cancelled;
	pthread_t thread;
	struct service broker;     /* the thread's own, but for the URL and the keys */
	json_t *json;              /* the data's document, likewise */
	struct delivery *delivery; /* the thread's own, but for its pixels once the job is done;
				    * freed after the thread has ended */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool is_accepted, is_done, is_over; /* is_over: done, or failed */
	bool must_release, is_released, must_end;
	bool is_left;                    /* the thread does nothing more for it */
	struct brot_error release_error; /* why it is not released, if that was tried */
	uint64_t id;
	struct brot_progress progress;
	struct brot_error error;
	const uint8_t *planes[PLANES_MAX]; /* of the data, once the job is done */
	bool is_mapped;

	uint8_t *copies[PLANES_MAX]; /* owned: of bands */
	pthread_mutex_t paint;       /* of: */
	uint8_t *painted;            /* owned: what the data are coloured to */
};

/* The request that the broker renders. */
static inline const struct brot_request *job_data(const struct brot_job *job)
{
	return job->data != NULL ? job->data : job->request;
}

/* The thread. context: the job. */
void *job_run(void *context);

/* Wakes it. */
void job_ring(const struct brot_job *job);

#endif
