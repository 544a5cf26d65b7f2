/* finish.c - blocks in a ring: coloured by threads, read by the owner in order. */
#include "client/finish.h"

#include <assert.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client/crew.h"
#include "proto/planes.h"
#include "proto/sys/thread.h"

#define BLOCK_BYTES   ((size_t)256 * 1024) /* of the picture; at least one row */
#define PIECE_SAMPLES ((uint32_t)1 << 18)  /* that are surveyed at a time; at least one row */
#define RING_BLOCKS   2                    /* a thread, and the one that is read */
#define NO_BLOCK      UINT32_MAX

struct block {
	uint32_t index; /* that it holds; NO_BLOCK: none yet */
	uint8_t *rgb;
};

struct finish {
	struct finish_config config;
	struct brot_numbers numbers;
	struct brot_colour *colour;
	size_t row_bytes;
	uint32_t block_rows, block_count;
	uint32_t piece_rows;
	struct block *ring;
	unsigned ring_count;

	pthread_t threads[CREW_MAX];
	unsigned thread_count; /* that run */
	pthread_mutex_t lock;  /* of all below, and of the blocks' indices */
	pthread_cond_t changed;
	uint32_t reading; /* the block of the row that was reached last: its bytes stay */
	uint32_t next;    /* the block that the next free thread takes */
	bool is_over;
};

/* ---- what is needed ---- */

/* In the order in which they are missed, and the format that has them. */
static const struct {
	enum plane_type plane;
	const char *format;
} sources[] = {
	{PLANE_ITERATIONS, "iterations or raw"},
	{PLANE_WHOLE, "smooth or raw"},
	{PLANE_FRACTION, "smooth or raw"},
	{PLANE_DISTANCE, "raw"},
	{PLANE_PHASE, "raw"},
	{PLANE_PERIOD, "raw"},
	{PLANE_INTERIOR, "raw"},
};
#define SOURCE_COUNT (sizeof sources / sizeof sources[0])

enum brot_err finish_check_planes(const struct request *picture, unsigned planes,
				  struct brot_error *err)
{
	const struct colour *colour = &picture->colour;
	const unsigned counts = 1u << PLANE_DENSITY | 1u << PLANE_DENSITY32;
	if (picture->kind == KIND_BUDDHABROT && (planes & counts) == 0)
		return error_set(
			err, BROT_E_REQUEST,
			"kind \"buddhabrot\" needs counts, which the data have not: render "
			"them with --format density or nebula");
	if (picture->kind == KIND_BUDDHABROT)
		return BROT_OK;
	const unsigned missing = colour_planes(colour) & ~planes;
	for (size_t i = 0; i < SOURCE_COUNT; i++) {
		const enum plane_type plane = sources[i].plane;
		if ((missing & 1u << plane) == 0)
			continue;
		const bool is_inside = plane == PLANE_PERIOD || plane == PLANE_INTERIOR;
		return error_set(err, BROT_E_REQUEST,
				 "colour.%s \"%s\" needs plane %s, which the data have not: render "
				 "them with --format %s",
				 is_inside ? "inside" : "mode",
				 is_inside ? colour_inside_name(colour->inside)
					   : colour_mode_name(colour->mode),
				 plane_info(plane)->name, sources[i].format);
	}
	return BROT_OK;
}

enum brot_err finish_check_format(const struct request *picture, enum format_id format,
				  struct brot_error *err)
{
	return finish_check_planes(picture, format_planes(format), err);
}

void finish_numbers(const struct picture *data, struct brot_numbers *ret_numbers)
{
	const struct format_info *format = format_info(data->request->format);
	struct brot_numbers numbers = {.width_px = data->request->width_px,
				       .height_px = data->request->height_px};
	assert(data->first == 0 && data->rows == data->request->height_px);
	const bool is_buddhabrot = data->request->kind == KIND_BUDDHABROT;
	for (uint32_t p = 0; p < format->plane_count; p++)
		planes_set_channel(&numbers, format->planes[p], is_buddhabrot ? p : 0,
				   data->planes[p]);
	*ret_numbers = numbers;
}

