/*
 * fuzz_numbers.c - files of numbers, as NumPy and OpenEXR have them.
 *
 * The input: a byte that says which reader gets it, modulo 2, 0 for .npy; the rest is the file.
 */
#define _GNU_SOURCE /* memfd_create() */
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/numbers.h"
#include "proto/limits.h"
#include "tests/fuzz/fuzz.h"

static void check_floats(const struct numbers *numbers, enum plane_type plane)
{
	const float *values = numbers->planes[plane];
	const size_t count = (size_t)numbers->width_px * numbers->height_px *
			     plane_info(plane)->pixel_bytes / sizeof *values;
	for (size_t i = 0; values != NULL && i < count; i++)
		FUZZ_CHECK(isfinite(values[i]), "%s is %g", plane_info(plane)->name,
			   (double)values[i]);
}

/* Each plane of counts is there to its end. */
static void check_channels(const struct numbers *numbers)
{
	static const enum plane_type planes[] = {PLANE_DENSITY, PLANE_DENSITY32};
	for (size_t i = 0; i < sizeof planes / sizeof planes[0]; i++)
		for (uint32_t c = 0; c < numbers_channels(numbers); c++) {
			const uint8_t *plane = numbers_plane(numbers, planes[i], c);
			const size_t bytes = (size_t)numbers->width_px * numbers->height_px *
					     plane_info(planes[i])->pixel_bytes;
			volatile uint8_t last = plane == NULL ? 0 : plane[bytes - 1];
			(void)last;
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct numbers numbers = NUMBERS_NONE;
	struct brot_error err = {.code = BROT_OK};
	char path[64];
	if (size == 0)
		return 0;
	const int fd = memfd_create("numbers", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const enum brot_err code = data[0] % 2 == 0 ? npy_read(path, &numbers, &err)
						    : exr_file_read(path, &numbers, &err);
	FUZZ_CHECK(code == BROT_OK || (err.code == code && err.text[0] != '\0'), "no sentence");
	if (code == BROT_OK) {
		FUZZ_CHECK(numbers.width_px >= 1 && numbers.width_px <= LIMIT_SIZE_PX &&
				   numbers.height_px >= 1 && numbers.height_px <= LIMIT_SIZE_PX,
			   "%ux%u", numbers.width_px, numbers.height_px);
		check_channels(&numbers);
		check_floats(&numbers, PLANE_FRACTION);
		check_floats(&numbers, PLANE_DISTANCE);
		check_floats(&numbers, PLANE_PHASE);
		check_floats(&numbers, PLANE_INTERIOR);
	}
	numbers_free(&numbers);
	(void)close(fd);
	return 0;
}
