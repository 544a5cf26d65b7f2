/* top.c - snapshots are read into plain structs, so that drawing cannot fail. */
#include "client/top.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "client/progress.h"
#include "client/reply.h"
#include "proto/limits.h"

#define LINE_BYTES      512
#define TEXT_BYTES      (LIMIT_NAME_CHARS + 1)
#define WORKER_ID_BYTES 33

struct top_job {
	uint64_t job;
	char client[TEXT_BYTES];
	struct progress progress;
};

struct top_worker {
	char id[WORKER_ID_BYTES];
	char name[TEXT_BYTES];
	uint64_t tiles_held, tiles_done, iterations, silent_ms;
	bool is_draining;
	double iterations_per_s; /* below 0: not known */
};

enum part { PART_STATUS, PART_JOBS, PART_WORKERS, PART_COUNT };
static const char *const part_keys[PART_COUNT] = {"status", "jobs", "workers"};

enum state { STATE_QUEUED, STATE_RUNNING, STATE_PAUSED, STATE_FINISHED, STATE_FAILED, STATE_COUNT };
static const char *const state_names[STATE_COUNT] = {"queued", "running", "paused", "finished",
						     "failed"};

struct snapshot {
	json_t *parts[PART_COUNT];
	char version[TEXT_BYTES];
	struct top_counts counts;
	struct top_rates rates; /* since the one before */
	uint64_t image_bytes, image_budget_bytes;
	uint64_t states[STATE_COUNT]; /* jobs */
	size_t job_count, worker_count;
	struct top_job jobs[LIMIT_JOBS]; /* that are not over */
	struct top_worker workers[LIMIT_WORKERS];
};

struct top {
	json_t *parts[PART_COUNT]; /* of the round under way */
	struct snapshot *now, *next;
};

struct top *top_new(void)
{
	struct top *top = calloc(1, sizeof *top);
	if (top == NULL)
		return NULL;
	top->now = calloc(1, sizeof *top->now);
	top->next = calloc(1, sizeof *top->next);
	if (top->now == NULL || top->next == NULL) {
		top_free(top);
		return NULL;
	}
	return top;
}

static void release(json_t *parts[PART_COUNT])
{
	for (int i = 0; i < PART_COUNT; i++) {
		json_decref(parts[i]);
		parts[i] = NULL;
	}
}

void top_free(struct top *top)
{
	if (top == NULL)
		return;
	release(top->parts);
	if (top->now != NULL)
		release(top->now->parts);
	free(top->now);
	free(top->next);
	free(top);
}

void top_begin(struct top *top)
{
	release(top->parts);
}

struct top_rates top_rates(const struct top_counts *before, const struct top_counts *now)
{
	bool is_known = before->pid != 0 && before->pid == now->pid &&
			now->uptime_ms > before->uptime_ms &&
			now->tiles_done >= before->tiles_done &&
			now->iterations >= before->iterations;
	if (!is_known)
		return (struct top_rates){.is_known = false};
	double seconds = (double)(now->uptime_ms - before->uptime_ms) / 1000;
	return (struct top_rates){
		.is_known = true,
		.tiles_per_s = (double)(now->tiles_done - before->tiles_done) / seconds,
		.iterations_per_s = (double)(now->iterations - before->iterations) / seconds,
	};
}

/* ---- reading ---- */

static enum brot_err read_text(const json_t *json, const char *key, char *text, size_t bytes,
			       struct brot_error *err)
{
	const char *value = "";
	enum brot_err code = reply_text(json, key, &value, err);
	if (code == BROT_OK) {
		(void)snprintf(text, bytes, "%s", value);
		print_clean(text);
	}
	return code;
}

static enum brot_err read_status(const json_t *status, struct snapshot *s, struct brot_error *err)
{
	const struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{"pid", &s->counts.pid},
		{"uptime_ms", &s->counts.uptime_ms},
		{"tiles_done", &s->counts.tiles_done},
		{"iterations", &s->counts.iterations},
		{"image_bytes", &s->image_bytes},
		{"image_budget_bytes", &s->image_budget_bytes},
	};
	enum brot_err code = read_text(status, "version", s->version, sizeof s->version, err);
	for (size_t i = 0; code == BROT_OK && i < sizeof numbers / sizeof numbers[0]; i++)
		code = reply_u64(status, numbers[i].key, numbers[i].value, err);
	return code;
}

static const struct top_job *job_of(const struct snapshot *s, uint64_t job)
{
	for (size_t i = 0; i < s->job_count; i++)
		if (s->jobs[i].job == job)
			return &s->jobs[i];
	return NULL;
}

static const struct top_worker *worker_of(const struct snapshot *s, const char *id)
{
	for (size_t i = 0; i < s->worker_count; i++)
		if (strcmp(s->workers[i].id, id) == 0)
			return &s->workers[i];
	return NULL;
}

