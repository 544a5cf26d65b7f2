/*
 * options_file.h - settings files: the options of a table as one JSON object.
 *
 * A key is an option's name with _ for -. Values: true or false for a flag; a string; for
 * OPTION_U32 a whole number; for OPTION_MS a number of seconds; for OPTION_BYTES a whole number or
 * a string such as "512M"; for OPTION_STRINGS a list of strings. What is wrong is told as
 * NAME:LINE:COLUMN, columns in characters.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_OPTIONS_FILE_H
#define PROTO_OPTIONS_FILE_H

#include <stddef.h>

#include "proto/options.h"

/* What is shown of the name of a file, and room for that, the place, a key and the NUL. */
#define OPTIONS_FILE_NAME_CHARS  80
#define OPTIONS_FILE_LABEL_BYTES (OPTIONS_FILE_NAME_CHARS + OPTIONS_VARIABLE_BYTES + 48)

/* Takes a text, of which it keeps a copy, if it is one JSON object; the keys are checked by
 * options_file_store(). name is what the file is called, copied. Release with options_file_free(),
 * which accepts NULL. BROT_E_CONFIG, or BROT_E_SYSTEM if memory is short. */
enum brot_err options_file_parse(const char *name, const char *text, size_t bytes,
				 struct options_file **ret_file, struct brot_error *err);
void options_file_free(struct options_file *file);

/* Checks every key and stores what it gives, borrowed from the file: in values, whose row becomes
 * OPTION_BY_FILE, or in overruled, a struct like values, where the row is OPTION_BY_LINE. Unknown
 * and doubled keys, wrong types and values out of range are refused (BROT_E_CONFIG); then both
 * structs hold anything. */
enum brot_err options_file_store(const struct options_file *file,
				 const struct option_command *command,
				 enum option_source sources[OPTIONS_MAX], void *values,
				 void *overruled, struct brot_error *err);

/* "NAME:LINE:COLUMN: KEY" with the place of the value of a row, or of that item if it is a list
 * that has so many; the name alone if the file does not have it. Returns buffer. */
const char *options_file_label(const struct options_file *file,
			       const struct option_command *command, const struct option_spec *spec,
			       size_t item, char buffer[OPTIONS_FILE_LABEL_BYTES]);

#endif
