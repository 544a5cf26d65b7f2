/*
 * sched_copy.c - second copies: near the end of the work, workers that have nothing to do render
 * what others have had for suspiciously long.
 *
 * At ticks alone, since it looks at every lease. A worker gets a copy only for a thread that would
 * be idle: behind its other tiles a copy would help nobody.
 */
#include "broker/sched_internal.h"

#include <stdlib.h>

#define COPY_LEAST_MS 250 /* no lease is copied sooner */

/* Leases to be copied, oldest first. */
struct suspects {
	struct lease **leases;
	size_t first, count; /* those before `first` have their copy */
};

static bool is_suspicious(const struct sched *s, const struct lease *lease)
{
	const struct tile *tile = lease->tile;
	const struct job *job = tile->band->job;
	if (tile->lease_count != 1 || tile->tally != NULL || job->is_paused)
		return false;
	int64_t expected_ms = tile_expected_us(s, tile) / 1000 *
			      (1 + lease->place / lease->worker->info.threads);
	int64_t most_ms = 2 * expected_ms > COPY_LEAST_MS ? 2 * expected_ms : COPY_LEAST_MS;
	return s->now_ms - lease->leased_ms >= most_ms;
}

/* By age; then by name, so that the order does not depend on where things lie in memory. */
static int compare(const void *a, const void *b)
{
	const struct lease *x = *(struct lease *const *)a, *y = *(struct lease *const *)b;
	uint64_t work_x = band_work(x->tile->band), work_y = band_work(y->tile->band);
	if (x->leased_ms != y->leased_ms)
		return x->leased_ms < y->leased_ms ? -1 : 1;
	if (work_x != work_y)
		return work_x < work_y ? -1 : 1;
	return x->tile->id < y->tile->id ? -1 : 1;
}

static struct suspects find_suspects(const struct sched *s)
{
	size_t held = 0;
	struct suspects found = {0};
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		held += w->held;
	if (held == 0)
		return found;
	found.leases = sched_alloc(held * sizeof(struct lease *));
	for (const struct worker *w = s->workers; w != NULL; w = w->hh.next)
		for (struct lease *lease = w->leases; lease != NULL; lease = lease->next)
			if (is_suspicious(s, lease))
				found.leases[found.count++] = lease;
	qsort(found.leases, found.count, sizeof(struct lease *), compare);
	return found;
}

static bool may_copy(const struct lease *lease, const struct worker *worker)
{
	const struct tile *tile = lease->tile;
	return tile->lease_count == 1 && tile->tally == NULL && lease->worker != worker &&
	       worker_may_render(worker, tile->band->job) && !tile_has_failed_on(tile, worker);
}

static bool copy_to(struct sched *s, struct worker *worker, struct suspects *suspects)
{
	struct lease **leases = suspects->leases;
	while (suspects->first < suspects->count && leases[suspects->first]->tile->lease_count != 1)
		suspects->first++;
	size_t i = suspects->first;
	while (i < suspects->count && !may_copy(leases[i], worker))
		i++;
	if (i == suspects->count)
		return false;
	struct tile *tile = leases[i]->tile;
	sched_note(s,
		   "second copy leased job=%llu tile=%u worker=\"%s\" holder=\"%s\" held_ms=%lld",
		   (unsigned long long)tile->band->job->id, tile->id, worker->info.name,
		   leases[i]->worker->info.name, (long long)(s->now_ms - leases[i]->leased_ms));
	lease_begin(s, tile, worker);
	return true;
}

void copy_dispatch(struct sched *s)
{
	if (s->ready == NULL)
		return;
	struct suspects suspects = find_suspects(s);
	struct worker *refused_first = NULL; /* the pass ends when it comes round again */
	while (suspects.first < suspects.count && s->ready != NULL && s->ready != refused_first) {
		struct worker *worker = s->ready;
		bool is_idle = worker->held < worker->info.threads;
		bool has_copied = is_idle && copy_to(s, worker, &suspects);
		DL_DELETE(s->ready, worker);
		worker->is_ready = false;
		worker_make_ready(s, worker);
		if (!has_copied && refused_first == NULL)
			refused_first = worker;
	}
	free(suspects.leases);
}
