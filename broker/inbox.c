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

/* Who has no role here, or no place, is not remembered: strangers shall cost those nothing who have
 * one. */
static void turn_away(struct server *server, enum peer_side side, const struct sock_route *route,
		      bool may_enter)
{
	struct brot_error why;
	if (may_enter)
		error_set(&why, BROT_E_BUSY,
			  "the broker has as many connections as fit, all of workers: try later");
	else
		refuse_entry(server, side, &why);
	outbox_turn_away(server, side, route, &why);
}

static void take_from(struct server *server, enum peer_side side, uint64_t peer,
		      const struct brot_error *trouble)
{
	struct sched_event event = {.now_ms = server->now_ms, .peer = peer};
	struct brot_error why;
	if (check_rate(server, side, peer, &why) != BROT_OK)
		outbox_refuse(server, peer, &why, 0);
	else if (server->message == NULL)
		outbox_refuse(server, peer, trouble, 0);
	else if (doors_check(server->message->type, &server->who, &why) != BROT_OK)
		outbox_refuse(server, peer, &why, 0);
	else if (side == SIDE_WORKER)
		inbox_take_worker(server, &event);
	else
		inbox_take_client(server, &event);
}

void inbox_take(struct server *server, enum peer_side side, const struct sock_received *received)
{
	struct message m;
	struct brot_error trouble;
	enum message_from from = side == SIDE_WORKER ? FROM_WORKER : FROM_CLIENT;
	gate_principal(server->gate, side, received, &server->who);
	bool is_message = message_decode(received->frames, received->count, from, &m, &trouble) ==
			  BROT_OK;
	server->message = is_message ? &m : NULL;
	const struct peer_facts facts = {side, received->route, server->who, received->fd};
	bool may_enter = doors_may_enter(server->who.roles, side == SIDE_WORKER);
	uint64_t peer = may_enter ? peers_id(server->peers, &facts, server->now_ms) : 0;
	if (peer != 0)
		take_from(server, side, peer, &trouble);
	else
		turn_away(server, side, &received->route, may_enter);
	server->message = NULL;
	server->key = NULL;
}
