/*
 * sched_internal.h - the scheduler's state, shared by the sched_*.c files alone.
 *
 *   job:   SUBMIT -> CREATING -> QUEUED -> RUNNING -> FINISHED -> (RELEASE, retention, or nobody
 *          watches) gone
 *          CREATING --image failed--> gone; any --cancelled, failed, unwatched--> gone
 *          a kept one: any --failed--> FAILED --RETRY--> QUEUED
 *   band:  WANTED -> (image made) OPEN -> (all segments done) COMPLETE -> (RELEASE) gone
 *   tile:  cut from its band's next segments -> leased, once or twice at a time -> done (forgotten)
 *                      waiting <- its last lease ended (worker lost, FAIL, lease over); -> leased
 *                      a tile of samples: leased -> held in its grid -> done, with the grid
 *                                         waiting <- its grid was given up
 *   grid:  see sched_grid.c
 *   worker: HELLO -> session, in the ready queue while it holds fewer leases than its credit
 *
 * Tiles that are done are not kept: one that is neither leased nor waiting and has an id below
 * the job's next is done. Ids are unique over a job's life, all bands, phases and rewinds together,
 * and attempts over a tile's: an echo of what was given up never names anything that is new.
 */
#ifndef BROKER_SCHED_INTERNAL_H
#define BROKER_SCHED_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "broker/sched.h"
#include "broker/sched_tally.h"

struct worker;
struct job;
struct band;
struct tile;

#define BAND_SLOTS ((size_t)LIMIT_JOBS * LIMIT_OPEN_BANDS)

/* Mistakes that the tests put in to see whether they are found. */
enum sched_plant {
	PLANT_NONE,
	PLANT_LOST_LEASE,
	PLANT_DOUBLE_COUNT,
	PLANT_STARVED_CLIENT,
	PLANT_DISCARDED_COUNTS
};
#ifdef SCHED_PLANT
extern enum sched_plant sched_planted;
#define PLANTED(bug) (sched_planted == (bug))
#else
#define PLANTED(bug) false
#endif

struct lease {
	struct tile *tile;
	struct worker *worker; /* NULL: there is no such lease */
	uint32_t attempt;
	uint32_t place; /* leases that its worker held before it */
	int64_t leased_ms, end_ms;
	int64_t charged_us;        /* to its client, as an estimate */
	struct lease *prev, *next; /* of the worker's */
};

struct tile {
	uint32_t id;           /* hash key within the band */
	uint32_t first, count; /* segments */
	uint32_t attempt;      /* leases so far */
	uint32_t lost; /* of these, since a RETRY, those that may have killed or hung a worker */
	uint32_t failures;
	uint64_t failed_on[LIMIT_TILE_ATTEMPTS]; /* sessions */
	struct band *band;
	struct tally *tally; /* of a tile of samples: that it is leased under or held in; or NULL */
	bool is_held;        /* in that: its lease has ended, and its samples are counted there */
	bool is_rows;        /* of that, not samples: a remote worker sends them. Never waits */
	int64_t held_us;     /* that its client was charged for it; and its iterations */
	uint64_t held_iterations;
	struct lease leases[LIMIT_COPIES];
	uint32_t lease_count;     /* live; it waits, or is held, while there is none */
	struct tile *prev, *next; /* of the band's waiting ones, or of the grid's */
	UT_hash_handle hh;
};

/* What one worker and one job have to do with each other; indexed by the job's slot. */
struct acquaintance {
	bool rendered; /* a tile was accepted, in this session */
	bool is_apart; /* it could not see a grid: it counts into its own memory */
	uint8_t strikes;
	uint32_t holds;  /* leases */
	int64_t told_ms; /* of a Buddhabrot: when it was introduced to it */
	struct tally *tallies[LIMIT_WORKER_GRIDS]; /* until they are committed */
};

/* What one worker and one band have to do with each other; indexed by the band's slot. */
struct band_acquaintance {
	bool knows;        /* JOB was sent */
	bool has_answered; /* by MAPPED */
	bool is_mapped;    /* and the image's nonce came back */
};

