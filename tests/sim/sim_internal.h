/* sim_internal.h - the state of a simulation, shared by the sim*.c files alone. */
#ifndef TESTS_SIM_SIM_INTERNAL_H
#define TESTS_SIM_SIM_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sim.h"

#define WORKERS_MAX  64
#define CLIENTS_MAX  32
#define JOBS_MAX     256
#define HELD_MAX     64
#define MAPPED_MAX   16
#define SESSIONS_MAX 64
#define LEASES_MAX   8 /* of one tile, within a step */
#define WATCH_MS     2000
#define HELLO_MS     1000
#define PARENT_PEER  (1u << 30) /* of those who say GONE */

/* One end of a connection. What is under way on an older one is lost. */
struct sim_link {
	uint64_t peer, connection;
	int64_t last_in_ms, last_out_ms; /* arrivals keep their order */
};

static inline bool is_same_tile(const struct tile_name *a, const struct tile_name *b)
{
	return a->work == b->work && a->phase == b->phase && a->tile == b->tile &&
	       a->attempt == b->attempt;
}

struct held {
	struct tile_name name;
	struct rect rect;
};

struct sim_worker_state {
	struct sim_link link;
	bool is_alive, is_frozen, is_draining, wants_hello, is_local;
	unsigned threads, fail_next, tiles_done;
	int64_t us_per_row;
	uint64_t session; /* 0: none */
	struct held held[HELD_MAX];
	unsigned held_count;
	uint64_t mapped[MAPPED_MAX];
	unsigned mapped_count;
	uint64_t counted[MAPPED_MAX]; /* grids of its own, with samples that nobody else has */
	unsigned counted_count;
	int64_t busy_until_us; /* of the tile at the front */
	int64_t next_beat_ms, next_hello_ms, heard_ms;
	struct sched_event last_said;  /* a DONE, FAIL or MAPPED */
	struct sched_event first_word; /* of its next session, if has_first_word */
	bool has_first_word;
	uint8_t id[16];
	struct flight *backlog, **backlog_end; /* came while it was stopped */
};

struct sim_client_state {
	struct sim_link link;
	char name[LIMIT_NAME_CHARS + 1];
	bool is_mute;
	int64_t next_watch_ms;
};

/* A tile as the messages about it told. */
struct sim_lease {
	uint64_t session, work;
	uint32_t attempt;
};
struct sim_tile {
	bool is_cut, is_done;
	uint64_t work; /* ids count through all bands and phases of a job */
	uint32_t phase;
	struct rect rect;
	uint32_t last_attempt, lease_count;
	struct sim_lease leases[LEASES_MAX];
};

/* The image of a band, from CREATE_IMAGE to DROP_IMAGE. */
struct sim_image {
	bool exists;
	bool is_delivered; /* was released: its pixels count as done, and it has no image */
	uint8_t *applied;  /* times, a segment of the phases; survives DROP_IMAGE for the checks */
	uint8_t *bits;     /* one a segment of the image, as they lie there */
};

/* A grid of counts, in shared memory if it exists, or in its worker's. */
struct sim_grid {
	uint64_t work;
	bool exists, is_remote, is_committed, is_sum;
	bool is_tainted;  /* by more than what was said to be done */
	uint64_t session; /* of its worker; 0: a sum, or of an earlier life */
	uint8_t *counts;  /* of each segment of samples: how often it is in it */
	uint8_t *bits;    /* as they lie there */
	uint32_t rows_asked, rows_done;
	struct sim_grid *next;
};

/* What the store has of a job. */
struct sim_row {
	bool exists;
	struct job_report report;
	enum brot_err code;
	char text[SCHED_TEXT_BYTES];
	int64_t accepted_ms, finished_ms; /* finished or failed; -1 */
};

struct sim_job {
	/* As its client sees it */
	unsigned client; /* index */
	enum sim_job_state state;
	uint64_t known_id; /* 0 until accepted */
	bool is_released, is_cancelled, is_attaching;
	uint32_t bands_read;
	uint32_t bands_told[LIMIT_OPEN_BANDS]; /* by number % LIMIT_OPEN_BANDS: number + 1 */
	int64_t band_until_ms;                 /* it reads the next one; 0: it does not */
	int32_t priority;
	bool is_kept;
	uint8_t key[SCHED_KEY_BYTES];
	struct plan plan;
	/* As it is */
	uint64_t id; /* the newest of its key; 0: none yet */
	struct sim_row row;
	struct sim_image *images; /* plan.band_count */
	struct sim_grid *grids;
	struct sim_tile *tiles; /* by id, in this life of the broker */
	uint32_t tile_count;
	int64_t heard_ms; /* somebody watched it */
	uint64_t leased_segments;
	unsigned grids_made;
	unsigned fails, leases_lost; /* since it was submitted, restored or retried */
	int64_t ready_ms;            /* since when it could have had its first lease */
	unsigned passed_over;        /* since then, in this life of the broker */
};

/* A session as the messages about it told. */
struct sim_session {
	uint64_t session, peer;
	unsigned worker; /* index */
	uint32_t credit, held;
	bool was_drained, has_spoken, got_tile, is_seen;
};

/* A message on its way: to the broker (an event) or from it (an action). */
struct flight {
	int64_t at_ms;
	uint64_t connection;
	bool is_to_broker;
	unsigned worker, client; /* index + 1 of who it is from or to, or 0 */
	unsigned job;            /* index + 1 of the one that a SUBMIT, or its answer, is about */
	struct sched_event event;
	struct worker_info info;
	struct sched_action action;
	struct flight *next;
};

