/* test_pool.c - compute threads with real tiles: results, digests, cancelling, truncated images. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include <cmocka.h>

#include "proto/mirror.h"
#include "proto/sys/clock.h"
#include "proto/sys/shm.h"
#include "worker/fault.h"
#include "worker/pool.h"

#define DEADLINE_MS 30000
#define WIDTH       256
#define HEIGHT      128

struct fixture {
	struct request request;
	struct render_job render;
	struct image_layout layout;
	struct pool *pool;
};

/* The widest kernel of this CPU. */
static const struct kernel *kernel_of_cpu(void)
{
	size_t i = 0;
	while (!kernel_at(i)->supported())
		i++;
	return kernel_at(i);
}

static void compile(struct fixture *f, enum format_id format, uint32_t width, uint32_t height,
		    uint32_t iterations)
{
	struct brot_error err = {0};
	request_init(&f->request);
	f->request.width_px = width;
	f->request.height_px = height;
	f->request.iterations = iterations;
	f->request.format = format;
	if (render_job_make(&f->request, kernel_of_cpu(), &f->render, &err) != BROT_OK)
		fail_msg("%s", err.text);
	struct segment_grid grid = {width, height, width, 1};
	assert_true(image_layout_make(&grid, format, &f->layout));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	compile(f, FORMAT_SMOOTH, WIDTH, HEIGHT, 500);
	return pool_new(2, &f->pool, NULL) == BROT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	pool_free(f->pool);
	free(f);
	return 0;
}

static void submit(struct fixture *f, uint64_t handle, uint32_t tile, struct rect rect,
		   void *memory)
{
	struct pool_tile task = {
		.handle = handle,
		.job = 7,
		.tile = tile,
		.attempt = 1,
		.rect = rect,
		.render = &f->render,
		.layout = &f->layout,
		.memory = memory,
	};
	assert_true(pool_submit(f->pool, &task));
}

static struct pool_result take(struct fixture *f)
{
	struct pool_result result;
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	while (!pool_take(f->pool, &result)) {
		struct pollfd item = {.fd = pool_fd(f->pool), .events = POLLIN};
		if (clock_ms() > end_ms)
			fail_msg("no result came");
		(void)poll(&item, 1, DEADLINE_MS);
	}
	return result;
}

/* The packed tile of a rectangle, rendered here. The caller frees it. */
static uint8_t *expected(const struct fixture *f, const struct rect *rect)
{
	uint8_t *packed = malloc(image_rect_bytes(&f->layout, rect));
	uint8_t *at = packed;
	void *planes[PLANES_MAX] = {NULL};
	size_t strides[PLANES_MAX] = {0};
	for (uint32_t p = 0; p < f->layout.plane_count; p++) {
		planes[p] = at;
		strides[p] = (size_t)rect->w * f->layout.planes[p].pixel_bytes;
		at += strides[p] * rect->h;
	}
	uint64_t iterations;
	assert_int_equal(render_rect(&f->render, rect, planes, strides, NULL, &iterations),
			 BROT_OK);
	return packed;
}

static void pixels_come_packed_and_digested(void **state)
{
	struct fixture *f = *state;
	static const struct rect rects[] = {{0, 0, WIDTH, 16}, {17, 40, 33, 7}, {255, 127, 1, 1}};
	for (uint32_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
		uint8_t *want = expected(f, &rects[i]);
		size_t bytes = image_rect_bytes(&f->layout, &rects[i]);
		submit(f, 1, i, rects[i], NULL);
		struct pool_result result = take(f);
		assert_int_equal(result.error.code, BROT_OK);
		assert_int_equal(result.tile.tile, i);
		assert_true(result.digest == XXH3_64bits(want, bytes));
		assert_true(result.iterations > 0);
		assert_true(result.data_bytes <= bytes);
		uint8_t *got = malloc(bytes);
		if (result.codec == CODEC_ZSTD)
			assert_int_equal(
				ZSTD_decompress(got, bytes, result.data, result.data_bytes), bytes);
		else
			memcpy(got, result.data, bytes);
		assert_memory_equal(got, want, bytes);
		free(got);
		free(want);
		pool_result_done(&result);
	}
}

