/* inbox_ended.c - what clients ask about jobs that have ended. */
#include <string.h>

#include "broker/restore.h"
#include "broker/server_internal.h"
#include "proto/sys/clock.h"
#include "proto/sys/log.h"

enum brot_err ended_find(const struct server *server, uint64_t job, struct store_job *ret_ended,
			 struct brot_error *err)
{
	if (server->config->store == NULL)
		return BROT_E_NOT_FOUND;
	enum brot_err code = store_find_ended(server->config->store, job, ret_ended, err);
	if (code != BROT_OK && code != BROT_E_NOT_FOUND)
		log_line(LOG_LEVEL_WARNING, "the history cannot be read: %s", err->text);
	return code;
}

bool ended_refuse_key(struct server *server, uint64_t peer, const uint8_t key[SCHED_KEY_BYTES])
{
	uint64_t job;
	enum job_end end;
	struct brot_error why;
	if (server->config->store == NULL)
		return false;
	enum brot_err code = store_find_key(server->config->store, key, &job, &end, &why);
	if (code == BROT_E_NOT_FOUND || (code == BROT_OK && end != JOB_END_RELEASED))
		return false;
	if (code == BROT_OK)
		error_set(&why, BROT_E_REQUEST,
			  "key: job %llu, which it made, was finished and released",
			  (unsigned long long)job);
	outbox_refuse(server, peer, &why, 0);
	return true;
}

void ended_explain(const struct store_job *ended, struct brot_error *ret_why)
{
	unsigned long long id = ended->job;
	/* Its client submits it again, as one that is not known. */
	if (ended->end == JOB_END_ABANDONED)
		error_set(ret_why, BROT_E_NOT_FOUND,
			  "job: %llu was abandoned: no client watched it", id);
	else if (ended->code != BROT_OK)
		error_set(ret_why, ended->code, "%s", ended->text);
	else if (ended->end == JOB_END_CANCELLED)
		error_set(ret_why, BROT_E_CANCELLED, "the job was cancelled");
	else if (ended->end == JOB_END_EXPIRED)
		error_set(ret_why, BROT_E_NOT_FOUND,
			  "job: %llu was finished, and its retention has ended", id);
	else
		error_set(ret_why, BROT_E_NOT_FOUND, "job: %llu was finished and released", id);
}

void ended_tell(struct server *server, uint64_t peer, const struct store_job *ended)
{
	struct brot_error why;
	struct message m = {.type = MSG_FAILED};
	ended_explain(ended, &why);
	if (server->message->type == MSG_ATTACH)
		outbox_refuse(server, peer, &why, ended->job);
	else
		outbox_send(server, peer, &m, report_failed(ended->job, why.code, why.text));
}

static enum brot_err revive(struct server *server, const struct store_job *row,
			    struct brot_error *err)
{
	struct catalog_job job;
	if (row->end == JOB_END_RELEASED)
		return error_set(err, BROT_E_REQUEST,
				 "job: %llu was released and cannot be tried again: submit another",
				 (unsigned long long)row->job);
	enum brot_err code = restore_plan(server, row, &job, err);
	if (code == BROT_OK)
		code = sched_check_room(server->sched, row->client, inbox_owner_jobs(server),
					&job.plan, err);
	if (code == BROT_OK)
		code = journal_revive(server->journal, row->job, err);
	if (code != BROT_OK)
		return code;
	/* As one that failed, for the RETRY. */
	struct store_job fresh = {
		.job = row->job,
		.priority = row->priority,
		.is_kept = true,
		.accepted_ms = clock_unix_ms(),
		.finished_ms = clock_unix_ms(),
		.code = row->code != BROT_OK ? row->code : BROT_E_CANCELLED,
	};
	memcpy(fresh.key, row->key, sizeof fresh.key);
	memcpy(fresh.client, row->client, sizeof fresh.client);
	memcpy(fresh.text, row->text, sizeof fresh.text);
	const uint8_t *bits[LIMIT_OPEN_BANDS] = {NULL};
	return restore_step(server, &job, &fresh, bits, err);
}

void ended_revive(struct server *server, uint64_t peer, const struct store_job *ended)
{
	struct brot_error why;
	if (revive(server, ended, &why) != BROT_OK) {
		outbox_refuse(server, peer, &why, ended->job);
		return;
	}
	struct sched_event event = {
		.type = EVENT_RETRY, .now_ms = server->now_ms, .peer = peer, .job = ended->job};
	server_step(server, &event);
}

struct rows {
	json_t *list;
	bool tell_owner;
};

static void add_row(const struct store_job *job, void *context)
{
	struct rows *rows = context;
	json_array_append_new(rows->list, report_history_row(job, rows->tell_owner));
}

void ended_list(struct server *server, uint64_t peer, uint32_t limit, uint64_t before)
{
	struct rows rows = {json_array(), (server->who.roles & ROLE_ADMIN) != 0};
	struct brot_error why;
	enum brot_err code = BROT_OK;
	if (server->config->store != NULL)
		code = store_each_ended(server->config->store, limit, before, add_row, &rows, &why);
	if (code != BROT_OK) {
		json_decref(rows.list);
		outbox_refuse(server, peer, &why, 0);
		return;
	}
	outbox_report(server, peer, report_history(rows.list));
}
