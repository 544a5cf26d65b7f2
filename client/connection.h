/*
 * connection.h - owns the client's socket, and waits for it and for signals.
 *
 * One thread owns a connection. But for connection_open() and connection_ask(), err must not be
 * NULL.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/interrupt.h"
#include "client/keyboard.h"
#include "proto/error.h"
#include "proto/message.h"
#include "proto/sys/sock.h"

struct connection; /* opaque */

/* Starts to connect to a broker's clients' endpoint; whether anybody answers shows later. context
 * NULL: one of its own. keys NULL: none; with them server_key names the file of the broker's, for
 * sentences. All that is given is borrowed for the connection's life. */
enum brot_err connection_open(struct sock_context *context, const char *url,
			      const struct sock_keys *keys, const char *server_key,
			      struct interrupt *interrupt, struct connection **ret_connection,
			      struct brot_error *err);

/* Has denials tried again, with growing pauses, for so long before one is told: a key may be in the
 * middle of being replaced. 0, as at first: the first one is. */
void connection_forgive(struct connection *connection, int64_t forgive_ms);

/* Whether nothing but denials has come since there was one, and the last one in *err then. */
bool connection_was_denied(const struct connection *connection, struct brot_error *err);

/* Leaves the connection, and what is still queued in it, for a new one to the same URL. Keeps the
 * old one where the system has no room for another. What connection_receive() lent is void. */
void connection_reopen(struct connection *connection);

/* Gives what is still queued a moment to leave, and waits for that where the context is its own.
 * Accepts NULL. */
void connection_close(struct connection *connection);

/* What there is to do after a wait. */
enum connection_news {
	CONNECTION_MESSAGES = 1,  /* connection_receive() has something */
	CONNECTION_INTERRUPT = 2, /* SIGINT, SIGTERM or SIGHUP */
	CONNECTION_CHILD = 4,     /* a child has ended */
	CONNECTION_KEYBOARD = 8,  /* keyboard_take() has something */
};

/* Has connection_wait() look at a keyboard as well, which is borrowed for the connection's life. */
void connection_listen(struct connection *connection, const struct keyboard *keyboard);

/* Fills *err with the failure that nobody has answered for timeout_ms, as connection_explain() has
 * it. Returns its code. */
enum brot_err connection_unavailable(const struct connection *connection, int64_t timeout_ms,
				     struct brot_error *err);

/* Adds to *err, which says that no broker answers, what else may be the reason: that the broker has
 * another key. Where this user may not use the socket that the URL names it says that alone, with
 * BROT_E_DENIED. Returns its code. */
enum brot_err connection_explain(const struct connection *connection, struct brot_error *err);

/* Waits for news, until deadline_ms of clock_ms() at the latest. Returns bits of enum
 * connection_news; 0 after the time, or for nothing. May do what connection_reopen() does. */
unsigned connection_wait(struct connection *connection, int64_t deadline_ms);

/* Sends, or forgets the message where the queue is full: callers repeat what matters. */
void connection_send(struct connection *connection, const struct message *m);

/* The next message. *ret_has_message is false where there is none; *ret_message is borrowed until
 * the next call for this connection. BROT_E_PROTOCOL where the peer speaks another version or no
 * BROT at all; BROT_E_DENIED where it does not take our key and that is not
 * forgiven. */
enum brot_err connection_receive(struct connection *connection, struct message *ret_message,
				 bool *ret_has_message, struct brot_error *err);

/* Asks one question: sends `type` with a JSON body and waits for the REPORT that has `key`. What
 * stays unanswered is asked again every second, for the broker may have died with the answer: type
 * must be one that does no harm twice. The caller owns *ret_report, which is NULL on failure. Fails
 * with what REFUSED says, BROT_E_UNAVAILABLE after timeout_ms, BROT_E_CANCELLED on a signal. */
enum brot_err connection_ask(struct connection *connection, enum message_type type,
			     const char *body, const char *key, int64_t timeout_ms,
			     json_t **ret_report, struct brot_error *err);

#endif
