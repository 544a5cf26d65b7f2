/* sched_str.c - events, actions and limits as lines of text, for the debug log and for the tests.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "broker/sched_text.h"
#include "proto/format.h"

const char *const sched_event_names[EVENT_TYPE_COUNT] = {
	[EVENT_TICK] = "tick",
	[EVENT_STOP] = "stop",
	[EVENT_UNREACHABLE] = "unreachable",
	[EVENT_SUBMIT] = "submit",
	[EVENT_IMAGE_READY] = "image_ready",
	[EVENT_IMAGE_FAILED] = "image_failed",
	[EVENT_COMMITTED] = "committed",
	[EVENT_SUMMED] = "summed",
	[EVENT_WATCH] = "watch",
	[EVENT_CANCEL_JOB] = "cancel_job",
	[EVENT_RELEASE] = "release",
	[EVENT_ATTACH] = "attach",
	[EVENT_PAUSE] = "pause",
	[EVENT_RESUME] = "resume",
	[EVENT_RETRY] = "retry",
	[EVENT_PRIORITY] = "priority",
	[EVENT_DRAIN_WORKER] = "drain_worker",
	[EVENT_RESTORE] = "restore",
	[EVENT_HELLO] = "hello",
	[EVENT_CREDIT] = "credit",
	[EVENT_MAPPED] = "mapped",
	[EVENT_DONE] = "done",
	[EVENT_FAIL] = "fail",
	[EVENT_BEAT] = "beat",
	[EVENT_BYE] = "bye",
	[EVENT_GONE] = "gone",
};

static const char *const action_names[ACTION_TYPE_COUNT] = {
	[ACTION_WELCOME] = "welcome",
	[ACTION_JOB] = "job",
	[ACTION_TILE] = "tile",
	[ACTION_REVOKE] = "revoke",
	[ACTION_CANCEL] = "cancel",
	[ACTION_DRAIN] = "drain",
	[ACTION_REREGISTER] = "reregister",
	[ACTION_ACCEPTED] = "accepted",
	[ACTION_PROGRESS] = "progress",
	[ACTION_FINISHED] = "finished",
	[ACTION_FAILED] = "failed",
	[ACTION_BAND] = "band",
	[ACTION_CANCELLED] = "cancelled",
	[ACTION_CHANGED] = "changed",
	[ACTION_DRAINING] = "draining",
	[ACTION_REFUSE] = "refuse",
	[ACTION_CREATE_IMAGE] = "create_image",
	[ACTION_DROP_IMAGE] = "drop_image",
	[ACTION_COMMIT] = "commit",
	[ACTION_SUM] = "sum",
	[ACTION_RECORD] = "record",
	[ACTION_END] = "end",
	[ACTION_APPLY] = "apply",
	[ACTION_COUNTED] = "counted",
	[ACTION_NOTE] = "note",
};

const struct limit_field sched_limit_fields[LIMIT_FIELD_COUNT] = {
	{"image_bytes", FIELD_U64, offsetof(struct sched_limits, image_bytes)},
	{"jobs", FIELD_U32, offsetof(struct sched_limits, jobs)},
	{"jobs_per_client", FIELD_U32, offsetof(struct sched_limits, jobs_per_client)},
	{"workers", FIELD_U32, offsetof(struct sched_limits, workers)},
	{"beat_ms", FIELD_I64, offsetof(struct sched_limits, beat_ms)},
	{"lost_ms", FIELD_I64, offsetof(struct sched_limits, lost_ms)},
	{"progress_ms", FIELD_I64, offsetof(struct sched_limits, progress_ms)},
	{"lease_ms", FIELD_I64, offsetof(struct sched_limits, lease_ms)},
	{"tile_target_ms", FIELD_I64, offsetof(struct sched_limits, tile_target_ms)},
	{"grid_ms", FIELD_I64, offsetof(struct sched_limits, grid_ms)},
	{"retention_ms", FIELD_I64, offsetof(struct sched_limits, retention_ms)},
	{"sum_bytes", FIELD_U64, offsetof(struct sched_limits, sum_bytes)},
	{"rows_bytes", FIELD_U64, offsetof(struct sched_limits, rows_bytes)},
	{"tile_rows", FIELD_U32, offsetof(struct sched_limits, tile_rows)},
	{"is_durable", FIELD_BOOL, offsetof(struct sched_limits, is_durable)},
};

/* A line that grows to the end of its buffer and no further. */
struct line {
	char *text;
	size_t bytes, used;
	bool is_cut;
};

