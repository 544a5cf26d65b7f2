/*
 * gang.h - shares a render in this process out over threads, and keeps its caller informed.
 *
 * A render is one or more phases, run one after the other by gang_run(). Work is units, which
 * threads take in pieces from a counter that they share: large ones first, small ones at the end,
 * so that all end together. The caller's thread is one of them; it alone calls on_progress.
 *
 * Thread rule: one thread owns a gang; what gang_goes_on() takes is the thread's that it was given
 * to.
 */
#ifndef WORKER_GANG_H
#define WORKER_GANG_H

#include <brot/local.h>
#include <pthread.h>
#include <stdatomic.h>

#include "proto/error.h"
#include "proto/thread_mode.h"

struct gang_phase {
	uint64_t units;     /* at least 1 */
	uint64_t row_units; /* a piece is some rows of so many each, or lies within one row */
	uint64_t least;     /* units of a piece that is not worth being cut */
	double share;       /* of the whole render */

	/* What a thread keeps from piece to piece; each may be NULL. False if memory is short. */
	bool (*begin)(void *context, void **ret_own);
	void (*end)(void *context, void *own, bool is_good);

	/* Does units first ... first + count - 1. `poll` is for gang_goes_on(), which it asks
	 * several times a second; where that says no it returns BROT_E_CANCELLED. */
	enum brot_err (*task)(void *context, void *own, uint64_t first, uint64_t count, void *poll,
			      struct brot_error *err);
	void *context;
};

struct gang {
	const struct gang_phase *phase;
	uint32_t threads;
	const struct brot_local *local;
	struct thread_mode *callers;     /* for on_progress, which may change it */
	atomic_uint_fast64_t next, done; /* units of the phase */
	atomic_bool is_over;             /* failed, or cancelled: nobody begins a piece */
	double shares_done;              /* of phases that are */
	double told;                     /* by the last on_progress */
	int64_t tell_ms;                 /* not before */

	pthread_mutex_t lock; /* of: */
	pthread_cond_t ended;
	uint32_t running; /* threads but the caller's */
	struct brot_error error;
};

/* local is borrowed, and `callers` too, the mode that on_progress is called in; threads were
 * checked. BROT_E_SYSTEM: the system is out of something. */
enum brot_err gang_init(struct gang *gang, const struct brot_local *local,
			struct thread_mode *callers, struct brot_error *err);
void gang_free(struct gang *gang);

/* Does a phase. On failure, or BROT_E_CANCELLED, no thread works on it any more. */
enum brot_err gang_run(struct gang *gang, const struct gang_phase *phase, struct brot_error *err);

/* Whether to go on. Has the signature of what escape_poll and render_progress ask. */
bool gang_goes_on(void *poll, uint64_t iterations);

/* Says that all is done. */
void gang_finish(struct gang *gang);

#endif