struct worker {
	uint64_t session; /* hash key */
	uint64_t peer;
	struct worker_info info;
	int64_t connected_ms, heard_ms;
	uint32_t credit, held, tiles_done, failures;
	uint64_t iterations;
	bool is_local, is_draining, is_ready;
	bool was_told_to_drain; /* by us: its CREDIT does not undo that */
	bool has_spoken;        /* in this session: it has seen its WELCOME */
	struct lease *leases;
	struct acquaintance jobs[LIMIT_JOBS];
	struct band_acquaintance bands[BAND_SLOTS];
	struct worker *prev, *next; /* of the ready queue */
	UT_hash_handle hh, hh_peer;
};

/* Who submitted: the unit of fairness. Lives while it has jobs. */
struct client {
	char name[LIMIT_NAME_CHARS + 1]; /* hash key */
	uint32_t jobs;
	int64_t virtual_us; /* worker time it was given */
	UT_hash_handle hh;
};

struct watcher {
	uint64_t peer;
	int64_t since_ms, seen_ms;
};

enum band_state {
	BAND_NONE,   /* a free place among the open ones */
	BAND_WANTED, /* its image is to be made */
	BAND_OPEN,
	BAND_COMPLETE
};

struct band {
	enum band_state state;
	uint32_t index; /* in the picture */
	uint32_t slot;
	struct job *job;
	uint32_t phase;
	struct segment_grid grid; /* of the phase */
	uint32_t segments;        /* of the grid */
	uint32_t next_segment;    /* to be cut; never a restored one */
	uint32_t segments_done;   /* restored ones included */
	uint32_t segments_restored;
	uint8_t *restored;    /* bits of an earlier life, one a segment; NULL: none */
	struct tile *tiles;   /* hash by id: leased or waiting */
	struct tile *waiting; /* queue of those to be leased again */
	int64_t complete_ms;  /* since when it is, in this life */
	int64_t ask_ms;       /* for the image of a WANTED one, not before */
	bool has_failed;      /* its image could not be made, which was noted */
};

struct job {
	uint64_t id; /* hash key */
	uint32_t slot;
	uint8_t key[SCHED_KEY_BYTES];
	struct client *client;
	struct watcher watchers[LIMIT_WATCHERS];
	uint32_t watcher_count;
	int64_t watched_ms;
	bool awaits_tick;  /* restored, and no TICK has come since: its peers could not speak */
	uint64_t reader;   /* of a banded job: the peer its bands are for; 0: none, or not known */
	int64_t reader_ms; /* when that was last heard to want them; INT64_MIN: never */
	enum job_state state;
	struct brot_error why;          /* of a FAILED one */
	struct brot_error last_failure; /* of a tile of it, its worker named; BROT_OK: none */
	bool is_kept, is_paused;
	int32_t priority;
	struct plan plan;

	struct band bands[LIMIT_OPEN_BANDS];
	uint32_t next_band; /* to be opened */
	struct tally *tallies;
	uint32_t next_tally;       /* number */
	struct brot_error no_room; /* why no segment could be made for a grid, since the last that
				    * could; asked for from no_room_ms to no_room_last_ms */
	int64_t no_room_ms, no_room_last_ms;
	uint64_t unroomed_bytes; /* of plan.image_bytes, given up while it has stopped */
	uint64_t samples_held;
	bool is_stirred; /* tallies_turn() has to look at it */
	uint32_t next_tile;
	double segment_us[PHASES_MAX]; /* measured cost, smoothed; 0 while unknown */
	uint32_t last_count;           /* segments of the last tile that was cut */

	uint64_t pixels, pixels_done, iterations;
	int64_t worker_us;
	uint32_t tiles_done, tiles_running, retries, workers_now;
	/* Processes that rendered a tile of it: those of this life by their ids, LIMIT_WORKERS at
	 * most, and no fewer than earlier lives have counted, which may have been the same. */
	uint32_t workers_ever, rendered_count, rendered_capacity;
	uint8_t (*rendered_by)[sizeof((struct worker_info *)0)->id];
	int64_t accepted_ms, finished_ms, progress_ms, record_ms;
	bool has_moved; /* counters, since the store was told */
	UT_hash_handle hh, hh_key;
};

