/* thread_mode.c - see thread_mode.h. */
#include "proto/thread_mode.h"

#include <stddef.h>

void thread_mode_enter(struct thread_mode *ret_callers)
{
	(void)fegetenv(&ret_callers->floats);
	(void)fesetenv(FE_DFL_ENV);
	/* "C" is always there, and costs nothing to find. */
	const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	ret_callers->locale = uselocale(plain);
}

void thread_mode_leave(const struct thread_mode *callers)
{
	(void)uselocale(callers->locale);
	(void)fesetenv(&callers->floats);
}
