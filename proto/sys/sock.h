/*
 * sock.h - owns the ZeroMQ sockets; sock_zap.h has the one that answers who may come in.
 *
 * A socket sends and receives whole messages as lists of frames, never blocks, and bounds what a
 * peer can make it hold (limits.h). A ROUTER names its peers by the routing id that libzmq gave
 * them, which is good for one connection only. Over tcp both sides may have CURVE keys, ipc never
 * does: there the kernel says who the peer is.
 *
 * Thread rule: a socket belongs to one thread; the context may be shared.
 */
#ifndef PROTO_SYS_SOCK_H
#define PROTO_SYS_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/message.h"
#include "proto/z85.h"

struct sock_context; /* opaque: a libzmq context */
struct sock;         /* opaque */

#define SOCK_ROUTE_BYTES 16 /* libzmq's own ids have 5 */

/* A peer of a ROUTER, for one connection. */
struct sock_route {
	uint8_t id[SOCK_ROUTE_BYTES];
	uint8_t size;
};

struct sock_limits {
	int64_t frame_bytes; /* a larger frame ends the peer's connection */
	int send_queue;      /* messages held for one peer */
	int receive_queue;   /* messages held from one peer: frame_bytes each at the worst */
};

/* NULL if the system refuses. */
struct sock_context *sock_context_new(void);
void sock_context_free(struct sock_context *context);

/* One in a program that is not ours: where descriptors or threads are short libzmq ends the program
 * when a context gets its first socket, so this makes sure that they are there, and makes that
 * socket at once. Later ones need sock_room_check() alone. BROT_E_SYSTEM, with a sentence. */
enum brot_err sock_context_new_guest(struct sock_context **ret_context, struct brot_error *err);
enum brot_err sock_room_check(struct brot_error *err);

/* What a DEALER shows and asks for, in Z85. */
struct sock_keys {
	char public_key[Z85_KEY_CHARS + 1], secret_key[Z85_KEY_CHARS + 1]; /* its own */
	char server_key[Z85_KEY_CHARS + 1]; /* the public one of who must answer */
};

/* A ROUTER bound to nothing yet; sock_bind() may be called several times.
 * sock_bind: err BROT_E_SYSTEM / BROT_E_USAGE with one sentence naming the URL; on an ipc path or
 * a port that another process is listening on it fails with BROT_E_BUSY instead of stealing it. The
 * ipc socket file gets mode 0600 (umask is set around the bind, which is the whole process's: bind
 * before other threads make files). */
enum brot_err sock_router_new(struct sock_context *context, const struct sock_limits *limits,
			      struct sock **ret_sock, struct brot_error *err);
enum brot_err sock_bind(struct sock *sock, const char *url, struct brot_error *err);

/* Lets that group of the system use the ipc socket files of a ROUTER that is bound: mode 0660.
 * BROT_E_USAGE where there is no such group, BROT_E_SYSTEM where we may not give them to it.
 * sock_group_check() finds the first before anything is bound. */
enum brot_err sock_group_check(const char *group, struct brot_error *err);
enum brot_err sock_admit_group(struct sock *sock, const char *group, struct brot_error *err);

/* Locks the tcp endpoints of later sock_bind()s: only who knows the public half of secret_key, and
 * whose own key the context's ZAP handler lets in for `domain`, gets a connection; where there is
 * no handler nobody does. Its ipc endpoints, which stay as they are, must be bound before those
 * (asserted). */
#define SOCK_DOMAIN_BYTES 16
enum brot_err sock_router_lock(struct sock *sock, const char *secret_key, const char *domain,
			       struct brot_error *err);

/* The URL that the last sock_bind() really got (tcp://127.0.0.1:* gives a port). Borrowed until the
 * next call. */
const char *sock_endpoint(const struct sock *sock);

/* A DEALER that connects to url, and again by itself whenever the connection breaks, but not once
 * it is SOCK_DENIED. Messages sent while there is no connection wait for it, up to
 * limits->send_queue of them, then SOCK_AGAIN. keys NULL: none, as always for ipc. */
enum brot_err sock_dealer_new(struct sock_context *context, const char *url,
			      const struct sock_keys *keys, const struct sock_limits *limits,
			      struct sock **ret_sock, struct brot_error *err);

