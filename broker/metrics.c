/* metrics.c - a table of metrics, and the text that it makes. */
#include "broker/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/peers.h"
#include "proto/error.h"

#define LABELS_MAX 16
#define TEXT_BYTES 16384 /* more than all lines can be */

void metrics_step(struct metrics *metrics, const struct sched_event *event,
		  const struct sched_actions *actions)
{
	bool is_refused = false;
	for (size_t i = 0; i < actions->count; i++) {
		const struct sched_action *action = &actions->items[i];
		if (action->type == ACTION_TILE) {
			metrics->leases++;
			metrics->leases_again += action->tile.attempt > 1;
		} else if (action->type == ACTION_APPLY) {
			metrics->tiles_done++;
			metrics->iterations += event->iterations;
			metrics->worker_us += (uint64_t)event->done.elapsed_us;
		} else if (action->type == ACTION_COUNTED) {
			metrics->grids++;
			metrics->tiles_done += action->report.tiles_done;
			metrics->iterations += action->report.iterations;
			metrics->worker_us += (uint64_t)action->report.worker_us;
		} else if (action->type == ACTION_REVOKE) {
			metrics->tiles_revoked++;
		} else if (action->type == ACTION_END) {
			metrics->ended[action->end]++;
		}
		is_refused = is_refused || action->type == ACTION_REFUSE ||
			     action->type == ACTION_REREGISTER;
	}
	metrics->tiles_failed += event->type == EVENT_FAIL && !is_refused;
}

void metrics_refused(struct metrics *metrics, enum brot_err code)
{
	metrics->refused[code]++;
}

/* A family of samples: one, or one for each value of a label. */
struct family {
	const char *name, *help;
	bool is_counter;
	size_t offset;   /* of the first number in struct metrics; the others follow it */
	uint64_t divide; /* the number by this: 1000 for ms shown as seconds */
	const char *label;
	const char *values[LABELS_MAX]; /* as far as they are not NULL */
};

#define AT(member) offsetof(struct metrics, member)

static const struct family families[] = {
	{"brot_uptime_seconds",
	 "Time since the broker began.",
	 false,
	 AT(uptime_ms),
	 1000,
	 NULL,
	 {NULL}},
	{"brot_jobs",
	 "Jobs that the broker has now.",
	 false,
	 AT(jobs),
	 1,
	 "state",
	 {"queued", "running", "paused", "finished", "failed"}},
	{"brot_jobs_ended_total",
	 "Jobs that are no more, by how they ended.",
	 true,
	 AT(ended),
	 1,
	 "end",
	 {[JOB_END_RELEASED] = "released",
	  [JOB_END_FAILED] = "failed",
	  [JOB_END_CANCELLED] = "cancelled",
	  [JOB_END_ABANDONED] = "abandoned",
	  [JOB_END_EXPIRED] = "expired"}},
	{"brot_workers", "Workers that are connected.", false, AT(workers), 1, NULL, {NULL}},
	{"brot_worker_threads", "Their threads.", false, AT(threads), 1, NULL, {NULL}},
	{"brot_tile_leases_total", "Tiles handed to a worker.", true, AT(leases), 1, NULL, {NULL}},
	{"brot_tile_leases_again_total",
	 "Tiles handed to a worker that had been handed to one before.",
	 true,
	 AT(leases_again),
	 1,
	 NULL,
	 {NULL}},
	{"brot_tiles_done_total",
	 "Results of tiles that counted.",
	 true,
	 AT(tiles_done),
	 1,
	 NULL,
	 {NULL}},
	{"brot_tiles_failed_total",
	 "Tiles that a worker could not render.",
	 true,
	 AT(tiles_failed),
	 1,
	 NULL,
	 {NULL}},
	{"brot_grids_total",
	 "Grids of a Buddhabrot's counts that were committed.",
	 true,
	 AT(grids),
	 1,
	 NULL,
	 {NULL}},
	{"brot_tiles_revoked_total",
	 "Copies of tiles that another worker had rendered first.",
	 true,
	 AT(tiles_revoked),
	 1,
	 NULL,
	 {NULL}},
	{"brot_iterations_total",
	 "Iterations in the results that counted.",
	 true,
	 AT(iterations),
	 1,
	 NULL,
	 {NULL}},
	{"brot_worker_seconds_total",
	 "Time that threads spent on the results that counted.",
	 true,
	 AT(worker_us),
	 1000000,
	 NULL,
	 {NULL}},
	{"brot_image_bytes",
	 "Shared memory that images take.",
	 false,
	 AT(image_bytes),
	 1,
	 NULL,
	 {NULL}},
	{"brot_image_budget_bytes",
	 "Shared memory that images may take.",
	 false,
	 AT(image_budget_bytes),
	 1,
	 NULL,
	 {NULL}},
	{"brot_peers", "Connections that the broker remembers.", false, AT(peers), 1, NULL, {NULL}},
	{"brot_client_messages_total",
	 "Messages of clients.",
	 true,
	 AT(messages[SIDE_CLIENT]),
	 1,
	 "direction",
	 {"received", "sent"}},
	{"brot_worker_messages_total",
	 "Messages of workers.",
	 true,
	 AT(messages[SIDE_WORKER]),
	 1,
	 "direction",
	 {"received", "sent"}},
	{"brot_client_bytes_total",
	 "Bytes in messages of clients.",
	 true,
	 AT(bytes[SIDE_CLIENT]),
	 1,
	 "direction",
	 {"received", "sent"}},
	{"brot_worker_bytes_total",
	 "Bytes in messages of workers.",
	 true,
	 AT(bytes[SIDE_WORKER]),
	 1,
	 "direction",
	 {"received", "sent"}},
	{"brot_store_commits_total",
	 "Transactions that the store took.",
	 true,
	 AT(store_commits),
	 1,
	 NULL,
	 {NULL}},
	{"brot_store_failures_total",
	 "Transactions that the store did not take.",
	 true,
	 AT(store_failures),
	 1,
	 NULL,
	 {NULL}},
	{"brot_connections_turned_away_total",
	 "Connections closed for want of descriptors.",
	 true,
	 AT(turned_away),
	 1,
	 NULL,
	 {NULL}},
};