static struct line line_start(char *buffer, size_t bytes)
{
	assert(bytes > 0);
	buffer[0] = '\0';
	return (struct line){.text = buffer, .bytes = bytes};
}

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	if (line->is_cut)
		return;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line->text + line->used, line->bytes - line->used, format, args);
	va_end(args);
	line->is_cut = n < 0 || (size_t)n >= line->bytes - line->used;
	if (!line->is_cut)
		line->used += (size_t)n;
}

static const char *line_end(const struct line *line)
{
	static const char mark[] = " ...";
	if (line->is_cut && line->bytes > sizeof mark)
		memcpy(line->text + line->bytes - sizeof mark, mark, sizeof mark);
	return line->text;
}

static void add_number(struct line *line, const char *name, uint64_t value)
{
	if (value != 0)
		add(line, " %s=%" PRIu64, name, value);
}

static void add_signed(struct line *line, const char *name, int64_t value)
{
	if (value != 0)
		add(line, " %s=%" PRId64, name, value);
}

/* A job's id, and its band's number unless that is 0, or its grid's: 5, 5.3, 5.g3 */
static void add_work(struct line *line, const char *name, uint64_t work)
{
	if (work == 0)
		return;
	add(line, " %s=%" PRIu64, name, work_job(work));
	if (work_is_grid(work))
		add(line, ".g%u", work_grid(work));
	else if (work_band(work) != 0)
		add(line, ".%u", work_band(work));
}

static void add_tile(struct line *line, const struct tile_name *tile)
{
	if (tile->work == 0)
		return;
	add_work(line, "tile", tile->work);
	add(line, "/%u/%u/%u", tile->phase, tile->tile, tile->attempt);
}

static void add_text(struct line *line, const char *name, const char *text)
{
	if (text == NULL)
		return;
	add(line, " %s=\"", name);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			add(line, "\\%c", *p);
		else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			add(line, "\\x%02x", (unsigned)*p);
		else
			add(line, "%c", *p);
	}
	add(line, "\"");
}

static void add_hex(struct line *line, const char *name, const uint8_t *data, size_t bytes)
{
	add(line, " %s=", name);
	for (size_t i = 0; i < bytes; i++)
		add(line, "%02x", data[i]);
}

/* Bytes in hexadecimal, each run of equal ones with its length: ff*12,0f,00*3 */
static void add_runs(struct line *line, const uint8_t *data, size_t bytes)
{
	for (size_t i = 0, run; i < bytes; i += run) {
		for (run = 1; i + run < bytes && data[i + run] == data[i]; run++)
			;
		add(line, "%s%02x", i > 0 ? "," : "", data[i]);
		if (run > 1)
			add(line, "*%zu", run);
	}
}

size_t sched_restore_bytes(const struct plan *plan, uint32_t bands_released, uint32_t i)
{
	uint64_t band = (uint64_t)(plan->band_count > 1 ? bands_released : 0) + i;
	if (plan->phase_count == 0 || band >= plan->band_count)
		return 0;
	struct segment_grid grid = plan_band_grid(plan, plan->phase_count - 1, (uint32_t)band);
	return (segment_count(&grid) + 7) / 8;
}

size_t sched_grid_bytes(const struct plan *plan)
{
	return ((size_t)plan->counts.segments + 7) / 8;
}

