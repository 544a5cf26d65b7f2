/*
 * service.h - finds the broker to talk to, or starts an embedded one.
 *
 * With a URL that broker and no other. Without: the system's; for a render, if it answers within
 * 50 ms, else an embedded service.
 *
 * One thread owns a service.
 */
#ifndef CLIENT_SERVICE_H
#define CLIENT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/connection.h"
#include "client/embedded.h"
#include "proto/error.h"

/* A call that can serve itself does not wait for a broker that may be none. */
#define SERVICE_SYSTEM_WAIT_MS 50

struct service_config {
	const char *broker;           /* NULL: none was named; borrowed for the service's life */
	const char *key, *server_key; /* files, for a tcp broker; NULL: none */
	bool is_insecure;             /* tcp beyond this host is allowed */
	bool may_embed;
	bool must_outlive; /* the broker, this call: --keep wants that, and nothing embedded does */
	uint32_t workers;  /* not 0: it must be an embedded service, with so many */
	int64_t timeout_ms;
	struct interrupt *interrupt;  /* borrowed */
	struct sock_context *context; /* likewise; NULL: one of its own */
};

struct service {
	struct connection *connection;
	struct embedded *embedded; /* NULL: somebody else's */
	struct sock_keys *keys;    /* shown there, or NULL */
	const char *url;           /* borrowed for the service's life */
};
#define SERVICE_NONE ((struct service){0})

/* BROT_E_USAGE where the options contradict each other; BROT_E_UNAVAILABLE where there is no broker
 * to be found and none may be started, or must_outlive. */
enum brot_err service_open(const struct service_config *config, struct service *ret_service,
			   struct brot_error *err);

/* Accepts SERVICE_NONE, and leaves it behind. */
void service_close(struct service *service);

#endif
