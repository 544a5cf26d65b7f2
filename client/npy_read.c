/* npy_read.c - the header of a NumPy array is a dictionary as Python writes it: the three keys that
 * there are, in any order. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/npy.h"
#include "client/numbers.h"
#include "client/textfile.h"
#include "proto/quote.h"

#define MAGIC_BYTES  8    /* with the version */
#define HEADER_MAX   4096 /* a dictionary of ours has 200 */
#define VALUE_BYTES  256
#define BUFFER_BYTES ((size_t)1 << 20) /* at least one pixel */

/* A file that is read, and what its header says. */
struct npy {
	const char *path;
	FILE *file;
	uint64_t bytes;                                                 /* behind the header */
	char type[VALUE_BYTES], order[VALUE_BYTES], shape[VALUE_BYTES]; /* without blanks */
};

static enum brot_err refuse(const struct npy *npy, const char *reason, struct brot_error *err)
{
	return numbers_refuse(npy->path, reason, err);
}

/* ---- the header ---- */

static const char *skip(const char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\t')
		p++;
	return p;
}

/* Copies a value up to the comma or brace behind it, without blanks; NULL if there is none or it is
 * too long. A string has no quotes within: none of the types has. */
static const char *take_value(const char *p, char value[VALUE_BYTES])
{
	size_t chars = 0;
	int depth = 0;
	bool is_text = false;
	for (; *p != '\0'; p++) {
		if (*p == '\'')
			is_text = !is_text;
		else if (!is_text && (*p == '(' || *p == '['))
			depth++;
		else if (!is_text && depth > 0 && (*p == ')' || *p == ']'))
			depth--;
		else if (!is_text && depth == 0 && (*p == ',' || *p == '}'))
			break;
		if (!is_text && isspace((unsigned char)*p))
			continue;
		if (chars + 1 == VALUE_BYTES)
			return NULL;
		value[chars++] = *p;
	}
	value[chars] = '\0';
	return *p == '\0' || chars == 0 ? NULL : p;
}

static const char *take_pair(const char *p, struct npy *npy)
{
	struct {
		const char *key;
		char *value;
	} pairs[] = {
		{"'descr'", npy->type}, {"'fortran_order'", npy->order}, {"'shape'", npy->shape}};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		const size_t chars = strlen(pairs[i].key);
		if (strncmp(p, pairs[i].key, chars) != 0 || pairs[i].value[0] != '\0')
			continue;
		p = skip(p + chars);
		return *p == ':' ? take_value(skip(p + 1), pairs[i].value) : NULL;
	}
	return NULL;
}

static enum brot_err header_parse(const char *text, struct npy *npy, struct brot_error *err)
{
	const char *p = skip(text);
	p = *p == '{' ? skip(p + 1) : NULL;
	while (p != NULL && *p != '}') {
		p = take_pair(p, npy);
		if (p != NULL && *p == ',')
			p = skip(p + 1);
	}
	if (p == NULL || *skip(p + 1) != '\0' || npy->type[0] == '\0' || npy->order[0] == '\0' ||
	    npy->shape[0] == '\0')
		return refuse(npy,
			      "its header must be a dictionary of descr, fortran_order and shape",
			      err);
	return BROT_OK;
}

static enum brot_err header_read(struct npy *npy, struct brot_error *err)
{
	uint8_t start[MAGIC_BYTES + 4];
	char text[HEADER_MAX + 1];
	off_t end = -1;
	if (fread(start, 1, MAGIC_BYTES, npy->file) != MAGIC_BYTES ||
	    memcmp(start, "\x93NUMPY", 6) != 0)
		return refuse(npy, "must be a NumPy array file, and does not begin as one", err);
	if (start[6] < 1 || start[6] > 3)
		return refuse(npy, "must be of version 1, 2 or 3 of NumPy's format", err);
	const size_t width = start[6] == 1 ? 2 : 4;
	size_t chars = 0;
	if (fread(start + MAGIC_BYTES, 1, width, npy->file) != width)
		return refuse(npy, "ends within its header", err);
	for (size_t i = width; i-- > 0;)
		chars = chars << 8 | start[MAGIC_BYTES + i];
	if (chars > HEADER_MAX)
		return refuse(npy, "its header is too long for an array of numbers", err);
	if (fread(text, 1, chars, npy->file) != chars)
		return refuse(npy, "ends within its header", err);
	text[chars] = '\0';
	const off_t begin = ftello(npy->file);
	if (fseeko(npy->file, 0, SEEK_END) == 0)
		end = ftello(npy->file);
	if (begin < 0 || end < begin || fseeko(npy->file, begin, SEEK_SET) != 0)
		return error_set(err, BROT_E_NO_INPUT, "DATA: cannot read \"%.120s\": %s",
				 npy->path, strerror(errno));
	npy->bytes = (uint64_t)(end - begin);
	return strlen(text) == chars ? header_parse(text, npy, err)
				     : refuse(npy, "its header is not text", err);
}

