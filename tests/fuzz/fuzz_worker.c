/*
 * fuzz_worker.c - a worker but for its socket, threads, clock and memory: what a broker says, in
 * any order, at any time.
 *
 * A record's op is enum dealer_op's. A silent one ends a tile: how says which and how it went.
 */
#include <unistd.h>

#include "proto/sys/clock.h"
#include "tests/fuzz/fakes.h"
#include "tests/fuzz/fuzz.h"
#include "worker/link.h"
#include "worker/pool.h"

#define THREADS   3
#define TILES_MAX (LIMIT_CREDIT + 1)

enum tile_end { TILE_IS_LATE = 64, TILE_FAILS = 128 };

/* A tile that no thread has begun ends at once when it is cancelled, as in the real pool. */
static struct {
	size_t queued, ended;
	struct {
		struct pool_tile tile;
		bool is_running, is_cancelled;
	} queue[TILES_MAX];
	struct pool_result results[2 * TILES_MAX];
} world;

/* ---- pool.h ---- */

struct pool {
	int unused;
};

enum brot_err pool_new(uint32_t threads, struct pool **ret_pool, struct brot_error *err)
{
	(void)threads;
	(void)err;
	*ret_pool = calloc(1, sizeof **ret_pool);
	return BROT_OK;
}

void pool_free(struct pool *pool)
{
	free(pool);
}

int pool_fd(const struct pool *pool)
{
	(void)pool;
	return -1;
}

/* The first and the last byte of each plane's rectangle. */
static void touch(const struct pool_tile *tile)
{
	const struct rect *rect = &tile->rect;
	for (uint32_t p = 0; p < tile->layout->plane_count; p++) {
		uint32_t top = rect->y - tile->top_px;
		uint8_t *first = image_pixel(tile->memory, tile->layout, p, rect->x, top);
		uint8_t *last = image_pixel(tile->memory, tile->layout, p, rect->x + rect->w - 1,
					    top + rect->h - 1);
		first[0]++;
		last[tile->layout->planes[p].pixel_bytes - 1]++;
	}
}

static size_t running(void)
{
	size_t count = 0;
	for (size_t i = 0; i < world.queued; i++)
		count += world.queue[i].is_running;
	return count;
}

bool pool_submit(struct pool *pool, const struct pool_tile *tile)
{
	(void)pool;
	const struct segment_grid *grid = &tile->layout->grid;
	const struct rect *rect = &tile->rect;
	size_t wanted = 1;
	for (size_t i = 0; i < world.queued; i++)
		wanted += !world.queue[i].is_cancelled;
	FUZZ_CHECK(wanted <= THREADS + 1, "%zu tiles at once", wanted);
	FUZZ_CHECK(rect->w > 0 && rect->h > 0 && rect->y >= tile->top_px, "an empty tile");
	FUZZ_CHECK(rect->x <= grid->width_px && rect->w <= grid->width_px - rect->x, "columns");
	FUZZ_CHECK(rect->y - tile->top_px <= grid->height_px &&
			   rect->h <= grid->height_px - (rect->y - tile->top_px),
		   "rows %u+%u from %u of %u", rect->y, rect->h, tile->top_px, grid->height_px);
	if (tile->memory != NULL)
		touch(tile);
	else
		FUZZ_CHECK(image_rect_bytes(tile->layout, rect) <= LIMIT_DATA_BYTES, "%ux%u",
			   rect->w, rect->h);
	bool is_running = running() < THREADS;
	world.queue[world.queued].tile = *tile;
	world.queue[world.queued].is_running = is_running;
	world.queue[world.queued++].is_cancelled = false;
	return true;
}

static void end_tile(size_t index, uint8_t how)
{
	FUZZ_CHECK(world.ended < sizeof world.results / sizeof world.results[0],
		   "results that nobody takes");
	struct pool_result *result = &world.results[world.ended++];
	*result = (struct pool_result){.tile = world.queue[index].tile, .iterations = how};
	if (world.queue[index].is_cancelled && (how & TILE_IS_LATE) == 0) {
		error_set(&result->error, BROT_E_CANCELLED, "cancelled");
	} else if ((how & TILE_FAILS) != 0) {
		error_set(&result->error, BROT_E_SYSTEM, "a reason of \"%0*d\"", how, 7);
	} else if (result->tile.memory == NULL) {
		result->data = calloc(1, 64);
		result->data_bytes = 64;
	}
	world.queued--;
	memmove(world.queue + index, world.queue + index + 1,
		(world.queued - index) * sizeof world.queue[0]);
	for (size_t i = 0; i < world.queued && running() < THREADS; i++)
		world.queue[i].is_running = true;
}

