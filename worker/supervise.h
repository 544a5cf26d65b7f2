/*
 * supervise.h - the parent of a host's worker processes: starts them, restarts them, ends them.
 *
 * A child that dies is reported to the broker at once (GONE), so that its tiles go elsewhere
 * without waiting for a silence. A child that ends with status 0 was drained and is not replaced;
 * one that ends because it can never work here (wrong options, version, rights, a kernel that fails
 * its self-test) ends all. A settings file that has become bad since (EX_CONFIG) may be mended:
 * such a child is started again, after a pause.
 *
 * Thread rule: runs in the thread that calls it, which must be the process's first: children end
 * with the thread that started them.
 */
#ifndef WORKER_SUPERVISE_H
#define WORKER_SUPERVISE_H

#include <stdint.h>

#include "proto/error.h"
#include "proto/sys/notify.h"
#include "proto/sys/sock.h"

/* The first word of a child, before its parent's number. */
#define SUPERVISE_CHILD_OPTION "--child-of"

struct supervise_config {
	const char *broker;           /* URL */
	const struct sock_keys *keys; /* NULL: none; borrowed */
	uint32_t processes;           /* at least 1 */
	char *const *argv; /* of this program, argv[0] included: the children get it as well */
	int argc;
	int signal_fd; /* of signals_open() */
	struct notify notify;
	void (*reread)(void *context); /* at SIGHUP, which then goes to the children as well; NULL:
					* that is an end like SIGTERM */
	void *reread_context;
};

/* Runs until all children were drained, or a signal ends it: SIGTERM and SIGINT drain, a second
 * one kills. *ret_status gets the exit status. Fails where no child can be started. */
enum brot_err supervise_run(const struct supervise_config *config, int *ret_status,
			    struct brot_error *err);

#endif
