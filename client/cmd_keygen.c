/* cmd_keygen.c - brot-client keygen. */
#include <stdio.h>
#include <string.h>

#include "client/cli.h"
#include "client/print.h"
#include "proto/quote.h"
#include "proto/secret.h"
#include "proto/sys/keys.h"

struct keygen_options {
	const char *out;
	bool is_json;
};

static const struct option_spec specs[] = {
	{.name = "out",
	 .arg = "DIR",
	 .help = "the folder for both files; the current one without it",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct keygen_options, out)},
	CLI_SPEC_JSON(keygen_options),
	{.name = NULL},
};

static void tell(const struct keygen_options *options, const char *name, const struct cert *cert)
{
	if (!options->is_json) {
		print_text(stdout, options->out);
		printf("/%s" KEYS_PUBLIC_SUFFIX " is public: give it to whom the key shall open "
		       "a door\n",
		       name);
		print_text(stdout, options->out);
		printf("/%s" KEYS_SECRET_SUFFIX " is secret: keep it where it is used\n", name);
		return;
	}
	json_t *json = json_pack("{s:s,s:s}", "name", name, "public_key", cert->public_key);
	print_json(stdout, json);
	json_decref(json);
}

enum brot_err cmd_keygen(const struct cli *cli, struct brot_error *err)
{
	struct option_command command = cli_command(cli, specs);
	struct keygen_options options = {.out = "."};
	struct option_operands operands;
	struct cert cert;
	command.operands = "NAME";
	command.operands_min = command.operands_max = 1;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	const char *name = operands.values[0];
	char quoted[QUOTE_BYTES];
	if (!cert_name_is_valid(name))
		return error_set(
			err, BROT_E_USAGE,
			"NAME: must be 1 to %d letters, digits and \".-_@\", without a dot "
			"or dash in front, got \"%s\"",
			LIMIT_NAME_CHARS, quote_text(name, strlen(name), quoted, sizeof quoted));
	code = keys_make(&cert, err);
	if (code == BROT_OK)
		code = keys_write(&cert, options.out, name, err);
	if (code == BROT_OK)
		tell(&options, name, &cert);
	secret_forget(&cert, sizeof cert);
	return code;
}
