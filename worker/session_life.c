/* session_life.c - how a worker's session begins, goes on and ends. */
#include "worker/session_internal.h"

#define HELLO_MS         1000
#define BUSY_MS          2000 /* the first pause after a BUSY, doubled up to */
#define BUSY_MAX_MS      30000
#define DENIED_MS        1000 /* likewise after a denial */
#define DENIED_MAX_MS    60000
#define BEAT_LEAST_MS    20
#define BEAT_MOST_MS     60000
#define LOST_LEAST_BEATS 2
#define LOST_MOST_MS     600000

void session_life_init(struct session *s)
{
	s->busy_ms = BUSY_MS;
	s->denied_ms = DENIED_MS;
}

static void exit_add(struct session *s, struct session_actions *out, int status)
{
	session_action_add(out, SESSION_DO_EXIT)->exit_status = status;
	s->state = SESSION_ENDED;
}

static void hello_send(struct session *s, int64_t now_ms, struct session_actions *out)
{
	(void)session_send_add(s, out, MSG_HELLO);
	s->hello_sent_ms = now_ms;
	s->hello_ms = now_ms + HELLO_MS;
}

void session_on_start(struct session *s, int64_t now_ms, struct session_actions *out)
{
	hello_send(s, now_ms, out);
}

static void bye_send(struct session *s, struct session_actions *out)
{
	(void)session_send_add(s, out, MSG_BYE);
	exit_add(s, out, 0);
}

/* Asks to be taken, if it is time to. One whose threads are all stuck could only waste tiles. */
static void hello_check(struct session *s, int64_t now_ms, struct session_actions *out)
{
	if (now_ms < s->hello_ms)
		return;
	if (s->progress.stuck + s->progress.lost >= s->config.threads)
		s->hello_ms = now_ms + HELLO_MS;
	else
		hello_send(s, now_ms, out);
}

static void credit_send(struct session *s, struct session_actions *out)
{
	s->credit_told = session_credit(s);
	session_send_add(s, out, MSG_CREDIT)->credit = s->credit_told;
}

/* ---- the life of a session ---- */

