/* test_report_counts.c - what is told of Buddhabrots, and asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/parse.h"
#include "tests/unit/report_reading.h"

static json_int_t number(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

static void phases_are(const json_t *json, const char *first, const char *second)
{
	const json_t *phases = json_object_get(json, "phases");
	assert_int_equal(json_array_size(phases), second != NULL ? 2 : 1);
	assert_string_equal(json_string_value(json_array_get(phases, 0)), first);
	if (second != NULL)
		assert_string_equal(json_string_value(json_array_get(phases, 1)), second);
}

static struct request some_request(void)
{
	struct request request;
	request_init(&request);
	request.kind = KIND_BUDDHABROT;
	request.format = FORMAT_DENSITY;
	request.buddha = (struct buddha){
		.points = 1000000, .channels = 1, .bands = {{1, request.iterations}}};
	return request;
}

/* To a worker that sees it, and to one that counts apart; and the job itself. */
static void a_grid_is_announced(void **state)
{
	(void)state;
	const struct plan_budget budget = {.image_bytes = 1ull << 60};
	struct request request = some_request();
	struct plan plan;
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	struct job_card card = {
		.work = work_grid_id(7, 3),
		.image_name = "/brot-0123456789abcdef0123456789abcdef",
		.image_bytes = plan.counts.total_bytes,
		.request = &request,
		.plan = &plan,
	};
	json_t *json = read_back(report_job(&card));
	const json_t *grid = json_object_get(json, "grid");
	assert_int_equal(json_object_size(json), 3);
	assert_int_equal(json_object_size(grid), 4);
	assert_string_equal(json_string_value(json_object_get(grid, "name")), card.image_name);
	assert_true(number(grid, "bytes") == (json_int_t)card.image_bytes);
	assert_int_equal(number(grid, "segments"), plan.counts.segments);
	assert_true(number(grid, "wrap") == 1ll << 32);
	phases_are(json, "sample", NULL);
	json_decref(json);

	card.image_name = NULL;
	json = read_back(report_job(&card));
	assert_int_equal(json_object_size(json), 2);
	phases_are(json, "sample", "collect");
	json_decref(json);

	card.image_name = "/brot-0123456789abcdef0123456789abcdef";
	card.work = 7;
	json = read_back(report_job(&card));
	phases_are(json, "sample", "sum");
	assert_non_null(json_object_get(json, "image"));
	json_decref(json);
}

static void progress_tells_of_a_preview(void **state)
{
	(void)state;
	struct job_report report = {.job = 7, .state = JOB_RUNNING};
	json_t *json = read_back(report_progress(&report));
	assert_null(json_object_get(json, "preview"));
	json_decref(json);
	report.has_preview = true;
	report.previewed = 1ull << 50;
	report.held = 77;
	json = read_back(report_progress(&report));
	assert_true(number(json, "preview") == 1ll << 50);
	assert_int_equal(number(json, "held"), 77);
	assert_null(json_object_get(json, "waits"));
	json_decref(json);
	report.waits = BROT_E_NO_SPACE;
	json = read_back(report_progress(&report));
	assert_string_equal(json_string_value(json_object_get(json, "waits")), "no_space");
	json_decref(json);
}

static struct fetch fetch_of(const char *rest)
{
	char body[256];
	int n = snprintf(body, sizeof body,
			 "{\"job\":9,\"plane\":1,\"x\":2,\"y\":3,\"w\":4,\"h\":5,\"seen\":6%s}",
			 rest);
	const struct message m = {.type = MSG_FETCH, .body = {body, (size_t)n}};
	struct fetch fetch;
	struct brot_error err;
	if (parse_fetch(&m, &fetch, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return fetch;
}

static void a_preview_may_be_fetched(void **state)
{
	(void)state;
	assert_false(fetch_of("").is_preview);
	assert_false(fetch_of(",\"preview\":false").is_preview);
	assert_true(fetch_of(",\"preview\":true").is_preview);
	assert_int_equal(fetch_of(",\"preview\":true").rect.h, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grid_is_announced),
		cmocka_unit_test(progress_tells_of_a_preview),
		cmocka_unit_test(a_preview_may_be_fetched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