struct sim {
	struct sched *sched;
	struct sched_limits limits;
	struct sched_actions actions;
	FILE *log;
	bool is_quiet;
	uint64_t random, last_peer, last_job, last_connection;
	int64_t now_ms, delay_ms;
	struct sim_worker_state workers[WORKERS_MAX];
	unsigned worker_count;
	struct sim_client_state clients[CLIENTS_MAX];
	unsigned client_count;
	struct sim_job jobs[JOBS_MAX];
	unsigned job_count;
	struct sim_session sessions[SESSIONS_MAX];
	unsigned session_count;
	const struct sched_event *event; /* the one being stepped */
	struct sim_job *done_job;        /* of a DONE from the tile's holder; NULL once applied */
	unsigned submitting;             /* index + 1 of the job whose SUBMIT is being stepped */
	uint64_t created_work;           /* whose CREATE_IMAGE is to be answered, or 0 */
	bool created_is_sum;
	uint64_t committed_work; /* whose COMMIT is to be answered, or 0 */
	uint64_t life;           /* of the broker */
	unsigned die_in, things, steps, fail_images, fail_commits, fail_sums;
	bool is_dead;                            /* the broker, in the middle of a step */
	bool is_restoring;                       /* a new one, before it has heard of all jobs */
	struct flight *flights, *unused_flights; /* by time, then order */
	char *trace;
	size_t trace_bytes, trace_capacity, trace_seen;
	char broken[SCHED_TEXT_BYTES];
};

/* sim.c */
void sim_note(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_break(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct flight *sim_flight_new(struct sim *sim);
void sim_flight_free(struct sim *sim, struct flight *flight);
void sim_link_new(struct sim *sim, struct sim_link *link);
void sim_post(struct sim *sim, struct flight *flight, struct sim_link *link);

/* sim_broker.c: the broker around the scheduler */
void sim_arrive(struct sim *sim, struct flight *flight);   /* borrows it */
void sim_step(struct sim *sim, struct sched_event *event); /* may leave the broker dead */
void sim_feed(struct sim *sim, struct sched_event *event); /* and buries it */
void sim_log_limits(struct sim *sim);                      /* at the beginning of a life */
bool sim_reached(struct sim *sim); /* whether the broker dies before the next thing it does */
struct sim_job *sim_job_by_id(struct sim *sim, uint64_t id);

/* sim_store.c: what outlives a broker */
void sim_store_add(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_store_record(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_store_end(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_bury(struct sim *sim, bool is_reboot); /* a new broker takes a dead one's place */

/* sim_image.c: what of a job's images is there */
void sim_images_new(struct sim_job *job);
void sim_images_free(struct sim_job *job);
void sim_image_create(struct sim *sim, struct sim_job *job, uint32_t band);
void sim_image_drop(struct sim *sim, struct sim_job *job, uint32_t band);
void sim_image_lose_sums(struct sim_job *job, bool is_reboot);
void sim_image_lose_unmarked(struct sim_job *job, uint32_t band);
void sim_image_apply(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_image_report(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_image_is_read(struct sim *sim, struct sim_job *job, const struct sched_action *action);

/* sim_grid.c: what is in which grid */
void sim_grids_free(struct sim_job *job);
void sim_grid_begin(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_grid_create(struct sim *sim, struct sim_job *job, uint64_t work, bool is_sum);
void sim_grid_drop(struct sim *sim, struct sim_job *job, uint64_t work);
/* is_again: it was given back, not begun. */
void sim_grid_lease(struct sim *sim, struct sim_job *job, const struct sched_action *action,
		    bool is_again);
bool sim_grid_holds(struct sim_job *job, const struct sim_tile *tile); /* not committed */
void sim_grid_done(struct sim *sim, struct sim_job *job, const struct tile_name *name,
		   const struct rect *rect);
void sim_grid_taint(struct sim_job *job, uint64_t work);
void sim_grids_leave(struct sim_job *job, uint64_t session);
void sim_grid_commit(struct sim *sim, struct sim_job *job, const struct sched_action *action);
void sim_grid_undo(struct sim_job *job, uint64_t work);
void sim_grid_sum(struct sim *sim, const struct sched_action *action, struct sched_event *event);
void sim_grids_outlive(struct sim_job *job, bool is_reboot);
void sim_grids_restore(struct sim_job *job, struct sched_restore *ret_restore);
uint64_t sim_grids_bytes(const struct sim_job *job);

/* sim_check.c: the invariants */
void sim_check_event(struct sim *sim, const struct sched_event *event); /* before the step */
void sim_check_action(struct sim *sim, const struct sched_action *action);
void sim_check_step(struct sim *sim); /* after it */
struct sim_session *sim_session_find(struct sim *sim, uint64_t session);

/* sim_coverage.c */
void sim_coverage_event(struct sim *sim, const struct sched_event *event);

/* sim_client.c */
void sim_client_hears(struct sim *sim, const struct flight *flight);
void sim_client_lives(struct sim *sim, unsigned c);
int64_t sim_client_wakes_ms(const struct sim *sim, unsigned c);

/* sim_worker.c */
void sim_worker_hears(struct sim *sim, unsigned w, const struct sched_action *action);
void sim_worker_lives(struct sim *sim, unsigned w);
int64_t sim_worker_wakes_ms(const struct sim *sim, unsigned w);

#endif
