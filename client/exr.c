/*
 * exr.c - rows are staged a block at a time, packed by a crew, written in order.
 *
 * The library's own pipeline packs a block; its last step, the writing, is taken out of it, for
 * that must be in order.
 */
#include "client/exr.h"

#include <assert.h>
#include <brot/version.h>
#include <openexr.h>
#include <stdlib.h>
#include <string.h>

#include "client/crew.h"

#define BLOCK_ROWS   16                         /* what ZIP has */
#define STAGE_BYTES  ((size_t)64 * 1024 * 1024) /* a core, or one block where that is more */
#define CHANNELS_MAX 8

const struct exr_channel exr_channels[] = {
	{"BLUE", PLANE_DENSITY32, 0, 2, 3},
	{"BLUE0", PLANE_DENSITY, 0, 2, 3},
	{"BLUE1", PLANE_DENSITY, 1, 2, 3},
	{"DENSITY", PLANE_DENSITY32, 0, 0, 1},
	{"DENSITY0", PLANE_DENSITY, 0, 0, 1},
	{"DENSITY1", PLANE_DENSITY, 1, 0, 1},
	{"DEX", PLANE_DISTANCE, 0, 0, 0},
	{"DEY", PLANE_DISTANCE, 1, 0, 0},
	{"GREEN", PLANE_DENSITY32, 0, 1, 3},
	{"GREEN0", PLANE_DENSITY, 0, 1, 3},
	{"GREEN1", PLANE_DENSITY, 1, 1, 3},
	{"INTERIOR", PLANE_INTERIOR, 0, 0, 0},
	{"ITERATIONS", PLANE_ITERATIONS, 0, 0, 0},
	{"N", PLANE_WHOLE, 0, 0, 0},
	{"NF", PLANE_FRACTION, 0, 0, 0},
	{"PERIOD", PLANE_PERIOD, 0, 0, 0},
	{"RED", PLANE_DENSITY32, 0, 0, 3},
	{"RED0", PLANE_DENSITY, 0, 0, 3},
	{"RED1", PLANE_DENSITY, 1, 0, 3},
	{"T", PLANE_PHASE, 0, 0, 0},
	{NULL, PLANE_RGB8, 0, 0, 0},
};

/* A block on its way. */
struct block {
	uint32_t first, rows;
	uint8_t *staged; /* channel by channel, each BLOCK_ROWS rows */
	exr_chunk_info_t chunk;
	exr_encode_pipeline_t pipeline;
	const void *packed; /* the pipeline's */
	uint64_t packed_bytes;
	exr_result_t result;
};

struct exr_call {
	exr_context_t exr;
	int part;
	struct picture *picture;
	struct outfile *outfile;
	struct brot_error *err;
	enum brot_err code; /* not BROT_OK once *err says what went wrong */
	const struct exr_channel *channels[CHANNELS_MAX];
	uint32_t planes[CHANNELS_MAX]; /* index in the format */
	uint32_t channel_count;
	struct block *blocks;
	uint32_t block_count; /* that may be staged */
};

/* ---- what the library calls ---- */

/* The table of the blocks comes last, into room that is left before them. */
static enum brot_err leave_room(struct exr_call *call, uint64_t bytes)
{
	static const uint8_t zeros[1024];
	enum brot_err code = BROT_OK;
	while (code == BROT_OK && bytes > 0) {
		const size_t part = bytes < sizeof zeros ? (size_t)bytes : sizeof zeros;
		code = outfile_write(call->outfile, zeros, part, call->err);
		bytes -= part;
	}
	return code;
}

static int64_t on_write(exr_const_context_t exr, void *user, const void *buffer, uint64_t bytes,
			uint64_t offset, exr_stream_error_func_ptr_t on_error)
{
	struct exr_call *call = user;
	struct outfile *outfile = call->outfile;
	(void)on_error;
	(void)exr;
	if (call->code == BROT_OK && offset > outfile->bytes)
		call->code = leave_room(call, offset - outfile->bytes);
	if (call->code != BROT_OK)
		return -1;
	if (offset < outfile->bytes)
		call->code = outfile_rewrite(outfile, offset, buffer, (size_t)bytes, call->err);
	else
		call->code = outfile_write(outfile, buffer, (size_t)bytes, call->err);
	return call->code == BROT_OK ? (int64_t)bytes : -1;
}

/* What the results of its functions say is enough. */
static void on_message(exr_const_context_t exr, exr_result_t code, const char *text)
{
	(void)exr;
	(void)code;
	(void)text;
}

static enum brot_err check(struct exr_call *call, exr_result_t result)
{
	if (call->code == BROT_OK && result != EXR_ERR_SUCCESS)
		call->code = error_set(call->err,
				       result == EXR_ERR_OUT_OF_MEMORY ? BROT_E_SYSTEM
								       : BROT_E_INTERNAL,
				       "OpenEXR refused: %s", exr_get_error_code_as_string(result));
	return call->code;
}