static void a_mapped_image_is_written_in_place(void **state)
{
	struct fixture *f = *state;
	struct shm shm;
	assert_int_equal(shm_make((size_t)f->layout.total_bytes, &shm, NULL), BROT_OK);
	memset(shm.memory, 0xa5, shm.bytes);
	for (uint32_t y = 0; y < HEIGHT; y += 8)
		submit(f, 1, y, (struct rect){0, y, WIDTH, 8}, shm.memory);
	for (uint32_t y = 0; y < HEIGHT; y += 8) {
		struct pool_result result = take(f);
		assert_int_equal(result.error.code, BROT_OK);
		assert_null(result.data);
		uint8_t *want = expected(f, &result.tile.rect);
		assert_true(result.digest ==
			    XXH3_64bits(want, image_rect_bytes(&f->layout, &result.tile.rect)));
		free(want);
		pool_result_done(&result);
	}
	struct rect whole = {0, 0, WIDTH, HEIGHT};
	uint8_t *want = expected(f, &whole);
	const uint8_t *at = want;
	for (uint32_t p = 0; p < f->layout.plane_count; p++) {
		const struct image_plane *plane = &f->layout.planes[p];
		const uint8_t *found = (uint8_t *)shm.memory + plane->offset;
		assert_memory_equal(found, at, plane->bytes);
		at += plane->bytes;
	}
	/* Nothing was written before them. */
	assert_int_equal(((uint8_t *)shm.memory)[f->layout.planes[0].offset - 1], 0xa5);
	free(want);
	shm_remove(shm.name);
	shm_unmap(&shm);
	assert_false(pool_take(f->pool, &(struct pool_result){0}));
	assert_int_equal(pool_progress(f->pool, 0, INT64_MAX).running, 0);
	assert_true(pool_progress(f->pool, 0, INT64_MAX).iterations > 0);
}

/* The upper half is rendered, in tiles of which one ends within it and one with the middle row;
 * the image must be that which is rendered whole. */
static void a_mirrored_image_is_written_from_its_upper_half(void **state)
{
	struct fixture *f = *state;
	compile(f, FORMAT_SMOOTH, WIDTH, 41, 300);
	assert_true(mirror_applies(&f->request));
	struct shm shm;
	assert_int_equal(shm_make((size_t)f->layout.total_bytes, &shm, NULL), BROT_OK);
	static const struct rect rects[] = {
		{0, 0, WIDTH, 7}, {0, 7, 100, 1}, {100, 7, WIDTH - 100, 1}, {0, 8, WIDTH, 13}};
	for (uint32_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
		struct pool_tile task = {
			.handle = 1,
			.job = 7,
			.tile = i,
			.attempt = 1,
			.rect = rects[i],
			.render = &f->render,
			.layout = &f->layout,
			.memory = shm.memory,
			.is_mirrored = true,
		};
		assert_true(pool_submit(f->pool, &task));
		struct pool_result result = take(f);
		assert_int_equal(result.error.code, BROT_OK);
		uint8_t *tile = expected(f, &rects[i]);
		assert_true(result.digest ==
			    XXH3_64bits(tile, image_rect_bytes(&f->layout, &rects[i])));
		free(tile);
		pool_result_done(&result);
	}
	struct rect whole = {0, 0, WIDTH, 41};
	uint8_t *want = expected(f, &whole);
	const uint8_t *at = want;
	for (uint32_t p = 0; p < f->layout.plane_count; at += f->layout.planes[p++].bytes)
		assert_memory_equal((uint8_t *)shm.memory + f->layout.planes[p].offset, at,
				    f->layout.planes[p].bytes);
	free(want);
	shm_remove(shm.name);
	shm_unmap(&shm);
}

#define TOP_ROWS 40

/* An image that holds the rows from TOP_ROWS on of a picture. */
static void an_image_of_some_rows_gets_them_at_its_top(void **state)
{
	struct fixture *f = *state;
	const struct segment_grid grid = {WIDTH, HEIGHT - TOP_ROWS, WIDTH, 1};
	struct image_layout whole_layout = f->layout;
	assert_true(image_layout_make(&grid, FORMAT_SMOOTH, &f->layout));
	struct shm shm;
	assert_int_equal(shm_make((size_t)f->layout.total_bytes, &shm, NULL), BROT_OK);
	memset(shm.memory, 0xa5, shm.bytes);
	for (uint32_t y = TOP_ROWS; y < HEIGHT; y += 22) {
		struct pool_tile task = {
			.handle = 1,
			.job = 7,
			.tile = y,
			.attempt = 1,
			.rect = {0, y, WIDTH, 22},
			.top_px = TOP_ROWS,
			.render = &f->render,
			.layout = &f->layout,
			.memory = shm.memory,
		};
		assert_true(pool_submit(f->pool, &task));
		struct pool_result result = take(f);
		assert_int_equal(result.error.code, BROT_OK);
		assert_int_equal(result.tile.rect.y, y);
		pool_result_done(&result);
	}
	f->layout = whole_layout;
	const struct rect rows = {0, TOP_ROWS, WIDTH, HEIGHT - TOP_ROWS};
	uint8_t *want = expected(f, &rows);
	const uint8_t *at = want;
	assert_true(image_layout_make(&grid, FORMAT_SMOOTH, &f->layout));
	for (uint32_t p = 0; p < f->layout.plane_count; p++) {
		const struct image_plane *plane = &f->layout.planes[p];
		assert_memory_equal((uint8_t *)shm.memory + plane->offset, at, plane->bytes);
		at += plane->bytes;
	}
	/* Nothing was written before them. */
	assert_int_equal(((uint8_t *)shm.memory)[f->layout.planes[0].offset - 1], 0xa5);
	free(want);
	shm_remove(shm.name);
	shm_unmap(&shm);
}

