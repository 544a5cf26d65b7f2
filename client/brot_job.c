/* brot_job.c - include/brot/service.h: jobs as their callers see them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "client/brot_internal.h"
#include "client/brot_job.h"
#include "client/crew.h"
#include "client/finish.h"
#include "client/request_options.h"
#include "proto/sys/clock.h"
#include "proto/sys/thread.h"
#include "proto/thread_mode.h"

static enum brot_err no_memory(struct brot_error *err)
{
	return error_set(err, BROT_E_SYSTEM, "no memory for a job");
}

/* ---- making one ---- */

static void dispose(struct brot_job *job)
{
	delivery_free(job->delivery);
	json_decref(job->json);
	if (job->bell.signal_fd >= 0)
		(void)close(job->bell.signal_fd);
	for (uint32_t p = 0; p < PLANES_MAX; p++)
		free(job->copies[p]);
	free(job->painted);
	free(job->client);
	brot_request_free(job->request);
	brot_request_free(job->data);
	(void)pthread_cond_destroy(&job->changed);
	(void)pthread_mutex_destroy(&job->lock);
	(void)pthread_mutex_destroy(&job->paint);
	brot_service_leave(job->service);
	free(job);
}

static enum brot_err job_new(struct brot_service *service, struct brot_job **ret_job,
			     struct brot_error *err)
{
	/* Its socket is made by the thread. */
	const enum brot_err code = sock_room_check(err);
	if (code != BROT_OK)
		return code;
	pthread_condattr_t monotonic;
	struct brot_job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return no_memory(err);
	job->service = service;
	brot_service_use(service);
	job->progress.state = BROT_QUEUED;
	job->bell.is_wanted = &job->is_cancelled;
	(void)pthread_mutex_init(&job->lock, NULL);
	(void)pthread_mutex_init(&job->paint, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&job->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	job->bell.signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->bell.signal_fd < 0) {
		(void)error_set(err, BROT_E_SYSTEM, "cannot make a descriptor for a job: %s",
				strerror(errno));
		dispose(job);
		return BROT_E_SYSTEM;
	}
	*ret_job = job;
	return BROT_OK;
}

/* Starts the thread, and waits until the broker has accepted. Takes the job over. */
static enum brot_err start(struct brot_job *job, struct brot_job **ret_job, struct brot_error *err)
{
	if (!thread_start(&job->thread, job_run, job)) {
		dispose(job);
		return error_set(err, BROT_E_SYSTEM, "the system has no thread for a job");
	}
	(void)pthread_mutex_lock(&job->lock);
	while (!job->is_accepted && !job->is_over)
		(void)pthread_cond_wait(&job->changed, &job->lock);
	const bool is_accepted = job->is_accepted;
	const struct brot_error error = job->error;
	(void)pthread_mutex_unlock(&job->lock);
	if (is_accepted) {
		*ret_job = job;
		return BROT_OK;
	}
	brot_job_free(job);
	return error_set(err, error.code, "%s", error.text);
}

static enum brot_err check(const struct brot_submit_options *options, struct brot_service *service,
			   struct brot_error *err)
{
	if (options->priority < -LIMIT_PRIORITY || options->priority > LIMIT_PRIORITY)
		return error_set(err, BROT_E_USAGE, "priority: must be %d to %d, got %d",
				 -LIMIT_PRIORITY, LIMIT_PRIORITY, (int)options->priority);
	if (options->is_kept && service->landlord != NULL)
		return error_set(err, BROT_E_USAGE,
				 "is_kept: an embedded service ends with this process, and keeps "
				 "nothing");
	enum brot_err code = brot_reserved_check(options->reserved, err);
	if (code != BROT_OK || options->client == NULL)
		return code;
	code = request_options_client(options->client, err);
	if (code != BROT_OK)
		brot_error_plain(err);
	return code;
}

