/* test_image.c - where the planes lie, headers that a stranger made, and bits between threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/image.h"
#include "proto/limits.h"

#define JOB       0x0102030405060708
#define OWNER_UID 0xa1a2a3a4
#define OWNER_PID 0xb1b2b3b4

static const uint8_t nonce[MESSAGE_NONCE_BYTES] = "0123456789abcde";

static struct image_layout layout_of(uint32_t width, uint32_t height, enum format_id format)
{
	struct segment_grid grid;
	struct image_layout layout;
	assert_true(segment_grid_make(width, height, format_pixel_bytes(format), 1000, &grid));
	assert_true(image_layout_make(&grid, format, &layout));
	return layout;
}

static void *memory_of(const struct image_layout *layout)
{
	void *memory = calloc(1, layout->total_bytes);
	assert_non_null(memory);
	image_header_write(memory, layout, JOB, nonce, OWNER_UID, OWNER_PID, 0);
	return memory;
}

static void planes_are_aligned_and_apart(void **state)
{
	(void)state;
	static const uint32_t sizes[][2] = {
		{1, 1},
		{1, 8},
		{1, 9},
		{3, 7},
		{1365, 1},
		{1366, 1},
		{1000, 1000},
		{1, 1 << 20},
		{LIMIT_SIZE_PX, 4},
		{LIMIT_SIZE_PX, LIMIT_SIZE_PX},
	};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (uint32_t f = 0; f < FORMAT_COUNT; f++) {
			const struct format_info *format = format_info((enum format_id)f);
			struct image_layout l = layout_of(sizes[i][0], sizes[i][1], format->id);
			uint64_t segments = segment_count(&l.grid);
			assert_int_equal(l.grid.width_px, sizes[i][0]);
			assert_int_equal(l.grid.height_px, sizes[i][1]);
			assert_true(l.bits_offset >= sizeof(struct image_header));
			assert_int_equal(l.bits_offset % IMAGE_ALIGN, 0);
			assert_int_equal(l.bits_bytes, (segments + 7) / 8);
			assert_int_equal(l.plane_count, format->plane_count);
			uint64_t end = l.bits_offset + l.bits_bytes;
			for (uint32_t p = 0; p < l.plane_count; p++) {
				const struct image_plane *plane = &l.planes[p];
				assert_int_equal(plane->type, format->planes[p]);
				assert_int_equal(plane->pixel_bytes,
						 plane_info(plane->type)->pixel_bytes);
				assert_int_equal(plane->offset % IMAGE_ALIGN, 0);
				assert_true(plane->offset >= end);
				assert_true(plane->offset - end < IMAGE_ALIGN);
				assert_int_equal(plane->bytes, (uint64_t)sizes[i][0] * sizes[i][1] *
								       plane->pixel_bytes);
				end = plane->offset + plane->bytes;
			}
			assert_true(l.total_bytes >= end && l.total_bytes - end < IMAGE_ALIGN);
			assert_int_equal(l.total_bytes % IMAGE_ALIGN, 0);
		}
}

static void sizes_that_overflow_are_refused(void **state)
{
	(void)state;
	/* In the last, the second plane would start on the last page below 2^63. */
	static const struct {
		struct segment_grid grid;
		enum format_id format;
		bool fits;
	} cases[] = {
		{{UINT32_MAX, UINT32_MAX, UINT32_MAX, 1}, FORMAT_RGB8, false},
		{{UINT32_MAX, UINT32_MAX, UINT32_MAX, 1}, FORMAT_ITERATIONS, false},
		{{UINT32_MAX, UINT32_MAX, UINT32_MAX, 1}, FORMAT_SMOOTH, false},
		{{UINT32_MAX, 1u << 30, UINT32_MAX, 1}, FORMAT_RGB8, false},
		{{UINT32_MAX, 1u << 29, UINT32_MAX, 1}, FORMAT_SMOOTH, false},
		{{UINT32_MAX, 1u << 29, UINT32_MAX, 1}, FORMAT_RGB8, true},
		{{UINT32_MAX, (1u << 28) - 1, UINT32_MAX, 1}, FORMAT_SMOOTH, true},
		{{4290346345, 537449153, 4290346345, 1}, FORMAT_SMOOTH, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct image_layout layout, before;
		memset(&layout, 0x5a, sizeof layout);
		before = layout;
		if (image_layout_make(&cases[i].grid, cases[i].format, &layout) != cases[i].fits)
			fail_msg("case %zu", i);
		if (cases[i].fits)
			assert_true(layout.total_bytes <= INT64_MAX);
		else
			assert_memory_equal(&layout, &before, sizeof layout);
	}
}

