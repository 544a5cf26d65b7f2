/* ppm.c - a header of three numbers, then the rows as they are. */
#include "client/ppm.h"

#include <stdio.h>
#include <stdlib.h>

enum brot_err ppm_write(struct picture *picture, struct outfile *outfile, struct brot_error *err)
{
	const struct request *request = picture->request;
	char header[64];
	const bool is_deep = request->format == FORMAT_RGB16;
	const size_t row_bytes = picture_row_bytes(request, 0);
	int bytes = snprintf(header, sizeof header, "P6\n%u %u\n%d\n", (unsigned)request->width_px,
			     (unsigned)request->height_px, is_deep ? 65535 : 255);
	uint8_t *swapped = is_deep ? malloc(row_bytes) : NULL;
	if (is_deep && swapped == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a row of the file");
	enum brot_err code = outfile_write(outfile, header, (size_t)bytes, err);
	for (uint32_t y = 0; code == BROT_OK && y < request->height_px; y++) {
		code = picture_reach(picture, y, err);
		if (code != BROT_OK)
			break;
		const uint8_t *row = picture_row(picture, 0, y);
		if (is_deep) {
			picture_swap16(row, row_bytes, swapped);
			row = swapped;
		}
		code = outfile_write(outfile, row, row_bytes, err);
	}
	free(swapped);
	return code;
}
