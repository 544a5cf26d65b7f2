/*
 * peers.h - owns the two-way table of connections: route and socket <-> peer id.
 *
 * An id is never used twice, so what is said of an old connection can never reach a new one.
 * Pure; one thread owns a table.
 */
#ifndef BROKER_PEERS_H
#define BROKER_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/sys/sock.h"

enum peer_side { SIDE_CLIENT, SIDE_WORKER };

struct peers; /* opaque */

struct peers *peers_new(uint32_t limit);
void peers_free(struct peers *peers); /* accepts NULL */

/* The id of the connection, made if it is new. Where the table is full, the connection that was
 * heard longest ago is forgotten. */
uint64_t peers_id(struct peers *peers, enum peer_side side, const struct sock_route *route,
		  int64_t now_ms);

/* Where an id leads; false where it was forgotten. */
bool peers_route(const struct peers *peers, uint64_t id, enum peer_side *ret_side,
		 struct sock_route *ret_route);

/* Of a client: counts one more ROWS sent to it; and says how many of those it has not seen, by the
 * count it tells. A count that is higher than ours is taken for ours. 0 for a forgotten peer. */
void peers_count_rows(struct peers *peers, uint64_t id);
uint64_t peers_unseen_rows(struct peers *peers, uint64_t id, uint64_t seen);

void peers_forget(struct peers *peers, uint64_t id);

/* Forgets the connections that have said nothing since before_ms. */
void peers_expire(struct peers *peers, int64_t before_ms);

uint32_t peers_count(const struct peers *peers);

#endif
