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

/* Where the broker says an image lies. */
struct session_image {
	char name[IMAGE_NAME_CHARS + 1]; /* image_name_is_valid() */
	uint64_t bytes;
	uint8_t nonce[MESSAGE_NONCE_BYTES];
};

/* What was accepted. */
struct session_job {
	uint64_t job;
	uint32_t slice_px;
	uint32_t band_count;        /* 0: it has one image; else each band has its own, and */
	uint32_t band_rows;         /* so many rows, but for the last */
	struct session_image image; /* of a job that is not in bands */
};

/* A band that is complete. */
struct session_band {
	uint32_t band;
	uint32_t first, rows; /* of the picture: within LIMIT_SIZE_PX */
	struct session_image image;
};

/* How far the job is. A row of JOBS says so as well. */
struct session_progress {
	bool is_running, is_paused;   /* neither: it is queued */
	uint64_t pixels_done, pixels; /* the first is not above the second */
	bool has_points; /* of a Buddhabrot, for which its points count among its pixels: */
	uint64_t held;   /* those that are not done yet, but counted; with done not above pixels */
	uint64_t image_pixels; /* of `pixels`, those that are its image's: they come when all points
				* are counted; 0: not known */
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
enum brot_err notice_accepted(const json_t *json, struct session_job *ret_job,
			      struct brot_error *err);

/* BAND, but for its job. */
enum brot_err notice_band(const json_t *json, struct session_band *ret_band,
			  struct brot_error *err);

enum brot_err notice_progress(const json_t *json, struct session_progress *ret_progress,
			      struct brot_error *err);

enum brot_err notice_finished(const json_t *json, struct session_summary *ret_summary,
			      struct brot_error *err);

#endif
