/*
 * brot_job_run.c - the thread of a job: sees it through, and keeps it until its pixels are no
 * longer wanted.
 *
 * The socket, the session and the delivery are this thread's alone. It wakes for what the broker
 * says, for what the session wants to say, and for the bell; what callers may know is under the
 * lock.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/brot_internal.h"
#include "client/brot_job.h"
#include "proto/sys/clock.h"
#include "proto/thread_mode.h"

#define CHILDREN_MS 200 /* between two looks at those of an embedded service */

void job_ring(const struct brot_job *job)
{
	const uint64_t one = 1;
	/* It can only fail when the counter is full, and then it is readable anyway. */
	const ssize_t ignored = write(job->bell.signal_fd, &one, sizeof one);
	(void)ignored;
}

static void publish(struct brot_job *job)
{
	(void)pthread_cond_broadcast(&job->changed);
	(void)pthread_mutex_unlock(&job->lock);
}

/* ---- what comes from the broker ---- */

static void take_progress(struct brot_progress *to, const struct session_progress *from)
{
	to->state = from->is_paused ? BROT_PAUSED : from->is_running ? BROT_RUNNING : BROT_QUEUED;
	to->pixels = from->pixels;
	to->pixels_done = from->pixels_done;
	to->tiles_done = from->tiles_done;
	to->tiles_running = from->tiles_running;
	to->workers = from->workers;
	to->iterations = from->iterations;
	to->elapsed_ms = from->elapsed_ms;
}

static void on_action(const struct session_action *action, void *context)
{
	struct brot_job *job = context;
	struct brot_progress *progress = &job->progress;
	(void)pthread_mutex_lock(&job->lock);
	switch (action->type) {
	case SESSION_ACCEPTED:
		job->id = action->job.job;
		break;
	case SESSION_PROGRESS:
		take_progress(progress, &action->progress);
		break;
	case SESSION_FINISHED:
		progress->state = BROT_READING;
		progress->pixels = progress->pixels_done = action->summary.pixels;
		progress->tiles_done = action->summary.tiles;
		progress->tiles_running = 0;
		progress->iterations = action->summary.iterations;
		progress->elapsed_ms = action->summary.elapsed_ms;
		break;
	case SESSION_SILENT:
	case SESSION_BACK:
		progress->is_silent = action->type == SESSION_SILENT;
		break;
	case SESSION_SEND:
	case SESSION_RECONNECT:
	case SESSION_WORKERS:
	case SESSION_BUSY:
	case SESSION_BAND:
	case SESSION_PIXELS:
	case SESSION_READY:
	case SESSION_FAILED:
	case SESSION_CANCELLED:
		break;
	}
	publish(job);
}

/* ---- steps ---- */

static enum brot_err step(struct brot_job *job, struct brot_error *err)
{
	struct landlord *landlord = job->service->landlord;
	const int64_t deadline_ms = landlord == NULL ? INT64_MAX : clock_ms() + CHILDREN_MS;
	const enum brot_err code = delivery_advance(job->delivery, deadline_ms, err);
	return code == BROT_OK && landlord != NULL ? landlord_check(landlord, err) : code;
}

static bool must_end(struct brot_job *job)
{
	(void)pthread_mutex_lock(&job->lock);
	const bool must = job->must_end;
	(void)pthread_mutex_unlock(&job->lock);
	return must;
}

static enum brot_err check_bands(const struct brot_job *job, struct brot_error *err)
{
	if (job->attach == 0 || job->may_consume || !delivery_is_banded(job->delivery))
		return BROT_OK;
	return error_set(err, BROT_E_USAGE,
			 "job: %" PRIu64 " is in bands, which are gone once they are read: "
			 "may_consume must allow that",
			 job->attach);
}

static enum brot_err begin(struct brot_job *job, struct brot_error *err)
{
	const struct brot_service *service = job->service;
	const struct brot_request *data = job_data(job);
	job->broker.url = service->url;
	enum brot_err code = connection_open(service->context, service->url, service->keys,
					     service->server_key, &job->bell,
					     &job->broker.connection, err);
	if (code == BROT_OK && job->attach == 0) {
		job->json = json_loads(data->json, 0, NULL);
		if (job->json == NULL)
			code = error_set(err, BROT_E_SYSTEM, "no memory for a request");
	}
	if (code != BROT_OK)
		return code;
	const struct delivery_config config = {
		.service = &job->broker,
		.attach = job->attach,
		.request = job->attach == 0 ? &data->request : NULL,
		.json = job->json,
		.is_kept = job->is_kept,
		.priority = job->priority,
		.client = job->client,
		.timeout_ms = service->timeout_ms,
		.is_patient = service->is_patient,
		.may_map = !job->is_unshared,
		.on_action = on_action,
		.context = job,
	};
	code = delivery_new(&config, &job->delivery, err);
	if (code == BROT_OK)
		delivery_start(job->delivery);
	while (code == BROT_OK && delivery_job(job->delivery) == 0)
		code = step(job, err);
	if (code == BROT_OK)
		code = check_bands(job, err);
	if (code == BROT_OK && job->attach != 0)
		code = brot_request_of(delivery_request(job->delivery), &job->request, err);
	return code;
}

/* ---- pixels ---- */

static enum brot_err copies_make(struct brot_job *job, struct brot_error *err)
{
	const struct request *request = &job_data(job)->request;
	const uint32_t count = format_info(request->format)->plane_count;
	for (uint32_t p = 0; p < count; p++) {
		job->copies[p] = malloc(picture_rows_bytes(request, p, request->height_px));
		if (job->copies[p] == NULL)
			return error_set(err, BROT_E_SYSTEM, "no memory for %ux%u pixels",
					 (unsigned)request->width_px, (unsigned)request->height_px);
	}
	return BROT_OK;
}

