/*
 * sim.h - a broker's scheduler among make-believe clients and workers, in virtual time.
 *
 * Messages take a while, connections keep their order until they break, workers render as fast as
 * they are told to. Every random choice comes from the seed, so a run can be repeated. After
 * every step the invariants are checked; the first that breaks is kept in sim_broken().
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/sched.h"

struct sim; /* opaque */

struct sim *sim_new(uint64_t seed, const struct sched_limits *limits);
void sim_free(struct sim *sim);

uint64_t sim_random(struct sim *sim, uint64_t below);
int64_t sim_now_ms(const struct sim *sim);

/* Peers have names for the traces: workers 1.. are "w1", clients "c1". */
unsigned sim_worker(struct sim *sim, unsigned threads, int64_t us_per_row);
unsigned sim_client(struct sim *sim);

/* A width x height rgb8 image; the number of the job within the simulation, from 0. */
unsigned sim_submit(struct sim *sim, unsigned client, uint32_t width, uint32_t height);
unsigned sim_submit_phases(struct sim *sim, unsigned client, unsigned phases, uint32_t width,
			   uint32_t height);
/* The same with an image whose lower half is the upper one upside down. */
unsigned sim_submit_mirrored(struct sim *sim, unsigned client, unsigned phases, uint32_t width,
			     uint32_t height);
void sim_submit_again(struct sim *sim, unsigned client, unsigned job);
void sim_cancel(struct sim *sim, unsigned client, unsigned job);
void sim_release(struct sim *sim, unsigned client, unsigned job);

/* What can happen to a worker. Killed ones never come back; a new one takes their place. */
void sim_kill(struct sim *sim, unsigned worker);         /* silently */
void sim_parent_tells(struct sim *sim, unsigned worker); /* GONE for a killed one */
void sim_freeze(struct sim *sim, unsigned worker);       /* SIGSTOP: neither reads nor beats */
void sim_thaw(struct sim *sim, unsigned worker);
void sim_reconnect(struct sim *sim, unsigned worker); /* what is under way is lost */
void sim_drain(struct sim *sim, unsigned worker);     /* BYE once its tiles are done */
void sim_fail_next(struct sim *sim, unsigned worker, unsigned tiles);
void sim_echo(struct sim *sim, unsigned worker); /* sends its last DONE once more */
void sim_mute(struct sim *sim, unsigned client); /* stops watching */

/* Lets virtual time pass. sim_run_idle() stops early when no job has anything left to render. */
void sim_run(struct sim *sim, int64_t ms);
bool sim_run_idle(struct sim *sim, int64_t ms);

enum sim_job_state { SIM_JOB_OPEN, SIM_JOB_FINISHED, SIM_JOB_FAILED, SIM_JOB_REFUSED };
enum sim_job_state sim_job_state(const struct sim *sim, unsigned job);
double sim_job_share(const struct sim *sim, unsigned job); /* of its pixels done, 0..1 */
unsigned sim_tiles_done(const struct sim *sim, unsigned worker);

/* Fails unless the lines of the trace since the last call that start with one of the given
 * actions' names are exactly `expected`; prints both where they differ. Lines look like
 * "[  40] w1: tile 1/0 attempt 1 rows 0+16\n". */
bool sim_expect(struct sim *sim, const char *expected);

/* The first broken invariant, or NULL. */
const char *sim_broken(const struct sim *sim);

/* The whole trace so far, for a run that failed. */
const char *sim_trace(const struct sim *sim);

#endif
