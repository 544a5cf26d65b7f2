/* gang.c - pieces from one counter. */
#include "worker/gang.h"

#include <errno.h>
#include <time.h>

#include "proto/sys/clock.h"
#include "proto/sys/cores.h"
#include "proto/sys/thread.h"

#define TELL_MS 100
/* The largest piece is such a share of the phase, so that progress is seen; and of what is left
 * each thread could have so many. */
#define PIECES_LEAST 128
#define PIECES_LEFT  8

struct member {
	struct gang *gang;
	bool is_caller;
};

static uint64_t piece_size(const struct gang *gang, uint64_t at)
{
	const struct gang_phase *phase = gang->phase;
	const uint64_t left = phase->units - at, in_row = at % phase->row_units;
	uint64_t size = phase->units / PIECES_LEAST;
	if (size < phase->least)
		size = phase->least;
	if (gang->threads > 1 && size > left / (PIECES_LEFT * gang->threads))
		size = left / (PIECES_LEFT * gang->threads);
	size = size == 0 ? 1 : size > left ? left : size;
	if (in_row == 0 && size >= phase->row_units)
		return size - size % phase->row_units;
	return size < phase->row_units - in_row ? size : phase->row_units - in_row;
}

static bool take(struct gang *gang, uint64_t *ret_first, uint64_t *ret_count)
{
	uint_fast64_t at = atomic_load(&gang->next);
	uint64_t size;
	do {
		if (at >= gang->phase->units || atomic_load(&gang->is_over))
			return false;
		size = piece_size(gang, at);
	} while (!atomic_compare_exchange_weak(&gang->next, &at, at + size));
	*ret_first = at;
	*ret_count = size;
	return true;
}

static void fail(struct gang *gang, const struct brot_error *error)
{
	(void)pthread_mutex_lock(&gang->lock);
	if (gang->error.code == BROT_OK)
		gang->error = *error;
	(void)pthread_mutex_unlock(&gang->lock);
	atomic_store(&gang->is_over, true);
}

static void cancel(struct gang *gang)
{
	struct brot_error error;
	(void)error_set(&error, BROT_E_CANCELLED, "the render was cancelled");
	fail(gang, &error);
}

/* In the caller's thread, and as the caller left it. */
static bool ask(struct gang *gang, double done)
{
	const struct brot_local *local = gang->local;
	thread_mode_leave(gang->callers);
	const bool goes_on = local->on_progress(done, local->context);
	thread_mode_enter(gang->callers);
	return goes_on;
}

/* In the caller's thread. */
static void tell(struct gang *gang)
{
	const struct brot_local *local = gang->local;
	const int64_t now_ms = clock_ms();
	if (local->on_progress == NULL || now_ms < gang->tell_ms || atomic_load(&gang->is_over))
		return;
	const double part = (double)atomic_load(&gang->done) / (double)gang->phase->units;
	const double done = gang->shares_done + part * gang->phase->share;
	if (done > gang->told)
		gang->told = done;
	/* The end is gang_finish()'s to tell. */
	if (gang->told >= 1.0)
		return;
	if (!ask(gang, gang->told))
		cancel(gang);
	gang->tell_ms = clock_ms() + TELL_MS;
}

bool gang_goes_on(void *poll, uint64_t iterations)
{
	const struct member *member = poll;
	(void)iterations;
	if (member->is_caller)
		tell(member->gang);
	return !atomic_load_explicit(&member->gang->is_over, memory_order_relaxed);
}

static void work(struct member *member)
{
	struct gang *gang = member->gang;
	const struct gang_phase *phase = gang->phase;
	struct brot_error error;
	void *own = NULL;
	uint64_t first, count;
	if (phase->begin != NULL && !phase->begin(phase->context, &own)) {
		(void)error_set(&error, BROT_E_SYSTEM, "no memory for a thread");
		fail(gang, &error);
		return;
	}
	while (take(gang, &first, &count)) {
		if (phase->task(phase->context, own, first, count, member, &error) != BROT_OK) {
			fail(gang, &error);
			break;
		}
		atomic_fetch_add(&gang->done, count);
		(void)gang_goes_on(member, 0);
	}
	if (phase->end != NULL)
		phase->end(phase->context, own, !atomic_load(&gang->is_over));
}