static enum brot_err read_job(const json_t *json, const struct snapshot *before, uint64_t workers,
			      int64_t now_ms, struct snapshot *s, struct brot_error *err)
{
	const char *name = "";
	enum brot_err code = reply_text(json, "state", &name, err);
	int state = 0;
	while (state < STATE_COUNT && strcmp(state_names[state], name) != 0)
		state++;
	if (state < STATE_COUNT)
		s->states[state]++;
	if (code != BROT_OK || state >= STATE_FINISHED || s->job_count == LIMIT_JOBS)
		return code;
	struct top_job *job = &s->jobs[s->job_count];
	struct session_progress progress;
	code = reply_u64(json, "job", &job->job, err);
	if (code == BROT_OK)
		code = read_text(json, "client", job->client, sizeof job->client, err);
	if (code == BROT_OK)
		code = notice_progress(json, &progress, err);
	if (code != BROT_OK)
		return code;
	const struct top_job *known = job_of(before, job->job);
	job->progress = known != NULL ? known->progress : (struct progress){0};
	progress_update(&job->progress, &progress, now_ms);
	progress_workers(&job->progress, workers);
	s->job_count++;
	return BROT_OK;
}

static enum brot_err read_worker(const json_t *json, const struct snapshot *before,
				 struct snapshot *s, struct brot_error *err)
{
	if (s->worker_count == LIMIT_WORKERS)
		return BROT_OK;
	struct top_worker *w = &s->workers[s->worker_count];
	const struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{"tiles_held", &w->tiles_held},
		{"tiles_done", &w->tiles_done},
		{"iterations", &w->iterations},
		{"silent_ms", &w->silent_ms},
	};
	enum brot_err code = read_text(json, "worker", w->id, sizeof w->id, err);
	if (code == BROT_OK)
		code = read_text(json, "name", w->name, sizeof w->name, err);
	for (size_t i = 0; code == BROT_OK && i < sizeof numbers / sizeof numbers[0]; i++)
		code = reply_u64(json, numbers[i].key, numbers[i].value, err);
	if (code != BROT_OK)
		return code;
	w->is_draining = json_is_true(json_object_get(json, "is_draining"));
	w->iterations_per_s = -1;
	const struct top_worker *known = worker_of(before, w->id);
	if (known != NULL) {
		struct top_counts then = before->counts, now = s->counts;
		then.iterations = known->iterations;
		now.iterations = w->iterations;
		struct top_rates rates = top_rates(&then, &now);
		w->iterations_per_s = rates.is_known ? rates.iterations_per_s : -1;
	}
	s->worker_count++;
	return BROT_OK;
}

static enum brot_err read_all(json_t *const parts[PART_COUNT], const struct snapshot *before,
			      int64_t now_ms, struct snapshot *s, struct brot_error *err)
{
	json_t *item;
	size_t i;
	memset(s, 0, sizeof *s);
	enum brot_err code = read_status(parts[PART_STATUS], s, err);
	if (code == BROT_OK)
		s->rates = top_rates(&before->counts, &s->counts);
	const uint64_t workers = json_array_size(parts[PART_WORKERS]);
	json_array_foreach(parts[PART_JOBS], i, item)
	{
		if (code == BROT_OK)
			code = read_job(item, before, workers, now_ms, s, err);
	}
	json_array_foreach(parts[PART_WORKERS], i, item)
	{
		if (code == BROT_OK)
			code = read_worker(item, before, s, err);
	}
	return code;
}

enum brot_err top_take(struct top *top, const json_t *report, int64_t now_ms, bool *ret_is_complete,
		       struct brot_error *err)
{
	*ret_is_complete = false;
	bool is_complete = true;
	for (int i = 0; i < PART_COUNT; i++) {
		json_t *value = NULL;
		enum brot_err code = BROT_OK;
		if (json_object_get(report, part_keys[i]) != NULL)
			code = i == PART_STATUS ? reply_object(report, part_keys[i], &value, err)
						: reply_list(report, part_keys[i], &value, err);
		if (code != BROT_OK)
			return code;
		if (value != NULL) {
			json_decref(top->parts[i]);
			top->parts[i] = json_incref(value);
		}
		is_complete = is_complete && top->parts[i] != NULL;
	}
	if (!is_complete)
		return BROT_OK;
	enum brot_err code = read_all(top->parts, top->now, now_ms, top->next, err);
	if (code != BROT_OK)
		return code;
	release(top->now->parts);
	memcpy(top->next->parts, top->parts, sizeof top->parts);
	memset(top->parts, 0, sizeof top->parts);
	struct snapshot *last = top->now;
	top->now = top->next;
	top->next = last;
	*ret_is_complete = true;
	return BROT_OK;
}

json_t *top_json(const struct top *top)
{
	const struct snapshot *s = top->now;
	json_t *json = json_object();
	for (int i = 0; i < PART_COUNT; i++)
		(void)json_object_set(json, part_keys[i], s->parts[i]);
	bool is_known = s->rates.is_known;
	(void)json_object_set_new(json, "tiles_per_s",
				  is_known ? json_real(s->rates.tiles_per_s) : json_null());
	(void)json_object_set_new(json, "iterations_per_s",
				  is_known ? json_real(s->rates.iterations_per_s) : json_null());
	return json;
}

