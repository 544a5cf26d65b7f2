/*
 * session.c - the client's side of one job.
 *
 *     NEW --start--> SUBMITTING --ACCEPTED--> WAITING --FINISHED--> COMPLETE --mapped--> HOLDING
 *                        ^                       |                     |                    ^
 *                        +----- not_found -------+----------+        fetch              last ROWS
 *                                                           |          v                    |
 *                                                           +------ FETCHING ---------------+
 *
 * From everywhere: a failure, or silence, leads to OVER; a cancel to CANCELLING and, with the
 * broker's answer or after SESSION_CANCEL_MS, to OVER. HOLDING fears nothing: the pixels are here.
 */
#include "client/session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/notice.h"
#include "client/reply.h"
#include "proto/hex.h"

enum session_state {
	STATE_NEW,
	STATE_SUBMITTING,
	STATE_WAITING,
	STATE_COMPLETE,
	STATE_FETCHING,
	STATE_HOLDING,
	STATE_CANCELLING,
	STATE_OVER,
};

struct session {
	enum session_state state;
	char key[2 * SESSION_KEY_BYTES + 1];
	char *submit; /* the body, always the same */
	uint32_t width_px, height_px;
	enum format_id format;
	const char *url;
	int64_t timeout_ms;

	uint64_t job; /* 0 before ACCEPTED */
	unsigned resubmits;
	int64_t now_ms;       /* of the event in hand */
	int64_t give_up_ms;   /* SUBMITTING, CANCELLING: then it is over */
	int64_t heard_ms;     /* the broker's last word */
	int64_t submit_at_ms; /* SUBMITTING: the next one */
	int64_t watch_at_ms;
	int64_t status_at_ms; /* not before */
	int64_t pixels_ms;    /* FETCHING: the last piece that came */
	struct fetch fetch;

	size_t count, taken;
	struct session_action actions[SESSION_ACTIONS_MAX];
};

struct session *session_new(const struct session_config *config)
{
	struct session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->width_px = config->width_px;
	s->height_px = config->height_px;
	s->format = config->format;
	s->url = config->url;
	s->timeout_ms = config->timeout_ms;
	hex_write(config->key, SESSION_KEY_BYTES, s->key);
	json_t *body = json_pack("{s:s,s:O}", "key", s->key, "request", config->request);
	if (body != NULL)
		s->submit = json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(body);
	if (s->submit == NULL) {
		session_free(s);
		return NULL;
	}
	return s;
}

void session_free(struct session *session)
{
	if (session != NULL)
		free(session->submit);
	free(session);
}

const struct session_action *session_next(struct session *session)
{
	return session->taken < session->count ? &session->actions[session->taken++] : NULL;
}

bool session_is_over(const struct session *session)
{
	return session->state == STATE_OVER;
}

static bool has_job(const struct session *s)
{
	return s->state == STATE_WAITING || s->state == STATE_COMPLETE ||
	       s->state == STATE_FETCHING || s->state == STATE_HOLDING;
}

/* States in which a silent broker is a failure. */
static bool needs_broker(const struct session *s)
{
	return s->state == STATE_WAITING || s->state == STATE_FETCHING;
}

static int64_t watch_interval_ms(const struct session *s)
{
	int64_t interval_ms = s->timeout_ms / 4;
	return interval_ms < SESSION_WATCH_MS ? interval_ms : SESSION_WATCH_MS;
}

/* How long pixels may fail to come while the broker answers all else. */
static int64_t pixels_patience_ms(const struct session *s)
{
	int64_t patience_ms = 4 * FETCH_AGAIN_MS;
	return s->timeout_ms > patience_ms ? s->timeout_ms : patience_ms;
}

static struct session_action *act(struct session *s, enum session_action_type type)
{
	assert(s->count < SESSION_ACTIONS_MAX);
	struct session_action *action = &s->actions[s->count++];
	action->type = type;
	return action;
}

static void send_submit(struct session *s)
{
	struct session_action *action = act(s, SESSION_SEND);
	action->message = (struct message){.type = MSG_SUBMIT,
					   .body = {s->submit, strlen(s->submit)}};
	s->submit_at_ms = s->now_ms + SESSION_SUBMIT_MS;
}

