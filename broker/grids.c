/* grids.c - rows in, commits, sums. */
#include "broker/grids.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/sum.h"
#include "proto/work.h"

enum brot_err grids_unpack(struct image *image, const struct rect *rect, uint32_t codec,
			   struct bytes data, uint64_t digest, struct brot_error *err)
{
	const struct grid_layout *layout = &image->grid.layout;
	size_t bytes = (size_t)rect->w * rect->h * layout->channels * sizeof(uint64_t);
	void *counts;
	assert(rect->x == 0 && rect->w == layout->width_px);
	enum brot_err code = image_unpack_bytes(bytes, codec, data, digest, &counts, err);
	if (code != BROT_OK)
		return code;
	if (!grid_rows_set(&image->grid, rect->y, rect->h, counts))
		code = error_set(err, BROT_E_PROTOCOL,
				 "DONE: more counts are large than a grid has room for");
	free(counts);
	return code;
}

enum brot_err grids_commit(struct image *image, const uint8_t *bits, size_t bytes,
			   struct brot_error *err)
{
	const struct grid *grid = &image->grid;
	assert(bytes == (grid->layout.segments + 7) / 8);
	(void)bytes;
	if (!grid_is_exact(grid))
		return error_set(err, BROT_E_PROTOCOL,
				 "grid: more counts are large than it has room for");
	for (uint32_t i = 0; i < grid->layout.segments; i++)
		if ((bits[i / 8] >> i % 8 & 1) != 0)
			grid_bits_set(grid, i, 1);
	grid_commit(grid);
	return BROT_OK;
}

enum brot_err grids_sum(struct images *images, const struct sched_action *action,
			struct brot_error *err)
{
	struct image *to = images_find(images, action->work);
	const struct grid *sources[LIMIT_GRIDS];
	const struct rect *rect = &action->rect;
	bool is_there = to != NULL && action->count > 0;
	for (uint32_t i = 0; i < action->count && is_there; i++) {
		const struct image *source = images_find(images, action->sources[i]);
		is_there = source != NULL && image_is_grid(source);
		sources[i] = is_there ? &source->grid : NULL;
	}
	if (!is_there)
		return error_set(err, BROT_E_NOT_FOUND, "grid: is not there any more");
	if (image_is_grid(to)) {
		/* One that is made again holds the same. */
		const struct image *image = images_find(images, work_id(work_job(action->work), 0));
		uint64_t most = image != NULL ? sum_most(&image->layout) : UINT64_MAX;
		return sum_into_grid(sources, action->count, rect->y, rect->h, most, &to->grid,
				     err);
	}
	enum brot_err code = sum_into_image(sources, action->count, rect->y, rect->h, &to->layout,
					    to->shm.memory, err);
	if (code == BROT_OK)
		image_mark(to, rect);
	return code;
}

struct list {
	uint64_t job;
	uint32_t count;
	const struct image *items[LIMIT_GRIDS];
	uint64_t extra[LIMIT_GRIDS]; /* works of what is one too many */
	uint32_t extra_count;
};

static void add_grid(struct image *image, void *context)
{
	struct list *list = context;
	if (!image_is_grid(image) || work_job(image->work) != list->job)
		return;
	if (list->count < LIMIT_GRIDS)
		list->items[list->count++] = image;
	else if (list->extra_count < LIMIT_GRIDS)
		list->extra[list->extra_count++] = image->work;
}

void grids_list(struct images *images, uint64_t job, struct sched_restore *ret_restore)
{
	struct list list = {.job = job};
	images_each(images, add_grid, &list);
	ret_restore->grid_count = list.count;
	for (uint32_t i = 0; i < list.count; i++) {
		ret_restore->grids[i].number = work_grid(list.items[i]->work);
		ret_restore->grids[i].bits = list.items[i]->grid.bits;
	}
}

static void drop(struct images *images, uint64_t work, void (*forget)(uint64_t work, void *context),
		 void *context)
{
	images_drop(images, work);
	forget(work, context);
}

void grids_settle(struct images *images, uint64_t job, void (*forget)(uint64_t work, void *context),
		  void *context)
{
	struct list list = {.job = job};
	const uint8_t *bits[LIMIT_GRIDS] = {NULL};
	bool keep[LIMIT_GRIDS];
	images_each(images, add_grid, &list);
	if (list.count == 0)
		return;
	for (uint32_t i = 0; i < list.count; i++)
		bits[i] = list.items[i]->grid.bits;
	sum_choose(bits, list.count, (list.items[0]->grid.layout.segments + 7) / 8, keep);
	for (uint32_t i = 0; i < list.count; i++)
		if (!keep[i])
			drop(images, list.items[i]->work, forget, context);
	for (uint32_t i = 0; i < list.extra_count; i++)
		drop(images, list.extra[i], forget, context);
}
