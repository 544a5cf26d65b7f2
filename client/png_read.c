/* png_read.c - finds the request in a PNG, which may be hostile. */
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "client/png.h"

#define SIGNATURE_BYTES 8
#define CHUNKS_MAX      64        /* text chunks that a file may carry */
#define CHUNK_BYTES     (1 << 20) /* one chunk, packed or not; colour profiles are the largest */
#define CHUNK_HEAD      8         /* length and type, before a chunk's data */
#define CHUNK_SUM       4         /* behind it */
#define CHUNKS_ALL      (1 << 24) /* of the file: at libpng's 8 KiB each 128 GiB of pixels */

/* libpng reports errors by longjmp: what must outlive one lies here. */
struct png_call {
	png_structp png;
	png_infop info;
	struct brot_error *err;
	enum brot_err code; /* not BROT_OK once *err says what went wrong */
	const char *name;   /* of the file */
	FILE *file;
	char *request;
};

static void on_error(png_structp png, png_const_charp text)
{
	struct png_call *call = png_get_error_ptr(png);
	if (call->code == BROT_OK && errno == ENOMEM)
		call->code = error_set(call->err, BROT_E_SYSTEM, "no memory to read a PNG");
	else if (call->code == BROT_OK)
		call->code = error_set(call->err, BROT_E_REQUEST,
				       "--view: \"%.100s\" is a damaged PNG (%s)", call->name,
				       text);
	png_longjmp(png, 1);
}

/* What libpng only warns of is left out; whether it mattered shows when the request is looked
 * for. */
static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
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
	errno = 0;
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
		if (strcmp(texts[i].key, PNG_REQUEST_KEY) != 0 || texts[i].text == NULL)
			continue;
		if (call->request != NULL || strlen(texts[i].text) > LIMIT_REQUEST_BYTES)
			continue;
		call->request = strdup(texts[i].text);
		if (call->request == NULL)
			call->code = error_set(call->err, BROT_E_SYSTEM, "no memory to read a PNG");
	}
	/* What libpng has no memory for it leaves out. */
	if (call->code == BROT_OK && call->request == NULL && errno == ENOMEM)
		call->code = error_set(call->err, BROT_E_SYSTEM, "no memory to read a PNG");
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
