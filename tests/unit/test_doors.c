/* test_doors.c - who somebody is, and what the table lets him say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "broker/doors.h"

#define CLIENT  "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
#define WORKER  "E$6YJfrYuXMW{/@WV1.HK:va&9=}Ph3TvBxkvCVx"
#define UNKNOWN "8UPdF:&3CyYb:Qb=/BcUw-p#@WNLU9VmR(QFqqX#"
#define OUR_UID 1000

static unsigned roles_of_key(const char *key, void *context)
{
	(void)context;
	return strcmp(key, CLIENT) == 0 ? ROLE_CLIENT : strcmp(key, WORKER) == 0 ? ROLE_WORKER : 0;
}

static const struct doors locked = {.has_keys = true, .uid = OUR_UID, .roles_of_key = roles_of_key};
static const struct doors unlocked = {.uid = OUR_UID};

static void assert_is(const struct doors *doors, bool is_workers_side, const char *address,
		      const char *user_id, const char *name, unsigned roles)
{
	struct principal who;
	doors_principal(doors, is_workers_side, address, user_id, &who);
	assert_string_equal(who.name, name);
	assert_int_equal(who.roles, roles);
}

static void a_peer_over_ipc_is_its_user(void **state)
{
	(void)state;
	const struct doors *both[] = {&locked, &unlocked};
	for (size_t i = 0; i < 2; i++) {
		assert_is(both[i], false, "localhost:0:0:77", "", "uid:0", ROLE_ADMIN);
		assert_is(both[i], true, "localhost:0:0:77", "", "uid:0", ROLE_WORKER);
		assert_is(both[i], false, "localhost:1000:5:77", "", "uid:1000", ROLE_ADMIN);
		assert_is(both[i], true, "localhost:1000:5:77", "", "uid:1000", ROLE_WORKER);
		assert_is(both[i], false, "localhost:1001:5:77", "", "uid:1001", ROLE_CLIENT);
		assert_is(both[i], true, "localhost:1001:5:77", "", "uid:1001", 0);
		assert_is(both[i], false, "localhost:4294967295:5:77", "", "uid:4294967295",
			  ROLE_CLIENT);
		/* Over ipc anybody can claim an id. */
		assert_is(both[i], false, "localhost:1001:5:77", CLIENT, "uid:1001", ROLE_CLIENT);
		assert_is(both[i], true, "localhost:1001:5:77", WORKER, "uid:1001", 0);
	}
}

static void a_peer_over_tcp_is_its_key(void **state)
{
	(void)state;
	static const char *const addresses[] = {"127.0.0.1", "::1", "::ffff:10.0.0.1",
						"2001:db8::1:0:0:1", "fe80::1%eth0"};
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		assert_is(&locked, false, addresses[i], CLIENT, "key:" CLIENT, ROLE_CLIENT);
		assert_is(&locked, true, addresses[i], WORKER, "key:" WORKER, ROLE_WORKER);
		assert_is(&locked, true, addresses[i], UNKNOWN, "key:" UNKNOWN, 0);
		assert_is(&locked, true, addresses[i], "", "", 0);
		assert_is(&locked, true, addresses[i], "uid:0", "", 0);
	}
}

static void without_keys_anybody_is_let_in(void **state)
{
	(void)state;
	assert_is(&unlocked, false, "127.0.0.1", "", "any", ROLE_ADMIN);
	assert_is(&unlocked, true, "127.0.0.1", "", "any", ROLE_WORKER);
	assert_is(&unlocked, true, "::1:0:0", CLIENT, "any", ROLE_WORKER);
}

static void who_cannot_be_told_has_no_role(void **state)
{
	(void)state;
	assert_is(&locked, false, "", "", "", 0);
	assert_is(&locked, false, "", CLIENT, "", 0);
	assert_is(&unlocked, false, "", "", "", 0);
	/* None of these is what libzmq says of an ipc peer. */
	assert_is(&locked, false, "localhost", "", "", 0);
	assert_is(&locked, false, "localhost:0", "", "", 0);
	assert_is(&locked, false, "localhost:0:0", "", "", 0);
	assert_is(&locked, false, "localhost:0:0:0:0", "", "", 0);
	assert_is(&locked, false, ":0:0:1", "", "", 0);
	assert_is(&locked, false, "::0:0:1", "", "", 0);
	assert_is(&locked, false, "localhost:-1:0:1", "", "", 0);
	assert_is(&locked, false, "localhost:4294967296:0:1", "", "", 0);
	assert_is(&locked, false, "localhost:99999999999:0:1", "", "", 0);
}

static void each_side_has_its_roles(void **state)
{
	(void)state;
	for (unsigned roles = 0; roles < 8; roles++) {
		assert_int_equal(doors_may_enter(roles, true), (roles & ROLE_WORKER) != 0);
		assert_int_equal(doors_may_enter(roles, false),
				 (roles & (ROLE_CLIENT | ROLE_ADMIN)) != 0);
	}
}