#define ENDLESS_WIDTH 4096
#define ENDLESS_ROWS  256 /* of one tile: 4 MiB of iterations, which is 10^12 to compute */

/* Tiles that take for ever: the inside of the set with a high limit. */
static void compile_endless(struct fixture *f)
{
	compile(f, FORMAT_ITERATIONS, ENDLESS_WIDTH, 8 * ENDLESS_ROWS, 1000000);
	struct view *view = &f->request.view;
	(void)strcpy(view->re.text, "-0.122");
	(void)strcpy(view->im.text, "0.745");
	(void)strcpy(view->width.text, "0.01");
	f->request.has_shortcuts = false;
	assert_int_equal(render_job_make(&f->request, kernel_of_cpu(), &f->render, NULL), BROT_OK);
}

static struct pool_progress progress_of(struct fixture *f)
{
	return pool_progress(f->pool, clock_ms(), INT64_MAX);
}

static void wait_running(struct fixture *f, uint32_t count)
{
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	uint64_t iterations = progress_of(f).iterations;
	/* Running, and asking whether to go on. */
	while (progress_of(f).running != count || progress_of(f).iterations == iterations) {
		if (clock_ms() > end_ms)
			fail_msg("nothing runs");
		(void)poll(NULL, 0, 1);
	}
}

static void cancelled_tiles_come_back(void **state)
{
	struct fixture *f = *state;
	compile_endless(f);
	for (uint32_t i = 0; i < 6; i++)
		submit(f, 1 + i % 2, i,
		       (struct rect){0, i * ENDLESS_ROWS, ENDLESS_WIDTH, ENDLESS_ROWS}, NULL);
	wait_running(f, 2);
	pool_drop_queued(f->pool);
	for (uint32_t i = 0; i < 4; i++) {
		struct pool_result result = take(f);
		assert_int_equal(result.error.code, BROT_E_CANCELLED);
		assert_null(result.data);
		assert_true(result.tile.tile >= 2);
		pool_result_done(&result);
	}
	/* One of the two that run is of job 1. */
	pool_cancel(f->pool, 1);
	struct pool_result result = take(f);
	assert_int_equal(result.error.code, BROT_E_CANCELLED);
	assert_int_equal(result.tile.handle, 1);
	assert_false(pool_take(f->pool, &result));
	pool_cancel_all(f->pool);
	result = take(f);
	assert_int_equal(result.tile.handle, 2);
}

static void queued_rows_are_not_dropped(void **state)
{
	struct fixture *f = *state;
	compile_endless(f);
	const struct rect rect = {0, 0, ENDLESS_WIDTH, ENDLESS_ROWS};
	for (uint32_t i = 0; i < 2; i++)
		submit(f, 1, i, rect, NULL);
	wait_running(f, 2);
	submit(f, 2, 2, rect, NULL);
	assert_true(pool_submit(f->pool, &(struct pool_tile){.handle = 3,
							     .tile = 3,
							     .phase = 1,
							     .attempt = 1,
							     .rect = rect,
							     .render = &f->render,
							     .layout = &f->layout,
							     .is_rows = true}));
	pool_drop_queued(f->pool);
	struct pool_result result = take(f);
	assert_int_equal(result.tile.tile, 2);
	assert_false(pool_take(f->pool, &result));
	pool_cancel(f->pool, 3);
	result = take(f);
	assert_int_equal(result.tile.tile, 3);
	assert_int_equal(result.error.code, BROT_E_CANCELLED);
}

