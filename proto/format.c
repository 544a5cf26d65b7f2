/* format.c - the tables of planes and formats. */
#include "proto/format.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct plane_info plane_table[] = {
	{PLANE_RGB8, "rgb8", 3, true},
	{PLANE_ITERATIONS, "iterations", 4, true},
	{PLANE_WHOLE, "whole", 4, true},
	{PLANE_FRACTION, "fraction", 4, true},
	{PLANE_RGB16, "rgb16", 6, true},
	{PLANE_DISTANCE, "distance", 8, false},
	{PLANE_PHASE, "phase", 4, false},
	{PLANE_PERIOD, "period", 4, true},
	{PLANE_INTERIOR, "interior", 4, true},
	{PLANE_DENSITY, "density", 8, false},
	{PLANE_DENSITY32, "density32", 4, false},
};

static const struct format_info format_table[FORMAT_COUNT] = {
	{FORMAT_RGB8, "rgb8", false, 1, {PLANE_RGB8}},
	{FORMAT_ITERATIONS, "iterations", true, 1, {PLANE_ITERATIONS}},
	{FORMAT_SMOOTH, "smooth", true, 2, {PLANE_WHOLE, PLANE_FRACTION}},
	{FORMAT_RGB16, "rgb16", false, 1, {PLANE_RGB16}},
	{FORMAT_DISTANCE, "distance", true, 1, {PLANE_DISTANCE}},
	{FORMAT_PHASE, "phase", true, 1, {PLANE_PHASE}},
	{FORMAT_RAW,
	 "raw",
	 true,
	 7,
	 {PLANE_ITERATIONS, PLANE_WHOLE, PLANE_FRACTION, PLANE_DISTANCE, PLANE_PHASE, PLANE_PERIOD,
	  PLANE_INTERIOR}},
	{FORMAT_DENSITY, "density", true, 1, {PLANE_DENSITY}},
	{FORMAT_DENSITY32, "density32", true, 1, {PLANE_DENSITY32}},
	{FORMAT_NEBULA, "nebula", true, 3, {PLANE_DENSITY, PLANE_DENSITY, PLANE_DENSITY}},
	{FORMAT_NEBULA32, "nebula32", true, 3, {PLANE_DENSITY32, PLANE_DENSITY32, PLANE_DENSITY32}},
};

const struct plane_info *plane_info(uint32_t type)
{
	for (size_t i = 0; i < sizeof plane_table / sizeof plane_table[0]; i++)
		if (plane_table[i].type == type)
			return &plane_table[i];
	return NULL;
}

const struct format_info *format_info(enum format_id id)
{
	assert((unsigned)id < FORMAT_COUNT);
	return &format_table[id];
}

const struct format_info *format_by_name(const char *name)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (strcmp(format_table[i].name, name) == 0)
			return &format_table[i];
	return NULL;
}

unsigned format_planes(enum format_id id)
{
	const struct format_info *format = format_info(id);
	unsigned planes = 0;
	for (uint32_t i = 0; i < format->plane_count; i++)
		planes |= 1u << format->planes[i];
	return planes;
}

uint32_t format_pixel_bytes(enum format_id id)
{
	const struct format_info *format = format_info(id);
	uint32_t bytes = 0;
	for (uint32_t i = 0; i < format->plane_count; i++)
		bytes += plane_info(format->planes[i])->pixel_bytes;
	return bytes;
}
