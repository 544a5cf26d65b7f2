/*
 * inbox.c - what peers say, as events of the scheduler, or as questions answered at once.
 *
 * All of it is hostile until it is parsed; what does not parse is refused and changes nothing.
 */
#include "broker/server_internal.h"

/* Messages of that kind that a peer may say in a second; NULL: what is no message. */
static uint32_t rate_of(enum peer_side side, const struct message *m)
{
	if (side == SIDE_WORKER)
		return LIMIT_WORKER_RATE;
	if (m == NULL)
		return LIMIT_CLIENT_RATE;
	bool is_list = m->type == MSG_JOBS || m->type == MSG_WORKERS || m->type == MSG_HISTORY;
	return is_list ? LIMIT_LIST_RATE : LIMIT_CLIENT_RATE;
}

/* Before anything of it is parsed. */
static enum brot_err check_rate(struct server *server, enum peer_side side, uint64_t peer,
				struct brot_error *err)
{
	uint32_t rate = rate_of(side, server->message);
	if (peers_may_say(server->peers, peer, rate, server->now_ms))
		return BROT_OK;
	return error_set(err, BROT_E_BUSY,
			 "this connection may say at most %u such messages a second: try later",
			 rate);
}

/* Says why a principal has nothing to say at this socket. */
static void refuse_entry(const struct server *server, enum peer_side side,
			 struct brot_error *ret_why)
{
	const char *name = server->who.name[0] != '\0' ? server->who.name : "this peer";
	error_set(ret_why, BROT_E_DENIED, "%s may not speak at the broker's endpoint for %s", name,
		  side == SIDE_WORKER ? "workers" : "clients");
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
	struct sched_event event = {.now_ms = server->now_ms, .peer = peer};
	server->message = is_message ? &m : NULL;
	bool is_too_fast = check_rate(server, side, peer, &why) != BROT_OK;
	bool may_enter = doors_may_enter(server->who.roles, side == SIDE_WORKER);
	if (may_enter)
		peers_set_principal(server->peers, peer, server->who.name);
	if (!is_too_fast && !may_enter)
		refuse_entry(server, side, &why);
	if (!is_message || is_too_fast || !may_enter ||
	    doors_check(m.type, &server->who, &why) != BROT_OK)
		outbox_refuse(server, peer, &why, 0);
	else if (side == SIDE_WORKER)
		inbox_take_worker(server, &event);
	else
		inbox_take_client(server, &event);
	server->message = NULL;
	server->key = NULL;
}
