/*
 * session_internal.h - what the files of a session share: session.c keeps the states and the
 * deadlines, session_message.c understands the broker, session_send.c speaks to it.
 */
#ifndef CLIENT_SESSION_INTERNAL_H
#define CLIENT_SESSION_INTERNAL_H

#include "client/session.h"

enum session_state {
	STATE_NEW,
	STATE_ASKING, /* to SUBMIT or ATTACH */
	STATE_WAITING,
	STATE_COMPLETE,
	STATE_FETCHING,
	STATE_HOLDING,
	STATE_CLOSING,
	STATE_CANCELLING,
	STATE_OVER,
};

struct session {
	enum session_state state;
	bool is_attached, is_kept, is_patient;
	bool is_heard;     /* the broker knows the job, or did */
	bool is_silent;    /* and that was told */
	bool is_read;      /* the last busy: by another client */
	bool is_attaching; /* what is asked, or was last, is ATTACH */
	char key[2 * SESSION_KEY_BYTES + 1];
	char *submit; /* the body, always the same */
	const char *url;
	int64_t timeout_ms;

	uint64_t job;      /* 0 before ACCEPTED, unless it is attached */
	uint64_t read_job; /* the one whose bands before `band` were read */
	uint32_t band_count, band_rows;
	uint32_t band;       /* the one that is waited for or read; band_count: all were */
	bool is_rendered;    /* all pixels of the bands that are left, says PROGRESS */
	bool is_ended;       /* by what the broker said */
	bool is_unconfirmed; /* the RELEASE that ended it */
	json_t *notice;      /* the ACCEPTED in hand */
	unsigned resubmits;
	unsigned refetches;          /* times that FETCH was refused */
	unsigned unanswered;         /* messages */
	uint64_t rows_seen;          /* ROWS */
	struct brot_error lost;      /* how the broker knows the job no more whose band is read */
	struct brot_error busy;      /* why the broker has us ask again later */
	struct session_summary last; /* as far as PROGRESS says */

	int64_t now_ms;       /* of the event in hand */
	int64_t asked_ms;     /* ASKING: since then */
	int64_t give_up_ms;   /* ASKING, CLOSING, CANCELLING: then it is over */
	int64_t heard_ms;     /* the broker's last word */
	int64_t ask_at_ms;    /* ASKING: the next one */
	int64_t watch_at_ms;  /* and WATCH */
	int64_t status_at_ms; /* not before */
	int64_t pixels_ms;    /* FETCHING: the last piece that came */
	struct fetch fetch;

	size_t count, taken;
	struct session_action actions[SESSION_ACTIONS_MAX];
};

/* ---- session.c ---- */

struct session_action *session_act(struct session *s, enum session_action_type type);

/* The broker knows the job, and has not been told that we are through with it. */
bool session_has_job(const struct session *s);

/* Whether the job ends with the session. */
bool session_owns_job(const struct session *s);

bool session_is_banded(const struct session *s);

/* Ends with what the broker says, or for a reason on this side. */
void session_fail(struct session *s, const struct brot_error *error);
void session_give_up(struct session *s, const struct brot_error *error);
void session_end_cancelled(struct session *s);

/* The broker does not know the job: it was restarted, or forgot us. */
void session_lose_job(struct session *s, const struct brot_error *error);

/* Whoever reads a job in bands is known to the broker by the connection that asked for it. Asks as
 * the session began, so that this connection is it; what was read here counts on. */
void session_ask_again(struct session *s);

/* Bands that were not read here are gone, or are being read by somebody else, as `why` says: asks
 * for the job from its first row on. */
void session_attach_again(struct session *s, const struct brot_error *why);

/* All pixels of a job in bands were here: tells `summary`, and is over. */
void session_close_bands(struct session *s, const struct session_summary *summary);

/* ---- session_message.c ---- */

/* Applies what the broker says. A failure is for session_give_up(). */
enum brot_err session_take(struct session *s, const struct message *m, struct brot_error *err);

/* ---- session_send.c ---- */

void session_send_ask(struct session *s); /* SUBMIT or ATTACH */
void session_send_watch(struct session *s);
void session_send_job(struct session *s, enum message_type type);
void session_send_release_band(struct session *s, uint32_t band);
void session_send_status(struct session *s); /* not too often */
void session_send_fetches(struct session *s);

#endif
