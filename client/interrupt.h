/*
 * interrupt.h - the signals that reach a client, and the one that wanted its end; or another thread
 * that wants it.
 *
 * One thread owns a struct interrupt.
 */
#ifndef CLIENT_INTERRUPT_H
#define CLIENT_INTERRUPT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "proto/error.h"

struct interrupt {
	int signal_fd; /* of signals_open(); -1: nothing interrupts */
	int number;    /* of the first signal that wanted the end; 0: none did */
	/* NULL, or signal_fd is an eventfd(2) that another thread writes to, to wake this one,
	 * after it has set that where it wants the end: no signal is read then. */
	const atomic_bool *is_wanted;
};

enum interrupt_news {
	INTERRUPT_END = 1,   /* SIGINT, SIGTERM or SIGHUP */
	INTERRUPT_CHILD = 2, /* a child has ended */
};

/* Takes all signals that have come. Returns bits of enum interrupt_news. Does not wait. */
unsigned interrupt_read(struct interrupt *interrupt);

/* Fills *err and returns BROT_E_CANCELLED: the sentence for a render that ends at the user's
 * wish. */
enum brot_err interrupt_cancelled(struct brot_error *err);

/* The exit status for that failure: where a signal is the reason, the shell's 128 and its
 * number. */
int interrupt_exit_status(const struct interrupt *interrupt, enum brot_err code);

#endif
