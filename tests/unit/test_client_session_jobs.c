/* test_client_session_jobs.c - jobs that are kept, jobs of somebody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/client_script.h"

/* ---- jobs of somebody else's ---- */

static struct session *attached(void)
{
	struct session *s = script_make_attached(10000);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send ATTACH");
	assert_string_equal(script_last[0].body, "{\"job\":7}");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ATTACHED_BODY, 10), "accepted; send WATCH");
	assert_int_equal(script_last[0].job.job, 7);
	assert_int_equal(json_integer_value(json_object_get(script_last[0].request, "brot")), 1);
	return s;
}

static void attach_and_leave(void **state)
{
	(void)state;
	struct session *s = attached();
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 20), "progress");
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 30), "finished");
	script_step(s, SESSION_EVENT_MAPPED, 30);
	assert_string_equal(script_step(s, SESSION_EVENT_LEAVE, 40), "");
	assert_true(session_is_over(s));
	session_free(s);

	/* Ctrl-C, silence, and what cannot be: the job is left alone */
	s = attached();
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 20), "cancelled");
	assert_int_equal(session_left_job(s), 7);
	session_free(s);
	s = attached();
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 10010), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_UNAVAILABLE);
	session_free(s);
	s = attached();
	assert_string_equal(script_say(s, MSG_PROGRESS, "{\"job\":7}", 20), "failed");
	session_free(s);
	s = script_make_attached(10000);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 20), "cancelled");
	session_free(s);
}

/* Where the job is not ours, that it is gone is worth a look. */
static void attach_and_release(void **state)
{
	(void)state;
	struct session *s = attached();
	script_say(s, MSG_FINISHED, FINISHED_BODY, 30);
	script_step(s, SESSION_EVENT_MAPPED, 30);
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE, 40), "send RELEASE; send WATCH");
	assert_false(session_is_over(s));
	/* the first was lost with its connection */
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 50), "send RELEASE");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2040), "send WATCH");
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 2050), "");
	assert_true(session_is_over(s));
	session_free(s);

	s = attached();
	script_say(s, MSG_FINISHED, FINISHED_BODY, 30);
	script_step(s, SESSION_EVENT_MAPPED, 30);
	script_step(s, SESSION_EVENT_RELEASE, 40);
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 10040), "");
	assert_true(session_is_over(s));
	session_free(s);
}

static void attach_is_refused(void **state)
{
	(void)state;
	static const char unknown[] = "{\"job\":7,\"message\":\"ATTACH\",\"error\":\"not_found\","
				      "\"text\":\"job: 7 was abandoned\"}";
	static const char busy[] = "{\"job\":7,\"message\":\"ATTACH\",\"error\":\"busy\","
				   "\"text\":\"job 7: somebody reads it\"}";
	static const char other[] = "{\"job\":8,\"message\":\"ATTACH\",\"error\":\"not_found\","
				    "\"text\":\"x\"}";
	struct session *s = script_make_attached(2500);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_say(s, MSG_REFUSED, other, 5), "");
	assert_string_equal(script_say(s, MSG_REFUSED, unknown, 5), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_NOT_FOUND);
	assert_string_equal(script_last[0].error.text, "job: 7 was abandoned");
	session_free(s);

	/* A reader that is gone is noticed only after a while. */
	s = script_make_attached(2500);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_say(s, MSG_REFUSED, busy, 5), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1000), "send ATTACH");
	assert_string_equal(script_say(s, MSG_REFUSED, busy, 1005), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 11999), "send ATTACH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, SESSION_BUSY_MS), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_BUSY);
	assert_string_equal(script_last[0].error.text, "job 7: somebody reads it");
	session_free(s);

	/* A second answer to a repeated ATTACH changes nothing. */
	s = attached();
	assert_string_equal(script_say(s, MSG_ACCEPTED, ATTACHED_BODY, 20), "");
	assert_string_equal(script_say(s, MSG_REFUSED, busy, 20), "");
	/* Nobody submits a job again who has not submitted it. */
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 30), "failed");
	assert_string_equal(script_last[0].error.text, "job 7: is not known");
	assert_int_equal(session_left_job(s), 0);
	session_free(s);

	/* A job that is history is told by its end. */
	s = script_make_attached(2500);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_say(s, MSG_FAILED,
				       "{\"job\":7,\"error\":\"not_found\","
				       "\"text\":\"job: 7 was finished and released\"}",
				       20),
			    "failed");
	assert_string_equal(script_last[0].error.text, "job: 7 was finished and released");
	session_free(s);

	/* A job that has failed says so. */
	s = attached();
	assert_string_equal(script_say(s, MSG_FAILED,
				       "{\"job\":7,\"error\":\"failed\",\"text\":\"tile 3\"}", 20),
			    "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_FAILED);
	session_free(s);
}

/* ---- kept jobs ---- */

static struct session *kept(void)
{
	struct session *s = script_make_kept(10000);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 10), "accepted; send WATCH");
	return s;
}

static void kept_jobs_go_on(void **state)
{
	(void)state;
	struct session *s = kept();
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 20), "cancelled");
	assert_int_equal(session_left_job(s), 7);
	session_free(s);

	s = kept();
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 10010), "failed");
	assert_int_equal(session_left_job(s), 7);
	session_free(s);

	s = kept(); /* whose file cannot be written */
	script_say(s, MSG_FINISHED, FINISHED_BODY, 30);
	script_step(s, SESSION_EVENT_MAPPED, 30);
	assert_int_equal(session_left_job(s), 7);
	assert_string_equal(script_step(s, SESSION_EVENT_LEAVE, 40), "");
	session_free(s);

	/* a job that the broker has ended does not */
	s = kept();
	script_say(s, MSG_FAILED, "{\"job\":7,\"error\":\"failed\",\"text\":\"tile 3\"}", 20);
	assert_int_equal(session_left_job(s), 0);
	session_free(s);

	/* one whose ACCEPTED has not come is asked for, so that it can be named */
	s = script_make_kept(10000);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 1), "");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 2), "cancelled");
	assert_int_equal(session_left_job(s), 7);
	session_free(s);
}

