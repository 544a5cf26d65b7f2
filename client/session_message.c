/* session_message.c - what a broker, which may be anything, says to a session. */
#include <inttypes.h>
#include <string.h>

#include "client/reply.h"
#include "client/session_internal.h"

static bool job_is_ours(const struct session *s, const json_t *json)
{
	const json_t *job = json_object_get(json, "job");
	return s->job != 0 && json_is_integer(job) && (uint64_t)json_integer_value(job) == s->job;
}

/* Whether an ACCEPTED answers what was asked. */
static enum brot_err is_answer(const struct session *s, const json_t *json, bool *ret_is_answer,
			       struct brot_error *err)
{
	const char *key = "";
	if (s->is_attaching) {
		*ret_is_answer = job_is_ours(s, json) && json_object_get(json, "key") == NULL;
		return BROT_OK;
	}
	enum brot_err code = reply_text(json, "key", &key, err);
	if (code == BROT_OK)
		*ret_is_answer = strcmp(key, s->key) == 0;
	return code;
}

static enum brot_err on_accepted(struct session *s, json_t *json, struct brot_error *err)
{
	struct session_job job;
	json_t *request = NULL;
	bool is_expected = false;
	enum brot_err code = is_answer(s, json, &is_expected, err);
	bool is_late = s->state == STATE_CANCELLING && s->job == 0;
	if (code != BROT_OK || !is_expected || (s->state != STATE_ASKING && !is_late))
		return code;
	code = notice_accepted(json, &job, err);
	if (code == BROT_OK)
		code = reply_object(json, "request", &request, err);
	if (code != BROT_OK)
		return code;
	s->job = job.job;
	if (is_late && session_owns_job(s)) {
		session_send_job(s, MSG_CANCEL_JOB);
		return BROT_OK;
	}
	if (is_late) {
		session_end_cancelled(s);
		return BROT_OK;
	}
	s->state = STATE_WAITING;
	s->is_heard = true;
	if (s->read_job != job.job || s->band_count != job.band_count ||
	    s->band_rows != job.band_rows)
		s->band = 0;
	s->read_job = job.job;
	s->band_count = job.band_count;
	s->band_rows = job.band_rows;
	s->is_rendered = false;
	json_decref(s->notice);
	s->notice = json_incref(json);
	struct session_action *action = session_act(s, SESSION_ACCEPTED);
	action->job = job;
	action->request = request;
	/* At once: the job may be finished already, and then nobody would tell us. */
	session_send_watch(s);
	return BROT_OK;
}

static enum brot_err on_progress(struct session *s, const json_t *json, struct brot_error *err)
{
	struct session_progress progress;
	bool is_read = s->state == STATE_FETCHING || s->state == STATE_HOLDING;
	if (s->state == STATE_CLOSING && !session_is_banded(s))
		session_send_job(s, MSG_CANCEL_JOB); /* it has begun again, for nobody */
	if (s->state != STATE_WAITING && !(is_read && session_is_banded(s)) &&
	    s->state != STATE_FETCHING)
		return BROT_OK;
	enum brot_err code = notice_progress(json, &progress, err);
	if (code != BROT_OK)
		return code;
	/* A finished job that is not: its broker was restarted, and renders it again. */
	if (s->state == STATE_FETCHING && !session_is_banded(s))
		s->state = STATE_WAITING;
	s->lost.code = BROT_OK;
	s->is_rendered = progress.pixels_done == progress.pixels;
	s->last.pixels = progress.pixels_done;
	s->last.tiles = progress.tiles_done;
	s->last.workers = progress.workers;
	s->last.iterations = progress.iterations;
	s->last.elapsed_ms = progress.elapsed_ms;
	session_act(s, SESSION_PROGRESS)->progress = progress;
	if (progress.workers == 0)
		session_send_status(s);
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
		session_act(s, SESSION_WORKERS)->workers = workers;
	return code;
}

static enum brot_err on_finished(struct session *s, const json_t *json, struct brot_error *err)
{
	struct session_summary summary;
	struct brot_error error;
	if (s->state == STATE_CLOSING && !session_is_banded(s))
		session_send_job(s, MSG_RELEASE); /* the first was lost */
	bool is_close = s->state == STATE_CLOSING && session_is_banded(s);
	if (s->state != STATE_WAITING && !is_close)
		return BROT_OK;
	if (session_is_banded(s) && !is_close) {
		(void)error_set(&error, BROT_E_NOT_FOUND,
				"job: %" PRIu64 " is over: its bands were read by another client",
				s->job);
		session_fail(s, &error);
		return BROT_OK;
	}
	enum brot_err code = notice_finished(json, &summary, err);
	if (code != BROT_OK)
		return code;
	if (is_close) {
		session_close_bands(s, &summary);
		return BROT_OK;
	}
	s->state = STATE_COMPLETE;
	session_act(s, SESSION_FINISHED)->summary = summary;
	return BROT_OK;
}

