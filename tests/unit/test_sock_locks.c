/* test_sock_locks.c - a ROUTER with a lock, and who gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "proto/sys/clock.h"
#include "proto/sys/sock.h"
#include "proto/sys/sock_zap.h"
#include "tests/unit/sock_fixture.h"

#define TRIES_MS 1500 /* for a door to open that must not */

struct keeper {
	struct sock *zap;
	const char *known; /* the key that is let in, in raw bytes; NULL: none */
	uint8_t raw[Z85_KEY_BYTES];
	unsigned asked;
};

static void keeper_answer(const struct bytes *frames, size_t count,
			  struct bytes ret_answer[SOCK_ZAP_ANSWER_FRAMES], void *context)
{
	struct keeper *keeper = context;
	keeper->asked++;
	assert_int_equal(count, 7);
	assert_int_equal(frames[2].size, 5);
	assert_memory_equal(frames[2].data, "tests", 5);
	assert_int_equal(frames[6].size, Z85_KEY_BYTES);
	bool is_known = keeper->known != NULL &&
			memcmp(frames[6].data, keeper->known, Z85_KEY_BYTES) == 0;
	ret_answer[0] = (struct bytes){"1.0", 3};
	ret_answer[1] = frames[1];
	ret_answer[2] = (struct bytes){is_known ? "200" : "400", 3};
	ret_answer[3] = (struct bytes){"", 0};
	ret_answer[4] = (struct bytes){"alice", is_known ? 5 : 0};
	ret_answer[5] = (struct bytes){"", 0};
}

/* How the dealer's handshake ends, or that it does not. */
static enum sock_standing standing_of(struct sock *dealer, struct keeper *keeper, int64_t wait_ms)
{
	const int64_t until_ms = clock_ms() + wait_ms;
	enum sock_standing standing = sock_standing(dealer);
	while (standing == SOCK_STANDING_NONE && clock_ms() < until_ms) {
		struct sock_poll items[] = {{.sock = dealer, .fd = -1},
					    {.sock = keeper->zap, .fd = -1}};
		(void)sock_poll(items, 2, 20);
		if (keeper->zap != NULL)
			sock_zap_serve(keeper->zap, 8, keeper_answer, keeper);
		standing = sock_standing(dealer);
	}
	return standing;
}

/* Binds ipc and, locked, tcp; the keys of somebody who knows whose door it is. */
static void lock(struct fixture *f, struct sock_keys *ret_keys)
{
	char secret[Z85_KEY_CHARS + 1];
	assert_int_equal(zmq_curve_keypair(ret_keys->server_key, secret), 0);
	assert_int_equal(zmq_curve_keypair(ret_keys->public_key, ret_keys->secret_key), 0);
	assert_int_equal(sock_router_lock(f->router, secret, "tests", NULL), BROT_OK);
	bind_ipc(f);
	assert_int_equal(sock_bind(f->router, "tcp://127.0.0.1:*", NULL), BROT_OK);
}

/* Locks it, with a keeper who lets in one key. */
static void lock_for(struct fixture *f, struct keeper *keeper, struct sock_keys *ret_keys)
{
	lock(f, ret_keys);
	assert_true(z85_read(ret_keys->public_key, keeper->raw, sizeof keeper->raw));
	keeper->known = (const char *)keeper->raw;
	assert_int_equal(sock_zap_new(f->context, &keeper->zap, NULL), BROT_OK);
}

static void a_lock_without_a_doorkeeper_opens_to_nobody(void **state)
{
	struct fixture *f = *state;
	struct keeper keeper = {.zap = NULL};
	struct sock_keys keys;
	lock(f, &keys);
	struct sock *dealer = dealer_new(f, sock_endpoint(f->router), &keys);
	assert_int_equal(standing_of(dealer, &keeper, TRIES_MS), SOCK_STANDING_NONE);

	/* Once there is one who knows the key it opens, until the doorkeeper is gone again. */
	uint8_t raw[Z85_KEY_BYTES];
	assert_true(z85_read(keys.public_key, raw, sizeof raw));
	assert_int_equal(sock_zap_new(f->context, &keeper.zap, NULL), BROT_OK);
	keeper.known = (const char *)raw;
	assert_int_equal(standing_of(dealer, &keeper, DEADLINE_MS), SOCK_STANDING_IN);
	sock_free(keeper.zap, 0);
	keeper.zap = NULL;
	struct sock *late = dealer_new(f, sock_endpoint(f->router), &keys);
	assert_int_equal(standing_of(late, &keeper, TRIES_MS), SOCK_STANDING_NONE);
}

