/* peers.c - the table of connections. */
#include "broker/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define SECOND_US 1000000

/* side and route, zero-padded: what the two sockets call a connection */
struct address {
	uint8_t side;
	uint8_t size;
	uint8_t id[SOCK_ROUTE_BYTES];
};

/* Whose connections: a side and a principal's name, zero-padded. */
struct party_key {
	uint8_t side;
	char name[PRINCIPAL_BYTES];
};

struct peer;

struct party {
	struct party_key key;
	uint32_t count;
	struct peer *peers; /* in the order in which they were last heard */
	UT_hash_handle hh;
};

struct peer {
	uint64_t id;
	struct address address;
	int64_t seen_ms;
	struct party *party;
	unsigned roles;
	uint64_t ticket; /* of its descriptor; 0: none */
	uint64_t rows_sent;
	uint64_t sent;   /* messages */
	int64_t said_us; /* the moment at which what it has said was due, at its rate */
	/* Which of these were the last large ones, as a ring; 0: there was none. */
	uint64_t large[LIMIT_LARGE_REPORTS];
	uint32_t next_large;
	struct peer *prev, *next; /* of the party's */
	UT_hash_handle hh, hh_address;
};

struct peers {
	struct peers_rules rules;
	uint64_t last_id;
	uint32_t counts[PEER_SIDES];
	struct peer *by_id; /* in the order in which they were last heard */
	struct peer *by_address;
	struct party *parties;
};

static struct address address_of(enum peer_side side, const struct sock_route *route)
{
	struct address address = {.side = (uint8_t)side, .size = route->size};
	memcpy(address.id, route->id, route->size);
	return address;
}

struct peers *peers_new(const struct peers_rules *rules)
{
	struct peers *peers = calloc(1, sizeof *peers);
	if (peers == NULL)
		abort();
	peers->rules = *rules;
	if (rules->limit == 0)
		peers->rules.limit = PEER_SIDES * rules->side_limit;
	return peers;
}

/* ---- parties ---- */

static struct party *party_take(struct peers *peers, enum peer_side side, const char *name)
{
	struct party_key key = {.side = (uint8_t)side};
	struct party *party;
	(void)snprintf(key.name, sizeof key.name, "%s", name);
	HASH_FIND(hh, peers->parties, &key, sizeof key, party);
	if (party != NULL)
		return party;
	party = calloc(1, sizeof *party);
	if (party == NULL)
		abort();
	party->key = key;
	HASH_ADD(hh, peers->parties, key, sizeof party->key, party);
	return party;
}

static void party_join(struct peer *peer, struct party *party)
{
	peer->party = party;
	party->count++;
	DL_APPEND(party->peers, peer);
}

static void party_leave(struct peers *peers, struct peer *peer)
{
	struct party *party = peer->party;
	DL_DELETE(party->peers, peer);
	if (--party->count > 0)
		return;
	HASH_DELETE(hh, peers->parties, party);
	free(party);
}

/* ---- room ---- */

static void peer_free(struct peers *peers, struct peer *peer)
{
	peers->counts[peer->address.side]--;
	if (peers->rules.let_go != NULL && peer->ticket != 0)
		peers->rules.let_go(peer->ticket);
	party_leave(peers, peer);
	HASH_DELETE(hh, peers->by_id, peer);
	HASH_DELETE(hh_address, peers->by_address, peer);
	free(peer);
}

static bool is_held(const struct peers *peers, const struct peer *peer)
{
	return peers->rules.is_held != NULL && peers->rules.is_held(peer->id, peers->rules.context);
}

/* The stalest that may go; NULL: none may. */
static struct peer *party_stalest(const struct peers *peers, const struct party *party)
{
	struct peer *peer = party->peers;
	while (peer != NULL && is_held(peers, peer))
		peer = peer->next;
	return peer;
}

/* Forgets one, of that side only or of either. False where all are held. */
static bool make_room(struct peers *peers, bool of_one_side, enum peer_side side)
{
	struct peer *leaver = NULL;
	for (const struct party *party = peers->parties; party != NULL; party = party->hh.next) {
		if ((of_one_side && party->key.side != side) ||
		    (leaver != NULL && party->count <= leaver->party->count))
			continue;
		struct peer *stalest = party_stalest(peers, party);
		if (stalest != NULL)
			leaver = stalest;
	}
	if (leaver != NULL)
		peer_free(peers, leaver);
	return leaver != NULL;
}

static bool has_room(struct peers *peers, enum peer_side side)
{
	if (peers->counts[side] >= peers->rules.side_limit)
		return make_room(peers, true, side);
	return peers_count(peers) < peers->rules.limit || make_room(peers, false, side);
}

void peers_free(struct peers *peers)
{
	if (peers == NULL)
		return;
	struct peer *peer, *next;
	HASH_ITER(hh, peers->by_id, peer, next)
	peer_free(peers, peer);
	free(peers);
}

static struct peer *peer_new(struct peers *peers, const struct address *address, int fd)
{
	struct peer *peer = calloc(1, sizeof *peer);
	if (peer == NULL)
		abort();
	peer->id = ++peers->last_id;
	peer->address = *address;
	if (peers->rules.keep != NULL && fd >= 0)
		peer->ticket = peers->rules.keep(fd);
	peers->counts[address->side]++;
	HASH_ADD(hh_address, peers->by_address, address, sizeof peer->address, peer);
	return peer;
}

uint64_t peers_id(struct peers *peers, const struct peer_facts *facts, int64_t now_ms)
{
	const struct address address = address_of(facts->side, &facts->route);
	struct peer *peer;
	HASH_FIND(hh_address, peers->by_address, &address, sizeof address, peer);
	if (peer == NULL) {
		if (!has_room(peers, facts->side))
			return 0;
		peer = peer_new(peers, &address, facts->fd);
		party_join(peer, party_take(peers, facts->side, facts->who.name));
	} else {
		struct party *party = party_take(peers, facts->side, facts->who.name);
		party->count++; /* not to be gone where it is the same */
		party_leave(peers, peer);
		party->count--;
		party_join(peer, party);
		HASH_DELETE(hh, peers->by_id, peer);
	}
	HASH_ADD(hh, peers->by_id, id, sizeof peer->id, peer);
	peer->seen_ms = now_ms;
	peer->roles = facts->who.roles;
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

bool peers_may_look(struct peers *peers, uint64_t id, uint64_t bytes, int64_t now_ms)
{
	uint64_t share = bytes > 0 ? LIMIT_PREVIEW_RATE / bytes : LIMIT_CLIENT_RATE;
	share = share > 0 ? share : 1;
	return peers_may_say(
		peers, id, share < LIMIT_CLIENT_RATE ? (uint32_t)share : LIMIT_CLIENT_RATE, now_ms);
}

void peers_each(const struct peers *peers,
		void (*fn)(uint64_t id, enum peer_side side, const struct principal *who,
			   void *context),
		void *context)
{
	for (const struct peer *peer = peers->by_id; peer != NULL; peer = peer->hh.next) {
		struct principal who = {.roles = peer->roles};
		memcpy(who.name, peer->party->key.name, sizeof who.name);
		fn(peer->id, (enum peer_side)peer->address.side, &who, context);
	}
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
	if (peer->seen_ms < before_ms && !is_held(peers, peer))
		peer_free(peers, peer);
}

uint32_t peers_count(const struct peers *peers)
{
	return HASH_COUNT(peers->by_id);
}
