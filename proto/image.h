/*
 * image.h - the header of a shared-memory image: makes it, and checks one that a stranger made.
 *
 * Layout of a segment: struct image_header at 0, the bits (one a segment of the segment_grid,
 * least significant first, set by the broker alone after the segment's pixels are final), then
 * the planes, each at a multiple of IMAGE_ALIGN. Numbers are little-endian.
 *
 * Pure: works on memory that the caller mapped. Thread-safe.
 */
#ifndef PROTO_IMAGE_H
#define PROTO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/format.h"
#include "proto/message.h"
#include "proto/tile.h"

#define IMAGE_MAGIC      "BROTIMG1"
#define IMAGE_VERSION    3
#define IMAGE_ALIGN      4096
#define IMAGE_DURABLE    1u /* flag: its broker has a store, and comes back for it */
#define IMAGE_NAME_CHARS 38 /* "/brot-" and 32 hexadecimal digits, without the NUL */

struct image_plane {
	uint32_t type; /* enum plane_type */
	uint32_t pixel_bytes;
	uint64_t offset; /* from the start of the segment */
	uint64_t bytes;  /* width_px * height_px * pixel_bytes */
};

/* As it lies in memory; every field is naturally aligned and there is no padding. */
struct image_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes; /* sizeof(struct image_header) */
	uint64_t total_bytes;  /* of the shared-memory segment */
	uint64_t job;
	uint8_t nonce[MESSAGE_NONCE_BYTES]; /* whoever returns it over the wire can see this memory
					     */
	uint32_t owner_uid;
	uint32_t owner_pid;
	uint32_t width_px, height_px;
	uint32_t slice_px, slices_per_row;
	uint64_t bits_offset, bits_bytes;
	uint32_t plane_count;
	uint32_t flags; /* IMAGE_DURABLE or 0 */
	struct image_plane planes[PLANES_MAX];
};

/* Where the planes of an image lie: a checked copy of its header. */
struct image_layout {
	uint64_t total_bytes;
	uint64_t bits_offset, bits_bytes;
	struct segment_grid grid;
	uint32_t plane_count;
	struct image_plane planes[PLANES_MAX];
};

/* The layout of an image with that grid and format. False where its size overflows. */
bool image_layout_make(const struct segment_grid *grid, enum format_id format,
		       struct image_layout *ret_layout);

/* Writes a header for the layout to `memory`, at least layout->bits_offset bytes. */
void image_header_write(void *memory, const struct image_layout *layout, uint64_t job,
			const uint8_t nonce[MESSAGE_NONCE_BYTES], uint32_t owner_uid,
			uint32_t owner_pid, uint32_t flags);

/* Checks that `memory` (`bytes` long) holds the image of that job and layout. The header is read
 * once: what a hostile peer changes afterwards has no effect, since all arithmetic uses `want`.
 * ret_nonce gets the nonce; untouched on failure. */
enum brot_err image_header_check(const void *memory, size_t bytes, const struct image_layout *want,
				 uint64_t job, uint8_t ret_nonce[MESSAGE_NONCE_BYTES],
				 struct brot_error *err);

/* Sets the bits of `count` segments from `first`. Release order: whoever sees a bit sees the
 * pixels. One thread alone may call it for an image. */
void image_bits_set(void *memory, const struct image_layout *layout, uint32_t first,
		    uint32_t count);

bool image_bit_get(const void *memory, const struct image_layout *layout, uint32_t segment);

/* Address of pixel (x, y) of plane index p, and the bytes between rows. */
void *image_pixel(void *memory, const struct image_layout *layout, uint32_t p, uint32_t x,
		  uint32_t y);
size_t image_stride(const struct image_layout *layout, uint32_t p);

/* Bytes of a tile packed: its planes one after the other, each row by row. */
size_t image_rect_bytes(const struct image_layout *layout, const struct rect *rect);

/* Whether name has the form of an image's name; a peer's names go no further otherwise. */
bool image_name_is_valid(const char *name);

#endif