/* How a DEALER's last handshake over tcp ended. */
enum sock_standing {
	SOCK_STANDING_NONE, /* none has ended yet, or it broke off, or this is ipc */
	SOCK_STANDING_IN,
	SOCK_STANDING_DENIED,
};
enum sock_standing sock_standing(struct sock *sock);

/* BROT_E_DENIED, with a sentence, for a DEALER that was denied. */
enum brot_err sock_denial(const struct sock *sock, struct brot_error *err);

/* Closes; what is still queued is given linger_ms to leave. Accepts NULL. For ipc, the socket
 * files of a ROUTER are removed. */
void sock_free(struct sock *sock, int linger_ms);

enum sock_result {
	SOCK_OK,
	SOCK_AGAIN,  /* nothing there, or the peer's queue is full */
	SOCK_GONE,   /* the peer's connection is no more */
	SOCK_DENIED, /* told once by sock_receive(): the other end does not take this DEALER's key,
			or one of both has none, and nothing will come over it any more */
	SOCK_ERROR,  /* anything else: see errno */
};

/* Sends a message: to `route` for a ROUTER, route NULL for a DEALER. All or nothing; body and data
 * are copied. SOCK_OK is not delivery: the connection may end with the message still queued. */
enum sock_result sock_send(struct sock *sock, const struct sock_route *route,
			   const struct message *m);

#define SOCK_ADDRESS_BYTES 96
#define SOCK_USER_ID_BYTES 64 /* a longer one is none */

/* A received message: owns the frames until sock_received_done(). */
struct sock_received {
	struct sock_route route; /* of a ROUTER's peer */
	size_t count; /* frames; LIMIT_FRAMES + 1 where there were more (the rest was dropped) */
	struct bytes frames[LIMIT_FRAMES + 1];
	size_t bytes; /* over all frames, routing id not included */
	/* Of a ROUTER's peer: where it is, as libzmq says it ("" where it does not), and the id
	 * that the ZAP handler gave it. On a connection that no handler was asked about the peer
	 * itself may have claimed an id. */
	char address[SOCK_ADDRESS_BYTES];
	char user_id[SOCK_USER_ID_BYTES];
	int fd;      /* likewise: the descriptor that it came by, by its number; -1: not known */
	void *owned; /* sock.c's own */
};
enum sock_result sock_receive(struct sock *sock, struct sock_received *ret_received);
void sock_received_done(struct sock_received *received);

/* What sock_send() and sock_receive() carried so far: bytes (of frames only), and messages. */
uint64_t sock_bytes_sent(const struct sock *sock);
uint64_t sock_bytes_received(const struct sock *sock);
uint64_t sock_messages_sent(const struct sock *sock);
uint64_t sock_messages_received(const struct sock *sock);

/* Waits until one of the sockets or file descriptors is readable, or for timeout_ms (-1: for
 * ever). An item with sock NULL is the descriptor fd; with both unset (NULL, -1) it is skipped.
 * Sets is_ready of each, also of a descriptor whose other end hung up. Returns how many are ready,
 * 0 after the time, -1 with errno (EINTR). */
struct sock_poll {
	struct sock *sock;
	int fd;
	bool is_ready;
};
#define SOCK_POLL_MAX 16 /* items of one call (asserted) */
int sock_poll(struct sock_poll *items, size_t count, int64_t timeout_ms);

/* Whether url is "ipc://PATH" (path absolute or relative, short enough) or "tcp://HOST:PORT",
 * and for tcp whether HOST is a loopback address. HOST may be a name, an IPv4 address or an IPv6
 * address in brackets; localhost means 127.0.0.1; "*" as host or port is for sock_bind() alone.
 * BROT_E_USAGE and one sentence otherwise; ret_is_local is then untouched. */
enum brot_err sock_url_check(const char *url, bool *ret_is_local, struct brot_error *err);

/* The path in an ipc URL, borrowed from it; NULL: it is none. */
const char *sock_ipc_path(const char *url);

/* Whether the system keeps this user from connecting to an ipc URL, with *err then: BROT_E_DENIED.
 * libzmq tries again whatever connect(2) says, and does not tell. */
bool sock_url_is_denied(const char *url, struct brot_error *err);

#endif
