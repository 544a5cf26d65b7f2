/* notice.c - ACCEPTED, BAND, PROGRESS and FINISHED, field by field. */
#include "client/notice.h"

#include <string.h>

#include "client/reply.h"
#include "proto/hex.h"

/* The member `image`. */
static enum brot_err read_image(const json_t *json, struct session_image *ret_image,
				struct brot_error *err)
{
	struct session_image image = {0};
	json_t *object = NULL;
	const char *name = "", *nonce = "";
	enum brot_err code = reply_object(json, "image", &object, err);
	if (code == BROT_OK)
		code = reply_text(object, "name", &name, err);
	if (code == BROT_OK)
		code = reply_u64(object, "bytes", &image.bytes, err);
	if (code == BROT_OK)
		code = reply_text(object, "nonce", &nonce, err);
	if (code != BROT_OK)
		return code;
	if (!image_name_is_valid(name) || !hex_read(nonce, image.nonce, sizeof image.nonce))
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent an image whose name or nonce cannot be one");
	memcpy(image.name, name, sizeof image.name);
	*ret_image = image;
	return BROT_OK;
}

/* A number of rows or pixels: `least` to LIMIT_SIZE_PX. */
static enum brot_err read_px(const json_t *json, const char *key, uint32_t least, uint32_t *ret,
			     struct brot_error *err)
{
	uint64_t value = 0;
	enum brot_err code = reply_u64(json, key, &value, err);
	if (code != BROT_OK)
		return code;
	if (value < least || value > LIMIT_SIZE_PX)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent an answer whose \"%s\" must be from %u to %u, "
				 "and is not",
				 key, (unsigned)least, (unsigned)LIMIT_SIZE_PX);
	*ret = (uint32_t)value;
	return BROT_OK;
}

enum brot_err notice_accepted(const json_t *json, struct session_job *ret_job,
			      struct brot_error *err)
{
	struct session_job job = {0};
	json_t *bands = NULL;
	enum brot_err code = reply_u64(json, "job", &job.job, err);
	if (code == BROT_OK && job.job == 0)
		code = error_set(err, BROT_E_PROTOCOL,
				 "the broker sent ACCEPTED whose \"job\" must not be 0, and is");
	if (code == BROT_OK)
		code = read_px(json, "slice", 1, &job.slice_px, err);
	if (code == BROT_OK && json_object_get(json, "bands") == NULL)
		code = read_image(json, &job.image, err);
	else if (code == BROT_OK)
		code = reply_object(json, "bands", &bands, err);
	if (code == BROT_OK && bands != NULL)
		code = read_px(bands, "count", 1, &job.band_count, err);
	if (code == BROT_OK && bands != NULL)
		code = read_px(bands, "rows", 1, &job.band_rows, err);
	if (code == BROT_OK)
		*ret_job = job;
	return code;
}

enum brot_err notice_band(const json_t *json, struct session_band *ret_band, struct brot_error *err)
{
	struct session_band band = {0};
	enum brot_err code = read_px(json, "band", 0, &band.band, err);
	if (code == BROT_OK)
		code = read_px(json, "first", 0, &band.first, err);
	if (code == BROT_OK)
		code = read_px(json, "rows", 1, &band.rows, err);
	if (code == BROT_OK)
		code = read_image(json, &band.image, err);
	if (code == BROT_OK)
		*ret_band = band;
	return code;
}

struct number {
	const char *key;
	uint64_t *value;
};

static enum brot_err read_numbers(const json_t *json, const struct number *numbers, size_t count,
				  struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	for (size_t i = 0; code == BROT_OK && i < count; i++)
		code = reply_u64(json, numbers[i].key, numbers[i].value, err);
	return code;
}

/* The pixels of a row's image; 0 where it does not say its size. */
static uint64_t image_pixels(const json_t *json)
{
	const json_t *size = json_object_get(json, "size");
	const json_int_t width = json_integer_value(json_array_get(size, 0));
	const json_int_t height = json_integer_value(json_array_get(size, 1));
	const bool is_good = width >= 1 && width <= LIMIT_SIZE_PX && height >= 1 &&
			     height <= LIMIT_SIZE_PX;
	return is_good ? (uint64_t)width * (uint64_t)height : 0;
}

enum brot_err notice_progress(const json_t *json, struct session_progress *ret_progress,
			      struct brot_error *err)
{
	struct session_progress progress = {0};
	const struct number numbers[] = {
		{"pixels_done", &progress.pixels_done}, {"pixels", &progress.pixels},
		{"tiles_done", &progress.tiles_done},   {"tiles_running", &progress.tiles_running},
		{"workers", &progress.workers},         {"iterations", &progress.iterations},
		{"elapsed_ms", &progress.elapsed_ms},
	};
	const char *state = "";
	enum brot_err code = reply_text(json, "state", &state, err);
	if (code == BROT_OK)
		code = read_numbers(json, numbers, sizeof numbers / sizeof numbers[0], err);
	if (code != BROT_OK)
		return code;
	if (progress.pixels_done > progress.pixels)
		return error_set(err, BROT_E_PROTOCOL,
				 "the broker sent PROGRESS whose \"pixels_done\" must be at most "
				 "\"pixels\", and is not");
	progress.has_points = json_object_get(json, "held") != NULL;
	if (progress.has_points)
		code = reply_u64(json, "held", &progress.held, err);
	if (code != BROT_OK)
		return code;
	if (progress.held > progress.pixels - progress.pixels_done)
		progress.held = progress.pixels - progress.pixels_done;
	if (progress.has_points)
		progress.image_pixels = image_pixels(json);
	progress.is_paused = strcmp(state, "paused") == 0;
	progress.is_running = !progress.is_paused && strcmp(state, "queued") != 0;
	*ret_progress = progress;
	return BROT_OK;
}

enum brot_err notice_finished(const json_t *json, struct session_summary *ret_summary,
			      struct brot_error *err)
{
	struct session_summary summary = {0};
	const struct number numbers[] = {
		{"pixels", &summary.pixels},         {"tiles", &summary.tiles},
		{"retries", &summary.retries},       {"workers", &summary.workers},
		{"iterations", &summary.iterations}, {"elapsed_ms", &summary.elapsed_ms},
	};
	enum brot_err code = read_numbers(json, numbers, sizeof numbers / sizeof numbers[0], err);
	if (code == BROT_OK)
		*ret_summary = summary;
	return code;
}
