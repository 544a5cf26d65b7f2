/*
 * thread_mode.h - takes a thread's rounding and locale from whoever calls the library, and gives
 * them back.
 *
 * The bytes of an image are those of the default floating-point environment (to nearest, nothing
 * flushed to zero, no traps), and numbers in texts have a point: what a program has set for itself
 * must not reach them. What raised an exception flag in between is forgotten.
 *
 * Threads that are started between the two calls have that environment too, but the process's
 * locale. Thread rule: each call is about its own thread alone.
 */
#ifndef PROTO_THREAD_MODE_H
#define PROTO_THREAD_MODE_H

#include <fenv.h>
#include <locale.h>

struct thread_mode {
	fenv_t floats;
	locale_t locale;
};

/* Nests: each enter is met by one leave with what it gave. */
void thread_mode_enter(struct thread_mode *ret_callers);
void thread_mode_leave(const struct thread_mode *callers);

#endif