/* ---- drawing ---- */

struct drawing {
	unsigned columns;
	void (*line)(const char *text, void *context);
	void *context;
};

static void say(const struct drawing *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct drawing *d, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text[print_bytes(text, d->columns)] = '\0';
	d->line(text, d->context);
}

/* "ab  " or "abc~", `columns` wide. */
static const char *fitted(const char *text, size_t columns, char buffer[TEXT_BYTES + 32])
{
	size_t used = print_columns(text);
	if (used > columns)
		(void)snprintf(buffer, TEXT_BYTES + 32, "%.*s~",
			       (int)print_bytes(text, columns - 1), text);
	else
		(void)snprintf(buffer, TEXT_BYTES + 32, "%s%*s", text, (int)(columns - used), "");
	return buffer;
}

static void draw_head(const struct drawing *d, const struct snapshot *s, int64_t silent_ms)
{
	char jobs[128] = "", tiles[PRINT_SCALED_BYTES], rate[PRINT_SCALED_BYTES];
	char used[PRINT_SCALED_BYTES], budget[PRINT_SCALED_BYTES];
	size_t chars = 0;
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->states[i] != 0)
			chars += (size_t)snprintf(jobs + chars, sizeof jobs - chars,
						  "%s%" PRIu64 " %s", chars > 0 ? ", " : "",
						  s->states[i], state_names[i]);
	const uint64_t up_s = s->counts.uptime_ms / 1000;
	say(d, "brot %s, up %" PRIu64 ":%02u:%02u; jobs: %s; workers: %zu", s->version, up_s / 3600,
	    (unsigned)(up_s / 60 % 60), (unsigned)(up_s % 60), chars > 0 ? jobs : "none",
	    s->worker_count);
	const bool is_known = s->rates.is_known;
	say(d, "tiles: %s/s; iterations: %s/s; images: %sB of %sB",
	    is_known ? print_scaled(s->rates.tiles_per_s, tiles) : "- ",
	    is_known ? print_scaled(s->rates.iterations_per_s, rate) : "- ",
	    print_scaled((double)s->image_bytes, used),
	    print_scaled((double)s->image_budget_bytes, budget));
	if (silent_ms != 0)
		say(d, "no answer for %" PRId64 " s", (silent_ms + 500) / 1000);
}

static void draw_job(const struct drawing *d, const struct top_job *job)
{
	char client[TEXT_BYTES + 32], bar[PROGRESS_TEXT_BYTES];
	const unsigned used = 8 + 2 + 14 + 2;
	(void)progress_bar(&job->progress, d->columns > used ? d->columns - used : 0, bar);
	say(d, "%-8" PRIu64 "  %s  %s", job->job, fitted(job->client, 14, client), bar);
}

static void draw_worker(const struct drawing *d, const struct top_worker *worker)
{
	char name[TEXT_BYTES + 32], rate[PRINT_SCALED_BYTES] = "-";
	if (worker->iterations_per_s >= 0) {
		(void)print_scaled(worker->iterations_per_s, rate);
		(void)strcat(rate, "/s");
	}
	say(d, "%s  %5" PRIu64 "  %8" PRIu64 "  %9s  %6.1f s%s", fitted(worker->name, 24, name),
	    worker->tiles_held, worker->tiles_done, rate, (double)worker->silent_ms / 1000,
	    worker->is_draining ? "  draining" : "");
}

/* How many of `count` items are shown in `room` lines: one line less where it must say how many
 * more there are. */
static size_t shown(size_t count, size_t room)
{
	return count <= room ? count : room > 0 ? room - 1 : 0;
}

void top_draw(const struct top *top, int64_t silent_ms, unsigned columns, unsigned rows,
	      void (*line)(const char *text, void *context), void *context)
{
	const struct snapshot *s = top->now;
	const struct drawing d = {columns, line, context};
	size_t jobs = s->job_count, workers = s->worker_count;
	if (rows != 0) {
		/* The head and two headings, each below an empty line. */
		size_t room = rows - 4 - (silent_ms != 0 ? 3 : 2);
		size_t half = room / 2;
		size_t for_jobs = workers < room - half ? room - workers : half;
		jobs = shown(jobs, for_jobs);
		size_t lines = jobs + (jobs < s->job_count ? 1 : 0);
		workers = shown(workers, room - lines);
	}
	draw_head(&d, s, silent_ms);
	say(&d, "%s", "");
	say(&d, "%-8s  %-14s  %s", "JOB", "CLIENT", "PROGRESS");
	for (size_t i = 0; i < jobs; i++)
		draw_job(&d, &s->jobs[i]);
	if (jobs < s->job_count)
		say(&d, "and %zu more", s->job_count - jobs);
	say(&d, "%s", "");
	say(&d, "%-24s  %5s  %8s  %9s  %8s", "WORKER", "HOLDS", "DONE", "SPEED", "SILENT");
	for (size_t i = 0; i < workers; i++)
		draw_worker(&d, &s->workers[i]);
	if (workers < s->worker_count)
		say(&d, "and %zu more", s->worker_count - workers);
}
