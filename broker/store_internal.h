/*
 * store_internal.h - the store's state and its queries, shared by the store_*.c files alone.
 *
 * Tables: store, one row, whose id tells it from all others; job, a row for each live and each
 * ended job (ended_ms is NULL while it lives); request, its document, apart so that a record of a
 * few counters does not write it again; image, of live jobs only.
 */
#ifndef BROKER_STORE_INTERNAL_H
#define BROKER_STORE_INTERNAL_H

#include <sqlite3.h>

#include "broker/store.h"

enum store_query {
	QUERY_BEGIN,
	QUERY_COMMIT,
	QUERY_ROLLBACK,
	QUERY_MARK, /* a place within the transaction to go back to */
	QUERY_MARK_UNDO,
	QUERY_MARK_KEEP,
	QUERY_ADD,
	QUERY_ADD_REQUEST,
	QUERY_ADD_IMAGE,
	QUERY_REMOVE_IMAGE,
	QUERY_REMOVE_IMAGES,
	QUERY_RECORD,
	QUERY_END,
	QUERY_REVIVE,
	QUERY_PRUNE,
	QUERY_EACH_JOB,
	QUERY_EACH_IMAGE,
	QUERY_EACH_ENDED,
	QUERY_FIND_KEY,
	QUERY_FIND_ENDED,
	QUERY_LAST_JOB,
	QUERY_ID,
	QUERY_COUNT
};

struct store {
	sqlite3 *db;
	char *path;
	char id[STORE_ID_CHARS + 1];
	sqlite3_stmt *queries[QUERY_COUNT];
	uint64_t last_job, committed_last_job;
	bool is_writing; /* something was to be written since the last commit */
	struct brot_error
		broken; /* why this transaction can only fail; code BROT_OK: it can go on */
	char request[LIMIT_CLIENT_FRAME_BYTES + 1]; /* lent by store_find_ended() */
};

/* The columns that store_row_read() expects, of `job AS j LEFT JOIN request AS r`. */
#define STORE_JOB_COLUMNS                                                                    \
	"j.id, j.key, j.client, r.text, j.priority, j.is_kept, j.is_paused, j.band_rows, "   \
	"j.bands_released, j.pixels, j.tiles_done, j.retries, j.workers, j.iterations, "     \
	"j.worker_us, j.accepted_ms, j.finished_ms, j.code, j.text, j.owner, j.ended_kind, " \
	"j.ended_ms"

/* SQL of the queries; the schema of a new file. */
extern const char *const store_sql[QUERY_COUNT];
extern const char store_schema[];
extern const char store_schema_2[]; /* makes a file of version 1 one of version 2 */
#define STORE_SCHEMA_VERSION 2
#define STORE_APPLICATION_ID 0x62726f74 /* "brot" */

/* The name in the file of how a job ended. */
extern const char *const store_end_names[JOB_END_COUNT];

/* A query being given its values, in order. */
struct store_binding {
	sqlite3_stmt *query;
	int count;
};
struct store_binding store_bind(struct store *store, enum store_query query);
void store_bind_int(struct store_binding *b, int64_t value);
void store_bind_u64(struct store_binding *b, uint64_t value); /* at most INT64_MAX is kept */
void store_bind_text(struct store_binding *b, const char *text, size_t bytes);
void store_bind_blob(struct store_binding *b, const void *data, size_t bytes);

/* Ends a query: it and its values are free again. */
void store_query_end(sqlite3_stmt *query);

/* What SQLite's last failure on this store means; undoes and breaks the transaction unless it was
 * but a rule that one row broke. */
enum brot_err store_failure(struct store *store, int result, struct brot_error *err);

/* The same for a query that only reads: with nothing written there is nothing to break. */
enum brot_err store_read_failure(struct store *store, int result, struct brot_error *err);

/* What a failure to open or to check the file means. */
enum brot_err store_file_failure(const char *path, sqlite3 *db, int result, struct brot_error *err);

#endif
