/* test_session_life.c - how a worker's session begins, lasts and is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/worker_story.h"

static void hello_is_repeated_until_welcome(void **state)
{
	struct story *s = *state;
	begin(s);
	wait_until(s, 7999);
	EXPECT(s, "HELLO, HELLO, HELLO");
	assert_int_equal(session_number(s->session), 0);
	say_of(s, MSG_WELCOME, SESSION);
	EXPECT(s, "welcomed 77, CREDIT 3");
	assert_int_equal(session_number(s->session), SESSION);
	/* The answers to the other HELLOs. */
	say_of(s, MSG_WELCOME, SESSION);
	say_of(s, MSG_WELCOME, 0);
	EXPECT(s, "");
}

static void a_busy_broker_is_asked_with_growing_pauses(void **state)
{
	struct story *s = *state;
	begin(s);
	for (int64_t pause_ms = 2000; pause_ms <= 16000; pause_ms *= 2) {
		EXPECT(s, "HELLO");
		refused(s, BROT_E_BUSY, true);
		wait_until(s, s->now_ms + pause_ms - 1);
		EXPECT(s, "");
		wait_until(s, s->now_ms + 1);
	}
	EXPECT(s, "HELLO");
	say_of(s, MSG_WELCOME, SESSION);
	EXPECT(s, "welcomed 77, CREDIT 3");
}

static void deny(struct story *s)
{
	struct session_event event = {.type = SESSION_ON_DENIED};
	step(s, &event);
}

/* The pause before the next HELLO. */
static void expect_pause(struct story *s, int64_t pause_ms)
{
	EXPECT(s, "");
	wait_until(s, s->now_ms + pause_ms - 1);
	EXPECT(s, "");
	wait_until(s, s->now_ms + 1);
	EXPECT(s, "HELLO");
}

static void a_refused_hello_ends_the_worker(void **state)
{
	struct story *s = *state;
	begin(s);
	refused(s, BROT_E_REQUEST, false);
	EXPECT(s, "HELLO");
	refused(s, BROT_E_REQUEST, true);
	EXPECT(s, "exit 65");
	say_of(s, MSG_WELCOME, SESSION);
	EXPECT(s, "");
}

static void who_is_denied_tries_again_and_again(void **state)
{
	struct story *s = *state;
	begin(s);
	EXPECT(s, "HELLO");
	for (int64_t pause_ms = 1000; pause_ms < 500000; pause_ms *= 2) {
		if (pause_ms % 8000 == 0)
			deny(s);
		else
			refused(s, BROT_E_DENIED, true);
		expect_pause(s, pause_ms < 60000 ? pause_ms : 60000);
	}
	say_of(s, MSG_WELCOME, SESSION);
	EXPECT(s, "welcomed 77, CREDIT 3");
	/* From the beginning, then. */
	deny(s);
	expect_pause(s, 1000);
	terminate(s);
	EXPECT(s, "exit 0");
}

static void a_key_that_is_taken_away_ends_the_session(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	EXPECT(s, "start 7.0.1");
	refused(s, BROT_E_DENIED, false);
	EXPECT(s, "reset");
	refused(s, BROT_E_DENIED, false); /* of what was on its way */
	expect_pause(s, 1000);
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "welcomed 78, CREDIT 3");
}

static void who_is_draining_and_denied_has_nothing_left_to_do(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	EXPECT(s, "start 7.0.1");
	terminate(s);
	s->trace[0] = '\0';
	deny(s);
	EXPECT(s, "reset, exit 0");
}

static void another_version_ends_the_worker_before_its_session_only(void **state)
{
	struct story *s = *state;
	struct session_event event = {.type = SESSION_ON_UNREADABLE};
	event.error.code = BROT_E_PROTOCOL;
	begin(s);
	say_of(s, MSG_WELCOME, SESSION);
	EXPECT(s, "HELLO, welcomed 77, CREDIT 3");
	step(s, &event);
	refused(s, BROT_E_PROTOCOL, true);
	EXPECT(s, "");
	say_of(s, MSG_REREGISTER, SESSION);
	step(s, &event);
	EXPECT(s, "exit 76");
}

