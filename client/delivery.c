/* delivery.c - the loop that keeps a session going while its pixels are waited for and read. */
#include "client/delivery.h"

#include <stdlib.h>

#include "client/delivery_internal.h"
#include "proto/sys/clock.h"
#include "proto/sys/random.h"

#define KEEP_MS      100  /* reaching a row looks at socket and signals this often */
#define LOOK_MS      10   /* between two looks for a row that is being rendered */
#define MESSAGES_MAX 64   /* taken at a time, before the clock is looked at */
#define LATE_MS      1000 /* after its time a wait ends only where this process was stopped */

static void receive(struct delivery *d)
{
	for (int i = 0; i < MESSAGES_MAX && d->error.code == BROT_OK; i++) {
		struct message m;
		struct brot_error error;
		bool has_message = false;
		if (connection_receive(d->config.service->connection, &m, &has_message, &error) !=
		    BROT_OK)
			delivery_fail(d, &error);
		if (!has_message)
			return;
		delivery_step(d, SESSION_EVENT_MESSAGE, &m);
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
	delivery_fail(d, &error);
}

/* Waits until deadline_ms for what there is to do, and does it. Messages come before the tick: what
 * the broker has said is found before it is found silent. After SIGSTOP, or Ctrl-Z, the thread that
 * receives them has been stopped as well. */
static void advance(struct delivery *d, int64_t deadline_ms)
{
	unsigned news = connection_wait(d->config.service->connection, deadline_ms);
	if (clock_ms() - LATE_MS > deadline_ms)
		delivery_step(d, SESSION_EVENT_WOKEN, NULL);
	if ((news & CONNECTION_MESSAGES) != 0)
		receive(d);
	if ((news & CONNECTION_INTERRUPT) != 0) {
		d->is_cancelled = true;
		delivery_step(d, SESSION_EVENT_CANCEL, NULL);
	}
	if ((news & CONNECTION_CHILD) != 0)
		check_children(d);
	delivery_step(d, SESSION_EVENT_TICK, NULL);
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
		.is_patient = config->is_patient,
	};
	random_bytes(session.key, sizeof session.key);
	struct delivery *d = calloc(1, sizeof *d);
	if (d != NULL) {
		d->config = *config;
		d->image.shm = d->early.shm = SHM_NONE;
		d->session = session_new(&session);
	}
	if (d == NULL || d->session == NULL) {
		delivery_free(d);
		return error_set(err, BROT_E_SYSTEM, "no memory for a delivery");
	}
	*ret_delivery = d;
	return BROT_OK;
}

void delivery_start(struct delivery *delivery)
{
	delivery_step(delivery, SESSION_EVENT_START, NULL);
}

