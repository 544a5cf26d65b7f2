/* mirror.c - which images are their own mirror image, and the copying of their rows. */
#include "proto/mirror.h"

#include <assert.h>
#include <string.h>

static bool planes_are_conjugate(enum format_id id)
{
	const struct format_info *format = format_info(id);
	for (uint32_t p = 0; p < format->plane_count; p++)
		if (!plane_info(format->planes[p])->is_conjugate)
			return false;
	return true;
}

static bool colours_are_conjugate(const struct request *request)
{
	return format_info(request->format)->is_data ||
	       (!request->colour.is_dithered &&
		(colour_planes(&request->colour) & 1u << PLANE_PHASE) == 0);
}

static bool formula_is_conjugate(const struct request *request)
{
	if (request->formula == FORMULA_JULIA)
		return decimal_sign(&request->c_im) == 0;
	return formula_info(request->formula)->is_conjugate;
}

bool mirror_applies(const struct request *request)
{
	const double rotate_deg = request->view.rotate_deg;
	return request->has_shortcuts && decimal_sign(&request->view.im) == 0 &&
	       (rotate_deg == 0 || rotate_deg == 180 || rotate_deg == -180) &&
	       formula_is_conjugate(request) && planes_are_conjugate(request->format) &&
	       colours_are_conjugate(request);
}

uint32_t mirror_rows(uint32_t height_px)
{
	return height_px / 2 + height_px % 2;
}

struct rect mirror_rect(uint32_t height_px, const struct rect *rect)
{
	return (struct rect){rect->x, height_px - rect->y - rect->h, rect->w, rect->h};
}

/* How many of a rectangle's rows have their mirror image elsewhere: all but a middle row. */
static uint32_t rows_to_copy(uint32_t height_px, const struct rect *rect)
{
	assert(rect->y + rect->h <= mirror_rows(height_px));
	bool has_middle = height_px % 2 == 1 && rect->y + rect->h == mirror_rows(height_px);
	return has_middle ? rect->h - 1 : rect->h;
}

uint64_t mirror_pixels(uint32_t height_px, const struct rect *rect)
{
	return (uint64_t)rect->w * ((uint64_t)rect->h + rows_to_copy(height_px, rect));
}

void mirror_copy(void *memory, const struct image_layout *layout, const struct rect *rect)
{
	const uint32_t height_px = layout->grid.height_px;
	const uint32_t end = rect->y + rows_to_copy(height_px, rect);
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		const size_t bytes = (size_t)rect->w * layout->planes[p].pixel_bytes;
		for (uint32_t y = rect->y; y < end; y++)
			memcpy(image_pixel(memory, layout, p, rect->x, height_px - 1 - y),
			       image_pixel(memory, layout, p, rect->x, y), bytes);
	}
}
