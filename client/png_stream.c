/*
 * png_stream.c - parts in a ring: filled by the owner, filtered and deflated by threads, written by
 * the owner in order.
 */
#include "client/png_stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "client/png_filter.h"
#include "proto/sys/thread.h"

#define PART_PIXELS  ((size_t)160 * 1024) /* at least one row */
#define WINDOW_BYTES ((size_t)32 * 1024)
#define MEMORY_LEVEL 8
#define CHUNK_BYTES  ((size_t)16 * 1024) /* what is shorter waits for more */
#define HEAD_BYTES   2
#define TAIL_BYTES   4
#define THREADS_MAX  64

enum state { PART_EMPTY, PART_FULL, PART_TAKEN, PART_FILTERED, PART_DONE };

struct part {
	enum state state;
	uint64_t index;
	uint8_t *rows; /* the row above, then the part's own */
	size_t row_count;
	uint8_t *filtered;
	size_t filtered_bytes;
	uint8_t *packed;
	size_t packed_bytes, packed_room;
	uLong adler;
	bool is_last, has_failed;
};

struct png_stream {
	struct png_stream_config config;
	size_t part_rows; /* of a full part */
	uint64_t rows_in; /* that have come */
	uint64_t filling; /* the part that takes rows, and the next to be written */
	uint64_t writing;
	struct part *ring;
	size_t ring_count;
	uLong adler;
	uint8_t waiting[CHUNK_BYTES]; /* to be written */
	size_t waiting_bytes;

	pthread_t threads[THREADS_MAX];
	unsigned thread_count;
	pthread_mutex_t lock; /* of all below, and of each part's state */
	pthread_cond_t changed;
	uint64_t next; /* the part that the next free thread takes */
	bool is_over;
};

static struct part *part_at(struct png_stream *stream, uint64_t index)
{
	return &stream->ring[index % stream->ring_count];
}

static void set_state(struct png_stream *stream, struct part *part, enum state state)
{
	(void)pthread_mutex_lock(&stream->lock);
	part->state = state;
	(void)pthread_cond_broadcast(&stream->changed);
	(void)pthread_mutex_unlock(&stream->lock);
}

/* ---- the threads ---- */

static void part_filter(const struct png_stream *stream, struct part *part)
{
	const size_t bytes = stream->config.row_bytes;
	uint8_t *out = part->filtered;
	for (size_t i = 0; i < part->row_count; i++, out += bytes + 1) {
		const uint8_t *row = part->rows + (i + 1) * bytes;
		const bool is_first = part->index == 0 && i == 0;
		if (stream->config.level == 0) {
			out[0] = 0;
			memcpy(out + 1, row, bytes);
		} else {
			png_filter_row(row, is_first ? NULL : row - bytes, bytes,
				       stream->config.pixel_bytes, out);
		}
	}
	part->filtered_bytes = part->row_count * (bytes + 1);
	part->adler = adler32_z(adler32(0, NULL, 0), part->filtered, part->filtered_bytes);
}

/* The part before is filtered: it is still in the ring, and stays so until this one is done. */
static bool part_deflate(const struct png_stream *stream, struct part *part,
			 const struct part *before, z_stream *z)
{
	if (deflateReset(z) != Z_OK)
		return false;
	if (before != NULL) {
		const size_t bytes = before->filtered_bytes < WINDOW_BYTES ? before->filtered_bytes
									   : WINDOW_BYTES;
		if (deflateSetDictionary(z, before->filtered + before->filtered_bytes - bytes,
					 (uInt)bytes) != Z_OK)
			return false;
	}
	z->next_in = part->filtered;
	z->avail_in = (uInt)part->filtered_bytes;
	z->next_out = part->packed + HEAD_BYTES;
	z->avail_out = (uInt)(part->packed_room - HEAD_BYTES - TAIL_BYTES);
	const int flush = part->is_last ? Z_FINISH : Z_SYNC_FLUSH;
	const int result = deflate(z, flush);
	part->packed_bytes = part->packed_room - HEAD_BYTES - TAIL_BYTES - z->avail_out;
	(void)stream;
	return z->avail_in == 0 && z->avail_out > 0 &&
	       result == (part->is_last ? Z_STREAM_END : Z_OK);
}

/* The next full part; NULL at the end. */
static struct part *take(struct png_stream *stream)
{
	struct part *part = NULL;
	(void)pthread_mutex_lock(&stream->lock);
	while (!stream->is_over) {
		part = part_at(stream, stream->next);
		if (part->state == PART_FULL && part->index == stream->next)
			break;
		(void)pthread_cond_wait(&stream->changed, &stream->lock);
	}
	if (stream->is_over)
		part = NULL;
	else {
		part->state = PART_TAKEN;
		stream->next++;
	}
	(void)pthread_mutex_unlock(&stream->lock);
	return part;
}

