/* listing.c - a list for people or for programs. */
#include "client/listing.h"

#include <stdio.h>

#include "client/print.h"
#include "client/reply.h"

enum brot_err listing_print(const struct listing *listing, const json_t *json, bool is_json,
			    struct brot_error *err)
{
	json_t *list = NULL, *object;
	size_t i;
	enum brot_err code = reply_list(json, listing->key, &list, err);
	if (code != BROT_OK)
		return code;
	if (is_json) {
		print_json(stdout, json);
		return BROT_OK;
	}
	if (listing->derive != NULL)
		json_array_foreach(list, i, object) listing->derive(object);
	return table_print(stdout, list, listing->columns, listing->count, listing->nothing, err);
}

enum brot_err listing_ask(const struct cli *cli, const struct listing *listing,
			  enum message_type type, struct brot_error *err)
{
	bool is_json = false;
	json_t *report = NULL;
	enum brot_err code = cli_ask(cli, type, listing->key, &is_json, &report, err);
	if (code == BROT_OK && report != NULL)
		code = listing_print(listing, report, is_json, err);
	json_decref(report);
	return code;
}

struct tell_options {
	bool is_json;
};

static const struct option_spec specs[] = {
	CLI_SPEC_JSON(tell_options),
	{.name = NULL},
};

enum brot_err listing_tell(const struct cli *cli, const struct listing *listing, json_t *list,
			   struct brot_error *err)
{
	const struct option_command command = cli_command(cli, specs);
	struct tell_options options = {0};
	struct option_operands operands;
	json_t *json = json_pack("{s:o}", listing->key, list);
	enum brot_err code = BROT_OK;
	if (json == NULL)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a list");
	if (code == BROT_OK)
		code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code == BROT_OK && !operands.wants_help)
		code = listing_print(listing, json, options.is_json, err);
	json_decref(json);
	return code;
}
