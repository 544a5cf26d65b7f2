/*
 * plan.h - decides what a request takes: its phases, segments, image and work.
 *
 * Pure and thread-safe.
 */
#ifndef BROKER_PLAN_H
#define BROKER_PLAN_H

#include "proto/grid.h"
#include "proto/image.h"
#include "proto/request.h"
#include "proto/tile.h"

/* What the tiles of a phase do. A kind of request that needs more than one phase lists them, in
 * order, in plan.c; a phase starts when the one before is complete, and the last one writes the
 * image. */
enum phase_kind {
	PHASE_RENDER,
	PHASE_MIRROR, /* as RENDER for the upper rows, each stored at its mirror's place too */
	PHASE_SAMPLE, /* segments of samples, one a row, are counted into grids */
	PHASE_SUM,    /* rows of the image are added up from grids; by the broker itself */
	PHASE_KIND_COUNT
};

#define PHASES_MAX 3

struct phase {
	enum phase_kind kind;
	/* What its tiles are made of: of the last phase the image's, or that of its upper rows. Of
	 * a banded job, that of a full band. */
	struct segment_grid grid;
	uint64_t pixel_work;  /* most iterations that one pixel can take, samples included; of
			       * SAMPLE one segment, or 2^40 where that is less */
	uint32_t pixel_bytes; /* that a tile of it yields, over all planes; 0 of SAMPLE */
};

struct plan {
	uint32_t phase_count; /* >= 1 */
	struct phase phases[PHASES_MAX];
	enum format_id format;
	uint32_t height_px;             /* of the whole picture */
	uint32_t band_rows, band_count; /* height_px and 1 unless it is banded */
	struct image_layout layout;     /* of the image, or of a full band's */
	uint64_t image_bytes; /* of shared memory, over all bands and grids open at a time */
	/* Of a Buddhabrot, whose phases are SAMPLE and SUM; else grids is 0 */
	uint32_t grids;                  /* that there are at a time */
	uint64_t points, segment_points; /* samples in all, and of a segment but the last */
	uint64_t first_point;            /* the number of the first */
	struct grid_layout counts;       /* of each grid that samples are counted into */
	struct grid_layout sums;         /* of each that others are added up in: wide */
};

/* What a plan has to fit into. */
struct plan_budget {
	uint64_t image_bytes; /* of all jobs: an image over it is cut into bands of a quarter of it
			       */
	uint64_t whole_bytes; /* likewise of an image over this, which is smaller; 0: no such bound
			       */
	uint32_t band_rows;   /* not 0: as the store says it was planned before */
	uint64_t wrap;        /* of the cells of grids that are counted into; 0: the plan chooses */
};

/* The name of a kind of phase on the wire: "render", "mirror", "sample", "sum". */
const char *phase_name(enum phase_kind kind);

/* Plans a request that request_parse() accepted. Refuses (BROT_E_REQUEST) a view that is too deep
 * for the kernels' precision, pixels of more than LIMIT_PIXEL_WORK, and an image that takes too
 * many segments; and (BROT_E_NO_SPACE) a Buddhabrot of which 4 grids, two of them wide, and the
 * image are over the budget. *ret_plan is then untouched. */
enum brot_err plan_make(const struct request *request, const struct plan_budget *budget,
			struct plan *ret_plan, struct brot_error *err);

/* What `grids` grids of a Buddhabrot take, two of which may be sums. */
uint64_t plan_grids_bytes(const struct plan *plan, uint32_t grids);

/* Of band b: its first row in the picture and its rows; the grid of a phase in it; its image. The
 * last band may be lower than the others. */
uint32_t plan_band_first(const struct plan *plan, uint32_t band);
uint32_t plan_band_rows(const struct plan *plan, uint32_t band);
struct segment_grid plan_band_grid(const struct plan *plan, uint32_t phase, uint32_t band);
struct image_layout plan_band_layout(const struct plan *plan, uint32_t band);

/* Whether the lower rows of the image are copies of the upper ones: see proto/mirror.h. */
bool plan_is_mirrored(const struct plan *plan);

/* How many pixels are done with a rectangle of a phase of a band, their mirror images included; of
 * SAMPLE samples. */
uint64_t plan_rect_pixels(const struct plan *plan, uint32_t phase, const struct rect *rect);

#endif
