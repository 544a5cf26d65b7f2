/* test_images.c - images of jobs, and pixels that a worker sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "broker/images.h"

#define WIDTH  37
#define HEIGHT 11
#define JOB    7

static const struct plan_budget budget = {.image_bytes = 1ull << 30};
static const struct keeper no_keeper = {.fd = -1};

static bool exists(const char *image_name)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof path, "/dev/shm%.40s", image_name);
	return lstat(path, &st) == 0;
}

static struct request some_request(enum format_id format)
{
	struct request request;
	request_init(&request);
	strcpy(request.view.im.text, "0.1");
	request.width_px = WIDTH;
	request.height_px = HEIGHT;
	request.format = format;
	const struct format_info *info = format_info(format);
	if (info->planes[0] == PLANE_DENSITY || info->planes[0] == PLANE_DENSITY32) {
		request.kind = KIND_BUDDHABROT;
		request.buddha = (struct buddha){.points = 1000, .channels = info->plane_count};
	}
	return request;
}

static struct image *make(struct images *images, uint64_t job, enum format_id format)
{
	struct request request = some_request(format);
	struct plan plan;
	struct brot_error err = {0};
	assert_int_equal(plan_make(&request, &budget, &plan, &err), BROT_OK);
	const struct image_id id = image_id_draw();
	if (images_make(images, job, &plan, &id, &err) != BROT_OK)
		fail_msg("%s", err.text);
	struct image *image = images_find(images, job);
	assert_non_null(image);
	return image;
}

static void images_come_and_go(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	char names[3][IMAGE_NAME_CHARS + 1];
	assert_null(images_find(images, 1));
	for (uint64_t job = 1; job <= 3; job++) {
		const struct image *image = make(images, job, FORMAT_RGB8);
		assert_true(image->work == job);
		assert_true(image_name_is_valid(image->shm.name));
		assert_true(exists(image->shm.name));
		strcpy(names[job - 1], image->shm.name);
	}
	assert_string_not_equal(names[0], names[1]);
	assert_string_not_equal(names[1], names[2]);
	assert_memory_not_equal(images_find(images, 1)->nonce, images_find(images, 2)->nonce,
				MESSAGE_NONCE_BYTES);
	images_drop(images, 2);
	assert_null(images_find(images, 2));
	assert_false(exists(names[1]));
	assert_true(exists(names[0]));
	assert_string_equal(images_find(images, 3)->shm.name, names[2]);
	images_drop(images, 2);
	images_drop(images, 99);
	images_drop(images, 0);
	/* The same job again has another image. */
	assert_string_not_equal(make(images, 2, FORMAT_RGB8)->shm.name, names[1]);
	strcpy(names[1], images_find(images, 2)->shm.name);
	images_free(images);
	for (size_t i = 0; i < 3; i++)
		assert_false(exists(names[i]));
	images_free(NULL);
}

static void a_new_image_is_a_header_and_zeros(void **state)
{
	(void)state;
	for (uint32_t f = 0; f < FORMAT_COUNT; f++) {
		struct images *images = images_new(&no_keeper, false);
		const struct image *image = make(images, JOB, (enum format_id)f);
		assert_int_equal(image->layout.grid.width_px, WIDTH);
		assert_int_equal(image->layout.plane_count,
				 format_info((enum format_id)f)->plane_count);
		assert_int_equal(image->shm.bytes, image->layout.total_bytes);
		uint8_t nonce[MESSAGE_NONCE_BYTES];
		struct brot_error err = {0};
		if (image_header_check(image->shm.memory, image->shm.bytes, &image->layout, JOB,
				       nonce, &err) != BROT_OK)
			fail_msg("%s", err.text);
		assert_memory_equal(nonce, image->nonce, sizeof nonce);
		const struct image_header *header = image->shm.memory;
		assert_int_equal(header->owner_uid, geteuid());
		assert_int_equal(header->owner_pid, getpid());
		const uint8_t *bytes = image->shm.memory;
		for (size_t i = sizeof *header; i < image->shm.bytes; i++)
			assert_int_equal(bytes[i], 0);
		/* As a worker or client would map it. */
		struct shm other;
		assert_int_equal(shm_map(image->shm.name, (size_t)image->layout.total_bytes, false,
					 &other, NULL),
				 BROT_OK);
		shm_unmap(&other);
		images_free(images);
	}
}

