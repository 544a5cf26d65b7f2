/* sim_worker.c - make-believe workers, and what can happen to them. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_internal.h"

static void say(struct sim *sim, unsigned w, struct sched_event event)
{
	struct sim_worker_state *worker = &sim->workers[w];
	if (event.type == EVENT_DONE || event.type == EVENT_FAIL || event.type == EVENT_MAPPED) {
		worker->last_said = event;
		worker->last_said.session = worker->session;
	}
	struct flight *flight = sim_flight_new(sim);
	flight->is_to_broker = true;
	flight->worker = w + 1;
	flight->event = event;
	flight->event.peer = worker->link.peer;
	if (flight->event.session == 0)
		flight->event.session = worker->session;
	if (event.type == EVENT_HELLO) {
		flight->info.threads = worker->threads;
		memcpy(flight->info.id, worker->id, sizeof flight->info.id);
		(void)snprintf(flight->info.name, sizeof flight->info.name, "w%u", w + 1);
		strcpy(flight->info.kernel, "sim");
		flight->event.hello.random = sim_random(sim, 0) | 1;
	}
	sim_post(sim, flight, &worker->link);
}

void sim_worker_says(struct sim *sim, unsigned worker, const struct sched_event *event)
{
	say(sim, worker - 1, *event);
}

void sim_worker_blurts(struct sim *sim, unsigned worker, const struct sched_event *event)
{
	sim->workers[worker - 1].first_word = *event;
	sim->workers[worker - 1].has_first_word = true;
}

unsigned sim_worker(struct sim *sim, unsigned threads, int64_t us_per_row)
{
	assert(sim->worker_count < WORKERS_MAX);
	unsigned w = sim->worker_count++;
	struct sim_worker_state *worker = &sim->workers[w];
	*worker = (struct sim_worker_state){
		.is_alive = true,
		.wants_hello = true,
		.threads = threads,
		.us_per_row = us_per_row,
		.next_hello_ms = sim->now_ms,
	};
	sim_link_new(sim, &worker->link);
	worker->backlog_end = &worker->backlog;
	for (size_t i = 0; i < sizeof worker->id; i++)
		worker->id[i] = (uint8_t)sim_random(sim, 256);
	return w + 1;
}

unsigned sim_worker_local(struct sim *sim, unsigned threads, int64_t us_per_row)
{
	unsigned worker = sim_worker(sim, threads, us_per_row);
	sim->workers[worker - 1].is_local = true;
	return worker;
}

static int64_t tile_us(const struct sim_worker_state *worker, const struct held *held)
{
	return worker->us_per_row * held->rect.h / worker->threads + 1;
}

static void start_front(struct sim *sim, struct sim_worker_state *worker)
{
	if (worker->held_count > 0)
		worker->busy_until_us = sim->now_ms * 1000 + tile_us(worker, &worker->held[0]);
}

static void worker_forgets(struct sim_worker_state *worker)
{
	worker->held_count = worker->mapped_count = worker->counted_count = 0;
	worker->session = 0;
}

static void takes_tile(struct sim *sim, unsigned w, const struct sched_action *action)
{
	struct sim_worker_state *worker = &sim->workers[w];
	sim_note(sim, "w%u: tile %" PRIu64 "/%u attempt %u rows %u+%u", w + 1, action->tile.work,
		 action->tile.tile, action->tile.attempt, action->rect.y, action->rect.h);
	if (worker->held_count == HELD_MAX) {
		sim_break(sim, "worker w%u was sent more tiles than any asks for", w + 1);
		return;
	}
	worker->held[worker->held_count++] = (struct held){action->tile, action->rect};
	if (worker->held_count == 1)
		start_front(sim, worker);
}

static void takes_job(struct sim *sim, unsigned w, uint64_t work)
{
	struct sim_worker_state *worker = &sim->workers[w];
	const struct sim_job *job = sim_job_by_id(sim, work_job(work));
	bool must_answer = job != NULL && job->plan.grids > 0;
	if (!worker->is_local && must_answer)
		say(sim, w,
		    (struct sched_event){.type = EVENT_MAPPED, .work = work, .text = "far away"});
	if (!worker->is_local)
		return;
	bool has_room = worker->mapped_count < MAPPED_MAX;
	if (has_room)
		worker->mapped[worker->mapped_count++] = work;
	say(sim, w,
	    (struct sched_event){.type = EVENT_MAPPED, .work = work, .is_mapped = has_room});
}

static bool has_mapped(const struct sim_worker_state *worker, uint64_t work)
{
	for (unsigned i = 0; i < worker->mapped_count; i++)
		if (worker->mapped[i] == work)
			return true;
	return false;
}

static void leaves_if_done(struct sim *sim, unsigned w)
{
	struct sim_worker_state *worker = &sim->workers[w];
	if (!worker->is_draining || worker->held_count > 0 || worker->counted_count > 0 ||
	    !worker->is_alive)
		return;
	say(sim, w, (struct sched_event){.type = EVENT_BYE});
	worker->is_alive = false;
	sim_note(sim, "w%u: left", w + 1);
}

static unsigned without(uint64_t *works, unsigned count, uint64_t work)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++)
		if (works[i] != work)
			works[kept++] = works[i];
	return kept;
}

static void drops_work(struct sim *sim, struct sim_worker_state *worker, uint64_t work)
{
	bool was_front = worker->held_count > 0 && worker->held[0].name.work == work;
	unsigned kept = 0, mapped = 0;
	for (unsigned i = 0; i < worker->held_count; i++)
		if (worker->held[i].name.work != work)
			worker->held[kept++] = worker->held[i];
	worker->held_count = kept;
	for (unsigned i = 0; i < worker->mapped_count; i++)
		if (worker->mapped[i] != work)
			worker->mapped[mapped++] = worker->mapped[i];
	worker->mapped_count = mapped;
	worker->counted_count = without(worker->counted, worker->counted_count, work);
	if (was_front)
		start_front(sim, worker);
}

static void drops_tile(struct sim *sim, unsigned w, const struct tile_name *name)
{
	struct sim_worker_state *worker = &sim->workers[w];
	for (unsigned i = 0; i < worker->held_count; i++) {
		if (!is_same_tile(&worker->held[i].name, name))
			continue;
		memmove(&worker->held[i], &worker->held[i + 1],
			(--worker->held_count - i) * sizeof worker->held[0]);
		sim_note(sim, "w%u: gives up tile %u", w + 1, name->tile);
		if (i == 0)
			start_front(sim, worker);
		return;
	}
}

static void hears_welcome(struct sim *sim, unsigned w, const struct sched_action *action)
{
	struct sim_worker_state *worker = &sim->workers[w];
	worker->session = action->session;
	worker->wants_hello = false;
	worker->next_beat_ms = sim->now_ms + sim->limits.beat_ms;
	if (worker->has_first_word)
		say(sim, w, worker->first_word);
	worker->has_first_word = false;
	unsigned credit = worker->is_draining ? 0 : worker->threads + 1;
	say(sim, w, (struct sched_event){.type = EVENT_CREDIT, .credit = credit});
}

void sim_worker_hears(struct sim *sim, unsigned w, const struct sched_action *action)
{
	struct sim_worker_state *worker = &sim->workers[w];
	worker->heard_ms = sim->now_ms;
	bool is_ours = action->session == worker->session && worker->session != 0;
	if (action->type == ACTION_WELCOME && worker->session == 0) {
		hears_welcome(sim, w, action);
	} else if (action->type == ACTION_REREGISTER && is_ours) {
		worker_forgets(worker);
		worker->wants_hello = true;
		worker->next_hello_ms = sim->now_ms;
	} else if (action->type == ACTION_JOB && is_ours) {
		takes_job(sim, w, action->work);
	} else if (action->type == ACTION_TILE && is_ours) {
		takes_tile(sim, w, action);
	} else if (action->type == ACTION_CANCEL && is_ours) {
		drops_work(sim, worker, action->work);
	} else if (action->type == ACTION_REVOKE && is_ours) {
		drops_tile(sim, w, &action->tile);
	} else if (action->type == ACTION_DRAIN && is_ours) {
		worker->is_draining = true;
	}
	leaves_if_done(sim, w);
}

/* Of a grid of its own. */
static void keeps_counts(struct sim_worker_state *worker, const struct tile_name *name)
{
	if (worker->is_local || !work_is_grid(name->work) || name->phase != 0 ||
	    worker->counted_count == MAPPED_MAX)
		return;
	worker->counted_count = without(worker->counted, worker->counted_count, name->work);
	worker->counted[worker->counted_count++] = name->work;
}

