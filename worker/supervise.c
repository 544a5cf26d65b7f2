/*
 * supervise.c - one slot for each child.
 *
 *   EMPTY --start--> RUNNING --dies--> EMPTY (after a pause that grows while it dies young)
 *                       +----status 0, or we are ending----> ENDED
 *
 * A child tells its session's number through a pipe, 8 bytes for each new session. It cannot tell
 * that it dies; the kernel does, by SIGCHLD.
 */
#define _GNU_SOURCE /* pipe2() */
#include "worker/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "proto/limits.h"
#include "proto/sys/clock.h"
#include "proto/sys/log.h"
#include "proto/sys/process.h"
#include "proto/sys/signals.h"
#include "proto/sys/sock.h"
#include "worker/link.h"

#define SELF           "/proc/self/exe"
#define YOUNG_MS       1000 /* who dies younger than this waits before it is started again */
#define PAUSE_MS       100  /* the first time, doubled up to */
#define PAUSE_MAX_MS   10000
#define GONE_LINGER_MS 1000

enum slot_state { SLOT_EMPTY, SLOT_RUNNING, SLOT_ENDED };

struct slot {
	enum slot_state state;
	pid_t pid;
	int fd;           /* reading end of the child's pipe; -1 for none */
	uint64_t session; /* 0: it has none */
	int64_t started_ms;
	int64_t due_ms; /* EMPTY: when to start */
	int64_t pause_ms;
	bool is_behind; /* a SIGHUP came while it could not yet take one */
};

struct supervisor {
	const struct supervise_config *config;
	struct slot *slots;
	struct pollfd *items; /* the signals, then one a slot */
	char **child_argv;
	struct sock_context *context; /* made for the first GONE */
	struct sock *sock;
	struct notify notify;
	bool is_ending;
	int exit_status;
};

/* ---- the broker ---- */

static void gone_send(struct supervisor *s, uint64_t session)
{
	const struct sock_limits limits = {
		.frame_bytes = LIMIT_BODY_BYTES,
		.send_queue = LIMIT_WORKER_QUEUE,
		.receive_queue = LIMIT_WORKER_QUEUE,
	};
	struct brot_error err;
	if (s->context == NULL)
		s->context = sock_context_new();
	if (s->context == NULL)
		return;
	if (s->sock == NULL && sock_dealer_new(s->context, s->config->broker, s->config->keys,
					       &limits, &s->sock, &err) != BROT_OK) {
		log_line(LOG_LEVEL_WARNING, "cannot report a dead worker: %s", err.text);
		return;
	}
	struct message gone = {.type = MSG_GONE, .session = session};
	/* Where it cannot be sent the broker finds out by the silence. */
	(void)sock_send(s->sock, NULL, &gone);
}

/* Nobody writes to that connection but a broker that refuses; it must not fill up. */
static void answers_drop(struct supervisor *s)
{
	struct sock_received received;
	enum sock_result result = SOCK_OK;
	while (s->sock != NULL && result == SOCK_OK) {
		result = sock_receive(s->sock, &received);
		if (result == SOCK_OK)
			sock_received_done(&received);
	}
	/* The next dead child is told of over another one. */
	if (result == SOCK_DENIED) {
		sock_free(s->sock, 0);
		s->sock = NULL;
	}
}

/* ---- children ---- */

static enum brot_err slot_start(struct supervisor *s, struct slot *slot, struct brot_error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return error_set(err, BROT_E_SYSTEM, "pipe: %s", strerror(errno));
	enum brot_err code = process_start(SELF, s->child_argv, ends[1], &slot->pid, err);
	(void)close(ends[1]);
	if (code != BROT_OK) {
		(void)close(ends[0]);
		return code;
	}
	slot->state = SLOT_RUNNING;
	slot->fd = ends[0];
	slot->session = 0;
	slot->is_behind = false;
	slot->started_ms = clock_ms();
	log_line(LOG_LEVEL_INFO, "started pid=%ld", (long)slot->pid);
	return BROT_OK;
}

/* Reads the child's latest session. */
static void slot_read(struct slot *slot)
{
	uint64_t session;
	ssize_t got;
	/* Eight bytes come through a pipe in one piece. */
	while ((got = read(slot->fd, &session, sizeof session)) == (ssize_t)sizeof session)
		slot->session = session;
	if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
		(void)close(slot->fd);
		slot->fd = -1;
	}
	if (slot->is_behind && slot->session != 0) {
		slot->is_behind = false;
		(void)kill(slot->pid, SIGHUP);
	}
}

