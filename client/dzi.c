/* dzi.c - levels that take rows, halve them for the next level, and write their tiles on all cores.
 */
#include "client/dzi.h"

#include <brot/colour.h>
#include <brot/version.h>
#include <errno.h>
#include <png.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/crew.h"

#define TILE_PX    254u
#define OVERLAP_PX 1u
#define HELD_ROWS  (TILE_PX + 2 * OVERLAP_PX)
#define LEVELS_MAX 22 /* 2^20 pixels a side, and 1 */
#define PATH_BYTES 4096

struct level {
	uint32_t number; /* 0: one pixel */
	uint32_t width_px, height_px;
	uint8_t *rows;        /* HELD_ROWS of them */
	uint32_t first, held; /* rows of the level that are there */
	uint32_t tile_row;    /* the next to be written */
	uint8_t *above;       /* a row of even number, until the next comes */
	uint8_t *halved;
};

struct pyramid {
	const struct outfolder *folder; /* of the tiles; borrowed */
	struct level levels[LEVELS_MAX];
	uint32_t count;
	uint32_t compress;
	unsigned threads;
	/* Of the tiles that are being written: where one has failed. */
	const struct level *level;
	atomic_int failure; /* errno; set by any thread */
};

static size_t row_bytes(const struct level *level)
{
	return (size_t)level->width_px * 3;
}

/* NAME_files of NAME.dzi. False where that is too long. */
static bool folder_of(const char *path, char folder[PATH_BYTES])
{
	const size_t chars = strlen(path) - strlen(".dzi");
	const int used = snprintf(folder, PATH_BYTES, "%.*s_files", (int)chars, path);
	return used > 0 && used < PATH_BYTES - (int)sizeof ".XXXXXX/00/000000_000000.png";
}

static enum brot_err refuse(const char *folder, const char *why, struct brot_error *err)
{
	return error_set(err, BROT_E_OUTPUT, "%.150s: %s", folder, why);
}

enum brot_err dzi_check(const char *path, struct brot_error *err)
{
	char folder[PATH_BYTES];
	struct stat status;
	if (!folder_of(path, folder))
		return refuse(path, "the name is too long for its tiles", err);
	if (lstat(folder, &status) == 0)
		return refuse(folder, "is there already, and would get the tiles: remove it first",
			      err);
	return BROT_OK;
}

/* ---- tiles ---- */

static void tile_write(struct pyramid *pyramid, uint32_t column)
{
	const struct level *level = pyramid->level;
	const uint32_t x = column * TILE_PX, y = level->tile_row * TILE_PX;
	const uint32_t left = x > 0 ? x - OVERLAP_PX : 0, top = y > 0 ? y - OVERLAP_PX : 0;
	const uint32_t right = x + TILE_PX + OVERLAP_PX < level->width_px ? x + TILE_PX + OVERLAP_PX
									  : level->width_px;
	const uint32_t bottom = level->first + level->held;
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = right - left,
		.height = bottom - top,
		.format = PNG_FORMAT_RGB,
		.flags = pyramid->compress < 3 ? PNG_IMAGE_FLAG_FAST : 0,
	};
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof path, "%.4000s/%u/%u_%u.png", pyramid->folder->path,
		       (unsigned)level->number, (unsigned)column, (unsigned)level->tile_row);
	FILE *file = fopen(path, "wbe");
	bool is_good = file != NULL;
	const uint8_t *pixels = level->rows + (top - level->first) * row_bytes(level) +
				(size_t)left * 3;
	errno = 0;
	if (is_good)
		is_good = png_image_write_to_stdio(&image, file, 0, pixels,
						   (png_int_32)row_bytes(level), NULL) != 0;
	if (file != NULL && fclose(file) != 0)
		is_good = false;
	if (!is_good)
		atomic_store(&pyramid->failure, errno != 0 ? errno : EIO);
}

static void on_piece(uint32_t piece, void *context)
{
	tile_write(context, piece);
}

/* Writes the row of tiles whose rows are there. */
static enum brot_err tiles_write(struct pyramid *pyramid, struct level *level,
				 struct brot_error *err)
{
	const struct crew_work work = {
		.count = (level->width_px + TILE_PX - 1) / TILE_PX,
		.threads = pyramid->threads,
		.task = on_piece,
		.context = pyramid,
	};
	pyramid->level = level;
	enum brot_err code = crew_run(&work, err);
	const int failure = atomic_load(&pyramid->failure);
	if (code == BROT_OK && failure != 0)
		code = error_set(err,
				 failure == ENOSPC || failure == EDQUOT ? BROT_E_NO_SPACE
									: BROT_E_OUTPUT,
				 "%.150s: cannot be filled with tiles: %s", pyramid->folder->target,
				 strerror(failure));
	/* The next row of tiles begins within this one. */
	const uint32_t keep = (++level->tile_row) * TILE_PX - OVERLAP_PX;
	const uint32_t end = level->first + level->held;
	if (end > keep) {
		memmove(level->rows, level->rows + (keep - level->first) * row_bytes(level),
			(end - keep) * row_bytes(level));
		level->held = end - keep;
	} else {
		level->held = 0;
	}
	level->first = keep;
	return code;
}

/* ---- levels ---- */

