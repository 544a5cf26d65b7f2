/*
 * doors.h - decides who may say what: principals, roles, and the one table of messages by roles.
 *
 * A *principal* is who speaks over a connection, as a word: "key:" and a public key in Z85 over tcp
 * with keys, "uid:" and a number over ipc, "any" over tcp without keys. It owns the jobs that it
 * submits. Its *roles* are a set of enum role.
 *
 * Pure and thread-safe.
 */
#ifndef BROKER_DOORS_H
#define BROKER_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/message.h"

enum role { ROLE_CLIENT = 1, ROLE_WORKER = 2, ROLE_ADMIN = 4 };
#define ROLE_COUNT 3

/* "client", "worker", "admin". */
const char *role_name(enum role role);

#define PRINCIPAL_BYTES 48 /* "key:", 40 characters, NUL */

struct principal {
	char name[PRINCIPAL_BYTES]; /* "": nobody we can name, who has no role */
	unsigned roles;
};
#define PRINCIPAL_ANY "any"

/* What the broker knows of who may come in. */
struct doors {
	bool has_keys; /* tcp is locked */
	uint32_t uid;  /* our own */
	/* The roles of a public key, 0: none; with has_keys only. */
	unsigned (*roles_of_key)(const char *key, void *context);
	void *context;
};

/* Who speaks: what libzmq says of a connection to the workers' or the clients' socket. A peer over
 * ipc may claim any user id, and no address. */
void doors_principal(const struct doors *doors, bool is_workers_side, const char *address,
		     const char *user_id, struct principal *ret_principal);

/* The key in a principal's name, borrowed from it; NULL: it has none. */
const char *doors_key_of(const char *principal);

/* Whether anybody with these roles may speak at that socket at all. */
bool doors_may_enter(unsigned roles, bool is_workers_side);

/* What the table says of a message and a role. */
enum door {
	DOOR_SHUT,
	DOOR_OWN, /* about one's own jobs */
	DOOR_OPEN,
};
enum door doors_look(enum message_type type, unsigned roles);

/* BROT_E_DENIED and one sentence where the principal may not send it, about whatever job. */
enum brot_err doors_check(enum message_type type, const struct principal *principal,
			  struct brot_error *err);

/* The same for a message about a job, with who owns it. */
enum brot_err doors_check_owner(enum message_type type, const struct principal *principal,
				uint64_t job, const char *owner, struct brot_error *err);

#endif
