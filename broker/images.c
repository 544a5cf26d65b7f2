/* images.c - the images of the jobs. */
#include "broker/images.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>
#include <xxhash.h>
#include <zstd.h>

#include "proto/mirror.h"
#include "proto/sys/random.h"

struct entry {
	uint64_t job;
	struct image image;
	UT_hash_handle hh;
};

struct images {
	const struct keeper *keeper;
	struct entry *entries;
};

struct images *images_new(const struct keeper *keeper)
{
	struct images *images = calloc(1, sizeof *images);
	if (images == NULL)
		abort();
	images->keeper = keeper;
	return images;
}

static struct entry *entry_find(const struct images *images, uint64_t job)
{
	struct entry *entry;
	HASH_FIND(hh, images->entries, &job, sizeof job, entry);
	return entry;
}

static void entry_drop(struct images *images, struct entry *entry)
{
	shm_remove(entry->image.shm.name);
	keeper_remove_image(images->keeper, entry->image.shm.name);
	shm_unmap(&entry->image.shm);
	HASH_DELETE(hh, images->entries, entry);
	free(entry);
}

void images_free(struct images *images)
{
	if (images == NULL)
		return;
	struct entry *entry, *next;
	HASH_ITER(hh, images->entries, entry, next)
	entry_drop(images, entry);
	free(images);
}

void images_note_all(const struct images *images)
{
	for (const struct entry *entry = images->entries; entry != NULL; entry = entry->hh.next)
		keeper_add_image(images->keeper, entry->image.shm.name);
}

enum brot_err images_make(struct images *images, uint64_t job, const uint8_t key[SCHED_KEY_BYTES],
			  const struct request *request, const struct plan *plan,
			  struct brot_error *err)
{
	assert(entry_find(images, job) == NULL);
	struct shm shm;
	enum brot_err code = shm_make((size_t)plan->image_bytes, &shm, err);
	if (code != BROT_OK)
		return code;
	keeper_add_image(images->keeper, shm.name);

	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		abort();
	struct image *image = &entry->image;
	entry->job = image->job = job;
	memcpy(image->key, key, sizeof image->key);
	random_bytes(image->nonce, sizeof image->nonce);
	image->request = *request;
	image->plan = *plan;
	image->shm = shm;
	image_header_write(shm.memory, &image->plan.layout, job, image->nonce, (uint32_t)geteuid(),
			   (uint32_t)getpid(), 0);
	HASH_ADD(hh, images->entries, job, sizeof entry->job, entry);
	return BROT_OK;
}

struct image *images_find(const struct images *images, uint64_t job)
{
	struct entry *entry = entry_find(images, job);
	return entry != NULL ? &entry->image : NULL;
}

void images_drop(struct images *images, uint64_t job)
{
	struct entry *entry = entry_find(images, job);
	if (entry != NULL)
		entry_drop(images, entry);
}

static void copy_in(struct image *image, const struct rect *rect, const uint8_t *from)
{
	for (uint32_t p = 0; p < image->plan.layout.plane_count; p++) {
		size_t row_bytes = (size_t)rect->w * image->plan.layout.planes[p].pixel_bytes;
		for (uint32_t y = rect->y; y < rect->y + rect->h; y++, from += row_bytes)
			memcpy(image_pixel(image->shm.memory, &image->plan.layout, p, rect->x, y),
			       from, row_bytes);
	}
	if (plan_is_mirrored(&image->plan))
		mirror_copy(image->shm.memory, &image->plan.layout, rect);
}

enum brot_err image_unpack(struct image *image, const struct rect *rect, uint32_t codec,
			   struct bytes data, uint64_t digest, struct brot_error *err)
{
	size_t bytes = image_rect_bytes(&image->plan.layout, rect);
	uint8_t *unpacked = NULL;
	const void *pixels = data.data;
	size_t got = data.size;
	if (codec == CODEC_ZSTD) {
		unpacked = malloc(bytes);
		if (unpacked == NULL)
			abort();
		got = ZSTD_decompress(unpacked, bytes, data.data, data.size);
		pixels = unpacked;
		if (ZSTD_isError(got)) {
			free(unpacked);
			return error_set(err, BROT_E_PROTOCOL, "DONE: pixels do not unpack: %s",
					 ZSTD_getErrorName(got));
		}
	}
	enum brot_err code = BROT_OK;
	if (got != bytes)
		code = error_set(err, BROT_E_PROTOCOL, "DONE: pixels must have %zu bytes, got %zu",
				 bytes, got);
	else if (codec == CODEC_ZSTD &&
		 ZSTD_findFrameCompressedSize(data.data, data.size) != data.size)
		code = error_set(err, BROT_E_PROTOCOL, "DONE: pixels must be one zstd frame");
	else if (XXH3_64bits(pixels, bytes) != digest)
		code = error_set(err, BROT_E_PROTOCOL,
				 "DONE: the pixels' digest is not the one announced");
	else
		copy_in(image, rect, pixels);
	free(unpacked);
	return code;
}

static void mark(struct image *image, const struct rect *rect)
{
	uint32_t first, count;
	bool is_run = rect_segment_run(&image->plan.layout.grid, rect, &first, &count);
	assert(is_run);
	(void)is_run;
	image_bits_set(image->shm.memory, &image->plan.layout, first, count);
}

void image_mark(struct image *image, const struct rect *rect)
{
	mark(image, rect);
	if (plan_is_mirrored(&image->plan)) {
		const struct rect other = mirror_rect(image->plan.layout.grid.height_px, rect);
		mark(image, &other);
	}
}

void image_copy_out(const struct image *image, uint32_t plane, const struct rect *rect, void *to)
{
	size_t row_bytes = (size_t)rect->w * image->plan.layout.planes[plane].pixel_bytes;
	uint8_t *at = to;
	for (uint32_t y = rect->y; y < rect->y + rect->h; y++, at += row_bytes)
		memcpy(at, image_pixel(image->shm.memory, &image->plan.layout, plane, rect->x, y),
		       row_bytes);
}
