/* delivery.c - the session's actions, done. */
#include "client/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "proto/image.h"
#include "proto/sys/clock.h"
#include "proto/sys/random.h"
#include "proto/sys/shm.h"

#define KEEP_MS      100 /* the tick looks at socket and signals this often */
#define MESSAGES_MAX 64  /* taken at a time, before the clock is looked at */

struct delivery {
	struct delivery_config config;
	struct session *session;
	struct session_image image;
	struct shm shm;
	struct image_layout layout;  /* of shm */
	uint8_t *planes[PLANES_MAX]; /* owned, where the image is fetched */
	bool is_ready, is_cancelled;
	int64_t keep_at_ms;
	uint64_t rows;      /* of the file, begun */
	enum brot_err code; /* how the session ended */
	struct brot_error *err;
};

static void fail(struct delivery *r, const struct brot_error *error)
{
	if (r->code == BROT_OK)
		r->code = error_set(r->err, error->code, "%s", error->text);
}

static void image_drop(struct delivery *r)
{
	shm_unmap(&r->shm);
	for (uint32_t p = 0; p < PLANES_MAX; p++) {
		free(r->planes[p]);
		r->planes[p] = NULL;
	}
}

/* Whether the memory that the broker named can be seen and holds our image. Why not is nobody's
 * business: then the pixels come over the socket. */
static bool image_map(struct delivery *r)
{
	const struct request *request = r->config.request;
	const struct session_image *image = &r->image;
	if (!r->config.may_map || image->slice_px > request->width_px)
		return false;
	struct segment_grid grid = {
		.width_px = request->width_px,
		.height_px = request->height_px,
		.slice_px = image->slice_px,
		.slices_per_row = (request->width_px + image->slice_px - 1) / image->slice_px,
	};
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	if ((uint64_t)grid.slices_per_row * grid.height_px > LIMIT_SEGMENTS ||
	    !image_layout_make(&grid, request->format, &r->layout) ||
	    r->layout.total_bytes != image->bytes ||
	    shm_map(image->name, (size_t)image->bytes, false, &r->shm, NULL) != BROT_OK)
		return false;
	if (image_header_check(r->shm.memory, r->shm.bytes, &r->layout, image->job, nonce, NULL) ==
		    BROT_OK &&
	    memcmp(nonce, image->nonce, sizeof nonce) == 0)
		return true;
	shm_unmap(&r->shm);
	return false;
}

static bool image_reserve(struct delivery *r)
{
	const struct request *request = r->config.request;
	for (uint32_t p = 0; p < format_info(request->format)->plane_count; p++) {
		r->planes[p] = malloc(picture_plane_bytes(request, p));
		if (r->planes[p] == NULL)
			return false;
	}
	return true;
}

/* The session has checked the piece and its bytes. */
static void image_store(struct delivery *r, const struct fetch_piece *piece,
			const struct bytes *data)
{
	const struct request *request = r->config.request;
	size_t row_bytes = picture_row_bytes(request, piece->plane);
	size_t pixel_bytes = row_bytes / request->width_px;
	memcpy(r->planes[piece->plane] + piece->rect.y * row_bytes + piece->rect.x * pixel_bytes,
	       data->data, data->size);
}

static void step(struct delivery *r, enum session_event_type type, const struct message *m);

static void image_get(struct delivery *r)
{
	if (image_map(r)) {
		r->is_ready = true;
		step(r, SESSION_EVENT_MAPPED, NULL);
		return;
	}
	if (image_reserve(r)) {
		step(r, SESSION_EVENT_FETCH, NULL);
		return;
	}
	r->code = error_set(r->err, BROT_E_SYSTEM, "no memory for an image of %u x %u pixels",
			    (unsigned)r->config.request->width_px,
			    (unsigned)r->config.request->height_px);
	step(r, SESSION_EVENT_RELEASE, NULL);
}

static void act(struct delivery *r, const struct session_action *action)
{
	struct brot_error error;
	switch (action->type) {
	case SESSION_SEND:
		connection_send(r->config.service->connection, &action->message);
		break;
	case SESSION_ACCEPTED:
		image_drop(r); /* of a job that the broker has lost */
		r->image = action->image;
		r->config.on_action(action, r->config.context);
		break;
	case SESSION_PROGRESS:
	case SESSION_WORKERS:
		r->config.on_action(action, r->config.context);
		break;
	case SESSION_FINISHED:
		r->config.on_action(action, r->config.context);
		image_get(r);
		break;
	case SESSION_PIXELS:
		image_store(r, &action->piece, &action->message.data);
		break;
	case SESSION_READY:
		r->is_ready = true;
		break;
	case SESSION_FAILED:
		fail(r, &action->error);
		break;
	case SESSION_CANCELLED:
		(void)interrupt_cancelled(&error);
		fail(r, &error);
		break;
	}
}

