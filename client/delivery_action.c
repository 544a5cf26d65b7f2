/* delivery_action.c - the session's actions, done. */
#include <inttypes.h>

#include "client/delivery_internal.h"
#include "client/progress.h"
#include "proto/sys/clock.h"
#include "proto/work.h"

void delivery_fail(struct delivery *d, const struct brot_error *error)
{
	if (d->error.code == BROT_OK)
		d->error = *error;
}

static void tell(const struct delivery *d, const struct session_action *action)
{
	if (d->config.on_action != NULL)
		d->config.on_action(action, d->config.context);
}

static void step_fetch(struct delivery *d);

/* Answers FINISHED or BAND. */
static void image_get(struct delivery *d, const struct delivery_place *place)
{
	const struct request *request = delivery_request(d);
	struct brot_error error;
	if (shm_is_whole(&d->early.shm) && delivery_image_is_complete(&d->early))
		delivery_image_adopt(&d->image, &d->early);
	else if (d->config.may_map && delivery_image_map(&d->image, request, place) &&
		 !delivery_image_is_complete(&d->image))
		delivery_image_begin(&d->image, d->image.first, d->image.rows);
	d->is_ready = delivery_image_is_mapped(&d->image);
	if (d->is_ready) {
		delivery_step(d, SESSION_EVENT_MAPPED, NULL);
	} else if (delivery_image_reserve(&d->image, request)) {
		step_fetch(d);
	} else {
		(void)error_set(&error, BROT_E_SYSTEM,
				"no memory for %" PRIu32 " rows of %" PRIu32 " pixels",
				d->image.rows, request->width_px);
		delivery_fail(d, &error);
	}
}

static void on_finished(struct delivery *d, const struct session_action *action)
{
	struct delivery_place place = {d->job.job, d->job.slice_px, &d->job.image};
	tell(d, action);
	if (delivery_is_banded(d))
		return;
	if (d->config.is_unread) {
		d->is_ready = true;
		delivery_step(d, SESSION_EVENT_MAPPED, NULL);
		return;
	}
	delivery_image_begin(&d->image, 0, delivery_request(d)->height_px);
	image_get(d, &place);
}

/* The session has made sure that the band lies where ACCEPTED has said. After a job was lost and
 * submitted again they come from the top, and those that are written already are passed over. */
static void on_band(struct delivery *d, const struct session_action *action)
{
	const struct session_band *band = &action->band;
	uint32_t height_px = delivery_request(d)->height_px;
	uint32_t end = band->first + band->rows;
	struct brot_error error;
	struct delivery_place place = {work_id(d->job.job, band->band), d->job.slice_px,
				       &band->image};
	bool is_last = band->band + 1 == d->job.band_count;
	if (is_last ? end != height_px : end >= height_px) {
		(void)error_set(&error, BROT_E_PROTOCOL,
				"the broker sent BAND of rows %" PRIu32 "+%" PRIu32
				", which a picture of %" PRIu32 " rows does not have",
				band->first, band->rows, height_px);
		delivery_fail(d, &error);
		return;
	}
	if (end <= d->row) {
		delivery_step(d, SESSION_EVENT_RELEASE_BAND, NULL);
		return;
	}
	tell(d, action);
	delivery_image_begin(&d->image, band->first, band->rows);
	image_get(d, &place);
}

/* The request of a job that somebody else has submitted. It may come again, while the picture is
 * written, and is the same then. */
static enum brot_err request_take(struct delivery *d, const json_t *json, struct brot_error *err)
{
	struct brot_error inner;
	struct request request;
	if (request_from_json(json, &request, &inner) != BROT_OK)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent ACCEPTED for a request "
				 "that cannot be one: %.150s",
				 inner.text);
	json_t *document = request_to_json(&request);
	if (document == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a request");
	bool is_other = d->document != NULL && !json_equal(d->document, document);
	if (d->document != NULL)
		json_decref(document);
	else
		d->document = document;
	if (is_other)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent ACCEPTED for job %" PRIu64
				 " with another request than before",
				 d->job.job);
	d->attached = request;
	return BROT_OK;
}

enum brot_err delivery_refuse_bands(uint64_t job, bool is_urgent, struct brot_error *err)
{
	return error_set(err, BROT_E_USAGE,
			 "job: %" PRIu64 " is in bands, which are read while they are rendered: %s",
			 job, is_urgent ? "`wait` does that" : "--out must name a file");
}

/* Some ways to read do not suit bands. */
static enum brot_err bands_check(const struct delivery *d, struct brot_error *err)
{
	const struct session_job *job = &d->job;
	if (job->band_count == 0)
		return BROT_OK;
	uint64_t rows = (uint64_t)job->band_count * job->band_rows;
	uint32_t height_px = delivery_request(d)->height_px;
	if (rows < height_px || rows - height_px >= job->band_rows)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent ACCEPTED with %" PRIu32 " bands of %" PRIu32
				 " rows for a picture of %" PRIu32,
				 job->band_count, job->band_rows, height_px);
	if (delivery_request(d)->kind == KIND_BUDDHABROT)
		return error_set(
			err, BROT_E_PROTOCOL,
			"the broker sent ACCEPTED with bands for a Buddhabrot, whose image "
			"is whole");
	if (d->config.is_urgent || d->config.is_unread)
		return delivery_refuse_bands(job->job, d->config.is_urgent, err);
	return BROT_OK;
}

