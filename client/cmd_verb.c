/* cmd_verb.c - the subcommands that ask a broker for one act, or the same one for several jobs, and
 * print each answer as one line. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/request_options.h"
#include "proto/quote.h"

#define RELEASES_MAX 3 /* that may be lost */

struct verb {
	const char *name;
	enum message_type type;
	const char *operands;
	size_t words; /* operands of one question */
	size_t most;  /* questions at a time */
	/* The question, which the caller owns. */
	enum brot_err (*ask)(const char *const *words, json_t **ret_body, struct brot_error *err);
	const char *key; /* of the REPORT that answers */
	enum brot_err (*tell)(const json_t *report, struct brot_error *err);
	const char *help;
};

static enum brot_err made(json_t *body, json_t **ret_body, struct brot_error *err)
{
	if (body == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a question");
	*ret_body = body;
	return BROT_OK;
}

static enum brot_err ask_job(const char *const *words, json_t **ret_body, struct brot_error *err)
{
	uint64_t job = 0;
	enum brot_err code = cli_read_job("JOB", words[0], &job, err);
	if (code != BROT_OK)
		return code;
	return made(json_pack("{s:I}", "job", (json_int_t)job), ret_body, err);
}

static enum brot_err ask_priority(const char *const *words, json_t **ret_body,
				  struct brot_error *err)
{
	uint64_t job = 0;
	int32_t priority = 0;
	enum brot_err code = cli_read_job("JOB", words[0], &job, err);
	if (code == BROT_OK)
		code = request_options_priority("N", words[1], &priority, err);
	if (code != BROT_OK)
		return code;
	return made(json_pack("{s:I,s:i}", "job", (json_int_t)job, "priority", (int)priority),
		    ret_body, err);
}

static enum brot_err ask_worker(const char *const *words, json_t **ret_body, struct brot_error *err)
{
	const char *worker = words[0];
	json_t *name = json_string(worker);
	char quoted[QUOTE_BYTES];
	if (name == NULL || worker[0] == '\0') {
		json_decref(name);
		return error_set(err, BROT_E_USAGE,
				 "WORKER: must be a name or an id, as \"workers --json\" lists "
				 "them, got \"%s\"",
				 quote_text(worker, strlen(worker), quoted, sizeof quoted));
	}
	return made(json_pack("{s:o}", "worker", name), ret_body, err);
}

static enum brot_err tell_state(const json_t *report, struct brot_error *err)
{
	uint64_t job = 0;
	const char *state = "";
	enum brot_err code = reply_u64(report, "job", &job, err);
	if (code == BROT_OK)
		code = reply_text(report, "state", &state, err);
	if (code != BROT_OK)
		return code;
	printf("job %" PRIu64 " is ", job);
	print_text(stdout, state);
	(void)putchar('\n');
	return BROT_OK;
}

static enum brot_err tell_priority(const json_t *report, struct brot_error *err)
{
	uint64_t job = 0;
	int64_t priority = 0;
	enum brot_err code = reply_u64(report, "job", &job, err);
	if (code == BROT_OK)
		code = reply_i64(report, "priority", &priority, err);
	if (code == BROT_OK)
		printf("job %" PRIu64 " has priority %" PRId64 "\n", job, priority);
	return code;
}

static enum brot_err tell_draining(const json_t *report, struct brot_error *err)
{
	uint64_t count = 0;
	enum brot_err code = reply_u64(report, "draining", &count, err);
	if (code == BROT_OK)
		printf("%" PRIu64 " worker%s draining\n", count, count == 1 ? " is" : "s are");
	return code;
}

#define MANY OPTIONS_OPERANDS_MAX

static const struct verb verbs[] = {
	{"cancel", MSG_CANCEL_JOB, "JOB...", 1, MANY, ask_job, "job", tell_state,
	 "Ends jobs, also finished ones that are kept: one's own, and as an admin anybody's, as\n"
	 "is everybody at a broker without keys over tcp. With a broker's --state-dir a\n"
	 "cancelled job can be made again: retry does that."},
	{"drain", MSG_DRAIN_WORKER, "WORKER", 1, 1, ask_worker, "draining", tell_draining,
	 "Has workers finish what they hold, and leave. WORKER is a name or an id as\n"
	 "\"workers --json\" lists them: all of that name leave. A HOST alone means all that\n"
	 "are called HOST/PID. Their processes end and are not started again."},
	{"pause", MSG_PAUSE, "JOB...", 1, MANY, ask_job, "job", tell_state,
	 "Stops jobs from getting workers, until they are resumed. Tiles that are out are\n"
	 "finished."},
	{"priority", MSG_PRIORITY, "JOB N", 2, 1, ask_priority, "job", tell_priority,
	 "Changes which of a client's jobs goes first: those with the higher N, which is a\n"
	 "whole number from -100 to 100, and 0 where nobody has said anything else."},
	{"release", MSG_RELEASE, "JOB...", 1, MANY, ask_job, "job", tell_state,
	 "Has the broker forget jobs that are finished, or have failed, and their\n"
	 "pictures, also where others still read them."},
	{"resume", MSG_RESUME, "JOB...", 1, MANY, ask_job, "job", tell_state,
	 "Lets paused jobs go on."},
	{"retry", MSG_RETRY, "JOB...", 1, MANY, ask_job, "job", tell_state,
	 "Renders what failed jobs lack. A job that was cancelled, or failed and was not\n"
	 "kept, is made again from its request, where the broker has a --state-dir."},
};

static const struct verb *verb_of(const char *name)
{
	size_t i = 0;
	while (strcmp(verbs[i].name, name) != 0) {
		i++;
		assert(i < sizeof verbs / sizeof verbs[0]);
	}
	return &verbs[i];
}

/* Whether the history says that the job was cancelled: by whoever asked for it before, if not by
 * this call, whose first answer may have died with its broker. *ret_report is like the answer
 * then. */
static bool was_cancelled(const struct cli *cli, const struct cli_ask *ask, const json_t *body,
			  json_t **ret_report)
{
	json_int_t job = json_integer_value(json_object_get(body, "job"));
	json_t *report = NULL;
	struct brot_error ignored;
	char text[64];
	(void)snprintf(text, sizeof text, "{\"limit\":1,\"before\":%" JSON_INTEGER_FORMAT "}",
		       job + 1);
	if (cli_ask_parsed(cli, ask, MSG_HISTORY, text, "history", &report, &ignored) != BROT_OK)
		return false;
	const json_t *row = json_array_get(json_object_get(report, "history"), 0);
	const char *state = json_string_value(json_object_get(row, "state"));
	if (json_integer_value(json_object_get(row, "job")) == job && state != NULL &&
	    strcmp(state, "cancelled") == 0)
		*ret_report = json_pack("{s:I,s:s}", "job", job, "state", state);
	json_decref(report);
	return *ret_report != NULL;
}

static enum brot_err find_job(const struct service *service, const struct cli_ask *ask,
			      json_int_t job, bool *ret_is_listed, struct brot_error *err)
{
	json_t *report = NULL, *list = NULL, *row;
	size_t i;
	*ret_is_listed = false;
	enum brot_err code = connection_ask(service->connection, MSG_JOBS, "{}", "jobs",
					    ask->timeout_ms, &report, err);
	if (code == BROT_OK)
		code = reply_list(report, "jobs", &list, err);
	json_array_foreach(list, i, row)
	{
		if (json_integer_value(json_object_get(row, "job")) == job)
			*ret_is_listed = true;
	}
	json_decref(report);
	return code;
}

/* RELEASE is not answered where it is done, and refused before what is asked after it is answered:
 * the list of jobs shows which. One that is lost with its connection is said again. */
static enum brot_err release(const struct cli *cli, const struct cli_ask *ask, const char *body,
			     json_int_t job, json_t **ret_report, struct brot_error *err)
{
	const struct service_config config = cli_service(cli, ask);
	const struct message m = {.type = MSG_RELEASE, .body = {body, strlen(body)}};
	struct service service = SERVICE_NONE;
	bool is_listed = false;
	enum brot_err code = service_open(&config, &service, err);
	if (code == BROT_OK)
		code = find_job(&service, ask, job, &is_listed, err);
	if (code == BROT_OK && !is_listed)
		code = error_set(err, BROT_E_NOT_FOUND,
				 "job: %" JSON_INTEGER_FORMAT " is not known to this broker", job);
	for (int i = 0; code == BROT_OK && is_listed; i++) {
		if (i == RELEASES_MAX) {
			code = error_set(err, BROT_E_UNAVAILABLE,
					 "the broker at %.150s does not take the RELEASE",
					 service.url);
			break;
		}
		connection_send(service.connection, &m);
		code = find_job(&service, ask, job, &is_listed, err);
	}
	if (code == BROT_OK)
		*ret_report = json_pack("{s:I,s:s}", "job", job, "state", "released");
	service_close(&service);
	return code;
}

static enum brot_err run(const struct cli *cli, const struct verb *verb, const struct cli_ask *ask,
			 const json_t *body, struct brot_error *err)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a question");
	json_t *report = NULL;
	enum brot_err code;
	if (verb->type == MSG_RELEASE)
		code = release(cli, ask, text, json_integer_value(json_object_get(body, "job")),
			       &report, err);
	else
		code = cli_ask_parsed(cli, ask, verb->type, text, verb->key, &report, err);
	if (code == BROT_E_NOT_FOUND && verb->type == MSG_CANCEL_JOB &&
	    was_cancelled(cli, ask, body, &report))
		code = BROT_OK;
	if (code == BROT_OK && ask->is_json)
		print_json(stdout, report);
	else if (code == BROT_OK)
		code = verb->tell(report, err);
	json_decref(report);
	free(text);
	return code;
}