static void a_locked_door_opens_to_known_keys_alone(void **state)
{
	struct fixture *f = *state;
	struct keeper keeper = {.zap = NULL};
	struct sock_keys keys, stranger;
	struct brot_error err = {0};
	struct sock_received received;
	lock_for(f, &keeper, &keys);

	struct sock *known = dealer_new(f, sock_endpoint(f->router), &keys);
	assert_int_equal(standing_of(known, &keeper, DEADLINE_MS), SOCK_STANDING_IN);
	assert_int_equal(sock_receive(known, &received), SOCK_AGAIN);

	stranger = keys;
	assert_int_equal(zmq_curve_keypair(stranger.public_key, stranger.secret_key), 0);
	struct sock *unknown = dealer_new(f, sock_endpoint(f->router), &stranger);
	assert_int_equal(standing_of(unknown, &keeper, DEADLINE_MS), SOCK_STANDING_DENIED);
	assert_int_equal(sock_receive(unknown, &received), SOCK_DENIED);
	assert_int_equal(sock_receive(unknown, &received), SOCK_AGAIN); /* told once */
	assert_int_equal(sock_denial(unknown, &err), BROT_E_DENIED);
	assert_non_null(strstr(err.text, stranger.public_key));
	assert_int_equal(keeper.asked, 2);

	struct sock *plain = dealer_new(f, sock_endpoint(f->router), NULL);
	assert_int_equal(standing_of(plain, &keeper, DEADLINE_MS), SOCK_STANDING_DENIED);
	assert_int_equal(sock_denial(plain, &err), BROT_E_DENIED);
	assert_non_null(strstr(err.text, "wants a key"));
	assert_int_equal(keeper.asked, 2);
	sock_free(keeper.zap, 0);
}

/* Receives one message, which tells of itself where it came from. */
static void assert_comes_from(struct fixture *f, struct sock *dealer, const char *address,
			      const char *user_id)
{
	const struct message m = {.type = MSG_BEAT, .session = 1};
	struct sock_received received;
	assert_int_equal(sock_send(dealer, NULL, &m), SOCK_OK);
	struct sock_poll item = {.sock = f->router, .fd = -1};
	assert_int_equal(sock_poll(&item, 1, DEADLINE_MS), 1);
	assert_int_equal(sock_receive(f->router, &received), SOCK_OK);
	assert_string_equal(received.address, address);
	assert_string_equal(received.user_id, user_id);
	sock_received_done(&received);
}

static void a_message_tells_who_sent_it(void **state)
{
	struct fixture *f = *state;
	struct keeper keeper = {.zap = NULL};
	struct sock_keys keys;
	char local[64];
	lock_for(f, &keeper, &keys);
	struct sock *known = dealer_new(f, sock_endpoint(f->router), &keys);
	assert_int_equal(standing_of(known, &keeper, DEADLINE_MS), SOCK_STANDING_IN);
	assert_comes_from(f, known, "127.0.0.1", "alice");
	(void)snprintf(local, sizeof local, "localhost:%u:%u:%ld", (unsigned)geteuid(),
		       (unsigned)getegid(), (long)getpid());
	/* Beside a lock ipc is as it was. Keys are not for it. */
	assert_comes_from(f, dealer_new(f, f->ipc_url, &keys), local, "");
	sock_free(keeper.zap, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SOCK_TEST(a_lock_without_a_doorkeeper_opens_to_nobody),
		SOCK_TEST(a_locked_door_opens_to_known_keys_alone),
		SOCK_TEST(a_message_tells_who_sent_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
