/* peers.c - the table of connections. */
#include "broker/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define SECOND_US 1000000

/* side and route, zero-padded: what the two sockets call a connection */
struct address {
	uint8_t side;
	uint8_t size;
	uint8_t id[SOCK_ROUTE_BYTES];
};

struct peer {
	uint64_t id;
	struct address address;
	int64_t seen_ms;
	char principal[PRINCIPAL_BYTES];
	uint64_t rows_sent;
	uint64_t sent;   /* messages */
	int64_t said_us; /* the moment at which what it has said was due, at its rate */
	/* Which of these were the last large ones, as a ring; 0: there was none. */
	uint64_t large[LIMIT_LARGE_REPORTS];
	uint32_t next_large;
	UT_hash_handle hh, hh_address;
};

struct peers {
	uint32_t limit;
	uint64_t last_id;
	struct peer *by_id; /* in the order in which they were last heard */
	struct peer *by_address;
};

static struct address address_of(enum peer_side side, const struct sock_route *route)
{
	struct address address = {.side = (uint8_t)side, .size = route->size};
	memcpy(address.id, route->id, route->size);
	return address;
}

struct peers *peers_new(uint32_t limit)
{
	struct peers *peers = calloc(1, sizeof *peers);
	if (peers == NULL)
		abort();
	peers->limit = limit;
	return peers;
}

static void peer_free(struct peers *peers, struct peer *peer)
{
	HASH_DELETE(hh, peers->by_id, peer);
	HASH_DELETE(hh_address, peers->by_address, peer);
	free(peer);
}

void peers_free(struct peers *peers)
{
	if (peers == NULL)
		return;
	peers_expire(peers, INT64_MAX);
	free(peers);
}

uint64_t peers_id(struct peers *peers, enum peer_side side, const struct sock_route *route,
		  int64_t now_ms)
{
	struct address address = address_of(side, route);
	struct peer *peer;
	HASH_FIND(hh_address, peers->by_address, &address, sizeof address, peer);
	if (peer == NULL) {
		if (peers_count(peers) >= peers->limit)
			peer_free(peers, peers->by_id); /* the one heard longest ago */
		peer = calloc(1, sizeof *peer);
		if (peer == NULL)
			abort();
		peer->id = ++peers->last_id;
		peer->address = address;
		HASH_ADD(hh_address, peers->by_address, address, sizeof peer->address, peer);
	} else {
		HASH_DELETE(hh, peers->by_id, peer);
	}
	HASH_ADD(hh, peers->by_id, id, sizeof peer->id, peer);
	peer->seen_ms = now_ms;
	return peer->id;
}

static struct peer *peer_find(const struct peers *peers, uint64_t id)
{
	struct peer *peer;
	HASH_FIND(hh, peers->by_id, &id, sizeof id, peer);
	return peer;
}

bool peers_route(const struct peers *peers, uint64_t id, enum peer_side *ret_side,
		 struct sock_route *ret_route)
{
	const struct peer *peer = peer_find(peers, id);
	if (peer == NULL)
		return false;
	*ret_side = (enum peer_side)peer->address.side;
	ret_route->size = peer->address.size;
	memcpy(ret_route->id, peer->address.id, sizeof ret_route->id);
	return true;
}

void peers_count_rows(struct peers *peers, uint64_t id)
{
	struct peer *peer = peer_find(peers, id);
	if (peer != NULL)
		peer->rows_sent++;
}

bool peers_unseen_rows(struct peers *peers, uint64_t id, uint64_t seen, uint64_t *ret_unseen)
{
	struct peer *peer = peer_find(peers, id);
	*ret_unseen = 0;
	if (peer == NULL)
		return true;
	if (peer->rows_sent == 0)
		peer->rows_sent = seen;
	if (seen > peer->rows_sent)
		return false;
	*ret_unseen = peer->rows_sent - seen;
	return true;
}

void peers_count_sent(struct peers *peers, uint64_t id, size_t body_bytes)
{
	struct peer *peer = peer_find(peers, id);
	if (peer == NULL)
		return;
	peer->sent++;
	if (body_bytes <= LIMIT_SMALL_REPORT_BYTES)
		return;
	peer->large[peer->next_large] = peer->sent;
	peer->next_large = (peer->next_large + 1) % LIMIT_LARGE_REPORTS;
}

bool peers_may_report(const struct peers *peers, uint64_t id, size_t body_bytes)
{
	const struct peer *peer = peer_find(peers, id);
	if (peer == NULL || body_bytes <= LIMIT_SMALL_REPORT_BYTES)
		return true;
	uint64_t oldest = peer->large[peer->next_large];
	return oldest == 0 || peer->sent - oldest >= LIMIT_CLIENT_SENDS;
}

bool peers_may_say(struct peers *peers, uint64_t id, uint32_t share, int64_t now_ms)
{
	struct peer *peer = peer_find(peers, id);
	if (peer == NULL)
		return true;
	int64_t now_us = now_ms * 1000;
	int64_t due_us = (peer->said_us > now_us ? peer->said_us : now_us) + SECOND_US / share;
	if (due_us > now_us + SECOND_US)
		return false;
	peer->said_us = due_us;
	return true;
}

void peers_set_principal(struct peers *peers, uint64_t id, const char *principal)
{
	struct peer *peer = peer_find(peers, id);
	if (peer == NULL || strcmp(peer->principal, principal) == 0)
		return;
	(void)snprintf(peer->principal, sizeof peer->principal, "%s", principal);
}

void peers_each(const struct peers *peers,
		void (*fn)(uint64_t id, enum peer_side side, const char *principal, void *context),
		void *context)
{
	for (const struct peer *peer = peers->by_id; peer != NULL; peer = peer->hh.next)
		fn(peer->id, (enum peer_side)peer->address.side, peer->principal, context);
}

void peers_forget(struct peers *peers, uint64_t id)
{
	struct peer *peer = peer_find(peers, id);
	if (peer != NULL)
		peer_free(peers, peer);
}

void peers_expire(struct peers *peers, int64_t before_ms)
{
	struct peer *peer, *next;
	HASH_ITER(hh, peers->by_id, peer, next)
	if (peer->seen_ms < before_ms)
		peer_free(peers, peer);
}

uint32_t peers_count(const struct peers *peers)
{
	return HASH_COUNT(peers->by_id);
}
