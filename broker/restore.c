/* restore.c - jobs of an earlier life of this broker. */
#include "broker/restore.h"

#include <stdlib.h>
#include <string.h>

#include "broker/checkpoint.h"
#include "broker/grids.h"
#include "proto/sys/clock.h"
#include "proto/sys/log.h"

struct job_row {
	struct store_job job;        /* its request is ours */
	struct catalog_job *planned; /* NULL: it cannot go on */
};

struct image_row {
	struct store_image image;
	bool is_settled; /* adopted, or removed */
};

/* What the store has. */
struct found {
	struct job_row *jobs;
	size_t job_count, job_capacity;
	struct image_row *images;
	size_t image_count, image_capacity;
};

/* Makes room for one more item; returns it. */
static void *grow(void **items, size_t *count, size_t *capacity, size_t bytes)
{
	if (*count == *capacity) {
		*capacity = *capacity > 0 ? 2 * *capacity : 64;
		*items = realloc(*items, *capacity * bytes);
		if (*items == NULL)
			abort();
	}
	return (char *)*items + (*count)++ * bytes;
}

static void found_job(const struct store_job *job, void *context)
{
	struct found *found = context;
	void *items = found->jobs;
	struct job_row *row = grow(&items, &found->job_count, &found->job_capacity, sizeof *row);
	found->jobs = items;
	*row = (struct job_row){.job = *job};
	char *request = malloc(job->request_bytes + 1);
	if (request == NULL)
		abort();
	memcpy(request, job->request, job->request_bytes);
	request[job->request_bytes] = '\0';
	row->job.request = request;
}

static void found_image(const struct store_image *image, void *context)
{
	struct found *found = context;
	void *items = found->images;
	struct image_row *row = grow(&items, &found->image_count, &found->image_capacity,
				     sizeof *row);
	found->images = items;
	*row = (struct image_row){.image = *image};
}

static void found_done(struct found *found)
{
	for (size_t i = 0; i < found->job_count; i++) {
		union {
			const char *borrowed;
			char *owned;
		} request = {found->jobs[i].job.request};
		free(request.owned);
		free(found->jobs[i].planned);
	}
	free(found->jobs);
	free(found->images);
}

static struct image_row *row_of_work(struct found *found, uint64_t work)
{
	for (size_t i = 0; i < found->image_count; i++)
		if (found->images[i].image.work == work)
			return &found->images[i];
	return NULL;
}

enum brot_err restore_plan(const struct server *server, const struct store_job *row,
			   struct catalog_job *ret_job, struct brot_error *err)
{
	struct catalog_job job = {
		.job = row->job,
		.request_digest = checkpoint_digest(row->request, row->request_bytes),
	};
	const struct plan_budget budget = {
		.image_bytes = server->config->limits.image_bytes,
		.wrap = server->config->grid_wrap,
		.band_rows = row->band_rows,
	};
	memcpy(job.key, row->key, sizeof job.key);
	memcpy(job.owner, row->owner, sizeof job.owner);
	enum brot_err code = request_parse(row->request, row->request_bytes, &job.request, err);
	if (code == BROT_OK)
		code = plan_make(&job.request, &budget, &job.plan, err);
	if (code == BROT_OK)
		*ret_job = job;
	return code;
}

static int64_t ago_ms(int64_t then_unix_ms)
{
	int64_t now_ms = clock_unix_ms();
	return then_unix_ms < now_ms ? now_ms - then_unix_ms : 0; /* the clock may have been set */
}