static void an_image_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct request request = some_request(FORMAT_RGB8);
	struct plan plan;
	struct brot_error err = {0};
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	plan.layout.total_bytes = 1ull << 60;
	const struct image_id id = image_id_draw();
	assert_int_equal(images_make(images, JOB, &plan, &id, &err), BROT_E_NO_SPACE);
	assert_int_equal(err.code, BROT_E_NO_SPACE);
	assert_non_null(strstr(err.text, "1152921504606846976 bytes wanted"));
	assert_null(images_find(images, JOB));
	/* Nothing of it stands in the way. */
	(void)make(images, JOB, FORMAT_RGB8);
	images_free(images);
}

static void the_keeper_knows_of_images(void **state)
{
	(void)state;
	struct keeper keeper;
	assert_int_equal(keeper_start(&keeper, NULL), BROT_OK);
	struct images *images = images_new(&keeper, false);
	char kept[IMAGE_NAME_CHARS + 1], gone[IMAGE_NAME_CHARS + 1];
	strcpy(kept, make(images, 1, FORMAT_RGB8)->shm.name);
	strcpy(gone, make(images, 2, FORMAT_RGB8)->shm.name);
	images_drop(images, 2);
	/* Somebody else's by now, as far as the keeper knows. */
	char path[64];
	(void)snprintf(path, sizeof path, "/dev/shm%s", gone);
	FILE *file = fopen(path, "wx");
	assert_non_null(file);
	(void)fclose(file);
	keeper_stop(&keeper);
	assert_false(exists(kept));
	assert_true(exists(gone));
	assert_int_equal(unlink(path), 0);
	images_free(images);
}

static void a_band_has_an_image_of_its_rows(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct request request = some_request(FORMAT_RGB8);
	const struct plan_budget bands = {.image_bytes = 1ull << 30, .band_rows = 4};
	struct plan plan;
	assert_int_equal(plan_make(&request, &bands, &plan, NULL), BROT_OK);
	assert_int_equal(plan.band_count, 3);
	for (uint32_t b = 0; b < 3; b++) {
		const struct image_id id = image_id_draw();
		uint64_t work = work_id(JOB, b);
		uint8_t nonce[MESSAGE_NONCE_BYTES];
		assert_int_equal(images_make(images, work, &plan, &id, NULL), BROT_OK);
		const struct image *image = images_find(images, work);
		assert_string_equal(image->shm.name, id.name);
		assert_int_equal(image->layout.grid.height_px, b < 2 ? 4 : 3);
		struct image_layout layout = plan_band_layout(&plan, b);
		assert_int_equal(image_header_check(image->shm.memory, image->shm.bytes, &layout,
						    work, nonce, NULL),
				 BROT_OK);
	}
	assert_true(images_drop(images, work_id(JOB, 1)));
	assert_false(images_drop(images, work_id(JOB, 1)));
	assert_non_null(images_find(images, work_id(JOB, 0)));
	assert_non_null(images_find(images, work_id(JOB, 2)));
	images_free(images);
}

/* Makes a durable image with a pixel and a bit set, and gives it up as a broker that dies. */
static struct image_id leave_durable(const struct plan *plan)
{
	struct images *images = images_new(&no_keeper, true);
	const struct image_id id = image_id_draw();
	assert_int_equal(images_make(images, JOB, plan, &id, NULL), BROT_OK);
	struct image *image = images_find(images, JOB);
	assert_int_equal(((const struct image_header *)image->shm.memory)->flags, IMAGE_DURABLE);
	const struct rect rect = {0, 2, WIDTH, 1};
	memset(image_pixel(image->shm.memory, &image->layout, 0, 0, 2), 0x77, 3 * WIDTH);
	image_mark(image, &rect);
	/* Nobody else may have it as long as we do. */
	struct images *others = images_new(&no_keeper, true);
	assert_int_equal(images_adopt(others, JOB, plan, &id, NULL), BROT_E_BUSY);
	images_free(others);
	images_free(images);
	assert_true(exists(id.name));
	return id;
}

