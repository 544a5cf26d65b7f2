/* image.c - the header of a shared-memory image. */
#include "proto/image.h"

#include <assert.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are little-endian");
_Static_assert(sizeof(struct image_header) == 96 + PLANES_MAX * sizeof(struct image_plane),
	       "an image header has no padding");

static uint64_t align_up(uint64_t value)
{
	return (value + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
}

bool image_layout_make(const struct segment_grid *grid, enum format_id format,
		       struct image_layout *ret_layout)
{
	const struct format_info *info = format_info(format);
	struct image_layout layout = {.grid = *grid, .plane_count = info->plane_count};
	layout.bits_offset = align_up(sizeof(struct image_header));
	layout.bits_bytes = ((uint64_t)segment_count(grid) + 7) / 8;

	uint64_t pixels = (uint64_t)grid->width_px * grid->height_px;
	uint64_t at = align_up(layout.bits_offset + layout.bits_bytes);
	for (uint32_t p = 0; p < info->plane_count; p++) {
		uint32_t pixel_bytes = plane_info(info->planes[p])->pixel_bytes;
		if (at > INT64_MAX - IMAGE_ALIGN ||
		    pixels > (INT64_MAX - IMAGE_ALIGN - at) / pixel_bytes)
			return false;
		layout.planes[p] = (struct image_plane){
			.type = info->planes[p],
			.pixel_bytes = pixel_bytes,
			.offset = at,
			.bytes = pixels * pixel_bytes,
		};
		at = align_up(at + layout.planes[p].bytes);
	}
	layout.total_bytes = at;
	*ret_layout = layout;
	return true;
}

void image_header_write(void *memory, const struct image_layout *layout, uint64_t job,
			const uint8_t nonce[MESSAGE_NONCE_BYTES], uint32_t owner_uid,
			uint32_t owner_pid, uint32_t flags)
{
	struct image_header header = {
		.version = IMAGE_VERSION,
		.header_bytes = sizeof header,
		.total_bytes = layout->total_bytes,
		.job = job,
		.owner_uid = owner_uid,
		.owner_pid = owner_pid,
		.width_px = layout->grid.width_px,
		.height_px = layout->grid.height_px,
		.slice_px = layout->grid.slice_px,
		.slices_per_row = layout->grid.slices_per_row,
		.bits_offset = layout->bits_offset,
		.bits_bytes = layout->bits_bytes,
		.plane_count = layout->plane_count,
		.flags = flags,
	};
	memcpy(header.magic, IMAGE_MAGIC, sizeof header.magic);
	memcpy(header.nonce, nonce, sizeof header.nonce);
	memcpy(header.planes, layout->planes, sizeof header.planes);
	memcpy(memory, &header, sizeof header);
}

enum brot_err image_header_check(const void *memory, size_t bytes, const struct image_layout *want,
				 uint64_t job, uint8_t ret_nonce[MESSAGE_NONCE_BYTES],
				 struct brot_error *err)
{
	if (bytes < sizeof(struct image_header) || bytes != want->total_bytes)
		return error_set(err, BROT_E_PROTOCOL, "image: must have %llu bytes, got %zu",
				 (unsigned long long)want->total_bytes, bytes);
	struct image_header found, expected;
	memcpy(&found, memory, sizeof found);
	if (memcmp(found.magic, IMAGE_MAGIC, sizeof found.magic) != 0)
		return error_set(err, BROT_E_PROTOCOL, "image: must start with \"%s\"",
				 IMAGE_MAGIC);
	if (found.version != IMAGE_VERSION)
		return error_set(err, BROT_E_PROTOCOL, "image: version must be %d, got %u",
				 IMAGE_VERSION, found.version);

	/* Whatever else the header says must be what we would have written. */
	memset(&expected, 0, sizeof expected);
	image_header_write(&expected, want, job, found.nonce, found.owner_uid, found.owner_pid,
			   found.flags & IMAGE_DURABLE);
	if (memcmp(&found, &expected, sizeof found) != 0)
		return error_set(err, BROT_E_PROTOCOL,
				 "image: header is not that of job %llu with %ux%u pixels",
				 (unsigned long long)job, want->grid.width_px,
				 want->grid.height_px);
	memcpy(ret_nonce, found.nonce, MESSAGE_NONCE_BYTES);
	return BROT_OK;
}

void image_bits_set(void *memory, const struct image_layout *layout, uint32_t first, uint32_t count)
{
	uint8_t *bits = (uint8_t *)memory + layout->bits_offset;
	assert((uint64_t)first + count <= segment_count(&layout->grid));
	for (uint32_t segment = first; segment < first + count; segment++)
		__atomic_fetch_or(&bits[segment / 8], (uint8_t)(1u << (segment % 8)),
				  __ATOMIC_RELEASE);
}

bool image_bit_get(const void *memory, const struct image_layout *layout, uint32_t segment)
{
	const uint8_t *bits = (const uint8_t *)memory + layout->bits_offset;
	assert(segment < segment_count(&layout->grid));
	return (__atomic_load_n(&bits[segment / 8], __ATOMIC_ACQUIRE) >> (segment % 8)) & 1;
}

void *image_pixel(void *memory, const struct image_layout *layout, uint32_t p, uint32_t x,
		  uint32_t y)
{
	const struct image_plane *plane = &layout->planes[p];
	uint64_t pixel = (uint64_t)y * layout->grid.width_px + x;
	return (uint8_t *)memory + plane->offset + pixel * plane->pixel_bytes;
}

size_t image_stride(const struct image_layout *layout, uint32_t p)
{
	return (size_t)layout->grid.width_px * layout->planes[p].pixel_bytes;
}

size_t image_rect_bytes(const struct image_layout *layout, const struct rect *rect)
{
	size_t bytes = 0;
	for (uint32_t p = 0; p < layout->plane_count; p++)
		bytes += (size_t)rect->w * rect->h * layout->planes[p].pixel_bytes;
	return bytes;
}

bool image_name_is_valid(const char *name)
{
	static const char prefix[] = "/brot-";
	if (strlen(name) != IMAGE_NAME_CHARS || strncmp(name, prefix, sizeof prefix - 1) != 0)
		return false;
	return strspn(name + sizeof prefix - 1, "0123456789abcdef") ==
	       IMAGE_NAME_CHARS - (sizeof prefix - 1);
}
