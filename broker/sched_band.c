/*
 * sched_band.c - the bands of a job: opened while there is room for their images, rendered,
 * completed, dropped.
 *
 * A job whose image is in one piece has one band, number 0, from its beginning to its end.
 */
#include "broker/sched_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN_MS 1000 /* for an image that could not be made */

bool job_is_banded(const struct job *job)
{
	return job->plan.band_count > 1;
}

uint32_t job_bands_released(const struct job *job)
{
	uint32_t released = job->next_band;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		if (job->bands[i].state != BAND_NONE && job->bands[i].index < released)
			released = job->bands[i].index;
	return released;
}

bool job_has_released_bands(const struct job *job)
{
	uint32_t open = 0;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		open += job->bands[i].state != BAND_NONE;
	return open < job->next_band;
}

bool job_waits_for_reader(const struct job *job, int64_t *ret_since_ms)
{
	*ret_since_ms = job->watched_ms;
	if (!job_is_banded(job))
		return false;
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		const struct band *band = &job->bands[i];
		if (band->state != BAND_NONE && band->state != BAND_COMPLETE)
			return false;
		if (band->state == BAND_COMPLETE && band->complete_ms > *ret_since_ms)
			*ret_since_ms = band->complete_ms;
	}
	return true;
}

struct band *band_find(struct job *job, uint32_t index)
{
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		if (job->bands[i].state != BAND_NONE && job->bands[i].index == index)
			return &job->bands[i];
	return NULL;
}

struct band *band_of_work(const struct sched *s, uint64_t work)
{
	struct job *job = job_find(s, work_job(work));
	return job != NULL ? band_find(job, work_band(work)) : NULL;
}

uint64_t band_work(const struct band *band)
{
	return work_id(band->job->id, band->index);
}

void band_start_phase(struct band *band, uint32_t phase)
{
	free(band->restored);
	band->restored = NULL;
	band->segments_restored = 0;
	band->phase = phase;
	band->grid = plan_band_grid(&band->job->plan, phase, band->index);
	band->segments = segment_count(&band->grid);
	band->next_segment = band->segments_done = 0;
}

void job_open_bands(struct sched *s, struct job *job)
{
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		struct band *band = &job->bands[i];
		if (band->state != BAND_NONE || job->next_band >= job->plan.band_count)
			continue;
		*band = (struct band){
			.state = BAND_WANTED,
			.index = job->next_band++,
			.slot = job->slot * LIMIT_OPEN_BANDS + i,
			.job = job,
			.ask_ms = s->now_ms,
		};
		band_start_phase(band, 0);
		s->ask_ms = s->now_ms;
	}
}

/* Lets the workers that know the band forget it: their tiles of it are void. */
void band_forget_at_workers(struct sched *s, const struct band *band)
{
	for (struct worker *w = s->workers; w != NULL; w = w->hh.next) {
		struct band_acquaintance *known = &w->bands[band->slot];
		if (known->knows) {
			struct sched_action *action = sched_emit(s, ACTION_CANCEL, w->peer);
			action->session = w->session;
			action->job = band->job->id;
			action->work = band_work(band);
		}
		*known = (struct band_acquaintance){0};
	}
}

void band_drop(struct sched *s, struct band *band)
{
	band_drop_tiles(s, band);
	band_forget_at_workers(s, band);
	if (band->state != BAND_WANTED) {
		struct sched_action *action = sched_emit(s, ACTION_DROP_IMAGE, 0);
		action->job = band->job->id;
		action->work = band_work(band);
	}
	free(band->restored);
	*band = (struct band){0};
}

void job_drop_bands(struct sched *s, struct job *job)
{
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++)
		if (job->bands[i].state != BAND_NONE)
			band_drop(s, &job->bands[i]);
}

void band_complete(struct sched *s, struct band *band)
{
	struct job *job = band->job;
	band->state = BAND_COMPLETE;
	band->complete_ms = s->now_ms;
	if (!job_is_banded(job)) {
		job_finish(s, job);
		band_forget_at_workers(s, band);
		return;
	}
	sched_note(s, "band complete job=%llu band=%u rows=%u", (unsigned long long)job->id,
		   band->index, plan_band_rows(&job->plan, band->index));
	for (uint32_t i = 0; i < job->watcher_count; i++) {
		struct sched_action *action = sched_emit(s, ACTION_BAND, job->watchers[i].peer);
		action->job = job->id;
		action->work = band_work(band);
	}
	band_forget_at_workers(s, band);
}

void band_advance(struct sched *s, struct band *band)
{
	if (band->segments_done < band->segments)
		return;
	assert(band->tiles == NULL && band->waiting == NULL);
	if (band->phase + 1 < band->job->plan.phase_count) {
		band_start_phase(band, band->phase + 1);
		tally_stir(s, band->job);
	} else {
		band_complete(s, band);
	}
}

static bool is_restored(const struct band *band, uint32_t segment)
{
	return (band->restored[segment / 8] >> segment % 8 & 1) != 0;
}

