/* test_store.c - what a store keeps of jobs, over lives. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/store_fixture.h"

static void a_job_outlives_its_broker(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	assert_int_equal(store_last_job(store), 0);
	add(store, 3);
	struct store_image second = image_make(work_id(3, 1));
	assert_int_equal(store_add_image(store, &second, NULL), BROT_OK);
	commit(store);
	store_close(store);

	store = open_at(f->folder);
	assert_int_equal(store_last_job(store), 3);
	struct seen seen = live_jobs(store);
	assert_int_equal(seen.count, 1);
	struct store_job want = job_make(3), *got = &seen.jobs[0];
	assert_int_equal(got->job, 3);
	assert_memory_equal(got->key, want.key, sizeof want.key);
	assert_string_equal(got->client, want.client);
	assert_string_equal(got->owner, want.owner);
	assert_string_equal(seen.request, REQUEST);
	assert_int_equal(got->priority, -7);
	assert_true(got->is_kept && !got->is_paused);
	assert_int_equal(got->band_rows, 48);
	assert_int_equal(got->pixels, 64 * 48);
	assert_int_equal(got->accepted_ms, 1003);
	assert_int_equal(got->finished_ms, 0);
	assert_int_equal(got->code, BROT_OK);
	assert_int_equal(got->ended_ms, 0);

	seen = images(store);
	assert_int_equal(seen.count, 2);
	struct store_image first = image_make(3);
	assert_memory_equal(&seen.images[0], &first, sizeof first);
	assert_memory_equal(&seen.images[1], &second, sizeof second);
	store_close(store);
}

static void what_is_not_committed_is_not_kept(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	commit(store);
	add(store, 1);
	commit(store);
	add(store, 2);
	assert_int_equal(live_jobs(store).count, 2);
	store_close(store);
	store = open_at(f->folder);
	assert_int_equal(live_jobs(store).count, 1);
	assert_int_equal(store_last_job(store), 1);
	store_close(store);
}

static void a_killed_process_loses_nothing_committed(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();
	if (pid == 0) {
		struct store *store = NULL;
		if (store_open(f->folder, STORE_SYNC_NORMAL, &store, NULL) != BROT_OK)
			_exit(1);
		for (uint64_t job = 1; job <= 4; job++) {
			struct store_job made = job_make(job);
			struct store_image image = image_make(job);
			if (store_add(store, &made, &image, NULL) != BROT_OK)
				_exit(2);
			if (job < 4 && store_commit(store, NULL) != BROT_OK)
				_exit(3);
		}
		(void)raise(SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	struct store *store = open_at(f->folder);
	assert_int_equal(live_jobs(store).count, 3);
	assert_int_equal(images(store).count, 3);
	assert_int_equal(store_last_job(store), 3);
	add(store, 4);
	commit(store);
	store_close(store);
}

static void a_record_says_what_the_scheduler_says(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	add(store, 1);
	struct job_report report = {
		.job = 1,
		.state = JOB_RUNNING,
		.is_paused = true,
		.priority = 100,
		.bands_released = 2,
		.tiles_done = 17,
		.retries = 3,
		.workers = 5,
		.iterations = 1ull << 60,
		.worker_us = 1ll << 50,
	};
	assert_int_equal(store_record(store, &report, BROT_OK, NULL, 5000, NULL), BROT_OK);
	struct store_job job = live_jobs(store).jobs[0];
	assert_true(job.is_paused && !job.is_kept);
	assert_int_equal(job.priority, 100);
	assert_int_equal(job.bands_released, 2);
	assert_int_equal(job.tiles_done, 17);
	assert_int_equal(job.retries, 3);
	assert_int_equal(job.workers, 5);
	assert_int_equal(job.iterations, 1ull << 60);
	assert_int_equal(job.worker_us, 1ll << 50);
	assert_int_equal(job.finished_ms, 0);

	/* The time of the first record that says so stands. */
	report.state = JOB_FAILED;
	assert_int_equal(store_record(store, &report, BROT_E_FAILED, "tile 3", 6000, NULL),
			 BROT_OK);
	assert_int_equal(store_record(store, &report, BROT_E_FAILED, "tile 3", 7000, NULL),
			 BROT_OK);
	job = live_jobs(store).jobs[0];
	assert_int_equal(job.finished_ms, 6000);
	assert_int_equal(job.code, BROT_E_FAILED);
	assert_string_equal(job.text, "tile 3");

	/* RETRY */
	report.state = JOB_QUEUED;
	report.iterations = UINT64_MAX;
	assert_int_equal(store_record(store, &report, BROT_OK, "", 8000, NULL), BROT_OK);
	job = live_jobs(store).jobs[0];
	assert_int_equal(job.finished_ms, 0);
	assert_int_equal(job.code, BROT_OK);
	assert_string_equal(job.text, "");
	assert_int_equal(job.iterations, INT64_MAX);
	report.state = JOB_FINISHED;
	assert_int_equal(store_record(store, &report, BROT_OK, "", 9000, NULL), BROT_OK);
	assert_int_equal(live_jobs(store).jobs[0].finished_ms, 9000);

	report.job = 44;
	assert_int_equal(store_record(store, &report, BROT_OK, NULL, 9000, NULL), BROT_OK);
	store_close(store);
}

