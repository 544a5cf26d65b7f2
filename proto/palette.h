/*
 * palette.h - the table of palettes.
 *
 * A palette is a list of colours at positions; how the colours between them are made, and how a
 * count becomes a position, belongs to the worker's colouring. A further palette is one row in
 * palette.c.
 *
 * Pure and thread-safe. Everything returned is constant and lives for ever.
 */
#ifndef PROTO_PALETTE_H
#define PROTO_PALETTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PALETTE_DEFAULT "classic"

struct palette_stop {
	double position; /* 0..1, rising strictly within a palette; the first is 0 */
	uint8_t rgb[3];  /* sRGB */
};

struct palette {
	const char *name; /* lower case, at most LIMIT_NAME_CHARS */
	const char *title;
	bool cyclic; /* position 1 is position 0 again; otherwise the last stop stands at 1 */
	bool linear; /* straight lines between the stops; otherwise curves without corners */
	uint32_t stop_count; /* at least 2 */
	const struct palette_stop *stops;
};

/* The palette of that name, or NULL. */
const struct palette *palette_by_name(const char *name);

/* The palette of that row of the table; NULL past the end. */
const struct palette *palette_at(size_t index);

#endif
