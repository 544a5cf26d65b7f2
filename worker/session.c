/* session.c - the state machine that session.h draws. */
#include "worker/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_MS         1000
#define BUSY_MS          2000 /* the first pause after a BUSY, doubled up to */
#define BUSY_MAX_MS      30000
#define BEAT_LEAST_MS    20
#define BEAT_MOST_MS     60000
#define LOST_LEAST_BEATS 2
#define LOST_MOST_MS     600000

enum session_state { SESSION_GREETING, SESSION_SERVING, SESSION_DRAINING, SESSION_ENDED };

struct known_job {
	uint64_t id, handle;
	struct session_opened opened;
};

struct held_tile {
	uint64_t handle, job;
	uint32_t phase, tile, attempt;
};

struct session {
	struct session_config config;
	enum session_state state;
	bool is_terminated; /* SIGTERM came */
	uint64_t number;    /* of the session; 0 in GREETING */
	int64_t hello_ms;   /* when the next HELLO is due */
	int64_t hello_sent_ms;
	int64_t busy_ms; /* the pause after the next BUSY */
	int64_t heard_ms, lost_ms;
	int64_t beat_due_ms, beat_ms;
	struct session_progress progress; /* at the last tick */
	int64_t moved_ms;                 /* when its steps were last seen to change */
	uint64_t iterations_before;       /* the session began */
	uint64_t next_handle;
	uint32_t job_count, held_count;
	struct known_job jobs[LIMIT_JOBS];
	struct held_tile held[LIMIT_CREDIT];
};

