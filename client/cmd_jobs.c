/* cmd_jobs.c - brot-client jobs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/listing.h"
#include "client/progress.h"
#include "client/reply.h"

#define HISTORY_USUAL 20
#define HISTORY_MOST  1000 /* read in pages of LIMIT_HISTORY */

struct jobs_options {
	struct cli_ask ask; /* first, so that its rows hold here */
	bool wants_history;
	uint32_t limit; /* 0: not given */
	const char *before;
};

static const struct option_spec specs[] = {
	{.name = "history",
	 .help = "list the jobs that have ended, the newest first",
	 .type = OPTION_FLAG,
	 .offset = offsetof(struct jobs_options, wants_history)},
	{.name = "limit",
	 .arg = "N",
	 .help = "with --history: so many of them at most; 20 without it",
	 .type = OPTION_U32,
	 .offset = offsetof(struct jobs_options, limit),
	 .min = 1,
	 .max = HISTORY_MOST},
	{.name = "before",
	 .arg = "JOB",
	 .help = "with --history: only those older than this job",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct jobs_options, before)},
	CLI_SPEC_BROKER(cli_ask),
	CLI_SPEC_TIMEOUT(cli_ask, ""),
	CLI_SPEC_KEY(cli_ask),
	CLI_SPEC_SERVER_KEY(cli_ask),
	CLI_SPEC_INSECURE(cli_ask),
	CLI_SPEC_JSON(cli_ask),
	{.name = NULL},
};

/* The format tells the kind, and --json says it. DONE is made by set_share(). */
static const struct table_column job_columns[] = {
	{.title = "JOB", .key = "job", .kind = TABLE_NUMBER},
	{.title = "STATE", .key = "state", .kind = TABLE_TEXT},
	{.title = "CLIENT", .key = "client", .kind = TABLE_TEXT, .least = 8},
	{.title = "PRIO", .key = "priority", .kind = TABLE_SIGNED},
	{.title = "FORMAT", .key = "format", .kind = TABLE_TEXT},
	{.title = "SIZE", .key = "size", .kind = TABLE_SIZE},
	{.title = "BANDS", .key = "bands", .kind = TABLE_NUMBER},
	{.title = "DONE", .key = "pixels_done", .kind = TABLE_SHARE, .whole = "pixels"},
	{.title = "WORKERS", .key = "workers", .kind = TABLE_NUMBER},
	{.title = "RETRY", .key = "retries", .kind = TABLE_NUMBER},
	{.title = "ELAPSED", .key = "elapsed_ms", .kind = TABLE_SECONDS},
};

/* As every other command says how far it is. A row that is none is the table's to refuse. */
static void set_share(json_t *job)
{
	struct session_progress progress;
	struct brot_error ignored;
	if (notice_progress(job, &progress, &ignored) != BROT_OK)
		return;
	(void)json_object_set_new(job, "pixels_done", json_integer(progress_percent(&progress)));
	(void)json_object_set_new(job, "pixels", json_integer(100));
}

static const struct listing jobs_listing = {
	.key = "jobs",
	.columns = job_columns,
	.count = sizeof job_columns / sizeof job_columns[0],
	.nothing = "no jobs",
	.derive = set_share,
};

static const struct table_column history_columns[] = {
	{.title = "JOB", .key = "job", .kind = TABLE_NUMBER},
	{.title = "STATE", .key = "state", .kind = TABLE_TEXT},
	{.title = "ACCEPTED", .key = "accepted_ms", .kind = TABLE_TIME},
	{.title = "ENDED", .key = "ended_ms", .kind = TABLE_TIME},
	{.title = "SIZE", .key = "size", .kind = TABLE_SIZE},
	{.title = "ELAPSED", .key = "elapsed_ms", .kind = TABLE_SECONDS},
	{.title = "COST", .key = "worker_ms", .kind = TABLE_SECONDS},
	{.title = "WORKERS", .key = "workers", .kind = TABLE_NUMBER},
	{.title = "RETRY", .key = "retries", .kind = TABLE_NUMBER},
	{.title = "REASON", .key = "text", .kind = TABLE_TEXT},
};

/* Until the picture was finished, or the job ended without one. */
static void add_elapsed(json_t *job)
{
	json_int_t accepted_ms = json_integer_value(json_object_get(job, "accepted_ms"));
	json_int_t until_ms = json_integer_value(json_object_get(job, "finished_ms"));
	if (until_ms <= 0)
		until_ms = json_integer_value(json_object_get(job, "ended_ms"));
	bool is_known = accepted_ms >= 0 && until_ms > accepted_ms;
	(void)json_object_set_new(job, "elapsed_ms",
				  json_integer(is_known ? until_ms - accepted_ms : 0));
}

static const struct listing history_listing = {
	.key = "history",
	.columns = history_columns,
	.count = sizeof history_columns / sizeof history_columns[0],
	.nothing = "no job has ended, or the broker keeps no history",
	.derive = add_elapsed,
};

