/* cmd_status.c - brot-client status. */
#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/table.h"

static const struct table_column columns[] = {
	{"version", "version", TABLE_TEXT, NULL},
	{"process", "pid", TABLE_NUMBER, NULL},
	{"up for", "uptime_ms", TABLE_SECONDS, NULL},
	{"jobs queued", "jobs_queued", TABLE_NUMBER, NULL},
	{"jobs running", "jobs_running", TABLE_NUMBER, NULL},
	{"jobs finished, not released", "jobs_finished", TABLE_NUMBER, NULL},
	{"jobs done so far", "jobs_done", TABLE_NUMBER, NULL},
	{"workers", "workers", TABLE_NUMBER, NULL},
	{"clients", "clients", TABLE_NUMBER, NULL},
	{"tiles done so far", "tiles_done", TABLE_NUMBER, NULL},
	{"iterations so far", "iterations", TABLE_NUMBER, NULL},
	{"bytes of images", "image_bytes", TABLE_NUMBER, NULL},
	{"of at most", "image_budget_bytes", TABLE_NUMBER, NULL},
};

enum brot_err cmd_status(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client status",
		.summary = "Says how the broker is.",
		.specs = cli_ask_specs,
	};
	bool is_json = false;
	json_t *report = NULL, *status = NULL;
	enum brot_err code = cli_ask(cli, &command, MSG_STATUS, "status", &is_json, &report, err);
	if (code != BROT_OK || report == NULL)
		return code;
	code = reply_object(report, "status", &status, err);
	if (code == BROT_OK && is_json)
		print_json(stdout, report);
	else if (code == BROT_OK)
		code = table_print_object(status, columns, sizeof columns / sizeof columns[0], err);
	json_decref(report);
	return code;
}
