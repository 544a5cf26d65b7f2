/*
 * sched_sum.c - what becomes of the grids that samples were counted into.
 *
 * A grid that is closed, and of which nothing is under way any more, is committed: its samples are
 * done. Committed grids are added up, all that there are into a new one, which is committed with
 * the samples of all of them and takes their place; so no sample is ever in two of them but for the
 * moment between. When all samples are in, the grids that there are are added up into the image.
 */
#include "broker/sched_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct tally *tally_largest(const struct job *job)
{
	const struct tally *best = NULL;
	for (const struct tally *t = job->tallies; t != NULL; t = t->next)
		if (t->state == TALLY_COMMITTED && (best == NULL || t->samples > best->samples))
			best = t;
	return best;
}

static size_t bits_bytes(const struct job *job)
{
	return (job->plan.counts.segments + 7) / 8;
}

/* ---- commits ---- */

static bool is_due(const struct tally *tally)
{
	if (tally->leases > 0)
		return false;
	bool has_rows = tally->rows_done == tally->job->plan.counts.rows;
	if (tally->state == TALLY_CLOSED)
		return !tally->is_remote && tally->held != NULL;
	return (tally->state == TALLY_COLLECTED || tally->state == TALLY_SUMMED) && has_rows;
}

static void add_bits(uint8_t *bits, const struct tally *tally)
{
	for (const struct tile *tile = tally->held; tile != NULL; tile = tile->next)
		for (uint32_t i = tile->first; i < tile->first + tile->count; i++)
			bits[i / 8] |= (uint8_t)(1u << i % 8);
	for (uint32_t g = 0; g < tally->source_count; g++)
		for (size_t i = 0; i < bits_bytes(tally->job); i++)
			bits[i] |= tally->sources[g]->bits[i];
}

void sum_ask_commit(struct sched *s)
{
	/* One question at a time: what is asked is answered by the very next event. */
	if (s->counted_jobs == 0 || s->committing_work != 0 || s->is_asking)
		return;
	for (struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		if (!job_has_grids(job) || !job_is_unfinished(job))
			continue;
		for (struct tally *t = job->tallies; t != NULL; t = t->next) {
			if (!is_due(t))
				continue;
			free(s->commit_bits);
			s->commit_bits = sched_alloc(bits_bytes(job));
			add_bits(s->commit_bits, t);
			s->committing_work = tally_work(t);
			struct sched_action *action = sched_emit(s, ACTION_COMMIT, 0);
			action->job = job->id;
			action->work = s->committing_work;
			action->bits = s->commit_bits;
			action->bits_bytes = bits_bytes(job);
			return;
		}
	}
}

/* Its sources are in it now. */
static void take_place_of_sources(struct sched *s, struct tally *sum)
{
	for (uint32_t i = 0; i < sum->source_count; i++) {
		sum->samples += sum->sources[i]->samples;
		tally_discard(s, sum->sources[i], "it is in another");
	}
	sum->source_count = 0;
	sum->is_sum = false;
}

static void count_held(struct sched *s, struct tally *tally)
{
	struct tile *tile, *next;
	struct job_report counted = {0};
	DL_FOREACH_SAFE(tally->held, tile, next)
	{
		const struct rect rect = tile_rect(tile);
		uint64_t samples = plan_rect_pixels(&tally->job->plan, 0, &rect);
		tally->samples += samples;
		tally->job->samples_held -= samples;
		DL_DELETE(tally->held, tile);
		tile_count(s, tile, tile->held_us, tile->held_iterations);
		counted.tiles_done++;
		counted.iterations += tile->held_iterations;
		counted.worker_us += tile->held_us;
		tile_forget(tile);
	}
	struct sched_action *action = sched_emit(s, ACTION_COUNTED, 0);
	action->work = tally_work(tally);
	action->report = counted;
	sched_note(s, "grid committed job=%llu grid=%u tiles=%u samples=%llu",
		   (unsigned long long)tally->job->id, tally->number, counted.tiles_done,
		   (unsigned long long)tally->samples);
}

