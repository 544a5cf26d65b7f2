/*
 * test_session_worker.c - stories of a worker's session in virtual time.
 *
 * A story feeds events and compares what came out as text, one word group an action:
 * "HELLO", "CREDIT 3", "open 1", "start 7.0.1", "exit 0".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/session.h"

#define SESSION 77
#define CREDIT  3
#define BEAT_MS 100
#define LOST_MS 1000

struct story {
	struct session *session;
	int64_t now_ms;
	struct session_progress progress;
	char trace[1024];
};

/* ---- telling ---- */

static void trace_action(const struct session_action *a, char *text, size_t bytes)
{
	const struct message *m = &a->message;
	switch (a->type) {
	case SESSION_DO_SEND:
		if (m->type == MSG_CREDIT)
			(void)snprintf(text, bytes, "CREDIT %u", m->credit);
		else if (m->type == MSG_MAPPED)
			(void)snprintf(text, bytes, "MAPPED %u %u %.*s", (unsigned)m->job, m->code,
				       (int)m->body.size, (const char *)m->body.data);
		else if (m->type == MSG_DONE)
			(void)snprintf(text, bytes, "DONE %u.%u.%u", (unsigned)m->job, m->tile,
				       m->attempt);
		else if (m->type == MSG_FAIL)
			(void)snprintf(text, bytes, "FAIL %u.%u.%u %s", (unsigned)m->job, m->tile,
				       m->attempt, brot_err_name((enum brot_err)m->code));
		else if (m->type == MSG_BEAT)
			(void)snprintf(text, bytes, "BEAT %u %u", m->running,
				       (unsigned)m->iterations);
		else
			(void)snprintf(text, bytes, "%s", message_name(m->type));
		break;
	case SESSION_DO_WELCOMED:
		(void)snprintf(text, bytes, "welcomed %u", (unsigned)a->session);
		break;
	case SESSION_DO_OPEN:
		(void)snprintf(text, bytes, "open %u", (unsigned)a->job);
		break;
	case SESSION_DO_CLOSE:
		(void)snprintf(text, bytes, "close");
		break;
	case SESSION_DO_RESET:
		(void)snprintf(text, bytes, "reset");
		break;
	case SESSION_DO_START:
		(void)snprintf(text, bytes, "start %u.%u.%u", (unsigned)a->job, a->tile,
			       a->attempt);
		break;
	case SESSION_DO_DROP_QUEUED:
		(void)snprintf(text, bytes, "drop");
		break;
	case SESSION_DO_EXIT:
		(void)snprintf(text, bytes, "exit %d", a->exit_status);
		break;
	}
}

static void step(struct story *s, struct session_event *event)
{
	struct session_actions actions;
	event->now_ms = s->now_ms;
	session_step(s->session, event, &actions);
	for (unsigned i = 0; i < actions.count; i++) {
		char text[300];
		trace_action(&actions.list[i], text, sizeof text);
		size_t used = strlen(s->trace);
		(void)snprintf(s->trace + used, sizeof s->trace - used, "%s%s",
			       used > 0 ? ", " : "", text);
		const struct message *m = &actions.list[i].message;
		if (actions.list[i].type == SESSION_DO_SEND && m->type != MSG_HELLO)
			assert_int_not_equal(m->session, 0);
	}
}

#define EXPECT(s, text)                                \
	do {                                           \
		assert_string_equal((s)->trace, text); \
		(s)->trace[0] = '\0';                  \
	} while (0)

/* ---- events ---- */

static void say(struct story *s, struct message m)
{
	struct session_event event = {.type = SESSION_ON_MESSAGE};
	event.received.message = &m;
	event.received.beat_ms = BEAT_MS;
	event.received.lost_ms = LOST_MS;
	step(s, &event);
}

static void say_of(struct story *s, enum message_type type, uint64_t session)
{
	say(s, (struct message){.type = type, .session = session});
}

static void job(struct story *s, uint64_t id)
{
	say(s, (struct message){.type = MSG_JOB, .session = SESSION, .job = id});
}

