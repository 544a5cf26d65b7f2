/*
 * link.c - one poll loop. What to do is the session's business; this carries it out.
 *
 * Messages are handled before the tick of the same round: a worker that was stopped for a while
 * finds the broker's answers before it finds that the broker has been silent.
 */
#include "worker/link.h"

#include <brot/version.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/hex.h"
#include "proto/quote.h"
#include "proto/sys/clock.h"
#include "proto/sys/log.h"
#include "proto/sys/random.h"
#include "proto/sys/signals.h"
#include "worker/fault.h"
#include "worker/link_internal.h"

#define MESSAGES_A_ROUND 64  /* then the results and the tick have their turn */
#define QUEUE_EXTRA      64  /* messages besides the answers to all tiles held */
#define BYE_LINGER_MS    200 /* for a BYE to leave */
#define HELLOS_A_SOCKET  5
#define HELLOS_TOLD      3 /* unanswered: a person should hear of it */
#define BEAT_MS_DEFAULT  2000
#define LOST_MS_DEFAULT  10000

/* ---- carrying out ---- */

static enum brot_err sock_open(const struct link *link, struct sock **ret_sock,
			       struct brot_error *err)
{
	const int queue = (int)link->config->threads + 1 + QUEUE_EXTRA;
	const struct sock_limits limits = {
		.frame_bytes = LIMIT_BODY_BYTES,
		.send_queue = queue,
		.receive_queue = queue,
	};
	return sock_dealer_new(link->context, link->config->broker, link->config->keys, &limits,
			       ret_sock, err);
}

/* A HELLO that nobody answers is told once. Now and then it goes by a new socket: libzmq does not
 * connect again by itself after a peer's frame that was too large, and a new one has no queue of
 * old HELLOs for a broker that comes up late. */
static void hello_prepare(struct link *link, struct message *m)
{
	m->body = (struct bytes){link->hello, strlen(link->hello)};
	if (++link->hellos == HELLOS_TOLD && link->config->keys == NULL)
		log_line(LOG_LEVEL_NOTICE, "no broker has answered yet broker=%s",
			 link->config->broker);
	if (link->hellos == HELLOS_TOLD && link->config->keys != NULL)
		log_line(LOG_LEVEL_NOTICE,
			 "no broker has answered yet, or its key is not that of --server-key "
			 "broker=%s server_key=\"%s\"",
			 link->config->broker, link->config->server_key);
	struct sock *sock;
	bool is_used_up = link->is_denied || link->hellos % HELLOS_A_SOCKET == 0;
	if (is_used_up && sock_open(link, &sock, NULL) == BROT_OK) {
		sock_free(link->sock, 0);
		link->sock = sock;
		link->is_denied = false;
	}
}

static void message_send(struct link *link, struct message *m)
{
	if (m->type == MSG_HELLO)
		hello_prepare(link, m);
	if (m->type == MSG_BYE)
		link->linger_ms = BYE_LINGER_MS;
	enum sock_result result = sock_send(link->sock, NULL, m);
	/* The queue holds an answer to every tile: it fills only while no broker takes them, and
	 * that one will not know us when it comes back. */
	if (result != SOCK_OK)
		log_line(m->type == MSG_HELLO ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			 "message dropped, no broker takes it type=%s", message_name(m->type));
	else
		log_line(LOG_LEVEL_DEBUG, "sent type=%s job=%llu tile=%u attempt=%u",
			 message_name(m->type), (unsigned long long)m->job, m->tile, m->attempt);
	link->tiles_done += result == SOCK_OK && m->type == MSG_DONE;
}

static void welcomed(struct link *link, uint64_t session)
{
	link->hellos = 0;
	link->is_denial_told = false;
	log_line(LOG_LEVEL_NOTICE, "registered%s name=\"%s\" broker=%s session=%016llx",
		 link->welcomes++ > 0 ? " again" : "", link->config->name, link->config->broker,
		 (unsigned long long)session);
	if (link->config->session_fd < 0)
		return;
	/* A parent that does not listen is dead, and will end this process in a moment. */
	ssize_t ignored = write(link->config->session_fd, &session, sizeof session);
	(void)ignored;
}

