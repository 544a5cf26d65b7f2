/* store_read.c - what reads the store's rows. Whoever can write the file may have written them, so
 * a row is checked before it is believed. */
#include <string.h>

#include "broker/store_internal.h"

/* A row being read, column by column; is_good turns false at the first value that is none. */
struct row {
	sqlite3_stmt *query;
	int column;
	bool is_good;
};

static int64_t row_int(struct row *row, int64_t least, int64_t most)
{
	int column = row->column++;
	int64_t value = sqlite3_column_int64(row->query, column);
	if (sqlite3_column_type(row->query, column) == SQLITE_INTEGER && value >= least &&
	    value <= most)
		return value;
	row->is_good = false;
	return least;
}

static uint32_t row_u32(struct row *row)
{
	return (uint32_t)row_int(row, 0, UINT32_MAX);
}

static void row_blob(struct row *row, uint8_t *ret_data, size_t bytes)
{
	int column = row->column++;
	const void *data = sqlite3_column_blob(row->query, column);
	if (data != NULL && (size_t)sqlite3_column_bytes(row->query, column) == bytes)
		memcpy(ret_data, data, bytes);
	else
		row->is_good = false;
}

/* Borrowed until the query goes on; "" where it is not a text of at most `most` bytes. */
static const char *row_text(struct row *row, size_t most, size_t *ret_bytes)
{
	int column = row->column++;
	const unsigned char *text = sqlite3_column_text(row->query, column);
	size_t bytes = (size_t)sqlite3_column_bytes(row->query, column);
	if (text != NULL && bytes <= most && memchr(text, 0, bytes) == NULL) {
		*ret_bytes = bytes;
		return (const char *)text;
	}
	row->is_good = false;
	*ret_bytes = 0;
	return "";
}

static void row_copy_text(struct row *row, char *ret_text, size_t text_bytes)
{
	size_t bytes;
	const char *text = row_text(row, text_bytes - 1, &bytes);
	memcpy(ret_text, text, bytes);
	ret_text[bytes] = '\0';
}

static enum brot_err row_code(struct row *row)
{
	size_t bytes;
	const char *name = row_text(row, LIMIT_NAME_CHARS, &bytes);
	/* A name that a later version knows is an error whose nature we do not know. */
	return strcmp(name, brot_err_name(BROT_OK)) == 0 ? BROT_OK : error_code_of_name(name);
}

static enum job_end row_end(struct row *row)
{
	size_t bytes;
	const char *name = row_text(row, LIMIT_NAME_CHARS, &bytes);
	for (size_t end = 0; end < JOB_END_COUNT; end++) {
		if (strcmp(name, store_end_names[end]) == 0)
			return (enum job_end)end;
	}
	row->is_good = false;
	return JOB_END_FAILED;
}

/* The request is borrowed until the query goes on. */
static bool job_read(sqlite3_stmt *query, struct store_job *ret_job)
{
	struct row row = {.query = query, .is_good = true};
	memset(ret_job, 0, sizeof *ret_job);
	ret_job->job = (uint64_t)row_int(&row, 1, (1ll << WORK_BAND_SHIFT) - 1);
	row_blob(&row, ret_job->key, sizeof ret_job->key);
	row_copy_text(&row, ret_job->client, sizeof ret_job->client);
	ret_job->request = row_text(&row, LIMIT_CLIENT_FRAME_BYTES, &ret_job->request_bytes);
	ret_job->priority = (int32_t)row_int(&row, -LIMIT_PRIORITY, LIMIT_PRIORITY);
	ret_job->is_kept = row_int(&row, 0, 1) == 1;
	ret_job->is_paused = row_int(&row, 0, 1) == 1;
	ret_job->band_rows = row_u32(&row);
	ret_job->bands_released = row_u32(&row);
	ret_job->pixels = (uint64_t)row_int(&row, 0, INT64_MAX);
	ret_job->tiles_done = row_u32(&row);
	ret_job->retries = row_u32(&row);
	ret_job->workers = row_u32(&row);
	ret_job->iterations = (uint64_t)row_int(&row, 0, INT64_MAX);
	ret_job->worker_us = row_int(&row, 0, INT64_MAX);
	ret_job->accepted_ms = row_int(&row, 0, INT64_MAX);
	ret_job->finished_ms = row_int(&row, 0, INT64_MAX);
	ret_job->code = row_code(&row);
	row_copy_text(&row, ret_job->text, sizeof ret_job->text);
	row_copy_text(&row, ret_job->owner, sizeof ret_job->owner);
	if (sqlite3_column_type(query, row.column) != SQLITE_NULL) {
		ret_job->end = row_end(&row);
		ret_job->ended_ms = row_int(&row, 1, INT64_MAX);
	}
	return row.is_good;
}

