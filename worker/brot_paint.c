/* brot_paint.c - colours from the numbers of a whole image, by include/brot/colour.h. */
#include <brot/colour.h>
#include <string.h>

#include "proto/planes.h"
#include "worker/brot_internal.h"

#define SHARE_SURVEY 0.4    /* of the time of both */
#define PIECE_PX     262144 /* of a piece that is not worth being cut */

struct paint {
	struct brot_colour *colour;
	struct brot_numbers numbers;
	const struct canvas *canvas;
	bool is_16;
};

static enum brot_err survey(void *context, void *own, uint64_t first, uint64_t units, void *poll,
			    struct brot_error *err)
{
	const struct paint *paint = context;
	(void)own;
	(void)poll;
	(void)err;
	brot_colour_survey(paint->colour, &paint->numbers, (uint32_t)first, (uint32_t)units);
	return BROT_OK;
}

static enum brot_err colour(void *context, void *own, uint64_t first, uint64_t units, void *poll,
			    struct brot_error *err)
{
	const struct paint *paint = context;
	const size_t stride_bytes = paint->canvas->strides_bytes[0];
	uint8_t *rgb = (uint8_t *)paint->canvas->planes[0] + first * stride_bytes;
	(void)own;
	(void)poll;
	(void)err;
	if (paint->is_16)
		brot_colour_rows16(paint->colour, &paint->numbers, (uint32_t)first, (uint32_t)units,
				   (uint16_t *)(void *)rgb, stride_bytes);
	else
		brot_colour_rows8(paint->colour, &paint->numbers, (uint32_t)first, (uint32_t)units,
				  rgb, stride_bytes);
	return BROT_OK;
}

/* A phase over rows. */
static struct gang_phase phase_of(struct paint *paint, const struct request *rows, double share)
{
	return (struct gang_phase){
		.units = rows->height_px,
		.row_units = 1,
		.least = PIECE_PX / rows->width_px + 1,
		.share = share,
		.context = paint,
	};
}

enum brot_err local_paint(struct local *local, const struct request *request, const char *json,
			  const struct request *data, const struct canvas *numbers,
			  const struct canvas *canvas, double share, struct brot_error *err)
{
	const struct format_info *format = format_info(data->format);
	struct paint paint = {
		.numbers = {.width_px = data->width_px, .height_px = data->height_px},
		.canvas = canvas,
		.is_16 = request->format == FORMAT_RGB16,
	};
	struct gang_phase surveys = phase_of(&paint, data, share * SHARE_SURVEY);
	struct gang_phase colours = phase_of(&paint, request, share * (1.0 - SHARE_SURVEY));
	surveys.task = survey;
	colours.task = colour;
	for (uint32_t p = 0; p < format->plane_count; p++)
		planes_set_channel(&paint.numbers, format->planes[p],
				   data->kind == KIND_BUDDHABROT ? p : 0, numbers->planes[p]);
	enum brot_err code = brot_colour_new(json, strlen(json), &paint.colour, err);
	if (code == BROT_OK)
		code = brot_colour_check(paint.colour, &paint.numbers, err);
	if (code == BROT_OK && brot_colour_needs_survey(paint.colour))
		code = gang_run(&local->gang, &surveys, err);
	if (code == BROT_OK)
		code = gang_run(&local->gang, &colours, err);
	brot_colour_free(paint.colour);
	return code;
}