static void cancel_one(size_t index, bool and_running)
{
	if (world.queue[index].is_running && !and_running)
		return;
	world.queue[index].is_cancelled = true;
	if (!world.queue[index].is_running)
		end_tile(index, 0);
}

void pool_cancel(struct pool *pool, uint64_t handle)
{
	(void)pool;
	for (size_t i = world.queued; i > 0; i--)
		if (handle == 0 || world.queue[i - 1].tile.handle == handle)
			cancel_one(i - 1, true);
}

void pool_cancel_all(struct pool *pool)
{
	pool_cancel(pool, 0);
}

void pool_cancel_tile(struct pool *pool, uint64_t handle, uint32_t phase, uint32_t tile,
		      uint32_t attempt)
{
	(void)pool;
	for (size_t i = world.queued; i > 0; i--) {
		const struct pool_tile *at = &world.queue[i - 1].tile;
		if (at->handle == handle && at->phase == phase && at->tile == tile &&
		    at->attempt == attempt)
			cancel_one(i - 1, true);
	}
}

void pool_drop_queued(struct pool *pool)
{
	(void)pool;
	for (size_t i = world.queued; i > 0; i--)
		cancel_one(i - 1, false);
}

bool pool_take(struct pool *pool, struct pool_result *ret_result)
{
	(void)pool;
	if (world.ended == 0)
		return false;
	*ret_result = world.results[0];
	memmove(world.results, world.results + 1, --world.ended * sizeof world.results[0]);
	return true;
}

void pool_result_done(struct pool_result *result)
{
	free(result->data);
	result->data = NULL;
}

struct pool_progress pool_progress(struct pool *pool, int64_t now_ms, int64_t stuck_ms)
{
	(void)pool;
	(void)stuck_ms;
	/* With its socket closed the worker would leave threads that work behind, by _exit(). */
	uint32_t working = dealer_is_open() ? (uint32_t)running() : 0;
	/* Threads that render are stuck now and then, whatever is said. */
	return (struct pool_progress){
		.running = working,
		.stuck = now_ms / 40000 % 2 == 1 ? working : 0,
	};
}

/* ---- what else a worker has ---- */

bool fault_init(void);
bool fault_guard(void (*fn)(void *context), void *context, const void *memory, size_t bytes);

bool fault_init(void)
{
	return true;
}

bool fault_guard(void (*fn)(void *context), void *context, const void *memory, size_t bytes)
{
	(void)memory;
	(void)bytes;
	fn(context);
	return true;
}

enum brot_err render_job_make(const struct request *request, const struct kernel *kernel,
			      struct render_job *ret_job, struct brot_error *err)
{
	(void)kernel;
	return point_frame_make(request, &ret_job->frame, err);
}

static void on_silent(const struct record *record)
{
	if (world.queued > 0)
		end_tile(record->how % 64 % world.queued, record->how);
}

/* SIGTERM, and again. */
static void on_end(void)
{
	while (world.queued > 0)
		end_tile(0, 0);
	fakes_signal(15);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kernel kernel = {.name = "fuzz", .needs = ""};
	const struct choice choice = {
		.kernel = &kernel, .count = 1, .offers = {{.kernel = &kernel}}};
	struct records records = {data, size};
	const struct link_config config = {
		.broker = "ipc:///nowhere",
		.name = "fuzz",
		.choice = &choice,
		.threads = THREADS,
		.use_shm = size > 0 && (data[0] & 1) == 0,
		.signal_fd = -1,
		.session_fd = -1,
	};
	int status = -1;
	struct brot_error err;
	if (size == 0)
		return 0;
	records = (struct records){data + 1, size - 1};
	memset(&world, 0, sizeof world);
	fakes_begin();
	const struct dealer dealer = {&records, FROM_WORKER, on_silent, on_end};
	dealer_begin(&dealer);
	FUZZ_CHECK(link_run(&config, &status, &err) == BROT_OK, "%s", err.text);
	FUZZ_CHECK(status >= 0 && status < 128, "status %d", status);
	for (size_t i = 0; i < world.ended; i++)
		pool_result_done(&world.results[i]);
	FUZZ_CHECK(fakes_shm_mapped() == 0, "%u images are mapped", fakes_shm_mapped());
	dealer_end();
	return 0;
}
