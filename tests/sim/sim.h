/*
 * sim.h - a broker's scheduler among make-believe clients, workers and a store, in virtual time.
 *
 * Messages take a while, connections keep their order until they break, workers render as fast as
 * they are told to, and the broker can be killed between any two things it does. Every random
 * choice comes from the seed, so a run can be repeated. After every step the invariants are
 * checked; the first that breaks is kept in sim_broken().
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "broker/sched.h"

struct sim; /* opaque */

struct sim *sim_new(uint64_t seed, const struct sched_limits *limits);
void sim_free(struct sim *sim);

/* No trace: faster. */
void sim_be_quiet(struct sim *sim);
/* Writes what a broker's debug log would hold of the scheduler to `log`, borrowed. Before the
 * first event. */
void sim_log_to(struct sim *sim, FILE *log);

uint64_t sim_random(struct sim *sim, uint64_t below);
int64_t sim_now_ms(const struct sim *sim);

/* Messages take 1 to most_ms instead of 1 ms, in order within a connection. */
void sim_delay(struct sim *sim, int64_t most_ms);

/* Peers have names for the traces: workers 1.. are "w1", clients "c1". A local worker maps images;
 * the others send pixels. */
unsigned sim_worker(struct sim *sim, unsigned threads, int64_t us_per_row);
unsigned sim_worker_local(struct sim *sim, unsigned threads, int64_t us_per_row);
unsigned sim_client(struct sim *sim);
/* Its jobs count as those of that other client. */
unsigned sim_client_same(struct sim *sim, unsigned other);

struct sim_request {
	unsigned client;
	uint32_t width, height;
	unsigned phases;    /* 0: one */
	bool is_mirrored;   /* the lower half is the upper one upside down */
	uint32_t band_rows; /* 0: in one piece */
	uint32_t segments;  /* of samples: a Buddhabrot; 0: another kind */
	uint32_t grids;     /* that it may have at a time */
	uint64_t pixel_work;
	int32_t priority;
	bool is_kept;
};

/* An rgb8 image, or density; the number of the job within the simulation, from 0. The client asks
 * again until it is answered, watches, reads and releases bands as they come, and asks anew under
 * its key if the broker has forgotten the job. */
unsigned sim_request(struct sim *sim, const struct sim_request *request);
unsigned sim_submit(struct sim *sim, unsigned client, uint32_t width, uint32_t height);

/* What clients ask for. Any may ask about any job. */
void sim_submit_again(struct sim *sim, unsigned client, unsigned job);
void sim_attach(struct sim *sim, unsigned client, unsigned job); /* it becomes the job's client */
void sim_cancel(struct sim *sim, unsigned client, unsigned job);
void sim_release(struct sim *sim, unsigned client, unsigned job);
void sim_priority(struct sim *sim, unsigned client, unsigned job, int32_t priority);
void sim_drain_worker(struct sim *sim, unsigned client, const char *name);
/* PAUSE, RESUME, RETRY, WATCH or ATTACH once. */
void sim_verb(struct sim *sim, unsigned client, unsigned job, enum sched_event_type verb);
/* A client's event as it is, on its connection; text must be a literal. */
void sim_client_says(struct sim *sim, unsigned client, const struct sched_event *event);

void sim_mute(struct sim *sim, unsigned client); /* says nothing any more */
void sim_unmute(struct sim *sim, unsigned client);
void sim_client_reconnect(struct sim *sim, unsigned client);

