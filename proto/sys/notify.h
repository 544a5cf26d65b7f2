/*
 * notify.h - tells systemd how this process is, where systemd has started it and listens.
 *
 * By sd_notify(3), so nothing is said where NOTIFY_SOCKET is not set. The environment is inherited:
 * a child, or a broker or worker that serves one call, keeps NOTIFY_OFF, lest it speak for another.
 *
 * Thread rule: the thread of the event loop alone. The signs of life mean that this loop turns.
 */
#ifndef PROTO_SYS_NOTIFY_H
#define PROTO_SYS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
	bool is_on;
	int64_t watchdog_every_ms;      /* between two signs of life; 0: none are asked for */
	int64_t watchdog_ms, status_ms; /* when they are due, by CLOCK_MONOTONIC */
};
#define NOTIFY_OFF ((struct notify){.is_on = false})

/* Off without NOTIFY_SOCKET. */
struct notify notify_open(void);

/* READY=1: this process serves, for the first time or after notify_reloading(). */
void notify_ready(const struct notify *notify);
void notify_reloading(const struct notify *notify);

/* STOPPING=1, and systemd shall wait for our end so long from now on, at least. */
void notify_stopping(const struct notify *notify, int64_t patience_ms);

/* Once in each turn of the loop: the sign of life, where it is due. True every few seconds, when
 * notify_status() is. */
bool notify_turn(struct notify *notify, int64_t now_ms);
void notify_status(const struct notify *notify, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Until notify_turn() has something to do; INT64_MAX where it never has. */
int64_t notify_wait_ms(const struct notify *notify, int64_t now_ms);

#endif
