/*
 * scatter.c - bins of hits, in chunks from a pool.
 *
 * Each block has one chunk that is being filled, and a list of full ones. Where the pool has no
 * chunk left, the fullest blocks are added to the grid; the others go on to grow, so that an
 * addition finds many hits a cache line.
 */
#include "worker/buddha/scatter.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES_MAX 2048u
#define CHUNK_BYTES_MIN 256u
#define CHUNK_NONE      UINT32_MAX

/* An entry is the cell's place in its block, and above that the weight where there are any. */
#define BLOCK_BITS_MAX   16
#define BLOCK_BITS_MIN   10
#define BLOCKS_WISHED    64 /* so that threads seldom meet at one */
#define ENTRY_PLACE_MASK ((1u << BLOCK_BITS_MAX) - 1)

#define POOL_BYTES_MIN (4u << 20)
#define POOL_BYTES_MAX (32u << 20)
#define POOL_SHARE     8 /* of the grid */

struct grid_locks {
	uint32_t count;
	pthread_mutex_t lock[];
};

struct bin {
	uint32_t full;  /* the latest full chunk, CHUNK_NONE: none */
	uint32_t fulls; /* how many */
};

struct scatter {
	struct grid grid;
	struct grid_locks *locks;
	pthread_mutex_t *volatile held;
	bool is_weighted;
	uint32_t block_bits, block_count;
	uint32_t chunk_bytes; /* a power of two */
	uint32_t next_block;  /* where the next round of flushes starts */
	uint32_t full_total;  /* full chunks of all bins */
	uint32_t chunk_count, free_count;
	uint8_t *pool;   /* chunk_count chunks, each at a multiple of its size */
	uint32_t *free;  /* a stack of chunks */
	uint32_t *after; /* of a full chunk: the one that was full before it */
	uint8_t **at;    /* of a block: where its next entry goes */
	struct bin *bins;
};

static uint32_t block_bits_of(const struct grid_layout *layout)
{
	const uint64_t cells = layout->plane_cells * layout->channels;
	uint32_t bits = BLOCK_BITS_MAX;
	while (bits > BLOCK_BITS_MIN && cells >> bits < BLOCKS_WISHED)
		bits--;
	return bits;
}

static uint32_t block_count_of(const struct grid_layout *layout)
{
	const uint64_t cells = layout->plane_cells * layout->channels;
	assert(cells <= SCATTER_CELL_MASK);
	return (uint32_t)((cells - 1) >> block_bits_of(layout)) + 1;
}

struct grid_locks *grid_locks_make(const struct grid_layout *layout)
{
	if (layout->plane_cells * layout->channels > SCATTER_CELL_MASK)
		return NULL;
	const uint32_t count = block_count_of(layout);
	struct grid_locks *locks = calloc(1, sizeof *locks + count * sizeof locks->lock[0]);
	if (locks == NULL)
		return NULL;
	locks->count = count;
	for (uint32_t i = 0; i < count; i++)
		pthread_mutex_init(&locks->lock[i], NULL);
	return locks;
}

void grid_locks_free(struct grid_locks *locks)
{
	if (locks == NULL)
		return;
	for (uint32_t i = 0; i < locks->count; i++)
		pthread_mutex_destroy(&locks->lock[i]);
	free(locks);
}

/* How the memory of a thread is cut: two chunks a block, of half of the pool if they can be small
 * enough, and as many more as there is room for. */
static void pool_cut(const struct grid_layout *layout, uint32_t *ret_chunk_bytes,
		     uint32_t *ret_chunks)
{
	const uint32_t least = 2 * block_count_of(layout);
	uint64_t bytes = layout->plane_cells * layout->channels * sizeof(uint32_t) / POOL_SHARE;
	uint32_t chunk_bytes = CHUNK_BYTES_MAX;
	bytes = bytes < POOL_BYTES_MIN ? POOL_BYTES_MIN : bytes;
	bytes = bytes > POOL_BYTES_MAX ? POOL_BYTES_MAX : bytes;
	while (chunk_bytes > CHUNK_BYTES_MIN && (uint64_t)least * chunk_bytes > bytes / 2)
		chunk_bytes /= 2;
	const uint32_t wished = (uint32_t)(bytes / chunk_bytes);
	*ret_chunk_bytes = chunk_bytes;
	*ret_chunks = wished > least ? wished : least;
}

uint64_t scatter_bytes(const struct grid_layout *layout)
{
	uint32_t chunk_bytes, chunks;
	pool_cut(layout, &chunk_bytes, &chunks);
	return sizeof(struct scatter) +
	       (uint64_t)chunks * (chunk_bytes + sizeof(uint32_t) + sizeof(uint32_t)) +
	       (uint64_t)block_count_of(layout) * (sizeof(uint8_t *) + sizeof(struct bin));
}

