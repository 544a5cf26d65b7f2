/* cmd_version.c - brot-client version. */
#include <brot/version.h>
#include <stdio.h>

#include "client/cli.h"
#include "client/print.h"

struct version_options {
	bool is_json;
};

static const struct option_spec specs[] = {
	CLI_SPEC_JSON(version_options),
	{.name = NULL},
};

enum brot_err cmd_version(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client version",
		.summary = "Says which brot this is.",
		.specs = specs,
	};
	struct version_options options = {0};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	if (!options.is_json) {
		printf("brot " BROT_VERSION "\n");
		return BROT_OK;
	}
	json_t *json = json_pack("{s:s,s:i}", "version", BROT_VERSION, "protocol", MESSAGE_VERSION);
	print_json(stdout, json);
	json_decref(json);
	return BROT_OK;
}
