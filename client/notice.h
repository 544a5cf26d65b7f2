/*
 * notice.h - what a broker says of a job, read from its JSON.
 *
 * Failures are BROT_E_PROTOCOL with one sentence, outputs untouched.
 *
 * Pure and thread-safe.
 */
#ifndef CLIENT_NOTICE_H
#define CLIENT_NOTICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/image.h"
#include "proto/message.h"

/* Where the broker says the image lies. */
struct session_image {
	uint64_t job;
	uint32_t slice_px;
	char name[IMAGE_NAME_CHARS + 1]; /* image_name_is_valid() */
	uint64_t bytes;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
};

/* How far the job is. */
struct session_progress {
	bool is_running;
	uint64_t pixels_done, pixels; /* the first is not above the second */
	uint64_t tiles_done, tiles_running;
	uint64_t workers;
	uint64_t iterations;
	uint64_t elapsed_ms;
};

/* What it took. */
struct session_summary {
	uint64_t pixels, tiles, retries, workers, iterations, elapsed_ms;
};

/* ACCEPTED, but for its key and request. */
enum brot_err notice_accepted(const json_t *json, struct session_image *ret_image,
			      struct brot_error *err);

enum brot_err notice_progress(const json_t *json, struct session_progress *ret_progress,
			      struct brot_error *err);

enum brot_err notice_finished(const json_t *json, struct session_summary *ret_summary,
			      struct brot_error *err);

#endif
