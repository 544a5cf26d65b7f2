/*
 * gate.h - asks now and then whether a run is to go on, in whatever part of it the time goes by.
 *
 * Pure; one thread's.
 */
#ifndef WORKER_BUDDHA_GATE_H
#define WORKER_BUDDHA_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/kernel/kernel.h"

/* Steps of orbits between two questions: a tenth of a second of the slowest kernel. */
#define GATE_WORK (1u << 22)

struct gate {
	const struct escape_poll *poll; /* NULL: never asked */
	uint64_t iterations;            /* done to tell how samples end: what a poll is told */
	uint64_t work;                  /* since the last question */
	bool is_over;                   /* the poll said no */
};

/* Returns whether to go on; false for good. */
static inline bool gate_ask(struct gate *gate)
{
	gate->work = 0;
	if (!gate->is_over && gate->poll != NULL)
		gate->is_over = !gate->poll->keep_going(gate->poll->context, gate->iterations);
	return !gate->is_over;
}

/* The same after so many more steps, or samples; asks only where it is time. */
static inline bool gate_pass(struct gate *gate, uint64_t work)
{
	gate->work += work;
	return gate->work < GATE_WORK ? !gate->is_over : gate_ask(gate);
}

#endif
