/* connection.c - one DEALER and one signal descriptor in one poll. */
#include "client/connection.h"

#include <stdlib.h>
#include <string.h>

#include "client/reply.h"
#include "proto/sys/clock.h"

#define LINGER_MS    250
#define ASK_AGAIN_MS 1000
#define UNANSWERED   3   /* questions in a row: the next goes by a new connection */
#define PAUSE_MS     250 /* after the first denial in a row, doubled with each */

struct connection {
	struct sock_context *context;
	bool owns_context;
	struct sock *sock;
	struct interrupt *interrupt;
	const char *url;
	const struct keyboard *keyboard; /* or NULL */
	const struct sock_keys *keys;    /* or NULL */
	const char *server_key;          /* the file of the broker's, with keys */
	struct sock_received received;   /* what the last message borrows from */
	int64_t forgive_ms;              /* denials are not told for so long */
	int64_t denied_ms, pause_ms;     /* since when there were nothing but; 0: there was none */
	int64_t reopen_ms;               /* INT64_MAX: not */
	struct brot_error denial;        /* the last one */
};

static enum brot_err dealer_open(const struct connection *c, struct sock **ret_sock,
				 struct brot_error *err)
{
	static const struct sock_limits limits = {LIMIT_BODY_BYTES, LIMIT_CLIENT_QUEUE,
						  LIMIT_CLIENT_QUEUE};
	return sock_dealer_new(c->context, c->url, c->keys, &limits, ret_sock, err);
}

