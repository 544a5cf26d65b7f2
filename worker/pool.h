/*
 * pool.h - the compute threads: take a tile, render it, return the result.
 *
 * Threads know nothing of sockets, sessions or credit. A tile names its job by the session's
 * handle; whoever submitted it keeps the memory that it points to until its result was taken,
 * cancelled or not.
 *
 * Thread rule: one thread owns a pool and calls everything here. fault_init() comes first.
 */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/image.h"
#include "proto/message.h"
#include "worker/counts.h"
#include "worker/render.h"

struct pool; /* opaque */

/* A tile to render. */
struct pool_tile {
	uint64_t handle, job;
	uint32_t phase, tile, attempt;
	struct rect rect; /* of the picture; no more than LIMIT_DATA_BYTES unless mapped */
	uint32_t top_px;  /* the row of the picture that is the image's first */
	const struct render_job *render;   /* borrowed until the result was taken */
	const struct image_layout *layout; /* likewise */
	void *memory;     /* the mapped image, likewise; NULL: the pixels come with the result */
	bool is_mirrored; /* a mapped image, a whole one, gets it at its mirror's place too */
	/* Borrowed likewise: then rect's rows are segments of samples to be counted there, or
	 * (is_rows) rows of it to be sent, and what concerns an image has no meaning. */
	struct counts *counts;
	bool is_rows;
};

/* What became of it. error.code: BROT_OK, BROT_E_CANCELLED, or why it failed. */
struct pool_result {
	struct pool_tile tile;
	struct brot_error error;
	uint64_t digest; /* as DONE has it */
	uint64_t iterations, elapsed_us;
	enum message_codec codec;
	void *data; /* owned, see pool_result_done(); NULL for a mapped image */
	size_t data_bytes;
};

struct pool_progress {
	uint64_t iterations; /* done since the pool began */
	uint32_t running;    /* tiles in the hands of a thread */
	uint32_t stuck;      /* of these, with a thread that has not moved for the time asked */
	uint32_t lost;       /* likewise, but cancelled */
};

/* BROT_E_SYSTEM if threads cannot be had. */
enum brot_err pool_new(uint32_t threads, struct pool **ret_pool, struct brot_error *err);

/* Cancels everything, waits for the threads (0.1 s or so), drops all results. Accepts NULL. */
void pool_free(struct pool *pool);

/* A descriptor that is readable while results wait. The pool owns it. */
int pool_fd(const struct pool *pool);

/* Queues a copy of *tile. False only if memory is short. */
bool pool_submit(struct pool *pool, const struct pool_tile *tile);

/* Cancels a job's tiles: those queued and those running. All still come back as results. */
void pool_cancel(struct pool *pool, uint64_t handle);
void pool_cancel_all(struct pool *pool);

/* The same for one tile. */
void pool_cancel_tile(struct pool *pool, uint64_t handle, uint32_t phase, uint32_t tile,
		      uint32_t attempt);

/* Cancels the tiles that no thread has begun, but those of rows: what was counted would be lost. */
void pool_drop_queued(struct pool *pool);

/* The next result, in the order in which they ended; false if there is none. The caller ends it
 * with pool_result_done(). */
bool pool_take(struct pool *pool, struct pool_result *ret_result);
void pool_result_done(struct pool_result *result);

/* How the threads are. One is stuck that works and was not seen to move for stuck_ms: so this must
 * be called more often than that. A thread moves when it begins or ends a tile, and several times
 * a second between. */
struct pool_progress pool_progress(struct pool *pool, int64_t now_ms, int64_t stuck_ms);

#endif
