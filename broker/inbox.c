/*
 * inbox.c - what peers say, as events of the scheduler, or as questions answered at once.
 *
 * All of it is hostile until it is parsed; what does not parse is refused and changes nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/server_internal.h"
#include "proto/sys/clock.h"
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
	for (char *p = reason.text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"')
			*p = '?';
	return reason;
}

static void take_hello(struct server *server, struct sched_event *event)
{
	struct worker_info info;
	struct brot_error why;
	if (parse_hello(server->message, &info, &why) != BROT_OK) {
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
	event->job = m->job;
	event->is_mapped = m->code == BROT_OK;
	event->text = reason.text;
	if (event->is_mapped && image != NULL &&
	    memcmp(image->nonce, m->nonce, sizeof image->nonce) != 0) {
		event->type = EVENT_VIOLATION;
		event->text = "MAPPED: nonce is not the image's";
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
	if (m->data.size == 0 || image == NULL || !sched_tile_rect(server->sched, event, &rect))
		return true;
	if (m->phase + 1 != image->plan.phase_count) {
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

static void take_worker_message(struct server *server, struct sched_event *event)
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

static void take_submit(struct server *server, struct sched_event *event)
{
	struct request request;
	struct plan plan;
	struct brot_error why;
	enum brot_err code = parse_submit(server->message, server->key, &server->has_key, &request,
					  &why);
	if (code == BROT_OK)
		code = plan_make(&request, &plan, &why);
	if (code != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	server->request = &request;
	server->plan = &plan;
	event->type = EVENT_SUBMIT;
	memcpy(event->submit.key, server->key, sizeof event->submit.key);
	event->submit.job = ++server->last_job;
	event->submit.plan = &plan;
	server_step(server, event);
	server->request = NULL;
	server->plan = NULL;
}

static void take_job_verb(struct server *server, struct sched_event *event,
			  enum sched_event_type type)
{
	struct brot_error why;
	event->type = type;
	if (parse_job(server->message, &event->job, &why) != BROT_OK)
		outbox_refuse(server, event->peer, &why, 0);
	else
		server_step(server, event);
}

static void take_watch(struct server *server, struct sched_event *event)
{
	uint64_t jobs[LIMIT_JOBS_PER_CLIENT];
	size_t count;
	struct brot_error why;
	if (parse_watch(server->message, jobs, &count, &why) != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	event->type = EVENT_WATCH;
	for (size_t i = 0; i < count; i++) {
		event->job = jobs[i];
		server_step(server, event);
	}
}

/* Refuses what is not within a finished image. */
static enum brot_err check_fetch(const struct server *server, const struct fetch *fetch,
				 struct brot_error *err)
{
	const struct image *image = images_find(server->images, fetch->job);
	struct job_report report;
	if (image == NULL || !sched_job_report(server->sched, fetch->job, server->now_ms, &report))
		return error_set(err, BROT_E_NOT_FOUND, "job: %llu is not known to this broker",
				 (unsigned long long)fetch->job);
	if (report.state != JOB_FINISHED)
		return error_set(err, BROT_E_REQUEST, "job: %llu must be finished to be fetched",
				 (unsigned long long)fetch->job);
	if (fetch->plane >= image->plan.layout.plane_count)
		return error_set(err, BROT_E_REQUEST, "plane: must be under %u, got %u",
				 image->plan.layout.plane_count, fetch->plane);
	const struct rect *rect = &fetch->rect;
	const struct segment_grid *grid = &image->plan.layout.grid;
	if (!rect_inside(rect, grid->width_px, grid->height_px))
		return error_set(err, BROT_E_REQUEST, "rows: %u,%u %ux%u must lie within %ux%u",
				 rect->x, rect->y, rect->w, rect->h, grid->width_px,
				 grid->height_px);
	uint64_t pixel_bytes = image->plan.layout.planes[fetch->plane].pixel_bytes;
	if ((uint64_t)rect->w * rect->h > LIMIT_FETCH_BYTES / pixel_bytes)
		return error_set(err, BROT_E_REQUEST, "rows: %ux%u must have at most %d bytes",
				 rect->w, rect->h, LIMIT_FETCH_BYTES);
	return BROT_OK;
}