enum brot_err connection_open(struct sock_context *context, const char *url,
			      const struct sock_keys *keys, const char *server_key,
			      struct interrupt *interrupt, struct connection **ret_connection,
			      struct brot_error *err)
{
	struct connection *c = calloc(1, sizeof *c);
	if (c == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a connection");
	c->interrupt = interrupt;
	c->url = url;
	c->keys = keys;
	c->server_key = server_key;
	c->reopen_ms = INT64_MAX;
	c->owns_context = context == NULL;
	c->context = context != NULL ? context : sock_context_new();
	enum brot_err code = BROT_OK;
	if (c->context == NULL)
		code = error_set(err, BROT_E_SYSTEM, "the system has no room for a connection");
	else
		code = dealer_open(c, &c->sock, err);
	if (code != BROT_OK) {
		connection_close(c);
		return code;
	}
	*ret_connection = c;
	return BROT_OK;
}

void connection_reopen(struct connection *connection)
{
	struct sock *sock = NULL;
	if (dealer_open(connection, &sock, NULL) != BROT_OK)
		return;
	sock_received_done(&connection->received);
	sock_free(connection->sock, 0);
	connection->sock = sock;
}

void connection_close(struct connection *connection)
{
	if (connection == NULL)
		return;
	sock_received_done(&connection->received);
	sock_free(connection->sock, LINGER_MS);
	if (connection->owns_context)
		sock_context_free(connection->context);
	free(connection);
}

void connection_listen(struct connection *connection, const struct keyboard *keyboard)
{
	connection->keyboard = keyboard;
}

void connection_forgive(struct connection *connection, int64_t forgive_ms)
{
	connection->forgive_ms = forgive_ms;
}

bool connection_was_denied(const struct connection *connection, struct brot_error *err)
{
	if (connection->denied_ms != 0)
		*err = connection->denial;
	return connection->denied_ms != 0;
}

/* Whether to try again, at reopen_ms. */
static bool forgive(struct connection *c)
{
	const int64_t now_ms = clock_ms();
	(void)sock_denial(c->sock, &c->denial);
	if (c->denied_ms == 0) {
		c->denied_ms = now_ms;
		c->pause_ms = PAUSE_MS;
	}
	const int64_t end_ms = c->denied_ms + c->forgive_ms;
	if (now_ms >= end_ms)
		return false;
	c->reopen_ms = now_ms + c->pause_ms < end_ms ? now_ms + c->pause_ms : end_ms;
	c->pause_ms *= 2;
	return true;
}

enum brot_err connection_explain(const struct connection *connection, struct brot_error *err)
{
	const struct brot_error before = *err;
	if (sock_url_is_denied(connection->url, err))
		return err->code;
	if (connection->keys != NULL)
		(void)error_set(err, before.code, "%.190s, or its key is not that of %s",
				before.text, connection->server_key);
	return err->code;
}

enum brot_err connection_unavailable(const struct connection *connection, int64_t timeout_ms,
				     struct brot_error *err)
{
	(void)error_set(err, BROT_E_UNAVAILABLE, "no broker answers at %.150s within %.3g s",
			connection->url, (double)timeout_ms / 1000);
	return connection_explain(connection, err);
}

unsigned connection_wait(struct connection *connection, int64_t deadline_ms)
{
	if (connection->reopen_ms != INT64_MAX && clock_ms() >= connection->reopen_ms) {
		connection->reopen_ms = INT64_MAX;
		connection_reopen(connection);
	}
	int keyboard_fd = connection->keyboard != NULL ? connection->keyboard->fd : -1;
	struct sock_poll items[] = {{.sock = connection->sock, .fd = -1},
				    {.sock = NULL, .fd = connection->interrupt->signal_fd},
				    {.sock = NULL, .fd = keyboard_fd}};
	int64_t wait_ms = -1;
	if (deadline_ms > connection->reopen_ms)
		deadline_ms = connection->reopen_ms;
	if (deadline_ms != INT64_MAX) {
		wait_ms = deadline_ms - clock_ms();
		wait_ms = wait_ms > 0 ? wait_ms : 0;
	}
	if (sock_poll(items, keyboard_fd >= 0 ? 3 : 2, wait_ms) <= 0)
		return 0;
	unsigned news = items[0].is_ready ? CONNECTION_MESSAGES : 0;
	if (items[2].is_ready)
		news |= CONNECTION_KEYBOARD;
	if (!items[1].is_ready)
		return news;
	unsigned signals = interrupt_read(connection->interrupt);
	if ((signals & INTERRUPT_END) != 0)
		news |= CONNECTION_INTERRUPT;
	if ((signals & INTERRUPT_CHILD) != 0)
		news |= CONNECTION_CHILD;
	return news;
}

void connection_send(struct connection *connection, const struct message *m)
{
	(void)sock_send(connection->sock, NULL, m);
}

enum brot_err connection_receive(struct connection *connection, struct message *ret_message,
				 bool *ret_has_message, struct brot_error *err)
{
	struct sock_received *received = &connection->received;
	*ret_has_message = false;
	sock_received_done(received);
	enum sock_result result = sock_receive(connection->sock, received);
	if (result == SOCK_DENIED && !forgive(connection)) {
		*err = connection->denial;
		return connection->denial.code;
	}
	if (result == SOCK_ERROR)
		return error_set(err, BROT_E_SYSTEM, "cannot receive from %.150s", connection->url);
	if (result != SOCK_OK)
		return BROT_OK;
	connection->denied_ms = 0;
	enum brot_err code = message_decode(received->frames, received->count, FROM_BROKER,
					    ret_message, err);
	*ret_has_message = code == BROT_OK;
	return code;
}

/* Whether *m answers the question; if it does with a REPORT, *ret_report is set. */
static enum brot_err take_answer(const struct message *m, const char *url, const char *key,
				 json_t **ret_report, struct brot_error *err)
{
	json_t *json = NULL;
	if (m->type != MSG_REPORT && m->type != MSG_REFUSED)
		return BROT_OK;
	enum brot_err code = reply_parse(m, &json, err);
	if (code != BROT_OK)
		return code;
	if (m->type == MSG_REFUSED)
		code = reply_refusal(json, url, err);
	else if (json_object_get(json, key) != NULL)
		*ret_report = json_incref(json);
	json_decref(json);
	return code;
}

/* Takes what has come, up to the answer. */
static enum brot_err take_answers(struct connection *connection, const char *key,
				  json_t **ret_report, struct brot_error *err)
{
	struct message m;
	bool has_message = true;
	enum brot_err code = BROT_OK;
	while (code == BROT_OK && has_message && *ret_report == NULL) {
		code = connection_receive(connection, &m, &has_message, err);
		if (code == BROT_OK && has_message)
			code = take_answer(&m, connection->url, key, ret_report, err);
	}
	return code;
}

static enum brot_err ask(struct connection *connection, const struct message *question,
			 const char *key, int64_t timeout_ms, json_t **ret_report,
			 struct brot_error *err)
{
	int64_t now_ms = clock_ms(), again_ms = now_ms, deadline_ms = now_ms + timeout_ms;
	unsigned unanswered = 0;
	enum brot_err code = BROT_OK;
	while (code == BROT_OK && *ret_report == NULL) {
		if (now_ms >= deadline_ms && connection_was_denied(connection, err))
			return err->code;
		if (now_ms >= deadline_ms)
			return connection_unavailable(connection, timeout_ms, err);
		/* A broker that starts may not have opened its socket file to us yet. */
		if (unanswered > 0 && now_ms >= again_ms &&
		    sock_url_is_denied(connection->url, err))
			return BROT_E_DENIED;
		if (now_ms >= again_ms) {
			/* A connection that the network has forgotten stays open at this end. */
			if (unanswered == UNANSWERED) {
				connection_reopen(connection);
				unanswered = 0;
			}
			connection_send(connection, question);
			unanswered++;
			again_ms = now_ms + ASK_AGAIN_MS;
		}
		unsigned news = connection_wait(connection,
						again_ms < deadline_ms ? again_ms : deadline_ms);
		if ((news & CONNECTION_INTERRUPT) != 0)
			return error_set(err, BROT_E_CANCELLED, "interrupted");
		code = take_answers(connection, key, ret_report, err);
		now_ms = clock_ms();
	}
	return code;
}

enum brot_err connection_ask(struct connection *connection, enum message_type type,
			     const char *body, const char *key, int64_t timeout_ms,
			     json_t **ret_report, struct brot_error *err)
{
	const struct message question = {.type = type, .body = {body, strlen(body)}};
	struct brot_error error = {.code = BROT_OK};
	*ret_report = NULL;
	const enum brot_err code = ask(connection, &question, key, timeout_ms, ret_report, &error);
	if (code != BROT_OK && err != NULL)
		*err = error;
	return code;
}
