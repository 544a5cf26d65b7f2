/*
 * delivery.h - carries out a session: from a request, or a job's id, to pixels that can be read.
 *
 * The image, or each band of it, is mapped where the broker's shared memory can be seen, and
 * fetched otherwise; a picture looks the same either way. The broker must be told now and then that
 * it is still read: picture_reach() does it, by what delivery_picture() sets.
 *
 *     delivery_new, delivery_accept, delivery_wait, delivery_picture, delivery_finish,
 * delivery_free
 *
 * in this order, any of them but the first left out: `submit` needs no more than delivery_accept().
 * Whatever fails, or is left out, delivery_free() cleans up: a job that is neither kept nor
 * somebody else's is cancelled.
 *
 * One thread owns a delivery.
 */
#ifndef CLIENT_DELIVERY_H
#define CLIENT_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/picture.h"
#include "client/service.h"
#include "client/session.h"
#include "proto/error.h"
#include "proto/request.h"

struct delivery; /* opaque */

struct delivery_config {
	const struct service *service; /* borrowed for the delivery's life */
	uint64_t attach;               /* a job; 0: submit this one: */
	const struct request *request; /* borrowed likewise */
	const json_t *json;            /* the request's canonical document; borrowed likewise */
	bool is_kept;
	int32_t priority;
	const char *client; /* NULL: this connection alone counts; see session.h */

	int64_t timeout_ms;
	bool is_patient; /* without end, once the broker has answered; see session.h */
	bool may_map;
	bool is_unread; /* nobody will ask for the pixels: delivery_wait() waits for the end */
	bool is_urgent; /* a job that is not finished yet is a failure */

	/* Is told ACCEPTED, PROGRESS, WORKERS, BAND and FINISHED as they come, when
	 * delivery_request() and delivery_json() are good; and BUSY, SILENT and BACK. */
	void (*on_action)(const struct session_action *action, void *context);
	/* And, while a file is written, how many of its rows are. */
	void (*on_rows)(uint64_t rows_done, void *context);
	void *context; /* for both; each may be NULL */
};

/* Says nothing yet. BROT_E_SYSTEM if memory is short. */
enum brot_err delivery_new(const struct delivery_config *config, struct delivery **ret_delivery,
			   struct brot_error *err);

/* Submits, or attaches, and waits until the broker has accepted. BROT_E_CANCELLED on a signal, once
 * the broker knows or after SESSION_CANCEL_MS. */
enum brot_err delivery_accept(struct delivery *delivery, struct brot_error *err);

/* After delivery_accept(): the job's id, its request and that as document (borrowed), and whether
 * it is in bands, and in how many: 0 where it is not. */
uint64_t delivery_job(const struct delivery *delivery);
const struct request *delivery_request(const struct delivery *delivery);
const json_t *delivery_json(const struct delivery *delivery);
bool delivery_is_banded(const struct delivery *delivery);
uint32_t delivery_bands(const struct delivery *delivery);

/* Waits until pixels can be read: all of them, or those of the first band, or, where the image is
 * in memory that can be seen, one row after the other as they are rendered. Fails like
 * delivery_accept(), and with the reason where the job has failed. */
enum brot_err delivery_wait(struct delivery *delivery, struct brot_error *err);

/* The same as delivery_accept() and delivery_wait() step by step, for who waits for other things as
 * well. First, once, what they begin with; then again and again, until delivery_job() is not 0 and
 * there are rows, what there is to do until deadline_ms of clock_ms(), or an interrupt, comes. */
void delivery_start(struct delivery *delivery);
enum brot_err delivery_advance(struct delivery *delivery, int64_t deadline_ms,
			       struct brot_error *err);

/* The rows from y on that are all there: to reach one of them does not wait. */
uint32_t delivery_rows(const struct delivery *delivery, uint32_t y);

/* Gives back a band whose rows are all read, and is not the last one. */
void delivery_pass_band(struct delivery *delivery);

/* After the last row was read: waits until the broker has said that the job is finished, which a
 * job in bands says only when it is released. */
enum brot_err delivery_complete(struct delivery *delivery, struct brot_error *err);

/* BROT_E_USAGE: what a job in bands is no good for, where is_urgent or without a file. */
enum brot_err delivery_refuse_bands(uint64_t job, bool is_urgent, struct brot_error *err);

/* The picture, borrowed until delivery_free(). */
void delivery_picture(struct delivery *delivery, struct picture *ret_picture);

/* Whether the pixels are read from the broker's memory, not from a copy. */
bool delivery_is_mapped(const struct delivery *delivery);

/* Whether what was read can be had from nowhere once delivery_finish(delivery, is_released) has
 * returned: its file must be on the disk before. An embedded broker never outlives a power cut. */
bool delivery_must_last(const struct delivery *delivery, bool is_released);

/* Ends well: tells the broker to remove the job if is_released, or else to keep it as it would
 * anyway. A job in bands is always removed, and its FINISHED told to on_action. Where the broker
 * must confirm and does not, this takes timeout_ms, and is no failure. */
void delivery_finish(struct delivery *delivery, bool is_released);

/* The same with is_released, but tells where the broker did not confirm: BROT_E_UNAVAILABLE, with a
 * sentence. */
enum brot_err delivery_release(struct delivery *delivery, struct brot_error *err);

/* Says what delivery_free() would: the connection may be closed then, and the pixels that are there
 * stay until delivery_free(). */
void delivery_leave(struct delivery *delivery);

/* The job that goes on at the broker though this delivery has failed, or will end by
 * delivery_free() without delivery_finish(); 0: none. */
uint64_t delivery_left_job(const struct delivery *delivery);

/* Accepts NULL. */
void delivery_free(struct delivery *delivery);

#endif
