/* session.c - takes the events of session.h apart, and makes actions. */
#include "worker/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/session_internal.h"

struct session *session_new(const struct session_config *config)
{
	assert(config->threads >= 1 && config->threads < LIMIT_CREDIT);
	struct session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->config = *config;
	s->next_handle = 1;
	session_life_init(s);
	return s;
}

void session_free(struct session *s)
{
	free(s);
}

uint64_t session_number(const struct session *s)
{
	return s->number;
}

bool session_is_draining(const struct session *s)
{
	return s->state == SESSION_DRAINING;
}

uint32_t session_held(const struct session *s)
{
	return s->held_count;
}

/* ---- actions ---- */

struct session_action *session_action_add(struct session_actions *out,
					  enum session_action_type type)
{
	assert(out->count < SESSION_ACTIONS_MAX);
	struct session_action *action = &out->list[out->count++];
	memset(action, 0, sizeof *action);
	action->type = type;
	return action;
}

struct message *session_send_add(const struct session *s, struct session_actions *out,
				 enum message_type type)
{
	struct session_action *action = session_action_add(out, SESSION_DO_SEND);
	action->message.type = type;
	action->message.session = s->number;
	return &action->message;
}

void session_text_set(struct session_actions *out, const char *text)
{
	struct session_action *action = &out->list[out->count - 1];
	(void)snprintf(action->text, sizeof action->text, "%.*s", LIMIT_TEXT_BYTES, text);
	action->message.body = (struct bytes){action->text, strlen(action->text)};
}

/* ---- events ---- */

static void on_message(struct session *s, const struct session_event *event,
		       struct session_actions *out)
{
	const struct message *m = event->received.message;
	if (m->type == MSG_WELCOME) {
		session_on_welcome(s, event, out);
		return;
	}
	if (m->type == MSG_REFUSED) {
		session_on_refused(s, event, out);
		return;
	}
	if (s->number == 0 || m->session != s->number)
		return;
	s->heard_ms = event->now_ms;
	if (m->type == MSG_JOB) {
		session_on_job(s, m, out);
	} else if (m->type == MSG_TILE) {
		session_on_tile(s, m, out);
	} else if (m->type == MSG_CANCEL) {
		session_on_cancel(s, m->job, out);
	} else if (m->type == MSG_REVOKE) {
		session_on_revoke(s, m, out);
	} else if (m->type == MSG_DRAIN) {
		session_on_drain(s, out);
	} else if (m->type == MSG_REREGISTER) {
		session_lose(s, event->now_ms, out);
	}
}

void session_step(struct session *s, const struct session_event *event,
		  struct session_actions *ret_actions)
{
	ret_actions->count = 0;
	if (s->state == SESSION_ENDED)
		return;
	switch (event->type) {
	case SESSION_ON_START:
		session_on_start(s, event->now_ms, ret_actions);
		break;
	case SESSION_ON_MESSAGE:
		on_message(s, event, ret_actions);
		break;
	case SESSION_ON_UNREADABLE:
		session_on_unreadable(s, event->error.code, ret_actions);
		break;
	case SESSION_ON_DENIED:
		session_on_denied(s, event->now_ms, ret_actions);
		break;
	case SESSION_ON_OPENED:
		session_on_opened(s, &event->opened, ret_actions);
		break;
	case SESSION_ON_TILE_ENDED:
		session_on_tile_ended(s, &event->ended, ret_actions);
		break;
	case SESSION_ON_TICK:
		session_on_tick(s, event, ret_actions);
		break;
	case SESSION_ON_TERMINATE:
		session_on_terminate(s, ret_actions);
		break;
	case SESSION_ON_ORPHANED:
		session_on_orphaned(s, ret_actions);
		break;
	}
}

int64_t session_deadline_ms(const struct session *s)
{
	if (s->state == SESSION_GREETING)
		return s->hello_ms;
	if (s->state == SESSION_ENDED)
		return INT64_MAX;
	int64_t lost_ms = s->heard_ms + s->lost_ms;
	return lost_ms < s->beat_due_ms ? lost_ms : s->beat_due_ms;
}