/* Waits until the part before has been filtered. False at the end. */
static bool wait_filtered(struct png_stream *stream, const struct part *before)
{
	(void)pthread_mutex_lock(&stream->lock);
	while (!stream->is_over && before->state < PART_FILTERED)
		(void)pthread_cond_wait(&stream->changed, &stream->lock);
	const bool is_over = stream->is_over;
	(void)pthread_mutex_unlock(&stream->lock);
	return !is_over;
}

static void *thread_run(void *context)
{
	struct png_stream *stream = context;
	z_stream z = {.zalloc = NULL};
	/* Z_FILTERED is what libpng uses for filtered rows. */
	const bool is_good = deflateInit2(&z, stream->config.level, Z_DEFLATED, -15, MEMORY_LEVEL,
					  stream->config.level == 0 ? Z_DEFAULT_STRATEGY
								    : Z_FILTERED) == Z_OK;
	for (struct part *part; (part = take(stream)) != NULL;) {
		const struct part *before = NULL;
		part->has_failed = !is_good;
		if (is_good)
			part_filter(stream, part);
		set_state(stream, part, PART_FILTERED);
		if (part->index > 0) {
			before = part_at(stream, part->index - 1);
			if (!wait_filtered(stream, before))
				break;
		}
		if (!part->has_failed)
			part->has_failed = !part_deflate(stream, part, before, &z);
		set_state(stream, part, PART_DONE);
	}
	if (is_good)
		(void)deflateEnd(&z);
	return NULL;
}

/* ---- the owner ---- */

static enum brot_err no_memory(struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "no memory to pack a picture");
}

/* zlib's head: a window of 32 KiB, and how hard it was tried. */
static void head_make(int level, uint8_t head[HEAD_BYTES])
{
	const unsigned effort = level <= 1 ? 0 : level <= 5 ? 1 : level == 6 ? 2 : 3;
	const unsigned value = 0x7800u | effort << 6;
	head[0] = 0x78;
	head[1] = (uint8_t)((value & 0xff) + 31 - value % 31);
}

static enum brot_err waiting_write(struct png_stream *stream, struct brot_error *err)
{
	const size_t bytes = stream->waiting_bytes;
	stream->waiting_bytes = 0;
	return bytes == 0
		       ? BROT_OK
		       : stream->config.write(stream->waiting, bytes, stream->config.context, err);
}

static enum brot_err stream_write(struct png_stream *stream, const uint8_t *data, size_t bytes,
				  bool is_last, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	if (stream->waiting_bytes + bytes > CHUNK_BYTES)
		code = waiting_write(stream, err);
	if (code == BROT_OK && bytes > CHUNK_BYTES) {
		code = stream->config.write(data, bytes, stream->config.context, err);
	} else if (code == BROT_OK) {
		memcpy(stream->waiting + stream->waiting_bytes, data, bytes);
		stream->waiting_bytes += bytes;
	}
	return code == BROT_OK && is_last ? waiting_write(stream, err) : code;
}

static enum brot_err part_write(struct png_stream *stream, struct part *part,
				struct brot_error *err)
{
	uint8_t *data = part->packed + HEAD_BYTES;
	size_t bytes = part->packed_bytes;
	if (part->has_failed)
		return error_set(err, BROT_E_SYSTEM, "zlib could not pack the picture");
	if (part->index == 0) {
		data -= HEAD_BYTES;
		bytes += HEAD_BYTES;
		head_make(stream->config.level, data);
		stream->adler = part->adler;
	} else {
		stream->adler = adler32_combine(stream->adler, part->adler,
						(z_off_t)part->filtered_bytes);
	}
	if (part->is_last)
		for (int i = 0; i < TAIL_BYTES; i++)
			data[bytes++] = (uint8_t)(stream->adler >> (24 - 8 * i));
	return stream_write(stream, data, bytes, part->is_last, err);
}

/* Writes parts until one of them is free for part `wanted`: the one before that must stay, since it
 * is a dictionary. Until all are written where that is the last. */
static enum brot_err write_until(struct png_stream *stream, uint64_t wanted, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	while (code == BROT_OK && stream->writing < wanted) {
		struct part *part = part_at(stream, stream->writing);
		(void)pthread_mutex_lock(&stream->lock);
		while (part->state != PART_DONE)
			(void)pthread_cond_wait(&stream->changed, &stream->lock);
		(void)pthread_mutex_unlock(&stream->lock);
		code = part_write(stream, part, err);
		stream->writing++;
	}
	return code;
}

/* The parts that are done already need not wait for the ring to be full. */
static enum brot_err write_done(struct png_stream *stream, struct brot_error *err)
{
	(void)pthread_mutex_lock(&stream->lock);
	uint64_t end = stream->writing;
	while (end < stream->filling && part_at(stream, end)->state == PART_DONE)
		end++;
	(void)pthread_mutex_unlock(&stream->lock);
	return write_until(stream, end, err);
}