/* Each question, whatever became of the one before: a failure is told once there is another. Where
 * no broker answers, or the user wants the end, the rest is left out. */
static enum brot_err run_all(const struct cli *cli, const struct verb *verb,
			     const struct cli_ask *ask, const json_t *bodies,
			     struct brot_error *err)
{
	enum brot_err failure = BROT_OK;
	const json_t *body;
	size_t i;
	json_array_foreach(bodies, i, body)
	{
		struct brot_error why;
		enum brot_err code = run(cli, verb, ask, body, &why);
		if (code == BROT_OK)
			continue;
		if (failure != BROT_OK)
			cli_tell_failure(cli, ask->is_json, err);
		failure = error_set(err, code, "%s", why.text);
		if (code == BROT_E_UNAVAILABLE || code == BROT_E_CANCELLED)
			break;
	}
	return failure;
}

enum brot_err cmd_verb(const struct cli *cli, struct brot_error *err)
{
	const struct verb *verb = verb_of(cli->name);
	struct option_command command = cli_command(cli, cli_ask_specs);
	command.operands = verb->operands;
	command.operands_min = verb->words;
	command.operands_max = verb->words * verb->most;
	command.summary = verb->help;
	struct cli_ask ask = CLI_ASK_DEFAULT;
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &ask, sizeof ask, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	json_t *bodies = json_array();
	for (size_t i = 0; code == BROT_OK && i < operands.count; i += verb->words) {
		json_t *body = NULL;
		code = verb->ask(&operands.values[i], &body, err);
		if (code == BROT_OK && json_array_append_new(bodies, body) != 0)
			code = error_set(err, BROT_E_SYSTEM, "no memory for a question");
	}
	if (code == BROT_OK)
		code = run_all(cli, verb, &ask, bodies, err);
	json_decref(bodies);
	return code;
}