static void a_header_is_these_bytes(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct image_header), 264);
	static const uint8_t want[] = {
		'B',  'R',  'O',  'T',  'I',  'M',  'G',  '1',  /* magic */
		3,    0,    0,    0,    8,    1,    0,    0,    /* version, header_bytes */
		0,    0x40, 0,    0,    0,    0,    0,    0,    /* total_bytes: 4 pages */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* job */
		'0',  '1',  '2',  '3',  '4',  '5',  '6',  '7',  /* nonce */
		'8',  '9',  'a',  'b',  'c',  'd',  'e',  0,    /* nonce */
		0xa4, 0xa3, 0xa2, 0xa1, 0xb4, 0xb3, 0xb2, 0xb1, /* uid, pid */
		0x2c, 0x01, 0,    0,    2,    0,    0,    0,    /* 300 x 2 */
		0x2c, 0x01, 0,    0,    1,    0,    0,    0,    /* slice, slices_per_row */
		0,    0x10, 0,    0,    0,    0,    0,    0,    /* bits_offset */
		1,    0,    0,    0,    0,    0,    0,    0,    /* bits_bytes */
		2,    0,    0,    0,    0,    0,    0,    0,    /* plane_count, flags */
		3,    0,    0,    0,    4,    0,    0,    0,    /* whole */
		0,    0x20, 0,    0,    0,    0,    0,    0,    /* offset */
		0x60, 0x09, 0,    0,    0,    0,    0,    0,    /* 2400 bytes */
		4,    0,    0,    0,    4,    0,    0,    0,    /* fraction */
		0,    0x30, 0,    0,    0,    0,    0,    0,    /* offset */
		0x60, 0x09, 0,    0,    0,    0,    0,    0,    /* bytes */
	};
	struct image_layout layout = layout_of(300, 2, FORMAT_SMOOTH);
	uint8_t expected[sizeof(struct image_header)] = {0}; /* no further planes */
	memcpy(expected, want, sizeof want);
	uint8_t *memory = memory_of(&layout);
	assert_memory_equal(memory, expected, sizeof expected);
	free(memory);
}

static void refused(const void *memory, size_t bytes, const struct image_layout *want, uint64_t job,
		    const char *sentence)
{
	uint8_t found[MESSAGE_NONCE_BYTES], before[MESSAGE_NONCE_BYTES];
	struct brot_error err = {0};
	memset(found, 0x5a, sizeof found);
	memcpy(before, found, sizeof before);
	if (image_header_check(memory, bytes, want, job, found, &err) != BROT_E_PROTOCOL)
		fail_msg("taken; should be refused: %s", sentence);
	assert_int_equal(err.code, BROT_E_PROTOCOL);
	assert_memory_equal(found, before, sizeof found);
	assert_string_equal(err.text, sentence);
}

static void the_right_header_is_taken(void **state)
{
	(void)state;
	for (uint32_t f = 0; f < FORMAT_COUNT; f++) {
		struct image_layout layout = layout_of(64, 48, (enum format_id)f);
		void *memory = memory_of(&layout);
		uint8_t found[MESSAGE_NONCE_BYTES] = {0};
		struct brot_error err;
		assert_int_equal(
			image_header_check(memory, layout.total_bytes, &layout, JOB, found, &err),
			BROT_OK);
		assert_memory_equal(found, nonce, sizeof nonce);
		free(memory);
	}
}

