/*
 * sched.h - decides which worker renders which tile, and what every peer is told.
 *
 * A state machine: the caller feeds one event at a time and carries out the actions that come
 * back, in order. The same events always give the same actions, so a log can be replayed.
 *
 * Pure: no socket, clock, log or thread; time and random numbers come in with the events. Peers,
 * sessions, jobs and tiles are ids and stay valid as names whatever happens next. One thread owns
 * a scheduler.
 *
 * No event can break it: one that makes no sense in the present state is answered with
 * ACTION_REFUSE or ACTION_REREGISTER, or ignored where it is a late echo of something ended.
 */
#ifndef BROKER_SCHED_H
#define BROKER_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/plan.h"
#include "proto/error.h"
#include "proto/tile.h"

#define SCHED_NEVER     INT64_MAX
#define SCHED_KEY_BYTES 16

struct sched; /* opaque; see sched_internal.h for the states */

struct sched_limits {
	uint64_t image_bytes; /* of all images together */
	uint32_t jobs, jobs_per_client;
	uint32_t workers;
	int64_t beat_ms;        /* a worker is told to beat so often */
	int64_t lost_ms;        /* silence after which a peer is taken for dead */
	int64_t progress_ms;    /* between two PROGRESS of a job */
	int64_t lease_ms;       /* least time a tile is leased for; doubles with each attempt */
	int64_t tile_target_ms; /* a tile should take so long */
	uint32_t tile_rows;     /* fixed tile height for measurements; 0: follow the cost */
};

/* The limits of limits.h and the times of PROTOCOL.md, with that image budget. */
struct sched_limits sched_limits_default(uint64_t image_bytes);

/* One lease of a tile. */
struct tile_name {
	uint64_t job;
	uint32_t phase, tile, attempt;
};

enum job_state { JOB_CREATING, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED };

/* A job as peers are told of it. */
struct job_report {
	uint64_t job;
	enum job_state state;
	uint64_t pixels, pixels_done;
	uint32_t tiles_done, tiles_running, retries;
	uint32_t workers; /* with a tile of it now; once finished: that rendered at least one */
	uint64_t iterations;
	int64_t elapsed_ms; /* since it was accepted, to now or to its end */
};

/* A worker as it described itself. */
struct worker_info {
	uint8_t id[16]; /* random, new in each process */
	uint32_t threads;
	int64_t pid;
	char name[LIMIT_NAME_CHARS + 1];
	char version[LIMIT_NAME_CHARS + 1];
	char kernel[LIMIT_NAME_CHARS + 1];
	uint32_t kernel_count;
	char kernels[LIMIT_KERNELS][LIMIT_NAME_CHARS + 1];
	uint64_t speeds[LIMIT_KERNELS][PRECISION_COUNT]; /* iterations a second; 0: not told */
};

/* A worker as peers are told of it. */
struct worker_report {
	uint64_t session;
	const struct worker_info *info; /* borrowed until the next step */
	uint32_t credit, tiles_held, tiles_done, failures;
	uint64_t iterations;
	bool is_local; /* has proved that it sees our shared memory */
	bool is_draining;
	int64_t connected_ms, silent_ms;
};

struct sched_totals {
	uint32_t jobs_queued, jobs_running, jobs_finished;
	uint32_t workers, clients;                  /* clients: with a job */
	uint64_t jobs_done, tiles_done, iterations; /* since the start */
	uint64_t image_bytes;
};

enum sched_event_type {
	EVENT_TICK,
	EVENT_STOP,        /* the broker ends */
	EVENT_UNREACHABLE, /* a message could not be sent to peer: its connection is gone */
	EVENT_VIOLATION,   /* a worker broke a rule that the caller checks: text says which */
	/* from a client */
	EVENT_SUBMIT,       /* submit */
	EVENT_IMAGE_READY,  /* job: the answer to ACTION_CREATE_IMAGE */
	EVENT_IMAGE_FAILED, /* job, code, text */
	EVENT_WATCH,        /* job */
	EVENT_CANCEL_JOB,   /* job */
	EVENT_RELEASE,      /* job */
	/* from a worker */
	EVENT_HELLO,  /* hello */
	EVENT_CREDIT, /* session, credit */
	EVENT_MAPPED, /* session, job, is_mapped */
	EVENT_DONE,   /* session, tile, done */
	EVENT_FAIL,   /* session, tile, code, text */
	EVENT_BEAT,   /* session */
	EVENT_BYE,    /* session */
	EVENT_GONE,   /* session; from any peer */
	EVENT_TYPE_COUNT
};

