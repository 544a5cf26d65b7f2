/*
 * sched_grid_turn.c - when grids are made and closed: what tallies_turn() looks at after each step.
 */
#include "broker/sched_internal.h"

#define ASK_AGAIN_MS 1000        /* for a segment that could not be made */
#define NO_ROOM_MS   (5 * 60000) /* without memory for any of its grids: a job fails */
#define HASTE        8 /* a grid that others wait to have the place of is old so much sooner */

static bool wants_segment(const struct tally *tally)
{
	if (tally->has_segment)
		return false;
	return tally->state == TALLY_WANTED || (tally->is_remote && tally->state == TALLY_CLOSED &&
						tally->leases == 0 && tally->held != NULL);
}

static uint32_t places_used(const struct job *job)
{
	uint32_t used = 0;
	for (const struct tally *t = job->tallies; t != NULL; t = t->next)
		used += t->has_segment && !t->is_sum;
	return used;
}

/* A sum may always have one: it is kept free for it. */
static bool has_place(const struct tally *tally, uint32_t used)
{
	return tally->is_sum || used + 1 < tally->job->plan.grids;
}

bool tally_is_stuck(const struct tally *tally)
{
	return tally->state == TALLY_WANTED &&
	       (tally->has_failed || !has_place(tally, places_used(tally->job)));
}

bool tallies_are_crowded(const struct job *job)
{
	uint32_t waiting = 0;
	for (const struct tally *t = job->tallies; t != NULL; t = t->next)
		waiting += t->state == TALLY_WANTED && !t->is_sum;
	return waiting >= job->plan.grids;
}

bool tally_asks_image(struct sched *s, struct job *job, int64_t *ret_next_ms)
{
	struct tally *best = NULL;
	if (!job_is_unfinished(job))
		return false;
	const uint32_t used = places_used(job);
	for (struct tally *t = job->tallies; t != NULL; t = t->next) {
		if (!wants_segment(t) || !has_place(t, used))
			continue;
		if (t->ask_ms > s->now_ms) {
			*ret_next_ms = t->ask_ms < *ret_next_ms ? t->ask_ms : *ret_next_ms;
			continue;
		}
		if (best == NULL || (t->is_sum && !best->is_sum))
			best = t;
	}
	if (best == NULL)
		return false;
	best->ask_ms = s->now_ms + ASK_AGAIN_MS;
	s->is_asking = true;
	s->asked_work = tally_work(best);
	struct sched_action *action = sched_emit(s, ACTION_CREATE_IMAGE, 0);
	action->job = job->id;
	action->work = s->asked_work;
	action->is_sum = best->is_sum;
	return true;
}

static void note_no_room(struct sched *s, struct job *job, const struct sched_event *event)
{
	if (job->no_room.code == BROT_OK)
		job->no_room_ms = s->now_ms;
	job->no_room_last_ms = s->now_ms;
	(void)error_set(&job->no_room, event->code, "%s", event->text != NULL ? event->text : "");
}

void tally_image_result(struct sched *s, const struct sched_event *event)
{
	struct tally *tally = tally_of_work(s, event->work);
	if (tally == NULL || !wants_segment(tally))
		return;
	tally_stir(s, tally->job);
	if (event->type == EVENT_IMAGE_FAILED) {
		if (!tally->has_failed)
			sched_note(s, "grid wanted job=%llu grid=%u error=%s reason=\"%s\"",
				   (unsigned long long)tally->job->id, tally->number,
				   brot_err_name(event->code),
				   event->text != NULL ? event->text : "");
		tally->has_failed = true;
		note_no_room(s, tally->job, event);
		return;
	}
	tally->has_segment = true;
	tally->job->no_room.code = BROT_OK;
	if (tally->is_sum) {
		tally->state = TALLY_SUMMED;
	} else if (tally->is_remote) {
		tally->state = TALLY_COLLECTED;
	} else {
		tally->state = TALLY_OFFERED;
		tally->open_ms = s->now_ms;
		tally_send_job(s, tally);
	}
}

/* ---- closing ---- */

static bool others_wait(const struct job *job)
{
	const uint32_t used = places_used(job);
	for (const struct tally *t = job->tallies; t != NULL; t = t->next)
		if (wants_segment(t) && !has_place(t, used))
			return true;
	return false;
}

