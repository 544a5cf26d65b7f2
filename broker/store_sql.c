/* store_sql.c - the store's schema and every query that it keeps. */
#include "broker/store_internal.h"

const char store_schema[] =
	"CREATE TABLE store (id BLOB NOT NULL CHECK (length(id) = 16)) STRICT;"
	"INSERT INTO store VALUES (randomblob(16));"
	"CREATE TABLE job ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT," /* the highest one is known after its row is gone
						  */
	" key BLOB NOT NULL CHECK (length(key) = 16),"
	" client TEXT NOT NULL,"
	" priority INTEGER NOT NULL,"
	" is_kept INTEGER NOT NULL,"
	" is_paused INTEGER NOT NULL,"
	" band_rows INTEGER NOT NULL,"
	" bands_released INTEGER NOT NULL,"
	" pixels INTEGER NOT NULL,"
	" tiles_done INTEGER NOT NULL,"
	" retries INTEGER NOT NULL,"
	" workers INTEGER NOT NULL,"
	" iterations INTEGER NOT NULL,"
	" worker_us INTEGER NOT NULL,"
	" accepted_ms INTEGER NOT NULL,"
	" finished_ms INTEGER NOT NULL,"
	" code TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" owner TEXT NOT NULL,"
	" ended_kind TEXT,"
	" ended_ms INTEGER,"
	" CHECK ((ended_kind IS NULL) = (ended_ms IS NULL))"
	") STRICT;"
	"CREATE UNIQUE INDEX job_live_key ON job (key) WHERE ended_ms IS NULL;"
	"CREATE INDEX job_ended_key ON job (key, id) WHERE ended_ms IS NOT NULL;"
	"CREATE INDEX job_ended ON job (ended_ms) WHERE ended_ms IS NOT NULL;"
	"CREATE TABLE request ("
	" job INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,"
	" text TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE image ("
	" work INTEGER PRIMARY KEY,"
	" job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,"
	" name TEXT NOT NULL UNIQUE,"
	" nonce BLOB NOT NULL CHECK (length(nonce) = 16)"
	") STRICT;"
	"CREATE INDEX image_job ON image (job);";

/* Before there were owners a broker took jobs from anybody. */
const char store_schema_2[] = "ALTER TABLE job ADD COLUMN owner TEXT NOT NULL"
			      " DEFAULT '" PRINCIPAL_ANY "';"
			      "PRAGMA user_version = 2;";

const char *const store_end_names[JOB_END_COUNT] = {
	[JOB_END_RELEASED] = "released",   [JOB_END_FAILED] = "failed",
	[JOB_END_CANCELLED] = "cancelled", [JOB_END_ABANDONED] = "abandoned",
	[JOB_END_EXPIRED] = "expired",
};

#define FROM_JOBS " FROM job AS j LEFT JOIN request AS r ON r.job = j.id "

const char *const store_sql[QUERY_COUNT] = {
	[QUERY_BEGIN] = "BEGIN",
	[QUERY_COMMIT] = "COMMIT",
	[QUERY_ROLLBACK] = "ROLLBACK",
	[QUERY_MARK] = "SAVEPOINT mark",
	[QUERY_MARK_UNDO] = "ROLLBACK TO mark",
	[QUERY_MARK_KEEP] = "RELEASE mark",
	[QUERY_ADD] = "INSERT INTO job (id, key, client, priority, is_kept, is_paused, band_rows,"
		      " bands_released, pixels, tiles_done, retries, workers, iterations,"
		      " worker_us, accepted_ms, finished_ms, code, owner, text)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
	[QUERY_ADD_REQUEST] = "INSERT INTO request (job, text) VALUES (?, ?)",
	[QUERY_ADD_IMAGE] = "INSERT INTO image (work, job, name, nonce)"
			    " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS"
			    " (SELECT 1 FROM job WHERE id = ?2 AND ended_ms IS NULL)"
			    " ON CONFLICT (work) DO UPDATE"
			    " SET name = excluded.name, nonce = excluded.nonce",
	[QUERY_REMOVE_IMAGE] = "DELETE FROM image WHERE work = ?",
	[QUERY_REMOVE_IMAGES] = "DELETE FROM image WHERE job = ?",
	[QUERY_RECORD] = "UPDATE job SET finished_ms ="
			 " CASE WHEN ?2 = 0 THEN 0 WHEN finished_ms != 0 THEN finished_ms"
			 " ELSE ?2 END,"
			 " priority = ?3, is_kept = ?4, is_paused = ?5, bands_released = ?6,"
			 " tiles_done = ?7, retries = ?8, workers = ?9, iterations = ?10,"
			 " worker_us = ?11, code = ?12, text = ?13"
			 " WHERE id = ?1 AND ended_ms IS NULL",
	[QUERY_END] = "UPDATE job SET ended_kind = ?2, ended_ms = ?3"
		      " WHERE id = ?1 AND ended_ms IS NULL",
	[QUERY_REVIVE] = "UPDATE job SET ended_kind = NULL, ended_ms = NULL, is_kept = 1,"
			 " is_paused = 0, bands_released = 0, tiles_done = 0, retries = 0,"
			 " workers = 0, iterations = 0, worker_us = 0, accepted_ms = ?2,"
			 " finished_ms = 0, code = ?3, text = ''"
			 " WHERE id = ?1 AND ended_ms IS NOT NULL",
	[QUERY_PRUNE] = "DELETE FROM job WHERE id IN ("
			"SELECT id FROM job WHERE ended_ms IS NOT NULL AND ended_ms < ?1"
			" UNION SELECT id FROM (SELECT id FROM job WHERE ended_ms IS NOT NULL"
			" ORDER BY ended_ms DESC, id DESC LIMIT ?3 OFFSET ?2)"
			" LIMIT ?3)",
	[QUERY_EACH_JOB] = "SELECT " STORE_JOB_COLUMNS FROM_JOBS
			   "WHERE j.ended_ms IS NULL ORDER BY j.id",
	[QUERY_EACH_IMAGE] = "SELECT work, name, nonce, job FROM image ORDER BY work",
	[QUERY_EACH_ENDED] = "SELECT " STORE_JOB_COLUMNS FROM_JOBS
			     "WHERE j.ended_ms IS NOT NULL AND j.id < ?"
			     " ORDER BY j.id DESC LIMIT ?",
	[QUERY_FIND_KEY] = "SELECT id, ended_kind FROM job WHERE key = ? AND ended_ms IS NOT NULL"
			   " ORDER BY id DESC LIMIT 1",
	[QUERY_FIND_ENDED] = "SELECT " STORE_JOB_COLUMNS FROM_JOBS
			     "WHERE j.id = ? AND j.ended_ms IS NOT NULL",
	[QUERY_ID] = "SELECT lower(hex(id)) FROM store",
	[QUERY_LAST_JOB] = "SELECT max(coalesce((SELECT seq FROM sqlite_sequence"
			   " WHERE name = 'job'), 0), coalesce((SELECT max(id) FROM job), 0))",
};
