/*
 * brot_service.h - what struct brot_service is: for the files behind include/brot/service.h.
 */
#ifndef CLIENT_BROT_SERVICE_H
#define CLIENT_BROT_SERVICE_H

#include <brot/service.h>
#include <stdatomic.h>

#include "client/connection.h"
#include "client/landlord.h"

/* All of it stays as it is, but for the count of its users. */
struct brot_service {
	atomic_uint users;            /* its jobs, and who has connected */
	struct sock_context *context; /* of all connections */
	char *url;
	char *server_key;          /* or NULL */
	struct sock_keys *keys;    /* or NULL */
	struct landlord *landlord; /* NULL: somebody else's */
	int64_t timeout_ms;
	bool is_patient;
};

/* One user more; one less, and the last one frees it. */
void brot_service_use(struct brot_service *service);
void brot_service_leave(struct brot_service *service);

#endif
