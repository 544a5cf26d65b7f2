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

static const char *state_name(enum job_state state)
{
	static const char *const names[] = {
		[JOB_CREATING] = "queued",
		[JOB_QUEUED] = "queued",
		[JOB_RUNNING] = "running",
		[JOB_FINISHED] = "finished",
	};
	return names[state];
}

char *report_welcome(int64_t beat_ms, int64_t lost_ms)
{
	return print(json_pack("{s:i, s:s, s:I, s:I}", "brot", MESSAGE_VERSION, "version",
			       BROT_VERSION, "beat_ms", (json_int_t)beat_ms, "lost_ms",
			       (json_int_t)lost_ms));
}

char *report_job(const struct job_card *card)
{
	json_t *phases = json_array();
	for (uint32_t p = 0; p < card->plan->phase_count; p++)
		json_array_append_new(phases, json_string(phase_name(card->plan->phases[p].kind)));
	return print(json_pack("{s:o, s:o, s:I, s:{s:s, s:I}}", "request",
			       request_to_json(card->request), "phases", phases, "slice",
			       (json_int_t)card->slice_px, "image", "name", card->image_name,
			       "bytes", (json_int_t)card->image_bytes));
}

char *report_accepted(const struct job_card *card)
{
	char key[2 * SCHED_KEY_BYTES + 1], nonce[2 * MESSAGE_NONCE_BYTES + 1];
	hex_write(card->key, sizeof card->key, key);
	hex_write(card->nonce, sizeof card->nonce, nonce);
	return print(json_pack("{s:s, s:I, s:o, s:I, s:{s:s, s:I, s:s}}", "key", key, "job",
			       (json_int_t)card->job, "request", request_to_json(card->request),
			       "slice", (json_int_t)card->slice_px, "image", "name",
			       card->image_name, "bytes", (json_int_t)card->image_bytes, "nonce",
			       nonce));
}

char *report_progress(const struct job_report *r)
{
	return print(json_pack(
		"{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "job", (json_int_t)r->job, "state",
		state_name(r->state), "pixels_done", (json_int_t)r->pixels_done, "pixels",
		(json_int_t)r->pixels, "tiles_done", (json_int_t)r->tiles_done, "tiles_running",
		(json_int_t)r->tiles_running, "workers", (json_int_t)r->workers, "iterations",
		(json_int_t)r->iterations, "elapsed_ms", (json_int_t)r->elapsed_ms));
}

char *report_finished(const struct job_report *r)
{
	return print(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "job", (json_int_t)r->job,
			       "pixels", (json_int_t)r->pixels, "tiles", (json_int_t)r->tiles_done,
			       "retries", (json_int_t)r->retries, "workers", (json_int_t)r->workers,
			       "iterations", (json_int_t)r->iterations, "elapsed_ms",
			       (json_int_t)r->elapsed_ms));
}

/* Text that may have been cut in the middle of a character. */
static json_t *safe_string(const char *text)
{
	json_t *json = json_string(text);
	return json != NULL ? json : json_string("(the reason is not valid UTF-8)");
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

char *report_refused(enum brot_err code, const char *text, const char *message, const uint8_t *key,
		     uint64_t job)
{
	json_t *json = json_pack("{s:s, s:o}", "error", brot_err_name(code), "text",
				 safe_string(text));
	if (message != NULL)
		json_object_set_new(json, "message", json_string(message));
	if (key != NULL) {
		char hex[2 * SCHED_KEY_BYTES + 1];
		hex_write(key, SCHED_KEY_BYTES, hex);
		json_object_set_new(json, "key", json_string(hex));
	}
	if (job != 0)
		json_object_set_new(json, "job", json_integer((json_int_t)job));
	return print(json);
}

char *report_status(const struct status *status)
{
	const struct sched_totals *t = &status->totals;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
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
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		json_object_set_new(json, rows[i].key, json_integer((json_int_t)rows[i].value));
	return print(json_pack("{s:o}", "status", json));
}

struct jobs_list {
	json_t *list;
	const struct request *(*request_of)(uint64_t job, void *context);
	void *context;
};

static void add_job(const struct job_report *r, void *context)
{
	struct jobs_list *jobs = context;
	const struct request *request = jobs->request_of(r->job, jobs->context);
	if (request == NULL)
		return;
	json_array_append_new(
		jobs->list,
		json_pack("{s:I, s:s, s:s, s:s, s:[i, i], s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			  "job", (json_int_t)r->job, "state", state_name(r->state), "kind",
			  request_kind_name(request->kind), "format",
			  format_info(request->format)->name, "size", (int)request->width_px,
			  (int)request->height_px, "pixels_done", (json_int_t)r->pixels_done,
			  "pixels", (json_int_t)r->pixels, "tiles_done", (json_int_t)r->tiles_done,
			  "tiles_running", (json_int_t)r->tiles_running, "workers",
			  (json_int_t)r->workers, "retries", (json_int_t)r->retries, "iterations",
			  (json_int_t)r->iterations, "elapsed_ms", (json_int_t)r->elapsed_ms));
}

char *report_jobs(const struct sched *s, int64_t now_ms,
		  const struct request *(*request_of)(uint64_t job, void *context), void *context)
{
	struct jobs_list jobs = {json_array(), request_of, context};
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
