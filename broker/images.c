/* images.c - the images of the jobs and bands, and their grids. */
#include "broker/images.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>
#include <xxhash.h>
#include <zstd.h>

#include "proto/mirror.h"
#include "proto/sys/log.h"
#include "proto/sys/random.h"
#include "proto/work.h"

struct entry {
	uint64_t work;
	struct image image;
	UT_hash_handle hh;
};

struct images {
	const struct keeper *keeper;
	bool is_durable;
	struct entry *entries;
};

struct image_id image_id_draw(void)
{
	struct image_id id;
	shm_name_make(id.name);
	random_bytes(id.nonce, sizeof id.nonce);
	return id;
}

struct images *images_new(const struct keeper *keeper, bool is_durable)
{
	struct images *images = calloc(1, sizeof *images);
	if (images == NULL)
		abort();
	images->keeper = keeper;
	images->is_durable = is_durable;
	return images;
}

static struct entry *entry_find(const struct images *images, uint64_t work)
{
	struct entry *entry;
	HASH_FIND(hh, images->entries, &work, sizeof work, entry);
	return entry;
}

static void entry_free(struct images *images, struct entry *entry)
{
	shm_unmap(&entry->image.shm);
	HASH_DELETE(hh, images->entries, entry);
	free(entry);
}

static void entry_drop(struct images *images, struct entry *entry)
{
	shm_remove(entry->image.shm.name);
	if (!images->is_durable)
		keeper_remove_image(images->keeper, entry->image.shm.name);
	entry_free(images, entry);
}

void images_free(struct images *images)
{
	if (images == NULL)
		return;
	struct entry *entry, *next;
	HASH_ITER(hh, images->entries, entry, next)
	{
		if (images->is_durable)
			entry_free(images, entry);
		else
			entry_drop(images, entry);
	}
	free(images);
}

void images_note_all(const struct images *images)
{
	if (images->is_durable)
		return;
	for (const struct entry *entry = images->entries; entry != NULL; entry = entry->hh.next)
		keeper_add_image(images->keeper, entry->image.shm.name);
}

void images_touch(const struct images *images)
{
	for (const struct entry *entry = images->entries; entry != NULL; entry = entry->hh.next)
		shm_touch(&entry->image.shm);
}

void images_sweep(bool is_first)
{
	struct shm_left left;
	unsigned removed = shm_sweep(&left);
	if (is_first && left.count > 0)
		log_line(LOG_LEVEL_NOTICE,
			 "images of other brokers' stores are left, until 7 days after their last "
			 "sign of life count=%u bytes=%llu",
			 left.count, (unsigned long long)left.bytes);
	if (removed > 0)
		log_line(LOG_LEVEL_NOTICE, "removed images of dead brokers count=%u", removed);
}

bool image_is_grid(const struct image *image)
{
	return image->grid.layout.total_bytes > 0;
}

uint64_t image_total_bytes(const struct image *image)
{
	return image_is_grid(image) ? image->grid.layout.total_bytes : image->layout.total_bytes;
}

/* Says in its header that it is ours. */
static void header_write(const struct images *images, const struct image *image, bool is_new)
{
	uint32_t uid = (uint32_t)geteuid(), pid = (uint32_t)getpid();
	uint32_t flags = images->is_durable ? IMAGE_DURABLE : 0;
	void *memory = image->shm.memory;
	if (!image_is_grid(image)) {
		image_header_write(memory, &image->layout, image->work, image->nonce, uid, pid,
				   flags);
	} else if (is_new) {
		grid_header_write(memory, &image->grid.layout, image->work, image->nonce, uid, pid,
				  flags);
	} else {
		struct grid_header *header = memory;
		header->owner_uid = uid;
		header->owner_pid = pid;
	}
}

/* Takes the segment. counts: the layout of a grid; else NULL. */
static void entry_add(struct images *images, uint64_t work, const struct plan *plan,
		      const struct grid_layout *counts, bool is_new, const struct image_id *id,
		      const struct shm *shm)
{
	assert(entry_find(images, work) == NULL);
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		abort();
	entry->work = work;
	entry->image = (struct image){
		.work = work,
		.shm = *shm,
	};
	if (counts != NULL) {
		entry->image.grid = grid_view(shm->memory, counts);
	} else {
		entry->image.layout = plan_band_layout(plan, work_band(work));
		entry->image.is_mirrored = plan_is_mirrored(plan);
	}
	memcpy(entry->image.nonce, id->nonce, sizeof id->nonce);
	header_write(images, &entry->image, is_new);
	HASH_ADD(hh, images->entries, work, sizeof entry->work, entry);
}

