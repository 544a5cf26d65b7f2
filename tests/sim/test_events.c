/* test_events.c - what the scheduler answers to single events, without a world around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/sched.h"

#define WIDTH  64
#define HEIGHT 40

struct fixture {
	struct sched *sched;
	struct sched_actions actions; /* of the last step */
	struct plan plan;
	uint32_t owner_jobs; /* of who submits */
};

static void begin(struct fixture *f, const struct sched_limits *limits)
{
	*f = (struct fixture){.sched = sched_new(limits)};
	struct plan *plan = &f->plan;
	*plan = (struct plan){
		.phase_count = 1,
		.format = FORMAT_RGB8,
		.height_px = HEIGHT,
		.band_rows = HEIGHT,
		.band_count = 1,
	};
	plan->phases[0] = (struct phase){.pixel_bytes = 3, .pixel_work = 1000};
	assert_true(segment_grid_make(WIDTH, HEIGHT, 3, 1000, &plan->phases[0].grid));
	assert_true(image_layout_make(&plan->phases[0].grid, FORMAT_RGB8, &plan->layout));
	plan->image_bytes = plan->layout.total_bytes;
}

static void end(struct fixture *f)
{
	sched_free(f->sched);
	sched_actions_done(&f->actions);
}

static void step(struct fixture *f, struct sched_event event)
{
	char broken[SCHED_TEXT_BYTES];
	f->actions.count = 0;
	sched_step(f->sched, &event, &f->actions);
	if (!sched_check(f->sched, broken))
		fail_msg("%s", broken);
}

static const struct sched_action *action_of(const struct fixture *f, enum sched_action_type type)
{
	for (size_t i = 0; i < f->actions.count; i++)
		if (f->actions.items[i].type == type)
			return &f->actions.items[i];
	return NULL;
}

/* With all of its image done where it is finished. */
static void restore(struct fixture *f, uint64_t job, bool is_finished, int64_t now_ms)
{
	uint8_t bits[WIDTH * HEIGHT / 8];
	memset(bits, 0xff, sizeof bits);
	struct sched_restore r = {
		.key = {(uint8_t)job},
		.client = "somebody",
		.plan = &f->plan,
		.bits = {is_finished ? bits : NULL},
		.finished_ago_ms = is_finished ? 0 : -1,
	};
	step(f, (struct sched_event){
			.type = EVENT_RESTORE, .now_ms = now_ms, .job = job, .restore = &r});
}

static bool is_known(const struct fixture *f, uint64_t job)
{
	struct job_report report;
	return sched_job_report(f->sched, job, 0, &report);
}

static void submit(struct fixture *f, uint64_t job, const char *client)
{
	struct sched_event event = {.type = EVENT_SUBMIT, .peer = 1};
	event.submit.key[0] = (uint8_t)job;
	event.submit.job = job;
	event.submit.plan = &f->plan;
	event.submit.client = client;
	event.submit.owner_jobs = f->owner_jobs;
	step(f, event);
	step(f, (struct sched_event){.type = EVENT_IMAGE_READY, .work = job});
}

static void a_restore_may_take_long(void **state)
{
	(void)state;
	struct fixture f;
	const struct sched_limits limits = sched_limits_default(1u << 24);
	begin(&f, &limits);
	restore(&f, 1, false, 0);
	restore(&f, 2, true, 25000);
	/* The first moment at which clients can say that they are there. */
	step(&f, (struct sched_event){.type = EVENT_TICK, .now_ms = 30000});
	assert_true(is_known(&f, 1) && is_known(&f, 2));
	step(&f, (struct sched_event){.type = EVENT_TICK, .now_ms = 30000 + limits.lost_ms - 1});
	assert_true(is_known(&f, 1) && is_known(&f, 2));
	step(&f, (struct sched_event){.type = EVENT_TICK, .now_ms = 30000 + limits.lost_ms});
	assert_false(is_known(&f, 1) || is_known(&f, 2));
	end(&f);
}

