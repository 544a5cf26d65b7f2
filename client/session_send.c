/* session_send.c - what a client says, as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/session_internal.h"

static int64_t watch_interval_ms(const struct session *s)
{
	int64_t interval_ms = s->timeout_ms / 4;
	return interval_ms < SESSION_WATCH_MS ? interval_ms : SESSION_WATCH_MS;
}

/* Counts what the broker should answer. A connection that the network has forgotten stays open at
 * this end, and what is sent over it comes late or never. Returns whether a new one is taken. */
static bool expect_answer(struct session *s)
{
	bool is_new = s->unanswered == SESSION_UNANSWERED;
	if (is_new) {
		(void)session_act(s, SESSION_RECONNECT);
		s->unanswered = 0;
	}
	s->unanswered++;
	return is_new;
}

static void send_body(struct session *s, enum message_type type, const char *before,
		      const char *after)
{
	struct session_action *action = session_act(s, SESSION_SEND);
	int chars = snprintf(action->body, sizeof action->body, "{%s%" PRIu64 "%s}", before, s->job,
			     after);
	action->message = (struct message){.type = type, .body = {action->body, (size_t)chars}};
}

void session_send_job(struct session *s, enum message_type type)
{
	send_body(s, type, "\"job\":", "");
}

void session_send_ask(struct session *s)
{
	(void)expect_answer(s);
	if (s->is_attaching)
		session_send_job(s, MSG_ATTACH);
	else
		session_act(s, SESSION_SEND)->message = (struct message){
			.type = MSG_SUBMIT, .body = {s->submit, strlen(s->submit)}};
	s->ask_at_ms = s->now_ms + SESSION_SUBMIT_MS;
}

void session_send_watch(struct session *s)
{
	if (expect_answer(s) && s->state == STATE_WAITING && session_is_banded(s)) {
		s->unanswered = 0;
		session_ask_again(s);
		return;
	}
	send_body(s, MSG_WATCH, "\"jobs\":[", "]");
	s->watch_at_ms = s->now_ms + watch_interval_ms(s);
}

void session_send_release_band(struct session *s, uint32_t band)
{
	char rest[32];
	(void)snprintf(rest, sizeof rest, ",\"band\":%" PRIu32, band);
	send_body(s, MSG_RELEASE, "\"job\":", rest);
}

/* Nobody has a tile of the job: is there anybody at all? */
void session_send_status(struct session *s)
{
	static const char body[] = "{}";
	if (s->now_ms < s->status_at_ms)
		return;
	session_act(s, SESSION_SEND)->message = (struct message){.type = MSG_STATUS,
								 .body = {body, 2}};
	s->status_at_ms = s->now_ms + SESSION_STATUS_MS;
}

void session_send_fetches(struct session *s)
{
	struct fetch_piece piece;
	while (fetch_next(&s->fetch, s->now_ms, &piece)) {
		char rest[SESSION_BODY_BYTES - 32];
		(void)snprintf(rest, sizeof rest,
			       ",\"plane\":%" PRIu32 ",\"x\":%" PRIu32 ",\"y\":%" PRIu32
			       ",\"w\":%" PRIu32 ",\"h\":%" PRIu32 ",\"seen\":%" PRIu64,
			       piece.plane, piece.rect.x, piece.rect.y, piece.rect.w, piece.rect.h,
			       s->rows_seen);
		send_body(s, MSG_FETCH, "\"job\":", rest);
	}
}
