/* test_client_session.c - one job of one image seen through, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/client_script.h"

static void mapped_image(void **state)
{
	(void)state;
	struct session *s = script_make(4, 2, FORMAT_RGB8, 10000);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send SUBMIT");
	assert_memory_equal(script_last[0].message.body.data,
			    "{\"key\":\"" KEY "\",\"request\":{\"brot\":1}}",
			    script_last[0].message.body.size);
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 10), "accepted; send WATCH");
	assert_int_equal(script_last[0].job.job, 7);
	assert_int_equal(script_last[0].job.slice_px, 4);
	assert_int_equal(script_last[0].job.band_count, 0);
	assert_int_equal(script_last[0].job.image.bytes, 8192);
	assert_int_equal(script_last[0].job.image.nonce[0], 0xff);
	assert_string_equal(script_last[0].job.image.name, NAME);
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 20), "progress");
	assert_int_equal(script_last[0].progress.pixels_done, 4);
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 30), "finished");
	assert_int_equal(script_last[0].summary.iterations, 99);
	assert_string_equal(script_step(s, SESSION_EVENT_MAPPED, 30), "");
	/* While the file is written the broker is told that the image is still read, and whatever
	 * it says no longer matters. */
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2010), "send WATCH");
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 2020), "");
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 2030), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 60000), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE, 60001), "send RELEASE");
	assert_true(session_is_over(s));
	assert_int_equal(session_deadline_ms(s), INT64_MAX);
	session_free(s);
}

static void submit_repeats_then_gives_up(void **state)
{
	(void)state;
	struct session *s = script_make(4, 2, FORMAT_RGB8, 2500);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send SUBMIT");
	assert_int_equal(session_deadline_ms(s), 1000);
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 999), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1000), "send SUBMIT");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2000), "send SUBMIT");
	assert_int_equal(session_deadline_ms(s), 2500);
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2500), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_UNAVAILABLE);
	assert_string_equal(script_last[0].error.text,
			    "no broker answers at ipc:///nowhere within 2.5 s");
	assert_true(session_is_over(s));
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 2600), "");
	session_free(s);
}

static void silence_ends_a_wait(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2010), "send WATCH");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 9000), "progress");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 18999), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 19000), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_UNAVAILABLE);
	session_free(s);
}

/* Who was stopped asks before it finds the broker silent. */
static void a_stop_is_no_silence(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	assert_string_equal(script_step(s, SESSION_EVENT_WOKEN, 60000), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 60000), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 69999), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 70000), "failed");
	session_free(s);
	s = script_make(4, 2, FORMAT_RGB8, 2500);
	script_step(s, SESSION_EVENT_START, 0);
	script_step(s, SESSION_EVENT_WOKEN, 60000);
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 60000), "send SUBMIT");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 62500), "failed");
	session_free(s);
}

static void lost_job_is_submitted_again(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	for (int i = 0; i < SESSION_RESUBMITS; i++) {
		assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 20), "send SUBMIT");
		assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 20),
				    "accepted; send WATCH");
	}
	/* but not for ever */
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 20), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_NOT_FOUND);
	session_free(s);
}

/* Busy is for a new job's SUBMIT the end; where the job exists it will do later. */
static void busy_submit(void **state)
{
	(void)state;
	static const char full[] = "{\"key\":\"" KEY "\",\"message\":\"SUBMIT\",\"error\":\"busy\","
				   "\"text\":\"jobs: full\"}";
	static const char waits[] = "{\"key\":\"" KEY "\",\"job\":7,\"message\":\"SUBMIT\","
				    "\"error\":\"busy\",\"text\":\"job: the image of 7 waits\"}";
	struct session *s = script_make(4, 2, FORMAT_RGB8, 2500);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1000), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_REFUSED, full, 1010), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_BUSY);
	session_free(s);

	/* The broker was restarted before its ACCEPTED came, and makes the image again. */
	s = script_make(4, 2, FORMAT_RGB8, 2500);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1000), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_REFUSED, waits, 1010), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2000), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 2010),
			    "accepted; send WATCH");
	/* One that has lost it has room for it again, sooner or later. */
	assert_string_equal(script_say(s, MSG_FAILED, NOT_FOUND_BODY, 3000), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_REFUSED, full, 3010), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 4000), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_REFUSED, full, 4010), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 5500), "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_BUSY);
	assert_string_equal(script_last[0].error.text, "jobs: full");
	session_free(s);
}

