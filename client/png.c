/*
 * png.c - libpng owns the container, png_stream.h what the IDAT chunks hold.
 *
 * libpng reports errors by longjmp. Everything that must outlive one lies in a struct that
 * belongs to the caller of whoever calls setjmp, so that no local variable is in doubt.
 */
#include "client/png.h"

#include <brot/version.h>
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "client/crew.h"
#include "client/png_stream.h"

#define TEXTS          4
#define INCHES_A_METRE 39.3700787401574803

struct png_call {
	png_structp png;
	png_infop info;
	struct brot_error *err;
	enum brot_err code; /* not BROT_OK once *err says what went wrong */
	struct outfile *outfile;
	struct picture *picture;
	struct png_stream *stream;
	uint8_t *swapped; /* a row of 16 bits each, the high byte first */
	char *request;
	char *description;
};

static void on_error(png_structp png, png_const_charp text)
{
	struct png_call *call = png_get_error_ptr(png);
	if (call->code == BROT_OK && errno == ENOMEM)
		call->code = error_set(call->err, BROT_E_SYSTEM, "no memory to write a PNG");
	else if (call->code == BROT_OK)
		call->code = error_set(call->err, BROT_E_INTERNAL, "libpng refused: %s", text);
	png_longjmp(png, 1);
}

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
	if (call->picture->is_anonymous)
		return true;
	call->request = picture_request_text(call->picture);
	call->description = describe(call->picture->request);
	return call->request != NULL && call->description != NULL;
}

static void put_texts(struct png_call *call)
{
	char title[] = "Mandelbrot set", software[] = "brot " BROT_VERSION;
	char keys[TEXTS][16] = {"Title", "Software", "Description", PNG_REQUEST_KEY};
	char *values[TEXTS] = {title, software, call->description, call->request};
	png_text texts[TEXTS];
	int count = 0;
	memset(texts, 0, sizeof texts);
	for (int i = 0; i < TEXTS; i++) {
		if (call->picture->is_anonymous && values[i] != software)
			continue;
		texts[count].compression = PNG_TEXT_COMPRESSION_NONE;
		texts[count].key = keys[i];
		texts[count].text = values[i];
		texts[count++].text_length = strlen(values[i]);
	}
	png_set_text(call->png, call->info, texts, count);
}

static bool is_deep(const struct request *request)
{
	return request->format == FORMAT_RGB16;
}

/* What stands before the pixels. */
static void write_head(struct png_call *call)
{
	const struct request *request = call->picture->request;
	png_set_write_fn(call->png, call, on_write, on_flush);
	png_set_user_limits(call->png, LIMIT_SIZE_PX, LIMIT_SIZE_PX);
	png_set_IHDR(call->png, call->info, request->width_px, request->height_px,
		     is_deep(request) ? 16 : 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_sRGB(call->png, call->info, PNG_sRGB_INTENT_PERCEPTUAL);
	if (call->picture->dpi != 0) {
		const png_uint_32 per_metre = (png_uint_32)(call->picture->dpi * INCHES_A_METRE +
							    0.5);
		png_set_pHYs(call->png, call->info, per_metre, per_metre, PNG_RESOLUTION_METER);
	}
	put_texts(call);
	png_write_info(call->png, call->info);
}

static enum brot_err on_part(const uint8_t *data, size_t bytes, void *context,
			     struct brot_error *err)
{
	static const png_byte idat[5] = "IDAT";
	struct png_call *call = context;
	(void)err;
	if (setjmp(png_jmpbuf(call->png)) == 0)
		png_write_chunk(call->png, idat, data, bytes);
	return call->code;
}

static const uint8_t *row_of(struct png_call *call, uint32_t y)
{
	const uint8_t *row = picture_row(call->picture, 0, y);
	if (call->swapped == NULL)
		return row;
	const size_t bytes = picture_row_bytes(call->picture->request, 0);
	picture_swap16(row, bytes, call->swapped);
	return call->swapped;
}

static void write_pixels(struct png_call *call)
{
	const uint32_t rows = call->picture->request->height_px;
	for (uint32_t y = 0; y < rows && call->code == BROT_OK; y++) {
		call->code = picture_reach(call->picture, y, call->err);
		if (call->code == BROT_OK)
			call->code = png_stream_row(call->stream, row_of(call, y), call->err);
	}
}

static void write_all(struct png_call *call)
{
	static const png_byte iend[5] = "IEND";
	if (setjmp(png_jmpbuf(call->png)) != 0)
		return;
	errno = 0;
	write_head(call);
	write_pixels(call);
	/* After chunks of ours libpng does not know of the pixels, and would miss them. */
	if (call->code != BROT_OK || setjmp(png_jmpbuf(call->png)) != 0)
		return;
	png_write_chunk(call->png, iend, NULL, 0);
}

static enum brot_err open_stream(struct png_call *call)
{
	const struct request *request = call->picture->request;
	const size_t row_bytes = picture_row_bytes(request, 0);
	const struct png_stream_config config = {
		.row_bytes = row_bytes,
		.pixel_bytes = format_pixel_bytes(request->format),
		.rows = request->height_px,
		.level = (int)call->picture->compress,
		.threads = crew_threads(call->picture->threads),
		.write = on_part,
		.context = call,
	};
	if (is_deep(request)) {
		call->swapped = malloc(row_bytes);
		if (call->swapped == NULL)
			return error_set(call->err, BROT_E_SYSTEM, "no memory to write a PNG");
	}
	return png_stream_new(&config, &call->stream, call->err);
}

enum brot_err png_file_write(struct picture *picture, struct outfile *outfile,
			     struct brot_error *err)
{
	struct png_call call = {.err = err, .picture = picture, .outfile = outfile};
	call.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &call, on_error, on_warning);
	if (call.png != NULL)
		call.info = png_create_info_struct(call.png);
	if (call.info == NULL || !make_texts(&call))
		call.code = error_set(err, BROT_E_SYSTEM, "no memory to write a PNG");
	if (call.code == BROT_OK)
		call.code = open_stream(&call);
	if (call.code == BROT_OK)
		write_all(&call);
	png_stream_free(call.stream);
	png_destroy_write_struct(&call.png, &call.info);
	free(call.swapped);
	free(call.request);
	free(call.description);
	return call.code;
}