static void carry_out(struct link *link, struct session_action *action,
		      const struct message *message)
{
	switch (action->type) {
	case SESSION_DO_SEND:
		message_send(link, &action->message);
		break;
	case SESSION_DO_WELCOMED:
		welcomed(link, action->session);
		break;
	case SESSION_DO_OPEN:
		link_job_open(link, action, message);
		break;
	case SESSION_DO_CLOSE:
		link_jobs_close(link, action->handle);
		break;
	case SESSION_DO_RESET:
		link_jobs_close(link, 0);
		break;
	case SESSION_DO_START:
		link_tile_start(link, action);
		break;
	case SESSION_DO_REVOKE:
		link_tile_revoke(link, action);
		break;
	case SESSION_DO_DROP_QUEUED:
		pool_drop_queued(link->pool);
		break;
	case SESSION_DO_EXIT:
		link->is_over = true;
		link->exit_status = action->exit_status;
		break;
	}
}

/* What an event means where it changes the worker's life. */
static const char *cause_of(const struct session_event *event, const struct message *message)
{
	switch (event->type) {
	case SESSION_ON_TERMINATE:
		return "signal";
	case SESSION_ON_ORPHANED:
		return "the parent process is dead";
	case SESSION_ON_TICK:
		return "the broker is silent";
	case SESSION_ON_UNREADABLE:
		return "the broker speaks another language";
	case SESSION_ON_DENIED:
		return "the key is not taken";
	case SESSION_ON_MESSAGE:
		return message->type == MSG_DRAIN        ? "the broker asked for it"
		       : message->type == MSG_REREGISTER ? "the broker does not know the session"
		       : message->type == MSG_WELCOME    ? "the broker began another session"
		       : message->type == MSG_REFUSED    ? "the broker refused"
							 : "the last tile has ended";
	case SESSION_ON_START:
	case SESSION_ON_OPENED:
	case SESSION_ON_TILE_ENDED:
		break;
	}
	return "the last tile has ended";
}

/* session: its number before the event. */
static void tell_change(struct link *link, uint64_t session, const char *cause)
{
	if (session != 0 && session_number(link->session) != session)
		log_line(LOG_LEVEL_WARNING,
			 "lost the broker, all jobs dropped name=\"%s\" broker=%s reason=\"%s\"",
			 link->config->name, link->config->broker, cause);
	if (link->why_draining == NULL && session_is_draining(link->session)) {
		link->why_draining = cause;
		log_line(LOG_LEVEL_NOTICE, "draining name=\"%s\" tiles=%u reason=\"%s\"",
			 link->config->name, session_held(link->session), cause);
	}
}

void link_step(struct link *link, struct session_event *event, const struct message *message)
{
	struct session_actions actions;
	const uint64_t session = session_number(link->session);
	const char *cause = cause_of(event, message);
	event->now_ms = link->now_ms;
	session_step(link->session, event, &actions);
	tell_change(link, session, cause);
	for (unsigned i = 0; i < actions.count; i++)
		carry_out(link, &actions.list[i], message);
	if (link->is_over && link->why_over == NULL)
		link->why_over = link->why_draining != NULL ? link->why_draining : cause;
}

/* ---- what comes in ---- */

