/*
 * sched.h - decides which worker renders which tile, and what every peer is told.
 *
 * A state machine: the caller feeds one event at a time and carries out the actions that come
 * back, in order. The same events always give the same actions, so a log can be replayed.
 *
 * Pure: no socket, clock, log or thread; time and random numbers come in with the events. Peers,
 * sessions, jobs and tiles are ids and stay valid as names whatever happens next. One thread owns
 * a scheduler.
 *
 * No event can break it: one that makes no sense in the present state is answered with
 * ACTION_REFUSE or ACTION_REREGISTER, or ignored where it is a late echo of something ended.
 */
#ifndef BROKER_SCHED_H
#define BROKER_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/plan.h"
#include "proto/error.h"
#include "proto/tile.h"
#include "proto/work.h"

#define SCHED_NEVER     INT64_MAX
#define SCHED_KEY_BYTES 16
#define SCHED_ALL_BANDS UINT32_MAX

struct sched; /* opaque; see sched_internal.h for the states */

struct sched_limits {
	uint64_t image_bytes; /* of all images together */
	uint32_t jobs, jobs_per_client;
	uint32_t workers;
	int64_t beat_ms;        /* a worker is told to beat so often */
	int64_t lost_ms;        /* silence after which a peer is taken for dead */
	int64_t progress_ms;    /* between two PROGRESS of a job */
	int64_t lease_ms;       /* least time a tile is leased for; doubles with each attempt */
	int64_t tile_target_ms; /* a tile should take so long */
	int64_t grid_ms;        /* a grid of counts is committed when it is so old, and so much more
				 * for each GiB it has; or sooner */
	int64_t retention_ms;   /* a kept job that has finished or failed is forgotten after this,
				 * unless it was watched within lost_ms; one in bands too that all
				 * wait for a reader who does not come */
	uint64_t sum_bytes;     /* cells of one grid that are added up in a turn; a row at least */
	uint64_t rows_bytes;    /* counts that one DONE of a remote worker carries; likewise */
	uint32_t tile_rows;     /* fixed tile height for measurements; 0: follow the cost */
	bool is_durable;        /* there is a store: EVENT_STOP leaves the jobs for the next life */
};

/* The limits of limits.h and the times of PROTOCOL.md, with that image budget. */
struct sched_limits sched_limits_default(uint64_t image_bytes);

/* One lease of a tile. */
struct tile_name {
	uint64_t work;
	uint32_t phase, tile, attempt;
};

/* FAILED: only a kept job stays in it, for a RETRY; any other is gone at once. */
enum job_state { JOB_CREATING, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED, JOB_FAILED };

/* How a job's record ended. ABANDONED: nobody watched it; its client may yet come back. */
enum job_end {
	JOB_END_RELEASED,
	JOB_END_FAILED,
	JOB_END_CANCELLED,
	JOB_END_ABANDONED,
	JOB_END_EXPIRED,
	JOB_END_COUNT
};

/* A job as peers are told of it. */
struct job_report {
	uint64_t job;
	enum job_state state;
	bool is_paused, is_kept;
	bool is_unread; /* in bands, and all that are open are complete: its reader is awaited */
	int32_t priority;
	char client[LIMIT_NAME_CHARS + 1];
	uint32_t bands, bands_released; /* 1 and 0 for a job that has its image in one piece */
	uint64_t pixels, pixels_done;
	uint32_t tiles_done, tiles_running;
	uint32_t retries;    /* leases of tiles that had been leased before */
	bool has_preview;    /* FETCH may ask for one */
	uint64_t previewed;  /* samples in it */
	uint64_t held;       /* samples that were counted, in grids that are not committed yet */
	enum brot_err waits; /* why no memory could be had for its grids; BROT_OK: it could */
	uint32_t workers; /* processes with a tile of it now; once it has stopped, and in RECORD and
			   * END: that rendered at least one */
	uint64_t iterations;
	int64_t worker_us;  /* that workers spent on tiles which count: its cost */
	int64_t elapsed_ms; /* since it was accepted, to now or to its end */
	enum brot_err code; /* of a FAILED one; the action's text, or sched_job_why(), says why */
};

