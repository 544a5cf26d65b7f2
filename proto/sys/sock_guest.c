/* sock_guest.c - a context in a program that is not ours. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <zmq.h>

#include "proto/sys/room.h"
#include "proto/sys/sock_internal.h"

#define DESCRIPTORS 8 /* an epoll and a mailbox for each thread, three mailboxes, and one over */
#define THREADS     2
#define SOCKETS_MAX 16384 /* libzmq's 1023 are fewer than the jobs that descriptors allow */

/* A check takes what it looks for, for a moment: no other may, until libzmq has what was found. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* With the context's first socket libzmq starts its threads. */
static bool start(struct sock_context *context)
{
	if (zmq_ctx_set(context->zmq, ZMQ_MAX_SOCKETS, SOCKETS_MAX) != 0)
		return false;
	void *first = zmq_socket(context->zmq, ZMQ_DEALER);
	return first != NULL && zmq_close(first) == 0;
}

static enum brot_err make(struct sock_context **ret_context, struct brot_error *err)
{
	sigset_t all, before;
	enum brot_err code = room_check(DESCRIPTORS, THREADS, err);
	if (code != BROT_OK)
		return code;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	struct sock_context *context = sock_context_new();
	if (context == NULL || !start(context))
		code = error_set(err, BROT_E_SYSTEM, "socket: cannot make one: %s",
				 zmq_strerror(errno));
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code == BROT_OK)
		*ret_context = context;
	else
		sock_context_free(context);
	return code;
}

enum brot_err sock_context_new_guest(struct sock_context **ret_context, struct brot_error *err)
{
	(void)pthread_mutex_lock(&gate);
	const enum brot_err code = make(ret_context, err);
	(void)pthread_mutex_unlock(&gate);
	return code;
}

enum brot_err sock_room_check(struct brot_error *err)
{
	(void)pthread_mutex_lock(&gate);
	const enum brot_err code = room_check(DESCRIPTORS, 0, err);
	(void)pthread_mutex_unlock(&gate);
	return code;
}
