/* test_restore.c - jobs, finished, banded, cancelled, owned, in the next life of a broker. */
#include <signal.h>

#include "tests/unit/restore_fixture.h"

static const struct principal eve = {"uid:1001", ROLE_CLIENT};
static const struct principal admin = {"uid:0", ROLE_ADMIN};

static void a_job_and_its_image_outlive_the_broker(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 0);
	uint64_t job = submit(life, 1, ",\"keep\":true,\"priority\":7,\"client\":\"ada\"");
	uint64_t plain = submit(life, 2, "");
	say_of(life, MSG_PAUSE, job);
	struct image_id id = fill_rows(life, job, 20);
	char name[LIMIT_NAME_CHARS + 1];
	strcpy(name, report_of(life, plain).client);
	assert_int_equal(strlen(name), 17);
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 2);
	assert_int_equal(catalog_count(life->server.catalog), 2);
	struct job_report report = report_of(life, job);
	assert_true(report.is_kept && report.is_paused);
	assert_int_equal(report.priority, 7);
	assert_string_equal(report.client, "ada");
	assert_int_equal(report.state, JOB_QUEUED);
	assert_int_equal(report.pixels_done, 20 * WIDTH);
	assert_string_equal(report_of(life, plain).client, name);
	const struct image *image = images_find(life->server.images, job);
	assert_string_equal(image->shm.name, id.name);
	assert_memory_equal(image->nonce, id.nonce, sizeof id.nonce);
	assert_rows(life, job, 20);
	/* The key is the same job, ids go on, and no two connections have one name. */
	assert_true(submit(life, 1, "") > plain);
	assert_int_equal(catalog_count(life->server.catalog), 2);
	life->server.life = 1;
	assert_string_not_equal(report_of(life, submit(life, 3, "")).client, name);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(exists(id.name));
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 2);
	assert_false(is_live(life, job));
	for (uint64_t i = plain; i <= life->server.last_job; i++)
		say_of(life, MSG_CANCEL_JOB, i);
	life_end(life);
}

static void a_complete_job_is_finished_again(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	(void)fill_rows(life, job, HEIGHT);
	life_end(life);
	/* Killed before it was told, and after. */
	for (int i = 0; i < 2; i++) {
		life = life_begin(f->folder, NULL, 1 << 30);
		assert_int_equal(report_of(life, job).state, JOB_FINISHED);
		assert_rows(life, job, HEIGHT);
		assert_true(live_jobs(life->config.store).jobs[0].finished_ms > 0);
		life_end(life);
	}
	life = life_begin(f->folder, NULL, 1 << 30);
	say_of(life, MSG_RELEASE, job);
	assert_false(is_live(life, job));
	assert_int_equal(live_jobs(life->config.store).count, 0);
	assert_int_equal(images(life->config.store).count, 0);
	/* By that key there was a job, and it is over. */
	(void)submit(life, 1, "");
	assert_int_equal(catalog_count(life->server.catalog), 0);
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	life_end(life);
}

static void what_is_not_stored_is_not_promised(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	const uint64_t *refused = &life->server.metrics.refused[BROT_E_NO_SPACE];
	limit_to(RLIMIT_FSIZE, 1);
	say_of(life, MSG_PAUSE, job);
	assert_true(report_of(life, job).is_paused);
	assert_int_equal(*refused, 1);
	limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
	say_of(life, MSG_RESUME, job);
	assert_int_equal(*refused, 1);
	limit_to(RLIMIT_FSIZE, 1);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_int_equal(*refused, 2);
	assert_false(is_live(life, job));
	limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
	life_end(life);
}

static void what_this_version_cannot_render_ends_as_failed(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t good = submit(life, 1, ",\"keep\":true");
	static const char request[] = "{\"brot\":1,\"kind\":\"of tomorrow\"}";
	struct store_job bad = job_make(good + 1);
	bad.request = request;
	bad.request_bytes = sizeof request - 1;
	struct image_id id = image_id_draw();
	assert_int_equal(journal_add(life->server.journal, &bad, &id, NULL), BROT_OK);
	struct shm shm;
	assert_int_equal(shm_make_named(id.name, 4096, &shm, NULL), BROT_OK);
	shm_unmap(&shm);
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 1);
	assert_true(is_live(life, good));
	assert_false(is_live(life, bad.job));
	assert_false(exists(id.name));
	struct store_job history;
	assert_int_equal(store_find_ended(life->config.store, bad.job, &history, NULL), BROT_OK);
	assert_int_equal(history.end, JOB_END_FAILED);
	assert_int_equal(history.code, BROT_E_REQUEST);
	assert_non_null(strstr(history.text, "tomorrow"));
	say_of(life, MSG_CANCEL_JOB, good);
	life_end(life);
}

