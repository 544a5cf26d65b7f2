/* job.c - what a JOB message says, checked against what is really there. */
#include "worker/job.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
#include "proto/quote.h"
#include "worker/fault.h"

/* The parts of a JOB's body; borrowed from it. */
struct body {
	const json_t *request;
	const json_t *phases;
	const json_t *rows; /* NULL: all */
	json_int_t slice;
	const char *name; /* of the image */
	json_int_t bytes;
};

static enum brot_err body_read(const json_t *root, struct body *ret_body, struct brot_error *err)
{
	const json_t *image = json_object_get(root, "image");
	const json_t *slice = json_object_get(root, "slice");
	const json_t *name = json_object_get(image, "name");
	const json_t *bytes = json_object_get(image, "bytes");
	ret_body->request = json_object_get(root, "request");
	ret_body->phases = json_object_get(root, "phases");
	ret_body->rows = json_object_get(root, "rows");
	if (!json_is_object(ret_body->request) || !json_is_integer(slice))
		return error_set(err, BROT_E_PROTOCOL, "JOB: must have request and slice");
	if (!json_is_string(name) || !json_is_integer(bytes))
		return error_set(err, BROT_E_PROTOCOL, "JOB: image must have name and bytes");
	ret_body->slice = json_integer_value(slice);
	ret_body->name = json_string_value(name);
	ret_body->bytes = json_integer_value(bytes);
	return BROT_OK;
}

/* What this worker can do is a job of one phase, "render" or "mirror". */
static enum brot_err phases_read(const json_t *phases, bool *ret_is_mirrored,
				 struct brot_error *err)
{
	const char *name = json_string_value(json_array_get(phases, 0));
	bool is_mirrored = name != NULL && strcmp(name, "mirror") == 0;
	if (json_array_size(phases) != 1 || name == NULL ||
	    (!is_mirrored && strcmp(name, "render") != 0))
		return error_set(err, BROT_E_REQUEST,
				 "phases: must be [\"render\"] or [\"mirror\"] for this worker");
	*ret_is_mirrored = is_mirrored;
	return BROT_OK;
}

/* A broker may have a view rendered whole, but not half where the halves differ. */
static enum brot_err mirror_check(const struct request *request, bool is_mirrored, uint32_t rows,
				  struct brot_error *err)
{
	if (is_mirrored && !mirror_applies(request))
		return error_set(err, BROT_E_PROTOCOL,
				 "phases: must be [\"render\"] for an image that is not its own "
				 "mirror image");
	if (is_mirrored && rows != request->height_px)
		return error_set(err, BROT_E_PROTOCOL,
				 "rows: must be all %u with the phase mirror, got %u",
				 request->height_px, rows);
	return BROT_OK;
}

/* Which rows of the picture the image holds. */
static enum brot_err rows_read(const json_t *rows, const struct request *request,
			       uint32_t *ret_top_px, uint32_t *ret_count, struct brot_error *err)
{
	const json_int_t height = (json_int_t)request->height_px;
	*ret_top_px = 0;
	*ret_count = request->height_px;
	if (rows == NULL)
		return BROT_OK;
	const json_t *first = json_array_get(rows, 0);
	const json_t *count = json_array_get(rows, 1);
	if (json_array_size(rows) != 2 || !json_is_integer(first) || !json_is_integer(count))
		return error_set(err, BROT_E_PROTOCOL, "rows: must be [first, count]");
	const json_int_t top = json_integer_value(first), rows_px = json_integer_value(count);
	if (top < 0 || top >= height || rows_px < 1 || rows_px > height - top)
		return error_set(err, BROT_E_PROTOCOL,
				 "rows: must lie inside the picture's %lld, got %lld from %lld on",
				 (long long)height, (long long)rows_px, (long long)top);
	*ret_top_px = (uint32_t)top;
	*ret_count = (uint32_t)rows_px;
	return BROT_OK;
}

static enum brot_err layout_make(const struct request *request, uint32_t rows, json_int_t slice,
				 struct image_layout *ret_layout, struct brot_error *err)
{
	if (slice < 1 || slice > (json_int_t)request->width_px)
		return error_set(err, BROT_E_PROTOCOL, "slice: must be 1..%u, got %lld",
				 request->width_px, (long long)slice);
	uint32_t slice_px = (uint32_t)slice;
	struct segment_grid grid = {
		.width_px = request->width_px,
		.height_px = rows,
		.slice_px = slice_px,
		.slices_per_row = (request->width_px + slice_px - 1) / slice_px,
	};
	uint64_t segments = (uint64_t)grid.slices_per_row * grid.height_px;
	if (segments > LIMIT_SEGMENTS)
		return error_set(err, BROT_E_PROTOCOL, "slice: makes %llu segments, at most %d may",
				 (unsigned long long)segments, LIMIT_SEGMENTS);
	if (!image_layout_make(&grid, request->format, ret_layout))
		return error_set(err, BROT_E_PROTOCOL, "size: the image is too large");
	return BROT_OK;
}

