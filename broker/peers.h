/*
 * peers.h - owns the two-way table of connections: route and socket <-> peer id.
 *
 * An id is never used twice, so what is said of an old connection can never reach a new one.
 * Pure; one thread owns a table.
 */
#ifndef BROKER_PEERS_H
#define BROKER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/doors.h"
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
 * count it tells. Before the first ROWS its count is taken for ours: it had them from an earlier
 * broker, or before we forgot it. After that false, where it counts more than were sent.
 * *ret_unseen is 0 for a forgotten peer. */
void peers_count_rows(struct peers *peers, uint64_t id);
bool peers_unseen_rows(struct peers *peers, uint64_t id, uint64_t seen, uint64_t *ret_unseen);

/* Of a client: counts one more message that its queue has taken, whose body is so long; and says
 * whether it may be sent a REPORT of that length. libzmq tells nothing of what a client has read,
 * but takes no more than LIMIT_CLIENT_SENDS messages that it has not: what was sent so many
 * messages ago has left. */
void peers_count_sent(struct peers *peers, uint64_t id, size_t body_bytes);
bool peers_may_report(const struct peers *peers, uint64_t id, size_t body_bytes);

/* Whether a peer may say one more message now: one of `share` that it may say in a second. If so it
 * is counted, as a bucket of one second does. True for a forgotten peer. */
bool peers_may_say(struct peers *peers, uint64_t id, uint32_t share, int64_t now_ms);

/* Who was let speak over the connection: a principal's name (doors.h), "" before. */
void peers_set_principal(struct peers *peers, uint64_t id, const char *principal);

/* Calls fn for each connection; it must not use the table. */
void peers_each(const struct peers *peers,
		void (*fn)(uint64_t id, enum peer_side side, const char *principal, void *context),
		void *context);

void peers_forget(struct peers *peers, uint64_t id);

/* Forgets the connections that have said nothing since before_ms. */
void peers_expire(struct peers *peers, int64_t before_ms);

uint32_t peers_count(const struct peers *peers);

#endif
