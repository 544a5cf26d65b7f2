/* announce.c - what was said, at a pace that a terminal or a log can bear. */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "client/announce.h"

#include <inttypes.h>
#include <sys/ioctl.h>

#include "client/print.h"

#define COLUMNS_USUAL 80
#define CLEAR_LINE    "\r\033[K"
#define NUMBER(value) ((json_int_t)(value))

void announce_init(struct announce *announce, const struct announce_config *config, int64_t now_ms)
{
	*announce = (struct announce){.config = *config, .start_ms = now_ms, .shown_ms = now_ms};
}

void announce_request(struct announce *announce, const json_t *request, uint32_t width_px,
		      uint32_t height_px)
{
	announce->config.request = request;
	announce->config.width_px = width_px;
	announce->config.height_px = height_px;
}

void announce_broker(struct announce *announce, const char *url, uint64_t job)
{
	announce->config.url = url;
	announce->job = job;
}

void announce_started(struct announce *announce, uint32_t workers)
{
	const struct announce_config *config = &announce->config;
	if (config->mode == ANNOUNCE_EVENTS)
		print_event(config->events, "started",
			    json_pack("{s:I}", "workers", NUMBER(workers)));
	if (config->mode == ANNOUNCE_PEOPLE)
		fprintf(config->people, "started an embedded service with %lu worker%s\n",
			(unsigned long)workers, workers == 1 ? "" : "s");
}

static unsigned columns(FILE *file)
{
	struct winsize size = {0};
	if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return COLUMNS_USUAL;
	return size.ws_col;
}

/* The last column stays empty: some terminals wrap there. */
static void show_bar(struct announce *announce)
{
	FILE *people = announce->config.people;
	char text[PROGRESS_TEXT_BYTES];
	fprintf(people, CLEAR_LINE "%s",
		progress_bar(&announce->progress, columns(people) - 1, text));
	(void)fflush(people);
	announce->has_bar = true;
}

static void show_line(struct announce *announce)
{
	char text[PROGRESS_TEXT_BYTES];
	fprintf(announce->config.people, "%s\n", progress_line(&announce->progress, text));
	announce->has_line = true;
}

/* Not too often, unless it is worth it. */
static void show(struct announce *announce, bool is_news, int64_t now_ms)
{
	bool is_terminal = announce->config.is_terminal;
	bool is_due = is_terminal
			      ? !announce->has_bar || now_ms - announce->shown_ms >= ANNOUNCE_BAR_MS
			      : now_ms - announce->shown_ms >= ANNOUNCE_LINE_MS;
	if (announce->config.mode != ANNOUNCE_PEOPLE || (!is_due && !is_news))
		return;
	announce->shown_ms = now_ms;
	if (is_terminal)
		show_bar(announce);
	else
		show_line(announce);
}

static json_t *progress_event(const struct session_progress *now)
{
	json_t *event = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "state",
				  now->is_paused    ? "paused"
				  : now->is_running ? "running"
						    : "queued",
				  "pixels_done", NUMBER(now->pixels_done), "pixels",
				  NUMBER(now->pixels), "tiles_done", NUMBER(now->tiles_done),
				  "tiles_running", NUMBER(now->tiles_running), "workers",
				  NUMBER(now->workers), "iterations", NUMBER(now->iterations),
				  "elapsed_ms", NUMBER(now->elapsed_ms));
	if (now->has_points && event != NULL)
		(void)json_object_set_new(event, "held", json_integer(NUMBER(now->held)));
	return event;
}

static void on_progress(struct announce *announce, const struct session_progress *now,
			int64_t now_ms)
{
	if (announce->config.mode == ANNOUNCE_EVENTS)
		print_event(announce->config.events, "progress", progress_event(now));
	progress_update(&announce->progress, now, now_ms);
	show(announce, false, now_ms);
}

static void on_finished(struct announce *announce, const struct session_summary *summary,
			int64_t now_ms)
{
	announce->summary = *summary;
	if (announce->config.mode == ANNOUNCE_EVENTS) {
		print_event(announce->config.events, "finished",
			    json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "pixels",
				      NUMBER(summary->pixels), "tiles", NUMBER(summary->tiles),
				      "retries", NUMBER(summary->retries), "workers",
				      NUMBER(summary->workers), "iterations",
				      NUMBER(summary->iterations), "elapsed_ms",
				      NUMBER(summary->elapsed_ms)));
		announce->shown_ms = now_ms;
	}
	if (announce->is_banded) /* the file is whole as well */
		return;
	progress_rendered(&announce->progress, 0, announce->config.height_px);
	/* Whoever has seen it grow sees it whole; for others the summary will do. */
	show(announce, announce->has_bar || announce->has_line, now_ms);
}

static void on_accepted(struct announce *announce, const struct session_job *job)
{
	announce->job = job->job;
	announce->is_banded = job->band_count != 0;
	announce->band_count = job->band_count;
	if (announce->config.mode != ANNOUNCE_EVENTS)
		return;
	json_t *event = json_pack("{s:I,s:o}", "job", NUMBER(job->job), "request",
				  json_deep_copy(announce->config.request));
	if (announce->is_banded && event != NULL)
		(void)json_object_set_new(event, "bands", json_integer(job->band_count));
	print_event(announce->config.events, "accepted", event);
}

