/*
 * png.c - libpng behind two calls.
 *
 * libpng reports errors by longjmp. Everything that must outlive one lies in a struct that
 * belongs to the caller of whoever calls setjmp, so that no local variable is in doubt.
 */
#include "client/png.h"

#include <brot/version.h>
#include <jansson.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_KEY     "brot-request"
#define SIGNATURE_BYTES 8
#define CHUNKS_MAX      64        /* text chunks that a file may carry */
#define CHUNK_BYTES     (1 << 20) /* one chunk, packed or not; colour profiles are the largest */
#define TEXTS           4
#define CHUNK_HEAD      8         /* length and type, before a chunk's data */
#define CHUNK_SUM       4         /* behind it */
#define CHUNKS_ALL      (1 << 24) /* of the file: at libpng's 8 KiB each 128 GiB of pixels */

/* zlib's level: 4 takes 60 % of the time of the usual 6, for files that are 4 to 15 % larger
 * (measured on presets at 1920x1080). */
#define LEVEL 4

struct png_call {
	png_structp png;
	png_infop info;
	struct brot_error *err;
	enum brot_err code; /* not BROT_OK once *err says what went wrong */
	const char *name;   /* of the file that is read; NULL while writing */
	FILE *file;
	struct outfile *outfile;
	struct picture *picture;
	char *request;
	char *description;
};

static void on_error(png_structp png, png_const_charp text)
{
	struct png_call *call = png_get_error_ptr(png);
	if (call->code == BROT_OK && call->name != NULL)
		call->code = error_set(call->err, BROT_E_REQUEST,
				       "--view: \"%.100s\" is a damaged PNG (%s)", call->name,
				       text);
	if (call->code == BROT_OK)
		call->code = error_set(call->err, BROT_E_INTERNAL, "libpng refused: %s", text);
	png_longjmp(png, 1);
}

/* What libpng only warns of is left out; whether it mattered shows when the request is looked
 * for. */
static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void on_write(png_structp png, png_bytep data, size_t bytes)
{
	struct png_call *call = png_get_io_ptr(png);
	call->code = outfile_write(call->outfile, data, bytes, call->err);
	if (call->code != BROT_OK)
		png_error(png, "write");
}

static void on_flush(png_structp png)
{
	(void)png;
}

/* Coordinates may have thousands of digits: the text is as long as it needs to be. */
static char *describe(const struct request *request)
{
	static const char form[] = "Centre %s %s i, width %s; at most %u iterations; %ux%u pixels, "
				   "%u x %u samples each";
	const struct view *view = &request->view;
	size_t bytes = sizeof form + strlen(view->re.text) + strlen(view->im.text) +
		       strlen(view->width.text) + 64;
	char *text = malloc(bytes);
	if (text != NULL)
		(void)snprintf(text, bytes, form, view->re.text, view->im.text, view->width.text,
			       (unsigned)request->iterations, (unsigned)request->width_px,
			       (unsigned)request->height_px, (unsigned)request->samples,
			       (unsigned)request->samples);
	return text;
}

static bool make_texts(struct png_call *call)
{
	/* Brute force gives the same picture, and so the same file. */
	struct request request = *call->picture->request;
	request.has_shortcuts = true;
	json_t *json = request_to_json(&request);
	/* ASCII, since a tEXt chunk is Latin-1. */
	if (json != NULL)
		call->request = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(json);
	call->description = describe(call->picture->request);
	return call->request != NULL && call->description != NULL;
}

static void put_texts(struct png_call *call)
{
	char title[] = "Mandelbrot set", software[] = "brot " BROT_VERSION;
	char keys[TEXTS][16] = {"Title", "Software", "Description", REQUEST_KEY};
	char *values[TEXTS] = {title, software, call->description, call->request};
	png_text texts[TEXTS];
	memset(texts, 0, sizeof texts);
	for (int i = 0; i < TEXTS; i++) {
		texts[i].compression = PNG_TEXT_COMPRESSION_NONE;
		texts[i].key = keys[i];
		texts[i].text = values[i];
		texts[i].text_length = strlen(values[i]);
	}
	png_set_text(call->png, call->info, texts, TEXTS);
}