/* All chunks are free but one a block. */
static void bins_empty(struct scatter *s)
{
	s->full_total = s->free_count = 0;
	for (uint32_t block = 0; block < s->block_count; block++) {
		s->at[block] = s->pool + (size_t)block * s->chunk_bytes;
		s->bins[block] = (struct bin){CHUNK_NONE, 0};
	}
	for (uint32_t chunk = s->chunk_count; chunk-- > s->block_count;)
		s->free[s->free_count++] = chunk;
}

struct scatter *scatter_make(const struct grid *grid, struct grid_locks *locks, bool is_weighted)
{
	const struct grid_layout *layout = &grid->layout;
	struct scatter *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->grid = *grid;
	s->locks = locks;
	s->is_weighted = is_weighted;
	s->block_bits = block_bits_of(layout);
	s->block_count = block_count_of(layout);
	assert(locks->count == s->block_count);
	pool_cut(layout, &s->chunk_bytes, &s->chunk_count);
	s->pool = aligned_alloc(s->chunk_bytes, (size_t)s->chunk_count * s->chunk_bytes);
	s->free = calloc(s->chunk_count, sizeof *s->free);
	s->after = calloc(s->chunk_count, sizeof *s->after);
	s->at = calloc(s->block_count, sizeof *s->at);
	s->bins = calloc(s->block_count, sizeof *s->bins);
	if (s->pool == NULL || s->free == NULL || s->after == NULL || s->at == NULL ||
	    s->bins == NULL) {
		scatter_free(s);
		return NULL;
	}
	bins_empty(s);
	return s;
}

void scatter_free(struct scatter *scatter)
{
	if (scatter == NULL)
		return;
	free(scatter->pool);
	free(scatter->free);
	free(scatter->after);
	free(scatter->at);
	free(scatter->bins);
	free(scatter);
}

/* Adds entries to a block's cells; first: the block's first cell. */
static void cells_add_ones(const struct scatter *s, uint64_t first, const uint16_t *entries,
			   uint32_t count)
{
	uint32_t *cells = s->grid.cells + first;
	const uint32_t wrap = (uint32_t)s->grid.layout.wrap;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t sum = cells[entries[i]] + 1;
		cells[entries[i]] = sum;
		if (sum == wrap) {
			cells[entries[i]] = 0;
			grid_carry(&s->grid, first + entries[i], 1);
		}
	}
}

static void cells_add_weights(const struct scatter *s, uint64_t first, const uint64_t *entries,
			      uint32_t count)
{
	uint32_t *cells = s->grid.cells + first;
	const uint64_t wrap = s->grid.layout.wrap;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t place = entries[i] & ENTRY_PLACE_MASK;
		const uint64_t sum = cells[place] + (entries[i] >> BLOCK_BITS_MAX);
		if (sum < wrap) {
			cells[place] = (uint32_t)sum;
			continue;
		}
		cells[place] = (uint32_t)(sum % wrap);
		grid_carry(&s->grid, first + place, sum / wrap);
	}
}

/* The same in a wide grid. */
static void wide_add_ones(const struct scatter *s, uint64_t first, const uint16_t *entries,
			  uint32_t count)
{
	uint64_t *cells = s->grid.wide + first;
	for (uint32_t i = 0; i < count; i++)
		if (++cells[entries[i]] == 0)
			grid_lose(&s->grid);
}

static void wide_add_weights(const struct scatter *s, uint64_t first, const uint64_t *entries,
			     uint32_t count)
{
	uint64_t *cells = s->grid.wide + first;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t *cell = &cells[entries[i] & ENTRY_PLACE_MASK];
		if (__builtin_add_overflow(*cell, entries[i] >> BLOCK_BITS_MAX, cell))
			grid_lose(&s->grid);
	}
}

static void chunk_add(const struct scatter *s, uint32_t block, const uint8_t *chunk, uint32_t bytes)
{
	const uint64_t first = (uint64_t)block << s->block_bits;
	const bool is_wide = s->grid.wide != NULL;
	const uint64_t *weights = (const uint64_t *)(const void *)chunk;
	const uint16_t *ones = (const uint16_t *)(const void *)chunk;
	if (s->is_weighted)
		(is_wide ? wide_add_weights : cells_add_weights)(s, first, weights,
								 bytes / (uint32_t)sizeof *weights);
	else
		(is_wide ? wide_add_ones : cells_add_ones)(s, first, ones,
							   bytes / (uint32_t)sizeof *ones);
}

static uint8_t *chunk_address(const struct scatter *s, uint32_t chunk)
{
	return s->pool + (size_t)chunk * s->chunk_bytes;
}

