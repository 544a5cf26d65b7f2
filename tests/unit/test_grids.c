/* test_grids.c - grids in shared memory: rows that come in, commits, another life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "broker/grids.h"
#include "proto/work.h"

#define WIDTH  20
#define HEIGHT 11
#define JOB    7

static const struct keeper no_keeper = {.fd = -1};
static struct plan plan;

static int make_plan(void **state)
{
	(void)state;
	const struct plan_budget budget = {.image_bytes = 1ull << 30, .wrap = 100};
	struct request request;
	struct brot_error err = {0};
	request_init(&request);
	strcpy(request.view.im.text, "0.1");
	request.kind = KIND_BUDDHABROT;
	request.format = FORMAT_DENSITY;
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.buddha = (struct buddha){.points = 1000000, .channels = 1};
	return plan_make(&request, &budget, &plan, &err) == BROT_OK ? 0 : -1;
}

static struct image *make(struct images *images, uint64_t work, struct image_id *ret_id)
{
	struct brot_error err = {0};
	*ret_id = image_id_draw();
	if (images_make(images, work, &plan, ret_id, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return images_find(images, work);
}

static struct image *make_sum(struct images *images, uint64_t work, struct image_id *ret_id)
{
	*ret_id = image_id_draw();
	assert_int_equal(images_make_sum(images, work, &plan, ret_id, NULL), BROT_OK);
	return images_find(images, work);
}

static struct rect rows_of(uint32_t y, uint32_t h)
{
	return (struct rect){0, y, WIDTH, h};
}

static void a_grid_is_another_image(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct image_id id;
	const uint64_t work = work_grid_id(JOB, 3);
	const struct image *image = make(images, JOB, &id), *grid = make(images, work, &id);
	assert_false(image_is_grid(image));
	assert_true(image_is_grid(grid));
	assert_true(image_total_bytes(image) == plan.layout.total_bytes);
	assert_true(image_total_bytes(grid) == plan.counts.total_bytes);
	assert_true(grid->shm.bytes == plan.counts.total_bytes);
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	enum grid_state found;
	assert_int_equal(grid_header_check(grid->shm.memory, grid->shm.bytes, &plan.counts, work,
					   nonce, &found, NULL),
			 BROT_OK);
	assert_int_equal(found, GRID_OPEN);
	assert_memory_equal(nonce, id.nonce, sizeof nonce);
	assert_true(images_drop(images, work));
	assert_non_null(images_find(images, JOB));
	images_free(images);
}

static void rows_come_in_raw_or_packed(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct image_id id;
	struct image *grid = make(images, work_grid_id(JOB, 1), &id);
	uint64_t counts[WIDTH * HEIGHT], got[WIDTH * HEIGHT];
	for (size_t i = 0; i < WIDTH * HEIGHT; i++)
		counts[i] = i * 37; /* over the wrap from the third on */
	uint8_t raw[1 + WIDTH * 4 * 8], packed[4096];
	memcpy(raw + 1, counts, WIDTH * 4 * 8); /* where no u64 lies */
	const struct rect upper = rows_of(0, 4), lower = rows_of(4, HEIGHT - 4);
	assert_int_equal(grids_unpack(grid, &upper, CODEC_RAW,
				      (struct bytes){raw + 1, WIDTH * 4 * 8},
				      XXH3_64bits(counts, WIDTH * 4 * 8), NULL),
			 BROT_OK);
	size_t rest = sizeof counts - WIDTH * 4 * 8;
	size_t bytes = ZSTD_compress(packed, sizeof packed, counts + WIDTH * 4, rest, 1);
	assert_int_equal(grids_unpack(grid, &lower, CODEC_ZSTD, (struct bytes){packed, bytes},
				      XXH3_64bits(counts + WIDTH * 4, rest), NULL),
			 BROT_OK);
	grid_rows_get(&grid->grid, 0, HEIGHT, got);
	assert_memory_equal(got, counts, sizeof counts);
	images_free(images);
}

