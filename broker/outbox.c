/* outbox.c - the scheduler's actions as messages, images and log lines. */
#include <stdlib.h>
#include <string.h>

#include "broker/grids.h"
#include "broker/server_internal.h"
#include "proto/sys/clock.h"
#include "proto/sys/log.h"
#include "proto/sys/steps.h"

/* What a full queue means: a worker that does not read its tiles has to start again; a client asks
 * again by WATCH or FETCH. */
static void note_lost(struct server *server, uint64_t peer)
{
	for (size_t i = 0; i < server->lost_count; i++)
		if (server->lost_peers[i] == peer)
			return;
	if (server->lost_count < LOST_PEERS_MAX)
		server->lost_peers[server->lost_count++] = peer;
}

bool outbox_send(struct server *server, uint64_t peer, struct message *m, char *body)
{
	if (body != NULL)
		m->body = (struct bytes){body, strlen(body)};
	enum peer_side side;
	struct sock_route route;
	enum sock_result result = SOCK_GONE;
	if (peers_route(server->peers, peer, &side, &route)) {
		result = sock_send(server->sockets[side], &route, m);
		if (result == SOCK_OK)
			peers_count_sent(server->peers, peer, m->body.size);
		else if (side == SIDE_WORKER)
			note_lost(server, peer);
		if (result != SOCK_OK && log_enabled(LOG_LEVEL_DEBUG))
			log_line(LOG_LEVEL_DEBUG, "not sent message=%s peer=%llu result=%d",
				 message_name(m->type), (unsigned long long)peer, (int)result);
	}
	free(body);
	return result == SOCK_OK;
}

static char *refusal_text(struct server *server, const struct brot_error *why, uint64_t job)
{
	const char *name = server->message != NULL ? message_name(server->message->type) : NULL;
	metrics_refused(&server->metrics, why->code);
	if (why->code == BROT_E_DENIED)
		denials_log(&server->denials, &server->who, why->text, server->now_ms);
	return report_refused(why->code, why->text, name, server->key, job);
}

void outbox_refuse(struct server *server, uint64_t peer, const struct brot_error *why, uint64_t job)
{
	struct message m = {.type = MSG_REFUSED};
	outbox_send(server, peer, &m, refusal_text(server, why, job));
}

void outbox_turn_away(struct server *server, enum peer_side side, const struct sock_route *route,
		      const struct brot_error *why)
{
	struct message m = {.type = MSG_REFUSED};
	char *body = refusal_text(server, why, 0);
	m.body = (struct bytes){body, strlen(body)};
	/* Whoever does not read it loses it. */
	if (denials_may_answer(&server->denials, server->now_ms))
		(void)sock_send(server->sockets[side], route, &m);
	free(body);
}

void outbox_report(struct server *server, uint64_t peer, char *body)
{
	struct message m = {.type = MSG_REPORT};
	struct brot_error why;
	if (peers_may_report(server->peers, peer, strlen(body))) {
		outbox_send(server, peer, &m, body);
		return;
	}
	free(body);
	error_set(&why, BROT_E_BUSY,
		  "this connection may have %d answers of over %d bytes on their way: try later, "
		  "or over another one",
		  LIMIT_LARGE_REPORTS, LIMIT_SMALL_REPORT_BYTES);
	outbox_refuse(server, peer, &why, 0);
}

/* False where there is no image to tell of. */
static bool card_make(const struct server *server, uint64_t work, struct job_card *ret_card)
{
	const struct catalog_job *job = catalog_find(server->catalog, work_job(work));
	const struct image *image = images_find(server->images, work);
	if (job == NULL)
		return false;
	struct job_card card = {.work = work, .request = &job->request, .plan = &job->plan};
	if (image != NULL) {
		card.image_name = image->shm.name;
		card.image_bytes = image_total_bytes(image);
		memcpy(card.nonce, image->nonce, sizeof card.nonce);
	}
	*ret_card = card;
	return image != NULL;
}

static void send_job(struct server *server, const struct sched_action *action)
{
	struct job_card card;
	struct message m = {.type = MSG_JOB, .session = action->session, .job = action->work};
	bool has_image = card_make(server, action->work, &card);
	/* A worker may count into its own memory. */
	if (has_image || (card.plan != NULL && work_is_grid(action->work)))
		outbox_send(server, action->peer, &m, report_job(&card));
}

