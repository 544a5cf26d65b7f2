/*
 * bench_dispatch.c - many peers in one process, against a bare ROUTER that echoes or against a
 * broker, whose tiles they return without rendering them. Both ways a peer sends `credit` messages
 * and then one for each that comes, so that the two rates can be compared.
 *
 * usage: bench_dispatch echo URL PEERS CREDIT MESSAGES   prints messages/s and the echo's us each
 *        bench_dispatch workers URL PEERS CREDIT         until its standard input ends
 */
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/message.h"

#define PEERS_MAX     4096
#define MESSAGES_MAX  100000000
#define MESSAGES_TURN 64   /* of one peer before the others have their turn */
#define BEAT_MS       2000 /* as PROTOCOL.md has it */
#define FRAME_BYTES   256
#define NONCE_OFFSET  32 /* in an image's header */
#define WAIT_MS       100

struct peer {
	void *socket;
	uint64_t session;
};

struct peers {
	void *context;
	struct peer *list;
	zmq_pollitem_t *items;
	long count;
	uint32_t credit;
	long left; /* echo: messages still to send, over all peers */
	long got;
};

static int64_t now_us(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_dispatch: %s: %s\n", what, zmq_strerror(zmq_errno()));
	exit(EXIT_FAILURE);
}

static void say(const struct peer *peer, const struct message *m)
{
	struct message_frames frames;
	message_encode(m, &frames);
	for (size_t i = 0; i < frames.count; i++)
		if (zmq_send(peer->socket, frames.frame[i].data, frames.frame[i].size,
			     i + 1 < frames.count ? ZMQ_SNDMORE : 0) < 0)
			fail("send");
}

static void say_text(const struct peer *peer, struct message *m, const char *text)
{
	m->body = (struct bytes){text, strlen(text)};
	say(peer, m);
}

static void peers_connect(struct peers *peers, const char *url)
{
	peers->context = zmq_ctx_new();
	(void)zmq_ctx_set(peers->context, ZMQ_MAX_SOCKETS, (int)peers->count + 16);
	peers->list = calloc((size_t)peers->count, sizeof *peers->list);
	peers->items = calloc((size_t)peers->count + 1, sizeof *peers->items);
	if (peers->list == NULL || peers->items == NULL)
		exit(EXIT_FAILURE);
	for (long i = 0; i < peers->count; i++) {
		struct peer *peer = &peers->list[i];
		const int none = 0;
		peer->socket = zmq_socket(peers->context, ZMQ_DEALER);
		if (peer->socket == NULL ||
		    zmq_setsockopt(peer->socket, ZMQ_LINGER, &none, sizeof none) != 0 ||
		    zmq_connect(peer->socket, url) != 0)
			fail("connect");
		peers->items[i] = (zmq_pollitem_t){.socket = peer->socket, .events = ZMQ_POLLIN};
	}
}

static void peers_close(struct peers *peers)
{
	for (long i = 0; i < peers->count; i++)
		(void)zmq_close(peers->list[i].socket);
	(void)zmq_ctx_term(peers->context);
	free(peers->items);
	free(peers->list);
}

/* ---- echo ---- */

