/* delivery.c - the session's actions, done. */
#include "client/delivery.h"

#include <inttypes.h>
#include <stdlib.h>

#include "client/delivery_internal.h"
#include "proto/sys/clock.h"
#include "proto/sys/random.h"

#define KEEP_MS      100 /* reaching a row looks at socket and signals this often */
#define MESSAGES_MAX 64  /* taken at a time, before the clock is looked at */
#define BAND_SHIFT   40  /* of a band's number in the id in its image's header */

struct delivery {
	struct delivery_config config;
	struct session *session;
	struct session_job job;  /* its job is 0 before ACCEPTED */
	struct request attached; /* what the broker says of a job that is not ours */
	json_t *document;        /* of it */
	struct delivery_image image;
	bool is_ready; /* the image can be read */
	bool is_cancelled;
	uint32_t row; /* of the file: those before it are written */
	int64_t keep_at_ms;
	struct brot_error error; /* the first that came; then nothing moves any more */
};

static void fail(struct delivery *d, const struct brot_error *error)
{
	if (d->error.code == BROT_OK)
		d->error = *error;
}

static void tell(const struct delivery *d, const struct session_action *action)
{
	if (d->config.on_action != NULL)
		d->config.on_action(action, d->config.context);
}

static void step(struct delivery *d, enum session_event_type type, const struct message *m);

/* ---- actions ---- */

static void step_fetch(struct delivery *d);

/* Answers FINISHED or BAND. */
static void image_get(struct delivery *d, const struct delivery_place *place)
{
	const struct request *request = delivery_request(d);
	struct brot_error error;
	d->is_ready = d->config.may_map && delivery_image_map(&d->image, request, place);
	if (d->is_ready) {
		step(d, SESSION_EVENT_MAPPED, NULL);
	} else if (delivery_image_reserve(&d->image, request)) {
		step_fetch(d);
	} else {
		(void)error_set(&error, BROT_E_SYSTEM,
				"no memory for %" PRIu32 " rows of %" PRIu32 " pixels",
				d->image.rows, request->width_px);
		fail(d, &error);
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
		step(d, SESSION_EVENT_MAPPED, NULL);
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
	struct delivery_place place = {d->job.job | (uint64_t)band->band << BAND_SHIFT,
				       d->job.slice_px, &band->image};
	bool is_last = band->band + 1 == d->job.band_count;
	if (is_last ? end != height_px : end >= height_px) {
		(void)error_set(&error, BROT_E_PROTOCOL,
				"the broker sent BAND of rows %" PRIu32 "+%" PRIu32
				", which a picture of %" PRIu32 " rows does not have",
				band->first, band->rows, height_px);
		fail(d, &error);
		return;
	}
	if (end <= d->row) {
		step(d, SESSION_EVENT_RELEASE_BAND, NULL);
		return;
	}
	tell(d, action);
	delivery_image_begin(&d->image, band->first, band->rows);
	image_get(d, &place);
}

/* The request of a job that somebody else has submitted. */
static enum brot_err request_take(struct delivery *d, const json_t *json, struct brot_error *err)
{
	struct brot_error inner;
	if (request_from_json(json, &d->attached, &inner) != BROT_OK)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent ACCEPTED for a request "
				 "that cannot be one: %.150s",
				 inner.text);
	json_decref(d->document);
	d->document = request_to_json(&d->attached);
	if (d->document == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a request");
	return BROT_OK;
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
	if (d->config.is_urgent)
		return error_set(err, BROT_E_USAGE,
				 "job: %" PRIu64 " is in bands, which are read "
				 "while they are rendered: `wait` does that",
				 job->job);
	if (d->config.is_unread)
		return error_set(err, BROT_E_USAGE,
				 "job: %" PRIu64 " is in bands, which are read "
				 "while they are rendered: --out must name a file",
				 job->job);
	return BROT_OK;
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
		fail(d, &error);
		return;
	}
	tell(d, action);
}

