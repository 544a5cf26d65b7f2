/*
 * sock_zap.h - owns the socket at which libzmq asks who may come in: ZAP, ZeroMQ's RFC 27.
 *
 * There is one a context, and libzmq asks there for each handshake over a locked endpoint
 * (sock_router_lock()) before it lets the peer's first message through.
 *
 * Thread rule: that of sock.h.
 */
#ifndef PROTO_SYS_SOCK_ZAP_H
#define PROTO_SYS_SOCK_ZAP_H

#include "proto/sys/sock.h"

#define SOCK_ZAP_FRAMES        8 /* at most, of a question */
#define SOCK_ZAP_ANSWER_FRAMES 6

/* A socket for sock_poll(), sock_zap_serve() and sock_free() alone. BROT_E_SYSTEM. */
enum brot_err sock_zap_new(struct sock_context *context, struct sock **ret_sock,
			   struct brot_error *err);

/* Answers a question: fills ret_answer with frames that stay until it is called again. count is
 * SOCK_ZAP_FRAMES + 1 where there were more. */
typedef void sock_zap_fn(const struct bytes *frames, size_t count,
			 struct bytes ret_answer[SOCK_ZAP_ANSWER_FRAMES], void *context);

/* Has all questions answered that are there, but at most `most`. */
void sock_zap_serve(struct sock *sock, unsigned most, sock_zap_fn *fn, void *context);

#endif
