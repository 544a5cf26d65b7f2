/* server_internal.h - the server's state, shared by server.c, inbox.c and outbox.c alone. */
#ifndef BROKER_SERVER_INTERNAL_H
#define BROKER_SERVER_INTERNAL_H

#include "broker/images.h"
#include "broker/parse.h"
#include "broker/peers.h"
#include "broker/report.h"
#include "broker/server.h"
#include "proto/sys/sock.h"

/* Connections found broken while one event was carried out: at most all workers'. */
#define LOST_PEERS_MAX LIMIT_WORKERS

struct server {
	const struct server_config *config;
	struct keeper *keeper;
	struct sock_context *context;
	struct sock *sockets[2]; /* by enum peer_side */
	struct peers *peers;
	struct images *images;
	struct sched *sched;
	struct sched_actions actions;
	int64_t started_ms, now_ms, expire_ms, sweep_ms, catch_up_ms;
	uint64_t last_job;

	/* of the message under way; NULL or 0 between messages */
	const struct message *message;
	const struct request *request; /* of a SUBMIT */
	const struct plan *plan;
	uint8_t key[SCHED_KEY_BYTES];
	bool has_key;

	uint64_t lost_peers[LOST_PEERS_MAX];
	size_t lost_count;
	uint64_t created_job; /* its image was asked for; 0: none */
	enum brot_err created_code;
	struct brot_error created_error;
};

/* server.c: steps the scheduler, carries out what it says, and what follows from that. */
void server_step(struct server *server, const struct sched_event *event);

/* inbox.c: one received message. */
void inbox_take(struct server *server, enum peer_side side, const struct sock_received *received);

/* outbox.c */
void outbox_carry_out(struct server *server, const struct sched_action *action);

/* Sends a message with a JSON body, which it frees, or with none (NULL). */
void outbox_send(struct server *server, uint64_t peer, struct message *m, char *body);

/* REFUSED, for the message under way. */
void outbox_refuse(struct server *server, uint64_t peer, const struct brot_error *why,
		   uint64_t job);

#endif
