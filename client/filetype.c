/* filetype.c - the one table of kinds of file. */
#include "client/filetype.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/dzi.h"
#include "client/exr.h"
#include "client/npy.h"
#include "client/png.h"
#include "client/ppm.h"

#define BIT(format) (1u << (format))
#define COUNTS \
	(BIT(FORMAT_DENSITY) | BIT(FORMAT_DENSITY32) | BIT(FORMAT_NEBULA) | BIT(FORMAT_NEBULA32))

static const struct filetype table[] = {
	{.suffix = "png",
	 .formats = BIT(FORMAT_RGB8) | BIT(FORMAT_RGB16),
	 .usual = FORMAT_RGB8,
	 .has_request = true,
	 .has_dpi = true,
	 .write = png_file_write},
	{.suffix = "ppm",
	 .formats = BIT(FORMAT_RGB8) | BIT(FORMAT_RGB16),
	 .usual = FORMAT_RGB8,
	 .write = ppm_write},
	{.suffix = "npy",
	 .formats = BIT(FORMAT_ITERATIONS) | BIT(FORMAT_SMOOTH) | BIT(FORMAT_DISTANCE) |
		    BIT(FORMAT_PHASE) | BIT(FORMAT_RAW) | COUNTS,
	 .usual = FORMAT_ITERATIONS,
	 .write = npy_write},
	{.suffix = "exr",
	 .formats = BIT(FORMAT_ITERATIONS) | BIT(FORMAT_SMOOTH) | BIT(FORMAT_RAW) | COUNTS,
	 .usual = FORMAT_RAW,
	 .has_request = true,
	 .has_dpi = true,
	 .write = exr_file_write},
	{.suffix = "dzi",
	 .formats = BIT(FORMAT_RGB8),
	 .usual = FORMAT_RGB8,
	 .has_request = true,
	 .write = dzi_write,
	 .check = dzi_check},
};
#define TABLE_COUNT (sizeof table / sizeof table[0])

enum brot_err filetype_open(const struct filetype *filetype, const char *path,
			    struct outfile *ret_outfile, struct brot_error *err)
{
	enum brot_err code = filetype->check == NULL ? BROT_OK : filetype->check(path, err);
	return code == BROT_OK ? outfile_open(path, ret_outfile, err) : code;
}

enum format_id filetype_usual(const struct filetype *filetype, const struct request *request)
{
	if (request->kind != KIND_BUDDHABROT || !format_info(filetype->usual)->is_data)
		return filetype->usual;
	return request->buddha.channels > 1 ? FORMAT_NEBULA : FORMAT_DENSITY;
}

/* A list in words: "a", "a or b", "a, b or c". */
struct words {
	char text[96];
	const char *mark; /* before each */
	const char *last;
};

static void words_append(struct words *words, const char *before, const char *word)
{
	size_t used = strlen(words->text);
	(void)snprintf(words->text + used, sizeof words->text - used, "%s%s%s", before, words->mark,
		       word);
}

static void words_add(struct words *words, const char *word)
{
	if (words->last != NULL)
		words_append(words, words->text[0] == '\0' ? "" : ", ", words->last);
	words->last = word;
}

static const char *words_end(struct words *words)
{
	if (words->last != NULL)
		words_append(words, words->text[0] == '\0' ? "" : " or ", words->last);
	words->last = NULL;
	return words->text;
}

/* Among those that hold one of `formats`. */
static enum brot_err find(const char *option, const char *path, unsigned formats,
			  const struct filetype **ret_filetype, struct brot_error *err)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	const char *dot = name == NULL ? NULL : strrchr(name, '.');
	struct words suffixes = {.mark = "."};
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if ((table[i].formats & formats) == 0)
			continue;
		if (dot != NULL && dot != name && strcasecmp(dot + 1, table[i].suffix) == 0) {
			*ret_filetype = &table[i];
			return BROT_OK;
		}
		words_add(&suffixes, table[i].suffix);
	}
	if (path == NULL)
		return error_set(err, BROT_E_USAGE,
				 "%s: must name a file whose suffix is %s, got none", option,
				 words_end(&suffixes));
	return error_set(err, BROT_E_USAGE, "%s: the file's suffix must be %s, got \"%.100s\"",
			 option, words_end(&suffixes), path);
}

enum brot_err filetype_of_path(const char *path, const struct filetype **ret_filetype,
			       struct brot_error *err)
{
	return find("--out", path, ~0u, ret_filetype, err);
}

enum brot_err filetype_of_picture(const char *option, const char *path,
				  const struct filetype **ret_filetype, struct brot_error *err)
{
	return find(option, path, BIT(FORMAT_RGB8), ret_filetype, err);
}

enum brot_err filetype_check_dpi(const struct filetype *filetype, uint32_t dpi,
				 struct brot_error *err)
{
	struct words suffixes = {.mark = "."};
	if (dpi == 0 || filetype->has_dpi)
		return BROT_OK;
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (table[i].has_dpi)
			words_add(&suffixes, table[i].suffix);
	return error_set(
		err, BROT_E_USAGE,
		"--dpi: a .%s file cannot say how many pixels an inch has: it goes with %s",
		filetype->suffix, words_end(&suffixes));
}

enum brot_err filetype_check_format(const struct filetype *filetype, enum format_id format,
				    struct brot_error *err)
{
	if ((filetype->formats & BIT(format)) != 0)
		return BROT_OK;
	struct words formats = {.mark = ""};
	for (unsigned i = 0; i < FORMAT_COUNT; i++)
		if ((filetype->formats & BIT(i)) != 0)
			words_add(&formats, format_info((enum format_id)i)->name);
	struct words suffixes = {.mark = "."};
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if ((table[i].formats & BIT(format)) != 0)
			words_add(&suffixes, table[i].suffix);
	const char *name = format_info(format)->name;
	return error_set(err, BROT_E_USAGE,
			 "--format: a .%s file holds %s, not %s, which goes into %s",
			 filetype->suffix, words_end(&formats), name, words_end(&suffixes));
}
