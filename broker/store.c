/* store.c - opens the store's file, ends its transactions, and says what its failures mean. */
#include "broker/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/store_internal.h"

/* What the write-ahead log is cut to after it has grown in a storm. */
#define WAL_KEPT_BYTES "8388608"

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* Of several lines of SQLite's, which then are one. */
static enum brot_err damaged(const char *path, const char *how, struct brot_error *err)
{
	char line[96];
	(void)snprintf(line, sizeof line, "%s", how);
	for (char *p = line; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
	return error_set(err, BROT_E_SYSTEM,
			 "store: %s is damaged (%s): move it away, its jobs are lost", path, line);
}

enum brot_err store_file_failure(const char *path, sqlite3 *db, int result, struct brot_error *err)
{
	int error = db != NULL ? sqlite3_system_errno(db) : 0;
	int kind = result & 0xff;
	if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED)
		return error_set(err, BROT_E_BUSY, "store: %s is in use by another broker", path);
	if (kind == SQLITE_FULL ||
	    ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) && is_full(error)))
		return error_set(err, BROT_E_NO_SPACE, "store: the disk of %s is full", path);
	if (kind == SQLITE_NOTADB)
		return error_set(err, BROT_E_SYSTEM,
				 "store: %s is not a database of ours: move it away, or name "
				 "another --state-dir",
				 path);
	if (kind == SQLITE_CORRUPT)
		return damaged(path, sqlite3_errmsg(db), err);
	if (kind == SQLITE_READONLY || kind == SQLITE_PERM)
		return error_set(err, BROT_E_SYSTEM, "store: %s cannot be written", path);
	return error_set(err, BROT_E_SYSTEM, "store: %s: %s%s%s", path,
			 db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(result),
			 error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

enum brot_err store_failure(struct store *store, int result, struct brot_error *err)
{
	if ((result & 0xff) == SQLITE_CONSTRAINT)
		return error_set(err, BROT_E_INTERNAL, "store: %s: %s", store->path,
				 sqlite3_errmsg(store->db));
	struct brot_error why;
	(void)store_file_failure(store->path, store->db, result, &why);
	/* A row that is too large is our mistake too, but nothing is worth a half transaction. */
	if (store->broken.code == BROT_OK)
		store->broken = why;
	if (!sqlite3_get_autocommit(store->db)) {
		(void)sqlite3_step(store->queries[QUERY_ROLLBACK]);
		(void)sqlite3_reset(store->queries[QUERY_ROLLBACK]);
	}
	store->last_job = store->committed_last_job;
	if (err != NULL)
		*err = why;
	return why.code;
}

enum brot_err store_read_failure(struct store *store, int result, struct brot_error *err)
{
	if (store->is_writing)
		return store_failure(store, result, err);
	return store_file_failure(store->path, store->db, result, err);
}

/* Runs SQL without results, before there is a store. */
static enum brot_err sql_run(sqlite3 *db, const char *path, const char *sql, struct brot_error *err)
{
	int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return result == SQLITE_OK ? BROT_OK : store_file_failure(path, db, result, err);
}

/* The first value that a statement yields; text is cut. */
static enum brot_err sql_read(sqlite3 *db, const char *path, const char *sql, int64_t *ret_value,
			      char *ret_text, size_t text_bytes, struct brot_error *err)
{
	sqlite3_stmt *query = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &query, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(query);
	enum brot_err code = BROT_OK;
	if (result == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(query, 0);
		if (ret_text != NULL)
			(void)snprintf(ret_text, text_bytes, "%s",
				       text != NULL ? (const char *)text : "");
		*ret_value = sqlite3_column_int64(query, 0);
	} else {
		code = store_file_failure(path, db, result, err);
	}
	(void)sqlite3_finalize(query);
	return code;
}

/* Makes what is missing of the folder and the file, which then is one of ours, closed to others. */
static enum brot_err file_make(const char *folder, const char *path, struct brot_error *err)
{
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return error_set(err, is_full(errno) ? BROT_E_NO_SPACE : BROT_E_SYSTEM,
				 "store: cannot make the folder %s: %s", folder, strerror(errno));
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno != EEXIST)
		return error_set(err, is_full(errno) ? BROT_E_NO_SPACE : BROT_E_SYSTEM,
				 "store: cannot make %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	/* Not opened to look at it: closing it again would give up the locks of a store on the same
	 * file in this process. */
	struct stat st;
	if (lstat(path, &st) != 0)
		return error_set(err, BROT_E_SYSTEM, "store: cannot look at %s: %s", path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, BROT_E_SYSTEM, "store: %s is not a regular file", path);
	if (st.st_uid != geteuid())
		return error_set(err, BROT_E_SYSTEM, "store: %s belongs to user %u, not to %u",
				 path, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 0777) != 0600 && chmod(path, 0600) != 0)
		return error_set(err, BROT_E_SYSTEM, "store: cannot close %s to others: %s", path,
				 strerror(errno));
	return BROT_OK;
}

