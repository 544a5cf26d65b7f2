/* store_write.c - what changes the store's rows. */
#include <assert.h>
#include <string.h>

#include "broker/store_internal.h"

struct store_binding store_bind(struct store *store, enum store_query query)
{
	return (struct store_binding){.query = store->queries[query]};
}

void store_bind_int(struct store_binding *b, int64_t value)
{
	int result = sqlite3_bind_int64(b->query, ++b->count, value);
	assert(result == SQLITE_OK);
	(void)result;
}

void store_bind_u64(struct store_binding *b, uint64_t value)
{
	store_bind_int(b, value <= INT64_MAX ? (int64_t)value : INT64_MAX);
}

/* Bound values are borrowed: every query is run, and its values forgotten, before they go away. */
void store_bind_text(struct store_binding *b, const char *text, size_t bytes)
{
	int result = sqlite3_bind_text64(b->query, ++b->count, text, bytes, SQLITE_STATIC,
					 SQLITE_UTF8);
	assert(result == SQLITE_OK);
	(void)result;
}

void store_bind_blob(struct store_binding *b, const void *data, size_t bytes)
{
	int result = sqlite3_bind_blob64(b->query, ++b->count, data, bytes, SQLITE_STATIC);
	assert(result == SQLITE_OK);
	(void)result;
}

void store_query_end(sqlite3_stmt *query)
{
	(void)sqlite3_reset(query);
	(void)sqlite3_clear_bindings(query);
}

/* Runs a query that yields no rows. */
static enum brot_err query_run(struct store *store, sqlite3_stmt *query, struct brot_error *err)
{
	int result = sqlite3_step(query);
	enum brot_err code = BROT_OK;
	if (result != SQLITE_DONE)
		code = store_failure(store, result, err);
	store_query_end(query);
	return code;
}

/* Begins the transaction if none is open. */
static enum brot_err write_begin(struct store *store, struct brot_error *err)
{
	if (store->broken.code != BROT_OK) {
		if (err != NULL)
			*err = store->broken;
		return store->broken.code;
	}
	store->is_writing = true;
	if (!sqlite3_get_autocommit(store->db))
		return BROT_OK;
	return query_run(store, store->queries[QUERY_BEGIN], err);
}

/* Around several queries that are to be done all or none. */
static enum brot_err mark_begin(struct store *store, struct brot_error *err)
{
	enum brot_err code = write_begin(store, err);
	if (code == BROT_OK)
		code = query_run(store, store->queries[QUERY_MARK], err);
	return code;
}

static enum brot_err mark_end(struct store *store, enum brot_err code, struct brot_error *err)
{
	/* A broken transaction is undone as a whole already. */
	if (store->broken.code != BROT_OK)
		return code;
	if (code != BROT_OK)
		(void)query_run(store, store->queries[QUERY_MARK_UNDO], NULL);
	enum brot_err kept = query_run(store, store->queries[QUERY_MARK_KEEP],
				       code == BROT_OK ? err : NULL);
	return code != BROT_OK ? code : kept;
}

static enum brot_err image_add(struct store *store, const struct store_image *image,
			       struct brot_error *err)
{
	uint64_t job = work_job(image->work);
	struct store_binding b = store_bind(store, QUERY_ADD_IMAGE);
	store_bind_u64(&b, image->work);
	store_bind_u64(&b, job);
	store_bind_text(&b, image->name, strlen(image->name));
	store_bind_blob(&b, image->nonce, sizeof image->nonce);
	enum brot_err code = query_run(store, b.query, err);
	if (code == BROT_OK && sqlite3_changes(store->db) == 0)
		code = error_set(err, BROT_E_INTERNAL, "store: %s: image of job %llu, not live",
				 store->path, (unsigned long long)job);
	return code;
}

static enum brot_err job_insert(struct store *store, const struct store_job *job,
				struct brot_error *err)
{
	struct store_binding b = store_bind(store, QUERY_ADD);
	store_bind_u64(&b, job->job);
	store_bind_blob(&b, job->key, sizeof job->key);
	store_bind_text(&b, job->client, strlen(job->client));
	store_bind_int(&b, job->priority);
	store_bind_int(&b, job->is_kept);
	store_bind_int(&b, job->is_paused);
	store_bind_int(&b, job->band_rows);
	store_bind_int(&b, job->bands_released);
	store_bind_u64(&b, job->pixels);
	store_bind_int(&b, job->tiles_done);
	store_bind_int(&b, job->retries);
	store_bind_int(&b, job->workers);
	store_bind_u64(&b, job->iterations);
	store_bind_int(&b, job->worker_us);
	store_bind_int(&b, job->accepted_ms);
	store_bind_int(&b, job->finished_ms);
	const char *fine = brot_err_name(BROT_OK);
	store_bind_text(&b, fine, strlen(fine));
	store_bind_text(&b, job->owner, strlen(job->owner));
	enum brot_err code = query_run(store, b.query, err);
	if (code != BROT_OK)
		return code;

	b = store_bind(store, QUERY_ADD_REQUEST);
	store_bind_u64(&b, job->job);
	store_bind_text(&b, job->request, job->request_bytes);
	return query_run(store, b.query, err);
}

