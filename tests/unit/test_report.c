/* test_report.c - the JSON that peers are told, read back; lists are in test_report_lists.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <brot/version.h>
#include <cmocka.h>
#include <string.h>

#include "proto/message.h"
#include "tests/unit/report_reading.h"

#define NONCE "ffeeddccbbaa99887766554433221100"

static const uint8_t nonce_bytes[MESSAGE_NONCE_BYTES] = {0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa,
							 0x99, 0x88, 0x77, 0x66, 0x55, 0x44,
							 0x33, 0x22, 0x11, 0x00};

static void welcome_names_the_times(void **state)
{
	(void)state;
	json_t *json = read_back(report_welcome(1000, 3000));
	assert_keys(json, "brot, version, beat_ms, lost_ms");
	assert_number(json, "brot", 1);
	assert_text(json, "version", BROT_VERSION);
	assert_number(json, "beat_ms", 1000);
	assert_number(json, "lost_ms", 3000);
	json_decref(json);
}

static void assert_image(json_t *object, const struct job_card *card)
{
	json_t *image = json_object_get(object, "image");
	assert_keys(image, "name, bytes, nonce");
	assert_text(image, "name", card->image_name);
	assert_number(image, "bytes", (json_int_t)card->image_bytes);
	assert_text(image, "nonce", NONCE);
}

static void assert_request(json_t *json, const struct request *want)
{
	struct request request;
	struct brot_error err = {0};
	if (request_from_json(json, &request, &err) != BROT_OK)
		fail_msg("%s", err.text);
	json_t *again = request_to_json(want);
	assert_true(json_equal(json, again));
	assert_keys(json, "brot, kind, formula, precision, shortcuts, view, size, iterations, "
			  "samples, adaptive, format, colour");
	json_decref(again);
}

static void a_job_is_announced_to_both_sides(void **state)
{
	(void)state;
	struct request request;
	request_init(&request);
	request.view.im = (struct decimal_text){.text = "0.25"}; /* not mirrored */
	struct plan plan;
	assert_int_equal(plan_make(&request, &roomy_budget, &plan, NULL), BROT_OK);
	struct job_card card = {
		.work = 12345,
		.image_name = "/brot-0123456789abcdef0123456789abcdef",
		.image_bytes = 1ull << 43,
		.request = &request,
		.plan = &plan,
	};
	memcpy(card.nonce, nonce_bytes, sizeof card.nonce);
	json_t *json = read_back(report_job(&card));
	assert_keys(json, "request, rows, phases, slice, image");
	assert_number(json, "slice", 1920);
	assert_pair(json, "rows", 0, 1080);
	/* The nonce is what a worker must find by itself. */
	json_t *image = json_object_get(json, "image");
	assert_keys(image, "name, bytes");
	assert_text(image, "name", card.image_name);
	assert_number(image, "bytes", 1ll << 43);
	assert_request(json_object_get(json, "request"), &request);
	json_decref(json);

	for (int has_key = 0; has_key < 2; has_key++) {
		json = read_back(report_accepted(&card, has_key != 0 ? key_bytes : NULL));
		assert_keys(json, has_key != 0 ? "key, job, request, slice, image"
					       : "job, request, slice, image");
		if (has_key != 0)
			assert_text(json, "key", KEY);
		assert_number(json, "job", 12345);
		assert_number(json, "slice", 1920);
		assert_image(json, &card);
		assert_request(json_object_get(json, "request"), &request);
		json_decref(json);
	}
}

static void a_job_in_bands_is_announced_band_by_band(void **state)
{
	(void)state;
	struct request request;
	request_init(&request);
	const struct plan_budget small = {.image_bytes = 2 << 20};
	struct plan plan;
	assert_int_equal(plan_make(&request, &small, &plan, NULL), BROT_OK);
	assert_true(plan.band_count > 2);
	uint32_t last = plan.band_count - 1, rows = 1080 - last * plan.band_rows;
	struct job_card card = {.work = work_id(7, last), .request = &request, .plan = &plan};

	/* Its image is none of those that there are now. */
	json_t *json = read_back(report_accepted(&card, key_bytes));
	assert_keys(json, "key, job, request, slice, bands");
	assert_number(json, "job", 7);
	json_t *bands = json_object_get(json, "bands");
	assert_keys(bands, "count, rows");
	assert_number(bands, "count", plan.band_count);
	assert_number(bands, "rows", plan.band_rows);
	json_decref(json);

	memcpy(card.nonce, nonce_bytes, sizeof card.nonce);
	card.image_name = "/brot-0123456789abcdef0123456789abcdef";
	card.image_bytes = 77;
	json = read_back(report_band(&card));
	assert_keys(json, "job, band, first, rows, image");
	assert_number(json, "job", 7);
	assert_number(json, "band", last);
	assert_number(json, "first", last * plan.band_rows);
	assert_number(json, "rows", rows);
	assert_image(json, &card);
	json_decref(json);

	json = read_back(report_job(&card));
	assert_pair(json, "rows", last * plan.band_rows, rows);
	json_decref(json);
}

