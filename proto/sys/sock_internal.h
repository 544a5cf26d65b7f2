/* sock_internal.h - what a socket is, shared by the sock*.c files alone. */
#ifndef PROTO_SYS_SOCK_INTERNAL_H
#define PROTO_SYS_SOCK_INTERNAL_H

#include "proto/sys/sock.h"

struct sock_context {
	void *zmq;
};

#define SOCK_GREETING_BYTES 32 /* of ZMTP's 64: up to the end of the mechanism */

struct sock {
	void *zmq;
	struct sock_context *context; /* of a DEALER over tcp */
	void *monitor;                /* of a DEALER over tcp: tells how handshakes end; or NULL */
	bool is_router, is_denial_told, has_keys;
	enum sock_standing standing;
	void *probe; /* or NULL */
	bool is_probe_connected;
	int64_t probe_ms; /* its beginning */
	size_t greeting_bytes;
	uint8_t greeting[SOCK_GREETING_BYTES]; /* what it was told */
	bool is_locked;                        /* a ROUTER whose options are those of the lock */
	bool is_mismatch; /* denied by no doorkeeper: only one of both ends has keys */
	uint64_t bytes_sent, bytes_received, messages_sent, messages_received;
	char endpoint[LIMIT_URL_CHARS + 1];
	char public_key[Z85_KEY_CHARS + 1]; /* of a DEALER with keys */
	char secret_key[Z85_KEY_CHARS +
			1]; /* for a ROUTER that is to be locked; "": for none, or done */
	char domain[SOCK_DOMAIN_BYTES];
	size_t path_count; /* ipc socket files that this socket made */
	char paths[LIMIT_ENDPOINTS][LIMIT_IPC_PATH_BYTES];
};

bool sock_option_set(const struct sock *sock, int option, int value);

/* Before the first bind of a tcp endpoint: the options of that moment hold for its connections.
 * Without the domain, or without enforcing it, libzmq lets in every key where no handler answers;
 * and once it is set this libzmq does not take it back. */
bool sock_lock_set(struct sock *sock);

/* Before a DEALER connects. */
bool sock_keys_set(const struct sock *sock, const struct sock_keys *keys);

/* libzmq says how a handshake ended to a socket that listens for it, and to nobody else: a DEALER
 * that was denied would stay silent for ever. */
bool sock_monitor_open(struct sock_context *context, struct sock *sock);
void sock_monitor_close(struct sock *sock);

/* Asks the other end of a DEALER over tcp, in a connection apart, whether it wants keys: of one
 * whose handshake broke off, which is all that is seen of some that differ in that. Does nothing
 * while such a question is open. */
void sock_probe_open(struct sock *sock);
void sock_probe_close(struct sock *sock);

/* Takes what the probe was told: whether the other end wants keys and the DEALER has none, or the
 * other way round. */
bool sock_probe_finds_mismatch(struct sock *sock);

/* What sock_receive() returns for a DEALER without a message. */
enum sock_result sock_denial_check(struct sock *sock);

#endif