static void a_durable_image_is_adopted_with_all_that_is_in_it(void **state)
{
	(void)state;
	struct request request = some_request(FORMAT_RGB8);
	struct plan plan, other_plan;
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	request.height_px++;
	assert_int_equal(plan_make(&request, &budget, &other_plan, NULL), BROT_OK);
	struct image_id id = leave_durable(&plan), other = id;
	struct images *images = images_new(&no_keeper, true);

	/* Whatever is not as it was written down is left alone. */
	other.nonce[3] ^= 1;
	assert_int_equal(images_adopt(images, JOB, &plan, &other, NULL), BROT_E_PROTOCOL);
	assert_int_equal(images_adopt(images, JOB + 1, &plan, &id, NULL), BROT_E_PROTOCOL);
	assert_int_equal(images_adopt(images, JOB, &other_plan, &id, NULL), BROT_E_PROTOCOL);
	other = image_id_draw();
	assert_int_equal(images_adopt(images, JOB, &plan, &other, NULL), BROT_E_NOT_FOUND);
	assert_null(images_find(images, JOB));

	struct brot_error err = {0};
	if (images_adopt(images, JOB, &plan, &id, &err) != BROT_OK)
		fail_msg("%s", err.text);
	struct image *image = images_find(images, JOB);
	const uint8_t *row = image_pixel(image->shm.memory, &image->layout, 0, 0, 2);
	assert_int_equal(row[0], 0x77);
	assert_int_equal(row[3 * WIDTH - 1], 0x77);
	assert_int_equal(row[3 * WIDTH], 0);
	assert_int_equal(image_bits(image)[0], 1 << 2);
	assert_memory_equal(image->nonce, id.nonce, sizeof id.nonce);
	assert_int_equal(((const struct image_header *)image->shm.memory)->owner_pid, getpid());
	assert_true(images_drop(images, JOB));
	assert_false(exists(id.name));
	images_free(images);
}

/* An image of two planes, one tile of it as a worker packs it, and the image as it must become. */
struct fixture {
	struct images *images;
	struct image *image;
	struct rect rect;
	size_t bytes;
	uint8_t *packed, *before, *want;
	uint8_t *zipped;
	size_t zipped_bytes, zipped_capacity;
	uint64_t digest;
};

static const struct rect tile = {5, 2, 20, 1};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	assert_non_null(f);
	f->images = images_new(&no_keeper, false);
	f->image = make(f->images, JOB, FORMAT_SMOOTH);
	const struct image_layout *layout = &f->image->layout;
	f->rect = tile;
	f->bytes = 20 * 8;
	assert_int_equal(image_rect_bytes(layout, &f->rect), f->bytes);
	uint8_t *memory = f->image->shm.memory;
	for (size_t i = layout->planes[0].offset; i < layout->total_bytes; i++)
		memory[i] = 0xee;
	f->packed = malloc(f->bytes);
	f->before = malloc(f->image->shm.bytes);
	f->want = malloc(f->image->shm.bytes);
	f->zipped_capacity = ZSTD_compressBound(f->bytes + 8);
	f->zipped = malloc(f->zipped_capacity);
	assert_true(f->packed != NULL && f->before != NULL && f->want != NULL && f->zipped != NULL);
	for (size_t i = 0; i < f->bytes; i++)
		f->packed[i] = (uint8_t)(i * i / 7 % 50);
	memcpy(f->before, memory, f->image->shm.bytes);
	memcpy(f->want, memory, f->image->shm.bytes);
	for (size_t p = 0; p < 2; p++)
		memcpy(f->want + layout->planes[p].offset + (2 * WIDTH + 5) * 4, f->packed + p * 80,
		       80);
	f->digest = XXH3_64bits(f->packed, f->bytes);
	f->zipped_bytes = ZSTD_compress(f->zipped, f->zipped_capacity, f->packed, f->bytes, 3);
	assert_false(ZSTD_isError(f->zipped_bytes));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char name[IMAGE_NAME_CHARS + 1];
	strcpy(name, f->image->shm.name);
	images_free(f->images);
	assert_false(exists(name));
	free(f->packed);
	free(f->before);
	free(f->want);
	free(f->zipped);
	free(f);
	return 0;
}

/* Unpacks from a block of exactly that size. */
static enum brot_err unpack(struct fixture *f, uint32_t codec, const void *data, size_t bytes,
			    uint64_t digest, struct brot_error *err)
{
	void *copy = malloc(bytes > 0 ? bytes : 1);
	assert_non_null(copy);
	memcpy(copy, data, bytes);
	enum brot_err code = image_unpack(f->image, &f->rect, codec, (struct bytes){copy, bytes},
					  digest, err);
	free(copy);
	return code;
}

