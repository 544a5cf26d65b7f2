/* request.c - makes the job of a request. */
#include <assert.h>

#include "worker/buddha/buddha.h"

enum brot_err buddha_job_make(const struct request *request, const struct kernel *kernel,
			      struct buddha_job **ret_job, struct brot_error *err)
{
	struct buddha_setup setup = {
		.is_turned = request->view.rotate_deg != 0.0,
		.is_mirrored = view_is_mirrored(&request->view),
		.iterations = request->iterations,
		.has_shortcuts = request->has_shortcuts,
		.buddha = request->buddha,
	};
	assert(request->kind == KIND_BUDDHABROT && request->samples == 1);
	const enum brot_err code = point_frame_make(request, &setup.frame, err);
	return code == BROT_OK ? buddha_job_compile(&setup, kernel, ret_job, err) : code;
}