static void the_room_for_a_job_can_be_asked_for(void **state)
{
	(void)state;
	struct fixture f;
	struct brot_error why;
	struct sched_limits limits = sched_limits_default(1u << 24);
	limits.jobs_per_client = 2;
	limits.jobs = 3;
	begin(&f, &limits);
	submit(&f, 1, "a");
	assert_int_equal(sched_check_room(f.sched, "a", 0, &f.plan, &why), BROT_OK);
	submit(&f, 2, "a");
	assert_int_equal(sched_check_room(f.sched, "a", 0, &f.plan, &why), BROT_E_BUSY);
	assert_string_equal(why.text, "jobs: a client may have at most 2: try later");
	assert_int_equal(sched_check_room(f.sched, "b", 0, &f.plan, &why), BROT_OK);
	/* An owner is counted by all its names; the caller counts. */
	assert_int_equal(sched_check_room(f.sched, "b", 1, &f.plan, &why), BROT_OK);
	assert_int_equal(sched_check_room(f.sched, "b", 2, &f.plan, &why), BROT_E_BUSY);
	f.owner_jobs = 2;
	submit(&f, 3, "b");
	assert_false(is_known(&f, 3));
	f.owner_jobs = 1;
	submit(&f, 3, "b");
	assert_true(is_known(&f, 3));
	assert_int_equal(sched_check_room(f.sched, "b", 0, &f.plan, &why), BROT_E_BUSY);
	assert_string_equal(why.text, "jobs: the broker holds at most 3: try later");
	f.plan.image_bytes = limits.image_bytes;
	assert_int_equal(sched_check_room(f.sched, "b", 0, &f.plan, &why), BROT_E_BUSY);
	f.plan.image_bytes++;
	assert_int_equal(sched_check_room(f.sched, "b", 0, &f.plan, &why), BROT_E_NO_SPACE);
	end(&f);
}

static void limits_may_change_between_steps(void **state)
{
	(void)state;
	struct fixture f;
	struct brot_error why;
	struct sched_limits limits = sched_limits_default(1000);
	begin(&f, &limits);
	assert_int_equal(sched_check_room(f.sched, "a", 0, &f.plan, &why), BROT_E_NO_SPACE);
	limits.image_bytes = 2 * f.plan.image_bytes;
	sched_set_limits(f.sched, &limits);
	assert_int_equal(sched_check_room(f.sched, "a", 0, &f.plan, &why), BROT_OK);
	submit(&f, 1, "a");
	/* What there is stays, over the limit or not. */
	limits.image_bytes = f.plan.image_bytes;
	sched_set_limits(f.sched, &limits);
	assert_int_equal(sched_check_room(f.sched, "a", 0, &f.plan, &why), BROT_E_BUSY);
	limits.image_bytes = 1;
	sched_set_limits(f.sched, &limits);
	assert_int_equal(sched_check_room(f.sched, "a", 0, &f.plan, &why), BROT_E_NO_SPACE);
	step(&f, (struct sched_event){.type = EVENT_TICK, .now_ms = 1});
	assert_true(is_known(&f, 1));
	end(&f);
}

/* A job in one piece that is kept and has ended: with an error where that is not BROT_OK. */
static void restore_kept(struct fixture *f, uint64_t job, const char *client, enum brot_err code)
{
	struct sched_restore r = {
		.key = {(uint8_t)job},
		.plan = &f->plan,
		.is_kept = true,
		.code = code,
		.text = code != BROT_OK ? "it is cursed" : NULL,
		.finished_ago_ms = 0,
	};
	uint8_t bits[WIDTH * HEIGHT / 8];
	memset(bits, 0xff, sizeof bits);
	if (code == BROT_OK)
		r.bits[0] = bits;
	(void)snprintf(r.client, sizeof r.client, "%s", client);
	step(f, (struct sched_event){.type = EVENT_RESTORE, .job = job, .restore = &r});
}