enum brot_err restore_step(struct server *server, const struct catalog_job *job,
			   const struct store_job *row, const uint8_t *const bits[LIMIT_OPEN_BANDS],
			   struct brot_error *err)
{
	struct sched_restore restore = {
		.plan = &job->plan,
		.priority = row->priority,
		.is_kept = row->is_kept,
		.is_paused = row->is_paused,
		.code = row->code,
		.text = row->text,
		.bands_released = row->bands_released,
		.tiles_done = row->tiles_done,
		.retries = row->retries,
		.workers = row->workers,
		.iterations = row->iterations,
		.worker_us = row->worker_us,
		.accepted_ago_ms = ago_ms(row->accepted_ms),
		.finished_ago_ms = row->finished_ms > 0 ? ago_ms(row->finished_ms) : -1,
	};
	memcpy(restore.key, row->key, sizeof restore.key);
	memcpy(restore.client, row->client, sizeof restore.client);
	for (size_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		restore.bits[i] = bits[i];
	grids_list(server->images, job->job, &restore);
	/* A checkpoint may have taken seconds to load. */
	server->now_ms = clock_ms();
	struct sched_event event = {
		.type = EVENT_RESTORE,
		.now_ms = server->now_ms,
		.job = job->job,
		.restore = &restore,
	};
	struct job_report report;
	catalog_add(server->catalog, job);
	server_step(server, &event);
	/* Gone from the catalogue: taken, but there was nothing left to do for it. */
	if (catalog_find(server->catalog, job->job) == NULL ||
	    sched_job_report(server->sched, job->job, server->now_ms, &report))
		return BROT_OK;
	catalog_remove(server->catalog, job->job);
	return error_set(err, BROT_E_BUSY, "job: %llu could not be restored",
			 (unsigned long long)job->job);
}

/* Removes what cannot be used, the segment first: so that a kill between the two leaves a name
 * without a segment, which does no harm, and never a segment that nobody knows. */
static void remove_row(struct server *server, struct image_row *row)
{
	shm_remove(row->image.name);
	journal_image_gone(server->journal, row->image.work);
	row->is_settled = true;
}

/* Takes over the image of a band as it was left, if it is still there and what it should be. */
static enum brot_err adopt_image(struct server *server, const struct catalog_job *job,
				 struct image_row *row, struct brot_error *err)
{
	struct image_id id;
	struct brot_error why;
	memcpy(id.name, row->image.name, sizeof id.name);
	memcpy(id.nonce, row->image.nonce, sizeof id.nonce);
	enum brot_err code = images_adopt(server->images, row->image.work, &job->plan, &id, &why);
	if (code == BROT_OK) {
		row->is_settled = true;
		if (work_is_grid(row->image.work))
			return BROT_OK;
		/* More than a checkpoint may have. */
		images_find(server->images, row->image.work)->marks++;
		return BROT_OK;
	}
	/* What we lack says nothing about the image: another start may have it. */
	if (code == BROT_E_SYSTEM)
		return error_set(err, code, "job: the image of %llu cannot be taken over: %s",
				 (unsigned long long)job->job, why.text);
	if (code != BROT_E_NOT_FOUND || !work_is_grid(row->image.work))
		log_line(code == BROT_E_NOT_FOUND ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
			 "image lost job=%llu band=%u reason=\"%s\"", (unsigned long long)job->job,
			 work_band(row->image.work), why.text);
	/* One that another process owns is not ours to remove. */
	row->is_settled = code == BROT_E_BUSY;
	if (!row->is_settled)
		remove_row(server, row);
	return BROT_OK;
}

static enum brot_err adopt_images(struct server *server, const struct job_row *row,
				  struct found *found, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS && code == BROT_OK; i++) {
		uint32_t band = row->job.bands_released + i;
		struct image_row *image = row_of_work(found, work_id(row->job.job, band));
		if (image != NULL && band < row->planned->plan.band_count)
			code = adopt_image(server, row->planned, image, err);
	}
	return code;
}

static void forget_grid(uint64_t work, void *context)
{
	struct server *server = context;
	journal_image_gone(server->journal, work);
}

/* Those that were committed; what was under way in the others is lost with its workers. */
static enum brot_err adopt_grids(struct server *server, const struct job_row *row,
				 struct found *found, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	if (row->planned->plan.grids == 0)
		return BROT_OK;
	for (size_t i = 0; i < found->image_count && code == BROT_OK; i++) {
		uint64_t work = found->images[i].image.work;
		if (work_is_grid(work) && work_job(work) == row->job.job)
			code = adopt_image(server, row->planned, &found->images[i], err);
	}
	grids_settle(server->images, row->job.job, forget_grid, server);
	return code;
}

/* A new image for the checkpoint of one that is gone, or NULL: the scheduler will ask for it. */
static struct image *image_from_checkpoint(struct server *server, const struct catalog_job *job,
					   uint64_t work)
{
	struct brot_error err;
	struct image_id id = image_id_draw();
	if (server->config->checkpoint == NULL ||
	    journal_add_image(server->journal, work, &id, &err) != BROT_OK)
		return NULL;
	if (images_make(server->images, work, &job->plan, &id, &err) != BROT_OK) {
		journal_image_gone(server->journal, work);
		return NULL;
	}
	struct image *image = images_find(server->images, work);
	(void)saves_load(server, job, image);
	return image;
}