static void send_body(struct session *s, enum message_type type, const char *before,
		      const char *after)
{
	struct session_action *action = act(s, SESSION_SEND);
	int chars = snprintf(action->body, sizeof action->body, "{%s%" PRIu64 "%s}", before, s->job,
			     after);
	action->message = (struct message){.type = type, .body = {action->body, (size_t)chars}};
}

static void send_job(struct session *s, enum message_type type)
{
	send_body(s, type, "\"job\":", "");
}

static void send_watch(struct session *s)
{
	send_body(s, MSG_WATCH, "\"jobs\":[", "]");
	s->watch_at_ms = s->now_ms + watch_interval_ms(s);
}

/* Nobody has a tile of the job: is there anybody at all? */
static void send_status(struct session *s)
{
	static const char body[] = "{}";
	if (s->now_ms < s->status_at_ms)
		return;
	act(s, SESSION_SEND)->message = (struct message){.type = MSG_STATUS, .body = {body, 2}};
	s->status_at_ms = s->now_ms + SESSION_STATUS_MS;
}

static void send_fetches(struct session *s)
{
	struct fetch_piece piece;
	while (fetch_next(&s->fetch, s->now_ms, &piece)) {
		char rest[SESSION_BODY_BYTES / 2 + 32];
		(void)snprintf(rest, sizeof rest,
			       ",\"plane\":%" PRIu32 ",\"x\":%" PRIu32 ",\"y\":%" PRIu32
			       ",\"w\":%" PRIu32 ",\"h\":%" PRIu32,
			       piece.plane, piece.rect.x, piece.rect.y, piece.rect.w, piece.rect.h);
		send_body(s, MSG_FETCH, "\"job\":", rest);
	}
}

static void fail(struct session *s, const struct brot_error *error)
{
	struct session_action *action = act(s, SESSION_FAILED);
	action->error = *error;
	s->state = STATE_OVER;
}

/* For a failure on this side: the broker need not go on. */
static void give_up(struct session *s, const struct brot_error *error)
{
	if (has_job(s))
		send_job(s, MSG_CANCEL_JOB);
	fail(s, error);
}

static void cancelled(struct session *s)
{
	(void)act(s, SESSION_CANCELLED);
	s->state = STATE_OVER;
}

static void submit(struct session *s)
{
	s->state = STATE_SUBMITTING;
	s->job = 0;
	s->give_up_ms = s->now_ms + s->timeout_ms;
	send_submit(s);
}

/* The broker does not know the job: it was restarted, or forgot us. The same key makes the job
 * again, or finds it. */
static void resubmit(struct session *s, const struct brot_error *error)
{
	if (++s->resubmits > SESSION_RESUBMITS)
		fail(s, error);
	else
		submit(s);
}

static void unavailable(struct session *s)
{
	struct brot_error error;
	(void)error_set(&error, BROT_E_UNAVAILABLE, "no broker answers at %.150s within %.3g s",
			s->url, (double)s->timeout_ms / 1000);
	fail(s, &error);
}

static void on_tick(struct session *s)
{
	if (s->state == STATE_CANCELLING && s->now_ms >= s->give_up_ms) {
		cancelled(s);
	} else if (s->state == STATE_SUBMITTING && s->now_ms >= s->give_up_ms) {
		unavailable(s);
	} else if (s->state == STATE_SUBMITTING && s->now_ms >= s->submit_at_ms) {
		send_submit(s);
	} else if (needs_broker(s) && s->now_ms >= s->heard_ms + s->timeout_ms) {
		unavailable(s);
	} else if (s->state == STATE_FETCHING &&
		   s->now_ms >= s->pixels_ms + pixels_patience_ms(s)) {
		struct brot_error error;
		(void)error_set(&error, BROT_E_UNAVAILABLE,
				"the broker at %.150s answers, but sent no pixels for %.3g s",
				s->url, (double)pixels_patience_ms(s) / 1000);
		give_up(s, &error);
	} else if (has_job(s)) {
		if (s->now_ms >= s->watch_at_ms)
			send_watch(s);
		if (s->state == STATE_FETCHING)
			send_fetches(s);
	}
}