static void answers_to_verbs(void **state)
{
	(void)state;
	struct job_report report = {.job = 9, .state = JOB_RUNNING, .priority = -100};
	json_t *json = read_back(report_changed(&report));
	assert_keys(json, "job, state, priority");
	assert_number(json, "job", 9);
	assert_text(json, "state", "running");
	assert_number(json, "priority", -100);
	json_decref(json);
	report.is_unread = true;
	json = read_back(report_changed(&report));
	assert_text(json, "state", "unread");
	json_decref(json);
	/* To who watches it is no news that it waits for them. */
	json = read_back(report_progress(&report));
	assert_text(json, "state", "running");
	json_decref(json);
	report.is_paused = true;
	json = read_back(report_changed(&report));
	assert_text(json, "state", "paused");
	json_decref(json);
	json = read_back(report_draining(2048));
	assert_keys(json, "draining");
	assert_number(json, "draining", 2048);
	json_decref(json);
}

static struct job_report some_report(enum job_state job_state)
{
	return (struct job_report){
		.job = 4,
		.state = job_state,
		.pixels = 1ull << 40,
		.pixels_done = 99,
		.tiles_done = UINT32_MAX,
		.tiles_running = 5,
		.retries = 6,
		.workers = 7,
		.iterations = INT64_MAX,
		.elapsed_ms = 1234567890123,
	};
}

static void progress_has_its_state(void **state)
{
	(void)state;
	static const struct {
		enum job_state state;
		const char *name, *paused;
	} states[] = {
		{JOB_CREATING, "queued", "paused"}, {JOB_QUEUED, "queued", "paused"},
		{JOB_RUNNING, "running", "paused"}, {JOB_FINISHED, "finished", "finished"},
		{JOB_FAILED, "failed", "failed"},
	};
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		struct job_report report = some_report(states[i].state);
		json_t *json = read_back(report_progress(&report));
		assert_keys(json, "job, state, pixels_done, pixels, tiles_done, tiles_running, "
				  "workers, iterations, elapsed_ms");
		assert_text(json, "state", states[i].name);
		assert_number(json, "job", 4);
		assert_number(json, "pixels_done", 99);
		assert_number(json, "pixels", 1ll << 40);
		assert_number(json, "tiles_done", UINT32_MAX);
		assert_number(json, "tiles_running", 5);
		assert_number(json, "workers", 7);
		assert_number(json, "iterations", INT64_MAX);
		assert_number(json, "elapsed_ms", 1234567890123);
		json_decref(json);
		report.is_paused = true;
		json = read_back(report_progress(&report));
		assert_text(json, "state", states[i].paused);
		json_decref(json);
	}
}

static void ends_of_a_job(void **state)
{
	(void)state;
	struct job_report report = some_report(JOB_FINISHED);
	json_t *json = read_back(report_finished(&report));
	assert_keys(json, "job, pixels, tiles, retries, workers, iterations, elapsed_ms");
	assert_number(json, "job", 4);
	assert_number(json, "pixels", 1ll << 40);
	assert_number(json, "tiles", UINT32_MAX);
	assert_number(json, "retries", 6);
	assert_number(json, "workers", 7);
	assert_number(json, "iterations", INT64_MAX);
	assert_number(json, "elapsed_ms", 1234567890123);
	json_decref(json);

	json = read_back(report_failed(9, BROT_E_FAILED, "tile 3: \"worse\" \\ \x01"));
	assert_keys(json, "job, error, text");
	assert_number(json, "job", 9);
	assert_text(json, "error", "failed");
	assert_text(json, "text", "tile 3: \"worse\" \\ \x01");
	json_decref(json);

	json = read_back(report_cancelled(9));
	assert_keys(json, "job, state");
	assert_number(json, "job", 9);
	assert_text(json, "state", "cancelled");
	json_decref(json);
}

