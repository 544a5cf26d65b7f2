/*
 * inbox.c - what peers say, as events of the scheduler, or as questions answered at once.
 *
 * All of it is hostile until it is parsed; what does not parse is refused and changes nothing.
 */
#include "broker/server_internal.h"

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
		inbox_take_worker(server, &event);
	else
		inbox_take_client(server, &event);
	server->message = NULL;
	server->key = NULL;
}
