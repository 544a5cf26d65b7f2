/*
 * bench_buddha.c - four ways to share a Buddhabrot's grid between threads, beside ours.
 *
 * The article's sizes: 10000 x 10000 pixels with 7 x 7 samples each, and 700 x 700 with 100 x 100:
 * 4.9e9 samples on a regular grid over the square -2..2 either way. The plain loops
 * (racy_loop.h) iterate all of them. Ours iterate those with im > 0 and count their mirror images
 * as well, so that both count the same hits; by how much that helps is told by a line of its own,
 * in which the plain loop does the same. The samples taken are whole rows, spread evenly: some
 * of them, or all with --full. A time covers the loop and what it takes to have one exact grid of
 * counts. Every ratio is of times taken in turn within this run, the least of a few each.
 *
 * usage: bench_buddha [--full] [--quick] [--cpu]
 * --cpu takes processor time of the busier thread in place of the clock, for a machine that has
 * other work; it does not see what threads wait.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench_measure.h"
#include "tests/bench/racy_loop.h"
#include "worker/buddha/buddha.h"

#define THREADS    2
#define SLICE_ROWS 64
#define TILE_ROWS  8

struct place {
	const char *name;
	uint32_t side_px, samples;
};

static const struct place places[] = {{"10000 x 10000, 7 x 7 samples", 10000, 7},
				      {"700 x 700, 100 x 100 samples", 700, 100}};

struct bench {
	bool is_full, is_cpu;
	int runs;
	const struct kernel *kernel;
};

/* One contender's work: rows of samples, taken one by one by its threads. */
struct work {
	const struct place *place;
	uint32_t threads;
	uint32_t limit;
	uint32_t side, stride; /* samples of a row; every so many rows are taken */
	enum racy_way way;
	bool has_cache, is_half; /* is_half: plain, the upper half and mirrored hits */
	uint32_t *grids[THREADS];
	const struct buddha_job *job; /* NULL: plain */
	const struct grid *grid;
	struct grid_locks *locks;
	uint32_t next; /* row, atomic */
	pthread_barrier_t barrier;
	double took_s[THREADS];
};