/* A worker as it described itself. */
struct worker_info {
	uint8_t id[16]; /* random, new in each process */
	uint32_t threads;
	int64_t pid;
	char name[LIMIT_NAME_CHARS + 1];
	char version[LIMIT_NAME_CHARS + 1];
	char kernel[LIMIT_NAME_CHARS + 1];
	uint32_t kernel_count;
	char kernels[LIMIT_KERNELS][LIMIT_NAME_CHARS + 1];
	uint64_t speeds[LIMIT_KERNELS][PRECISION_COUNT]; /* iterations a second; 0: not told */
};

/* A worker as peers are told of it. */
struct worker_report {
	uint64_t session;
	const struct worker_info *info; /* borrowed until the next step */
	uint32_t credit, tiles_held, tiles_done, failures;
	uint64_t iterations;
	bool is_local; /* has proved that it sees our shared memory */
	bool is_draining;
	int64_t connected_ms, silent_ms;
};

struct sched_totals {
	uint32_t jobs_queued, jobs_running, jobs_paused, jobs_finished, jobs_failed;
	uint32_t workers, clients;                  /* clients: with a job */
	uint64_t jobs_done, tiles_done, iterations; /* since the start */
	uint64_t image_bytes;
};

enum sched_event_type {
	EVENT_TICK,
	EVENT_STOP,        /* the broker ends */
	EVENT_UNREACHABLE, /* a message could not be sent to peer: its connection is gone */
	/* from a client */
	EVENT_SUBMIT,       /* submit */
	EVENT_IMAGE_READY,  /* work, bits: the answer to ACTION_CREATE_IMAGE */
	EVENT_IMAGE_FAILED, /* work, code, text */
	EVENT_COMMITTED,    /* work, code, text: the answer to ACTION_COMMIT */
	EVENT_SUMMED,       /* work, code, text: the answer to ACTION_SUM, in a later turn */
	EVENT_WATCH,        /* job */
	EVENT_CANCEL_JOB,   /* job */
	EVENT_RELEASE,      /* job, band; of one in bands by its reader alone, while that lives */
	EVENT_ATTACH,   /* job: as WATCH, and to be told what ACCEPTED says; of a banded job whose
			 * first bands are gone it starts again from the top. BUSY while another
			 * peer reads the bands: see sched_reader.c */
	EVENT_PAUSE,    /* job: no more leases; those out are finished */
	EVENT_RESUME,   /* job */
	EVENT_RETRY,    /* job: a FAILED one */
	EVENT_PRIORITY, /* job, priority */
	EVENT_DRAIN_WORKER, /* text: the name or the hexadecimal id of the workers to drain */
	EVENT_RESTORE,      /* restore: a job of an earlier life of this broker; nobody says it.
			     * Whether its reader is gone is not known: others wait for lost_ms */
	/* from a worker */
	EVENT_HELLO,  /* hello */
	EVENT_CREDIT, /* session, credit */
	EVENT_MAPPED, /* session, work, is_mapped */
	EVENT_DONE,   /* session, tile, done */
	EVENT_FAIL,   /* session, tile, code, text */
	EVENT_BEAT,   /* session */
	EVENT_BYE,    /* session */
	EVENT_GONE,   /* session; from any peer */
	EVENT_TYPE_COUNT
};

/* A job as the store has it. Times are ages at now_ms. */
struct sched_restore {
	uint8_t key[SCHED_KEY_BYTES];
	char client[LIMIT_NAME_CHARS + 1];
	const struct plan *plan;
	int32_t priority;
	bool is_kept, is_paused;
	enum brot_err code; /* not BROT_OK: a kept one that has failed, with that text */
	const char *text;
	uint32_t bands_released;
	/* The bands from bands_released on, LIMIT_OPEN_BANDS at most: the bits of its image, one a
	 * segment as they lie there, borrowed; NULL: it has none any more, and gets a new one. */
	const uint8_t *bits[LIMIT_OPEN_BANDS];
	/* Its committed grids, no sample in two of them: their numbers, and their bits likewise. */
	uint32_t grid_count;
	struct {
		uint32_t number;
		const uint8_t *bits;
	} grids[LIMIT_GRIDS];
	uint32_t tiles_done, retries, workers;
	uint64_t iterations;
	int64_t worker_us;
	int64_t accepted_ago_ms, finished_ago_ms; /* finished or failed; -1: it is not */
};

