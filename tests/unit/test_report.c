/*
 * test_report.c - the JSON that peers are told, read back; its keys are those of PROTOCOL.md,
 * section 4, no more and no fewer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <brot/version.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "broker/report.h"
#include "proto/message.h"

#define KEY   "00112233445566778899aabbccddeeff"
#define NONCE "ffeeddccbbaa99887766554433221100"

static const uint8_t key_bytes[SCHED_KEY_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
						   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

static const uint8_t nonce_bytes[MESSAGE_NONCE_BYTES] = {0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa,
							 0x99, 0x88, 0x77, 0x66, 0x55, 0x44,
							 0x33, 0x22, 0x11, 0x00};

static const struct plan_budget budget = {.image_bytes = 1ull << 30};

/* Reads text back, strictly, and frees it. */
static json_t *read_back(char *text)
{
	json_error_t why;
	assert_non_null(text);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL)
		fail_msg("%s: %s", text, why.text);
	assert_true(json_is_object(json));
	free(text);
	return json;
}

/* keys: "a, b, c", as PROTOCOL.md lists them */
static void assert_keys(json_t *object, const char *keys)
{
	char list[512];
	size_t count = 0;
	assert_true(strlen(keys) < sizeof list);
	strcpy(list, keys);
	for (char *key = strtok(list, ", "); key != NULL; key = strtok(NULL, ", "), count++)
		if (json_object_get(object, key) == NULL)
			fail_msg("%s is missing", key);
	if (json_object_size(object) != count)
		fail_msg("%zu keys, should be %s", json_object_size(object), keys);
}

static void assert_number(json_t *object, const char *key, json_int_t want)
{
	json_t *value = json_object_get(object, key);
	if (!json_is_integer(value) || json_integer_value(value) != want)
		fail_msg("%s: %lld, should be %lld", key, (long long)json_integer_value(value),
			 (long long)want);
}

static void assert_text(json_t *object, const char *key, const char *want)
{
	json_t *value = json_object_get(object, key);
	assert_true(json_is_string(value));
	assert_string_equal(json_string_value(value), want);
}

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

