/*
 * sock_probe.c - a connection that lets the other end speak first.
 *
 * In ZMTP both ends say which mechanism they want, and the one that reads of another than its own
 * hangs up at once, whether or not it has said its own by then: a DEALER that meets a lock without
 * keys learns it only if it reads first. libzmq's raw socket says no more than it must to be told.
 */
#include <string.h>
#include <zmq.h>

#include "proto/sys/clock.h"
#include "proto/sys/sock_internal.h"

#define PROBE_MS        5000 /* then another one may begin */
#define PIECES_MAX      64   /* taken in one call */
#define NO_RECONNECT    (-1)
#define SIGNATURE_BYTES 10
#define MECHANISM_AT    12 /* behind signature, version and minor version */
#define MECHANISM_BYTES (SOCK_GREETING_BYTES - MECHANISM_AT)

/* The signature and the version of a greeting: the other end sends all of its own at that. */
static const uint8_t half_greeting[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3};

static bool option_set(void *zmq, int option, int value)
{
	return zmq_setsockopt(zmq, option, &value, sizeof value) == 0;
}

void sock_probe_close(struct sock *sock)
{
	if (sock->probe != NULL)
		(void)zmq_close(sock->probe);
	sock->probe = NULL;
}

void sock_probe_open(struct sock *sock)
{
	char url[LIMIT_URL_CHARS + 1];
	size_t bytes = sizeof url;
	int64_t now_ms = clock_ms();
	if (sock->probe != NULL && now_ms - sock->probe_ms < PROBE_MS)
		return;
	sock_probe_close(sock);
	sock->probe_ms = now_ms;
	sock->greeting_bytes = 0;
	sock->is_probe_connected = false;
	sock->probe = zmq_socket(sock->context->zmq, ZMQ_STREAM);
	if (sock->probe == NULL)
		return;
	if (!option_set(sock->probe, ZMQ_LINGER, 0) || !option_set(sock->probe, ZMQ_IPV6, 1) ||
	    !option_set(sock->probe, ZMQ_RECONNECT_IVL, NO_RECONNECT) ||
	    zmq_getsockopt(sock->zmq, ZMQ_LAST_ENDPOINT, url, &bytes) != 0 ||
	    zmq_connect(sock->probe, url) != 0)
		sock_probe_close(sock);
}

/* An empty piece announces the connection, and another one its end. */
static void piece_take(struct sock *sock, const uint8_t *data, size_t bytes)
{
	size_t room = sizeof sock->greeting - sock->greeting_bytes;
	if (bytes == 0 && sock->is_probe_connected) {
		sock_probe_close(sock);
		return;
	}
	if (bytes == 0) {
		sock->is_probe_connected = true;
		(void)zmq_send(sock->probe, half_greeting, sizeof half_greeting, ZMQ_DONTWAIT);
		return;
	}
	bytes = bytes < room ? bytes : room;
	memcpy(sock->greeting + sock->greeting_bytes, data, bytes);
	sock->greeting_bytes += bytes;
}

/* False: there is none. */
static bool piece_read(struct sock *sock)
{
	zmq_msg_t route, data;
	(void)zmq_msg_init(&route);
	(void)zmq_msg_init(&data);
	bool has_piece = zmq_msg_recv(&route, sock->probe, ZMQ_DONTWAIT) >= 0 &&
			 zmq_msg_more(&route) &&
			 zmq_msg_recv(&data, sock->probe, ZMQ_DONTWAIT) >= 0;
	/* What is sent says to whom, with the id in front. */
	if (has_piece && zmq_msg_size(&data) == 0 && !sock->is_probe_connected)
		(void)zmq_send(sock->probe, zmq_msg_data(&route), zmq_msg_size(&route),
			       ZMQ_DONTWAIT | ZMQ_SNDMORE);
	if (has_piece)
		piece_take(sock, zmq_msg_data(&data), zmq_msg_size(&data));
	(void)zmq_msg_close(&route);
	(void)zmq_msg_close(&data);
	return has_piece;
}

bool sock_probe_finds_mismatch(struct sock *sock)
{
	for (int i = 0; i < PIECES_MAX && sock->probe != NULL && piece_read(sock); i++)
		;
	if (sock->probe == NULL || sock->greeting_bytes < sizeof sock->greeting)
		return false;
	const uint8_t *greeting = sock->greeting;
	uint8_t ours[MECHANISM_BYTES] = {0};
	const char *name = sock->has_keys ? "CURVE" : "NULL";
	memcpy(ours, name, strlen(name));
	bool is_zmtp = greeting[0] == half_greeting[0] &&
		       greeting[SIGNATURE_BYTES - 1] == half_greeting[SIGNATURE_BYTES - 1] &&
		       greeting[SIGNATURE_BYTES] >= half_greeting[SIGNATURE_BYTES];
	sock_probe_close(sock);
	return is_zmtp && memcmp(greeting + MECHANISM_AT, ours, sizeof ours) != 0;
}