/* One thing that happened. Borrowed for the step; only the members named above have a meaning. */
struct sched_event {
	enum sched_event_type type;
	int64_t now_ms; /* never less than in the event before */
	uint64_t peer;  /* who said it; 0 for those that nobody says */
	uint64_t session;
	uint64_t job;  /* said by clients */
	uint64_t work; /* said by workers, and of images */
	struct tile_name tile;
	uint32_t band;
	int32_t priority;
	uint32_t credit;
	uint64_t iterations;
	bool is_mapped;
	enum brot_err code;
	const char *text;
	/* Of an image that a checkpoint filled: its bits, as in struct sched_restore, all of them.
	 * NULL, 0: nothing in it is done. */
	const uint8_t *bits;
	size_t bits_bytes;
	struct {
		int64_t elapsed_us;
		bool has_pixels; /* they came with the message */
	} done;
	struct {
		const struct worker_info *info;
		uint64_t random; /* becomes the session; the caller draws it */
	} hello;
	struct {
		uint8_t key[SCHED_KEY_BYTES];
		uint64_t job; /* the id it gets if it is new; the caller counts */
		const struct plan *plan;
		const char *client;  /* the unit of fairness; at most LIMIT_NAME_CHARS */
		uint32_t owner_jobs; /* that who says this has already, by whatever names of
				      * clients; 0: that does not matter */
		int32_t priority;    /* within the jobs of a client, higher first */
		bool is_kept;        /* lives on unwatched, until RELEASE or its retention ends */
	} submit;
	const struct sched_restore *restore; /* of `job` */
};

enum sched_action_type {
	/* to the worker `peer` */
	ACTION_WELCOME,    /* session */
	ACTION_JOB,        /* session, work */
	ACTION_TILE,       /* session, tile, rect */
	ACTION_REVOKE,     /* session, tile: somebody else has rendered it */
	ACTION_CANCEL,     /* session, work */
	ACTION_DRAIN,      /* session */
	ACTION_REREGISTER, /* session */
	/* to the client `peer` */
	ACTION_ACCEPTED,  /* job */
	ACTION_PROGRESS,  /* report */
	ACTION_FINISHED,  /* report */
	ACTION_FAILED,    /* job, code, text */
	ACTION_BAND,      /* work: it is complete, to be read and RELEASEd */
	ACTION_CANCELLED, /* job: to the one who asked for it */
	ACTION_CHANGED,   /* report: to the one who asked for PAUSE, RESUME, RETRY or PRIORITY */
	ACTION_DRAINING,  /* count: so many workers were told to, to the one who asked */
	/* to either */
	ACTION_REFUSE, /* code, text, job or 0 */
	/* to the caller */
	ACTION_CREATE_IMAGE, /* work, of an image or a grid: answer with EVENT_IMAGE_READY or
			      * EVENT_IMAGE_FAILED at once. For a job just submitted `report` has
			      * what to store of it first; is_sum: others are added up in the grid
			      */
	ACTION_DROP_IMAGE,   /* work: remove its image, or grid */
	ACTION_COMMIT, /* work of a grid, bits: it has these samples and takes no more; answer with
			* EVENT_COMMITTED at once. With an error it is as if it had never been */
	ACTION_SUM, /* work, sources, count, rect: add up these rows of the sources, into those of
		     * a grid, or as pixels of the image, whose segments they make final. Answer
		     * with EVENT_SUMMED when others have had their turn */
	ACTION_RECORD,  /* report, code, text: what the store should know of a job now */
	ACTION_END,     /* report, end, code, text: forget the job; the store makes it history */
	ACTION_APPLY,   /* tile, rect: the result of this very EVENT_DONE counts */
	ACTION_COUNTED, /* work of a grid, report: its tiles_done, iterations and worker_us count
			 * from now on */
	ACTION_NOTE,    /* text: a life event for the log */
	ACTION_TYPE_COUNT
};

#define SCHED_TEXT_BYTES BROT_ERROR_TEXT_BYTES

struct sched_action {
	enum sched_action_type type;
	uint64_t peer, session, job, work;
	uint64_t sources[LIMIT_GRIDS]; /* works; `count` of them */
	const uint8_t *bits;           /* borrowed until the next step */
	size_t bits_bytes;
	struct tile_name tile;
	struct rect rect; /* px; rows count from the top of the tile's band */
	struct job_report report;
	enum job_end end;
	bool is_sum;
	uint32_t count;
	enum brot_err code;
	char text[SCHED_TEXT_BYTES];
};

/* Growable; reused between steps. Start with {0}; sched_actions_done() frees it. */
struct sched_actions {
	struct sched_action *items;
	size_t count, capacity;
};
void sched_actions_done(struct sched_actions *actions);