/* Bands come one after the other, and each is given back when it is copied. */
static enum brot_err read_bands(struct brot_job *job, struct brot_error *err)
{
	const uint32_t height = job_data(job)->request.height_px;
	enum brot_err code = copies_make(job, err);
	struct picture picture;
	delivery_picture(job->delivery, &picture);
	for (uint32_t y = 0; code == BROT_OK && y < height && !must_end(job);) {
		const uint32_t rows = delivery_rows(job->delivery, y);
		if (rows == 0) {
			code = step(job, err);
			continue;
		}
		code = picture_copy(&picture, y, rows, job->copies, err);
		y += rows;
		if (code == BROT_OK && y < height)
			delivery_pass_band(job->delivery);
		else if (code == BROT_OK && delivery_is_banded(job->delivery))
			delivery_finish(job->delivery, true);
	}
	return code;
}

static enum brot_err read_all(struct brot_job *job, struct brot_error *err)
{
	enum brot_err code = BROT_OK;
	while (code == BROT_OK && !delivery_is_banded(job->delivery) &&
	       delivery_rows(job->delivery, 0) == 0 && !must_end(job))
		code = step(job, err);
	/* A broker may come back with less memory than before, and render in bands then. */
	if (code != BROT_OK || !delivery_is_banded(job->delivery))
		return code;
	code = check_bands(job, err);
	return code == BROT_OK ? read_bands(job, err) : code;
}

/* Says where the pixels are. What nobody else may read, and is copied, the broker need not keep. */
static enum brot_err show(struct brot_job *job, struct brot_error *err)
{
	struct picture picture;
	const bool is_banded = delivery_is_banded(job->delivery);
	const bool is_mapped = !is_banded && delivery_is_mapped(job->delivery);
	const bool is_needed = job->attach != 0 || job->is_kept || is_mapped;
	enum brot_err code = BROT_OK;
	delivery_picture(job->delivery, &picture);
	if (!is_banded)
		code = picture_reach(&picture, 0, err);
	if (code == BROT_OK && !is_banded && !is_needed)
		delivery_finish(job->delivery, true);
	(void)pthread_mutex_lock(&job->lock);
	for (uint32_t p = 0; code == BROT_OK && p < PLANES_MAX; p++)
		job->planes[p] = is_banded ? job->copies[p] : picture.planes[p];
	job->is_mapped = is_mapped;
	job->is_released = is_banded || !is_needed;
	job->is_done = job->is_over = code == BROT_OK;
	if (code == BROT_OK) {
		job->progress.state = BROT_DONE;
		/* A cancel that came in between is of a job that is done. */
		atomic_store(&job->is_cancelled, false);
	}
	publish(job);
	return code;
}

/* ---- the end ---- */

/* What is kept, or somebody else's, does not end with its session. */
static void cancel_others(struct brot_job *job)
{
	char body[48];
	json_t *report = NULL;
	if (!atomic_load(&job->is_cancelled) || job->id == 0 || (job->attach == 0 && !job->is_kept))
		return;
	(void)snprintf(body, sizeof body, "{\"job\":%" PRIu64 "}", job->id);
	(void)connection_ask(job->broker.connection, MSG_CANCEL_JOB, body, "job", SESSION_CANCEL_MS,
			     &report, NULL);
	json_decref(report);
}

/* Keeps the job at the broker, which forgets what nobody watches, until it is released or freed. */
static void hold(struct brot_job *job)
{
	struct brot_error error = {.code = BROT_OK};
	(void)pthread_mutex_lock(&job->lock);
	while (!job->must_end && !job->is_released && error.code == BROT_OK) {
		const bool must_release = job->must_release;
		(void)pthread_mutex_unlock(&job->lock);
		const enum brot_err code = must_release ? delivery_release(job->delivery, &error)
							: delivery_advance(job->delivery, INT64_MAX,
									   &error);
		(void)pthread_mutex_lock(&job->lock);
		job->is_released = must_release && code == BROT_OK;
	}
	job->release_error = error;
	brot_error_plain(&job->release_error);
	(void)pthread_mutex_unlock(&job->lock);
}

/* Whatever the job has come to, its pixels stay. */
static void leave(struct brot_job *job)
{
	if (job->delivery != NULL)
		delivery_leave(job->delivery);
	connection_close(job->broker.connection);
	job->broker.connection = NULL;
	(void)pthread_mutex_lock(&job->lock);
	job->is_left = true;
	publish(job);
}

static void fail(struct brot_job *job, const struct brot_error *error)
{
	if (error->code == BROT_E_CANCELLED)
		cancel_others(job);
	(void)pthread_mutex_lock(&job->lock);
	job->error = *error;
	if (error->code == BROT_E_CANCELLED && atomic_load(&job->is_cancelled))
		(void)error_set(&job->error, BROT_E_CANCELLED, "the job was cancelled");
	brot_error_plain(&job->error);
	job->progress.state = BROT_FAILED;
	job->is_over = true;
	publish(job);
}

void *job_run(void *context)
{
	struct brot_job *job = context;
	struct brot_error error = {.code = BROT_OK};
	struct thread_mode callers; /* which the thread ends with */
	thread_mode_enter(&callers);
	enum brot_err code = begin(job, &error);
	if (code == BROT_OK) {
		(void)pthread_mutex_lock(&job->lock);
		job->is_accepted = true;
		publish(job);
		code = read_all(job, &error);
	}
	if (code == BROT_OK && !must_end(job))
		code = show(job, &error);
	if (code != BROT_OK)
		fail(job, &error);
	else
		hold(job);
	leave(job);
	return NULL;
}
