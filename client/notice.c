/* notice.c - ACCEPTED, PROGRESS and FINISHED, field by field. */
#include "client/notice.h"

#include <string.h>

#include "client/reply.h"
#include "proto/hex.h"

enum brot_err notice_accepted(const json_t *json, struct session_image *ret_image,
			      struct brot_error *err)
{
	struct session_image image = {0};
	json_t *object = NULL;
	const char *name = "", *nonce = "";
	uint64_t slice_px = 0;
	enum brot_err code = reply_u64(json, "job", &image.job, err);
	if (code == BROT_OK)
		code = reply_u64(json, "slice", &slice_px, err);
	if (code == BROT_OK)
		code = reply_object(json, "image", &object, err);
	if (code == BROT_OK)
		code = reply_text(object, "name", &name, err);
	if (code == BROT_OK)
		code = reply_u64(object, "bytes", &image.bytes, err);
	if (code == BROT_OK)
		code = reply_text(object, "nonce", &nonce, err);
	if (code != BROT_OK)
		return code;
	if (image.job == 0 || slice_px == 0 || slice_px > LIMIT_SIZE_PX ||
	    !image_name_is_valid(name) || !hex_read(nonce, image.nonce, sizeof image.nonce))
		return error_set(
			err, BROT_E_PROTOCOL,
			"the broker sent ACCEPTED with a job, slice, image name or nonce that "
			"cannot be one");
	image.slice_px = (uint32_t)slice_px;
	memcpy(image.name, name, sizeof image.name);
	*ret_image = image;
	return BROT_OK;
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
	progress.is_running = strcmp(state, "queued") != 0;
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
