/*
 * print_relief.c - prints a relief for compare_relief.py.
 *
 * print_relief BLEND AZIMUTH ELEVATION HEIGHT POWER PALETTE: to standard output, as binary numbers
 * of this host, the palette's colours (COLOURS x 3 x f64, 0..1), the smooth counts (ROWS x COLUMNS
 * x f64, 0 inside) and the picture (ROWS x COLUMNS x 3 x u16).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/colour/survey.h"

#define COLUMNS 240
#define ROWS    170
#define COLOURS (SHADE_ENTRIES / 2)

static uint32_t whole[ROWS * COLUMNS];
static float fraction[ROWS * COLUMNS];
static double counts[ROWS * COLUMNS], colours[COLOURS][3];
static uint16_t picture[ROWS * COLUMNS * 3];
static struct shade shade;

/* The whole set, as libm and this compiler have it: it need not be the same everywhere. */
static void count_points(void)
{
	for (size_t i = 0; i < ROWS * COLUMNS; i++) {
		const double re = ((double)(i % COLUMNS) + 0.5 - COLUMNS * 0.7) * 3.2 / COLUMNS;
		const double im = (ROWS * 0.5 - (double)(i / COLUMNS) - 0.4) * 3.2 / COLUMNS;
		double x = 0.0, y = 0.0, r = 0.0;
		int n = 0;
		for (; n < 200 && r < 0x1p32; n++) {
			const double t = x * x - y * y + re;
			y = 2.0 * x * y + im;
			x = t;
			r = x * x + y * y;
		}
		whole[i] = KERNEL_WHOLE_INSIDE;
		if (r < 0x1p32)
			continue;
		const double v = n + 1 - log2(log(r) / 2.0 / log(65536.0));
		whole[i] = (uint32_t)v;
		fraction[i] = (float)(v - floor(v));
		counts[i] = (double)whole[i] + (double)fraction[i];
	}
}

static bool colour_read(char **argv, struct colour *ret_colour)
{
	colour_init(ret_colour);
	ret_colour->mode = COLOUR_RELIEF;
	for (unsigned b = 0; b < BLEND_COUNT; b++)
		if (strcmp(argv[1], colour_blend_name((enum colour_blend)b)) == 0)
			ret_colour->blend = (enum colour_blend)b;
	ret_colour->azimuth_deg = strtod(argv[2], NULL);
	ret_colour->elevation_deg = strtod(argv[3], NULL);
	ret_colour->height = strtod(argv[4], NULL);
	ret_colour->power = strtod(argv[5], NULL);
	(void)snprintf(ret_colour->palette.name, sizeof ret_colour->palette.name, "%s", argv[6]);
	return palette_by_name(argv[6]) != NULL;
}

int main(int argc, char **argv)
{
	struct colour colour;
	struct survey *survey;
	if (argc != 7 || !colour_read(argv, &colour))
		return EXIT_FAILURE;
	count_points();
	struct shade_area area = {
		.numbers = {.whole = whole, .fraction = fraction},
		.stride = COLUMNS,
		.samples = 1,
		.w = COLUMNS,
		.h = ROWS,
	};
	if (shade_make(&colour, &shade, NULL) != BROT_OK ||
	    survey_new(&colour, COLUMNS, ROWS, 1, &survey, NULL) != BROT_OK)
		return EXIT_FAILURE;
	struct survey_part *part = survey_part_new(survey);
	if (part == NULL)
		return EXIT_FAILURE;
	for (uint32_t y = 0; y < ROWS; y++)
		survey_look(survey, &area.numbers, 0, y, COLUMNS, part);
	survey_add(survey, part);
	survey_part_free(part);
	survey_settle(survey);
	area.survey = survey;
	shade_rgb16(&shade, &area, picture, sizeof picture / ROWS);
	survey_free(survey);
	for (size_t i = 0; i < COLOURS; i++)
		for (int c = 0; c < 3; c++)
			colours[i][c] = shade.table16[i][c] / 65535.0;
	fwrite(colours, sizeof colours, 1, stdout);
	fwrite(counts, sizeof counts, 1, stdout);
	fwrite(picture, sizeof picture, 1, stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
