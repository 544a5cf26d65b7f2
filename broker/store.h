/*
 * store.h - owns the file of jobs that outlives the broker: FOLDER/brot.db, an SQLite database.
 *
 * It holds the live jobs, the names of their images, and the history: jobs that have ended.
 *
 * Writes gather in one transaction, which the first one begins and store_commit() ends: what is not
 * committed is not kept. Reads see what was written before, committed or not. Every write is whole
 * or not done at all; where one fails because of the disk, everything since the last commit is
 * undone, and each write until the next store_commit(), which fails as well and clears it, fails
 * in the same way. A read that fails with nothing written leaves no such trace. No failure ends the
 * program or the store: a caller may write the same again.
 *
 * Pure of clocks: times are the caller's, in milliseconds since 1970.
 * Errors of every function that returns one: BROT_E_NO_SPACE, the disk is full; BROT_E_SYSTEM,
 * the system refused something else or the file is damaged; BROT_E_INTERNAL, our own mistake.
 * One thread owns a store. Calls block for as long as the disk takes, commits above all.
 */
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/doors.h"
#include "broker/sched.h"
#include "proto/error.h"
#include "proto/image.h"

#define STORE_FILE "brot.db"

struct store; /* opaque */

/* How much a commit survives besides the broker's own end, which all do: NORMAL loses the last
 * commits, but no consistency, where the power fails; FULL loses none. */
enum store_sync { STORE_SYNC_NORMAL, STORE_SYNC_FULL };

/* A job as the store has it. */
struct store_job {
	uint64_t job;
	uint8_t key[SCHED_KEY_BYTES];
	char client[LIMIT_NAME_CHARS + 1];
	char owner[PRINCIPAL_BYTES]; /* who submitted it */
	const char *request; /* JSON text, borrowed: see each function; NUL-terminated in answers */
	size_t request_bytes; /* at most LIMIT_CLIENT_FRAME_BYTES */
	int32_t priority;
	bool is_kept, is_paused;
	uint32_t band_rows; /* as it was planned */
	uint32_t bands_released;
	uint64_t pixels;
	uint32_t tiles_done, retries, workers;
	uint64_t iterations;
	int64_t worker_us;
	int64_t accepted_ms;
	int64_t finished_ms; /* when it finished or failed; 0: it has not */
	enum brot_err code;  /* BROT_OK unless it has failed, for that reason */
	char text[SCHED_TEXT_BYTES];
	/* Of ended jobs: */
	enum job_end end;
	int64_t ended_ms; /* 0: it is live */
};

/* The shared memory of a job, or of one of its bands. */
struct store_image {
	uint64_t work;
	char name[IMAGE_NAME_CHARS + 1];
	uint8_t nonce[MESSAGE_NONCE_BYTES];
};

/* Opens the store of a folder for this process alone; makes the folder (0700; its parent must
 * exist) and the file (0600) where they are missing. Checks the file first. Fails with one
 * sentence that names the file: BROT_E_BUSY where another broker uses it; BROT_E_SYSTEM where it is
 * damaged, not a store, of a newer schema than ours, or the folder does not let us;
 * BROT_E_NO_SPACE. *ret_store is then untouched. */
enum brot_err store_open(const char *folder, enum store_sync sync, struct store **ret_store,
			 struct brot_error *err);

/* Undoes what is not committed. Accepts NULL. */
void store_close(struct store *store);

/* Ends the transaction: what was written since the last call is durable when this returns
 * BROT_OK, and undone otherwise. Does nothing, quickly, where nothing was written. */
enum brot_err store_commit(struct store *store, struct brot_error *err);

/* The highest id that a job of this store ever had, pruned ones included; 0: there was none. */
uint64_t store_last_job(const struct store *store);

/* What tells this store from all others, drawn when it was made; borrowed for the store's life. */
#define STORE_ID_CHARS 32 /* hexadecimal digits */
const char *store_id(const struct store *store);