static void bands_go_on_where_they_were(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 131072);
	static const char body[] = "{\"key\":\"00112233445566778899aabbccddee01\",\"keep\":true,"
				   "\"request\":{\"brot\":1,\"view\":{\"re\":\"0\",\"im\":\"0.25\","
				   "\"width\":\"4\"},\"size\":[64,4800]}}";
	say(life, MSG_SUBMIT, body);
	uint64_t job = life->server.last_job;
	assert_true(is_live(life, job));
	const struct plan plan = catalog_find(life->server.catalog, job)->plan;
	assert_true(plan.band_count > 3);
	assert_int_equal(images(life->config.store).count, LIMIT_OPEN_BANDS);
	char names[2][IMAGE_NAME_CHARS + 1];
	for (uint32_t b = 0; b < 2; b++)
		strcpy(names[b], fill_rows(life, work_id(job, b), plan.band_rows).name);
	life_end(life);

	/* Another budget would cut other bands. */
	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 1);
	assert_int_equal(catalog_find(life->server.catalog, job)->plan.band_rows, plan.band_rows);
	assert_true(sched_band_is_complete(life->server.sched, work_id(job, 0)));
	char release[64];
	(void)snprintf(release, sizeof release, "{\"job\":%llu,\"band\":0}",
		       (unsigned long long)job);
	say(life, MSG_RELEASE, release);
	assert_false(exists(names[0]));
	assert_non_null(images_find(life->server.images, work_id(job, 2)));
	life_end(life);

	life = life_begin(f->folder, NULL, 131072);
	struct job_report report = report_of(life, job);
	assert_int_equal(report.bands_released, 1);
	assert_int_equal(report.pixels_done, 2ull * plan.band_rows * WIDTH);
	assert_string_equal(images_find(life->server.images, work_id(job, 1))->shm.name, names[1]);
	assert_null(images_find(life->server.images, work_id(job, 0)));
	say_of(life, MSG_CANCEL_JOB, job);
	assert_int_equal(images(life->config.store).count, 0);
	assert_false(exists(names[1]));
	life_end(life);
}

static void a_cancelled_job_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"client\":\"ada\"");
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(is_live(life, job));
	life_end(life);
	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 0);
	say_of(life, MSG_RETRY, job);
	struct job_report report = report_of(life, job);
	assert_int_equal(report.state, JOB_QUEUED);
	assert_true(report.is_kept);
	assert_string_equal(report.client, "ada");
	assert_rows(life, job, 0);
	life_end(life);
	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 1);
	assert_rows(life, job, 0);
	say_of(life, MSG_CANCEL_JOB, job);
	life_end(life);
	life = life_begin(f->folder, NULL, 4096); /* less than its image needs */
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	life_end(life);
}

static void what_was_not_taken_is_tried_again(void **state)
{
	struct fixture *f = *state;
	static const enum job_end ends[] = {JOB_END_EXPIRED, JOB_END_ABANDONED, JOB_END_RELEASED};
	for (unsigned i = 0; i < 3; i++) {
		struct life *life = life_begin(f->folder, NULL, 1 << 30);
		uint64_t job = submit(life, i, ",\"client\":\"ada\"");
		struct image_id id = fill_rows(life, job, HEIGHT);
		life_end(life);
		shm_remove(id.name);
		struct store *store = open_at(f->folder);
		end(store, job, ends[i], clock_unix_ms());
		commit(store);
		store_close(store);
		life = life_begin(f->folder, NULL, 1 << 30);
		assert_int_equal(life->restored, 0);
		say_of(life, MSG_RETRY, job);
		assert_int_equal(is_live(life, job), ends[i] != JOB_END_RELEASED);
		if (is_live(life, job)) {
			assert_int_equal(report_of(life, job).state, JOB_QUEUED);
			assert_true(report_of(life, job).is_kept);
			assert_rows(life, job, 0);
			say_of(life, MSG_CANCEL_JOB, job);
		}
		life_end(life);
	}
}

static void a_job_tried_again_counts_as_its_clients(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 0, ",\"client\":\"ada\""), last = 0;
	say_of(life, MSG_CANCEL_JOB, job);
	for (unsigned key = 1; key <= LIMIT_JOBS_PER_CLIENT; key++)
		last = submit(life, key, ",\"client\":\"ada\"");
	assert_true(is_live(life, last));
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	say_of(life, MSG_CANCEL_JOB, last);
	say_of(life, MSG_RETRY, job);
	assert_true(is_live(life, job));
	for (uint64_t other = job; other < last; other++)
		say_of(life, MSG_CANCEL_JOB, other);
	assert_int_equal(images(life->config.store).count, 0);
	life_end(life);
}

static void without_a_store_all_ends_with_the_broker(void **state)
{
	(void)state;
	struct life *life = life_begin(NULL, NULL, 1 << 30);
	assert_int_equal(life->restored, 0);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	char name[IMAGE_NAME_CHARS + 1];
	strcpy(name, images_find(life->server.images, job)->shm.name);
	say(life, MSG_HISTORY, "{\"limit\":5}");
	say_of(life, MSG_RETRY, job + 1);
	say_of(life, MSG_ATTACH, job + 1);
	assert_int_equal(catalog_count(life->server.catalog), 1);
	life_end(life);
	assert_false(exists(name));
}

static void an_owner_outlives_the_broker(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	life->server.who = eve;
	say_of(life, MSG_PAUSE, job);
	assert_false(report_of(life, job).is_paused);
	assert_int_equal(submit(life, 1, ",\"keep\":true"), job);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_true(is_live(life, job));
	life->server.who = ada;
	say_of(life, MSG_PAUSE, job);
	assert_true(report_of(life, job).is_paused);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(is_live(life, job));
	/* Nor is what has ended everybody's. */
	life->server.who = eve;
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	life->server.who = ada;
	say_of(life, MSG_RETRY, job);
	assert_true(is_live(life, job));
	life->server.who = eve;
	say_of(life, MSG_CANCEL_JOB, job);
	assert_true(is_live(life, job));
	life->server.who = admin;
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(is_live(life, job));
	life_end(life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_and_its_image_outlive_the_broker),
		TEST(a_complete_job_is_finished_again),
		TEST(what_is_not_stored_is_not_promised),
		TEST(what_this_version_cannot_render_ends_as_failed),
		TEST(bands_go_on_where_they_were),
		TEST(a_cancelled_job_is_tried_again),
		TEST(what_was_not_taken_is_tried_again),
		TEST(a_job_tried_again_counts_as_its_clients),
		TEST(without_a_store_all_ends_with_the_broker),
		TEST(an_owner_outlives_the_broker),
	};
	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