static void on_progress(struct delivery *d, const struct session_action *action)
{
	const struct session_progress *progress = &action->progress;
	struct brot_error error;
	tell(d, action);
	if (!d->config.is_urgent)
		return;
	double share = progress->pixels == 0
			       ? 0
			       : (double)progress->pixels_done * 100 / (double)progress->pixels;
	(void)error_set(&error, BROT_E_BUSY,
			"job: %" PRIu64 " is %s, %d %% done; `wait` waits for "
			"it",
			d->job.job,
			progress->is_paused    ? "paused"
			: progress->is_running ? "running"
					       : "queued",
			(int)share);
	fail(d, &error);
}

static void on_cancelled(struct delivery *d)
{
	struct brot_error error;
	if (d->config.attach != 0 || d->config.is_kept)
		(void)error_set(&error, BROT_E_CANCELLED, "interrupted");
	else
		(void)interrupt_cancelled(&error);
	fail(d, &error);
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
		tell(d, action);
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
		fail(d, &action->error);
		break;
	case SESSION_CANCELLED:
		on_cancelled(d);
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

static void step(struct delivery *d, enum session_event_type type, const struct message *m)
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

/* ---- the loop ---- */

static void receive(struct delivery *d)
{
	for (int i = 0; i < MESSAGES_MAX && d->error.code == BROT_OK; i++) {
		struct message m;
		struct brot_error error;
		bool has_message = false;
		if (connection_receive(d->config.service->connection, &m, &has_message, &error) !=
		    BROT_OK)
			fail(d, &error);
		if (!has_message)
			return;
		step(d, SESSION_EVENT_MESSAGE, &m);
	}
}

static void check_children(struct delivery *d)
{
	struct brot_error error;
	if (d->config.service->embedded == NULL ||
	    embedded_check(d->config.service->embedded, &error) == BROT_OK)
		return;
	/* Ctrl-C reaches the children of a terminal's foreground group as well. */
	if (d->is_cancelled)
		(void)interrupt_cancelled(&error);
	fail(d, &error);
}

/* Waits until deadline_ms for what there is to do, and does it. Messages come before the tick: a
 * client that was stopped for a while finds what the broker has said before it finds that the
 * broker has been silent. */
static void advance(struct delivery *d, int64_t deadline_ms)
{
	unsigned news = connection_wait(d->config.service->connection, deadline_ms);
	if ((news & CONNECTION_MESSAGES) != 0)
		receive(d);
	if ((news & CONNECTION_INTERRUPT) != 0) {
		d->is_cancelled = true;
		step(d, SESSION_EVENT_CANCEL, NULL);
	}
	if ((news & CONNECTION_CHILD) != 0)
		check_children(d);
	step(d, SESSION_EVENT_TICK, NULL);
}

static enum brot_err result(const struct delivery *d, struct brot_error *err)
{
	if (d->error.code == BROT_OK)
		return BROT_OK;
	return error_set(err, d->error.code, "%s", d->error.text);
}

enum brot_err delivery_new(const struct delivery_config *config, struct delivery **ret_delivery,
			   struct brot_error *err)
{
	struct session_config session = {
		.attach = config->attach,
		.request = config->json,
		.is_kept = config->is_kept,
		.priority = config->priority,
		.client = config->client,
		.url = config->service->url,
		.timeout_ms = config->timeout_ms,
	};
	random_bytes(session.key, sizeof session.key);
	struct delivery *d = calloc(1, sizeof *d);
	if (d != NULL) {
		d->config = *config;
		d->image.shm = SHM_NONE;
		d->session = session_new(&session);
	}
	if (d == NULL || d->session == NULL) {
		delivery_free(d);
		return error_set(err, BROT_E_SYSTEM, "no memory for a delivery");
	}
	*ret_delivery = d;
	return BROT_OK;
}

enum brot_err delivery_accept(struct delivery *delivery, struct brot_error *err)
{
	struct delivery *d = delivery;
	step(d, SESSION_EVENT_START, NULL);
	while (d->error.code == BROT_OK && d->job.job == 0)
		advance(d, session_deadline_ms(d->session));
	return result(d, err);
}

uint64_t delivery_job(const struct delivery *delivery)
{
	return delivery->job.job;
}

const struct request *delivery_request(const struct delivery *delivery)
{
	return delivery->config.attach != 0 ? &delivery->attached : delivery->config.request;
}

const json_t *delivery_json(const struct delivery *delivery)
{
	return delivery->config.attach != 0 ? delivery->document : delivery->config.json;
}

bool delivery_is_banded(const struct delivery *delivery)
{
	return delivery->job.band_count != 0;
}

enum brot_err delivery_wait(struct delivery *delivery, struct brot_error *err)
{
	struct delivery *d = delivery;
	while (d->error.code == BROT_OK && !d->is_ready)
		advance(d, session_deadline_ms(d->session));
	return result(d, err);
}

/* ---- the picture ---- */

static bool has_row(const struct delivery *d, uint32_t y)
{
	return d->is_ready && y >= d->image.first && y - d->image.first < d->image.rows;
}

/* Tells how far the file is, and looks at socket and signals until deadline_ms. */
static void keep(struct delivery *d, int64_t deadline_ms)
{
	advance(d, deadline_ms);
	if (d->config.on_rows != NULL)
		d->config.on_rows(d->row, d->config.context);
}

static enum brot_err reach(struct picture *picture, uint32_t y, struct brot_error *err)
{
	struct delivery *d = picture->context;
	int64_t now_ms = clock_ms();
	d->row = y;
	if (now_ms >= d->keep_at_ms) {
		d->keep_at_ms = now_ms + KEEP_MS;
		keep(d, now_ms);
	}
	while (d->error.code == BROT_OK && !d->is_cancelled && !has_row(d, y)) {
		if (d->is_ready) {
			d->is_ready = false;
			step(d, SESSION_EVENT_RELEASE_BAND, NULL);
		} else {
			keep(d, session_deadline_ms(d->session));
		}
	}
	if (d->is_cancelled)
		on_cancelled(d);
	/* The rows that are here fear nothing but Ctrl-C. */
	if (d->is_cancelled || !has_row(d, y))
		return result(d, err);
	picture->first = d->image.first;
	picture->rows = d->image.rows;
	for (uint32_t p = 0; p < format_info(picture->request->format)->plane_count; p++)
		picture->planes[p] = delivery_image_plane(&d->image, p);
	return BROT_OK;
}

void delivery_picture(struct delivery *delivery, struct picture *ret_picture)
{
	*ret_picture = (struct picture){
		.request = delivery_request(delivery),
		.reach = reach,
		.context = delivery,
	};
}

bool delivery_is_mapped(const struct delivery *delivery)
{
	return delivery->image.shm.memory != NULL;
}

/* ---- the end ---- */

void delivery_finish(struct delivery *delivery, bool is_released)
{
	struct delivery *d = delivery;
	if (!is_released && !delivery_is_banded(d)) {
		step(d, SESSION_EVENT_LEAVE, NULL);
		return;
	}
	step(d, SESSION_EVENT_RELEASE, NULL);
	while (d->error.code == BROT_OK && !session_is_over(d->session))
		advance(d, session_deadline_ms(d->session));
}

uint64_t delivery_left_job(const struct delivery *delivery)
{
	return session_left_job(delivery->session);
}

void delivery_free(struct delivery *delivery)
{
	if (delivery == NULL)
		return;
	if (delivery->session != NULL && !session_is_over(delivery->session))
		step(delivery, SESSION_EVENT_LEAVE, NULL);
	delivery_image_free(&delivery->image);
	session_free(delivery->session);
	json_decref(delivery->document);
	free(delivery);
}
