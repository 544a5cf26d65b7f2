/*
 * embedded.c - two children, one folder, one pipe.
 *
 * The broker writes a byte into the pipe once it listens. A broker that ends instead closes the
 * pipe, so nothing here has to look again and again.
 */
#define _GNU_SOURCE /* pipe2() */
#include "client/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/last_words.h"
#include "proto/limits.h"
#include "proto/sys/clock.h"
#include "proto/sys/cores.h"
#include "proto/sys/process.h"

#define STOP_MS       2000
#define STOP_ALONE_MS 50
#define LOOK_MS       50 /* between two looks at a child of which nothing tells */
#define FOLDER_NAME   "/brot-XXXXXX"
#define LONGEST_NAME  "/clients" /* of those in the folder; "/workers" is as long */
#define URL_BYTES     (sizeof "ipc://" LONGEST_NAME + LIMIT_IPC_PATH_BYTES)
#define READY_FD      "3" /* where process_start() puts the descriptor that it keeps */

struct child {
	const char *program;
	pid_t pid; /* 0: not running */
	int fd;    /* readable when it has ended, whoever has reaped it; -1: an old kernel */
	struct last_words words;
};

struct embedded {
	char folder[LIMIT_IPC_PATH_BYTES];
	char clients_url[URL_BYTES], workers_url[URL_BYTES];
	uint32_t workers;
	struct interrupt *interrupt;
	struct child broker, worker;
};

