/*
 * brot_internal.h - what the files behind include/brot/local.h share.
 */
#ifndef WORKER_BROT_INTERNAL_H
#define WORKER_BROT_INTERNAL_H

#include <brot/local.h>

#include "proto/brot_request.h"
#include "worker/gang.h"
#include "worker/kernel/kernel.h"

/* One brot_render(). */
struct local {
	struct gang gang;
	const struct kernel *kernel;
	uint32_t first_row, rows;       /* what is wanted of an image; rows 0: all */
	uint64_t first_sample, samples; /* and of a Buddhabrot; samples 0: all */
};

/* The kernel of this process; see brot_kernel(). */
enum brot_err local_kernel(const struct kernel **ret_kernel, struct brot_error *err);

/* Renders a request whose pixels need no others, or data, as `share` of the whole render. */
enum brot_err local_escape(struct local *local, const struct request *request,
			   const struct canvas *canvas, double share, struct brot_error *err);

/* The same for counts: density or nebula, u64 or u32. */
enum brot_err local_count(struct local *local, const struct request *request,
			  const struct canvas *canvas, double share, struct brot_error *err);

/* Colours the data that request_to_data() asks for; `json` is the picture's document. */
enum brot_err local_paint(struct local *local, const struct request *request, const char *json,
			  const struct request *data, const struct canvas *numbers,
			  const struct canvas *canvas, double share, struct brot_error *err);

#endif
