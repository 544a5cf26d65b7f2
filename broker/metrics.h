/*
 * metrics.h - what the broker counts, as Prometheus reads it (text format 0.0.4).
 *
 * Nothing is told by job, worker or client, so that the text has the same few lines for ever.
 *
 * Pure. One thread owns a struct metrics.
 */
#ifndef BROKER_METRICS_H
#define BROKER_METRICS_H

#include "broker/sched.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The order of the labels: client and worker as enum peer_side has them. */
enum metrics_direction { METRICS_RECEIVED, METRICS_SENT };

/* Start with {0}. */
struct metrics {
	/* Counted by metrics_step(). */
	uint64_t ended[JOB_END_COUNT];
	uint64_t leases;        /* tiles handed to a worker */
	uint64_t leases_again;  /* of these: tiles that had been leased before, second copies too */
	uint64_t tiles_done;    /* results that counted */
	uint64_t grids;         /* that were committed, with what had been counted into them */
	uint64_t tiles_failed;  /* by a worker's word */
	uint64_t tiles_revoked; /* copies whose tile somebody else had rendered first */
	uint64_t iterations, worker_us;   /* of results that counted */
	uint64_t refused[BROT_ERR_COUNT]; /* counted by metrics_refused(); by enum brot_err */

	/* As they are now, for the caller to fill in before metrics_text(). */
	uint64_t uptime_ms;
	uint64_t jobs[5]; /* queued, running, paused, finished, failed */
	uint64_t workers, threads;
	uint64_t peers;
	uint64_t image_bytes, image_budget_bytes;
	uint64_t messages[2][2], bytes[2][2]; /* by peer_side and metrics_direction */
	uint64_t store_commits, store_failures;
	uint64_t turned_away; /* connections, for want of descriptors */
};

/* Counts what one step of the scheduler says. */
void metrics_step(struct metrics *metrics, const struct sched_event *event,
		  const struct sched_actions *actions);

/* Counts a REFUSED. */
void metrics_refused(struct metrics *metrics, enum brot_err code);

/* The text, which the caller frees. NULL if memory is short. */
char *metrics_text(const struct metrics *metrics, const char *version);

#endif