static void an_image_is_of_a_live_job(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	struct store_image image = image_make(1);
	struct brot_error err = {0};
	assert_int_equal(store_add_image(store, &image, &err), BROT_E_INTERNAL);
	add(store, 1);
	/* Another segment for the same work: the first could not be adopted. */
	image = image_make(77);
	image.work = 1;
	assert_int_equal(store_add_image(store, &image, &err), BROT_OK);
	struct seen seen = images(store);
	assert_int_equal(seen.count, 1);
	assert_memory_equal(&seen.images[0], &image, sizeof image);
	assert_int_equal(store_remove_image(store, 1, &err), BROT_OK);
	assert_int_equal(store_remove_image(store, 1, &err), BROT_OK);
	assert_int_equal(images(store).count, 0);

	assert_int_equal(store_add_image(store, &image, &err), BROT_OK);
	end(store, 1, JOB_END_RELEASED, 9000);
	assert_int_equal(images(store).count, 0);
	assert_int_equal(store_add_image(store, &image, &err), BROT_E_INTERNAL);
	commit(store);
	store_close(store);
}

static void one_bad_row_leaves_the_others(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	add(store, 1);
	struct brot_error err = {0};
	struct store_job job = job_make(2);
	struct store_image image = image_make(2);
	memset(job.key, 1, sizeof job.key);
	assert_int_equal(store_add(store, &job, &image, &err), BROT_E_INTERNAL);
	job = job_make(2);
	memcpy(image.name, image_make(1).name, sizeof image.name);
	assert_int_equal(store_add(store, &job, &image, &err), BROT_E_INTERNAL);
	assert_int_equal(store_last_job(store), 1);
	static const uint64_t bad_ids[] = {0, 1, 1ull << WORK_BAND_SHIFT, UINT64_MAX};
	for (size_t i = 0; i < sizeof bad_ids / sizeof bad_ids[0]; i++) {
		job.job = bad_ids[i];
		assert_int_equal(store_add(store, &job, NULL, &err), BROT_E_INTERNAL);
	}
	job = job_make(2);
	job.request_bytes = LIMIT_CLIENT_FRAME_BYTES + 1;
	assert_int_equal(store_add(store, &job, NULL, &err), BROT_E_INTERNAL);
	add(store, 2);
	commit(store);
	store_close(store);
	store = open_at(f->folder);
	assert_int_equal(live_jobs(store).count, 2);
	assert_int_equal(images(store).count, 2);
	store_close(store);
}

static void the_largest_request_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	char *request = malloc(LIMIT_CLIENT_FRAME_BYTES);
	assert_non_null(request);
	memset(request, 'x', LIMIT_CLIENT_FRAME_BYTES);
	struct store_job job = job_make(1);
	job.request = request;
	job.request_bytes = LIMIT_CLIENT_FRAME_BYTES;
	assert_int_equal(store_add(store, &job, NULL, NULL), BROT_OK);
	end(store, 1, JOB_END_EXPIRED, 9000);
	commit(store);
	struct store_job found;
	assert_int_equal(store_find_ended(store, 1, &found, NULL), BROT_OK);
	assert_int_equal(found.request_bytes, LIMIT_CLIENT_FRAME_BYTES);
	assert_memory_equal(found.request, request, LIMIT_CLIENT_FRAME_BYTES);
	assert_int_equal(found.request[LIMIT_CLIENT_FRAME_BYTES], 0);
	free(request);
	store_close(store);
}