static void each_byte_of_a_header_counts(void **state)
{
	(void)state;
	struct image_layout layout = layout_of(64, 48, FORMAT_SMOOTH);
	uint8_t *memory = memory_of(&layout);
	const size_t free_start = offsetof(struct image_header, nonce);
	const size_t free_end = offsetof(struct image_header, width_px);
	for (size_t i = 0; i < sizeof(struct image_header); i++)
		for (int bit = 0; bit < 8; bit++) {
			uint8_t found[MESSAGE_NONCE_BYTES] = {0};
			memory[i] ^= (uint8_t)(1u << bit);
			enum brot_err code = image_header_check(memory, layout.total_bytes, &layout,
								JOB, found, NULL);
			bool is_durable = i == offsetof(struct image_header, flags) &&
					  1u << bit == IMAGE_DURABLE;
			bool is_free = (i >= free_start && i < free_end) || is_durable;
			if ((code == BROT_OK) != is_free)
				fail_msg("byte %zu, bit %d: %s", i, bit, brot_err_name(code));
			if (code == BROT_OK)
				assert_memory_equal(found, memory + free_start, sizeof found);
			memory[i] ^= (uint8_t)(1u << bit);
		}
	memory[0] = 'b';
	refused(memory, layout.total_bytes, &layout, JOB, "image: must start with \"BROTIMG1\"");
	memory[0] = 'B';
	memory[8] = 1;
	refused(memory, layout.total_bytes, &layout, JOB, "image: version must be 3, got 1");
	free(memory);
}

static void another_image_is_refused(void **state)
{
	(void)state;
	struct image_layout layout = layout_of(64, 48, FORMAT_SMOOTH);
	void *memory = memory_of(&layout);
	const size_t bytes = (size_t)layout.total_bytes;
	char sentence[64];
	size_t lengths[] = {0,
			    1,
			    sizeof(struct image_header) - 1,
			    sizeof(struct image_header),
			    bytes - 1,
			    bytes + 1,
			    SIZE_MAX};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		(void)snprintf(sentence, sizeof sentence, "image: must have %zu bytes, got %zu",
			       bytes, lengths[i]);
		refused(memory, lengths[i], &layout, JOB, sentence);
	}
	refused(memory, bytes, &layout, JOB + 1,
		"image: header is not that of job 72623859790382857 with 64x48 pixels");
	struct image_layout other = layout_of(48, 64, FORMAT_SMOOTH);
	assert_int_equal(other.total_bytes, bytes);
	refused(memory, bytes, &other, JOB,
		"image: header is not that of job 72623859790382856 with 48x64 pixels");
	other = layout;
	other.grid.slice_px = 32;
	other.grid.slices_per_row = 2;
	refused(memory, bytes, &other, JOB,
		"image: header is not that of job 72623859790382856 with 64x48 pixels");
	/* A layout that claims less than a header. */
	other = layout;
	other.total_bytes = 8;
	refused(memory, 8, &other, JOB, "image: must have 8 bytes, got 8");
	free(memory);
}

static void pixels_lie_within_their_plane(void **state)
{
	(void)state;
	struct image_layout layout = layout_of(37, 11, FORMAT_SMOOTH);
	uint8_t *memory = memory_of(&layout);
	for (uint32_t p = 0; p < layout.plane_count; p++) {
		const struct image_plane *plane = &layout.planes[p];
		uint8_t *first = image_pixel(memory, &layout, p, 0, 0);
		assert_ptr_equal(first, memory + plane->offset);
		assert_int_equal(image_stride(&layout, p), 37 * plane->pixel_bytes);
		for (uint32_t y = 0; y < 11; y++)
			for (uint32_t x = 0; x < 37; x++) {
				const uint8_t *at = image_pixel(memory, &layout, p, x, y);
				assert_int_equal(at - first, y * image_stride(&layout, p) +
								     x * plane->pixel_bytes);
			}
		uint8_t *last = image_pixel(memory, &layout, p, 36, 10);
		assert_int_equal(last + plane->pixel_bytes - first, plane->bytes);
	}
	free(memory);
	/* Beyond 2^32 bytes. */
	layout = layout_of(LIMIT_SIZE_PX, LIMIT_SIZE_PX, FORMAT_SMOOTH);
	char base[1];
	const void *last_pixel = image_pixel(base, &layout, 1, LIMIT_SIZE_PX - 1,
					     LIMIT_SIZE_PX - 1);
	uint64_t far = (uint64_t)((uintptr_t)last_pixel - (uintptr_t)base);
	assert_int_equal(far + 4, layout.planes[1].offset + layout.planes[1].bytes);
	struct rect all = {0, 0, LIMIT_SIZE_PX, LIMIT_SIZE_PX};
	assert_int_equal(image_rect_bytes(&layout, &all), 1ull << 43);
	struct rect some = {5, 6, 7, 8};
	assert_int_equal(image_rect_bytes(&layout, &some), 7 * 8 * 8);
	layout = layout_of(64, 64, FORMAT_RGB8);
	assert_int_equal(image_rect_bytes(&layout, &some), 7 * 8 * 3);
}

