/* outbox.c - the scheduler's actions as messages, images and log lines. */
#include <stdlib.h>
#include <string.h>

#include "broker/server_internal.h"
#include "proto/sys/log.h"

/* What a full queue means: a worker that does not read its tiles has to start again; a client asks
 * again by WATCH or FETCH. */
static void note_lost(struct server *server, uint64_t peer)
{
	for (size_t i = 0; i < server->lost_count; i++)
		if (server->lost_peers[i] == peer)
			return;
	if (server->lost_count < LOST_PEERS_MAX)
		server->lost_peers[server->lost_count++] = peer;
}

void outbox_send(struct server *server, uint64_t peer, struct message *m, char *body)
{
	if (body != NULL)
		m->body = (struct bytes){body, strlen(body)};
	enum peer_side side;
	struct sock_route route;
	if (peers_route(server->peers, peer, &side, &route)) {
		enum sock_result result = sock_send(server->sockets[side], &route, m);
		if (result != SOCK_OK && side == SIDE_WORKER)
			note_lost(server, peer);
		if (result != SOCK_OK && log_enabled(LOG_LEVEL_DEBUG))
			log_line(LOG_LEVEL_DEBUG, "not sent message=%s peer=%llu result=%d",
				 message_name(m->type), (unsigned long long)peer, (int)result);
	}
	free(body);
}

void outbox_refuse(struct server *server, uint64_t peer, const struct brot_error *why, uint64_t job)
{
	const char *name = server->message != NULL ? message_name(server->message->type) : NULL;
	const uint8_t *key = server->has_key ? server->key : NULL;
	struct message m = {.type = MSG_REFUSED};
	outbox_send(server, peer, &m, report_refused(why->code, why->text, name, key, job));
}

static struct job_card card_of(const struct image *image)
{
	struct job_card card = {
		.job = image->job,
		.image_name = image->shm.name,
		.image_bytes = image->plan.layout.total_bytes,
		.slice_px = image->plan.layout.grid.slice_px,
		.request = &image->request,
		.plan = &image->plan,
	};
	memcpy(card.key, image->key, sizeof card.key);
	memcpy(card.nonce, image->nonce, sizeof card.nonce);
	return card;
}

static void announce(struct server *server, const struct sched_action *action)
{
	const struct image *image = images_find(server->images, action->job);
	if (image == NULL)
		return;
	struct job_card card = card_of(image);
	bool is_worker = action->type == ACTION_JOB;
	struct message m = {
		.type = is_worker ? MSG_JOB : MSG_ACCEPTED,
		.session = action->session,
		.job = action->job,
	};
	outbox_send(server, action->peer, &m,
		    is_worker ? report_job(&card) : report_accepted(&card));
}

static void send_tile(struct server *server, const struct sched_action *action)
{
	struct message m = {
		.type = MSG_TILE,
		.session = action->session,
		.job = action->tile.job,
		.phase = action->tile.phase,
		.tile = action->tile.tile,
		.attempt = action->tile.attempt,
		.x = action->rect.x,
		.y = action->rect.y,
		.w = action->rect.w,
		.h = action->rect.h,
	};
	outbox_send(server, action->peer, &m, NULL);
}

static void create_image(struct server *server, const struct sched_action *action)
{
	server->created_job = action->job;
	server->created_code = images_make(server->images, action->job, server->key,
					   server->request, server->plan, &server->created_error);
}

/* Pixels that came with the DONE were unpacked before the step. The last phase writes the image. */
static void apply(struct server *server, const struct sched_action *action)
{
	struct image *image = images_find(server->images, action->job);
	if (image != NULL && action->tile.phase + 1 == image->plan.phase_count)
		image_mark(image, &action->rect);
}

static void refuse(struct server *server, const struct sched_action *action)
{
	struct brot_error why = {.code = action->code};
	memcpy(why.text, action->text, sizeof why.text);
	outbox_refuse(server, action->peer, &why, action->job);
}

void outbox_carry_out(struct server *server, const struct sched_action *action)
{
	const struct sched_limits *limits = &server->config->limits;
	struct message m = {.session = action->session, .job = action->job};
	switch (action->type) {
	case ACTION_WELCOME:
		m.type = MSG_WELCOME;
		outbox_send(server, action->peer, &m,
			    report_welcome(limits->beat_ms, limits->lost_ms));
		break;
	case ACTION_CANCEL:
		m.type = MSG_CANCEL;
		outbox_send(server, action->peer, &m, NULL);
		break;
	case ACTION_REREGISTER:
		m.type = MSG_REREGISTER;
		outbox_send(server, action->peer, &m, NULL);
		break;
	case ACTION_JOB:
	case ACTION_ACCEPTED:
		announce(server, action);
		break;
	case ACTION_TILE:
		send_tile(server, action);
		break;
	case ACTION_PROGRESS:
		m.type = MSG_PROGRESS;
		outbox_send(server, action->peer, &m, report_progress(&action->report));
		break;
	case ACTION_FINISHED:
		m.type = MSG_FINISHED;
		outbox_send(server, action->peer, &m, report_finished(&action->report));
		break;
	case ACTION_FAILED:
		m.type = MSG_FAILED;
		outbox_send(server, action->peer, &m,
			    report_failed(action->job, action->code, action->text));
		break;
	case ACTION_CANCELLED:
		m.type = MSG_REPORT;
		outbox_send(server, action->peer, &m, report_cancelled(action->job));
		break;
	case ACTION_REFUSE:
		refuse(server, action);
		break;
	case ACTION_CREATE_IMAGE:
		create_image(server, action);
		break;
	case ACTION_DROP_IMAGE:
		images_drop(server->images, action->job);
		break;
	case ACTION_APPLY:
		apply(server, action);
		break;
	case ACTION_NOTE:
		log_line(LOG_LEVEL_INFO, "%s", action->text);
		break;
	case ACTION_TYPE_COUNT:
		break;
	}
}