/* ---- what it may say ---- */

/* "(H,W)" or, of three channels, "(H,W,3)": 0 channels for anything else. */
static uint32_t shape_scan(const char *shape, unsigned long long *ret_height,
			   unsigned long long *ret_width)
{
	int chars = -1;
	/* Digits alone: sscanf() takes signs. */
	if (strspn(shape, "(),0123456789") != strlen(shape) || strlen(shape) >= 24)
		return 0;
	(void)sscanf(shape, "(%llu,%llu)%n", ret_height, ret_width, &chars);
	if (chars > 0 && shape[chars] == '\0')
		return 1;
	chars = -1;
	(void)sscanf(shape, "(%llu,%llu,3)%n", ret_height, ret_width, &chars);
	return chars > 0 && shape[chars] == '\0' ? BUDDHA_CHANNELS : 0;
}

static enum brot_err shape_parse(const struct npy *npy, struct numbers *numbers,
				 uint32_t *ret_channels, struct brot_error *err)
{
	unsigned long long height = 0, width = 0;
	*ret_channels = shape_scan(npy->shape, &height, &width);
	if (*ret_channels == 0) {
		char quoted[QUOTE_BYTES], reason[QUOTE_BYTES + 128];
		(void)snprintf(reason, sizeof reason,
			       "its shape must be (height, width), or (height, width, 3) of a "
			       "Nebulabrot's counts, got %s",
			       quote_text(npy->shape, strlen(npy->shape), quoted, sizeof quoted));
		return refuse(npy, reason, err);
	}
	const enum brot_err code = numbers_check_size(npy->path, width, height, err);
	numbers->width_px = (uint32_t)width;
	numbers->height_px = (uint32_t)height;
	return code;
}

/* One of the formats, by the type and the channels; their names have no blanks within. */
static enum brot_err format_of(const struct npy *npy, uint32_t channels, enum format_id *ret_format,
			       struct brot_error *err)
{
	static const struct {
		const char *type;
		uint32_t channels;
		enum format_id format;
	} types[] = {
		{NPY_ITERATIONS, 1, FORMAT_ITERATIONS},
		{NPY_SMOOTH, 1, FORMAT_SMOOTH},
		{NPY_RAW, 1, FORMAT_RAW},
		{NPY_DENSITY, 1, FORMAT_DENSITY},
		{NPY_DENSITY, BUDDHA_CHANNELS, FORMAT_NEBULA},
		{NPY_ITERATIONS, BUDDHA_CHANNELS, FORMAT_NEBULA32},
	};
	char type[VALUE_BYTES], quoted[QUOTE_BYTES], reason[QUOTE_BYTES + 160];
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		(void)snprintf(reason, sizeof reason, "%s,", types[i].type);
		if (take_value(reason, type) != NULL && strcmp(npy->type, type) == 0 &&
		    types[i].channels == channels) {
			*ret_format = types[i].format;
			return BROT_OK;
		}
	}
	const bool is_float = strcmp(npy->type, NPY_FLOAT) == 0;
	(void)snprintf(reason, sizeof reason,
		       "its numbers must be '<u4', counts, '<f8', smooth counts, '<u8', those of a "
		       "Buddhabrot, or those of --format raw, got %s%s",
		       quote_text(npy->type, strlen(npy->type), quoted, sizeof quoted),
		       is_float ? ", which no mode colours alone" : "");
	return refuse(npy, reason, err);
}

/* ---- the array ---- */

