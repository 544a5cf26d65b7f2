/* delivery_image.c - rows that are mapped, or copied. */
#include <stdlib.h>
#include <string.h>

#include "client/delivery_internal.h"

void delivery_image_begin(struct delivery_image *image, uint32_t first, uint32_t rows)
{
	shm_unmap(&image->shm);
	image->first = first;
	image->rows = rows;
}

bool delivery_image_is_mapped(const struct delivery_image *image)
{
	return image->shm.memory != NULL;
}

bool delivery_image_has_row(const struct delivery_image *image, uint32_t row)
{
	const uint32_t slices = image->layout.grid.slices_per_row;
	for (uint32_t i = 0; i < slices; i++)
		if (!image_bit_get(image->shm.memory, &image->layout, row * slices + i))
			return false;
	return true;
}

bool delivery_image_is_complete(const struct delivery_image *image)
{
	for (uint32_t row = 0; row < image->rows; row++)
		if (!delivery_image_has_row(image, row))
			return false;
	return true;
}

void delivery_image_adopt(struct delivery_image *image, struct delivery_image *other)
{
	delivery_image_begin(image, other->first, other->rows);
	image->layout = other->layout;
	image->shm = other->shm;
	other->shm = SHM_NONE;
}

bool delivery_image_map(struct delivery_image *image, const struct request *request,
			const struct delivery_place *place)
{
	const struct session_image *named = place->image;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	if (place->slice_px > request->width_px)
		return false;
	struct segment_grid grid = {
		.width_px = request->width_px,
		.height_px = image->rows,
		.slice_px = place->slice_px,
		.slices_per_row = (request->width_px + place->slice_px - 1) / place->slice_px,
	};
	if ((uint64_t)grid.slices_per_row * grid.height_px > LIMIT_SEGMENTS ||
	    !image_layout_make(&grid, request->format, &image->layout) ||
	    image->layout.total_bytes != named->bytes ||
	    shm_map(named->name, (size_t)named->bytes, false, &image->shm, NULL) != BROT_OK)
		return false;
	if (image_header_check(image->shm.memory, image->shm.bytes, &image->layout, place->work,
			       nonce, NULL) == BROT_OK &&
	    memcmp(nonce, named->nonce, sizeof nonce) == 0)
		return true;
	shm_unmap(&image->shm);
	return false;
}

bool delivery_image_reserve(struct delivery_image *image, const struct request *request)
{
	for (uint32_t p = 0; p < format_info(request->format)->plane_count; p++) {
		size_t bytes = picture_rows_bytes(request, p, image->rows);
		if (bytes <= image->bytes[p])
			continue;
		free(image->planes[p]);
		image->planes[p] = malloc(bytes);
		image->bytes[p] = image->planes[p] != NULL ? bytes : 0;
		if (image->planes[p] == NULL)
			return false;
	}
	return true;
}

void delivery_image_store(struct delivery_image *image, const struct request *request,
			  const struct fetch_piece *piece, const struct bytes *data)
{
	size_t row_bytes = picture_row_bytes(request, piece->plane);
	size_t pixel_bytes = row_bytes / request->width_px;
	memcpy(image->planes[piece->plane] + (piece->rect.y - image->first) * row_bytes +
		       piece->rect.x * pixel_bytes,
	       data->data, data->size);
}

const uint8_t *delivery_image_plane(const struct delivery_image *image, uint32_t p)
{
	return image->shm.memory != NULL ? image_pixel(image->shm.memory, &image->layout, p, 0, 0)
					 : image->planes[p];
}

void delivery_image_free(struct delivery_image *image)
{
	shm_unmap(&image->shm);
	for (uint32_t p = 0; p < PLANES_MAX; p++) {
		free(image->planes[p]);
		image->planes[p] = NULL;
		image->bytes[p] = 0;
	}
}
