/* test_store_trouble.c - stores on disks that fill up, in other hands, and in files that are none.
 */
#define _GNU_SOURCE /* unshare() */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "broker/store_internal.h"
#include "tests/unit/store_fixture.h"

/* That opening fails with that code and sentence. */
static void assert_refused(const char *folder, enum brot_err code, const char *part)
{
	struct store *store = NULL;
	struct brot_error err = {0};
	assert_int_equal(store_open(folder, STORE_SYNC_NORMAL, &store, &err), code);
	assert_null(store);
	assert_int_equal(err.code, code);
	if (strstr(err.text, part) == NULL || strstr(err.text, folder) == NULL)
		fail_msg("\"%s\" should be in: %s", part, err.text);
}

static void a_second_broker_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	assert_refused(f->folder, BROT_E_BUSY, "in use by another broker");
	pid_t pid = fork();
	if (pid == 0) {
		struct store *second = NULL;
		_exit(store_open(f->folder, STORE_SYNC_FULL, &second, NULL) == BROT_E_BUSY ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* The first one does not mind. */
	add(store, 1);
	commit(store);
	store_close(store);
	store_close(open_at(f->folder));
}

static void folder_and_file_are_made_and_closed_to_others(void **state)
{
	struct fixture *f = *state;
	char inner[96], file[128];
	(void)snprintf(inner, sizeof inner, "%s/new", f->folder);
	(void)snprintf(file, sizeof file, "%s/brot.db", inner);
	mode_t mask = umask(0);
	store_close(open_at(inner));
	(void)umask(mask);
	struct stat st;
	assert_int_equal(stat(inner, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(chmod(file, 0644), 0);
	store_close(open_at(inner));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	(void)snprintf(inner, sizeof inner, "%s/new/deep/er", f->folder);
	assert_refused(inner, BROT_E_SYSTEM, "cannot make the folder");
	assert_int_equal(unlink(file), 0);
	(void)snprintf(inner, sizeof inner, "%s/new", f->folder);
	assert_int_equal(rmdir(inner), 0);
}

static void file_write(const char *path, const void *data, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), bytes);
	(void)close(fd);
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	char *why = NULL;
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", text, why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void files_that_are_no_stores_are_refused(void **state)
{
	struct fixture *f = *state;
	char text[8192];
	memset(text, 'x', sizeof text);
	file_write(f->file, text, sizeof text);
	assert_refused(f->folder, BROT_E_SYSTEM, "not a database of ours");
	assert_int_equal(unlink(f->file), 0);

	sql(f->file, "CREATE TABLE bookmarks (url TEXT)");
	assert_refused(f->folder, BROT_E_SYSTEM, "database of something else");
	/* It is as it was. */
	sql(f->file, "INSERT INTO bookmarks VALUES ('x')");
	assert_int_equal(unlink(f->file), 0);

	store_close(open_at(f->folder));
	sql(f->file, "PRAGMA user_version = 3");
	assert_refused(f->folder, BROT_E_SYSTEM,
		       "has schema 3, this broker knows up to 2: a newer brot wrote it");
	sql(f->file, "PRAGMA user_version = 0");
	assert_refused(f->folder, BROT_E_SYSTEM, "no schema version");
	sql(f->file, "PRAGMA user_version = 2; DROP TABLE image");
	assert_refused(f->folder, BROT_E_SYSTEM, "image");
	assert_int_equal(unlink(f->file), 0);

	assert_int_equal(mkfifo(f->file, 0600), 0);
	assert_refused(f->folder, BROT_E_SYSTEM, "not a regular file");
	assert_int_equal(unlink(f->file), 0);
	assert_int_equal(symlink("/dev/null", f->file), 0);
	assert_refused(f->folder, BROT_E_SYSTEM, "not a regular file");
	assert_int_equal(unlink(f->file), 0);
	assert_int_equal(mkdir(f->file, 0700), 0);
	assert_refused(f->folder, BROT_E_SYSTEM, "not a regular file");
	assert_int_equal(rmdir(f->file), 0);
	assert_refused("/dev/null", BROT_E_SYSTEM, "/dev/null");
}

/* Its way out is named, on one line. */
static void a_damaged_store_is_refused(void **state)
{
	struct fixture *f = *state;
	struct brot_error err = {0};
	struct store *store = open_at(f->folder), *none = NULL;
	char noise[4096];
	for (uint64_t job = 1; job <= 100; job++)
		add(store, job);
	commit(store);
	store_close(store);
	int fd = open(f->file, O_WRONLY);
	memset(noise, 0x5a, sizeof noise);
	assert_int_equal(pwrite(fd, noise, sizeof noise, 4 * 4096), sizeof noise);
	(void)close(fd);
	assert_int_equal(store_open(f->folder, STORE_SYNC_NORMAL, &none, &err), BROT_E_SYSTEM);
	assert_null(none);
	assert_non_null(strstr(err.text, " is damaged ("));
	assert_non_null(strstr(err.text, "): move it away, its jobs are lost"));
	assert_null(strchr(err.text, '?'));
	assert_null(strchr(err.text, '\n'));
}

static void a_store_without_owners_gets_them(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	add(store, 1);
	commit(store);
	store_close(store);
	sql(f->file, "ALTER TABLE job DROP COLUMN owner; PRAGMA user_version = 1");
	store = open_at(f->folder);
	assert_string_equal(live_jobs(store).jobs[0].owner, PRINCIPAL_ANY);
	add(store, 2);
	commit(store);
	store_close(store);
	store = open_at(f->folder);
	assert_string_equal(live_jobs(store).jobs[0].owner, PRINCIPAL_ANY);
	assert_string_equal(live_jobs(store).jobs[1].owner, job_make(2).owner);
	store_close(store);
}

static void an_empty_file_becomes_a_store(void **state)
{
	struct fixture *f = *state;
	file_write(f->file, "", 0);
	struct store *store = open_at(f->folder);
	add(store, 1);
	commit(store);
	store_close(store);
}

/* Whatever is written over a store, opening and reading it ends well: refused, or usable. */
static void a_spoilt_store_is_no_crash(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	for (uint64_t job = 1; job <= 8; job++)
		add(store, job);
	end(store, 1, JOB_END_RELEASED, 5);
	commit(store);
	store_close(store);
	int fd = open(f->file, O_RDONLY);
	static uint8_t good[1 << 18], bad[1 << 18];
	ssize_t bytes = read(fd, good, sizeof good);
	assert_in_range(bytes, 4096, sizeof good - 1);
	(void)close(fd);

	unsigned refused = 0, opened = 0;
	for (unsigned round = 0; round < 300; round++) {
		memcpy(bad, good, (size_t)bytes);
		size_t at = (size_t)round * 2654435761u % (size_t)bytes;
		size_t kept = round % 3 == 0 ? at : (size_t)bytes;
		for (size_t i = 0; round % 3 != 0 && i < 40 && at + i < kept; i++)
			bad[at + i] = round % 3 == 1 ? 0xff : (uint8_t)(round + i);
		file_write(f->file, bad, kept);
		struct brot_error err = {0};
		store = NULL;
		if (store_open(f->folder, STORE_SYNC_NORMAL, &store, &err) != BROT_OK) {
			assert_true(strlen(err.text) > 0);
			refused++;
			continue;
		}
		opened++;
		struct seen seen = {0};
		struct store_job found;
		(void)store_each_job(store, see_job, &seen, NULL, NULL);
		seen.count = 0;
		(void)store_each_image(store, see_image, &seen, NULL, NULL);
		(void)store_find_ended(store, 1, &found, NULL);
		struct job_report report = {.job = 2};
		(void)store_record(store, &report, BROT_OK, NULL, 5, NULL);
		(void)store_commit(store, NULL);
		store_close(store);
	}
	assert_true(refused > 0 && opened > 0);
}

static void rows_that_make_no_sense_are_skipped(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	for (uint64_t job = 1; job <= 9; job++)
		add(store, job);
	end(store, 9, JOB_END_RELEASED, 5);
	commit(store);
	store_close(store);
	sql(f->file, "UPDATE job SET client = printf('%080d', 1) WHERE id = 1;"
		     "UPDATE job SET priority = 101 WHERE id = 2;"
		     "UPDATE job SET tiles_done = 1 << 40 WHERE id = 3;"
		     "UPDATE job SET accepted_ms = -1 WHERE id = 4;"
		     "DELETE FROM request WHERE job = 5;"
		     "UPDATE job SET is_kept = 2 WHERE id = 6;"
		     "UPDATE job SET text = 'a' || char(0) || 'b' WHERE id = 7;"
		     "UPDATE job SET code = 'of_tomorrow' WHERE id = 8;"
		     "UPDATE job SET ended_kind = 'eaten' WHERE id = 9;"
		     "UPDATE image SET name = '/etc/passwd' WHERE work = 1;"
		     "UPDATE image SET work = -5 WHERE work = 2;"
		     "UPDATE image SET job = 4 WHERE work = 3;");
	store = open_at(f->folder);
	struct seen seen = {0};
	uint32_t skipped = 0;
	assert_int_equal(store_each_job(store, see_job, &seen, &skipped, NULL), BROT_OK);
	assert_int_equal(skipped, 7);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.jobs[0].job, 8);
	assert_int_equal(seen.jobs[0].code, BROT_E_INTERNAL);
	seen.count = 0;
	assert_int_equal(store_each_image(store, see_image, &seen, &skipped, NULL), BROT_OK);
	assert_int_equal(skipped, 3);
	assert_int_equal(seen.count, 5);
	assert_int_equal(ended_jobs(store, 10, 0).count, 0);
	struct store_job found, nine = job_make(9);
	uint64_t job;
	enum job_end how;
	assert_int_equal(store_find_ended(store, 9, &found, NULL), BROT_E_SYSTEM);
	assert_int_equal(store_find_key(store, nine.key, &job, &how, NULL), BROT_E_NOT_FOUND);
	store_close(store);
}

/* Fills the disk with jobs; returns 0 when all went as it should. */
static int fill(const char *folder)
{
	struct store *store = NULL;
	if (store_open(folder, STORE_SYNC_NORMAL, &store, NULL) != BROT_OK)
		return 10;
	static char request[60000];
	memset(request, 'x', sizeof request);
	struct brot_error err = {0};
	enum brot_err code = BROT_OK;
	uint64_t kept = 0;
	while (code == BROT_OK && kept < 1000) {
		struct store_job job = job_make(kept + 1);
		memcpy(job.key, &job.job, sizeof job.job);
		job.request = request;
		job.request_bytes = sizeof request;
		code = store_add(store, &job, NULL, &err);
		if (code == BROT_OK)
			code = store_commit(store, &err);
		else if (store_record(store, &(struct job_report){.job = 1}, BROT_OK, NULL, 1,
				      NULL) != code ||
			 store_commit(store, NULL) != code)
			return 11;
		kept += code == BROT_OK;
	}
	if (code != BROT_E_NO_SPACE || strstr(err.text, "is full") == NULL || kept < 2)
		return 12;
	if (store_last_job(store) != kept || live_jobs(store).count > 15)
		return 13;
	/* The failure is over, and what was there is there. */
	if (store_commit(store, NULL) != BROT_OK || live_jobs(store).count != kept)
		return 14;
	store_close(store);
	store = NULL;
	if (store_open(folder, STORE_SYNC_NORMAL, &store, NULL) != BROT_OK)
		return 15;
	if (live_jobs(store).count != kept || store_last_job(store) != kept)
		return 16;
	store_close(store);
	return 0;
}

static int full_disk_child(const char *folder)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=1m") != 0)
		return 77;
	return fill(folder);
}