static enum brot_err pixels_smooth(const struct npy *npy, const uint8_t *from, size_t first,
				   size_t count, struct numbers *numbers, struct brot_error *err)
{
	uint32_t *wholes = numbers->planes[PLANE_WHOLE];
	float *fractions = numbers->planes[PLANE_FRACTION];
	for (size_t i = 0; i < count; i++) {
		double v;
		memcpy(&v, from + i * sizeof v, sizeof v);
		if (numbers_split(v, &wholes[first + i], &fractions[first + i]))
			continue;
		return error_set(err, BROT_E_REQUEST,
				 "\"%.80s\": a smooth count must be 0 to %" PRIu32
				 ", or inf inside, and is %g at column %zu of row %zu",
				 npy->path, UINT32_MAX - 1, v, (first + i) % numbers->width_px,
				 (first + i) / numbers->width_px);
	}
	return BROT_OK;
}

/* Planes of one type are channels. */
static uint32_t channel_of(const struct format_info *format, uint32_t p)
{
	return format->planes[p] == format->planes[0] ? p : 0;
}

static void pixels_woven(enum format_id format, const uint8_t *from, size_t first, size_t count,
			 struct numbers *numbers)
{
	const struct format_info *info = format_info(format);
	const size_t pixel_bytes = format_pixel_bytes(format);
	size_t offset = 0;
	for (uint32_t p = 0; p < info->plane_count; p++) {
		const size_t bytes = plane_info(info->planes[p])->pixel_bytes;
		uint8_t *to = (uint8_t *)numbers_plane(numbers, info->planes[p],
						       channel_of(info, p)) +
			      first * bytes;
		for (size_t i = 0; i < count; i++)
			memcpy(to + i * bytes, from + i * pixel_bytes + offset, bytes);
		offset += bytes;
	}
}

static enum brot_err array_read(const struct npy *npy, enum format_id format, uint8_t *buffer,
				struct numbers *numbers, struct brot_error *err)
{
	const size_t pixel_bytes = format_pixel_bytes(format);
	const size_t count = (size_t)numbers->width_px * numbers->height_px;
	enum brot_err code = BROT_OK;
	for (size_t done = 0, part; code == BROT_OK && done < count; done += part) {
		part = count - done;
		if (part > BUFFER_BYTES / pixel_bytes)
			part = BUFFER_BYTES / pixel_bytes;
		if (fread(buffer, pixel_bytes, part, npy->file) != part)
			return refuse(npy, "ends too early", err);
		if (format == FORMAT_SMOOTH)
			code = pixels_smooth(npy, buffer, done, part, numbers, err);
		else
			pixels_woven(format, buffer, done, part, numbers);
	}
	return code == BROT_OK ? numbers_check(npy->path, numbers, err) : code;
}

static enum brot_err all_read(struct npy *npy, struct numbers *numbers, struct brot_error *err)
{
	enum format_id format = FORMAT_ITERATIONS;
	uint32_t channels = 1;
	enum brot_err code = header_read(npy, err);
	if (code == BROT_OK)
		code = shape_parse(npy, numbers, &channels, err);
	if (code == BROT_OK)
		code = format_of(npy, channels, &format, err);
	if (code == BROT_OK && strcmp(npy->order, "False") != 0)
		code = refuse(npy, "must be in C order, not in Fortran's", err);
	if (code != BROT_OK)
		return code;
	const uint64_t wanted = (uint64_t)numbers->width_px * numbers->height_px *
				format_pixel_bytes(format);
	if (npy->bytes != wanted)
		return error_set(err, BROT_E_REQUEST,
				 "\"%.80s\": its array must have %" PRIu64
				 " bytes, as its header says, got %" PRIu64,
				 npy->path, wanted, npy->bytes);
	bool has_room = true;
	for (uint32_t p = 0; p < format_info(format)->plane_count; p++)
		has_room = has_room &&
			   numbers_reserve_channel(numbers, format_info(format)->planes[p],
						   channel_of(format_info(format), p));
	uint8_t *buffer = has_room ? malloc(BUFFER_BYTES) : NULL;
	if (buffer == NULL)
		return error_set(err, BROT_E_SYSTEM, "no memory for the numbers of \"%.80s\"",
				 npy->path);
	code = array_read(npy, format, buffer, numbers, err);
	free(buffer);
	return code;
}

enum brot_err npy_read(const char *path, struct numbers *numbers, struct brot_error *err)
{
	struct npy npy = {.path = path};
	enum brot_err code = textfile_open("DATA", path, &npy.file, err);
	if (code == BROT_OK) {
		code = all_read(&npy, numbers, err);
		(void)fclose(npy.file);
	}
	return code;
}
