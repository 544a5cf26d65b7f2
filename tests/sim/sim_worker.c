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
	struct flight *flight = sim_flight_new();
	flight->is_to_broker = true;
	flight->worker = w + 1;
	flight->connection = worker->connection;
	flight->event = event;
	flight->event.peer = worker->peer;
	if (flight->event.session == 0)
		flight->event.session = worker->session;
	if (event.type == EVENT_HELLO) {
		flight->info.threads = worker->threads;
		memcpy(flight->info.id, worker->id, sizeof flight->info.id);
		(void)snprintf(flight->info.name, sizeof flight->info.name, "w%u", w + 1);
		strcpy(flight->info.kernel, "sim");
		flight->event.hello.random = sim_random(sim, 0) | 1;
	}
	sim_post(sim, flight);
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
		.peer = ++sim->last_peer,
		.connection = ++sim->last_connection,
		.next_hello_ms = sim->now_ms,
	};
	worker->backlog_end = &worker->backlog;
	for (size_t i = 0; i < sizeof worker->id; i++)
		worker->id[i] = (uint8_t)sim_random(sim, 256);
	return w + 1;
}

static int64_t tile_us(const struct sim_worker_state *worker, const struct held *held)
{
	return worker->us_per_row * held->rect.h / worker->threads + 1;
}

static void worker_forgets(struct sim_worker_state *worker)
{
	worker->held_count = 0;
	worker->session = 0;
}

static void worker_takes_tile(struct sim *sim, unsigned w, const struct sched_action *action)
{
	struct sim_worker_state *worker = &sim->workers[w];
	sim_note(sim, "w%u: tile %" PRIu64 "/%u attempt %u rows %u+%u", w + 1, action->tile.job,
		 action->tile.tile, action->tile.attempt, action->rect.y, action->rect.h);
	if (worker->held_count >= worker->threads + 1) {
		sim_break(sim, "worker w%u was sent more tiles than its credit", w + 1);
		return;
	}
	worker->held[worker->held_count++] = (struct held){action->tile, action->rect};
	if (worker->held_count == 1)
		worker->busy_until_us = sim->now_ms * 1000 + tile_us(worker, &worker->held[0]);
}

void sim_worker_hears(struct sim *sim, unsigned w, const struct sched_action *action)
{
	struct sim_worker_state *worker = &sim->workers[w];
	worker->heard_ms = sim->now_ms;
	bool is_ours = action->session == worker->session && worker->session != 0;
	if (action->type == ACTION_WELCOME && worker->session == 0) {
		worker->session = action->session;
		worker->wants_hello = false;
		worker->next_beat_ms = sim->now_ms + sim->limits.beat_ms;
		say(sim, w,
		    (struct sched_event){.type = EVENT_CREDIT, .credit = worker->threads + 1});
	} else if (action->type == ACTION_REREGISTER && is_ours) {
		worker_forgets(worker);
		worker->wants_hello = true;
		worker->next_hello_ms = sim->now_ms;
	} else if (action->type == ACTION_TILE && is_ours) {
		worker_takes_tile(sim, w, action);
	} else if (action->type == ACTION_CANCEL && is_ours) {
		unsigned kept = 0;
		for (unsigned i = 0; i < worker->held_count; i++)
			if (worker->held[i].name.job != action->job)
				worker->held[kept++] = worker->held[i];
		if (kept > 0 && worker->held[0].name.job != action->job)
			worker->busy_until_us = sim->now_ms * 1000 +
						tile_us(worker, &worker->held[0]);
		worker->held_count = kept;
	}
}

static void worker_finishes(struct sim *sim, unsigned w)
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
		event.done.has_pixels = true;
		worker->last_done = done.name;
		worker->last_session = worker->session;
		worker->tiles_done++;
	}
	say(sim, w, event);
	if (worker->held_count > 0)
		worker->busy_until_us += tile_us(worker, &worker->held[0]);
	else if (worker->is_draining) {
		say(sim, w, (struct sched_event){.type = EVENT_BYE});
		worker->is_alive = false;
		sim_note(sim, "w%u: left", w + 1);
	}
}

void sim_worker_lives(struct sim *sim, unsigned w)
{
	struct sim_worker_state *worker = &sim->workers[w];
	if (!worker->is_alive || worker->is_frozen)
		return;
	while (worker->held_count > 0 && worker->busy_until_us <= sim->now_ms * 1000)
		worker_finishes(sim, w);
	if (worker->is_alive && worker->session != 0 && sim->now_ms >= worker->next_beat_ms) {
		worker->next_beat_ms = sim->now_ms + sim->limits.beat_ms;
		say(sim, w, (struct sched_event){.type = EVENT_BEAT});
	}
	bool is_deserted = worker->session != 0 &&
			   sim->now_ms - worker->heard_ms >= sim->limits.lost_ms;
	if (is_deserted) {
		worker_forgets(worker);
		worker->wants_hello = true;
	}
	if (worker->wants_hello && sim->now_ms >= worker->next_hello_ms) {
		worker->next_hello_ms = sim->now_ms + HELLO_MS;
		say(sim, w, (struct sched_event){.type = EVENT_HELLO});
	}
}

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
	struct flight *flight = sim_flight_new();
	flight->is_to_broker = true;
	flight->event = (struct sched_event){
		.type = EVENT_GONE, .peer = 1u << 30, .session = w->session};
	sim_post(sim, flight);
}

void sim_freeze(struct sim *sim, unsigned worker)
{
	sim->workers[worker - 1].is_frozen = true;
	sim_note(sim, "w%u: stopped", worker);
}

void sim_reconnect(struct sim *sim, unsigned worker)
{
	struct sim_worker_state *w = &sim->workers[worker - 1];
	w->connection = ++sim->last_connection;
	w->peer = ++sim->last_peer;
	sim_note(sim, "w%u: connects again", worker);
}

void sim_drain(struct sim *sim, unsigned worker)
{
	sim->workers[worker - 1].is_draining = true;
	say(sim, worker - 1, (struct sched_event){.type = EVENT_CREDIT, .credit = 0});
}

void sim_fail_next(struct sim *sim, unsigned worker, unsigned tiles)
{
	sim->workers[worker - 1].fail_next += tiles;
}

void sim_echo(struct sim *sim, unsigned worker)
{
	const struct sim_worker_state *w = &sim->workers[worker - 1];
	if (w->last_done.job == 0 || w->session == 0)
		return;
	struct sched_event event = {
		.type = EVENT_DONE,
		.session = w->last_session,
		.tile = w->last_done,
		.done = {.has_pixels = true},
	};
	say(sim, worker - 1, event);
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
		free(flight);
	}
	w->backlog_end = &w->backlog;
}