static bool image_read(sqlite3_stmt *query, struct store_image *ret_image)
{
	struct row row = {.query = query, .is_good = true};
	ret_image->work = (uint64_t)row_int(&row, 1, INT64_MAX);
	row_copy_text(&row, ret_image->name, sizeof ret_image->name);
	row_blob(&row, ret_image->nonce, sizeof ret_image->nonce);
	int64_t job = row_int(&row, 1, INT64_MAX);
	return row.is_good && image_name_is_valid(ret_image->name) &&
	       work_job(ret_image->work) == (uint64_t)job;
}

/* Who is told of the rows of a query: of jobs or of images. */
struct visitor {
	void (*job)(const struct store_job *job, void *context);
	void (*image)(const struct store_image *image, void *context);
	void *context;
};

static bool visit_job(sqlite3_stmt *query, const struct visitor *visitor)
{
	struct store_job job;
	if (!job_read(query, &job))
		return false;
	visitor->job(&job, visitor->context);
	return true;
}

static bool visit_image(sqlite3_stmt *query, const struct visitor *visitor)
{
	struct store_image image;
	if (!image_read(query, &image))
		return false;
	visitor->image(&image, visitor->context);
	return true;
}

/* Visits every row that a query yields, and counts those that make no sense. */
static enum brot_err each_row(struct store *store, sqlite3_stmt *query,
			      bool (*visit)(sqlite3_stmt *query, const struct visitor *visitor),
			      const struct visitor *visitor, uint32_t *ret_skipped,
			      struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	uint32_t skipped = 0;
	int result;
	while ((result = sqlite3_step(query)) == SQLITE_ROW)
		if (!visit(query, visitor))
			skipped++;
	if (result != SQLITE_DONE)
		code = store_read_failure(store, result, err);
	store_query_end(query);
	if (ret_skipped != NULL)
		*ret_skipped = skipped;
	return code;
}

enum brot_err store_each_job(struct store *store,
			     void (*fn)(const struct store_job *job, void *context), void *context,
			     uint32_t *ret_skipped, struct brot_error *err)
{
	const struct visitor visitor = {.job = fn, .context = context};
	return each_row(store, store->queries[QUERY_EACH_JOB], visit_job, &visitor, ret_skipped,
			err);
}

enum brot_err store_each_ended(struct store *store, uint32_t limit, uint64_t before_job,
			       void (*fn)(const struct store_job *job, void *context),
			       void *context, struct brot_error *err)
{
	const struct visitor visitor = {.job = fn, .context = context};
	struct store_binding b = store_bind(store, QUERY_EACH_ENDED);
	store_bind_u64(&b, before_job != 0 ? before_job : INT64_MAX);
	store_bind_int(&b, limit);
	return each_row(store, b.query, visit_job, &visitor, NULL, err);
}

enum brot_err store_each_image(struct store *store,
			       void (*fn)(const struct store_image *image, void *context),
			       void *context, uint32_t *ret_skipped, struct brot_error *err)
{
	const struct visitor visitor = {.image = fn, .context = context};
	return each_row(store, store->queries[QUERY_EACH_IMAGE], visit_image, &visitor, ret_skipped,
			err);
}

enum brot_err store_find_key(struct store *store, const uint8_t key[SCHED_KEY_BYTES],
			     uint64_t *ret_job, enum job_end *ret_end, struct brot_error *err)
{
	struct store_binding b = store_bind(store, QUERY_FIND_KEY);
	store_bind_blob(&b, key, SCHED_KEY_BYTES);
	int result = sqlite3_step(b.query);
	enum brot_err code = BROT_E_NOT_FOUND;
	if (result == SQLITE_ROW) {
		struct row row = {.query = b.query, .is_good = true};
		uint64_t job = (uint64_t)row_int(&row, 1, (1ll << WORK_BAND_SHIFT) - 1);
		enum job_end end = row_end(&row);
		if (row.is_good) {
			*ret_job = job;
			*ret_end = end;
			code = BROT_OK;
		}
	} else if (result != SQLITE_DONE) {
		code = store_read_failure(store, result, err);
	}
	store_query_end(b.query);
	return code;
}

enum brot_err store_find_ended(struct store *store, uint64_t job, struct store_job *ret_job,
			       struct brot_error *err)
{
	struct store_binding b = store_bind(store, QUERY_FIND_ENDED);
	store_bind_u64(&b, job);
	int result = sqlite3_step(b.query);
	struct store_job found;
	enum brot_err code = BROT_OK;
	if (result == SQLITE_ROW && job_read(b.query, &found)) {
		memcpy(store->request, found.request, found.request_bytes);
		store->request[found.request_bytes] = '\0';
		found.request = store->request;
		*ret_job = found;
	} else if (result == SQLITE_ROW) {
		code = error_set(err, BROT_E_SYSTEM,
				 "job: what the store has of %llu makes no sense",
				 (unsigned long long)job);
	} else if (result == SQLITE_DONE) {
		code = error_set(err, BROT_E_NOT_FOUND, "no job %llu has ended",
				 (unsigned long long)job);
	} else {
		code = store_read_failure(store, result, err);
	}
	store_query_end(b.query);
	return code;
}