static void ended_jobs_are_history(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	for (uint64_t job = 1; job <= 6; job++)
		add(store, job);
	for (uint64_t job = 1; job <= 5; job++)
		end(store, job, (enum job_end)(job - 1), 9000 + (int64_t)job);
	/* An echo of the end is no second one. */
	end(store, 1, JOB_END_FAILED, 9999);
	commit(store);
	store_close(store);

	store = open_at(f->folder);
	assert_int_equal(live_jobs(store).count, 1);
	struct seen seen = ended_jobs(store, 1000, 0);
	assert_int_equal(seen.count, 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(seen.jobs[i].job, 5 - i);
		assert_int_equal(seen.jobs[i].end, 4 - i);
		assert_int_equal(seen.jobs[i].ended_ms, 9005 - i);
		assert_int_equal(seen.jobs[i].finished_ms, 9005 - i);
		assert_int_equal(seen.jobs[i].tiles_done, 9);
	}
	assert_string_equal(seen.request, REQUEST);
	seen = ended_jobs(store, 2, 4);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.jobs[0].job, 3);
	assert_int_equal(seen.jobs[1].job, 2);
	assert_int_equal(ended_jobs(store, 10, 1).count, 0);
	assert_int_equal(ended_jobs(store, 10, UINT64_MAX).count, 5);

	uint64_t job = 0;
	enum job_end how = JOB_END_COUNT;
	struct store_job made = job_make(3), found;
	assert_int_equal(store_find_key(store, made.key, &job, &how, NULL), BROT_OK);
	assert_int_equal(job, 3);
	assert_int_equal(how, JOB_END_CANCELLED);
	made = job_make(6);
	assert_int_equal(store_find_key(store, made.key, &job, &how, NULL), BROT_E_NOT_FOUND);
	assert_int_equal(store_find_ended(store, 2, &found, NULL), BROT_OK);
	assert_int_equal(found.end, JOB_END_FAILED);
	assert_string_equal(found.request, REQUEST);
	assert_int_equal(store_find_ended(store, 6, &found, NULL), BROT_E_NOT_FOUND);
	assert_int_equal(store_find_ended(store, UINT64_MAX, &found, NULL), BROT_E_NOT_FOUND);
	store_close(store);
}

static void a_job_that_never_finished_has_no_time_of_it(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	add(store, 1);
	struct job_report report = {.job = 1, .state = JOB_FAILED};
	assert_int_equal(store_record(store, &report, BROT_E_FAILED, "why", 5000, NULL), BROT_OK);
	assert_int_equal(
		store_end(store, &report, JOB_END_FAILED, BROT_E_FAILED, "why", 6000, NULL),
		BROT_OK);
	struct store_job found;
	assert_int_equal(store_find_ended(store, 1, &found, NULL), BROT_OK);
	assert_int_equal(found.finished_ms, 0);
	assert_int_equal(found.ended_ms, 6000);
	assert_int_equal(found.code, BROT_E_FAILED);
	assert_string_equal(found.text, "why");
	store_close(store);
}

static void an_ended_job_comes_back(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	struct store_image image = image_make(1);
	struct brot_error err = {0};
	assert_int_equal(store_revive(store, 1, 5000, &image, &err), BROT_E_NOT_FOUND);
	add(store, 1);
	assert_int_equal(store_revive(store, 1, 5000, &image, &err), BROT_E_NOT_FOUND);
	struct job_report report = {.job = 1, .state = JOB_FAILED, .is_paused = true, .retries = 4};
	assert_int_equal(
		store_end(store, &report, JOB_END_FAILED, BROT_E_FAILED, "tile 9", 6000, NULL),
		BROT_OK);
	commit(store);
	assert_int_equal(store_revive(store, 1, 7000, &image, &err), BROT_OK);
	commit(store);
	struct seen seen = live_jobs(store);
	assert_int_equal(seen.count, 1);
	assert_true(seen.jobs[0].is_kept && !seen.jobs[0].is_paused);
	assert_int_equal(seen.jobs[0].retries, 0);
	assert_int_equal(seen.jobs[0].code, BROT_OK);
	assert_string_equal(seen.jobs[0].text, "");
	assert_int_equal(seen.jobs[0].accepted_ms, 7000);
	assert_int_equal(seen.jobs[0].ended_ms, 0);
	assert_int_equal(ended_jobs(store, 10, 0).count, 0);
	assert_int_equal(images(store).count, 1);

	/* Its key may have been used for another job meanwhile. */
	end(store, 1, JOB_END_CANCELLED, 8000);
	struct store_job other = job_make(2);
	memset(other.key, 1, sizeof other.key);
	assert_int_equal(store_add(store, &other, NULL, NULL), BROT_OK);
	assert_int_equal(store_revive(store, 1, 9000, &image, &err), BROT_E_BUSY);
	/* And an image that is refused leaves it where it was. */
	end(store, 2, JOB_END_CANCELLED, 9000);
	add(store, 3);
	(void)snprintf(image.name, sizeof image.name, "%s", image_make(3).name);
	assert_int_equal(store_revive(store, 1, 9000, &image, &err), BROT_E_INTERNAL);
	assert_int_equal(ended_jobs(store, 10, 0).count, 2);
	commit(store);
	store_close(store);
}

