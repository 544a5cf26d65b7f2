/*
 * sim_coverage.h - which events met which states, over all simulations of a program.
 *
 * The states are those of the scheduler's read-only views, asked before each step.
 */
#ifndef TESTS_SIM_SIM_COVERAGE_H
#define TESTS_SIM_SIM_COVERAGE_H

#include "broker/sched.h"

enum coverage_state {
	/* of the job that an event is about */
	COVER_JOB_UNKNOWN,
	COVER_JOB_CREATING,
	COVER_JOB_QUEUED,
	COVER_JOB_RUNNING,
	COVER_JOB_PAUSED,
	COVER_JOB_FINISHED,
	COVER_JOB_FAILED,
	COVER_BANDED_CREATING,
	COVER_BANDED_RENDERING, /* nothing to read */
	COVER_BANDED_READABLE,  /* a band is complete */
	COVER_BANDED_PAUSED,
	COVER_BANDED_FAILED,
	COVER_COUNTED_CREATING, /* a Buddhabrot */
	COVER_COUNTED_SAMPLING,
	COVER_COUNTED_SUMMING, /* all samples are counted */
	COVER_COUNTED_PAUSED,
	COVER_COUNTED_FAILED,
	/* of the worker */
	COVER_WORKER_UNKNOWN,
	COVER_WORKER_WELCOMED, /* has not spoken in its session */
	COVER_WORKER_IDLE,
	COVER_WORKER_HOLDING,
	COVER_WORKER_DRAINING,
	COVER_WORKER_MOVED, /* its session comes over another connection */
	/* of the tile */
	COVER_TILE_NEVER_CUT,
	COVER_TILE_WAITING,
	COVER_TILE_LEASED,
	COVER_TILE_LEASED_TWICE,
	COVER_TILE_HELD, /* in a grid */
	COVER_TILE_DONE,
	COVER_TILE_OTHER_LIFE, /* of the broker, or of the job */
	COVER_STATE_COUNT
};

const char *coverage_state_name(enum coverage_state state);
const char *coverage_event_name(enum sched_event_type type);

/* Whether events of that type are about what has such states at all. */
bool coverage_applies(enum coverage_state state, enum sched_event_type type);
uint64_t coverage_count(enum coverage_state state, enum sched_event_type type);
void coverage_reset(void);

#endif