static void taken(struct fixture *f, uint32_t codec, const void *data, size_t bytes)
{
	struct brot_error err = {0};
	if (unpack(f, codec, data, bytes, f->digest, &err) != BROT_OK)
		fail_msg("%s", err.text);
	assert_memory_equal(f->image->shm.memory, f->want, f->image->shm.bytes);
}

static void refused(struct fixture *f, uint32_t codec, const void *data, size_t bytes,
		    uint64_t digest, const char *start)
{
	struct brot_error err = {0};
	if (unpack(f, codec, data, bytes, digest, &err) != BROT_E_PROTOCOL)
		fail_msg("taken; should be refused: %s", start);
	assert_int_equal(err.code, BROT_E_PROTOCOL);
	if (strncmp(err.text, start, strlen(start)) != 0)
		fail_msg("\"%s\" should start with \"%s\"", err.text, start);
	assert_memory_equal(f->image->shm.memory, f->before, f->image->shm.bytes);
}

static void raw_pixels_go_in(void **state)
{
	struct fixture *f = *state;
	taken(f, CODEC_RAW, f->packed, f->bytes);
	/* Late and repeated results are the same bytes. */
	taken(f, CODEC_RAW, f->packed, f->bytes);
}

static void compressed_pixels_go_in(void **state)
{
	struct fixture *f = *state;
	taken(f, CODEC_ZSTD, f->zipped, f->zipped_bytes);
	for (int level = 1; level <= 19; level += 6) {
		f->zipped_bytes = ZSTD_compress(f->zipped, f->zipped_capacity, f->packed, f->bytes,
						level);
		memcpy(f->image->shm.memory, f->before, f->image->shm.bytes);
		taken(f, CODEC_ZSTD, f->zipped, f->zipped_bytes);
	}
}

static void rectangles_of_every_shape_go_in(void **state)
{
	struct fixture *f = *state;
	static const struct rect rects[] = {
		{0, 0, WIDTH, HEIGHT}, {0, 0, 1, 1}, {WIDTH - 1, HEIGHT - 1, 1, 1},
		{0, 3, WIDTH, 4},      {3, 1, 7, 5}, {0, HEIGHT - 1, WIDTH, 1},
	};
	for (size_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
		const struct rect *r = &rects[i];
		size_t bytes = image_rect_bytes(&f->image->layout, r);
		uint8_t *packed = malloc(bytes);
		assert_non_null(packed);
		for (size_t k = 0; k < bytes; k++)
			packed[k] = (uint8_t)(k * 31 + i);
		memcpy(f->image->shm.memory, f->before, f->image->shm.bytes);
		memcpy(f->want, f->before, f->image->shm.bytes);
		const uint8_t *from = packed;
		for (uint32_t p = 0; p < 2; p++)
			for (uint32_t y = r->y; y < r->y + r->h; y++)
				for (uint32_t x = r->x; x < r->x + r->w; x++, from += 4)
					memcpy(image_pixel(f->want, &f->image->layout, p, x, y),
					       from, 4);
		f->rect = *r;
		f->digest = XXH3_64bits(packed, bytes);
		taken(f, CODEC_RAW, packed, bytes);
		/* And out again, plane by plane. */
		uint8_t *out = malloc(bytes / 2 + 1);
		assert_non_null(out);
		for (uint32_t p = 0; p < 2; p++) {
			out[bytes / 2] = 0x5a;
			image_copy_out(f->image, p, r, out);
			assert_memory_equal(out, packed + p * bytes / 2, bytes / 2);
			assert_int_equal(out[bytes / 2], 0x5a);
		}
		free(out);
		free(packed);
	}
}

static void the_wrong_size_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t pixels[200] = {0};
	memcpy(pixels, f->packed, f->bytes);
	for (size_t bytes = 0; bytes <= sizeof pixels; bytes++) {
		if (bytes == f->bytes)
			continue;
		char sentence[64];
		(void)snprintf(sentence, sizeof sentence,
			       "DONE: pixels must have 160 bytes, got %zu", bytes);
		uint64_t digest = XXH3_64bits(pixels, bytes);
		refused(f, CODEC_RAW, pixels, bytes, digest, sentence);
		uint8_t zipped[ZSTD_COMPRESSBOUND(sizeof pixels)];
		size_t size = ZSTD_compress(zipped, sizeof zipped, pixels, bytes, 1);
		assert_false(ZSTD_isError(size));
		refused(f, CODEC_ZSTD, zipped, size, digest,
			bytes < f->bytes ? sentence : "DONE: pixels do not unpack: ");
	}
}