static void assert_pair(json_t *object, const char *key, json_int_t first, json_int_t second)
{
	json_t *pair = json_object_get(object, key);
	assert_int_equal(json_array_size(pair), 2);
	assert_true(json_integer_value(json_array_get(pair, 0)) == first);
	assert_true(json_integer_value(json_array_get(pair, 1)) == second);
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
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
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

/* A row of the history of a job that ended so. */
static json_t *history_row(struct store_job job, const char *request)
{
	job.request = request;
	job.request_bytes = strlen(request);
	json_t *rows = json_array();
	json_array_append_new(rows, report_history_row(&job, true));
	json_t *json = read_back(report_history(rows));
	assert_keys(json, "history");
	json_t *row = json_incref(json_array_get(json_object_get(json, "history"), 0));
	json_decref(json);
	assert_keys(row, "job, state, client, kind, format, size, pixels, tiles_done, retries, "
			 "workers, iterations, worker_ms, accepted_ms, finished_ms, ended_ms, "
			 "error, text, owner");
	assert_text(row, "owner", job.owner);
	json_t *short_row = report_history_row(&job, false);
	assert_null(json_object_get(short_row, "owner"));
	json_decref(short_row);
	return row;
}

static void the_history_of_a_job(void **state)
{
	(void)state;
	static const char *const ends[JOB_END_COUNT] = {"released", "failed", "cancelled",
							"abandoned", "expired"};
	static const char request[] = "{\"brot\":1,\"view\":{\"re\":\"0\",\"im\":\"0\","
				      "\"width\":\"4\"},\"size\":[8,6],\"kind\":\"escape\","
				      "\"format\":\"smooth\"}";
	struct store_job job = {
		.job = 101,
		.client = "me@here",
		.pixels = 102,
		.tiles_done = 103,
		.retries = 104,
		.workers = 105,
		.iterations = 106,
		.worker_us = 107999,
		.accepted_ms = 108,
		.finished_ms = 109,
		.ended_ms = 110,
		.code = BROT_E_FAILED,
		.text = "tile 3: worse",
	};
	static const char *const numbers[] = {
		"job",        "",          "pixels",      "tiles_done",  "retries",  "workers",
		"iterations", "worker_ms", "accepted_ms", "finished_ms", "ended_ms",
	};
	for (int end = 0; end < JOB_END_COUNT; end++) {
		job.end = (enum job_end)end;
		json_t *row = history_row(job, request);
		assert_text(row, "state", ends[end]);
		assert_text(row, "client", "me@here");
		assert_text(row, "kind", "escape");
		assert_text(row, "format", "smooth");
		assert_pair(row, "size", 8, 6);
		assert_text(row, "error", "failed");
		assert_text(row, "text", "tile 3: worse");
		assert_number(row, numbers[0], 101);
		for (size_t i = 2; i < sizeof numbers / sizeof numbers[0]; i++)
			assert_number(row, numbers[i], 100 + (json_int_t)i);
		json_decref(row);
	}
	/* A request that this version cannot read. */
	json_t *row = history_row(job, "{\"brot\":2}");
	assert_text(row, "kind", "");
	assert_text(row, "format", "");
	assert_pair(row, "size", 0, 0);
	json_decref(row);
	row = history_row(job, "{\"kind\":\"escape\",\"format\":7,\"size\":[8,6]}");
	assert_text(row, "kind", "");
	assert_pair(row, "size", 0, 0);
	json_decref(row);
	row = history_row(job, "no JSON");
	assert_text(row, "kind", "");
	json_decref(row);
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

/* A scheduler with a queued job 5 and one worker. */
static struct sched *busy_sched(const struct worker_info *info, const struct plan *plan)
{
	struct sched_limits limits = sched_limits_default(1ull << 30);
	struct sched *s = sched_new(&limits);
	struct sched_actions actions = {0};
	struct sched_event submit = {.type = EVENT_SUBMIT, .now_ms = 1000, .peer = 1};
	submit.submit.job = 5;
	submit.submit.plan = plan;
	submit.submit.client = "K\xc3\xb6ln";
	submit.submit.priority = 3;
	submit.submit.is_kept = true;
	sched_step(s, &submit, &actions);
	struct sched_event ready = {.type = EVENT_IMAGE_READY, .now_ms = 1000, .work = 5};
	sched_step(s, &ready, &actions);
	struct sched_event hello = {.type = EVENT_HELLO, .now_ms = 1100, .peer = 2};
	hello.hello.info = info;
	hello.hello.random = 99;
	sched_step(s, &hello, &actions);
	sched_actions_done(&actions);
	return s;
}

static const char *told_owner;

static const struct request *request_of(uint64_t job, const char **ret_owner, void *context)
{
	*ret_owner = told_owner;
	return job == 5 ? context : NULL;
}

static const struct request *request_of_none(uint64_t job, const char **ret_owner, void *context)
{
	(void)job;
	(void)ret_owner;
	(void)context;
	return NULL;
}

static void lists_of_jobs_and_workers(void **state)
{
	(void)state;
	struct request request;
	request_init(&request);
	struct plan plan;
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	struct worker_info info = {
		.threads = 3,
		.pid = 4711,
		.name = "K\xc3\xb6ln 1",
		.version = "0.1.0",
		.kernel = "avx2",
		.kernel_count = 2,
		.kernels = {"avx2", "scalar"},
		.speeds = {{3000, 5000}},
	};
	memcpy(info.id, key_bytes, sizeof info.id);
	struct sched *s = busy_sched(&info, &plan);

	json_t *json = read_back(report_jobs(s, 1500, request_of, &request));
	assert_keys(json, "jobs");
	json_t *list = json_object_get(json, "jobs");
	assert_int_equal(json_array_size(list), 1);
	json_t *job = json_array_get(list, 0);
	assert_keys(job, "job, state, client, priority, keep, bands, kind, format, size, "
			 "pixels_done, pixels, tiles_done, tiles_running, workers, retries, "
			 "iterations, worker_ms, elapsed_ms");
	assert_text(job, "client", "K\xc3\xb6ln");
	assert_number(job, "priority", 3);
	assert_true(json_is_true(json_object_get(job, "keep")));
	assert_number(job, "bands", 1);
	assert_number(job, "worker_ms", 0);
	assert_number(job, "job", 5);
	assert_text(job, "state", "queued");
	assert_text(job, "kind", "escape");
	assert_text(job, "format", "rgb8");
	assert_pair(job, "size", 1920, 1080);
	assert_number(job, "pixels", 1920 * 1080);
	assert_number(job, "pixels_done", 0);
	assert_number(job, "elapsed_ms", 500);
	json_decref(json);
	told_owner = "key:abc";
	json = read_back(report_jobs(s, 1500, request_of, &request));
	assert_text(json_array_get(json_object_get(json, "jobs"), 0), "owner", "key:abc");
	json_decref(json);
	told_owner = NULL;
	/* A job whose request is gone is not there. */
	json = read_back(report_jobs(s, 1500, request_of_none, NULL));
	assert_int_equal(json_array_size(json_object_get(json, "jobs")), 0);
	json_decref(json);

	json = read_back(report_workers(s, 1500));
	assert_keys(json, "workers");
	list = json_object_get(json, "workers");
	assert_int_equal(json_array_size(list), 1);
	json_t *worker = json_array_get(list, 0);
	assert_keys(worker, "worker, name, pid, version, kernel, kernels, speeds, threads, credit, "
			    "tiles_held, tiles_done, failures, iterations, is_local, "
			    "connected_ms, silent_ms, is_draining");
	assert_text(worker, "worker", KEY);
	assert_text(worker, "name", "K\xc3\xb6ln 1");
	assert_number(worker, "pid", 4711);
	assert_text(worker, "version", "0.1.0");
	assert_text(worker, "kernel", "avx2");
	json_t *kernels = json_object_get(worker, "kernels");
	assert_int_equal(json_array_size(kernels), 2);
	assert_string_equal(json_string_value(json_array_get(kernels, 1)), "scalar");
	/* Of the other kernel the worker has told no speed. */
	json_t *speeds = json_object_get(worker, "speeds");
	assert_keys(speeds, "avx2");
	assert_keys(json_object_get(speeds, "avx2"), "f64, f32");
	assert_number(json_object_get(speeds, "avx2"), "f64", 3000);
	assert_number(json_object_get(speeds, "avx2"), "f32", 5000);
	assert_number(worker, "threads", 3);
	assert_number(worker, "credit", 0);
	assert_number(worker, "tiles_held", 0);
	assert_number(worker, "connected_ms", 400);
	assert_number(worker, "silent_ms", 400);
	assert_true(json_is_false(json_object_get(worker, "is_local")));
	assert_true(json_is_false(json_object_get(worker, "is_draining")));
	json_decref(json);
	sched_free(s);
}

/* A broker with all the workers it takes can still say who they are. */
static void a_full_list_of_workers_fits_a_message(void **state)
{
	(void)state;
	struct worker_info info = {
		.threads = 64,
		.pid = 4194304,
		.name = "a-host-of-a-cluster.with.a.domain.name/4194304",
		.version = "10.20.30",
		.kernel = "avx512",
		.kernel_count = 3,
		.kernels = {"avx512", "avx2", "scalar"},
	};
	for (uint32_t k = 0; k < info.kernel_count; k++)
		for (int p = 0; p < PRECISION_COUNT; p++)
			info.speeds[k][p] = LIMIT_SPEED;
	const struct sched_limits limits = sched_limits_default(1ull << 30);
	struct sched *s = sched_new(&limits);
	for (uint32_t i = 1; i <= LIMIT_WORKERS; i++) {
		struct sched_actions actions = {0};
		struct sched_event hello = {.type = EVENT_HELLO, .peer = i};
		memcpy(info.id, &i, sizeof i);
		hello.hello.info = &info;
		hello.hello.random = i;
		sched_step(s, &hello, &actions);
		sched_actions_done(&actions);
	}
	char *text = report_workers(s, 1000000000);
	assert_in_range(strlen(text), LIMIT_WORKERS * 400, LIMIT_BODY_BYTES / 2);
	free(text);
	sched_free(s);
}

static void a_failed_job_has_its_reason(void **state)
{
	(void)state;
	struct request request;
	request_init(&request);
	struct plan plan;
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	const struct sched_limits limits = sched_limits_default(1ull << 30);
	struct sched *s = sched_new(&limits);
	struct sched_actions actions = {0};
	const struct sched_restore restore = {.plan = &plan,
					      .is_kept = true,
					      .code = BROT_E_FAILED,
					      .text = "rows 8..15 failed 3 times"};
	const struct sched_event event = {.type = EVENT_RESTORE, .job = 5, .restore = &restore};
	sched_step(s, &event, &actions);
	sched_actions_done(&actions);
	json_t *json = read_back(report_jobs(s, 0, request_of, &request));
	json_t *job = json_array_get(json_object_get(json, "jobs"), 0);
	assert_text(job, "state", "failed");
	assert_text(job, "error", "failed");
	assert_text(job, "text", "rows 8..15 failed 3 times");
	json_decref(json);
	sched_free(s);
}

static void an_empty_broker_has_empty_lists(void **state)
{
	(void)state;
	struct sched_limits limits = sched_limits_default(1ull << 30);
	struct sched *s = sched_new(&limits);
	char *text = report_jobs(s, 0, request_of_none, NULL);
	assert_string_equal(text, "{\"jobs\":[]}");
	free(text);
	text = report_workers(s, 0);
	assert_string_equal(text, "{\"workers\":[]}");
	free(text);
	sched_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(welcome_names_the_times),
		cmocka_unit_test(a_job_is_announced_to_both_sides),
		cmocka_unit_test(a_job_in_bands_is_announced_band_by_band),
		cmocka_unit_test(answers_to_verbs),
		cmocka_unit_test(the_history_of_a_job),
		cmocka_unit_test(progress_has_its_state),
		cmocka_unit_test(ends_of_a_job),
		cmocka_unit_test(refusals_name_what_they_can),
		cmocka_unit_test(text_that_is_not_utf8_does_no_harm),
		cmocka_unit_test(the_status_of_a_broker),
		cmocka_unit_test(lists_of_jobs_and_workers),
		cmocka_unit_test(a_full_list_of_workers_fits_a_message),
		cmocka_unit_test(a_failed_job_has_its_reason),
		cmocka_unit_test(an_empty_broker_has_empty_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