static int by_number(const void *a, const void *b)
{
	const json_t *const *left = a, *const *right = b;
	json_int_t l = json_integer_value(json_object_get(*left, "job"));
	json_int_t r = json_integer_value(json_object_get(*right, "job"));
	return (l > r) - (l < r);
}

/* A broker's own order is that in which it came to know them. */
static enum brot_err sort_jobs(json_t *report, struct brot_error *err)
{
	json_t *list = json_object_get(report, jobs_listing.key), *row;
	size_t i, count = json_array_size(list);
	json_t **rows = calloc(count + 1, sizeof *rows), *sorted = json_array();
	enum brot_err code = BROT_OK;
	if (rows == NULL || sorted == NULL)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a list");
	if (code == BROT_OK && json_is_array(list)) {
		json_array_foreach(list, i, row) rows[i] = row;
		qsort(rows, count, sizeof *rows, by_number);
		for (i = 0; i < count; i++)
			(void)json_array_append(sorted, rows[i]);
		(void)json_object_set(report, jobs_listing.key, sorted);
	}
	json_decref(sorted);
	free(rows);
	return code;
}

static enum brot_err check_options(const struct jobs_options *options, struct brot_error *err)
{
	if (!options->wants_history && (options->limit != 0 || options->before != NULL))
		return error_set(err, BROT_E_USAGE, "--%s: has a meaning only with --history",
				 options->limit != 0 ? "limit" : "before");
	return BROT_OK;
}

/* One page: adds what is older than *before (0: all) to rows, and moves *before to the last of it.
 * *ret_is_last: there is no more. */
static enum brot_err ask_page(const struct cli *cli, const struct cli_ask *ask, uint32_t limit,
			      uint64_t *before, json_t *rows, bool *ret_is_last,
			      struct brot_error *err)
{
	char body[96];
	json_t *report = NULL, *page = NULL;
	uint64_t last = 0;
	if (*before != 0)
		(void)snprintf(body, sizeof body, "{\"limit\":%" PRIu32 ",\"before\":%" PRIu64 "}",
			       limit, *before);
	else
		(void)snprintf(body, sizeof body, "{\"limit\":%" PRIu32 "}", limit);
	enum brot_err code = cli_ask_parsed(cli, ask, MSG_HISTORY, body, history_listing.key,
					    &report, err);
	if (code == BROT_OK)
		code = reply_list(report, history_listing.key, &page, err);
	size_t count = code == BROT_OK ? json_array_size(page) : 0;
	if (count > limit)
		code = error_set(err, BROT_E_PROTOCOL,
				 "history: must have at most %" PRIu32 " jobs, got %zu", limit,
				 count);
	*ret_is_last = count < limit;
	if (code == BROT_OK && !*ret_is_last)
		code = reply_u64(json_array_get(page, count - 1), "job", &last, err);
	if (code == BROT_OK && json_array_extend(rows, page) != 0)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a list");
	*before = last;
	json_decref(report);
	return code;
}

/* The caller owns *ret_report. */
static enum brot_err ask_history(const struct cli *cli, const struct jobs_options *options,
				 json_t **ret_report, struct brot_error *err)
{
	uint64_t before = 0;
	uint32_t left = options->limit != 0 ? options->limit : HISTORY_USUAL;
	bool is_last = false;
	json_t *rows = json_array();
	enum brot_err code = BROT_OK;
	*ret_report = json_pack("{s:o}", history_listing.key, rows);
	if (*ret_report == NULL)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a list");
	if (code == BROT_OK && options->before != NULL)
		code = cli_read_job("--before", options->before, &before, err);
	while (code == BROT_OK && left > 0 && !is_last) {
		uint32_t page = left < LIMIT_HISTORY ? left : LIMIT_HISTORY;
		code = ask_page(cli, &options->ask, page, &before, rows, &is_last, err);
		left -= page;
	}
	return code;
}

enum brot_err cmd_jobs(const struct cli *cli, struct brot_error *err)
{
	const struct option_command command = cli_command(cli, specs);
	struct jobs_options options = {.ask = CLI_ASK_DEFAULT};
	struct option_operands operands;
	json_t *report = NULL;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	const struct listing *listing = options.wants_history ? &history_listing : &jobs_listing;
	code = check_options(&options, err);
	if (code == BROT_OK && options.wants_history)
		code = ask_history(cli, &options, &report, err);
	else if (code == BROT_OK)
		code = cli_ask_parsed(cli, &options.ask, MSG_JOBS, "{}", listing->key, &report,
				      err);
	if (code == BROT_OK && !options.wants_history)
		code = sort_jobs(report, err);
	if (code == BROT_OK)
		code = listing_print(listing, report, options.ask.is_json, err);
	json_decref(report);
	return code;
}
