/* brot_request.c - what a request of libbrot tells of itself, and what arrays it takes. */
#include "proto/brot_request.h"

#include <brot/brot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"

const char *brot_version(void)
{
	return BROT_VERSION;
}

void brot_request_free(struct brot_request *request)
{
	if (request == NULL)
		return;
	free(request->json);
	free(request);
}

const char *brot_request_json(const struct brot_request *request)
{
	return request->json;
}

void brot_request_size(const struct brot_request *request, uint32_t *ret_width_px,
		       uint32_t *ret_height_px)
{
	*ret_width_px = request->request.width_px;
	*ret_height_px = request->request.height_px;
}

uint32_t brot_request_rows(const struct brot_request *request)
{
	const struct request *asked = &request->request;
	const bool is_mirrored = asked->kind == KIND_ESCAPE && !request_needs_image(asked) &&
				 mirror_applies(asked);
	return is_mirrored ? mirror_rows(asked->height_px) : asked->height_px;
}

/* What an element of each plane is. */
static const struct {
	enum brot_type type;
	uint32_t channels;
} elements[PLANE_TYPES] = {
	[PLANE_RGB8] = {BROT_U8, 3},       [PLANE_ITERATIONS] = {BROT_U32, 1},
	[PLANE_WHOLE] = {BROT_U32, 1},     [PLANE_FRACTION] = {BROT_F32, 1},
	[PLANE_RGB16] = {BROT_U16, 3},     [PLANE_DISTANCE] = {BROT_F32, 2},
	[PLANE_PHASE] = {BROT_F32, 1},     [PLANE_PERIOD] = {BROT_U32, 1},
	[PLANE_INTERIOR] = {BROT_F32, 1},  [PLANE_DENSITY] = {BROT_U64, 1},
	[PLANE_DENSITY32] = {BROT_U32, 1},
};

uint32_t brot_request_planes(const struct brot_request *request,
			     struct brot_plane ret_planes[BROT_PLANES_MAX])
{
	const struct format_info *format = format_info(request->request.format);
	for (uint32_t p = 0; p < format->plane_count; p++) {
		const struct plane_info *plane = plane_info(format->planes[p]);
		ret_planes[p] = (struct brot_plane){
			.name = plane->name,
			.type = elements[plane->type].type,
			.channels = elements[plane->type].channels,
			.pixel_bytes = plane->pixel_bytes,
		};
	}
	return format->plane_count;
}

/* The name is one of the sentence: "arrays[2]", "rgb". */
static enum brot_err array_check(const char *name, const struct brot_plane *plane, size_t row_bytes,
				 uint32_t rows, const struct brot_array *array,
				 struct brot_error *err)
{
	const size_t element_bytes = plane->pixel_bytes / plane->channels;
	const bool is_picture = plane->type == BROT_U8 || plane->type == BROT_U16;
	const size_t step_bytes = is_picture ? element_bytes : plane->pixel_bytes;
	const size_t stride_bytes = array->stride_bytes;
	if (array->data == NULL || (uintptr_t)array->data % element_bytes != 0)
		return error_set(err, BROT_E_USAGE,
				 "%s.data: must be a multiple of %zu and not NULL, got %p", name,
				 element_bytes, array->data);
	if (stride_bytes == 0)
		return BROT_OK;
	if (stride_bytes < row_bytes || stride_bytes % step_bytes != 0)
		return error_set(err, BROT_E_USAGE,
				 "%s.stride_bytes: must be at least the %zu of a row and a "
				 "multiple of %zu, got %zu",
				 name, row_bytes, step_bytes, stride_bytes);
	/* What a negative number has become is among these. */
	if (rows > 1 && stride_bytes > (PTRDIFF_MAX - row_bytes) / (rows - 1))
		return error_set(err, BROT_E_USAGE,
				 "%s.stride_bytes: must fit %u rows into memory, got %zu", name,
				 (unsigned)rows, stride_bytes);
	return BROT_OK;
}

enum brot_err brot_canvas_of(const struct brot_request *request, uint32_t rows,
			     const struct brot_array *arrays, const char *name,
			     struct canvas *ret_canvas, struct brot_error *err)
{
	struct brot_plane planes[BROT_PLANES_MAX];
	struct canvas canvas = {.plane_count = brot_request_planes(request, planes)};
	for (uint32_t p = 0; p < canvas.plane_count; p++) {
		const size_t row_bytes = request->request.width_px * planes[p].pixel_bytes;
		char text[32];
		(void)snprintf(text, sizeof text, "%s[%u]", name, (unsigned)p);
		const enum brot_err code = array_check(strcmp(name, "arrays") == 0 ? text : name,
						       &planes[p], row_bytes, rows, &arrays[p],
						       err);
		if (code != BROT_OK)
			return code;
		canvas.planes[p] = arrays[p].data;
		canvas.strides_bytes[p] = arrays[p].stride_bytes != 0 ? arrays[p].stride_bytes
								      : row_bytes;
	}
	*ret_canvas = canvas;
	return BROT_OK;
}

enum brot_err brot_reserved_check(const uint64_t reserved[BROT_RESERVED], struct brot_error *err)
{
	for (uint32_t i = 0; i < BROT_RESERVED; i++)
		if (reserved[i] != 0)
			return error_set(err, BROT_E_USAGE,
					 "reserved[%u]: must be 0 for libbrot " BROT_VERSION
					 ", which knows no option of that place, got %llu",
					 (unsigned)i, (unsigned long long)reserved[i]);
	return BROT_OK;
}
