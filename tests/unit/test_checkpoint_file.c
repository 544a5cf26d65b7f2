/* test_checkpoint_file.c - what a checkpoint brings back, and what it must not. */
#include "tests/unit/checkpoint_fixture.h"

#define SEGMENTS 111 /* 37 rows of 3 */

static void what_is_saved_comes_back(void **state)
{
	struct fixture *f = *state;
	uint32_t segments = 9;
	assert_int_equal(load(f, &segments), BROT_E_NOT_FOUND);
	assert_int_equal(segments, 0);
	assert_int_equal(save(f), 0);
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, 0);

	done(f, 0, 1);
	done(f, 4, 9);
	done(f, 110, 1);
	assert_int_equal(save(f), 11);
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, 11);
	for (uint32_t s = 0; s < SEGMENTS; s++)
		assert_int_equal(has_segment(f, s), s == 0 || (s >= 4 && s < 13) || s == 110);

	/* Only what is new is written again. */
	done(f, 13, 2);
	assert_int_equal(save(f), 2);
	assert_int_equal(save(f), 0);
	done(f, 0, SEGMENTS);
	assert_int_equal(save(f), SEGMENTS - 13);
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, SEGMENTS);
	assert_int_equal(count_segments(f), SEGMENTS);
}

static void nothing_but_pixels_and_bits_is_loaded(void **state)
{
	struct fixture *f = *state;
	const struct image_layout *layout = &f->image.layout;
	done(f, 0, SEGMENTS);
	(void)save(f);
	uint32_t segments;
	assert_int_equal(load(f, &segments), BROT_OK);
	uint8_t *want = calloc(1, (size_t)layout->total_bytes);
	memcpy(want + layout->bits_offset, (uint8_t *)f->shm.memory + layout->bits_offset,
	       (size_t)layout->bits_bytes);
	for (uint32_t p = 0; p < layout->plane_count; p++)
		memcpy(want + layout->planes[p].offset,
		       (uint8_t *)f->shm.memory + layout->planes[p].offset,
		       (size_t)layout->planes[p].bytes);
	assert_memory_equal(f->loaded, want, (size_t)layout->total_bytes);
	free(want);
}

static void images_of_any_shape_come_back(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint32_t width_px, height_px, slice_px;
	} shapes[] = {{1, 1, 1}, {7, 1, 1}, {1, 9, 1}, {64, 64, 64}, {1000, 5, 999}, {3, 20000, 3}};
	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
		image_end(f);
		f->image = image_of(shapes[i].width_px, shapes[i].height_px, shapes[i].slice_px);
		image_begin(f);
		uint32_t segments, all = segment_count(&f->image.layout.grid);
		for (uint32_t s = 0; s < all; s += 2)
			done(f, s, 1);
		/* The file of another shape was in its place. */
		assert_int_equal(save(f), (all + 1) / 2);
		done(f, 0, all);
		assert_int_equal(save(f), all / 2);
		assert_int_equal(load(f, &segments), BROT_OK);
		assert_int_equal(segments, all);
		assert_int_equal(count_segments(f), all);
	}
}

static void a_spoilt_segment_is_not_done_and_saved_again(void **state)
{
	struct fixture *f = *state;
	const struct image_layout *layout = &f->image.layout;
	done(f, 0, SEGMENTS);
	(void)save(f);
	int fd = file_open(f);
	for (uint32_t p = 0; p < layout->plane_count; p++) {
		uint64_t at;
		size_t bytes = segment_bytes(f, 20 + p, p, &at);
		uint8_t value = (uint8_t) ~((uint8_t *)f->shm.memory)[at + bytes - 1];
		assert_int_equal(pwrite(fd, &value, 1, (off_t)(at + bytes - 1)), 1);
	}
	/* Two checksums that have changed places. */
	uint64_t sums[2], swapped[2];
	off_t sums_at = (off_t)(layout->total_bytes + 50 * sizeof sums[0]);
	assert_int_equal(pread(fd, sums, sizeof sums, sums_at), sizeof sums);
	swapped[0] = sums[1];
	swapped[1] = sums[0];
	assert_int_equal(pwrite(fd, swapped, sizeof swapped, sums_at), sizeof swapped);
	(void)close(fd);

	uint32_t segments, bad = layout->plane_count + 2;
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, SEGMENTS - bad);
	assert_int_equal(f->discarded, bad);
	for (uint32_t s = 0; s < SEGMENTS; s++)
		assert_int_equal(has_segment(f, s), !((s >= 20 && s < 20 + layout->plane_count) ||
						      s == 50 || s == 51));
	assert_int_equal(save(f), bad);
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, SEGMENTS);
	assert_int_equal(f->discarded, 0);
}