static void finishes_tile(struct sim *sim, unsigned w)
{
	struct sim_worker_state *worker = &sim->workers[w];
	struct held done = worker->held[0];
	memmove(&worker->held[0], &worker->held[1], --worker->held_count * sizeof done);
	struct sched_event event = {.tile = done.name};
	if (worker->fail_next > 0) {
		worker->fail_next--;
		event.type = EVENT_FAIL;
		event.code = BROT_E_SYSTEM;
		event.text = "it was told to fail";
	} else {
		event.type = EVENT_DONE;
		event.iterations = (uint64_t)done.rect.w * done.rect.h;
		event.done.elapsed_us = tile_us(worker, &done);
		event.done.has_pixels = work_is_grid(done.name.work)
						? done.name.phase == 1
						: !has_mapped(worker, done.name.work);
		worker->tiles_done++;
		keeps_counts(worker, &done.name);
	}
	say(sim, w, event);
	if (worker->held_count > 0)
		worker->busy_until_us += tile_us(worker, &worker->held[0]);
	leaves_if_done(sim, w);
}

void sim_worker_lives(struct sim *sim, unsigned w)
{
	struct sim_worker_state *worker = &sim->workers[w];
	if (!worker->is_alive || worker->is_frozen)
		return;
	while (worker->held_count > 0 && worker->busy_until_us <= sim->now_ms * 1000)
		finishes_tile(sim, w);
	if (worker->is_alive && worker->session != 0 && sim->now_ms >= worker->next_beat_ms) {
		worker->next_beat_ms = sim->now_ms + sim->limits.beat_ms;
		say(sim, w, (struct sched_event){.type = EVENT_BEAT});
	}
	bool is_deserted = worker->session != 0 &&
			   sim->now_ms - worker->heard_ms >= sim->limits.lost_ms;
	if (is_deserted) {
		worker_forgets(worker);
		worker->wants_hello = true;
		worker->next_hello_ms = sim->now_ms;
	}
	if (worker->is_alive && worker->wants_hello && sim->now_ms >= worker->next_hello_ms) {
		worker->next_hello_ms = sim->now_ms + HELLO_MS;
		say(sim, w, (struct sched_event){.type = EVENT_HELLO});
	}
}