/* A broker that was restarted names another image, if it had to make one: what was mapped before
 * stays, for its complete rows are right. */
static void early_map(struct delivery *d)
{
	const struct delivery_place place = {d->job.job, d->job.slice_px, &d->job.image};
	if (!d->config.may_map || delivery_image_is_mapped(&d->early))
		return;
	delivery_image_begin(&d->early, 0, delivery_request(d)->height_px);
	(void)delivery_image_map(&d->early, delivery_request(d), &place);
}

static void on_accepted(struct delivery *d, const struct session_action *action)
{
	struct brot_error error;
	enum brot_err code = BROT_OK;
	d->job = action->job;
	if (d->config.attach != 0)
		code = request_take(d, action->request, &error);
	if (code == BROT_OK)
		code = bands_check(d, &error);
	if (code != BROT_OK) {
		d->job.job = 0;
		delivery_fail(d, &error);
		return;
	}
	tell(d, action);
	if (!d->config.is_unread && !d->config.is_urgent && !delivery_is_banded(d))
		early_map(d);
}

/* The broker does not say how many of a Buddhabrot's pixels are points. */
static void on_progress(struct delivery *d, const struct session_action *action)
{
	const struct request *request = delivery_request(d);
	struct session_action told = *action;
	struct session_progress *progress = &told.progress;
	struct brot_error error;
	if (progress->has_points)
		progress->image_pixels = (uint64_t)request->width_px * request->height_px;
	tell(d, &told);
	if (!d->config.is_urgent)
		return;
	(void)error_set(&error, BROT_E_BUSY,
			"job: %" PRIu64 " is %s, %u %% done; `wait` waits for it%s", d->job.job,
			progress->is_paused    ? "paused"
			: progress->is_running ? "running"
					       : "queued",
			progress_percent(progress),
			progress->has_points ? ", and `fetch --preview` gets what is counted so far"
					     : "");
	delivery_fail(d, &error);
}

static void on_failed(struct delivery *d, const struct brot_error *error)
{
	struct brot_error explained = *error;
	const struct connection *connection = d->config.service->connection;
	if (error->code == BROT_E_UNAVAILABLE && !connection_was_denied(connection, &explained))
		(void)connection_explain(connection, &explained);
	delivery_fail(d, &explained);
}

static void on_busy(struct delivery *d, const struct session_action *action)
{
	if (d->config.is_urgent)
		delivery_fail(d, &action->error);
	else
		tell(d, action);
}

void delivery_cancelled(struct delivery *d)
{
	struct brot_error error;
	if (d->config.attach != 0 || d->config.is_kept)
		(void)error_set(&error, BROT_E_CANCELLED, "interrupted");
	else
		(void)interrupt_cancelled(&error);
	delivery_fail(d, &error);
}

static void act(struct delivery *d, const struct session_action *action)
{
	switch (action->type) {
	case SESSION_SEND:
		connection_send(d->config.service->connection, &action->message);
		break;
	case SESSION_RECONNECT:
		connection_reopen(d->config.service->connection);
		break;
	case SESSION_ACCEPTED:
		on_accepted(d, action);
		break;
	case SESSION_PROGRESS:
		on_progress(d, action);
		break;
	case SESSION_WORKERS:
	case SESSION_SILENT:
	case SESSION_BACK:
		tell(d, action);
		break;
	case SESSION_BUSY:
		on_busy(d, action);
		break;
	case SESSION_BAND:
		on_band(d, action);
		break;
	case SESSION_FINISHED:
		on_finished(d, action);
		break;
	case SESSION_PIXELS:
		delivery_image_store(&d->image, delivery_request(d), &action->piece,
				     &action->message.data);
		break;
	case SESSION_READY:
		d->is_ready = true;
		break;
	case SESSION_FAILED:
		on_failed(d, &action->error);
		break;
	case SESSION_CANCELLED:
		delivery_cancelled(d);
		break;
	}
}

static void step_event(struct delivery *d, const struct session_event *event)
{
	const struct session_action *action;
	session_step(d->session, event);
	/* What is answered by a step within this one is the last action of its own. */
	while ((action = session_next(d->session)) != NULL)
		act(d, action);
}

void delivery_step(struct delivery *d, enum session_event_type type, const struct message *m)
{
	struct session_event event = {.type = type, .now_ms = clock_ms(), .message = m};
	step_event(d, &event);
}

static void step_fetch(struct delivery *d)
{
	const struct request *request = delivery_request(d);
	struct session_event event = {
		.type = SESSION_EVENT_FETCH,
		.now_ms = clock_ms(),
		.area = {request->width_px, d->image.first, d->image.rows, request->format},
	};
	step_event(d, &event);
}
