/* ppm.c - a header of three numbers, then the rows as they are. */
#include "client/ppm.h"

#include <stdio.h>

enum brot_err ppm_write(struct picture *picture, struct outfile *outfile, struct brot_error *err)
{
	const struct request *request = picture->request;
	char header[64];
	int bytes = snprintf(header, sizeof header, "P6\n%u %u\n255\n", (unsigned)request->width_px,
			     (unsigned)request->height_px);
	enum brot_err code = outfile_write(outfile, header, (size_t)bytes, err);
	for (uint32_t y = 0; code == BROT_OK && y < request->height_px; y++) {
		code = picture_reach(picture, y, err);
		if (code == BROT_OK)
			code = outfile_write(outfile, picture_row(picture, 0, y),
					     picture_row_bytes(request, 0), err);
	}
	return code;
}