static void reregister_starts_a_new_life(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	wait_until(s, s->now_ms + 50);
	say_of(s, MSG_REREGISTER, SESSION);
	EXPECT(s, "start 7.0.1, reset");
	/* Not at once: HELLO was said 50 ms ago. */
	wait_until(s, 6000);
	EXPECT(s, "HELLO");
	ended(s, 1, 0, BROT_E_CANCELLED);
	EXPECT(s, "");
	say_of(s, MSG_WELCOME, SESSION + 1);
	tile(s, 7, 0);
	EXPECT(s, "welcomed 78, CREDIT 3");
	say(s, (struct message){.type = MSG_TILE,
				.session = SESSION + 1,
				.job = 7,
				.attempt = 1,
				.w = 1,
				.h = 1});
	EXPECT(s, "FAIL 7.0.1 not_found");
}

static void another_welcome_starts_a_new_life(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "start 7.0.1, reset, welcomed 78, CREDIT 3");
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "");
}

static void a_late_finish_does_not_enter_the_next_session(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	say_of(s, MSG_REREGISTER, SESSION);
	wait_until(s, 6000);
	EXPECT(s, "start 7.0.1, start 7.1.1, reset, HELLO");
	ended(s, 1, 0, BROT_OK);
	say_of(s, MSG_WELCOME, SESSION + 1);
	/* The same job, and the same tile, in the new session. */
	say(s, (struct message){.type = MSG_JOB, .session = SESSION + 1, .job = 7});
	opened(s, 2, true);
	say(s, (struct message){.type = MSG_TILE,
				.session = SESSION + 1,
				.job = 7,
				.tile = 1,
				.attempt = 1,
				.w = 1,
				.h = 1});
	EXPECT(s, "welcomed 78, CREDIT 3, open 7, MAPPED 7 0 , start 7.1.1");
	ended(s, 1, 1, BROT_OK);
	ended(s, 1, 1, BROT_E_SYSTEM);
	EXPECT(s, "");
	ended(s, 2, 1, BROT_OK);
	EXPECT(s, "DONE 7.1.1");
}

/* A broker that was killed and is back at once answers the next BEAT with REREGISTER. */
static void a_restarted_broker_is_greeted_within_a_beat(void **state)
{
	struct story *s = *state;
	serve(s);
	wait_until(s, s->now_ms + 900);
	say_of(s, MSG_WELCOME, SESSION);
	s->trace[0] = '\0';
	wait_until(s, s->now_ms + BEAT_MS);
	EXPECT(s, "BEAT 0 0");
	say_of(s, MSG_REREGISTER, SESSION);
	EXPECT(s, "reset, HELLO");
	/* To those BEATs that were under way too; they are of no session any more. */
	say_of(s, MSG_REREGISTER, SESSION);
	say_of(s, MSG_REREGISTER, SESSION);
	EXPECT(s, "");
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "welcomed 78, CREDIT 3");
}

static void beats_follow_the_rendering(void **state)
{
	struct story *s = *state;
	serve(s);
	s->progress.iterations = 10;
	wait_until(s, s->now_ms + BEAT_MS);
	EXPECT(s, "BEAT 0 10");
	say_of(s, MSG_WELCOME, SESSION);
	tile(s, 7, 0);
	s->progress = (struct session_progress){.running = 1, .iterations = 20};
	wait_until(s, s->now_ms + BEAT_MS);
	EXPECT(s, "start 7.0.1, BEAT 1 20");
	/* The only one that renders is stuck: no beat, until it moves again. */
	s->progress.stuck = 1;
	say_of(s, MSG_WELCOME, SESSION);
	wait_until(s, s->now_ms + 3 * BEAT_MS);
	EXPECT(s, "CREDIT 2");
	s->progress.stuck = 0;
	wait_until(s, s->now_ms + BEAT_MS);
	EXPECT(s, "CREDIT 3, BEAT 1 20");
}

static void rendering(struct story *s, uint32_t running, uint32_t stuck, uint32_t lost)
{
	s->progress.running = running;
	s->progress.stuck = stuck;
	s->progress.lost = lost;
	s->trace[0] = '\0';
	say_of(s, MSG_WELCOME, SESSION);
	wait_until(s, s->now_ms + BEAT_MS);
}