/* ---- the threads ---- */

static void block_colour(const struct finish *finish, uint32_t index, uint8_t *rgb)
{
	const struct request *request = finish->config.request;
	const uint32_t first = index * finish->block_rows;
	const uint32_t left = request->height_px - first;
	const uint32_t rows = left < finish->block_rows ? left : finish->block_rows;
	if (request->format == FORMAT_RGB16)
		brot_colour_rows16(finish->colour, &finish->numbers, first, rows, (uint16_t *)rgb,
				   finish->row_bytes);
	else
		brot_colour_rows8(finish->colour, &finish->numbers, first, rows, rgb,
				  finish->row_bytes);
}

static struct block *block_at(struct finish *finish, uint32_t index)
{
	return &finish->ring[index % finish->ring_count];
}

/* The next block that has a place in the ring, which goes up to the one that is read. False at the
 * end. */
static bool take(struct finish *finish, uint32_t *ret_index)
{
	(void)pthread_mutex_lock(&finish->lock);
	while (!finish->is_over && finish->next < finish->block_count &&
	       finish->next - finish->reading >= finish->ring_count)
		(void)pthread_cond_wait(&finish->changed, &finish->lock);
	const bool is_good = !finish->is_over && finish->next < finish->block_count;
	if (is_good)
		*ret_index = finish->next++;
	(void)pthread_mutex_unlock(&finish->lock);
	return is_good;
}

static void *thread_run(void *context)
{
	struct finish *finish = context;
	uint32_t index;
	while (take(finish, &index)) {
		struct block *block = block_at(finish, index);
		block_colour(finish, index, block->rgb);
		(void)pthread_mutex_lock(&finish->lock);
		block->index = index;
		(void)pthread_cond_broadcast(&finish->changed);
		(void)pthread_mutex_unlock(&finish->lock);
	}
	return NULL;
}

/* ---- the owner ---- */

static enum brot_err keep(struct finish *finish, uint32_t row, struct brot_error *err)
{
	return finish->config.keep == NULL ? BROT_OK
					   : finish->config.keep(row, finish->config.context, err);
}

static enum brot_err start(struct finish *finish, struct brot_error *err)
{
	while (finish->thread_count < finish->config.threads &&
	       thread_start(&finish->threads[finish->thread_count], thread_run, finish))
		finish->thread_count++;
	return finish->thread_count > 0
		       ? BROT_OK
		       : error_set(err, BROT_E_SYSTEM, "no thread to colour the picture");
}

static enum brot_err reach(struct picture *picture, uint32_t y, struct brot_error *err)
{
	struct finish *finish = picture->context;
	const uint32_t index = y / finish->block_rows;
	struct block *block = block_at(finish, index);
	enum brot_err code = keep(finish, y, err);
	if (code == BROT_OK && finish->thread_count == 0)
		code = start(finish, err);
	if (code != BROT_OK)
		return code;
	(void)pthread_mutex_lock(&finish->lock);
	if (finish->reading != index) {
		finish->reading = index;
		(void)pthread_cond_broadcast(&finish->changed);
	}
	while (block->index != index)
		(void)pthread_cond_wait(&finish->changed, &finish->lock);
	(void)pthread_mutex_unlock(&finish->lock);
	picture->first = index * finish->block_rows;
	picture->rows = finish->block_rows;
	picture->planes[0] = block->rgb;
	return BROT_OK;
}

void finish_picture(struct finish *finish, struct picture *ret_picture)
{
	*ret_picture = (struct picture){
		.request = finish->config.request,
		.compress = PICTURE_COMPRESS,
		.reach = reach,
		.context = finish,
	};
}

static void survey_piece(uint32_t piece, void *context)
{
	struct finish *finish = context;
	const uint32_t first = piece * finish->piece_rows;
	const uint32_t left = finish->numbers.height_px - first;
	brot_colour_survey(finish->colour, &finish->numbers, first,
			   left < finish->piece_rows ? left : finish->piece_rows);
}

static enum brot_err survey_keep(void *context, struct brot_error *err)
{
	return keep(context, 0, err);
}