static void bits_say_what_is_done_and_no_more(void **state)
{
	(void)state;
	struct image_layout layout = layout_of(1, 29, FORMAT_RGB8);
	for (uint32_t first = 0; first < 29; first++)
		for (uint32_t count = 0; count <= 29 - first; count++) {
			uint8_t *memory = memory_of(&layout);
			uint8_t *want = memory_of(&layout);
			image_bits_set(memory, &layout, first, count);
			for (uint32_t i = 0; i < 29; i++) {
				bool is_set = i >= first && i < first + count;
				assert_int_equal(image_bit_get(memory, &layout, i), is_set);
				if (is_set)
					want[layout.bits_offset + i / 8] |= (uint8_t)(1u << i % 8);
			}
			assert_memory_equal(memory, want, layout.total_bytes);
			/* Again, and next to what is set already. */
			image_bits_set(memory, &layout, first, count);
			image_bits_set(memory, &layout, 0, 1);
			want[layout.bits_offset] |= 1;
			assert_memory_equal(memory, want, layout.total_bytes);
			free(memory);
			free(want);
		}
}

#define ROWS    20000
#define READERS 2

struct shared {
	struct image_layout layout;
	void *memory;
};

/* Waits for each segment in turn; its pixels must then be there. Returns how many were not. */
static void *read_rows(void *context)
{
	struct shared *shared = context;
	uintptr_t wrong = 0;
	for (uint32_t row = ROWS; row-- > 0;) {
		while (!image_bit_get(shared->memory, &shared->layout, row))
			;
		const uint32_t *pixel = image_pixel(shared->memory, &shared->layout, 0, 0, row);
		wrong += *pixel != row + 1;
	}
	return (void *)wrong;
}

static void whoever_sees_a_bit_sees_the_pixels(void **state)
{
	(void)state;
	struct shared shared = {.layout = layout_of(1, ROWS, FORMAT_ITERATIONS)};
	shared.memory = memory_of(&shared.layout);
	pthread_t readers[READERS];
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_rows, &shared), 0);
	for (uint32_t row = ROWS; row-- > 0;) {
		*(uint32_t *)image_pixel(shared.memory, &shared.layout, 0, 0, row) = row + 1;
		image_bits_set(shared.memory, &shared.layout, row, 1);
	}
	for (int i = 0; i < READERS; i++) {
		void *wrong;
		assert_int_equal(pthread_join(readers[i], &wrong), 0);
		assert_null(wrong);
	}
	free(shared.memory);
}

static void names_have_one_form(void **state)
{
	(void)state;
	assert_true(image_name_is_valid("/brot-0123456789abcdef0123456789abcdef"));
	assert_true(image_name_is_valid("/brot-ffffffffffffffffffffffffffffffff"));
	static const char *const bad[] = {
		"",
		"/",
		"/brot-",
		"brot-0123456789abcdef0123456789abcdef",
		"/brot-0123456789abcdef0123456789abcde",
		"/brot-0123456789abcdef0123456789abcdef0",
		"/brot-0123456789abcdef0123456789abcdeF",
		"/brot-0123456789abcdef0123456789abcdeg",
		"/brot-0123456789abcdef0123456789abcde/",
		"/brot-0123456789abcdef0123456789abcde\n",
		"/brot-../../../../../../../etc/passwd0",
		"//rot-0123456789abcdef0123456789abcdef",
		"/Brot-0123456789abcdef0123456789abcdef",
		"/brot_0123456789abcdef0123456789abcdef",
		"/brot-0123456789abcdef 123456789abcdef",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (image_name_is_valid(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	for (size_t place = 0; place < IMAGE_NAME_CHARS; place++) {
		char name[] = "/brot-0123456789abcdef0123456789abcdef";
		name[place] = '.';
		assert_false(image_name_is_valid(name));
		name[place] = '\0';
		assert_false(image_name_is_valid(name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planes_are_aligned_and_apart),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(a_header_is_these_bytes),
		cmocka_unit_test(the_right_header_is_taken),
		cmocka_unit_test(each_byte_of_a_header_counts),
		cmocka_unit_test(another_image_is_refused),
		cmocka_unit_test(pixels_lie_within_their_plane),
		cmocka_unit_test(bits_say_what_is_done_and_no_more),
		cmocka_unit_test(whoever_sees_a_bit_sees_the_pixels),
		cmocka_unit_test(names_have_one_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
