/* pool_tile.c - a tile from its rectangle to the pixels that DONE stands for. */
#include "worker/pool_tile.h"

#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "proto/mirror.h"
#include "proto/sys/clock.h"
#include "worker/fault.h"

#define ZSTD_LEVEL 1 /* pixels for other hosts: the network is the slower one only just */

bool packer_init(struct packer *packer)
{
	packer->zstd = ZSTD_createCCtx();
	packer->hash = XXH3_createState();
	return packer->zstd != NULL && packer->hash != NULL;
}

void packer_free(struct packer *packer)
{
	(void)ZSTD_freeCCtx(packer->zstd);
	(void)XXH3_freeState(packer->hash);
}

/* Where the pixels of a tile lie: in the image, or packed in a buffer. */
struct target {
	uint32_t plane_count;
	void *planes[PLANES_MAX];
	size_t strides_bytes[PLANES_MAX];
	size_t row_bytes[PLANES_MAX];
};

static struct target target_of(const struct pool_tile *tile, void *packed)
{
	struct target target = {.plane_count = tile->layout->plane_count};
	uint8_t *at = packed;
	for (uint32_t p = 0; p < target.plane_count; p++) {
		target.row_bytes[p] = (size_t)tile->rect.w * tile->layout->planes[p].pixel_bytes;
		if (packed != NULL) {
			target.planes[p] = at;
			target.strides_bytes[p] = target.row_bytes[p];
			at += target.row_bytes[p] * tile->rect.h;
		} else {
			target.planes[p] = image_pixel(tile->memory, tile->layout, p, tile->rect.x,
						       tile->rect.y - tile->top_px);
			target.strides_bytes[p] = image_stride(tile->layout, p);
		}
	}
	return target;
}

static uint64_t target_digest(XXH3_state_t *hash, const struct target *target, uint32_t rows)
{
	(void)XXH3_64bits_reset(hash);
	for (uint32_t p = 0; p < target->plane_count; p++) {
		const uint8_t *row = target->planes[p];
		for (uint32_t y = 0; y < rows; y++, row += target->strides_bytes[p])
			(void)XXH3_64bits_update(hash, row, target->row_bytes[p]);
	}
	return XXH3_64bits_digest(hash);
}

/* What a thread does inside its guard. */
struct work {
	struct packer *packer;
	const struct render_progress *progress;
	struct pool_result *result;
	struct target target;
};

static void work_run(void *context)
{
	struct work *work = context;
	struct pool_result *result = work->result;
	const struct pool_tile *tile = &result->tile;
	uint64_t iterations = 0;
	enum brot_err code = render_rect(tile->render, &tile->rect, work->target.planes,
					 work->target.strides_bytes, work->progress, &iterations);
	if (code != BROT_OK) {
		(void)error_set(&result->error, code, "tile: was cancelled");
		return;
	}
	result->iterations = iterations;
	result->digest = target_digest(work->packer->hash, &work->target, tile->rect.h);
	if (tile->is_mirrored && tile->memory != NULL)
		mirror_copy(tile->memory, tile->layout, &tile->rect);
}

/* Compresses a result's pixels if that makes them fewer. */
static void result_pack(ZSTD_CCtx *zstd, struct pool_result *result)
{
	/* Without room for the worst case zstd gives up early on what does not get smaller. */
	void *smaller = malloc(result->data_bytes);
	if (smaller == NULL)
		return;
	size_t bytes = ZSTD_compressCCtx(zstd, smaller, result->data_bytes, result->data,
					 result->data_bytes, ZSTD_LEVEL);
	if (ZSTD_isError(bytes) || bytes >= result->data_bytes) {
		free(smaller);
		return;
	}
	free(result->data);
	result->data = smaller;
	result->data_bytes = bytes;
	result->codec = CODEC_ZSTD;
}

static void samples_count(const struct render_progress *progress, struct pool_result *result)
{
	const struct pool_tile *tile = &result->tile;
	const struct escape_poll poll = {progress->keep_going, progress->context};
	(void)counts_run(tile->counts, tile->rect.y, tile->rect.h, &poll, &result->iterations,
			 &result->error);
}

static void rows_send(struct packer *packer, struct pool_result *result)
{
	const struct pool_tile *tile = &result->tile;
	result->data_bytes = tile->rect.h * counts_row_bytes(tile->counts);
	result->data = malloc(result->data_bytes);
	if (result->data == NULL) {
		(void)error_set(&result->error, BROT_E_SYSTEM, "tile: no memory for %zu bytes",
				result->data_bytes);
		return;
	}
	if (counts_rows(tile->counts, tile->rect.y, tile->rect.h, result->data, &result->error) !=
	    BROT_OK)
		return;
	result->digest = XXH3_64bits(result->data, result->data_bytes);
	result_pack(packer->zstd, result);
}

void pool_tile_render(struct packer *packer, const struct render_progress *progress,
		      struct pool_result *result)
{
	const struct pool_tile *tile = &result->tile;
	int64_t start_us = clock_us();
	if (tile->counts != NULL) {
		if (tile->is_rows)
			rows_send(packer, result);
		else
			samples_count(progress, result);
		result->elapsed_us = (uint64_t)(clock_us() - start_us);
		return;
	}
	if (tile->memory == NULL) {
		result->data_bytes = image_rect_bytes(tile->layout, &tile->rect);
		result->data = malloc(result->data_bytes);
		if (result->data == NULL) {
			(void)error_set(&result->error, BROT_E_SYSTEM,
					"tile: no memory for %zu bytes", result->data_bytes);
			return;
		}
	}
	struct work work = {packer, progress, result, target_of(tile, result->data)};
	if (!fault_guard(work_run, &work, tile->memory, (size_t)tile->layout->total_bytes))
		(void)error_set(&result->error, BROT_E_SYSTEM,
				"image: was truncated while it was rendered");
	if (result->error.code == BROT_OK && result->data != NULL)
		result_pack(packer->zstd, result);
	result->elapsed_us = (uint64_t)(clock_us() - start_us);
}