/* Whether the file is empty (then it gets its schema) or a store that we understand. */
static enum brot_err schema_check(sqlite3 *db, const char *path, bool *ret_is_new,
				  int64_t *ret_version, struct brot_error *err)
{
	int64_t application = 0, version = 0, tables = 0;
	enum brot_err code = sql_read(db, path, "PRAGMA application_id", &application, NULL, 0,
				      err);
	if (code == BROT_OK)
		code = sql_read(db, path, "PRAGMA user_version", &version, NULL, 0, err);
	if (code == BROT_OK)
		code = sql_read(db, path, "SELECT count(*) FROM sqlite_schema", &tables, NULL, 0,
				err);
	if (code != BROT_OK)
		return code;
	*ret_is_new = application == 0 && version == 0 && tables == 0;
	if (!*ret_is_new && application != STORE_APPLICATION_ID)
		return error_set(err, BROT_E_SYSTEM,
				 "store: %s is a database of something else: move it away, or name "
				 "another --state-dir",
				 path);
	if (version > STORE_SCHEMA_VERSION)
		return error_set(err, BROT_E_SYSTEM,
				 "store: %s has schema %lld, this broker knows up to %d: a newer "
				 "brot wrote it, which has to go on with it",
				 path, (long long)version, STORE_SCHEMA_VERSION);
	if (!*ret_is_new && version < 1)
		return error_set(err, BROT_E_SYSTEM, "store: %s has no schema version", path);
	*ret_version = version;
	return BROT_OK;
}

