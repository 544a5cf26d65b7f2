/* cmd_jobs.c - brot-client jobs. */
#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/table.h"

static const struct table_column columns[] = {
	{"JOB", "job", TABLE_NUMBER, NULL},         {"STATE", "state", TABLE_TEXT, NULL},
	{"KIND", "kind", TABLE_TEXT, NULL},         {"FORMAT", "format", TABLE_TEXT, NULL},
	{"SIZE", "size", TABLE_SIZE, NULL},         {"DONE", "pixels_done", TABLE_SHARE, "pixels"},
	{"WORKERS", "workers", TABLE_NUMBER, NULL}, {"RETRIES", "retries", TABLE_NUMBER, NULL},
	{"AGE", "elapsed_ms", TABLE_SECONDS, NULL},
};

enum brot_err cmd_jobs(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client jobs",
		.summary = "Lists the jobs that the broker knows.",
		.specs = cli_ask_specs,
	};
	bool is_json = false;
	json_t *report = NULL, *jobs = NULL;
	enum brot_err code = cli_ask(cli, &command, MSG_JOBS, "jobs", &is_json, &report, err);
	if (code != BROT_OK || report == NULL)
		return code;
	code = reply_list(report, "jobs", &jobs, err);
	if (code == BROT_OK && is_json)
		print_json(stdout, report);
	else if (code == BROT_OK)
		code = table_print(jobs, columns, sizeof columns / sizeof columns[0], "no jobs",
				   err);
	json_decref(report);
	return code;
}
