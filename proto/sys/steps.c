/* steps.c - death at a named step, and numbers of tests. */
#include "proto/sys/steps.h"

#ifdef BROT_STEPS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void step_reached(const char *name)
{
	static atomic_long times;
	const char *wanted = getenv("BROT_DIE_AT");
	if (wanted == NULL || strcmp(wanted, name) != 0)
		return;
	const char *count = getenv("BROT_DIE_COUNT");
	long at = count != NULL ? strtol(count, NULL, 10) : 1;
	if (atomic_fetch_add(&times, 1) + 1 >= at)
		(void)raise(SIGKILL);
}

int64_t step_number(const char *name, int64_t usual)
{
	const char *text = getenv(name);
	return text != NULL ? strtoll(text, NULL, 10) : usual;
}

#else

/* ISO C wants a translation unit to hold something. */
typedef int steps_are_off;

#endif
