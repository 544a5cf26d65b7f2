/*
 * sched_tile.c - cuts tiles and chooses who renders which.
 *
 * Which job: of the clients with work the one that was given the least worker time, of its jobs
 * that with the highest priority, of these the oldest; of its bands the upper one. Which worker:
 * those with free credit that are not kept off the job, in turn. How large: so that a tile takes
 * about tile_target_ms by the measured cost of the job's last tiles, fewer segments toward the end
 * so that all workers end together.
 */
#include "broker/sched_internal.h"

#define FIRST_TILE_WORK (1ull << 25) /* at most, in iterations, while the cost is unknown */
#define GROWTH_MAX      4            /* a tile to the one before: cost changes along the image */
#define SHORT_TILE_US   4000         /* not worth cutting finer at the end */
#define ROWS_US         500000       /* of counts, to come over a network */

static const struct phase *phase_of(const struct band *band)
{
	return &band->job->plan.phases[band->phase];
}

struct rect tile_rect(const struct tile *tile)
{
	if (tile->is_rows)
		return tally_rows_rect(tile);
	return segment_run_rect(&tile->band->grid, tile->first, tile->count);
}

void tile_rows_str(const struct tile *tile, char text[TILE_ROWS_CHARS])
{
	const struct plan *plan = &tile->band->job->plan;
	const struct rect rect = tile_rect(tile);
	if (phase_of(tile->band)->kind == PHASE_SAMPLE && !tile->is_rows) {
		uint64_t sample = plan->first_point + rect.y * plan->segment_points;
		(void)snprintf(text, TILE_ROWS_CHARS, "samples %llu..%llu",
			       (unsigned long long)sample,
			       (unsigned long long)(sample - 1 + plan_rect_pixels(plan, 0, &rect)));
		return;
	}
	uint32_t first = plan_band_first(plan, tile->band->index) + rect.y;
	(void)snprintf(text, TILE_ROWS_CHARS, "rows %u..%u", first, first + rect.h - 1);
}

bool band_has_work(const struct band *band)
{
	return band->state == BAND_OPEN && phase_of(band)->kind != PHASE_SUM &&
	       (band->waiting != NULL || band->next_segment < band->segments);
}

bool job_has_work(const struct job *job)
{
	if (!job_is_unfinished(job))
		return false;
	if (tallies_have_rows(job))
		return true;
	if (job->is_paused)
		return false;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		if (band_has_work(&job->bands[i]))
			return true;
	return false;
}

bool worker_may_render(const struct worker *worker, const struct job *job)
{
	return worker->jobs[job->slot].strikes < LIMIT_WORKER_STRIKES;
}

bool tile_has_failed_on(const struct tile *tile, const struct worker *worker)
{
	for (uint32_t i = 0; i < tile->failures && i < LIMIT_TILE_ATTEMPTS; i++)
		if (tile->failed_on[i] == worker->session)
			return true;
	return false;
}

/* A tile that failed on this worker is for another, if there is one that may still try. */
static bool is_for(const struct sched *s, const struct tile *tile, const struct worker *worker)
{
	if (!tile_has_failed_on(tile, worker))
		return true;
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		if (!w->is_draining && worker_may_render(w, tile->band->job) &&
		    !tile_has_failed_on(tile, w))
			return false;
	return true;
}

struct tile *waiting_tile_for(const struct sched *s, const struct band *band,
			      const struct worker *worker)
{
	for (struct tile *tile = band->waiting; tile != NULL; tile = tile->next)
		if (is_for(s, tile, worker))
			return tile;
	return NULL;
}

/* What a worker is to do next. */
struct choice {
	struct band *band;   /* NULL: nothing */
	struct tally *tally; /* of samples, or of rows of counts */
	bool is_rows;
};

static struct choice choose_counts(const struct sched *s, struct job *job,
				   const struct worker *worker)
{
	struct choice choice = {0};
	choice.tally = tally_choose(s, job, worker, &choice.is_rows);
	choice.band = choice.tally != NULL ? &job->bands[0] : NULL;
	return choice;
}

/* The upper one of the job's bands that has something for this worker, or NULL. */
static struct band *choose_band(const struct sched *s, struct job *job, const struct worker *worker)
{
	struct band *best = NULL;
	if (!job_is_unfinished(job) || job->is_paused || !worker_may_render(worker, job))
		return NULL;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		struct band *band = &job->bands[i];
		bool has_work = band_has_work(band) && (band->next_segment < band->segments ||
							waiting_tile_for(s, band, worker) != NULL);
		if (has_work && (best == NULL || band->index < best->index))
			best = band;
	}
	return best;
}

static struct choice choose_of_job(const struct sched *s, struct job *job,
				   const struct worker *worker)
{
	if (job_has_grids(job))
		return choose_counts(s, job, worker);
	return (struct choice){.band = choose_band(s, job, worker)};
}