/* Adds a live job together with its first image (NULL: it has none yet). Its id must be higher
 * than store_last_job() and below 2^40, its key that of no live job; BROT_E_INTERNAL otherwise.
 * code, text, end and ended_ms of *job are ignored. */
enum brot_err store_add(struct store *store, const struct store_job *job,
			const struct store_image *image, struct brot_error *err);

/* Adds the image of a live job or band, or puts it in the place of the one that `work` had. */
enum brot_err store_add_image(struct store *store, const struct store_image *image,
			      struct brot_error *err);

/* One that is not there is no error. */
enum brot_err store_remove_image(struct store *store, uint64_t work, struct brot_error *err);

/* What the scheduler says of a live job now: ACTION_RECORD. The first record of a finished or
 * failed job sets finished_ms to now_ms, one of a job that is neither sets it to 0. code is
 * BROT_OK, and text "" or NULL, unless it has failed. A job that is not live is no error: the
 * record is void. */
enum brot_err store_record(struct store *store, const struct job_report *report, enum brot_err code,
			   const char *text, int64_t now_ms, struct brot_error *err);

/* A live job has ended: ACTION_END. Records it, as above, but for finished_ms, which is set only
 * where the report's state is JOB_FINISHED; forgets its images; it is history from now on. A job
 * that is not live is no error. */
enum brot_err store_end(struct store *store, const struct job_report *report, enum job_end end,
			enum brot_err code, const char *text, int64_t now_ms,
			struct brot_error *err);

/* Brings an ended job back to life under its id: as accepted at now_ms, kept, not paused, with no
 * band released, nothing counted, no error; with its first image (may be NULL). BROT_E_NOT_FOUND
 * where no such job has ended; BROT_E_BUSY where a live job has its key. */
enum brot_err store_revive(struct store *store, uint64_t job, int64_t now_ms,
			   const struct store_image *image, struct brot_error *err);

/* Call fn for every live job, or for every image, by rising id. What fn gets is borrowed for the
 * call; fn must not use the store. A row that makes no sense (it is not our writing) is skipped;
 * *ret_skipped (may be NULL) counts them. */
enum brot_err store_each_job(struct store *store,
			     void (*fn)(const struct store_job *job, void *context), void *context,
			     uint32_t *ret_skipped, struct brot_error *err);
enum brot_err store_each_image(struct store *store,
			       void (*fn)(const struct store_image *image, void *context),
			       void *context, uint32_t *ret_skipped, struct brot_error *err);

/* The newest ended job with that key; BROT_E_NOT_FOUND where there is none. err is not filled then:
 * most new keys are of no ended job. */
enum brot_err store_find_key(struct store *store, const uint8_t key[SCHED_KEY_BYTES],
			     uint64_t *ret_job, enum job_end *ret_end, struct brot_error *err);

/* An ended job. Its request is borrowed until the next call on the store. BROT_E_NOT_FOUND where
 * no job of that id has ended, BROT_E_SYSTEM where what there is makes no sense; *ret_job is then
 * untouched. */
enum brot_err store_find_ended(struct store *store, uint64_t job, struct store_job *ret_job,
			       struct brot_error *err);

/* Calls fn for at most `limit` ended jobs, by falling id, those below before_job only (0: all).
 * As store_each_job() otherwise. */
enum brot_err store_each_ended(struct store *store, uint32_t limit, uint64_t before_job,
			       void (*fn)(const struct store_job *job, void *context),
			       void *context, struct brot_error *err);

/* Forgets ended jobs that ended before before_ms, and all but the newest `keep` ones; at most
 * STORE_PRUNE_ROWS a call, so that it takes no long time. *ret_removed (may be NULL) gets how
 * many. */
#define STORE_PRUNE_ROWS 1000
enum brot_err store_prune(struct store *store, int64_t before_ms, uint32_t keep,
			  uint32_t *ret_removed, struct brot_error *err);

#endif