static double clock_s(clockid_t id)
{
	struct timespec t;
	(void)clock_gettime(id, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void plain_rows(struct work *w, uint32_t thread)
{
	struct racy_task task = {
		.grid = w->grids[w->way == RACY_PRIVATE ? thread : 0],
		.side_px = w->place->side_px,
		.side = w->side,
		.limit = w->limit,
	};
	if (w->has_cache) {
		task.cache_x = allocate(w->limit * sizeof(double));
		task.cache_y = allocate(w->limit * sizeof(double));
	}
	for (;;) {
		const uint32_t row = __atomic_fetch_add(&w->next, w->stride, __ATOMIC_RELAXED);
		if (row >= w->side / 2)
			break;
		racy_row(&task, w->way, row);
		racy_row(&task, w->way, w->side - 1 - row);
	}
	free(task.cache_x);
	free(task.cache_y);
	if (w->way != RACY_PRIVATE)
		return;
	pthread_barrier_wait(&w->barrier);
	const uint32_t share = w->place->side_px / w->threads;
	for (uint32_t other = 1; other < w->threads; other++)
		racy_sum(w->grids[0], w->grids[other], w->place->side_px, thread * share, share);
}

/* Row k from the top of the upper half is row side / 2 - 1 - k of the sampler, which counts from
 * the axis. */
static void our_rows(struct work *w, uint32_t thread)
{
	struct scatter *scatter =
		scatter_make(w->grid, w->locks, buddha_job_is_weighted(w->job));
	uint64_t iterations;
	for (;;) {
		const uint32_t tile = w->stride * TILE_ROWS;
		const uint32_t from = __atomic_fetch_add(&w->next, tile, __ATOMIC_RELAXED);
		if (from >= w->side / 2)
			break;
		for (uint32_t row = from; row < from + tile && row < w->side / 2; row += w->stride)
			(void)buddha_run(w->job, (uint64_t)(w->side / 2 - 1 - row) * w->side,
					 w->side, scatter, NULL, &iterations);
	}
	scatter_flush(scatter);
	scatter_free(scatter);
	(void)thread;
}

struct thread {
	struct work *work;
	uint32_t number;
};

static void *thread_run(void *context)
{
	const struct thread *thread = context;
	const double start_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
	if (thread->work->job != NULL)
		our_rows(thread->work, thread->number);
	else
		plain_rows(thread->work, thread->number);
	thread->work->took_s[thread->number] = clock_s(CLOCK_THREAD_CPUTIME_ID) - start_s;
	return NULL;
}

/* Seconds of one turn. */
static double work_turn(const struct bench *b, struct work *w)
{
	struct thread threads[THREADS];
	pthread_t ids[THREADS];
	w->next = w->stride / 2;
	pthread_barrier_init(&w->barrier, NULL, w->threads);
	const double start_s = clock_s(CLOCK_MONOTONIC);
	for (uint32_t t = 0; t < w->threads; t++) {
		threads[t] = (struct thread){w, t};
		if (pthread_create(&ids[t], NULL, thread_run, &threads[t]) != 0)
			exit(EXIT_FAILURE);
	}
	double busiest_s = 0;
	for (uint32_t t = 0; t < w->threads; t++) {
		pthread_join(ids[t], NULL);
		busiest_s = fmax(busiest_s, w->took_s[t]);
	}
	const double took_s = clock_s(CLOCK_MONOTONIC) - start_s;
	pthread_barrier_destroy(&w->barrier);
	return b->is_cpu ? busiest_s : took_s;
}

int main(int argc, char **argv)
{
	struct bench b = {.runs = 2, .kernel = kernel_at(0)};
	uint32_t limit = 1000, stride0 = 500;
	for (int i = 1; i < argc; i++) {
		b.is_full |= strcmp(argv[i], "--full") == 0;
		b.is_cpu |= strcmp(argv[i], "--cpu") == 0;
		if (strcmp(argv[i], "--limit") == 0) limit = (uint32_t)atoi(argv[i+1]);
		if (strcmp(argv[i], "--stride") == 0) stride0 = (uint32_t)atoi(argv[i+1]);
	}
	for (size_t k = 0; kernel_at(k) != NULL; k++)
		if (kernel_at(k)->supported()) {
			b.kernel = kernel_at(k);
			break;
		}
	for (int p = 0; p < 2; p++) {
		const struct place *place = &places[p];
		const uint32_t side = place->side_px * place->samples;
		struct work w = {.place = place, .threads = THREADS, .limit = limit, .side = side, .stride = stride0};
		const size_t bytes = (size_t)place->side_px * place->side_px * 4;
		for (int t = 0; t < THREADS; t++) w.grids[t] = allocate(bytes);
		memset(w.grids[0], 0, bytes);
		const double samples = (double)(side / 2 / w.stride) * side * 2;
		double unsafe = 0;
		for (int cache = 0; cache < 2; cache++) for (int way = 0; way < 4; way += 3) {
			w.way = (enum racy_way)way; w.has_cache = cache;
			double best = 1e9;
			for (int r = 0; r < b.runs; r++) best = fmin(best, work_turn(&b, &w));
			if (way == 0) unsafe = best;
			printf("%s N %u way %d cache %d: %.3f s, %.1f ns a sample and thread\n", place->name, limit, way, cache, best, best * 1e9 * THREADS / samples);
		}
		uint64_t hits=0; for (size_t i = 0; i < bytes/4; i++) hits += w.grids[0][i];
		for (int shortcuts = 0; shortcuts < 2; shortcuts++) {
			struct buddha_setup setup = {.is_mirrored = true, .iterations = limit, .has_shortcuts = shortcuts,
				.frame = {.cos = 1, .step_re = 2.0 / place->side_px, .step_im = 2.0 / place->side_px, .columns = place->side_px, .rows = place->side_px},
				.buddha = {.points = (uint64_t)side * side / 2, .sampling = SAMPLING_GRID, .channels = 1, .bands = {{1, limit}}}};
			struct buddha_job *job; struct brot_error err;
			double t0 = clock_s(CLOCK_THREAD_CPUTIME_ID);
			if (buddha_job_compile(&setup, b.kernel, &job, &err) != BROT_OK) return 1;
			printf("job %.3f s\n", clock_s(CLOCK_THREAD_CPUTIME_ID) - t0);
			if (job->cells) { uint64_t n=0; for (size_t i=0;i<sizeof job->cells->bits/8;i++) n+=(uint64_t)__builtin_popcountll(job->cells->bits[i]); printf("cells skipped: area %.4f\n", (double)n*16/CELLS_COLUMNS/CELLS_COLUMNS*2); }
			struct grid_layout layout;
			if (!buddha_job_layout(job, 1, GRID_WRAP, &layout)) return 1;
			void *memory = allocate(layout.total_bytes);
			memset(memory, 0, layout.total_bytes);
			static const uint8_t nonce[16];
			grid_header_write(memory, &layout, 1, nonce, 0, 0, 0);
			struct grid grid = grid_view(memory, &layout);
			w.job = job; w.grid = &grid; w.locks = grid_locks_make(&layout);
			double best = 1e9;
			for (int r = 0; r < b.runs; r++) best = fmin(best, work_turn(&b, &w));
			uint64_t sum = 0;
			for (size_t i = 0; i < layout.plane_cells; i++) sum += grid.cells[i];
			printf("%s N %u ours shortcuts %d: %.3f s, %.1f ns a sample and thread, ratio to unsafe cached %.2f; hits %.4g (%.3g a sample), plain %.4g\n", place->name, limit, shortcuts, best, best * 1e9 * THREADS / samples, unsafe / best, 2.0*(double)sum/b.runs, 2.0*(double)sum/b.runs/samples, (double)hits);
			grid_locks_free(w.locks); free(memory); buddha_job_free(job); w.job = NULL;
		}
		for (int t = 0; t < THREADS; t++) free(w.grids[t]);
	}
	return 0;
}
