/*
 * describe_bodies.c - what the code says and takes as JSON, for check_docs.py to compare with
 * PROTOCOL.md and request.schema.json.
 *
 * Prints "says NAME BODY" for each kind of body that a broker sends, "word KEY WORD" for each word
 * that a request may have, "request FORMULA BODY" for a request of each formula and "kind KIND
 * BODY" for one of each kind, then answers each line "NAME BODY" of standard input by "yes" or
 * "no": whether a broker takes that body. Columns are parted by tabs.
 */
#define _POSIX_C_SOURCE 200809L /* getline() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/parse.h"
#include "broker/plan.h"
#include "broker/report.h"

#define JOB 5

/* Takes the text. */
static void say(const char *name, char *body)
{
	printf("says\t%s\t%s\n", name, body);
	free(body);
}

static const struct request *request_of(uint64_t job, const char **ret_owner, void *context)
{
	*ret_owner = "uid:0";
	(void)job;
	return context;
}

static void step(struct sched *s, const struct sched_event *event)
{
	struct sched_actions actions = {0};
	sched_step(s, event, &actions);
	sched_actions_done(&actions);
}

/* The lists of a broker that has a job and a worker. */
static void say_lists(struct request *request, const struct plan *plan)
{
	const struct worker_info info = {.threads = 1, .kernel_count = 1, .kernels = {"scalar"}};
	const struct sched_limits limits = sched_limits_default(1ull << 30);
	struct sched *s = sched_new(&limits);
	struct sched_event submit = {.type = EVENT_SUBMIT, .peer = 1};
	submit.submit.job = JOB;
	submit.submit.plan = plan;
	step(s, &submit);
	step(s, &(struct sched_event){.type = EVENT_IMAGE_READY, .work = JOB});
	struct sched_event hello = {.type = EVENT_HELLO, .peer = 2};
	hello.hello.info = &info;
	hello.hello.random = 99;
	step(s, &hello);
	say("REPORT", report_jobs(s, 0, request_of, request));
	say("REPORT", report_workers(s, 0));
	sched_free(s);
}

static void say_history(void)
{
	const struct store_job job = {.job = JOB, .request = "{}", .request_bytes = 2};
	json_t *rows = json_array();
	json_array_append_new(rows, report_history_row(&job, true));
	say("REPORT", report_history(rows));
}

static void say_all(void)
{
	static const uint8_t key[SCHED_KEY_BYTES];
	const struct plan_budget budget = {.image_bytes = 1ull << 30};
	struct request request;
	request_init(&request);
	request.view.height = request.view.width;
	struct plan plan;
	if (plan_make(&request, &budget, &plan, NULL) != BROT_OK)
		abort();
	const struct job_card card = {
		.work = JOB, .image_name = "/brot-", .plan = &plan, .request = &request};
	const struct job_report report = {.job = JOB, .state = JOB_RUNNING};
	const struct status status = {.pid = 1};
	say("WELCOME", report_welcome(1, 2));
	say("JOB", report_job(&card));
	say("ACCEPTED", report_accepted(&card, key));
	say("BAND", report_band(&card));
	say("PROGRESS", report_progress(&report));
	say("FINISHED", report_finished(&report));
	say("FAILED", report_failed(JOB, BROT_E_FAILED, "why"));
	say("REFUSED", report_refused(BROT_E_BUSY, "why", "SUBMIT", key, JOB));
	say("REPORT", report_cancelled(JOB));
	say("REPORT", report_changed(&report));
	say("REPORT", report_draining(1));
	say("REPORT", report_status(&status));
	say_lists(&request, &plan);
	say_history();
}

