/* sim_internal.h - the state of a simulation, shared by the sim*.c files alone. */
#ifndef TESTS_SIM_SIM_INTERNAL_H
#define TESTS_SIM_SIM_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sim.h"

#define WORKERS_MAX 64
#define CLIENTS_MAX 32
#define JOBS_MAX    256
#define HELD_MAX    32
#define DELAY_MS    1 /* of a message */
#define WATCH_MS    2000
#define HELLO_MS    1000

struct held {
	struct tile_name name;
	struct rect rect;
};

struct sim_worker_state {
	bool is_alive, is_frozen, is_draining, wants_hello;
	unsigned threads, fail_next, tiles_done;
	int64_t us_per_row;
	uint64_t peer, session; /* session 0: none */
	uint64_t connection;    /* messages of older ones are lost */
	struct held held[HELD_MAX];
	unsigned held_count;
	int64_t busy_until_us; /* of the tile at the front */
	int64_t next_beat_ms, next_hello_ms, heard_ms;
	struct tile_name last_done;
	uint64_t last_session;
	uint8_t id[16];
	struct flight *backlog, **backlog_end; /* came while it was stopped */
};

struct sim_client_state {
	uint64_t peer;
	bool is_mute;
	int64_t next_watch_ms;
};

struct sim_job {
	uint64_t id; /* 0 until accepted */
	unsigned client;
	uint8_t key[SCHED_KEY_BYTES];
	struct plan plan;
	enum sim_job_state state;
	uint8_t *applied; /* times, a segment of the phases */
	bool *marked;     /* a segment of the image */
	bool is_released;
};

/* A message on its way: to the broker (an event) or from it (an action). */
struct flight {
	int64_t at_ms;
	uint64_t order, connection;
	bool is_to_broker;
	unsigned worker; /* index + 1 of the worker it is from or to; 0: a client's */
	struct sched_event event;
	struct worker_info info;
	struct sched_action action;
	struct flight *next;
};

struct sim {
	struct sched *sched;
	struct sched_limits limits;
	struct sched_actions actions;
	uint64_t random, last_peer, last_job, last_order, last_connection;
	int64_t now_ms;
	struct sim_worker_state workers[WORKERS_MAX];
	unsigned worker_count;
	struct sim_client_state clients[CLIENTS_MAX];
	unsigned client_count;
	struct sim_job jobs[JOBS_MAX];
	unsigned job_count;
	unsigned submitting;    /* the job whose SUBMIT is being stepped, + 1 */
	struct flight *flights; /* by time, then order */
	char *trace;
	size_t trace_bytes, trace_capacity, trace_seen;
	char broken[SCHED_TEXT_BYTES];
};

/* sim.c */
void sim_note(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_break(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct flight *sim_flight_new(void);
void sim_post(struct sim *sim, struct flight *flight);
void sim_arrive(struct sim *sim, struct flight *flight); /* borrows it */

/* sim_image.c */
void sim_image_make(struct sim_job *job);
void sim_image_clear(struct sim_job *job);
void sim_image_apply(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_image_report(struct sim *sim, const struct sim_job *job,
		      const struct sched_action *action); /* checks what a client is told */

/* sim_worker.c */
void sim_worker_hears(struct sim *sim, unsigned w, const struct sched_action *action);
void sim_worker_lives(struct sim *sim, unsigned w);

#endif
