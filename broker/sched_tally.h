/*
 * sched_tally.h - the grids of counts as the scheduler knows them, shared by the sched_*.c files
 * alone; see sched_grid.c for their states.
 */
#ifndef BROKER_SCHED_TALLY_H
#define BROKER_SCHED_TALLY_H

#include "broker/sched.h"

struct band;
struct job;
struct tile;
struct worker;

enum tally_state {
	TALLY_WANTED,    /* its segment is to be made: for a worker, or for a sum */
	TALLY_OFFERED,   /* made; its worker has not said yet that it sees it */
	TALLY_OPEN,      /* samples are leased under it */
	TALLY_CLOSED,    /* none are any more */
	TALLY_COLLECTED, /* of a remote worker: its rows are leased */
	TALLY_SUMMED,    /* others are being added up in it */
	TALLY_COMMITTED
};

/* A grid of counts, as it is known here. */
struct tally {
	uint32_t number; /* within the job */
	struct job *job;
	enum tally_state state;
	struct worker *worker; /* whose; NULL: a sum, or that worker is not needed any more */
	bool is_sum, is_remote;
	bool has_segment;
	bool has_failed; /* its segment could not be made, which was noted */
	bool is_doomed;  /* its worker is ending */
	int64_t open_ms, ask_ms;
	uint32_t leases;    /* out under it */
	struct tile *held;  /* list */
	uint32_t next_row;  /* to be collected or summed */
	uint32_t rows_done; /* of those */
	uint64_t samples;   /* of a committed one; and one bit a segment */
	uint8_t *bits;
	struct tally *sources[LIMIT_GRIDS]; /* of a sum: committed ones */
	uint32_t source_count;
	struct tally *prev, *next; /* of the job's, in order of age */
};

/* sched_grid.c */
bool job_has_grids(const struct job *job);
uint64_t tally_work(const struct tally *tally);
struct tally *tally_of_work(const struct sched *s, uint64_t work);
struct tally *tally_add(struct sched *s, struct job *job, struct worker *worker);
void tally_stir(struct sched *s, struct job *job);
void tallies_stir_all(struct sched *s);
/* As if it had never been: what is held in it waits again, leases under it are void. */
void tally_discard(struct sched *s, struct tally *tally, const char *why);
void tally_retire(struct sched *s, struct tally *tally);     /* committed; its worker forgets it */
void tallies_discard_open(struct sched *s, struct job *job); /* all but those committed */
void tallies_drop(struct sched *s, struct job *job);         /* all, for good */
/* Whether the worker could be given samples of the job, now or when a grid is there that it has
 * been told of, or may be. Not where that waits for a place. */
bool tally_may_prepare(const struct sched *s, const struct job *job, const struct worker *worker);
/* Sees to it that such a worker can be given them. True where a place has to become free first. */
bool tally_prepare(struct sched *s, struct job *job, struct worker *worker);
/* Whether one that wants its segment has no place, or none could be made: its worker may have to
 * wait for long. */
bool tally_is_stuck(const struct tally *tally);
/* Whether as many wait for a place already as there are. */
bool tallies_are_crowded(const struct job *job);
/* Under which that worker has rows or samples to do now, or NULL. */
struct tally *tally_choose(const struct sched *s, struct job *job, const struct worker *worker,
			   bool *ret_is_rows);
bool tally_has_rows(const struct tally *tally); /* to be leased to its worker now */
bool tallies_have_rows(const struct job *job);  /* some are to be leased */
struct tile *tally_cut_rows(const struct sched *s, struct tally *tally);
struct rect tally_rows_rect(const struct tile *tile);
void tally_lease_ended(struct sched *s, struct tally *tally);
void tally_mapped(struct sched *s, struct worker *worker, const struct sched_event *event);
void tally_send_job(struct sched *s, const struct tally *tally);
/* From now on its worker sends its counts. */
void tally_set_apart(struct sched *s, struct tally *tally, const char *why);
void tally_done(struct sched *s, struct tile *tile, int64_t elapsed_us, uint64_t iterations);
void tally_worker_ends(struct sched *s, struct worker *worker, bool is_over);

/* sched_grid_turn.c */
bool tally_asks_image(struct sched *s, struct job *job, int64_t *ret_next_ms);
void tally_image_result(struct sched *s, const struct sched_event *event);
void tallies_turn(struct sched *s, bool is_tick); /* at the end of each step */

/* sched_check_grid.c */
bool tallies_check(const struct sched *s, const struct job *job, char text[SCHED_TEXT_BYTES]);
bool tally_wants_worker(const struct sched *s, const struct job *job, const struct worker *worker);
bool worker_awaits_grid(const struct sched *s, const struct worker *worker);

/* sched_sum.c */
void sum_event(struct sched *s, const struct sched_event *event); /* COMMITTED and SUMMED */
void sum_ask_commit(struct sched *s);
void sum_ask_rows(struct sched *s);
void sum_begin(struct sched *s, struct job *job); /* if there is anything to add up */
void sum_restore(struct sched *s, struct job *job, const struct sched_restore *restore);
const struct tally *tally_largest(const struct job *job); /* committed; or NULL */

#endif
