/*
 * sock.c - ROUTER and DEALER sockets that never block.
 *
 * Every send and receive is ZMQ_DONTWAIT: a ROUTER that waits for a full peer can wait for ever
 * when that peer goes away. ZMQ_ROUTER_MANDATORY makes a lost peer an error instead of silence.
 */
#include "proto/sys/sock.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/secret.h"
#include "proto/sys/random.h"
#include "proto/sys/sock_internal.h"

#define BACKLOG              4096 /* a thousand workers reconnect at once after a restart */
#define HANDSHAKE_MS         5000 /* a peer that connects and says nothing */
#define HEARTBEAT_MS         5000 /* over tcp only: finds a host that lost its power */
#define HEARTBEAT_TIMEOUT_MS 15000
#define HEARTBEAT_TTL_MS     30000
#define RECONNECT_MS         30   /* an embedded broker is there within a few of these */
#define RECONNECT_SPREAD_MS  70   /* added to it at random */
#define RECONNECT_MAX_MS     1000 /* and to this as much again */
#define RECEIVE_SKIP_MAX     64   /* unanswerable messages skipped in one call */
#define LOCALHOST            "localhost"
#define TCP_SCHEME           "tcp://"

struct sock_context *sock_context_new(void)
{
	struct sock_context *context = malloc(sizeof *context);
	if (context == NULL)
		return NULL;
	context->zmq = zmq_ctx_new();
	if (context->zmq == NULL) {
		free(context);
		return NULL;
	}
	return context;
}

void sock_context_free(struct sock_context *context)
{
	if (context == NULL)
		return;
	while (zmq_ctx_term(context->zmq) != 0 && errno == EINTR)
		;
	free(context);
}

/* ---- URLs ---- */

static bool is_ipc(const char *url)
{
	return sock_ipc_path(url) != NULL;
}

/* The URL as libzmq gets it. With IPv6 on, libzmq takes the name localhost for ::1 alone, where a
 * broker on 127.0.0.1 does not listen. */
static void url_for_zmq(const char *url, char ret_url[LIMIT_URL_CHARS + 1])
{
	static const char named[] = TCP_SCHEME LOCALHOST ":";
	if (strncmp(url, named, sizeof named - 1) == 0)
		(void)snprintf(ret_url, LIMIT_URL_CHARS + 1, TCP_SCHEME "127.0.0.1:%s",
			       url + sizeof named - 1);
	else
		(void)snprintf(ret_url, LIMIT_URL_CHARS + 1, "%s", url);
}

/* ---- making sockets ---- */

bool sock_option_set(const struct sock *sock, int option, int value)
{
	return zmq_setsockopt(sock->zmq, option, &value, sizeof value) == 0;
}

/* Set before each bind and connect: the options of that moment hold for its connections. A local
 * socket needs no heartbeat, the kernel tells of its end. */
static bool heartbeat_set(const struct sock *sock, bool is_on)
{
	return sock_option_set(sock, ZMQ_HEARTBEAT_IVL, is_on ? HEARTBEAT_MS : 0) &&
	       sock_option_set(sock, ZMQ_HEARTBEAT_TIMEOUT, is_on ? HEARTBEAT_TIMEOUT_MS : 0) &&
	       sock_option_set(sock, ZMQ_HEARTBEAT_TTL, is_on ? HEARTBEAT_TTL_MS : 0);
}

/* libzmq doubles the pause up to the most, and adds as much as the first one at random. Pauses of
 * one length would bring all peers of a broker that was away back in the same moment. */
static bool reconnect_set(const struct sock *sock)
{
	int first_ms = RECONNECT_MS + (int)(random_u64() % RECONNECT_SPREAD_MS);
	int most_ms = RECONNECT_MAX_MS + (int)(random_u64() % RECONNECT_MAX_MS);
	return sock_option_set(sock, ZMQ_RECONNECT_IVL, first_ms) &&
	       sock_option_set(sock, ZMQ_RECONNECT_IVL_MAX, most_ms);
}