static uint64_t bytes_of(const struct plan *plan, const struct grid_layout *counts, uint64_t work)
{
	return counts != NULL ? counts->total_bytes
			      : plan_band_layout(plan, work_band(work)).total_bytes;
}

static enum brot_err make(struct images *images, uint64_t work, const struct plan *plan,
			  const struct grid_layout *counts, const struct image_id *id,
			  struct brot_error *err)
{
	struct shm shm;
	enum brot_err code = shm_make_named(id->name, (size_t)bytes_of(plan, counts, work), &shm,
					    err);
	if (code != BROT_OK)
		return code;
	if (!images->is_durable)
		keeper_add_image(images->keeper, shm.name);
	entry_add(images, work, plan, counts, true, id, &shm);
	return BROT_OK;
}

enum brot_err images_make(struct images *images, uint64_t work, const struct plan *plan,
			  const struct image_id *id, struct brot_error *err)
{
	return make(images, work, plan, work_is_grid(work) ? &plan->counts : NULL, id, err);
}

enum brot_err images_make_sum(struct images *images, uint64_t work, const struct plan *plan,
			      const struct image_id *id, struct brot_error *err)
{
	assert(work_is_grid(work));
	return make(images, work, plan, &plan->sums, id, err);
}

/* One of counts is of use only as a whole. */
static enum brot_err grid_check(const struct shm *shm, const struct grid_layout *counts,
				uint64_t work, uint8_t ret_nonce[MESSAGE_NONCE_BYTES],
				struct brot_error *err)
{
	enum grid_state state;
	enum brot_err code = grid_header_check(shm->memory, shm->bytes, counts, work, ret_nonce,
					       &state, err);
	if (code != BROT_OK)
		return code;
	const struct grid grid = grid_view(shm->memory, counts);
	if (state != GRID_COMMITTED || !grid_is_exact(&grid))
		return error_set(err, BROT_E_NOT_FOUND, "grid: was not committed");
	return BROT_OK;
}

static enum brot_err header_check(const struct shm *shm, const struct plan *plan,
				  const struct grid_layout *counts, uint64_t work,
				  uint8_t ret_nonce[MESSAGE_NONCE_BYTES], struct brot_error *err)
{
	if (counts != NULL)
		return grid_check(shm, counts, work, ret_nonce, err);
	struct image_layout layout = plan_band_layout(plan, work_band(work));
	return image_header_check(shm->memory, shm->bytes, &layout, work, ret_nonce, err);
}

static enum brot_err adopt(struct images *images, uint64_t work, const struct plan *plan,
			   const struct grid_layout *counts, const struct image_id *id,
			   struct brot_error *err)
{
	struct shm shm;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
	enum brot_err code = shm_adopt(id->name, (size_t)bytes_of(plan, counts, work), &shm, err);
	if (code != BROT_OK)
		return code;
	code = header_check(&shm, plan, counts, work, nonce, err);
	if (code == BROT_OK && memcmp(nonce, id->nonce, sizeof nonce) != 0)
		code = error_set(err, BROT_E_PROTOCOL, "image: nonce is not that of job %llu",
				 (unsigned long long)work_job(work));
	if (code == BROT_OK)
		entry_add(images, work, plan, counts, false, id, &shm);
	else
		shm_unmap(&shm);
	return code;
}

enum brot_err images_adopt(struct images *images, uint64_t work, const struct plan *plan,
			   const struct image_id *id, struct brot_error *err)
{
	if (!work_is_grid(work))
		return adopt(images, work, plan, NULL, id, err);
	/* Its size and its header say which of the two it is. */
	enum brot_err code = adopt(images, work, plan, &plan->sums, id, err);
	return code == BROT_E_PROTOCOL ? adopt(images, work, plan, &plan->counts, id, err) : code;
}

struct image *images_find(const struct images *images, uint64_t work)
{
	struct entry *entry = entry_find(images, work);
	return entry != NULL ? &entry->image : NULL;
}