static void rows_that_lie_are_refused(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct image_id id;
	struct image *grid = make(images, work_grid_id(JOB, 1), &id);
	struct brot_error err = {0};
	const struct rect one = rows_of(3, 1);
	uint64_t counts[2 * WIDTH] = {1, 2, 3}, got[WIDTH];
	const size_t row = WIDTH * 8;
	const uint64_t digest = XXH3_64bits(counts, row);
	const struct bytes good = {counts, row}, shorter = {counts, row - 1},
			   longer = {counts, row + 8};
	assert_int_equal(grids_unpack(grid, &one, CODEC_RAW, shorter, digest, &err),
			 BROT_E_PROTOCOL);
	assert_int_equal(grids_unpack(grid, &one, CODEC_RAW, longer, digest, &err),
			 BROT_E_PROTOCOL);
	assert_int_equal(grids_unpack(grid, &one, CODEC_RAW, good, digest + 1, &err),
			 BROT_E_PROTOCOL);
	assert_int_equal(grids_unpack(grid, &one, CODEC_ZSTD, good, digest, &err), BROT_E_PROTOCOL);
	grid_rows_get(&grid->grid, 3, 1, got);
	for (size_t i = 0; i < WIDTH; i++)
		assert_true(got[i] == 0);
	/* All cells over the wrap, in a table without room for them. */
	for (size_t i = 0; i < WIDTH; i++)
		counts[i] = UINT64_MAX - i;
	grid->grid.layout.carry_room = 2;
	assert_int_equal(grids_unpack(grid, &one, CODEC_RAW, good, XXH3_64bits(counts, row), &err),
			 BROT_E_PROTOCOL);
	assert_string_equal(err.text, "DONE: more counts are large than a grid has room for");
	images_free(images);
}

static void forget(uint64_t work, void *context)
{
	uint64_t *forgotten = context;
	*forgotten += work_grid(work);
}

/* Commits a grid with the given first byte of bits, and a count to know it by. */
static void commit(struct image *grid, uint8_t bits)
{
	uint8_t all[8] = {bits};
	const size_t bytes = (plan.counts.segments + 7) / 8;
	assert_true(bytes <= sizeof all && plan.counts.segments >= 8);
	uint64_t counts[WIDTH] = {bits};
	assert_true(grid_rows_set(&grid->grid, 0, 1, counts));
	assert_int_equal(grids_commit(grid, all, bytes, NULL), BROT_OK);
}

static void what_is_committed_outlives_the_broker(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, true);
	struct image_id ids[5];
	struct brot_error err;
	for (uint32_t g = 1; g < 5; g++)
		(void)(g == 3 ? make_sum : make)(images, work_grid_id(JOB, g), &ids[g]);
	commit(images_find(images, work_grid_id(JOB, 1)), 0x03);
	commit(images_find(images, work_grid_id(JOB, 2)), 0x04);
	commit(images_find(images, work_grid_id(JOB, 3)), 0x07); /* the sum of both */
	images_free(images);

	images = images_new(&no_keeper, true);
	for (uint32_t g = 1; g < 5; g++)
		assert_int_equal(images_adopt(images, work_grid_id(JOB, g), &plan, &ids[g], &err),
				 g < 4 ? BROT_OK : BROT_E_NOT_FOUND);
	shm_remove(ids[4].name);
	uint64_t forgotten = 0;
	grids_settle(images, JOB, forget, &forgotten);
	assert_true(forgotten == 1 + 2);
	struct sched_restore restore = {0};
	grids_list(images, JOB, &restore);
	assert_int_equal(restore.grid_count, 1);
	assert_int_equal(restore.grids[0].number, 3);
	assert_int_equal(restore.grids[0].bits[0], 0x07);
	/* Its counts are as they were, and it says that we have it. */
	const struct image *grid = images_find(images, work_grid_id(JOB, 3));
	const struct grid_header *header = grid->shm.memory;
	uint64_t counts[WIDTH];
	assert_non_null(grid->grid.wide);
	assert_true(grid_rows_get(&grid->grid, 0, 1, counts));
	assert_true(counts[0] == 0x07);
	assert_int_equal(header->owner_pid, getpid());
	assert_int_equal(header->state, GRID_COMMITTED);
	assert_int_equal(header->flags & IMAGE_DURABLE, IMAGE_DURABLE);
	assert_true(images_drop(images, work_grid_id(JOB, 3)));
	images_free(images);
}

