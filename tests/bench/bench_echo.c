/*
 * bench_echo.c - a bare ROUTER/DEALER round trip between two processes over ipc: the least that any
 * render by a broker costs. Prints the median in microseconds.
 *
 * usage: bench_echo FOLDER ROUNDS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define FRAME_BYTES 200
#define ROUNDS_MAX  1000000

static int64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int fail(const char *what)
{
	fprintf(stderr, "bench_echo: %s: %s\n", what, zmq_strerror(zmq_errno()));
	return EXIT_FAILURE;
}

/* Sends each message back to who sent it, `rounds` times. */
static int echo(const char *url, long rounds)
{
	void *context = zmq_ctx_new();
	void *router = zmq_socket(context, ZMQ_ROUTER);
	if (router == NULL || zmq_bind(router, url) != 0)
		return fail("bind");
	for (long i = 0; i < rounds; i++) {
		char route[64], frame[FRAME_BYTES];
		int route_bytes = zmq_recv(router, route, sizeof route, 0);
		int frame_bytes = zmq_recv(router, frame, sizeof frame, 0);
		if (route_bytes < 0 || frame_bytes < 0)
			return fail("receive");
		if (zmq_send(router, route, (size_t)route_bytes, ZMQ_SNDMORE) < 0 ||
		    zmq_send(router, frame, (size_t)frame_bytes, 0) < 0)
			return fail("send");
	}
	(void)zmq_close(router);
	(void)zmq_ctx_term(context);
	return EXIT_SUCCESS;
}

static int ask(const char *url, long rounds, int64_t *times_ns)
{
	void *context = zmq_ctx_new();
	void *dealer = zmq_socket(context, ZMQ_DEALER);
	if (dealer == NULL || zmq_connect(dealer, url) != 0)
		return fail("connect");
	for (long i = 0; i < rounds; i++) {
		char frame[FRAME_BYTES] = {0};
		int64_t begin = now_ns();
		if (zmq_send(dealer, frame, sizeof frame, 0) < 0 ||
		    zmq_recv(dealer, frame, sizeof frame, 0) < 0)
			return fail("round trip");
		times_ns[i] = now_ns() - begin;
	}
	(void)zmq_close(dealer);
	(void)zmq_ctx_term(context);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	long rounds = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_echo FOLDER ROUNDS\n");
		return EXIT_FAILURE;
	}
	char url[256];
	(void)snprintf(url, sizeof url, "ipc://%s/echo", argv[1]);
	int64_t *times_ns = calloc((size_t)rounds, sizeof *times_ns);
	if (times_ns == NULL)
		return EXIT_FAILURE;
	/* Before any socket: libzmq's threads do not survive a fork. */
	pid_t child = fork();
	if (child < 0)
		return EXIT_FAILURE;
	if (child == 0)
		_exit(echo(url, rounds));
	int status = ask(url, rounds, times_ns);
	(void)waitpid(child, NULL, 0);
	(void)unlink(url + strlen("ipc://"));
	qsort(times_ns, (size_t)rounds, sizeof *times_ns, compare);
	if (status == EXIT_SUCCESS)
		printf("%.1f\n", (double)times_ns[rounds / 2] / 1000);
	free(times_ns);
	return status;
}