/* ---- the head ---- */

static bool is_of_plane(const struct exr_channel *channel, const struct format_info *format,
			uint32_t p)
{
	return format->planes[p] == channel->plane &&
	       (channel->count == 0 ||
		(channel->count == format->plane_count && channel->index == p));
}

static void choose_channels(struct exr_call *call)
{
	const struct format_info *format = format_info(call->picture->request->format);
	for (const struct exr_channel *channel = exr_channels; channel->name != NULL; channel++)
		for (uint32_t p = 0; p < format->plane_count; p++)
			if (is_of_plane(channel, format, p)) {
				call->channels[call->channel_count] = channel;
				call->planes[call->channel_count++] = p;
			}
}

bool exr_channel_is_float(const struct exr_channel *channel)
{
	return channel->plane != PLANE_WHOLE && channel->plane != PLANE_PERIOD &&
	       channel->plane != PLANE_ITERATIONS && channel->count == 0;
}

static void write_texts(struct exr_call *call)
{
	char *text = picture_request_text(call->picture);
	if (text == NULL)
		(void)check(call, EXR_ERR_OUT_OF_MEMORY);
	if (call->code == BROT_OK)
		(void)check(call,
			    exr_attr_set_string(call->exr, call->part, EXR_REQUEST_KEY, text));
	if (call->code == BROT_OK)
		(void)check(call, exr_attr_set_string(call->exr, call->part, "software",
						      "brot " BROT_VERSION));
	free(text);
}

static void write_head(struct exr_call *call)
{
	const struct picture *picture = call->picture;
	const struct request *request = picture->request;
	const int level = (int)picture->compress;
	(void)check(call, exr_add_part(call->exr, NULL, EXR_STORAGE_SCANLINE, &call->part));
	if (call->code == BROT_OK)
		(void)check(call, exr_initialize_required_attr_simple(
					  call->exr, call->part, (int32_t)request->width_px,
					  (int32_t)request->height_px, EXR_COMPRESSION_ZIP));
	if (call->code == BROT_OK)
		(void)check(call, exr_set_zip_compression_level(call->exr, call->part, level));
	for (uint32_t i = 0; i < call->channel_count && call->code == BROT_OK; i++)
		(void)check(call, exr_add_channel(call->exr, call->part, call->channels[i]->name,
						  exr_channel_is_float(call->channels[i])
							  ? EXR_PIXEL_FLOAT
							  : EXR_PIXEL_UINT,
						  EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1));
	if (call->code == BROT_OK)
		(void)check(call, exr_attr_set_int(call->exr, call->part, EXR_ITERATIONS_KEY,
						   (int32_t)request->iterations));
	if (call->code == BROT_OK)
		(void)check(call, exr_attr_set_int(call->exr, call->part, EXR_BIAS_KEY, EXR_BIAS));
	if (call->code == BROT_OK && picture->dpi != 0)
		(void)check(call, exr_attr_set_float(call->exr, call->part, "xDensity",
						     (float)picture->dpi));
	if (call->code == BROT_OK)
		write_texts(call);
	if (call->code == BROT_OK)
		(void)check(call, exr_write_header(call->exr));
}

/* ---- the blocks ---- */

static size_t channel_bytes(const struct exr_call *call)
{
	return (size_t)call->picture->request->width_px * BLOCK_ROWS * EXR_ELEMENT_BYTES;
}

static void stage_value(const struct exr_channel *channel, const uint8_t *from, uint8_t *to)
{
	uint32_t whole;
	memcpy(&whole, from, sizeof whole);
	if (channel->plane == PLANE_WHOLE && whole != UINT32_MAX)
		whole += EXR_BIAS;
	memcpy(to, &whole, sizeof whole);
}

static void stage_row(const struct exr_call *call, struct block *block, uint32_t y)
{
	const uint32_t width = call->picture->request->width_px;
	for (uint32_t i = 0; i < call->channel_count; i++) {
		const struct exr_channel *channel = call->channels[i];
		const uint8_t *from = picture_row(call->picture, call->planes[i], y);
		const uint32_t step = plane_info(channel->plane)->pixel_bytes;
		uint8_t *to = block->staged + i * channel_bytes(call) +
			      (size_t)(y - block->first) * width * EXR_ELEMENT_BYTES;
		for (uint32_t x = 0; x < width; x++)
			stage_value(channel,
				    from + (size_t)x * step + channel->part * EXR_ELEMENT_BYTES,
				    to + (size_t)x * EXR_ELEMENT_BYTES);
	}
}

static enum brot_err stage(struct exr_call *call, struct block *block, uint32_t first)
{
	const uint32_t left = call->picture->request->height_px - first;
	block->first = first;
	block->rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;
	for (uint32_t y = first; y < first + block->rows && call->code == BROT_OK; y++) {
		call->code = picture_reach(call->picture, y, call->err);
		if (call->code == BROT_OK)
			stage_row(call, block, y);
	}
	if (call->code == BROT_OK)
		(void)check(call, exr_write_scanline_chunk_info(call->exr, call->part, (int)first,
								&block->chunk));
	return call->code;
}