static void failures_are_passed_on(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	assert_string_equal(
		script_say(s, MSG_FAILED, "{\"job\":8,\"error\":\"failed\",\"text\":\"x\"}", 20),
		"");
	assert_string_equal(script_say(s, MSG_FAILED,
				       "{\"job\":7,\"error\":\"failed\",\"text\":\"tile 3\"}", 20),
			    "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_FAILED);
	assert_string_equal(script_last[0].error.text, "tile 3");
	session_free(s);

	s = script_make(4, 2, FORMAT_RGB8, 10000);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"key\":\"00\",\"error\":\"no_space\",\"text\":\"other\"}",
				       5),
			    "");
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"key\":\"" KEY
				       "\",\"message\":\"SUBMIT\",\"error\":\"no_space\","
				       "\"text\":\"/dev/shm: full\"}",
				       5),
			    "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_NO_SPACE);
	session_free(s);
}

/* While nobody works on the job the broker is asked now and then whether there is anybody. */
static void asks_for_workers(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	assert_string_equal(script_say(s, MSG_PROGRESS, QUEUED_BODY, 20), "progress; send STATUS");
	assert_memory_equal(script_last[1].message.body.data, "{}", 2);
	assert_string_equal(script_say(s, MSG_REPORT, "{\"status\":{\"workers\":0}}", 30),
			    "workers");
	assert_int_equal(script_last[0].workers, 0);
	assert_string_equal(script_say(s, MSG_PROGRESS, QUEUED_BODY, 2019), "progress");
	assert_string_equal(script_say(s, MSG_PROGRESS, QUEUED_BODY, 2020),
			    "progress; send STATUS");
	/* one that is refused does no harm */
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"message\":\"STATUS\",\"error\":\"busy\",\"text\":\"x\"}",
				       2030),
			    "");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 9000), "progress");
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 9010), "finished");
	/* and an answer that comes late is not looked at */
	assert_string_equal(script_say(s, MSG_REPORT, "{}", 9020), "");
	session_free(s);
}

static void wrong_endpoint(void **state)
{
	(void)state;
	struct session *s = script_make(4, 2, FORMAT_RGB8, 10000);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"error\":\"protocol\",\"text\":\"SUBMIT: is for the "
				       "broker's endpoint for clients, this is the one for "
				       "workers\"}",
				       5),
			    "failed");
	assert_int_equal(script_last[0].error.code, BROT_E_PROTOCOL);
	assert_string_equal(script_last[0].error.text,
			    "ipc:///nowhere: this is not the broker's endpoint for clients");
	session_free(s);
}

static void cancel_waits_for_the_answer(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 100), "send CANCEL_JOB");
	assert_int_equal(session_deadline_ms(s), 100 + SESSION_CANCEL_MS);
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 110), "");
	assert_string_equal(script_say(s, MSG_REPORT, "{\"job\":7,\"state\":\"cancelled\"}", 120),
			    "cancelled");
	session_free(s);

	s = script_accepted();
	script_step(s, SESSION_EVENT_CANCEL, 100);
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1099), "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1100), "cancelled");
	session_free(s);

	/* before the answer to SUBMIT: the job that comes to be is cancelled as well */
	s = script_make(4, 2, FORMAT_RGB8, 10000);
	script_step(s, SESSION_EVENT_START, 0);
	assert_string_equal(script_step(s, SESSION_EVENT_CANCEL, 1), "");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 2), "send CANCEL_JOB");
	assert_string_equal(
		script_say(s, MSG_FAILED, "{\"job\":7,\"error\":\"cancelled\",\"text\":\"\"}", 3),
		"cancelled");
	session_free(s);
}

