/*
 * format.h - the table of planes and the table of formats.
 *
 * A plane is one array of an image, one element a pixel, row by row, row 0 on top, without padding,
 * little-endian. A format is a list of planes under a name. A new one of either is one line here
 * and one in format.c.
 *
 * Pure and thread-safe.
 */
#ifndef PROTO_FORMAT_H
#define PROTO_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers stand in image headers and on the wire. */
enum plane_type {
	PLANE_RGB8 = 1,       /* 3 x u8: sRGB */
	PLANE_ITERATIONS = 2, /* u32: smallest n >= 1 with |z_n| > 2; 0 inside */
	PLANE_WHOLE = 3,      /* u32: floor of the smooth count; 2^32 - 1 inside */
	PLANE_FRACTION = 4,   /* f32 in [0, 1): the rest of the smooth count; 0 inside */
	PLANE_RGB16 = 5,      /* 3 x u16: sRGB */
	PLANE_DISTANCE = 6, /* 2 x f32: estimate of the vector from the set to an outside point, in
			       pixels, x to the right, y up; 0 inside */
	PLANE_PHASE = 7,    /* f32 in [0, 1): arg z_n in turns, n the one of the smooth count; 0
			       inside */
	PLANE_PERIOD = 8,   /* u32: of the cycle that attracts an inside point; 0 where none is
			       found, and outside */
	PLANE_INTERIOR = 9, /* f32: estimate of an inside point's distance from the boundary, in
			       pixels; 0 where period is 0 */
	PLANE_DENSITY = 10, /* u64: the count of a Buddhabrot's channel, see proto/buddha.h */
	PLANE_DENSITY32 = 11, /* u32: the same */
};

#define PLANE_TYPES (PLANE_DENSITY32 + 1) /* for arrays that types index */
#define PLANES_MAX  7                     /* planes that one format may have */

struct plane_info {
	enum plane_type type;
	const char *name;
	uint32_t pixel_bytes;
	bool is_conjugate; /* equal at a point and at its mirror image in the real axis */
};

enum format_id {
	FORMAT_RGB8,
	FORMAT_ITERATIONS,
	FORMAT_SMOOTH,
	FORMAT_RGB16,
	FORMAT_DISTANCE,
	FORMAT_PHASE,
	FORMAT_RAW,
	FORMAT_DENSITY,
	FORMAT_DENSITY32,
	FORMAT_NEBULA,
	FORMAT_NEBULA32,
	FORMAT_COUNT
};

struct format_info {
	enum format_id id;
	const char *name;
	bool is_data; /* numbers, not a picture: samples must be 1 and colour has no meaning */
	uint32_t plane_count;
	enum plane_type planes[PLANES_MAX];
};

/* NULL for a type that is not in the table: it may come from a peer or a file. */
const struct plane_info *plane_info(uint32_t type);

/* The row of a format; id must be in range. */
const struct format_info *format_info(enum format_id id);

/* The format of that name, or NULL. */
const struct format_info *format_by_name(const char *name);

/* The planes of a format, bit 1u << PLANE_... each. */
unsigned format_planes(enum format_id id);

/* Bytes of one pixel over all planes of a format. */
uint32_t format_pixel_bytes(enum format_id id);

#endif