static void add_plan(struct line *line, const struct plan *plan)
{
	add(line, " phases=");
	for (uint32_t p = 0; p < plan->phase_count; p++) {
		const struct phase *phase = &plan->phases[p];
		add(line, "%s%s:%u:%u:%u:%u:%" PRIu64, p > 0 ? "," : "", phase_name(phase->kind),
		    phase->grid.width_px, phase->grid.height_px, phase->grid.slice_px,
		    phase->pixel_bytes, phase->pixel_work);
	}
	add(line, " format=%s height=%u bands=%u band_rows=%u image_bytes=%" PRIu64,
	    format_info(plan->format)->name, plan->height_px, plan->band_count, plan->band_rows,
	    plan->image_bytes);
	if (plan->grids > 0 && plan->first_point > 0)
		add(line, " first_point=%" PRIu64, plan->first_point);
	if (plan->grids > 0)
		add(line,
		    " grids=%u points=%" PRIu64 " segment_points=%" PRIu64
		    " channels=%u mirrored=%d wrap=%" PRIu64,
		    plan->grids, plan->points, plan->segment_points, plan->counts.channels,
		    plan->counts.is_mirrored, plan->counts.wrap);
}

static void add_hello(struct line *line, const struct sched_event *event)
{
	const struct worker_info *info = event->hello.info;
	add_hex(line, "id", info->id, sizeof info->id);
	add_text(line, "name", info->name);
	add(line, " threads=%u pid=%" PRId64, info->threads, info->pid);
	add_text(line, "kernel", info->kernel);
	add_text(line, "version", info->version);
	add(line, " random=%" PRIu64, event->hello.random);
}

static void add_submit(struct line *line, const struct sched_event *event)
{
	add(line, " new_job=%" PRIu64, event->submit.job);
	add_hex(line, "key", event->submit.key, sizeof event->submit.key);
	add_text(line, "client", event->submit.client);
	add(line, " priority=%d kept=%d owner_jobs=%u", event->submit.priority,
	    event->submit.is_kept, event->submit.owner_jobs);
	add_plan(line, event->submit.plan);
}

static void add_restore(struct line *line, const struct sched_restore *restore)
{
	static const char *const names[] = RESTORE_BITS_NAMES;
	add_hex(line, "key", restore->key, sizeof restore->key);
	add_text(line, "client", restore->client);
	add(line, " priority=%d kept=%d paused=%d", restore->priority, restore->is_kept,
	    restore->is_paused);
	if (restore->code != BROT_OK)
		add(line, " job_error=%s", brot_err_name(restore->code));
	add_text(line, "job_text", restore->text);
	add_plan(line, restore->plan);
	add(line,
	    " bands_released=%u tiles_done=%u retries=%u workers=%u iterations=%" PRIu64
	    " worker_us=%" PRId64 " accepted_ago_ms=%" PRId64 " finished_ago_ms=%" PRId64,
	    restore->bands_released, restore->tiles_done, restore->retries, restore->workers,
	    restore->iterations, restore->worker_us, restore->accepted_ago_ms,
	    restore->finished_ago_ms);
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		if (restore->bits[i] == NULL)
			continue;
		add(line, " %s=", names[i]);
		add_runs(line, restore->bits[i],
			 sched_restore_bytes(restore->plan, restore->bands_released, i));
	}
	for (uint32_t i = 0; i < restore->grid_count; i++) {
		add(line, " grid%u=%u:", i, restore->grids[i].number);
		add_runs(line, restore->grids[i].bits, sched_grid_bytes(restore->plan));
	}
}

static void add_done(struct line *line, const struct sched_event *event)
{
	add(line, " elapsed_us=%" PRId64 " iterations=%" PRIu64 " has_pixels=%d",
	    event->done.elapsed_us, event->iterations, event->done.has_pixels);
}

static void add_band_number(struct line *line, uint32_t band)
{
	if (band == SCHED_ALL_BANDS)
		add(line, " band=all");
	else
		add(line, " band=%u", band);
}