static void hostile_bodies(void **state)
{
	(void)state;
	static const struct {
		enum message_type type;
		const char *body;
	} cases[] = {
		{MSG_ACCEPTED, "nonsense"},
		{MSG_ACCEPTED, ""},
		{MSG_ACCEPTED, "[]"},
		{MSG_ACCEPTED, "{}"},
		{MSG_ACCEPTED, "{\"key\":1}"},
		{MSG_ACCEPTED, "{\"key\":\"" KEY "\",\"job\":-1}"},
		{MSG_ACCEPTED, "{\"key\":\"" KEY "\",\"job\":7,\"slice\":4,\"image\":3}"},
		{MSG_ACCEPTED,
		 "{\"key\":\"" KEY "\",\"job\":0,\"slice\":4,\"image\":{\"name\":\"" NAME
		 "\",\"bytes\":1,\"nonce\":\"" NONCE "\"}}"},
		{MSG_ACCEPTED,
		 "{\"key\":\"" KEY "\",\"job\":7,\"slice\":0,\"image\":{\"name\":\"" NAME
		 "\",\"bytes\":1,\"nonce\":\"" NONCE "\"}}"},
		{MSG_ACCEPTED,
		 "{\"key\":\"" KEY "\",\"job\":7,\"slice\":4,\"image\":{\"name\":\"/x\","
		 "\"bytes\":1,\"nonce\":\"" NONCE "\"}}"},
		{MSG_ACCEPTED,
		 "{\"key\":\"" KEY "\",\"job\":7,\"slice\":4,\"image\":{\"name\":\"" NAME
		 "\",\"bytes\":1,\"nonce\":\"zz\"}}"},
		{MSG_REFUSED, "{\"error\":5,\"text\":\"\"}"},
		{MSG_WELCOME, "{}"},
		{MSG_TILE, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct session *s = script_make(4, 2, FORMAT_RGB8, 10000);
		script_step(s, SESSION_EVENT_START, 0);
		assert_string_equal(script_say(s, cases[i].type, cases[i].body, 1), "failed");
		assert_int_equal(script_last[0].error.code, BROT_E_PROTOCOL);
		assert_true(script_last[0].error.text[0] != '\0');
		session_free(s);
	}
	/* With a job in hand the broker is asked to end it. */
	struct session *s = script_accepted();
	assert_string_equal(script_say(s, MSG_PROGRESS, "{\"job\":7,\"state\":\"running\"}", 20),
			    "send CANCEL_JOB; failed");
	session_free(s);
	s = script_accepted();
	assert_string_equal(
		script_say(s, MSG_PROGRESS,
			   "{\"job\":7,\"state\":\"running\",\"pixels_done\":9,\"pixels\":8,"
			   "\"tiles_done\":1,\"tiles_running\":1,\"workers\":1,"
			   "\"iterations\":99,\"elapsed_ms\":10}",
			   20),
		"send CANCEL_JOB; failed");
	assert_int_equal(script_last[1].error.code, BROT_E_PROTOCOL);
	assert_non_null(strstr(script_last[1].error.text, "pixels_done"));
	session_free(s);
	s = script_accepted();
	assert_string_equal(script_say(s, MSG_REPORT, "{\"status\":{}}", 20),
			    "send CANCEL_JOB; failed");
	session_free(s);
}

static void fetched_image(void **state)
{
	(void)state;
	/* 1000 rows of 1000 pixels: rgb8 gives pieces of 349 rows, so three. */
	struct session *s = script_make(1000, 1000, FORMAT_RGB8, 10000);
	script_step(s, SESSION_EVENT_START, 0);
	script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 10);
	script_say(s, MSG_FINISHED, FINISHED_BODY, 20);
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 20),
			    "send FETCH; send FETCH; send FETCH");
	assert_string_equal(script_last[2].body,
			    "{\"job\":7,\"plane\":0,\"x\":0,\"y\":698,\"w\":1000,\"h\":302,"
			    "\"seen\":0}");
	struct message m = {.job = 7, .x = 0, .y = 349, .w = 1000, .h = 349};
	assert_string_equal(script_rows(s, &m, 349 * 3000 - 1, 30),
			    ""); /* too short: not a piece */
	assert_string_equal(script_rows(s, &m, 349 * 3000 + 1, 30), "");
	assert_string_equal(script_rows(s, &m, 349 * 3000, 30), "pixels");
	assert_int_equal(script_last[0].piece.rect.y, 349);
	assert_string_equal(script_rows(s, &m, 349 * 3000, 30), ""); /* comes twice */
	m.y = 0;
	m.job = 8;
	assert_string_equal(script_rows(s, &m, 349 * 3000, 30), ""); /* another job's */
	m.job = 7;
	/* What stays unanswered is asked for again, and a busy broker is no failure. */
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"job\":7,\"message\":\"FETCH\",\"error\":\"busy\","
				       "\"text\":\"too many\"}",
				       40),
			    "");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 3020),
			    "send WATCH; send FETCH; send FETCH");
	assert_string_equal(script_rows(s, &m, 349 * 3000, 3030), "pixels");
	m.y = 698;
	m.h = 302;
	assert_string_equal(script_rows(s, &m, 302 * 3000, 3040), "pixels; ready");
	assert_string_equal(script_step(s, SESSION_EVENT_RELEASE, 3050), "send RELEASE");
	session_free(s);
}