static void a_bit_without_pixels_is_not_believed(void **state)
{
	struct fixture *f = *state;
	done(f, 3, 1);
	(void)save(f);
	int fd = file_open(f);
	uint8_t ones[14];
	memset(ones, 0xff, sizeof ones);
	assert_int_equal(f->image.layout.bits_bytes, sizeof ones);
	assert_int_equal(pwrite(fd, ones, sizeof ones, (off_t)f->image.layout.bits_offset),
			 sizeof ones);
	(void)close(fd);
	uint32_t segments;
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, 1);
	assert_int_equal(count_segments(f), 1);
}

static void another_image_is_refused(void **state)
{
	struct fixture *f = *state;
	done(f, 0, SEGMENTS);
	(void)save(f);
	uint32_t segments;
	struct checkpoint_image right = f->image;
	f->image.request_digest++;
	assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
	assert_int_equal(count_segments(f), 0);
	f->image = right;
	f->image.layout.grid.slice_px--;
	assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
	f->image = right;

	/* A file that was renamed. */
	char from[CHECKPOINT_NAME_BYTES], to[CHECKPOINT_NAME_BYTES];
	checkpoint_file_name(WORK, from);
	checkpoint_file_name(WORK + 1, to);
	assert_int_equal(renameat(f->fd, from, f->fd, to), 0);
	f->image.work++;
	assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
	f->image = right;

	/* A save takes the place of what is of no use. */
	assert_int_equal(renameat(f->fd, to, f->fd, from), 0);
	f->image.request_digest++;
	assert_int_equal(save(f), SEGMENTS);
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, SEGMENTS);
}

static void a_file_of_the_wrong_size_is_refused(void **state)
{
	struct fixture *f = *state;
	done(f, 0, SEGMENTS);
	(void)save(f);
	int fd = file_open(f);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	uint32_t segments;
	assert_int_equal(ftruncate(fd, st.st_size + 1), 0);
	assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
	assert_int_equal(ftruncate(fd, st.st_size - 1), 0);
	assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
	for (off_t bytes = st.st_size / 4096 * 4096; bytes >= 0; bytes -= 4096) {
		assert_int_equal(ftruncate(fd, bytes), 0);
		segments = 9;
		assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
		assert_int_equal(segments, 0);
		assert_int_equal(count_segments(f), 0);
	}
	/* Cut and grown again: there are holes where the pixels were. */
	assert_int_equal(ftruncate(fd, st.st_size), 0);
	assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
	(void)close(fd);
	assert_int_equal(save(f), SEGMENTS);
	for (off_t bytes = st.st_size / 4096 * 4096; bytes >= 8192; bytes -= 4096) {
		fd = file_open(f);
		assert_int_equal(ftruncate(fd, bytes), 0);
		assert_int_equal(ftruncate(fd, st.st_size), 0);
		(void)close(fd);
		assert_int_equal(load(f, &segments), BROT_OK);
		assert_int_equal(count_segments(f), segments);
	}
	/* Nothing but the header and the bits was left then, and the bits are gone by now. */
	assert_int_equal(segments, 0);
	assert_int_equal(save(f), SEGMENTS);
}

