/* cmd_palettes.c - brot-client palettes: a list, or a picture of them. */
#include <string.h>

#include "client/filetype.h"
#include "client/listing.h"
#include "client/swatch.h"
#include "proto/palette.h"

struct palettes_options {
	const char *swatch;
	bool is_json;
};

static const struct option_spec specs[] = {
	{.name = "swatch",
	 .arg = "FILE",
	 .help = "draw them into a .png or .ppm file instead, a strip each from the top: those "
		 "named, "
		 "or all in the order of the list",
	 .type = OPTION_STRING,
	 .offset = offsetof(struct palettes_options, swatch)},
	CLI_SPEC_JSON(palettes_options),
	{.name = NULL},
};

static const struct table_column columns[] = {
	{.title = "NAME", .key = "name", .kind = TABLE_TEXT},
	{.title = "TITLE", .key = "title", .kind = TABLE_TEXT},
};

static const struct listing listing = {
	.key = "palettes",
	.columns = columns,
	.count = sizeof columns / sizeof columns[0],
	.nothing = "no palettes",
};

static enum brot_err list(bool is_json, struct brot_error *err)
{
	json_t *rows = json_array();
	const struct palette *palette;
	for (size_t i = 0; (palette = palette_at(i)) != NULL; i++)
		(void)json_array_append_new(rows, json_pack("{s:s,s:s,s:b}", "name", palette->name,
							    "title", palette->title, "cyclic",
							    palette->cyclic));
	json_t *json = json_pack("{s:o}", listing.key, rows);
	const enum brot_err code = json == NULL
					   ? error_set(err, BROT_E_SYSTEM, "no memory for a list")
					   : listing_print(&listing, json, is_json, err);
	json_decref(json);
	return code;
}

/* What is said of files is said of --out. */
static enum brot_err rename_option(struct brot_error *err)
{
	static const char option[] = "--out: ";
	const size_t chars = sizeof option - 1;
	struct brot_error inner = *err;
	if (strncmp(inner.text, option, chars) != 0)
		return inner.code;
	return error_set(err, inner.code, "--swatch: %.200s", inner.text + chars);
}

static enum brot_err draw(const char *path, const struct option_operands *operands,
			  struct brot_error *err)
{
	const struct filetype *filetype = NULL;
	struct outfile outfile = OUTFILE_NONE;
	struct swatch *swatch = NULL;
	struct picture picture;
	enum brot_err code = filetype_of_picture("--swatch", path, &filetype, err);
	if (code == BROT_OK)
		code = swatch_new(operands->values, operands->count, &swatch, err);
	if (code == BROT_OK)
		code = outfile_open(path, &outfile, err);
	if (code == BROT_OK) {
		swatch_picture(swatch, &picture);
		code = filetype->write(&picture, &outfile, err);
	}
	if (code == BROT_OK)
		code = outfile_commit(&outfile, false, err);
	outfile_discard(&outfile);
	swatch_free(swatch);
	return code == BROT_OK ? BROT_OK : rename_option(err);
}

enum brot_err cmd_palettes(const struct cli *cli, struct brot_error *err)
{
	struct palettes_options options = {.swatch = NULL};
	struct option_operands operands;
	struct option_command command = cli_command(cli, specs);
	command.operands = "[PALETTE]...";
	command.operands_max = OPTIONS_OPERANDS_MAX;
	command.summary = "Lists the palettes that --palette knows, or draws them. PALETTE is as "
			  "--palette has\nit, a name or @FILE.";
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	if (options.swatch != NULL && options.is_json)
		return error_set(err, BROT_E_USAGE, "--swatch: cannot stand beside --json");
	if (options.swatch != NULL)
		return draw(options.swatch, &operands, err);
	if (operands.count > 0)
		return error_set(err, BROT_E_USAGE,
				 "PALETTE: goes with --swatch alone, got \"%.80s\"",
				 operands.values[0]);
	return list(options.is_json, err);
}
