/* cmd_cancel.c - brot-client cancel JOB. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli.h"
#include "client/print.h"
#include "proto/quote.h"

/* A job's id: 1 to 2^63 - 1, in decimal. */
static enum brot_err read_job(const char *text, uint64_t *ret_job, struct brot_error *err)
{
	uint64_t job = 0;
	bool is_number = text[0] != '\0';
	for (const char *p = text; is_number && *p != '\0'; p++) {
		is_number = *p >= '0' && *p <= '9' && job <= (INT64_MAX - 9) / 10;
		if (is_number)
			job = job * 10 + (uint64_t)(*p - '0');
	}
	char quoted[QUOTE_BYTES];
	if (!is_number || job == 0)
		return error_set(
			err, BROT_E_USAGE,
			"JOB: must be the number of a job, as \"jobs\" lists it, got \"%s\"",
			quote_text(text, strlen(text), quoted, sizeof quoted));
	*ret_job = job;
	return BROT_OK;
}

enum brot_err cmd_cancel(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client cancel",
		.summary = "Ends a job, whoever has submitted it.",
		.operands = "JOB",
		.operands_min = 1,
		.operands_max = 1,
		.specs = cli_ask_specs,
	};
	struct cli_ask ask = CLI_ASK_DEFAULT;
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &ask, sizeof ask, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	uint64_t job = 0;
	code = read_job(operands.values[0], &job, err);
	if (code != BROT_OK)
		return code;
	char body[64];
	json_t *report = NULL;
	(void)snprintf(body, sizeof body, "{\"job\":%" PRIu64 "}", job);
	code = cli_ask_parsed(cli, &ask, MSG_CANCEL_JOB, body, "job", &report, err);
	if (code == BROT_OK && ask.is_json)
		print_json(stdout, report);
	else if (code == BROT_OK)
		printf("job %" PRIu64 " is cancelled\n", job);
	json_decref(report);
	return code;
}
