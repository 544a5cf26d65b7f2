/* journal.c - writes to the store. */
#include "broker/journal.h"

#include <stdlib.h>
#include <string.h>

#include "proto/sys/clock.h"
#include "proto/sys/log.h"
#include "proto/sys/steps.h"

enum note_kind { NOTE_RECORD, NOTE_END, NOTE_IMAGE_GONE };

struct note {
	enum note_kind kind;
	uint64_t work; /* of NOTE_IMAGE_GONE */
	struct job_report report;
	enum job_end end;
	enum brot_err code;
	char text[SCHED_TEXT_BYTES];
	int64_t unix_ms;
};

struct journal {
	struct store *store;
	struct note *notes;
	size_t count, capacity;
	bool has_new;              /* notes that were not tried yet */
	struct brot_error trouble; /* of the last flush, and the log says so; code BROT_OK: none */
	uint64_t commits, failures;
};

struct journal *journal_new(struct store *store)
{
	struct journal *journal = calloc(1, sizeof *journal);
	if (journal == NULL)
		abort();
	journal->store = store;
	return journal;
}

void journal_free(struct journal *journal)
{
	if (journal == NULL)
		return;
	journal_retry(journal);
	free(journal->notes);
	free(journal);
}

void journal_counts(const struct journal *journal, uint64_t *ret_commits, uint64_t *ret_failures)
{
	*ret_commits = journal->commits;
	*ret_failures = journal->failures;
}

static void count(struct journal *journal, enum brot_err code)
{
	if (code == BROT_OK)
		journal->commits++;
	else
		journal->failures++;
}

static struct note *note_add(struct journal *journal)
{
	if (journal->count == journal->capacity) {
		journal->capacity = journal->capacity > 0 ? 2 * journal->capacity : 16;
		journal->notes = realloc(journal->notes,
					 journal->capacity * sizeof *journal->notes);
		if (journal->notes == NULL)
			abort();
	}
	journal->has_new = true;
	return &journal->notes[journal->count++];
}

static void note_action(struct journal *journal, enum note_kind kind,
			const struct sched_action *action)
{
	struct note note = {
		.kind = kind,
		.report = action->report,
		.end = action->end,
		.code = action->code,
		.unix_ms = clock_unix_ms(),
	};
	memcpy(note.text, action->text, sizeof note.text);
	*note_add(journal) = note;
}

void journal_record(struct journal *journal, const struct sched_action *action)
{
	if (journal->store == NULL)
		return;
	/* While the disk is full only the last record of a job matters. */
	for (size_t i = 0; i < journal->count; i++) {
		struct note *note = &journal->notes[i];
		if (note->kind != NOTE_RECORD || note->report.job != action->report.job)
			continue;
		memmove(note, note + 1, (--journal->count - i) * sizeof *note);
		break;
	}
	note_action(journal, NOTE_RECORD, action);
}

void journal_end(struct journal *journal, const struct sched_action *action)
{
	if (journal->store != NULL)
		note_action(journal, NOTE_END, action);
}

void journal_image_gone(struct journal *journal, uint64_t work)
{
	if (journal->store != NULL)
		*note_add(journal) = (struct note){.kind = NOTE_IMAGE_GONE, .work = work};
}

static enum brot_err note_write(struct journal *journal, const struct note *note,
				struct brot_error *err)
{
	struct store *store = journal->store;
	switch (note->kind) {
	case NOTE_RECORD:
		return store_record(store, &note->report, note->code, note->text, note->unix_ms,
				    err);
	case NOTE_END:
		return store_end(store, &note->report, note->end, note->code, note->text,
				 note->unix_ms, err);
	case NOTE_IMAGE_GONE:
	default:
		return store_remove_image(store, note->work, err);
	}
}

static void steps_of_notes(const struct journal *journal)
{
	for (size_t i = 0; i < journal->count; i++) {
		if (journal->notes[i].kind == NOTE_RECORD)
			step_reached("job-recorded");
		if (journal->notes[i].kind == NOTE_END)
			step_reached("history-written");
	}
}

static enum brot_err flush(struct journal *journal, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	journal->has_new = false;
	if (journal->count == 0)
		return BROT_OK;
	for (size_t i = 0; i < journal->count && code == BROT_OK; i++) {
		code = note_write(journal, &journal->notes[i], err);
		if (code == BROT_E_INTERNAL) { /* it would stand in the way for ever */
			log_line(LOG_LEVEL_ERROR, "not stored: %s", err->text);
			code = BROT_OK;
		}
	}
	struct brot_error why;
	enum brot_err committed = store_commit(journal->store, &why);
	if (code == BROT_OK && committed != BROT_OK) {
		code = committed;
		*err = why;
	}
	count(journal, code);
	if (code != BROT_OK) {
		if (journal->trouble.code == BROT_OK)
			log_line(LOG_LEVEL_WARNING,
				 "the store cannot be written to, trying again later: %s",
				 err->text);
		journal->trouble = *err;
		return code;
	}
	if (journal->trouble.code != BROT_OK)
		log_line(LOG_LEVEL_NOTICE, "the store can be written to again");
	journal->trouble = (struct brot_error){.code = BROT_OK};
	steps_of_notes(journal);
	journal->count = 0;
	return BROT_OK;
}

bool journal_flush(struct journal *journal)
{
	struct brot_error err;
	return journal->has_new ? flush(journal, &err) == BROT_OK : journal->count == 0;
}

const struct brot_error *journal_trouble(const struct journal *journal)
{
	return journal->trouble.code != BROT_OK ? &journal->trouble : NULL;
}

void journal_retry(struct journal *journal)
{
	journal->has_new = true;
	(void)journal_flush(journal);
}

/* Ends a write that has to be there at once. */
static enum brot_err commit(struct journal *journal, enum brot_err code, struct brot_error *err)
{
	struct brot_error why;
	enum brot_err committed = store_commit(journal->store, &why);
	if (code == BROT_OK && committed != BROT_OK && err != NULL)
		*err = why;
	code = code != BROT_OK ? code : committed;
	count(journal, code);
	return code;
}

static struct store_image image_row(uint64_t work, const struct image_id *id)
{
	struct store_image image = {.work = work};
	memcpy(image.name, id->name, sizeof image.name);
	memcpy(image.nonce, id->nonce, sizeof image.nonce);
	return image;
}

enum brot_err journal_add(struct journal *journal, const struct store_job *job,
			  const struct image_id *id, struct brot_error *err)
{
	if (journal->store == NULL)
		return BROT_OK;
	struct store_image image = image_row(work_id(job->job, 0), id);
	enum brot_err code = flush(journal, err);
	if (code != BROT_OK)
		return code;
	return commit(journal, store_add(journal->store, job, &image, err), err);
}

enum brot_err journal_add_image(struct journal *journal, uint64_t work, const struct image_id *id,
				struct brot_error *err)
{
	if (journal->store == NULL)
		return BROT_OK;
	struct store_image image = image_row(work, id);
	enum brot_err code = flush(journal, err);
	if (code != BROT_OK)
		return code;
	return commit(journal, store_add_image(journal->store, &image, err), err);
}

enum brot_err journal_revive(struct journal *journal, uint64_t job, struct brot_error *err)
{
	if (journal->store == NULL)
		return BROT_OK;
	enum brot_err code = flush(journal, err);
	if (code != BROT_OK)
		return code;
	return commit(journal, store_revive(journal->store, job, clock_unix_ms(), NULL, err), err);
}