static void opened(struct story *s, uint64_t handle, bool is_mapped)
{
	struct session_event event = {.type = SESSION_ON_OPENED};
	event.opened = (struct session_opened){.handle = handle,
					       .width_px = 4000,
					       .height_px = 2000,
					       .pixel_bytes = 3,
					       .is_mapped = is_mapped};
	if (!is_mapped)
		(void)snprintf(event.opened.error.text, BROT_ERROR_TEXT_BYTES, "why not");
	step(s, &event);
}

static void tile_rect(struct story *s, uint64_t id, uint32_t tile, uint32_t attempt,
		      struct rect rect)
{
	say(s, (struct message){.type = MSG_TILE,
				.session = SESSION,
				.job = id,
				.tile = tile,
				.attempt = attempt,
				.x = rect.x,
				.y = rect.y,
				.w = rect.w,
				.h = rect.h});
}

static void tile(struct story *s, uint64_t id, uint32_t number)
{
	tile_rect(s, id, number, 1, (struct rect){0, number, 4000, 1});
}

static void ended(struct story *s, uint64_t handle, uint32_t number, enum brot_err code)
{
	struct session_event event = {.type = SESSION_ON_TILE_ENDED};
	event.ended = (struct session_ended){.handle = handle, .tile = number, .attempt = 1};
	(void)error_set(&event.ended.error, code, "so");
	step(s, &event);
}

static void refused(struct story *s, enum brot_err code, bool is_about_hello)
{
	struct message m = {.type = MSG_REFUSED};
	struct session_event event = {.type = SESSION_ON_MESSAGE};
	event.received.message = &m;
	event.received.code = code;
	event.received.is_about_hello = is_about_hello;
	step(s, &event);
}

static void terminate(struct story *s)
{
	struct session_event event = {.type = SESSION_ON_TERMINATE};
	step(s, &event);
}

/* Lets time pass as the link does: a tick at each deadline. */
static void wait_until(struct story *s, int64_t now_ms)
{
	struct session_event event = {.type = SESSION_ON_TICK};
	while (session_deadline_ms(s->session) <= now_ms) {
		int64_t due_ms = session_deadline_ms(s->session);
		s->now_ms = due_ms > s->now_ms ? due_ms : s->now_ms;
		event.progress = s->progress;
		step(s, &event);
		assert_true(session_deadline_ms(s->session) > s->now_ms);
	}
	s->now_ms = now_ms;
}

static int setup(void **state)
{
	struct story *s = calloc(1, sizeof *s);
	const struct session_config config = {.credit = CREDIT};
	s->session = session_new(&config);
	s->now_ms = 5000;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct story *s = *state;
	session_free(s->session);
	free(s);
	return 0;
}

static void begin(struct story *s)
{
	struct session_event event = {.type = SESSION_ON_START};
	step(s, &event);
}

/* Up to a session with one mapped job, 7, whose handle is 1. */
static void serve(struct story *s)
{
	begin(s);
	say_of(s, MSG_WELCOME, SESSION);
	job(s, 7);
	opened(s, 1, true);
	EXPECT(s, "HELLO, welcomed 77, CREDIT 3, open 7, MAPPED 7 0 ");
}

/* ---- stories ---- */

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

