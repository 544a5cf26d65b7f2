/* halve.c - pictures of half the size. */
#include "worker/colour/linear.h"
#include <brot/colour.h>

void brot_colour_halve(const uint8_t *upper, const uint8_t *lower, uint32_t width_px,
		       uint8_t *ret_rgb)
{
	for (uint32_t x = 0; x < width_px; x += 2, ret_rgb += 3) {
		const size_t left = (size_t)x * 3, right = x + 1 < width_px ? left + 3 : left;
		for (size_t c = 0; c < 3; c++) {
			const uint32_t sum = (uint32_t)linear_of_srgb(upper[left + c]) +
					     linear_of_srgb(upper[right + c]) +
					     linear_of_srgb(lower[left + c]) +
					     linear_of_srgb(lower[right + c]);
			ret_rgb[c] = linear_to_srgb((sum + 2) / 4);
		}
	}
}
