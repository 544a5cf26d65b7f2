/* cmd_views.c - brot-client views. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client/cli.h"
#include "client/print.h"
#include "proto/preset.h"
#include "proto/request.h"

struct views_options {
	bool is_json;
};

static const struct option_spec specs[] = {
	CLI_SPEC_JSON(views_options),
	{.name = NULL},
};

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

static void print_list(void)
{
	json_t *list = json_array();
	const struct preset *preset;
	for (size_t i = 0; (preset = preset_at(i)) != NULL; i++)
		(void)json_array_append_new(list, preset_json(preset));
	json_t *json = json_pack("{s:o}", "views", list);
	print_json(stdout, json);
	json_decref(json);
}

enum brot_err cmd_views(const struct cli *cli, struct brot_error *err)
{
	static const struct option_command command = {
		.name = "brot-client views",
		.summary = "Lists the places that --view knows by name.",
		.specs = specs,
	};
	struct views_options options = {0};
	struct option_operands operands;
	enum brot_err code = cli_parse(cli, &command, &options, sizeof options, &operands, err);
	if (code != BROT_OK || operands.wants_help)
		return code;
	if (options.is_json) {
		print_list();
		return BROT_OK;
	}
	const struct preset *preset;
	printf("%-18s%-12s%-12s%-14s%s\n", "NAME", "WIDTH", "ITERATIONS", "FORMULA", "TITLE");
	for (size_t i = 0; (preset = preset_at(i)) != NULL; i++)
		printf("%-18s%-12s%-12u%-14.*s%s\n", preset->name, preset->width,
		       (unsigned)iterations_of(preset), (int)strcspn(preset->formula, ":"),
		       preset->formula, preset->title);
	return BROT_OK;
}
