/*
 * sock_fixture.h - a ROUTER for a test of sockets, and the DEALERs that connect to it.
 */
#ifndef TESTS_UNIT_SOCK_FIXTURE_H
#define TESTS_UNIT_SOCK_FIXTURE_H

#include "proto/sys/sock.h"

#define DEADLINE_MS 10000
#define QUEUE       8
#define FRAME_BYTES 65536
#define DEALERS_MAX 4

struct fixture {
	char folder[32];
	char ipc_path[64];
	char ipc_url[80];
	struct sock_context *context;
	struct sock *router;
	struct sock *dealers[DEALERS_MAX]; /* NULL: none */
};

/* FRAME_BYTES, and QUEUE both ways: of the ROUTER and each DEALER. */
extern const struct sock_limits limits;

#define SOCK_TEST(name) cmocka_unit_test_setup_teardown(name, sock_setup, sock_teardown)

/* A fixture whose ROUTER is not bound, in a folder that must be empty again at the end. */
int sock_setup(void **state);
int sock_teardown(void **state);

/* Binds it to ipc_url. */
void bind_ipc(struct fixture *f);

/* One of at most DEALERS_MAX, closed by the teardown if not before. keys: NULL for none. */
struct sock *dealer_new(struct fixture *f, const char *url, const struct sock_keys *keys);
void dealer_free(struct fixture *f, struct sock *dealer);

#endif