static void children_signal(const struct supervisor *s, int number)
{
	for (uint32_t i = 0; i < s->config->processes; i++)
		if (s->slots[i].state == SLOT_RUNNING)
			(void)kill(s->slots[i].pid, number);
}

static void end_begin(struct supervisor *s, int number)
{
	s->is_ending = true;
	notify_stopping(&s->notify, LINK_PATIENCE_MS);
	for (uint32_t i = 0; i < s->config->processes; i++)
		if (s->slots[i].state == SLOT_EMPTY)
			s->slots[i].state = SLOT_ENDED;
	children_signal(s, number);
}

/* Exit statuses that another start would only repeat. */
static bool is_hopeless(int status)
{
	return status == EX_USAGE || status == EX_SOFTWARE || status == EX_PROTOCOL ||
	       status == EX_NOPERM;
}

static void slot_pause(struct slot *slot)
{
	int64_t now_ms = clock_ms();
	if (now_ms - slot->started_ms >= YOUNG_MS) {
		slot->pause_ms = 0;
	} else {
		int64_t longer_ms = slot->pause_ms == 0 ? PAUSE_MS : 2 * slot->pause_ms;
		slot->pause_ms = longer_ms < PAUSE_MAX_MS ? longer_ms : PAUSE_MAX_MS;
	}
	slot->state = SLOT_EMPTY;
	slot->due_ms = now_ms + slot->pause_ms;
}

static void slot_reap(struct supervisor *s, struct slot *slot, int status)
{
	slot->is_behind = false; /* its number may be another's by now */
	if (slot->fd >= 0)
		slot_read(slot);
	if (slot->fd >= 0)
		(void)close(slot->fd);
	slot->fd = -1;
	bool is_orderly = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!is_orderly && slot->session != 0)
		gone_send(s, slot->session);
	slot->session = 0;
	slot->state = SLOT_ENDED;
	if (is_orderly)
		return;
	if (WIFSIGNALED(status))
		log_line(s->is_ending ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
			 "worker killed pid=%ld signal=%d", (long)slot->pid, WTERMSIG(status));
	else
		log_line(LOG_LEVEL_WARNING, "worker failed pid=%ld status=%d", (long)slot->pid,
			 WEXITSTATUS(status));
	if (s->is_ending)
		return;
	if (WIFEXITED(status) && is_hopeless(WEXITSTATUS(status))) {
		s->exit_status = WEXITSTATUS(status);
		end_begin(s, SIGTERM);
		return;
	}
	slot_pause(slot);
}

static void children_reap(struct supervisor *s)
{
	for (uint32_t i = 0; i < s->config->processes; i++) {
		struct slot *slot = &s->slots[i];
		int status;
		if (slot->state == SLOT_RUNNING &&
		    waitpid(slot->pid, &status, WNOHANG) == slot->pid)
			slot_reap(s, slot, status);
	}
}

static void children_start(struct supervisor *s)
{
	int64_t now_ms = clock_ms();
	for (uint32_t i = 0; i < s->config->processes; i++) {
		struct slot *slot = &s->slots[i];
		struct brot_error err;
		if (slot->state != SLOT_EMPTY || slot->due_ms > now_ms)
			continue;
		if (slot_start(s, slot, &err) != BROT_OK) {
			log_line(LOG_LEVEL_ERROR, "cannot start a worker, trying again: %s",
				 err.text);
			slot->started_ms = now_ms;
			slot_pause(slot);
		}
	}
}

/* ---- the loop ---- */

/* A child that has no session yet may not have opened its signals: SIGHUP would end it. */
static void hang_up(struct supervisor *s)
{
	s->config->reread(s->config->reread_context);
	for (uint32_t i = 0; i < s->config->processes; i++) {
		struct slot *slot = &s->slots[i];
		if (slot->state != SLOT_RUNNING)
			continue;
		slot->is_behind = slot->session == 0;
		if (!slot->is_behind)
			(void)kill(slot->pid, SIGHUP);
	}
}