static void hand_over(struct png_stream *stream, struct part *part)
{
	part->is_last = stream->rows_in == stream->config.rows;
	stream->filling++;
	set_state(stream, part, PART_FULL);
}

enum brot_err png_stream_row(struct png_stream *stream, const uint8_t *row, struct brot_error *err)
{
	const size_t bytes = stream->config.row_bytes;
	struct part *part = part_at(stream, stream->filling);
	enum brot_err code = BROT_OK;
	if (part->row_count == 0 || part->index != stream->filling) {
		/* Two stay behind: one is being written, one is its successor's dictionary. */
		const uint64_t room = stream->ring_count - 2;
		code = write_until(stream, stream->filling > room ? stream->filling - room : 0,
				   err);
		if (code != BROT_OK)
			return code;
		const struct part *before = part_at(stream,
						    stream->filling + stream->ring_count - 1);
		(void)pthread_mutex_lock(&stream->lock);
		part->state = PART_EMPTY;
		(void)pthread_mutex_unlock(&stream->lock);
		part->index = stream->filling;
		part->row_count = 0;
		if (stream->filling > 0)
			memcpy(part->rows, before->rows + before->row_count * bytes, bytes);
	}
	memcpy(part->rows + (part->row_count + 1) * bytes, row, bytes);
	part->row_count++;
	stream->rows_in++;
	if (part->row_count < stream->part_rows && stream->rows_in < stream->config.rows)
		return BROT_OK;
	hand_over(stream, part);
	if (stream->rows_in == stream->config.rows)
		return write_until(stream, stream->filling, err);
	return write_done(stream, err);
}

static bool part_init(const struct png_stream *stream, struct part *part)
{
	const size_t bytes = stream->config.row_bytes, rows = stream->part_rows;
	part->index = UINT64_MAX;
	part->rows = malloc((rows + 1) * bytes);
	part->filtered = malloc(rows * (bytes + 1));
	/* deflateBound() without a stream is safe for every setting; a flush takes some more. */
	part->packed_room = deflateBound(NULL, (uLong)(rows * (bytes + 1))) + 64 + HEAD_BYTES +
			    TAIL_BYTES;
	part->packed = malloc(part->packed_room);
	return part->rows != NULL && part->filtered != NULL && part->packed != NULL;
}

static bool ring_init(struct png_stream *stream)
{
	stream->ring_count = 2 * (size_t)stream->config.threads + 2;
	stream->ring = calloc(stream->ring_count, sizeof *stream->ring);
	bool is_good = stream->ring != NULL;
	for (size_t i = 0; is_good && i < stream->ring_count; i++)
		is_good = part_init(stream, &stream->ring[i]);
	return is_good;
}

enum brot_err png_stream_new(const struct png_stream_config *config, struct png_stream **ret_stream,
			     struct brot_error *err)
{
	struct png_stream *stream = calloc(1, sizeof *stream);
	if (stream == NULL)
		return no_memory(err);
	stream->config = *config;
	if (stream->config.threads > THREADS_MAX)
		stream->config.threads = THREADS_MAX;
	const size_t part_bytes = PART_PIXELS * config->pixel_bytes;
	stream->part_rows = part_bytes / config->row_bytes > 0 ? part_bytes / config->row_bytes : 1;
	if (stream->part_rows > config->rows)
		stream->part_rows = (size_t)config->rows;
	(void)pthread_mutex_init(&stream->lock, NULL);
	(void)pthread_cond_init(&stream->changed, NULL);
	bool is_good = ring_init(stream);
	while (is_good && stream->thread_count < stream->config.threads) {
		if (!thread_start(&stream->threads[stream->thread_count], thread_run, stream))
			break;
		stream->thread_count++;
	}
	if (stream->thread_count == 0) {
		png_stream_free(stream);
		return is_good ? error_set(err, BROT_E_SYSTEM, "no thread to pack a picture")
			       : no_memory(err);
	}
	*ret_stream = stream;
	return BROT_OK;
}

void png_stream_free(struct png_stream *stream)
{
	if (stream == NULL)
		return;
	(void)pthread_mutex_lock(&stream->lock);
	stream->is_over = true;
	(void)pthread_cond_broadcast(&stream->changed);
	(void)pthread_mutex_unlock(&stream->lock);
	for (unsigned i = 0; i < stream->thread_count; i++)
		(void)pthread_join(stream->threads[i], NULL);
	for (size_t i = 0; stream->ring != NULL && i < stream->ring_count; i++) {
		free(stream->ring[i].rows);
		free(stream->ring[i].filtered);
		free(stream->ring[i].packed);
	}
	free(stream->ring);
	(void)pthread_cond_destroy(&stream->changed);
	(void)pthread_mutex_destroy(&stream->lock);
	free(stream);
}
