/*
 * bench_buddha.c - four ways to share a Buddhabrot's grid between threads, beside ours.
 *
 * The article's sizes: 10000 x 10000 pixels with 7 x 7 samples each, and 700 x 700 with 100 x 100:
 * 4.9e9 samples on a regular grid over the square -2..2 either way. The plain loops (racy_loop.h)
 * iterate all of them; ours iterate those with im > 0 and count their mirror images as well, so
 * that both count the same hits. What that alone is worth is told by a line of its own, in which
 * the plain loop does the same. The samples taken are whole rows, spread evenly: some of them, or
 * all with --full; the article's own figures stand beside. A time covers the loop and what it takes
 * to have one grid of counts, and of ours the bins; not the search for cells that can be skipped,
 * which is told. Every ratio is of times taken in turn within this run, the least of a few each.
 *
 * usage: bench_buddha [--full | --quick] [--markdown] [--cpu]
 * --cpu takes the processor time of the busier thread in place of the clock, for a machine that has
 * other work; it does not see what threads wait, as they do for `critical`.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench_buddha.h"
#include "tests/bench/bench_measure.h"
#include "tests/bench/racy_loop.h"
#include "worker/buddha/buddha.h"

#define THREADS 2

#define STRIDE_QUICK 3500 /* every so many rows are taken */
#define STRIDE       500
#define STRIDE_FULL  1

struct place {
	const char *name;
	uint32_t side_px, samples;
	const char *published_cache; /* what the article's z cache gained there, of its own times */
};

static const struct place places[] = {{"10000 x 10000, 7 x 7 samples", 10000, 7, "16 %"},
				      {"700 x 700, 100 x 100 samples", 700, 100, "25 %"}};

struct bench {
	bool is_markdown, is_cpu;
	int runs;
	uint32_t stride;
	const struct kernel *kernel;
};

