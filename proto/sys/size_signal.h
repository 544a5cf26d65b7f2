/*
 * size_signal.h - keeps SIGXFSZ from the calling thread, so that a write beyond the process's limit
 * of a file's size (RLIMIT_FSIZE) fails with EFBIG, whatever the program does with that signal.
 *
 * Threads that are started by thread_start() have it blocked anyway.
 */
#ifndef PROTO_SYS_SIZE_SIGNAL_H
#define PROTO_SYS_SIZE_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

struct size_signal {
	sigset_t before; /* the thread's signal mask */
	bool was_pending;
};

void size_signal_block(struct size_signal *ret_before);

/* The mask is as it was; the signal, if it came in between, is gone. */
void size_signal_restore(const struct size_signal *before);

#endif