static void committed(struct sched *s, const struct sched_event *event)
{
	if (s->committing_work == 0 || event->work != s->committing_work)
		return;
	s->committing_work = 0;
	struct tally *tally = tally_of_work(s, event->work);
	if (tally == NULL || !is_due(tally))
		return;
	if (event->code != BROT_OK) {
		tally_discard(s, tally, event->text != NULL ? event->text : "");
		return;
	}
	struct job *job = tally->job;
	bool was_sum = tally->is_sum;
	tally->bits = s->commit_bits;
	s->commit_bits = NULL;
	tally_retire(s, tally);
	if (was_sum)
		take_place_of_sources(s, tally);
	else
		count_held(s, tally);
	job->has_moved = true;
	tally_stir(s, job);
	if (job->bands[0].phase == 0)
		band_advance(s, &job->bands[0]);
}

/* ---- sums ---- */

static uint32_t list_committed(const struct job *job, struct tally *list[LIMIT_GRIDS])
{
	uint32_t count = 0;
	for (struct tally *t = job->tallies; t != NULL && count < LIMIT_GRIDS; t = t->next)
		if (t->state == TALLY_COMMITTED)
			list[count++] = t;
	return count;
}

static struct tally *sum_of(const struct job *job)
{
	struct tally *tally = job->tallies;
	while (tally != NULL && !tally->is_sum)
		tally = tally->next;
	return tally;
}

void sum_begin(struct sched *s, struct job *job)
{
	struct tally *list[LIMIT_GRIDS];
	struct tally *sum = sum_of(job);
	uint32_t count = list_committed(job, list);
	bool is_last = job->plan.phases[job->bands[0].phase].kind == PHASE_SUM;
	if (sum != NULL && is_last)
		tally_discard(s, sum, "all samples are in the others");
	if (sum != NULL || is_last || count < 2)
		return;
	sum = tally_add(s, job, NULL);
	sum->is_sum = true;
	sum->source_count = count;
	memcpy(sum->sources, list, count * sizeof list[0]);
}

/* The rows that are to be added up next, of `rows`. */
static struct rect slice(const struct sched *s, const struct job *job, uint32_t first,
			 uint32_t rows)
{
	const struct grid_layout *counts = &job->plan.counts;
	uint64_t row_bytes = (uint64_t)counts->width_px * counts->channels * sizeof(uint32_t);
	uint64_t most = row_bytes < s->limits.sum_bytes ? s->limits.sum_bytes / row_bytes : 1;
	uint32_t left = rows - first;
	return (struct rect){0, first, counts->width_px, left < most ? left : (uint32_t)most};
}

static void ask_slice(struct sched *s, const struct job *job, uint64_t work,
		      struct tally *const *sources, uint32_t count, struct rect rect)
{
	struct sched_action *action = sched_emit(s, ACTION_SUM, 0);
	action->job = job->id;
	action->work = s->summing_work = work;
	action->rect = s->summing_rect = rect;
	action->count = count;
	for (uint32_t i = 0; i < count; i++)
		action->sources[i] = tally_work(sources[i]);
	s->summed_job = job->id;
}

static bool sums_image(const struct job *job)
{
	const struct band *band = &job->bands[0];
	return band->state == BAND_OPEN && job->plan.phases[band->phase].kind == PHASE_SUM;
}

/* False where the job has nothing to add up. */
static bool ask_of_job(struct sched *s, struct job *job)
{
	struct tally *sources[LIMIT_GRIDS];
	struct tally *sum = sum_of(job);
	const struct band *band = &job->bands[0];
	if (!job_has_grids(job) || !job_is_unfinished(job))
		return false;
	if (sum != NULL && sum->state == TALLY_SUMMED && !is_due(sum)) {
		ask_slice(s, job, tally_work(sum), sum->sources, sum->source_count,
			  slice(s, job, sum->next_row, job->plan.counts.rows));
		return true;
	}
	if (sum != NULL || !sums_image(job))
		return false;
	uint32_t count = list_committed(job, sources);
	uint32_t row = band->next_segment / band->grid.slices_per_row;
	ask_slice(s, job, band_work(band), sources, count,
		  slice(s, job, row, band->grid.height_px));
	return true;
}

