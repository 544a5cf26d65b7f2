/*
 * fault.h - survives a SIGBUS in shared memory.
 *
 * Any process of the same user can truncate an image while it is mapped; the next access is then a
 * SIGBUS. It must cost one tile, not the worker.
 *
 * Thread-safe once fault_init() has been called: each thread guards itself.
 */
#ifndef WORKER_FAULT_H
#define WORKER_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Installs the handler, once, before there are threads. False with errno if that fails. */
bool fault_init(void);

/* Calls fn(context). Returns false where an access of this thread to the `bytes` bytes at memory
 * faulted: fn was left at that point, so it must hold nothing that has to be given back, and what
 * it was writing is unfinished. A fault anywhere else ends the program as it always does. memory
 * may be NULL: then nothing is guarded. Calls must not be nested. */
bool fault_guard(void (*fn)(void *context), void *context, const void *memory, size_t bytes);

#endif
