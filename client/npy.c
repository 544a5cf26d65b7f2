/* npy.c - a padded header, then the array in C order. */
#include "client/npy.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES 10 /* magic, version, length of the header */
#define ALIGN_BYTES  64
#define HEADER_BYTES (4 * (size_t)ALIGN_BYTES) /* the longest */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "planes and doubles are written as they lie");

static const char *type_of(enum format_id format)
{
	assert(format_info(format)->is_data);
	switch (format) {
	case FORMAT_ITERATIONS:
		return NPY_ITERATIONS;
	case FORMAT_SMOOTH:
		return NPY_SMOOTH;
	case FORMAT_RAW:
		return NPY_RAW;
	case FORMAT_DENSITY:
	case FORMAT_NEBULA:
		return NPY_DENSITY;
	case FORMAT_DENSITY32:
	case FORMAT_NEBULA32:
		return NPY_ITERATIONS;
	case FORMAT_DISTANCE:
	case FORMAT_PHASE:
	case FORMAT_RGB8:
	case FORMAT_RGB16:
	case FORMAT_COUNT:
		break;
	}
	return NPY_FLOAT;
}

static enum brot_err write_header(const struct request *request, struct outfile *outfile,
				  struct brot_error *err)
{
	const bool is_nebula = request->format == FORMAT_NEBULA ||
			       request->format == FORMAT_NEBULA32;
	char header[HEADER_BYTES];
	memset(header, ' ', sizeof header);
	memcpy(header, "\x93NUMPY\x01\x00", 8);
	const int chars = snprintf(header + PREFIX_BYTES, sizeof header - PREFIX_BYTES,
				   "{'descr': %s, 'fortran_order': False, 'shape': (%u, %u%s), }",
				   type_of(request->format), (unsigned)request->height_px,
				   (unsigned)request->width_px,
				   request->format == FORMAT_DISTANCE ? ", 2"
				   : is_nebula                        ? ", 3"
								      : "");
	const size_t used = PREFIX_BYTES + (size_t)chars + 1;
	size_t bytes = (used + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	/* As it was before there were types with long names. */
	if (bytes < 2 * ALIGN_BYTES)
		bytes = 2 * ALIGN_BYTES;
	assert(bytes <= sizeof header);
	header[8] = (char)(bytes - PREFIX_BYTES);
	header[9] = 0;
	header[used - 1] = ' ';
	header[bytes - 1] = '\n';
	return outfile_write(outfile, header, bytes, err);
}

static void join_row(const struct picture *picture, uint32_t y, uint8_t *row)
{
	const uint8_t *wholes = picture_row(picture, 0, y);
	const uint8_t *fractions = picture_row(picture, 1, y);
	for (uint32_t x = 0; x < picture->request->width_px; x++) {
		uint32_t whole;
		float fraction;
		memcpy(&whole, wholes + (size_t)x * sizeof whole, sizeof whole);
		memcpy(&fraction, fractions + (size_t)x * sizeof fraction, sizeof fraction);
		const double sum = whole == UINT32_MAX ? (double)INFINITY
						       : (double)whole + (double)fraction;
		memcpy(row + (size_t)x * sizeof sum, &sum, sizeof sum);
	}
}

/* Pixel by pixel, plane by plane. */
static void weave_row(const struct picture *picture, uint32_t y, uint8_t *row)
{
	const struct format_info *format = format_info(picture->request->format);
	const size_t pixel_bytes = format_pixel_bytes(picture->request->format);
	size_t offset = 0;
	for (uint32_t p = 0; p < format->plane_count; p++) {
		const size_t bytes = plane_info(format->planes[p])->pixel_bytes;
		const uint8_t *from = picture_row(picture, p, y);
		for (uint32_t x = 0; x < picture->request->width_px; x++)
			memcpy(row + x * pixel_bytes + offset, from + x * bytes, bytes);
		offset += bytes;
	}
}

static enum brot_err write_rows(struct picture *picture, uint8_t *made, size_t made_bytes,
				struct outfile *outfile, struct brot_error *err)
{
	const struct request *request = picture->request;
	enum brot_err code = BROT_OK;
	for (uint32_t y = 0; code == BROT_OK && y < request->height_px; y++) {
		code = picture_reach(picture, y, err);
		if (code != BROT_OK)
			break;
		if (request->format == FORMAT_SMOOTH)
			join_row(picture, y, made);
		else if (made != NULL)
			weave_row(picture, y, made);
		if (made != NULL)
			code = outfile_write(outfile, made, made_bytes, err);
		else
			code = outfile_write(outfile, picture_row(picture, 0, y),
					     picture_row_bytes(request, 0), err);
	}
	return code;
}

enum brot_err npy_write(struct picture *picture, struct outfile *outfile, struct brot_error *err)
{
	const struct request *request = picture->request;
	const size_t pixel_bytes = request->format == FORMAT_SMOOTH
					   ? sizeof(double)
					   : format_pixel_bytes(request->format);
	const size_t made_bytes = request->width_px * pixel_bytes;
	uint8_t *made = NULL;
	if (format_info(request->format)->plane_count > 1) {
		made = malloc(made_bytes);
		if (made == NULL)
			return error_set(err, BROT_E_SYSTEM, "no memory for a row of the file");
	}
	enum brot_err code = write_header(request, outfile, err);
	if (code == BROT_OK)
		code = write_rows(picture, made, made_bytes, outfile, err);
	free(made);
	return code;
}
