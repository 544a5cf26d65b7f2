/*
 * sched_verb.c - what clients say about jobs that there are.
 */
#include "broker/sched_internal.h"

#include <stdio.h>
#include <string.h>

/* Refuses what a job must be in another state for. To try again is for later where it may yet
 * fail. */
static void refuse_state(struct sched *s, const struct job *job, uint64_t peer,
			 enum sched_event_type verb, const char *must)
{
	bool is_paused = job->is_paused && job_is_unfinished(job);
	bool is_early = verb == EVENT_RETRY && job_is_unfinished(job);
	sched_refuse(s, peer, job->id, is_early ? BROT_E_BUSY : BROT_E_REQUEST,
		     "job: %llu must %s, and is %s", (unsigned long long)job->id, must,
		     is_paused ? "paused" : sched_state_name(job->state));
}

static void tell_band(struct sched *s, const struct band *band, uint64_t peer)
{
	struct sched_action *action = sched_emit(s, ACTION_BAND, peer);
	action->job = band->job->id;
	action->work = band_work(band);
}

static void refuse_reader(struct sched *s, const struct job *job, uint64_t peer)
{
	sched_refuse(s, peer, job->id, BROT_E_BUSY,
		     "job: the bands of %llu are being read by another client: try later",
		     (unsigned long long)job->id);
}

static void watch(struct sched *s, struct job *job, uint64_t peer)
{
	job_watch(s, job, peer);
	if (job->reader == peer)
		job->reader_ms = s->now_ms;
	enum sched_action_type type = job->state == JOB_FINISHED ? ACTION_FINISHED
				      : job->state == JOB_FAILED ? ACTION_FAILED
								 : ACTION_PROGRESS;
	job_tell(s, job, type, peer);
	if (!job_is_banded(job) || job->state == JOB_FAILED)
		return;
	for (uint32_t released = job_bands_released(job), b = released; b < job->next_band; b++) {
		const struct band *band = band_find(job, b);
		if (band != NULL && band->state == BAND_COMPLETE)
			tell_band(s, band, peer);
	}
}

/* Bands that were released are gone for good: who wants the picture now gets it from the top. */
static void rewind_bands(struct sched *s, struct job *job)
{
	job_drop_bands(s, job);
	job->next_band = 0;
	job->pixels_done = 0;
	job_open_bands(s, job);
	job_record(s, job);
	sched_note(s, "job started again job=%llu reason=\"its first bands were released\"",
		   (unsigned long long)job->id);
}

static void attach(struct sched *s, struct job *job, uint64_t peer)
{
	if (job_is_banded(job) && job->state != JOB_FAILED) {
		if (reader_is_awaited(s, job) || !reader_may_be(s, job, peer)) {
			/* It will ask again: there must still be a job then. */
			job->watched_ms = s->now_ms;
			refuse_reader(s, job, peer);
			return;
		}
		if (job_has_released_bands(job))
			rewind_bands(s, job);
	}
	reader_take(s, job, peer);
	job_tell(s, job, ACTION_ACCEPTED, peer);
}

static void cancel(struct sched *s, struct job *job, uint64_t peer)
{
	struct brot_error why;
	sched_emit(s, ACTION_CANCELLED, peer)->job = job->id;
	if (job->state == JOB_FINISHED) {
		job_end(s, job, JOB_END_CANCELLED, NULL);
	} else if (job->state == JOB_FAILED) {
		why = job->why;
		job_end(s, job, JOB_END_CANCELLED, &why);
	} else {
		job_drop(s, job, JOB_END_CANCELLED, BROT_E_CANCELLED, "the job was cancelled");
	}
}

static void release_band(struct sched *s, struct job *job, const struct sched_event *event)
{
	struct band *band = band_find(job, event->band);
	if (band == NULL && event->band < job->next_band)
		return; /* an echo */
	if (!reader_may_be(s, job, event->peer)) {
		refuse_reader(s, job, event->peer);
		return;
	}
	if (band == NULL || band->state != BAND_COMPLETE) {
		sched_refuse(s, event->peer, job->id, BROT_E_REQUEST,
			     "job: band %u of %llu must be complete to be released", event->band,
			     (unsigned long long)job->id);
		return;
	}
	reader_take(s, job, event->peer);
	band_drop(s, band);
	job_open_bands(s, job);
	sched_note(s, "band released job=%llu band=%u", (unsigned long long)job->id, event->band);
	if (job_bands_released(job) < job->plan.band_count) {
		job_record(s, job);
		return;
	}
	job_finish(s, job);
	job_end(s, job, JOB_END_RELEASED, NULL);
}