static enum brot_err on_accepted(struct session *s, const json_t *json, struct brot_error *err)
{
	const char *key = "";
	enum brot_err code = reply_text(json, "key", &key, err);
	if (code != BROT_OK)
		return code;
	bool is_late = s->state == STATE_CANCELLING && s->job == 0;
	if (strcmp(key, s->key) != 0 || (s->state != STATE_SUBMITTING && !is_late))
		return BROT_OK;
	struct session_image image;
	code = notice_accepted(json, &image, err);
	if (code != BROT_OK)
		return code;
	s->job = image.job;
	if (is_late) {
		send_job(s, MSG_CANCEL_JOB);
		return BROT_OK;
	}
	s->state = STATE_WAITING;
	act(s, SESSION_ACCEPTED)->image = image;
	/* At once: the job may be finished already, and then nobody would tell us. */
	send_watch(s);
	return BROT_OK;
}

static enum brot_err on_progress(struct session *s, const json_t *json, struct brot_error *err)
{
	struct session_progress progress;
	if (s->state != STATE_WAITING)
		return BROT_OK;
	enum brot_err code = notice_progress(json, &progress, err);
	if (code != BROT_OK)
		return code;
	act(s, SESSION_PROGRESS)->progress = progress;
	if (progress.workers == 0)
		send_status(s);
	return BROT_OK;
}

static enum brot_err on_status(struct session *s, const json_t *json, struct brot_error *err)
{
	json_t *status = NULL;
	uint64_t workers = 0;
	enum brot_err code = reply_object(json, "status", &status, err);
	if (code == BROT_OK)
		code = reply_u64(status, "workers", &workers, err);
	if (code == BROT_OK)
		act(s, SESSION_WORKERS)->workers = workers;
	return code;
}

static enum brot_err on_finished(struct session *s, const json_t *json, struct brot_error *err)
{
	struct session_summary summary;
	if (s->state != STATE_WAITING)
		return BROT_OK;
	enum brot_err code = notice_finished(json, &summary, err);
	if (code != BROT_OK)
		return code;
	s->state = STATE_COMPLETE;
	act(s, SESSION_FINISHED)->summary = summary;
	return BROT_OK;
}

static void on_failure(struct session *s, const json_t *json, bool is_refusal)
{
	struct brot_error error;
	enum brot_err code = is_refusal ? reply_refusal(json, s->url, &error)
					: reply_failure(json, &error);
	if (s->state == STATE_CANCELLING)
		cancelled(s);
	else if (s->state == STATE_SUBMITTING && is_refusal)
		fail(s, &error);
	else if (s->state == STATE_HOLDING || !has_job(s))
		return;
	else if (code == BROT_E_NOT_FOUND)
		resubmit(s, &error);
	else if (is_refusal && code == BROT_E_BUSY)
		return; /* what was refused is asked for again */
	else
		fail(s, &error);
}

/* REFUSED names what it refuses as far as the broker knew it. A second SUBMIT that is refused
 * after the first was accepted changes nothing, nor does a STATUS. */
static bool refusal_is_ours(const struct session *s, const json_t *json)
{
	const char *key = json_string_value(json_object_get(json, "key"));
	const char *message = json_string_value(json_object_get(json, "message"));
	if (key != NULL && strcmp(key, s->key) != 0)
		return false;
	if (message != NULL && strcmp(message, message_name(MSG_STATUS)) == 0)
		return false;
	return s->job == 0 || message == NULL || strcmp(message, message_name(MSG_SUBMIT)) != 0;
}

static bool job_is_ours(const struct session *s, const json_t *json)
{
	const json_t *job = json_object_get(json, "job");
	return s->job != 0 && json_is_integer(job) && (uint64_t)json_integer_value(job) == s->job;
}

static enum brot_err on_rows(struct session *s, const struct message *m, struct brot_error *err)
{
	struct fetch_piece piece = {m->plane, {m->x, m->y, m->w, m->h}};
	if (s->state != STATE_FETCHING || m->job != s->job)
		return BROT_OK;
	if (m->codec != CODEC_RAW)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent ROWS whose codec must be 0, got %" PRIu32,
				 m->codec);
	/* An answer to a FETCH that was repeated comes twice: the second time it is not wanted. */
	if (!fetch_take(&s->fetch, &piece, m->data.size))
		return BROT_OK;
	s->pixels_ms = s->now_ms;
	struct session_action *action = act(s, SESSION_PIXELS);
	action->message = *m;
	action->piece = piece;
	send_fetches(s);
	if (fetch_is_complete(&s->fetch)) {
		s->state = STATE_HOLDING;
		(void)act(s, SESSION_READY);
	}
	return BROT_OK;
}