static void on_band(const struct announce *announce, const struct session_band *band)
{
	if (announce->config.mode == ANNOUNCE_EVENTS)
		print_event(announce->config.events, "band",
			    json_pack("{s:I,s:I,s:I,s:I}", "band", NUMBER(band->band), "bands",
				      NUMBER(announce->band_count), "first", NUMBER(band->first),
				      "rows", NUMBER(band->rows)));
}

static void on_busy(struct announce *announce, const struct session_action *action)
{
	const struct announce_config *config = &announce->config;
	announce_done(announce);
	if (config->mode == ANNOUNCE_EVENTS)
		print_event(config->events, "busy",
			    json_pack("{s:I,s:s}", "job", NUMBER(announce->job), "text",
				      action->error.text));
	if (config->mode == ANNOUNCE_PEOPLE && action->is_read)
		fprintf(config->people, "another client reads job %" PRIu64 ": waiting for it\n",
			announce->job);
	else if (config->mode == ANNOUNCE_PEOPLE) {
		print_text(config->people, action->error.text);
		fprintf(config->people, "; waiting\n");
	}
}

static void on_broker(struct announce *announce, bool is_back)
{
	const struct announce_config *config = &announce->config;
	announce_done(announce);
	if (config->mode == ANNOUNCE_EVENTS)
		print_event(config->events, is_back ? "back" : "silent",
			    json_pack("{s:s}", "broker", config->url));
	if (config->mode == ANNOUNCE_PEOPLE)
		fprintf(config->people,
			is_back ? "the broker at %s is back\n"
				: "the broker at %s does not answer: waiting for it\n",
			config->url);
}

void announce_action(struct announce *announce, const struct session_action *action, int64_t now_ms)
{
	if (action->type == SESSION_ACCEPTED)
		on_accepted(announce, &action->job);
	if (action->type == SESSION_PROGRESS)
		on_progress(announce, &action->progress, now_ms);
	if (action->type == SESSION_WORKERS)
		progress_workers(&announce->progress, action->workers);
	if (action->type == SESSION_BAND)
		on_band(announce, &action->band);
	if (action->type == SESSION_FINISHED)
		on_finished(announce, &action->summary, now_ms);
	if (action->type == SESSION_BUSY)
		on_busy(announce, action);
	if (action->type == SESSION_SILENT || action->type == SESSION_BACK)
		on_broker(announce, action->type == SESSION_BACK);
}

void announce_rows(struct announce *announce, uint64_t rows_written, int64_t now_ms)
{
	const struct announce_config *config = &announce->config;
	if (announce->is_banded)
		progress_written(&announce->progress, rows_written, config->height_px);
	else
		progress_rendered(&announce->progress, rows_written, config->height_px);
	if (config->mode == ANNOUNCE_EVENTS && now_ms - announce->shown_ms >= ANNOUNCE_WRITING_MS) {
		print_event(config->events, "writing",
			    json_pack("{s:I,s:I}", "rows_done", NUMBER(rows_written), "rows",
				      NUMBER(config->height_px)));
		announce->shown_ms = now_ms;
	}
	show(announce, false, now_ms);
}

void announce_counts(struct announce *announce, uint64_t points, bool has_hits)
{
	announce->points = points;
	announce->has_hits = has_hits;
}

void announce_saved(struct announce *announce, const char *path, uint64_t bytes, int64_t now_ms)
{
	const struct announce_config *config = &announce->config;
	char text[PROGRESS_TEXT_BYTES];
	int64_t elapsed_ms = now_ms - announce->start_ms;
	announce_done(announce);
	if (config->mode == ANNOUNCE_EVENTS) {
		json_t *event = json_pack("{s:s,s:I,s:I}", "path", path, "bytes", NUMBER(bytes),
					  "elapsed_ms", NUMBER(elapsed_ms));
		if (announce->points != 0 && event != NULL)
			(void)json_object_set_new(event, "hits", json_boolean(announce->has_hits));
		print_event(config->events, "saved", event);
	}
	if (config->mode != ANNOUNCE_PEOPLE)
		return;
	fprintf(config->people, "%s\n",
		progress_summary(&announce->summary, config->width_px, config->height_px,
				 elapsed_ms, path, text));
	if (announce->points != 0 && !announce->has_hits)
		fprintf(config->people,
			"no orbit of %" PRIu64 " points passes through the view: every count "
			"is 0\n",
			announce->points);
}

void announce_ended(struct announce *announce, uint64_t job)
{
	announce_done(announce);
	if (announce->config.mode == ANNOUNCE_PEOPLE)
		fprintf(announce->config.people, "job %" PRIu64 " is finished\n", job);
}

void announce_left(struct announce *announce, uint64_t job, const char *path, const char *format)
{
	announce_done(announce);
	if (announce->config.mode == ANNOUNCE_EVENTS)
		print_event(announce->config.events, "left",
			    json_pack("{s:I,s:s*}", "job", NUMBER(job), "format", format));
	else
		fprintf(announce->config.people,
			"job %" PRIu64 " is kept: `brot-client wait %" PRIu64
			" --out %s%s%s` gets it\n",
			job, job, path, format == NULL ? "" : " --format ",
			format == NULL ? "" : format);
}

void announce_done(struct announce *announce)
{
	if (announce->has_bar)
		fputs(CLEAR_LINE, announce->config.people);
	announce->has_bar = false;
}