/* Makes an empty scheduler. Copies *limits. Never NULL: no memory ends the program. */
struct sched *sched_new(const struct sched_limits *limits);
void sched_free(struct sched *s); /* accepts NULL */

/* Other limits from now on, between two steps: image_bytes and retention_ms may differ. What there
 * is stays, though it be over them. */
void sched_set_limits(struct sched *s, const struct sched_limits *limits);

/* Applies one event and appends the resulting actions to *out. */
void sched_step(struct sched *s, const struct sched_event *event, struct sched_actions *out);

/* When sched_step() must be called again with EVENT_TICK at the latest, or SCHED_NEVER. */
int64_t sched_deadline_ms(const struct sched *s);

/* The rectangle of the lease that an EVENT_DONE is about, within its band; false where its peer
 * does not hold it. */
bool sched_tile_rect(const struct sched *s, const struct sched_event *event, struct rect *ret_rect);

/* Whether that client, whose owner has so many jobs, may have a new one with that plan: BROT_OK, or
 * with a sentence BROT_E_NO_SPACE where it never may, BROT_E_BUSY where it may later. EVENT_SUBMIT
 * looks itself; EVENT_RESTORE takes what there was. */
enum brot_err sched_check_room(const struct sched *s, const char *client, uint32_t owner_jobs,
			       const struct plan *plan, struct brot_error *err);

/* Whether a worker has a session over that peer's connection. */
bool sched_is_worker(const struct sched *s, uint64_t peer);

/* Whether the image of a band is complete and not yet released. */
bool sched_band_is_complete(const struct sched *s, uint64_t work);

/* The work id of the grid that has most of a running job's samples, for a preview; 0: there is none
 * yet. */
uint64_t sched_preview(const struct sched *s, uint64_t job);

/* Read-only views. The list functions call fn once for each, in order of age. */
bool sched_job_report(const struct sched *s, uint64_t job, int64_t now_ms,
		      struct job_report *ret_report);
const struct brot_error *sched_job_why(const struct sched *s, uint64_t job); /* FAILED; or NULL */
void sched_each_job(const struct sched *s, int64_t now_ms,
		    void (*fn)(const struct job_report *report, void *context), void *context);
void sched_each_worker(const struct sched *s, int64_t now_ms,
		       void (*fn)(const struct worker_report *report, void *context),
		       void *context);
void sched_totals(const struct sched *s, struct sched_totals *ret_totals);

/* Checks every invariant; false, with what is broken in text, after a mistake of ours. For tests.
 */
bool sched_check(const struct sched *s, char text[SCHED_TEXT_BYTES]);

/* Words for the log: "queued", "released". */
const char *sched_state_name(enum job_state state);
const char *sched_end_name(enum job_end end);

/* One line, without a newline, for an event or an action: what the debug log and the stories of
 * the tests are made of. An event's line says all of it, so that sched_event_parse() can feed it to
 * a scheduler again; one cut by the end of the buffer ends in " ..." and does not parse. Only one
 * with bits can be long: SCHED_LINE_BYTES hold any other. Returns buffer. */
#define SCHED_LINE_BYTES 2048
const char *sched_event_str(const struct sched_event *event, char *buffer, size_t bytes);
size_t sched_event_str_bytes(const struct sched_event *event); /* that hold the line, in any case */
const char *sched_action_str(const struct sched_action *action, char *buffer, size_t bytes);

/* What an event that was read from a line borrows. */
struct sched_event_storage {
	struct worker_info info; /* without its kernels' list, which changes nothing */
	struct plan plan;
	struct sched_restore restore;
	char client[LIMIT_NAME_CHARS + 1];
	char text[SCHED_TEXT_BYTES];
	uint8_t *bits[LIMIT_OPEN_BANDS];
	uint8_t *grid_bits[LIMIT_GRIDS];
};
void sched_event_storage_done(struct sched_event_storage *storage);

/* The event of a line from sched_event_str(). It borrows from *storage until
 * sched_event_storage_done() frees that. False, with nothing to free, for any other line. */
bool sched_event_parse(const char *line, struct sched_event *ret_event,
		       struct sched_event_storage *storage);

/* The limits as one line, and back: a replay has to start with the same. sched_limits_parse()
 * returns false, *ret_limits untouched, unless the line has them all. */
const char *sched_limits_str(const struct sched_limits *limits, char *buffer, size_t bytes);
bool sched_limits_parse(const char *line, struct sched_limits *ret_limits);

#endif
