/*
 * stall.h - notices that a thread has stopped moving, by looking at its count of steps.
 *
 * Pure. Whoever looks is one thread; times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef WORKER_STALL_H
#define WORKER_STALL_H

#include <stdbool.h>
#include <stdint.h>

/* What was last seen of a thread; zeroed to begin with. */
struct stall {
	uint64_t steps;
	int64_t moved_ms; /* when that was first seen */
};

/* Looks again: steps changes whenever the thread moves. Returns for how long it has been seen
 * working without a step, ms; 0 for one that has nothing to do. */
int64_t stall_look(struct stall *stall, bool is_working, uint64_t steps, int64_t now_ms);

#endif
