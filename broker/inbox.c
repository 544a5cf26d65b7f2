/*
 * inbox.c - what peers say, as events of the scheduler, or as questions answered at once.
 *
 * All of it is hostile until it is parsed; what does not parse is refused and changes nothing.
 */
#include "broker/server_internal.h"

/* What a principal says that has nothing to say at this socket; m NULL: it is no message. */
static void turn_away(struct server *server, uint64_t peer, const struct message *m,
		      enum peer_side side)
{
	struct brot_error why;
	const char *name = server->who.name[0] != '\0' ? server->who.name : "this peer";
	server->message = m;
	error_set(&why, BROT_E_DENIED, "%s may not speak at the broker's endpoint for %s", name,
		  side == SIDE_WORKER ? "workers" : "clients");
	outbox_refuse(server, peer, &why, 0);
	server->message = NULL;
}

void inbox_take(struct server *server, enum peer_side side, const struct sock_received *received)
{
	uint64_t peer = peers_id(server->peers, side, &received->route, server->now_ms);
	struct message m;
	struct brot_error why;
	enum message_from from = side == SIDE_WORKER ? FROM_WORKER : FROM_CLIENT;
	gate_principal(server->gate, side, received, &server->who);
	bool is_message = message_decode(received->frames, received->count, from, &m, &why) ==
			  BROT_OK;
	if (!doors_may_enter(server->who.roles, side == SIDE_WORKER)) {
		turn_away(server, peer, is_message ? &m : NULL, side);
		return;
	}
	peers_set_principal(server->peers, peer, server->who.name);
	if (!is_message) {
		outbox_refuse(server, peer, &why, 0);
		return;
	}
	struct sched_event event = {.now_ms = server->now_ms, .peer = peer};
	server->message = &m;
	if (doors_check(m.type, &server->who, &why) != BROT_OK)
		outbox_refuse(server, peer, &why, 0);
	else if (side == SIDE_WORKER)
		inbox_take_worker(server, &event);
	else
		inbox_take_client(server, &event);
	server->message = NULL;
	server->key = NULL;
}
