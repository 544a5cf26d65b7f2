/* cmd_palettes.c - brot-client palettes. */
#include "client/listing.h"
#include "proto/palette.h"

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

enum brot_err cmd_palettes(const struct cli *cli, struct brot_error *err)
{
	json_t *list = json_array();
	const struct palette *palette;
	for (size_t i = 0; (palette = palette_at(i)) != NULL; i++)
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "name", palette->name,
							    "title", palette->title, "cyclic",
							    palette->cyclic));
	return listing_tell(cli, &listing, list, err);
}