int64_t sim_worker_wakes_ms(const struct sim *sim, unsigned w)
{
	const struct sim_worker_state *worker = &sim->workers[w];
	if (!worker->is_alive || worker->is_frozen)
		return SCHED_NEVER;
	int64_t wakes_ms = SCHED_NEVER;
	if (worker->held_count > 0)
		wakes_ms = (worker->busy_until_us + 999) / 1000;
	if (worker->session != 0 && worker->next_beat_ms < wakes_ms)
		wakes_ms = worker->next_beat_ms;
	if (worker->session != 0 && worker->heard_ms + sim->limits.lost_ms < wakes_ms)
		wakes_ms = worker->heard_ms + sim->limits.lost_ms;
	if (worker->wants_hello && worker->next_hello_ms < wakes_ms)
		wakes_ms = worker->next_hello_ms;
	return wakes_ms;
}

/* Of grids, those behind the one under way; rows too, as it likes. */
static void returns_unbegun(struct sim *sim, unsigned w)
{
	struct sim_worker_state *worker = &sim->workers[w];
	unsigned kept = worker->held_count > 0;
	bool returns_rows = worker->counted_count > 0 && sim_random(sim, 2) == 0;
	for (unsigned i = 1; i < worker->held_count; i++) {
		const struct tile_name *name = &worker->held[i].name;
		if (work_is_grid(name->work) && (name->phase == 0 || returns_rows))
			say(sim, w,
			    (struct sched_event){.type = EVENT_FAIL,
						 .tile = *name,
						 .code = BROT_E_CANCELLED,
						 .text = "it was not begun"});
		else
			worker->held[kept++] = worker->held[i];
	}
	worker->held_count = kept;
}