static void refusals_name_what_they_can(void **state)
{
	(void)state;
	for (unsigned with = 0; with < 8; with++) {
		json_t *json = read_back(report_refused(
			BROT_E_BUSY, "too many", (with & 1) != 0 ? "SUBMIT" : NULL,
			(with & 2) != 0 ? key_bytes : NULL, (with & 4) != 0 ? 77 : 0));
		char keys[64] = "error, text";
		if ((with & 1) != 0)
			strcat(keys, ", message");
		if ((with & 2) != 0)
			strcat(keys, ", key");
		if ((with & 4) != 0)
			strcat(keys, ", job");
		assert_keys(json, keys);
		assert_text(json, "error", "busy");
		assert_text(json, "text", "too many");
		if ((with & 1) != 0)
			assert_text(json, "message", "SUBMIT");
		if ((with & 2) != 0)
			assert_text(json, "key", KEY);
		if ((with & 4) != 0)
			assert_number(json, "job", 77);
		json_decref(json);
	}
}

static void text_that_is_not_utf8_does_no_harm(void **state)
{
	(void)state;
	static const char *const bad[] = {"\xff", "cut \xc3", "\xed\xa0\x80", "\xc0\x80",
					  "\xf4\x90\x80\x80"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		json_t *json = read_back(report_failed(1, BROT_E_SYSTEM, bad[i]));
		assert_text(json, "text", "(the reason is not valid UTF-8)");
		json_decref(json);
		json = read_back(report_refused(BROT_E_PROTOCOL, bad[i], NULL, NULL, 0));
		assert_text(json, "text", "(the reason is not valid UTF-8)");
		json_decref(json);
	}
	json_t *json = read_back(report_failed(1, BROT_E_SYSTEM, "K\xc3\xb6ln"));
	assert_text(json, "text", "K\xc3\xb6ln");
	json_decref(json);
}

static void the_status_of_a_broker(void **state)
{
	(void)state;
	struct status status = {
		.pid = 101,
		.uptime_ms = 102,
		.totals = {.jobs_queued = 103,
			   .jobs_running = 104,
			   .jobs_finished = 105,
			   .jobs_done = 106,
			   .workers = 107,
			   .clients = 108,
			   .tiles_done = 109,
			   .iterations = 110,
			   .image_bytes = 111},
		.image_budget_bytes = 112,
		.worker_bytes_sent = 113,
		.worker_bytes_received = 114,
		.client_bytes_sent = 115,
		.client_bytes_received = 116,
	};
	json_t *json = read_back(report_status(&status));
	assert_keys(json, "status");
	json_t *object = json_object_get(json, "status");
	assert_keys(object, "brot, version, pid, uptime_ms, jobs_queued, jobs_running, "
			    "jobs_finished, jobs_done, workers, clients, tiles_done, iterations, "
			    "image_bytes, image_budget_bytes, worker_bytes_sent, "
			    "worker_bytes_received, client_bytes_sent, client_bytes_received");
	assert_number(object, "brot", 1);
	assert_text(object, "version", BROT_VERSION);
	static const char *const keys[] = {
		"pid",
		"uptime_ms",
		"jobs_queued",
		"jobs_running",
		"jobs_finished",
		"jobs_done",
		"workers",
		"clients",
		"tiles_done",
		"iterations",
		"image_bytes",
		"image_budget_bytes",
		"worker_bytes_sent",
		"worker_bytes_received",
		"client_bytes_sent",
		"client_bytes_received",
	};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_number(object, keys[i], 101 + (json_int_t)i);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(welcome_names_the_times),
		cmocka_unit_test(a_job_is_announced_to_both_sides),
		cmocka_unit_test(a_job_in_bands_is_announced_band_by_band),
		cmocka_unit_test(answers_to_verbs),
		cmocka_unit_test(progress_has_its_state),
		cmocka_unit_test(ends_of_a_job),
		cmocka_unit_test(refusals_name_what_they_can),
		cmocka_unit_test(text_that_is_not_utf8_does_no_harm),
		cmocka_unit_test(the_status_of_a_broker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