struct session *session_new(const struct session_config *config)
{
	assert(config->credit >= 1 && config->credit <= LIMIT_CREDIT);
	struct session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->config = *config;
	s->busy_ms = BUSY_MS;
	s->next_handle = 1;
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

/* ---- actions ---- */

static struct session_action *action_add(struct session_actions *out, enum session_action_type type)
{
	assert(out->count < SESSION_ACTIONS_MAX);
	struct session_action *action = &out->list[out->count++];
	memset(action, 0, sizeof *action);
	action->type = type;
	return action;
}

static struct message *send_add(const struct session *s, struct session_actions *out,
				enum message_type type)
{
	struct session_action *action = action_add(out, SESSION_DO_SEND);
	action->message.type = type;
	action->message.session = s->number;
	return &action->message;
}

/* Makes text the body of the message that was added last. */
static void text_set(struct session_actions *out, const char *text)
{
	struct session_action *action = &out->list[out->count - 1];
	(void)snprintf(action->text, sizeof action->text, "%.*s", LIMIT_TEXT_BYTES, text);
	action->message.body = (struct bytes){action->text, strlen(action->text)};
}

static void exit_add(struct session *s, struct session_actions *out, int status)
{
	action_add(out, SESSION_DO_EXIT)->exit_status = status;
	s->state = SESSION_ENDED;
}

static void hello_send(struct session *s, int64_t now_ms, struct session_actions *out)
{
	(void)send_add(s, out, MSG_HELLO);
	s->hello_sent_ms = now_ms;
	s->hello_ms = now_ms + HELLO_MS;
}

static void bye_send(struct session *s, struct session_actions *out)
{
	(void)send_add(s, out, MSG_BYE);
	exit_add(s, out, 0);
}

/* ---- the life of a session ---- */

static void forget_all(struct session *s, struct session_actions *out)
{
	if (s->job_count > 0)
		(void)action_add(out, SESSION_DO_RESET);
	s->job_count = 0;
	s->held_count = 0;
	s->number = 0;
}

static void session_lose(struct session *s, int64_t now_ms, struct session_actions *out)
{
	forget_all(s, out);
	if (s->state == SESSION_DRAINING) {
		exit_add(s, out, 0);
		return;
	}
	s->state = SESSION_GREETING;
	/* A broker that asks at each HELLO to register again shall not make a storm of them. */
	s->hello_ms = s->hello_sent_ms + HELLO_MS;
	if (now_ms >= s->hello_ms)
		hello_send(s, now_ms, out);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static void on_welcome(struct session *s, const struct session_event *event,
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
	forget_all(s, out);
	s->state = SESSION_SERVING;
	s->number = number;
	s->busy_ms = BUSY_MS;
	s->beat_due_ms = event->now_ms + s->beat_ms;
	s->iterations_before = s->progress.iterations;
	action_add(out, SESSION_DO_WELCOMED)->session = number;
	send_add(s, out, MSG_CREDIT)->credit = s->config.credit;
}

static void on_refused(struct session *s, const struct session_event *event,
		       struct session_actions *out)
{
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
	send_add(s, out, MSG_CREDIT)->credit = 0;
}

static void drain_check(struct session *s, struct session_actions *out)
{
	if (s->state == SESSION_DRAINING && s->held_count == 0)
		bye_send(s, out);
}

static void on_terminate(struct session *s, struct session_actions *out)
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
		(void)action_add(out, SESSION_DO_DROP_QUEUED);
	drain_check(s, out);
}

/* ---- jobs ---- */

static struct known_job *job_by_id(struct session *s, uint64_t id)
{
	for (uint32_t i = 0; i < s->job_count; i++)
		if (s->jobs[i].id == id)
			return &s->jobs[i];
	return NULL;
}

static struct known_job *job_by_handle(struct session *s, uint64_t handle)
{
	for (uint32_t i = 0; i < s->job_count; i++)
		if (s->jobs[i].handle == handle)
			return &s->jobs[i];
	return NULL;
}

static void mapped_send(const struct session *s, uint64_t job, const struct session_opened *opened,
			struct session_actions *out)
{
	struct message *mapped = send_add(s, out, MSG_MAPPED);
	mapped->job = job;
	mapped->code = opened->is_mapped ? 0 : 1;
	if (opened->is_mapped)
		memcpy(mapped->nonce, opened->nonce, sizeof mapped->nonce);
	text_set(out, opened->is_mapped ? "" : opened->error.text);
}

static void on_job(struct session *s, const struct message *m, struct session_actions *out)
{
	if (m->job == 0 || job_by_id(s, m->job) != NULL)
		return;
	if (s->job_count == LIMIT_JOBS) {
		struct session_opened refused = {.is_mapped = false};
		(void)error_set(&refused.error, BROT_E_BUSY,
				"job: this worker has %d already, which is its limit", LIMIT_JOBS);
		mapped_send(s, m->job, &refused, out);
		return;
	}
	struct known_job *job = &s->jobs[s->job_count++];
	*job = (struct known_job){.id = m->job, .handle = s->next_handle++};
	(void)error_set(&job->opened.error, BROT_E_INTERNAL, "job: was not opened");
	struct session_action *action = action_add(out, SESSION_DO_OPEN);
	action->job = job->id;
	action->handle = job->handle;
}

static void on_opened(struct session *s, const struct session_opened *opened,
		      struct session_actions *out)
{
	struct known_job *job = job_by_handle(s, opened->handle);
	if (job == NULL)
		return;
	job->opened = *opened;
	mapped_send(s, job->id, opened, out);
}

static void on_cancel(struct session *s, uint64_t id, struct session_actions *out)
{
	struct known_job *job = job_by_id(s, id);
	if (job == NULL)
		return;
	uint64_t handle = job->handle;
	action_add(out, SESSION_DO_CLOSE)->handle = handle;
	*job = s->jobs[--s->job_count];
	uint32_t kept = 0;
	for (uint32_t i = 0; i < s->held_count; i++)
		if (s->held[i].handle != handle)
			s->held[kept++] = s->held[i];
	s->held_count = kept;
}

/* ---- tiles ---- */

static bool is_same_tile(const struct held_tile *held, const struct message *m)
{
	return held->job == m->job && held->phase == m->phase && held->tile == m->tile &&
	       held->attempt == m->attempt;
}

/* Whether the tile can be rendered; *err says why not. */
static bool tile_check(struct session *s, const struct message *m, const struct known_job *job,
		       struct brot_error *err)
{
	const struct rect rect = {m->x, m->y, m->w, m->h};
	if (job == NULL) {
		(void)error_set(err, BROT_E_NOT_FOUND, "job: this worker was not told of job %llu",
				(unsigned long long)m->job);
		return false;
	}
	const struct session_opened *opened = &job->opened;
	if (opened->error.code != BROT_OK) {
		*err = opened->error;
		return false;
	}
	if (m->phase != 0) {
		(void)error_set(err, BROT_E_PROTOCOL, "tile: phase must be 0 for this job, got %u",
				m->phase);
		return false;
	}
	if (!rect_inside(&rect, opened->width_px, opened->height_px)) {
		(void)error_set(err, BROT_E_PROTOCOL,
				"tile: must lie inside %ux%u, got %ux%u at (%u, %u)",
				opened->width_px, opened->height_px, m->w, m->h, m->x, m->y);
		return false;
	}
	uint64_t bytes = (uint64_t)m->w * m->h * opened->pixel_bytes;
	if (!opened->is_mapped && bytes > LIMIT_DATA_BYTES) {
		(void)error_set(err, BROT_E_PROTOCOL,
				"tile: must have at most %d bytes to be sent, got %llu",
				LIMIT_DATA_BYTES, (unsigned long long)bytes);
		return false;
	}
	if (s->held_count >= s->config.credit) {
		(void)error_set(err, BROT_E_BUSY, "tile: this worker gave credit for %u",
				s->config.credit);
		return false;
	}
	return true;
}

static void fail_send(const struct session *s, const struct held_tile *tile,
		      const struct brot_error *error, struct session_actions *out)
{
	struct message *fail = send_add(s, out, MSG_FAIL);
	fail->job = tile->job;
	fail->phase = tile->phase;
	fail->tile = tile->tile;
	fail->attempt = tile->attempt;
	fail->code = (uint32_t)error->code;
	text_set(out, error->text);
}

static void on_tile(struct session *s, const struct message *m, struct session_actions *out)
{
	/* What crossed our CREDIT 0 on its way goes back with the BYE. */
	if (s->state != SESSION_SERVING)
		return;
	for (uint32_t i = 0; i < s->held_count; i++)
		if (is_same_tile(&s->held[i], m))
			return;
	const struct known_job *job = job_by_id(s, m->job);
	struct held_tile tile = {.handle = job != NULL ? job->handle : 0,
				 .job = m->job,
				 .phase = m->phase,
				 .tile = m->tile,
				 .attempt = m->attempt};
	struct brot_error err;
	if (!tile_check(s, m, job, &err)) {
		fail_send(s, &tile, &err, out);
		return;
	}
	s->held[s->held_count++] = tile;
	struct session_action *action = action_add(out, SESSION_DO_START);
	action->handle = tile.handle;
	action->job = tile.job;
	action->phase = tile.phase;
	action->tile = tile.tile;
	action->attempt = tile.attempt;
	action->rect = (struct rect){m->x, m->y, m->w, m->h};
}

static void on_tile_ended(struct session *s, const struct session_ended *ended,
			  struct session_actions *out)
{
	uint32_t i = 0;
	while (i < s->held_count &&
	       (s->held[i].handle != ended->handle || s->held[i].phase != ended->phase ||
		s->held[i].tile != ended->tile || s->held[i].attempt != ended->attempt))
		i++;
	if (i == s->held_count)
		return; /* of a job that was cancelled or lost meanwhile */
	struct held_tile tile = s->held[i];
	s->held[i] = s->held[--s->held_count];

