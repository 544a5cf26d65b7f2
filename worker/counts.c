/* counts.c - samples and the grids that they are counted into. */
#include "worker/counts.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "worker/fault.h"

struct samples {
	unsigned users;
	char *request; /* as canonical text */
	struct buddha_job *job;
	struct buddha buddha;
	struct buddha_segments cut;
};

/* A thread's bins, from tile to tile. */
struct bins {
	struct scatter *scatter;
	struct bins *next;
};

struct counts {
	struct samples *samples;
	struct grid grid;
	void *memory; /* mapped, borrowed; NULL: own */
	void *own;
	struct grid_locks *locks;
	pthread_mutex_t mutex;
	struct bins *unused; /* under the mutex */
	atomic_bool is_tainted;
};

enum brot_err samples_make(const struct request *request, const struct kernel *kernel,
			   struct samples **ret_samples, struct brot_error *err)
{
	struct samples *samples = calloc(1, sizeof *samples);
	char *text = request_to_text(request, false);
	enum brot_err code = BROT_OK;
	if (samples == NULL || text == NULL)
		code = error_set(err, BROT_E_SYSTEM, "job: no memory");
	else
		code = buddha_job_make(request, kernel, &samples->job, err);
	if (code != BROT_OK) {
		free(samples);
		free(text);
		return code;
	}
	samples->users = 1;
	samples->request = text;
	samples->buddha = request->buddha;
	samples->cut = buddha_segments(request->buddha.points, request->iterations);
	*ret_samples = samples;
	return BROT_OK;
}

struct samples *samples_take(struct samples *samples)
{
	samples->users++;
	return samples;
}

void samples_leave(struct samples *samples)
{
	if (samples == NULL || --samples->users > 0)
		return;
	buddha_job_free(samples->job);
	free(samples->request);
	free(samples);
}

bool samples_are_of(const struct samples *samples, const struct request *request)
{
	char *text = request_to_text(request, false);
	bool are = text != NULL && strcmp(text, samples->request) == 0;
	free(text);
	return are;
}

uint32_t samples_segments(const struct samples *samples)
{
	return samples->cut.count;
}

uint64_t samples_wrap(const struct samples *samples)
{
	return buddha_job_is_weighted(samples->job) ? GRID_WIDE : GRID_WRAP;
}

bool samples_layout(const struct samples *samples, uint64_t wrap, struct grid_layout *ret_layout)
{
	return buddha_job_layout(samples->job, samples->cut.count, wrap, ret_layout);
}

struct counts *counts_new(struct samples *samples, const struct grid_layout *layout, void *memory)
{
	struct counts *counts = calloc(1, sizeof *counts);
	if (counts == NULL)
		return NULL;
	(void)pthread_mutex_init(&counts->mutex, NULL);
	counts->samples = samples_take(samples);
	counts->memory = memory;
	counts->own = memory == NULL ? calloc(1, (size_t)layout->total_bytes) : NULL;
	counts->locks = grid_locks_make(layout);
	if ((memory == NULL && counts->own == NULL) || counts->locks == NULL) {
		counts_free(counts);
		return NULL;
	}
	counts->grid = grid_view(memory != NULL ? memory : counts->own, layout);
	return counts;
}

void counts_free(struct counts *counts)
{
	if (counts == NULL)
		return;
	while (counts->unused != NULL) {
		struct bins *bins = counts->unused;
		counts->unused = bins->next;
		scatter_free(bins->scatter);
		free(bins);
	}
	grid_locks_free(counts->locks);
	(void)pthread_mutex_destroy(&counts->mutex);
	samples_leave(counts->samples);
	free(counts->own);
	free(counts);
}

const struct grid_layout *counts_layout(const struct counts *counts)
{
	return &counts->grid.layout;
}

/* ---- in a compute thread ---- */

