/* client_script.c - one step, and its trace. */
#include "tests/unit/client_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static char trace[512];
struct session_action script_last[SESSION_ACTIONS_MAX];
size_t script_last_count;
bool script_tells_news;
struct fetch_area script_area = {4, 0, 2, FORMAT_RGB8};

static void note(const struct session_action *action)
{
	static const char *const names[] = {
		"send ", "reconnect", "accepted", "progress", "workers", "busy",   "silent",
		"back",  "band",      "finished", "pixels",   "ready",   "failed", "cancelled"};
	bool is_news = action->type == SESSION_BUSY || action->type == SESSION_SILENT ||
		       action->type == SESSION_BACK;
	if (is_news && !script_tells_news)
		return;
	size_t used = strlen(trace);
	(void)snprintf(trace + used, sizeof trace - used, "%s%s%s", used == 0 ? "" : "; ",
		       names[action->type],
		       action->type == SESSION_SEND ? message_name(action->message.type) : "");
	script_last[script_last_count++] = *action;
}

static const char *run(struct session *s, const struct session_event *event)
{
	const struct session_action *action;
	trace[0] = '\0';
	script_last_count = 0;
	session_step(s, event);
	while ((action = session_next(s)) != NULL)
		note(action);
	return trace;
}

const char *script_step(struct session *s, enum session_event_type type, int64_t now_ms)
{
	struct session_event event = {.type = type, .now_ms = now_ms, .area = script_area};
	return run(s, &event);
}

const char *script_say(struct session *s, enum message_type type, const char *body, int64_t now_ms)
{
	struct message m = {.type = type, .body = {body, strlen(body)}};
	struct session_event event = {
		.type = SESSION_EVENT_MESSAGE, .now_ms = now_ms, .message = &m};
	return run(s, &event);
}

const char *script_rows(struct session *s, const struct message *like, size_t bytes, int64_t now_ms)
{
	static const uint8_t pixels[4 * 1024 * 1024];
	struct message m = *like;
	m.type = MSG_ROWS;
	m.data = (struct bytes){pixels, bytes};
	struct session_event event = {
		.type = SESSION_EVENT_MESSAGE, .now_ms = now_ms, .message = &m};
	return run(s, &event);
}

static struct session *make_by(struct session_config *config)
{
	config->url = "ipc:///nowhere";
	for (uint8_t i = 0; i < sizeof config->key; i++)
		config->key[i] = i;
	json_t *request = json_pack("{s:i}", "brot", 1);
	config->request = request;
	struct session *s = session_new(config);
	json_decref(request);
	assert_non_null(s);
	return s;
}

struct session *script_make(uint32_t width_px, uint32_t height_px, enum format_id format,
			    int64_t timeout_ms)
{
	struct session_config config = {.timeout_ms = timeout_ms};
	script_area = (struct fetch_area){width_px, 0, height_px, format};
	return make_by(&config);
}

struct session *script_make_attached(int64_t timeout_ms)
{
	struct session_config config = {.attach = 7, .timeout_ms = timeout_ms};
	script_area = (struct fetch_area){4, 0, 2, FORMAT_RGB8};
	return make_by(&config);
}

struct session *script_make_patient(bool is_attached)
{
	struct session_config config = {
		.attach = is_attached ? 7 : 0, .timeout_ms = 10000, .is_patient = true};
	script_area = (struct fetch_area){4, 0, 2, FORMAT_RGB8};
	return make_by(&config);
}

struct session *script_make_kept(int64_t timeout_ms)
{
	struct session_config config = {.is_kept = true, .timeout_ms = timeout_ms};
	script_area = (struct fetch_area){4, 0, 2, FORMAT_RGB8};
	return make_by(&config);
}

struct session *script_accepted(void)
{
	struct session *s = script_make(4, 2, FORMAT_RGB8, 10000);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, ACCEPTED_BODY, 10), "accepted; send WATCH");
	return s;
}

struct session *script_banded(bool is_kept)
{
	struct session *s = is_kept ? script_make_kept(10000)
				    : script_make(4, 2, FORMAT_RGB8, 10000);
	assert_string_equal(script_step(s, SESSION_EVENT_START, 0), "send SUBMIT");
	assert_string_equal(script_say(s, MSG_ACCEPTED, BANDED_BODY, 10), "accepted; send WATCH");
	assert_int_equal(script_last[0].job.band_count, 3);
	assert_int_equal(script_last[0].job.band_rows, 4);
	return s;
}

const char *script_body(size_t i)
{
	return script_last[i].message.body.data;
}