static void pixels_must_come(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	script_say(s, MSG_FINISHED, FINISHED_BODY, 20);
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 20), "send FETCH");
	int64_t now_ms = 20;
	const char *said = "";
	/* The broker answers each WATCH, and no FETCH. */
	while (!session_is_over(s)) {
		now_ms = session_deadline_ms(s);
		assert_true(now_ms < 20000);
		said = script_step(s, SESSION_EVENT_TICK, now_ms);
		if (!session_is_over(s))
			script_say(s, MSG_FINISHED, FINISHED_BODY, now_ms);
	}
	assert_string_equal(said, "send CANCEL_JOB; failed");
	assert_int_equal(script_last[1].error.code, BROT_E_UNAVAILABLE);
	session_free(s);

	s = script_accepted();
	script_say(s, MSG_FINISHED, FINISHED_BODY, 20);
	script_step(s, SESSION_EVENT_FETCH, 20);
	struct message m = {.job = 7, .w = 4, .h = 2, .codec = CODEC_ZSTD};
	assert_string_equal(script_rows(s, &m, 24, 30), "send CANCEL_JOB; failed");
	assert_int_equal(script_last[1].error.code, BROT_E_PROTOCOL);
	session_free(s);
}

/* Any message at any time: never more than one end, and no assertion. */
static void random_messages(void **state)
{
	(void)state;
	static const char *const bodies[] = {ACCEPTED_BODY,
					     PROGRESS_BODY,
					     FINISHED_BODY,
					     NOT_FOUND_BODY,
					     "{\"job\":7,\"error\":\"busy\",\"text\":\"later\"}",
					     "{\"job\":7,\"state\":\"cancelled\"}",
					     "{}",
					     "x"};
	static const enum message_type types[] = {MSG_ACCEPTED, MSG_PROGRESS, MSG_FINISHED,
						  MSG_FAILED,   MSG_REPORT,   MSG_REFUSED,
						  MSG_ROWS,     MSG_WELCOME};
	uint32_t x = 12345;
	for (int round = 0; round < 3000; round++) {
		struct session *s = script_make(600, 900, FORMAT_SMOOTH, 5000);
		int64_t now_ms = 0;
		script_step(s, SESSION_EVENT_START, 0);
		for (int i = 0; i < 60 && !session_is_over(s); i++) {
			x = x * 1664525u + 1013904223u;
			now_ms += x >> 23;
			unsigned choice = x >> 8 & 15;
			if (choice == 0 && round % 7 == 0)
				script_step(s, SESSION_EVENT_CANCEL, now_ms);
			else if (choice < 5)
				script_step(s, SESSION_EVENT_TICK, now_ms);
			else
				script_say(s, types[x >> 12 & (round % 3 == 0 ? 7 : 3)],
					   bodies[x >> 16 & (round % 5 == 0 ? 7 : 3)], now_ms);
			if (script_last_count != 0 &&
			    script_last[script_last_count - 1].type == SESSION_FINISHED)
				script_step(s, SESSION_EVENT_FETCH, now_ms);
			assert_true(script_last_count <= SESSION_ACTIONS_MAX);
		}
		session_free(s);
	}
}

static void fetch_slices(void **state)
{
	(void)state;
	struct fetch fetch;
	struct fetch_piece piece;
	/* A row of 2^20 pixels of 4 bytes is four slices; smooth has two planes. */
	const struct fetch_area wide = {1 << 20, 5, 3, FORMAT_SMOOTH};
	fetch_init(&fetch, &wide);
	uint64_t pixels = 0;
	unsigned pieces = 0;
	while (!fetch_is_complete(&fetch)) {
		unsigned open = 0;
		while (fetch_next(&fetch, 0, &piece)) {
			assert_int_equal(piece.rect.h, 1);
			assert_true(piece.rect.y >= 5 && piece.rect.y < 8);
			assert_true(piece.rect.w * 4 <= LIMIT_FETCH_BYTES);
			open++;
		}
		assert_true(open <= FETCH_WINDOW);
		pixels += piece.rect.w;
		pieces++;
		assert_true(fetch_take(&fetch, &piece, (size_t)piece.rect.w * 4));
		assert_false(fetch_take(&fetch, &piece, (size_t)piece.rect.w * 4));
		/* the others come when they are asked for again */
		while (fetch_next(&fetch, FETCH_AGAIN_MS, &piece)) {
			pixels += piece.rect.w;
			pieces++;
			assert_true(fetch_take(&fetch, &piece, (size_t)piece.rect.w * 4));
		}
	}
	assert_int_equal(pixels, 2 * 3 * (1 << 20));
	assert_int_equal(pieces, 2 * 3 * 4);
	assert_int_equal(fetch_deadline_ms(&fetch), INT64_MAX);
}