static void *thread_run(void *context)
{
	struct gang *gang = context;
	struct member member = {gang, false};
	work(&member);
	(void)pthread_mutex_lock(&gang->lock);
	gang->running--;
	(void)pthread_cond_signal(&gang->ended);
	(void)pthread_mutex_unlock(&gang->lock);
	return NULL;
}

/* Until nobody works any more; meanwhile the caller is told. */
static void await(struct gang *gang)
{
	(void)pthread_mutex_lock(&gang->lock);
	while (gang->running > 0) {
		const int64_t end_ms = clock_ms() + TELL_MS;
		const struct timespec end = {.tv_sec = end_ms / 1000,
					     .tv_nsec = end_ms % 1000 * 1000000};
		const int error = gang->local->on_progress == NULL
					  ? pthread_cond_wait(&gang->ended, &gang->lock)
					  : pthread_cond_timedwait(&gang->ended, &gang->lock, &end);
		if (error != ETIMEDOUT)
			continue;
		(void)pthread_mutex_unlock(&gang->lock);
		tell(gang);
		(void)pthread_mutex_lock(&gang->lock);
	}
	(void)pthread_mutex_unlock(&gang->lock);
}

enum brot_err gang_run(struct gang *gang, const struct gang_phase *phase, struct brot_error *err)
{
	pthread_t threads[BROT_THREADS_MAX];
	uint32_t started = 0;
	struct member caller = {gang, true};
	gang->phase = phase;
	atomic_store(&gang->next, 0);
	atomic_store(&gang->done, 0);
	tell(gang);
	while (started + 1 < gang->threads && started + 1 < phase->units) {
		(void)pthread_mutex_lock(&gang->lock);
		gang->running++;
		(void)pthread_mutex_unlock(&gang->lock);
		if (!thread_start(&threads[started], thread_run, gang)) {
			(void)pthread_mutex_lock(&gang->lock);
			gang->running--;
			(void)pthread_mutex_unlock(&gang->lock);
			break;
		}
		started++;
	}
	work(&caller);
	await(gang);
	for (uint32_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	gang->shares_done += phase->share;
	if (gang->error.code == BROT_OK)
		return BROT_OK;
	return error_set(err, gang->error.code, "%s", gang->error.text);
}

void gang_finish(struct gang *gang)
{
	if (gang->local->on_progress != NULL)
		(void)ask(gang, 1.0);
}

enum brot_err gang_init(struct gang *gang, const struct brot_local *local,
			struct thread_mode *callers, struct brot_error *err)
{
	pthread_condattr_t attributes;
	*gang = (struct gang){.local = local, .callers = callers};
	const uint32_t cores = cores_count();
	gang->threads = local->threads != 0        ? local->threads
			: cores < BROT_THREADS_MAX ? cores
						   : BROT_THREADS_MAX;
	bool is_good = pthread_mutex_init(&gang->lock, NULL) == 0;
	if (is_good && pthread_condattr_init(&attributes) == 0) {
		(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		if (pthread_cond_init(&gang->ended, &attributes) == 0) {
			(void)pthread_condattr_destroy(&attributes);
			return BROT_OK;
		}
		(void)pthread_condattr_destroy(&attributes);
	}
	if (is_good)
		(void)pthread_mutex_destroy(&gang->lock);
	return error_set(err, BROT_E_SYSTEM, "render: the system has no room for a lock");
}

void gang_free(struct gang *gang)
{
	(void)pthread_cond_destroy(&gang->ended);
	(void)pthread_mutex_destroy(&gang->lock);
}