/* Makes history of a job that cannot go on. */
static void give_up(struct server *server, const struct store_job *row,
		    const struct brot_error *why)
{
	struct sched_action end = {
		.type = ACTION_END,
		.job = row->job,
		.end = JOB_END_FAILED,
		.code = why->code,
		.report = {.job = row->job,
			   .state = JOB_FAILED,
			   .is_kept = row->is_kept,
			   .is_paused = row->is_paused,
			   .priority = row->priority,
			   .bands_released = row->bands_released,
			   .pixels = row->pixels,
			   .tiles_done = row->tiles_done,
			   .retries = row->retries,
			   .workers = row->workers,
			   .iterations = row->iterations,
			   .worker_us = row->worker_us,
			   .code = why->code},
	};
	memcpy(end.report.client, row->client, sizeof end.report.client);
	memcpy(end.text, why->text, sizeof end.text);
	log_line(LOG_LEVEL_WARNING, "job not restored job=%llu reason=\"%s\"",
		 (unsigned long long)row->job, why->text);
	journal_end(server->journal, &end);
}

static void drop_grids(struct server *server, uint64_t job)
{
	struct sched_restore grids = {0};
	grids_list(server->images, job, &grids);
	for (uint32_t i = 0; i < grids.grid_count; i++)
		images_drop(server->images, work_grid_id(job, grids.grids[i].number));
}

static bool restore_job(struct server *server, const struct job_row *row)
{
	const struct catalog_job *job = row->planned;
	struct brot_error why;
	const uint8_t *bits[LIMIT_OPEN_BANDS] = {NULL};
	if (job == NULL)
		return false;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		uint32_t band = row->job.bands_released + i;
		uint64_t work = work_id(job->job, band);
		if (band >= job->plan.band_count)
			break;
		const struct image *image = images_find(server->images, work);
		if (image == NULL)
			image = image_from_checkpoint(server, job, work);
		bits[i] = image != NULL ? image_bits(image) : NULL;
	}
	if (restore_step(server, job, &row->job, bits, &why) == BROT_OK)
		return true;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		images_drop(server->images, work_id(job->job, row->job.bands_released + i));
	drop_grids(server, job->job);
	give_up(server, &row->job, &why);
	return false;
}

static enum brot_err read_store(struct store *store, struct found *found, struct brot_error *err)
{
	uint32_t jobs_skipped = 0, images_skipped = 0;
	enum brot_err code = store_each_job(store, found_job, found, &jobs_skipped, err);
	if (code == BROT_OK)
		code = store_each_image(store, found_image, found, &images_skipped, err);
	if (code == BROT_OK && jobs_skipped + images_skipped > 0)
		log_line(LOG_LEVEL_WARNING,
			 "the store has rows that make no sense jobs=%u images=%u", jobs_skipped,
			 images_skipped);
	return code;
}

static void plan_job(struct server *server, struct job_row *row)
{
	struct brot_error why;
	row->planned = malloc(sizeof *row->planned);
	if (row->planned == NULL)
		abort();
	if (restore_plan(server, &row->job, row->planned, &why) == BROT_OK)
		return;
	free(row->planned);
	row->planned = NULL;
	give_up(server, &row->job, &why);
}

/* What is left of the images is taken over before anything is removed, and what is of no use
 * removed before anything new takes its room. */
static enum brot_err settle_images(struct server *server, struct found *found,
				   struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	for (size_t i = 0; i < found->job_count && code == BROT_OK; i++)
		if (found->jobs[i].planned != NULL)
			code = adopt_images(server, &found->jobs[i], found, err);
	for (size_t i = 0; i < found->job_count && code == BROT_OK; i++)
		if (found->jobs[i].planned != NULL)
			code = adopt_grids(server, &found->jobs[i], found, err);
	for (size_t i = 0; i < found->image_count && code == BROT_OK; i++)
		if (!found->images[i].is_settled)
			remove_row(server, &found->images[i]);
	if (code == BROT_OK)
		images_sweep(false);
	return code;
}

enum brot_err restore_all(struct server *server, uint32_t *ret_restored, struct brot_error *err)
{
	struct found found = {0};
	struct store *store = server->config->store;
	*ret_restored = 0;
	if (store == NULL)
		return BROT_OK;
	server->last_job = store_last_job(store);
	enum brot_err code = read_store(store, &found, err);
	for (size_t i = 0; i < found.job_count && code == BROT_OK; i++)
		plan_job(server, &found.jobs[i]);
	if (code == BROT_OK)
		code = settle_images(server, &found, err);
	if (code == BROT_OK) {
		for (size_t i = 0; i < found.job_count; i++)
			*ret_restored += restore_job(server, &found.jobs[i]);
		/* A job that the store still has as a live one may have more luck next time. */
		if (journal_flush(server->journal))
			saves_sweep(server);
	}
	found_done(&found);
	return code;
}
