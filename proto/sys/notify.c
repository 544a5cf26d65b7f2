/* notify.c - the only file that includes systemd/sd-daemon.h. */
#include "proto/sys/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "proto/sys/clock.h"

#define STATUS_EVERY_MS 5000
#define STATUS_BYTES    256
#define SIGNS_A_PERIOD  3 /* one that comes late is no death yet */

struct notify notify_open(void)
{
	struct notify notify = NOTIFY_OFF;
	const char *address = getenv("NOTIFY_SOCKET");
	uint64_t period_us = 0;
	if (address == NULL || *address == '\0')
		return notify;
	notify.is_on = true;
	if (sd_watchdog_enabled(0, &period_us) > 0) {
		int64_t every_ms = (int64_t)(period_us / (SIGNS_A_PERIOD * 1000));
		notify.watchdog_every_ms = every_ms > 0 ? every_ms : 1;
	}
	notify.watchdog_ms = notify.status_ms = clock_ms();
	return notify;
}

void notify_ready(const struct notify *notify)
{
	if (notify->is_on)
		(void)sd_notify(0, "READY=1");
}

void notify_reloading(const struct notify *notify)
{
	if (notify->is_on)
		(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_us());
}

void notify_stopping(const struct notify *notify, int64_t patience_ms)
{
	if (notify->is_on)
		(void)sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
				 (long long)patience_ms * 1000);
}

bool notify_turn(struct notify *notify, int64_t now_ms)
{
	if (!notify->is_on)
		return false;
	if (notify->watchdog_every_ms > 0 && now_ms >= notify->watchdog_ms) {
		(void)sd_notify(0, "WATCHDOG=1");
		notify->watchdog_ms = now_ms + notify->watchdog_every_ms;
	}
	if (now_ms < notify->status_ms)
		return false;
	notify->status_ms = now_ms + STATUS_EVERY_MS;
	return true;
}

void notify_status(const struct notify *notify, const char *format, ...)
{
	char text[STATUS_BYTES];
	va_list args;
	if (!notify->is_on)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* One line: a second one would be another assignment. */
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20)
			*p = '?';
	(void)sd_notifyf(0, "STATUS=%s", text);
}

int64_t notify_wait_ms(const struct notify *notify, int64_t now_ms)
{
	if (!notify->is_on)
		return INT64_MAX;
	int64_t until_ms = notify->status_ms;
	if (notify->watchdog_every_ms > 0 && notify->watchdog_ms < until_ms)
		until_ms = notify->watchdog_ms;
	return until_ms > now_ms ? until_ms - now_ms : 0;
}
