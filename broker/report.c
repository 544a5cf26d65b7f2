/* report.c - the JSON that peers are told. */
#include "broker/report.h"

#include <brot/version.h>
#include <jansson.h>
#include <stdlib.h>

#include "proto/hex.h"

/* Packs as json_pack() does and prints; takes the tree. Without memory the program ends, as it
 * does everywhere in the broker. */
static char *print(json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	if (text == NULL)
		abort();
	json_decref(json);
	return text;
}

/* As those are told who watch, and read. */
static const char *watched_state_name(const struct job_report *r)
{
	bool is_ended = r->state == JOB_FINISHED || r->state == JOB_FAILED;
	if (r->is_paused && !is_ended)
		return "paused";
	return sched_state_name(r->state == JOB_CREATING ? JOB_QUEUED : r->state);
}

static const char *state_name(const struct job_report *r)
{
	return r->is_unread && !r->is_paused ? "unread" : watched_state_name(r);
}

/* Text that may have been cut in the middle of a character. */
static json_t *safe_string(const char *text)
{
	json_t *json = json_string(text);
	return json != NULL ? json : json_string("(the reason is not valid UTF-8)");
}

char *report_welcome(int64_t beat_ms, int64_t lost_ms)
{
	return print(json_pack("{s:i, s:s, s:I, s:I}", "brot", MESSAGE_VERSION, "version",
			       BROT_VERSION, "beat_ms", (json_int_t)beat_ms, "lost_ms",
			       (json_int_t)lost_ms));
}

/* Nothing where key is NULL. */
static void set_key(json_t *json, const uint8_t *key)
{
	char hex[2 * SCHED_KEY_BYTES + 1];
	if (key == NULL)
		return;
	hex_write(key, SCHED_KEY_BYTES, hex);
	json_object_set_new(json, "key", json_string(hex));
}

/* Of a grid: what a worker that does not see it counts apart, is collected. */
static char *report_grid(const struct job_card *card)
{
	const struct grid_layout *counts = &card->plan->counts;
	json_t *phases = json_pack("[s]", "sample");
	json_t *json = json_pack("{s:o, s:o}", "request", request_to_json(card->request), "phases",
				 phases);
	if (card->image_name == NULL)
		json_array_append_new(phases, json_string("collect"));
	else
		json_object_set_new(json, "grid",
				    json_pack("{s:s, s:I, s:I, s:I}", "name", card->image_name,
					      "bytes", (json_int_t)card->image_bytes, "segments",
					      (json_int_t)counts->segments, "wrap",
					      (json_int_t)counts->wrap));
	return print(json);
}

char *report_job(const struct job_card *card)
{
	if (work_is_grid(card->work))
		return report_grid(card);
	json_t *phases = json_array();
	for (uint32_t p = 0; p < card->plan->phase_count; p++)
		json_array_append_new(phases, json_string(phase_name(card->plan->phases[p].kind)));
	uint32_t band = work_band(card->work);
	return print(json_pack("{s:o, s:[I, I], s:o, s:I, s:{s:s, s:I}}", "request",
			       request_to_json(card->request), "rows",
			       (json_int_t)plan_band_first(card->plan, band),
			       (json_int_t)plan_band_rows(card->plan, band), "phases", phases,
			       "slice", (json_int_t)card->plan->layout.grid.slice_px, "image",
			       "name", card->image_name, "bytes", (json_int_t)card->image_bytes));
}

/* The image as clients are told of it. */
static json_t *image_of(const struct job_card *card)
{
	char nonce[2 * MESSAGE_NONCE_BYTES + 1];
	hex_write(card->nonce, sizeof card->nonce, nonce);
	return json_pack("{s:s, s:I, s:s}", "name", card->image_name, "bytes",
			 (json_int_t)card->image_bytes, "nonce", nonce);
}

char *report_accepted(const struct job_card *card, const uint8_t *key)
{
	json_t *json = json_pack("{s:I, s:o, s:I}", "job", (json_int_t)work_job(card->work),
				 "request", request_to_json(card->request), "slice",
				 (json_int_t)card->plan->layout.grid.slice_px);
	if (card->plan->band_count > 1)
		json_object_set_new(json, "bands",
				    json_pack("{s:I, s:I}", "count",
					      (json_int_t)card->plan->band_count, "rows",
					      (json_int_t)card->plan->band_rows));
	else
		json_object_set_new(json, "image", image_of(card));
	set_key(json, key);
	return print(json);
}

char *report_band(const struct job_card *card)
{
	uint32_t band = work_band(card->work);
	return print(json_pack(
		"{s:I, s:I, s:I, s:I, s:o}", "job", (json_int_t)work_job(card->work), "band",
		(json_int_t)band, "first", (json_int_t)plan_band_first(card->plan, band), "rows",
		(json_int_t)plan_band_rows(card->plan, band), "image", image_of(card)));
}