static enum brot_err on_json(struct session *s, enum message_type type, const json_t *json,
			     struct brot_error *err)
{
	if (type == MSG_ACCEPTED)
		return on_accepted(s, json, err);
	if (type == MSG_REFUSED && refusal_is_ours(s, json))
		on_failure(s, json, true);
	if (type == MSG_REPORT && s->state == STATE_WAITING)
		return on_status(s, json, err);
	if (type == MSG_REFUSED || !job_is_ours(s, json))
		return BROT_OK;
	if (type == MSG_PROGRESS)
		return on_progress(s, json, err);
	if (type == MSG_FINISHED)
		return on_finished(s, json, err);
	if (type == MSG_FAILED)
		on_failure(s, json, false);
	if (type == MSG_REPORT && s->state == STATE_CANCELLING)
		cancelled(s);
	return BROT_OK;
}

static enum brot_err on_message(struct session *s, const struct message *m, struct brot_error *err)
{
	s->heard_ms = s->now_ms;
	if (m->type == MSG_ROWS)
		return on_rows(s, m, err);
	if (m->type != MSG_ACCEPTED && m->type != MSG_PROGRESS && m->type != MSG_FINISHED &&
	    m->type != MSG_FAILED && m->type != MSG_REPORT && m->type != MSG_REFUSED)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent %s, which is not for clients",
				 message_name(m->type));
	json_t *json = NULL;
	enum brot_err code = reply_parse(m, &json, err);
	if (code == BROT_OK)
		code = on_json(s, m->type, json, err);
	json_decref(json);
	return code;
}

static void on_cancel(struct session *s)
{
	if (has_job(s))
		send_job(s, MSG_CANCEL_JOB);
	if (s->state == STATE_NEW) {
		cancelled(s);
	} else if (s->state != STATE_CANCELLING) {
		s->state = STATE_CANCELLING;
		s->give_up_ms = s->now_ms + SESSION_CANCEL_MS;
	}
}

static void on_fetch(struct session *s)
{
	s->state = STATE_FETCHING;
	s->pixels_ms = s->now_ms;
	fetch_init(&s->fetch, s->width_px, s->height_px, s->format);
	send_fetches(s);
}

void session_step(struct session *session, const struct session_event *event)
{
	struct session *s = session;
	struct brot_error error;
	s->count = s->taken = 0;
	s->now_ms = event->now_ms;
	if (s->state == STATE_OVER)
		return;
	switch (event->type) {
	case SESSION_EVENT_START:
		assert(s->state == STATE_NEW);
		submit(s);
		break;
	case SESSION_EVENT_MESSAGE:
		if (on_message(s, event->message, &error) != BROT_OK)
			give_up(s, &error);
		break;
	case SESSION_EVENT_TICK:
		on_tick(s);
		break;
	case SESSION_EVENT_CANCEL:
		on_cancel(s);
		break;
	case SESSION_EVENT_MAPPED:
		assert(s->state == STATE_COMPLETE);
		s->state = STATE_HOLDING;
		break;
	case SESSION_EVENT_FETCH:
		assert(s->state == STATE_COMPLETE);
		on_fetch(s);
		break;
	case SESSION_EVENT_RELEASE:
		if (has_job(s))
			send_job(s, MSG_RELEASE);
		s->state = STATE_OVER;
		break;
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t session_deadline_ms(const struct session *s)
{
	int64_t deadline_ms = INT64_MAX;
	if (s->state == STATE_SUBMITTING || s->state == STATE_CANCELLING)
		deadline_ms = s->give_up_ms;
	if (s->state == STATE_SUBMITTING)
		deadline_ms = earlier(deadline_ms, s->submit_at_ms);
	if (has_job(s))
		deadline_ms = s->watch_at_ms;
	if (needs_broker(s))
		deadline_ms = earlier(deadline_ms, s->heard_ms + s->timeout_ms);
	if (s->state == STATE_FETCHING) {
		deadline_ms = earlier(deadline_ms, s->pixels_ms + pixels_patience_ms(s));
		deadline_ms = earlier(deadline_ms, fetch_deadline_ms(&s->fetch));
	}
	return deadline_ms;
}
