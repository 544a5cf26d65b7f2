/*
 * fuzz_image.c - a segment that a stranger made: what image_header_check() accepts can be read
 * whole, and every tile of it lies inside.
 *
 * The input: struct image_shape, then the segment. Shorter ones end in zeros.
 */
#include "proto/image.h"
#include "tests/fuzz/fuzz.h"

#define JOB       7
#define BYTES_MAX (1 << 18)

struct image_shape {
	uint8_t width_px, height_px, slice_px, format;
	uint8_t is_ours; /* the segment starts with the header that belongs there */
};

static bool layout_of(const struct image_shape *shape, struct image_layout *ret_layout)
{
	struct segment_grid grid = {
		.width_px = shape->width_px + 1u,
		.height_px = shape->height_px + 1u,
	};
	grid.slice_px = shape->slice_px % grid.width_px + 1;
	grid.slices_per_row = (grid.width_px + grid.slice_px - 1) / grid.slice_px;
	return image_layout_make(&grid, (enum format_id)(shape->format % FORMAT_COUNT), ret_layout);
}

static void read_whole(uint8_t *memory, const struct image_layout *layout)
{
	const struct segment_grid *grid = &layout->grid;
	uint32_t marked = 0, count = segment_count(grid);
	volatile uint8_t sum = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct rect rect = segment_run_rect(grid, i, 1);
		uint32_t first, run;
		FUZZ_CHECK(rect_segment_run(grid, &rect, &first, &run) && first == i && run == 1,
			   "segment %u is another's rectangle", i);
		for (uint32_t p = 0; p < layout->plane_count; p++) {
			const uint8_t *last = image_pixel(memory, layout, p, rect.x + rect.w - 1,
							  rect.y + rect.h - 1);
			sum = (uint8_t)(sum + last[layout->planes[p].pixel_bytes - 1]);
		}
		marked += image_bit_get(memory, layout, i);
	}
	image_bits_set(memory, layout, 0, count);
	FUZZ_CHECK(image_bit_get(memory, layout, count - 1), "a bit that does not stay");
	(void)marked;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t nonce[MESSAGE_NONCE_BYTES] = "0123456789abcdef";
	struct image_shape shape;
	struct image_layout layout;
	uint8_t got[MESSAGE_NONCE_BYTES];
	struct brot_error err = {.code = BROT_OK};
	if (size < sizeof shape)
		return 0;
	memcpy(&shape, data, sizeof shape);
	data += sizeof shape;
	size -= sizeof shape;
	FUZZ_CHECK(layout_of(&shape, &layout), "a small image has no layout");
	if (layout.total_bytes > BYTES_MAX)
		return 0;
	/* One whose size is not that of the layout is never mapped. */
	uint8_t *memory = calloc(1, layout.total_bytes);
	FUZZ_CHECK(memory != NULL, "no memory");
	if (shape.is_ours & 1)
		image_header_write(memory, &layout, JOB, nonce, 1, 2,
				   shape.is_ours & IMAGE_DURABLE);
	for (size_t i = 0; i < size && i < layout.total_bytes; i++)
		memory[i] ^= data[i];
	if (image_header_check(memory, layout.total_bytes, &layout, JOB, got, &err) == BROT_OK)
		read_whole(memory, &layout);
	else
		FUZZ_CHECK(err.code == BROT_E_PROTOCOL && err.text[0] != '\0', "no sentence");
	FUZZ_CHECK(image_header_check(memory, layout.total_bytes - 1, &layout, JOB, got, &err) !=
			   BROT_OK,
		   "a segment that is too short");
	free(memory);

	char *name = fuzz_text(data, size);
	(void)image_name_is_valid(name);
	free(name);
	return 0;
}