/* A slice of each job in turn. */
void sum_ask_rows(struct sched *s)
{
	if (s->counted_jobs == 0 || s->summing_work != 0 || s->is_stopping)
		return;
	for (int pass = 0; pass < 2; pass++)
		for (struct job *job = s->jobs; job != NULL; job = job->hh.next)
			if ((pass == 1 || job->id > s->summed_job) && ask_of_job(s, job))
				return;
}

static void image_summed(struct sched *s, struct job *job, const struct rect *rect)
{
	struct band *band = &job->bands[0];
	uint32_t first = rect->y * band->grid.slices_per_row;
	if (!sums_image(job) || band->next_segment != first)
		return;
	band->next_segment += rect->h * band->grid.slices_per_row;
	band->segments_done = band->next_segment;
	job->pixels_done += plan_rect_pixels(&job->plan, band->phase, rect);
	job->has_moved = true;
	band_advance(s, band);
}

/* The counts are what they are: to add them up again would end the same way. */
static void fail_of_counts(struct sched *s, struct job *job, const char *text)
{
	struct band *band = &job->bands[0];
	if (job->is_kept) {
		tallies_discard_open(s, job);
		tallies_drop(s, job);
		band_drop_tiles(s, band);
		band_start_phase(band, 0);
		job->pixels_done = 0;
	}
	job_fail(s, job, BROT_E_FAILED, text);
}

static void summed(struct sched *s, const struct sched_event *event)
{
	if (s->summing_work == 0 || event->work != s->summing_work)
		return;
	const struct rect rect = s->summing_rect;
	s->summing_work = 0;
	struct job *job = job_find(s, work_job(event->work));
	struct tally *sum = tally_of_work(s, event->work);
	bool is_gone = job == NULL || !job_is_unfinished(job) ||
		       (work_is_grid(event->work) && (sum == NULL || sum->state != TALLY_SUMMED));
	if (is_gone)
		return;
	const char *text = event->text != NULL ? event->text : "";
	if (event->code == BROT_E_FAILED) {
		fail_of_counts(s, job, text);
	} else if (event->code != BROT_OK) {
		job_fail(s, job, event->code, text);
	} else if (sum == NULL) {
		image_summed(s, job, &rect);
	} else if (sum->next_row == rect.y) {
		sum->next_row += rect.h;
		sum->rows_done += rect.h;
	}
}

void sum_event(struct sched *s, const struct sched_event *event)
{
	if (event->type == EVENT_COMMITTED)
		committed(s, event);
	else
		summed(s, event);
}

/* ---- an earlier life ---- */

static uint64_t samples_of(const struct job *job, const uint8_t *bits)
{
	uint64_t samples = 0;
	for (uint32_t i = 0; i < job->plan.counts.segments; i++) {
		const struct rect rect = {0, i, 1, 1};
		if ((bits[i / 8] >> i % 8 & 1) != 0)
			samples += plan_rect_pixels(&job->plan, 0, &rect);
	}
	return samples;
}

/* What its grids have is done. */
void sum_restore(struct sched *s, struct job *job, const struct sched_restore *restore)
{
	struct band *band = &job->bands[0];
	size_t bytes = bits_bytes(job);
	uint8_t *all = sched_alloc(bytes);
	for (uint32_t g = 0; g < restore->grid_count; g++) {
		job->next_tally = restore->grids[g].number - 1;
		struct tally *tally = tally_add(s, job, NULL);
		tally->state = TALLY_COMMITTED;
		tally->has_segment = true;
		tally->bits = sched_alloc(bytes);
		memcpy(tally->bits, restore->grids[g].bits, bytes);
		tally->samples = samples_of(job, tally->bits);
		for (size_t i = 0; i < bytes; i++)
			all[i] |= tally->bits[i];
	}
	for (struct tally *t = job->tallies; t != NULL; t = t->next)
		if (t->number > job->next_tally)
			job->next_tally = t->number;
	if (band->state != BAND_COMPLETE) {
		band_start_phase(band, 0);
		job->pixels_done += band_take_bits(band, all);
		if (band->segments_done == band->segments)
			band_start_phase(band, 1);
	}
	free(all);
}
