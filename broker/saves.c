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

void saves_tick(struct server *server)
{
	if (server->config->checkpoint == NULL || server->now_ms < server->save_ms)
		return;
	images_each(server->images, save, server);
	server->save_ms = server->now_ms + server->config->checkpoint_every_ms;
}

void saves_drop(struct server *server, uint64_t work)
{
	if (server->config->checkpoint != NULL)
		checkpoint_remove(server->config->checkpoint, work);
}

void saves_finish(struct server *server)
{
	struct checkpoint *checkpoint = server->config->checkpoint;
	if (checkpoint == NULL)
		return;
	images_each(server->images, save, server);
	if (!checkpoint_wait(checkpoint, FINISH_MS))
		log_line(LOG_LEVEL_WARNING, "the last checkpoints took too long");
}

void saves_load(struct server *server, const struct catalog_job *job, struct image *image)
{
	struct checkpoint_image copy = describe(job, image);
	struct brot_error err;
	uint32_t segments;
	enum brot_err code = checkpoint_load(server->config->checkpoint, &copy, image->shm.memory,
					     &segments, &err);
	if (code == BROT_OK)
		log_line(LOG_LEVEL_NOTICE, "checkpoint loaded job=%llu band=%u segments=%u of=%u",
			 (unsigned long long)job->job, work_band(image->work), segments,
			 segment_count(&image->layout.grid));
	else if (code != BROT_E_NOT_FOUND)
		log_line(LOG_LEVEL_WARNING, "checkpoint not used job=%llu reason=\"%s\"",
			 (unsigned long long)job->job, err.text);
}

struct works {
	uint64_t list[LIMIT_JOBS * LIMIT_OPEN_BANDS];
	size_t count;
};

static void add_work(struct image *image, void *context)
{
	struct works *works = context;
	if (works->count < sizeof works->list / sizeof works->list[0])
		works->list[works->count++] = image->work;
}

void saves_sweep(struct server *server)
{
	struct works works = {.count = 0};
	if (server->config->checkpoint == NULL)
		return;
	images_each(server->images, add_work, &works);
	unsigned removed = checkpoint_sweep(server->config->checkpoint, works.list, works.count);
	if (removed > 0)
		log_line(LOG_LEVEL_NOTICE, "removed checkpoints of jobs that are gone count=%u",
			 removed);
}
