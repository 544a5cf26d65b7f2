/* interrupt.c - what a signal means to a client. */
#include "client/interrupt.h"

#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "proto/sys/signals.h"

#define SIGNAL_STATUS 128

unsigned interrupt_read(struct interrupt *interrupt)
{
	unsigned news = 0;
	int number;
	if (interrupt->is_wanted != NULL) {
		uint64_t rings;
		const ssize_t bytes = read(interrupt->signal_fd, &rings, sizeof rings);
		return bytes > 0 && atomic_load(interrupt->is_wanted) ? INTERRUPT_END : 0;
	}
	while ((number = signals_next(interrupt->signal_fd)) != 0) {
		if (number == SIGCHLD) {
			news |= INTERRUPT_CHILD;
			continue;
		}
		news |= INTERRUPT_END;
		if (interrupt->number == 0)
			interrupt->number = number;
	}
	return news;
}

enum brot_err interrupt_cancelled(struct brot_error *err)
{
	return error_set(err, BROT_E_CANCELLED, "the render was cancelled");
}

int interrupt_exit_status(const struct interrupt *interrupt, enum brot_err code)
{
	if (code == BROT_E_CANCELLED && interrupt->number != 0)
		return SIGNAL_STATUS + interrupt->number;
	return error_exit_status(code);
}