static void print_words(void)
{
	for (int i = 0; i < KIND_COUNT; i++)
		printf("word\tkind\t%s\n", request_kind_name((enum request_kind)i));
	for (int i = 0; i < FORMULA_COUNT; i++)
		printf("word\tformula\t%s\n", formula_info((enum formula_id)i)->name);
	for (int i = 0; i < PRECISION_COUNT; i++)
		printf("word\tprecision\t%s\n", precision_name((enum precision)i));
	for (int i = 0; i < FORMAT_COUNT; i++)
		printf("word\tformat\t%s\n", format_info((enum format_id)i)->name);
	for (int i = 0; i < COLOUR_MODE_COUNT; i++)
		printf("word\tcolour.mode\t%s\n", colour_mode_name((enum colour_mode)i));
	for (int i = 0; i < INSIDE_COUNT; i++)
		printf("word\tcolour.inside\t%s\n", colour_inside_name((enum colour_inside)i));
	for (int i = 0; i < BLEND_COUNT; i++)
		printf("word\tcolour.blend\t%s\n", colour_blend_name((enum colour_blend)i));
	for (int i = 0; i < SAMPLING_COUNT; i++)
		printf("word\tbuddha.sampling\t%s\n",
		       buddha_sampling_name((enum buddha_sampling)i));
	printf("word\tbuddha.orbits\tescaping\nword\tbuddha.orbits\tinside\n");
	for (int i = 0; i < TONE_COUNT; i++)
		printf("word\ttone.curve\t%s\n", tone_curve_name((enum tone_curve)i));
}

static void print_request(const char *row, const char *name, struct request *request)
{
	request->view.height = request->view.width; /* the one key that is not always there */
	json_t *json = request_to_json(request);
	char *text = json_dumps(json, JSON_COMPACT);
	if (text == NULL)
		abort();
	printf("%s\t%s\t%s\n", row, name, text);
	free(text);
	json_decref(json);
}

/* A whole request of each formula, and of each kind. */
static void print_requests(void)
{
	struct request request;
	for (int i = 0; i < FORMULA_COUNT; i++) {
		request_init(&request);
		request.formula = (enum formula_id)i;
		print_request("request", formula_info(request.formula)->name, &request);
	}
	for (int i = 0; i < KIND_COUNT; i++) {
		request_init(&request);
		request.kind = (enum request_kind)i;
		request.buddha.channels = 1;
		print_request("kind", request_kind_name(request.kind), &request);
	}
}

static bool takes(const char *name, const char *body)
{
	static const char *const job_verbs[] = {"ATTACH", "CANCEL_JOB", "PAUSE", "RESUME", "RETRY"};
	struct message m = {.body = {body, strlen(body)}};
	struct worker_info info;
	struct submit submit;
	struct fetch fetch;
	char worker[LIMIT_NAME_CHARS + 1];
	uint64_t job, jobs[LIMIT_JOBS_PER_CLIENT];
	uint32_t number;
	int32_t priority;
	size_t count;
	for (size_t i = 0; i < sizeof job_verbs / sizeof job_verbs[0]; i++)
		if (strcmp(name, job_verbs[i]) == 0)
			return parse_job(&m, &job, NULL) == BROT_OK;
	if (strcmp(name, "HELLO") == 0)
		return parse_hello(&m, &info, NULL) == BROT_OK;
	if (strcmp(name, "SUBMIT") == 0)
		return parse_submit(&m, &submit, NULL) == BROT_OK;
	if (strcmp(name, "FETCH") == 0)
		return parse_fetch(&m, &fetch, NULL) == BROT_OK;
	if (strcmp(name, "WATCH") == 0)
		return parse_watch(&m, jobs, &count, NULL) == BROT_OK;
	if (strcmp(name, "RELEASE") == 0)
		return parse_release(&m, &job, &number, NULL) == BROT_OK;
	if (strcmp(name, "PRIORITY") == 0)
		return parse_priority(&m, &job, &priority, NULL) == BROT_OK;
	if (strcmp(name, "DRAIN_WORKER") == 0)
		return parse_drain_worker(&m, worker, NULL) == BROT_OK;
	if (strcmp(name, "HISTORY") == 0)
		return parse_history(&m, &number, &job, NULL) == BROT_OK;
	return parse_nothing(&m, NULL) == BROT_OK;
}

int main(void)
{
	char *line = NULL;
	size_t bytes = 0;
	say_all();
	print_words();
	print_requests();
	while (getline(&line, &bytes, stdin) > 0) {
		char *body = strchr(line, '\t');
		if (body == NULL)
			abort();
		*body++ = '\0';
		printf("%s\n", takes(line, body) ? "yes" : "no");
	}
	free(line);
	return 0;
}
