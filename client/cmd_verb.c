/* cmd_verb.c - the subcommands that ask a broker for one act, and print its answer as one line. */
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

struct verb {
	const char *name;
	enum message_type type;
	const char *operands;
	size_t count; /* of operands */
	/* The question, which the caller owns. */
	enum brot_err (*ask)(const struct option_operands *operands, json_t **ret_body,
			     struct brot_error *err);
	const char *key; /* of the REPORT that answers */
	enum brot_err (*tell)(const json_t *report, struct brot_error *err);
};

static enum brot_err made(json_t *body, json_t **ret_body, struct brot_error *err)
{
	if (body == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a question");
	*ret_body = body;
	return BROT_OK;
}

static enum brot_err ask_job(const struct option_operands *operands, json_t **ret_body,
			     struct brot_error *err)
{
	uint64_t job = 0;
	enum brot_err code = cli_read_job("JOB", operands->values[0], &job, err);
	if (code != BROT_OK)
		return code;
	return made(json_pack("{s:I}", "job", (json_int_t)job), ret_body, err);
}

static enum brot_err ask_priority(const struct option_operands *operands, json_t **ret_body,
				  struct brot_error *err)
{
	uint64_t job = 0;
	int32_t priority = 0;
	enum brot_err code = cli_read_job("JOB", operands->values[0], &job, err);
	if (code == BROT_OK)
		code = request_options_priority("N", operands->values[1], &priority, err);
	if (code != BROT_OK)
		return code;
	return made(json_pack("{s:I,s:i}", "job", (json_int_t)job, "priority", (int)priority),
		    ret_body, err);
}

static enum brot_err ask_worker(const struct option_operands *operands, json_t **ret_body,
				struct brot_error *err)
{
	const char *worker = operands->values[0];
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

static const struct verb verbs[] = {
	{"cancel", MSG_CANCEL_JOB, "JOB", 1, ask_job, "job", tell_state},
	{"drain", MSG_DRAIN_WORKER, "WORKER", 1, ask_worker, "draining", tell_draining},
	{"pause", MSG_PAUSE, "JOB", 1, ask_job, "job", tell_state},
	{"priority", MSG_PRIORITY, "JOB N", 2, ask_priority, "job", tell_priority},
	{"resume", MSG_RESUME, "JOB", 1, ask_job, "job", tell_state},
	{"retry", MSG_RETRY, "JOB", 1, ask_job, "job", tell_state},
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

static enum brot_err run(const struct cli *cli, const struct verb *verb, const struct cli_ask *ask,
			 const json_t *body, struct brot_error *err)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a question");
	json_t *report = NULL;
	enum brot_err code = cli_ask_parsed(cli, ask, verb->type, text, verb->key, &report, err);
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

enum brot_err cmd_verb(const struct cli *cli, struct brot_error *err)
{
	const struct verb *verb = verb_of(cli->name);
	struct option_command command = cli_command(cli, cli_ask_specs);
	command.operands = verb->operands;
	command.operands_min = command.operands_max = verb->count;
	struct cli_ask ask = CLI_ASK_DEFAULT;
	struct option_operands operands;
	json_t *body = NULL;
	enum brot_err code = cli_parse(cli, &command, &ask, sizeof ask, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	code = verb->ask(&operands, &body, err);
	if (code == BROT_OK)
		code = run(cli, verb, &ask, body, err);
	json_decref(body);
	return code;
}