/* image_header_check() for inside a guard. */
struct header_check {
	const struct job *job;
	uint64_t id;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	enum brot_err code;
	struct brot_error *err;
};

static void header_check(void *context)
{
	struct header_check *check = context;
	const struct shm *shm = &check->job->shm;
	check->code = image_header_check(shm->memory, shm->bytes, &check->job->layout, check->id,
					 check->nonce, check->err);
}

static void image_map(struct job *job, uint64_t id, const struct body *body,
		      struct session_opened *opened)
{
	if (body->bytes < 0 || (uint64_t)body->bytes != job->layout.total_bytes) {
		(void)error_set(&opened->error, BROT_E_PROTOCOL,
				"image: must have %llu bytes, JOB says %lld",
				(unsigned long long)job->layout.total_bytes,
				(long long)body->bytes);
		return;
	}
	if (shm_map(body->name, (size_t)body->bytes, true, &job->shm, &opened->error) != BROT_OK)
		return;
	struct header_check check = {.job = job, .id = id, .err = &opened->error};
	if (!fault_guard(header_check, &check, job->shm.memory, job->shm.bytes))
		check.code = error_set(&opened->error, BROT_E_SYSTEM, "image: was truncated");
	if (check.code != BROT_OK) {
		shm_unmap(&job->shm);
		return;
	}
	memcpy(opened->nonce, check.nonce, sizeof opened->nonce);
	opened->is_mapped = true;
}

/* The parts of a job that its request gives. */
static enum brot_err request_apply(struct job *job, const struct request *request,
				   const struct body *body, const struct kernel *kernel,
				   struct session_opened *opened)
{
	struct brot_error *err = &opened->error;
	uint32_t rows;
	enum brot_err code = rows_read(body->rows, request, &job->top_px, &rows, err);
	if (code == BROT_OK)
		code = mirror_check(request, job->is_mirrored, rows, err);
	if (code == BROT_OK)
		code = layout_make(request, rows, body->slice, &job->layout, err);
	if (code == BROT_OK)
		code = render_job_make(request, kernel, &job->render, err);
	if (code != BROT_OK)
		return code;
	opened->area = (struct rect){
		.y = job->top_px,
		.w = request->width_px,
		.h = job->is_mirrored ? mirror_rows(rows) : rows,
	};
	opened->pixel_bytes = format_pixel_bytes(request->format);
	return BROT_OK;
}

static enum brot_err job_fill(struct job *job, const struct body *body, const struct kernel *kernel,
			      struct session_opened *opened)
{
	/* Its coordinates make it too large for the stack of whoever calls. */
	struct request *request = malloc(sizeof *request);
	if (request == NULL)
		return error_set(&opened->error, BROT_E_SYSTEM, "job: no memory");
	enum brot_err code = phases_read(body->phases, &job->is_mirrored, &opened->error);
	if (code == BROT_OK)
		code = request_from_json(body->request, request, &opened->error);
	if (code == BROT_OK)
		code = request_apply(job, request, body, kernel, opened);
	free(request);
	return code;
}

struct job *job_open(const struct message *m, uint64_t handle, const struct kernel *kernel,
		     bool use_shm, struct session_opened *ret_opened)
{
	struct body body = {0};
	json_error_t json_error;
	*ret_opened = (struct session_opened){.handle = handle};
	struct brot_error *err = &ret_opened->error;

	json_t *root = json_loadb(m->body.data, m->body.size, JSON_REJECT_DUPLICATES, &json_error);
	struct job *job = calloc(1, sizeof *job);
	if (root == NULL || job == NULL) {
		char quoted[QUOTE_BYTES];
		(void)error_set(err, root == NULL ? BROT_E_PROTOCOL : BROT_E_SYSTEM, "JOB: %s",
				root == NULL ? quote_text(json_error.text, strlen(json_error.text),
							  quoted, sizeof quoted)
					     : "no memory");
		goto fail;
	}
	job->handle = handle;
	job->shm = SHM_NONE;
	if (body_read(root, &body, err) != BROT_OK ||
	    job_fill(job, &body, kernel, ret_opened) != BROT_OK)
		goto fail;
	if (use_shm)
		image_map(job, m->job, &body, ret_opened);
	else
		(void)error_set(err, BROT_OK, "told not to use shared memory");
	/* Why there is no mapping is only told; it does not keep the job from being rendered. */
	err->code = BROT_OK;
	json_decref(root);
	return job;

fail:
	json_decref(root);
	free(job);
	return NULL;
}

void job_free(struct job *job)
{
	if (job == NULL)
		return;
	shm_unmap(&job->shm);
	free(job);
}
