/* cmd_palettes.c - brot-client palettes. */
#include <stdio.h>

#include "client/cli.h"
#include "client/print.h"
#include "proto/palette.h"

struct palettes_options {
	bool is_json;
};

static const struct option_spec specs[] = {
	CLI_SPEC_JSON(palettes_options),
	{.name = NULL},
};

static void print_list(void)
{
	json_t *list = json_array();
	const struct palette *palette;
	for (size_t i = 0; (palette = palette_at(i)) != NULL; i++)
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "name", palette->name,
							    "title", palette->title, "cyclic",
							    palette->cyclic));
	json_t *json = json_pack("{s:o}", "palettes", list);
	print_json(stdout, json);
	json_decref(json);
}

enum brot_err cmd_palettes(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client palettes",
		.summary = "Lists the palettes that --palette knows.",
		.specs = specs,
	};
	struct palettes_options options = {0};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	if (options.is_json) {
		print_list();
		return BROT_OK;
	}
	const struct palette *palette;
	printf("%-18s%s\n", "NAME", "TITLE");
	for (size_t i = 0; (palette = palette_at(i)) != NULL; i++)
		printf("%-18s%s\n", palette->name, palette->title);
	return BROT_OK;
}