uint32_t band_undone_from(const struct band *band, uint32_t segment)
{
	while (band->restored != NULL && segment < band->segments && is_restored(band, segment))
		segment += segment % 8 == 0 && band->restored[segment / 8] == 0xff ? 8 : 1;
	return segment < band->segments ? segment : band->segments;
}

uint32_t band_undone_run(const struct band *band, uint32_t first, uint32_t most)
{
	uint32_t count = 0, left = band->segments - first;
	if (band->restored == NULL)
		return most < left ? most : left;
	while (count < most && count < left && !is_restored(band, first + count))
		count++;
	return count;
}

/* The pixels of segments that need not be one tile. */
static uint64_t run_pixels(const struct band *band, uint32_t first, uint32_t count)
{
	uint64_t pixels = 0;
	uint32_t per_row = band->grid.slices_per_row;
	while (count > 0) {
		uint32_t slice = first % per_row, part = per_row - slice;
		if (slice == 0 && count >= per_row)
			part = count - count % per_row;
		if (part > count)
			part = count;
		struct rect rect = segment_run_rect(&band->grid, first, part);
		pixels += plan_rect_pixels(&band->job->plan, band->phase, &rect);
		first += part;
		count -= part;
	}
	return pixels;
}

uint64_t band_take_bits(struct band *band, const uint8_t *bits)
{
	uint64_t pixels = 0;
	size_t bytes = (band->segments + 7) / 8;
	band->restored = sched_alloc(bytes);
	memcpy(band->restored, bits, bytes);
	for (uint32_t first = 0; first < band->segments;) {
		uint32_t undone = band_undone_from(band, first);
		if (undone > first) {
			band->segments_restored += undone - first;
			pixels += run_pixels(band, first, undone - first);
		}
		first = undone + band_undone_run(band, undone, band->segments);
	}
	band->segments_done = band->segments_restored;
	band->next_segment = band_undone_from(band, 0);
	return pixels;
}

/* The bits are those of the last phase. What came before it left none, so it begins again unless
 * there is nothing left to do. */
void band_restore_bits(struct band *band, const uint8_t *bits)
{
	uint32_t last = band->job->plan.phase_count - 1;
	uint64_t pixels = 0;
	for (uint32_t p = 0; p < last; p++) {
		band_start_phase(band, p);
		pixels += run_pixels(band, 0, band->segments);
	}
	band_start_phase(band, last);
	pixels += band_take_bits(band, bits);
	band->state = band->segments_done == band->segments ? BAND_COMPLETE : BAND_OPEN;
	if (band->state == BAND_COMPLETE || last == 0) {
		band->job->pixels_done += pixels;
		return;
	}
	band_start_phase(band, 0);
}

/* Of sums they are all, or of no use: grids say what was counted. */
static void take_summed_bits(struct sched *s, struct band *band, const uint8_t *bits)
{
	struct segment_grid grid = plan_band_grid(&band->job->plan, 1, band->index);
	for (uint32_t i = 0; i < segment_count(&grid); i++)
		if ((bits[i / 8] >> i % 8 & 1) == 0)
			return;
	band_start_phase(band, 1);
	(void)band_take_bits(band, bits);
	band->job->pixels_done = band->job->pixels;
	band_complete(s, band);
}

void band_image_ready(struct sched *s, struct band *band, const struct sched_event *event)
{
	assert(band->state == BAND_WANTED);
	band->state = BAND_OPEN;
	uint32_t last = band->job->plan.phase_count - 1;
	struct segment_grid grid = plan_band_grid(&band->job->plan, last, band->index);
	if (event->bits == NULL || band->job->state == JOB_FAILED ||
	    event->bits_bytes < (segment_count(&grid) + 7) / 8)
		return;
	if (job_has_grids(band->job)) {
		take_summed_bits(s, band, event->bits);
		return;
	}
	band_restore_bits(band, event->bits);
	if (band->state == BAND_COMPLETE)
		band_complete(s, band);
}

/* One at a time: its answer is the next event. */
void band_ask_images(struct sched *s)
{
	if (s->is_asking || s->is_stopping || s->now_ms < s->ask_ms)
		return;
	int64_t next_ms = SCHED_NEVER;
	for (struct job *job = s->jobs; job != NULL; job = job->hh.next) {
		for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
			struct band *band = &job->bands[i];
			if (band->state != BAND_WANTED || job->state == JOB_FAILED)
				continue;
			if (band->ask_ms <= s->now_ms) {
				band->ask_ms = s->now_ms + ASK_AGAIN_MS;
				s->is_asking = true;
				s->asked_work = band_work(band);
				struct sched_action *action = sched_emit(s, ACTION_CREATE_IMAGE, 0);
				action->job = job->id;
				action->work = s->asked_work;
				if (job->state == JOB_CREATING)
					job_make_report(job, s->now_ms, &action->report);
				return;
			}
			if (band->ask_ms < next_ms)
				next_ms = band->ask_ms;
		}
		if (job_has_grids(job) && tally_asks_image(s, job, &next_ms))
			return;
	}
	s->ask_ms = next_ms;
}
