/*
 * link.h - owns a worker's connection: the poll loop between socket, session, jobs and pool.
 *
 * Thread rule: runs in the thread that calls it; the pool's threads never touch the socket.
 */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/error.h"
#include "proto/sys/notify.h"
#include "proto/sys/sock.h"
#include "worker/choice.h"

/* That the end of a worker may take, with the tiles under way. The service manager takes its word
 * for it over the unit's TimeoutStopSec=, so it is less. */
#define LINK_PATIENCE_MS 80000

struct link_config {
	const char *broker;           /* URL */
	const struct sock_keys *keys; /* NULL: none; borrowed */
	const char *server_key;       /* the file of the broker's, with keys; borrowed */
	const char *name;             /* for people, at most LIMIT_NAME_CHARS */
	const struct choice *choice;  /* checked and measured */
	uint32_t threads;             /* 1..LIMIT_CREDIT - 1 */
	bool use_shm;
	pid_t parent;  /* whose end is ours, by SIGTERM of process_tie(); 0 for none */
	int signal_fd; /* of signals_open() */
	struct notify notify;
	int session_fd; /* each session's number is written there, 8 bytes; -1 for none */
	void (*reread)(void *context); /* at SIGHUP; NULL: that is an end like SIGTERM */
	void *reread_context;
};

/* Serves the broker until it says DRAIN or a signal ends it. *ret_status gets the exit status.
 * Fails where it cannot begin: URL, descriptors, threads. Calls fault_init(). */
enum brot_err link_run(const struct link_config *config, int *ret_status, struct brot_error *err);

#endif