/* Whether sockets of this user are safe in a folder, and their paths short enough. */
static bool folder_is_usable(const char *parent)
{
	struct stat status;
	return parent != NULL && parent[0] == '/' &&
	       strlen(parent) + strlen(FOLDER_NAME LONGEST_NAME) < LIMIT_IPC_PATH_BYTES &&
	       stat(parent, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       access(parent, W_OK | X_OK) == 0;
}

static enum brot_err make_folder(struct embedded *e, struct brot_error *err)
{
	const char *parent = getenv("XDG_RUNTIME_DIR");
	char folder[sizeof e->folder];
	(void)snprintf(folder, sizeof folder, "%s" FOLDER_NAME,
		       folder_is_usable(parent) ? parent : "/tmp");
	if (mkdtemp(folder) == NULL)
		return error_set(err, BROT_E_SYSTEM,
				 "cannot make a folder for the embedded service at %s: %s", folder,
				 strerror(errno));
	memcpy(e->folder, folder, sizeof folder);
	(void)snprintf(e->clients_url, sizeof e->clients_url, "ipc://%s/clients", folder);
	(void)snprintf(e->workers_url, sizeof e->workers_url, "ipc://%s/workers", folder);
	return BROT_OK;
}

static void remove_folder(const struct embedded *e)
{
	static const char *const names[] = {"clients", "workers"};
	char path[sizeof e->folder + sizeof LONGEST_NAME];
	if (e->folder[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", e->folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(e->folder);
}

static enum brot_err start_apart(struct child *child, const char *path, char *const words[],
				 int keep_fd, pid_t *ret_pid, struct brot_error *err)
{
	int writer;
	if (!last_words_open(&child->words, &writer))
		return error_set(err, BROT_E_SYSTEM, "cannot make a pipe: %s", strerror(errno));
	const enum brot_err code = process_start_apart(path, words, keep_fd, writer, ret_pid, err);
	(void)close(writer);
	return code;
}

/* Starts a program with that list of words. */
static enum brot_err start(struct child *child, char *const words[], int keep_fd, bool is_apart,
			   struct brot_error *err)
{
	char path[PATH_MAX];
	pid_t pid = 0;
	enum brot_err code = process_find(child->program, path, err);
	if (code == BROT_OK)
		code = is_apart ? start_apart(child, path, words, keep_fd, &pid, err)
				: process_start(path, words, keep_fd, &pid, err);
	if (code == BROT_OK) {
		child->pid = pid;
		child->fd = pidfd_open(pid, 0);
	}
	return code;
}

static enum brot_err start_both(struct embedded *e, int ready_fd, struct brot_error *err)
{
	char self[24], count[16];
	(void)snprintf(self, sizeof self, "%ld", (long)getpid());
	(void)snprintf(count, sizeof count, "%lu", (unsigned long)e->workers);
	char broker[] = "brot-broker", embedded[] = "--embedded", tied_to[] = "--tied-to",
	     ready[] = "--ready-fd", fd[] = READY_FD, clients[] = "--clients",
	     workers[] = "--workers", worker[] = "brot-worker", to[] = "--broker",
	     processes[] = "--processes";
	char *broker_words[] = {broker,  embedded,       tied_to, self,           ready, fd,
				clients, e->clients_url, workers, e->workers_url, NULL};
	char *worker_words[] = {worker, tied_to, self, to, e->workers_url, processes, count, NULL};
	const bool is_apart = e->interrupt->signal_fd < 0;
	enum brot_err code = start(&e->broker, broker_words, ready_fd, is_apart, err);
	if (code == BROT_OK)
		code = start(&e->worker, worker_words, -1, is_apart, err);
	return code;
}

static void forget(struct child *child)
{
	if (child->fd >= 0)
		(void)close(child->fd);
	child->fd = -1;
	child->pid = 0;
}

/* Reaps a child that has ended; true if it has, with a sentence. */
static bool has_ended(struct child *child, struct brot_error *err)
{
	int status = 0;
	const pid_t pid = child->pid == 0 ? 0 : waitpid(child->pid, &status, WNOHANG);
	if (pid == 0 || (pid < 0 && errno != ECHILD))
		return false;
	forget(child);
	last_words_hear(&child->words);
	const char *colon = child->words.chars != 0 ? ": " : "";
	if (pid < 0) /* by who ignores SIGCHLD, or waits for any child */
		(void)error_set(err, BROT_E_SYSTEM,
				"the embedded %s has ended, and somebody else has reaped it%s%s",
				child->program, colon, child->words.line);
	else if (WIFSIGNALED(status))
		(void)error_set(err, BROT_E_SYSTEM, "the embedded %s was killed by signal %d%s%s",
				child->program, WTERMSIG(status), colon, child->words.line);
	else
		(void)error_set(err, BROT_E_SYSTEM, "the embedded %s ended with exit status %d%s%s",
				child->program, WEXITSTATUS(status), colon, child->words.line);
	return true;
}

enum brot_err embedded_check(struct embedded *embedded, struct brot_error *err)
{
	if (has_ended(&embedded->broker, err) || has_ended(&embedded->worker, err))
		return BROT_E_SYSTEM;
	return BROT_OK;
}

/* What a signal that came while the broker starts means. */
static enum brot_err take_signals(struct embedded *e, struct brot_error *err)
{
	unsigned news = interrupt_read(e->interrupt);
	/* Ctrl-C reaches the children of a terminal's foreground group as well. */
	if ((news & INTERRUPT_END) != 0)
		return interrupt_cancelled(err);
	return (news & INTERRUPT_CHILD) != 0 ? embedded_check(e, err) : BROT_OK;
}

static enum brot_err wait_ready(struct embedded *e, int ready_fd, int64_t timeout_ms,
				struct brot_error *err)
{
	int64_t deadline_ms = clock_ms() + timeout_ms;
	struct pollfd items[] = {{.fd = ready_fd, .events = POLLIN},
				 {.fd = e->interrupt->signal_fd, .events = POLLIN},
				 {.fd = e->broker.fd, .events = POLLIN},
				 {.fd = e->worker.fd, .events = POLLIN}};
	for (int64_t left_ms = timeout_ms; left_ms > 0; left_ms = deadline_ms - clock_ms()) {
		const int wait_ms = left_ms < LOOK_MS ? (int)left_ms : LOOK_MS;
		const int ready = poll(items, 4, wait_ms);
		embedded_hear(e);
		if (ready < 0)
			continue;
		char byte;
		if (ready > 0 && items[0].revents != 0 && read(ready_fd, &byte, 1) == 1)
			return BROT_OK;
		enum brot_err code = BROT_OK;
		if (ready > 0 && items[1].revents != 0)
			code = take_signals(e, err);
		if (code == BROT_OK && e->interrupt->signal_fd < 0)
			code = embedded_check(e, err);
		if (code != BROT_OK)
			return code;
		/* The pipe is closed: wait for the child's end, which brings the reason. */
		if (ready > 0 && items[0].revents != 0)
			items[0].fd = -1;
	}
	return error_set(err, BROT_E_SYSTEM, "the embedded brot-broker was not ready within %.3g s",
			 (double)timeout_ms / 1000);
}

static enum brot_err launch(struct embedded *e, int64_t timeout_ms, struct brot_error *err)
{
	int ready[2];
	enum brot_err code = make_folder(e, err);
	if (code != BROT_OK)
		return code;
	if (pipe2(ready, O_CLOEXEC) != 0)
		return error_set(err, BROT_E_SYSTEM, "cannot make a pipe: %s", strerror(errno));
	code = start_both(e, ready[1], err);
	(void)close(ready[1]);
	if (code == BROT_OK)
		code = wait_ready(e, ready[0], timeout_ms, err);
	(void)close(ready[0]);
	return code;
}

enum brot_err embedded_start(uint32_t workers, struct interrupt *interrupt, int64_t timeout_ms,
			     struct embedded **ret_embedded, struct brot_error *err)
{
	struct embedded *e = calloc(1, sizeof *e);
	if (e == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for an embedded service");
	e->broker.program = "brot-broker";
	e->worker.program = "brot-worker";
	e->broker.fd = e->worker.fd = -1;
	e->broker.words = e->worker.words = LAST_WORDS_NONE;
	e->interrupt = interrupt;
	e->workers = workers != 0 ? workers : cores_count();
	enum brot_err code = launch(e, timeout_ms, err);
	if (code != BROT_OK) {
		embedded_stop(e);
		return code;
	}
	*ret_embedded = e;
	return BROT_OK;
}

const char *embedded_url(const struct embedded *embedded)
{
	return embedded->clients_url;
}

uint32_t embedded_workers(const struct embedded *embedded)
{
	return embedded->workers;
}

void embedded_words(const struct embedded *embedded, int ret_fds[EMBEDDED_CHILDREN])
{
	ret_fds[0] = embedded->broker.words.fd;
	ret_fds[1] = embedded->worker.words.fd;
}

void embedded_hear(struct embedded *embedded)
{
	last_words_hear(&embedded->broker.words);
	last_words_hear(&embedded->worker.words);
}

/* Its number may be another's by now, where who has started us ignores SIGCHLD. */
static void send_signal(const struct child *child, int number)
{
	if (child->fd >= 0)
		(void)pidfd_send_signal(child->fd, number, NULL, 0);
	else
		(void)kill(child->pid, number);
}

/* Asks a child to end and reaps it. One that does not within STOP_MS is killed, and sooner if its
 * `peer`, unless NULL, has ended: on Ctrl-C both get the signal, and a worker's goodbye would wait
 * for a broker that is gone. */
static void stop(struct child *child, struct child *peer, struct interrupt *interrupt)
{
	struct pollfd items[] = {{.fd = interrupt->signal_fd, .events = POLLIN},
				 {.fd = child->fd, .events = POLLIN}};
	int64_t deadline_ms = clock_ms() + STOP_MS;
	if (child->pid == 0 || has_ended(child, NULL))
		return;
	send_signal(child, SIGTERM);
	while (!has_ended(child, NULL)) {
		if (peer != NULL && (peer->pid == 0 || has_ended(peer, NULL)) &&
		    deadline_ms > clock_ms() + STOP_ALONE_MS)
			deadline_ms = clock_ms() + STOP_ALONE_MS;
		int64_t left_ms = deadline_ms - clock_ms();
		if (left_ms <= 0) {
			send_signal(child, SIGKILL);
			(void)waitpid(child->pid, NULL, 0);
			forget(child);
			return;
		}
		(void)poll(items, 2, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS);
		(void)interrupt_read(interrupt);
		last_words_hear(&child->words);
	}
}

void embedded_stop(struct embedded *embedded)
{
	if (embedded == NULL)
		return;
	/* The worker first, while there is a broker that takes its goodbye. */
	stop(&embedded->worker, &embedded->broker, embedded->interrupt);
	stop(&embedded->broker, NULL, embedded->interrupt);
	last_words_close(&embedded->worker.words);
	last_words_close(&embedded->broker.words);
	remove_folder(embedded);
	free(embedded);
}
