/*
 * session.h - what a worker says to its broker, and when: the worker's half of BROT/1.
 *
 * Pure: no socket, clock, thread or log. The caller feeds one event at a time, with the time in it,
 * and carries out the actions that come back, in order, before it feeds the next. Jobs, tiles and
 * the session itself are numbers.
 *
 *             WELCOME                     DRAIN, SIGTERM
 *   GREETING ---------> SERVING ------------------------> DRAINING ---> ENDED
 *      ^                   |                                  |  no tile left: BYE
 *      +-------------------+                                  +- the broker is lost
 *        REREGISTER, or nothing heard for lost_ms
 *
 * GREETING: HELLO at once and then every second until WELCOME. A broker that is BUSY is asked
 * again with growing pauses; any other REFUSED ends the worker with that code's exit status.
 *
 * SERVING: a BEAT every beat_ms, which the broker answers by WELCOME with the same session. So
 * whoever hears nothing for lost_ms has lost the broker: it drops all tiles and jobs, lest images
 * of a dead broker stay mapped, and greets again. A WELCOME with another session is a new life:
 * everything of the old one is dropped. A REVOKE takes one tile away, whose credit is free again.
 *
 * A thread that renders and has not moved for SESSION_STUCK_MS is stuck: the worker's credit is one
 * less until it moves. The lease of its tile runs out by itself. No BEAT is sent while tiles are
 * rendering and all of them are stuck, and no HELLO while all threads are: the broker then takes
 * this worker for dead, which is what a stuck renderer deserves.
 *
 * DRAINING: no more credit. After a DRAIN message all tiles held are finished; after SIGTERM only
 * those that have begun, and BYE returns the rest; segments of samples FAIL (cancelled) before it,
 * so that what was counted beside them is not lost. Counts that have yet to be
 * sent are waited for by the BYE too, for up to 20 s. A second SIGTERM ends at once. A draining
 * worker whose session is lost ends too: it never serves again.
 *
 * One thread owns a session. All times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/message.h"
#include "proto/tile.h"

#define SESSION_ACTIONS_MAX 4 /* that one event causes */

/* A single pixel may be LIMIT_ITERATIONS of work, between whose ends nothing is seen to move: a few
 * seconds on most CPUs, and this leaves room for slow ones. */
#define SESSION_STUCK_MS 30000

struct session; /* opaque */

enum session_event_type {
	SESSION_ON_START,   /* the first event */
	SESSION_ON_MESSAGE, /* one came from the broker: message, and for three types what its JSON
			     * says
			     */
	SESSION_ON_UNREADABLE, /* something came that is no message: error */
	SESSION_ON_DENIED,     /* the other end does not take our key, or has not the right one */
	SESSION_ON_OPENED,     /* the answer to SESSION_DO_OPEN: opened */
	SESSION_ON_TILE_ENDED, /* the renderer is done with a tile, however: ended */
	SESSION_ON_TICK,       /* time has passed: progress */
	SESSION_ON_TERMINATE,  /* SIGTERM or SIGINT */
	SESSION_ON_ORPHANED,   /* the parent process has died: BYE and end at once */
};

/* How SESSION_DO_OPEN went. With error.code set the job cannot be rendered at all; its tiles will
 * be given back with that error. Otherwise is_mapped, or `error.text` says why it is not. */
struct session_opened {
	uint64_t handle;
	struct rect area;     /* of the picture, where tiles may lie: the image's rows, or their
			       * upper half */
	uint32_t pixel_bytes; /* over all planes */
	bool is_counted;      /* tiles of phase 0 are segments of samples, one a row of area: their
			       * results carry nothing, and are worth something only with those of the
			       * other tiles of the job */
	struct rect rows;     /* then, of a grid that the broker does not see: tiles of phase 1 */
	uint32_t row_pixel_bytes;
	bool is_mapped;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	struct brot_error error;
};

/* How a tile ended: BROT_OK with digest and so on, BROT_E_CANCELLED after SESSION_DO_CLOSE, _RESET,
 * _REVOKE or _DROP_QUEUED, anything else with a sentence. */
struct session_ended {
	uint64_t handle;
	uint32_t phase, tile, attempt;
	struct brot_error error;
	uint64_t digest, iterations, elapsed_us;
	uint32_t codec;
	struct bytes data; /* borrowed until the actions are carried out; empty for a mapped job */
};

/* How the renderer is. */
struct session_progress {
	uint64_t iterations; /* of the recurrence, since the program began */
	uint32_t running;    /* tiles in the hands of a thread */
	uint32_t stuck;      /* of these, with a thread that has not moved for SESSION_STUCK_MS */
	uint32_t lost;       /* likewise, but cancelled before: nobody waits for them */
};

struct session_event {
	enum session_event_type type;
	int64_t now_ms;
	union {
		struct {
			const struct message *message; /* borrowed */
			int64_t beat_ms, lost_ms;      /* of a WELCOME; clamped to sane values */
			enum brot_err code;            /* of a REFUSED */
			bool is_about_hello;           /* REFUSED names HELLO, or nothing */
		} received;
		struct brot_error error;
		struct session_opened opened;
		struct session_ended ended;
		struct session_progress progress;
	};
};

enum session_action_type {
	SESSION_DO_SEND,     /* message; the body of a HELLO is the caller's to add */
	SESSION_DO_WELCOMED, /* a session began: tell whoever watches this process */
	SESSION_DO_OPEN,  /* parse the JOB in hand and map its image; answer by SESSION_ON_OPENED at
			     once */
	SESSION_DO_CLOSE, /* drop a job: cancel its tiles, then unmap its image */
	SESSION_DO_RESET, /* the same for all jobs */
	SESSION_DO_START, /* render a tile */
	SESSION_DO_REVOKE,      /* cancel that tile alone */
	SESSION_DO_DROP_QUEUED, /* cancel the tiles that no thread has begun */
	SESSION_DO_EXIT,        /* end the program with exit_status */
};

struct session_action {
	enum session_action_type type;
	struct message message; /* SEND. Body: text, below. Data: borrowed from the event */
	char text[LIMIT_TEXT_BYTES + 1];
	uint64_t session; /* WELCOMED */
	uint64_t handle;  /* OPEN, CLOSE, START, REVOKE: names a job; never used again */
	uint64_t job;     /* OPEN, START, REVOKE */
	uint32_t phase, tile, attempt; /* START, REVOKE */
	struct rect rect;              /* START: inside the job's area */
	int exit_status;               /* EXIT */
};

struct session_actions {
	unsigned count;
	struct session_action list[SESSION_ACTIONS_MAX];
};

struct session_config {
	uint32_t threads;   /* 1..LIMIT_CREDIT - 1; credit is one tile more, which waits */
	bool is_supervised; /* a parent kills if SIGTERM takes too long: further ones mean nothing
			     */
};

/* NULL only if memory is short. Release with session_free(), which accepts NULL. */
struct session *session_new(const struct session_config *config);
void session_free(struct session *s);

/* Applies one event; *ret_actions gets what to do now. No message from the network can do worse
 * than waste time. */
void session_step(struct session *s, const struct session_event *event,
		  struct session_actions *ret_actions);

/* When SESSION_ON_TICK must come at the latest. */
int64_t session_deadline_ms(const struct session *s);

/* The present session's number, 0 while there is none; for the log. */
uint64_t session_number(const struct session *s);

/* For the log as well: whether it takes no more tiles, and how many it holds. */
bool session_is_draining(const struct session *s);
uint32_t session_held(const struct session *s);

#endif
