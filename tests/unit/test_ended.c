/* test_ended.c - what is said of jobs that only the history knows. */
#include "broker/server_internal.h"
#include "tests/unit/store_fixture.h"

/* Job `job` has ended so. */
static void end_as(struct store *store, uint64_t job, enum job_end how, enum brot_err code,
		   const char *text)
{
	const struct job_report report = {
		.job = job, .state = code != BROT_OK ? JOB_FAILED : JOB_FINISHED, .is_kept = true};
	add(store, job);
	assert_int_equal(store_end(store, &report, how, code, text, 5000, NULL), BROT_OK);
}

static void an_end_is_told(void **state)
{
	const struct fixture *f = *state;
	static const struct {
		enum job_end how;
		enum brot_err code;
		const char *text; /* that it ended with */
		enum brot_err told_code;
		const char *told;
	} ends[] = {
		{JOB_END_RELEASED, BROT_OK, NULL, BROT_E_NOT_FOUND,
		 "job: 1 was finished and released"},
		{JOB_END_EXPIRED, BROT_OK, NULL, BROT_E_NOT_FOUND,
		 "job: 2 was finished, and its retention has ended"},
		{JOB_END_ABANDONED, BROT_E_CANCELLED, "no client has watched the job",
		 BROT_E_NOT_FOUND, "job: 3 was abandoned: no client watched it"},
		{JOB_END_ABANDONED, BROT_OK, NULL, BROT_E_NOT_FOUND,
		 "job: 4 was abandoned: no client watched it"},
		{JOB_END_CANCELLED, BROT_OK, NULL, BROT_E_CANCELLED, "the job was cancelled"},
		{JOB_END_FAILED, BROT_E_FAILED, "rows 0..7 failed 3 times", BROT_E_FAILED,
		 "rows 0..7 failed 3 times"},
	};
	const uint64_t count = sizeof ends / sizeof ends[0];
	struct server_config config = {.store = open_at(f->folder)};
	const struct server server = {.config = &config};
	for (uint64_t i = 0; i < count; i++)
		end_as(config.store, i + 1, ends[i].how, ends[i].code, ends[i].text);
	add(config.store, count + 1);
	for (uint64_t i = 0; i < count; i++) {
		struct brot_error why = {0};
		struct store_job ended;
		assert_int_equal(ended_find(&server, i + 1, &ended, &why), BROT_OK);
		assert_int_equal(ended.job, i + 1);
		ended_explain(&ended, &why);
		assert_int_equal(why.code, ends[i].told_code);
		assert_string_equal(why.text, ends[i].told);
	}
	struct brot_error why = {0};
	struct store_job ended;
	assert_int_equal(ended_find(&server, count + 1, &ended, &why),
			 BROT_E_NOT_FOUND); /* lives */
	assert_int_equal(ended_find(&server, count + 2, &ended, &why), BROT_E_NOT_FOUND);
	store_close(config.store);
	config.store = NULL;
	assert_int_equal(ended_find(&server, 1, &ended, &why), BROT_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_end_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
