/*
 * lib_user.c - a program that uses libbrot.so as others do: by its headers alone.
 *
 *     lib_user local THREADS JSON FILE
 *     lib_user service URL|- WORDS JSON FILE
 *     lib_user attach URL WORDS JOB FILE
 *     lib_user crowd URL WORDS COUNT JSON
 *
 * crowd has 64 descriptors, and holds so many jobs that are done, at once.
 *
 * WORDS, with commas between: embed, workers (two), unshared, keep, cancel (by another thread, once
 * a tile is done), hush (by then, once the broker is silent), silent (no standard streams),
 * childless (SIGCHLD is ignored), brief (gives up after 1.5 s of silence), forever (as long as can
 * be said), release, late (cancels what is done), thread (connects in a thread that ends), loud
 * (prints "running" once it is), early (disconnects before the job is done), named (as "somebody"),
 * newer (says what only a later version could know), consume, stop1 and stop2 (says "stopping" and
 * stops itself once it is connected, once the job is done). Prints a line of JSON; a failure is a
 * line "CODE: SENTENCE" on standard error and exit status 1.
 */
#define _DEFAULT_SOURCE /* syscall() */
#include <brot/brot.h>
#include <fenv.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In place of the C library's: a number of which no process is left may be another's tomorrow. */
__attribute__((visibility("default"))) int kill(pid_t pid, int number)
{
	if (syscall(SYS_kill, pid, 0) != 0)
		abort();
	return (int)syscall(SYS_kill, pid, number);
}

static int fail(const struct brot_error *err)
{
	fprintf(stderr, "%s: %s\n", brot_err_name(err->code), err->text);
	return 1;
}

static bool on_progress(double done, void *context)
{
	double *last = context;
	if (done < *last || done > 1.0)
		abort();
	*last = done;
	return true;
}

static int render_here(const char *threads, const char *json, const char *path)
{
	struct brot_error err = {.code = BROT_OK};
	struct brot_request *request;
	struct brot_plane planes[BROT_PLANES_MAX];
	struct brot_array arrays[BROT_PLANES_MAX] = {{NULL, 0}};
	double last = 0;
	const struct brot_local local = {(uint32_t)strtoul(threads, NULL, 10), on_progress, &last};
	uint32_t width, height;
	if (brot_request_new(NULL, json, &request, &err) != BROT_OK)
		return fail(&err);
	brot_request_size(request, &width, &height);
	const uint32_t count = brot_request_planes(request, planes);
	for (uint32_t p = 0; p < count; p++) {
		/* With a gap after each row. */
		arrays[p].stride_bytes = (width + 3) * planes[p].pixel_bytes;
		arrays[p].data = malloc(arrays[p].stride_bytes * height);
	}
	enum brot_err code = brot_render(request, arrays, &local, &err);
	if (code == BROT_OK && last != 1.0)
		abort();
	if (code == BROT_OK)
		code = brot_write(path, request, arrays, NULL, &err);
	for (uint32_t p = 0; p < count; p++)
		free(arrays[p].data);
	brot_request_free(request);
	return code == BROT_OK ? 0 : fail(&err);
}

/* ---- by a service ---- */

struct use {
	const char *url, *words;
	struct brot_service *service;
	struct brot_job *job;
	struct brot_error err;
	enum brot_err code;
};

static bool says(const struct use *use, const char *word)
{
	return use->words != NULL && strstr(use->words, word) != NULL;
}

static void *connect_run(void *context)
{
	struct use *use = context;
	const struct brot_connect_options options = {
		.may_embed = says(use, "embed"),
		.workers = says(use, "workers") ? 2 : 0,
		.timeout_ms = says(use, "brief")     ? 1500
			      : says(use, "forever") ? INT64_MAX
						     : 0,
	};
	use->code = brot_connect(use->url, &options, &use->service, &use->err);
	return NULL;
}

static void *cancel_run(void *context)
{
	struct use *use = context;
	struct brot_progress progress = {.tiles_done = 0};
	bool is_done = false;
	const bool is_hushed = says(use, "hush");
	while (brot_job_wait(use->job, 20, &progress, &is_done, NULL) == BROT_OK && !is_done &&
	       (is_hushed ? !progress.is_silent : progress.tiles_done == 0))
		;
	brot_job_cancel(use->job);
	return NULL;
}

static enum brot_err wait_job(struct use *use)
{
	struct brot_progress progress;
	bool is_done = false;
	pthread_t thread;
	const bool is_cancelled = says(use, "cancel");
	if (is_cancelled && pthread_create(&thread, NULL, cancel_run, use) != 0)
		abort();
	enum brot_err code = BROT_OK;
	bool is_told = !says(use, "loud");
	while (code == BROT_OK && !is_done) {
		code = brot_job_wait(use->job, is_cancelled ? -1 : 50, &progress, &is_done,
				     &use->err);
		if (!is_told && progress.state == BROT_RUNNING) {
			is_told = true;
			(void)puts("running");
			(void)fflush(stdout);
		}
	}
	if (is_cancelled)
		(void)pthread_join(thread, NULL);
	if (progress.state != (code == BROT_OK ? BROT_DONE : BROT_FAILED) ||
	    is_done != (code == BROT_OK))
		abort();
	return code;
}

