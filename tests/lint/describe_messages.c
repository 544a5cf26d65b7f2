/*
 * describe_messages.c - prints what the code says about the wire and the image, for check_docs.py
 * to compare with PROTOCOL.md: a line for each thing, its columns parted by tabs.
 */
#include <inttypes.h>
#include <stdio.h>

#include "proto/error.h"
#include "proto/grid.h"
#include "proto/image.h"
#include "proto/message.h"

#define TYPES_MAX 256 /* plane types that are tried */

static void print_message(const char *name, unsigned code, unsigned from, const char *fields,
			  const char *body, const char *data, void *context)
{
	(void)context;
	printf("message\t%s\t0x%02x\t%s%s%s\t%s\t%s\t%s\n", name, code,
	       from & FROM_WORKER ? "W" : "", from & FROM_CLIENT ? "C" : "",
	       from & FROM_BROKER ? "B" : "", fields, body, data);
}

/* The offset and the size of one field of the header of an image, or of a grid. */
#define PRINT_FIELD(member)                                                 \
	printf("header\t%zu\t%zu\n", offsetof(struct image_header, member), \
	       sizeof((struct image_header *)NULL)->member)

static void print_header(void)
{
	PRINT_FIELD(magic);
	PRINT_FIELD(version);
	PRINT_FIELD(header_bytes);
	PRINT_FIELD(total_bytes);
	PRINT_FIELD(job);
	PRINT_FIELD(nonce);
	PRINT_FIELD(owner_uid);
	PRINT_FIELD(owner_pid);
	PRINT_FIELD(width_px);
	PRINT_FIELD(height_px);
	PRINT_FIELD(slice_px);
	PRINT_FIELD(slices_per_row);
	PRINT_FIELD(bits_offset);
	PRINT_FIELD(bits_bytes);
	PRINT_FIELD(plane_count);
	PRINT_FIELD(flags);
	for (int i = 0; i < PLANES_MAX; i++) {
		PRINT_FIELD(planes[i].type);
		PRINT_FIELD(planes[i].pixel_bytes);
		PRINT_FIELD(planes[i].offset);
		PRINT_FIELD(planes[i].bytes);
	}
	printf("image\t%s\t%d\t%zu\t%d\n", IMAGE_MAGIC, IMAGE_VERSION, sizeof(struct image_header),
	       IMAGE_ALIGN);
}

#define PRINT_GRID_FIELD(member)                                           \
	printf("header\t%zu\t%zu\n", offsetof(struct grid_header, member), \
	       sizeof((struct grid_header *)NULL)->member)

static void print_grid_header(void)
{
	PRINT_GRID_FIELD(magic);
	PRINT_GRID_FIELD(version);
	PRINT_GRID_FIELD(header_bytes);
	PRINT_GRID_FIELD(total_bytes);
	PRINT_GRID_FIELD(work);
	PRINT_GRID_FIELD(nonce);
	PRINT_GRID_FIELD(owner_uid);
	PRINT_GRID_FIELD(owner_pid);
	PRINT_GRID_FIELD(width_px);
	PRINT_GRID_FIELD(height_px);
	PRINT_GRID_FIELD(channels);
	PRINT_GRID_FIELD(flags);
	PRINT_GRID_FIELD(segments);
	PRINT_GRID_FIELD(state);
	PRINT_GRID_FIELD(wrap);
	PRINT_GRID_FIELD(bits_offset);
	PRINT_GRID_FIELD(carries_offset);
	PRINT_GRID_FIELD(cells_offset);
	PRINT_GRID_FIELD(carry_room);
	PRINT_GRID_FIELD(carry_used);
	PRINT_GRID_FIELD(carry_lost);
}

static void print_formats(void)
{
	for (uint32_t type = 0; type < TYPES_MAX; type++) {
		const struct plane_info *plane = plane_info(type);
		if (plane != NULL)
			printf("plane\t%s\t%" PRIu32 "\t%" PRIu32 "\n", plane->name, type,
			       plane->pixel_bytes);
	}
	for (int id = 0; id < FORMAT_COUNT; id++) {
		const struct format_info *format = format_info((enum format_id)id);
		printf("format\t%s\t", format->name);
		for (uint32_t i = 0; i < format->plane_count; i++)
			printf("%s%s", i > 0 ? ", " : "", plane_info(format->planes[i])->name);
		printf("\n");
	}
}

int main(void)
{
	message_describe(print_message, NULL);
	for (int code = 0; code < BROT_ERR_COUNT; code++)
		printf("error\t%d\t%s\n", code, brot_err_name((enum brot_err)code));
	print_header();
	print_grid_header();
	print_formats();
	return 0;
}