void session_lose(struct session *s, int64_t now_ms, struct session_actions *out)
{
	session_forget(s, out);
	s->number = 0;
	if (s->state == SESSION_DRAINING) {
		exit_add(s, out, 0);
		return;
	}
	s->state = SESSION_GREETING;
	/* A broker that asks at each HELLO to register again shall not make a storm of them. */
	s->hello_ms = s->hello_sent_ms + HELLO_MS;
	hello_check(s, now_ms, out);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

void session_on_welcome(struct session *s, const struct session_event *event,
			struct session_actions *out)
{
	uint64_t number = event->received.message->session;
	if (number == 0)
		return;
	s->beat_ms = clamp(event->received.beat_ms, BEAT_LEAST_MS, BEAT_MOST_MS);
	s->lost_ms = clamp(event->received.lost_ms, LOST_LEAST_BEATS * s->beat_ms, LOST_MOST_MS);
	s->heard_ms = event->now_ms;
	if (number == s->number)
		return;
	if (s->state == SESSION_DRAINING) {
		session_lose(s, event->now_ms, out);
		return;
	}
	session_forget(s, out);
	s->state = SESSION_SERVING;
	s->number = number;
	s->busy_ms = BUSY_MS;
	s->denied_ms = DENIED_MS;
	s->beat_due_ms = event->now_ms + s->beat_ms;
	s->iterations_before = s->progress.iterations;
	session_action_add(out, SESSION_DO_WELCOMED)->session = number;
	credit_send(s, out);
}

/* Somebody may be about to let us in: a key that is being replaced, a broker that takes over from
 * who is there now. What we hold has gone elsewhere, and nobody would hear us. */
void session_on_denied(struct session *s, int64_t now_ms, struct session_actions *out)
{
	bool was_draining = s->state == SESSION_DRAINING;
	session_forget(s, out);
	s->number = 0;
	s->state = SESSION_GREETING;
	s->hello_ms = now_ms + s->denied_ms;
	s->denied_ms = clamp(2 * s->denied_ms, DENIED_MS, DENIED_MAX_MS);
	if (was_draining)
		exit_add(s, out, 0);
}

void session_on_refused(struct session *s, const struct session_event *event,
			struct session_actions *out)
{
	bool is_in_session = s->state == SESSION_SERVING || s->state == SESSION_DRAINING;
	/* In a session an answer to an early HELLO is an old one. */
	if (event->received.code == BROT_E_DENIED &&
	    event->received.is_about_hello == (s->state == SESSION_GREETING) &&
	    (is_in_session || s->state == SESSION_GREETING)) {
		session_on_denied(s, event->now_ms, out);
		return;
	}
	/* In a session the broker has said why it ignored something; that changes nothing here. */
	if (s->state != SESSION_GREETING || !event->received.is_about_hello)
		return;
	if (event->received.code == BROT_E_BUSY) {
		s->hello_ms = event->now_ms + s->busy_ms;
		s->busy_ms = clamp(2 * s->busy_ms, BUSY_MS, BUSY_MAX_MS);
		return;
	}
	enum brot_err code = event->received.code;
	exit_add(s, out, error_exit_status(code == BROT_OK ? BROT_E_PROTOCOL : code));
}

static void drain_begin(struct session *s, struct session_actions *out)
{
	if (s->state != SESSION_SERVING)
		return;
	s->state = SESSION_DRAINING;
	session_send_add(s, out, MSG_CREDIT)->credit = 0;
}

void session_drain_check(struct session *s, struct session_actions *out)
{
	if (s->state == SESSION_DRAINING && s->held_count == 0 && !session_has_counts(s))
		bye_send(s, out);
}

void session_on_terminate(struct session *s, struct session_actions *out)
{
	if (s->state == SESSION_GREETING) {
		exit_add(s, out, 0);
		return;
	}
	if (s->is_terminated) {
		if (!s->config.is_supervised)
			bye_send(s, out);
		return;
	}
	s->is_terminated = true;
	drain_begin(s, out);
	if (s->held_count > 0)
		(void)session_action_add(out, SESSION_DO_DROP_QUEUED);
	session_drain_check(s, out);
}

void session_on_drain(struct session *s, struct session_actions *out)
{
	drain_begin(s, out);
	session_drain_check(s, out);
}

void session_on_orphaned(struct session *s, struct session_actions *out)
{
	if (s->number != 0)
		bye_send(s, out);
	else
		exit_add(s, out, 0);
}

void session_on_unreadable(struct session *s, enum brot_err code, struct session_actions *out)
{
	/* A broker of another version answers HELLO in its own. */
	if (s->state == SESSION_GREETING)
		exit_add(s, out, error_exit_status(code));
}

/* ---- time ---- */

/* Whether no thread can render, or none moves that renders what somebody waits for. */
static bool is_stuck(const struct session *s)
{
	uint32_t out_of_use = s->progress.stuck + s->progress.lost;
	return out_of_use >= s->config.threads ||
	       (s->progress.stuck > 0 && out_of_use >= s->progress.running);
}

/* Nobody comes for what it has counted. */
static bool waits_in_vain(struct session *s, int64_t now_ms)
{
	if (s->state != SESSION_DRAINING || s->held_count > 0) {
		s->empty_ms = 0;
		return false;
	}
	if (s->empty_ms == 0)
		s->empty_ms = now_ms;
	return now_ms - s->empty_ms >= LIMIT_COUNTS_MS;
}

void session_on_tick(struct session *s, const struct session_event *event,
		     struct session_actions *out)
{
	int64_t now_ms = event->now_ms;
	s->progress = event->progress;
	if (s->state == SESSION_GREETING) {
		hello_check(s, now_ms, out);
		return;
	}
	if (now_ms - s->heard_ms >= s->lost_ms) {
		session_lose(s, now_ms, out);
		return;
	}
	if (waits_in_vain(s, now_ms)) {
		bye_send(s, out);
		return;
	}
	if (s->state == SESSION_SERVING && session_credit(s) != s->credit_told)
		credit_send(s, out);
	if (now_ms < s->beat_due_ms)
		return;
	s->beat_due_ms = now_ms + s->beat_ms;
	if (is_stuck(s))
		return;
	struct message *beat = session_send_add(s, out, MSG_BEAT);
	beat->running = s->progress.running;
	beat->iterations = s->progress.iterations - s->iterations_before;
}