/* A band is as high as ACCEPTED has said; the last one may be lower. */
static bool band_fits(const struct session *s, const struct session_band *band)
{
	bool is_last = band->band + 1 == s->band_count;
	return band->band < s->band_count && band->first == (uint64_t)band->band * s->band_rows &&
	       (is_last ? band->rows <= s->band_rows : band->rows == s->band_rows);
}

/* Whether the band that is waited for was released though not by us, now that a higher one is here:
 * no two that are open lie further apart, and where all pixels are rendered the lower one is told
 * first. */
static bool is_gone(const struct session *s, uint32_t higher)
{
	return higher - s->band >= LIMIT_OPEN_BANDS || s->is_rendered;
}

static void on_higher_band(struct session *s, uint32_t band)
{
	struct brot_error why;
	if (!is_gone(s, band))
		return;
	(void)error_set(&why, BROT_E_BUSY,
			"job: the bands of %" PRIu64 " are being read by another client: try later",
			s->job);
	session_attach_again(s, &why);
}

/* Each WATCH is answered by all bands that are complete, so that those of no use now come again.
 */
static enum brot_err on_band(struct session *s, const json_t *json, struct brot_error *err)
{
	struct session_band band;
	if (!session_has_job(s) && s->state != STATE_CLOSING)
		return BROT_OK;
	enum brot_err code = notice_band(json, &band, err);
	if (code != BROT_OK)
		return code;
	if (!session_is_banded(s) || !band_fits(s, &band))
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent BAND %" PRIu32 " of rows %" PRIu32 "+%" PRIu32
				 ", which job %" PRIu64 " does not have",
				 band.band, band.first, band.rows, s->job);
	s->lost.code = BROT_OK;
	if (band.band < s->band) {
		/* Its RELEASE was lost, or its broker has begun again from the top. */
		session_send_release_band(s, band.band);
		return BROT_OK;
	}
	if (s->state != STATE_WAITING)
		return BROT_OK;
	if (band.band > s->band) {
		on_higher_band(s, band.band);
		return BROT_OK;
	}
	s->state = STATE_COMPLETE;
	session_act(s, SESSION_BAND)->band = band;
	return BROT_OK;
}

/* ---- failures ---- */

/* What is not there, or not yet, shows in the answer to a WATCH. */
static void on_fetch_refused(struct session *s, const struct brot_error *error)
{
	if (s->state != STATE_FETCHING || error->code == BROT_E_BUSY)
		return; /* it is asked for again */
	if ((error->code != BROT_E_NOT_FOUND && error->code != BROT_E_REQUEST) ||
	    ++s->refetches > SESSION_RESUBMITS) {
		session_give_up(s, error);
		return;
	}
	s->state = STATE_WAITING;
	session_send_watch(s);
}

static void on_busy(struct session *s, const struct brot_error *error)
{
	bool is_read = reply_is_of_reader(error);
	bool is_news = s->busy.code == BROT_OK || s->is_read != is_read;
	s->busy = *error;
	s->is_read = is_read;
	s->is_heard = true;
	if (s->is_patient)
		s->give_up_ms = INT64_MAX;
	else if (s->is_attaching && s->give_up_ms < s->asked_ms + SESSION_BUSY_MS)
		s->give_up_ms = s->asked_ms + SESSION_BUSY_MS;
	if (!is_news)
		return;
	struct session_action *action = session_act(s, SESSION_BUSY);
	action->error = *error;
	action->is_read = is_read;
}

/* Where the job exists, busy means that it will do later: another client reads it, or its image
 * waits for memory. Of a SUBMIT it means that there is no room for another job. */
static void on_ask_refused(struct session *s, const struct brot_error *error, bool names_job)
{
	struct brot_error unknown;
	bool is_known = s->is_attaching || s->notice != NULL || names_job;
	if (is_known && error->code == BROT_E_BUSY) {
		on_busy(s, error);
	} else if (s->is_attaching && error->code == BROT_E_NOT_FOUND) {
		/* The broker says how the job has ended, where it knows. */
		unknown = *error;
		if (s->busy.code != BROT_OK && s->is_read)
			(void)error_set(&unknown, BROT_E_NOT_FOUND,
					"job: %" PRIu64
					" is over: its bands were read by another client",
					s->job);
		session_lose_job(s, &unknown);
	} else {
		session_fail(s, error);
	}
}

/* The job is over, or cannot be. */
static void on_closing_failed(struct session *s, const struct brot_error *error)
{
	if (session_is_banded(s)) {
		session_close_bands(s, &s->last);
		return;
	}
	if (error->code != BROT_E_NOT_FOUND)
		session_send_job(s, MSG_RELEASE); /* one that failed is still there */
	s->state = STATE_OVER;
}

static void on_failure(struct session *s, const json_t *json)
{
	struct brot_error error;
	enum brot_err code = reply_failure(json, &error);
	bool is_held = s->state == STATE_HOLDING && session_is_banded(s);
	if (s->state == STATE_CANCELLING)
		session_end_cancelled(s);
	else if (s->state == STATE_CLOSING)
		on_closing_failed(s, &error);
	else if (s->state == STATE_ASKING && s->is_attached)
		session_fail(s, &error); /* how the job has ended, in the broker's history */
	else if (!session_has_job(s) || (s->state == STATE_HOLDING && !is_held))
		return;
	else if (code == BROT_E_NOT_FOUND && is_held)
		s->lost = error;
	else if (code == BROT_E_NOT_FOUND)
		session_lose_job(s, &error);
	else
		session_fail(s, &error);
}

