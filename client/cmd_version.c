/* cmd_version.c - brot-client version. */
#include <brot/version.h>
#include <stdio.h>

#include "client/cli.h"
#include "client/print.h"
#include "client/reply.h"
#include "client/workers.h"

/* As cli_ask_specs, but that no broker is asked unless the command line names one. */
static const struct option_spec specs[] = {
	{.name = "broker",
	 .arg = "URL",
	 .help = "also say which version this broker is, and what kernels its workers use",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct cli_ask, broker)},
	CLI_SPEC_TIMEOUT(cli_ask, ""),
	CLI_SPEC_KEY(cli_ask),
	CLI_SPEC_SERVER_KEY(cli_ask),
	CLI_SPEC_INSECURE(cli_ask),
	CLI_SPEC_JSON(cli_ask),
	{.name = NULL},
};

/* report: of WORKERS. */
static enum brot_err tell_service(const json_t *status, const json_t *report, bool is_json,
				  struct brot_error *err)
{
	const char *version = NULL;
	json_t *object = NULL, *workers = NULL;
	enum brot_err code = reply_object(status, "status", &object, err);
	if (code == BROT_OK)
		code = reply_text(object, "version", &version, err);
	if (code == BROT_OK)
		code = reply_list(report, "workers", &workers, err);
	if (code != BROT_OK)
		return code;
	if (is_json) {
		json_t *json = json_pack("{s:s,s:i,s:s,s:O}", "version", BROT_VERSION, "protocol",
					 MESSAGE_VERSION, "broker", version, "workers", workers);
		print_json(stdout, json);
		json_decref(json);
		return BROT_OK;
	}
	printf("brot " BROT_VERSION "\nbroker ");
	print_text(stdout, version);
	(void)putchar('\n');
	return listing_print(&workers_listing, report, false, err);
}

static enum brot_err tell_with_service(const struct cli *cli, const struct cli_ask *ask,
				       struct brot_error *err)
{
	json_t *status = NULL, *workers = NULL;
	enum brot_err code = cli_ask_parsed(cli, ask, MSG_STATUS, "{}", "status", &status, err);
	if (code == BROT_OK)
		code = cli_ask_parsed(cli, ask, MSG_WORKERS, "{}", "workers", &workers, err);
	if (code == BROT_OK)
		code = tell_service(status, workers, ask->is_json, err);
	json_decref(status);
	json_decref(workers);
	return code;
}

enum brot_err cmd_version(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client version",
		.summary = "Says which brot this is.",
		.specs = specs,
	};
	struct cli_ask ask = CLI_ASK_DEFAULT;
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &ask, sizeof ask, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	if (ask.broker != NULL)
		return tell_with_service(cli, &ask, err);
	if (!ask.is_json) {
		printf("brot " BROT_VERSION "\n");
		return BROT_OK;
	}
	json_t *json = json_pack("{s:s,s:i}", "version", BROT_VERSION, "protocol", MESSAGE_VERSION);
	print_json(stdout, json);
	json_decref(json);
	return BROT_OK;
}
