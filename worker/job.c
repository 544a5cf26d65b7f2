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
	ret_body->request = json_object_get(root, "request");
	ret_body->phases = json_object_get(root, "phases");
	if (!json_is_object(ret_body->request))
		return error_set(err, BROT_E_PROTOCOL, "JOB: must have request");
	return BROT_OK;
}

/* What only a job with an image has. */
static enum brot_err image_read(const json_t *root, struct body *ret_body, struct brot_error *err)
{
	const json_t *image = json_object_get(root, "image");
	const json_t *slice = json_object_get(root, "slice");
	const json_t *name = json_object_get(image, "name");
	const json_t *bytes = json_object_get(image, "bytes");
	ret_body->rows = json_object_get(root, "rows");
	if (!json_is_integer(slice))
		return error_set(err, BROT_E_PROTOCOL, "JOB: must have slice");
	if (!json_is_string(name) || !json_is_integer(bytes))
		return error_set(err, BROT_E_PROTOCOL, "JOB: image must have name and bytes");
	ret_body->slice = json_integer_value(slice);
	ret_body->name = json_string_value(name);
	ret_body->bytes = json_integer_value(bytes);
	return BROT_OK;
}

/* What this worker can do. */
static enum brot_err phases_read(const json_t *phases, enum job_kind *ret_kind,
				 struct brot_error *err)
{
	static const struct {
		enum job_kind kind;
		size_t count;
		const char *names[2];
	} known[] = {
		{JOB_RENDER, 1, {"render", ""}},         {JOB_MIRROR, 1, {"mirror", ""}},
		{JOB_SUM, 2, {"sample", "sum"}},         {JOB_GRID, 1, {"sample", ""}},
		{JOB_COLLECT, 2, {"sample", "collect"}},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		bool is_it = json_array_size(phases) == known[i].count;
		for (size_t p = 0; is_it && p < known[i].count; p++) {
			const char *name = json_string_value(json_array_get(phases, p));
			is_it = name != NULL && strcmp(name, known[i].names[p]) == 0;
		}
		if (!is_it)
			continue;
		*ret_kind = known[i].kind;
		return BROT_OK;
	}
	return error_set(err, BROT_E_REQUEST,
			 "phases: must be [\"render\"], [\"mirror\"], [\"sample\", \"sum\"], "
			 "[\"sample\"] or [\"sample\", \"collect\"] for this worker");
}

/* Whether the request is of a kind that has such phases. */
static enum brot_err kind_check(const struct request *request, enum job_kind kind,
				struct brot_error *err)
{
	bool is_counted = kind != JOB_RENDER && kind != JOB_MIRROR;
	if ((request->kind == KIND_BUDDHABROT) == is_counted)
		return BROT_OK;
	return error_set(err, BROT_E_PROTOCOL, "phases: are not those of the kind %s",
			 request_kind_name(request->kind));
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

static void image_map(struct job *job, const struct body *body, struct session_opened *opened)
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
	struct header_check check = {.job = job, .id = job->id, .err = &opened->error};
	if (!fault_guard(header_check, &check, job->shm.memory, job->shm.bytes))
		check.code = error_set(&opened->error, BROT_E_SYSTEM, "image: was truncated");
	if (check.code != BROT_OK) {
		shm_unmap(&job->shm);
		return;
	}
	memcpy(opened->nonce, check.nonce, sizeof opened->nonce);
	opened->is_mapped = true;
}

/* Why there is no mapping is only told; it does not keep the job from being rendered. */
static void image_open(struct job *job, const struct body *body, bool use_shm,
		       struct session_opened *opened)
{
	if (use_shm)
		image_map(job, body, opened);
	else
		(void)error_set(&opened->error, BROT_OK, "told not to use shared memory");
	opened->error.code = BROT_OK;
}

/* The parts of a job that its request gives. */
static enum brot_err request_apply(struct job *job, const struct request *request,
				   const struct body *body, const struct job_setup *setup,
				   struct session_opened *opened)
{
	struct brot_error *err = &opened->error;
	uint32_t rows;
	enum brot_err code = rows_read(body->rows, request, &job->top_px, &rows, err);
	bool is_mirrored = job->kind == JOB_MIRROR;
	if (code == BROT_OK)
		code = mirror_check(request, is_mirrored, rows, err);
	if (code == BROT_OK)
		code = layout_make(request, rows, body->slice, &job->layout, err);
	if (code == BROT_OK && job->kind == JOB_SUM)
		return job_samples_open(job, request, setup, err);
	if (code == BROT_OK)
		code = render_job_make(request, setup->kernel, &job->render, err);
	if (code != BROT_OK)
		return code;
	opened->area = (struct rect){
		.y = job->top_px,
		.w = request->width_px,
		.h = is_mirrored ? mirror_rows(rows) : rows,
	};
	opened->pixel_bytes = format_pixel_bytes(request->format);
	return BROT_OK;
}

static enum brot_err job_fill(struct job *job, const json_t *root, const struct job_setup *setup,
			      struct session_opened *opened)
{
	struct body body = {0};
	struct brot_error *err = &opened->error;
	/* Its coordinates make it too large for the stack of whoever calls. */
	struct request *request = malloc(sizeof *request);
	if (request == NULL)
		return error_set(err, BROT_E_SYSTEM, "job: no memory");
	enum brot_err code = body_read(root, &body, err);
	if (code == BROT_OK)
		code = phases_read(body.phases, &job->kind, err);
	if (code == BROT_OK)
		code = request_from_json(body.request, request, err);
	if (code == BROT_OK)
		code = kind_check(request, job->kind, err);
	bool is_grid = job->kind == JOB_GRID || job->kind == JOB_COLLECT;
	if (code == BROT_OK && is_grid)
		code = job_counts_open(job, request, root, setup, opened);
	else if (code == BROT_OK)
		code = image_read(root, &body, err);
	if (code == BROT_OK && !is_grid)
		code = request_apply(job, request, &body, setup, opened);
	if (code == BROT_OK && !is_grid)
		image_open(job, &body, setup->use_shm, opened);
	free(request);
	return code;
}

struct job *job_open(const struct message *m, const struct job_setup *setup,
		     struct session_opened *ret_opened)
{
	json_error_t json_error;
	*ret_opened = (struct session_opened){.handle = setup->handle};
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
	job->handle = setup->handle;
	job->id = m->job;
	job->shm = SHM_NONE;
	if (job_fill(job, root, setup, ret_opened) != BROT_OK)
		goto fail;
	json_decref(root);
	return job;

fail:
	json_decref(root);
	job_free(job);
	return NULL;
}

void job_free(struct job *job)
{
	if (job == NULL)
		return;
	counts_free(job->counts);
	samples_leave(job->samples);
	shm_unmap(&job->shm);
	free(job);
}