/* One thing that happened. Borrowed for the step; only the members named above have a meaning. */
struct sched_event {
	enum sched_event_type type;
	int64_t now_ms; /* never less than in the event before */
	uint64_t peer;  /* who said it; 0 for those that nobody says */
	uint64_t session;
	uint64_t job;
	struct tile_name tile;
	uint32_t credit;
	uint64_t iterations;
	bool is_mapped;
	enum brot_err code;
	const char *text;
	struct {
		int64_t elapsed_us;
		bool has_pixels; /* they came with the message */
	} done;
	struct {
		const struct worker_info *info;
		uint64_t random; /* becomes the session; the caller draws it */
	} hello;
	struct {
		uint8_t key[SCHED_KEY_BYTES];
		uint64_t job; /* the id it gets if it is new; the caller counts */
		const struct plan *plan;
	} submit;
};

enum sched_action_type {
	/* to the worker `peer` */
	ACTION_WELCOME,    /* session */
	ACTION_JOB,        /* session, job */
	ACTION_TILE,       /* session, tile, rect */
	ACTION_CANCEL,     /* session, job */
	ACTION_REREGISTER, /* session */
	/* to the client `peer` */
	ACTION_ACCEPTED,  /* job */
	ACTION_PROGRESS,  /* report */
	ACTION_FINISHED,  /* report */
	ACTION_FAILED,    /* job, code, text */
	ACTION_CANCELLED, /* job: to the one who asked for it */
	/* to either */
	ACTION_REFUSE, /* code, text, job or 0 */
	/* to the caller */
	ACTION_CREATE_IMAGE, /* job: answer with EVENT_IMAGE_READY or EVENT_IMAGE_FAILED at once */
	ACTION_DROP_IMAGE,   /* job: remove its image and forget its request */
	ACTION_APPLY,        /* tile, rect: the result of this very EVENT_DONE counts */
	ACTION_NOTE,         /* text: a life event for the log */
	ACTION_TYPE_COUNT
};

#define SCHED_TEXT_BYTES BROT_ERROR_TEXT_BYTES

struct sched_action {
	enum sched_action_type type;
	uint64_t peer, session, job;
	struct tile_name tile;
	struct rect rect;
	struct job_report report;
	enum brot_err code;
	char text[SCHED_TEXT_BYTES];
};

/* Growable; reused between steps. Start with {0}; sched_actions_done() frees it. */
struct sched_actions {
	struct sched_action *items;
	size_t count, capacity;
};
void sched_actions_done(struct sched_actions *actions);

/* Makes an empty scheduler. Copies *limits. Never NULL: no memory ends the program. */
struct sched *sched_new(const struct sched_limits *limits);
void sched_free(struct sched *s); /* accepts NULL */

/* Applies one event and appends the resulting actions to *out. */
void sched_step(struct sched *s, const struct sched_event *event, struct sched_actions *out);

/* When sched_step() must be called again with EVENT_TICK at the latest, or SCHED_NEVER. */
int64_t sched_deadline_ms(const struct sched *s);

/* The rectangle of the lease that an EVENT_DONE is about; false where its peer does not hold it. */
bool sched_tile_rect(const struct sched *s, const struct sched_event *event, struct rect *ret_rect);

/* Read-only views. The list functions call fn once for each, in order of age. */
bool sched_job_report(const struct sched *s, uint64_t job, int64_t now_ms,
		      struct job_report *ret_report);
void sched_each_job(const struct sched *s, int64_t now_ms,
		    void (*fn)(const struct job_report *report, void *context), void *context);
void sched_each_worker(const struct sched *s, int64_t now_ms,
		       void (*fn)(const struct worker_report *report, void *context),
		       void *context);
void sched_totals(const struct sched *s, struct sched_totals *ret_totals);

/* Checks every invariant; false, with what is broken in text, after a mistake of ours. For tests.
 */
bool sched_check(const struct sched *s, char text[SCHED_TEXT_BYTES]);

/* One line, without a newline, for an event or an action: what the debug log and the stories of
 * the tests are made of. Returns buffer. */
const char *sched_event_str(const struct sched_event *event, char *buffer, size_t bytes);
const char *sched_action_str(const struct sched_action *action, char *buffer, size_t bytes);

#endif