static void a_stuck_thread_costs_its_credit_only(void **state)
{
	struct story *s = *state;
	serve(s);
	rendering(s, 2, 1, 0);
	EXPECT(s, "CREDIT 2, BEAT 2 0");
	rendering(s, 2, 1, 0);
	EXPECT(s, "BEAT 2 0");
	/* Its tile was revoked; the other thread has nothing to do. */
	rendering(s, 1, 0, 1);
	EXPECT(s, "BEAT 1 0");
	rendering(s, 0, 0, 0);
	EXPECT(s, "CREDIT 3, BEAT 0 0");
}

static void a_draining_worker_gives_no_credit_for_threads_that_move_again(void **state)
{
	struct story *s = *state;
	serve(s);
	rendering(s, 2, 1, 0);
	tile(s, 7, 0);
	say_of(s, MSG_DRAIN, SESSION);
	EXPECT(s, "CREDIT 2, BEAT 2 0, start 7.0.1, CREDIT 0");
	rendering(s, 2, 0, 0);
	EXPECT(s, "BEAT 2 0");
}

/* A worker that cannot render is silent, in its session and after it. */
static void a_worker_whose_threads_are_all_stuck_is_silent(void **state)
{
	struct story *s = *state;
	serve(s);
	rendering(s, 2, 1, 1);
	EXPECT(s, "CREDIT 1");
	/* Cancelled or not: whatever it takes would wait for ever. */
	rendering(s, 2, 0, 2);
	EXPECT(s, "");
	wait_until(s, s->now_ms + LOST_MS);
	EXPECT(s, "reset");
	wait_until(s, s->now_ms + 10000);
	EXPECT(s, "");
	s->progress.lost = 1;
	wait_until(s, s->now_ms + 1000);
	EXPECT(s, "HELLO");
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "welcomed 78, CREDIT 2");
}

static void a_silent_broker_is_lost(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	EXPECT(s, "start 7.0.1");
	int64_t heard_ms = s->now_ms;
	wait_until(s, heard_ms + 500);
	say_of(s, MSG_WELCOME, SESSION); /* the echo of a beat */
	wait_until(s, heard_ms + 500 + LOST_MS - 1);
	assert_null(strstr(s->trace, "reset"));
	s->trace[0] = '\0';
	wait_until(s, heard_ms + 500 + LOST_MS);
	EXPECT(s, "reset, HELLO");
	wait_until(s, s->now_ms + 2000);
	EXPECT(s, "HELLO, HELLO");
}

static void nonsense_times_are_clamped(void **state)
{
	struct story *s = *state;
	struct message m = {.type = MSG_WELCOME, .session = SESSION};
	struct session_event event = {.type = SESSION_ON_MESSAGE};
	event.received.message = &m;
	event.received.beat_ms = -5;
	event.received.lost_ms = INT64_MIN;
	begin(s);
	step(s, &event);
	assert_true(session_deadline_ms(s->session) > s->now_ms);
	event.received.beat_ms = INT64_MAX;
	event.received.lost_ms = INT64_MAX;
	step(s, &event);
	assert_true(session_deadline_ms(s->session) > s->now_ms);
	assert_true(session_deadline_ms(s->session) < s->now_ms + 3600000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(hello_is_repeated_until_welcome),
		STORY(a_busy_broker_is_asked_with_growing_pauses),
		STORY(a_refused_hello_ends_the_worker),
		STORY(who_is_denied_tries_again_and_again),
		STORY(who_is_draining_and_denied_has_nothing_left_to_do),
		STORY(a_key_that_is_taken_away_ends_the_session),
		STORY(another_version_ends_the_worker_before_its_session_only),
		STORY(reregister_starts_a_new_life),
		STORY(another_welcome_starts_a_new_life),
		STORY(a_late_finish_does_not_enter_the_next_session),
		STORY(a_restarted_broker_is_greeted_within_a_beat),
		STORY(beats_follow_the_rendering),
		STORY(a_stuck_thread_costs_its_credit_only),
		STORY(a_draining_worker_gives_no_credit_for_threads_that_move_again),
		STORY(a_worker_whose_threads_are_all_stuck_is_silent),
		STORY(a_silent_broker_is_lost),
		STORY(nonsense_times_are_clamped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
