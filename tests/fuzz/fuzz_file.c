/*
 * fuzz_file.c - palettes and places that other programs have written.
 *
 * The input: a byte that says which parser reads it, and whether an entry is asked for by name; the
 * rest is the file.
 */
#include "client/location.h"
#include "client/palette_file.h"
#include "tests/fuzz/fuzz.h"

#define WITH_ENTRY 128
#define ENTRY      "b"

static void check_palette(palette_parse_fn *parse, const struct palette_text *from)
{
	static struct colour_palette palette, before;
	struct brot_error err = {.code = BROT_OK};
	memset(&palette, 0x5a, sizeof palette);
	before = palette;
	const enum brot_err code = parse(from, &palette, &err);
	if (code != BROT_OK) {
		FUZZ_CHECK(err.code == code && err.text[0] != '\0', "no sentence");
		FUZZ_CHECK(memcmp(&palette, &before, sizeof before) == 0, "the output is touched");
		return;
	}
	FUZZ_CHECK(palette.stop_count >= 2 && palette.stop_count <= LIMIT_STOPS, "%u stops",
		   palette.stop_count);
	FUZZ_CHECK(palette.name[0] == '\0', "a name");
	for (uint32_t i = 0; i < palette.stop_count; i++) {
		const double position = palette.stops[i].position;
		FUZZ_CHECK(i == 0 ? position == 0.0 : position > palette.stops[i - 1].position,
			   "stop %u at %.17g", i, position);
	}
	const double last = palette.stops[palette.stop_count - 1].position;
	FUZZ_CHECK(palette.is_cyclic ? last < 1.0 : last == 1.0, "the last stop at %.17g", last);
}

static void check_location(location_parse_fn *parse, const struct palette_text *from)
{
	static struct request request, again;
	const struct option_size size = {320, 200};
	struct brot_error err = {.code = BROT_OK};
	request_init(&request);
	request.view = (struct view){.rotate_deg = 0.0};
	struct location location = {
		.path = from->path,
		.text = from->text,
		.bytes = from->bytes,
		.entry = from->entry,
		.request = &request,
		.x_stretch = 1.0,
	};
	enum brot_err code = parse(&location, &err);
	if (code == BROT_OK)
		code = location_finish(&location, &size, &err);
	if (code != BROT_OK) {
		FUZZ_CHECK(err.code == code && err.text[0] != '\0', "no sentence");
		return;
	}
	FUZZ_CHECK(strlen(location.ignored) < sizeof location.ignored, "names overflow");
	FUZZ_CHECK(request.iterations >= 1 && request.iterations <= LIMIT_ITERATIONS, "%u",
		   request.iterations);
	/* What is left to refuse is what several keys make together. */
	json_t *json = request_to_json(&request);
	FUZZ_CHECK(json != NULL, "no memory");
	(void)request_from_json(json, &again, &err);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static palette_parse_fn *const palettes[] = {palette_map_parse, palette_ggr_parse,
						     palette_ugr_parse, palette_css_parse};
	static location_parse_fn *const locations[] = {location_parse_kfr, location_parse_toml,
						       location_parse_par, location_parse_xpf};
	if (size == 0)
		return 0;
	char *text = fuzz_text(data + 1, size - 1);
	const struct palette_text from = {
		.path = "p",
		.text = text,
		.bytes = size - 1,
		.entry = (data[0] & WITH_ENTRY) != 0 ? ENTRY : NULL,
	};
	const unsigned which = data[0] % 8;
	if (which < 4)
		check_palette(palettes[which], &from);
	else
		check_location(locations[which - 4], &from);
	free(text);
	return 0;
}
