/* inbox_worker.c - what workers say. */
#include <string.h>

#include "broker/grids.h"
#include "broker/server_internal.h"
#include "proto/quote.h"
#include "proto/sys/random.h"

/* What a worker may claim of one tile: more than any can take, and sums still fit 63 bits. */
#define ITERATIONS_MAX (1ull << 48)
#define ELAPSED_US_MAX 86400000000

/* A reason in FAIL or MAPPED as a NUL-terminated line. */
struct reason {
	char text[LIMIT_TEXT_BYTES + 1];
};

static struct reason reason_of(const struct message *m)
{
	struct reason reason;
	size_t bytes = m->body.size < LIMIT_TEXT_BYTES ? m->body.size : LIMIT_TEXT_BYTES;
	if (bytes > 0)
		memcpy(reason.text, m->body.data, bytes);
	reason.text[bytes] = '\0';
	quote_controls(reason.text);
	for (char *p = reason.text; *p != '\0'; p++)
		if (*p == '"')
			*p = '?';
	return reason;
}

static void take_hello(struct server *server, struct sched_event *event)
{
	struct worker_info info;
	struct brot_error why;
	enum brot_err code = parse_hello(server->message, &info, &why);
	if (code != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	event->type = EVENT_HELLO;
	event->hello.info = &info;
	event->hello.random = random_u64();
	server_step(server, event);
}

static void take_mapped(struct server *server, struct sched_event *event)
{
	const struct message *m = server->message;
	const struct image *image = images_find(server->images, m->job);
	struct reason reason = reason_of(m);
	event->type = EVENT_MAPPED;
	event->work = m->job;
	event->is_mapped = m->code == BROT_OK;
	event->text = reason.text;
	/* A late answer to the JOB of an earlier image of that name, or a lie. */
	if (event->is_mapped && image != NULL &&
	    memcmp(image->nonce, m->nonce, sizeof image->nonce) != 0) {
		event->is_mapped = false;
		event->text = "the nonce is not the image's";
	}
	server_step(server, event);
}

/* Pixels are unpacked before the scheduler hears of the tile, since it forgets the lease. */
static bool take_pixels(struct server *server, const struct sched_event *event,
			struct brot_error *err)
{
	const struct message *m = server->message;
	struct rect rect;
	struct image *image = images_find(server->images, m->job);
	if (m->data.size == 0 || !sched_tile_rect(server->sched, event, &rect))
		return true;
	if (work_is_grid(m->job) && m->phase == 0) {
		error_set(err, BROT_E_PROTOCOL, "DONE: samples yield no pixels");
		return false;
	}
	if (image == NULL)
		return true;
	if (image_is_grid(image) && m->phase == 1)
		return grids_unpack(image, &rect, m->codec, m->data, m->digest, err) == BROT_OK;
	const struct catalog_job *job = catalog_find(server->catalog, work_job(m->job));
	if (image_is_grid(image) || job == NULL || m->phase + 1 != job->plan.phase_count) {
		error_set(err, BROT_E_PROTOCOL, "DONE: phase %u yields no pixels", m->phase);
		return false;
	}
	return image_unpack(image, &rect, m->codec, m->data, m->digest, err) == BROT_OK;
}

static void take_done(struct server *server, struct sched_event *event)
{
	const struct message *m = server->message;
	struct brot_error why;
	event->type = EVENT_DONE;
	event->iterations = m->iterations < ITERATIONS_MAX ? m->iterations : ITERATIONS_MAX;
	event->done.elapsed_us = m->elapsed_us < ELAPSED_US_MAX ? (int64_t)m->elapsed_us
								: ELAPSED_US_MAX;
	event->done.has_pixels = m->data.size > 0;
	if (!take_pixels(server, event, &why)) {
		event->type = EVENT_FAIL;
		event->code = why.code;
		event->text = why.text;
	}
	server_step(server, event);
}

static void take_fail(struct server *server, struct sched_event *event)
{
	const struct message *m = server->message;
	struct reason reason = reason_of(m);
	event->type = EVENT_FAIL;
	event->code = m->code < BROT_ERR_COUNT ? (enum brot_err)m->code : BROT_E_INTERNAL;
	event->text = reason.text;
	server_step(server, event);
}

static void take_simple(struct server *server, struct sched_event *event,
			enum sched_event_type type)
{
	event->type = type;
	server_step(server, event);
}

void inbox_take_worker(struct server *server, struct sched_event *event)
{
	const struct message *m = server->message;
	event->session = m->session;
	event->tile = (struct tile_name){m->job, m->phase, m->tile, m->attempt};
	event->credit = m->credit;
	if (m->type == MSG_HELLO)
		take_hello(server, event);
	else if (m->type == MSG_CREDIT)
		take_simple(server, event, EVENT_CREDIT);
	else if (m->type == MSG_MAPPED)
		take_mapped(server, event);
	else if (m->type == MSG_DONE)
		take_done(server, event);
	else if (m->type == MSG_FAIL)
		take_fail(server, event);
	else if (m->type == MSG_BEAT)
		take_simple(server, event, EVENT_BEAT);
	else if (m->type == MSG_BYE)
		take_simple(server, event, EVENT_BYE);
	else if (m->type == MSG_GONE)
		take_simple(server, event, EVENT_GONE);
}
