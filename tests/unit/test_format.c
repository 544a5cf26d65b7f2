/* test_format.c - the tables of planes and formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/format.h"

static void planes_have_their_numbers(void **state)
{
	(void)state;
	static const struct plane_info planes[] = {
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
	for (uint32_t i = 0; i < sizeof planes / sizeof planes[0]; i++) {
		const struct plane_info *info = plane_info(i + 1);
		assert_non_null(info);
		assert_int_equal(info->type, planes[i].type);
		assert_int_equal(info->type, i + 1);
		assert_string_equal(info->name, planes[i].name);
		assert_int_equal(info->pixel_bytes, planes[i].pixel_bytes);
		assert_int_equal(info->is_conjugate, planes[i].is_conjugate);
	}
	static const uint32_t bad[] = {0, 12, 255, 1u << 31, UINT32_MAX};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_null(plane_info(bad[i]));
}

static void formats_are_lists_of_planes(void **state)
{
	(void)state;
	static const struct format_info formats[FORMAT_COUNT] = {
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
		 {PLANE_ITERATIONS, PLANE_WHOLE, PLANE_FRACTION, PLANE_DISTANCE, PLANE_PHASE,
		  PLANE_PERIOD, PLANE_INTERIOR}},
		{FORMAT_DENSITY, "density", true, 1, {PLANE_DENSITY}},
		{FORMAT_DENSITY32, "density32", true, 1, {PLANE_DENSITY32}},
		{FORMAT_NEBULA, "nebula", true, 3, {PLANE_DENSITY, PLANE_DENSITY, PLANE_DENSITY}},
		{FORMAT_NEBULA32,
		 "nebula32",
		 true,
		 3,
		 {PLANE_DENSITY32, PLANE_DENSITY32, PLANE_DENSITY32}},
	};
	static const uint32_t pixel_bytes[FORMAT_COUNT] = {3, 4, 8, 6, 8, 4, 32, 8, 4, 24, 12};
	for (uint32_t i = 0; i < FORMAT_COUNT; i++) {
		const struct format_info *info = format_info((enum format_id)i);
		assert_int_equal(info->id, i);
		assert_string_equal(info->name, formats[i].name);
		assert_int_equal(info->is_data, formats[i].is_data);
		assert_int_equal(info->plane_count, formats[i].plane_count);
		for (uint32_t p = 0; p < info->plane_count; p++)
			assert_int_equal(info->planes[p], formats[i].planes[p]);
		assert_ptr_equal(format_by_name(formats[i].name), info);
		assert_int_equal(format_pixel_bytes(info->id), pixel_bytes[i]);
		for (uint32_t type = 0; type < 32; type++) {
			bool is_there = false;
			for (uint32_t p = 0; p < info->plane_count; p++)
				is_there = is_there || formats[i].planes[p] == type;
			assert_int_equal(format_planes(info->id) >> type & 1, is_there);
		}
	}
}

static void every_plane_of_a_format_is_known(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FORMAT_COUNT; i++) {
		const struct format_info *info = format_info((enum format_id)i);
		uint32_t bytes = 0;
		assert_in_range(info->plane_count, 1, PLANES_MAX);
		for (uint32_t p = 0; p < info->plane_count; p++) {
			assert_non_null(plane_info(info->planes[p]));
			bytes += plane_info(info->planes[p])->pixel_bytes;
		}
		assert_int_equal(format_pixel_bytes(info->id), bytes);
	}
}

static void other_names_are_no_formats(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "RGB8", "rgb", "rgb88", "rgb8 ", "whole", "png"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_null(format_by_name(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planes_have_their_numbers),
		cmocka_unit_test(formats_are_lists_of_planes),
		cmocka_unit_test(every_plane_of_a_format_is_known),
		cmocka_unit_test(other_names_are_no_formats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