const char *sched_event_str(const struct sched_event *event, char *buffer, size_t bytes)
{
	assert((unsigned)event->type < EVENT_TYPE_COUNT);
	struct line line = line_start(buffer, bytes);
	add(&line, "[%6" PRId64 "] event %s", event->now_ms, sched_event_names[event->type]);
	add_number(&line, "peer", event->peer);
	add_number(&line, "session", event->session);
	add_number(&line, "job", event->job);
	add_work(&line, "work", event->work);
	add_tile(&line, &event->tile);
	if (event->type == EVENT_RELEASE)
		add_band_number(&line, event->band);
	if (event->type == EVENT_PRIORITY)
		add(&line, " priority=%d", event->priority);
	if (event->type == EVENT_CREDIT)
		add(&line, " credit=%u", event->credit);
	if (event->type == EVENT_MAPPED)
		add(&line, " is_mapped=%d", event->is_mapped);
	if (event->type == EVENT_DONE)
		add_done(&line, event);
	if (event->type == EVENT_HELLO)
		add_hello(&line, event);
	if (event->type == EVENT_SUBMIT)
		add_submit(&line, event);
	if (event->type == EVENT_RESTORE)
		add_restore(&line, event->restore);
	if (event->type == EVENT_IMAGE_READY && event->bits_bytes > 0) {
		add(&line, " bits_bytes=%zu bits=", event->bits_bytes);
		add_runs(&line, event->bits, event->bits_bytes);
	}
	if (event->code != BROT_OK)
		add(&line, " error=%s", brot_err_name(event->code));
	add_text(&line, "text", event->text);
	return line_end(&line);
}

/* The most that a byte of bits takes is "ff,". */
size_t sched_event_str_bytes(const struct sched_event *event)
{
	if (event->type != EVENT_RESTORE)
		return SCHED_LINE_BYTES;
	size_t bytes = 2 * SCHED_LINE_BYTES;
	const struct sched_restore *restore = event->restore;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		if (restore->bits[i] != NULL)
			bytes += 3 * sched_restore_bytes(restore->plan, restore->bands_released, i);
	bytes += restore->grid_count * (3 * sched_grid_bytes(restore->plan) + 32);
	return bytes;
}

static void add_report(struct line *line, const struct job_report *report)
{
	if (report->job == 0)
		return;
	add(line, " state=%s pixels_done=%" PRIu64 " tiles_done=%u",
	    sched_state_name(report->state), report->pixels_done, report->tiles_done);
	add_number(line, "bands_released", report->bands_released);
	add_number(line, "paused", report->is_paused);
	add_signed(line, "priority", report->priority);
}

const char *sched_action_str(const struct sched_action *action, char *buffer, size_t bytes)
{
	assert((unsigned)action->type < ACTION_TYPE_COUNT);
	struct line line = line_start(buffer, bytes);
	add(&line, "action %s", action_names[action->type]);
	add_number(&line, "peer", action->peer);
	add_number(&line, "session", action->session);
	if (action->tile.work != 0)
		add_tile(&line, &action->tile);
	else if (action->work != 0)
		add_work(&line, "work", action->work);
	else
		add_number(&line, "job", action->job);
	if (action->rect.w > 0)
		add(&line, " rect=%u,%u,%ux%u", action->rect.x, action->rect.y, action->rect.w,
		    action->rect.h);
	add_report(&line, &action->report);
	if (action->type == ACTION_END)
		add(&line, " end=%s", sched_end_name(action->end));
	add_number(&line, "sum", action->is_sum);
	add_number(&line, "count", action->count);
	for (uint32_t i = 0; action->type == ACTION_SUM && i < action->count; i++)
		add_work(&line, "source", action->sources[i]);
	if (action->code != BROT_OK)
		add(&line, " error=%s", brot_err_name(action->code));
	if (action->text[0] != '\0')
		add_text(&line, "text", action->text);
	return line_end(&line);
}

const char *sched_limits_str(const struct sched_limits *limits, char *buffer, size_t bytes)
{
	struct line line = line_start(buffer, bytes);
	add(&line, "limits");
	for (size_t i = 0; i < LIMIT_FIELD_COUNT; i++) {
		const struct limit_field *field = &sched_limit_fields[i];
		const void *at = (const char *)limits + field->offset;
		if (field->type == FIELD_U64)
			add(&line, " %s=%" PRIu64, field->name, *(const uint64_t *)at);
		else if (field->type == FIELD_I64)
			add(&line, " %s=%" PRId64, field->name, *(const int64_t *)at);
		else if (field->type == FIELD_U32)
			add(&line, " %s=%u", field->name, *(const uint32_t *)at);
		else
			add(&line, " %s=%d", field->name, *(const bool *)at);
	}
	return line_end(&line);
}