static enum brot_err sock_new(struct sock_context *context, int type,
			      const struct sock_limits *limits, struct sock **ret_sock,
			      struct brot_error *err)
{
	struct sock *sock = calloc(1, sizeof *sock);
	if (sock == NULL)
		return error_set(err, BROT_E_SYSTEM, "socket: no memory");
	sock->is_router = type == ZMQ_ROUTER;
	sock->zmq = zmq_socket(context->zmq, type);
	if (sock->zmq == NULL) {
		free(sock);
		return error_set(err, BROT_E_SYSTEM, "socket: cannot make one: %s",
				 zmq_strerror(errno));
	}
	bool is_set = zmq_setsockopt(sock->zmq, ZMQ_MAXMSGSIZE, &limits->frame_bytes,
				     sizeof limits->frame_bytes) == 0 &&
		      sock_option_set(sock, ZMQ_SNDHWM, limits->send_queue) &&
		      sock_option_set(sock, ZMQ_RCVHWM, limits->receive_queue) &&
		      sock_option_set(sock, ZMQ_LINGER, 0) && sock_option_set(sock, ZMQ_IPV6, 1) &&
		      sock_option_set(sock, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	if (type == ZMQ_ROUTER)
		is_set = is_set && sock_option_set(sock, ZMQ_ROUTER_MANDATORY, 1) &&
			 sock_option_set(sock, ZMQ_BACKLOG, BACKLOG);
	else
		/* ZMQ_IMMEDIATE stays 0: what is sent before the connection stands waits for it,
		 * and a HELLO does not need another one to arrive. */
		is_set = is_set && reconnect_set(sock);
	if (!is_set) {
		enum brot_err code = error_set(err, BROT_E_SYSTEM, "socket: cannot set it up: %s",
					       zmq_strerror(errno));
		sock_free(sock, 0);
		return code;
	}
	*ret_sock = sock;
	return BROT_OK;
}

enum brot_err sock_router_new(struct sock_context *context, const struct sock_limits *limits,
			      struct sock **ret_sock, struct brot_error *err)
{
	return sock_new(context, ZMQ_ROUTER, limits, ret_sock, err);
}

/* bind(2) says only that something is missing. */
static enum brot_err ipc_folder_check(const char *url, struct brot_error *err)
{
	const char *path = sock_ipc_path(url), *slash = strrchr(path, '/');
	char folder[LIMIT_IPC_PATH_BYTES];
	struct stat st;
	if (slash == NULL || slash == path)
		return BROT_OK;
	(void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	if (stat(folder, &st) == 0 || errno != ENOENT)
		return BROT_OK;
	return error_set(err, BROT_E_SYSTEM,
			 "%.110s: cannot listen there: the folder %s is missing", url, folder);
}

/* libzmq removes whatever stands at the path before it binds, so this looks first. */
static enum brot_err ipc_path_check(const char *url, struct brot_error *err)
{
	const char *path = sock_ipc_path(url);
	struct stat st;
	if (lstat(path, &st) != 0)
		return ipc_folder_check(url, err);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, BROT_E_USAGE, "%s: is a file, but not a socket", url);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, BROT_E_SYSTEM, "%s: %s", url, strerror(errno));
	/* EAGAIN: its backlog is full, so somebody listens. */
	bool is_taken = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ||
			errno == EAGAIN;
	(void)close(fd);
	if (is_taken)
		return error_set(err, BROT_E_BUSY, "%s: another process listens there", url);
	return BROT_OK;
}

enum brot_err sock_bind(struct sock *sock, const char *url, struct brot_error *err)
{
	bool is_local;
	assert(!is_ipc(url) || !sock->is_locked);
	enum brot_err code = sock_url_check(url, &is_local, err);
	if (code == BROT_OK && is_ipc(url) && sock->path_count == LIMIT_ENDPOINTS)
		code = error_set(err, BROT_E_USAGE, "%s: a socket has at most %d ipc paths", url,
				 LIMIT_ENDPOINTS);
	if (code == BROT_OK && is_ipc(url))
		code = ipc_path_check(url, err);
	if (code != BROT_OK)
		return code;
	char zmq_url[LIMIT_URL_CHARS + 1];
	url_for_zmq(url, zmq_url);
	/* With IPv6 on, libzmq reports 127.0.0.1 as [::ffff:127.0.0.1]. */
	char first = is_ipc(url) ? '\0' : url[sizeof TCP_SCHEME - 1];
	bool is_v4 = first >= '0' && first <= '9';
	bool needs_lock = !is_ipc(url) && sock->secret_key[0] != '\0' && !sock->is_locked;
	if (!heartbeat_set(sock, !is_ipc(url)) || !sock_option_set(sock, ZMQ_IPV6, !is_v4) ||
	    (needs_lock && !sock_lock_set(sock)))
		return error_set(err, BROT_E_SYSTEM, "%s: %s", url, zmq_strerror(errno));
	mode_t mask = umask(0177);
	int failed = zmq_bind(sock->zmq, zmq_url);
	int error = errno;
	(void)umask(mask);
	if (failed != 0)
		return error_set(err, error == EADDRINUSE ? BROT_E_BUSY : BROT_E_SYSTEM,
				 "%s: cannot listen there: %s", url, zmq_strerror(error));
	if (is_ipc(url))
		(void)snprintf(sock->paths[sock->path_count++], LIMIT_IPC_PATH_BYTES, "%s",
			       sock_ipc_path(url));
	size_t bytes = sizeof sock->endpoint;
	if (zmq_getsockopt(sock->zmq, ZMQ_LAST_ENDPOINT, sock->endpoint, &bytes) != 0)
		(void)snprintf(sock->endpoint, sizeof sock->endpoint, "%s", url);
	return BROT_OK;
}