/* The numbers that a picture is coloured from. */
static enum brot_err data_make(struct brot_job *job, struct brot_error *err)
{
	if (!request_needs_image(&job->request->request))
		return BROT_OK;
	struct request *data = malloc(sizeof *data);
	if (data == NULL)
		return no_memory(err);
	enum brot_err code = request_to_data(&job->request->request, data, err);
	if (code == BROT_OK)
		code = brot_request_of(data, &job->data, err);
	free(data);
	return code;
}

enum brot_err brot_submit(struct brot_service *service, const struct brot_request *request,
			  const struct brot_submit_options *options, struct brot_job **ret_job,
			  struct brot_error *err)
{
	static const struct brot_submit_options usual;
	struct brot_job *job;
	if (service == NULL || request == NULL)
		return error_set(err, BROT_E_USAGE, "%s: must not be NULL",
				 service == NULL ? "service" : "request");
	if (options == NULL)
		options = &usual;
	enum brot_err code = check(options, service, err);
	if (code == BROT_OK)
		code = job_new(service, &job, err);
	if (code != BROT_OK)
		return code;
	job->is_kept = options->is_kept;
	job->is_unshared = options->is_unshared;
	job->priority = options->priority;
	job->client = options->client != NULL ? strdup(options->client) : NULL;
	if (options->client != NULL && job->client == NULL)
		code = no_memory(err);
	if (code == BROT_OK)
		code = brot_request_of(&request->request, &job->request, err);
	if (code == BROT_OK)
		code = data_make(job, err);
	if (code == BROT_OK)
		return start(job, ret_job, err);
	dispose(job);
	return code;
}

enum brot_err brot_attach(struct brot_service *service, uint64_t id,
			  const struct brot_attach_options *options, struct brot_job **ret_job,
			  struct brot_error *err)
{
	static const struct brot_attach_options usual;
	struct brot_job *job;
	if (options == NULL)
		options = &usual;
	if (service == NULL || id == 0 || id > INT64_MAX)
		return error_set(err, BROT_E_USAGE,
				 service == NULL ? "service: must not be NULL"
						 : "id: must be a job's number");
	enum brot_err code = brot_reserved_check(options->reserved, err);
	if (code == BROT_OK)
		code = job_new(service, &job, err);
	if (code != BROT_OK)
		return code;
	job->attach = id;
	job->may_consume = options->may_consume;
	job->is_unshared = options->is_unshared;
	return start(job, ret_job, err);
}

/* ---- asking one ---- */

uint64_t brot_job_id(const struct brot_job *job)
{
	struct brot_job *locked = (struct brot_job *)(uintptr_t)job;
	(void)pthread_mutex_lock(&locked->lock);
	const uint64_t id = job->id;
	(void)pthread_mutex_unlock(&locked->lock);
	return id;
}

const struct brot_request *brot_job_request(const struct brot_job *job)
{
	return job->request;
}

/* Until the job is over, or a time that may be far. Under the lock. */
static void await(struct brot_job *job, int64_t timeout_ms)
{
	const int64_t now_ms = clock_ms();
	const int64_t end_ms = timeout_ms < INT64_MAX - now_ms ? now_ms + timeout_ms : INT64_MAX;
	const struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
	int error = 0;
	while (!job->is_over && error == 0)
		error = timeout_ms < 0 ? pthread_cond_wait(&job->changed, &job->lock)
				       : pthread_cond_timedwait(&job->changed, &job->lock, &end);
}

enum brot_err brot_job_wait(struct brot_job *job, int64_t timeout_ms,
			    struct brot_progress *ret_progress, bool *ret_is_done,
			    struct brot_error *err)
{
	(void)pthread_mutex_lock(&job->lock);
	await(job, timeout_ms);
	const struct brot_error error = job->error;
	if (ret_progress != NULL)
		*ret_progress = job->progress;
	if (error.code == BROT_OK)
		*ret_is_done = job->is_done;
	(void)pthread_mutex_unlock(&job->lock);
	return error.code == BROT_OK ? BROT_OK : error_set(err, error.code, "%s", error.text);
}

/* ---- its arrays ---- */

