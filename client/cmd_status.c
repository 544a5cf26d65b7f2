/* cmd_status.c - brot-client status. */
#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/table.h"

static const struct table_column columns[] = {
	{.title = "version", .key = "version", .kind = TABLE_TEXT},
	{.title = "process", .key = "pid", .kind = TABLE_NUMBER},
	{.title = "up for", .key = "uptime_ms", .kind = TABLE_SECONDS},
	{.title = "jobs queued", .key = "jobs_queued", .kind = TABLE_NUMBER},
	{.title = "jobs running", .key = "jobs_running", .kind = TABLE_NUMBER},
	{.title = "jobs finished, not released", .key = "jobs_finished", .kind = TABLE_NUMBER},
	{.title = "jobs done so far", .key = "jobs_done", .kind = TABLE_NUMBER},
	{.title = "workers", .key = "workers", .kind = TABLE_NUMBER},
	{.title = "clients", .key = "clients", .kind = TABLE_NUMBER},
	{.title = "tiles done so far", .key = "tiles_done", .kind = TABLE_NUMBER},
	{.title = "iterations so far", .key = "iterations", .kind = TABLE_NUMBER},
	{.title = "bytes of images", .key = "image_bytes", .kind = TABLE_NUMBER},
	{.title = "of at most", .key = "image_budget_bytes", .kind = TABLE_NUMBER},
};

enum brot_err cmd_status(const struct cli *cli, struct brot_error *err)
{
	bool is_json = false;
	json_t *report = NULL, *status = NULL;
	enum brot_err code = cli_ask(cli, MSG_STATUS, "status", &is_json, &report, err);
	if (code != BROT_OK || report == NULL)
		return code;
	code = reply_object(report, "status", &status, err);
	if (code == BROT_OK && is_json)
		print_json(stdout, report);
	else if (code == BROT_OK)
		code = table_print_object(stdout, status, columns,
					  sizeof columns / sizeof columns[0], err);
	json_decref(report);
	return code;
}
