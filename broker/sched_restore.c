/*
 * sched_restore.c - jobs of an earlier life of the broker, as its store has them.
 *
 * What is in an image counts as it was left: its bits say which segments are done, and the tiles of
 * the rest are cut around them. A plan of several phases keeps no trace of the phases that do not
 * write the image, so an image of it that is not complete is rendered again from the first phase
 * on. What a Buddhabrot has counted its committed grids say.
 */
#include "broker/sched_internal.h"

#include <string.h>

static bool is_new(struct sched *s, const struct sched_event *event)
{
	const char *why = NULL;
	if (job_find(s, event->job) != NULL)
		why = "its number is taken";
	else if (job_of_key(s, event->restore->key) != NULL)
		why = "its key is taken";
	else if (event->restore->bands_released > event->restore->plan->band_count)
		why = "more bands are released than there are";
	if (why != NULL)
		sched_note(s, "job not restored job=%llu reason=\"%s\"",
			   (unsigned long long)event->job, why);
	return why == NULL;
}

static void restore_counters(struct job *job, const struct sched_restore *restore)
{
	job->priority = restore->priority;
	job->is_kept = restore->is_kept;
	job->is_paused = restore->is_paused;
	job->tiles_done = restore->tiles_done;
	job->retries = restore->retries;
	job->workers_ever = restore->workers;
	job->iterations = restore->iterations;
	job->worker_us = restore->worker_us;
	job->accepted_ms -= restore->accepted_ago_ms;
}

/* Opens the bands that are left; those without an image will be asked for one. */
static void restore_bands(struct sched *s, struct job *job, const struct sched_restore *restore)
{
	uint32_t released = job_is_banded(job) ? restore->bands_released : 0;
	job->next_band = released;
	if (released > 0) {
		bool is_all = released == job->plan.band_count;
		struct rect rows = {0, 0, job->plan.layout.grid.width_px, job->plan.height_px};
		if (!is_all)
			rows.h = plan_band_first(&job->plan, released);
		for (uint32_t p = 0; p < job->plan.phase_count; p++)
			job->pixels_done += plan_rect_pixels(&job->plan, p, &rows);
	}
	/* Somebody may be reading them, and has yet to find us. Of a kept one that none has been
	 * taken of nobody need be. */
	if (job_is_banded(job) && (released > 0 || !job->is_kept))
		job->reader_ms = s->now_ms;
	job_open_bands(s, job);
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		struct band *band = band_find(job, released + i);
		if (band != NULL && restore->bits[i] != NULL)
			band_restore_bits(band, restore->bits[i]);
	}
	if (job_has_grids(job))
		sum_restore(s, job, restore);
}

/* The state that follows from what is there. */
static void restore_state(struct sched *s, struct job *job, const struct sched_restore *restore)
{
	bool had_stopped = restore->finished_ago_ms >= 0;
	int64_t stopped_ms = s->now_ms - (had_stopped ? restore->finished_ago_ms : 0);
	const struct band *first = band_find(job, 0);
	bool is_complete = !job_is_banded(job) && first != NULL && first->state == BAND_COMPLETE;
	if (restore->code != BROT_OK && restore->is_kept) {
		job->state = JOB_FAILED;
		job->finished_ms = stopped_ms;
		error_set(&job->why, restore->code, "%s",
			  restore->text != NULL ? restore->text : "");
		job_give_up_room(s, job);
	} else if (is_complete && had_stopped) {
		job->state = JOB_FINISHED;
		job->finished_ms = stopped_ms;
		job_drop_grids(s, job);
	} else if (is_complete) {
		job_finish(s, job);
	} else {
		job->state = JOB_QUEUED;
		if (had_stopped)
			job_record(s, job);
	}
}

void restore_event(struct sched *s, const struct sched_event *event)
{
	const struct sched_restore *restore = event->restore;
	if (!is_new(s, event))
		return;
	struct job *job = job_add(s, event->job, restore->key, restore->client, restore->plan);
	if (job == NULL) {
		sched_note(s, "job not restored job=%llu reason=\"there are too many\"",
			   (unsigned long long)event->job);
		return;
	}
	job->awaits_tick = true;
	restore_counters(job, restore);
	restore_bands(s, job, restore);
	restore_state(s, job, restore);
	sched_note(s,
		   "job restored job=%llu client=\"%s\" state=%s paused=%d kept=%d pixels=%llu "
		   "pixels_done=%llu bands_released=%u",
		   (unsigned long long)job->id, job->client->name, sched_state_name(job->state),
		   job->is_paused, job->is_kept, (unsigned long long)job->pixels,
		   (unsigned long long)job->pixels_done, restore->bands_released);
	if (job_is_banded(job) && restore->bands_released == job->plan.band_count)
		job_end(s, job, JOB_END_RELEASED, NULL); /* all that was left of it */
}
