/* test_buddha_job.c - the jobs of requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "worker/buddha/buddha.h"

static struct request request_of(const char *view)
{
	struct request request;
	struct brot_error err;
	uint32_t iterations;
	request_init(&request);
	if (view_parse(view, &request.view, &iterations, &err) != BROT_OK)
		fail_msg("%s", err.text);
	request.kind = KIND_BUDDHABROT;
	request.width_px = 30;
	request.height_px = 21;
	request.iterations = 100;
	request.buddha = (struct buddha){.points = 1000, .channels = 1, .bands = {{1, 60}}};
	return request;
}

static struct buddha_job *job_of(const struct request *request)
{
	struct buddha_job *job = NULL;
	struct brot_error err = {0};
	if (buddha_job_make(request, kernel_at(0), &job, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return job;
}

static void a_view_on_the_axis_keeps_half_its_rows(void **state)
{
	(void)state;
	static const struct {
		const char *view;
		double rotate_deg;
		uint32_t rows;
	} cases[] = {
		{"-0.5,0,3", 0, 11}, {"-0.5,0.0,3", 0, 11}, {"-0.5,0,3", 90, 21},
		{"0,0.1,3", 0, 21},  {"0,1e-400,3", 0, 21},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request request = request_of(cases[i].view);
		request.view.rotate_deg = cases[i].rotate_deg;
		struct buddha_job *job = job_of(&request);
		struct grid_layout layout;
		assert_true(buddha_job_layout(job, 7, GRID_WRAP, &layout));
		assert_int_equal(layout.rows, cases[i].rows);
		assert_int_equal(layout.width_px, 30);
		assert_int_equal(layout.height_px, 21);
		assert_int_equal(layout.segments, 7);
		buddha_job_free(job);
	}
}

static void limits_follow_from_the_bands(void **state)
{
	(void)state;
	struct request request = request_of("0,0,4");
	request.buddha.channels = 3;
	request.buddha.bands[1] = (struct buddha_band){2, 90};
	request.buddha.bands[2] = (struct buddha_band){50, 70};
	struct buddha_job *job = job_of(&request);
	assert_int_equal(job->limit, 90);
	assert_int_equal(buddha_channels_at(job, 1), 1);
	assert_int_equal(buddha_channels_at(job, 50), 7);
	assert_int_equal(buddha_channels_at(job, 70), 6);
	assert_int_equal(buddha_channels_at(job, 91), 0);
	assert_false(buddha_job_is_weighted(job));
	buddha_job_free(job);
	request.buddha.is_inside = true;
	job = job_of(&request);
	assert_int_equal(job->limit, 100);
	assert_int_equal(buddha_channels_inside(job, 61), 6);
	assert_int_equal(buddha_channels_inside(job, 90), 2);
	assert_true(buddha_job_is_weighted(job));
	buddha_job_free(job);
	request.has_shortcuts = false;
	job = job_of(&request);
	assert_false(buddha_job_is_weighted(job));
	buddha_job_free(job);
}

static void what_is_too_deep_is_refused(void **state)
{
	(void)state;
	const struct request request = request_of("-0.5,0.5,1e-15");
	struct buddha_job *job = NULL;
	struct brot_error err = {0};
	assert_int_equal(buddha_job_make(&request, kernel_at(0), &job, &err), BROT_E_REQUEST);
	assert_null(job);
	assert_non_null(strstr(err.text, "view.width"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_view_on_the_axis_keeps_half_its_rows),
		cmocka_unit_test(limits_follow_from_the_bands),
		cmocka_unit_test(what_is_too_deep_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
