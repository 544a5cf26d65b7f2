/* measure.c - the numbers of a broker as they are now, beside those that are counted. */
#include <brot/version.h>
#include <string.h>

#include "broker/server_internal.h"
#include "proto/sys/clock.h"
#include "proto/sys/descriptors.h"

static void add_threads(const struct worker_report *report, void *context)
{
	*(uint64_t *)context += report->info->threads;
}

static void measure_side(struct server *server, enum peer_side side)
{
	struct metrics *m = &server->metrics;
	const struct sock *sock = server->sockets[side];
	m->messages[side][METRICS_RECEIVED] = sock_messages_received(sock);
	m->messages[side][METRICS_SENT] = sock_messages_sent(sock);
	m->bytes[side][METRICS_RECEIVED] = sock_bytes_received(sock);
	m->bytes[side][METRICS_SENT] = sock_bytes_sent(sock);
}

char *measure_text(void *context)
{
	struct server *server = context;
	struct metrics *m = &server->metrics;
	struct sched_totals totals;
	sched_totals(server->sched, &totals);
	const uint64_t jobs[] = {totals.jobs_queued, totals.jobs_running, totals.jobs_paused,
				 totals.jobs_finished, totals.jobs_failed};
	memcpy(m->jobs, jobs, sizeof m->jobs);
	m->uptime_ms = (uint64_t)(clock_ms() - server->started_ms);
	m->workers = totals.workers;
	m->threads = 0;
	sched_each_worker(server->sched, server->now_ms, add_threads, &m->threads);
	m->peers = peers_count(server->peers);
	m->image_bytes = totals.image_bytes;
	m->image_budget_bytes = server->config->limits.image_bytes;
	measure_side(server, SIDE_CLIENT);
	measure_side(server, SIDE_WORKER);
	journal_counts(server->journal, &m->store_commits, &m->store_failures);
	m->turned_away = descriptors_turned_away();
	return metrics_text(m, BROT_VERSION);
}
