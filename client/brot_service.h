/*
 * brot_service.h - what struct brot_service is: for the files behind include/brot/service.h.
 */
#ifndef CLIENT_BROT_SERVICE_H
#define CLIENT_BROT_SERVICE_H

#include <brot/service.h>

#include "client/connection.h"
#include "client/landlord.h"

/* All of it stays as it is until brot_disconnect(). */
struct brot_service {
	char *url;
	char *server_key;          /* or NULL */
	struct sock_keys *keys;    /* or NULL */
	struct landlord *landlord; /* NULL: somebody else's */
	int64_t timeout_ms;
	bool is_patient;
};

#endif
