/* cmd_keygen.c - brot-client keygen. */
#include <stdio.h>
#include <string.h>

#include "client/cli.h"
#include "client/print.h"
#include "proto/quote.h"
#include "proto/secret.h"
#include "proto/sys/keys.h"

#define SHOWN_BYTES 80 /* of a name that is no good */

_Static_assert(LIMIT_NAME_CHARS == 63, "the help says so");

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

/* As the user wrote it where that is text that a sentence can hold. */
static const char *shown(const char *name, char quoted[QUOTE_BYTES])
{
	const size_t bytes = strlen(name);
	json_t *text = bytes <= SHOWN_BYTES ? json_string(name) : NULL;
	const bool is_text = text != NULL;
	json_decref(text);
	return is_text ? name : quote_text(name, bytes, quoted, QUOTE_BYTES);
}

static enum brot_err check_name(const char *name, struct brot_error *err)
{
	static const char *const suffixes[] = {KEYS_PUBLIC_SUFFIX, KEYS_SECRET_SUFFIX};
	char quoted[QUOTE_BYTES];
	if (!cert_name_is_valid(name))
		return error_set(
			err, BROT_E_USAGE,
			"NAME: must be 1 to %d ASCII letters, digits and \".-_@\", without "
			"a dot or dash in front, got \"%s\"",
			LIMIT_NAME_CHARS, shown(name, quoted));
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		const size_t length = strlen(name), end = strlen(suffixes[i]);
		if (length >= end && strcmp(name + length - end, suffixes[i]) == 0)
			return error_set(err, BROT_E_USAGE,
					 "NAME: must not end in %s, which is added to it, got "
					 "\"%s\"",
					 suffixes[i], name);
	}
	return BROT_OK;
}

enum brot_err cmd_keygen(const struct cli *cli, struct brot_error *err)
{
	struct option_command command = cli_command(cli, specs);
	struct keygen_options options = {.out = "."};
	struct option_operands operands;
	struct cert cert;
	command.summary = "Makes the two files of a key that opens a broker's door: "
			  "NAME" KEYS_PUBLIC_SUFFIX ", which is\n"
			  "public, and NAME" KEYS_SECRET_SUFFIX
			  ". NAME must be 1 to 63 ASCII letters, digits and\n"
			  "\".-_@\", without a dot or dash in front.";
	command.operands = "NAME";
	command.operands_min = command.operands_max = 1;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	const char *name = operands.values[0];
	code = check_name(name, err);
	if (code == BROT_OK)
		code = keys_make(&cert, err);
	if (code == BROT_OK)
		code = keys_write(&cert, options.out, name, err);
	if (code == BROT_OK)
		tell(&options, name, &cert);
	secret_forget(&cert, sizeof cert);
	return code;
}