static struct bins *bins_take(struct counts *counts)
{
	(void)pthread_mutex_lock(&counts->mutex);
	struct bins *bins = counts->unused;
	if (bins != NULL)
		counts->unused = bins->next;
	(void)pthread_mutex_unlock(&counts->mutex);
	if (bins != NULL)
		return bins;
	bins = calloc(1, sizeof *bins);
	if (bins == NULL)
		return NULL;
	bins->scatter = scatter_make(&counts->grid, counts->locks,
				     buddha_job_is_weighted(counts->samples->job));
	if (bins->scatter != NULL)
		return bins;
	free(bins);
	return NULL;
}

static void bins_give(struct counts *counts, struct bins *bins)
{
	(void)pthread_mutex_lock(&counts->mutex);
	bins->next = counts->unused;
	counts->unused = bins;
	(void)pthread_mutex_unlock(&counts->mutex);
}

/* What a thread does inside its guard. */
struct run {
	const struct counts *counts;
	struct scatter *scatter;
	const struct escape_poll *poll;
	uint64_t first, count, iterations;
	bool is_done, is_exact;
};

static void run_guarded(void *context)
{
	struct run *run = context;
	if (!buddha_run(run->counts->samples->job, run->first, run->count, run->scatter, run->poll,
			&run->iterations))
		return;
	scatter_flush(run->scatter);
	run->is_exact = grid_is_exact(&run->counts->grid);
	run->is_done = true;
}

static enum brot_err check_taint(const struct counts *counts, struct brot_error *err)
{
	if (!atomic_load(&counts->is_tainted))
		return BROT_OK;
	return error_set(err, BROT_E_SYSTEM, "grid: an earlier tile in it ended in the middle");
}

static enum brot_err run_in(struct counts *counts, struct run *run, struct brot_error *err)
{
	bool is_whole = fault_guard(run_guarded, run, counts->memory,
				    (size_t)counts->grid.layout.total_bytes);
	if (is_whole && run->is_done && run->is_exact)
		return check_taint(counts, err);
	if (is_whole && run->is_done)
		return error_set(err, BROT_E_SYSTEM,
				 "grid: more counts are large than it has room for");
	atomic_store(&counts->is_tainted, true);
	scatter_abandon(run->scatter);
	if (is_whole)
		return error_set(err, BROT_E_CANCELLED, "tile: was cancelled");
	return error_set(err, BROT_E_SYSTEM, "grid: was truncated while it was counted into");
}

enum brot_err counts_run(struct counts *counts, uint32_t first, uint32_t count,
			 const struct escape_poll *poll, uint64_t *ret_iterations,
			 struct brot_error *err)
{
	const struct buddha_segments *cut = &counts->samples->cut;
	const struct buddha *buddha = &counts->samples->buddha;
	assert(count > 0 && first < cut->count && count <= cut->count - first);
	const uint64_t before = first * cut->points, left = buddha->points - before;
	struct run run = {
		.counts = counts,
		.poll = poll,
		.first = buddha->first + before,
		.count = count * cut->points < left ? count * cut->points : left,
	};
	enum brot_err code = check_taint(counts, err);
	if (code != BROT_OK)
		return code;
	struct bins *bins = bins_take(counts);
	if (bins == NULL)
		return error_set(err, BROT_E_SYSTEM, "tile: no memory for a thread's hits");
	run.scatter = bins->scatter;
	code = run_in(counts, &run, err);
	bins_give(counts, bins);
	*ret_iterations = run.iterations;
	return code;
}

size_t counts_row_bytes(const struct counts *counts)
{
	const struct grid_layout *layout = &counts->grid.layout;
	return (size_t)layout->width_px * layout->channels * sizeof(uint64_t);
}

enum brot_err counts_rows(const struct counts *counts, uint32_t y, uint32_t rows, void *to,
			  struct brot_error *err)
{
	enum brot_err code = check_taint(counts, err);
	if (code == BROT_OK && !grid_rows_get(&counts->grid, y, rows, to))
		code = error_set(err, BROT_E_SYSTEM, "grid: a pixel has over %llu hits",
				 (unsigned long long)UINT64_MAX);
	return code;
}