enum brot_err finish_survey(struct finish *finish, struct brot_error *err)
{
	const struct crew_work work = {
		.count = (finish->numbers.height_px + finish->piece_rows - 1) / finish->piece_rows,
		.threads = finish->config.threads,
		.task = survey_piece,
		.between = survey_keep,
		.context = finish,
	};
	return brot_colour_needs_survey(finish->colour) ? crew_run(&work, err) : BROT_OK;
}

static enum brot_err no_memory(struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "no memory to colour a picture");
}

static enum brot_err colour_make(const struct request *request, struct brot_colour **ret_colour,
				 struct brot_error *err)
{
	char *text = request_to_text(request, false);
	if (text == NULL)
		return no_memory(err);
	const enum brot_err code = brot_colour_new(text, strlen(text), ret_colour, err);
	free(text);
	return code;
}

static enum brot_err ring_make(struct finish *finish, struct brot_error *err)
{
	finish->ring = calloc(finish->ring_count, sizeof *finish->ring);
	for (unsigned i = 0; finish->ring != NULL && i < finish->ring_count; i++) {
		finish->ring[i].index = NO_BLOCK;
		finish->ring[i].rgb = malloc(finish->block_rows * finish->row_bytes);
		if (finish->ring[i].rgb == NULL)
			return no_memory(err);
	}
	return finish->ring == NULL ? no_memory(err) : BROT_OK;
}

static enum brot_err fill(struct finish *finish, struct brot_error *err)
{
	const struct request *request = finish->config.request;
	enum brot_err code = finish_check_planes(request, planes_present(&finish->numbers), err);
	if (code == BROT_OK)
		code = colour_make(request, &finish->colour, err);
	if (code == BROT_OK)
		code = brot_colour_check(finish->colour, &finish->numbers, err);
	if (code != BROT_OK)
		return code;
	const uint32_t fitting = (uint32_t)(BLOCK_BYTES / finish->row_bytes);
	finish->block_rows = fitting == 0 ? 1 : fitting;
	if (finish->block_rows > request->height_px)
		finish->block_rows = request->height_px;
	finish->block_count = (request->height_px + finish->block_rows - 1) / finish->block_rows;
	finish->piece_rows = PIECE_SAMPLES / finish->numbers.width_px;
	if (finish->piece_rows == 0)
		finish->piece_rows = 1;
	finish->ring_count = RING_BLOCKS * finish->config.threads + 1;
	return ring_make(finish, err);
}

enum brot_err finish_new(const struct finish_config *config, struct finish **ret_finish,
			 struct brot_error *err)
{
	assert(config->threads >= 1 && config->threads <= CREW_MAX);
	assert(!format_info(config->request->format)->is_data);
	struct finish *finish = calloc(1, sizeof *finish);
	if (finish == NULL || pthread_mutex_init(&finish->lock, NULL) != 0) {
		free(finish);
		return no_memory(err);
	}
	if (pthread_cond_init(&finish->changed, NULL) != 0) {
		(void)pthread_mutex_destroy(&finish->lock);
		free(finish);
		return no_memory(err);
	}
	finish->config = *config;
	finish->numbers = *config->numbers;
	finish->row_bytes = picture_row_bytes(config->request, 0);
	const enum brot_err code = fill(finish, err);
	if (code == BROT_OK)
		*ret_finish = finish;
	else
		finish_free(finish);
	return code;
}

void finish_free(struct finish *finish)
{
	if (finish == NULL)
		return;
	(void)pthread_mutex_lock(&finish->lock);
	finish->is_over = true;
	(void)pthread_cond_broadcast(&finish->changed);
	(void)pthread_mutex_unlock(&finish->lock);
	for (unsigned i = 0; i < finish->thread_count; i++)
		(void)pthread_join(finish->threads[i], NULL);
	for (unsigned i = 0; finish->ring != NULL && i < finish->ring_count; i++)
		free(finish->ring[i].rgb);
	free(finish->ring);
	brot_colour_free(finish->colour);
	(void)pthread_cond_destroy(&finish->changed);
	(void)pthread_mutex_destroy(&finish->lock);
	free(finish);
}