static void a_refused_hello_ends_the_worker(void **state)
{
	struct story *s = *state;
	begin(s);
	refused(s, BROT_E_DENIED, false);
	EXPECT(s, "HELLO");
	refused(s, BROT_E_DENIED, true);
	EXPECT(s, "exit 77");
	say_of(s, MSG_WELCOME, SESSION);
	EXPECT(s, "");
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

static void tiles_are_rendered_and_answered(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	EXPECT(s, "start 7.0.1, start 7.1.1");
	ended(s, 1, 1, BROT_OK);
	ended(s, 1, 0, BROT_E_SYSTEM);
	EXPECT(s, "DONE 7.1.1, FAIL 7.0.1 system");
	ended(s, 1, 1, BROT_OK);
	EXPECT(s, "");
}

static void a_job_without_its_image_is_rendered_all_the_same(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened(s, 2, false);
	tile(s, 8, 0);
	EXPECT(s, "open 8, MAPPED 8 1 why not, start 8.0.1");
	/* But not what would not fit into a message: 4000 x 2000 x 3 bytes. */
	tile_rect(s, 8, 1, 1, (struct rect){0, 0, 4000, 2000});
	tile_rect(s, 7, 1, 1, (struct rect){0, 0, 4000, 2000});
	EXPECT(s, "FAIL 8.1.1 protocol, start 7.1.1");
}

static void a_job_that_cannot_be_opened_gives_its_tiles_back(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	struct session_event event = {.type = SESSION_ON_OPENED};
	event.opened.handle = 2;
	(void)error_set(&event.opened.error, BROT_E_REQUEST, "view: too deep");
	step(s, &event);
	tile(s, 8, 0);
	EXPECT(s, "open 8, MAPPED 8 1 view: too deep, FAIL 8.0.1 request");
}

static void a_hostile_broker_gets_fail_or_nothing(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 9, 0);
	EXPECT(s, "FAIL 9.0.1 not_found");
	static const struct rect outside[] = {
		{0, 0, 0, 1},
		{0, 0, 1, 0},
		{4000, 0, 1, 1},
		{0, 2000, 1, 1},
		{1, 0, 4000, 1},
		{0, 1999, 1, 2},
		{1, 1, UINT32_MAX, UINT32_MAX},
		{UINT32_MAX, UINT32_MAX, 2, 2},
	};
	for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
		tile_rect(s, 7, 0, 1, outside[i]);
		EXPECT(s, "FAIL 7.0.1 protocol");
	}
	tile(s, 7, 0);
	tile(s, 7, 0);
	EXPECT(s, "start 7.0.1");
	tile_rect(s, 7, 0, 2, (struct rect){0, 0, 4000, 1});
	tile(s, 7, 1);
	EXPECT(s, "start 7.0.2, start 7.1.1");
	tile(s, 7, 2);
	EXPECT(s, "FAIL 7.2.1 busy");
	job(s, 7);
	job(s, 0);
	say_of(s, MSG_DRAIN, SESSION + 1);
	say_of(s, MSG_REREGISTER, 0);
	say(s, (struct message){.type = MSG_TILE, .job = 7, .tile = 5, .w = 1, .h = 1});
	EXPECT(s, "");
}

static void jobs_are_bounded(void **state)
{
	struct story *s = *state;
	serve(s);
	for (unsigned i = 1; i < LIMIT_JOBS; i++) {
		job(s, 100 + i);
		opened(s, 1 + i, true);
		s->trace[0] = '\0';
	}
	job(s, 9999);
	EXPECT(s, "MAPPED 9999 1 job: this worker has 256 already, which is its limit");
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 7});
	job(s, 9999);
	EXPECT(s, "close, open 9999");
}

static void cancel_drops_tiles_without_an_answer(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened(s, 2, true);
	for (uint32_t i = 0; i < 2; i++)
		tile(s, 7, i);
	tile(s, 8, 0);
	EXPECT(s, "open 8, MAPPED 8 0 , start 7.0.1, start 7.1.1, start 8.0.1");
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 7});
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 7});
	ended(s, 1, 0, BROT_E_CANCELLED);
	ended(s, 1, 1, BROT_OK);
	EXPECT(s, "close");
	/* The same job again is another one: late results of the first are not taken for its. */
	job(s, 7);
	opened(s, 3, true);
	tile(s, 7, 0);
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "open 7, MAPPED 7 0 , start 7.0.1");
	ended(s, 3, 0, BROT_OK);
	ended(s, 2, 0, BROT_OK);
	EXPECT(s, "DONE 7.0.1, DONE 8.0.1");
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