/* What can happen to a worker. Killed ones never come back; a new one takes their place. */
void sim_kill(struct sim *sim, unsigned worker);         /* silently */
void sim_parent_tells(struct sim *sim, unsigned worker); /* GONE for a killed one */
void sim_freeze(struct sim *sim, unsigned worker);       /* SIGSTOP: neither reads nor beats */
void sim_thaw(struct sim *sim, unsigned worker);
void sim_reconnect(struct sim *sim, unsigned worker); /* what is under way is lost */
void sim_drain(struct sim *sim, unsigned worker);     /* SIGTERM: BYE once its tiles are done */
void sim_credit(struct sim *sim, unsigned worker, unsigned credit);
void sim_speed(struct sim *sim, unsigned worker, int64_t us_per_row);
void sim_fail_next(struct sim *sim, unsigned worker, unsigned tiles); /* so many from now on */
void sim_echo(struct sim *sim, unsigned worker); /* says its last DONE, FAIL or MAPPED again */
/* A worker's event as it is, on its connection; session 0 means its own. */
void sim_worker_says(struct sim *sim, unsigned worker, const struct sched_event *event);
/* The same, as the first word of its next session. */
void sim_worker_blurts(struct sim *sim, unsigned worker, const struct sched_event *event);
/* UNREACHABLE of its connection, though it is there. */
void sim_unreachable(struct sim *sim, unsigned worker);

/* What can happen to the broker. With a store (limits.is_durable) its jobs come back. */
enum sim_restart { SIM_RESTART_KILL, SIM_RESTART_STOP, SIM_RESTART_REBOOT };
void sim_restart(struct sim *sim, enum sim_restart how);
/* kill -9 once it has done `things` more of what a step asks for: rows stored, images made and
 * dropped, pixels written, segments marked, messages sent. */
void sim_restart_after(struct sim *sim, unsigned things);
bool sim_is_restart_due(const struct sim *sim); /* of sim_restart_after(), and yet to come */
void sim_fail_next_image(struct sim *sim, unsigned images);   /* so many, for want of memory */
void sim_fail_next_sum(struct sim *sim, unsigned sums);       /* counts that are too large */
void sim_fail_next_commit(struct sim *sim, unsigned commits); /* grids that are not exact */

/* Lets virtual time pass. sim_run_idle() stops early when nothing is left to render or read. */
void sim_run(struct sim *sim, int64_t ms);
bool sim_run_idle(struct sim *sim, int64_t ms);

/* As its client sees it. OPEN: asked for, and no end is known. */
enum sim_job_state { SIM_JOB_OPEN, SIM_JOB_FINISHED, SIM_JOB_FAILED, SIM_JOB_REFUSED };
enum sim_job_state sim_job_state(const struct sim *sim, unsigned job);
uint64_t sim_job_id(const struct sim *sim, unsigned job); /* 0: the broker knows none */
bool sim_job_report(const struct sim *sim, unsigned job, struct job_report *ret_report);
void sim_totals(const struct sim *sim, struct sched_totals *ret_totals);
const char *sim_job_text(const struct sim *sim, unsigned job); /* why it has failed */
void sim_tell_job(struct sim *sim, unsigned job);              /* into the trace */
double sim_job_share(const struct sim *sim, unsigned job);     /* of its pixels done, 0..1 */
unsigned sim_bands_read(const struct sim *sim, unsigned job);
uint64_t sim_leased_segments(const struct sim *sim, unsigned job); /* over all leases so far */
unsigned sim_grids_made(const struct sim *sim, unsigned job);      /* segments, over all lives */
unsigned sim_tiles_done(const struct sim *sim, unsigned worker);
bool sim_worker_is_alive(const struct sim *sim, unsigned worker);
unsigned sim_steps(const struct sim *sim);
unsigned sim_things(const struct sim *sim); /* as sim_restart_after() counts them */

/* Fails unless the trace since the last call is exactly `expected`; prints both where they differ.
 * Lines look like "[    40] w1: tile 1/0 attempt 1 rows 0+16\n". */
bool sim_expect(struct sim *sim, const char *expected);
/* Whether nothing is left of any job: no record, image or lease. Else sim_broken() says what. */
bool sim_is_clean(struct sim *sim);

/* The first broken invariant, or NULL. */
const char *sim_broken(const struct sim *sim);

/* The whole trace so far, for a run that failed. */
const char *sim_trace(const struct sim *sim);

#endif
