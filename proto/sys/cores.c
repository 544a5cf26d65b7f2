/* cores.c - the affinity mask, or all cores where it cannot be had. */
#define _GNU_SOURCE /* sched_getaffinity() */
#include "proto/sys/cores.h"

#include <sched.h>
#include <unistd.h>

unsigned cores_count(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	const long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (unsigned)online : 1;
}