struct sched {
	struct sched_limits limits;
	struct sched_actions *out; /* of the step under way */
	int64_t now_ms, next_tick_ms;
	struct worker *workers; /* hash by session */
	struct worker *workers_by_peer;
	struct worker *ready; /* queue */
	struct job *jobs;     /* hash by id, oldest first */
	struct job *jobs_by_key;
	struct client *clients; /* hash by name */
	bool slot_used[LIMIT_JOBS];
	bool is_asking; /* for the image of asked_work */
	bool is_stopping;
	uint64_t asked_work;
	uint64_t committing_work, summing_work; /* to be answered; or 0 */
	uint64_t summed_job;                    /* the last that had its turn */
	struct rect summing_rect;
	uint8_t *commit_bits;  /* of the ACTION_COMMIT under way */
	uint32_t counted_jobs; /* that have grids */
	int64_t ask_ms;        /* when the next image is to be asked for, at the earliest */
	uint64_t image_bytes, jobs_done, tiles_done, iterations;
	uint32_t threads;   /* over all workers */
	int64_t virtual_us; /* of the client served last */
};

/* sched.c */
void *sched_alloc(size_t bytes); /* zeroed; ends the program without memory */
struct sched_action *sched_emit(struct sched *s, enum sched_action_type type, uint64_t peer);
void sched_note(struct sched *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sched_refuse(struct sched *s, uint64_t peer, uint64_t job, enum brot_err code,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* sched_client.c: who submits, and who watches */
struct client *client_find(const struct sched *s, const char *name);
struct client *client_take(struct sched *s, const char *name); /* for one more job */
/* Before it has work again: one that had none starts level with those that have, not with what it
 * has not used. */
void client_level(const struct sched *s, struct client *client);
/* For work that its workers have lost: but others do not wait for long while it is made up for. */
void client_refund(const struct sched *s, struct client *client, int64_t elapsed_us);
void client_leave(struct sched *s, struct client *client); /* a job of it has ended */
void job_watch(struct sched *s, struct job *job, uint64_t peer);
void job_tell(struct sched *s, const struct job *job, enum sched_action_type type, uint64_t peer);
void job_tell_watchers(struct sched *s, const struct job *job, enum sched_action_type type);

/* sched_job.c */
struct job *job_find(const struct sched *s, uint64_t id);
struct job *job_of_key(const struct sched *s, const uint8_t key[SCHED_KEY_BYTES]);
struct job *job_add(struct sched *s, uint64_t id, const uint8_t key[SCHED_KEY_BYTES],
		    const char *client, const struct plan *plan); /* NULL: no slot is free */
bool job_is_unfinished(const struct job *job);                    /* QUEUED or RUNNING */
bool job_has_stopped(const struct job *job);                      /* FINISHED or FAILED */
void job_submit(struct sched *s, const struct sched_event *event);
void job_image_result(struct sched *s, const struct sched_event *event);
void job_tick(struct sched *s);
void job_record(struct sched *s, struct job *job);
/* A kept job stays, FAILED; any other is gone when this returns. */
void job_fail(struct sched *s, struct job *job, enum brot_err code, const char *text);
/* Tells the watchers of one that has not finished, and ends it. */
void job_drop(struct sched *s, struct job *job, enum job_end end, enum brot_err code,
	      const char *text);
void job_end(struct sched *s, struct job *job, enum job_end end, const struct brot_error *why);
void job_finish(struct sched *s, struct job *job);     /* its picture is complete */
void job_drop_grids(struct sched *s, struct job *job); /* of one that is finished */
/* Of one that has stopped and has no grids. */
void job_give_up_room(struct sched *s, struct job *job);
/* Before it goes on; false where others have it. */
bool job_take_room(struct sched *s, struct job *job);
void job_make_report(const struct job *job, int64_t now_ms, struct job_report *ret_report);

/* sched_verb.c */
void verb_event(struct sched *s, const struct sched_event *event);

/* sched_reader.c: for whom the bands of a job are */
bool reader_may_be(const struct sched *s, const struct job *job, uint64_t peer);
bool reader_is_awaited(const struct sched *s, const struct job *job); /* since a restore */
void reader_take(struct sched *s, struct job *job, uint64_t peer);    /* and watches */

/* sched_band.c */
bool job_is_banded(const struct job *job);
bool job_has_released_bands(const struct job *job);
uint32_t job_bands_released(const struct job *job); /* the leading run */
/* Whether nothing but a reader's RELEASE can move a job in bands, and since when. */
bool job_waits_for_reader(const struct job *job, int64_t *ret_since_ms);
struct band *band_find(struct job *job, uint32_t index); /* an open one, or NULL */
struct band *band_of_work(const struct sched *s, uint64_t work);
uint64_t band_work(const struct band *band);
void job_open_bands(struct sched *s, struct job *job); /* as many as may be */
void job_drop_bands(struct sched *s, struct job *job);
void band_image_ready(struct sched *s, struct band *band, const struct sched_event *event);
void band_start_phase(struct band *band, uint32_t phase);
void band_complete(struct sched *s, struct band *band);
/* Takes over what bits say of its phase, which has just been started. Returns its pixels. */
uint64_t band_take_bits(struct band *band, const uint8_t *bits);
void band_drop(struct sched *s, struct band *band);    /* image, tiles and all */
void band_advance(struct sched *s, struct band *band); /* after segments were done */
void band_forget_at_workers(struct sched *s, const struct band *band);
void band_restore_bits(struct band *band, const uint8_t *bits);
uint32_t band_undone_from(const struct band *band, uint32_t segment); /* the next, or segments */
uint32_t band_undone_run(const struct band *band, uint32_t first, uint32_t most);
void band_ask_images(struct sched *s); /* at the end of each step */

/* sched_restore.c */
void restore_event(struct sched *s, const struct sched_event *event);

/* sched_worker.c */
void worker_event(struct sched *s, const struct sched_event *event);
void worker_drain(struct sched *s, const struct sched_event *event);
void worker_tick(struct sched *s);
void worker_end(struct sched *s, struct worker *worker, const char *why); /* by no tile's fault */
void worker_make_ready(struct sched *s, struct worker *worker);

/* sched_tile.c */
bool band_has_work(const struct band *band);
bool job_has_work(const struct job *job);
bool job_has_work_for(const struct sched *s, struct job *job, const struct worker *worker);
bool worker_may_render(const struct worker *worker, const struct job *job); /* not kept off */
bool tile_has_failed_on(const struct tile *tile, const struct worker *worker);
struct rect tile_rect(const struct tile *tile);
struct tile *waiting_tile_for(const struct sched *s, const struct band *band,
			      const struct worker *worker);
/* "rows 120..127", of the picture; "samples 65536..131071". */
#define TILE_ROWS_CHARS 64
void tile_rows_str(const struct tile *tile, char text[TILE_ROWS_CHARS]);
int64_t tile_expected_us(const struct sched *s, const struct tile *tile);
void tile_dispatch(struct sched *s);

/* sched_lease.c */
void band_introduce(struct sched *s, const struct band *band, struct worker *worker);
void lease_begin(struct sched *s, struct tile *tile, struct worker *worker);
struct lease *lease_find(const struct sched *s, const struct worker *worker,
			 const struct tile_name *name); /* that the worker holds, or NULL */
void lease_accept(struct sched *s, struct lease *lease, int64_t elapsed_us, uint64_t iterations);
/* The tile waits again, unless somebody else has it too. One of rows is gone. */
void lease_return(struct sched *s, struct lease *lease);
/* Likewise, and nobody asks how often it was lost. */
void lease_void(struct sched *s, struct lease *lease);
/* What the job has from a tile that is done. */
void tile_count(struct sched *s, const struct tile *tile, int64_t elapsed_us, uint64_t iterations);
void tile_forget(struct tile *tile);
void band_return_tiles(struct sched *s, struct band *band); /* all wait, as if never leased */
void band_drop_tiles(struct sched *s, struct band *band);

/* sched_copy.c */
void copy_dispatch(struct sched *s); /* at a tick, after tile_dispatch() */

#endif
