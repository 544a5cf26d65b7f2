/*
 * delivery.h - carries out a session: from a request to pixels that can be read.
 *
 * The image is mapped where the broker's shared memory can be seen, and fetched otherwise; a
 * picture looks the same either way. The broker must be told now and then that the image is still
 * read: picture_tick() does it, by the tick that delivery_picture() sets.
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
	const struct service *service; /* all three borrowed for the delivery's life */
	const struct request *request;
	const json_t *json; /* the request's canonical document */
	int64_t timeout_ms;
	bool may_map;

	/* Is told ACCEPTED, PROGRESS, WORKERS and FINISHED as they come. */
	void (*on_action)(const struct session_action *action, void *context);
	/* And, while a file is written, how many of its rows are. */
	void (*on_rows)(uint64_t rows_done, void *context);
	void *context;
};

/* Submits and waits until all pixels are here. BROT_E_CANCELLED on a signal, once the broker knows
 * or after SESSION_CANCEL_MS. On failure nothing is left behind. */
enum brot_err delivery_run(const struct delivery_config *config, struct delivery **ret_delivery,
			   struct brot_error *err);

/* The finished image, borrowed until delivery_end(). Its tick is false after a signal. */
void delivery_picture(struct delivery *delivery, struct picture *ret_picture);

/* Whether the pixels are read from the broker's memory, not from a copy. */
bool delivery_is_mapped(const struct delivery *delivery);

/* Tells the broker that the image is no longer needed. Accepts NULL. */
void delivery_end(struct delivery *delivery);

#endif