static void signals_take(struct supervisor *s)
{
	int number;
	while ((number = signals_next(s->config->signal_fd)) != 0) {
		if (number == SIGHUP && s->config->reread != NULL) {
			notify_reloading(&s->notify);
			hang_up(s);
			notify_ready(&s->notify);
			continue;
		}
		if (number != SIGTERM && number != SIGINT && number != SIGHUP)
			continue;
		log_line(LOG_LEVEL_INFO, "asked to end signal=%d", number);
		if (s->is_ending)
			children_signal(s, SIGKILL);
		else
			end_begin(s, SIGTERM);
	}
}

/* Milliseconds until there is something to do, -1 for never. */
static int wait_ms(const struct supervisor *s)
{
	int64_t now_ms = clock_ms();
	int64_t due_ms = INT64_MAX;
	int64_t notify_ms = notify_wait_ms(&s->notify, now_ms);
	if (notify_ms != INT64_MAX)
		due_ms = now_ms + notify_ms;
	for (uint32_t i = 0; i < s->config->processes; i++)
		if (s->slots[i].state == SLOT_EMPTY && s->slots[i].due_ms < due_ms)
			due_ms = s->slots[i].due_ms;
	if (due_ms == INT64_MAX)
		return -1;
	return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

static void service_turn(struct supervisor *s)
{
	uint32_t running = 0, registered = 0;
	if (!notify_turn(&s->notify, clock_ms()))
		return;
	for (uint32_t i = 0; i < s->config->processes; i++) {
		running += s->slots[i].state == SLOT_RUNNING;
		registered += s->slots[i].state == SLOT_RUNNING && s->slots[i].session != 0;
	}
	notify_status(&s->notify, "%u of %u processes running, %u registered at %s", running,
		      s->config->processes, registered, s->config->broker);
}

static bool has_children(const struct supervisor *s)
{
	for (uint32_t i = 0; i < s->config->processes; i++)
		if (s->slots[i].state != SLOT_ENDED)
			return true;
	return false;
}

static void loop(struct supervisor *s)
{
	while (has_children(s)) {
		uint32_t count = s->config->processes;
		s->items[0] = (struct pollfd){.fd = s->config->signal_fd, .events = POLLIN};
		for (uint32_t i = 0; i < count; i++)
			s->items[1 + i] = (struct pollfd){.fd = s->slots[i].fd, .events = POLLIN};
		int ready = poll(s->items, 1 + (nfds_t)count, wait_ms(s));
		for (uint32_t i = 0; ready > 0 && i < count; i++)
			if (s->items[1 + i].revents != 0)
				slot_read(&s->slots[i]);
		signals_take(s);
		children_reap(s);
		children_start(s);
		answers_drop(s);
		service_turn(s);
	}
}

enum brot_err supervise_run(const struct supervise_config *config, int *ret_status,
			    struct brot_error *err)
{
	struct supervisor s = {.config = config, .notify = config->notify};
	char option[] = SUPERVISE_CHILD_OPTION, pid[24];
	size_t argc = (size_t)config->argc;
	enum brot_err code = BROT_OK;

	(void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
	s.slots = calloc(config->processes, sizeof *s.slots);
	s.items = calloc(1 + (size_t)config->processes, sizeof *s.items);
	s.child_argv = calloc(argc + 3, sizeof *s.child_argv);
	if (s.slots == NULL || s.items == NULL || s.child_argv == NULL) {
		code = error_set(err, BROT_E_SYSTEM, "worker: no memory");
		goto done;
	}
	/* In front, where no "--" can turn them into operands. */
	s.child_argv[0] = config->argv[0];
	s.child_argv[1] = option;
	s.child_argv[2] = pid;
	memcpy(s.child_argv + 3, config->argv + 1, (argc - 1) * sizeof *s.child_argv);
	for (uint32_t i = 0; i < config->processes; i++)
		s.slots[i].fd = -1;
	/* The first one shows whether children can be started at all. */
	code = slot_start(&s, &s.slots[0], err);
	if (code != BROT_OK)
		goto done;
	children_start(&s);
	notify_ready(&s.notify);
	loop(&s);
	*ret_status = s.exit_status;

done:
	sock_free(s.sock, GONE_LINGER_MS);
	sock_context_free(s.context);
	free(s.child_argv);
	free(s.items);
	free(s.slots);
	return code;
}
