/* sched_str.c - events and actions as lines of text, for the debug log and for the tests. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/sched.h"

static const char *const event_names[EVENT_TYPE_COUNT] = {
	[EVENT_TICK] = "tick",
	[EVENT_STOP] = "stop",
	[EVENT_UNREACHABLE] = "unreachable",
	[EVENT_VIOLATION] = "violation",
	[EVENT_SUBMIT] = "submit",
	[EVENT_IMAGE_READY] = "image_ready",
	[EVENT_IMAGE_FAILED] = "image_failed",
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
	[ACTION_RECORD] = "record",
	[ACTION_END] = "end",
	[ACTION_APPLY] = "apply",
	[ACTION_NOTE] = "note",
};

/* A line that grows to the end of its buffer and no further. */
struct line {
	char *text;
	size_t bytes, used;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	if (line->used + 1 >= line->bytes)
		return;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line->text + line->used, line->bytes - line->used, format, args);
	va_end(args);
	if (n > 0)
		line->used += (size_t)n;
}

static void add_id(struct line *line, const char *name, uint64_t value)
{
	if (value != 0)
		add(line, " %s=%" PRIu64, name, value);
}

static void add_tile(struct line *line, const struct tile_name *tile)
{
	if (tile->work != 0)
		add(line, " work=%" PRIu64 " phase=%u tile=%u attempt=%u", tile->work, tile->phase,
		    tile->tile, tile->attempt);
}

const char *sched_event_str(const struct sched_event *event, char *buffer, size_t bytes)
{
	assert((unsigned)event->type < EVENT_TYPE_COUNT && bytes > 0);
	buffer[0] = '\0';
	struct line line = {buffer, bytes, 0};
	add(&line, "[%6" PRId64 "] event %s", event->now_ms, event_names[event->type]);
	add_id(&line, "peer", event->peer);
	add_id(&line, "session", event->session);
	add_id(&line, "job", event->job);
	add_tile(&line, &event->tile);
	if (event->type == EVENT_CREDIT)
		add(&line, " credit=%u", event->credit);
	if (event->type == EVENT_MAPPED)
		add(&line, " is_mapped=%d", event->is_mapped);
	if (event->type == EVENT_DONE)
		add(&line, " elapsed_us=%" PRId64 " iterations=%" PRIu64 " has_pixels=%d",
		    event->done.elapsed_us, event->iterations, event->done.has_pixels);
	if (event->type == EVENT_HELLO)
		add(&line, " random=%" PRIu64 " threads=%u", event->hello.random,
		    event->hello.info->threads);
	if (event->type == EVENT_SUBMIT)
		add(&line, " job=%" PRIu64 " size=%ux%u work=%" PRIu64, event->submit.job,
		    event->submit.plan->layout.grid.width_px,
		    event->submit.plan->layout.grid.height_px,
		    event->submit.plan->phases[0].pixel_work);
	if (event->code != BROT_OK)
		add(&line, " error=%s", brot_err_name(event->code));
	if (event->text != NULL)
		add(&line, " text=\"%s\"", event->text);
	return buffer;
}

const char *sched_action_str(const struct sched_action *action, char *buffer, size_t bytes)
{
	assert((unsigned)action->type < ACTION_TYPE_COUNT && bytes > 0);
	buffer[0] = '\0';
	struct line line = {buffer, bytes, 0};
	add(&line, "action %s", action_names[action->type]);
	add_id(&line, "peer", action->peer);
	add_id(&line, "session", action->session);
	if (action->tile.work != 0)
		add_tile(&line, &action->tile);
	else
		add_id(&line, "job", action->job);
	if (action->rect.w > 0)
		add(&line, " rect=%u,%u,%ux%u", action->rect.x, action->rect.y, action->rect.w,
		    action->rect.h);
	if (action->report.job != 0)
		add(&line, " pixels_done=%" PRIu64 " tiles_done=%u", action->report.pixels_done,
		    action->report.tiles_done);
	if (action->code != BROT_OK)
		add(&line, " error=%s", brot_err_name(action->code));
	if (action->text[0] != '\0')
		add(&line, " text=\"%s\"", action->text);
	return buffer;
}