static void garbage_is_no_crash_and_no_pixel(void **state)
{
	struct fixture *f = *state;
	done(f, 0, SEGMENTS);
	struct stat st;
	(void)save(f);
	int fd = file_open(f);
	assert_int_equal(fstat(fd, &st), 0);
	(void)close(fd);
	uint32_t refused = 0, partly = 0;
	for (uint32_t round = 0; round < 400; round++) {
		(void)save(f);
		fd = file_open(f);
		uint8_t noise[64];
		for (size_t i = 0; i < sizeof noise; i++)
			noise[i] = (uint8_t)((round * 64 + i) * 2654435761u >> 11);
		off_t at = (off_t)((uint64_t)round * 2654435761u % (uint64_t)st.st_size);
		if (round % 8 == 0)
			at = round; /* the header */
		size_t bytes = sizeof noise;
		if ((off_t)bytes > st.st_size - at)
			bytes = (size_t)(st.st_size - at);
		assert_int_equal(pwrite(fd, noise, bytes, at), bytes);
		(void)close(fd);
		uint32_t segments;
		enum brot_err code = load(f, &segments);
		assert_true(code == BROT_OK || code == BROT_E_PROTOCOL);
		assert_int_equal(count_segments(f), segments);
		refused += code != BROT_OK;
		partly += code == BROT_OK && segments < SEGMENTS;
	}
	assert_true(refused > 0 && partly > 0);
}

static void other_things_under_the_name_are_no_checkpoints(void **state)
{
	struct fixture *f = *state;
	char name[CHECKPOINT_NAME_BYTES];
	checkpoint_file_name(WORK, name);
	assert_string_equal(name, "000003000000000a.ckpt");
	uint32_t segments;
	assert_int_equal(mkfifoat(f->fd, name, 0600), 0);
	assert_int_equal(load(f, &segments), BROT_E_PROTOCOL);
	done(f, 0, 1);
	assert_int_equal(save(f), 1);
	assert_int_equal(unlinkat(f->fd, name, 0), 0);

	assert_int_equal(symlinkat("/etc/passwd", f->fd, name), 0);
	assert_int_equal(load(f, &segments), BROT_E_SYSTEM);
	static const atomic_bool is_given_up;
	assert_int_equal(checkpoint_file_save(f->fd, &f->image, f->shm.memory, &is_given_up,
					      &segments, NULL),
			 BROT_E_SYSTEM);
}

static void a_save_that_is_given_up_leaves_the_file_as_good(void **state)
{
	struct fixture *f = *state;
	static const atomic_bool is_given_up = true;
	done(f, 0, 5);
	(void)save(f);
	done(f, 0, SEGMENTS);
	uint32_t segments;
	assert_int_equal(checkpoint_file_save(f->fd, &f->image, f->shm.memory, &is_given_up,
					      &segments, NULL),
			 BROT_E_CANCELLED);
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, 5);
	assert_int_equal(save(f), SEGMENTS - 5);
}

static void names_are_told_from_others(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		".",
		"000003000000000a",
		"000003000000000A.ckpt",
		"00003000000000a.ckpt",
		"0000003000000000a.ckpt",
		"000003000000000a.ckpt~",
		"000003000000000axckpt",
		"0x0003000000000a.ckpt",
	};
	uint64_t work = 0;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(checkpoint_file_work(bad[i], &work));
	assert_true(checkpoint_file_work("000003000000000a.ckpt", &work));
	assert_int_equal(work, WORK);
	assert_true(checkpoint_file_work("ffffffffffffffff.ckpt", &work));
	assert_int_equal(work, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_comes_back),
		TEST(nothing_but_pixels_and_bits_is_loaded),
		TEST(images_of_any_shape_come_back),
		TEST(a_spoilt_segment_is_not_done_and_saved_again),
		TEST(a_bit_without_pixels_is_not_believed),
		TEST(another_image_is_refused),
		TEST(a_file_of_the_wrong_size_is_refused),
		TEST(garbage_is_no_crash_and_no_pixel),
		TEST(other_things_under_the_name_are_no_checkpoints),
		TEST(a_save_that_is_given_up_leaves_the_file_as_good),
		cmocka_unit_test(names_are_told_from_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