static bool relay(void *router)
{
	char route[64], frame[FRAME_BYTES];
	int route_bytes = zmq_recv(router, route, sizeof route, ZMQ_DONTWAIT);
	if (route_bytes < 0)
		return false;
	int frame_bytes = zmq_recv(router, frame, sizeof frame, ZMQ_DONTWAIT);
	if (frame_bytes < 0 ||
	    zmq_send(router, route, (size_t)route_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
	    zmq_send(router, frame, (size_t)frame_bytes, ZMQ_DONTWAIT) < 0)
		fail("echo");
	return true;
}

/* The least that a broker could do. Ends once it has echoed so many. */
static int echo(const char *url, long messages)
{
	void *context = zmq_ctx_new();
	void *router = zmq_socket(context, ZMQ_ROUTER);
	const int on = 1;
	if (router == NULL || zmq_setsockopt(router, ZMQ_ROUTER_MANDATORY, &on, sizeof on) != 0 ||
	    zmq_bind(router, url) != 0)
		fail("bind");
	zmq_pollitem_t item = {.socket = router, .events = ZMQ_POLLIN};
	while (messages > 0) {
		(void)zmq_poll(&item, 1, -1);
		for (int i = 0; i < MESSAGES_TURN && messages > 0 && relay(router); i++)
			messages--;
	}
	(void)zmq_close(router);
	(void)zmq_ctx_term(context);
	return EXIT_SUCCESS;
}

/* As long as a DONE. */
static void ping(struct peers *peers, const struct peer *peer)
{
	if (peers->left == 0)
		return;
	peers->left--;
	say(peer, &(struct message){.type = MSG_DONE, .session = 1, .job = 1});
}

static void ping_on(struct peers *peers, struct peer *peer)
{
	char frame[FRAME_BYTES];
	for (int i = 0; i < MESSAGES_TURN; i++) {
		if (zmq_recv(peer->socket, frame, sizeof frame, ZMQ_DONTWAIT) < 0)
			return;
		peers->got++;
		ping(peers, peer);
	}
}

static int run_echo(const char *url, struct peers *peers, long messages)
{
	/* Before any socket: libzmq's threads do not survive a fork. */
	pid_t child = fork();
	if (child < 0)
		return EXIT_FAILURE;
	if (child == 0)
		_exit(echo(url, messages));
	peers_connect(peers, url);
	peers->left = messages;
	int64_t begin_us = 0;
	for (long i = 0; i < peers->count; i++)
		for (uint32_t k = 0; k < peers->credit; k++)
			ping(peers, &peers->list[i]);
	while (peers->got < messages) {
		if (zmq_poll(peers->items, (int)peers->count, -1) < 0)
			fail("poll");
		/* From the first answer on: connecting is not measured. */
		if (begin_us == 0)
			begin_us = now_us();
		for (long i = 0; i < peers->count; i++)
			if (peers->items[i].revents != 0)
				ping_on(peers, &peers->list[i]);
	}
	int64_t took_us = now_us() - begin_us;
	int status;
	struct rusage usage;
	(void)waitpid(child, &status, 0);
	(void)getrusage(RUSAGE_CHILDREN, &usage);
	double cpu_us = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	printf("%.0f %.2f\n", (double)messages * 1e6 / (double)took_us, cpu_us / (double)messages);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* ---- workers ---- */

static void say_hello(const struct peer *peer, long number)
{
	char body[256];
	(void)snprintf(body, sizeof body,
		       "{\"brot\":1,\"version\":\"bench\",\"worker\":\"%08x%024lx\",\"name\":"
		       "\"bench-%ld\",\"pid\":%ld,\"threads\":1,\"kernel\":\"none\",\"kernels\":"
		       "[\"none\"]}",
		       (unsigned)getpid(), (unsigned long)number, number, (long)getpid());
	say_text(peer, &(struct message){.type = MSG_HELLO}, body);
}

/* The nonce of the image that a JOB names: enough to be taken for a worker of this host. */
static bool nonce_read(const struct message *job, uint8_t nonce[MESSAGE_NONCE_BYTES])
{
	char path[64] = "";
	json_t *root = json_loadb(job->body.data, job->body.size, 0, NULL);
	const char *name = json_string_value(
		json_object_get(json_object_get(root, "image"), "name"));
	if (name != NULL)
		(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	json_decref(root);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_read = fd >= 0 &&
		       pread(fd, nonce, MESSAGE_NONCE_BYTES, NONCE_OFFSET) == MESSAGE_NONCE_BYTES;
	if (fd >= 0)
		(void)close(fd);
	return is_read;
}

static void answer(const struct peers *peers, struct peer *peer, long number,
		   const struct message *m)
{
	struct message reply = {.session = peer->session, .job = m->job};
	switch ((int)m->type) {
	case MSG_WELCOME:
		if (peer->session == m->session)
			return;
		reply.type = MSG_CREDIT;
		reply.session = peer->session = m->session;
		reply.credit = peers->credit;
		say(peer, &reply);
		return;
	case MSG_JOB:
		reply.type = MSG_MAPPED;
		if (!nonce_read(m, reply.nonce))
			fail("image");
		say_text(peer, &reply, "");
		return;
	case MSG_TILE:
		reply.type = MSG_DONE;
		reply.phase = m->phase;
		reply.tile = m->tile;
		reply.attempt = m->attempt;
		say(peer, &reply);
		return;
	case MSG_REREGISTER:
		say_hello(peer, number);
		return;
	default:
		return;
	}
}

/* One message of at most LIMIT_FRAMES frames; false where there is none. */
static bool serve_one(const struct peers *peers, struct peer *peer, long number)
{
	zmq_msg_t frames[LIMIT_FRAMES];
	struct bytes bytes[LIMIT_FRAMES];
	size_t count = 0;
	int has_more = 1;
	while (has_more && count < LIMIT_FRAMES) {
		(void)zmq_msg_init(&frames[count]);
		if (zmq_msg_recv(&frames[count], peer->socket, ZMQ_DONTWAIT) < 0)
			break;
		bytes[count] = (struct bytes){zmq_msg_data(&frames[count]),
					      zmq_msg_size(&frames[count])};
		has_more = zmq_msg_more(&frames[count++]);
	}
	struct message m;
	if (count > 0 && message_decode(bytes, count, FROM_BROKER, &m, NULL) == BROT_OK)
		answer(peers, peer, number, &m);
	for (size_t i = 0; i < count; i++)
		(void)zmq_msg_close(&frames[i]);
	return count > 0;
}

static int run_workers(const char *url, struct peers *peers)
{
	peers_connect(peers, url);
	for (long i = 0; i < peers->count; i++)
		say_hello(&peers->list[i], i);
	peers->items[peers->count] = (zmq_pollitem_t){.fd = STDIN_FILENO, .events = ZMQ_POLLIN};
	int64_t beat_us = now_us();
	while (peers->items[peers->count].revents == 0) {
		if (zmq_poll(peers->items, (int)peers->count + 1, WAIT_MS) < 0)
			fail("poll");
		for (long i = 0; i < peers->count; i++)
			for (int k = 0; peers->items[i].revents != 0 && k < MESSAGES_TURN; k++)
				if (!serve_one(peers, &peers->list[i], i))
					break;
		if (now_us() - beat_us < BEAT_MS * 1000)
			continue;
		beat_us = now_us();
		for (long i = 0; i < peers->count; i++)
			if (peers->list[i].session != 0)
				say(&peers->list[i],
				    &(struct message){.type = MSG_BEAT,
						      .session = peers->list[i].session});
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	bool is_echo = argc == 6 && strcmp(argv[1], "echo") == 0;
	bool is_workers = argc == 5 && strcmp(argv[1], "workers") == 0;
	struct peers peers = {0};
	long messages = 0;
	if (is_echo || is_workers) {
		peers.count = strtol(argv[3], NULL, 10);
		peers.credit = (uint32_t)strtoul(argv[4], NULL, 10);
		messages = is_echo ? strtol(argv[5], NULL, 10) : 1;
	}
	if (peers.count < 1 || peers.count > PEERS_MAX || peers.credit < 1 ||
	    peers.credit > LIMIT_CREDIT || messages < 1 || messages > MESSAGES_MAX) {
		fprintf(stderr, "usage: bench_dispatch echo URL PEERS CREDIT MESSAGES\n"
				"       bench_dispatch workers URL PEERS CREDIT\n");
		return EXIT_FAILURE;
	}
	int status = is_echo ? run_echo(argv[2], &peers, messages) : run_workers(argv[2], &peers);
	peers_close(&peers);
	return status;
}
