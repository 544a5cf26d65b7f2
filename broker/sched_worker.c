/*
 * sched_worker.c - what workers say, and what their silence means.
 *
 * A session belongs to one connection. What comes for a session we do not know, or over another
 * connection, is answered with REREGISTER: the worker drops everything and says HELLO again, so a
 * message lost with the old connection cannot leave the two sides of different minds.
 */
#include "broker/sched_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hex.h"

void worker_make_ready(struct sched *s, struct worker *worker)
{
	bool should = worker->held < worker->credit && !worker->is_draining;
	if (should == worker->is_ready)
		return;
	worker->is_ready = should;
	if (should)
		DL_APPEND(s->ready, worker);
	else
		DL_DELETE(s->ready, worker);
}

static struct worker *worker_of_peer(const struct sched *s, uint64_t peer)
{
	struct worker *worker;
	HASH_FIND(hh_peer, s->workers_by_peer, &peer, sizeof peer, worker);
	return worker;
}

bool sched_is_worker(const struct sched *s, uint64_t peer)
{
	return worker_of_peer(s, peer) != NULL;
}

void worker_end(struct sched *s, struct worker *worker, const char *why)
{
	sched_note(s,
		   "worker ended name=\"%s\" session=%016llx tiles_done=%u tiles_returned=%u "
		   "reason=\"%s\"",
		   worker->info.name, (unsigned long long)worker->session, worker->tiles_done,
		   worker->held, why);
	worker->is_draining = true;
	worker_make_ready(s, worker);
	tally_worker_ends(s, worker, false);
	while (worker->leases != NULL)
		lease_return(s, worker->leases);
	tally_worker_ends(s, worker, true);
	s->threads -= worker->info.threads;
	HASH_DELETE(hh, s->workers, worker);
	HASH_DELETE(hh_peer, s->workers_by_peer, worker);
	free(worker);
}

/* Ends one that what it was rendering may have killed or hung. Tiles are rendered in the order in
 * which they were leased; those that waited behind the threads had no part in it. */
static void worker_lose(struct sched *s, struct worker *worker, const char *why)
{
	uint32_t rendering = worker->info.threads;
	for (struct lease *lease = worker->leases; lease != NULL && rendering > 0; rendering--) {
		lease->tile->lost++;
		lease = lease->next;
	}
	worker_end(s, worker, why);
}

static void hello(struct sched *s, const struct sched_event *event)
{
	const struct worker_info *info = event->hello.info;
	struct worker *old = worker_of_peer(s, event->peer);
	bool is_same = old != NULL && memcmp(old->info.id, info->id, sizeof info->id) == 0;
	if (is_same && !old->has_spoken) {
		/* It has not seen our WELCOME yet. */
		old->heard_ms = s->now_ms;
		sched_emit(s, ACTION_WELCOME, event->peer)->session = old->session;
		return;
	}
	if (old != NULL)
		worker_end(s, old,
			   is_same ? "it started again"
				   : "another worker spoke over its connection");
	struct worker *other, *next;
	HASH_ITER(hh, s->workers, other, next)
	if (memcmp(other->info.id, info->id, sizeof info->id) == 0)
		worker_end(s, other, "it connected again");

	if (HASH_COUNT(s->workers) >= s->limits.workers) {
		sched_refuse(s, event->peer, 0, BROT_E_BUSY,
			     "worker: the broker takes at most %u workers", s->limits.workers);
		return;
	}
	struct worker *worker;
	HASH_FIND(hh, s->workers, &event->hello.random, sizeof event->hello.random, worker);
	if (worker != NULL || event->hello.random == 0 || info->threads == 0) {
		sched_refuse(s, event->peer, 0, BROT_E_BUSY, "worker: no session is free");
		return;
	}
	worker = sched_alloc(sizeof *worker);
	worker->session = event->hello.random;
	worker->peer = event->peer;
	worker->info = *info;
	worker->connected_ms = worker->heard_ms = s->now_ms;
	s->threads += info->threads;
	HASH_ADD(hh, s->workers, session, sizeof worker->session, worker);
	HASH_ADD(hh_peer, s->workers_by_peer, peer, sizeof worker->peer, worker);
	sched_emit(s, ACTION_WELCOME, event->peer)->session = worker->session;
	sched_note(s,
		   "worker joined name=\"%s\" session=%016llx pid=%lld threads=%u kernel=%s "
		   "version=%s",
		   info->name, (unsigned long long)worker->session, (long long)info->pid,
		   info->threads, info->kernel, info->version);
}

