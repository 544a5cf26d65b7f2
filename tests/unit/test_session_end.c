/* test_session_end.c - how a worker ends: drained, terminated, orphaned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/worker_story.h"

static void drain_finishes_what_is_held(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	say_of(s, MSG_DRAIN, SESSION);
	EXPECT(s, "start 7.0.1, start 7.1.1, CREDIT 0");
	say_of(s, MSG_DRAIN, SESSION);
	tile(s, 7, 2); /* crossed the CREDIT */
	wait_until(s, s->now_ms + BEAT_MS);
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "BEAT 0 0, DONE 7.0.1");
	ended(s, 1, 1, BROT_OK);
	EXPECT(s, "DONE 7.1.1, BYE, exit 0");
}

static void sigterm_gives_back_what_has_not_begun(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	terminate(s);
	EXPECT(s, "start 7.0.1, start 7.1.1, CREDIT 0, drop");
	ended(s, 1, 1, BROT_E_CANCELLED);
	EXPECT(s, "");
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "DONE 7.0.1, BYE, exit 0");
}

static void sigterm_of_an_idle_worker_ends_it_at_once(void **state)
{
	struct story *s = *state;
	serve(s);
	terminate(s);
	EXPECT(s, "CREDIT 0, BYE, exit 0");
}

static void sigterm_without_a_broker_ends_it_at_once(void **state)
{
	struct story *s = *state;
	begin(s);
	terminate(s);
	EXPECT(s, "HELLO, exit 0");
}

static void a_second_sigterm_ends_it_at_once(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	say_of(s, MSG_DRAIN, SESSION);
	terminate(s);
	EXPECT(s, "start 7.0.1, CREDIT 0, drop");
	terminate(s);
	EXPECT(s, "BYE, exit 0");
}

static void a_supervised_worker_takes_one_sigterm_only(void **state)
{
	struct story *s = *state;
	const struct session_config config = {.threads = CREDIT - 1, .is_supervised = true};
	session_free(s->session);
	s->session = session_new(&config);
	serve(s);
	tile(s, 7, 0);
	terminate(s);
	terminate(s);
	EXPECT(s, "start 7.0.1, CREDIT 0, drop");
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "DONE 7.0.1, BYE, exit 0");
}

static void an_orphan_says_bye_and_ends_at_once(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	orphan(s);
	EXPECT(s, "start 7.0.1, BYE, exit 0");
}

static void an_orphan_without_a_broker_ends_at_once(void **state)
{
	struct story *s = *state;
	begin(s);
	orphan(s);
	EXPECT(s, "HELLO, exit 0");
}

static void draining_ends_with_the_broker(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	terminate(s);
	say_of(s, MSG_REREGISTER, SESSION);
	EXPECT(s, "start 7.0.1, CREDIT 0, drop, reset, exit 0");
}

static void draining_ends_when_its_job_is_cancelled(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	say_of(s, MSG_DRAIN, SESSION);
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 7});
	EXPECT(s, "start 7.0.1, CREDIT 0, close, BYE, exit 0");
}

/* The broker is away, which nobody here has noticed yet. */
static void sigterm_while_the_broker_is_away_finishes_what_has_begun(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	wait_until(s, s->now_ms + LOST_MS / 2);
	s->trace[0] = '\0';
	terminate(s);
	ended(s, 1, 1, BROT_E_CANCELLED);
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "CREDIT 0, drop, DONE 7.0.1, BYE, exit 0");
}

static void sigterm_of_a_silent_session_ends_when_the_broker_is_lost(void **state)
{
	struct story *s = *state;
	serve(s);
	int64_t heard_ms = s->now_ms;
	tile(s, 7, 0);
	terminate(s);
	wait_until(s, heard_ms + LOST_MS - 1);
	assert_null(strstr(s->trace, "exit"));
	s->trace[0] = '\0';
	wait_until(s, heard_ms + LOST_MS);
	EXPECT(s, "reset, exit 0");
}

static void sigterm_between_two_sessions_ends_it_at_once(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	say_of(s, MSG_REREGISTER, SESSION);
	s->trace[0] = '\0';
	terminate(s);
	EXPECT(s, "exit 0");
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "");
}

/* Told to drain by a broker that then dies: the next one must not get it to serve again. */
static void a_drained_worker_does_not_serve_the_next_broker(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	say_of(s, MSG_DRAIN, SESSION);
	EXPECT(s, "start 7.0.1, CREDIT 0");
	say_of(s, MSG_REREGISTER, SESSION);
	EXPECT(s, "reset, exit 0");
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "");
}

static void a_drained_worker_does_not_take_another_session(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	say_of(s, MSG_DRAIN, SESSION);
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "start 7.0.1, CREDIT 0, reset, exit 0");
	say_of(s, MSG_WELCOME, SESSION + 1);
	EXPECT(s, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(drain_finishes_what_is_held),
		STORY(sigterm_gives_back_what_has_not_begun),
		STORY(sigterm_of_an_idle_worker_ends_it_at_once),
		STORY(sigterm_without_a_broker_ends_it_at_once),
		STORY(a_second_sigterm_ends_it_at_once),
		STORY(a_supervised_worker_takes_one_sigterm_only),
		STORY(an_orphan_says_bye_and_ends_at_once),
		STORY(an_orphan_without_a_broker_ends_at_once),
		STORY(draining_ends_with_the_broker),
		STORY(draining_ends_when_its_job_is_cancelled),
		STORY(sigterm_while_the_broker_is_away_finishes_what_has_begun),
		STORY(sigterm_of_a_silent_session_ends_when_the_broker_is_lost),
		STORY(sigterm_between_two_sessions_ends_it_at_once),
		STORY(a_drained_worker_does_not_serve_the_next_broker),
		STORY(a_drained_worker_does_not_take_another_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
