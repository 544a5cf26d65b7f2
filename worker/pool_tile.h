/*
 * pool_tile.h - renders a tile of a pool: into its image or a buffer, with digest and compression.
 *
 * Thread rule: each thread has a packer of its own. fault_init() comes first.
 */
#ifndef WORKER_POOL_TILE_H
#define WORKER_POOL_TILE_H

#include <stdbool.h>

#include "worker/pool.h"
#include "worker/render.h"

/* What a thread keeps from tile to tile. */
struct packer {
	struct ZSTD_CCtx_s *zstd;
	struct XXH3_state_s *hash;
};

/* False if memory is short; packer_free() is due all the same. */
bool packer_init(struct packer *packer);
void packer_free(struct packer *packer);

/* Renders result->tile and fills in the rest of *result. progress says whether to go on. */
void pool_tile_render(struct packer *packer, const struct render_progress *progress,
		      struct pool_result *result);

#endif
