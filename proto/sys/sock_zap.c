/* sock_zap.c - a REP socket within the context. */
#include "proto/sys/sock_zap.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#include "proto/sys/sock_internal.h"

enum brot_err sock_zap_new(struct sock_context *context, struct sock **ret_sock,
			   struct brot_error *err)
{
	struct sock *sock = calloc(1, sizeof *sock);
	if (sock == NULL)
		return error_set(err, BROT_E_SYSTEM, "socket: no memory");
	sock->zmq = zmq_socket(context->zmq, ZMQ_REP);
	if (sock->zmq == NULL || !sock_option_set(sock, ZMQ_LINGER, 0) ||
	    zmq_bind(sock->zmq, "inproc://zeromq.zap.01") != 0) {
		enum brot_err code = error_set(err, BROT_E_SYSTEM,
					       "socket: cannot make that of the doorkeeper: %s",
					       zmq_strerror(errno));
		if (sock->zmq != NULL)
			(void)zmq_close(sock->zmq);
		free(sock);
		return code;
	}
	*ret_sock = sock;
	return BROT_OK;
}

/* Returns the number of frames, one more than there is room for where some were dropped; 0: there
 * is no question. */
static size_t question_receive(const struct sock *sock, zmq_msg_t msgs[SOCK_ZAP_FRAMES])
{
	size_t count = 0;
	bool has_more = true;
	while (has_more) {
		zmq_msg_t extra;
		zmq_msg_t *msg = count < SOCK_ZAP_FRAMES ? &msgs[count] : &extra;
		(void)zmq_msg_init(msg);
		bool has_frame = zmq_msg_recv(msg, sock->zmq, ZMQ_DONTWAIT) >= 0;
		has_more = has_frame && zmq_msg_more(msg);
		if (has_frame && count <= SOCK_ZAP_FRAMES)
			count++;
		if (!has_frame || msg == &extra)
			(void)zmq_msg_close(msg);
	}
	return count;
}

void sock_zap_serve(struct sock *sock, unsigned most, sock_zap_fn *fn, void *context)
{
	for (unsigned i = 0; i < most; i++) {
		zmq_msg_t msgs[SOCK_ZAP_FRAMES];
		struct bytes frames[SOCK_ZAP_FRAMES], answer[SOCK_ZAP_ANSWER_FRAMES];
		size_t count = question_receive(sock, msgs);
		if (count == 0)
			return;
		size_t kept = count < SOCK_ZAP_FRAMES ? count : SOCK_ZAP_FRAMES;
		for (size_t k = 0; k < kept; k++)
			frames[k] = (struct bytes){zmq_msg_data(&msgs[k]), zmq_msg_size(&msgs[k])};
		fn(frames, count, answer, context);
		for (size_t k = 0; k < SOCK_ZAP_ANSWER_FRAMES; k++)
			(void)zmq_send(sock->zmq, answer[k].data, answer[k].size,
				       ZMQ_DONTWAIT |
					       (k + 1 < SOCK_ZAP_ANSWER_FRAMES ? ZMQ_SNDMORE : 0));
		for (size_t k = 0; k < kept; k++)
			(void)zmq_msg_close(&msgs[k]);
	}
}