static void step(struct delivery *r, enum session_event_type type, const struct message *m)
{
	struct session_event event = {.type = type, .now_ms = clock_ms(), .message = m};
	const struct session_action *action;
	session_step(r->session, &event);
	/* FINISHED is the last action of its step, so that the step within it loses none. */
	while ((action = session_next(r->session)) != NULL)
		act(r, action);
}

static void receive(struct delivery *r)
{
	for (int i = 0; i < MESSAGES_MAX && r->code == BROT_OK; i++) {
		struct message m;
		struct brot_error error;
		bool has_message = false;
		if (connection_receive(r->config.service->connection, &m, &has_message, &error) !=
		    BROT_OK)
			fail(r, &error);
		if (!has_message)
			return;
		step(r, SESSION_EVENT_MESSAGE, &m);
	}
}

static void check_children(struct delivery *r)
{
	struct brot_error error;
	if (r->config.service->embedded == NULL ||
	    embedded_check(r->config.service->embedded, &error) == BROT_OK)
		return;
	/* Ctrl-C reaches the children of a terminal's foreground group as well. */
	if (r->is_cancelled)
		(void)interrupt_cancelled(&error);
	fail(r, &error);
}

static void advance(struct delivery *r, int64_t deadline_ms)
{
	unsigned news = connection_wait(r->config.service->connection, deadline_ms);
	if ((news & CONNECTION_MESSAGES) != 0)
		receive(r);
	if ((news & CONNECTION_INTERRUPT) != 0) {
		r->is_cancelled = true;
		step(r, SESSION_EVENT_CANCEL, NULL);
	}
	if ((news & CONNECTION_CHILD) != 0)
		check_children(r);
	step(r, SESSION_EVENT_TICK, NULL);
}

static enum brot_err session_make(struct delivery *r)
{
	struct session_config config = {
		.request = r->config.json,
		.width_px = r->config.request->width_px,
		.height_px = r->config.request->height_px,
		.format = r->config.request->format,
		.url = r->config.service->url,
		.timeout_ms = r->config.timeout_ms,
	};
	random_bytes(config.key, sizeof config.key);
	r->session = session_new(&config);
	return r->session != NULL ? BROT_OK
				  : error_set(r->err, BROT_E_SYSTEM, "no memory for a session");
}

enum brot_err delivery_run(const struct delivery_config *config, struct delivery **ret_delivery,
			   struct brot_error *err)
{
	struct delivery *r = calloc(1, sizeof *r);
	if (r == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a delivery");
	r->config = *config;
	r->shm = SHM_NONE;
	r->err = err;
	r->code = session_make(r);
	if (r->code == BROT_OK)
		step(r, SESSION_EVENT_START, NULL);
	while (r->code == BROT_OK && !r->is_ready)
		advance(r, session_deadline_ms(r->session));
	/* From here on errors are told by the tick alone. */
	r->err = NULL;
	if (r->code != BROT_OK) {
		enum brot_err code = r->code;
		delivery_end(r);
		return code;
	}
	*ret_delivery = r;
	return BROT_OK;
}

static bool keep(void *context)
{
	struct delivery *r = context;
	int64_t now_ms = clock_ms();
	if (now_ms >= r->keep_at_ms) {
		r->keep_at_ms = now_ms + KEEP_MS;
		advance(r, now_ms);
		r->config.on_rows(r->rows, r->config.context);
	}
	r->rows++;
	return !r->is_cancelled;
}

void delivery_picture(struct delivery *delivery, struct picture *ret_picture)
{
	const struct request *request = delivery->config.request;
	struct picture picture = {.request = request, .tick = keep, .context = delivery};
	for (uint32_t p = 0; p < format_info(request->format)->plane_count; p++)
		picture.planes[p] = delivery->planes[p] != NULL
					    ? delivery->planes[p]
					    : image_pixel(delivery->shm.memory, &delivery->layout,
							  p, 0, 0);
	*ret_picture = picture;
}

bool delivery_is_mapped(const struct delivery *delivery)
{
	return delivery->shm.memory != NULL;
}

void delivery_end(struct delivery *delivery)
{
	if (delivery == NULL)
		return;
	if (delivery->session != NULL && !session_is_over(delivery->session))
		step(delivery, SESSION_EVENT_RELEASE, NULL);
	image_drop(delivery);
	session_free(delivery->session);
	free(delivery);
}
