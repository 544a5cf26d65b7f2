/* grid.c - grids of counts: their layout, carries and rows. */
#include "proto/grid.h"

#include <assert.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "grids are little-endian");
_Static_assert(sizeof(struct grid_header) == 136, "a grid header has no padding");
_Static_assert(sizeof(struct grid_carry) == 16, "nor has a carry");

/* 2^48 hits, one by one. */
#define CARRY_ROOM (1u << 16)

static uint64_t align_up(uint64_t value)
{
	return (value + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
}

static uint64_t power_of_two_over(uint64_t value)
{
	uint64_t power = 2;
	while (power < value)
		power *= 2;
	return power;
}

bool grid_layout_make(uint32_t width_px, uint32_t height_px, uint32_t channels, bool is_mirrored,
		      uint32_t segments, uint64_t wrap, struct grid_layout *ret_layout)
{
	assert(width_px > 0 && height_px > 0 && channels > 0 && segments > 0);
	assert(wrap == GRID_WIDE || (wrap >= 2 && wrap <= GRID_WRAP));
	struct grid_layout layout = {
		.width_px = width_px,
		.height_px = height_px,
		.rows = is_mirrored ? height_px - height_px / 2 : height_px,
		.channels = channels,
		.segments = segments,
		.is_mirrored = is_mirrored,
		.wrap = wrap,
		.bits_offset = align_up(sizeof(struct grid_header)),
	};
	layout.plane_cells = (uint64_t)width_px * layout.rows;
	if (layout.plane_cells > INT64_MAX / 16 / channels)
		return false;
	const uint64_t cells = layout.plane_cells * channels;
	const bool is_wide = wrap == GRID_WIDE;
	if (!is_wide)
		layout.carry_room = power_of_two_over(2 * cells < CARRY_ROOM ? 2 * cells
									     : CARRY_ROOM);
	layout.carries_offset = align_up(layout.bits_offset + ((uint64_t)segments + 7) / 8);
	layout.cells_offset = align_up(layout.carries_offset +
				       layout.carry_room * sizeof(struct grid_carry));
	layout.total_bytes = align_up(layout.cells_offset +
				      cells * (is_wide ? sizeof(uint64_t) : sizeof(uint32_t)));
	*ret_layout = layout;
	return true;
}

static struct grid_header header_of(const struct grid_layout *layout, uint64_t work,
				    const uint8_t nonce[MESSAGE_NONCE_BYTES], uint32_t owner_uid,
				    uint32_t owner_pid, uint32_t flags)
{
	struct grid_header header = {
		.version = GRID_VERSION,
		.header_bytes = sizeof header,
		.total_bytes = layout->total_bytes,
		.work = work,
		.owner_uid = owner_uid,
		.owner_pid = owner_pid,
		.width_px = layout->width_px,
		.height_px = layout->height_px,
		.channels = layout->channels,
		.flags = (flags & IMAGE_DURABLE) | (layout->is_mirrored ? GRID_MIRRORED : 0),
		.segments = layout->segments,
		.state = GRID_OPEN,
		.wrap = layout->wrap,
		.bits_offset = layout->bits_offset,
		.carries_offset = layout->carries_offset,
		.cells_offset = layout->cells_offset,
		.carry_room = layout->carry_room,
	};
	memcpy(header.magic, GRID_MAGIC, sizeof header.magic);
	memcpy(header.nonce, nonce, sizeof header.nonce);
	return header;
}

void grid_header_write(void *memory, const struct grid_layout *layout, uint64_t work,
		       const uint8_t nonce[MESSAGE_NONCE_BYTES], uint32_t owner_uid,
		       uint32_t owner_pid, uint32_t flags)
{
	const struct grid_header header = header_of(layout, work, nonce, owner_uid, owner_pid,
						    flags);
	memcpy(memory, &header, sizeof header);
}

enum brot_err grid_header_check(const void *memory, size_t bytes, const struct grid_layout *want,
				uint64_t work, uint8_t ret_nonce[MESSAGE_NONCE_BYTES],
				enum grid_state *ret_state, struct brot_error *err)
{
	if (bytes < sizeof(struct grid_header) || bytes != want->total_bytes)
		return error_set(err, BROT_E_PROTOCOL, "grid: must have %llu bytes, got %zu",
				 (unsigned long long)want->total_bytes, bytes);
	struct grid_header found;
	memcpy(&found, memory, sizeof found);
	if (memcmp(found.magic, GRID_MAGIC, sizeof found.magic) != 0)
		return error_set(err, BROT_E_PROTOCOL, "grid: must start with \"%s\"", GRID_MAGIC);
	if (found.version != GRID_VERSION)
		return error_set(err, BROT_E_PROTOCOL, "grid: version must be %d, got %u",
				 GRID_VERSION, found.version);
	if (found.state != GRID_OPEN && found.state != GRID_COMMITTED)
		return error_set(err, BROT_E_PROTOCOL, "grid: state must be %d or %d, got %u",
				 GRID_OPEN, GRID_COMMITTED, found.state);

	/* Whatever else the header says must be what we would have written. */
	struct grid_header expected = header_of(want, work, found.nonce, found.owner_uid,
						found.owner_pid, found.flags);
	expected.state = found.state;
	expected.carry_used = found.carry_used;
	expected.carry_lost = found.carry_lost;
	if (memcmp(&found, &expected, sizeof found) != 0)
		return error_set(err, BROT_E_PROTOCOL,
				 "grid: header is not that of work %llu with %ux%u pixels",
				 (unsigned long long)work, want->width_px, want->height_px);
	memcpy(ret_nonce, found.nonce, MESSAGE_NONCE_BYTES);
	*ret_state = (enum grid_state)found.state;
	return BROT_OK;
}

struct grid grid_view(void *memory, const struct grid_layout *layout)
{
	uint8_t *bytes = memory;
	struct grid_header *header = memory;
	void *cells = bytes + layout->cells_offset;
	return (struct grid){
		.layout = *layout,
		.cells = layout->wrap != GRID_WIDE ? cells : NULL,
		.wide = layout->wrap == GRID_WIDE ? cells : NULL,
		.carries = (struct grid_carry *)(void *)(bytes + layout->carries_offset),
		.carry_used = &header->carry_used,
		.carry_lost = &header->carry_lost,
		.state = &header->state,
		.bits = bytes + layout->bits_offset,
	};
}

/* Cells that carry are neighbours: they are spread by a multiplication. */
static uint64_t carry_home(const struct grid_layout *layout, uint64_t cell)
{
	const unsigned bits = (unsigned)__builtin_ctzll(layout->carry_room);
	return (cell * 0x9e3779b97f4a7c15u) >> (64 - bits);
}

void grid_carry(const struct grid *grid, uint64_t cell, uint64_t times)
{
	const struct grid_layout *layout = &grid->layout;
	const uint64_t key = cell + 1, home = carry_home(layout, cell);
	assert(grid->cells != NULL && cell < layout->plane_cells * layout->channels);
	/* A full table is searched to its end, and the grid is of no use any more. */
	if (!grid_is_exact(grid))
		return;
	for (uint64_t k = 0; k < layout->carry_room; k++) {
		struct grid_carry *carry = &grid->carries[(home + k) & (layout->carry_room - 1)];
		uint64_t found = __atomic_load_n(&carry->cell, __ATOMIC_RELAXED);
		if (found == 0 && __atomic_compare_exchange_n(&carry->cell, &found, key, false,
							      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_fetch_add(grid->carry_used, 1, __ATOMIC_RELAXED);
			found = key;
		}
		if (found == key) {
			__atomic_fetch_add(&carry->times, times, __ATOMIC_RELAXED);
			return;
		}
	}
	grid_lose(grid);
}

void grid_lose(const struct grid *grid)
{
	__atomic_fetch_add(grid->carry_lost, 1, __ATOMIC_RELAXED);
}

bool grid_is_exact(const struct grid *grid)
{
	return __atomic_load_n(grid->carry_lost, __ATOMIC_ACQUIRE) == 0;
}

void grid_bits_set(const struct grid *grid, uint32_t first, uint32_t count)
{
	assert((uint64_t)first + count <= grid->layout.segments);
	for (uint32_t segment = first; segment < first + count; segment++)
		__atomic_fetch_or(&grid->bits[segment / 8], (uint8_t)(1u << (segment % 8)),
				  __ATOMIC_RELEASE);
}

void grid_commit(const struct grid *grid)
{
	__atomic_store_n(grid->state, GRID_COMMITTED, __ATOMIC_RELEASE);
}

bool grid_bit_get(const struct grid *grid, uint32_t segment)
{
	assert(segment < grid->layout.segments);
	return (__atomic_load_n(&grid->bits[segment / 8], __ATOMIC_ACQUIRE) >> (segment % 8)) & 1;
}

/* Adds to a count that stays UINT64_MAX where it has no room. Returns whether it had room. */
static inline bool count_add(uint64_t *count, uint64_t more)
{
	const uint64_t sum = *count + more;
	const bool is_over = sum < more;
	*count = sum | (0 - (uint64_t)is_over);
	return !is_over;
}

/* Adds the carries of those rows. stride: counts between channels. */
static bool rows_add_carries(const struct grid *grid, uint32_t y, uint32_t rows, uint64_t *counts,
			     size_t stride)
{
	const struct grid_layout *layout = &grid->layout;
	const uint64_t first = (uint64_t)y * layout->width_px;
	const uint64_t cells = (uint64_t)rows * layout->width_px;
	bool fits = true;
	if (__atomic_load_n(grid->carry_used, __ATOMIC_RELAXED) == 0)
		return true;
	for (uint64_t k = 0; k < layout->carry_room; k++) {
		/* Read once: what another process makes of it meanwhile must not matter. */
		const uint64_t key = __atomic_load_n(&grid->carries[k].cell, __ATOMIC_RELAXED);
		for (uint32_t channel = 0; key != 0 && channel < layout->channels; channel++) {
			const uint64_t at = key - 1 - (channel * layout->plane_cells + first);
			uint64_t more;
			if (at >= cells)
				continue;
			if (__builtin_mul_overflow(
				    __atomic_load_n(&grid->carries[k].times, __ATOMIC_RELAXED),
				    layout->wrap, &more)) {
				more = UINT64_MAX;
				fits = false;
			}
			fits &= count_add(&counts[channel * stride + at], more);
		}
	}
	return fits;
}

static bool rows_add(const struct grid *grid, uint32_t y, uint32_t rows, uint64_t *counts,
		     size_t stride)
{
	const struct grid_layout *layout = &grid->layout;
	const uint64_t cells = (uint64_t)rows * layout->width_px;
	bool fits = true;
	assert(y <= layout->rows && rows <= layout->rows - y);
	for (uint32_t channel = 0; channel < layout->channels; channel++) {
		const uint64_t first = channel * layout->plane_cells +
				       (uint64_t)y * layout->width_px;
		uint64_t *to = counts + channel * stride;
		for (uint64_t i = 0; grid->wide != NULL && i < cells; i++)
			fits &= count_add(&to[i], grid->wide[first + i]);
		for (uint64_t i = 0; grid->wide == NULL && i < cells; i++)
			fits &= count_add(&to[i], grid->cells[first + i]);
	}
	return grid->wide != NULL ? fits : fits & rows_add_carries(grid, y, rows, counts, stride);
}

bool grid_rows_get(const struct grid *grid, uint32_t y, uint32_t rows, uint64_t *ret_counts)
{
	return grid_rows_sum(&grid, 1, y, rows, ret_counts);
}

bool grid_rows_set(const struct grid *grid, uint32_t y, uint32_t rows, const uint64_t *counts)
{
	const struct grid_layout *layout = &grid->layout;
	const uint64_t cells = (uint64_t)rows * layout->width_px;
	assert(y <= layout->rows && rows <= layout->rows - y);
	for (uint32_t channel = 0; channel < layout->channels; channel++) {
		const uint64_t first = channel * layout->plane_cells +
				       (uint64_t)y * layout->width_px;
		const uint64_t *from = counts + channel * cells;
		if (grid->wide != NULL) {
			memcpy(grid->wide + first, from, cells * sizeof *from);
			continue;
		}
		for (uint64_t i = 0; i < cells; i++) {
			grid->cells[first + i] = (uint32_t)(from[i] % layout->wrap);
			if (from[i] >= layout->wrap)
				grid_carry(grid, first + i, from[i] / layout->wrap);
		}
	}
	return grid_is_exact(grid);
}

bool grid_rows_sum(const struct grid *const *grids, uint32_t count, uint32_t y, uint32_t rows,
		   uint64_t *ret_counts)
{
	const struct grid_layout *layout = &grids[0]->layout;
	const size_t stride = (size_t)rows * layout->width_px;
	bool fits = true;
	memset(ret_counts, 0, stride * layout->channels * sizeof *ret_counts);
	for (uint32_t g = 0; g < count; g++)
		fits &= rows_add(grids[g], y, rows, ret_counts, stride);
	return fits;
}

static void rows_reverse(uint64_t *counts, uint32_t rows, size_t width)
{
	for (uint32_t r = 0; r < rows / 2; r++) {
		uint64_t *upper = counts + r * width, *lower = counts + (rows - 1 - r) * width;
		for (size_t i = 0; i < width; i++) {
			const uint64_t kept = upper[i];
			upper[i] = lower[i];
			lower[i] = kept;
		}
	}
}

bool grid_image_rows(const struct grid *const *grids, uint32_t count, uint32_t y, uint32_t rows,
		     uint64_t *ret_counts)
{
	const struct grid_layout *layout = &grids[0]->layout;
	const size_t width = layout->width_px, stride = rows * width;
	assert(y <= layout->height_px && rows <= layout->height_px - y);
	const uint32_t end = y + rows;
	const uint32_t upper_end = end < layout->rows ? end : layout->rows;
	const uint32_t upper = y < upper_end ? upper_end - y : 0, lower = rows - upper;
	bool fits = true;
	memset(ret_counts, 0, stride * layout->channels * sizeof *ret_counts);
	for (uint32_t g = 0; g < count; g++) {
		fits &= rows_add(grids[g], upper > 0 ? y : 0, upper, ret_counts, stride);
		if (lower > 0)
			fits &= rows_add(grids[g], layout->height_px - end, lower,
					 ret_counts + upper * width, stride);
	}
	const uint32_t middle = layout->height_px / 2;
	const bool has_twice = layout->is_mirrored && layout->height_px % 2 == 1 && y <= middle &&
			       middle < end;
	for (uint32_t channel = 0; channel < layout->channels; channel++) {
		uint64_t *plane = ret_counts + channel * stride;
		rows_reverse(plane + upper * width, lower, width);
		for (size_t i = 0; has_twice && i < width; i++) {
			uint64_t *count_twice = &plane[(middle - y) * width + i];
			fits &= count_add(count_twice, *count_twice);
		}
	}
	return fits;
}
