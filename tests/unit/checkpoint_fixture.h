/* checkpoint_fixture.h - a folder for checkpoints, and images whose every pixel is known. */
#ifndef TESTS_UNIT_CHECKPOINT_FIXTURE_H
#define TESTS_UNIT_CHECKPOINT_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/checkpoint.h"
#include "broker/checkpoint_file.h"
#include "proto/sys/shm.h"

#define WORK 0x3000000000aull

struct fixture {
	char folder[64];
	int fd;
	struct checkpoint_image image;
	struct shm shm;     /* what is saved */
	uint8_t *loaded;    /* what it is loaded to; total_bytes */
	uint32_t discarded; /* by the last load() */
};

static inline struct checkpoint_image image_of(uint32_t width_px, uint32_t height_px,
					       uint32_t slice_px)
{
	struct checkpoint_image image = {.work = WORK, .request_digest = 77};
	struct segment_grid grid = {width_px, height_px, slice_px,
				    (width_px + slice_px - 1) / slice_px};
	assert_true(image_layout_make(&grid, FORMAT_SMOOTH, &image.layout));
	memset(image.nonce, 5, sizeof image.nonce);
	return image;
}

/* Makes the image of f->image, with pixels that say where they are, and no segment done. */
static inline void image_begin(struct fixture *f)
{
	struct image_layout *layout = &f->image.layout;
	assert_int_equal(shm_make((size_t)layout->total_bytes, &f->shm, NULL), BROT_OK);
	memcpy(f->image.name, f->shm.name, sizeof f->image.name);
	image_header_write(f->shm.memory, layout, f->image.work, f->image.nonce,
			   (uint32_t)geteuid(), (uint32_t)getpid(), IMAGE_DURABLE);
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		uint8_t *plane = (uint8_t *)f->shm.memory + layout->planes[p].offset;
		for (uint64_t i = 0; i < layout->planes[p].bytes; i++)
			plane[i] = (uint8_t)((i * 2654435761u >> 13) + p + 1);
	}
	f->loaded = calloc(1, (size_t)layout->total_bytes);
	assert_non_null(f->loaded);
}

static inline void image_end(struct fixture *f)
{
	shm_remove(f->shm.name);
	shm_unmap(&f->shm);
	free(f->loaded);
	f->loaded = NULL;
}

/* 100 x 37 pixels, three slices a row, the last one narrower. */
static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/brot-checkpoint-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	f->image = image_of(100, 37, 40);
	image_begin(f);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	DIR *folder = opendir(f->folder);
	const struct dirent *entry;
	while ((entry = readdir(folder)) != NULL)
		(void)unlinkat(f->fd, entry->d_name, 0);
	(void)closedir(folder);
	(void)close(f->fd);
	int result = rmdir(f->folder);
	image_end(f);
	free(f);
	return result;
}

static inline void done(struct fixture *f, uint32_t first, uint32_t count)
{
	image_bits_set(f->shm.memory, &f->image.layout, first, count);
}

static inline uint32_t save(struct fixture *f)
{
	static const atomic_bool is_given_up;
	uint32_t segments = 0;
	struct brot_error err = {0};
	if (checkpoint_file_save(f->fd, &f->image, f->shm.memory, &is_given_up, &segments, &err) !=
	    BROT_OK)
		fail_msg("%s", err.text);
	assert_int_equal(err.code, BROT_OK);
	return segments;
}

/* Loads to f->loaded, made new before. */
static inline enum brot_err load(struct fixture *f, uint32_t *ret_segments)
{
	memset(f->loaded, 0, (size_t)f->image.layout.total_bytes);
	struct brot_error err = {0};
	enum brot_err code = checkpoint_file_load(f->fd, &f->image, f->loaded, ret_segments,
						  &f->discarded, &err);
	assert_int_equal(err.code, code);
	assert_int_equal(code != BROT_OK, strlen(err.text) > 0);
	return code;
}

/* The first byte of segment s in plane p, and how many there are. */
static inline size_t segment_bytes(const struct fixture *f, uint32_t s, uint32_t p,
				   uint64_t *ret_at)
{
	const struct image_layout *layout = &f->image.layout;
	struct rect rect = segment_run_rect(&layout->grid, s, 1);
	*ret_at = layout->planes[p].offset + ((uint64_t)rect.y * layout->grid.width_px + rect.x) *
						     layout->planes[p].pixel_bytes;
	return (size_t)rect.w * layout->planes[p].pixel_bytes;
}

/* Whether the loaded image has the pixels of segment s, all of them, or else (asserted) none; its
 * bit must say the same. */
static inline bool has_segment(const struct fixture *f, uint32_t s)
{
	bool has = image_bit_get(f->loaded, &f->image.layout, s);
	for (uint32_t p = 0; p < f->image.layout.plane_count; p++) {
		uint64_t at;
		size_t bytes = segment_bytes(f, s, p, &at);
		static const uint8_t zeros[4096];
		assert_true(bytes <= sizeof zeros);
		assert_memory_equal(f->loaded + at,
				    has ? (const uint8_t *)f->shm.memory + at : zeros, bytes);
	}
	return has;
}

static inline uint32_t count_segments(const struct fixture *f)
{
	uint32_t count = 0;
	for (uint32_t s = 0; s < segment_count(&f->image.layout.grid); s++)
		count += has_segment(f, s);
	return count;
}

static inline int file_open(const struct fixture *f)
{
	char name[CHECKPOINT_NAME_BYTES];
	checkpoint_file_name(f->image.work, name);
	int fd = openat(f->fd, name, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static inline bool file_exists(const struct fixture *f, uint64_t work)
{
	char name[CHECKPOINT_NAME_BYTES];
	checkpoint_file_name(work, name);
	return faccessat(f->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