static enum brot_err group_find(const char *group, gid_t *ret_gid, struct brot_error *err)
{
	errno = 0;
	const struct group *entry = getgrnam(group);
	if (entry == NULL && errno != 0)
		return error_set(err, BROT_E_SYSTEM, "group %s: %s", group, strerror(errno));
	if (entry == NULL)
		return error_set(err, BROT_E_USAGE,
				 "group: must be one that this system has, got \"%s\"", group);
	*ret_gid = entry->gr_gid;
	return BROT_OK;
}

enum brot_err sock_group_check(const char *group, struct brot_error *err)
{
	gid_t unused;
	return group_find(group, &unused, err);
}

enum brot_err sock_admit_group(struct sock *sock, const char *group, struct brot_error *err)
{
	gid_t gid = 0;
	enum brot_err code = group_find(group, &gid, err);
	if (code != BROT_OK)
		return code;
	for (size_t i = 0; i < sock->path_count; i++) {
		const char *path = sock->paths[i];
		struct stat st;
		bool is_done = lstat(path, &st) == 0;
		/* A service may be forbidden to call chown(2), and is in that group anyway. */
		if (is_done && st.st_gid != gid)
			is_done = chown(path, (uid_t)-1, gid) == 0;
		if (!is_done || chmod(path, 0660) != 0)
			return error_set(err, BROT_E_SYSTEM,
					 "%s: cannot be given to group %s: %s%s", path, group,
					 strerror(errno),
					 errno == EPERM ? ": you must be in it" : "");
	}
	return BROT_OK;
}

const char *sock_endpoint(const struct sock *sock)
{
	return sock->endpoint;
}

enum brot_err sock_dealer_new(struct sock_context *context, const char *url,
			      const struct sock_keys *keys, const struct sock_limits *limits,
			      struct sock **ret_sock, struct brot_error *err)
{
	bool is_local;
	enum brot_err code = sock_url_check(url, &is_local, err);
	if (code != BROT_OK)
		return code;
	if (!is_ipc(url) && strchr(url, '*') != NULL)
		return error_set(err, BROT_E_USAGE, "URL: \"%s\" names no host to connect to", url);
	struct sock *sock;
	code = sock_new(context, ZMQ_DEALER, limits, &sock, err);
	if (code != BROT_OK)
		return code;
	char zmq_url[LIMIT_URL_CHARS + 1];
	url_for_zmq(url, zmq_url);
	sock->has_keys = keys != NULL && !is_ipc(url);
	if (sock->has_keys)
		memcpy(sock->public_key, keys->public_key, sizeof sock->public_key);
	if (!heartbeat_set(sock, !is_ipc(url)) || (sock->has_keys && !sock_keys_set(sock, keys)) ||
	    (!is_ipc(url) && !sock_monitor_open(context, sock)) ||
	    zmq_connect(sock->zmq, zmq_url) != 0) {
		code = error_set(err, BROT_E_SYSTEM, "%s: cannot connect: %s", url,
				 zmq_strerror(errno));
		sock_free(sock, 0);
		return code;
	}
	(void)snprintf(sock->endpoint, sizeof sock->endpoint, "%s", url);
	*ret_sock = sock;
	return BROT_OK;
}

