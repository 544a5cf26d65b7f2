/* test_sock_probe.c - another end that hangs up before it has said whether it wants keys. */
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "proto/sys/clock.h"
#include "proto/sys/sock.h"

#define DEADLINE_MS    10000
#define SILENT_MS      1500 /* for a verdict that must not come */
#define BEHIND_MS      200  /* a peer that has said half of its greeting for so long says no more */
#define HALF_BYTES     11   /* signature and version */
#define GREETING_BYTES 64
#define PEERS_MAX      64

static const struct sock_limits limits = {.frame_bytes = 1024, .send_queue = 4, .receive_queue = 4};

struct peer {
	int fd; /* -1: it is gone */
	size_t heard, said;
	int64_t half_ms;
};

/* Hangs up at whoever names a mechanism before it has named its own, as libzmq does where a peer is
 * a little behind. */
struct server {
	int fd;
	char url[32];
	uint8_t greeting[GREETING_BYTES];
	struct peer peers[PEERS_MAX];
	size_t count;
};

static void server_open(struct server *server, const char *mechanism)
{
	static const uint8_t half[HALF_BYTES] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof address;
	*server = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
	memcpy(server->greeting, half, sizeof half);
	memcpy(server->greeting + HALF_BYTES + 1, mechanism, strlen(mechanism));
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(server->fd, PEERS_MAX), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &bytes), 0);
	(void)snprintf(server->url, sizeof server->url, "tcp://127.0.0.1:%u",
		       ntohs(address.sin_port));
}

static void server_close(struct server *server)
{
	for (size_t i = 0; i < server->count; i++)
		if (server->peers[i].fd >= 0)
			assert_int_equal(close(server->peers[i].fd), 0);
	assert_int_equal(close(server->fd), 0);
}

/* A peer that is gone by now is read later. */
static void say(const struct server *server, struct peer *peer, size_t upto)
{
	if (peer->said < upto)
		(void)send(peer->fd, server->greeting + peer->said, upto - peer->said,
			   MSG_NOSIGNAL);
	peer->said = upto > peer->said ? upto : peer->said;
}

static void peer_serve(const struct server *server, struct peer *peer)
{
	uint8_t piece[GREETING_BYTES];
	say(server, peer, HALF_BYTES);
	ssize_t got = recv(peer->fd, piece, sizeof piece, 0);
	if (got > 0)
		peer->heard += (size_t)got;
	if (got > 0 && peer->heard == HALF_BYTES)
		peer->half_ms = clock_ms();
	if (got == 0 || peer->heard > HALF_BYTES) {
		assert_int_equal(close(peer->fd), 0);
		peer->fd = -1;
	} else if (peer->heard == HALF_BYTES && clock_ms() - peer->half_ms >= BEHIND_MS) {
		say(server, peer, GREETING_BYTES);
	}
}

static void server_turn(struct server *server)
{
	int fd = server->count < PEERS_MAX ? accept(server->fd, NULL, NULL) : -1;
	if (fd >= 0) {
		assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
		server->peers[server->count++] = (struct peer){.fd = fd};
	}
	for (size_t i = 0; i < server->count; i++)
		if (server->peers[i].fd >= 0)
			peer_serve(server, &server->peers[i]);
}

/* What becomes of a DEALER there; its last sentence, if it is denied. */
static enum sock_standing try_door(const char *mechanism, bool has_keys, int64_t wait_ms,
				   struct brot_error *err)
{
	struct server server;
	struct sock_keys keys;
	struct sock *dealer;
	struct sock_context *context = sock_context_new();
	char ignored[Z85_KEY_CHARS + 1];
	assert_int_equal(zmq_curve_keypair(keys.public_key, keys.secret_key), 0);
	assert_int_equal(zmq_curve_keypair(keys.server_key, ignored), 0);
	server_open(&server, mechanism);
	assert_int_equal(sock_dealer_new(context, server.url, has_keys ? &keys : NULL, &limits,
					 &dealer, NULL),
			 BROT_OK);
	enum sock_standing standing = SOCK_STANDING_NONE;
	const int64_t until_ms = clock_ms() + wait_ms;
	while (standing == SOCK_STANDING_NONE && clock_ms() < until_ms) {
		struct sock_poll item = {.sock = dealer, .fd = -1};
		(void)sock_poll(&item, 1, 5);
		server_turn(&server);
		standing = sock_standing(dealer);
	}
	if (standing == SOCK_STANDING_DENIED) {
		struct sock_received received;
		assert_int_equal(sock_receive(dealer, &received), SOCK_DENIED);
		assert_int_equal(sock_denial(dealer, err), BROT_E_DENIED);
	}
	assert_true(server.count > 1);
	sock_free(dealer, 0);
	server_close(&server);
	sock_context_free(context);
	return standing;
}

static void who_has_no_key_learns_that_one_is_wanted(void **state)
{
	(void)state;
	struct brot_error err = {0};
	assert_int_equal(try_door("CURVE", false, DEADLINE_MS, &err), SOCK_STANDING_DENIED);
	assert_non_null(strstr(err.text, "wants a key"));
}

static void who_has_a_key_learns_that_none_is_wanted(void **state)
{
	(void)state;
	struct brot_error err = {0};
	assert_int_equal(try_door("NULL", true, DEADLINE_MS, &err), SOCK_STANDING_DENIED);
	assert_non_null(strstr(err.text, "nobody there proves to have the key"));
}

/* It may be a broker that is about to end, and another one will come. */
static void who_agrees_and_hangs_up_all_the_same_denies_nothing(void **state)
{
	(void)state;
	assert_int_equal(try_door("NULL", false, SILENT_MS, NULL), SOCK_STANDING_NONE);
	assert_int_equal(try_door("CURVE", true, SILENT_MS, NULL), SOCK_STANDING_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_no_key_learns_that_one_is_wanted),
		cmocka_unit_test(who_has_a_key_learns_that_none_is_wanted),
		cmocka_unit_test(who_agrees_and_hangs_up_all_the_same_denies_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