static void release(struct sched *s, struct job *job, const struct sched_event *event)
{
	if (event->band != SCHED_ALL_BANDS && event->band >= job->plan.band_count) {
		/* Not NOT_FOUND: to who released the job that says that it is gone. */
		sched_refuse(s, event->peer, job->id, BROT_E_REQUEST,
			     "job: %llu has bands 0 to %u, got band %u",
			     (unsigned long long)job->id, job->plan.band_count - 1, event->band);
	} else if (job_is_banded(job) && event->band != SCHED_ALL_BANDS) {
		release_band(s, job, event);
	} else if (job->state == JOB_FINISHED) {
		job_end(s, job, JOB_END_RELEASED, NULL);
	} else if (job->state == JOB_FAILED) {
		struct brot_error why = job->why;
		job_end(s, job, JOB_END_RELEASED, &why);
	} else {
		refuse_state(s, job, event->peer, EVENT_RELEASE, "be finished to be released");
	}
}

static void change_pause(struct sched *s, struct job *job, uint64_t peer, bool is_paused)
{
	if (!job_is_unfinished(job)) {
		refuse_state(s, job, peer, is_paused ? EVENT_PAUSE : EVENT_RESUME,
			     is_paused ? "be queued or running to be paused"
				       : "be paused to be resumed");
		return;
	}
	if (job->is_paused != is_paused) {
		if (!is_paused)
			client_level(s, job->client);
		job->is_paused = is_paused;
		tally_stir(s, job);
		job_record(s, job);
		sched_note(s, "job %s job=%llu", is_paused ? "paused" : "resumed",
			   (unsigned long long)job->id);
	}
	job_tell(s, job, ACTION_CHANGED, peer);
}

static void change_priority(struct sched *s, struct job *job, uint64_t peer, int32_t priority)
{
	if (!job_is_unfinished(job)) {
		refuse_state(s, job, peer, EVENT_PRIORITY,
			     "be queued, running or paused to be given a priority");
		return;
	}
	if (job->priority != priority) {
		job->priority = priority;
		job_record(s, job);
		sched_note(s, "job priority job=%llu priority=%d", (unsigned long long)job->id,
			   priority);
	}
	job_tell(s, job, ACTION_CHANGED, peer);
}

static void retry(struct sched *s, struct job *job, uint64_t peer)
{
	if (job->state != JOB_FAILED) {
		refuse_state(s, job, peer, EVENT_RETRY, "have failed to be tried again");
		return;
	}
	if (!job_take_room(s, job)) {
		sched_refuse(s, peer, job->id, BROT_E_BUSY,
			     "job: the grids of %llu need %llu bytes again, which other jobs have",
			     (unsigned long long)job->id, (unsigned long long)job->unroomed_bytes);
		return;
	}
	for (struct worker *w = s->workers; w != NULL; w = w->hh.next)
		w->jobs[job->slot].strikes = 0;
	client_level(s, job->client);
	job->state = JOB_QUEUED;
	job->why = (struct brot_error){0};
	job->finished_ms = 0;
	job->watched_ms = s->now_ms;
	s->ask_ms = s->now_ms; /* for images that it may lack */
	tally_stir(s, job);
	sched_note(s, "job retried job=%llu", (unsigned long long)job->id);
	const struct band *whole = job_is_banded(job) ? NULL : band_find(job, 0);
	if (whole != NULL && whole->state == BAND_COMPLETE)
		job_finish(s, job);
	else
		job_record(s, job);
	job_tell(s, job, ACTION_CHANGED, peer);
}

static void refuse_unknown(struct sched *s, const struct sched_event *event)
{
	if (event->type == EVENT_WATCH) {
		struct sched_action *action = sched_emit(s, ACTION_FAILED, event->peer);
		action->job = event->job;
		action->code = BROT_E_NOT_FOUND;
		(void)snprintf(action->text, sizeof action->text,
			       "job: %llu is not known to this broker",
			       (unsigned long long)event->job);
	} else {
		sched_refuse(s, event->peer, event->job, BROT_E_NOT_FOUND,
			     "job: %llu is not known to this broker",
			     (unsigned long long)event->job);
	}
}

void verb_event(struct sched *s, const struct sched_event *event)
{
	struct job *job = job_find(s, event->job);
	if (job == NULL || job->state == JOB_CREATING)
		refuse_unknown(s, event);
	else if (event->type == EVENT_WATCH)
		watch(s, job, event->peer);
	else if (event->type == EVENT_ATTACH)
		attach(s, job, event->peer);
	else if (event->type == EVENT_CANCEL_JOB)
		cancel(s, job, event->peer);
	else if (event->type == EVENT_RELEASE)
		release(s, job, event);
	else if (event->type == EVENT_PAUSE || event->type == EVENT_RESUME)
		change_pause(s, job, event->peer, event->type == EVENT_PAUSE);
	else if (event->type == EVENT_PRIORITY)
		change_priority(s, job, event->peer, event->priority);
	else if (event->type == EVENT_RETRY)
		retry(s, job, event->peer);
}
