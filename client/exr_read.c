/* exr_read.c - OpenEXR files of numbers, which may be hostile: the library decodes, into planes of
 * the size that its header says. */
#define _XOPEN_SOURCE 700 /* pread() */
#include <errno.h>
#include <openexr.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/crew.h"
#include "client/exr.h"
#include "client/numbers.h"
#include "client/textfile.h"
#include "proto/limits.h"

#define CHANNELS_MAX 64   /* that a file may have, ours or not */
#define NEBULA_SHIFT 8    /* of the bits of channels that are one of three */
#define RATIO_MAX    1100 /* deflate makes at most 1032 bytes of one */

struct exr_call {
	const char *path;
	int fd;
	exr_context_t exr;
	struct numbers *numbers;
	bool has_halves; /* N0 and N1 instead of N */
	uint32_t *high;  /* the values of N1, as many as pixels; or NULL */
	uint32_t bias;
	int32_t top;        /* of the data window */
	int32_t block_rows; /* that are packed together */
	atomic_int result;  /* the first that is not EXR_ERR_SUCCESS */
};

/* ---- what the library calls ---- */

static int64_t on_read(exr_const_context_t exr, void *user, void *buffer, uint64_t bytes,
		       uint64_t offset, exr_stream_error_func_ptr_t on_error)
{
	const struct exr_call *call = user;
	(void)exr;
	(void)on_error;
	ssize_t got;
	if (offset > INT64_MAX)
		return -1;
	do
		got = pread(call->fd, buffer, (size_t)bytes, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

static int64_t on_size(exr_const_context_t exr, void *user)
{
	const struct exr_call *call = user;
	struct stat status;
	(void)exr;
	return fstat(call->fd, &status) == 0 ? (int64_t)status.st_size : -1;
}

/* What the results of its functions say is enough. */
static void on_message(exr_const_context_t exr, exr_result_t code, const char *text)
{
	(void)exr;
	(void)code;
	(void)text;
}

static enum brot_err refuse(const struct exr_call *call, const char *reason, struct brot_error *err)
{
	return numbers_refuse(call->path, reason, err);
}

static enum brot_err damaged(const struct exr_call *call, exr_result_t result,
			     struct brot_error *err)
{
	if (result == EXR_ERR_OUT_OF_MEMORY)
		return error_set(err, BROT_E_SYSTEM, "no memory to read \"%.80s\"", call->path);
	return error_set(err, BROT_E_REQUEST, "\"%.80s\" is no whole OpenEXR file (%s)", call->path,
			 exr_get_error_code_as_string(result));
}

/* ---- the head ---- */

static enum brot_err check_kind(struct exr_call *call, struct brot_error *err)
{
	int parts = 0;
	exr_storage_t storage;
	exr_compression_t compression;
	exr_attr_box2i_t window;
	exr_result_t result = exr_get_count(call->exr, &parts);
	if (result == EXR_ERR_SUCCESS)
		result = exr_get_storage(call->exr, 0, &storage);
	if (result == EXR_ERR_SUCCESS)
		result = exr_get_compression(call->exr, 0, &compression);
	if (result == EXR_ERR_SUCCESS)
		result = exr_get_data_window(call->exr, 0, &window);
	if (result == EXR_ERR_SUCCESS)
		result = exr_get_scanlines_per_chunk(call->exr, 0, &call->block_rows);
	if (result != EXR_ERR_SUCCESS)
		return damaged(call, result, err);
	if (parts != 1 || storage != EXR_STORAGE_SCANLINE || call->block_rows < 1)
		return refuse(call, "must be of one part of scanlines", err);
	if (compression != EXR_COMPRESSION_ZIP && compression != EXR_COMPRESSION_ZIPS &&
	    compression != EXR_COMPRESSION_RLE && compression != EXR_COMPRESSION_NONE)
		return refuse(call, "must be packed by ZIP, by RLE or not at all", err);
	const int64_t width = (int64_t)window.max.x - window.min.x + 1;
	const int64_t height = (int64_t)window.max.y - window.min.y + 1;
	const enum brot_err code = numbers_check_size(call->path, width < 0 ? 0 : (uint64_t)width,
						      height < 0 ? 0 : (uint64_t)height, err);
	call->top = window.min.y;
	call->numbers->width_px = (uint32_t)width;
	call->numbers->height_px = (uint32_t)height;
	return code;
}

static const struct exr_channel *channel_by_name(const struct exr_call *call, const char *name)
{
	static const struct exr_channel low = {"N0", PLANE_WHOLE, 0, 0, 0};
	if (call->has_halves && strcmp(name, low.name) == 0)
		return &low;
	for (const struct exr_channel *channel = exr_channels; channel->name != NULL; channel++)
		if (strcmp(channel->name, name) == 0)
			return channel;
	return NULL;
}

static const exr_attr_chlist_entry_t *find_entry(const exr_attr_chlist_t *list, const char *name)
{
	for (int i = 0; i < list->num_channels; i++)
		if (strcmp(list->entries[i].name.str, name) == 0)
			return &list->entries[i];
	return NULL;
}

/* Whether counts are split, into their low and high 32 bits. */
static enum brot_err choose_halves(struct exr_call *call, const exr_attr_chlist_t *list,
				   struct brot_error *err)
{
	const exr_attr_chlist_entry_t *high = find_entry(list, "N1");
	if (high == NULL || find_entry(list, "N0") == NULL || find_entry(list, "N") != NULL)
		return BROT_OK;
	if (high->pixel_type != EXR_PIXEL_UINT || high->x_sampling != 1 || high->y_sampling != 1)
		return refuse(call, "its channel N1 must be of whole numbers, with a value a pixel",
			      err);
	call->has_halves = true;
	return BROT_OK;
}

static enum brot_err reserve_high(struct exr_call *call, struct brot_error *err)
{
	const size_t count = (size_t)call->numbers->width_px * call->numbers->height_px;
	if (!call->has_halves)
		return BROT_OK;
	call->high = malloc(count * sizeof *call->high);
	return call->high != NULL ? BROT_OK
				  : error_set(err, BROT_E_SYSTEM,
					      "no memory for the numbers of \"%.80s\"", call->path);
}

/* The bit of a channel among those of its plane. */
static unsigned part_bit(const struct exr_channel *channel)
{
	return 1u << (channel->part + 2 * channel->index +
		      (channel->count == BUDDHA_CHANNELS ? NEBULA_SHIFT : 0));
}

/* How many channels of counts those bits make, or whether (1) they make another plane; 0: none. */
static uint32_t plane_channels(int plane, unsigned parts)
{
	const bool is_double = plane == PLANE_DISTANCE || plane == PLANE_DENSITY;
	const bool is_count = plane == PLANE_DENSITY || plane == PLANE_DENSITY32;
	const unsigned three = is_double ? 0x3f : 0x15, one = is_double ? 3 : 1;
	if (is_count && (parts >> NEBULA_SHIFT) == three)
		return BUDDHA_CHANNELS;
	return (parts & one) == one ? 1 : 0;
}

/* Reserves a plane for each whose channels are all there, unless the file is far too short for what
 * its header says. */
static enum brot_err reserve(struct exr_call *call, const uint32_t channels[PLANE_TYPES],
			     struct brot_error *err)
{
	const int64_t file_bytes = on_size(call->exr, call);
	bool has_room = true;
	uint64_t bytes = 0;
	for (int plane = 0; plane < PLANE_TYPES; plane++)
		if (channels[plane] != 0)
			bytes += (uint64_t)call->numbers->width_px * call->numbers->height_px *
				 plane_info((uint32_t)plane)->pixel_bytes * channels[plane];
	if (file_bytes < 0 || bytes / RATIO_MAX > (uint64_t)file_bytes)
		return refuse(call, "is too short for the size that its header says", err);
	for (int plane = 0; plane < PLANE_TYPES; plane++)
		for (uint32_t i = 0; i < channels[plane]; i++)
			has_room = has_room && numbers_reserve_channel(call->numbers,
								       (enum plane_type)plane, i);
	return has_room ? BROT_OK
			: error_set(err, BROT_E_SYSTEM, "no memory for the numbers of \"%.80s\"",
				    call->path);
}

/* Where a Buddhabrot's counts are there nothing else is read, and of two widths the larger. */
static bool choose_counts(uint32_t channels[PLANE_TYPES])
{
	const int wide = PLANE_DENSITY, narrow = PLANE_DENSITY32;
	const int chosen = channels[wide] != 0 ? wide : narrow;
	const uint32_t count = channels[chosen];
	if (count == 0)
		return false;
	memset(channels, 0, PLANE_TYPES * sizeof channels[0]);
	channels[chosen] = count;
	return true;
}

/* Which planes the channels make. */
static enum brot_err choose_planes(struct exr_call *call, struct brot_error *err)
{
	const exr_attr_chlist_t *list = NULL;
	unsigned parts[PLANE_TYPES] = {0}; /* bits */
	uint32_t channels[PLANE_TYPES];
	const exr_result_t result = exr_get_channels(call->exr, 0, &list);
	if (result != EXR_ERR_SUCCESS)
		return damaged(call, result, err);
	if (list->num_channels > CHANNELS_MAX)
		return refuse(call, "has too many channels for an image of numbers", err);
	enum brot_err code = choose_halves(call, list, err);
	if (code != BROT_OK)
		return code;
	for (int i = 0; i < list->num_channels; i++) {
		const exr_attr_chlist_entry_t *entry = &list->entries[i];
		const struct exr_channel *channel = channel_by_name(call, entry->name.str);
		if (channel == NULL)
			continue;
		if (entry->x_sampling != 1 || entry->y_sampling != 1 ||
		    (entry->pixel_type == EXR_PIXEL_FLOAT) != exr_channel_is_float(channel) ||
		    (entry->pixel_type == EXR_PIXEL_UINT) == exr_channel_is_float(channel))
			return refuse(call,
				      "its channels must be N, ITERATIONS, PERIOD and counts, "
				      "whole numbers, and NF, T, "
				      "DEX, DEY and INTERIOR, floats, with a value a pixel",
				      err);
		parts[channel->plane] |= part_bit(channel);
	}
	for (int plane = 0; plane < PLANE_TYPES; plane++)
		channels[plane] = plane_channels(plane, parts[plane]);
	if (choose_counts(channels)) {
		call->has_halves = false;
		return reserve(call, channels, err);
	}
	const bool has_smooth = parts[PLANE_WHOLE] != 0 && parts[PLANE_FRACTION] != 0;
	const bool has_counts = parts[PLANE_ITERATIONS] != 0 && parts[PLANE_WHOLE] == 0;
	if (!has_smooth && !has_counts)
		return refuse(call,
			      "must have the channels N and NF, whose sum is the smooth count, "
			      "ITERATIONS, or the counts of a Buddhabrot",
			      err);
	return reserve(call, channels, err);
}

static enum brot_err read_texts(struct exr_call *call, struct brot_error *err)
{
	int32_t chars = 0, bias = 0;
	const char *text = NULL;
	if (exr_attr_get_int(call->exr, 0, EXR_BIAS_KEY, &bias) == EXR_ERR_SUCCESS) {
		if (bias < 0)
			return refuse(call, "its IterationsBias must not be negative", err);
		call->bias = (uint32_t)bias;
	}
	if (exr_attr_get_string(call->exr, 0, EXR_REQUEST_KEY, &chars, &text) != EXR_ERR_SUCCESS)
		return BROT_OK;
	if (chars < 0 || chars > LIMIT_REQUEST_BYTES)
		return refuse(call, "the request that it carries is too long", err);
	call->numbers->request = strndup(text, (size_t)chars);
	return call->numbers->request != NULL
		       ? BROT_OK
		       : error_set(err, BROT_E_SYSTEM, "no memory for a request");
}

/* ---- the blocks ---- */

/* At a row of values, pixel_bytes apart from one to the next. */
static void aim_at(exr_coding_channel_info_t *to, uint8_t *plane, size_t pixel_bytes,
		   uint32_t width_px, uint32_t row)
{
	const size_t row_bytes = pixel_bytes * width_px;
	to->decode_to_ptr = plane + row * row_bytes;
	to->user_pixel_stride = (int32_t)pixel_bytes;
	to->user_line_stride = (int32_t)row_bytes;
	to->user_bytes_per_element = EXR_ELEMENT_BYTES;
	to->user_data_type = to->data_type;
}

static void aim(const struct exr_call *call, uint32_t first, exr_decode_pipeline_t *pipeline)
{
	const struct numbers *numbers = call->numbers;
	for (int16_t i = 0; i < pipeline->channel_count; i++) {
		exr_coding_channel_info_t *to = &pipeline->channels[i];
		const struct exr_channel *channel = channel_by_name(call, to->channel_name);
		const bool is_high = call->high != NULL && strcmp(to->channel_name, "N1") == 0;
		to->decode_to_ptr = NULL;
		if (is_high) {
			aim_at(to, (uint8_t *)call->high, EXR_ELEMENT_BYTES, numbers->width_px,
			       first);
			continue;
		}
		uint8_t *plane = channel == NULL
					 ? NULL
					 : numbers_plane(numbers, channel->plane, channel->index);
		if (plane == NULL ||
		    (channel->count != 0 && channel->count != numbers_channels(numbers)))
			continue;
		aim_at(to, plane + channel->part * EXR_ELEMENT_BYTES,
		       plane_info(channel->plane)->pixel_bytes, numbers->width_px, first);
	}
}

static exr_result_t block_read(const struct exr_call *call, uint32_t index)
{
	const uint32_t first = index * (uint32_t)call->block_rows;
	exr_decode_pipeline_t pipeline = EXR_DECODE_PIPELINE_INITIALIZER;
	exr_chunk_info_t chunk;
	exr_result_t result = exr_read_scanline_chunk_info(
		call->exr, 0, (int)((int64_t)call->top + first), &chunk);
	if (result != EXR_ERR_SUCCESS)
		return result;
	const uint32_t left = call->numbers->height_px - first;
	const uint32_t rows = left < (uint32_t)call->block_rows ? left : (uint32_t)call->block_rows;
	if (chunk.height < 1 || (uint32_t)chunk.height != rows)
		return EXR_ERR_CORRUPT_CHUNK;
	result = exr_decoding_initialize(call->exr, 0, &chunk, &pipeline);
	if (result == EXR_ERR_SUCCESS) {
		aim(call, first, &pipeline);
		result = exr_decoding_choose_default_routines(call->exr, 0, &pipeline);
	}
	if (result == EXR_ERR_SUCCESS)
		result = exr_decoding_run(call->exr, 0, &pipeline);
	(void)exr_decoding_destroy(call->exr, &pipeline);
	return result;
}

static void block_task(uint32_t index, void *context)
{
	struct exr_call *call = context;
	int none = EXR_ERR_SUCCESS;
	if (atomic_load(&call->result) != EXR_ERR_SUCCESS)
		return;
	const exr_result_t result = block_read(call, index);
	if (result != EXR_ERR_SUCCESS)
		(void)atomic_compare_exchange_strong(&call->result, &none, (int)result);
}

/* Counts of both halves as one, without the bias; 0 for what is below it. */
static enum brot_err halves_join(struct exr_call *call, struct brot_error *err)
{
	const struct numbers *numbers = call->numbers;
	uint32_t *wholes = numbers->planes[PLANE_WHOLE];
	float *fractions = numbers->planes[PLANE_FRACTION];
	const size_t count = (size_t)numbers->width_px * numbers->height_px;
	for (size_t i = 0; i < count; i++) {
		const uint64_t biased = (uint64_t)call->high[i] << 32 | wholes[i];
		const uint64_t whole = biased - call->bias;
		if (biased == UINT64_MAX)
			continue;
		if (biased < call->bias) {
			wholes[i] = 0;
			fractions[i] = 0.0f;
		} else if (whole >= UINT32_MAX) {
			return error_set(err, BROT_E_REQUEST,
					 "\"%.80s\": the count at column %zu of row %zu must be at "
					 "most %u, got %llu",
					 call->path, i % numbers->width_px, i / numbers->width_px,
					 (unsigned)(UINT32_MAX - 1), (unsigned long long)whole);
		} else {
			wholes[i] = (uint32_t)whole;
		}
	}
	call->bias = 0;
	return BROT_OK;
}

/* As planes have them: without the bias, and shares of one in [0, 1). */
static enum brot_err values_settle(const struct exr_call *call, struct brot_error *err)
{
	const struct numbers *numbers = call->numbers;
	uint32_t *wholes = numbers->planes[PLANE_WHOLE];
	float *fractions = numbers->planes[PLANE_FRACTION];
	float *phases = numbers->planes[PLANE_PHASE];
	const size_t count = (size_t)numbers->width_px * numbers->height_px;
	for (size_t i = 0; wholes != NULL && i < count; i++) {
		if (phases != NULL && phases[i] == 1.0f)
			phases[i] = 0.0f;
		if (wholes[i] == UINT32_MAX) {
			fractions[i] = 0.0f;
			continue;
		}
		if (wholes[i] < call->bias || (wholes[i] == 0 && fractions[i] == 0.0f))
			return error_set(err, BROT_E_REQUEST,
					 "\"%.80s\": the pixel at column %zu of row %zu has not "
					 "been computed",
					 call->path, i % numbers->width_px, i / numbers->width_px);
		wholes[i] -= call->bias;
		if (fractions[i] == 1.0f && wholes[i] < UINT32_MAX - 1) {
			fractions[i] = 0.0f;
			wholes[i]++;
		}
	}
	return numbers_check(call->path, numbers, err);
}

static enum brot_err blocks_read(struct exr_call *call, struct brot_error *err)
{
	const uint32_t rows = (uint32_t)call->block_rows;
	const struct crew_work work = {
		.count = (call->numbers->height_px + rows - 1) / rows,
		.threads = crew_size(),
		.task = block_task,
		.context = call,
	};
	(void)crew_run(&work, err);
	const int result = atomic_load(&call->result);
	if (result != EXR_ERR_SUCCESS)
		return damaged(call, (exr_result_t)result, err);
	const enum brot_err code = call->has_halves ? halves_join(call, err) : BROT_OK;
	return code == BROT_OK ? values_settle(call, err) : code;
}

/* Ends with exr_finish() where it does not fail. */
static enum brot_err head_read(struct exr_call *call, struct brot_error *err)
{
	exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
	init.error_handler_fn = on_message;
	init.user_data = call;
	init.read_fn = on_read;
	init.size_fn = on_size;
	init.max_image_width = LIMIT_SIZE_PX;
	init.max_image_height = LIMIT_SIZE_PX;
	init.flags = EXR_CONTEXT_FLAG_DISABLE_CHUNK_RECONSTRUCTION;
	const exr_result_t result = exr_start_read(&call->exr, call->path, &init);
	if (result != EXR_ERR_SUCCESS)
		return damaged(call, result, err);
	enum brot_err code = check_kind(call, err);
	if (code == BROT_OK)
		code = read_texts(call, err);
	if (code != BROT_OK)
		(void)exr_finish(&call->exr);
	return code;
}

static enum brot_err all_read(struct exr_call *call, struct brot_error *err)
{
	enum brot_err code = head_read(call, err);
	if (code != BROT_OK)
		return code;
	code = choose_planes(call, err);
	if (code == BROT_OK)
		code = reserve_high(call, err);
	if (code == BROT_OK)
		code = blocks_read(call, err);
	(void)exr_finish(&call->exr);
	return code;
}

/* Whether the last block, which is written last, lies within the file. */
static enum brot_err check_end(struct exr_call *call, struct brot_error *err)
{
	const int64_t last = (int64_t)call->top + call->numbers->height_px - 1;
	const int64_t file_bytes = on_size(call->exr, call);
	exr_chunk_info_t chunk;
	const exr_result_t result = exr_read_scanline_chunk_info(call->exr, 0, (int)last, &chunk);
	if (result != EXR_ERR_SUCCESS)
		return damaged(call, result, err);
	if (file_bytes < 0 || chunk.data_offset > (uint64_t)file_bytes ||
	    chunk.packed_size > (uint64_t)file_bytes - chunk.data_offset)
		return refuse(call, "must be a whole OpenEXR file, and ends too early", err);
	return BROT_OK;
}

bool exr_file_is_exr(const void *start, size_t bytes)
{
	static const uint8_t magic[] = {0x76, 0x2f, 0x31, 0x01};
	return bytes >= sizeof magic && memcmp(start, magic, sizeof magic) == 0;
}

enum brot_err exr_file_read_request(FILE *file, const char *name, char **ret_text,
				    struct brot_error *err)
{
	struct numbers numbers = NUMBERS_NONE;
	struct exr_call call = {
		.path = name, .fd = fileno(file), .numbers = &numbers, .result = EXR_ERR_SUCCESS};
	struct brot_error inner;
	enum brot_err code = head_read(&call, &inner);
	if (code == BROT_OK) {
		code = check_end(&call, &inner);
		(void)exr_finish(&call.exr);
	}
	if (code == BROT_OK && numbers.request == NULL)
		code = error_set(&inner, BROT_E_REQUEST,
				 "\"%.80s\" must be made by brot, and carries no request", name);
	if (code != BROT_OK) {
		numbers_free(&numbers);
		return error_set(err, code, "--view: %.230s", inner.text);
	}
	*ret_text = numbers.request;
	return BROT_OK;
}

enum brot_err exr_file_read(const char *path, struct numbers *numbers, struct brot_error *err)
{
	struct exr_call call = {.path = path, .numbers = numbers, .result = EXR_ERR_SUCCESS};
	FILE *file = NULL;
	enum brot_err code = textfile_open("DATA", path, &file, err);
	if (code != BROT_OK)
		return code;
	call.fd = fileno(file);
	code = all_read(&call, err);
	free(call.high);
	(void)fclose(file);
	return code;
}