enum brot_err store_add(struct store *store, const struct store_job *job,
			const struct store_image *image, struct brot_error *err)
{
	if (job->job <= store->last_job || work_band(job->job) != 0)
		return error_set(err, BROT_E_INTERNAL, "store: %s: new job %llu after job %llu",
				 store->path, (unsigned long long)job->job,
				 (unsigned long long)store->last_job);
	if (job->request_bytes > LIMIT_CLIENT_FRAME_BYTES)
		return error_set(err, BROT_E_INTERNAL,
				 "store: %s: request of %zu bytes, at most %d are kept",
				 store->path, job->request_bytes, LIMIT_CLIENT_FRAME_BYTES);
	enum brot_err code = mark_begin(store, err);
	if (code != BROT_OK)
		return code;
	code = job_insert(store, job, err);
	if (code == BROT_OK && image != NULL)
		code = image_add(store, image, err);
	code = mark_end(store, code, err);
	if (code == BROT_OK)
		store->last_job = job->job;
	return code;
}

enum brot_err store_add_image(struct store *store, const struct store_image *image,
			      struct brot_error *err)
{
	enum brot_err code = write_begin(store, err);
	return code == BROT_OK ? image_add(store, image, err) : code;
}

enum brot_err store_remove_image(struct store *store, uint64_t work, struct brot_error *err)
{
	enum brot_err code = write_begin(store, err);
	if (code != BROT_OK)
		return code;
	struct store_binding b = store_bind(store, QUERY_REMOVE_IMAGE);
	store_bind_u64(&b, work);
	return query_run(store, b.query, err);
}

static enum brot_err record(struct store *store, const struct job_report *report,
			    enum brot_err failed, const char *text, int64_t finished_ms,
			    struct brot_error *err)
{
	struct store_binding b = store_bind(store, QUERY_RECORD);
	const char *name = brot_err_name(failed);
	store_bind_u64(&b, report->job);
	store_bind_int(&b, finished_ms);
	store_bind_int(&b, report->priority);
	store_bind_int(&b, report->is_kept);
	store_bind_int(&b, report->is_paused);
	store_bind_int(&b, report->bands_released);
	store_bind_int(&b, report->tiles_done);
	store_bind_int(&b, report->retries);
	store_bind_int(&b, report->workers);
	store_bind_u64(&b, report->iterations);
	store_bind_int(&b, report->worker_us);
	store_bind_text(&b, name, strlen(name));
	store_bind_text(&b, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
	return query_run(store, b.query, err);
}

enum brot_err store_record(struct store *store, const struct job_report *report, enum brot_err code,
			   const char *text, int64_t now_ms, struct brot_error *err)
{
	enum brot_err result = write_begin(store, err);
	if (result != BROT_OK)
		return result;
	bool is_over = report->state == JOB_FINISHED || report->state == JOB_FAILED;
	return record(store, report, code, text, is_over ? now_ms : 0, err);
}

enum brot_err store_end(struct store *store, const struct job_report *report, enum job_end end,
			enum brot_err code, const char *text, int64_t now_ms,
			struct brot_error *err)
{
	assert(end < JOB_END_COUNT);
	enum brot_err result = mark_begin(store, err);
	if (result != BROT_OK)
		return result;
	result = record(store, report, code, text, report->state == JOB_FINISHED ? now_ms : 0, err);
	if (result == BROT_OK) {
		struct store_binding b = store_bind(store, QUERY_END);
		store_bind_u64(&b, report->job);
		store_bind_text(&b, store_end_names[end], strlen(store_end_names[end]));
		store_bind_int(&b, now_ms);
		result = query_run(store, b.query, err);
	}
	if (result == BROT_OK) {
		struct store_binding b = store_bind(store, QUERY_REMOVE_IMAGES);
		store_bind_u64(&b, report->job);
		result = query_run(store, b.query, err);
	}
	return mark_end(store, result, err);
}

/* A query that is to change one row, and may find that another one has its key. */
static enum brot_err revive(struct store *store, uint64_t job, int64_t now_ms,
			    struct brot_error *err)
{
	struct store_binding b = store_bind(store, QUERY_REVIVE);
	const char *fine = brot_err_name(BROT_OK);
	store_bind_u64(&b, job);
	store_bind_int(&b, now_ms);
	store_bind_text(&b, fine, strlen(fine));
	int result = sqlite3_step(b.query);
	enum brot_err code = BROT_OK;
	if (result == SQLITE_CONSTRAINT_UNIQUE)
		code = error_set(err, BROT_E_BUSY, "job %llu: another job has its key now",
				 (unsigned long long)job);
	else if (result != SQLITE_DONE)
		code = store_failure(store, result, err);
	else if (sqlite3_changes(store->db) == 0)
		code = error_set(err, BROT_E_NOT_FOUND, "no job %llu has ended",
				 (unsigned long long)job);
	store_query_end(b.query);
	return code;
}

enum brot_err store_revive(struct store *store, uint64_t job, int64_t now_ms,
			   const struct store_image *image, struct brot_error *err)
{
	enum brot_err code = mark_begin(store, err);
	if (code != BROT_OK)
		return code;
	code = revive(store, job, now_ms, err);
	if (code == BROT_OK && image != NULL)
		code = image_add(store, image, err);
	return mark_end(store, code, err);
}

enum brot_err store_prune(struct store *store, int64_t before_ms, uint32_t keep,
			  uint32_t *ret_removed, struct brot_error *err)
{
	enum brot_err code = write_begin(store, err);
	if (code != BROT_OK)
		return code;
	struct store_binding b = store_bind(store, QUERY_PRUNE);
	store_bind_int(&b, before_ms);
	store_bind_int(&b, keep);
	store_bind_int(&b, STORE_PRUNE_ROWS);
	code = query_run(store, b.query, err);
	if (code == BROT_OK && ret_removed != NULL)
		*ret_removed = (uint32_t)sqlite3_changes(store->db);
	return code;
}
