/*
 * peers.h - owns the two-way table of connections: route and socket <-> peer id.
 *
 * Only who has a role where it speaks is remembered. Each side has room of its own, and within a
 * side a new connection takes the place of one of the principal that has most of them there: who
 * opens many pushes out nobody but itself.
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
#define PEER_SIDES 2

struct peers; /* opaque */

struct peers_rules {
	uint32_t side_limit; /* connections of each side */
	uint32_t limit;      /* of both together; 0: as many as the sides may have */
	/* Whether a peer must not be forgotten to make room. NULL: all may. */
	bool (*is_held)(uint64_t id, void *context);
	void *context;
	/* What keeps a remembered connection's descriptor, by its number, from being taken for one
	 * of a stranger: a ticket, 0 for none; and takes that back. Both NULL: nothing does. */
	uint64_t (*keep)(int fd);
	void (*let_go)(uint64_t ticket);
};

/* Copies *rules. */
struct peers *peers_new(const struct peers_rules *rules);
void peers_free(struct peers *peers); /* accepts NULL */

/* Who speaks over a connection. */
struct peer_facts {
	enum peer_side side;
	struct sock_route route;
	struct principal who; /* with a role there */
	int fd;               /* the connection's descriptor; -1: not known */
};

/* The id of the connection, made if it is new. Where there is no room, a connection that is not
 * held is forgotten: of the principal that has most on that side (of both sides, where both are
 * full), the one that was heard longest ago. 0 where all are held. */
uint64_t peers_id(struct peers *peers, const struct peer_facts *facts, int64_t now_ms);

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

/* The same for a preview that looks at so many bytes of counts: of LIMIT_PREVIEW_RATE. */
bool peers_may_look(struct peers *peers, uint64_t id, uint64_t bytes, int64_t now_ms);

/* Calls fn for each connection, with who was heard over it last; fn must not use the table. */
void peers_each(const struct peers *peers,
		void (*fn)(uint64_t id, enum peer_side side, const struct principal *who,
			   void *context),
		void *context);

void peers_forget(struct peers *peers, uint64_t id);

/* Forgets the connections that have said nothing since before_ms and are not held. */
void peers_expire(struct peers *peers, int64_t before_ms);

uint32_t peers_count(const struct peers *peers);

#endif
