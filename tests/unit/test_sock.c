/* test_sock.c - ROUTER and DEALER over ipc and tcp, and what unfriendly peers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "proto/sys/clock.h"
#include "proto/sys/sock.h"
#include "tests/unit/sock_fixture.h"

/* Waits for a message. */
static struct sock_received receive(struct sock *sock)
{
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	struct sock_received received;
	while (sock_receive(sock, &received) != SOCK_OK) {
		struct sock_poll item = {.sock = sock, .fd = -1};
		if (clock_ms() > end_ms)
			fail_msg("no message came");
		(void)sock_poll(&item, 1, end_ms - clock_ms());
	}
	return received;
}

static struct message decode(const struct sock_received *received, enum message_from from)
{
	struct message m;
	struct brot_error err = {0};
	if (message_decode(received->frames, received->count, from, &m, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return m;
}

/* A dealer's first message, for the route that it gives. */
static struct sock_route meet(struct fixture *f, struct sock *dealer)
{
	struct message bye = {.type = MSG_BYE, .session = 1};
	assert_int_equal(sock_send(dealer, NULL, &bye), SOCK_OK);
	struct sock_received received = receive(f->router);
	struct sock_route route = received.route;
	sock_received_done(&received);
	return route;
}

static void round_trip(struct fixture *f, const char *url)
{
	struct sock *dealer = dealer_new(f, url, NULL);
	uint64_t before = sock_bytes_received(f->router);
	uint8_t pixels[3000];
	memset(pixels, 7, sizeof pixels);
	struct message done = {.type = MSG_DONE, .session = 5, .job = 6, .digest = 7};
	done.data = (struct bytes){pixels, sizeof pixels};
	assert_int_equal(sock_send(dealer, NULL, &done), SOCK_OK);
	struct sock_received received = receive(f->router);
	assert_int_equal(received.count, 2);
	struct message m = decode(&received, FROM_WORKER);
	assert_int_equal(m.digest, 7);
	assert_int_equal(m.data.size, sizeof pixels);
	assert_memory_equal(m.data.data, pixels, sizeof pixels);
	assert_int_equal(sock_bytes_received(f->router) - before, sock_bytes_sent(dealer));
	assert_int_equal(received.bytes, sock_bytes_sent(dealer));

	struct message job = {.type = MSG_JOB, .session = 5, .job = 6, .body = {"{}", 2}};
	assert_int_equal(sock_send(f->router, &received.route, &job), SOCK_OK);
	sock_received_done(&received);
	sock_received_done(&received);
	received = receive(dealer);
	m = decode(&received, FROM_BROKER);
	assert_int_equal(m.job, 6);
	assert_memory_equal(m.body.data, "{}", 2);
	sock_received_done(&received);
	assert_int_equal(sock_receive(dealer, &received), SOCK_AGAIN);
	dealer_free(f, dealer);
}

static void messages_travel_over_ipc(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	struct stat st;
	assert_int_equal(stat(f->ipc_path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	round_trip(f, f->ipc_url);
}

static void messages_travel_over_tcp(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(sock_bind(f->router, "tcp://127.0.0.1:*", NULL), BROT_OK);
	const char *port = strrchr(sock_endpoint(f->router), ':');
	assert_true(atoi(port + 1) > 0);
	round_trip(f, sock_endpoint(f->router));
	char url[64];
	(void)snprintf(url, sizeof url, "tcp://localhost%s", port);
	struct sock *dealer = dealer_new(f, url, NULL);
	(void)meet(f, dealer);
	dealer_free(f, dealer);
}

static void what_is_sent_before_the_bind_arrives(void **state)
{
	struct fixture *f = *state;
	struct sock *dealer = dealer_new(f, f->ipc_url, NULL);
	struct message hello = {.type = MSG_HELLO, .body = {"{}", 2}};
	assert_int_equal(sock_send(dealer, NULL, &hello), SOCK_OK);
	bind_ipc(f);
	struct sock_received received = receive(f->router);
	assert_int_equal(decode(&received, FROM_WORKER).type, MSG_HELLO);
	sock_received_done(&received);
	dealer_free(f, dealer);
}

static void a_used_path_is_not_stolen(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	struct sock *other;
	struct brot_error err = {0};
	assert_int_equal(sock_router_new(f->context, &limits, &other, NULL), BROT_OK);
	assert_int_equal(sock_bind(other, f->ipc_url, &err), BROT_E_BUSY);
	assert_non_null(strstr(err.text, f->ipc_url));
	assert_int_equal(sock_bind(f->router, "tcp://127.0.0.1:*", NULL), BROT_OK);
	assert_int_equal(sock_bind(other, sock_endpoint(f->router), &err), BROT_E_BUSY);
	sock_free(other, 0);
	round_trip(f, f->ipc_url);
}

static void a_file_at_the_path_is_not_removed(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->ipc_path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(sock_bind(f->router, f->ipc_url, NULL), BROT_E_USAGE);
	assert_int_equal(unlink(f->ipc_path), 0);
}

/* What a broker that was killed leaves behind. */
static void a_folder_that_is_missing_is_named(void **state)
{
	struct fixture *f = *state;
	struct brot_error err = {0};
	char url[80], sentence[256];
	(void)snprintf(url, sizeof url, "ipc://%s/none/s", f->folder);
	(void)snprintf(sentence, sizeof sentence,
		       "%s: cannot listen there: the folder %s/none is missing", url, f->folder);
	assert_int_equal(sock_bind(f->router, url, &err), BROT_E_SYSTEM);
	assert_string_equal(err.text, sentence);
}

static void a_dead_socket_file_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", f->ipc_path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	(void)close(fd);
	bind_ipc(f);
	round_trip(f, f->ipc_url);
}

static void a_full_peer_is_again_and_never_blocks(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	struct sock *dealer = dealer_new(f, f->ipc_url, NULL);
	struct sock_route route = meet(f, dealer);
	static uint8_t text[32768];
	struct message job = {.type = MSG_JOB, .session = 1, .job = 1, .body = {text, sizeof text}};
	unsigned sent = 0;
	enum sock_result result;
	while ((result = sock_send(f->router, &route, &job)) == SOCK_OK)
		assert_true(++sent < 10000);
	assert_int_equal(result, SOCK_AGAIN);
	/* Everything that was taken arrives, whole. Then there is room again. */
	for (unsigned i = 0; i < sent; i++) {
		struct sock_received received = receive(dealer);
		assert_int_equal(decode(&received, FROM_BROKER).body.size, sizeof text);
		sock_received_done(&received);
	}
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	while (sock_send(f->router, &route, &job) == SOCK_AGAIN)
		assert_true(clock_ms() < end_ms);
	dealer_free(f, dealer);
}

static void a_dealer_without_a_peer_holds_its_queue(void **state)
{
	struct fixture *f = *state;
	struct sock *dealer = dealer_new(f, f->ipc_url, NULL);
	struct message bye = {.type = MSG_BYE, .session = 1};
	for (unsigned i = 0; i < QUEUE; i++)
		assert_int_equal(sock_send(dealer, NULL, &bye), SOCK_OK);
	assert_int_equal(sock_send(dealer, NULL, &bye), SOCK_AGAIN);
	dealer_free(f, dealer);
}

/* A ROUTER learns of a lost connection when it has read what came over it. */
static void wait_until_gone(struct sock *router, const struct sock_route *route)
{
	struct message drain = {.type = MSG_DRAIN, .session = 1};
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	while (sock_send(router, route, &drain) != SOCK_GONE) {
		struct sock_received received;
		assert_int_equal(sock_receive(router, &received), SOCK_AGAIN);
		assert_true(clock_ms() < end_ms);
	}
}

static void a_lost_peer_is_gone(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	struct sock *dealer = dealer_new(f, f->ipc_url, NULL);
	struct sock_route route = meet(f, dealer);
	dealer_free(f, dealer);
	wait_until_gone(f->router, &route);
	struct message drain = {.type = MSG_DRAIN, .session = 1};
	struct sock_route stranger = {.id = {9, 9, 9, 9, 9}, .size = 5};
	assert_int_equal(sock_send(f->router, &stranger, &drain), SOCK_GONE);
}

/* A peer without our manners: a bare libzmq socket. */
struct rude {
	void *context, *socket;
};

static struct rude rude_new(struct fixture *f, const char *id)
{
	struct rude rude = {.context = zmq_ctx_new()};
	int linger_ms = 0;
	rude.socket = zmq_socket(rude.context, ZMQ_DEALER);
	assert_int_equal(zmq_setsockopt(rude.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms), 0);
	if (id != NULL)
		assert_int_equal(zmq_setsockopt(rude.socket, ZMQ_ROUTING_ID, id, strlen(id)), 0);
	assert_int_equal(zmq_connect(rude.socket, f->ipc_url), 0);
	return rude;
}

static void rude_send(struct rude *rude, unsigned frames, size_t bytes)
{
	static uint8_t data[4 * FRAME_BYTES];
	for (unsigned i = 0; i < frames; i++)
		assert_true(zmq_send(rude->socket, data, bytes, i + 1 < frames ? ZMQ_SNDMORE : 0) >=
			    0);
}

static void rude_free(struct rude *rude)
{
	(void)zmq_close(rude->socket);
	(void)zmq_ctx_term(rude->context);
}

static void the_frames_past_the_limit_are_dropped(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	struct rude rude = rude_new(f, NULL);
	rude_send(&rude, 10, 100);
	rude_send(&rude, 1, 0);
	struct sock_received received = receive(f->router);
	assert_int_equal(received.count, LIMIT_FRAMES + 1);
	assert_int_equal(received.bytes, (LIMIT_FRAMES + 1) * 100);
	struct message m;
	assert_int_equal(message_decode(received.frames, received.count, FROM_WORKER, &m, NULL),
			 BROT_E_PROTOCOL);
	sock_received_done(&received);
	received = receive(f->router);
	assert_int_equal(received.count, 1);
	assert_int_equal(received.bytes, 0);
	sock_received_done(&received);
	rude_free(&rude);
}

static void a_frame_over_the_limit_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	struct rude rude = rude_new(f, NULL);
	rude_send(&rude, 1, 10);
	struct sock_received received = receive(f->router);
	struct sock_route route = received.route;
	sock_received_done(&received);
	rude_send(&rude, 1, FRAME_BYTES + 1);
	wait_until_gone(f->router, &route);
	rude_free(&rude);
	/* Others are not touched by it. */
	round_trip(f, f->ipc_url);
}

static void a_peer_with_a_long_id_is_not_heard(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	struct rude rude = rude_new(f, "an id that is longer than a route");
	for (unsigned i = 0; i < 3; i++)
		rude_send(&rude, 3, 100);
	struct sock *dealer = dealer_new(f, f->ipc_url, NULL);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(meet(f, dealer).size, 5);
	dealer_free(f, dealer);
	rude_free(&rude);
}

static void poll_sees_sockets_and_descriptors(void **state)
{
	struct fixture *f = *state;
	bind_ipc(f);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct sock_poll items[] = {{.sock = f->router, .fd = -1},
				    {.sock = NULL, .fd = -1},
				    {.sock = NULL, .fd = ends[0]}};
	assert_int_equal(sock_poll(items, 3, 0), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(sock_poll(items, 3, DEADLINE_MS), 1);
	assert_false(items[0].is_ready);
	assert_false(items[1].is_ready);
	assert_true(items[2].is_ready);

	/* Two messages, one taken: the second is still seen. */
	struct sock *dealer = dealer_new(f, f->ipc_url, NULL);
	struct message bye = {.type = MSG_BYE, .session = 1};
	assert_int_equal(sock_send(dealer, NULL, &bye), SOCK_OK);
	assert_int_equal(sock_send(dealer, NULL, &bye), SOCK_OK);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(sock_poll(items, 1, DEADLINE_MS) == 1 && items[0].is_ready);
		struct sock_received received = receive(f->router);
		sock_received_done(&received);
	}
	assert_int_equal(sock_poll(items, 1, 0), 0);
	dealer_free(f, dealer);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void urls(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		bool is_valid, is_local;
	} rows[] = {
		{"ipc:///run/brot/workers", true, true},
		{"ipc://relative/path", true, true},
		{"ipc://", false, false},
		{"ipc://*", false, false},
		{"ipc://@abstract", false, false},
		{"tcp://127.0.0.1:5570", true, true},
		{"tcp://127.9.9.9:5570", true, true},
		{"tcp://[::1]:5570", true, true},
		{"tcp://localhost:5570", true, true},
		{"tcp://localhost.example.org:5570", true, false},
		{"tcp://[2001:db8::1]:5570", true, false},
		{"tcp://render-box:5571", true, false},
		{"tcp://*:5571", true, false},
		{"tcp://10.0.0.1:*", true, false},
		{"tcp://10.0.0.1", false, false},
		{"tcp://:5570", false, false},
		{"tcp://::1:5570", false, false},
		{"tcp://[]:5570", false, false},
		{"tcp://host:0", false, false},
		{"tcp://host:65536", false, false},
		{"tcp://host:-1", false, false},
		{"tcp://a;b:5570", false, false},
		{"tcp://a b:5570", false, false},
		{"pgm://host:1", false, false},
		{"inproc://x", false, false},
		{"", false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool is_local = false;
		struct brot_error err = {0};
		enum brot_err code = sock_url_check(rows[i].url, &is_local, &err);
		if ((code == BROT_OK) != rows[i].is_valid || is_local != rows[i].is_local)
			fail_msg("%s: %s", rows[i].url, err.text);
	}
	char path[6 + LIMIT_IPC_PATH_BYTES + 1] = "ipc://";
	bool is_local;
	memset(path + 6, 'x', LIMIT_IPC_PATH_BYTES - 1);
	assert_int_equal(sock_url_check(path, &is_local, NULL), BROT_OK);
	path[6 + LIMIT_IPC_PATH_BYTES - 1] = 'x';
	assert_int_equal(sock_url_check(path, &is_local, NULL), BROT_E_USAGE);

	struct fixture *f = *state;
	struct sock *dealer;
	assert_int_equal(sock_dealer_new(f->context, "tcp://*:5570", NULL, &limits, &dealer, NULL),
			 BROT_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SOCK_TEST(messages_travel_over_ipc),
		SOCK_TEST(messages_travel_over_tcp),
		SOCK_TEST(what_is_sent_before_the_bind_arrives),
		SOCK_TEST(a_used_path_is_not_stolen),
		SOCK_TEST(a_file_at_the_path_is_not_removed),
		SOCK_TEST(a_folder_that_is_missing_is_named),
		SOCK_TEST(a_dead_socket_file_is_replaced),
		SOCK_TEST(a_full_peer_is_again_and_never_blocks),
		SOCK_TEST(a_dealer_without_a_peer_holds_its_queue),
		SOCK_TEST(a_lost_peer_is_gone),
		SOCK_TEST(the_frames_past_the_limit_are_dropped),
		SOCK_TEST(a_frame_over_the_limit_ends_the_connection),
		SOCK_TEST(a_peer_with_a_long_id_is_not_heard),
		SOCK_TEST(poll_sees_sockets_and_descriptors),
		SOCK_TEST(urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
