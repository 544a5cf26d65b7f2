/*
 * server.h - owns the broker's event loop: sockets, signals and images around the scheduler.
 *
 * Decodes what peers say into events, steps the scheduler, carries out its actions. No rule about
 * tiles, jobs or peers is decided here. One thread runs a server.
 */
#ifndef BROKER_SERVER_H
#define BROKER_SERVER_H

#include "broker/checkpoint.h"
#include "broker/keeper.h"
#include "broker/sched.h"
#include "broker/store.h"
#include "proto/cert.h"
#include "proto/options.h"

struct server_config {
	struct option_strings client_urls, worker_urls; /* at least one of each; borrowed */
	bool is_embedded; /* the folders of the ipc sockets are ours to remove */
	int ready_fd;     /* gets a line of JSON with the endpoints once all are bound; or -1 */
	int signal_fd;    /* of signals_open() */
	const char *keys; /* the folder of the keys that open our doors; NULL: they are open */
	const struct cert *cert; /* our own, with keys; borrowed */
	const char *metrics;     /* where they are told, HOST:PORT; or NULL */
	struct sched_limits limits;
	struct store *store;           /* of the jobs; NULL: they end with the broker. Borrowed */
	const char *store_folder;      /* for the log */
	struct checkpoint *checkpoint; /* of their images, or NULL; only with a store. Borrowed */
	int64_t checkpoint_every_ms;
	uint32_t history_days; /* that an ended job is remembered */
};

/* Takes up the jobs of the store, binds, serves until SIGTERM or SIGINT, and cleans up. keeper is
 * borrowed; one that dies is replaced. BROT_OK at a proper end. */
enum brot_err server_run(const struct server_config *config, struct keeper *keeper,
			 struct brot_error *err);

#endif