static void beats_follow_the_rendering(void **state)
{
	struct story *s = *state;
	serve(s);
	s->progress.iterations = 10;
	wait_until(s, s->now_ms + BEAT_MS);
	EXPECT(s, "BEAT 0 10");
	say_of(s, MSG_WELCOME, SESSION);
	tile(s, 7, 0);
	s->progress = (struct session_progress){.running = 1, .steps = 1, .iterations = 20};
	wait_until(s, s->now_ms + BEAT_MS);
	EXPECT(s, "start 7.0.1, BEAT 1 20");
	/* Stuck: in the end no beat, until it moves again. */
	for (int64_t stuck_ms = 0; stuck_ms < SESSION_STUCK_MS; stuck_ms += BEAT_MS) {
		s->trace[0] = '\0';
		say_of(s, MSG_WELCOME, SESSION);
		wait_until(s, s->now_ms + BEAT_MS);
	}
	EXPECT(s, "");
	s->progress.steps = 2;
	wait_until(s, s->now_ms + BEAT_MS);
	EXPECT(s, "BEAT 1 20");
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
	const struct session_config config = {.credit = CREDIT, .is_supervised = true};
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

static void orphan(struct story *s)
{
	struct session_event event = {.type = SESSION_ON_ORPHANED};
	step(s, &event);
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

/* Any order of anything: no assert fails, the deadline lies ahead, no more tiles than credit. */
static void random_events_do_no_harm(void **state)
{
	struct story *s = *state;
	static const enum message_type types[] = {MSG_WELCOME, MSG_JOB,  MSG_TILE,      MSG_TILE,
						  MSG_CANCEL,  MSG_TILE, MSG_REREGISTER};
	uint64_t seed = 12345, handle = 0;
	int started = 0, done = 0;
	begin(s);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		unsigned r = (unsigned)(seed >> 33);
		s->trace[0] = '\0';
		if (r % 4 == 0) {
			opened(s, handle + (r >> 8) % 3, r % 8 == 0);
		} else if (r % 4 == 1) {
			ended(s, handle - (r >> 8) % 3, (r >> 4) % 4,
			      (r >> 20) % 3 == 0 ? BROT_E_CANCELLED : BROT_OK);
		} else if (r % 16 == 2) {
			wait_until(s, s->now_ms + (r >> 8) % 60);
		} else {
			unsigned type = (r >> 4) % 32;
			say(s, (struct message){.type = type < 6 ? types[type] : MSG_TILE,
						.session = SESSION + ((r >> 24) % 16 == 0),
						.job = (r >> 10) % 4,
						.tile = (r >> 12) % 4,
						.attempt = 1,
						.x = (r >> 14) % 2 * 3999,
						.w = (r >> 15) % 3,
						.h = 1});
		}
		if (strstr(s->trace, "open") != NULL)
			opened(s, ++handle, r % 2 == 0);
		started += strstr(s->trace, "start") != NULL;
		done += strstr(s->trace, "DONE") != NULL;
		assert_null(strstr(s->trace, "exit"));
		assert_true(session_deadline_ms(s->session) >= s->now_ms);
	}
	assert_true(started > 1000 && done > 100);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(hello_is_repeated_until_welcome),
		STORY(a_busy_broker_is_asked_with_growing_pauses),
		STORY(a_refused_hello_ends_the_worker),
		STORY(another_version_ends_the_worker_before_its_session_only),
		STORY(tiles_are_rendered_and_answered),
		STORY(a_job_without_its_image_is_rendered_all_the_same),
		STORY(a_job_that_cannot_be_opened_gives_its_tiles_back),
		STORY(a_hostile_broker_gets_fail_or_nothing),
		STORY(jobs_are_bounded),
		STORY(cancel_drops_tiles_without_an_answer),
		STORY(reregister_starts_a_new_life),
		STORY(another_welcome_starts_a_new_life),
		STORY(beats_follow_the_rendering),
		STORY(a_silent_broker_is_lost),
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
		STORY(nonsense_times_are_clamped),
		STORY(random_events_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
