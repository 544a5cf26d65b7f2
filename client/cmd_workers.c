/* cmd_workers.c - brot-client workers. */
#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/table.h"

static const struct table_column columns[] = {
	{"NAME", "name", TABLE_TEXT, NULL},
	{"PID", "pid", TABLE_NUMBER, NULL},
	{"KERNEL", "kernel", TABLE_TEXT, NULL},
	{"THREADS", "threads", TABLE_NUMBER, NULL},
	{"HOLDS", "tiles_held", TABLE_NUMBER, NULL},
	{"DONE", "tiles_done", TABLE_NUMBER, NULL},
	{"FAILURES", "failures", TABLE_NUMBER, NULL},
	{"LOCAL", "is_local", TABLE_FLAG, NULL},
	{"DRAINING", "is_draining", TABLE_FLAG, NULL},
	{"CONNECTED", "connected_ms", TABLE_SECONDS, NULL},
};

enum brot_err cmd_workers(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client workers",
		.summary = "Lists the workers that are connected to the broker.",
		.specs = cli_ask_specs,
	};
	bool is_json = false;
	json_t *report = NULL, *workers = NULL;
	enum brot_err code = cli_ask(cli, &command, MSG_WORKERS, "workers", &is_json, &report, err);
	if (code != BROT_OK || report == NULL)
		return code;
	code = reply_list(report, "workers", &workers, err);
	if (code == BROT_OK && is_json)
		print_json(stdout, report);
	else if (code == BROT_OK)
		code = table_print(workers, columns, sizeof columns / sizeof columns[0],
				   "no workers", err);
	json_decref(report);
	return code;
}