static void the_wrong_digest_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char sentence[] = "DONE: the pixels' digest is not the one announced";
	for (int bit = 0; bit < 64; bit++) {
		refused(f, CODEC_RAW, f->packed, f->bytes, f->digest ^ 1ull << bit, sentence);
		refused(f, CODEC_ZSTD, f->zipped, f->zipped_bytes, f->digest ^ 1ull << bit,
			sentence);
	}
	f->packed[f->bytes - 1] ^= 1;
	refused(f, CODEC_RAW, f->packed, f->bytes, f->digest, sentence);
	/* The digest is of the pixels, not of what was sent. */
	refused(f, CODEC_ZSTD, f->zipped, f->zipped_bytes, XXH3_64bits(f->zipped, f->zipped_bytes),
		sentence);
}

static void broken_zstd_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char start[] = "DONE: pixels do not unpack: ";
	/* An empty input unpacks to nothing. */
	refused(f, CODEC_ZSTD, "", 0, f->digest, "DONE: pixels must have 160 bytes, got 0");
	for (size_t bytes = 1; bytes < f->zipped_bytes; bytes++)
		refused(f, CODEC_ZSTD, f->zipped, bytes, f->digest, start);
	refused(f, CODEC_ZSTD, f->packed, f->bytes, f->digest, start);
	f->zipped[f->zipped_bytes] = 0;
	refused(f, CODEC_ZSTD, f->zipped, f->zipped_bytes + 1, f->digest, start);
	/* Whatever one bit does, nothing but the right pixels goes in. */
	size_t refusals = 0;
	for (size_t i = 0; i < f->zipped_bytes; i++)
		for (int bit = 0; bit < 8; bit++) {
			f->zipped[i] ^= (uint8_t)(1u << bit);
			memcpy(f->image->shm.memory, f->before, f->image->shm.bytes);
			bool is_taken = unpack(f, CODEC_ZSTD, f->zipped, f->zipped_bytes, f->digest,
					       NULL) == BROT_OK;
			assert_memory_equal(f->image->shm.memory, is_taken ? f->want : f->before,
					    f->image->shm.bytes);
			refusals += !is_taken;
			f->zipped[i] ^= (uint8_t)(1u << bit);
		}
	assert_true(refusals > 4 * f->zipped_bytes);
}

static void a_bomb_is_refused(void **state)
{
	struct fixture *f = *state;
	const size_t bytes = 64u << 20;
	void *zeros = calloc(1, bytes);
	size_t capacity = ZSTD_compressBound(bytes);
	uint8_t *bomb = malloc(capacity);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	assert_true(zeros != NULL && bomb != NULL && context != NULL);
	/* With its true size in the header, and with none. */
	for (int says_size = 0; says_size < 2; says_size++) {
		(void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, says_size);
		size_t size = ZSTD_compress2(context, bomb, capacity, zeros, bytes);
		assert_false(ZSTD_isError(size));
		assert_true(size < 64 * 1024);
		refused(f, CODEC_ZSTD, bomb, size, f->digest, "DONE: pixels do not unpack: ");
	}
	/* One that claims the size of the tile: a frame of one segment has it in byte 5. */
	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1);
	size_t size = ZSTD_compress2(context, bomb, capacity, zeros, 250);
	assert_int_equal(ZSTD_getFrameContentSize(bomb, size), 250);
	assert_int_equal(bomb[5], 250);
	bomb[5] = (uint8_t)f->bytes;
	assert_int_equal(ZSTD_getFrameContentSize(bomb, size), f->bytes);
	refused(f, CODEC_ZSTD, bomb, size, f->digest, "DONE: pixels do not unpack: ");
	/* And one that claims far more than it has. */
	memcpy(bomb, f->zipped, f->zipped_bytes);
	assert_int_equal(bomb[5], f->bytes);
	bomb[5] = 255;
	refused(f, CODEC_ZSTD, bomb, f->zipped_bytes, f->digest, "DONE: pixels do not unpack: ");
	ZSTD_freeCCtx(context);
	free(bomb);
	free(zeros);
}