static int64_t integer_get(const json_t *root, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(root, key);
	return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

/* A string of the broker's, fit for the log. */
static const char *text_get(const json_t *root, const char *key, char *buffer, size_t bytes)
{
	const char *text = json_string_value(json_object_get(root, key));
	return quote_text(text != NULL ? text : "", text != NULL ? strlen(text) : 0, buffer, bytes);
}

/* A denial is tried again for as long as it takes, and told once. */
static enum log_level level_of_refusal(struct link *link, enum brot_err code)
{
	bool is_new = code != BROT_E_DENIED || !link->is_denial_told;
	if (code == BROT_E_DENIED)
		link->is_denial_told = true;
	return is_new ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;
}

static void body_read(struct link *link, const struct message *m, struct session_event *event)
{
	if (m->type != MSG_WELCOME && m->type != MSG_REFUSED)
		return;
	json_t *root = json_loadb(m->body.data, m->body.size, JSON_REJECT_DUPLICATES, NULL);
	event->received.beat_ms = integer_get(root, "beat_ms", BEAT_MS_DEFAULT);
	event->received.lost_ms = integer_get(root, "lost_ms", LOST_MS_DEFAULT);
	if (m->type == MSG_REFUSED) {
		char error[QUOTE_BYTES], about[QUOTE_BYTES], text[BROT_ERROR_TEXT_BYTES];
		event->received.code = error_code_of_name(
			text_get(root, "error", error, sizeof error));
		(void)text_get(root, "message", about, sizeof about);
		event->received.is_about_hello = about[0] == '\0' || strcmp(about, "HELLO") == 0;
		log_line(level_of_refusal(link, event->received.code),
			 "refused by the broker message=%s error=%s text=\"%s\"", about, error,
			 text_get(root, "text", text, sizeof text));
	}
	json_decref(root);
}

static void message_handle(struct link *link, const struct sock_received *received)
{
	struct message message;
	struct session_event event = {.type = SESSION_ON_MESSAGE};
	struct brot_error err;
	if (message_decode(received->frames, received->count, FROM_BROKER, &message, &err) !=
	    BROT_OK) {
		log_line(LOG_LEVEL_WARNING, "unreadable message from the broker: %s", err.text);
		event.type = SESSION_ON_UNREADABLE;
		event.error = err;
		link_step(link, &event, NULL);
		return;
	}
	log_line(LOG_LEVEL_DEBUG, "received type=%s job=%llu tile=%u attempt=%u",
		 message_name(message.type), (unsigned long long)message.job, message.tile,
		 message.attempt);
	event.received.message = &message;
	body_read(link, &message, &event);
	link_step(link, &event, &message);
}

static void denial_handle(struct link *link, const struct brot_error *error)
{
	struct session_event event = {.type = SESSION_ON_DENIED, .error = *error};
	log_line(level_of_refusal(link, BROT_E_DENIED), "denied, trying again: %s", error->text);
	link->is_denied = true;
	link_step(link, &event, NULL);
}

/* A socket file that this user may not open stays so. */
static void closed_handle(struct link *link, const struct brot_error *error)
{
	struct session_event event = {.type = SESSION_ON_UNREADABLE, .error = *error};
	log_line(LOG_LEVEL_WARNING, "%s", error->text);
	link_step(link, &event, NULL);
}

static void messages_take(struct link *link)
{
	for (int i = 0; i < MESSAGES_A_ROUND && !link->is_over; i++) {
		struct sock_received received;
		enum sock_result result = sock_receive(link->sock, &received);
		struct brot_error denied;
		if (result == SOCK_DENIED) {
			(void)sock_denial(link->sock, &denied);
			denial_handle(link, &denied);
		}
		if (result != SOCK_OK)
			return;
		message_handle(link, &received);
		sock_received_done(&received);
	}
}

static void signals_take(struct link *link)
{
	int number;
	while ((number = signals_next(link->config->signal_fd)) != 0) {
		if (number == SIGHUP && link->config->reread != NULL) {
			notify_reloading(&link->notify);
			link->config->reread(link->config->reread_context);
			notify_ready(&link->notify);
			continue;
		}
		if (number != SIGTERM && number != SIGINT && number != SIGHUP)
			continue;
		/* A parent has told of it before. */
		log_line(link->config->parent != 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			 "asked to end signal=%d", number);
		notify_stopping(&link->notify, LINK_PATIENCE_MS);
		bool is_orphan = link->config->parent != 0 && getppid() != link->config->parent;
		struct session_event event = {.type = SESSION_ON_TERMINATE};
		if (is_orphan)
			event.type = SESSION_ON_ORPHANED;
		link_step(link, &event, NULL);
	}
}

static void tick(struct link *link)
{
	struct pool_progress progress = pool_progress(link->pool, link->now_ms, SESSION_STUCK_MS);
	struct session_event event = {.type = SESSION_ON_TICK};
	uint32_t stuck = progress.stuck + progress.lost;
	if (stuck > link->stuck)
		log_line(LOG_LEVEL_WARNING, "threads have not moved for %d s count=%u of=%u",
			 SESSION_STUCK_MS / 1000, stuck, link->config->threads);
	link->stuck = stuck;
	event.progress = (struct session_progress){progress.iterations, progress.running,
						   progress.stuck, progress.lost};
	link_step(link, &event, NULL);
	/* A broker that starts may not have opened its socket file to us before. */
	struct brot_error denied;
	if (!link->is_over && link->hellos >= HELLOS_TOLD &&
	    sock_url_is_denied(link->config->broker, &denied))
		closed_handle(link, &denied);
}

static void service_turn(struct link *link)
{
	if (notify_turn(&link->notify, link->now_ms))
		notify_status(&link->notify, "%u threads, %s %s", link->config->threads,
			      link->hellos == 0 ? "serving the broker" : "looking for the broker",
			      link->config->broker);
}

static void loop(struct link *link)
{
	struct session_event start = {.type = SESSION_ON_START};
	link->now_ms = clock_ms();
	link_step(link, &start, NULL);
	notify_ready(&link->notify);
	while (!link->is_over) {
		struct sock_poll items[] = {
			{.sock = link->sock, .fd = -1},
			{.fd = pool_fd(link->pool)},
			{.fd = link->config->signal_fd},
		};
		int64_t now_ms = clock_ms();
		int64_t wait_ms = session_deadline_ms(link->session) - now_ms;
		int64_t notify_ms = notify_wait_ms(&link->notify, now_ms);
		if (notify_ms < wait_ms)
			wait_ms = notify_ms;
		(void)sock_poll(items, sizeof items / sizeof items[0], wait_ms > 0 ? wait_ms : 0);
		link->now_ms = clock_ms();
		signals_take(link);
		messages_take(link);
		link_results_take(link);
		if (!link->is_over)
			tick(link);
		service_turn(link);
	}
}

/* ---- beginning and end ---- */

/* The body of HELLO. NULL only if memory is short. The caller frees it. */
static char *hello_make(const struct link_config *config)
{
	uint8_t bits[16];
	char worker[2 * sizeof bits + 1];
	random_bytes(bits, sizeof bits);
	hex_write(bits, sizeof bits, worker);
	json_t *kernels = json_array(), *speeds = json_object();
	for (uint32_t i = 0; i < config->choice->count; i++) {
		const struct choice_offer *offer = &config->choice->offers[i];
		json_t *speed = json_object();
		for (int p = 0; p < PRECISION_COUNT; p++)
			(void)json_object_set_new(speed, precision_name((enum precision)p),
						  json_integer((json_int_t)offer->speed[p]));
		(void)json_array_append_new(kernels, json_string(offer->kernel->name));
		(void)json_object_set_new(speeds, offer->kernel->name, speed);
	}
	json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:i, s:i, s:s, s:o, s:o}", "brot",
				 MESSAGE_VERSION, "version", BROT_VERSION, "worker", worker, "name",
				 config->name, "pid", (int)getpid(), "threads",
				 (int)config->threads, "kernel", config->choice->kernel->name,
				 "kernels", kernels, "speeds", speeds);
	char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return text;
}

