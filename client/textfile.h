/*
 * textfile.h - reads a small file whole: settings, palettes, places.
 *
 * Thread-safe.
 */
#ifndef CLIENT_TEXTFILE_H
#define CLIENT_TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "proto/error.h"

/* Whether a file's name, or the FILE of "FILE:NAME" where it has entries, ends in ".SUFFIX", in
 * whatever case; *ret_path_chars is then the length of FILE. */
bool textfile_is(const char *file, const char *suffix, bool has_entries, size_t *ret_path_chars);

/* Opens a regular file; label ("--palette") begins each sentence. A FIFO is refused: opening or
 * reading one could wait for ever. BROT_E_NO_INPUT. */
enum brot_err textfile_open(const char *label, const char *path, FILE **ret_file,
			    struct brot_error *err);

/* Reads all of a file: at most `most` bytes, and a NUL behind them. The caller frees *ret_text.
 * BROT_E_NO_INPUT where it cannot be read, BROT_E_REQUEST where it is longer. */
enum brot_err textfile_read(const char *label, const char *path, size_t most, char **ret_text,
			    size_t *ret_bytes, struct brot_error *err);

#endif
