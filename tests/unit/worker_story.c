/* worker_story.c - feeds a worker's session, and writes down what comes out. */
#include "tests/unit/worker_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
	case SESSION_DO_REVOKE:
		(void)snprintf(text, bytes, "revoke %u.%u.%u", (unsigned)a->job, a->tile,
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

void step(struct story *s, struct session_event *event)
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

/* ---- events ---- */

void say(struct story *s, struct message m)
{
	struct session_event event = {.type = SESSION_ON_MESSAGE};
	event.received.message = &m;
	event.received.beat_ms = BEAT_MS;
	event.received.lost_ms = LOST_MS;
	step(s, &event);
}

void say_of(struct story *s, enum message_type type, uint64_t session)
{
	say(s, (struct message){.type = type, .session = session});
}

void job(struct story *s, uint64_t id)
{
	say(s, (struct message){.type = MSG_JOB, .session = SESSION, .job = id});
}

void opened(struct story *s, uint64_t handle, bool is_mapped)
{
	struct session_event event = {.type = SESSION_ON_OPENED};
	event.opened = (struct session_opened){.handle = handle,
					       .area = {.w = 4000, .h = 2000},
					       .pixel_bytes = 3,
					       .is_mapped = is_mapped};
	if (!is_mapped)
		(void)snprintf(event.opened.error.text, BROT_ERROR_TEXT_BYTES, "why not");
	step(s, &event);
}

void opened_grid(struct story *s, uint64_t handle, bool is_mapped)
{
	struct session_event event = {.type = SESSION_ON_OPENED};
	event.opened = (struct session_opened){.handle = handle,
					       .area = {.w = 1, .h = 50},
					       .is_counted = true,
					       .is_mapped = is_mapped};
	if (!is_mapped) {
		event.opened.rows = (struct rect){.w = 20, .h = 9};
		event.opened.row_pixel_bytes = 8;
		(void)snprintf(event.opened.error.text, BROT_ERROR_TEXT_BYTES, "apart");
	}
	step(s, &event);
}

void tile_rect(struct story *s, uint64_t id, uint32_t tile, uint32_t attempt, struct rect rect)
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

void tile(struct story *s, uint64_t id, uint32_t number)
{
	tile_rect(s, id, number, 1, (struct rect){0, number, 4000, 1});
}

void ended(struct story *s, uint64_t handle, uint32_t number, enum brot_err code)
{
	struct session_event event = {.type = SESSION_ON_TILE_ENDED};
	event.ended = (struct session_ended){.handle = handle, .tile = number, .attempt = 1};
	(void)error_set(&event.ended.error, code, "so");
	step(s, &event);
}

void refused(struct story *s, enum brot_err code, bool is_about_hello)
{
	struct message m = {.type = MSG_REFUSED};
	struct session_event event = {.type = SESSION_ON_MESSAGE};
	event.received.message = &m;
	event.received.code = code;
	event.received.is_about_hello = is_about_hello;
	step(s, &event);
}

void terminate(struct story *s)
{
	struct session_event event = {.type = SESSION_ON_TERMINATE};
	step(s, &event);
}

void orphan(struct story *s)
{
	struct session_event event = {.type = SESSION_ON_ORPHANED};
	step(s, &event);
}

void wait_until(struct story *s, int64_t now_ms)
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

int story_begin(void **state)
{
	struct story *s = calloc(1, sizeof *s);
	const struct session_config config = {.threads = CREDIT - 1};
	s->session = session_new(&config);
	s->now_ms = 5000;
	*state = s;
	return 0;
}

int story_end(void **state)
{
	struct story *s = *state;
	session_free(s->session);
	free(s);
	return 0;
}

void begin(struct story *s)
{
	struct session_event event = {.type = SESSION_ON_START};
	step(s, &event);
}

void serve(struct story *s)
{
	begin(s);
	say_of(s, MSG_WELCOME, SESSION);
	job(s, 7);
	opened(s, 1, true);
	EXPECT(s, "HELLO, welcomed 77, CREDIT 3, open 7, MAPPED 7 0 ");
}