static void the_table_says(void **state)
{
	(void)state;
	static const enum message_type workers[] = {MSG_HELLO, MSG_CREDIT, MSG_MAPPED, MSG_DONE,
						    MSG_FAIL,  MSG_BEAT,   MSG_BYE,    MSG_GONE};
	static const enum message_type questions[] = {MSG_SUBMIT, MSG_JOBS, MSG_WORKERS, MSG_STATUS,
						      MSG_HISTORY};
	static const enum message_type own[] = {MSG_ATTACH,  MSG_WATCH,      MSG_FETCH,
						MSG_RELEASE, MSG_CANCEL_JOB, MSG_PAUSE,
						MSG_RESUME,  MSG_RETRY,      MSG_PRIORITY};
	unsigned open[256] = {0}; /* 3 enum door of 2 bits each */
	for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++)
		open[workers[i]] = DOOR_OPEN << 2;
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		open[questions[i]] = DOOR_OPEN | DOOR_OPEN << 4;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		open[own[i]] = DOOR_OWN | DOOR_OPEN << 4;
	open[MSG_DRAIN_WORKER] = DOOR_OPEN << 4;
	for (unsigned type = 0; type < 256; type++) {
		enum message_type message = (enum message_type)type;
		assert_int_equal(doors_look(message, 0), DOOR_SHUT);
		assert_int_equal(doors_look(message, ROLE_CLIENT), open[type] & 3);
		assert_int_equal(doors_look(message, ROLE_WORKER), open[type] >> 2 & 3);
		assert_int_equal(doors_look(message, ROLE_ADMIN), open[type] >> 4 & 3);
	}
	/* Of several roles the best counts. */
	assert_int_equal(doors_look(MSG_HELLO, ROLE_CLIENT | ROLE_WORKER), DOOR_OPEN);
	assert_int_equal(doors_look(MSG_PAUSE, ROLE_CLIENT | ROLE_ADMIN), DOOR_OPEN);
}

static const struct principal client = {"key:" CLIENT, ROLE_CLIENT};
static const struct principal admin = {"uid:0", ROLE_ADMIN};
static const struct principal any = {"any", ROLE_ADMIN};

static void refusals_name_who_and_what(void **state)
{
	(void)state;
	const struct principal nobody = {"", 0};
	struct brot_error err;
	assert_int_equal(doors_check(MSG_SUBMIT, &client, &err), BROT_OK);
	assert_int_equal(doors_check(MSG_DRAIN_WORKER, &client, &err), BROT_E_DENIED);
	assert_string_equal(err.text,
			    "DRAIN_WORKER: is for an admin, and key:" CLIENT " is a client");
	assert_int_equal(doors_check(MSG_HELLO, &admin, &err), BROT_E_DENIED);
	assert_string_equal(err.text, "HELLO: is for a worker, and uid:0 is an admin");
	assert_int_equal(doors_check(MSG_SUBMIT, &nobody, &err), BROT_E_DENIED);
	assert_string_equal(
		err.text, "SUBMIT: is for a client or an admin, and this peer is without any role");
}

static void jobs_are_their_owners(void **state)
{
	(void)state;
	const struct principal worker = {"key:" WORKER, ROLE_WORKER};
	const struct principal stray = {"any", ROLE_CLIENT};
	struct brot_error err;
	assert_int_equal(doors_check_owner(MSG_FETCH, &client, 7, "key:" CLIENT, &err), BROT_OK);
	assert_int_equal(doors_check_owner(MSG_FETCH, &client, 7, "key:" WORKER, &err),
			 BROT_E_DENIED);
	assert_string_equal(err.text, "FETCH: job 7 is another's, which needs an admin, and "
				      "key:" CLIENT " is a client");
	assert_int_equal(doors_check_owner(MSG_FETCH, &client, 7, "any", &err), BROT_E_DENIED);
	assert_int_equal(doors_check_owner(MSG_FETCH, &client, 7, "", &err), BROT_E_DENIED);
	assert_int_equal(doors_check_owner(MSG_FETCH, &admin, 7, "key:" CLIENT, &err), BROT_OK);
	assert_int_equal(doors_check_owner(MSG_FETCH, &any, 7, "key:" CLIENT, &err), BROT_OK);
	assert_int_equal(doors_check_owner(MSG_FETCH, &stray, 7, "any", &err), BROT_E_DENIED);
	assert_int_equal(doors_check_owner(MSG_FETCH, &worker, 7, "key:" WORKER, &err),
			 BROT_E_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_over_ipc_is_its_user),
		cmocka_unit_test(a_peer_over_tcp_is_its_key),
		cmocka_unit_test(without_keys_anybody_is_let_in),
		cmocka_unit_test(who_cannot_be_told_has_no_role),
		cmocka_unit_test(each_side_has_its_roles),
		cmocka_unit_test(the_table_says),
		cmocka_unit_test(refusals_name_who_and_what),
		cmocka_unit_test(jobs_are_their_owners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