/* Gives a row to level `index` of the list, and what comes of it to those behind it. */
static enum brot_err row_take(struct pyramid *pyramid, uint32_t index, const uint8_t *row,
			      struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	/* Down the list instead of by recursion: a row makes at most one for each level. */
	for (bool goes_on = true; goes_on && code == BROT_OK; index++) {
		struct level *level = &pyramid->levels[index];
		const uint32_t y = level->first + level->held;
		memcpy(level->rows + level->held * row_bytes(level), row, row_bytes(level));
		level->held++;
		const bool is_last = y + 1 == level->height_px;
		goes_on = index + 1 < pyramid->count && (y % 2 == 1 || is_last);
		if (goes_on)
			brot_colour_halve(y % 2 == 1 ? level->above : row, row, level->width_px,
					  level->halved);
		else if (y % 2 == 0)
			memcpy(level->above, row, row_bytes(level));
		if (y + 1 == (level->tile_row + 1) * TILE_PX + OVERLAP_PX)
			code = tiles_write(pyramid, level, err);
		if (code == BROT_OK && is_last && level->tile_row * TILE_PX < level->height_px)
			code = tiles_write(pyramid, level, err);
		row = level->halved;
	}
	return code;
}

static bool level_init(struct level *level)
{
	level->rows = malloc(HELD_ROWS * row_bytes(level));
	level->above = malloc(row_bytes(level));
	level->halved = malloc(row_bytes(level));
	return level->rows != NULL && level->above != NULL && level->halved != NULL;
}

/* Largest first. */
static bool levels_init(struct pyramid *pyramid, uint32_t width_px, uint32_t height_px)
{
	bool is_good = true;
	for (;;) {
		struct level *level = &pyramid->levels[pyramid->count++];
		level->width_px = width_px;
		level->height_px = height_px;
		is_good = is_good && level_init(level);
		if (width_px == 1 && height_px == 1)
			break;
		width_px = (width_px + 1) / 2;
		height_px = (height_px + 1) / 2;
	}
	for (uint32_t i = 0; i < pyramid->count; i++)
		pyramid->levels[i].number = pyramid->count - 1 - i;
	return is_good;
}

/* ---- the folder ---- */

static enum brot_err folder_make(struct pyramid *pyramid, struct outfile *outfile,
				 struct brot_error *err)
{
	char path[PATH_BYTES];
	enum brot_err code = dzi_check(outfile->path, err);
	if (code != BROT_OK)
		return code;
	(void)folder_of(outfile->path, path);
	code = outfile_add_folder(outfile, path, err);
	if (code != BROT_OK)
		return code;
	pyramid->folder = &outfile->folder;
	for (uint32_t i = 0; i < pyramid->count; i++) {
		(void)snprintf(path, sizeof path, "%.4000s/%u", pyramid->folder->path, (unsigned)i);
		if (mkdir(path, 0777) != 0)
			return refuse(pyramid->folder->target, strerror(errno), err);
	}
	return BROT_OK;
}

static void pyramid_free(struct pyramid *pyramid)
{
	for (uint32_t i = 0; i < pyramid->count; i++) {
		free(pyramid->levels[i].rows);
		free(pyramid->levels[i].above);
		free(pyramid->levels[i].halved);
	}
	free(pyramid);
}

static enum brot_err put(const char *text, struct outfile *outfile, struct brot_error *err)
{
	return outfile_write(outfile, text, strlen(text), err);
}

/* The request is a processing instruction, which viewers pass over. It cannot hold the "?>" that
 * ends it: its texts are numbers, and names of ours. */
static enum brot_err put_request(const struct picture *picture, struct outfile *outfile,
				 struct brot_error *err)
{
	char *text = picture_request_text(picture);
	if (text == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory to describe a pyramid");
	enum brot_err code = put("<?" DZI_REQUEST_KEY " ", outfile, err);
	if (code == BROT_OK)
		code = put(text, outfile, err);
	if (code == BROT_OK)
		code = put("?>\n", outfile, err);
	free(text);
	return code;
}

static enum brot_err describe(const struct picture *picture, struct outfile *outfile,
			      struct brot_error *err)
{
	char text[256];
	(void)snprintf(text, sizeof text,
		       "<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" "
		       "Format=\"png\" Overlap=\"%u\" TileSize=\"%u\">\n"
		       "  <Size Width=\"%u\" Height=\"%u\"/>\n</Image>\n",
		       OVERLAP_PX, TILE_PX, (unsigned)picture->request->width_px,
		       (unsigned)picture->request->height_px);
	enum brot_err code = put("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				 "<?brot " BROT_VERSION "?>\n",
				 outfile, err);
	if (code == BROT_OK && !picture->is_anonymous)
		code = put_request(picture, outfile, err);
	return code == BROT_OK ? put(text, outfile, err) : code;
}

enum brot_err dzi_write(struct picture *picture, struct outfile *outfile, struct brot_error *err)
{
	const struct request *request = picture->request;
	struct pyramid *pyramid = calloc(1, sizeof *pyramid);
	if (pyramid == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a pyramid");
	pyramid->compress = picture->compress;
	pyramid->threads = crew_threads(picture->threads);
	enum brot_err code = BROT_OK;
	if (!levels_init(pyramid, request->width_px, request->height_px))
		code = error_set(err, BROT_E_SYSTEM, "no memory for the rows of a pyramid");
	if (code == BROT_OK)
		code = folder_make(pyramid, outfile, err);
	for (uint32_t y = 0; code == BROT_OK && y < request->height_px; y++) {
		code = picture_reach(picture, y, err);
		if (code == BROT_OK)
			code = row_take(pyramid, 0, picture_row(picture, 0, y), err);
	}
	if (code == BROT_OK)
		code = describe(picture, outfile, err);
	pyramid_free(pyramid);
	return code;
}