/* A connection that the network has forgotten: what is asked goes by a new one. */
static void unanswered_goes_another_way(void **state)
{
	(void)state;
	struct session *s = script_make(4, 2, FORMAT_RGB8, 10000);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send SUBMIT");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 1000), "send SUBMIT");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 2000), "send SUBMIT");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 3000), "reconnect; send SUBMIT");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 4000), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 4010),
			    "accepted; send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 6010), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 8010), "send WATCH");
	/* any word will do */
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 9000), "progress");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 10010), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 12010), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 14010), "send WATCH");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 16010), "reconnect; send WATCH");
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 16020), "finished");
	session_free(s);
}

/* A broker that comes back within the time and knows the job, with or without its pixels. */
static void restarted_broker(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 20), "progress");
	assert_string_equal(script_step(s, SESSION_EVENT_TICK, 9999), "send WATCH");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 10000), "progress");
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 10010), "finished");
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 10010), "send FETCH");
	/* restarted again, and now the image is gone */
	assert_string_equal(script_say(s, MSG_REFUSED,
				       "{\"job\":7,\"message\":\"FETCH\",\"error\":\"request\","
				       "\"text\":\"job: is not finished\"}",
				       10020),
			    "send WATCH");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 10030), "progress");
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 10040), "finished");
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 10040), "send FETCH");
	assert_string_equal(script_say(s, MSG_PROGRESS, PROGRESS_BODY, 10050), "progress");
	assert_string_equal(script_say(s, MSG_FINISHED, FINISHED_BODY, 10060), "finished");
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 10060), "send FETCH");
	const struct message m = {.job = 7, .w = 4, .h = 2};
	assert_string_equal(script_rows(s, &m, 24, 10070), "pixels; ready");
	session_free(s);

	/* but one that never has what it announces is not asked for ever */
	s = script_accepted();
	int refusals = 0;
	while (!session_is_over(s)) {
		script_say(s, MSG_FINISHED, FINISHED_BODY, 20);
		script_step(s, SESSION_EVENT_FETCH, 20);
		script_say(s, MSG_REFUSED,
			   "{\"job\":7,\"message\":\"FETCH\",\"error\":\"request\",\"text\":\"x\"}",
			   20);
		assert_true(++refusals < 100);
	}
	assert_int_equal(script_last[script_last_count - 1].error.code, BROT_E_REQUEST);
	session_free(s);
}

/* ROWS are counted whatever becomes of them: the broker wants to know what has arrived. */
static void rows_are_counted(void **state)
{
	(void)state;
	struct session *s = script_accepted();
	const struct message other = {.job = 8, .w = 4, .h = 2};
	script_rows(s, &other, 24, 15);
	script_say(s, MSG_FINISHED, FINISHED_BODY, 20);
	assert_string_equal(script_step(s, SESSION_EVENT_FETCH, 20), "send FETCH");
	assert_string_equal(script_last[0].body,
			    "{\"job\":7,\"plane\":0,\"x\":0,\"y\":0,\"w\":4,\"h\":2,\"seen\":1}");
	session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_image),
		cmocka_unit_test(submit_repeats_then_gives_up),
		cmocka_unit_test(silence_ends_a_wait),
		cmocka_unit_test(a_stop_is_no_silence),
		cmocka_unit_test(lost_job_is_submitted_again),
		cmocka_unit_test(busy_submit),
		cmocka_unit_test(failures_are_passed_on),
		cmocka_unit_test(asks_for_workers),
		cmocka_unit_test(wrong_endpoint),
		cmocka_unit_test(cancel_waits_for_the_answer),
		cmocka_unit_test(hostile_bodies),
		cmocka_unit_test(fetched_image),
		cmocka_unit_test(pixels_must_come),
		cmocka_unit_test(random_messages),
		cmocka_unit_test(fetch_slices),
		cmocka_unit_test(unanswered_goes_another_way),
		cmocka_unit_test(restarted_broker),
		cmocka_unit_test(rows_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