void sock_free(struct sock *sock, int linger_ms)
{
	if (sock == NULL)
		return;
	/* libzmq leaves them behind. While this socket listens nobody else binds there, so these
	 * are its own; afterwards they might be a successor's. */
	for (size_t i = 0; i < sock->path_count; i++)
		(void)unlink(sock->paths[i]);
	/* What was not let in leaves never. */
	bool is_denied = sock->standing == SOCK_STANDING_DENIED;
	(void)sock_option_set(sock, ZMQ_LINGER, is_denied ? 0 : linger_ms);
	sock_monitor_close(sock);
	(void)zmq_close(sock->zmq);
	secret_forget(sock->secret_key, sizeof sock->secret_key);
	free(sock);
}

/* ---- sending ---- */

static int part_send(const struct sock *sock, const void *data, size_t bytes, bool is_last)
{
	int sent;
	do
		sent = zmq_send(sock->zmq, data, bytes, ZMQ_DONTWAIT | (is_last ? 0 : ZMQ_SNDMORE));
	while (sent < 0 && errno == EINTR);
	return sent;
}

static enum sock_result result_of_errno(void)
{
	if (errno == EAGAIN)
		return SOCK_AGAIN;
	return errno == EHOSTUNREACH ? SOCK_GONE : SOCK_ERROR;
}

enum sock_result sock_send(struct sock *sock, const struct sock_route *route,
			   const struct message *m)
{
	assert(sock->is_router == (route != NULL));
	struct message_frames frames;
	message_encode(m, &frames);
	if (route != NULL && part_send(sock, route->id, route->size, false) < 0)
		return result_of_errno();
	/* libzmq decides at the first part whether there is room. A later one fails only where the
	 * connection ended in between; libzmq then takes back what it had and drops the rest, but
	 * it must still be handed the rest to know where the message ends. */
	enum sock_result result = SOCK_OK;
	size_t bytes = 0;
	for (size_t i = 0; i < frames.count; i++) {
		bool is_last = i + 1 == frames.count;
		bool is_sent = part_send(sock, frames.frame[i].data, frames.frame[i].size,
					 is_last) >= 0;
		if (!is_sent && i == 0 && route == NULL)
			return result_of_errno();
		if (!is_sent)
			result = SOCK_GONE;
		bytes += frames.frame[i].size;
	}
	if (result == SOCK_OK) {
		sock->bytes_sent += bytes;
		sock->messages_sent++;
	}
	return result;
}

/* ---- receiving ---- */

/* What sock_received.owned points to. */
struct parts {
	zmq_msg_t msg[LIMIT_FRAMES + 1];
};

