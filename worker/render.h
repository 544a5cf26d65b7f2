/*
 * render.h - renders one tile: numbers from a kernel, and pixels from the numbers.
 *
 * Pure: memory in, memory out. Thread-safe: a struct render_job is constant once made, and any
 * number of threads may render with it. A call needs some 600 KiB of stack.
 */
#ifndef WORKER_RENDER_H
#define WORKER_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/format.h"
#include "proto/point.h"
#include "proto/request.h"
#include "proto/tile.h"
#include "worker/adaptive.h"
#include "worker/colour/shade.h"
#include "worker/kernel/kernel.h"

/* A request made ready: all that its tiles share. Borrows nothing. */
struct render_job {
	struct point_frame frame;
	struct shade shade;       /* for formats that are pictures */
	struct adaptive adaptive; /* likewise */
	escape_fn *escape;        /* the kernel's, for the request's formula and precision */
	derive_fn *derive;        /* likewise, in f64 */
	struct escape_task task;  /* without a rectangle and outputs */
	unsigned planes; /* what the format or the colours need: bits as colour_planes() has */
	uint32_t width_px, height_px;
	uint32_t samples;
	enum format_id format;
};

/* Asked several times a second whether to go on (by the scalar kernel at most once a sample);
 * iterations: done so far for this tile. Returns false to give the tile up. */
struct render_progress {
	bool (*keep_going)(void *context, uint64_t iterations);
	void *context;
};

/* Compiles a request. BROT_E_REQUEST, *ret_job untouched, for what this worker cannot draw: a view
 * too deep for the request's precision, an unknown palette. The kernel is borrowed for the call. */
enum brot_err render_job_make(const struct request *request, const struct kernel *kernel,
			      struct render_job *ret_job, struct brot_error *err);

/* Renders a tile, which must lie inside the image (asserted). planes[p] is where the tile's first
 * pixel of plane p of the job's format goes, strides_bytes[p] the bytes from one of its rows to
 * the next; both are multiples of 4 for planes of numbers. Each byte is stored once, with its
 * final value. progress may be NULL. Returns BROT_E_CANCELLED where keep_going said no: what has
 * been stored till then is final, the rest untouched, and so is *ret_iterations. */
enum brot_err render_rect(const struct render_job *job, const struct rect *rect,
			  void *const planes[PLANES_MAX], const size_t strides_bytes[PLANES_MAX],
			  const struct render_progress *progress, uint64_t *ret_iterations);

#endif