static enum brot_err schema_make(sqlite3 *db, const char *path, struct brot_error *err)
{
	char numbers[96];
	(void)snprintf(numbers, sizeof numbers,
		       "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		       STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
	enum brot_err code = sql_run(db, path, "BEGIN IMMEDIATE", err);
	if (code == BROT_OK)
		code = sql_run(db, path, store_schema, err);
	if (code == BROT_OK)
		code = sql_run(db, path, numbers, err);
	return code;
}

static enum brot_err schema_renew(sqlite3 *db, const char *path, struct brot_error *err)
{
	enum brot_err code = sql_run(db, path, "BEGIN IMMEDIATE", err);
	if (code == BROT_OK)
		code = sql_run(db, path, store_schema_2, err);
	if (code == BROT_OK)
		code = sql_run(db, path, "COMMIT", err);
	return code;
}

static enum brot_err file_check(sqlite3 *db, const char *path, struct brot_error *err)
{
	char verdict[96] = "";
	int64_t unused = 0;
	enum brot_err code = sql_read(db, path, "PRAGMA quick_check(1)", &unused, verdict,
				      sizeof verdict, err);
	if (code != BROT_OK || strcmp(verdict, "ok") == 0)
		return code;
	return damaged(path, verdict, err);
}

/* Takes the file for this process and makes it what we want of it. */
static enum brot_err db_prepare(sqlite3 *db, const char *path, enum store_sync sync,
				struct brot_error *err)
{
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	bool is_new = false;
	char mode[16] = "";
	int64_t version = 0, unused = 0;
	/* Before anything is read: the first access takes the lock that is never given back. */
	enum brot_err code = sql_run(db, path, "PRAGMA locking_mode = EXCLUSIVE", err);
	if (code == BROT_OK)
		code = schema_check(db, path, &is_new, &version, err);
	/* Only now is it ours to change. */
	if (code == BROT_OK)
		code = sql_read(db, path, "PRAGMA journal_mode = WAL", &unused, mode, sizeof mode,
				err);
	if (code == BROT_OK && strcmp(mode, "wal") != 0)
		return error_set(err, BROT_E_SYSTEM, "store: %s cannot have a write-ahead log",
				 path);
	if (code == BROT_OK)
		code = sql_run(db, path,
			       sync == STORE_SYNC_FULL ? "PRAGMA synchronous = FULL"
						       : "PRAGMA synchronous = NORMAL",
			       err);
	if (code == BROT_OK)
		code = sql_run(db, path,
			       "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
			       "PRAGMA journal_size_limit = " WAL_KEPT_BYTES,
			       err);
	if (code == BROT_OK && is_new)
		code = schema_make(db, path, err);
	if (code == BROT_OK && !is_new && version == 1)
		code = schema_renew(db, path, err);
	/* A write lock, which a reader alone would not take, keeps every other broker out. */
	if (code == BROT_OK)
		code = sql_run(db, path, "BEGIN EXCLUSIVE; COMMIT", err);
	return code == BROT_OK ? file_check(db, path, err) : code;
}

static enum brot_err queries_prepare(struct store *store, struct brot_error *err)
{
	for (size_t i = 0; i < QUERY_COUNT; i++) {
		int result = sqlite3_prepare_v3(store->db, store_sql[i], -1,
						SQLITE_PREPARE_PERSISTENT, &store->queries[i],
						NULL);
		if (result != SQLITE_OK)
			return store_file_failure(store->path, store->db, result, err);
	}
	int64_t last = 0, unused;
	enum brot_err code = sql_read(store->db, store->path, store_sql[QUERY_LAST_JOB], &last,
				      NULL, 0, err);
	if (code == BROT_OK)
		code = sql_read(store->db, store->path, store_sql[QUERY_ID], &unused, store->id,
				sizeof store->id, err);
	if (code != BROT_OK)
		return code;
	if (last < 0 || work_band((uint64_t)last) != 0)
		return error_set(err, BROT_E_SYSTEM, "store: %s is damaged: job id %lld",
				 store->path, (long long)last);
	if (strspn(store->id, "0123456789abcdef") != STORE_ID_CHARS)
		return error_set(err, BROT_E_SYSTEM, "store: %s is damaged: id \"%s\"", store->path,
				 store->id);
	store->last_job = store->committed_last_job = (uint64_t)last;
	return BROT_OK;
}

enum brot_err store_open(const char *folder, enum store_sync sync, struct store **ret_store,
			 struct brot_error *err)
{
	size_t path_bytes = strlen(folder) + sizeof "/" STORE_FILE;
	struct store *store = calloc(1, sizeof *store);
	if (store == NULL)
		abort();
	store->path = malloc(path_bytes);
	if (store->path == NULL)
		abort();
	(void)snprintf(store->path, path_bytes, "%s/" STORE_FILE, folder);

	enum brot_err code = file_make(folder, store->path, err);
	if (code == BROT_OK) {
		int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
		int result = sqlite3_open_v2(store->path, &store->db, flags, NULL);
		if (result != SQLITE_OK)
			code = store_file_failure(store->path, store->db, result, err);
	}
	if (code == BROT_OK)
		code = db_prepare(store->db, store->path, sync, err);
	if (code == BROT_OK)
		code = queries_prepare(store, err);
	if (code != BROT_OK)
		store_close(store);
	else
		*ret_store = store;
	return code;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	for (size_t i = 0; i < QUERY_COUNT; i++)
		(void)sqlite3_finalize(store->queries[i]);
	(void)sqlite3_close(store->db);
	free(store->path);
	free(store);
}

enum brot_err store_commit(struct store *store, struct brot_error *err)
{
	if (store->broken.code == BROT_OK && !sqlite3_get_autocommit(store->db)) {
		/* SQLite tells a full disk from the other errors of a commit, but no quota. */
		errno = 0;
		int result = sqlite3_step(store->queries[QUERY_COMMIT]);
		if ((result & 0xff) == SQLITE_IOERR && is_full(errno))
			result = SQLITE_FULL;
		if (result != SQLITE_DONE)
			(void)store_failure(store, result, NULL);
		store_query_end(store->queries[QUERY_COMMIT]);
	}
	enum brot_err code = store->broken.code;
	if (code != BROT_OK && err != NULL)
		*err = store->broken;
	store->broken = (struct brot_error){.code = BROT_OK};
	store->is_writing = false;
	if (code == BROT_OK)
		store->committed_last_job = store->last_job;
	return code;
}

const char *store_id(const struct store *store)
{
	return store->id;
}

uint64_t store_last_job(const struct store *store)
{
	return store->last_job;
}
