/*
 * pool.c - two queues under one mutex.
 *
 *   submit -> waiting -> (a thread) -> ended -> take
 *
 * A tile is one node from submit to take, so that a result needs no memory that could be short.
 * Each thread has a slot that shows which node it renders; cancelling sets a flag in the node,
 * which the renderer looks at between chunks.
 */
#include "worker/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/pool_tile.h"
#include "worker/stall.h"

struct node {
	struct node *next;
	atomic_bool is_cancelled;
	struct pool_result result;
};

struct queue {
	struct node *first, **end;
};

struct thread {
	struct pool *pool;
	pthread_t id;
	struct node *node;          /* under the mutex: what it renders, or NULL */
	atomic_uint_fast64_t steps; /* grows whenever the thread moves */
	struct stall stall;         /* the owner's view of them */
	uint64_t counted;           /* iterations of that tile that are in the pool's sum */
	struct packer packer;
};

struct pool {
	int fd;
	uint32_t thread_count;
	struct thread *threads;
	pthread_mutex_t mutex;
	pthread_cond_t has_work;
	/* under the mutex */
	bool is_ending;
	struct queue waiting, ended;
	/* read without it */
	atomic_uint_fast64_t iterations;
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_push(struct queue *queue, struct node *node)
{
	node->next = NULL;
	*queue->end = node;
	queue->end = &node->next;
}

static struct node *queue_pop(struct queue *queue)
{
	struct node *node = queue->first;
	if (node == NULL)
		return NULL;
	queue->first = node->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	return node;
}

/* ---- in a compute thread ---- */

static void step_count(struct thread *thread)
{
	atomic_fetch_add_explicit(&thread->steps, 1, memory_order_relaxed);
}

static void iterations_count(struct thread *thread, uint64_t iterations)
{
	if (iterations <= thread->counted)
		return;
	atomic_fetch_add_explicit(&thread->pool->iterations, iterations - thread->counted,
				  memory_order_relaxed);
	thread->counted = iterations;
}

static bool keep_going(void *context, uint64_t iterations)
{
	struct thread *thread = context;
	step_count(thread);
	iterations_count(thread, iterations);
	return !atomic_load_explicit(&thread->node->is_cancelled, memory_order_relaxed);
}

static void tile_render(struct thread *thread)
{
	struct pool_result *result = &thread->node->result;
	const struct render_progress progress = {keep_going, thread};
	thread->counted = 0;
	pool_tile_render(&thread->packer, &progress, result);
	if (result->error.code == BROT_OK)
		iterations_count(thread, result->iterations);
}

/* Under the mutex. */
static void node_end(struct pool *pool, struct node *node)
{
	if (node->result.error.code != BROT_OK) {
		free(node->result.data);
		node->result.data = NULL;
		node->result.data_bytes = 0;
	}
	queue_push(&pool->ended, node);
	const uint64_t one = 1;
	/* It can only fail when the counter is full, and then it is readable anyway. */
	ssize_t ignored = write(pool->fd, &one, sizeof one);
	(void)ignored;
}

static void *thread_main(void *context)
{
	struct thread *thread = context;
	struct pool *pool = thread->pool;
	(void)pthread_mutex_lock(&pool->mutex);
	for (;;) {
		while (!pool->is_ending && pool->waiting.first == NULL)
			(void)pthread_cond_wait(&pool->has_work, &pool->mutex);
		if (pool->is_ending)
			break;
		thread->node = queue_pop(&pool->waiting);
		(void)pthread_mutex_unlock(&pool->mutex);

		step_count(thread);
		tile_render(thread);
		step_count(thread);

		(void)pthread_mutex_lock(&pool->mutex);
		node_end(pool, thread->node);
		thread->node = NULL;
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

/* ---- the owner's side ---- */

static bool thread_start(struct pool *pool, struct thread *thread)
{
	thread->pool = pool;
	return packer_init(&thread->packer) &&
	       pthread_create(&thread->id, NULL, thread_main, thread) == 0;
}

enum brot_err pool_new(uint32_t threads, struct pool **ret_pool, struct brot_error *err)
{
	struct pool *pool = calloc(1, sizeof *pool);
	struct thread *slots = calloc(threads, sizeof *slots);
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool == NULL || slots == NULL || fd < 0) {
		free(pool);
		free(slots);
		if (fd >= 0)
			(void)close(fd);
		return error_set(err, BROT_E_SYSTEM, "threads: no memory or descriptors for %u",
				 threads);
	}
	pool->fd = fd;
	pool->threads = slots;
	queue_init(&pool->waiting);
	queue_init(&pool->ended);
	(void)pthread_mutex_init(&pool->mutex, NULL);
	(void)pthread_cond_init(&pool->has_work, NULL);
	while (pool->thread_count < threads) {
		if (!thread_start(pool, &slots[pool->thread_count])) {
			packer_free(&slots[pool->thread_count].packer);
			pool_free(pool);
			return error_set(err, BROT_E_SYSTEM, "threads: cannot start %u", threads);
		}
		pool->thread_count++;
	}
	*ret_pool = pool;
	return BROT_OK;
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	pool_cancel_all(pool);
	(void)pthread_mutex_lock(&pool->mutex);
	pool->is_ending = true;
	(void)pthread_cond_broadcast(&pool->has_work);
	(void)pthread_mutex_unlock(&pool->mutex);
	for (uint32_t i = 0; i < pool->thread_count; i++) {
		(void)pthread_join(pool->threads[i].id, NULL);
		packer_free(&pool->threads[i].packer);
	}
	struct pool_result result;
	while (pool_take(pool, &result))
		pool_result_done(&result);
	(void)pthread_cond_destroy(&pool->has_work);
	(void)pthread_mutex_destroy(&pool->mutex);
	(void)close(pool->fd);
	free(pool->threads);
	free(pool);
}

int pool_fd(const struct pool *pool)
{
	return pool->fd;
}

bool pool_submit(struct pool *pool, const struct pool_tile *tile)
{
	assert(tile->rect.w > 0 && tile->rect.h > 0);
	struct node *node = calloc(1, sizeof *node);
	if (node == NULL)
		return false;
	node->result.tile = *tile;
	(void)pthread_mutex_lock(&pool->mutex);
	queue_push(&pool->waiting, node);
	(void)pthread_cond_signal(&pool->has_work);
	(void)pthread_mutex_unlock(&pool->mutex);
	return true;
}

/* Which tiles to cancel: all of a job, or of all jobs with handle 0, or a single one; or all but
 * rows of counts. */
struct pick {
	uint64_t handle;
	bool is_single;
	uint32_t phase, tile, attempt;
	bool spares_rows;
};

static bool is_picked(const struct pool_tile *tile, const struct pick *pick)
{
	if (pick->handle != 0 && tile->handle != pick->handle)
		return false;
	if (pick->spares_rows && tile->is_rows)
		return false;
	return !pick->is_single || (tile->phase == pick->phase && tile->tile == pick->tile &&
				    tile->attempt == pick->attempt);
}

/* Cancels either only the waiting ones or the running ones as well. */
static void cancel(struct pool *pool, const struct pick *pick, bool and_running)
{
	struct queue kept;
	struct node *node;
	queue_init(&kept);
	(void)pthread_mutex_lock(&pool->mutex);
	while ((node = queue_pop(&pool->waiting)) != NULL) {
		if (!is_picked(&node->result.tile, pick)) {
			queue_push(&kept, node);
			continue;
		}
		(void)error_set(&node->result.error, BROT_E_CANCELLED, "tile: was cancelled");
		node_end(pool, node);
	}
	while ((node = queue_pop(&kept)) != NULL)
		queue_push(&pool->waiting, node);
	for (uint32_t i = 0; and_running && i < pool->thread_count; i++) {
		node = pool->threads[i].node;
		if (node != NULL && is_picked(&node->result.tile, pick))
			atomic_store_explicit(&node->is_cancelled, true, memory_order_relaxed);
	}
	(void)pthread_mutex_unlock(&pool->mutex);
}

void pool_cancel(struct pool *pool, uint64_t handle)
{
	assert(handle != 0);
	cancel(pool, &(struct pick){.handle = handle}, true);
}

void pool_cancel_all(struct pool *pool)
{
	cancel(pool, &(struct pick){0}, true);
}

void pool_cancel_tile(struct pool *pool, uint64_t handle, uint32_t phase, uint32_t tile,
		      uint32_t attempt)
{
	assert(handle != 0);
	cancel(pool, &(struct pick){handle, true, phase, tile, attempt, false}, true);
}

void pool_drop_queued(struct pool *pool)
{
	cancel(pool, &(struct pick){.spares_rows = true}, false);
}

bool pool_take(struct pool *pool, struct pool_result *ret_result)
{
	(void)pthread_mutex_lock(&pool->mutex);
	struct node *node = queue_pop(&pool->ended);
	if (pool->ended.first == NULL) {
		uint64_t count;
		ssize_t ignored = read(pool->fd, &count, sizeof count);
		(void)ignored;
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	if (node == NULL)
		return false;
	*ret_result = node->result;
	free(node);
	return true;
}

void pool_result_done(struct pool_result *result)
{
	free(result->data);
	result->data = NULL;
}

struct pool_progress pool_progress(struct pool *pool, int64_t now_ms, int64_t stuck_ms)
{
	struct pool_progress progress = {.iterations = atomic_load(&pool->iterations)};
	(void)pthread_mutex_lock(&pool->mutex);
	for (uint32_t i = 0; i < pool->thread_count; i++) {
		struct thread *thread = &pool->threads[i];
		const struct node *node = thread->node;
		uint64_t steps = atomic_load_explicit(&thread->steps, memory_order_relaxed);
		int64_t still_ms = stall_look(&thread->stall, node != NULL, steps, now_ms);
		if (node == NULL)
			continue;
		progress.running++;
		if (still_ms < stuck_ms)
			continue;
		if (atomic_load_explicit(&node->is_cancelled, memory_order_relaxed))
			progress.lost++;
		else
			progress.stuck++;
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	return progress;
}
