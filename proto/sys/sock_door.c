/* sock_door.c - locks and keys of sockets, and what becomes of handshakes. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "proto/secret.h"
#include "proto/sys/sock_internal.h"

/* Not in the header of a release, but in its library. */
#define ZAP_ENFORCE_DOMAIN 93

enum brot_err sock_router_lock(struct sock *sock, const char *secret_key, const char *domain,
			       struct brot_error *err)
{
	assert(sock->is_router && strlen(domain) < sizeof sock->domain);
	uint8_t key[Z85_KEY_BYTES];
	bool is_key = z85_read(secret_key, key, sizeof key);
	secret_forget(key, sizeof key);
	if (!is_key)
		return error_set(err, BROT_E_USAGE, "socket: its secret key must be Z85");
	memcpy(sock->secret_key, secret_key, sizeof sock->secret_key);
	memcpy(sock->domain, domain, strlen(domain) + 1);
	return BROT_OK;
}

bool sock_lock_set(struct sock *sock)
{
	sock->is_locked = zmq_setsockopt(sock->zmq, ZMQ_ZAP_DOMAIN, sock->domain,
					 strlen(sock->domain)) == 0 &&
			  sock_option_set(sock, ZAP_ENFORCE_DOMAIN, 1) &&
			  sock_option_set(sock, ZMQ_CURVE_SERVER, 1) &&
			  zmq_setsockopt(sock->zmq, ZMQ_CURVE_SECRETKEY, sock->secret_key,
					 Z85_KEY_CHARS + 1) == 0;
	if (sock->is_locked)
		secret_forget(sock->secret_key, sizeof sock->secret_key);
	return sock->is_locked;
}

bool sock_keys_set(const struct sock *sock, const struct sock_keys *keys)
{
	return zmq_setsockopt(sock->zmq, ZMQ_CURVE_PUBLICKEY, keys->public_key,
			      Z85_KEY_CHARS + 1) == 0 &&
	       zmq_setsockopt(sock->zmq, ZMQ_CURVE_SECRETKEY, keys->secret_key,
			      Z85_KEY_CHARS + 1) == 0 &&
	       zmq_setsockopt(sock->zmq, ZMQ_CURVE_SERVERKEY, keys->server_key,
			      Z85_KEY_CHARS + 1) == 0;
}

bool sock_monitor_open(struct sock_context *context, struct sock *sock)
{
	char name[64];
	(void)snprintf(name, sizeof name, "inproc://monitor-%p", sock->zmq);
	int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
		     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
	sock->context = context;
	if (zmq_socket_monitor(sock->zmq, name, events) != 0)
		return false;
	sock->monitor = zmq_socket(context->zmq, ZMQ_PAIR);
	int linger_ms = 0;
	return sock->monitor != NULL &&
	       zmq_setsockopt(sock->monitor, ZMQ_LINGER, &linger_ms, sizeof linger_ms) == 0 &&
	       zmq_connect(sock->monitor, name) == 0;
}

void sock_monitor_close(struct sock *sock)
{
	sock_probe_close(sock);
	if (sock->monitor == NULL)
		return;
	(void)zmq_socket_monitor(sock->zmq, NULL, 0);
	(void)zmq_close(sock->monitor);
	sock->monitor = NULL;
}

/* libzmq itself does so where it is the one to see that the other end will not have it. */
static void dealer_leave(const struct sock *sock)
{
	char url[LIMIT_URL_CHARS + 1];
	size_t bytes = sizeof url;
	if (zmq_getsockopt(sock->zmq, ZMQ_LAST_ENDPOINT, url, &bytes) == 0)
		(void)zmq_disconnect(sock->zmq, url);
}

static void event_take(struct sock *sock, uint16_t event, uint32_t value)
{
	/* What may still come is of the connection that was given up. */
	if (sock->standing == SOCK_STANDING_DENIED)
		return;
	sock->is_mismatch = event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL &&
			    value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
	if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
		sock->standing = SOCK_STANDING_IN;
	else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH || sock->is_mismatch)
		sock->standing = SOCK_STANDING_DENIED;
	else
		sock->standing = SOCK_STANDING_NONE;
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
		sock_probe_open(sock);
}

/* Takes what the monitor has to say: one that is not read blocks libzmq's thread in the end. */
static void monitor_read(struct sock *sock)
{
	zmq_msg_t msg;
	while (sock->monitor != NULL && zmq_msg_init(&msg) == 0) {
		uint16_t event;
		uint32_t value;
		bool has_event = zmq_msg_recv(&msg, sock->monitor, ZMQ_DONTWAIT) >= 0;
		bool is_event = has_event && zmq_msg_size(&msg) == sizeof event + sizeof value &&
				zmq_msg_more(&msg);
		if (is_event) {
			const char *data = zmq_msg_data(&msg);
			memcpy(&event, data, sizeof event);
			memcpy(&value, data + sizeof event, sizeof value);
		}
		(void)zmq_msg_close(&msg);
		if (!has_event)
			return;
		if (!is_event)
			continue;
		event_take(sock, event, value);
	}
}

enum sock_standing sock_standing(struct sock *sock)
{
	monitor_read(sock);
	if (sock->probe != NULL && sock_probe_finds_mismatch(sock) &&
	    sock->standing == SOCK_STANDING_NONE) {
		sock->is_mismatch = true;
		sock->standing = SOCK_STANDING_DENIED;
		dealer_leave(sock);
	}
	return sock->standing;
}

enum brot_err sock_denial(const struct sock *sock, struct brot_error *err)
{
	if (!sock->is_mismatch)
		return error_set(err, BROT_E_DENIED, "%.120s: the broker does not take the key %s",
				 sock->endpoint, sock->public_key);
	if (sock->has_keys)
		return error_set(err, BROT_E_DENIED,
				 "%.120s: nobody there proves to have the key of --server-key",
				 sock->endpoint);
	return error_set(err, BROT_E_DENIED,
			 "%.120s: the broker there wants a key: --key and --server-key must be "
			 "given",
			 sock->endpoint);
}

enum sock_result sock_denial_check(struct sock *sock)
{
	if (sock_standing(sock) != SOCK_STANDING_DENIED || sock->is_denial_told)
		return SOCK_AGAIN;
	sock->is_denial_told = true;
	return SOCK_DENIED;
}
