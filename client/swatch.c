/* swatch.c - a row of counts that run once through a palette, coloured for each. */
#include "client/swatch.h"

#include <brot/colour.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client/compose.h"

#define ROW_BYTES ((size_t)3 * SWATCH_WIDTH_PX)
#define PITCH_PX  ((uint32_t)SWATCH_STRIP_PX + SWATCH_GAP_PX)
#define WHITE     0xff

struct swatch {
	struct request request; /* of the picture: its size counts */
	size_t count;
	uint8_t white[ROW_BYTES];
	uint8_t rows[][ROW_BYTES]; /* one a palette */
};

/* A palette that is not cyclic is run to and fro: it is at its end after half a run. */
static bool is_cyclic(const struct request *request)
{
	struct palette palette;
	colour_palette_of(&request->colour, &palette);
	return palette.cyclic;
}

/* The second run: counts below 1 have the colour of 1. */
static void numbers_make(uint32_t run, uint32_t whole[SWATCH_WIDTH_PX],
			 float fraction[SWATCH_WIDTH_PX])
{
	for (uint32_t x = 0; x < SWATCH_WIDTH_PX; x++) {
		whole[x] = run + x;
		fraction[x] = 0.5f;
	}
}

static enum brot_err row_colour(struct request *request, uint8_t row[ROW_BYTES],
				struct brot_error *err)
{
	uint32_t whole[SWATCH_WIDTH_PX];
	float fraction[SWATCH_WIDTH_PX];
	const uint32_t run = is_cyclic(request) ? SWATCH_WIDTH_PX : 2 * SWATCH_WIDTH_PX;
	const struct brot_numbers numbers = {
		.width_px = SWATCH_WIDTH_PX,
		.height_px = 1,
		.whole = whole,
		.fraction = fraction,
	};
	struct brot_colour *colour = NULL;
	request->colour.period = run;
	numbers_make(run, whole, fraction);
	char *text = request_to_text(request, false);
	if (text == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for a palette");
	const enum brot_err code = brot_colour_new(text, strlen(text), &colour, err);
	free(text);
	if (code == BROT_OK)
		brot_colour_rows8(colour, &numbers, 0, 1, row, ROW_BYTES);
	brot_colour_free(colour);
	return code;
}

static enum brot_err palette_colour(const char *palette, uint8_t row[ROW_BYTES],
				    struct brot_error *err)
{
	const struct compose_words words = {.palette = palette};
	struct request base, request;
	json_t *json = NULL;
	request_init(&base);
	base.width_px = SWATCH_WIDTH_PX;
	base.height_px = 1;
	enum brot_err code = compose_over(&words, NULL, &base, &request, &json, err);
	json_decref(json);
	return code == BROT_OK ? row_colour(&request, row, err) : code;
}

static size_t table_count(void)
{
	size_t count = 0;
	while (palette_at(count) != NULL)
		count++;
	return count;
}

enum brot_err swatch_new(const char *const *palettes, size_t count, struct swatch **ret_swatch,
			 struct brot_error *err)
{
	const size_t strips = count == 0 ? table_count() : count;
	struct swatch *swatch = malloc(sizeof *swatch + strips * ROW_BYTES);
	enum brot_err code = BROT_OK;
	if (swatch == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for palettes");
	swatch->count = strips;
	request_init(&swatch->request);
	swatch->request.width_px = SWATCH_WIDTH_PX;
	swatch->request.height_px = (uint32_t)strips * PITCH_PX - SWATCH_GAP_PX;
	memset(swatch->white, WHITE, sizeof swatch->white);
	for (size_t i = 0; i < strips && code == BROT_OK; i++)
		code = palette_colour(count == 0 ? palette_at(i)->name : palettes[i],
				      swatch->rows[i], err);
	if (code == BROT_OK)
		*ret_swatch = swatch;
	else
		swatch_free(swatch);
	return code;
}

static enum brot_err reach(struct picture *picture, uint32_t y, struct brot_error *err)
{
	const struct swatch *swatch = picture->context;
	const bool is_strip = y % PITCH_PX < SWATCH_STRIP_PX;
	(void)err;
	picture->first = y;
	picture->rows = 1;
	picture->planes[0] = is_strip ? swatch->rows[y / PITCH_PX] : swatch->white;
	return BROT_OK;
}

void swatch_picture(struct swatch *swatch, struct picture *ret_picture)
{
	*ret_picture = (struct picture){
		.request = &swatch->request,
		.is_anonymous = true,
		.compress = PICTURE_COMPRESS,
		.reach = reach,
		.context = swatch,
	};
}

void swatch_free(struct swatch *swatch)
{
	free(swatch);
}
