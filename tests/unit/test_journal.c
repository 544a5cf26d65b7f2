/* test_journal.c - what reaches the store, and when, also while the disk takes nothing. */
#include <signal.h>
#include <sys/resource.h>

#include "broker/journal.h"
#include "tests/unit/store_fixture.h"

static struct sched_action about(uint64_t job, uint32_t tiles_done)
{
	return (struct sched_action){
		.job = job,
		.report = {.job = job, .state = JOB_RUNNING, .tiles_done = tiles_done},
	};
}

/* A store with the jobs 1 to `count`. */
static struct store *some_jobs(const char *folder, uint64_t count)
{
	struct store *store = open_at(folder);
	for (uint64_t job = 1; job <= count; job++)
		add(store, job);
	commit(store);
	return store;
}

static void add_through(struct journal *journal, uint64_t job, enum brot_err want)
{
	struct store_job made = job_make(job);
	struct image_id id = image_id_draw();
	struct brot_error err = {0};
	assert_int_equal(journal_add(journal, &made, &id, &err), want);
	assert_int_equal(err.code, want);
}

static void notes_are_written_together(void **state)
{
	struct fixture *f = *state;
	struct store *store = some_jobs(f->folder, 2);
	struct journal *journal = journal_new(store);
	struct sched_action first = about(1, 5), second = about(2, 6), last = about(1, 7);
	journal_record(journal, &first);
	journal_record(journal, &second);
	journal_record(journal, &last);
	assert_int_equal(live_jobs(store).jobs[0].tiles_done, 0);
	assert_true(journal_flush(journal));
	assert_true(journal_flush(journal));
	struct seen seen = live_jobs(store);
	assert_int_equal(seen.jobs[0].tiles_done, 7);
	assert_int_equal(seen.jobs[1].tiles_done, 6);
	last.end = JOB_END_RELEASED;
	journal_end(journal, &last);
	journal_image_gone(journal, 2);
	journal_free(journal); /* flushes */
	seen = live_jobs(store);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.jobs[0].job, 2);
	assert_int_equal(images(store).count, 0);
	store_close(store);
}

static void a_new_job_is_there_at_once(void **state)
{
	struct fixture *f = *state;
	struct store *store = some_jobs(f->folder, 1);
	struct journal *journal = journal_new(store);
	struct image_id id = image_id_draw();
	add_through(journal, 2, BROT_OK);
	assert_int_equal(journal_add_image(journal, work_id(2, 1), &id, NULL), BROT_OK);
	assert_int_equal(journal_revive(journal, 77, NULL), BROT_E_NOT_FOUND);
	journal_free(journal);
	store_close(store);
	store = open_at(f->folder);
	assert_int_equal(live_jobs(store).count, 2);
	struct seen seen = images(store);
	assert_int_equal(seen.count, 3);
	assert_string_equal(seen.images[2].name, id.name);
	store_close(store);
}

static void without_a_store_nothing_happens(void **state)
{
	(void)state;
	struct journal *journal = journal_new(NULL);
	struct sched_action action = about(1, 5);
	add_through(journal, 1, BROT_OK);
	journal_record(journal, &action);
	journal_end(journal, &action);
	journal_image_gone(journal, 1);
	assert_true(journal_flush(journal));
	journal_free(journal);
	journal_free(NULL);
}

/* No file may grow beyond so many bytes. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_forgets_nothing(void **state)
{
	struct fixture *f = *state;
	struct store *store = some_jobs(f->folder, 3);
	struct journal *journal = journal_new(store);
	limit_files(1);
	for (uint32_t i = 1; i <= 500; i++) {
		struct sched_action action = about(1 + i % 2, i);
		journal_record(journal, &action);
		assert_false(journal_flush(journal));
	}
	struct sched_action ended = about(3, 9);
	ended.end = JOB_END_CANCELLED;
	ended.code = BROT_E_CANCELLED;
	journal_end(journal, &ended);
	journal_image_gone(journal, 1);
	assert_false(journal_flush(journal));
	/* Not tried again for nothing, and not said to be written either. */
	assert_false(journal_flush(journal));
	add_through(journal, 4, BROT_E_NO_SPACE);
	struct seen seen = live_jobs(store);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.jobs[0].tiles_done, 0);

	limit_files(RLIM_INFINITY);
	journal_retry(journal);
	seen = live_jobs(store);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.jobs[0].tiles_done, 500);
	assert_int_equal(seen.jobs[1].tiles_done, 499);
	assert_int_equal(images(store).count, 1);
	struct store_job history;
	assert_int_equal(store_find_ended(store, 3, &history, NULL), BROT_OK);
	assert_int_equal(history.end, JOB_END_CANCELLED);
	assert_int_equal(history.tiles_done, 9);
	add_through(journal, 4, BROT_OK);
	journal_free(journal);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notes_are_written_together),
		TEST(a_new_job_is_there_at_once),
		TEST(without_a_store_nothing_happens),
		TEST(a_full_disk_forgets_nothing),
	};
	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
