/* inbox_client.c - what clients say. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/checkpoint.h"
#include "broker/server_internal.h"
#include "broker/sum.h"
#include "proto/sys/steps.h"

/* A new job as the catalogue will have it. *ret_text is the request as the store gets it, which
 * the caller frees, or NULL without a store. */
static enum brot_err submit_prepare(struct server *server, const struct submit *submit,
				    struct catalog_job *ret_job, char **ret_text,
				    struct brot_error *err)
{
	const struct plan_budget budget = {
		.image_bytes = server->config->limits.image_bytes,
		.wrap = server->config->grid_wrap,
		/* Numbers may be wanted all at once. */
		.whole_bytes = submit->is_kept || format_info(submit->request.format)->is_data
				       ? 0
				       : LIMIT_WHOLE_BYTES,
	};
	struct catalog_job job = {.request = submit->request};
	memcpy(job.key, submit->key, sizeof job.key);
	memcpy(job.owner, server->who.name, sizeof job.owner);
	enum brot_err code = plan_make(&submit->request, &budget, &job.plan, err);
	if (code != BROT_OK)
		return code;
	*ret_text = NULL;
	if (server->config->store != NULL) {
		json_t *json = request_to_json(&submit->request);
		*ret_text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
		if (*ret_text == NULL)
			abort();
		json_decref(json);
		job.request_digest = checkpoint_digest(*ret_text, strlen(*ret_text));
	}
	job.job = ++server->last_job;
	*ret_job = job;
	return BROT_OK;
}

uint32_t inbox_owner_jobs(const struct server *server)
{
	if ((server->who.roles & ROLE_ADMIN) != 0)
		return 0;
	return catalog_count_of(server->catalog, server->who.name);
}