static int full_at_start_child(const char *folder)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=16k") != 0)
		return 77;
	struct store *store = NULL;
	struct brot_error err = {0};
	if (store_open(folder, STORE_SYNC_NORMAL, &store, &err) != BROT_E_NO_SPACE)
		return 1;
	return strstr(err.text, "is full") != NULL ? 0 : 2;
}

static int file_limit_child(const char *folder)
{
	struct rlimit limit = {600000, 600000};
	(void)signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &limit) == 0 ? fill(folder) : 77;
}

static int read_only_child(const char *folder)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=4m") != 0)
		return 77;
	struct store *store = NULL;
	struct brot_error err = {0};
	if (store_open(folder, STORE_SYNC_NORMAL, &store, NULL) != BROT_OK)
		return 1;
	store_close(store);
	if (mount("tmpfs", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=4m") != 0)
		return 77;
	if (store_open(folder, STORE_SYNC_NORMAL, &store, &err) != BROT_E_SYSTEM)
		return 2;
	if (strstr(err.text, folder) == NULL)
		return 3;
	char inner[128];
	(void)snprintf(inner, sizeof inner, "%s/inner", folder);
	return store_open(inner, STORE_SYNC_NORMAL, &store, &err) == BROT_E_SYSTEM ? 0 : 4;
}

static void in_child(const char *folder, int (*run)(const char *folder))
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(run(folder));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Once: what follows is the store's own tidying. */
static int interrupt(void *context)
{
	bool *is_over = context;
	bool was_over = *is_over;
	*is_over = true;
	return !was_over;
}

static enum brot_err read_interrupted(struct store *store)
{
	struct seen seen = {0};
	bool is_over = false;
	sqlite3_progress_handler(store->db, 1, interrupt, &is_over);
	enum brot_err code = store_each_ended(store, 9, 0, see_job, &seen, NULL);
	sqlite3_progress_handler(store->db, 0, NULL, NULL);
	return code;
}

static void a_read_that_fails_breaks_only_what_was_written(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	assert_int_equal(read_interrupted(store), BROT_E_SYSTEM);
	add(store, 1);
	commit(store);
	add(store, 2);
	assert_int_equal(read_interrupted(store), BROT_E_SYSTEM);
	assert_int_equal(store_commit(store, NULL), BROT_E_SYSTEM);
	assert_int_equal(read_interrupted(store), BROT_E_SYSTEM);
	add(store, 2);
	commit(store);
	assert_int_equal(live_jobs(store).count, 2);
	store_close(store);
}

static void a_full_disk_is_an_error_and_loses_nothing(void **state)
{
	in_child(((struct fixture *)*state)->folder, full_disk_child);
}

static void a_disk_full_from_the_start_is_said(void **state)
{
	in_child(((struct fixture *)*state)->folder, full_at_start_child);
}

static void a_file_size_limit_is_a_full_disk(void **state)
{
	in_child(((struct fixture *)*state)->folder, file_limit_child);
}

static void a_read_only_folder_is_refused(void **state)
{
	in_child(((struct fixture *)*state)->folder, read_only_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_second_broker_is_refused),
		TEST(folder_and_file_are_made_and_closed_to_others),
		TEST(files_that_are_no_stores_are_refused),
		TEST(a_damaged_store_is_refused),
		TEST(an_empty_file_becomes_a_store),
		TEST(a_store_without_owners_gets_them),
		TEST(a_spoilt_store_is_no_crash),
		TEST(rows_that_make_no_sense_are_skipped),
		TEST(a_read_that_fails_breaks_only_what_was_written),
		TEST(a_full_disk_is_an_error_and_loses_nothing),
		TEST(a_disk_full_from_the_start_is_said),
		TEST(a_file_size_limit_is_a_full_disk),
		TEST(a_read_only_folder_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