static enum brot_err link_open(struct link *link, struct brot_error *err)
{
	const struct link_config *config = link->config;
	const struct session_config session_config = {
		.threads = config->threads,
		.is_supervised = config->session_fd >= 0,
	};
	if (!fault_init())
		return error_set(err, BROT_E_SYSTEM, "SIGBUS: %s", strerror(errno));
	link->session = session_new(&session_config);
	link->hello = hello_make(config);
	link->context = sock_context_new();
	if (link->session == NULL || link->hello == NULL || link->context == NULL)
		return error_set(err, BROT_E_SYSTEM, "worker: no memory");
	enum brot_err code = sock_open(link, &link->sock, err);
	if (code == BROT_OK)
		code = pool_new(config->threads, &link->pool, err);
	return code;
}

static void link_close(struct link *link)
{
	/* First the socket, so that a BYE leaves while the threads end. */
	sock_free(link->sock, link->linger_ms);
	if (link->pool != NULL &&
	    pool_progress(link->pool, link->now_ms, SESSION_STUCK_MS).running > 0) {
		/* In the middle of a chunk that may last for seconds; nobody waits for it. */
		sock_context_free(link->context);
		_exit(link->exit_status);
	}
	pool_free(link->pool);
	link_jobs_free(link);
	sock_context_free(link->context);
	session_free(link->session);
	free(link->hello);
}

enum brot_err link_run(const struct link_config *config, int *ret_status, struct brot_error *err)
{
	struct link link = {.config = config, .notify = config->notify};
	enum brot_err code = link_open(&link, err);
	if (code == BROT_OK) {
		loop(&link);
		*ret_status = link.exit_status;
		log_line(LOG_LEVEL_NOTICE,
			 "ended name=\"%s\" tiles_done=%llu status=%d reason=\"%s\"", config->name,
			 (unsigned long long)link.tiles_done, link.exit_status, link.why_over);
	}
	link_close(&link);
	return code;
}