static void mapped(struct sched *s, struct worker *worker, const struct sched_event *event)
{
	if (work_is_grid(event->work)) {
		tally_mapped(s, worker, event);
		return;
	}
	const struct band *band = band_of_work(s, event->work);
	if (band == NULL || !worker->bands[band->slot].knows)
		return; /* of one that has ended meanwhile */
	worker->bands[band->slot].is_mapped = event->is_mapped;
	worker->bands[band->slot].has_answered = true;
	worker->is_local |= event->is_mapped;
	if (!event->is_mapped)
		sched_note(s, "worker sends pixels name=\"%s\" job=%llu band=%u reason=\"%s\"",
			   worker->info.name, (unsigned long long)band->job->id, band->index,
			   event->text != NULL ? event->text : "");
}

static void done(struct sched *s, struct worker *worker, const struct sched_event *event)
{
	struct lease *lease = lease_find(s, worker, &event->tile);
	if (lease == NULL)
		return; /* late: somebody else has it, or it is done, or its job has ended */
	const struct tile *tile = lease->tile;
	bool may_be_bare = tile->tally != NULL ? !tile->is_rows
					       : worker->bands[tile->band->slot].is_mapped;
	if (!event->done.has_pixels && !may_be_bare) {
		sched_refuse(s, worker->peer, 0, BROT_E_PROTOCOL,
			     "DONE: must carry pixels from a worker that has not mapped the image");
		worker_end(s, worker, "it sent a tile without pixels");
		return;
	}
	lease_accept(s, lease, event->done.elapsed_us, event->iterations);
}

/* A failure of a tile of counts may have left some of it: what else is in the grid is worth nothing
 * either. */
static void give_up_grid(struct sched *s, const struct sched_event *event, const char *why)
{
	struct tally *tally = work_is_grid(event->tile.work) ? tally_of_work(s, event->tile.work)
							     : NULL;
	if (tally != NULL)
		tally_discard(s, tally, why);
}

/* What was not begun of a grid when its worker began to leave. Rows are nobody else's: how often
 * they come back has an end. */
static bool is_given_back(const struct sched_event *event, const struct tile *tile,
			  const struct worker *worker)
{
	return tile->tally != NULL && event->code == BROT_E_CANCELLED && worker->is_draining &&
	       (!tile->is_rows || tile->attempt < LIMIT_TILE_LEASES);
}

static void give_back(struct sched *s, struct lease *lease)
{
	struct tile *tile = lease->tile;
	struct worker *worker = lease->worker;
	if (!tile->is_rows) {
		lease_return(s, lease);
		return;
	}
	lease_void(s, lease);
	lease_begin(s, tile, worker);
}

static void fail(struct sched *s, struct worker *worker, const struct sched_event *event)
{
	struct lease *lease = lease_find(s, worker, &event->tile);
	if (lease == NULL)
		return;
	struct tile *tile = lease->tile;
	struct job *job = tile->band->job;
	if (is_given_back(event, tile, worker)) {
		give_back(s, lease);
		return;
	}
	struct acquaintance *known = &worker->jobs[job->slot];
	const char *text = event->text != NULL ? event->text : "";
	worker->failures++;
	if (known->strikes < LIMIT_WORKER_STRIKES)
		known->strikes++;
	if (tile->failures < LIMIT_TILE_ATTEMPTS)
		tile->failed_on[tile->failures] = worker->session;
	tile->failures++;
	error_set(&job->last_failure, BROT_E_FAILED, "last on %s: %s", worker->info.name, text);
	sched_note(s, "tile failed job=%llu tile=%u attempt=%u worker=\"%s\" reason=\"%s\"",
		   (unsigned long long)job->id, tile->id, lease->attempt, worker->info.name, text);
	if (tile->failures < LIMIT_TILE_ATTEMPTS || tile->lease_count > 1) {
		lease_return(s, lease);
		give_up_grid(s, event, text);
		return;
	}
	struct brot_error why;
	char rows[TILE_ROWS_CHARS];
	tile_rows_str(tile, rows);
	error_set(&why, BROT_E_FAILED, "%s failed %u times, %s", rows, tile->failures,
		  job->last_failure.text);
	job_fail(s, job, why.code, why.text);
}

static void credit(struct sched *s, struct worker *worker, uint32_t tiles)
{
	bool is_draining = tiles == 0 || worker->was_told_to_drain;
	if (is_draining && !worker->is_draining)
		sched_note(s, "worker draining name=\"%s\" session=%016llx tiles=%u",
			   worker->info.name, (unsigned long long)worker->session, worker->held);
	worker->credit = tiles < LIMIT_CREDIT ? tiles : LIMIT_CREDIT;
	worker->is_draining = is_draining;
	worker_make_ready(s, worker);
	if (is_draining)
		tallies_stir_all(s);
}

/* By its name, by the part of it before a '/', which tells the processes of a host apart, or by its
 * id. */
static bool is_called(const struct worker *worker, const char *name)
{
	char id[2 * sizeof worker->info.id + 1];
	hex_write(worker->info.id, sizeof worker->info.id, id);
	const size_t chars = strlen(name);
	bool is_of_host = chars > 0 && strncmp(worker->info.name, name, chars) == 0 &&
			  worker->info.name[chars] == '/';
	return is_of_host || strcmp(worker->info.name, name) == 0 || strcmp(id, name) == 0;
}