static void send_accepted(struct server *server, const struct sched_action *action)
{
	struct job_card card = {0};
	struct message m = {.type = MSG_ACCEPTED};
	bool has_image = card_make(server, work_id(action->job, 0), &card);
	if (card.plan == NULL)
		return;
	if (has_image || card.plan->band_count > 1) {
		outbox_send(server, action->peer, &m, report_accepted(&card, server->key));
		step_reached("job-accepted");
		return;
	}
	/* One of an earlier life, whose image went with the host. */
	struct brot_error why;
	if (action->report.state == JOB_FAILED)
		error_set(&why, action->report.code, "job: %llu has failed, and may be tried again",
			  (unsigned long long)action->job);
	else
		error_set(&why, BROT_E_BUSY,
			  "job: the image of %llu waits for shared memory: try later",
			  (unsigned long long)action->job);
	outbox_refuse(server, action->peer, &why, action->job);
}

static void send_band(struct server *server, const struct sched_action *action)
{
	struct job_card card;
	struct message m = {.type = MSG_BAND};
	if (card_make(server, action->work, &card))
		outbox_send(server, action->peer, &m, report_band(&card));
}

/* TILE and REVOKE; a tile's rows count from the top of the picture. */
static void send_tile(struct server *server, const struct sched_action *action)
{
	const struct catalog_job *job = catalog_find(server->catalog, work_job(action->tile.work));
	if (job == NULL)
		return;
	uint64_t work = action->tile.work;
	uint32_t first = work_is_grid(work) ? 0 : plan_band_first(&job->plan, work_band(work));
	struct message m = {
		.type = action->type == ACTION_TILE ? MSG_TILE : MSG_REVOKE,
		.session = action->session,
		.job = action->tile.work,
		.phase = action->tile.phase,
		.tile = action->tile.tile,
		.attempt = action->tile.attempt,
		.x = action->rect.x,
		.y = action->rect.y + first,
		.w = action->rect.w,
		.h = action->rect.h,
	};
	outbox_send(server, action->peer, &m, NULL);
}

/* The row of a job just submitted. */
static enum brot_err store_new_job(struct server *server, const struct job_report *report,
				   const struct image_id *id, struct brot_error *err)
{
	const struct catalog_job *job = server->submit;
	if (server->submit_text == NULL)
		return BROT_OK;
	struct store_job row = {
		.job = job->job,
		.request = server->submit_text,
		.request_bytes = strlen(server->submit_text),
		.priority = report->priority,
		.is_kept = report->is_kept,
		.band_rows = job->plan.band_rows,
		.pixels = report->pixels,
		.accepted_ms = clock_unix_ms(),
	};
	memcpy(row.key, job->key, sizeof row.key);
	memcpy(row.client, report->client, sizeof row.client);
	memcpy(row.owner, job->owner, sizeof row.owner);
	enum brot_err code = journal_add(server->journal, &row, id, err);
	if (code == BROT_OK)
		step_reached("job-stored");
	return code;
}

/* Of the phase that writes the image. */
static size_t plan_bits_bytes(const struct plan *plan, uint64_t work)
{
	struct segment_grid grid = plan_band_grid(plan, plan->phase_count - 1, work_band(work));
	return (segment_count(&grid) + 7) / 8;
}

/* The store knows of an image before it is made, so that a broker killed in between leaves none
 * that nobody knows. */
static enum brot_err create_image(struct server *server, const struct sched_action *action,
				  struct brot_error *err)
{
	server->created_bits_bytes = 0;
	uint64_t id = work_job(action->work);
	const struct catalog_job *job = catalog_find(server->catalog, id);
	const struct image_id image = image_id_draw();
	enum brot_err code;
	bool is_new = job == NULL;
	if (!is_new) {
		code = journal_add_image(server->journal, action->work, &image, err);
	} else {
		if (server->submit == NULL || server->submit->job != id)
			return error_set(err, BROT_E_INTERNAL, "job: %llu has no request",
					 (unsigned long long)id);
		code = store_new_job(server, &action->report, &image, err);
		if (code != BROT_OK)
			return code;
		catalog_add(server->catalog, server->submit);
		job = catalog_find(server->catalog, id);
	}
	if (code != BROT_OK)
		return code;
	code = (action->is_sum ? images_make_sum : images_make)(server->images, action->work,
								&job->plan, &image, err);
	if (code != BROT_OK) {
		journal_image_gone(server->journal, action->work);
		return code;
	}
	step_reached("image-made");
	if (work_is_grid(action->work))
		return BROT_OK;
	if (!is_new && saves_load(server, job, images_find(server->images, action->work)))
		server->created_bits_bytes = plan_bits_bytes(&job->plan, action->work);
	return BROT_OK;
}