const uint8_t *image_bits(const struct image *image)
{
	return (const uint8_t *)image->shm.memory + image->layout.bits_offset;
}

bool images_drop(struct images *images, uint64_t work)
{
	struct entry *entry = entry_find(images, work);
	if (entry != NULL)
		entry_drop(images, entry);
	return entry != NULL;
}

void images_each(struct images *images, void (*fn)(struct image *image, void *context),
		 void *context)
{
	for (struct entry *entry = images->entries; entry != NULL; entry = entry->hh.next)
		fn(&entry->image, context);
}

static void copy_in(struct image *image, const struct rect *rect, const uint8_t *from)
{
	for (uint32_t p = 0; p < image->layout.plane_count; p++) {
		size_t row_bytes = (size_t)rect->w * image->layout.planes[p].pixel_bytes;
		for (uint32_t y = rect->y; y < rect->y + rect->h; y++, from += row_bytes)
			memcpy(image_pixel(image->shm.memory, &image->layout, p, rect->x, y), from,
			       row_bytes);
	}
	if (image->is_mirrored)
		mirror_copy(image->shm.memory, &image->layout, rect);
}

enum brot_err image_unpack_bytes(size_t bytes, uint32_t codec, struct bytes data, uint64_t digest,
				 void **ret_unpacked, struct brot_error *err)
{
	uint8_t *unpacked = malloc(bytes);
	size_t got = data.size;
	if (unpacked == NULL)
		abort();
	if (codec == CODEC_ZSTD) {
		got = ZSTD_decompress(unpacked, bytes, data.data, data.size);
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
	if (code == BROT_OK && codec != CODEC_ZSTD)
		memcpy(unpacked, data.data, bytes);
	if (code == BROT_OK && XXH3_64bits(unpacked, bytes) != digest)
		code = error_set(err, BROT_E_PROTOCOL,
				 "DONE: the pixels' digest is not the one announced");
	if (code == BROT_OK)
		*ret_unpacked = unpacked;
	else
		free(unpacked);
	return code;
}

enum brot_err image_unpack(struct image *image, const struct rect *rect, uint32_t codec,
			   struct bytes data, uint64_t digest, struct brot_error *err)
{
	void *pixels;
	enum brot_err code = image_unpack_bytes(image_rect_bytes(&image->layout, rect), codec, data,
						digest, &pixels, err);
	if (code != BROT_OK)
		return code;
	copy_in(image, rect, pixels);
	free(pixels);
	return BROT_OK;
}

static void mark(struct image *image, const struct rect *rect)
{
	uint32_t first, count;
	bool is_run = rect_segment_run(&image->layout.grid, rect, &first, &count);
	assert(is_run);
	(void)is_run;
	image_bits_set(image->shm.memory, &image->layout, first, count);
}

void image_mark(struct image *image, const struct rect *rect)
{
	image->marks++;
	/* The computed rows last: a restarted broker goes by them. */
	if (image->is_mirrored) {
		const struct rect other = mirror_rect(image->layout.grid.height_px, rect);
		mark(image, &other);
	}
	mark(image, rect);
}

void image_mirror(struct image *image)
{
	const struct segment_grid *grid = &image->layout.grid;
	uint32_t upper = image->is_mirrored ? mirror_rows(grid->height_px) * grid->slices_per_row
					    : 0;
	for (uint32_t segment = 0; segment < upper; segment++) {
		if (!image_bit_get(image->shm.memory, &image->layout, segment))
			continue;
		const struct rect rect = segment_run_rect(grid, segment, 1);
		const struct rect other = mirror_rect(grid->height_px, &rect);
		uint32_t first, count;
		if (!rect_segment_run(grid, &other, &first, &count) ||
		    image_bit_get(image->shm.memory, &image->layout, first))
			continue;
		mirror_copy(image->shm.memory, &image->layout, &rect);
		mark(image, &other);
	}
}

void image_copy_out(const struct image *image, uint32_t plane, const struct rect *rect, void *to)
{
	size_t row_bytes = (size_t)rect->w * image->layout.planes[plane].pixel_bytes;
	uint8_t *at = to;
	for (uint32_t y = rect->y; y < rect->y + rect->h; y++, at += row_bytes)
		memcpy(at, image_pixel(image->shm.memory, &image->layout, plane, rect->x, y),
		       row_bytes);
}