/* Samples in what a preview shows now, and those that were counted and are nowhere yet. */
static void set_preview(json_t *json, const struct job_report *r)
{
	if (!r->has_preview)
		return;
	json_object_set_new(json, "preview", json_integer((json_int_t)r->previewed));
	json_object_set_new(json, "held", json_integer((json_int_t)r->held));
	if (r->waits != BROT_OK)
		json_object_set_new(json, "waits", json_string(brot_err_name(r->waits)));
}

char *report_progress(const struct job_report *r)
{
	json_t *json = json_pack(
		"{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "job", (json_int_t)r->job, "state",
		watched_state_name(r), "pixels_done", (json_int_t)r->pixels_done, "pixels",
		(json_int_t)r->pixels, "tiles_done", (json_int_t)r->tiles_done, "tiles_running",
		(json_int_t)r->tiles_running, "workers", (json_int_t)r->workers, "iterations",
		(json_int_t)r->iterations, "elapsed_ms", (json_int_t)r->elapsed_ms);
	set_preview(json, r);
	return print(json);
}

char *report_finished(const struct job_report *r)
{
	return print(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "job", (json_int_t)r->job,
			       "pixels", (json_int_t)r->pixels, "tiles", (json_int_t)r->tiles_done,
			       "retries", (json_int_t)r->retries, "workers", (json_int_t)r->workers,
			       "iterations", (json_int_t)r->iterations, "elapsed_ms",
			       (json_int_t)r->elapsed_ms));
}

char *report_failed(uint64_t job, enum brot_err code, const char *text)
{
	return print(json_pack("{s:I, s:s, s:o}", "job", (json_int_t)job, "error",
			       brot_err_name(code), "text", safe_string(text)));
}

char *report_cancelled(uint64_t job)
{
	return print(json_pack("{s:I, s:s}", "job", (json_int_t)job, "state", "cancelled"));
}

char *report_changed(const struct job_report *r)
{
	return print(json_pack("{s:I, s:s, s:I}", "job", (json_int_t)r->job, "state", state_name(r),
			       "priority", (json_int_t)r->priority));
}

char *report_draining(uint32_t count)
{
	return print(json_pack("{s:I}", "draining", (json_int_t)count));
}

char *report_refused(enum brot_err code, const char *text, const char *message, const uint8_t *key,
		     uint64_t job)
{
	json_t *json = json_pack("{s:s, s:o}", "error", brot_err_name(code), "text",
				 safe_string(text));
	if (message != NULL)
		json_object_set_new(json, "message", json_string(message));
	set_key(json, key);
	if (job != 0)
		json_object_set_new(json, "job", json_integer((json_int_t)job));
	return print(json);
}

struct number {
	const char *key;
	uint64_t value;
};

static void set_numbers(json_t *json, const struct number *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_object_set_new(json, numbers[i].key,
				    json_integer((json_int_t)numbers[i].value));
}

char *report_status(const struct status *status)
{
	const struct sched_totals *t = &status->totals;
	const struct number numbers[] = {
		{"pid", (uint64_t)status->pid},
		{"uptime_ms", (uint64_t)status->uptime_ms},
		{"jobs_queued", t->jobs_queued},
		{"jobs_running", t->jobs_running},
		{"jobs_finished", t->jobs_finished},
		{"jobs_done", t->jobs_done},
		{"workers", t->workers},
		{"clients", t->clients},
		{"tiles_done", t->tiles_done},
		{"iterations", t->iterations},
		{"image_bytes", t->image_bytes},
		{"image_budget_bytes", status->image_budget_bytes},
		{"worker_bytes_sent", status->worker_bytes_sent},
		{"worker_bytes_received", status->worker_bytes_received},
		{"client_bytes_sent", status->client_bytes_sent},
		{"client_bytes_received", status->client_bytes_received},
	};
	json_t *json = json_pack("{s:i, s:s}", "brot", MESSAGE_VERSION, "version", BROT_VERSION);
	set_numbers(json, numbers, sizeof numbers / sizeof numbers[0]);
	return print(json_pack("{s:o}", "status", json));
}

struct jobs_list {
	const struct sched *sched;
	json_t *list;
	report_request_fn *request_of;
	void *context;
};

static void add_job(const struct job_report *r, void *context)
{
	struct jobs_list *jobs = context;
	const char *owner = NULL;
	const struct request *request = jobs->request_of(r->job, &owner, jobs->context);
	if (request == NULL)
		return;
	json_t *row = json_pack(
		"{s:I, s:s, s:o, s:I, s:b, s:I, s:s, s:s, s:[I, I]}", "job", (json_int_t)r->job,
		"state", state_name(r), "client", safe_string(r->client), "priority",
		(json_int_t)r->priority, "keep", r->is_kept, "bands", (json_int_t)r->bands, "kind",
		request_kind_name(request->kind), "format", format_info(request->format)->name,
		"size", (json_int_t)request->width_px, (json_int_t)request->height_px);
	const struct number numbers[] = {
		{"pixels_done", r->pixels_done},
		{"pixels", r->pixels},
		{"tiles_done", r->tiles_done},
		{"tiles_running", r->tiles_running},
		{"workers", r->workers},
		{"retries", r->retries},
		{"iterations", r->iterations},
		{"worker_ms", (uint64_t)r->worker_us / 1000},
		{"elapsed_ms", (uint64_t)r->elapsed_ms},
	};
	set_numbers(row, numbers, sizeof numbers / sizeof numbers[0]);
	set_preview(row, r);
	const struct brot_error *why = sched_job_why(jobs->sched, r->job);
	if (why != NULL) {
		json_object_set_new(row, "error", json_string(brot_err_name(why->code)));
		json_object_set_new(row, "text", safe_string(why->text));
	}
	if (owner != NULL)
		json_object_set_new(row, "owner", json_string(owner));
	json_array_append_new(jobs->list, row);
}