static enum brot_err copy_picture(struct finish *finish, uint32_t height_px, uint8_t *to,
				  struct brot_error *err)
{
	struct picture picture;
	const enum brot_err code = finish_survey(finish, err);
	finish_picture(finish, &picture);
	return code == BROT_OK ? picture_copy(&picture, 0, height_px, &to, err) : code;
}

static enum brot_err paint(struct brot_job *job, struct brot_error *err)
{
	const struct request *request = &job->request->request;
	struct picture data = {.request = &job->data->request,
			       .rows = job->data->request.height_px};
	struct brot_numbers numbers;
	struct finish *finish = NULL;
	const struct finish_config config = {
		.request = request,
		.numbers = &numbers,
		.threads = crew_size(),
	};
	memcpy(data.planes, job->planes, sizeof data.planes);
	finish_numbers(&data, &numbers);
	uint8_t *painted = malloc(picture_rows_bytes(request, 0, request->height_px));
	enum brot_err code = painted == NULL ? no_memory(err) : finish_new(&config, &finish, err);
	if (code == BROT_OK)
		code = copy_picture(finish, request->height_px, painted, err);
	finish_free(finish);
	if (code == BROT_OK)
		job->painted = painted;
	else
		free(painted);
	return code;
}

enum brot_err brot_job_arrays(struct brot_job *job, struct brot_array ret_arrays[BROT_PLANES_MAX],
			      bool *ret_is_mapped, struct brot_error *err)
{
	const uint32_t count = format_info(job->request->request.format)->plane_count;
	(void)pthread_mutex_lock(&job->lock);
	const bool is_done = job->is_done;
	(void)pthread_mutex_unlock(&job->lock);
	if (!is_done)
		return error_set(err, BROT_E_USAGE, "job: is not done");
	/* What is set when a job is done stays. */
	if (job->data != NULL) {
		(void)pthread_mutex_lock(&job->paint);
		struct thread_mode callers;
		thread_mode_enter(&callers);
		const enum brot_err code = job->painted == NULL ? paint(job, err) : BROT_OK;
		thread_mode_leave(&callers);
		(void)pthread_mutex_unlock(&job->paint);
		if (code != BROT_OK)
			return code;
		ret_arrays[0] = (struct brot_array){job->painted, 0};
	} else {
		for (uint32_t p = 0; p < count; p++)
			ret_arrays[p] = (struct brot_array){
				(void *)(uintptr_t)job->planes[p],
				picture_row_bytes(&job->request->request, p)};
	}
	ret_arrays[0].stride_bytes = picture_row_bytes(&job->request->request, 0);
	if (ret_is_mapped != NULL)
		*ret_is_mapped = job->data == NULL && job->is_mapped;
	return BROT_OK;
}

/* ---- its end ---- */

void brot_job_cancel(struct brot_job *job)
{
	(void)pthread_mutex_lock(&job->lock);
	if (!job->is_over)
		atomic_store(&job->is_cancelled, true);
	(void)pthread_mutex_unlock(&job->lock);
	job_ring(job);
}

enum brot_err brot_job_release(struct brot_job *job, struct brot_error *err)
{
	(void)pthread_mutex_lock(&job->lock);
	const bool is_done = job->is_done;
	job->must_release = is_done;
	if (is_done && !job->is_released)
		job_ring(job);
	while (is_done && !job->is_released && !job->is_left)
		(void)pthread_cond_wait(&job->changed, &job->lock);
	const bool is_released = job->is_released;
	const struct brot_error error = job->release_error;
	(void)pthread_mutex_unlock(&job->lock);
	if (!is_done)
		return error_set(err, BROT_E_USAGE, "job: is not done");
	return is_released ? BROT_OK : error_set(err, error.code, "%s", error.text);
}

void brot_job_free(struct brot_job *job)
{
	if (job == NULL)
		return;
	(void)pthread_mutex_lock(&job->lock);
	job->must_end = true;
	(void)pthread_mutex_unlock(&job->lock);
	job_ring(job);
	(void)pthread_join(job->thread, NULL);
	dispose(job);
}
