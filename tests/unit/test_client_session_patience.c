/* test_client_session_patience.c - brokers that are away, for long, and jobs that others read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/client_script.h"

#define DAY_MS 86400000
#define BUSY_BODY                                                                              \
	"{\"job\":7,\"message\":\"ATTACH\",\"error\":\"busy\",\"text\":\"job: the bands of 7 " \
	"are being read by another client: try later\"}"
#define REFUSED_UNKNOWN_BODY                                                                  \
	"{\"job\":7,\"message\":\"ATTACH\",\"error\":\"not_found\",\"text\":\"job: 7 is not " \
	"known to this broker\"}"

/* Ticks as often as the session wants until the time. Returns how often each of these was done:
 * silent, failed, sent. */
struct count {
	unsigned silent, failed, sent;
};

static struct count pass(struct session *s, int64_t from_ms, int64_t until_ms)
{
	struct count count = {0};
	int64_t now_ms = from_ms;
	while (!session_is_over(s) && session_deadline_ms(s) <= until_ms) {
		assert_true(session_deadline_ms(s) >= now_ms);
		now_ms = session_deadline_ms(s);
		script_step(s, SESSION_EVENT_TICK, now_ms);
		for (size_t i = 0; i < script_last_count; i++) {
			count.silent += script_last[i].type == SESSION_SILENT;
			count.failed += script_last[i].type == SESSION_FAILED;
			count.sent += script_last[i].type == SESSION_SEND;
		}
		/* what a tick was for is done by it */
		assert_true(session_is_over(s) || session_deadline_ms(s) > now_ms);
	}
	return count;
}

static struct session *accepted(void)
{
	struct session *s = script_make_patient(false);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 10), "accepted; send WATCH");
	return s;
}

static void the_first_answer_has_a_limit(void **state)
{
	(void)state;
	for (int is_attached = 0; is_attached < 2; is_attached++) {
		struct session *s = script_make_patient(is_attached != 0);
		script_step(s, SESSION_EVENT_START, 0);
		const struct count count = pass(s, 0, DAY_MS);
		assert_int_equal(count.failed, 1);
		assert_int_equal(count.silent, 0);
		assert_true(session_is_over(s));
		session_free(s);
	}
}

static void an_accepted_job_is_waited_for(void **state)
{
	(void)state;
	struct session *s = accepted();
	struct count count = pass(s, 10, DAY_MS);
	assert_int_equal(count.silent, 1);
	assert_int_equal(count.failed, 0);
	assert_in_range(count.sent, DAY_MS / 2000 - 2, DAY_MS / 2000 + 2);
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, DAY_MS), "back; progress");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, DAY_MS), "progress");
	/* A broker without a store does not know it: what was submitted is submitted again. */
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, DAY_MS), "send SUBMIT");
	count = pass(s, DAY_MS, 2 * (int64_t)DAY_MS);
	assert_int_equal(count.silent, 1);
	assert_int_equal(count.failed, 0);
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 2 * (int64_t)DAY_MS),
			    "back; accepted; send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 2 * (int64_t)DAY_MS),
			    "send CANCEL_JOB");
	session_free(s);
}

/* Ctrl-C needs no broker. */
static void a_silent_wait_is_cancelled(void **state)
{
	(void)state;
	struct session *s = accepted();
	(void)pass(s, 10, 50000);
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 50000), "send CANCEL_JOB");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 50000 + SESSION_CANCEL_MS),
			    "cancelled");
	session_free(s);
}

/* A broker that was away could send no pixels: that is no fault of its. */
static void pixels_are_waited_for(void **state)
{
	(void)state;
	struct session *s = accepted();
	script_say(s, MSG_FINISHED, FINISHED_BODY, 20);
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 20), "send FETCH");
	const struct count count = pass(s, 20, DAY_MS);
	assert_int_equal(count.silent, 1);
	assert_int_equal(count.failed, 0);
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, DAY_MS), "back");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, DAY_MS), "");
	const struct message m = {.job = 7, .w = 4, .h = 2};
	assert_string_equal(script_rows(s, &m, 24, DAY_MS + 10), "pixels; ready");
	session_free(s);
}

/* In bands: the new connection asks for the job again, and that has no limit either. */
static void bands_are_waited_for(void **state)
{
	(void)state;
	struct session *s = script_make_patient(false);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_say(s, MSG_ACCEPTED, BANDED_BODY, 10), "accepted; send WATCH");
	const struct count count = pass(s, 10, DAY_MS);
	assert_int_equal(count.silent, 1);
	assert_int_equal(count.failed, 0);
	assert_string_equal(script_say(s, MSG_ACCEPTED, BANDED_BODY, DAY_MS),
			    "back; accepted; send WATCH");
	session_free(s);
}

static void another_reader_is_waited_for(void **state)
{
	(void)state;
	struct session *s = script_make_patient(true);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send ATTACH");
	assert_string_equal(script_say(s, MSG_REFUSED, BUSY_BODY, 5), "busy");
	assert_true(script_last[0].is_read);
	for (int64_t now_ms = 1000; now_ms < 60000; now_ms += 1000) {
		assert_string_equal(script_step(s, SESSION_EVENT_TICK, now_ms), "send ATTACH");
		assert_string_equal(script_say(s, MSG_REFUSED, BUSY_BODY, now_ms + 5), "");
	}
	/* which has read them all */
	assert_string_equal(script_say(s, MSG_REFUSED, REFUSED_UNKNOWN_BODY, 60000), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_NOT_FOUND);
	assert_string_equal(script_last[0].error.text,
			    "job: 7 is over: its bands were read by another client");
	session_free(s);
}

/* With a limit it is the same, as long as that has not come. */
static void news_with_a_limit(void **state)
{
	(void)state;
	static const char waits[] = "{\"key\":\"" KEY "\",\"job\":7,\"message\":\"SUBMIT\","
				    "\"error\":\"busy\",\"text\":\"job: the image of 7 waits\"}";
	struct session *s = script_make(4, 2, FORMAT_RGB8, 10000);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_say(s, MSG_REFUSED, waits, 10), "busy");
	assert_false(script_last[0].is_read);
	assert_string_equal(script_last[0].error.text, "job: the image of 7 waits");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 20), "accepted; send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 3019), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 3020), "silent");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 9000), "back; progress");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 9000), "send WATCH");
	const struct count count = pass(s, 9000, DAY_MS);
	assert_int_equal(count.silent, 1);
	assert_int_equal(count.failed, 1);
	session_free(s);
}

/* What was asked about beforehand may be answered twice. */
static void other_reports_are_passed_over(void **state)
{
	(void)state;
	struct session *s = accepted();
	assert_string_equal(script_say(s, MSG_REPORT, "{\"jobs\":[]}", 20), "");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 30), "progress");
	session_free(s);
}

int main(void)
{
	script_tells_news = true;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_answer_has_a_limit),
		cmocka_unit_test(an_accepted_job_is_waited_for),
		cmocka_unit_test(a_silent_wait_is_cancelled),
		cmocka_unit_test(pixels_are_waited_for),
		cmocka_unit_test(bands_are_waited_for),
		cmocka_unit_test(another_reader_is_waited_for),
		cmocka_unit_test(news_with_a_limit),
		cmocka_unit_test(other_reports_are_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
