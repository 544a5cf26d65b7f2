/* session_tile.c - the jobs that a session was told of, and the tiles it holds. */
#include <stdio.h>
#include <string.h>

#include "worker/session_internal.h"

/* With no thread stuck: each renders a tile, and one waits. */
static uint32_t credit_most(const struct session *s)
{
	return s->config.threads + 1;
}

uint32_t session_credit(const struct session *s)
{
	uint32_t out_of_use = s->progress.stuck + s->progress.lost;
	return out_of_use < credit_most(s) ? credit_most(s) - out_of_use : 0;
}

void session_forget(struct session *s, struct session_actions *out)
{
	if (s->job_count > 0)
		(void)session_action_add(out, SESSION_DO_RESET);
	s->job_count = 0;
	s->held_count = 0;
}

bool session_has_counts(const struct session *s)
{
	for (uint32_t i = 0; i < s->job_count; i++)
		if (s->jobs[i].has_counted && s->jobs[i].opened.rows.h > 0)
			return true;
	return false;
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
	struct message *mapped = session_send_add(s, out, MSG_MAPPED);
	mapped->job = job;
	mapped->code = opened->is_mapped ? 0 : 1;
	if (opened->is_mapped)
		memcpy(mapped->nonce, opened->nonce, sizeof mapped->nonce);
	session_text_set(out, opened->is_mapped ? "" : opened->error.text);
}

void session_on_job(struct session *s, const struct message *m, struct session_actions *out)
{
	if (m->job == 0 || job_by_id(s, m->job) != NULL)
		return;
	if (s->job_count == KNOWN_JOBS) {
		struct session_opened refused = {.is_mapped = false};
		(void)error_set(&refused.error, BROT_E_BUSY,
				"job: this worker has %d already, which is its limit", KNOWN_JOBS);
		mapped_send(s, m->job, &refused, out);
		return;
	}
	struct known_job *job = &s->jobs[s->job_count++];
	*job = (struct known_job){.id = m->job, .handle = s->next_handle++};
	(void)error_set(&job->opened.error, BROT_E_INTERNAL, "job: was not opened");
	struct session_action *action = session_action_add(out, SESSION_DO_OPEN);
	action->job = job->id;
	action->handle = job->handle;
}

void session_on_opened(struct session *s, const struct session_opened *opened,
		       struct session_actions *out)
{
	struct known_job *job = job_by_handle(s, opened->handle);
	if (job == NULL)
		return;
	job->opened = *opened;
	mapped_send(s, job->id, opened, out);
}

void session_on_cancel(struct session *s, uint64_t id, struct session_actions *out)
{
	struct known_job *job = job_by_id(s, id);
	if (job == NULL)
		return;
	uint64_t handle = job->handle;
	session_action_add(out, SESSION_DO_CLOSE)->handle = handle;
	*job = s->jobs[--s->job_count];
	uint32_t kept = 0;
	for (uint32_t i = 0; i < s->held_count; i++)
		if (s->held[i].handle != handle)
			s->held[kept++] = s->held[i];
	s->held_count = kept;
	session_drain_check(s, out);
}

/* ---- tiles ---- */

static bool is_same_tile(const struct held_tile *held, const struct message *m)
{
	return held->job == m->job && held->phase == m->phase && held->tile == m->tile &&
	       held->attempt == m->attempt;
}

static bool is_inside(const struct message *m, const struct rect *area)
{
	if (m->x < area->x || m->y < area->y)
		return false;
	const struct rect rect = {m->x - area->x, m->y - area->y, m->w, m->h};
	return rect_inside(&rect, area->w, area->h);
}

/* Whether the tile can be rendered; *err says why not. */
static bool tile_check(struct session *s, const struct message *m, const struct known_job *job,
		       struct brot_error *err)
{
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
	bool is_rows = m->phase == 1 && opened->rows.h > 0;
	const struct rect *area = is_rows ? &opened->rows : &opened->area;
	if (m->phase != 0 && !is_rows) {
		(void)error_set(err, BROT_E_PROTOCOL, "tile: phase must be 0 for this job, got %u",
				m->phase);
		return false;
	}
	if (!is_inside(m, area) || (is_rows && m->w != area->w)) {
		(void)error_set(err, BROT_E_PROTOCOL,
				"tile: must lie inside %ux%u at (%u, %u), got %ux%u at (%u, %u)",
				area->w, area->h, area->x, area->y, m->w, m->h, m->x, m->y);
		return false;
	}
	uint64_t bytes = (uint64_t)m->w * m->h *
			 (is_rows ? opened->row_pixel_bytes : opened->pixel_bytes);
	if (!opened->is_mapped && bytes > LIMIT_DATA_BYTES) {
		(void)error_set(err, BROT_E_PROTOCOL,
				"tile: must have at most %d bytes to be sent, got %llu",
				LIMIT_DATA_BYTES, (unsigned long long)bytes);
		return false;
	}
	/* While threads are stuck less was promised, but what is on its way is welcome; and so are
	 * those who come for counts before we leave. */
	bool is_leaving = is_rows && s->state == SESSION_DRAINING;
	if (s->held_count >= (is_leaving ? LIMIT_CREDIT : credit_most(s))) {
		(void)error_set(err, BROT_E_BUSY, "tile: this worker gave credit for %u",
				credit_most(s));
		return false;
	}
	return true;
}

