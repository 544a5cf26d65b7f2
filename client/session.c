/*
 * session.c - the client's side of one job.
 *
 *     NEW --start--> ASKING --ACCEPTED--> WAITING --FINISHED, BAND--> COMPLETE --mapped--> HOLDING
 *                      ^                   |   ^                        |   |                 ^
 *                      +---- not_found ----+   +-- not there after all  |   |                 |
 *                                          |   |          fetch --------+   |                 |
 *                                          |   |          v                 |                 |
 *                                          |   +------ FETCHING --- last ROWS ----------------+
 *                                          |                                |                 |
 *                                          +-------- release band ----------+-----------------+
 *
 * WAITING goes back to ASKING as well where the bands that are missing are another client's.
 *
 * HOLDING --release--> CLOSING, or at once, --> OVER. From everywhere: a failure, or silence, leads
 * to OVER; a cancel to CANCELLING and, with the broker's answer or after SESSION_CANCEL_MS, to
 * OVER. HOLDING fears nothing: the pixels are here.
 */
#include "client/session.h"

#include <assert.h>
#include <stdlib.h>

#include "client/session_internal.h"
#include "proto/hex.h"

static char *submit_body(const struct session *s, const struct session_config *config)
{
	char *text = NULL;
	json_t *body = json_pack("{s:s,s:O}", "key", s->key, "request", config->request);
	int failed = 0;
	if (config->is_kept)
		failed |= json_object_set_new(body, "keep", json_true());
	if (config->priority != 0)
		failed |= json_object_set_new(body, "priority", json_integer(config->priority));
	if (config->client != NULL)
		failed |= json_object_set_new(body, "client", json_string(config->client));
	if (body != NULL && failed == 0)
		text = json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(body);
	return text;
}

struct session *session_new(const struct session_config *config)
{
	struct session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->url = config->url;
	s->timeout_ms = config->timeout_ms;
	s->is_patient = config->is_patient;
	s->job = config->attach;
	s->is_attached = s->is_attaching = config->attach != 0;
	s->is_kept = config->is_kept;
	if (s->is_attached)
		return s;
	hex_write(config->key, SESSION_KEY_BYTES, s->key);
	s->submit = submit_body(s, config);
	if (s->submit == NULL) {
		session_free(s);
		return NULL;
	}
	return s;
}

