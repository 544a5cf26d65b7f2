/* cmd_workers.c - brot-client workers. */
#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/workers.h"

enum brot_err cmd_workers(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client workers",
		.summary = "Lists the workers that are connected to the broker, their kernels and "
			   "how fast these are.",
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
		code = workers_print(report, err);
	json_decref(report);
	return code;
}