static void take_fetch(struct server *server, const struct sched_event *event)
{
	struct fetch fetch = {0};
	struct brot_error why;
	enum brot_err code = parse_fetch(server->message, &fetch, &why);
	if (code == BROT_OK)
		code = check_fetch(server, &fetch, &why);
	if (code != BROT_OK) {
		outbox_refuse(server, event->peer, &why, fetch.job);
		return;
	}
	const struct image *image = images_find(server->images, fetch.job);
	size_t bytes = (size_t)fetch.rect.w * fetch.rect.h *
		       image->plan.layout.planes[fetch.plane].pixel_bytes;
	void *pixels = malloc(bytes);
	if (pixels == NULL)
		abort();
	image_copy_out(image, fetch.plane, &fetch.rect, pixels);
	struct message m = {
		.type = MSG_ROWS,
		.job = fetch.job,
		.plane = fetch.plane,
		.x = fetch.rect.x,
		.y = fetch.rect.y,
		.w = fetch.rect.w,
		.h = fetch.rect.h,
		.codec = CODEC_RAW,
		.data = {pixels, bytes},
	};
	outbox_send(server, event->peer, &m, NULL);
	free(pixels);
}

static const struct request *request_of(uint64_t job, void *context)
{
	const struct image *image = images_find(context, job);
	return image != NULL ? &image->request : NULL;
}

static char *status_text(const struct server *server)
{
	struct status status = {
		.pid = getpid(),
		.uptime_ms = server->now_ms - server->started_ms,
		.image_budget_bytes = server->config->limits.image_bytes,
		.worker_bytes_sent = sock_bytes_sent(server->sockets[SIDE_WORKER]),
		.worker_bytes_received = sock_bytes_received(server->sockets[SIDE_WORKER]),
		.client_bytes_sent = sock_bytes_sent(server->sockets[SIDE_CLIENT]),
		.client_bytes_received = sock_bytes_received(server->sockets[SIDE_CLIENT]),
	};
	sched_totals(server->sched, &status.totals);
	return report_status(&status);
}

static void take_question(struct server *server, const struct sched_event *event)
{
	struct brot_error why;
	if (parse_nothing(server->message, &why) != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	struct message m = {.type = MSG_REPORT};
	char *body;
	if (server->message->type == MSG_JOBS)
		body = report_jobs(server->sched, server->now_ms, request_of, server->images);
	else if (server->message->type == MSG_WORKERS)
		body = report_workers(server->sched, server->now_ms);
	else
		body = status_text(server);
	outbox_send(server, event->peer, &m, body);
}

static void take_client_message(struct server *server, struct sched_event *event)
{
	enum message_type type = server->message->type;
	if (type == MSG_SUBMIT)
		take_submit(server, event);
	else if (type == MSG_WATCH)
		take_watch(server, event);
	else if (type == MSG_CANCEL_JOB)
		take_job_verb(server, event, EVENT_CANCEL_JOB);
	else if (type == MSG_RELEASE)
		take_job_verb(server, event, EVENT_RELEASE);
	else if (type == MSG_FETCH)
		take_fetch(server, event);
	else
		take_question(server, event);
}

void inbox_take(struct server *server, enum peer_side side, const struct sock_received *received)
{
	uint64_t peer = peers_id(server->peers, side, &received->route, server->now_ms);
	struct message m;
	struct brot_error why;
	enum message_from from = side == SIDE_WORKER ? FROM_WORKER : FROM_CLIENT;
	if (message_decode(received->frames, received->count, from, &m, &why) != BROT_OK) {
		outbox_refuse(server, peer, &why, 0);
		return;
	}
	struct sched_event event = {.now_ms = server->now_ms, .peer = peer};
	server->message = &m;
	if (side == SIDE_WORKER)
		take_worker_message(server, &event);
	else
		take_client_message(server, &event);
	server->message = NULL;
	server->has_key = false;
}