/* The larger it is, the longer it takes to add it up, or to send it. */
static int64_t age_most_ms(const struct sched *s, const struct job *job)
{
	int64_t size_mib = (int64_t)(job->plan.counts.total_bytes >> 20);
	return s->limits.grid_ms + s->limits.grid_ms * size_mib / 1024;
}

/* Long enough open; one that has nothing only makes room. */
static bool is_old(const struct sched *s, const struct tally *tally)
{
	bool is_hindrance = !tally->is_remote && others_wait(tally->job);
	int64_t age_ms = age_most_ms(s, tally->job);
	int64_t most_ms = is_hindrance ? age_ms / HASTE : age_ms;
	if (tally->held == NULL && (tally->leases > 0 || !is_hindrance))
		return false;
	return s->now_ms - tally->open_ms >= most_ms;
}

static bool should_close(const struct sched *s, const struct tally *tally, bool is_tick)
{
	const struct job *job = tally->job;
	if (tally->is_sum || tally->state > TALLY_OPEN)
		return false;
	if (job->is_paused || tally->worker->is_draining ||
	    !worker_may_render(tally->worker, job) || !band_has_work(&job->bands[0]))
		return true;
	return is_tick && tally->state == TALLY_OPEN && is_old(s, tally);
}

static void close_tally(struct sched *s, struct tally *tally)
{
	if (tally->state < TALLY_OPEN || (tally->leases == 0 && tally->held == NULL))
		tally_discard(s, tally, "nothing is in it");
	else
		tally->state = TALLY_CLOSED;
}

/* One that leaves gives no credit, but waits for its rows to be taken. */
static void collect_from_leaving(struct sched *s, struct tally *tally)
{
	while (tally_has_rows(tally) && tally->worker->is_draining)
		lease_begin(s, tally_cut_rows(s, tally), tally->worker);
}

static void turn(struct sched *s, struct job *job, bool is_tick)
{
	struct tally *tally, *next;
	DL_FOREACH_SAFE(job->tallies, tally, next)
	{
		if (tally->state == TALLY_CLOSED && tally->leases == 0 && tally->held == NULL)
			tally_discard(s, tally, "nothing is in it");
		else if (tally->state == TALLY_OFFERED &&
			 s->now_ms - tally->open_ms >= s->limits.lease_ms)
			tally_set_apart(s, tally, "it does not answer");
		else if (should_close(s, tally, is_tick))
			close_tally(s, tally);
		else
			collect_from_leaving(s, tally);
	}
	sum_begin(s, job);
}

static bool counts_into_segment(const struct job *job)
{
	for (const struct tally *t = job->tallies; t != NULL; t = t->next)
		if (t->has_segment && t->state == TALLY_OPEN)
			return true;
	return false;
}

/* Memory that others than this broker's jobs have taken, and keep: better said than waited for.
 * What is not asked for any more is not missed. */
static bool fail_for_room(struct sched *s, struct job *job)
{
	if (job->no_room.code == BROT_OK)
		return false;
	if (s->now_ms - job->no_room_last_ms > 4 * ASK_AGAIN_MS)
		job->no_room.code = BROT_OK;
	if (job->no_room.code == BROT_OK || s->now_ms - job->no_room_ms < NO_ROOM_MS ||
	    counts_into_segment(job))
		return false;
	struct brot_error why;
	error_set(&why, BROT_E_NO_SPACE,
		  "grids: no shared memory could be had for one of %llu bytes within %d minutes, "
		  "last: %s",
		  (unsigned long long)job->plan.counts.total_bytes, NO_ROOM_MS / 60000,
		  job->no_room.text);
	job->no_room.code = BROT_OK;
	job_fail(s, job, why.code, why.text);
	return true;
}

void tallies_turn(struct sched *s, bool is_tick)
{
	struct job *job, *next;
	if (s->counted_jobs == 0)
		return;
	HASH_ITER(hh, s->jobs, job, next)
	{
		if (!job_has_grids(job) || !job_is_unfinished(job))
			continue;
		bool has_tile = band_has_work(&job->bands[0]);
		if (!is_tick && !job->is_stirred && has_tile)
			continue;
		job->is_stirred = false;
		if (is_tick && fail_for_room(s, job))
			continue;
		turn(s, job, is_tick);
	}
}