static void who_has_no_room_is_told_what_is_kept(void **state)
{
	(void)state;
	struct fixture f;
	struct brot_error why;
	char expected[SCHED_TEXT_BYTES];
	struct sched_limits limits = sched_limits_default(1u << 24);
	limits.jobs_per_client = 2;
	limits.jobs = 4;
	begin(&f, &limits);
	unsigned long long bytes = f.plan.image_bytes;
	submit(&f, 1, "a");
	restore_kept(&f, 2, "a", BROT_OK);
	assert_int_equal(sched_check_room(f.sched, "a", 0, &f.plan, &why), BROT_E_BUSY);
	(void)snprintf(expected, sizeof expected,
		       "jobs: a client may have at most 2; 1 finished or failed job is kept (%llu "
		       "bytes): release or cancel it, or try later",
		       bytes);
	assert_string_equal(why.text, expected);
	restore_kept(&f, 3, "b", BROT_E_FAILED);
	submit(&f, 4, "b");
	assert_int_equal(sched_check_room(f.sched, "c", 0, &f.plan, &why), BROT_E_BUSY);
	(void)snprintf(expected, sizeof expected,
		       "jobs: the broker holds at most 4; 2 finished or failed jobs are kept (%llu "
		       "bytes): release or cancel them, or try later",
		       2 * bytes);
	assert_string_equal(why.text, expected);
	f.plan.image_bytes = limits.image_bytes;
	assert_int_equal(sched_check_room(f.sched, "c", 0, &f.plan, &why), BROT_E_BUSY);
	(void)snprintf(
		expected, sizeof expected,
		"size: the image needs %llu bytes, but other jobs have left %llu; 2 finished "
		"or failed jobs are kept (%llu bytes): release or cancel them, or try later",
		1ull << 24, (1ull << 24) - 4 * bytes, 2 * bytes);
	assert_string_equal(why.text, expected);
	end(&f);
}

static void a_refusal_names_the_state(void **state)
{
	(void)state;
	static const struct {
		enum sched_event_type verb;
		bool is_finished;
		enum brot_err code;
		const char *text;
	} cases[] = {
		{EVENT_PAUSE, true, BROT_E_REQUEST,
		 "job: 5 must be queued or running to be paused, and is finished"},
		{EVENT_RESUME, true, BROT_E_REQUEST,
		 "job: 5 must be paused to be resumed, and is finished"},
		{EVENT_PRIORITY, true, BROT_E_REQUEST,
		 "job: 5 must be queued, running or paused to be given a priority, and is "
		 "finished"},
		{EVENT_RETRY, true, BROT_E_REQUEST,
		 "job: 5 must have failed to be tried again, and is finished"},
		{EVENT_RETRY, false, BROT_E_BUSY,
		 "job: 5 must have failed to be tried again, and is queued"},
		{EVENT_RELEASE, false, BROT_E_REQUEST,
		 "job: 5 must be finished to be released, and is queued"},
	};
	struct fixture f;
	const struct sched_limits limits = sched_limits_default(1u << 24);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(&f, &limits);
		restore(&f, 5, cases[i].is_finished, 0);
		step(&f,
		     (struct sched_event){
			     .type = cases[i].verb, .peer = 1, .job = 5, .band = SCHED_ALL_BANDS});
		assert_non_null(action_of(&f, ACTION_REFUSE));
		assert_string_equal(action_of(&f, ACTION_REFUSE)->text, cases[i].text);
		assert_int_equal(action_of(&f, ACTION_REFUSE)->code, cases[i].code);
		end(&f);
	}
	begin(&f, &limits);
	restore(&f, 5, false, 0);
	step(&f, (struct sched_event){.type = EVENT_PAUSE, .peer = 1, .job = 5});
	step(&f, (struct sched_event){
			 .type = EVENT_RELEASE, .peer = 1, .job = 5, .band = SCHED_ALL_BANDS});
	assert_string_equal(action_of(&f, ACTION_REFUSE)->text,
			    "job: 5 must be finished to be released, and is paused");
	end(&f);
}