static int part_receive(const struct sock *sock, zmq_msg_t *msg)
{
	int got;
	do
		got = zmq_msg_recv(msg, sock->zmq, ZMQ_DONTWAIT);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Takes the rest of a message from the socket. */
static void rest_drop(const struct sock *sock)
{
	bool has_more = true;
	while (has_more) {
		zmq_msg_t msg;
		(void)zmq_msg_init(&msg);
		has_more = part_receive(sock, &msg) >= 0 && zmq_msg_more(&msg);
		(void)zmq_msg_close(&msg);
	}
}

/* Reads the routing id in front of a ROUTER's message. *ret_has_frames: a message follows. */
static enum sock_result route_receive(const struct sock *sock, struct sock_route *ret_route,
				      bool *ret_is_usable)
{
	zmq_msg_t msg;
	(void)zmq_msg_init(&msg);
	if (part_receive(sock, &msg) < 0) {
		enum sock_result result = result_of_errno();
		(void)zmq_msg_close(&msg);
		return result;
	}
	size_t size = zmq_msg_size(&msg);
	bool has_more = zmq_msg_more(&msg);
	/* A longer id is one that the peer set itself, which BROT/1 forbids. */
	*ret_is_usable = has_more && size <= SOCK_ROUTE_BYTES;
	if (*ret_is_usable) {
		memcpy(ret_route->id, zmq_msg_data(&msg), size);
		ret_route->size = (uint8_t)size;
	} else if (has_more) {
		rest_drop(sock);
	}
	(void)zmq_msg_close(&msg);
	return SOCK_OK;
}

/* What libzmq knows of a peer besides its route: it hangs on each frame that came from it. */
static void metadata_read(zmq_msg_t *msg, struct sock_received *received)
{
	const char *address = zmq_msg_gets(msg, "Peer-Address");
	const char *user_id = zmq_msg_gets(msg, "User-Id");
	received->fd = zmq_msg_get(msg, ZMQ_SRCFD);
	if (address != NULL && strlen(address) < sizeof received->address)
		memcpy(received->address, address, strlen(address) + 1);
	if (user_id != NULL && strlen(user_id) < sizeof received->user_id)
		memcpy(received->user_id, user_id, strlen(user_id) + 1);
}

static enum sock_result frames_receive(const struct sock *sock, struct sock_received *received)
{
	struct parts *parts = received->owned;
	bool has_more = true;
	while (has_more && received->count <= LIMIT_FRAMES) {
		zmq_msg_t *msg = &parts->msg[received->count];
		(void)zmq_msg_init(msg);
		if (part_receive(sock, msg) < 0) {
			enum sock_result result = result_of_errno();
			(void)zmq_msg_close(msg);
			return result;
		}
		received->frames[received->count] = (struct bytes){zmq_msg_data(msg),
								   zmq_msg_size(msg)};
		received->bytes += zmq_msg_size(msg);
		received->count++;
		has_more = zmq_msg_more(msg);
	}
	if (has_more)
		rest_drop(sock);
	if (sock->is_router)
		metadata_read(&parts->msg[0], received);
	return SOCK_OK;
}

enum sock_result sock_receive(struct sock *sock, struct sock_received *ret_received)
{
	struct sock_received received = {0};
	bool is_usable = !sock->is_router;
	for (int skipped = 0; sock->is_router && !is_usable; skipped++) {
		enum sock_result result = route_receive(sock, &received.route, &is_usable);
		if (result != SOCK_OK)
			return result;
		if (!is_usable && skipped >= RECEIVE_SKIP_MAX)
			return SOCK_AGAIN;
	}
	received.owned = malloc(sizeof(struct parts));
	if (received.owned == NULL) {
		if (sock->is_router)
			rest_drop(sock);
		errno = ENOMEM;
		return SOCK_ERROR;
	}
	enum sock_result result = frames_receive(sock, &received);
	if (result != SOCK_OK) {
		sock_received_done(&received);
		return result == SOCK_AGAIN && !sock->is_router ? sock_denial_check(sock) : result;
	}
	sock->bytes_received += received.bytes;
	sock->messages_received++;
	*ret_received = received;
	return SOCK_OK;
}

void sock_received_done(struct sock_received *received)
{
	struct parts *parts = received->owned;
	if (parts == NULL)
		return;
	for (size_t i = 0; i < received->count; i++)
		(void)zmq_msg_close(&parts->msg[i]);
	free(parts);
	*received = (struct sock_received){0};
}

uint64_t sock_bytes_sent(const struct sock *sock)
{
	return sock->bytes_sent;
}

uint64_t sock_bytes_received(const struct sock *sock)
{
	return sock->bytes_received;
}

uint64_t sock_messages_sent(const struct sock *sock)
{
	return sock->messages_sent;
}

uint64_t sock_messages_received(const struct sock *sock)
{
	return sock->messages_received;
}

static zmq_pollitem_t poll_item(void *socket, int fd)
{
	return (zmq_pollitem_t){.socket = socket, .fd = fd, .events = ZMQ_POLLIN};
}

int sock_poll(struct sock_poll *items, size_t count, int64_t timeout_ms)
{
	zmq_pollitem_t polled[3 * SOCK_POLL_MAX];
	size_t index[3 * SOCK_POLL_MAX];
	int used = 0, ready_items = 0;
	assert(count <= SOCK_POLL_MAX);
	for (size_t i = 0; i < count; i++) {
		struct sock *sock = items[i].sock;
		items[i].is_ready = false;
		if (sock == NULL && items[i].fd < 0)
			continue;
		index[used] = i;
		polled[used++] = poll_item(sock != NULL ? sock->zmq : NULL, items[i].fd);
		if (sock != NULL && sock->monitor != NULL) {
			index[used] = i;
			polled[used++] = poll_item(sock->monitor, -1);
		}
		if (sock != NULL && sock->probe != NULL) {
			index[used] = i;
			polled[used++] = poll_item(sock->probe, -1);
		}
	}
	/* zmq_poll asks each socket for its events, before it sleeps and after, so that the edges
	 * of the descriptor beneath do not matter. */
	int ready = zmq_poll(polled, used, (long)timeout_ms);
	for (int i = 0; ready > 0 && i < used; i++) {
		struct sock_poll *item = &items[index[i]];
		ready_items += polled[i].revents != 0 && !item->is_ready;
		item->is_ready |= polled[i].revents != 0;
	}
	return ready < 0 ? ready : ready_items;
}
