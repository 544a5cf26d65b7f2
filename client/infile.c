/* infile.c - one bounded read, then the parser that the first bytes ask for. */
#include "client/infile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dzi.h"
#include "client/exr.h"
#include "client/png.h"
#include "client/textfile.h"
#include "proto/json_text.h"

/* A request that stands in a file of another kind has no lines to name. */
static enum brot_err parse(const char *path, const char *text, size_t bytes, bool has_lines,
			   struct request *ret_request, struct brot_error *err)
{
	struct brot_error inner;
	enum brot_err code = request_parse(text, bytes, ret_request, &inner);
	if (code == BROT_OK)
		return BROT_OK;
	/* What is no JSON has its place in the sentence; the others begin with the field. */
	if (!has_lines || strstr(inner.text, " at line ") != NULL)
		return error_set(err, code, "--view: in \"%.80s\": %s", path, inner.text);
	const struct json_text json = {text, bytes};
	const struct json_place place = json_text_place(&json, json_text_find(&json, inner.text));
	return error_set(err, code, "--view: %.80s:%zu: %s", path, place.line, inner.text);
}

static enum brot_err read_json(FILE *file, const char *path, struct request *ret_request,
			       struct brot_error *err)
{
	char *text = malloc(LIMIT_REQUEST_BYTES + 1);
	if (text == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory to read a request");
	size_t bytes = fread(text, 1, LIMIT_REQUEST_BYTES + 1, file);
	enum brot_err code;
	if (ferror(file))
		code = error_set(err, BROT_E_NO_INPUT, "--view: cannot read \"%.120s\": %s", path,
				 strerror(errno));
	else if (bytes > LIMIT_REQUEST_BYTES)
		code = error_set(err, BROT_E_REQUEST,
				 "--view: \"%.120s\" must be a request of at most %d bytes, or a "
				 ".png, .exr or .dzi made by brot, and is longer",
				 path, LIMIT_REQUEST_BYTES);
	else
		code = parse(path, text, bytes, true, ret_request, err);
	free(text);
	return code;
}

/* The kinds of file that carry a request. */
static const struct carrier {
	bool (*is_it)(const void *start, size_t bytes);
	enum brot_err (*read)(FILE *file, const char *name, char **ret_text,
			      struct brot_error *err);
} carriers[] = {
	{png_file_is_png, png_file_read_request},
	{exr_file_is_exr, exr_file_read_request},
	{dzi_file_is_dzi, dzi_file_read_request},
};

enum brot_err infile_read_request(const char *path, struct request *ret_request,
				  struct brot_error *err)
{
	FILE *file = NULL;
	enum brot_err code = textfile_open("--view", path, &file, err);
	if (code != BROT_OK)
		return code;
	char start[8], *text = NULL;
	const size_t bytes = fread(start, 1, sizeof start, file);
	const struct carrier *carrier = NULL;
	for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++)
		if (carriers[i].is_it(start, bytes))
			carrier = &carriers[i];
	rewind(file);
	if (carrier == NULL) {
		code = read_json(file, path, ret_request, err);
	} else {
		code = carrier->read(file, path, &text, err);
		if (code == BROT_OK)
			code = parse(path, text, strlen(text), false, ret_request, err);
		free(text);
	}
	(void)fclose(file);
	return code;
}
