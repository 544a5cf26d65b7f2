/*
 * journal.h - decides when the store is written to, and what becomes of writes that fail.
 *
 * What must be known before a peer is told something (a job, an image) is written at once, and
 * fails with its reason. What has happened anyway (records, ends) is noted and written by the next
 * journal_flush() in one transaction; where the disk is full it stays noted, so that nothing is
 * forgotten and at most one line is logged. Notes are at most a few a live job: with a disk that
 * takes nothing no job can be added.
 *
 * Without a store every function does nothing, and succeeds. One thread owns a journal.
 */
#ifndef BROKER_JOURNAL_H
#define BROKER_JOURNAL_H

#include "broker/images.h"
#include "broker/store.h"

struct journal; /* opaque */

/* store is borrowed, and may be NULL. */
struct journal *journal_new(struct store *store);
void journal_free(struct journal *journal); /* flushes first; accepts NULL */

/* At once: a new job and its first image; one more image; an ended job that lives again. */
enum brot_err journal_add(struct journal *journal, const struct store_job *job,
			  const struct image_id *id, struct brot_error *err);
enum brot_err journal_add_image(struct journal *journal, uint64_t work, const struct image_id *id,
				struct brot_error *err);
enum brot_err journal_revive(struct journal *journal, uint64_t job, struct brot_error *err);

/* Noted: see ACTION_RECORD and ACTION_END; the image of a work has been removed. */
void journal_record(struct journal *journal, const struct sched_action *action);
void journal_end(struct journal *journal, const struct sched_action *action);
void journal_image_gone(struct journal *journal, uint64_t work);

/* Writes what is noted, if there is anything new. False where the disk does not take it; it stays
 * noted then, and is tried again together with the next note, or by journal_retry(). */
bool journal_flush(struct journal *journal);
void journal_retry(struct journal *journal);

/* Why the last try failed, while anything waits for the next; NULL otherwise. Borrowed until the
 * next call. */
const struct brot_error *journal_trouble(const struct journal *journal);

/* Transactions that the store took so far, and those that it did not. */
void journal_counts(const struct journal *journal, uint64_t *ret_commits, uint64_t *ret_failures);

#endif
