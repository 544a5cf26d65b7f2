/* picture.c - addresses within planes that are contiguous, and what a picture says of itself. */
#include "client/picture.h"

#include <assert.h>
#include <string.h>

size_t picture_row_bytes(const struct request *request, uint32_t p)
{
	const struct plane_info *plane = plane_info(format_info(request->format)->planes[p]);
	return (size_t)request->width_px * plane->pixel_bytes;
}

size_t picture_rows_bytes(const struct request *request, uint32_t p, uint32_t rows)
{
	return picture_row_bytes(request, p) * rows;
}

enum brot_err picture_reach(struct picture *picture, uint32_t y, struct brot_error *err)
{
	return picture->reach == NULL ? BROT_OK : picture->reach(picture, y, err);
}

const uint8_t *picture_row(const struct picture *picture, uint32_t p, uint32_t y)
{
	assert(y >= picture->first && y - picture->first < picture->rows);
	return picture->planes[p] + picture_row_bytes(picture->request, p) * (y - picture->first);
}

enum brot_err picture_copy(struct picture *picture, uint32_t y, uint32_t rows,
			   uint8_t *const to_planes[], struct brot_error *err)
{
	const uint32_t count = format_info(picture->request->format)->plane_count;
	for (const uint32_t end = y + rows; y < end; y++) {
		const enum brot_err code = picture_reach(picture, y, err);
		if (code != BROT_OK)
			return code;
		for (uint32_t p = 0; p < count; p++) {
			const size_t bytes = picture_row_bytes(picture->request, p);
			memcpy(to_planes[p] + y * bytes, picture_row(picture, p, y), bytes);
		}
	}
	return BROT_OK;
}

bool picture_has_hits(const struct picture *picture)
{
	const uint32_t count = format_info(picture->request->format)->plane_count;
	assert(picture->first == 0 && picture->rows == picture->request->height_px);
	for (uint32_t p = 0; p < count; p++) {
		const size_t bytes = picture_rows_bytes(picture->request, p, picture->rows);
		for (size_t i = 0; i < bytes; i++)
			if (picture->planes[p][i] != 0)
				return true;
	}
	return false;
}

void picture_swap16(const uint8_t *row, size_t bytes, uint8_t *ret_swapped)
{
	for (size_t i = 0; i + 1 < bytes; i += 2) {
		ret_swapped[i] = row[i + 1];
		ret_swapped[i + 1] = row[i];
	}
}

char *picture_request_text(const struct picture *picture)
{
	/* Brute force gives the same picture, and so the same file. */
	struct request request = *picture->request;
	request.has_shortcuts = true;
	/* ASCII, since a PNG's tEXt chunk is Latin-1. */
	return request_to_text(&request, true);
}
