/* zoom.h - stub */
#ifndef WORKER_BUDDHA_ZOOM_H
#define WORKER_BUDDHA_ZOOM_H

#include <stdint.h>

#include "worker/buddha/philox.h"

#define ZOOM_COLUMNS 1024u
#define ZOOM_ROWS    512u
#define ZOOM_RATES   12 /* a cell's rate is 2^0..2^(ZOOM_RATES - 1) */

struct zoom {
	uint64_t slots;                           /* the sum of all rates */
	uint64_t first_slot[ZOOM_RATES + 1];      /* of the cells of a rate */
	uint32_t first_cell[ZOOM_RATES + 1];      /* of a rate, in `cells` */
	uint32_t cells[ZOOM_COLUMNS * ZOOM_ROWS]; /* row * ZOOM_COLUMNS + column, by rate */
};

struct buddha_job;

/* NULL if memory is short; the caller frees it with free(). */
struct zoom *zoom_make(const struct buddha_job *job);

static inline void zoom_point(const struct zoom *zoom, struct philox random, double *ret_re,
			      double *ret_im, uint32_t *ret_weight_log2)
{
	uint64_t slot;
	(void)philox_product(random.word[2], zoom->slots, &slot);
	uint32_t rate = 0;
	while (slot >= zoom->first_slot[rate + 1])
		rate++;
	const uint32_t cell =
		zoom->cells[zoom->first_cell[rate] + ((slot - zoom->first_slot[rate]) >> rate)];
	const double u = (double)(int64_t)(random.word[0] >> 11) * 0x1p-53;
	const double v = (double)(int64_t)(random.word[1] >> 11) * 0x1p-53;
	*ret_re = -2 + ((double)(int32_t)(cell % ZOOM_COLUMNS) + u) * (4.0 / ZOOM_COLUMNS);
	*ret_im = ((double)(int32_t)(cell / ZOOM_COLUMNS) + v) * (2.0 / ZOOM_ROWS);
	*ret_weight_log2 = ZOOM_RATES - 1 - rate;
}

#endif