/* The segment goes before its row in the store: a broker killed in between finds a name without a
 * segment, while the other way round it would leave a segment that nobody knows. */
static void drop_image(struct server *server, uint64_t work)
{
	if (!images_drop(server->images, work))
		return;
	step_reached("image-dropped");
	if (!work_is_grid(work))
		saves_drop(server, work);
	journal_image_gone(server->journal, work);
}

/* From here on a restarted broker finds these samples. */
static void commit(struct server *server, const struct sched_action *action)
{
	struct image *grid = images_find(server->images, action->work);
	server->committed_work = action->work;
	if (grid == NULL || !image_is_grid(grid))
		server->committed_code = error_set(&server->committed_error, BROT_E_INTERNAL,
						   "grid: is not there");
	else
		server->committed_code = grids_commit(grid, action->bits, action->bits_bytes,
						      &server->committed_error);
	step_reached("grid-committed");
}

static void end(struct server *server, const struct sched_action *action)
{
	saves_drop_job(server, &action->report);
	journal_end(server->journal, action);
}

static void record(struct server *server, const struct sched_action *action)
{
	if (action->report.state == JOB_FINISHED) {
		step_reached("job-finished-marked");
		if (action->report.is_kept)
			saves_begin(server, work_id(action->job, 0));
	}
	journal_record(server->journal, action);
}

/* Pixels that came with the DONE were unpacked before the step. The last phase writes the image. */
static void apply(struct server *server, const struct sched_action *action)
{
	struct image *image = images_find(server->images, action->tile.work);
	const struct catalog_job *job = catalog_find(server->catalog, work_job(action->tile.work));
	if (image == NULL || job == NULL || action->tile.phase + 1 != job->plan.phase_count)
		return;
	step_reached("tile-applied");
	image_mark(image, &action->rect);
	step_reached("tile-marked");
}

static void refuse(struct server *server, const struct sched_action *action)
{
	struct brot_error why = {.code = action->code};
	memcpy(why.text, action->text, sizeof why.text);
	outbox_refuse(server, action->peer, &why, action->job);
}

static void send_plain(struct server *server, const struct sched_action *action,
		       enum message_type type)
{
	struct message m = {.type = type, .session = action->session, .job = action->work};
	outbox_send(server, action->peer, &m, NULL);
}

static void tell_worker(struct server *server, const struct sched_action *action)
{
	const struct sched_limits *limits = &server->config->limits;
	struct message m = {.type = MSG_WELCOME, .session = action->session};
	if (action->type == ACTION_WELCOME)
		outbox_send(server, action->peer, &m,
			    report_welcome(limits->beat_ms, limits->lost_ms));
	else if (action->type == ACTION_JOB)
		send_job(server, action);
	else if (action->type == ACTION_TILE || action->type == ACTION_REVOKE)
		send_tile(server, action);
	else if (action->type == ACTION_CANCEL)
		send_plain(server, action, MSG_CANCEL);
	else if (action->type == ACTION_DRAIN)
		send_plain(server, action, MSG_DRAIN);
	else
		send_plain(server, action, MSG_REREGISTER);
}

