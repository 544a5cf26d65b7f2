/* sum.c - rows of grids, added up. */
#include "broker/sum.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"

static uint64_t *counts_new(const struct grid_layout *layout, uint32_t rows)
{
	uint64_t *counts = calloc((size_t)layout->width_px * rows * layout->channels,
				  sizeof *counts);
	if (counts == NULL)
		abort();
	return counts;
}

uint64_t sum_most(const struct image_layout *layout)
{
	return layout->planes[0].pixel_bytes == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX;
}

static enum brot_err refuse(uint64_t count, uint64_t most, struct brot_error *err)
{
	if (most == UINT64_MAX)
		return error_set(err, BROT_E_FAILED,
				 "counts: a pixel has over %llu hits, and u64 holds no more",
				 (unsigned long long)UINT64_MAX);
	return error_set(err, BROT_E_FAILED,
			 "format: a pixel has %llu hits, and u32 holds at most %u: density and "
			 "nebula hold them all, as u64",
			 (unsigned long long)count, UINT32_MAX);
}

/* Rows of the image; fits: no count is over UINT64_MAX. */
static enum brot_err check_most(const uint64_t *counts, size_t pixels, bool fits, uint64_t most,
				struct brot_error *err)
{
	uint64_t largest = 0;
	for (size_t i = 0; i < pixels; i++)
		largest = counts[i] > largest ? counts[i] : largest;
	return fits && largest <= most ? BROT_OK : refuse(largest, most, err);
}

/* The pixels of the middle row of a mirrored image have twice the cell. */
static bool check_middle(const struct grid_layout *layout, uint32_t y, uint32_t rows,
			 const uint64_t *counts, uint64_t most, uint64_t *ret_pixel)
{
	const uint32_t middle = layout->height_px / 2;
	const size_t width = layout->width_px;
	const bool has_twice = layout->is_mirrored && layout->height_px % 2 == 1 && y <= middle &&
			       middle - y < rows;
	for (uint32_t channel = 0; has_twice && channel < layout->channels; channel++)
		for (size_t i = 0; i < width; i++) {
			const uint64_t half =
				counts[((size_t)channel * rows + middle - y) * width + i];
			if (half <= most / 2)
				continue;
			*ret_pixel = half > UINT64_MAX / 2 ? UINT64_MAX : 2 * half;
			return false;
		}
	return true;
}

enum brot_err sum_into_grid(const struct grid *const *grids, uint32_t count, uint32_t y,
			    uint32_t rows, uint64_t most, const struct grid *to,
			    struct brot_error *err)
{
	const struct grid_layout *layout = &to->layout;
	uint64_t *counts = counts_new(layout, rows), twice;
	assert(to->wide != NULL);
	bool fits = grid_rows_sum(grids, count, y, rows, counts);
	enum brot_err code = check_most(counts, (size_t)rows * layout->width_px * layout->channels,
					fits, most, err);
	if (code == BROT_OK && !check_middle(layout, y, rows, counts, most, &twice))
		code = refuse(twice, most, err);
	if (code == BROT_OK)
		(void)grid_rows_set(to, y, rows, counts);
	free(counts);
	return code;
}

enum brot_err sum_into_image(const struct grid *const *grids, uint32_t count, uint32_t y,
			     uint32_t rows, const struct image_layout *layout, void *memory,
			     struct brot_error *err)
{
	const struct grid_layout *from = &grids[0]->layout;
	const size_t pixels = (size_t)from->width_px * rows;
	assert(layout->plane_count == from->channels);
	uint64_t *counts = counts_new(from, rows);
	bool fits = grid_image_rows(grids, count, y, rows, counts);
	enum brot_err code = check_most(counts, pixels * from->channels, fits, sum_most(layout),
					err);
	for (uint32_t p = 0; p < layout->plane_count && code == BROT_OK; p++) {
		const uint64_t *plane = counts + p * pixels;
		void *to = image_pixel(memory, layout, p, 0, y);
		if (layout->planes[p].pixel_bytes == sizeof(uint64_t))
			memcpy(to, plane, pixels * sizeof(uint64_t));
		for (size_t i = 0; layout->planes[p].pixel_bytes == sizeof(uint32_t) && i < pixels;
		     i++)
			((uint32_t *)to)[i] = (uint32_t)plane[i];
	}
	free(counts);
	return code;
}

void sum_preview(const struct grid *grid, uint32_t channel, const struct rect *rect,
		 uint32_t pixel_bytes, void *to)
{
	const struct grid_layout *layout = &grid->layout;
	uint64_t *counts = counts_new(layout, rect->h);
	uint8_t *at = to;
	grid_image_rows(&grid, 1, rect->y, rect->h, counts);
	for (uint32_t r = 0; r < rect->h; r++) {
		const uint64_t *row = counts + ((size_t)channel * rect->h + r) * layout->width_px +
				      rect->x;
		for (uint32_t i = 0; i < rect->w; i++, at += pixel_bytes) {
			uint32_t narrow = row[i] < UINT32_MAX ? (uint32_t)row[i] : UINT32_MAX;
			if (pixel_bytes == sizeof narrow)
				memcpy(at, &narrow, sizeof narrow);
			else
				memcpy(at, &row[i], sizeof row[i]);
		}
	}
	free(counts);
}

static uint32_t count_bits(const uint8_t *bits, size_t bytes)
{
	uint32_t count = 0;
	for (size_t i = 0; i < bytes; i++)
		count += (uint32_t)__builtin_popcount(bits[i]);
	return count;
}

static bool are_disjoint(const uint8_t *a, const uint8_t *b, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if ((a[i] & b[i]) != 0)
			return false;
	return true;
}

void sum_choose(const uint8_t *const *bits, uint32_t count, size_t bytes, bool *ret_keep)
{
	bool *seen = calloc(count + 1, sizeof *seen);
	uint8_t *taken = calloc(1, bytes + 1);
	if (seen == NULL || taken == NULL)
		abort();
	for (uint32_t turn = 0; turn < count; turn++) {
		uint32_t best = count, most = 0;
		for (uint32_t g = 0; g < count; g++) {
			uint32_t has = seen[g] ? 0 : count_bits(bits[g], bytes);
			if (!seen[g] && (best == count || has > most)) {
				best = g;
				most = has;
			}
		}
		seen[best] = true;
		ret_keep[best] = most > 0 && are_disjoint(taken, bits[best], bytes);
		for (size_t i = 0; ret_keep[best] && i < bytes; i++)
			taken[i] |= bits[best][i];
	}
	free(seen);
	free(taken);
}
