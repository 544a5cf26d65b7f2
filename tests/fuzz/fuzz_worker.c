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

/* ---- counts.h: without samples, and without memory of its own ---- */

struct samples {
	unsigned users;
	uint32_t width_px, height_px, channels, segments;
};

struct counts {
	struct samples *samples;
	struct grid_layout layout;
	void *memory;
};

enum brot_err samples_make(const struct request *request, const struct kernel *kernel,
			   struct samples **ret_samples, struct brot_error *err)
{
	const struct buddha *buddha = &request->buddha;
	(void)kernel;
	if (buddha->points == 0 || buddha->channels == 0)
		return error_set(err, BROT_E_REQUEST, "points: none");
	struct samples *samples = calloc(1, sizeof *samples);
	*samples = (struct samples){1, request->width_px, request->height_px, buddha->channels,
				    buddha_segments(buddha->points, request->iterations).count};
	*ret_samples = samples;
	return BROT_OK;
}

struct samples *samples_take(struct samples *samples)
{
	samples->users++;
	return samples;
}

void samples_leave(struct samples *samples)
{
	if (samples != NULL && --samples->users == 0)
		free(samples);
}

bool samples_are_of(const struct samples *samples, const struct request *request)
{
	return samples->width_px == request->width_px && samples->height_px == request->height_px &&
	       samples->channels == request->buddha.channels &&
	       samples->segments ==
		       buddha_segments(request->buddha.points, request->iterations).count;
}

uint64_t samples_wrap(const struct samples *samples)
{
	return samples->segments % 2 == 0 ? GRID_WIDE : GRID_WRAP;
}

bool samples_layout(const struct samples *samples, uint64_t wrap, struct grid_layout *ret_layout)
{
	return grid_layout_make(samples->width_px, samples->height_px, samples->channels, false,
				samples->segments, wrap, ret_layout);
}

struct counts *counts_new(struct samples *samples, const struct grid_layout *layout, void *memory)
{
	struct counts *counts = calloc(1, sizeof *counts);
	*counts = (struct counts){samples_take(samples), *layout, memory};
	return counts;
}

void counts_free(struct counts *counts)
{
	if (counts != NULL)
		samples_leave(counts->samples);
	free(counts);
}

const struct grid_layout *counts_layout(const struct counts *counts)
{
	return &counts->layout;
}

/* Its first cell and its last bit. */
static void check_counts(const struct pool_tile *tile)
{
	const struct grid_layout *layout = &tile->counts->layout;
	const struct rect *rect = &tile->rect;
	uint32_t width = tile->is_rows ? layout->width_px : 1;
	uint32_t height = tile->is_rows ? layout->rows : layout->segments;
	FUZZ_CHECK(rect->x == 0 && rect->w == width && rect->h > 0 && rect->y <= height &&
			   rect->h <= height - rect->y,
		   "%ux%u at (%u, %u) of a grid", rect->w, rect->h, rect->x, rect->y);
	FUZZ_CHECK(!tile->is_rows ||
			   (uint64_t)width * rect->h * layout->channels * 8 <= LIMIT_DATA_BYTES,
		   "%u rows to be sent", rect->h);
	if (tile->counts->memory == NULL)
		return;
	const struct grid grid = grid_view(tile->counts->memory, layout);
	const uint64_t last = layout->plane_cells * layout->channels - 1;
	if (grid.wide != NULL)
		grid.wide[last]++;
	else
		grid.cells[last]++;
	grid.bits[0] ^= 1;
}

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

static void queue_tile(const struct pool_tile *tile)
{
	bool is_running = running() < THREADS;
	world.queue[world.queued].tile = *tile;
	world.queue[world.queued].is_running = is_running;
	world.queue[world.queued++].is_cancelled = false;
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
	if (tile->counts != NULL) {
		check_counts(tile);
		queue_tile(tile);
		return true;
	}
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
	queue_tile(tile);
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
	} else if (result->tile.memory == NULL &&
		   (result->tile.counts == NULL || result->tile.is_rows)) {
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
