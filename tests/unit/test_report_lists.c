/* test_report_lists.c - the lists that clients are told: jobs, workers, and what has ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "tests/unit/report_reading.h"

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
	assert_int_equal(plan_make(&request, &roomy_budget, &plan, NULL), BROT_OK);
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
	assert_int_equal(plan_make(&request, &roomy_budget, &plan, NULL), BROT_OK);
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
		cmocka_unit_test(the_history_of_a_job),
		cmocka_unit_test(lists_of_jobs_and_workers),
		cmocka_unit_test(a_full_list_of_workers_fits_a_message),
		cmocka_unit_test(a_failed_job_has_its_reason),
		cmocka_unit_test(an_empty_broker_has_empty_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