void session_free(struct session *session)
{
	if (session == NULL)
		return;
	json_decref(session->notice);
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

bool session_is_unconfirmed(const struct session *session)
{
	return session->is_unconfirmed;
}

uint64_t session_left_job(const struct session *session)
{
	bool is_left = !session_owns_job(session) && !session->is_ended &&
		       session->state != STATE_CLOSING;
	return is_left ? session->job : 0;
}

bool session_has_job(const struct session *s)
{
	return s->state == STATE_WAITING || s->state == STATE_COMPLETE ||
	       s->state == STATE_FETCHING || s->state == STATE_HOLDING;
}

bool session_owns_job(const struct session *s)
{
	return !s->is_attached && !s->is_kept;
}

/* The same, or it was known and is asked for once more. */
static bool knows_job(const struct session *s)
{
	return session_has_job(s) || (s->state == STATE_ASKING && s->is_attaching);
}

bool session_is_banded(const struct session *s)
{
	return s->band_count != 0;
}

/* States in which a silent broker is a failure. */
static bool needs_broker(const struct session *s)
{
	return s->state == STATE_WAITING || s->state == STATE_FETCHING;
}

/* States in which it is told. */
static bool minds_silence(const struct session *s)
{
	return needs_broker(s) || (s->state == STATE_ASKING && s->is_heard);
}

/* When a broker that was last heard then is given up. */
static int64_t patience_end_ms(const struct session *s, int64_t heard_ms)
{
	return s->is_patient && s->is_heard ? INT64_MAX : heard_ms + s->timeout_ms;
}

/* How long pixels may fail to come while the broker answers all else. */
static int64_t pixels_patience_ms(const struct session *s)
{
	int64_t patience_ms = 4 * FETCH_AGAIN_MS;
	return s->timeout_ms > patience_ms ? s->timeout_ms : patience_ms;
}

struct session_action *session_act(struct session *s, enum session_action_type type)
{
	assert(s->count < SESSION_ACTIONS_MAX);
	struct session_action *action = &s->actions[s->count++];
	action->type = type;
	return action;
}

/* ---- ends ---- */

static void end_failed(struct session *s, const struct brot_error *error)
{
	session_act(s, SESSION_FAILED)->error = *error;
	s->state = STATE_OVER;
}

void session_fail(struct session *s, const struct brot_error *error)
{
	s->is_ended = true;
	end_failed(s, error);
}

void session_give_up(struct session *s, const struct brot_error *error)
{
	if (knows_job(s) && session_owns_job(s))
		session_send_job(s, MSG_CANCEL_JOB);
	end_failed(s, error);
}

void session_end_cancelled(struct session *s)
{
	(void)session_act(s, SESSION_CANCELLED);
	s->state = STATE_OVER;
}

void session_close_bands(struct session *s, const struct session_summary *summary)
{
	s->state = STATE_OVER;
	s->is_ended = true;
	session_act(s, SESSION_FINISHED)->summary = *summary;
}

static void unavailable(struct session *s)
{
	struct brot_error error;
	(void)error_set(&error, BROT_E_UNAVAILABLE, "no broker answers at %.150s within %.3g s",
			s->url, (double)s->timeout_ms / 1000);
	end_failed(s, &error);
}

/* ---- the way ---- */

static void ask(struct session *s, bool is_attaching)
{
	s->state = STATE_ASKING;
	s->is_attaching = is_attaching;
	s->lost.code = s->busy.code = BROT_OK;
	if (!is_attaching)
		s->job = 0;
	s->asked_ms = s->now_ms;
	s->give_up_ms = patience_end_ms(s, s->now_ms);
	session_send_ask(s);
}

/* The same key makes the job again, or finds it. */
void session_lose_job(struct session *s, const struct brot_error *error)
{
	const struct brot_error why = *error;
	if (s->is_attached || ++s->resubmits > SESSION_RESUBMITS)
		session_fail(s, &why);
	else
		ask(s, false);
}

void session_ask_again(struct session *s)
{
	ask(s, s->is_attached);
	s->give_up_ms = patience_end_ms(s, s->heard_ms);
}

void session_attach_again(struct session *s, const struct brot_error *why)
{
	if (++s->resubmits > SESSION_RESUBMITS)
		session_give_up(s, why);
	else
		ask(s, true);
}

static void on_give_up(struct session *s)
{
	if (s->state == STATE_CANCELLING) {
		session_end_cancelled(s);
	} else if (s->state == STATE_CLOSING && session_is_banded(s)) {
		session_send_job(s, MSG_CANCEL_JOB);
		session_close_bands(s, &s->last);
	} else if (s->state == STATE_CLOSING) {
		s->state = STATE_OVER;
		s->is_unconfirmed = true;
	} else if (s->busy.code != BROT_OK) {
		session_give_up(s, &s->busy);
	} else {
		unavailable(s);
	}
}

static bool has_give_up(const struct session *s)
{
	return s->state == STATE_ASKING || s->state == STATE_CLOSING ||
	       s->state == STATE_CANCELLING;
}

static bool watches(const struct session *s)
{
	return session_has_job(s) || s->state == STATE_CLOSING;
}

static void tell_silence(struct session *s)
{
	if (!minds_silence(s) || s->is_silent || s->now_ms < s->heard_ms + SESSION_SILENT_MS)
		return;
	s->is_silent = true;
	(void)session_act(s, SESSION_SILENT);
}

static void on_tick(struct session *s)
{
	struct brot_error error;
	if (has_give_up(s) && s->now_ms >= s->give_up_ms) {
		on_give_up(s);
	} else if (s->state == STATE_ASKING && s->now_ms >= s->ask_at_ms) {
		session_send_ask(s);
	} else if (needs_broker(s) && s->now_ms >= patience_end_ms(s, s->heard_ms)) {
		unavailable(s);
	} else if (s->state == STATE_FETCHING && !s->is_silent &&
		   s->now_ms >= s->pixels_ms + pixels_patience_ms(s)) {
		(void)error_set(&error, BROT_E_UNAVAILABLE,
				"the broker at %.150s answers, but sent no pixels for %.3g s",
				s->url, (double)pixels_patience_ms(s) / 1000);
		session_give_up(s, &error);
	} else if (watches(s)) {
		if (s->now_ms >= s->watch_at_ms)
			session_send_watch(s);
		if (s->state == STATE_FETCHING)
			session_send_fetches(s);
	}
	tell_silence(s);
}

/* Patience begins again: who was stopped has not found the broker silent. */
static void on_woken(struct session *s)
{
	s->heard_ms = s->pixels_ms = s->now_ms;
	if ((s->state == STATE_ASKING || s->state == STATE_CLOSING) &&
	    s->give_up_ms < s->now_ms + s->timeout_ms)
		s->give_up_ms = s->now_ms + s->timeout_ms;
}

static void on_cancel(struct session *s)
{
	bool must_ask = s->state == STATE_ASKING && !s->is_attaching;
	if (knows_job(s) && session_owns_job(s))
		session_send_job(s, MSG_CANCEL_JOB);
	if (s->state == STATE_CLOSING) {
		s->state = STATE_OVER;
		s->is_unconfirmed = true;
	} else if (s->state == STATE_NEW || (!session_owns_job(s) && !must_ask)) {
		session_end_cancelled(s);
	} else if (s->state != STATE_CANCELLING) {
		s->state = STATE_CANCELLING;
		s->give_up_ms = s->now_ms + SESSION_CANCEL_MS;
	}
}

static void on_fetch(struct session *s, const struct fetch_area *area)
{
	s->state = STATE_FETCHING;
	s->pixels_ms = s->now_ms;
	fetch_init(&s->fetch, area);
	session_send_fetches(s);
}

static void on_release_band(struct session *s)
{
	/* While the band was read nobody cared whether the broker was there. */
	s->heard_ms = s->now_ms;
	if (s->lost.code != BROT_OK) {
		session_lose_job(s, &s->lost);
		return;
	}
	assert(s->band + 1 < s->band_count); /* of the last one it is RELEASE */
	session_send_release_band(s, s->band++);
	s->state = STATE_WAITING;
	s->is_rendered = false; /* a PROGRESS that comes from now on knows of the release */
	session_send_watch(s);
}

static void on_release(struct session *s)
{
	bool must_confirm = !session_owns_job(s) || session_is_banded(s);
	if (!session_has_job(s)) {
		s->state = STATE_OVER;
		return;
	}
	if (session_is_banded(s) && s->lost.code != BROT_OK) {
		session_close_bands(s, &s->last);
		return;
	}
	if (session_is_banded(s))
		session_send_release_band(s, s->band++);
	else
		session_send_job(s, MSG_RELEASE);
	s->state = must_confirm ? STATE_CLOSING : STATE_OVER;
	s->is_ended = true;
	s->give_up_ms = s->now_ms + s->timeout_ms;
	if (must_confirm)
		session_send_watch(s);
}

static void on_leave(struct session *s)
{
	if (knows_job(s) && session_owns_job(s))
		session_send_job(s, MSG_CANCEL_JOB);
	s->state = STATE_OVER;
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
		ask(s, s->is_attached);
		break;
	case SESSION_EVENT_MESSAGE:
		if (session_take(s, event->message, &error) != BROT_OK)
			session_give_up(s, &error);
		break;
	case SESSION_EVENT_TICK:
		on_tick(s);
		break;
	case SESSION_EVENT_WOKEN:
		on_woken(s);
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
		on_fetch(s, &event->area);
		break;
	case SESSION_EVENT_RELEASE_BAND:
		assert(session_is_banded(s));
		if (s->state == STATE_COMPLETE || s->state == STATE_HOLDING)
			on_release_band(s);
		break;
	case SESSION_EVENT_RELEASE:
		on_release(s);
		break;
	case SESSION_EVENT_LEAVE:
		on_leave(s);
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
	if (has_give_up(s))
		deadline_ms = s->give_up_ms;
	if (s->state == STATE_ASKING)
		deadline_ms = earlier(deadline_ms, s->ask_at_ms);
	if (watches(s))
		deadline_ms = earlier(deadline_ms, s->watch_at_ms);
	if (needs_broker(s))
		deadline_ms = earlier(deadline_ms, patience_end_ms(s, s->heard_ms));
	if (minds_silence(s) && !s->is_silent)
		deadline_ms = earlier(deadline_ms, s->heard_ms + SESSION_SILENT_MS);
	if (s->state == STATE_FETCHING && !s->is_silent)
		deadline_ms = earlier(deadline_ms, s->pixels_ms + pixels_patience_ms(s));
	if (s->state == STATE_FETCHING)
		deadline_ms = earlier(deadline_ms, fetch_deadline_ms(&s->fetch));
	return deadline_ms;
}
