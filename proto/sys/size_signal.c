/* size_signal.c - see size_signal.h. Apart from signals.c, as signals_next.c is. */
#include "proto/sys/size_signal.h"

#include <stddef.h>
#include <time.h>

static bool is_pending(void)
{
	sigset_t pending;
	return sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

static sigset_t only(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	return set;
}

void size_signal_block(struct size_signal *ret_before)
{
	const sigset_t set = only();
	ret_before->was_pending = is_pending();
	(void)pthread_sigmask(SIG_BLOCK, &set, &ret_before->before);
}

void size_signal_restore(const struct size_signal *before)
{
	static const struct timespec at_once;
	const sigset_t set = only();
	if (!before->was_pending && is_pending())
		(void)sigtimedwait(&set, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, &before->before, NULL);
}
