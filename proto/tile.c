/* tile.c - rectangle and segment arithmetic. */
#include "proto/tile.h"

#include <assert.h>

#include "proto/limits.h"

bool segment_grid_make(uint32_t width_px, uint32_t height_px, uint32_t pixel_bytes,
		       uint64_t pixel_work, struct segment_grid *ret_grid)
{
	uint64_t by_bytes = LIMIT_SEGMENT_BYTES / pixel_bytes;
	uint64_t by_work = LIMIT_SEGMENT_WORK / (pixel_work > 0 ? pixel_work : 1);
	uint64_t slice = by_bytes < by_work ? by_bytes : by_work;
	if (slice < 1)
		slice = 1;
	if (slice > width_px)
		slice = width_px;
	uint64_t slices = (width_px + slice - 1) / slice;
	if (slices * height_px > LIMIT_SEGMENTS)
		return false;
	*ret_grid = (struct segment_grid){
		.width_px = width_px,
		.height_px = height_px,
		.slice_px = (uint32_t)slice,
		.slices_per_row = (uint32_t)slices,
	};
	return true;
}

uint32_t segment_count(const struct segment_grid *grid)
{
	return grid->slices_per_row * grid->height_px;
}

struct rect segment_run_rect(const struct segment_grid *grid, uint32_t first, uint32_t count)
{
	assert(count > 0 && count <= segment_count(grid) - first);
	uint32_t row = first / grid->slices_per_row;
	uint32_t slice = first % grid->slices_per_row;
	if (slice == 0 && count % grid->slices_per_row == 0)
		return (struct rect){0, row, grid->width_px, count / grid->slices_per_row};

	assert(slice + count <= grid->slices_per_row);
	uint32_t left = slice * grid->slice_px;
	uint64_t right = (uint64_t)(slice + count) * grid->slice_px;
	if (right > grid->width_px)
		right = grid->width_px;
	return (struct rect){left, row, (uint32_t)right - left, 1};
}

bool rect_segment_run(const struct segment_grid *grid, const struct rect *rect, uint32_t *ret_first,
		      uint32_t *ret_count)
{
	if (!rect_inside(rect, grid->width_px, grid->height_px))
		return false;
	if (rect->x == 0 && rect->w == grid->width_px) {
		*ret_first = rect->y * grid->slices_per_row;
		*ret_count = rect->h * grid->slices_per_row;
		return true;
	}
	uint32_t right = rect->x + rect->w;
	bool ends_on_slice = right % grid->slice_px == 0 || right == grid->width_px;
	if (rect->h != 1 || rect->x % grid->slice_px != 0 || !ends_on_slice)
		return false;
	*ret_first = rect->y * grid->slices_per_row + rect->x / grid->slice_px;
	*ret_count = (rect->w + grid->slice_px - 1) / grid->slice_px;
	return true;
}

bool rect_inside(const struct rect *rect, uint32_t width_px, uint32_t height_px)
{
	return rect->w > 0 && rect->h > 0 && rect->x < width_px && rect->y < height_px &&
	       rect->w <= width_px - rect->x && rect->h <= height_px - rect->y;
}