static void write_all(struct png_call *call)
{
	const struct request *request = call->picture->request;
	if (setjmp(png_jmpbuf(call->png)) != 0)
		return;
	png_set_write_fn(call->png, call, on_write, on_flush);
	png_set_compression_level(call->png, LEVEL);
	png_set_user_limits(call->png, LIMIT_SIZE_PX, LIMIT_SIZE_PX);
	png_set_IHDR(call->png, call->info, request->width_px, request->height_px, 8,
		     PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_set_sRGB(call->png, call->info, PNG_sRGB_INTENT_PERCEPTUAL);
	put_texts(call);
	png_write_info(call->png, call->info);
	for (uint32_t y = 0; y < request->height_px; y++) {
		call->code = picture_reach(call->picture, y, call->err);
		if (call->code != BROT_OK)
			return;
		png_write_row(call->png, picture_row(call->picture, 0, y));
	}
	png_write_end(call->png, call->info);
}

enum brot_err png_file_write(struct picture *picture, struct outfile *outfile,
			     struct brot_error *err)
{
	struct png_call call = {.err = err, .picture = picture, .outfile = outfile};
	call.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &call, on_error, on_warning);
	if (call.png != NULL)
		call.info = png_create_info_struct(call.png);
	if (call.info != NULL && make_texts(&call))
		write_all(&call);
	else
		call.code = error_set(err, BROT_E_SYSTEM, "no memory to write a PNG");
	png_destroy_write_struct(&call.png, &call.info);
	free(call.request);
	free(call.description);
	return call.code;
}

bool png_file_is_png(const void *start, size_t bytes)
{
	return bytes >= SIGNATURE_BYTES && png_sig_cmp(start, 0, SIGNATURE_BYTES) == 0;
}

static void on_read(png_structp png, png_bytep data, size_t bytes)
{
	struct png_call *call = png_get_io_ptr(png);
	if (fread(data, 1, bytes, call->file) != bytes)
		png_error(png, "it ends too early");
}

static void read_all(struct png_call *call)
{
	if (setjmp(png_jmpbuf(call->png)) != 0)
		return;
	png_set_read_fn(call->png, call, on_read);
	/* Without this libpng only warns of a chunk that is over the limit, and reserves 2 GiB for
	 * it if it says so. */
	png_set_benign_errors(call->png, 0);
	png_set_user_limits(call->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_set_chunk_cache_max(call->png, CHUNKS_MAX);
	png_set_chunk_malloc_max(call->png, CHUNK_BYTES);
	png_read_info(call->png, call->info);
	png_textp texts = NULL;
	int count = 0;
	png_get_text(call->png, call->info, &texts, &count);
	for (int i = 0; i < count; i++) {
		if (strcmp(texts[i].key, REQUEST_KEY) != 0 || texts[i].text == NULL)
			continue;
		if (call->request == NULL && strlen(texts[i].text) <= LIMIT_REQUEST_BYTES)
			call->request = strdup(texts[i].text);
	}
}

/* Whether one chunk follows another up to IEND. A file that was cut while it was copied has its
 * texts, but is not the picture that it was. */
static bool is_whole(FILE *file)
{
	uint8_t head[CHUNK_HEAD + CHUNK_SUM];
	if (fseeko(file, SIGNATURE_BYTES, SEEK_SET) != 0)
		return false;
	for (long i = 0; i < CHUNKS_ALL && fread(head, 1, CHUNK_HEAD, file) == CHUNK_HEAD; i++) {
		uint32_t bytes = png_get_uint_32(head);
		if (memcmp(head + 4, "IEND", 4) == 0)
			return bytes == 0 && fread(head, 1, CHUNK_SUM, file) == CHUNK_SUM;
		if (bytes > PNG_UINT_31_MAX ||
		    fseeko(file, (off_t)bytes + CHUNK_SUM, SEEK_CUR) != 0)
			return false;
	}
	return false;
}

enum brot_err png_file_read_request(FILE *file, const char *name, char **ret_text,
				    struct brot_error *err)
{
	struct png_call call = {.err = err, .name = name, .file = file};
	call.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &call, on_error, on_warning);
	if (call.png != NULL)
		call.info = png_create_info_struct(call.png);
	if (call.info != NULL)
		read_all(&call);
	else
		call.code = error_set(err, BROT_E_SYSTEM, "no memory to read a PNG");
	png_destroy_read_struct(&call.png, &call.info, NULL);
	if (call.code == BROT_OK && !is_whole(file))
		call.code = error_set(err, BROT_E_REQUEST,
				      "--view: \"%.100s\" must be a whole PNG, and ends too early",
				      name);
	if (call.code == BROT_OK && call.request == NULL)
		call.code = error_set(
			err, BROT_E_REQUEST,
			"--view: \"%.100s\" must be a picture made by brot, and carries "
			"no request",
			name);
	if (call.code != BROT_OK) {
		free(call.request);
		return call.code;
	}
	*ret_text = call.request;
	return BROT_OK;
}
