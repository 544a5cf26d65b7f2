/* job_counts.c - the jobs of a worker that counts samples. */
#include <stdlib.h>
#include <string.h>

#include "proto/work.h"
#include "worker/fault.h"
#include "worker/job.h"

enum brot_err job_samples_open(struct job *job, const struct request *request,
			       const struct job_setup *setup, struct brot_error *err)
{
	for (const struct job *other = setup->others; other != NULL; other = other->next) {
		bool is_same = other->samples != NULL && work_job(other->id) == work_job(job->id) &&
			       samples_are_of(other->samples, request);
		if (!is_same)
			continue;
		job->samples = samples_take(other->samples);
		return BROT_OK;
	}
	return samples_make(request, setup->kernel, &job->samples, err);
}

/* grid_header_check() for inside a guard. */
struct header_check {
	const struct job *job;
	const struct grid_layout *layout;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	enum grid_state state;
	enum brot_err code;
	struct brot_error *err;
};

static void header_check(void *context)
{
	struct header_check *check = context;
	const struct shm *shm = &check->job->shm;
	check->code = grid_header_check(shm->memory, shm->bytes, check->layout, check->job->id,
					check->nonce, &check->state, check->err);
}

/* The grid of a JOB as its keys tell of it. */
struct grid_card {
	const char *name;
	json_int_t bytes, segments, wrap;
};

static enum brot_err card_read(const json_t *root, struct grid_card *ret_card,
			       struct brot_error *err)
{
	const json_t *grid = json_object_get(root, "grid");
	const json_t *wrap = json_object_get(grid, "wrap");
	ret_card->name = json_string_value(json_object_get(grid, "name"));
	ret_card->bytes = json_integer_value(json_object_get(grid, "bytes"));
	ret_card->segments = json_integer_value(json_object_get(grid, "segments"));
	ret_card->wrap = wrap != NULL ? json_integer_value(wrap) : (json_int_t)GRID_WRAP;
	bool is_wide = ret_card->wrap == (json_int_t)GRID_WIDE;
	bool is_good = is_wide || (ret_card->wrap >= 2 && ret_card->wrap <= (json_int_t)GRID_WRAP);
	if (ret_card->name == NULL || !is_good)
		return error_set(err, BROT_E_PROTOCOL,
				 "JOB: grid must have name, bytes and segments");
	return BROT_OK;
}

static enum brot_err grid_map(struct job *job, const struct grid_card *card,
			      const struct grid_layout *layout, struct session_opened *opened)
{
	struct brot_error *err = &opened->error;
	if ((uint64_t)card->bytes != layout->total_bytes ||
	    (uint64_t)card->segments != layout->segments)
		return error_set(err, BROT_E_PROTOCOL,
				 "grid: must have %llu bytes and %u segments, JOB says %lld and "
				 "%lld",
				 (unsigned long long)layout->total_bytes, layout->segments,
				 (long long)card->bytes, (long long)card->segments);
	enum brot_err code = shm_map(card->name, (size_t)layout->total_bytes, true, &job->shm, err);
	if (code != BROT_OK)
		return code;
	struct header_check check = {.job = job, .layout = layout, .err = err};
	if (!fault_guard(header_check, &check, job->shm.memory, job->shm.bytes))
		return error_set(err, BROT_E_SYSTEM, "grid: was truncated");
	if (check.code == BROT_OK && check.state != GRID_OPEN)
		return error_set(err, BROT_E_PROTOCOL, "grid: is committed");
	memcpy(opened->nonce, check.nonce, sizeof opened->nonce);
	opened->is_mapped = check.code == BROT_OK;
	return check.code;
}

/* Of memory that is only promised we hear when it is too late. */
static enum brot_err check_memory(const struct grid_layout *layout, const struct job_setup *setup,
				  struct brot_error *err)
{
	uint64_t bytes = layout->total_bytes;
	for (const struct job *other = setup->others; other != NULL; other = other->next)
		if (other->kind == JOB_COLLECT && other->counts != NULL)
			bytes += counts_layout(other->counts)->total_bytes;
	if (setup->memory_bytes == 0 || bytes <= setup->memory_bytes)
		return BROT_OK;
	return error_set(
		err, BROT_E_SYSTEM,
		"grid: counts of this worker's own may take %llu bytes, half of its host's "
		"memory, and would take %llu",
		(unsigned long long)setup->memory_bytes, (unsigned long long)bytes);
}

static void describe(const struct job *job, const struct grid_layout *layout,
		     struct session_opened *opened)
{
	opened->area = (struct rect){0, 0, 1, layout->segments};
	opened->pixel_bytes = 0;
	opened->is_counted = true;
	if (job->kind != JOB_COLLECT)
		return;
	opened->rows = (struct rect){0, 0, layout->width_px, layout->rows};
	opened->row_pixel_bytes = layout->channels * sizeof(uint64_t);
	(void)error_set(&opened->error, BROT_OK, "counts into memory of its own");
}

enum brot_err job_counts_open(struct job *job, const struct request *request, const json_t *root,
			      const struct job_setup *setup, struct session_opened *opened)
{
	struct brot_error *err = &opened->error;
	struct grid_card card = {0};
	struct grid_layout layout;
	enum brot_err code = BROT_OK;
	bool is_mapped = job->kind == JOB_GRID;
	if (is_mapped && !setup->use_shm)
		code = error_set(err, BROT_E_SYSTEM, "told not to use shared memory");
	if (code == BROT_OK && is_mapped)
		code = card_read(root, &card, err);
	if (code == BROT_OK)
		code = job_samples_open(job, request, setup, err);
	if (code == BROT_OK && !is_mapped)
		card.wrap = (json_int_t)samples_wrap(job->samples);
	if (code == BROT_OK && !samples_layout(job->samples, (uint64_t)card.wrap, &layout))
		code = error_set(err, BROT_E_PROTOCOL, "size: the grid is too large");
	if (code == BROT_OK && !is_mapped)
		code = check_memory(&layout, setup, err);
	if (code == BROT_OK && is_mapped)
		code = grid_map(job, &card, &layout, opened);
	if (code != BROT_OK)
		return code;
	job->counts = counts_new(job->samples, &layout, job->shm.memory);
	if (job->counts == NULL) {
		opened->is_mapped = false;
		return error_set(err, BROT_E_SYSTEM, "grid: no memory for %llu bytes of counts",
				 (unsigned long long)layout.total_bytes);
	}
	describe(job, &layout, opened);
	return BROT_OK;
}