/* In place of the pipeline's writing. */
static exr_result_t on_packed(exr_encode_pipeline_t *pipeline)
{
	struct block *block = pipeline->encoding_user_data;
	block->packed = pipeline->compressed_buffer;
	block->packed_bytes = pipeline->compressed_bytes;
	return EXR_ERR_SUCCESS;
}

static void pack(uint32_t index, void *context)
{
	struct exr_call *call = context;
	struct block *block = &call->blocks[index];
	exr_encode_pipeline_t *pipeline = &block->pipeline;
	*pipeline = (exr_encode_pipeline_t)EXR_ENCODE_PIPELINE_INITIALIZER;
	block->result = exr_encoding_initialize(call->exr, call->part, &block->chunk, pipeline);
	if (block->result != EXR_ERR_SUCCESS)
		return;
	for (int16_t i = 0; i < pipeline->channel_count; i++) {
		exr_coding_channel_info_t *channel = &pipeline->channels[i];
		channel->encode_from_ptr = block->staged + (size_t)i * channel_bytes(call);
		channel->user_pixel_stride = EXR_ELEMENT_BYTES;
		channel->user_line_stride = (int32_t)call->picture->request->width_px *
					    EXR_ELEMENT_BYTES;
		channel->user_bytes_per_element = EXR_ELEMENT_BYTES;
		channel->user_data_type = channel->data_type;
	}
	pipeline->encoding_user_data = block;
	block->result = exr_encoding_choose_default_routines(call->exr, call->part, pipeline);
	pipeline->yield_until_ready_fn = NULL;
	pipeline->write_fn = on_packed;
	if (block->result == EXR_ERR_SUCCESS)
		block->result = exr_encoding_run(call->exr, call->part, pipeline);
}

static void write_block(struct exr_call *call, struct block *block)
{
	if (check(call, block->result) == BROT_OK)
		(void)check(call, exr_write_scanline_chunk(call->exr, call->part, (int)block->first,
							   block->packed, block->packed_bytes));
	(void)exr_encoding_destroy(call->exr, &block->pipeline);
}

static void write_blocks(struct exr_call *call)
{
	const uint32_t height = call->picture->request->height_px;
	struct crew_work work = {
		.threads = crew_threads(call->picture->threads), .task = pack, .context = call};
	for (uint32_t y = 0; y < height && call->code == BROT_OK;) {
		uint32_t count = 0;
		while (count < call->block_count && y < height &&
		       stage(call, &call->blocks[count], y) == BROT_OK)
			y += call->blocks[count++].rows;
		if (call->code != BROT_OK)
			return;
		work.count = count;
		(void)crew_run(&work, call->err);
		for (uint32_t i = 0; i < count; i++)
			write_block(call, &call->blocks[i]);
	}
}

static bool make_blocks(struct exr_call *call)
{
	const size_t bytes = channel_bytes(call) * call->channel_count;
	const uint32_t height = call->picture->request->height_px;
	const uint32_t all = (height + BLOCK_ROWS - 1) / BLOCK_ROWS;
	const size_t threads = crew_threads(call->picture->threads);
	size_t count = STAGE_BYTES * threads / bytes;
	if (count > 2 * threads)
		count = 2 * threads;
	if (count > all)
		count = all;
	call->block_count = count == 0 ? 1 : (uint32_t)count;
	call->blocks = calloc(call->block_count, sizeof *call->blocks);
	for (uint32_t i = 0; call->blocks != NULL && i < call->block_count; i++) {
		call->blocks[i].staged = malloc(bytes);
		if (call->blocks[i].staged == NULL)
			return false;
	}
	return call->blocks != NULL;
}

enum brot_err exr_file_write(struct picture *picture, struct outfile *outfile,
			     struct brot_error *err)
{
	struct exr_call call = {.picture = picture, .outfile = outfile, .err = err};
	exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
	init.error_handler_fn = on_message;
	init.user_data = &call;
	init.write_fn = on_write;
	choose_channels(&call);
	if (!make_blocks(&call) ||
	    exr_start_write(&call.exr, outfile->path, EXR_WRITE_FILE_DIRECTLY, &init) !=
		    EXR_ERR_SUCCESS)
		call.code = error_set(err, BROT_E_SYSTEM, "no memory to write an EXR file");
	if (call.code == BROT_OK)
		write_head(&call);
	if (call.code == BROT_OK)
		write_blocks(&call);
	/* Writes the table of the blocks, which stands before them. */
	if (call.exr != NULL)
		(void)check(&call, exr_finish(&call.exr));
	for (uint32_t i = 0; call.blocks != NULL && i < call.block_count; i++)
		free(call.blocks[i].staged);
	free(call.blocks);
	return call.code;
}
