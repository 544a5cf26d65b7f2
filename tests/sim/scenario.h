/*
 * scenario.h - random lives of a broker, each drawn from its seed.
 *
 * Workers die, hang, fail, come back late; clients vanish, ask twice, ask for what makes no sense;
 * connections break; the broker is killed between any two things it does. At last the troubles
 * end: then every job that was not cancelled, refused or failed must finish, and nothing may be
 * left once all are released.
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct scenario {
	uint64_t seed;
	bool is_quiet; /* keeps no trace */
	FILE *log;     /* NULL, or where to write what replay reads */
};

struct scenario_result {
	bool is_broken;
	char text[512]; /* what is broken */
	char *trace;    /* owned: free() */
	unsigned jobs, finished, steps, restarts;
};

void scenario_run(const struct scenario *scenario, struct scenario_result *ret_result);

#endif
