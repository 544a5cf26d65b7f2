/*
 * sched_internal.h - the scheduler's state, shared by the sched_*.c files alone.
 *
 *   job:   SUBMIT -> CREATING -> QUEUED -> RUNNING -> FINISHED -> (RELEASE, or nobody watches) gone
 *          CREATING --image failed--> gone; any --cancelled, failed, unwatched--> gone
 *   tile:  cut from the job's next segments -> leased -> done (forgotten)
 *                                  waiting <- leased (worker lost, FAIL, lease over); -> leased
 *   worker: HELLO -> session, in the ready queue while it holds fewer tiles than its credit
 *
 * Tiles that are done are not kept: one that is neither leased nor waiting and has an id below
 * the phase's next is done.
 */
#ifndef BROKER_SCHED_INTERNAL_H
#define BROKER_SCHED_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "broker/sched.h"

struct worker;
struct job;

struct tile {
	uint32_t id;           /* hash key within the phase */
	uint32_t first, count; /* segments */
	uint32_t attempt;      /* leases so far */
	uint32_t failures;
	uint64_t failed_on[LIMIT_TILE_ATTEMPTS]; /* sessions */
	struct job *job;
	struct worker *holder; /* NULL while it waits */
	int64_t leased_ms, lease_end_ms;
	int64_t charged_us;       /* to its client, as an estimate */
	struct tile *prev, *next; /* of the holder's tiles, or of the job's waiting ones */
	UT_hash_handle hh;
};

/* What one worker and one job have to do with each other; indexed by the job's slot. */
struct acquaintance {
	bool knows;     /* JOB was sent */
	bool is_mapped; /* and the image's nonce came back */
	bool rendered;  /* a tile was accepted */
	uint8_t strikes;
	uint32_t holds; /* tiles */
};

struct worker {
	uint64_t session; /* hash key */
	uint64_t peer;
	struct worker_info info;
	int64_t connected_ms, heard_ms;
	uint32_t credit, held, tiles_done, failures;
	uint64_t iterations;
	bool is_local, is_draining, is_ready;
	bool has_spoken; /* in this session: it has seen its WELCOME */
	struct tile *tiles;
	struct acquaintance jobs[LIMIT_JOBS];
	struct worker *prev, *next; /* of the ready queue */
	UT_hash_handle hh, hh_peer;
};

/* Who submitted: the unit of fairness. Lives while it has jobs. */
struct client {
	uint64_t peer;
	uint32_t jobs;
	int64_t virtual_us; /* worker time it was given */
	UT_hash_handle hh;
};

struct watcher {
	uint64_t peer;
	int64_t seen_ms;
};

struct job {
	uint64_t id; /* hash key */
	uint32_t slot;
	uint8_t key[SCHED_KEY_BYTES];
	struct client *client;
	struct watcher watchers[LIMIT_WATCHERS];
	uint32_t watcher_count;
	int64_t watched_ms;
	enum job_state state;
	struct plan plan;

	uint32_t phase, next_tile, next_segment, segments_done; /* of the phase */
	struct tile *tiles;                                     /* hash by id: leased or waiting */
	struct tile *waiting; /* queue of those to be leased again */
	double segment_us;    /* measured cost, smoothed; 0 while unknown */
	uint32_t last_count;  /* segments of the last tile that was cut */

	uint64_t pixels, pixels_done, iterations;
	uint32_t tiles_done, tiles_running, retries, workers_now, workers_ever;
	int64_t accepted_ms, finished_ms, progress_ms;
	UT_hash_handle hh, hh_key;
};

struct sched {
	struct sched_limits limits;
	struct sched_actions *out; /* of the step under way */
	int64_t now_ms, next_tick_ms;
	struct worker *workers; /* hash by session */
	struct worker *workers_by_peer;
	struct worker *ready; /* queue */
	struct job *jobs;     /* hash by id, oldest first */
	struct job *jobs_by_key;
	struct client *clients; /* hash by peer */
	bool slot_used[LIMIT_JOBS];
	uint64_t image_bytes, jobs_done, tiles_done, iterations;
	uint32_t threads;   /* over all workers */
	int64_t virtual_us; /* of the client served last */
};

/* sched.c */
void *sched_alloc(size_t bytes); /* zeroed; ends the program without memory */
struct sched_action *sched_emit(struct sched *s, enum sched_action_type type, uint64_t peer);
void sched_note(struct sched *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sched_refuse(struct sched *s, uint64_t peer, uint64_t job, enum brot_err code,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* sched_job.c */
struct job *job_find(const struct sched *s, uint64_t id);
void job_event(struct sched *s, const struct sched_event *event);
void job_tick(struct sched *s);
void job_fail(struct sched *s, struct job *job, enum brot_err code, const char *text);
void job_advance(struct sched *s, struct job *job); /* after segments were done */
void job_make_report(const struct job *job, int64_t now_ms, struct job_report *ret_report);

/* sched_worker.c */
void worker_event(struct sched *s, const struct sched_event *event);
void worker_tick(struct sched *s);
void worker_end(struct sched *s, struct worker *worker, const char *why);

/* sched_tile.c */
bool job_has_work(const struct job *job);
bool job_has_work_for(const struct sched *s, const struct job *job, const struct worker *worker);
bool worker_may_render(const struct worker *worker, const struct job *job); /* not kept off */
void tile_dispatch(struct sched *s);
void tile_accept(struct sched *s, struct tile *tile, int64_t elapsed_us, uint64_t iterations);
void tile_return(struct sched *s, struct tile *tile); /* to the waiting ones of its job */
void tile_drop_all(struct sched *s, struct job *job);
void worker_make_ready(struct sched *s, struct worker *worker);

#endif
