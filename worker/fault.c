/*
 * fault.c - a signal handler that jumps back to the guard of the thread that faulted.
 *
 * SIGBUS from an access is synchronous: it is handled in the thread and at the instruction that
 * caused it, which inside a guard is plain computing code. So the jump leaves no lock held.
 */
#include "worker/fault.h"

#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

struct guard {
	sigjmp_buf back;
	uintptr_t first, last; /* the guarded bytes */
};

static _Thread_local struct guard *volatile present;

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	(void)context;
	struct guard *guard = present;
	uintptr_t at = (uintptr_t)info->si_addr;
	if (info->si_code > 0 && guard != NULL && at >= guard->first && at <= guard->last)
		siglongjmp(guard->back, 1);
	/* Not ours: the access is repeated, or the signal sent again, without a handler. */
	(void)signal(number, SIG_DFL);
	if (info->si_code <= 0)
		(void)raise(number);
}

bool fault_init(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO, .sa_sigaction = on_bus_error};
	return sigaction(SIGBUS, &action, NULL) == 0;
}

bool fault_guard(void (*fn)(void *context), void *context, const void *memory, size_t bytes)
{
	if (memory == NULL || bytes == 0) {
		fn(context);
		return true;
	}
	assert(present == NULL);
	struct guard guard = {.first = (uintptr_t)memory, .last = (uintptr_t)memory + (bytes - 1)};
	/* The signal mask is saved too: the handler runs with SIGBUS blocked. */
	if (sigsetjmp(guard.back, 1) != 0) {
		present = NULL;
		return false;
	}
	present = &guard;
	fn(context);
	present = NULL;
	return true;
}
