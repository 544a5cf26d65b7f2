/*
 * link_internal.h - the connection's state, shared by the link*.c files alone.
 *
 * link.c has the loop and the socket, link_job.c the jobs and their tiles.
 */
#ifndef WORKER_LINK_INTERNAL_H
#define WORKER_LINK_INTERNAL_H

#include "proto/sys/sock.h"
#include "worker/job.h"
#include "worker/link.h"
#include "worker/pool.h"
#include "worker/session.h"

struct link {
	const struct link_config *config;
	struct sock_context *context;
	struct sock *sock;
	struct pool *pool;
	struct session *session;
	struct job *jobs; /* those closed whose tiles are still out included */
	char *hello;
	int64_t now_ms; /* of this round */
	struct notify notify;
	bool is_over;
	int exit_status;
	unsigned hellos; /* since the last WELCOME */
	unsigned welcomes;
	bool is_denied;      /* nothing comes over this socket any more */
	bool is_denial_told; /* since the last WELCOME */
	uint64_t tiles_done;
	const char *why_draining; /* NULL while it is not */
	const char *why_over;
	int linger_ms;  /* for what is still queued at the end */
	uint32_t stuck; /* threads; so many were told of */
};

/* ---- link.c ---- */

/* Steps the session. message: the one in hand, for SESSION_DO_OPEN. */
void link_step(struct link *link, struct session_event *event, const struct message *message);

/* ---- link_job.c ---- */

/* SESSION_DO_OPEN, _START and _REVOKE. */
void link_job_open(struct link *link, const struct session_action *action,
		   const struct message *message);
void link_tile_start(struct link *link, const struct session_action *action);
void link_tile_revoke(struct link *link, const struct session_action *action);

/* Closes a job, or all with handle 0. */
void link_jobs_close(struct link *link, uint64_t handle);

/* Hands what the pool has ended to the session. */
void link_results_take(struct link *link);

/* Frees all jobs, once the pool's threads are gone. */
void link_jobs_free(struct link *link);

#endif