static void submit_step(struct server *server, struct sched_event *event,
			const struct submit *submit)
{
	char name[LIMIT_NAME_CHARS + 1];
	struct catalog_job job;
	struct brot_error why;
	char *text = NULL;
	if (submit_prepare(server, submit, &job, &text, &why) != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	(void)snprintf(name, sizeof name, "#%016" PRIx64, server->life + event->peer);
	server->submit = &job;
	server->submit_text = text;
	event->type = EVENT_SUBMIT;
	memcpy(event->submit.key, submit->key, sizeof event->submit.key);
	event->submit.job = job.job;
	event->submit.plan = &job.plan;
	event->submit.client = submit->client[0] != '\0' ? submit->client : name;
	event->submit.owner_jobs = inbox_owner_jobs(server);
	event->submit.priority = submit->priority;
	event->submit.is_kept = submit->is_kept;
	server_step(server, event);
	server->submit = NULL;
	server->submit_text = NULL;
	free(text);
}

/* A job that a message is about. */
struct subject {
	const struct catalog_job *live; /* or NULL */
	bool has_ended;                 /* then so: */
	struct store_job ended;
};

/* False where it has refused what is asked, about another's job or one that nobody can tell whose
 * it is. Of one that nobody knows the answer is the same for all. */
static bool find_subject(struct server *server, uint64_t peer, uint64_t job,
			 struct subject *ret_subject)
{
	struct subject *subject = ret_subject;
	struct brot_error why;
	enum brot_err code = BROT_OK;
	subject->has_ended = false;
	subject->live = catalog_find(server->catalog, job);
	if (subject->live == NULL) {
		code = ended_find(server, job, &subject->ended, &why);
		subject->has_ended = code == BROT_OK;
		if (code == BROT_E_NOT_FOUND)
			return true;
	}
	if (code == BROT_OK)
		code = doors_check_owner(
			server->message->type, &server->who, job,
			subject->live != NULL ? subject->live->owner : subject->ended.owner, &why);
	if (code != BROT_OK)
		outbox_refuse(server, peer, &why, job);
	return code == BROT_OK;
}

/* A key names a job: whose is it? */
static enum brot_err check_submit_key(struct server *server, const struct submit *submit,
				      struct brot_error *err)
{
	const struct catalog_job *live = catalog_find_key(server->catalog, submit->key);
	bool is_admin = (server->who.roles & ROLE_ADMIN) != 0;
	if (live == NULL || is_admin || strcmp(live->owner, server->who.name) == 0)
		return BROT_OK;
	return error_set(err, BROT_E_DENIED, "key: the job that it made is another's");
}

static void take_submit(struct server *server, struct sched_event *event)
{
	struct submit submit = {0};
	struct brot_error why;
	enum brot_err code = parse_submit(server->message, &submit, &why);
	server->key = submit.has_key ? submit.key : NULL;
	if (code == BROT_OK)
		code = check_submit_key(server, &submit, &why);
	if (code != BROT_OK)
		outbox_refuse(server, event->peer, &why, 0);
	else if (catalog_find_key(server->catalog, submit.key) != NULL ||
		 !ended_refuse_key(server, event->peer, submit.key))
		submit_step(server, event, &submit);
	server->key = NULL;
}

/* Also of a job that has ended, where its end has something to say. */
static void step_for_job(struct server *server, struct sched_event *event,
			 const struct subject *subject)
{
	bool asks = event->type == EVENT_WATCH || event->type == EVENT_ATTACH;
	if (subject->has_ended && asks)
		ended_tell(server, event->peer, &subject->ended);
	else if (subject->has_ended && event->type == EVENT_RETRY)
		ended_revive(server, event->peer, &subject->ended);
	else
		server_step(server, event);
}

static void take_job_verb(struct server *server, struct sched_event *event,
			  enum sched_event_type type)
{
	struct brot_error why;
	enum brot_err code;
	event->type = type;
	if (type == EVENT_RELEASE)
		code = parse_release(server->message, &event->job, &event->band, &why);
	else if (type == EVENT_PRIORITY)
		code = parse_priority(server->message, &event->job, &event->priority, &why);
	else
		code = parse_job(server->message, &event->job, &why);
	if (code != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	struct subject subject;
	if (!find_subject(server, event->peer, event->job, &subject))
		return;
	if (type == EVENT_RELEASE)
		step_reached("release-taken");
	step_for_job(server, event, &subject);
}

static void take_drain_worker(struct server *server, struct sched_event *event)
{
	char worker[LIMIT_NAME_CHARS + 1];
	struct brot_error why;
	event->type = EVENT_DRAIN_WORKER;
	event->text = worker;
	if (parse_drain_worker(server->message, worker, &why) != BROT_OK)
		outbox_refuse(server, event->peer, &why, 0);
	else
		server_step(server, event);
}

static void take_watch(struct server *server, struct sched_event *event)
{
	uint64_t jobs[LIMIT_JOBS_PER_CLIENT];
	struct subject subject;
	size_t count;
	struct brot_error why;
	if (parse_watch(server->message, jobs, &count, &why) != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	event->type = EVENT_WATCH;
	for (size_t i = 0; i < count; i++) {
		event->now_ms = server->now_ms;
		event->job = jobs[i];
		if (find_subject(server, event->peer, event->job, &subject))
			step_for_job(server, event, &subject);
	}
}

/* A part of an image that may be read. */
struct part {
	const struct image *image; /* or the grid of a preview; NULL: that has nothing yet */
	bool is_preview;
	struct rect rect; /* rows count from the top of the image */
	uint32_t pixel_bytes;
	uint64_t counts_bytes; /* that a preview looks at: whole rows, all channels */
};

static enum brot_err check_preview(const struct plan *plan, const struct fetch *fetch,
				   uint64_t *ret_counts_bytes, struct brot_error *err)
{
	uint64_t row_bytes = (uint64_t)plan->counts.width_px * plan->counts.channels *
			     sizeof(uint64_t);
	if (plan->grids == 0)
		return error_set(err, BROT_E_REQUEST,
				 "preview: only a Buddhabrot has one, and %llu is none",
				 (unsigned long long)fetch->job);
	uint64_t rows = row_bytes < LIMIT_PREVIEW_BYTES ? LIMIT_PREVIEW_BYTES / row_bytes : 1;
	if (fetch->rect.h > rows)
		return error_set(err, BROT_E_REQUEST,
				 "preview: may be of at most %llu rows at a time, got %u",
				 (unsigned long long)rows, fetch->rect.h);
	*ret_counts_bytes = fetch->rect.h * row_bytes;
	return BROT_OK;
}

/* Refuses what is not within a complete image, or not within one complete band. */
static enum brot_err find_part(const struct server *server, const struct subject *subject,
			       const struct fetch *fetch, struct part *ret_part,
			       struct brot_error *err)
{
	unsigned long long id = fetch->job;
	const struct catalog_job *job = subject->live;
	if (subject->has_ended) {
		ended_explain(&subject->ended, err);
		err->code = BROT_E_NOT_FOUND;
		return err->code;
	}
	if (job == NULL)
		return error_set(err, BROT_E_NOT_FOUND, "job: %llu is not known to this broker",
				 id);
	const struct plan *plan = &job->plan;
	struct rect rect = fetch->rect;
	if (fetch->plane >= plan->layout.plane_count)
		return error_set(err, BROT_E_REQUEST, "plane: must be under %u, got %u",
				 plan->layout.plane_count, fetch->plane);
	if (!rect_inside(&rect, plan->layout.grid.width_px, plan->height_px))
		return error_set(err, BROT_E_REQUEST, "rows: %u,%u %ux%u must lie within %ux%u",
				 rect.x, rect.y, rect.w, rect.h, plan->layout.grid.width_px,
				 plan->height_px);
	uint32_t band = rect.y / plan->band_rows;
	if ((rect.y + rect.h - 1) / plan->band_rows != band)
		return error_set(err, BROT_E_REQUEST,
				 "rows: %u to %u must lie within one band of %u rows", rect.y,
				 rect.y + rect.h - 1, plan->band_rows);
	uint64_t work = work_id(fetch->job, band);
	bool is_preview = fetch->is_preview && !sched_band_is_complete(server->sched, work);
	const struct image *image = images_find(server->images, work);
	uint64_t counts_bytes = 0;
	if (is_preview && check_preview(plan, fetch, &counts_bytes, err) != BROT_OK)
		return err->code;
	if (is_preview)
		image = images_find(server->images, sched_preview(server->sched, fetch->job));
	else if (image == NULL || !sched_band_is_complete(server->sched, work))
		return error_set(err, BROT_E_REQUEST,
				 plan->band_count > 1
					 ? "job: %llu must have completed these rows, and not yet "
					   "released them, to be fetched"
					 : "job: %llu must be finished to be fetched",
				 id);
	uint32_t pixel_bytes = plan->layout.planes[fetch->plane].pixel_bytes;
	if ((uint64_t)rect.w * rect.h > LIMIT_FETCH_BYTES / pixel_bytes)
		return error_set(err, BROT_E_REQUEST, "rows: %ux%u must have at most %d bytes",
				 rect.w, rect.h, LIMIT_FETCH_BYTES);
	rect.y -= plan_band_first(plan, band);
	*ret_part = (struct part){image, is_preview, rect, pixel_bytes, counts_bytes};
	return BROT_OK;
}

static void send_rows(struct server *server, uint64_t peer, const struct fetch *fetch,
		      const struct part *part)
{
	const struct rect *rect = &part->rect;
	size_t bytes = (size_t)rect->w * rect->h * part->pixel_bytes;
	void *pixels = calloc(1, bytes);
	if (pixels == NULL)
		abort();
	if (!part->is_preview)
		image_copy_out(part->image, fetch->plane, rect, pixels);
	else if (part->image != NULL)
		sum_preview(&part->image->grid, fetch->plane, rect, part->pixel_bytes, pixels);
	struct message m = {
		.type = MSG_ROWS,
		.job = fetch->job,
		.plane = fetch->plane,
		.x = fetch->rect.x,
		.y = fetch->rect.y,
		.w = fetch->rect.w,
		.h = fetch->rect.h,
		.codec = CODEC_RAW,
		.data = {pixels, bytes},
	};
	if (outbox_send(server, peer, &m, NULL))
		peers_count_rows(server->peers, peer);
	free(pixels);
}

/* Refuses where too many ROWS are on their way, or a count that cannot be. */
static enum brot_err check_seen(struct server *server, uint64_t peer, uint64_t seen,
				struct brot_error *err)
{
	uint64_t unseen;
	unsigned long long told = seen;
	if (!peers_unseen_rows(server->peers, peer, seen, &unseen))
		return error_set(err, BROT_E_PROTOCOL,
				 "seen: must be at most the ROWS sent over this connection, got "
				 "%llu",
				 told);
	if (unseen >= LIMIT_OPEN_FETCHES)
		return error_set(err, BROT_E_BUSY,
				 "seen: at most %d ROWS may be on their way, and %llu is not more",
				 LIMIT_OPEN_FETCHES, told);
	return BROT_OK;
}

static enum brot_err check_look(struct server *server, uint64_t peer, const struct part *part,
				struct brot_error *err)
{
	if (!part->is_preview ||
	    peers_may_look(server->peers, peer, part->counts_bytes, server->now_ms))
		return BROT_OK;
	return error_set(err, BROT_E_BUSY,
			 "preview: over this connection at most %d bytes of counts a second are "
			 "looked at: try later",
			 LIMIT_PREVIEW_RATE);
}

static void take_fetch(struct server *server, const struct sched_event *event)
{
	struct fetch fetch = {0};
	struct part part;
	struct brot_error why;
	enum brot_err code = parse_fetch(server->message, &fetch, &why);
	struct subject subject;
	if (code == BROT_OK && !find_subject(server, event->peer, fetch.job, &subject))
		return;
	if (code == BROT_OK)
		code = find_part(server, &subject, &fetch, &part, &why);
	if (code == BROT_OK)
		code = check_seen(server, event->peer, fetch.seen, &why);
	if (code == BROT_OK)
		code = check_look(server, event->peer, &part, &why);
	if (code != BROT_OK)
		outbox_refuse(server, event->peer, &why, fetch.job);
	else
		send_rows(server, event->peer, &fetch, &part);
}

static void take_history(struct server *server, const struct sched_event *event)
{
	uint32_t limit;
	uint64_t before;
	struct brot_error why;
	if (parse_history(server->message, &limit, &before, &why) != BROT_OK)
		outbox_refuse(server, event->peer, &why, 0);
	else
		ended_list(server, event->peer, limit, before);
}

/* Whose a job is only those are told who may do anything about it. */
static const struct request *request_of(uint64_t job, const char **ret_owner, void *context)
{
	const struct server *server = context;
	const struct catalog_job *known = catalog_find(server->catalog, job);
	if (known == NULL)
		return NULL;
	*ret_owner = (server->who.roles & ROLE_ADMIN) != 0 ? known->owner : NULL;
	return &known->request;
}

static char *status_text(const struct server *server)
{
	struct status status = {
		.pid = getpid(),
		.uptime_ms = server->now_ms - server->started_ms,
		.image_budget_bytes = server->config->limits.image_bytes,
		.worker_bytes_sent = sock_bytes_sent(server->sockets[SIDE_WORKER]),
		.worker_bytes_received = sock_bytes_received(server->sockets[SIDE_WORKER]),
		.client_bytes_sent = sock_bytes_sent(server->sockets[SIDE_CLIENT]),
		.client_bytes_received = sock_bytes_received(server->sockets[SIDE_CLIENT]),
	};
	sched_totals(server->sched, &status.totals);
	return report_status(&status);
}

static void take_question(struct server *server, const struct sched_event *event)
{
	struct brot_error why;
	if (parse_nothing(server->message, &why) != BROT_OK) {
		outbox_refuse(server, event->peer, &why, 0);
		return;
	}
	char *body;
	if (server->message->type == MSG_JOBS)
		body = report_jobs(server->sched, server->now_ms, request_of, server);
	else if (server->message->type == MSG_WORKERS)
		body = report_workers(server->sched, server->now_ms);
	else
		body = status_text(server);
	outbox_report(server, event->peer, body);
}

void inbox_take_client(struct server *server, struct sched_event *event)
{
	static const struct {
		enum message_type type;
		enum sched_event_type event;
	} verbs[] = {
		{MSG_ATTACH, EVENT_ATTACH}, {MSG_CANCEL_JOB, EVENT_CANCEL_JOB},
		{MSG_PAUSE, EVENT_PAUSE},   {MSG_PRIORITY, EVENT_PRIORITY},
		{MSG_RETRY, EVENT_RETRY},   {MSG_RELEASE, EVENT_RELEASE},
		{MSG_RESUME, EVENT_RESUME},
	};
	enum message_type type = server->message->type;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (verbs[i].type == type) {
			take_job_verb(server, event, verbs[i].event);
			return;
		}
	}
	if (type == MSG_SUBMIT)
		take_submit(server, event);
	else if (type == MSG_WATCH)
		take_watch(server, event);
	else if (type == MSG_FETCH)
		take_fetch(server, event);
	else if (type == MSG_DRAIN_WORKER)
		take_drain_worker(server, event);
	else if (type == MSG_HISTORY)
		take_history(server, event);
	else
		take_question(server, event);
}