/* What can happen to one */

void sim_kill(struct sim *sim, unsigned worker)
{
	sim->workers[worker - 1].is_alive = false;
	sim_note(sim, "w%u: killed", worker);
}

void sim_parent_tells(struct sim *sim, unsigned worker)
{
	struct sim_worker_state *w = &sim->workers[worker - 1];
	if (w->session == 0)
		return;
	struct flight *flight = sim_flight_new(sim);
	flight->is_to_broker = true;
	flight->event = (struct sched_event){
		.type = EVENT_GONE, .peer = PARENT_PEER, .session = w->session};
	sim_post(sim, flight, NULL);
}

void sim_unreachable(struct sim *sim, unsigned worker)
{
	struct flight *flight = sim_flight_new(sim);
	flight->is_to_broker = true;
	flight->event = (struct sched_event){.type = EVENT_UNREACHABLE,
					     .peer = sim->workers[worker - 1].link.peer};
	sim_post(sim, flight, NULL);
}

void sim_freeze(struct sim *sim, unsigned worker)
{
	sim->workers[worker - 1].is_frozen = true;
	sim_note(sim, "w%u: stopped", worker);
}

void sim_thaw(struct sim *sim, unsigned worker)
{
	struct sim_worker_state *w = &sim->workers[worker - 1];
	w->is_frozen = false;
	if (w->busy_until_us < sim->now_ms * 1000)
		w->busy_until_us = sim->now_ms * 1000;
	sim_note(sim, "w%u: continued", worker);
	while (w->backlog != NULL) {
		struct flight *flight = w->backlog;
		w->backlog = flight->next;
		sim_arrive(sim, flight);
		sim_flight_free(sim, flight);
	}
	w->backlog_end = &w->backlog;
}

void sim_reconnect(struct sim *sim, unsigned worker)
{
	sim_link_new(sim, &sim->workers[worker - 1].link);
	sim_note(sim, "w%u: connects again", worker);
}

void sim_drain(struct sim *sim, unsigned worker)
{
	struct sim_worker_state *w = &sim->workers[worker - 1];
	w->is_draining = true;
	if (w->session != 0)
		say(sim, worker - 1, (struct sched_event){.type = EVENT_CREDIT, .credit = 0});
	returns_unbegun(sim, worker - 1);
}

void sim_credit(struct sim *sim, unsigned worker, unsigned credit)
{
	if (sim->workers[worker - 1].session != 0)
		say(sim, worker - 1, (struct sched_event){.type = EVENT_CREDIT, .credit = credit});
}

void sim_speed(struct sim *sim, unsigned worker, int64_t us_per_row)
{
	sim->workers[worker - 1].us_per_row = us_per_row;
}

void sim_fail_next(struct sim *sim, unsigned worker, unsigned tiles)
{
	sim->workers[worker - 1].fail_next = tiles;
}

void sim_echo(struct sim *sim, unsigned worker)
{
	const struct sched_event *said = &sim->workers[worker - 1].last_said;
	if (said->session != 0)
		sim_worker_says(sim, worker, said);
}
