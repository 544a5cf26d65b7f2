/*
 * server.h - owns the broker's event loop: sockets, signals and images around the scheduler.
 *
 * Decodes what peers say into events, steps the scheduler, carries out its actions. No rule about
 * tiles, jobs or peers is decided here. One thread runs a server.
 */
#ifndef BROKER_SERVER_H
#define BROKER_SERVER_H

#include "broker/broker_options.h"
#include "broker/checkpoint.h"
#include "broker/keeper.h"
#include "broker/sched.h"
#include "broker/store.h"
#include "proto/cert.h"
#include "proto/options.h"

/* Reads the settings again. What *ret_options borrows lives until the next call. Fails with why the
 * settings are bad. */
typedef enum brot_err server_reread_fn(void *context, struct broker_options *ret_options,
				       struct brot_error *err);

struct server_config {
	struct option_strings client_urls, worker_urls; /* at least one of each; borrowed */
	const char *clients_group; /* may use the clients' ipc sockets; or NULL */
	bool is_embedded;          /* the folders of the ipc sockets are ours to remove */
	const char *keys; /* the folder of the keys that open our doors; NULL: they are open */
	const struct cert *cert; /* our own, with keys; borrowed */
	int ready_fd;         /* gets a line of JSON with the endpoints once all are bound; or -1 */
	int signal_fd;        /* of signals_open() */
	uint32_t connections; /* that may be kept at a time, by descriptors.h; 0: as many as come */
	const char *metrics;  /* where they are told, HOST:PORT; or NULL */
	struct sched_limits limits;
	uint64_t grid_wrap;            /* struct plan_budget's; 0 but in tests */
	struct store *store;           /* of the jobs; NULL: they end with the broker. Borrowed */
	const char *store_folder;      /* for the log */
	struct checkpoint *checkpoint; /* of their images, or NULL; only with a store. Borrowed */
	int64_t checkpoint_every_ms;
	uint32_t history_days;                /* that an ended job is remembered */
	const struct broker_options *options; /* that all this is made of; borrowed */
	server_reread_fn *reread;             /* at SIGHUP; NULL: that is an end like SIGTERM */
	void *reread_context;
};

/* The budget for images where the settings say memory_bytes: broker_memory_bytes() on this host.
 * Logs where that is less. */
uint64_t server_image_bytes(uint64_t memory_bytes);

/* Takes up the jobs of the store, binds, serves until SIGTERM or SIGINT, and cleans up. SIGHUP
 * reads the settings again: memory, retention, history-days, checkpoint-every and log-level change
 * at once, what else differs is named in the log. keeper is borrowed; one that dies is replaced.
 * BROT_OK at a proper end. */
enum brot_err server_run(const struct server_config *config, struct keeper *keeper,
			 struct brot_error *err);

#endif
