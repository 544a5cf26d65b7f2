/* saves.c - which image is copied to a checkpoint, and when. */
#include <stdlib.h>
#include <string.h>

#include "broker/checkpoint.h"
#include "broker/server_internal.h"
#include "proto/sys/log.h"

#define FINISH_MS 10000 /* that our end waits for the last checkpoints */

static struct checkpoint_image describe(const struct catalog_job *job, const struct image *image)
{
	struct checkpoint_image save = {
		.work = image->work,
		.layout = image->layout,
		.request_digest = job->request_digest,
	};
	memcpy(save.name, image->shm.name, sizeof save.name);
	memcpy(save.nonce, image->nonce, sizeof save.nonce);
	return save;
}

static void save(struct image *image, void *context)
{
	struct server *server = context;
	const struct catalog_job *job = catalog_find(server->catalog, work_job(image->work));
	if (job == NULL || image->marks == image->saved_marks)
		return;
	struct checkpoint_image copy = describe(job, image);
	if (checkpoint_save(server->config->checkpoint, &copy))
		image->saved_marks = image->marks;
}

void saves_begin(struct server *server, uint64_t work)
{
	struct image *image = images_find(server->images, work);
	if (server->config->checkpoint != NULL && image != NULL)
		save(image, server);
}

static void forget_saved(struct image *image, void *context)
{
	(void)context;
	image->saved_marks = 0;
}

/* Which of the copies failed is not known: one of an image that has not changed costs little. */
static void ask_again(struct server *server)
{
	uint64_t failures = checkpoint_failures(server->config->checkpoint);
	if (failures != server->save_failures)
		images_each(server->images, forget_saved, NULL);
	server->save_failures = failures;
}

void saves_tick(struct server *server)
{
	if (server->config->checkpoint == NULL || server->now_ms < server->save_ms)
		return;
	ask_again(server);
	images_each(server->images, save, server);
	server->save_ms = server->now_ms + server->config->checkpoint_every_ms;
}

void saves_drop(struct server *server, uint64_t work)
{
	if (server->config->checkpoint != NULL)
		checkpoint_remove(server->config->checkpoint, work);
}

void saves_drop_job(struct server *server, const struct job_report *report)
{
	/* Those of its open bands, which may have no image now. */
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS && report->bands_released + i < report->bands;
	     i++)
		saves_drop(server, work_id(report->job, report->bands_released + i));
}

void saves_finish(struct server *server)
{
	struct checkpoint *checkpoint = server->config->checkpoint;
	if (checkpoint == NULL)
		return;
	ask_again(server);
	images_each(server->images, save, server);
	if (!checkpoint_wait(checkpoint, FINISH_MS))
		log_line(LOG_LEVEL_WARNING, "the last checkpoints took too long");
}

bool saves_load(struct server *server, const struct catalog_job *job, struct image *image)
{
	struct checkpoint_image copy = describe(job, image);
	struct brot_error err;
	uint32_t segments, discarded;
	if (server->config->checkpoint == NULL)
		return false;
	enum brot_err code = checkpoint_load(server->config->checkpoint, &copy, image->shm.memory,
					     &segments, &discarded, &err);
	if (code == BROT_OK)
		log_line(LOG_LEVEL_NOTICE,
			 "checkpoint loaded job=%llu band=%u segments=%u discarded=%u of=%u",
			 (unsigned long long)job->job, work_band(image->work), segments, discarded,
			 segment_count(&image->layout.grid));
	else if (code != BROT_E_NOT_FOUND)
		log_line(LOG_LEVEL_WARNING, "checkpoint not used job=%llu reason=\"%s\"",
			 (unsigned long long)job->job, err.text);
	image_mirror(image);
	return segments > 0;
}

/* Also where it has no image now: it will get one. */
static bool is_live(uint64_t work, void *context)
{
	const struct server *server = context;
	struct job_report report;
	return sched_job_report(server->sched, work_job(work), server->now_ms, &report) &&
	       work_band(work) >= report.bands_released && work_band(work) < report.bands;
}

void saves_sweep(struct server *server)
{
	if (server->config->checkpoint == NULL)
		return;
	unsigned removed = checkpoint_sweep(server->config->checkpoint, is_live, server);
	if (removed > 0)
		log_line(LOG_LEVEL_NOTICE, "removed checkpoints of jobs that are gone count=%u",
			 removed);
}
