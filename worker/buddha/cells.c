/* cells.c - which cells hold no sample of a wanted band, by enclosing disks. */
#include "worker/buddha/cells.h"

#include <math.h>
#include <stdlib.h>

#include "worker/kernel/interior.h"

/* A step rounds by less than 4 u (|c| + |z|^2), u = 2^-53, where |z| <= 2 and |c| <= 4: below
 * 2^-48, for each of the two orbits; the sums here by less than that again. */
#define ROUNDING 0x1p-46

#define MARGIN      0x1p-40 /* by which a disk of c is larger than its cell */
#define VIEW_MARGIN 0x1p-20 /* by which a view counts as larger than it is */
#define RADIUS_OUT  2.0     /* a disk that large says nothing any more */
#define ORBIT_MAX   1024    /* steps after which the search is given up */
#define KEPT_FIRST  16      /* the first step whose disk others are held against */
#define KEPT_GROWS  1.25    /* on the way to a cycle a disk may grow to no more than its limit */

struct disk {
	double x, y, r;
};

static struct disk disk_step(struct disk z, double re, double im, double rho)
{
	const double size = sqrt(z.x * z.x + z.y * z.y);
	return (struct disk){z.x * z.x - z.y * z.y + re, 2 * z.x * z.y + im,
			     (2 * size + z.r) * z.r + rho + ROUNDING * (1 + size * size)};
}

/* With room for the rounding of the test. */
static bool disk_is_within(struct disk inner, struct disk outer)
{
	const double dx = inner.x - outer.x, dy = inner.y - outer.y;
	return sqrt(dx * dx + dy * dy) + inner.r < outer.r - ROUNDING;
}

/* Whether a disk may meet the view. `about` bounds the view and what rounding makes of a point. */
static bool disk_is_seen(struct disk z, const struct pixel_map *map, double about_x, double about_y)
{
	return pixel_is_about(map, z.x, z.y, about_x + z.r, about_y + z.r);
}

struct cells_range cells_range_of(const struct cells_search *search, double re, double im,
				  double half)
{
	const struct pixel_map *map = search->map;
	const double about_x = 0.5 * map->width / map->scale_x * (1 + VIEW_MARGIN) + MARGIN;
	const double about_y = 0.5 * map->height / map->scale_y * (1 + VIEW_MARGIN) + MARGIN;
	const double rho = half * 1.4142135623731 + MARGIN;
	const uint32_t last = search->limit < ORBIT_MAX ? search->limit : ORBIT_MAX;
	struct cells_range range = {UINT32_MAX, UINT32_MAX, false};
	struct disk z = {re, im, rho}, kept = z;
	uint32_t keep_at = KEPT_FIRST;
	for (uint32_t m = 1; m <= last; m++) {
		const double size = sqrt(z.x * z.x + z.y * z.y);
		if (size - z.r > 2 + ROUNDING) {
			range.most = m;
			range.least = range.least < m ? range.least : m;
			return range;
		}
		if (size + KEPT_GROWS * z.r > 2 - ROUNDING && range.least == UINT32_MAX)
			range.least = m;
		if (z.r > RADIUS_OUT) {
			range.is_seen = true;
			return range;
		}
		/* Brent's way to find a period. What is kept encloses the orbits too. */
		if (m > KEPT_FIRST && range.least == UINT32_MAX && disk_is_within(z, kept))
			return range;
		if (m == keep_at) {
			z.r *= KEPT_GROWS;
			kept = z;
			keep_at = 2 * m;
		}
		range.is_seen = range.is_seen || disk_is_seen(z, map, about_x, about_y);
		z = disk_step(z, re, im, rho);
	}
	/* Nothing is known of the steps after the last. */
	if (range.least == UINT32_MAX)
		range.least = last + 1;
	range.is_seen = range.is_seen || last < search->limit;
	return range;
}

static void cells_mark(struct cells *cells, uint32_t column, uint32_t row, uint32_t side)
{
	for (uint32_t y = row; y < row + side; y++)
		for (uint32_t x = column; x < column + side; x++)
			cells->bits[y * (CELLS_COLUMNS / 64) + x / 64] |= 1ull << (x % 64);
}

/* A square of `side` cells, a power of two. */
static void square_look(struct cells *cells, const struct cells_search *search, uint32_t column,
			uint32_t row, uint32_t side)
{
	const double unit = 4.0 / CELLS_COLUMNS, half = 0.5 * unit * side;
	const struct cells_range range = cells_range_of(search, -2 + unit * column + half,
							unit * row + half, half);
	if (search->skip(search->context, range)) {
		cells_mark(cells, column, row, side);
		return;
	}
	if (side <= search->finest)
		return;
	for (uint32_t part = 0; part < 4; part++)
		square_look(cells, search, column + part % 2 * side / 2, row + part / 2 * side / 2,
			    side / 2);
}

double cells_share(const struct cells *cells)
{
	const struct interior margin = INTERIOR_F64;
	const double unit = 4.0 / CELLS_COLUMNS;
	uint64_t all = 0, marked = 0;
	for (uint32_t row = 0; row < CELLS_ROWS; row++)
		for (uint32_t column = 0; column < CELLS_COLUMNS; column++) {
			const double re = -2 + unit * (column + 0.5), im = unit * (row + 0.5);
			if (re * re + im * im > 4 || interior_depth(&margin, re, im) < 0)
				continue;
			all++;
			marked += cells_is_marked(cells, column, row);
		}
	return (double)marked / (double)all;
}

struct cells *cells_make(const struct cells_search *search)
{
	struct cells *cells = calloc(1, sizeof *cells);
	const uint32_t side = 1u << CELLS_LEVELS;
	for (uint32_t row = 0; cells != NULL && row < CELLS_ROWS; row += side)
		for (uint32_t column = 0; column < CELLS_COLUMNS; column += side)
			square_look(cells, search, column, row, side);
	return cells;
}
