/*
 * zoom.h - the samples of `zoom`: taken more often where their orbits are likely to meet the view,
 * and weighing less there.
 *
 * The upper half square is cut into square leaves: cell (column, row) of 2^level x 2^(level - 1)
 * of the same size. What is missing is proven to add nothing to the image (cells.h: of the
 * request's orbits, bands, view and iterations). A leaf of density 2^d, 0 <= d <= ZOOM_DENSITY, has
 * 2^s slots, s = d + 2 (ZOOM_LEVEL_MAX - level); each slot of each leaf is drawn equally often, so
 * that samples lie 2^d times as close as where the density is 1; and each weighs 2^(ZOOM_DENSITY -
 * d). So the expected count of a pixel is, but for a factor that all pixels share, that of
 * `random`.
 *
 * Sample k: Philox4x64-10 as for `random`; w are words 0 to 2 and T is the number of slots. Slot
 * floor(w_2 T / 2^64), where slots are numbered by descending s, then in the order of the leaves:
 * by level, and as zoom.c cuts them. c lies in its leaf: re = -2 + (column + u) 2^(2 - level) and
 * im = (row + v) 2^(2 - level), u and v the top 53 bits of w_0 and w_1 times 2^-53; in f64, each
 * sum rounded once (the rest is exact). T < 2^45, so that a slot's chance is off by less than a
 * part in 2^19.
 *
 * Leaves and densities come from a pilot that depends on the same parts of the request, and not on
 * `points`, `first` or `seed`, so that samples may be added later: see zoom.c.
 *
 * Constant and thread-safe once made.
 */
#ifndef WORKER_BUDDHA_ZOOM_H
#define WORKER_BUDDHA_ZOOM_H

#include <stdint.h>

#include "worker/buddha/philox.h"

#define ZOOM_LEVEL_MIN 8
#define ZOOM_LEVEL_MAX 14
#define ZOOM_DENSITY   15
#define ZOOM_CLASSES   (ZOOM_DENSITY + 2 * (ZOOM_LEVEL_MAX - ZOOM_LEVEL_MIN) + 1) /* values of s */
#define ZOOM_LEAVES    (1u << 17)

struct zoom_leaf {
	uint16_t column, row;
	uint8_t level, density;
};

struct zoom {
	uint64_t slots; /* T */
	uint32_t count; /* leaves */
	/* Of those with s = ZOOM_CLASSES - 1 - index, in `leaves`, which has them in that order. */
	uint64_t first_slot[ZOOM_CLASSES + 1];
	uint32_t first_leaf[ZOOM_CLASSES + 1];
	struct zoom_leaf leaves[];
};

struct buddha_job;
struct cells;

/* For a job that is complete but for this, and the cells of its orbits and view; if all of these
 * are of no interest, the samples of all lie alike. The caller owns what is returned, and frees it
 * with free(); NULL if memory is short. Takes some tenths of a second. */
struct zoom *zoom_make(const struct buddha_job *job, const struct cells *cells);

static inline void zoom_point(const struct zoom *zoom, struct philox random, double *ret_re,
			      double *ret_im, uint32_t *ret_weight_log2)
{
	uint64_t slot;
	(void)philox_product(random.word[2], zoom->slots, &slot);
	uint32_t i = 0;
	while (slot >= zoom->first_slot[i + 1])
		i++;
	const uint64_t at = (slot - zoom->first_slot[i]) >> (ZOOM_CLASSES - 1 - i);
	const struct zoom_leaf leaf = zoom->leaves[zoom->first_leaf[i] + at];
	const double u = (double)(int64_t)(random.word[0] >> 11) * 0x1p-53;
	const double v = (double)(int64_t)(random.word[1] >> 11) * 0x1p-53;
	const double side = 4.0 / (double)(1 << leaf.level);
	*ret_re = -2 + ((double)leaf.column + u) * side;
	*ret_im = ((double)leaf.row + v) * side;
	*ret_weight_log2 = ZOOM_DENSITY - (uint32_t)leaf.density;
}

#endif
