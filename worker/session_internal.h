/*
 * session_internal.h - the session's state, shared by the session*.c files alone.
 *
 * session.c takes events apart, session_life.c has the states and what moves between them,
 * session_tile.c the jobs and tiles of a session.
 */
#ifndef WORKER_SESSION_INTERNAL_H
#define WORKER_SESSION_INTERNAL_H

#include "worker/session.h"

enum session_state { SESSION_GREETING, SESSION_SERVING, SESSION_DRAINING, SESSION_ENDED };

/* A worker knows a job in bands as several, one for each band that is open; and one that counts
 * samples as its image and its grids, two at a time. */
#define KNOWN_JOBS (LIMIT_JOBS * (LIMIT_OPEN_BANDS + 2))

struct known_job {
	uint64_t id, handle;
	struct session_opened opened;
	bool has_counted; /* samples that nobody else has, if it has rows to be sent */
};

struct held_tile {
	uint64_t handle, job;
	uint32_t phase, tile, attempt;
	bool is_counted; /* of samples */
};

struct session {
	struct session_config config;
	enum session_state state;
	bool is_terminated; /* SIGTERM came */
	int64_t empty_ms;   /* since when it drains without a tile, at a tick; 0: it does not */
	uint64_t number;    /* of the session; 0 in GREETING */
	int64_t hello_ms;   /* when the next HELLO is due */
	int64_t hello_sent_ms;
	int64_t busy_ms;   /* the pause after the next BUSY */
	int64_t denied_ms; /* and after the next denial */
	int64_t heard_ms, lost_ms;
	int64_t beat_due_ms, beat_ms;
	struct session_progress progress; /* at the last tick */
	uint32_t credit_told;             /* in SERVING */
	uint64_t iterations_before;       /* the session began */
	uint64_t next_handle;
	uint32_t job_count, held_count;
	struct known_job jobs[KNOWN_JOBS];
	struct held_tile held[LIMIT_CREDIT];
};

/* ---- session.c: actions ---- */

struct session_action *session_action_add(struct session_actions *out,
					  enum session_action_type type);

/* A message of that type in this session. */
struct message *session_send_add(const struct session *s, struct session_actions *out,
				 enum message_type type);

/* Makes text the body of the message that was added last. */
void session_text_set(struct session_actions *out, const char *text);

/* ---- session_life.c ---- */

void session_life_init(struct session *s);

/* The first event, and what ends a session or the worker. */
void session_on_start(struct session *s, int64_t now_ms, struct session_actions *out);
void session_on_terminate(struct session *s, struct session_actions *out);
void session_on_orphaned(struct session *s, struct session_actions *out);
void session_on_denied(struct session *s, int64_t now_ms, struct session_actions *out);
void session_on_unreadable(struct session *s, enum brot_err code, struct session_actions *out);

/* Messages. */
void session_on_welcome(struct session *s, const struct session_event *event,
			struct session_actions *out);
void session_on_refused(struct session *s, const struct session_event *event,
			struct session_actions *out);
void session_on_drain(struct session *s, struct session_actions *out);

void session_on_tick(struct session *s, const struct session_event *event,
		     struct session_actions *out);

/* The broker is lost, or has forgotten the session: greets again, or ends where it was draining. */
void session_lose(struct session *s, int64_t now_ms, struct session_actions *out);

/* Ends a draining worker that holds no tile any more. */
void session_drain_check(struct session *s, struct session_actions *out);

/* ---- session_tile.c ---- */

uint32_t session_credit(const struct session *s); /* at most; less while threads are stuck */

void session_on_job(struct session *s, const struct message *m, struct session_actions *out);
void session_on_opened(struct session *s, const struct session_opened *opened,
		       struct session_actions *out);
void session_on_cancel(struct session *s, uint64_t id, struct session_actions *out);
void session_on_tile(struct session *s, const struct message *m, struct session_actions *out);
void session_on_revoke(struct session *s, const struct message *m, struct session_actions *out);
void session_on_tile_ended(struct session *s, const struct session_ended *ended,
			   struct session_actions *out);

/* Whether counts of samples have yet to be sent. */
bool session_has_counts(const struct session *s);

/* Drops all jobs and tiles. */
void session_forget(struct session *s, struct session_actions *out);

#endif