static void one_tile_is_cancelled_among_others(void **state)
{
	struct fixture *f = *state;
	compile_endless(f);
	for (uint32_t i = 0; i < 6; i++)
		submit(f, 1 + i % 2, i / 2,
		       (struct rect){0, i * ENDLESS_ROWS, ENDLESS_WIDTH, ENDLESS_ROWS}, NULL);
	wait_running(f, 2); /* tiles 0 of both jobs */
	pool_cancel_tile(f->pool, 1, 0, 7, 1);
	pool_cancel_tile(f->pool, 3, 0, 0, 1);
	pool_cancel_tile(f->pool, 1, 1, 0, 1);
	pool_cancel_tile(f->pool, 1, 0, 0, 2);
	pool_cancel_tile(f->pool, 2, 0, 2, 1);
	struct pool_result result = take(f);
	assert_int_equal(result.error.code, BROT_E_CANCELLED);
	assert_int_equal(result.tile.handle, 2);
	assert_int_equal(result.tile.tile, 2);
	assert_false(pool_take(f->pool, &result));
	pool_cancel_tile(f->pool, 1, 0, 0, 1);
	result = take(f);
	assert_int_equal(result.error.code, BROT_E_CANCELLED);
	assert_int_equal(result.tile.handle, 1);
	assert_int_equal(result.tile.tile, 0);
	/* Its thread has the next one. */
	wait_running(f, 2);
	assert_false(pool_take(f->pool, &result));
}

/* Time is told by the one that looks: threads that moved between two looks are not stuck. */
static void threads_that_move_are_not_stuck(void **state)
{
	struct fixture *f = *state;
	compile_endless(f);
	for (uint32_t i = 0; i < 2; i++)
		submit(f, 1, i, (struct rect){0, i * ENDLESS_ROWS, ENDLESS_WIDTH, ENDLESS_ROWS},
		       NULL);
	wait_running(f, 2);
	/* Both move within a second or so: look ever more seldom until neither seems still for an
	 * hour. The clock of the looks runs ahead of the real one. */
	int64_t now_ms = clock_ms();
	struct pool_progress progress;
	int pause_ms = 5;
	do {
		if (pause_ms > DEADLINE_MS)
			fail_msg("threads that move are held to be stuck");
		(void)poll(NULL, 0, pause_ms *= 2);
		progress = pool_progress(f->pool, now_ms += 3600000, 3600000);
		assert_int_equal(progress.running, 2);
		assert_int_equal(progress.lost, 0);
	} while (progress.stuck > 0);
	/* No time has passed: too little to be stuck, unless none is asked for. */
	assert_int_equal(pool_progress(f->pool, now_ms, 1).stuck, 0);
	assert_int_equal(pool_progress(f->pool, now_ms, 0).stuck, 2);
	pool_cancel_all(f->pool);
	for (uint32_t i = 0; i < 2; i++) {
		struct pool_result result = take(f);
		pool_result_done(&result);
	}
	progress = pool_progress(f->pool, now_ms + 3600000, 0);
	assert_int_equal(progress.running + progress.stuck + progress.lost, 0);
}

static void a_pool_ends_with_work_in_hand(void **state)
{
	struct fixture *f = *state;
	compile_endless(f);
	for (uint32_t i = 0; i < 6; i++)
		submit(f, 1, i, (struct rect){0, i * ENDLESS_ROWS, ENDLESS_WIDTH, ENDLESS_ROWS},
		       NULL);
	wait_running(f, 2);
	pool_free(f->pool);
	assert_int_equal(pool_new(1, &f->pool, NULL), BROT_OK);
}

static void a_truncated_image_costs_one_tile(void **state)
{
	struct fixture *f = *state;
	struct shm shm;
	assert_true(fault_init()); /* in here, for cmocka has put a handler of its own before */
	assert_int_equal(shm_make((size_t)f->layout.total_bytes, &shm, NULL), BROT_OK);
	assert_int_equal(ftruncate(shm.fd, (off_t)f->layout.planes[0].offset), 0);
	for (uint32_t i = 0; i < 4; i++) {
		submit(f, 1, i, (struct rect){0, i, WIDTH, 1}, shm.memory);
		struct pool_result result = take(f);
		assert_int_equal(result.error.code, BROT_E_SYSTEM);
		assert_non_null(strstr(result.error.text, "truncated"));
		pool_result_done(&result);
	}
	submit(f, 2, 9, (struct rect){0, 0, WIDTH, 1}, NULL);
	struct pool_result result = take(f);
	assert_int_equal(result.error.code, BROT_OK);
	pool_result_done(&result);
	shm_remove(shm.name);
	shm_unmap(&shm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pixels_come_packed_and_digested, setup, teardown),
		cmocka_unit_test_setup_teardown(a_mapped_image_is_written_in_place, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_mirrored_image_is_written_from_its_upper_half,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_image_of_some_rows_gets_them_at_its_top, setup,
						teardown),
		cmocka_unit_test_setup_teardown(cancelled_tiles_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(queued_rows_are_not_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(one_tile_is_cancelled_among_others, setup,
						teardown),
		cmocka_unit_test_setup_teardown(threads_that_move_are_not_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pool_ends_with_work_in_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(a_truncated_image_costs_one_tile, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
