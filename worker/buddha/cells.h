/*
 * cells.h - parts of the c-plane that are known to hold no sample which adds to the image.
 *
 * The upper half square is cut into CELLS_COLUMNS x CELLS_ROWS square cells. The orbits of all c of
 * a disk around a cell are enclosed by disks: from |z - z_m| <= r follows |z' - z_(m+1)| <=
 * 2 |z_m| r + r^2 + rho, rho the radius of the disk of c, plus what rounding may add to both z and
 * z_m. Where that disk leaves |z| <= 2, n is at most m for all; as long as it stays within, n is
 * over m. Where a disk lies within an earlier one, the orbits stay within those between for ever:
 * none escapes. A cell is of no interest where n is of no band, and where none of the disks meets
 * the view or its mirror image.
 *
 * Made once, constant and thread-safe from then on.
 */
#ifndef WORKER_BUDDHA_CELLS_H
#define WORKER_BUDDHA_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/buddha/pixel.h"

#define CELLS_LEVELS  8 /* a cell of level 0 is 1/2 wide, each level halves that */
#define CELLS_COLUMNS (8u << CELLS_LEVELS)
#define CELLS_ROWS    (4u << CELLS_LEVELS)

struct cells {
	/* Whether a cell is of no interest: bit column % 64 of its word, row by row. */
	uint64_t bits[CELLS_COLUMNS / 64 * CELLS_ROWS];
};

/* What is known of a square's samples: least <= n <= most, UINT32_MAX where none is known to
 * escape; and whether a hit may lie in the view. */
struct cells_range {
	uint32_t least, most;
	bool is_seen;
};

/* What orbits are followed for. */
struct cells_search {
	uint32_t
		finest; /* the least side of a square that is looked at, in cells; a power of two */
	const struct pixel_map *map;
	uint32_t limit; /* steps that matter */
	/* Whether a square with that range is of no interest. */
	bool (*skip)(const void *context, struct cells_range range);
	const void *context;
};

/* The caller owns what is returned, and frees it with free(); NULL if memory is short. */
struct cells *cells_make(const struct cells_search *search);

/* The share of the cells of no interest among those that are neither inside by interior.h nor out
 * from the start, which costs less to tell. */
double cells_share(const struct cells *cells);

/* The range of the square of that centre and half side. */
struct cells_range cells_range_of(const struct cells_search *search, double re, double im,
				  double half);

static inline bool cells_is_marked(const struct cells *cells, uint32_t column, uint32_t row)
{
	const uint64_t word = cells->bits[row * (CELLS_COLUMNS / 64) + column / 64];
	return (word >> (column % 64) & 1) != 0;
}

/* Whether the cell of c is of no interest. c = (re, im) must lie in -2 <= re < 2, 0 <= im < 2. The
 * sum may be rounded into the neighbouring cell: cells are proven with a margin. */
static inline bool cells_has(const struct cells *cells, double re, double im)
{
	return cells_is_marked(cells, (uint32_t)(int32_t)((re + 2) * (CELLS_COLUMNS / 4)),
			       (uint32_t)(int32_t)(im * (CELLS_ROWS / 2)));
}

#endif
