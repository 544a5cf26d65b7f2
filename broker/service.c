/* service.c - what systemd is told of this broker. */
#include "broker/server_internal.h"
#include "proto/sys/clock.h"

#define PATIENCE_MS 60000 /* that our end may take: the last checkpoints, and goodbyes */

void service_open(struct server *server)
{
	server->notify = server->config->is_embedded ? NOTIFY_OFF : notify_open();
	server->told_ms = server->started_ms;
}

void service_turn(struct server *server)
{
	if (!notify_turn(&server->notify, server->now_ms))
		return;
	struct sched_totals now;
	sched_totals(server->sched, &now);
	int64_t passed_ms = server->now_ms - server->told_ms;
	double seconds = passed_ms > 0 ? (double)passed_ms / 1e3 : 1;
	double tiles = (double)(now.tiles_done - server->told_tiles) / seconds;
	double iterations = (double)(now.iterations - server->told_iterations) / seconds;
	notify_status(&server->notify,
		      "jobs: %u running, %u queued, %u paused, %u finished, %u failed; workers: "
		      "%u; %.1f tiles/s, %.1f M iterations/s",
		      now.jobs_running, now.jobs_queued, now.jobs_paused, now.jobs_finished,
		      now.jobs_failed, now.workers, tiles, iterations / 1e6);
	server->told_ms = server->now_ms;
	server->told_tiles = now.tiles_done;
	server->told_iterations = now.iterations;
}

void service_stopping(struct server *server)
{
	notify_stopping(&server->notify, PATIENCE_MS);
}