struct text {
	char *data;
	size_t used;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int chars = vsnprintf(text->data + text->used, TEXT_BYTES - text->used, format, args);
	va_end(args);
	assert(chars >= 0 && (size_t)chars < TEXT_BYTES - text->used);
	text->used += (size_t)chars;
}

static void add_head(struct text *text, const char *name, const char *help, bool is_counter)
{
	add(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    is_counter ? "counter" : "gauge");
}

/* Exact: a double would round iterations. */
static void add_number(struct text *text, uint64_t number, uint64_t divide)
{
	if (divide == 1)
		add(text, " %" PRIu64 "\n", number);
	else
		add(text, " %" PRIu64 ".%0*" PRIu64 "\n", number / divide, divide == 1000 ? 3 : 6,
		    number % divide);
}

static void add_family(struct text *text, const struct family *family, const struct metrics *m)
{
	uint64_t number;
	const char *first = (const char *)m + family->offset;
	add_head(text, family->name, family->help, family->is_counter);
	for (size_t i = 0; i == 0 || (i < LABELS_MAX && family->values[i] != NULL); i++) {
		memcpy(&number, first + i * sizeof number, sizeof number);
		add(text, "%s", family->name);
		if (family->label != NULL)
			add(text, "{%s=\"%s\"}", family->label, family->values[i]);
		add_number(text, number, family->divide);
	}
}

char *metrics_text(const struct metrics *metrics, const char *version)
{
	struct text text = {.data = malloc(TEXT_BYTES)};
	if (text.data == NULL)
		return NULL;
	add_head(&text, "brot_build_info", "Which brot this is; always 1.", false);
	add(&text, "brot_build_info{version=\"%s\"} 1\n", version);
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		add_family(&text, &families[i], metrics);
	add_head(&text, "brot_refused_total", "Messages that were refused, by the reason's code.",
		 true);
	for (int code = BROT_OK + 1; code < BROT_ERR_COUNT; code++) {
		add(&text, "brot_refused_total{code=\"%s\"}", brot_err_name((enum brot_err)code));
		add_number(&text, metrics->refused[code], 1);
	}
	return text.data;
}
