/* picture.c - addresses within an image whose planes are contiguous. */
#include "client/picture.h"

#include "client/interrupt.h"

size_t picture_row_bytes(const struct request *request, uint32_t p)
{
	const struct plane_info *plane = plane_info(format_info(request->format)->planes[p]);
	return (size_t)request->width_px * plane->pixel_bytes;
}

size_t picture_plane_bytes(const struct request *request, uint32_t p)
{
	return picture_row_bytes(request, p) * request->height_px;
}

const uint8_t *picture_row(const struct picture *picture, uint32_t p, uint32_t y)
{
	return picture->planes[p] + picture_row_bytes(picture->request, p) * y;
}

enum brot_err picture_tick(const struct picture *picture, struct brot_error *err)
{
	if (picture->tick == NULL || picture->tick(picture->context))
		return BROT_OK;
	return interrupt_cancelled(err);
}