static void a_mark_is_a_tiles_segments(void **state)
{
	struct fixture *f = *state;
	static const struct rect rects[] = {
		{0, 2, WIDTH, 1}, {0, 4, WIDTH, 3}, {0, HEIGHT - 1, WIDTH, 1}};
	static const bool want[HEIGHT] = {false, false, true,  false, true, true,
					  true,  false, false, false, true};
	for (size_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
		image_mark(f->image, &rects[i]);
		image_mark(f->image, &rects[i]);
	}
	for (uint32_t row = 0; row < HEIGHT; row++)
		assert_int_equal(image_bit_get(f->image->shm.memory, &f->image->layout, row),
				 want[row]);
	/* Nothing else changes. */
	size_t offset = (size_t)f->image->layout.bits_offset;
	f->before[offset] = 0x74;
	f->before[offset + 1] = 0x04;
	assert_memory_equal(f->image->shm.memory, f->before, f->image->shm.bytes);
}

/* Rows 4 and 5 of 11: row 4 goes to row 6 as well, row 5 is the middle one. */
static void pixels_of_a_mirrored_image_go_in_twice(void **state)
{
	(void)state;
	struct images *images = images_new(&no_keeper, false);
	struct request request = some_request(FORMAT_SMOOTH);
	struct plan plan;
	strcpy(request.view.im.text, "0");
	assert_int_equal(plan_make(&request, &budget, &plan, NULL), BROT_OK);
	const struct image_id id = image_id_draw();
	assert_int_equal(images_make(images, JOB, &plan, &id, NULL), BROT_OK);
	struct image *image = images_find(images, JOB);
	const struct image_layout *layout = &image->layout;
	const struct rect rect = {0, 4, WIDTH, 2};
	uint32_t packed[2][2][WIDTH];
	for (uint32_t i = 0; i < 4 * WIDTH; i++)
		packed[i / 2 / WIDTH][i / WIDTH % 2][i % WIDTH] = i + 1;
	struct bytes data = {packed, sizeof packed};
	uint64_t digest = XXH3_64bits(packed, sizeof packed);
	uint8_t *want = malloc(image->shm.bytes);
	assert_non_null(want);
	memcpy(want, image->shm.memory, image->shm.bytes);
	struct brot_error err = {0};
	assert_int_equal(image_unpack(image, &rect, CODEC_RAW, data, digest + 1, &err),
			 BROT_E_PROTOCOL);
	assert_memory_equal(image->shm.memory, want, image->shm.bytes);

	static const uint32_t row_of[] = {0, 1, 0};
	for (uint32_t p = 0; p < 2; p++)
		for (uint32_t y = 4; y <= 6; y++)
			memcpy(image_pixel(want, layout, p, 0, y), packed[p][row_of[y - 4]],
			       sizeof packed[0][0]);
	assert_int_equal(image_unpack(image, &rect, CODEC_RAW, data, digest, &err), BROT_OK);
	assert_memory_equal(image->shm.memory, want, image->shm.bytes);
	image_mark(image, &rect);
	want[layout->bits_offset] = 0x70;
	assert_memory_equal(image->shm.memory, want, image->shm.bytes);
	free(want);
	images_free(images);
}

int main(int argc, char **argv)
{
	/* keeper_start() runs this program once more. */
	if (argc == 2 && strcmp(argv[1], KEEPER_OPTION) == 0) {
		keeper_run();
		return 0;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_come_and_go),
		cmocka_unit_test(a_new_image_is_a_header_and_zeros),
		cmocka_unit_test(an_image_that_does_not_fit_is_refused),
		cmocka_unit_test(a_band_has_an_image_of_its_rows),
		cmocka_unit_test(a_durable_image_is_adopted_with_all_that_is_in_it),
		cmocka_unit_test(the_keeper_knows_of_images),
		TEST(raw_pixels_go_in),
		TEST(compressed_pixels_go_in),
		TEST(rectangles_of_every_shape_go_in),
		TEST(the_wrong_size_is_refused),
		TEST(the_wrong_digest_is_refused),
		TEST(broken_zstd_is_refused),
		TEST(a_bomb_is_refused),
		TEST(a_mark_is_a_tiles_segments),
		cmocka_unit_test(pixels_of_a_mirrored_image_go_in_twice),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
