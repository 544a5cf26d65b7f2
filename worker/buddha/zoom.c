/* zoom.c - stub */
#include "worker/buddha/zoom.h"

#include <stdlib.h>

struct zoom *zoom_make(const struct buddha_job *job)
{
	struct zoom *zoom = calloc(1, sizeof *zoom);
	if (zoom == NULL || job == NULL)
		return NULL;
	zoom->slots = ZOOM_COLUMNS * ZOOM_ROWS;
	for (uint32_t rate = 0; rate <= ZOOM_RATES; rate++) {
		zoom->first_slot[rate] = rate == 0 ? 0 : zoom->slots;
		zoom->first_cell[rate] = rate == 0 ? 0 : ZOOM_COLUMNS * ZOOM_ROWS;
	}
	for (uint32_t cell = 0; cell < ZOOM_COLUMNS * ZOOM_ROWS; cell++)
		zoom->cells[cell] = cell;
	return zoom;
}
