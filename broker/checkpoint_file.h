/*
 * checkpoint_file.h - reads and writes the files of checkpoint.h.
 *
 * A file: struct checkpoint_header at 0; the bits and the planes where the image has them; then, at
 * the image's total_bytes, one XXH3-64 a segment, of its pixels, plane by plane, and its number.
 * Numbers are little-endian. Holes read as zeros.
 *
 * Thread rule: one thread at a time for the file of one work.
 */
#ifndef BROKER_CHECKPOINT_FILE_H
#define BROKER_CHECKPOINT_FILE_H

#include <stdatomic.h>

#include "broker/checkpoint.h"

#define CHECKPOINT_MAGIC      "BROTCKP1"
#define CHECKPOINT_VERSION    1
#define CHECKPOINT_NAME_BYTES (16 + sizeof CHECKPOINT_SUFFIX)

/* As it lies in the file; every field is naturally aligned and there is no padding. */
struct checkpoint_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes;
	uint64_t work;
	uint64_t request_digest;
	uint64_t total_bytes; /* of the image */
	uint64_t bits_offset, bits_bytes;
	uint32_t width_px, height_px;
	uint32_t slice_px, slices_per_row;
	uint32_t plane_count;
	uint32_t segment_count;
	struct image_plane planes[PLANES_MAX];
};

/* The file's name within the folder. */
void checkpoint_file_name(uint64_t work, char ret_name[CHECKPOINT_NAME_BYTES]);

/* Whether name is one of checkpoint_file_name(); then of which work. */
bool checkpoint_file_work(const char *name, uint64_t *ret_work);

/* Adds the segments that are done in the image at `memory` and not yet in the file; makes the file
 * where there is none, or none of this image. Returns BROT_E_CANCELLED soon after *is_given_up
 * turns true; the file is then as good as it was. BROT_E_NO_SPACE, BROT_E_SYSTEM. *ret_segments
 * gets how many were added. */
enum brot_err checkpoint_file_save(int folder, const struct checkpoint_image *image,
				   const void *memory, const atomic_bool *is_given_up,
				   uint32_t *ret_segments, struct brot_error *err);

/* checkpoint_load() */
enum brot_err checkpoint_file_load(int folder, const struct checkpoint_image *image, void *memory,
				   uint32_t *ret_segments, uint32_t *ret_discarded,
				   struct brot_error *err);

#endif