bool job_has_work_for(const struct sched *s, struct job *job, const struct worker *worker)
{
	return choose_of_job(s, job, worker).band != NULL;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Segments that are still to be cut, of this band and of those after it. */
static uint64_t segments_left(const struct band *band)
{
	uint64_t bands_after = band->job->plan.band_count - 1 - band->index;
	return band->segments - band->next_segment + bands_after * band->segments;
}

/* How many segments the next tile of a band should have, before geometry and limits. */
static uint64_t wanted_segments(const struct sched *s, const struct band *band)
{
	const struct job *job = band->job;
	const struct segment_grid *grid = &band->grid;
	if (s->limits.tile_rows > 0)
		return (uint64_t)s->limits.tile_rows * grid->slices_per_row;

	uint64_t share = segments_left(band) / (2 * (uint64_t)max_u64(s->threads, 1));
	share = max_u64(share, 1);
	double segment_us = job->segment_us[band->phase];
	if (segment_us <= 0) {
		uint64_t segment_work = phase_of(band)->pixel_work * grid->slice_px;
		uint64_t careful = max_u64(FIRST_TILE_WORK / max_u64(segment_work, 1), 1);
		return min_u64(careful, share);
	}
	double target = (double)s->limits.tile_target_ms * 1000 / segment_us;
	double least = SHORT_TILE_US / segment_us;
	uint64_t wanted = target < 1 ? 1 : target > 1e9 ? 1000000000 : (uint64_t)target;
	uint64_t floor = least < 1 ? 1 : least > 1e9 ? 1000000000 : (uint64_t)least;
	wanted = min_u64(wanted, (uint64_t)GROWTH_MAX * job->last_count);
	return min_u64(wanted, max_u64(share, floor));
}

/* Cuts a new tile from the band's next segments: whole rows, or slices of one row, and none that
 * an earlier life has done. */
static struct tile *tile_cut(struct sched *s, struct band *band)
{
	uint32_t first = band->next_segment, per_row = band->grid.slices_per_row;
	uint64_t segment_bytes = (uint64_t)band->grid.slice_px * phase_of(band)->pixel_bytes;
	uint64_t count = min_u64(wanted_segments(s, band), band->segments - first);
	if (segment_bytes > 0)
		count = min_u64(count, LIMIT_DATA_BYTES / segment_bytes);
	count = max_u64(count, 1);
	count = band_undone_run(band, first, (uint32_t)count);

	uint32_t slice = first % per_row;
	if (slice == 0 && count >= per_row)
		count -= count % per_row;
	else
		count = min_u64(count, per_row - slice);

	struct tile *tile = sched_alloc(sizeof *tile);
	tile->id = band->job->next_tile++;
	tile->first = first;
	tile->count = (uint32_t)count;
	tile->band = band;
	band->next_segment = band_undone_from(band, first + tile->count);
	band->job->last_count = tile->count;
	HASH_ADD(hh, band->tiles, id, sizeof tile->id, tile);
	return tile;
}

/* While nothing is measured: at 1 G iterations/s, but no more than a tile should take. */
int64_t tile_expected_us(const struct sched *s, const struct tile *tile)
{
	const struct band *band = tile->band;
	double segment_us = band->job->segment_us[band->phase];
	if (tile->is_rows)
		return ROWS_US;
	if (segment_us > 0)
		return (int64_t)(segment_us * tile->count) + 1;
	uint64_t work = phase_of(band)->pixel_work * band->grid.slice_px * tile->count;
	return (int64_t)min_u64(work / 1000, (uint64_t)s->limits.tile_target_ms * 1000) + 1;
}

/* Whether a is to be served before b, which is older. */
static bool comes_before(const struct job *a, const struct job *b)
{
	if (a->client->virtual_us != b->client->virtual_us && !PLANTED(PLANT_STARVED_CLIENT))
		return a->client->virtual_us < b->client->virtual_us;
	return a->priority > b->priority && !PLANTED(PLANT_STARVED_CLIENT);
}

static struct choice choose(const struct sched *s, const struct worker *worker)
{
	const struct job *best = NULL;
	struct choice best_choice = {0};
	for (struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		if (best != NULL && !comes_before(job, best))
			continue;
		struct choice choice = choose_of_job(s, job, worker);
		if (choice.band == NULL)
			continue;
		best = job;
		best_choice = choice;
	}
	return best_choice;
}

/* The job that the worker would be given, had it a grid in each that it may have one in. */
static struct job *first_choice(const struct sched *s, const struct worker *worker)
{
	struct job *best = NULL;
	for (struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		if (best != NULL && !comes_before(job, best))
			continue;
		if (tally_may_prepare(s, job, worker) || job_has_work_for(s, job, worker))
			best = job;
	}
	return best;
}

/* Who is going to be given samples of a job needs a grid there; one that is made for anybody else
 * only takes its place. Where that may take long the next job may be done meanwhile. */
static void prepare(struct sched *s, struct worker *worker)
{
	struct job *job;
	if (s->counted_jobs == 0)
		return;
	do
		job = first_choice(s, worker);
	while (job != NULL && tally_may_prepare(s, job, worker) && tally_prepare(s, job, worker));
}

static struct tile *take_tile(struct sched *s, const struct choice *choice,
			      const struct worker *worker)
{
	if (choice->is_rows)
		return tally_cut_rows(s, choice->tally);
	struct tile *tile = waiting_tile_for(s, choice->band, worker);
	if (tile != NULL)
		DL_DELETE(choice->band->waiting, tile);
	else
		tile = tile_cut(s, choice->band);
	tile->tally = choice->tally;
	return tile;
}

static bool any_work(const struct sched *s)
{
	for (const struct job *job = s->jobs; job != NULL; job = job->hh.next)
		if (job_has_work(job))
			return true;
	return false;
}

void tile_dispatch(struct sched *s)
{
	struct worker *refused_first = NULL; /* the pass ends when it comes round again */
	while (s->ready != NULL && s->ready != refused_first) {
		struct worker *worker = s->ready;
		prepare(s, worker);
		const struct choice choice = choose(s, worker);
		DL_DELETE(s->ready, worker);
		worker->is_ready = false;
		if (choice.band == NULL) {
			worker_make_ready(s, worker);
			if (!any_work(s))
				return;
			if (refused_first == NULL)
				refused_first = worker;
			continue;
		}
		lease_begin(s, take_tile(s, &choice, worker), worker);
		worker_make_ready(s, worker);
		refused_first = NULL; /* all have their turn again: credit bounds how often */
	}
}