static void fail_send(const struct session *s, const struct held_tile *tile,
		      const struct brot_error *error, struct session_actions *out)
{
	struct message *fail = session_send_add(s, out, MSG_FAIL);
	fail->job = tile->job;
	fail->phase = tile->phase;
	fail->tile = tile->tile;
	fail->attempt = tile->attempt;
	fail->code = (uint32_t)error->code;
	session_text_set(out, error->text);
}

/* What crossed our CREDIT 0 on its way goes back with the BYE; but of a grid nothing must be out
 * then. */
static void give_back(const struct session *s, const struct known_job *job, const struct message *m,
		      struct session_actions *out)
{
	const struct held_tile tile = {
		.job = m->job, .phase = m->phase, .tile = m->tile, .attempt = m->attempt};
	struct brot_error err;
	if (job == NULL || !job->opened.is_counted)
		return;
	(void)error_set(&err, BROT_E_CANCELLED, "tile: this worker is leaving");
	fail_send(s, &tile, &err, out);
}

void session_on_tile(struct session *s, const struct message *m, struct session_actions *out)
{
	const struct known_job *job = job_by_id(s, m->job);
	bool is_rows = job != NULL && job->opened.rows.h > 0 && m->phase == 1;
	if (s->state != SESSION_SERVING && s->state != SESSION_DRAINING)
		return;
	if (s->state == SESSION_DRAINING && !is_rows) {
		give_back(s, job, m, out);
		return;
	}
	for (uint32_t i = 0; i < s->held_count; i++)
		if (is_same_tile(&s->held[i], m))
			return;
	struct held_tile tile = {.handle = job != NULL ? job->handle : 0,
				 .job = m->job,
				 .phase = m->phase,
				 .tile = m->tile,
				 .attempt = m->attempt,
				 .is_counted = job != NULL && job->opened.is_counted};
	struct brot_error err;
	if (!tile_check(s, m, job, &err)) {
		fail_send(s, &tile, &err, out);
		return;
	}
	s->held[s->held_count++] = tile;
	struct session_action *action = session_action_add(out, SESSION_DO_START);
	action->handle = tile.handle;
	action->job = tile.job;
	action->phase = tile.phase;
	action->tile = tile.tile;
	action->attempt = tile.attempt;
	action->rect = (struct rect){m->x, m->y, m->w, m->h};
}

void session_on_revoke(struct session *s, const struct message *m, struct session_actions *out)
{
	uint32_t i = 0;
	while (i < s->held_count && !is_same_tile(&s->held[i], m))
		i++;
	if (i == s->held_count)
		return; /* its answer crossed the REVOKE */
	struct session_action *action = session_action_add(out, SESSION_DO_REVOKE);
	action->handle = s->held[i].handle;
	action->job = m->job;
	action->phase = m->phase;
	action->tile = m->tile;
	action->attempt = m->attempt;
	s->held[i] = s->held[--s->held_count];
	session_drain_check(s, out);
}

void session_on_tile_ended(struct session *s, const struct session_ended *ended,
			   struct session_actions *out)
{
	uint32_t i = 0;
	while (i < s->held_count &&
	       (s->held[i].handle != ended->handle || s->held[i].phase != ended->phase ||
		s->held[i].tile != ended->tile || s->held[i].attempt != ended->attempt))
		i++;
	if (i == s->held_count)
		return; /* revoked, or of a job that was cancelled or lost meanwhile */
	struct held_tile tile = s->held[i];
	s->held[i] = s->held[--s->held_count];
	struct known_job *job = job_by_handle(s, tile.handle);

	if (ended->error.code == BROT_OK) {
		job->has_counted |= tile.is_counted && tile.phase == 0;
		struct message *done = session_send_add(s, out, MSG_DONE);
		done->job = tile.job;
		done->phase = tile.phase;
		done->tile = tile.tile;
		done->attempt = tile.attempt;
		done->digest = ended->digest;
		done->iterations = ended->iterations;
		done->elapsed_us = ended->elapsed_us;
		done->codec = ended->codec;
		done->data = ended->data;
	} else if (ended->error.code != BROT_E_CANCELLED || s->state != SESSION_DRAINING ||
		   tile.is_counted) {
		fail_send(s, &tile, &ended->error, out);
	}
	session_drain_check(s, out);
}
