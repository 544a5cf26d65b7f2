/*
 * server_internal.h - the server's state, shared by the files of the shell alone: server.c,
 * restore.c, reload.c, inbox*.c, outbox.c, saves.c, measure.c and service.c.
 */
#ifndef BROKER_SERVER_INTERNAL_H
#define BROKER_SERVER_INTERNAL_H

#include "broker/catalog.h"
#include "broker/denials.h"
#include "broker/exporter.h"
#include "broker/gate.h"
#include "broker/images.h"
#include "broker/journal.h"
#include "broker/metrics.h"
#include "broker/parse.h"
#include "broker/peers.h"
#include "broker/report.h"
#include "broker/server.h"
#include "proto/sys/notify.h"
#include "proto/sys/sock.h"

/* Connections found broken while one event was carried out: at most all workers'. */
#define LOST_PEERS_MAX LIMIT_WORKERS

struct server {
	const struct server_config *config; /* settings */
	struct server_config settings;      /* as they are now, after any SIGHUP */
	struct broker_options options;      /* likewise */
	struct keeper *keeper;
	struct sock_context *context;
	struct sock *sockets[PEER_SIDES]; /* by enum peer_side */
	struct gate *gate;
	struct peers *peers;
	struct catalog *catalog;
	struct images *images;
	struct journal *journal;
	struct sched *sched;
	struct sched_actions actions;
	struct metrics metrics;
	struct denials denials;
	struct exporter *exporter; /* NULL: nobody asks for them */
	int64_t started_ms, now_ms, expire_ms, sweep_ms, prune_ms, catch_up_ms, save_ms;
	uint64_t last_job;
	struct notify notify;
	int64_t told_ms; /* when systemd was told last, and what was done until then */
	uint64_t told_tiles, told_iterations;
	uint64_t life; /* random: connections of two lives of a broker have different names */

	/* of the message under way; NULL, 0 or false between messages */
	struct principal who; /* that sent it */
	const struct message *message;
	const uint8_t *key;               /* of a SUBMIT */
	const struct catalog_job *submit; /* of a SUBMIT, until it is in the catalogue */
	const char *submit_text;          /* its request, as the store gets it; NULL without one */

	uint64_t lost_peers[LOST_PEERS_MAX];
	size_t lost_count;
	uint64_t
		save_failures; /* checkpoint_failures(), as it was when they were asked for again */
	struct sched_action sum; /* rows to be added up in the next turn; work 0: none */
	uint64_t committed_work; /* a grid that was to be committed, and how that went; 0: none */
	enum brot_err committed_code;
	struct brot_error committed_error;
	uint64_t created_work;     /* its image was asked for; 0: none */
	size_t created_bits_bytes; /* of its bits that a checkpoint has set; 0: none */
	enum brot_err created_code;
	struct brot_error created_error;
};

/* server.c: steps the scheduler, carries out what it says, and what follows from that. */
void server_step(struct server *server, const struct sched_event *event);

/* reload.c: SIGHUP, and what follows where the settings are good. */
void server_hang_up(struct server *server);
void server_reload(struct server *server, const struct broker_options *options);

/* saves.c: checkpoints. Without a folder for them none of these does anything. */
void saves_begin(struct server *server, uint64_t work); /* a copy of its image, now */
void saves_drop(struct server *server, uint64_t work);
void saves_drop_job(struct server *server, const struct job_report *report); /* it has ended */
void saves_tick(struct server *server);
void saves_finish(struct server *server); /* what has changed, before the end */
void saves_sweep(struct server *server);  /* removes those of no job that there is */

/* Fills a new image from its checkpoint; false where that had nothing. */
bool saves_load(struct server *server, const struct catalog_job *job, struct image *image);

/* measure.c: the text for one who asks for metrics; context is the server. See exporter.h. */
char *measure_text(void *context);

/* service.c: systemd. service_turn() once in each turn of the loop. */
void service_open(struct server *server);
void service_turn(struct server *server);
void service_stopping(struct server *server);

/* inbox.c: one received message. */
void inbox_take(struct server *server, enum peer_side side, const struct sock_received *received);

/* inbox_worker.c, inbox_client.c: a message of that side, in server->message. */
void inbox_take_worker(struct server *server, struct sched_event *event);
void inbox_take_client(struct server *server, struct sched_event *event);

/* inbox_client.c: the jobs of who sent the message under way; 0 of one that may have any number. */
uint32_t inbox_owner_jobs(const struct server *server);

/* inbox_ended.c: questions about jobs that have ended, of which only the store knows. */
/* One that has; its request is borrowed until the next question. BROT_E_NOT_FOUND: none that the
 * store knows, or there is no store; anything else, with a sentence: nobody can tell. */
enum brot_err ended_find(const struct server *server, uint64_t job, struct store_job *ret_ended,
			 struct brot_error *err);
void ended_explain(const struct store_job *ended, struct brot_error *ret_why);
void ended_tell(struct server *server, uint64_t peer, const struct store_job *ended);
void ended_revive(struct server *server, uint64_t peer,
		  const struct store_job *ended); /* where it may be */
bool ended_refuse_key(struct server *server, uint64_t peer,
		      const uint8_t key[SCHED_KEY_BYTES]); /* true where it answered */
void ended_list(struct server *server, uint64_t peer, uint32_t limit, uint64_t before);

/* sums.c: carries out what of ACTION_SUM waits: a slice a turn. */
void sums_turn(struct server *server);

/* outbox.c: carries out what a step of the scheduler says: first what changes images and store, in
 * its order, then what somebody is told. */
void outbox_carry_out(struct server *server, const struct sched_actions *actions);

/* Sends a message with a JSON body, which it frees, or with none (NULL). False where the
 * connection does not take it. */
bool outbox_send(struct server *server, uint64_t peer, struct message *m, char *body);

/* REPORT, whose body it frees; REFUSED where the client may have too much of it unread. */
void outbox_report(struct server *server, uint64_t peer, char *body);

/* REFUSED, for the message under way. */
void outbox_refuse(struct server *server, uint64_t peer, const struct brot_error *why,
		   uint64_t job);

/* The same to one that is not remembered, as far as LIMIT_DENIALS goes. */
void outbox_turn_away(struct server *server, enum peer_side side, const struct sock_route *route,
		      const struct brot_error *why);

#endif
