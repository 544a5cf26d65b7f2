/*
 * gate.h - owns the broker's lock: its keyring, and the socket at which libzmq asks who may come
 * in.
 *
 * Who has no key of a role at a socket gets no connection to it over tcp. What a key may do is
 * asked anew for each message, since this libzmq cannot end a connection that is open: see doors.h.
 *
 * Without keys nothing is locked, and every function does what it says for that case. One thread
 * owns a gate.
 */
#ifndef BROKER_GATE_H
#define BROKER_GATE_H

#include "broker/doors.h"
#include "broker/peers.h"
#include "proto/cert.h"
#include "proto/sys/sock.h"

struct gate; /* opaque */

/* folder NULL: there are no keys. context and cert, the broker's own, are borrowed. Must come
 * before the first bind, and be closed before the context ends. */
enum brot_err gate_open(struct sock_context *context, const char *folder, const struct cert *cert,
			struct gate **ret_gate, struct brot_error *err);
void gate_close(struct gate *gate); /* accepts NULL */

/* Locks the tcp endpoints that the socket will be bound to. */
enum brot_err gate_lock(const struct gate *gate, struct sock *sock, enum peer_side side,
			struct brot_error *err);

/* Tries the lock of an endpoint that was just bound, as a stranger with a key and as one without.
 * BROT_E_DENIED where either is let in, or is not turned away for the right reason, BROT_E_BUSY
 * where it is not turned away in time. Takes a moment, in which it answers all others who ask. Does
 * nothing for ipc, and where there are no keys. */
enum brot_err gate_test(struct gate *gate, const char *url, struct brot_error *err);

/* For the poll; NULL without keys. When it is ready, or always: gate_serve(). */
struct sock *gate_sock(const struct gate *gate);
void gate_serve(struct gate *gate);

/* Looks for changed keys, every 2 s, or now with is_forced. True where there are others now: then
 * gate_keeps() may say something else of peers that are connected. */
bool gate_refresh(struct gate *gate, int64_t now_ms, bool is_forced);
int64_t gate_deadline_ms(const struct gate *gate); /* of the next look; INT64_MAX: never */

/* Who sent a message, and what roles it has now. */
void gate_principal(const struct gate *gate, enum peer_side side,
		    const struct sock_received *received, struct principal *ret_principal);

/* Whether a principal still has all the roles that it had. */
bool gate_keeps(const struct gate *gate, const struct principal *principal);

#endif