enum brot_err delivery_accept(struct delivery *delivery, struct brot_error *err)
{
	struct delivery *d = delivery;
	delivery_start(d);
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

uint32_t delivery_bands(const struct delivery *delivery)
{
	return delivery->job.band_count;
}

enum brot_err delivery_wait(struct delivery *delivery, struct brot_error *err)
{
	struct delivery *d = delivery;
	while (d->error.code == BROT_OK && !d->is_ready && !delivery_image_is_mapped(&d->early))
		advance(d, session_deadline_ms(d->session));
	return result(d, err);
}

enum brot_err delivery_complete(struct delivery *delivery, struct brot_error *err)
{
	struct delivery *d = delivery;
	while (d->error.code == BROT_OK && !d->is_ready && !delivery_is_banded(d))
		advance(d, session_deadline_ms(d->session));
	return result(d, err);
}

enum brot_err delivery_advance(struct delivery *delivery, int64_t deadline_ms,
			       struct brot_error *err)
{
	const int64_t session_ms = session_deadline_ms(delivery->session);
	if (delivery->error.code == BROT_OK)
		advance(delivery, deadline_ms < session_ms ? deadline_ms : session_ms);
	return result(delivery, err);
}

/* ---- the picture ---- */

static bool has_row(const struct delivery *d, uint32_t y)
{
	return d->is_ready && y >= d->image.first && y - d->image.first < d->image.rows;
}

uint32_t delivery_rows(const struct delivery *delivery, uint32_t y)
{
	const struct delivery_image *image = &delivery->image;
	return has_row(delivery, y) ? image->first + image->rows - y : 0;
}

void delivery_pass_band(struct delivery *delivery)
{
	const uint32_t end = delivery->image.first + delivery->image.rows;
	/* Should the job be lost, the same rows come again. */
	if (delivery->row < end)
		delivery->row = end;
	delivery->is_ready = false;
	delivery_step(delivery, SESSION_EVENT_RELEASE_BAND, NULL);
}

/* Whether the row is complete in an image that is still rendered. */
static bool has_early_row(struct delivery *d, uint32_t y)
{
	if (d->is_ready || !delivery_image_is_mapped(&d->early))
		return false;
	/* Who has cut it short since would end us, by SIGBUS. */
	if (!shm_is_whole(&d->early.shm))
		return false;
	while (d->early_rows < d->early.rows && delivery_image_has_row(&d->early, d->early_rows))
		d->early_rows++;
	return y < d->early_rows;
}

/* Tells how far the file is, and looks at socket and signals until deadline_ms. */
static void keep(struct delivery *d, int64_t deadline_ms)
{
	advance(d, deadline_ms);
	/* While both go on it is the rendering that people wait for. */
	if (d->config.on_rows != NULL && (d->is_ready || delivery_is_banded(d)))
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
	while (d->error.code == BROT_OK && !d->is_cancelled && !has_row(d, y) &&
	       !has_early_row(d, y)) {
		now_ms = clock_ms();
		if (delivery_image_is_mapped(&d->early) && !d->is_ready) {
			const int64_t deadline_ms = session_deadline_ms(d->session);
			keep(d, deadline_ms < now_ms + LOOK_MS ? deadline_ms : now_ms + LOOK_MS);
		} else if (d->is_ready) {
			delivery_pass_band(d);
		} else {
			keep(d, session_deadline_ms(d->session));
		}
	}
	if (d->is_cancelled)
		delivery_cancelled(d);
	/* The rows that are here fear nothing but Ctrl-C. */
	const bool is_early = has_early_row(d, y);
	if (d->is_cancelled || (!has_row(d, y) && !is_early))
		return result(d, err);
	const struct delivery_image *image = is_early ? &d->early : &d->image;
	picture->first = image->first;
	picture->rows = is_early ? d->early_rows : image->rows;
	for (uint32_t p = 0; p < format_info(picture->request->format)->plane_count; p++)
		picture->planes[p] = delivery_image_plane(image, p);
	return BROT_OK;
}

void delivery_picture(struct delivery *delivery, struct picture *ret_picture)
{
	*ret_picture = (struct picture){
		.request = delivery_request(delivery),
		.compress = PICTURE_COMPRESS,
		.reach = reach,
		.context = delivery,
	};
}

bool delivery_is_mapped(const struct delivery *delivery)
{
	return delivery_image_is_mapped(&delivery->image) ||
	       delivery_image_is_mapped(&delivery->early);
}

/* ---- the end ---- */

bool delivery_must_last(const struct delivery *delivery, bool is_released)
{
	return delivery->config.service->embedded == NULL &&
	       (is_released || delivery_is_banded(delivery));
}

void delivery_finish(struct delivery *delivery, bool is_released)
{
	struct delivery *d = delivery;
	if (!is_released && !delivery_is_banded(d)) {
		delivery_step(d, SESSION_EVENT_LEAVE, NULL);
		return;
	}
	delivery_step(d, SESSION_EVENT_RELEASE, NULL);
	while (d->error.code == BROT_OK && !session_is_over(d->session))
		advance(d, session_deadline_ms(d->session));
}

enum brot_err delivery_release(struct delivery *delivery, struct brot_error *err)
{
	const struct delivery_config *config = &delivery->config;
	delivery_finish(delivery, true);
	if (delivery->error.code != BROT_OK || !session_is_unconfirmed(delivery->session))
		return result(delivery, err);
	return connection_unavailable(config->service->connection, config->timeout_ms, err);
}

void delivery_leave(struct delivery *delivery)
{
	if (!session_is_over(delivery->session))
		delivery_step(delivery, SESSION_EVENT_LEAVE, NULL);
}

uint64_t delivery_left_job(const struct delivery *delivery)
{
	return session_left_job(delivery->session);
}

void delivery_free(struct delivery *delivery)
{
	if (delivery == NULL)
		return;
	if (delivery->session != NULL)
		delivery_leave(delivery);
	delivery_image_free(&delivery->image);
	delivery_image_free(&delivery->early);
	session_free(delivery->session);
	json_decref(delivery->document);
	free(delivery);
}
