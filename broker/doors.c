/* doors.c - the table. */
#include "broker/doors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/z85.h"

static const char key_prefix[] = "key:", uid_prefix[] = "uid:";

/* README repeats it; tests/e2e/test_doors.py tries each cell. What a peer never sends is not here
 * and thereby shut. */
static const struct {
	enum message_type type;
	enum door client, worker, admin;
} rows[] = {
	{MSG_HELLO, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_CREDIT, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_MAPPED, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_DONE, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_FAIL, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_BEAT, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_BYE, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_GONE, DOOR_SHUT, DOOR_OPEN, DOOR_SHUT},
	{MSG_SUBMIT, DOOR_OPEN, DOOR_SHUT, DOOR_OPEN},
	{MSG_JOBS, DOOR_OPEN, DOOR_SHUT, DOOR_OPEN},
	{MSG_WORKERS, DOOR_OPEN, DOOR_SHUT, DOOR_OPEN},
	{MSG_STATUS, DOOR_OPEN, DOOR_SHUT, DOOR_OPEN},
	{MSG_HISTORY, DOOR_OPEN, DOOR_SHUT, DOOR_OPEN},
	{MSG_ATTACH, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_WATCH, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_FETCH, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_RELEASE, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_CANCEL_JOB, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_PAUSE, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_RESUME, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_RETRY, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_PRIORITY, DOOR_OWN, DOOR_SHUT, DOOR_OPEN},
	{MSG_DRAIN_WORKER, DOOR_SHUT, DOOR_SHUT, DOOR_OPEN},
};

const char *role_name(enum role role)
{
	return role == ROLE_CLIENT ? "client" : role == ROLE_WORKER ? "worker" : "admin";
}

static enum door better(enum door a, enum door b)
{
	return a > b ? a : b;
}

enum door doors_look(enum message_type type, unsigned roles)
{
	enum door door = DOOR_SHUT;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].type != type)
			continue;
		if ((roles & ROLE_CLIENT) != 0)
			door = better(door, rows[i].client);
		if ((roles & ROLE_WORKER) != 0)
			door = better(door, rows[i].worker);
		if ((roles & ROLE_ADMIN) != 0)
			door = better(door, rows[i].admin);
	}
	return door;
}

bool doors_may_enter(unsigned roles, bool is_workers_side)
{
	return (roles & (is_workers_side ? ROLE_WORKER : ROLE_CLIENT | ROLE_ADMIN)) != 0;
}

/* Reads a number behind ':' at the end of text[0..*length) and cuts it off. */
static bool number_cut(const char *text, size_t *length, uint32_t *ret_number)
{
	size_t end = *length, begin = end;
	while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9')
		begin--;
	if (begin == end || end - begin > 10 || begin == 0 || text[begin - 1] != ':')
		return false;
	uint64_t number = strtoull(text + begin, NULL, 10);
	if (number > UINT32_MAX)
		return false;
	*length = begin - 1;
	*ret_number = (uint32_t)number;
	return true;
}

/* Of an ipc peer libzmq says "localhost:UID:GID:PID", of a tcp peer its address in numbers, which
 * never begins so. */
static bool uid_of_address(const char *address, uint32_t *ret_uid)
{
	static const char local[] = "localhost";
	size_t length = strlen(address);
	uint32_t pid, gid, uid;
	if (!number_cut(address, &length, &pid) || !number_cut(address, &length, &gid) ||
	    !number_cut(address, &length, &uid))
		return false;
	if (length != sizeof local - 1 || memcmp(address, local, length) != 0)
		return false;
	*ret_uid = uid;
	return true;
}

static unsigned roles_of_us(bool is_workers_side)
{
	return is_workers_side ? ROLE_WORKER : ROLE_ADMIN;
}

void doors_principal(const struct doors *doors, bool is_workers_side, const char *address,
		     const char *user_id, struct principal *ret_principal)
{
	struct principal principal = {.roles = 0};
	uint32_t uid;
	if (uid_of_address(address, &uid)) {
		(void)snprintf(principal.name, sizeof principal.name, "%s%" PRIu32, uid_prefix,
			       uid);
		if (uid == 0 || uid == doors->uid)
			principal.roles = roles_of_us(is_workers_side);
		else
			principal.roles = is_workers_side ? 0 : ROLE_CLIENT;
	} else if (address[0] == '\0') {
		/* libzmq knows every tcp peer's address: this would be an ipc peer of which the
		 * kernel has said nothing. */
	} else if (!doors->has_keys) {
		memcpy(principal.name, PRINCIPAL_ANY, sizeof PRINCIPAL_ANY);
		principal.roles = roles_of_us(is_workers_side);
	} else if (strlen(user_id) == Z85_KEY_CHARS) {
		(void)snprintf(principal.name, sizeof principal.name, "%s%s", key_prefix, user_id);
		principal.roles = doors->roles_of_key(user_id, doors->context);
	}
	*ret_principal = principal;
}

const char *doors_key_of(const char *principal)
{
	const size_t prefix = sizeof key_prefix - 1;
	return strncmp(principal, key_prefix, prefix) == 0 ? principal + prefix : NULL;
}

/* "a client", "a client or an admin" ... */
static const char *who_may(enum message_type type)
{
	bool client = doors_look(type, ROLE_CLIENT) != DOOR_SHUT;
	bool admin = doors_look(type, ROLE_ADMIN) != DOOR_SHUT;
	if (client)
		return "a client or an admin";
	return admin ? "an admin" : doors_look(type, ROLE_WORKER) ? "a worker" : "nobody";
}

static const char *who_is(unsigned roles)
{
	if ((roles & ROLE_ADMIN) != 0)
		return "an admin";
	if ((roles & ROLE_CLIENT) != 0)
		return "a client";
	return (roles & ROLE_WORKER) != 0 ? "a worker" : "without any role";
}

enum brot_err doors_check(enum message_type type, const struct principal *principal,
			  struct brot_error *err)
{
	if (doors_look(type, principal->roles) != DOOR_SHUT)
		return BROT_OK;
	const char *name = principal->name[0] != '\0' ? principal->name : "this peer";
	return error_set(err, BROT_E_DENIED, "%s: is for %s, and %s is %s", message_name(type),
			 who_may(type), name, who_is(principal->roles));
}

enum brot_err doors_check_owner(enum message_type type, const struct principal *principal,
				uint64_t job, const char *owner, struct brot_error *err)
{
	enum door door = doors_look(type, principal->roles);
	/* Who came in without keys is anybody. */
	bool is_owner = strcmp(owner, principal->name) == 0 && strcmp(owner, PRINCIPAL_ANY) != 0;
	if (door == DOOR_OPEN || (door == DOOR_OWN && is_owner))
		return BROT_OK;
	if (door == DOOR_SHUT)
		return doors_check(type, principal, err);
	return error_set(err, BROT_E_DENIED,
			 "%s: job %" PRIu64 " is another's, which needs an admin, and %s is %s",
			 message_name(type), job, principal->name, who_is(principal->roles));
}
