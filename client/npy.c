/* npy.c - a padded header, then the array in C order. */
#include "client/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES 10 /* magic, version, length of the header */
#define ALIGN_BYTES  64
#define HEADER_BYTES (2 * ALIGN_BYTES)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "planes and doubles are written as they lie");

static enum brot_err write_header(const struct picture *picture, const char *type,
				  struct outfile *outfile, struct brot_error *err)
{
	char header[HEADER_BYTES];
	memset(header, ' ', sizeof header);
	memcpy(header, "\x93NUMPY\x01\x00", 8);
	header[8] = HEADER_BYTES - PREFIX_BYTES;
	header[9] = 0;
	int chars = snprintf(header + PREFIX_BYTES, sizeof header - PREFIX_BYTES,
			     "{'descr': '%s', 'fortran_order': False, 'shape': (%u, %u), }", type,
			     (unsigned)picture->request->height_px,
			     (unsigned)picture->request->width_px);
	header[PREFIX_BYTES + chars] = ' ';
	header[sizeof header - 1] = '\n';
	return outfile_write(outfile, header, sizeof header, err);
}

static void join_row(const struct picture *picture, uint32_t y, double *row)
{
	const uint8_t *wholes = picture_row(picture, 0, y);
	const uint8_t *fractions = picture_row(picture, 1, y);
	for (uint32_t x = 0; x < picture->request->width_px; x++) {
		uint32_t whole;
		float fraction;
		memcpy(&whole, wholes + (size_t)x * sizeof whole, sizeof whole);
		memcpy(&fraction, fractions + (size_t)x * sizeof fraction, sizeof fraction);
		row[x] = whole == UINT32_MAX ? (double)INFINITY : (double)whole + (double)fraction;
	}
}

static enum brot_err write_rows(struct picture *picture, double *joined, struct outfile *outfile,
				struct brot_error *err)
{
	const struct request *request = picture->request;
	enum brot_err code = BROT_OK;
	for (uint32_t y = 0; code == BROT_OK && y < request->height_px; y++) {
		code = picture_reach(picture, y, err);
		if (code != BROT_OK)
			break;
		if (joined == NULL) {
			code = outfile_write(outfile, picture_row(picture, 0, y),
					     picture_row_bytes(request, 0), err);
			continue;
		}
		join_row(picture, y, joined);
		code = outfile_write(outfile, joined, request->width_px * sizeof *joined, err);
	}
	return code;
}

enum brot_err npy_write(struct picture *picture, struct outfile *outfile, struct brot_error *err)
{
	bool is_smooth = picture->request->format == FORMAT_SMOOTH;
	double *joined = NULL;
	if (is_smooth) {
		joined = malloc(picture->request->width_px * sizeof *joined);
		if (joined == NULL)
			return error_set(err, BROT_E_SYSTEM, "no memory for a row of the file");
	}
	enum brot_err code = write_header(picture, is_smooth ? "<f8" : "<u4", outfile, err);
	if (code == BROT_OK)
		code = write_rows(picture, joined, outfile, err);
	free(joined);
	return code;
}