static void others_are_cancelled(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	assert_string_equal(script_step(s, SESSION_EVENT_LEAVE, 40), "send CANCEL_JOB");
	assert_int_equal(session_left_job(s), 0);
	assert_true(session_is_over(s));
	session_free(s);
	s = script_banded(false);
	script_say(s, MSG_BAND, BAND0, 20);
	script_step(s, SESSION_EVENT_MAPPED, 20);
	assert_string_equal(script_step(s, SESSION_EVENT_LEAVE, 40), "send CANCEL_JOB");
	session_free(s);
}

static void what_submit_says(void **state)
{
	(void)state;
	struct session_config config = {
		.is_kept = true, .priority = -5, .client = "a@b", .url = "x", .timeout_ms = 1000};
	json_t *request = json_pack("{s:i}", "brot", 1);
	config.request = request;
	struct session *s = session_new(&config);
	json_decref(request);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(
		script_body(0),
		"{\"key\":\"00000000000000000000000000000000\",\"request\":{\"brot\":1},"
		"\"keep\":true,\"priority\":-5,\"client\":\"a@b\"}");
	session_free(s);
}

/* ---- anything at any time ---- */

/* A caller that keeps the rules, and a broker that keeps none. */
static void answer(struct session *s, uint32_t x, int64_t now_ms, uint32_t *band, bool *is_held)
{
	if (script_last_count == 0)
		return;
	const struct session_action *action = &script_last[script_last_count - 1];
	bool is_offer = action->type == SESSION_BAND ||
			(action->type == SESSION_FINISHED && !session_is_over(s));
	if (!is_offer)
		return;
	*band = action->type == SESSION_BAND ? action->band.band : 0;
	*is_held = (x & 1) != 0;
	script_area = (struct fetch_area){600, 0, 900, FORMAT_SMOOTH};
	script_step(s, *is_held ? SESSION_EVENT_MAPPED : SESSION_EVENT_FETCH, now_ms);
}

static struct session *any_session(int round)
{
	return round % 3 == 0   ? script_make_attached(5000)
	       : round % 3 == 1 ? script_make_kept(5000)
				: script_make(600, 900, FORMAT_SMOOTH, 5000);
}

static void anything(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		ACCEPTED_BODY,
		BANDED_BODY,
		ATTACHED_BODY,
		BAND0,
		BAND1,
		BAND2,
		PROGRESS_BODY,
		FINISHED_BODY,
		BAND0,
		BAND1,
		NOT_FOUND_BODY,
		"{\"job\":7,\"state\":\"cancelled\"}",
		"{\"job\":7,\"message\":\"RELEASE\",\"error\":\"busy\",\"text\":\"later\"}",
		"{\"job\":7,\"message\":\"FETCH\",\"error\":\"request\",\"text\":\"later\"}",
		"{}",
		"x"};
	static const enum message_type types[] = {
		MSG_ACCEPTED, MSG_ACCEPTED, MSG_ACCEPTED, MSG_BAND,   MSG_BAND,   MSG_BAND,
		MSG_PROGRESS, MSG_FINISHED, MSG_BAND,     MSG_BAND,   MSG_FAILED, MSG_REPORT,
		MSG_REFUSED,  MSG_REFUSED,  MSG_ROWS,     MSG_REFUSED};
	uint32_t x = 99;
	for (int round = 0; round < 6000; round++) {
		struct session *s = any_session(round);
		bool is_banded = false, is_held = false;
		uint32_t band = 0;
		int64_t now_ms = 0;
		script_step(s, SESSION_EVENT_START, 0);
		for (int i = 0; i < 80 && !session_is_over(s); i++) {
			x = x * 1664525u + 1013904223u;
			now_ms += x >> 23;
			unsigned choice = x >> 8 & 31, which = x >> 16 & 15;
			if (choice == 0 && round % 7 == 0)
				script_step(s, SESSION_EVENT_CANCEL, now_ms);
			else if (choice == 1 && round % 5 == 0)
				script_step(s, SESSION_EVENT_LEAVE, now_ms);
			else if (choice == 2)
				script_step(s, SESSION_EVENT_WOKEN, now_ms);
			else if (choice < 8)
				script_step(s, SESSION_EVENT_TICK, now_ms);
			else if (choice < 12 && is_held && is_banded && band < 2)
				script_step(s, SESSION_EVENT_RELEASE_BAND, now_ms), is_held = false;
			else if (choice < 12 && is_held)
				script_step(s, SESSION_EVENT_RELEASE, now_ms), is_held = false;
			else
				script_say(s, types[round % 4 == 0 ? x >> 20 & 15 : which],
					   bodies[which], now_ms);
			for (size_t a = 0; a < script_last_count; a++)
				if (script_last[a].type == SESSION_ACCEPTED) {
					is_banded = script_last[a].job.band_count != 0;
					is_held = false;
				}
			answer(s, x >> 13, now_ms, &band, &is_held);
			assert_true(session_is_over(s) || session_deadline_ms(s) < INT64_MAX);
		}
		session_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach_and_leave),
		cmocka_unit_test(attach_and_release),
		cmocka_unit_test(attach_is_refused),
		cmocka_unit_test(kept_jobs_go_on),
		cmocka_unit_test(others_are_cancelled),
		cmocka_unit_test(what_submit_says),
		cmocka_unit_test(anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
