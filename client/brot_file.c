/* brot_file.c - include/brot/file.h: arrays as a picture that the writers of files read. */
#include <brot/file.h>
#include <stdlib.h>
#include <string.h>

#include "client/brot_internal.h"
#include "client/crew.h"
#include "client/filetype.h"
#include "client/png.h"
#include "client/save.h"
#include "proto/brot_request.h"
#include "proto/sys/size_signal.h"
#include "proto/thread_mode.h"

_Static_assert(BROT_FILE_DPI_MAX == SAVE_DPI_MAX, "as --dpi has it");
_Static_assert(BROT_FILE_THREADS_MAX == CREW_MAX, "a crew has no more");

/* Row by row: what lies between them is nobody's business. */
static enum brot_err reach(struct picture *picture, uint32_t y, struct brot_error *err)
{
	const struct canvas *canvas = picture->context;
	(void)err;
	picture->first = y;
	picture->rows = 1;
	for (uint32_t p = 0; p < canvas->plane_count; p++)
		picture->planes[p] = (const uint8_t *)canvas->planes[p] +
				     y * canvas->strides_bytes[p];
	return BROT_OK;
}

static enum brot_err options_check(const struct brot_file *options, struct brot_error *err)
{
	if (options->dpi > BROT_FILE_DPI_MAX)
		return error_set(err, BROT_E_USAGE, "dpi: must be at most %d, got %u",
				 BROT_FILE_DPI_MAX, (unsigned)options->dpi);
	if (options->compress < -1 || options->compress > 9)
		return error_set(err, BROT_E_USAGE, "compress: must be -1 to 9, got %d",
				 options->compress);
	if (options->threads > BROT_FILE_THREADS_MAX)
		return error_set(err, BROT_E_USAGE, "threads: must be at most %d, got %u",
				 BROT_FILE_THREADS_MAX, (unsigned)options->threads);
	return brot_reserved_check(options->reserved, err);
}

static struct picture picture_of(const struct brot_request *request, struct canvas *canvas,
				 const struct brot_file *options)
{
	return (struct picture){
		.request = &request->request,
		.dpi = options->dpi,
		.compress = options->compress == 0  ? PICTURE_COMPRESS
			    : options->compress < 0 ? 0
						    : (uint32_t)options->compress,
		.threads = options->threads,
		.reach = reach,
		.context = canvas,
	};
}

/* What both functions begin with; `name` is what the arrays are called. */
static enum brot_err begin(const struct brot_request *request, const struct brot_array *arrays,
			   const char *name, const struct brot_file **options,
			   struct canvas *ret_canvas, struct brot_error *err)
{
	static const struct brot_file usual;
	if (request == NULL || arrays == NULL)
		return error_set(err, BROT_E_USAGE, "%s: must not be NULL",
				 request == NULL ? "request" : name);
	if (*options == NULL)
		*options = &usual;
	const enum brot_err code = options_check(*options, err);
	if (code != BROT_OK)
		return code;
	return brot_canvas_of(request, request->request.height_px, arrays, name, ret_canvas, err);
}

/* What the command line calls --out is `path` here. */
static void blame_path(struct brot_error *err)
{
	struct brot_error inner;
	brot_error_plain(err);
	if (err == NULL || strncmp(err->text, "out: ", 5) != 0)
		return;
	inner = *err;
	(void)error_set(err, inner.code, "path: %.240s", inner.text + 5);
}

static enum brot_err write_file(const char *path, const struct brot_request *request,
				const struct brot_array arrays[], const struct brot_file *options,
				struct brot_error *err)
{
	const struct filetype *filetype = NULL;
	struct outfile outfile = OUTFILE_NONE;
	struct canvas canvas;
	enum brot_err code = begin(request, arrays, "arrays", &options, &canvas, err);
	if (code == BROT_OK)
		code = filetype_of_path(path, &filetype, err);
	if (code == BROT_OK)
		code = filetype_check_format(filetype, request->request.format, err);
	if (code == BROT_OK)
		code = filetype_check_dpi(filetype, options->dpi, err);
	if (code == BROT_OK)
		code = filetype_open(filetype, path, &outfile, err);
	if (code == BROT_OK) {
		struct picture picture = picture_of(request, &canvas, options);
		code = filetype->write(&picture, &outfile, err);
	}
	if (code == BROT_OK)
		code = outfile_commit(&outfile, false, err);
	outfile_discard(&outfile);
	if (code != BROT_OK)
		blame_path(err);
	return code;
}

static enum brot_err encode_png(const struct brot_request *request, const struct brot_array *rgb,
				const struct brot_file *options, void **ret_bytes, size_t *ret_size,
				struct brot_error *err)
{
	struct outfile outfile = OUTFILE_NONE;
	struct canvas canvas;
	char *bytes = NULL;
	size_t size = 0;
	/* Before the arrays: numbers may have several, where `rgb` is one. */
	if (request != NULL && format_info(request->request.format)->is_data)
		return error_set(err, BROT_E_USAGE,
				 "request: format must be rgb8 or rgb16 for a PNG, got %s",
				 format_info(request->request.format)->name);
	enum brot_err code = begin(request, rgb, "rgb", &options, &canvas, err);
	if (code != BROT_OK)
		return code;
	outfile.file = open_memstream(&bytes, &size);
	if (outfile.file == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a PNG");
	struct picture picture = picture_of(request, &canvas, options);
	outfile.path = strdup("memory");
	if (outfile.path == NULL)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a PNG");
	else
		code = png_file_write(&picture, &outfile, err);
	if (code == BROT_OK && fflush(outfile.file) != 0)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a PNG");
	outfile_discard(&outfile);
	/* It is cut to its size at the end, which may fail too. */
	if (code == BROT_OK && bytes == NULL)
		code = error_set(err, BROT_E_SYSTEM, "no memory for a PNG");
	if (code != BROT_OK) {
		free(bytes);
		brot_error_plain(err);
		return code;
	}
	*ret_bytes = bytes;
	*ret_size = size;
	return BROT_OK;
}

enum brot_err brot_write(const char *path, const struct brot_request *request,
			 const struct brot_array arrays[], const struct brot_file *options,
			 struct brot_error *err)
{
	struct thread_mode callers;
	struct size_signal before;
	thread_mode_enter(&callers);
	size_signal_block(&before);
	const enum brot_err code = write_file(path, request, arrays, options, err);
	size_signal_restore(&before);
	thread_mode_leave(&callers);
	return code;
}

enum brot_err brot_encode_png(const struct brot_request *request, const struct brot_array *rgb,
			      const struct brot_file *options, void **ret_bytes, size_t *ret_size,
			      struct brot_error *err)
{
	struct thread_mode callers;
	thread_mode_enter(&callers);
	const enum brot_err code = encode_png(request, rgb, options, ret_bytes, ret_size, err);
	thread_mode_leave(&callers);
	return code;
}

void brot_free(void *memory)
{
	free(memory);
}