void worker_drain(struct sched *s, const struct sched_event *event)
{
	uint32_t count = 0;
	const char *name = event->text != NULL ? event->text : "";
	for (struct worker *w = s->workers; w != NULL; w = w->hh.next) {
		if (!is_called(w, name))
			continue;
		count++;
		if (!w->is_draining)
			sched_note(s, "worker draining name=\"%s\" session=%016llx tiles=%u",
				   w->info.name, (unsigned long long)w->session, w->held);
		w->is_draining = w->was_told_to_drain = true;
		worker_make_ready(s, w);
		tallies_stir_all(s);
		sched_emit(s, ACTION_DRAIN, w->peer)->session = w->session;
	}
	if (count == 0)
		sched_refuse(s, event->peer, 0, BROT_E_NOT_FOUND, "worker: \"%s\" is not connected",
			     name);
	else
		sched_emit(s, ACTION_DRAINING, event->peer)->count = count;
}

/* The worker a session event is about; NULL, with the peer told, where there is none. */
static struct worker *session_worker(struct sched *s, const struct sched_event *event)
{
	struct worker *worker;
	HASH_FIND(hh, s->workers, &event->session, sizeof event->session, worker);
	if (worker != NULL && worker->peer == event->peer) {
		worker->heard_ms = s->now_ms;
		worker->has_spoken = true;
		return worker;
	}
	if (worker != NULL)
		worker_end(s, worker, "its session came over another connection");
	sched_emit(s, ACTION_REREGISTER, event->peer)->session = event->session;
	return NULL;
}

static void gone(struct sched *s, const struct sched_event *event)
{
	struct worker *worker;
	HASH_FIND(hh, s->workers, &event->session, sizeof event->session, worker);
	if (worker != NULL)
		worker_lose(s, worker, "its parent process says it died");
}

static void unreachable(struct sched *s, const struct sched_event *event)
{
	struct worker *worker = worker_of_peer(s, event->peer);
	if (worker != NULL)
		worker_end(s, worker, "its connection is gone");
}

bool sched_tile_rect(const struct sched *s, const struct sched_event *event, struct rect *ret_rect)
{
	struct worker *worker;
	HASH_FIND(hh, s->workers, &event->session, sizeof event->session, worker);
	const struct lease *lease = worker != NULL && worker->peer == event->peer
					    ? lease_find(s, worker, &event->tile)
					    : NULL;
	if (lease == NULL)
		return false;
	*ret_rect = tile_rect(lease->tile);
	return true;
}

void worker_event(struct sched *s, const struct sched_event *event)
{
	if (event->type == EVENT_HELLO) {
		hello(s, event);
		return;
	}
	if (event->type == EVENT_GONE) {
		gone(s, event);
		return;
	}
	if (event->type == EVENT_UNREACHABLE) {
		unreachable(s, event);
		return;
	}
	struct worker *worker = session_worker(s, event);
	if (worker == NULL)
		return;
	if (event->type == EVENT_CREDIT)
		credit(s, worker, event->credit);
	else if (event->type == EVENT_MAPPED)
		mapped(s, worker, event);
	else if (event->type == EVENT_DONE)
		done(s, worker, event);
	else if (event->type == EVENT_FAIL)
		fail(s, worker, event);
	else if (event->type == EVENT_BEAT)
		/* The echo is how a worker knows that its broker lives. */
		sched_emit(s, ACTION_WELCOME, worker->peer)->session = worker->session;
	else if (event->type == EVENT_BYE)
		worker_end(s, worker, "it said BYE");
	else
		assert(false);
}

/* A worker that beats but does not finish a tile in several times its cost is not to be trusted
 * with the others it holds either: it starts again from HELLO. */
static const struct lease *lease_that_is_over(const struct sched *s, const struct worker *worker)
{
	for (const struct lease *lease = worker->leases; lease != NULL; lease = lease->next)
		if (s->now_ms >= lease->end_ms)
			return lease;
	return NULL;
}

void worker_tick(struct sched *s)
{
	struct worker *worker, *next;
	HASH_ITER(hh, s->workers, worker, next)
	{
		const struct lease *over = lease_that_is_over(s, worker);
		if (s->now_ms - worker->heard_ms >= s->limits.lost_ms) {
			worker_lose(s, worker, "it has been silent");
		} else if (over != NULL) {
			sched_note(s, "lease over job=%llu tile=%u attempt=%u worker=\"%s\"",
				   (unsigned long long)over->tile->band->job->id, over->tile->id,
				   over->attempt, worker->info.name);
			sched_emit(s, ACTION_REREGISTER, worker->peer)->session = worker->session;
			worker_lose(s, worker, "a lease of it ran out");
		}
	}
}