/* Adds a block's full chunks, and with is_all the one that is being filled. The lock is held. */
static void block_add(struct scatter *s, uint32_t block, bool is_all)
{
	struct bin *bin = &s->bins[block];
	for (uint32_t chunk = bin->full; chunk != CHUNK_NONE; chunk = s->after[chunk]) {
		chunk_add(s, block, chunk_address(s, chunk), s->chunk_bytes);
		s->free[s->free_count++] = chunk;
	}
	s->full_total -= bin->fulls;
	*bin = (struct bin){CHUNK_NONE, 0};
	if (!is_all)
		return;
	const uint32_t filled = (uint32_t)((uintptr_t)s->at[block] & (s->chunk_bytes - 1));
	chunk_add(s, block, s->at[block] - filled, filled);
	s->at[block] -= filled;
}

/* Adds each block that has at least `least` full chunks, or with is_all each that has hits: first
 * those whose lock is free. */
static void blocks_flush(struct scatter *s, uint32_t least, bool is_all)
{
	for (int is_patient = 0; is_patient < 2; is_patient++)
		for (uint32_t i = 0; i < s->block_count; i++) {
			const uint32_t block = (s->next_block + i) % s->block_count;
			const bool has_some = ((uintptr_t)s->at[block] & (s->chunk_bytes - 1)) != 0;
			pthread_mutex_t *lock = &s->locks->lock[block];
			if (s->bins[block].fulls < least && !(is_all && has_some))
				continue;
			if (is_patient)
				pthread_mutex_lock(lock);
			else if (pthread_mutex_trylock(lock) != 0)
				continue;
			s->held = lock;
			block_add(s, block, is_all);
			s->held = NULL;
			pthread_mutex_unlock(lock);
		}
	/* Elsewhere next time: others go the same way. */
	s->next_block = (s->next_block + s->block_count / 3 + 1) % s->block_count;
}

/* Gives a block whose chunk is full another one. */
__attribute__((noinline)) static void chunk_next(struct scatter *s, uint32_t block)
{
	struct bin *bin = &s->bins[block];
	const uint32_t chunk = (uint32_t)((size_t)(s->at[block] - s->pool) / s->chunk_bytes) - 1;
	s->after[chunk] = bin->full;
	bin->full = chunk;
	bin->fulls++;
	s->full_total++;
	if (s->free_count == 0) {
		const uint32_t mean = s->full_total / s->block_count;
		blocks_flush(s, mean > 1 ? mean : 1, false);
	}
	s->at[block] = chunk_address(s, s->free[--s->free_count]);
}

static inline void hit_put(struct scatter *s, uint64_t cell, uint64_t weight)
{
	const uint32_t block = (uint32_t)(cell >> s->block_bits);
	const uint64_t place = cell & ((1ull << s->block_bits) - 1);
	uint8_t *at = s->at[block];
	*(uint64_t *)(void *)at = weight << BLOCK_BITS_MAX | place;
	at += sizeof(uint64_t);
	s->at[block] = at;
	if (((uintptr_t)at & (s->chunk_bytes - 1)) == 0)
		chunk_next(s, block);
}

void scatter_add(struct scatter *scatter, const uint64_t *hits, uint32_t count, uint32_t channel)
{
	struct scatter *s = scatter;
	const uint64_t base = channel * s->grid.layout.plane_cells;
	if (s->is_weighted) {
		for (uint32_t i = 0; i < count; i++)
			hit_put(s, base + (hits[i] & SCATTER_CELL_MASK),
				1ull << (hits[i] >> SCATTER_CELL_BITS & SCATTER_WEIGHT_MASK));
		return;
	}
	const uint32_t bits = s->block_bits, mask = (1u << bits) - 1;
	uint8_t **const cursors = s->at;
	const uintptr_t full = s->chunk_bytes - 1;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t cell = base + (hits[i] & SCATTER_CELL_MASK);
		const uint32_t block = (uint32_t)(cell >> bits);
		uint8_t *at = cursors[block];
		*(uint16_t *)(void *)at = (uint16_t)(cell & mask);
		at += sizeof(uint16_t);
		cursors[block] = at;
		if (((uintptr_t)at & full) == 0)
			chunk_next(s, block);
	}
}

void scatter_add_one(struct scatter *scatter, uint64_t cell, uint32_t channel, uint64_t weight)
{
	const uint64_t bits = 0x4330000000000000u | cell;
	assert(weight >= 1 && weight <= SCATTER_WEIGHT_MAX);
	if (scatter->is_weighted)
		hit_put(scatter, channel * scatter->grid.layout.plane_cells + cell, weight);
	else
		for (uint64_t i = 0; i < weight; i++)
			scatter_add(scatter, &bits, 1, channel);
}

void scatter_flush(struct scatter *scatter)
{
	blocks_flush(scatter, 1, true);
}

void scatter_abandon(struct scatter *scatter)
{
	pthread_mutex_t *held = scatter->held;
	scatter->held = NULL;
	if (held != NULL)
		pthread_mutex_unlock(held);
	bins_empty(scatter);
}