static void a_grid_that_is_not_exact_is_not_committed(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct image_id id;
	struct image *grid = make(images, work_grid_id(JOB, 1), &id);
	struct brot_error err = {0};
	const uint8_t bits[8] = {1};
	*grid->grid.carry_lost = 1; /* as a worker may have left it */
	assert_int_equal(grids_commit(grid, bits, (plan.counts.segments + 7) / 8, &err),
			 BROT_E_PROTOCOL);
	assert_int_equal(*grid->grid.state, GRID_OPEN);
	images_free(images);
}

static void a_slice_is_added_up_and_marked(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct image_id id;
	struct brot_error err = {0};
	const struct image *image = make(images, JOB, &id);
	commit(make(images, work_grid_id(JOB, 1), &id), 0x30);
	commit(make(images, work_grid_id(JOB, 2), &id), 0x05);
	struct sched_action sum = {
		.type = ACTION_SUM,
		.work = JOB,
		.sources = {work_grid_id(JOB, 1), work_grid_id(JOB, 2)},
		.count = 2,
		.rect = rows_of(0, 2),
	};
	assert_int_equal(grids_sum(images, &sum, &err), BROT_OK);
	assert_true(*(uint64_t *)image_pixel(image->shm.memory, &image->layout, 0, 0, 0) == 0x35);
	assert_true(image_bit_get(image->shm.memory, &image->layout, 1));
	assert_false(image_bit_get(image->shm.memory, &image->layout, 2));
	/* What has gone meanwhile is no mistake. */
	sum.sources[1] = work_grid_id(JOB, 9);
	assert_int_equal(grids_sum(images, &sum, &err), BROT_E_NOT_FOUND);
	sum.work = JOB + 1;
	assert_int_equal(grids_sum(images, &sum, &err), BROT_E_NOT_FOUND);
	images_free(images);
}

/* As soon as two grids have too much for the image between them. */
static void a_sum_too_large_for_u32_fails_at_once(void **state)
{
	(void)state;
	const struct plan before = plan;
	for (int is_narrow = 0; is_narrow < 2; is_narrow++) {
		struct images *images = images_new(&no_keeper, false);
		struct image_id id;
		struct brot_error err = {0};
		plan.format = is_narrow ? FORMAT_DENSITY32 : FORMAT_DENSITY;
		assert_true(image_layout_make(&before.layout.grid, plan.format, &plan.layout));
		(void)make(images, JOB, &id);
		const struct image *sum = make_sum(images, work_grid_id(JOB, 3), &id);
		for (uint32_t g = 1; g < 3; g++) {
			const uint64_t counts[WIDTH] = {0, 3000000000};
			assert_true(grid_rows_set(&make(images, work_grid_id(JOB, g), &id)->grid, 4,
						  1, counts));
		}
		const struct sched_action action = {
			.type = ACTION_SUM,
			.work = work_grid_id(JOB, 3),
			.sources = {work_grid_id(JOB, 1), work_grid_id(JOB, 2)},
			.count = 2,
			.rect = rows_of(3, 4),
		};
		assert_int_equal(grids_sum(images, &action, &err),
				 is_narrow ? BROT_E_FAILED : BROT_OK);
		if (is_narrow)
			assert_non_null(strstr(err.text, "density and nebula hold them all"));
		else
			assert_true(sum->grid.wide[4 * WIDTH + 1] == 6000000000);
		images_free(images);
		plan = before;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grid_is_another_image),
		cmocka_unit_test(rows_come_in_raw_or_packed),
		cmocka_unit_test(rows_that_lie_are_refused),
		cmocka_unit_test(what_is_committed_outlives_the_broker),
		cmocka_unit_test(a_grid_that_is_not_exact_is_not_committed),
		cmocka_unit_test(a_slice_is_added_up_and_marked),
		cmocka_unit_test(a_sum_too_large_for_u32_fails_at_once),
	};
	return cmocka_run_group_tests(tests, make_plan, NULL);
}
