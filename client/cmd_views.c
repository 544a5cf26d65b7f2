/* cmd_views.c - brot-client views. */
#include <assert.h>

#include "client/listing.h"
#include "proto/preset.h"
#include "proto/request.h"

static uint32_t iterations_of(const struct preset *preset)
{
	struct view view;
	preset_view(preset, &view);
	return preset->iterations != 0 ? preset->iterations : request_default_iterations(&view);
}

/* A place as JSON; formula and parameters as a request has them. */
static json_t *preset_json(const struct preset *preset)
{
	struct request request;
	request_init(&request);
	const enum brot_err code = request_set_formula(preset->formula, &request, NULL);
	assert(code == BROT_OK);
	json_t *whole = request_to_json(&request);
	json_t *json = json_pack(
		"{s:s,s:s,s:s,s:{s:s,s:s,s:s,s:f},s:I}", "name", preset->name, "title",
		preset->title, "formula", formula_info(request.formula)->name, "view", "re",
		preset->re, "im", preset->im, "width", preset->width, "rotate", preset->rotate_deg,
		"iterations", (json_int_t)iterations_of(preset));
	json_t *parameters = json_object_get(whole, "parameters");
	if (parameters != NULL)
		(void)json_object_set(json, "parameters", parameters);
	json_decref(whole);
	return json;
}

static void add_width(json_t *view)
{
	(void)json_object_set(view, "width",
			      json_object_get(json_object_get(view, "view"), "width"));
}

static const struct table_column columns[] = {
	{.title = "NAME", .key = "name", .kind = TABLE_TEXT},
	{.title = "WIDTH", .key = "width", .kind = TABLE_TEXT},
	{.title = "ITERATIONS", .key = "iterations", .kind = TABLE_NUMBER},
	{.title = "FORMULA", .key = "formula", .kind = TABLE_TEXT},
	{.title = "TITLE", .key = "title", .kind = TABLE_TEXT},
};

static const struct listing listing = {
	.key = "views",
	.columns = columns,
	.count = sizeof columns / sizeof columns[0],
	.nothing = "no views",
	.derive = add_width,
};

enum brot_err cmd_views(const struct cli *cli, struct brot_error *err)
{
	json_t *list = json_array();
	const struct preset *preset;
	for (size_t i = 0; (preset = preset_at(i)) != NULL; i++)
		(void)json_array_append_new(list, preset_json(preset));
	return listing_tell(cli, &listing, list, err);
}