/* REFUSED names what it refuses as far as the broker knew it. */
static bool is_about(const json_t *json, enum message_type type)
{
	const char *name = json_string_value(json_object_get(json, "message"));
	return name != NULL && strcmp(name, message_name(type)) == 0;
}

static bool refusal_is_ours(const struct session *s, const json_t *json)
{
	const char *key = json_string_value(json_object_get(json, "key"));
	bool is_of_other_job = s->job != 0 && json_object_get(json, "job") != NULL &&
			       !job_is_ours(s, json);
	return (key == NULL || strcmp(key, s->key) == 0) && !is_of_other_job;
}

/* Another client reads the bands, or this one did over another connection. A key shows whose they
 * are; who has none waits until the other is done or gone. */
static void on_release_refused(struct session *s, const struct brot_error *error)
{
	if (s->state != STATE_WAITING || !session_is_banded(s) || error->code != BROT_E_BUSY)
		return; /* the band in hand is good whoever reads: its own RELEASE will tell */
	if (s->is_attached)
		session_attach_again(s, error);
	else if (++s->resubmits > SESSION_RESUBMITS)
		session_give_up(s, error);
	else
		session_ask_again(s);
}

static void on_refused(struct session *s, const json_t *json)
{
	struct brot_error error;
	if (!refusal_is_ours(s, json))
		return;
	enum brot_err code = reply_refusal(json, s->url, &error);
	bool is_unnamed = json_object_get(json, "message") == NULL;
	if (s->state == STATE_CANCELLING) {
		if (!is_about(json, MSG_STATUS))
			session_end_cancelled(s);
	} else if (s->state == STATE_ASKING) {
		if (is_unnamed || is_about(json, s->is_attaching ? MSG_ATTACH : MSG_SUBMIT))
			on_ask_refused(s, &error, json_object_get(json, "job") != NULL);
	} else if (s->state == STATE_CLOSING) {
		bool is_others = session_is_banded(s) && code == BROT_E_BUSY;
		if (is_about(json, MSG_RELEASE) && (code == BROT_E_NOT_FOUND || is_others))
			on_closing_failed(s, &error);
	} else if (is_about(json, MSG_RELEASE)) {
		on_release_refused(s, &error);
	} else if (is_about(json, MSG_FETCH)) {
		on_fetch_refused(s, &error);
	} else if ((is_unnamed || is_about(json, MSG_WATCH)) && code != BROT_E_BUSY) {
		on_failure(s, json);
	}
}

/* ---- pixels ---- */

static enum brot_err on_rows(struct session *s, const struct message *m, struct brot_error *err)
{
	struct fetch_piece piece = {m->plane, {m->x, m->y, m->w, m->h}};
	s->rows_seen++;
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
	struct session_action *action = session_act(s, SESSION_PIXELS);
	action->message = *m;
	action->piece = piece;
	session_send_fetches(s);
	if (fetch_is_complete(&s->fetch)) {
		s->state = STATE_HOLDING;
		(void)session_act(s, SESSION_READY);
	}
	return BROT_OK;
}

static enum brot_err on_json(struct session *s, enum message_type type, json_t *json,
			     struct brot_error *err)
{
	if (type == MSG_ACCEPTED)
		return on_accepted(s, json, err);
	if (type == MSG_REFUSED)
		on_refused(s, json);
	if (type == MSG_REPORT && s->state == STATE_WAITING &&
	    json_object_get(json, "status") != NULL)
		return on_status(s, json, err);
	if (type == MSG_REFUSED || !job_is_ours(s, json))
		return BROT_OK;
	if (type == MSG_PROGRESS)
		return on_progress(s, json, err);
	if (type == MSG_BAND)
		return on_band(s, json, err);
	if (type == MSG_FINISHED)
		return on_finished(s, json, err);
	if (type == MSG_FAILED)
		on_failure(s, json);
	if (type == MSG_REPORT && s->state == STATE_CANCELLING)
		session_end_cancelled(s);
	return BROT_OK;
}

enum brot_err session_take(struct session *s, const struct message *m, struct brot_error *err)
{
	s->heard_ms = s->now_ms;
	s->unanswered = 0;
	if (s->is_silent) {
		s->is_silent = false;
		s->pixels_ms = s->now_ms; /* they could not come */
		(void)session_act(s, SESSION_BACK);
	}
	if (m->type == MSG_ROWS)
		return on_rows(s, m, err);
	if (m->type != MSG_ACCEPTED && m->type != MSG_PROGRESS && m->type != MSG_BAND &&
	    m->type != MSG_FINISHED && m->type != MSG_FAILED && m->type != MSG_REPORT &&
	    m->type != MSG_REFUSED)
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