static void stop(void)
{
	(void)puts("stopping");
	(void)fflush(stdout);
	(void)raise(SIGSTOP);
}

static enum brot_err save(struct use *use, const char *path)
{
	struct brot_array arrays[BROT_PLANES_MAX];
	bool is_mapped = false;
	enum brot_err code = brot_job_arrays(use->job, arrays, &is_mapped, &use->err);
	if (says(use, "late"))
		brot_job_cancel(use->job);
	if (says(use, "stop2"))
		stop();
	if (code == BROT_OK && says(use, "release"))
		code = brot_job_release(use->job, &use->err);
	if (code == BROT_OK)
		code = brot_write(path, brot_job_request(use->job), arrays, NULL, &use->err);
	if (code == BROT_OK && !says(use, "silent"))
		printf("{\"job\": %" PRIu64 ", \"is_mapped\": %s, \"url\": \"%s\"}\n",
		       brot_job_id(use->job), is_mapped ? "true" : "false",
		       use->service != NULL ? brot_service_url(use->service) : "");
	return code;
}

/* Submits, or attaches. */
static enum brot_err begin(struct use *use, const char *json, uint64_t attach)
{
	const struct brot_submit_options submit = {
		.is_kept = says(use, "keep"),
		.is_unshared = says(use, "unshared"),
		.client = says(use, "named") ? "somebody" : NULL,
		.reserved = {[BROT_RESERVED - 1] = says(use, "newer")},
	};
	const struct brot_attach_options options = {
		.may_consume = says(use, "consume"),
		.is_unshared = says(use, "unshared"),
		.reserved = {[0] = says(use, "newer")},
	};
	struct brot_request *request = NULL;
	if (attach != 0)
		return brot_attach(use->service, attach, use->words == NULL ? NULL : &options,
				   &use->job, &use->err);
	enum brot_err code = brot_request_new(NULL, json, &request, &use->err);
	if (code == BROT_OK)
		code = brot_submit(use->service, request, &submit, &use->job, &use->err);
	brot_request_free(request);
	return code;
}

static int render_there(struct use *use, const char *json, uint64_t attach, const char *path)
{
	pthread_t thread;
	if (says(use, "childless"))
		(void)signal(SIGCHLD, SIG_IGN);
	for (int fd = 0; fd <= 2 && says(use, "silent"); fd++)
		(void)close(fd);
	if (says(use, "thread")) {
		if (pthread_create(&thread, NULL, connect_run, use) != 0)
			abort();
		(void)pthread_join(thread, NULL);
	} else {
		(void)connect_run(use);
	}
	enum brot_err code = use->code;
	if (code == BROT_OK && says(use, "stop1"))
		stop();
	if (code == BROT_OK)
		code = begin(use, json, attach);
	if (says(use, "early")) {
		brot_disconnect(use->service);
		use->service = NULL;
	}
	if (code == BROT_OK)
		code = wait_job(use);
	if (code == BROT_OK)
		code = save(use, path);
	brot_job_free(use->job);
	brot_disconnect(use->service);
	/* It is the program's own affair who may look into it. */
	if (prctl(PR_GET_DUMPABLE) != 1)
		abort();
	return code == BROT_OK ? 0 : fail(&use->err);
}

static int crowd(struct use *use, unsigned count, const char *json)
{
	const struct rlimit few = {64, 64};
	struct brot_job **jobs = calloc(count, sizeof *jobs);
	unsigned done = 0;
	bool is_done;
	(void)setrlimit(RLIMIT_NOFILE, &few);
	(void)connect_run(use);
	enum brot_err code = use->code;
	while (code == BROT_OK && done < count) {
		code = begin(use, json, 0);
		if (code == BROT_OK) {
			jobs[done++] = use->job;
			code = brot_job_wait(use->job, -1, NULL, &is_done, &use->err);
		}
	}
	for (unsigned i = 0; i < done; i++) {
		/* What counts is that it answers. */
		(void)brot_job_release(jobs[i], NULL);
		brot_job_free(jobs[i]);
	}
	free(jobs);
	brot_disconnect(use->service);
	printf("{\"jobs\": %u}\n", done);
	return code == BROT_OK ? 0 : fail(&use->err);
}

int main(int argc, char *argv[])
{
	struct use use = {.url = NULL};
	/* A setting of this program's, of which no byte may tell. */
	(void)fesetround(FE_UPWARD);
	if (argc == 5 && strcmp(argv[1], "local") == 0)
		return render_here(argv[2], argv[3], argv[4]);
	if (argc >= 5)
		use.url = strcmp(argv[2], "-") == 0 ? NULL : argv[2];
	use.words = argc == 6 && strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
	if (argc == 6 && strcmp(argv[1], "attach") == 0)
		return render_there(&use, NULL, strtoull(argv[4], NULL, 10), argv[5]);
	if (argc == 6 && strcmp(argv[1], "crowd") == 0)
		return crowd(&use, (unsigned)strtoul(argv[4], NULL, 10), argv[5]);
	if (argc == 6 && strcmp(argv[1], "service") == 0)
		return render_there(&use, argv[4], 0, argv[5]);
	fprintf(stderr, "usage: see lib_user.c\n");
	return 2;
}