	if (ended->error.code == BROT_OK) {
		struct message *done = send_add(s, out, MSG_DONE);
		done->job = tile.job;
		done->phase = tile.phase;
		done->tile = tile.tile;
		done->attempt = tile.attempt;
		done->digest = ended->digest;
		done->iterations = ended->iterations;
		done->elapsed_us = ended->elapsed_us;
		done->codec = ended->codec;
		done->data = ended->data;
	} else if (ended->error.code != BROT_E_CANCELLED || s->state != SESSION_DRAINING) {
		fail_send(s, &tile, &ended->error, out);
	}
	drain_check(s, out);
}

/* ---- events ---- */

static void on_message(struct session *s, const struct session_event *event,
		       struct session_actions *out)
{
	const struct message *m = event->received.message;
	if (m->type == MSG_WELCOME) {
		on_welcome(s, event, out);
		return;
	}
	if (m->type == MSG_REFUSED) {
		on_refused(s, event, out);
		return;
	}
	if (s->number == 0 || m->session != s->number)
		return;
	s->heard_ms = event->now_ms;
	if (m->type == MSG_JOB) {
		on_job(s, m, out);
	} else if (m->type == MSG_TILE) {
		on_tile(s, m, out);
	} else if (m->type == MSG_CANCEL) {
		on_cancel(s, m->job, out);
		drain_check(s, out);
	} else if (m->type == MSG_DRAIN) {
		drain_begin(s, out);
		drain_check(s, out);
	} else if (m->type == MSG_REREGISTER) {
		session_lose(s, event->now_ms, out);
	}
}

static void on_tick(struct session *s, const struct session_event *event,
		    struct session_actions *out)
{
	int64_t now_ms = event->now_ms;
	if (event->progress.running == 0 || event->progress.steps != s->progress.steps)
		s->moved_ms = now_ms;
	s->progress = event->progress;
	if (s->state == SESSION_GREETING) {
		if (now_ms >= s->hello_ms)
			hello_send(s, now_ms, out);
		return;
	}
	if (now_ms - s->heard_ms >= s->lost_ms) {
		session_lose(s, now_ms, out);
		return;
	}
	if (now_ms < s->beat_due_ms)
		return;
	s->beat_due_ms = now_ms + s->beat_ms;
	if (now_ms - s->moved_ms >= SESSION_STUCK_MS)
		return;
	struct message *beat = send_add(s, out, MSG_BEAT);
	beat->running = s->progress.running;
	beat->iterations = s->progress.iterations - s->iterations_before;
}

void session_step(struct session *s, const struct session_event *event,
		  struct session_actions *ret_actions)
{
	ret_actions->count = 0;
	if (s->state == SESSION_ENDED)
		return;
	switch (event->type) {
	case SESSION_ON_START:
		hello_send(s, event->now_ms, ret_actions);
		break;
	case SESSION_ON_MESSAGE:
		on_message(s, event, ret_actions);
		break;
	case SESSION_ON_UNREADABLE:
		/* A broker of another version answers HELLO in its own. */
		if (s->state == SESSION_GREETING)
			exit_add(s, ret_actions, error_exit_status(event->error.code));
		break;
	case SESSION_ON_OPENED:
		on_opened(s, &event->opened, ret_actions);
		break;
	case SESSION_ON_TILE_ENDED:
		on_tile_ended(s, &event->ended, ret_actions);
		break;
	case SESSION_ON_TICK:
		on_tick(s, event, ret_actions);
		break;
	case SESSION_ON_TERMINATE:
		on_terminate(s, ret_actions);
		break;
	case SESSION_ON_ORPHANED:
		if (s->number != 0)
			bye_send(s, ret_actions);
		else
			exit_add(s, ret_actions, 0);
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