/* One contender's work: rows of samples, taken one by one by its threads. */
struct work {
	const struct place *place;
	uint32_t threads;
	uint32_t limit;
	uint32_t side, stride; /* samples of a row; every so many rows are taken */
	enum racy_way way;
	bool has_cache;
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
		if (w->way != RACY_SYMMETRIC)
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
static void our_rows(struct work *w)
{
	struct scatter *scatter = scatter_make(w->grid, w->locks, buddha_job_is_weighted(w->job));
	uint64_t iterations;
	for (;;) {
		const uint32_t row = __atomic_fetch_add(&w->next, w->stride, __ATOMIC_RELAXED);
		if (row >= w->side / 2)
			break;
		(void)buddha_run(w->job, (uint64_t)(w->side / 2 - 1 - row) * w->side, w->side,
				 scatter, NULL, &iterations);
	}
	scatter_flush(scatter);
	scatter_free(scatter);
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
		our_rows(thread->work);
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

/* Samples of the whole square that a turn stands for. */
static double work_samples(const struct work *w)
{
	const uint32_t rows = (w->side / 2 - w->stride / 2 + w->stride - 1) / w->stride;
	return 2.0 * rows * w->side;
}

static struct work work_of(const struct bench *b, const struct place *place, uint32_t limit)
{
	const uint32_t side = place->side_px * place->samples;
	return (struct work){.place = place,
			     .threads = THREADS,
			     .limit = limit,
			     .side = side,
			     .stride = b->stride,
			     .has_cache = true};
}

/* Seconds a sample of the plain loop, the least of a few turns. */
static double plain_s(const struct bench *b, struct work *w)
{
	const size_t bytes = (size_t)w->place->side_px * w->place->side_px * sizeof(uint32_t);
	double least_s = INFINITY;
	for (uint32_t t = 0; t < THREADS; t++)
		w->grids[t] = allocate(bytes);
	for (int run = 0; run < b->runs; run++)
		least_s = fmin(least_s, work_turn(b, w) / work_samples(w));
	for (uint32_t t = 0; t < THREADS; t++)
		free(w->grids[t]);
	return least_s;
}

static struct buddha_job *job_of(const struct bench *b, const struct work *w, bool has_shortcuts)
{
	const uint32_t side_px = w->place->side_px;
	const struct buddha_setup setup = {
		.frame = {.cos = 1,
			  .step_re = 2.0 / side_px,
			  .step_im = 2.0 / side_px,
			  .columns = side_px,
			  .rows = side_px},
		.is_mirrored = true,
		.iterations = w->limit,
		.has_shortcuts = has_shortcuts,
		.buddha = {.points = (uint64_t)w->side * w->side / 2,
			   .sampling = SAMPLING_GRID,
			   .channels = 1,
			   .bands = {{1, w->limit}}},
	};
	struct buddha_job *job;
	struct brot_error err;
	if (buddha_job_compile(&setup, b->kernel, &job, &err) != BROT_OK) {
		fprintf(stderr, "bench_buddha: %s\n", err.text);
		exit(EXIT_FAILURE);
	}
	return job;
}

static double our_s(const struct bench *b, struct work *w, bool has_shortcuts)
{
	static const uint8_t nonce[MESSAGE_NONCE_BYTES] = {1};
	struct buddha_job *job = job_of(b, w, has_shortcuts);
	struct grid_layout layout;
	double least_s = INFINITY;
	if (!buddha_job_layout(job, 1, GRID_WRAP, &layout))
		exit(EXIT_FAILURE);
	uint8_t *memory = allocate(layout.total_bytes);
	memset(memory, 0, layout.total_bytes);
	grid_header_write(memory, &layout, 1, nonce, 0, 0, 0);
	const struct grid grid = grid_view(memory, &layout);
	w->locks = grid_locks_make(&layout);
	w->job = job;
	w->grid = &grid;
	for (int run = 0; run < b->runs; run++)
		least_s = fmin(least_s, work_turn(b, w) / work_samples(w));
	w->job = NULL;
	grid_locks_free(w->locks);
	free(memory);
	buddha_job_free(job);
	return least_s;
}

static void place_compare(const struct bench *b, const struct place *place, uint32_t limit,
			  bool is_target)
{
	static const char *const names[RACY_COUNT] = {"unsafe", "atomic", "critical",
						      "private grids", "unsafe, mirrored hits"};
	/* The article's, of four threads: 44.887 s, 369.747, 426.404 and 56.307. */
	static const double published[RACY_COUNT] = {1, 8.232, 9.499, 1.254};
	struct work w = work_of(b, place, limit);
	double unsafe_s = 0;
	for (int way = 0; way < RACY_COUNT; way++) {
		struct table_row row = {0};
		w.way = (enum racy_way)way;
		w.has_cache = true;
		const double cached_s = plain_s(b, &w);
		w.has_cache = false;
		const double uncached_s = plain_s(b, &w);
		unsafe_s = way == RACY_UNSAFE ? cached_s : unsafe_s;
		table_cell(row.what, "%s, N = %u: %s", place->name, limit, names[way]);
		table_cell(row.figure, "%.2f of unsafe's time, %.1f ns a sample",
			   cached_s / unsafe_s, 1e9 * cached_s);
		char beside[64] = "";
		if (published[way] > 0)
			(void)snprintf(beside, sizeof beside, "the article %.2f; ", published[way]);
		if (way == RACY_UNSAFE)
			(void)snprintf(beside, sizeof beside,
				       "z cache: %.0f %% faster, the article %s; ",
				       100 * (uncached_s / cached_s - 1), place->published_cache);
		table_cell(row.beside, "%swithout the z cache %.2f, %.1f ns", beside,
			   uncached_s / unsafe_s, 1e9 * uncached_s);
		table_print(b->is_markdown, &row);
	}
	for (int has_shortcuts = 0; has_shortcuts < 2; has_shortcuts++) {
		struct table_row row = {0};
		const double ours_s = our_s(b, &w, has_shortcuts);
		table_cell(row.what, "%s, N = %u: ours, %s", place->name, limit,
			   has_shortcuts ? "exact shortcuts" : "no shortcuts");
		table_cell(row.figure, "%.1f x as fast as unsafe", unsafe_s / ours_s);
		if (is_target || !has_shortcuts)
			table_cell(row.must, has_shortcuts ? "5" : "1.5");
		table_cell(row.beside, "%.3f of its time, %.1f ns a sample", ours_s / unsafe_s,
			   1e9 * ours_s);
		table_print(b->is_markdown, &row);
	}
}

/* Deep orbits: few rows are enough for the plain loop. */
static void deep_compare(const struct bench *b)
{
	const struct place *place = &places[1];
	struct table_row row = {0};
	struct work w = work_of(b, place, 100000);
	struct bench once = *b;
	once.runs = 1;
	w.stride = w.side / 2 / 4;
	const double plain = plain_s(&once, &w);
	const double ours = our_s(b, &w, true);
	table_cell(row.what, "%s, N = %u: ours, exact shortcuts", place->name, w.limit);
	table_cell(row.figure, "%.0f x as fast as unsafe", plain / ours);
	table_cell(row.must, "100");
	table_cell(row.beside, "%.1f ns a sample; the plain loop %.0f ns; 8 rows each", 1e9 * ours,
		   1e9 * plain);
	table_print(b->is_markdown, &row);
}

static void threads_compare(const struct bench *b)
{
	for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
		struct table_row row = {0};
		struct work w = work_of(b, &places[p], 1000);
		w.stride = w.stride / 4 + 1;
		const double two_s = our_s(b, &w, true);
		w.threads = 1;
		const double one_s = our_s(b, &w, true);
		table_cell(row.what, "%s, N = 1000: ours, two threads", places[p].name);
		table_cell(row.figure, "%.2f x as fast as one", one_s / two_s);
		table_cell(row.must, "1.9");
		table_print(b->is_markdown, &row);
	}
}

static void cells_tell(const struct bench *b)
{
	struct table_row row = {0};
	const struct work w = work_of(b, &places[0], 1000);
	const double start_s = time_s();
	struct buddha_job *job = job_of(b, &w, true);
	table_cell(row.what, "the search for cells to skip, N = 1000");
	table_cell(row.figure, "%.2f s, once a job", time_s() - start_s);
	table_print(b->is_markdown, &row);
	buddha_job_free(job);
}

int main(int argc, char **argv)
{
	struct bench b = {.runs = 2, .stride = STRIDE};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--full") == 0)
			b.stride = STRIDE_FULL;
		else if (strcmp(argv[i], "--quick") == 0)
			b.stride = STRIDE_QUICK;
		else if (strcmp(argv[i], "--markdown") == 0)
			b.is_markdown = true;
		else if (strcmp(argv[i], "--cpu") == 0)
			b.is_cpu = true;
		else
			return EXIT_FAILURE;
	}
	b.runs = b.stride == STRIDE_FULL ? 1 : 2;
	size_t widest = 0;
	while (!kernel_at(widest)->supported())
		widest++;
	b.kernel = kernel_at(widest);
	table_head(b.is_markdown);
	for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
		place_compare(&b, &places[p], 200, false);
		place_compare(&b, &places[p], 1000, true);
	}
	deep_compare(&b);
	threads_compare(&b);
	cells_tell(&b);
	bench_zoom(b.is_markdown, b.kernel, b.stride == STRIDE_QUICK ? 0.2 : 1);
	return EXIT_SUCCESS;
}