/* What was never accepted cannot end, in the words of the log. */
static void a_job_without_an_image_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	const struct sched_limits limits = sched_limits_default(1u << 24);
	begin(&f, &limits);
	struct sched_event event = {.type = EVENT_SUBMIT, .peer = 1};
	event.submit.job = 5;
	event.submit.plan = &f.plan;
	event.submit.client = "a";
	step(&f, event);
	step(&f, (struct sched_event){.type = EVENT_IMAGE_FAILED,
				      .work = 5,
				      .code = BROT_E_NO_SPACE,
				      .text = "the disk is full"});
	assert_string_equal(action_of(&f, ACTION_REFUSE)->text, "the disk is full");
	assert_string_equal(action_of(&f, ACTION_NOTE)->text,
			    "job refused job=5 client=\"a\" error=no_space "
			    "reason=\"the disk is full\"");
	assert_false(is_known(&f, 5));
	end(&f);
}

/* Who has rendered a tile counts in the history of a job that was ended before its time. */
static void workers_of_a_cancelled_job_count(void **state)
{
	(void)state;
	struct fixture f;
	struct sched_limits limits = sched_limits_default(1u << 24);
	limits.tile_rows = 8;
	begin(&f, &limits);
	submit(&f, 5, "a");
	const struct worker_info info = {.id = {1}, .threads = 1, .name = "w"};
	struct sched_event hello = {.type = EVENT_HELLO, .peer = 2};
	hello.hello.info = &info;
	hello.hello.random = 77;
	step(&f, hello);
	step(&f, (struct sched_event){.type = EVENT_CREDIT, .peer = 2, .session = 77, .credit = 1});
	assert_non_null(action_of(&f, ACTION_TILE));
	struct sched_event done = {.type = EVENT_DONE,
				   .peer = 2,
				   .session = 77,
				   .tile = action_of(&f, ACTION_TILE)->tile};
	done.done.has_pixels = true;
	step(&f, done);
	assert_non_null(action_of(&f, ACTION_APPLY));
	step(&f, (struct sched_event){.type = EVENT_BYE, .peer = 2, .session = 77});
	step(&f, (struct sched_event){.type = EVENT_TICK, .now_ms = 2000});
	assert_non_null(action_of(&f, ACTION_RECORD));
	assert_int_equal(action_of(&f, ACTION_RECORD)->report.workers, 1);
	step(&f,
	     (struct sched_event){.type = EVENT_CANCEL_JOB, .now_ms = 2000, .peer = 1, .job = 5});
	assert_int_equal(action_of(&f, ACTION_END)->report.workers, 1);
	end(&f);
}

static void a_release_names_a_band_that_there_is(void **state)
{
	(void)state;
	struct fixture f;
	const struct sched_limits limits = sched_limits_default(1u << 24);
	begin(&f, &limits);
	restore(&f, 5, true, 0);
	step(&f, (struct sched_event){.type = EVENT_RELEASE, .peer = 1, .job = 5, .band = 7});
	const struct sched_action *refusal = action_of(&f, ACTION_REFUSE);
	assert_non_null(refusal);
	assert_int_equal(refusal->code, BROT_E_REQUEST);
	assert_string_equal(refusal->text, "job: 5 has bands 0 to 0, got band 7");
	assert_true(is_known(&f, 5));
	step(&f, (struct sched_event){.type = EVENT_RELEASE, .peer = 1, .job = 5, .band = 0});
	assert_non_null(action_of(&f, ACTION_END));
	assert_int_equal(action_of(&f, ACTION_END)->end, JOB_END_RELEASED);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restore_may_take_long),
		cmocka_unit_test(the_room_for_a_job_can_be_asked_for),
		cmocka_unit_test(limits_may_change_between_steps),
		cmocka_unit_test(who_has_no_room_is_told_what_is_kept),
		cmocka_unit_test(a_refusal_names_the_state),
		cmocka_unit_test(a_job_without_an_image_is_refused),
		cmocka_unit_test(workers_of_a_cancelled_job_count),
		cmocka_unit_test(a_release_names_a_band_that_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
