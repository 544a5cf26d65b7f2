/*
 * plan.h - decides what a request takes: its phases, segments, image and work.
 *
 * Pure and thread-safe.
 */
#ifndef BROKER_PLAN_H
#define BROKER_PLAN_H

#include "proto/image.h"
#include "proto/request.h"
#include "proto/tile.h"

/* What the tiles of a phase do. A kind of request that needs more than one phase lists them, in
 * order, in plan.c; a phase starts when the one before is complete, and the last one writes the
 * image. */
enum phase_kind {
	PHASE_RENDER,
	PHASE_MIRROR, /* as RENDER for the upper rows, each stored at its mirror's place too */
	PHASE_KIND_COUNT
};

#define PHASES_MAX 3

struct phase {
	enum phase_kind kind;
	/* What its tiles are made of: of the last phase the image's, or that of its upper rows. */
	struct segment_grid grid;
	uint64_t pixel_work;  /* most iterations that one pixel can take, samples included */
	uint32_t pixel_bytes; /* that a tile of it yields, over all planes */
};

struct plan {
	uint32_t phase_count; /* >= 1 */
	struct phase phases[PHASES_MAX];
	struct image_layout layout;
	uint64_t image_bytes; /* of shared memory */
};

/* The name of a kind of phase on the wire: "render", "mirror". */
const char *phase_name(enum phase_kind kind);

/* Plans a request that request_parse() accepted. Refuses (BROT_E_REQUEST) a view that is too deep
 * for the kernels' precision, pixels of more than LIMIT_PIXEL_WORK, and an image that takes too
 * many segments; *ret_plan is then untouched. */
enum brot_err plan_make(const struct request *request, struct plan *ret_plan,
			struct brot_error *err);

/* Whether the lower rows of the image are copies of the upper ones: see proto/mirror.h. */
bool plan_is_mirrored(const struct plan *plan);

/* How many pixels are done with a rectangle of a phase, their mirror images included. */
uint64_t plan_rect_pixels(const struct plan *plan, uint32_t phase, const struct rect *rect);

#endif
