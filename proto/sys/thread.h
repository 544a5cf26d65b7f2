/*
 * thread.h - threads as a library may start them: no signal of the program is handled in one, their
 * floating-point environment is the default one, and their stack does not depend on the limits that
 * the program was started with.
 *
 * Thread-safe.
 */
#ifndef PROTO_SYS_THREAD_H
#define PROTO_SYS_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#define THREAD_STACK_BYTES ((size_t)2 * 1024 * 1024)

/* Starts a thread with all signals blocked. The caller joins it. False, *ret_thread untouched,
 * where the system has none to give. */
bool thread_start(pthread_t *ret_thread, void *(*run)(void *context), void *context);

#endif