static void history_is_pruned_by_age_and_by_number(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	for (uint64_t job = 1; job <= 10; job++) {
		add(store, job);
		if (job < 10)
			end(store, job, JOB_END_RELEASED, 1000 * (int64_t)job);
	}
	uint32_t removed = 99;
	assert_int_equal(store_prune(store, 0, 9, &removed, NULL), BROT_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(store_prune(store, 3000, 100, &removed, NULL), BROT_OK);
	assert_int_equal(removed, 2);
	assert_int_equal(store_prune(store, 0, 4, &removed, NULL), BROT_OK);
	assert_int_equal(removed, 3);
	struct seen seen = ended_jobs(store, 10, 0);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.jobs[3].job, 6);
	assert_int_equal(store_prune(store, INT64_MAX, 0, &removed, NULL), BROT_OK);
	assert_int_equal(removed, 4);
	assert_int_equal(live_jobs(store).count, 1);

	/* Ids are not given twice, whatever is forgotten. */
	end(store, 10, JOB_END_RELEASED, 1);
	assert_int_equal(store_prune(store, INT64_MAX, 0, NULL, NULL), BROT_OK);
	commit(store);
	store_close(store);
	store = open_at(f->folder);
	assert_int_equal(store_last_job(store), 10);
	store_close(store);
}

static void pruning_takes_a_bounded_bite(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	for (uint64_t job = 1; job <= STORE_PRUNE_ROWS + 5; job++) {
		struct store_job made = job_make(job);
		memcpy(made.key, &job, sizeof job);
		assert_int_equal(store_add(store, &made, NULL, NULL), BROT_OK);
		end(store, job, JOB_END_RELEASED, 5);
	}
	uint32_t removed = 0;
	assert_int_equal(store_prune(store, INT64_MAX, 0, &removed, NULL), BROT_OK);
	assert_int_equal(removed, STORE_PRUNE_ROWS);
	assert_int_equal(store_prune(store, INT64_MAX, 0, &removed, NULL), BROT_OK);
	assert_int_equal(removed, 5);
	store_close(store);
}

static void a_store_keeps_an_id_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_at(f->folder);
	char id[STORE_ID_CHARS + 1];
	assert_int_equal(strlen(store_id(store)), STORE_ID_CHARS);
	strcpy(id, store_id(store));
	store_close(store);
	store = open_at(f->folder);
	assert_string_equal(store_id(store), id);
	store_close(store);
	assert_int_equal(unlink(f->file), 0);
	store = open_at(f->folder);
	assert_string_not_equal(store_id(store), id);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_keeps_an_id_of_its_own),
		TEST(a_job_outlives_its_broker),
		TEST(what_is_not_committed_is_not_kept),
		TEST(a_killed_process_loses_nothing_committed),
		TEST(a_record_says_what_the_scheduler_says),
		TEST(an_image_is_of_a_live_job),
		TEST(one_bad_row_leaves_the_others),
		TEST(the_largest_request_comes_back_whole),
		TEST(ended_jobs_are_history),
		TEST(a_job_that_never_finished_has_no_time_of_it),
		TEST(an_ended_job_comes_back),
		TEST(history_is_pruned_by_age_and_by_number),
		TEST(pruning_takes_a_bounded_bite),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
