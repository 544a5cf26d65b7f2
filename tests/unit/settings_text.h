/* settings_text.h - a settings file for a test of options, which is a text. */
#ifndef TESTS_UNIT_SETTINGS_TEXT_H
#define TESTS_UNIT_SETTINGS_TEXT_H

#include <stdbool.h>
#include <string.h>

#include "proto/options_file.h"

struct settings_text {
	const char *path; /* where the program is to look for it */
	const char *name; /* what sentences call it */
	const char *text; /* NULL: there is no file */
	struct options_file *file;
};

/* For option_sources.file; context is a struct settings_text. */
static inline enum brot_err settings_text_read(const char *path, bool must_exist, void *context,
					       const struct options_file **ret_file,
					       struct brot_error *err)
{
	struct settings_text *settings = context;
	enum brot_err code = BROT_OK;
	(void)must_exist;
	assert_string_equal(path, settings->path);
	options_file_free(settings->file);
	settings->file = NULL;
	if (settings->text != NULL)
		code = options_file_parse(settings->name, settings->text, strlen(settings->text),
					  &settings->file, err);
	*ret_file = settings->file;
	return code;
}

#endif
