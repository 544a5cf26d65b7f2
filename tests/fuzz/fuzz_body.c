/*
 * fuzz_body.c - the JSON of a message, as the broker, or a client, takes it apart.
 *
 * The first byte says which parser gets the rest.
 */
#include "broker/parse.h"
#include "client/notice.h"
#include "client/reply.h"
#include "client/top.h"
#include "proto/quote.h"
#include "tests/fuzz/fuzz.h"

#define TOP_COLUMNS 80
#define TOP_ROWS    24

static void check_name(const char *name)
{
	FUZZ_CHECK(memchr(name, 0, LIMIT_NAME_CHARS + 1) != NULL, "a name without an end");
	for (const char *p = name; *p != '\0'; p++)
		FUZZ_CHECK(quote_control_bytes(p) == 0 && *p != '"', "\"%s\" in a log line", name);
}

static void take_hello(const struct message *m, struct brot_error *err)
{
	static struct worker_info info;
	if (parse_hello(m, &info, err) != BROT_OK)
		return;
	FUZZ_CHECK(info.threads >= 1 && info.threads <= LIMIT_CREDIT, "%u threads", info.threads);
	FUZZ_CHECK(info.kernel_count <= LIMIT_KERNELS, "%u kernels", info.kernel_count);
	check_name(info.name);
	check_name(info.version);
	check_name(info.kernel);
	for (uint32_t k = 0; k < info.kernel_count; k++) {
		check_name(info.kernels[k]);
		for (int p = 0; p < PRECISION_COUNT; p++)
			FUZZ_CHECK(info.speeds[k][p] <= LIMIT_SPEED, "too fast");
	}
}

static void take_submit(const struct message *m, struct brot_error *err)
{
	static struct submit submit;
	submit = (struct submit){0};
	if (parse_submit(m, &submit, err) != BROT_OK)
		return;
	FUZZ_CHECK(submit.has_key, "accepted without a key");
	FUZZ_CHECK(submit.priority >= -LIMIT_PRIORITY && submit.priority <= LIMIT_PRIORITY,
		   "priority %d", submit.priority);
	check_name(submit.client);
	FUZZ_CHECK(submit.request.width_px - 1 < LIMIT_SIZE_PX &&
			   submit.request.height_px - 1 < LIMIT_SIZE_PX,
		   "%ux%u", submit.request.width_px, submit.request.height_px);
}

static void take_verb(const struct message *m, struct brot_error *err)
{
	uint64_t job = 1, before, jobs[LIMIT_JOBS_PER_CLIENT];
	uint32_t number, limit;
	int32_t priority = 0;
	size_t count;
	char worker[LIMIT_NAME_CHARS + 1];
	struct fetch fetch;
	if (m->type == MSG_ATTACH && parse_job(m, &job, err) == BROT_OK)
		FUZZ_CHECK(job != 0, "job 0");
	if (m->type == MSG_RELEASE && parse_release(m, &job, &number, err) == BROT_OK)
		FUZZ_CHECK(job != 0, "job 0");
	if (m->type == MSG_PRIORITY && parse_priority(m, &job, &priority, err) == BROT_OK)
		FUZZ_CHECK(priority >= -LIMIT_PRIORITY && priority <= LIMIT_PRIORITY, "priority");
	if (m->type == MSG_HISTORY && parse_history(m, &limit, &before, err) == BROT_OK)
		FUZZ_CHECK(limit >= 1 && limit <= LIMIT_HISTORY, "%u rows", limit);
	if (m->type == MSG_DRAIN_WORKER && parse_drain_worker(m, worker, err) == BROT_OK)
		check_name(worker);
	if (m->type == MSG_WATCH && parse_watch(m, jobs, &count, err) == BROT_OK)
		FUZZ_CHECK(count <= LIMIT_JOBS_PER_CLIENT, "%zu jobs", count);
	if (m->type == MSG_FETCH && parse_fetch(m, &fetch, err) == BROT_OK)
		FUZZ_CHECK(fetch.job != 0, "job 0");
	if (m->type == MSG_STATUS)
		(void)parse_nothing(m, err);
}

/* ---- what a broker says ---- */

static void draw_line(const char *text, void *context)
{
	(void)context;
	FUZZ_CHECK(strchr(text, '\n') == NULL && strchr(text, '\033') == NULL,
		   "a control character in \"%s\"", text);
}

static void take_report(const json_t *json, struct brot_error *err)
{
	struct top *top = top_new();
	bool is_complete;
	FUZZ_CHECK(top != NULL, "no memory");
	top_begin(top);
	if (top_take(top, json, 1, &is_complete, err) == BROT_OK) {
		/* Anything goes: the same body may answer all three questions. */
		for (int64_t i = 2; i < 4; i++)
			(void)top_take(top, json, i, &is_complete, err);
	}
	top_draw(top, 0, TOP_COLUMNS, TOP_ROWS, draw_line, NULL);
	json_decref(top_json(top));
	top_free(top);
}

static void take_notice(const struct message *m, struct brot_error *err)
{
	json_t *json = NULL;
	struct session_job job;
	struct session_band band;
	struct session_progress progress;
	struct session_summary summary;
	if (reply_parse(m, &json, err) != BROT_OK)
		return;
	if (m->type == MSG_ACCEPTED && notice_accepted(json, &job, err) == BROT_OK)
		FUZZ_CHECK(job.band_count > 0 || image_name_is_valid(job.image.name), "a name");
	if (m->type == MSG_BAND && notice_band(json, &band, err) == BROT_OK)
		FUZZ_CHECK(image_name_is_valid(band.image.name) && band.rows > 0 &&
				   (uint64_t)band.first + band.rows <= LIMIT_SIZE_PX,
			   "rows %u+%u", band.first, band.rows);
	if (m->type == MSG_PROGRESS && notice_progress(json, &progress, err) == BROT_OK)
		FUZZ_CHECK(progress.pixels_done <= progress.pixels, "more pixels than there are");
	if (m->type == MSG_FINISHED)
		(void)notice_finished(json, &summary, err);
	if (m->type == MSG_REFUSED) {
		FUZZ_CHECK(reply_failure(json, err) != BROT_OK, "a failure that is none");
		FUZZ_CHECK(reply_refusal(json, "ipc:///nowhere", err) != BROT_OK, "likewise");
	}
	if (m->type == MSG_REPORT)
		take_report(json, err);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum message_type types[] = {
		MSG_HELLO,    MSG_SUBMIT,       MSG_ATTACH, MSG_RELEASE, MSG_PRIORITY, MSG_HISTORY,
		MSG_WATCH,    MSG_DRAIN_WORKER, MSG_FETCH,  MSG_STATUS,  MSG_ACCEPTED, MSG_BAND,
		MSG_PROGRESS, MSG_FINISHED,     MSG_FAILED, MSG_REFUSED, MSG_REPORT,
	};
	if (size == 0)
		return 0;
	uint8_t *body = fuzz_copy(data + 1, size - 1);
	struct message m = {.type = types[data[0] % (sizeof types / sizeof types[0])],
			    .body = {body, size - 1}};
	struct brot_error err;
	if (m.type == MSG_HELLO)
		take_hello(&m, &err);
	else if (m.type == MSG_SUBMIT)
		take_submit(&m, &err);
	else if (m.type < MSG_ACCEPTED)
		take_verb(&m, &err);
	else
		take_notice(&m, &err);
	free(body);
	return 0;
}
