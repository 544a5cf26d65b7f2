/* palette_file.c - which parser reads which file. */
#include "client/palette_file.h"

#include <stdlib.h>
#include <string.h>

#include "client/textfile.h"
#include "proto/request.h"

#define FILE_BYTES (1 << 20)
#define PATH_CHARS 4095

static const struct {
	const char *suffix;
	palette_parse_fn *parse;
	bool has_entries;
} kinds[] = {
	{"map", palette_map_parse, false},
	{"ggr", palette_ggr_parse, false},
	{"ugr", palette_ugr_parse, true},
	{"json", palette_css_parse, false},
};
#define KIND_COUNT_OF (sizeof kinds / sizeof kinds[0])

enum brot_err palette_refuse(const struct palette_text *from, unsigned line, const char *reason,
			     struct brot_error *err)
{
	if (line == 0)
		return error_set(err, BROT_E_REQUEST, "--palette: %.100s: %s", from->path, reason);
	return error_set(err, BROT_E_REQUEST, "--palette: %.100s:%u: %s", from->path, line, reason);
}

static size_t kind_of(const char *file, size_t *ret_path_chars)
{
	size_t i = 0;
	while (i < KIND_COUNT_OF &&
	       !textfile_is(file, kinds[i].suffix, kinds[i].has_entries, ret_path_chars))
		i++;
	return i;
}

enum brot_err palette_file_read(const char *file, json_t **ret_json, struct brot_error *err)
{
	char path[PATH_CHARS + 1];
	char *text = NULL;
	struct palette_text from = {.path = path};
	struct colour_palette palette;
	size_t path_chars = 0;
	const size_t kind = kind_of(file, &path_chars);
	if (kind == KIND_COUNT_OF || path_chars > PATH_CHARS)
		return error_set(
			err, BROT_E_USAGE,
			"--palette: a file's suffix must be .map, .ggr, .ugr or .json, got "
			"\"%.100s\"",
			file);
	memcpy(path, file, path_chars);
	path[path_chars] = '\0';
	from.entry = file[path_chars] == ':' ? file + path_chars + 1 : NULL;
	enum brot_err code = textfile_read("--palette", path, FILE_BYTES, &text, &from.bytes, err);
	if (code != BROT_OK)
		return code;
	from.text = text;
	code = kinds[kind].parse(&from, &palette, err);
	free(text);
	if (code != BROT_OK)
		return code;
	*ret_json = request_palette_to_json(&palette);
	return *ret_json != NULL ? BROT_OK
				 : error_set(err, BROT_E_SYSTEM, "no memory for a palette");
}
