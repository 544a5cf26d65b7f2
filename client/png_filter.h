/*
 * png_filter.h - PNG's five filters of a row, and which of them a row gets.
 *
 * Pure and thread-safe. See section 9 of the PNG specification.
 */
#ifndef CLIENT_PNG_FILTER_H
#define CLIENT_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

/* Writes a filter's number and a row's filtered bytes: the filter whose bytes, taken as signed,
 * have the least sum of absolute values, as the specification advises; the first of several. row
 * and above (NULL: the row above the first) have `bytes` bytes, pixel_bytes 1..8 a pixel; out has
 * one more. */
void png_filter_row(const uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel_bytes,
		    uint8_t *out);

#endif
