/*
 * session.h - decides what a client says to see one job through, from SUBMIT or ATTACH to the last
 * pixel.
 *
 * Pure: no socket, no clock. The caller feeds one event at a time and carries out the actions that
 * come back, in order, before the next event. The same events always give the same actions. All
 * times are milliseconds of a monotonic clock and enter through session_event.now_ms alone.
 *
 * What it promises: a SUBMIT is repeated, always with the same key, so that a broker that was
 * restarted, or an answer that was lost, does no harm; a broker that falls silent ends the session
 * after timeout_ms, and one that comes back earlier does not; where is_patient that counts only
 * before its first answer, and then it is waited for without end. SESSION_SILENT and SESSION_BACK
 * say so meanwhile. A cancelled session is over within SESSION_CANCEL_MS. A job that this session
 * has submitted and that is not kept is cancelled however the session fails; any other is left
 * alone.
 *
 * Where a job exists already a busy broker, which SESSION_BUSY tells, is asked again: for
 * timeout_ms at most, or without end likewise. A new one it refuses for good.
 *
 * A job in bands is read band by band, from the top: SESSION_BAND, answered with MAPPED, FETCH or
 * RELEASE_BAND, then RELEASE_BAND when its rows are no longer needed, and so on to the last. Where
 * somebody else has released bands that are missing here the job is attached to, which begins it
 * again from the top; where somebody else reads it that is such a busy, for SESSION_BUSY_MS at
 * least.
 *
 * One thread owns a session.
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/fetch.h"
#include "client/notice.h"
#include "proto/error.h"
#include "proto/message.h"

#define SESSION_KEY_BYTES   16
#define SESSION_SUBMIT_MS   1000 /* SUBMIT and ATTACH are repeated this often */
#define SESSION_WATCH_MS    2000 /* and WATCH; sooner where timeout_ms is short */
#define SESSION_STATUS_MS   2000 /* and STATUS, while nobody works on the job */
#define SESSION_CANCEL_MS   1000
#define SESSION_BUSY_MS     12000 /* an ATTACH is tried at least: a dead reader counts for 10 s */
#define SESSION_SILENT_MS   3000  /* without a word, and it is told */
#define SESSION_RESUBMITS   16    /* times that a job may be lost by its broker */
#define SESSION_UNANSWERED  3     /* messages in a row: the next goes by a new connection */
#define SESSION_ACTIONS_MAX 16    /* that one event can cause */
#define SESSION_BODY_BYTES  192

struct session; /* opaque; session.c has the state diagram */

struct session_config {
	uint64_t attach; /* a job that somebody has submitted; 0: submit one, by the rest: */
	uint8_t key[SESSION_KEY_BYTES]; /* random */
	const json_t *request;          /* canonical; copied */
	bool is_kept;
	int32_t priority;   /* -LIMIT_PRIORITY..LIMIT_PRIORITY */
	const char *client; /* the unit of fairness; NULL: this connection alone; copied */

	const char *url; /* for sentences; borrowed for the session's life */
	int64_t timeout_ms;
	bool is_patient;
};

enum session_event_type {
	SESSION_EVENT_START,        /* once, first */
	SESSION_EVENT_MESSAGE,      /* the broker said something */
	SESSION_EVENT_TICK,         /* time has passed: session_deadline_ms() has come, or not */
	SESSION_EVENT_WOKEN,        /* the caller was stopped, and could not hear anything */
	SESSION_EVENT_CANCEL,       /* the user wants the end */
	SESSION_EVENT_MAPPED,       /* answers FINISHED or BAND: it can be read in memory */
	SESSION_EVENT_FETCH,        /* the same: it cannot, send the pixels of `area` */
	SESSION_EVENT_RELEASE_BAND, /* the band is no longer needed */
	SESSION_EVENT_RELEASE,      /* nor is the image, or a job that failed: remove it. Of a job
				       in bands: after the last one, whose release it includes */
	SESSION_EVENT_LEAVE,        /* the caller goes. A job that is neither kept nor another's is
				       cancelled */
};

struct session_event {
	enum session_event_type type;
	int64_t now_ms;
	const struct message *message; /* borrowed for the call */
	struct fetch_area area;
};

enum session_action_type {
	SESSION_SEND,      /* send `message`; if that fails, forget it */
	SESSION_RECONNECT, /* leave the connection, which may be dead, for a new one */
	SESSION_ACCEPTED,  /* `job` and `request` */
	SESSION_PROGRESS,  /* `progress` */
	SESSION_WORKERS,   /* `workers` */
	SESSION_BUSY,      /* `error` of a job that there is, and `is_read`; it is asked again */
	SESSION_SILENT,    /* nothing was heard for SESSION_SILENT_MS */
	SESSION_BACK,      /* it was, after that */
	SESSION_BAND,      /* `band`, the next one; answer with MAPPED, FETCH or RELEASE_BAND */
	SESSION_FINISHED,  /* `summary`; answer with MAPPED or FETCH, unless it was in bands: then
			      the session is over */
	SESSION_PIXELS,    /* copy `message.data` to `piece` of the image */
	SESSION_READY,     /* all pixels of the area were there */
	SESSION_FAILED,    /* `error`; the session is over */
	SESSION_CANCELLED, /* the session is over, as the user wished */
};

/* One action. Only the members that its type names mean anything. */
struct session_action {
	enum session_action_type type;
	struct message message; /* its body and data are borrowed until the next session_step() */
	struct session_job job;
	const json_t *request; /* as the broker has it, not checked; borrowed likewise */
	struct session_progress progress;
	uint64_t workers; /* that the broker has, whether they have tiles of this job or not */
	struct session_band band;
	struct session_summary summary;
	struct fetch_piece piece;
	struct brot_error error;
	bool is_read;                  /* by another client, whose bands they are */
	char body[SESSION_BODY_BYTES]; /* session.c's own */
};

/* NULL if memory is short. Release with session_free(), which accepts NULL. */
struct session *session_new(const struct session_config *config);
void session_free(struct session *session);

/* Applies one event. Actions not yet taken are forgotten. SESSION_BAND and SESSION_FINISHED are the
 * last of their step, so that they can be answered at once. */
void session_step(struct session *session, const struct session_event *event);

/* The next action, borrowed until the next session_step(); NULL: no more. */
const struct session_action *session_next(struct session *session);

/* When session_step() must be called with SESSION_EVENT_TICK; INT64_MAX: never. */
int64_t session_deadline_ms(const struct session *session);

/* After SESSION_FAILED, SESSION_CANCELLED, SESSION_EVENT_LEAVE; and after SESSION_EVENT_RELEASE, as
 * soon as the broker has answered where it matters: it may take timeout_ms. */
bool session_is_over(const struct session *session);

/* Whether SESSION_EVENT_RELEASE has ended without that answer. */
bool session_is_unconfirmed(const struct session *session);

/* The job that goes on at the broker after this session was over too early; 0: none. */
uint64_t session_left_job(const struct session *session);

#endif