static void tell_client(struct server *server, const struct sched_action *action)
{
	struct message m = {.type = MSG_REPORT};
	if (action->type == ACTION_ACCEPTED) {
		send_accepted(server, action);
	} else if (action->type == ACTION_PROGRESS) {
		m.type = MSG_PROGRESS;
		outbox_send(server, action->peer, &m, report_progress(&action->report));
	} else if (action->type == ACTION_FINISHED) {
		m.type = MSG_FINISHED;
		outbox_send(server, action->peer, &m, report_finished(&action->report));
		step_reached("finished-told");
	} else if (action->type == ACTION_FAILED) {
		m.type = MSG_FAILED;
		outbox_send(server, action->peer, &m,
			    report_failed(action->job, action->code, action->text));
	} else if (action->type == ACTION_BAND) {
		send_band(server, action);
	} else if (action->type == ACTION_CANCELLED) {
		outbox_send(server, action->peer, &m, report_cancelled(action->job));
	} else if (action->type == ACTION_CHANGED) {
		outbox_send(server, action->peer, &m, report_changed(&action->report));
	} else {
		outbox_send(server, action->peer, &m, report_draining(action->count));
	}
}

/* What changes images and store. */
static void carry_inward(struct server *server, const struct sched_action *action)
{
	if (action->type == ACTION_APPLY)
		apply(server, action);
	else if (action->type == ACTION_COMMIT)
		commit(server, action);
	else if (action->type == ACTION_DROP_IMAGE)
		drop_image(server, action->work);
	else if (action->type == ACTION_RECORD)
		record(server, action);
	else if (action->type == ACTION_END)
		end(server, action);
}

/* What a client, or a new worker, has caused says by whom. */
static void log_note(const struct server *server, const char *text)
{
	const struct message *m = server->message;
	bool is_caused = m != NULL && (m->type == MSG_HELLO ||
				       doors_look(m->type, ROLE_CLIENT | ROLE_ADMIN) != DOOR_SHUT);
	if (is_caused)
		log_line(LOG_LEVEL_INFO, "%s by=%s", text, server->who.name);
	else
		log_line(LOG_LEVEL_INFO, "%s", text);
}

static void carry_outward(struct server *server, const struct sched_action *action)
{
	switch (action->type) {
	case ACTION_WELCOME:
	case ACTION_JOB:
	case ACTION_TILE:
	case ACTION_REVOKE:
	case ACTION_CANCEL:
	case ACTION_DRAIN:
	case ACTION_REREGISTER:
		tell_worker(server, action);
		break;
	case ACTION_ACCEPTED:
	case ACTION_PROGRESS:
	case ACTION_FINISHED:
	case ACTION_FAILED:
	case ACTION_BAND:
	case ACTION_CANCELLED:
	case ACTION_CHANGED:
	case ACTION_DRAINING:
		tell_client(server, action);
		break;
	case ACTION_REFUSE:
		refuse(server, action);
		break;
	case ACTION_CREATE_IMAGE:
		server->created_work = action->work;
		server->created_code = create_image(server, action, &server->created_error);
		break;
	case ACTION_SUM:
		server->sum = *action;
		break;
	case ACTION_END:
		catalog_remove(server->catalog, action->job);
		break;
	case ACTION_NOTE:
		log_note(server, action->text);
		break;
	case ACTION_APPLY:
	case ACTION_COMMIT:
	case ACTION_COUNTED:
	case ACTION_DROP_IMAGE:
	case ACTION_RECORD:
	case ACTION_TYPE_COUNT:
		break;
	}
}

/* Done, but not what an answer would promise. */
static void refuse_unstored(struct server *server, const struct sched_action *action,
			    const struct brot_error *trouble)
{
	struct brot_error why;
	error_set(&why, trouble->code,
		  "job: what was asked of %llu holds only until this broker ends: %s",
		  (unsigned long long)action->job, trouble->text);
	outbox_refuse(server, action->peer, &why, action->job);
}

void outbox_carry_out(struct server *server, const struct sched_actions *actions)
{
	for (size_t i = 0; i < actions->count; i++)
		carry_inward(server, &actions->items[i]);
	/* What a verb is answered with is stored: a kill after this takes nothing back. Of tiles
	 * and pictures the images tell the next life. */
	(void)journal_flush(server->journal);
	const struct brot_error *trouble = journal_trouble(server->journal);
	for (size_t i = 0; i < actions->count; i++) {
		const struct sched_action *action = &actions->items[i];
		bool is_promise = action->type == ACTION_CANCELLED ||
				  action->type == ACTION_CHANGED;
		if (is_promise && trouble != NULL)
			refuse_unstored(server, action, trouble);
		else
			carry_outward(server, action);
	}
}