char *report_jobs(const struct sched *s, int64_t now_ms, report_request_fn *request_of,
		  void *context)
{
	struct jobs_list jobs = {s, json_array(), request_of, context};
	sched_each_job(s, now_ms, add_job, &jobs);
	return print(json_pack("{s:o}", "jobs", jobs.list));
}

/* {kernel: {precision: iterations a second}}, of the kernels whose speed the worker told. */
static json_t *speeds_of(const struct worker_info *info)
{
	json_t *speeds = json_object();
	for (uint32_t k = 0; k < info->kernel_count; k++) {
		if (info->speeds[k][0] == 0)
			continue;
		json_t *of_kernel = json_object();
		for (int p = 0; p < PRECISION_COUNT; p++)
			json_object_set_new(of_kernel, precision_name((enum precision)p),
					    json_integer((json_int_t)info->speeds[k][p]));
		json_object_set_new(speeds, info->kernels[k], of_kernel);
	}
	return speeds;
}

static void add_worker(const struct worker_report *r, void *context)
{
	const struct worker_info *info = r->info;
	char id[2 * sizeof info->id + 1];
	hex_write(info->id, sizeof info->id, id);
	json_t *kernels = json_array();
	for (uint32_t i = 0; i < info->kernel_count; i++)
		json_array_append_new(kernels, safe_string(info->kernels[i]));
	json_t *list = context;
	json_array_append_new(
		list,
		json_pack("{s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, "
			  "s:I, "
			  "s:I, s:b}",
			  "worker", id, "name", safe_string(info->name), "pid",
			  (json_int_t)info->pid, "version", safe_string(info->version), "kernel",
			  safe_string(info->kernel), "kernels", kernels, "speeds", speeds_of(info),
			  "threads", (json_int_t)info->threads, "credit", (json_int_t)r->credit,
			  "tiles_held", (json_int_t)r->tiles_held, "tiles_done",
			  (json_int_t)r->tiles_done, "failures", (json_int_t)r->failures,
			  "iterations", (json_int_t)r->iterations, "is_local", r->is_local,
			  "connected_ms", (json_int_t)r->connected_ms, "silent_ms",
			  (json_int_t)r->silent_ms, "is_draining", r->is_draining));
}

char *report_workers(const struct sched *s, int64_t now_ms)
{
	json_t *list = json_array();
	sched_each_worker(s, now_ms, add_worker, list);
	return print(json_pack("{s:o}", "workers", list));
}

/* What the history tells of a request. Its numbers, which take long to read, are not among that. */
struct request_card {
	json_t *json; /* that the words are borrowed from; NULL: it cannot be read */
	const char *kind, *format;
	json_int_t width_px, height_px;
};

static struct request_card request_card_of(const struct store_job *job)
{
	struct request_card card = {.json = json_loadb(job->request, job->request_bytes, 0, NULL)};
	if (card.json != NULL &&
	    json_unpack(card.json, "{s:s, s:s, s:[I, I]}", "kind", &card.kind, "format",
			&card.format, "size", &card.width_px, &card.height_px) == 0)
		return card;
	json_decref(card.json);
	return (struct request_card){.kind = "", .format = ""};
}

json_t *report_history_row(const struct store_job *job, bool tells_owner)
{
	struct request_card card = request_card_of(job);
	json_t *row = json_pack("{s:I, s:s, s:o, s:s, s:s, s:[I, I], s:s, s:o}", "job",
				(json_int_t)job->job, "state", sched_end_name(job->end), "client",
				safe_string(job->client), "kind", card.kind, "format", card.format,
				"size", card.width_px, card.height_px, "error",
				brot_err_name(job->code), "text", safe_string(job->text));
	json_decref(card.json);
	if (tells_owner)
		json_object_set_new(row, "owner", safe_string(job->owner));
	const struct number numbers[] = {
		{"pixels", job->pixels},
		{"tiles_done", job->tiles_done},
		{"retries", job->retries},
		{"workers", job->workers},
		{"iterations", job->iterations},
		{"worker_ms", (uint64_t)job->worker_us / 1000},
		{"accepted_ms", (uint64_t)job->accepted_ms},
		{"finished_ms", (uint64_t)job->finished_ms},
		{"ended_ms", (uint64_t)job->ended_ms},
	};
	set_numbers(row, numbers, sizeof numbers / sizeof numbers[0]);
	return row;
}

char *report_history(json_t *rows)
{
	return print(json_pack("{s:o}", "history", rows));
}
