/* test_metrics.c - what a step counts, and the text that Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "broker/metrics.h"
#include "broker/peers.h"
#include "proto/error.h"

static void step(struct metrics *m, enum sched_event_type type, struct sched_action *items,
		 size_t count)
{
	const struct sched_actions actions = {.items = items, .count = count, .capacity = count};
	const struct sched_event event = {
		.type = type, .iterations = 1000, .done.elapsed_us = 2500000};
	metrics_step(m, &event, &actions);
}

static void steps_are_counted(void **state)
{
	(void)state;
	struct metrics m = {0};
	struct sched_action leases[] = {
		{.type = ACTION_TILE, .tile.attempt = 1},
		{.type = ACTION_TILE, .tile.attempt = 2},
		{.type = ACTION_JOB},
	};
	step(&m, EVENT_CREDIT, leases, 3);
	assert_int_equal(m.leases, 2);
	assert_int_equal(m.leases_again, 1);

	struct sched_action done[] = {{.type = ACTION_APPLY}, {.type = ACTION_REVOKE}};
	step(&m, EVENT_DONE, done, 2);
	step(&m, EVENT_DONE, NULL, 0); /* a late one */
	assert_int_equal(m.tiles_done, 1);
	assert_int_equal(m.tiles_revoked, 1);
	assert_int_equal(m.iterations, 1000);
	assert_int_equal(m.worker_us, 2500000);

	struct sched_action counted[] = {
		{.type = ACTION_COUNTED,
		 .report = {.tiles_done = 5, .iterations = 70, .worker_us = 800}}};
	step(&m, EVENT_COMMITTED, counted, 1);
	assert_int_equal(m.grids, 1);
	assert_int_equal(m.tiles_done, 6);
	assert_int_equal(m.iterations, 1070);
	assert_int_equal(m.worker_us, 2500800);

	struct sched_action refused[] = {{.type = ACTION_REFUSE}},
			    lost[] = {{.type = ACTION_REREGISTER}};
	step(&m, EVENT_FAIL, NULL, 0);
	step(&m, EVENT_FAIL, refused, 1);
	step(&m, EVENT_FAIL, lost, 1);
	assert_int_equal(m.tiles_failed, 1);

	struct sched_action end[] = {{.type = ACTION_END, .end = JOB_END_ABANDONED}};
	step(&m, EVENT_TICK, end, 1);
	assert_int_equal(m.ended[JOB_END_ABANDONED], 1);
	assert_int_equal(m.ended[JOB_END_RELEASED], 0);

	metrics_refused(&m, BROT_E_BUSY);
	assert_int_equal(m.refused[BROT_E_BUSY], 1);
}

static const char expected[] =
	"# HELP brot_build_info Which brot this is; always 1.\n"
	"# TYPE brot_build_info gauge\n"
	"brot_build_info{version=\"9.8.7\"} 1\n"
	"# HELP brot_uptime_seconds Time since the broker began.\n"
	"# TYPE brot_uptime_seconds gauge\n"
	"brot_uptime_seconds 61.007\n"
	"# HELP brot_jobs Jobs that the broker has now.\n"
	"# TYPE brot_jobs gauge\n"
	"brot_jobs{state=\"queued\"} 1\n"
	"brot_jobs{state=\"running\"} 2\n"
	"brot_jobs{state=\"paused\"} 3\n"
	"brot_jobs{state=\"finished\"} 4\n"
	"brot_jobs{state=\"failed\"} 5\n"
	"# HELP brot_jobs_ended_total Jobs that are no more, by how they ended.\n"
	"# TYPE brot_jobs_ended_total counter\n"
	"brot_jobs_ended_total{end=\"released\"} 11\n"
	"brot_jobs_ended_total{end=\"failed\"} 12\n"
	"brot_jobs_ended_total{end=\"cancelled\"} 13\n"
	"brot_jobs_ended_total{end=\"abandoned\"} 14\n"
	"brot_jobs_ended_total{end=\"expired\"} 15\n"
	"# HELP brot_workers Workers that are connected.\n"
	"# TYPE brot_workers gauge\n"
	"brot_workers 6\n"
	"# HELP brot_worker_threads Their threads.\n"
	"# TYPE brot_worker_threads gauge\n"
	"brot_worker_threads 7\n"
	"# HELP brot_tile_leases_total Tiles handed to a worker.\n"
	"# TYPE brot_tile_leases_total counter\n"
	"brot_tile_leases_total 21\n"
	"# HELP brot_tile_leases_again_total Tiles handed to a worker that had been handed to one "
	"before.\n"
	"# TYPE brot_tile_leases_again_total counter\n"
	"brot_tile_leases_again_total 22\n"
	"# HELP brot_tiles_done_total Results of tiles that counted.\n"
	"# TYPE brot_tiles_done_total counter\n"
	"brot_tiles_done_total 23\n"
	"# HELP brot_tiles_failed_total Tiles that a worker could not render.\n"
	"# TYPE brot_tiles_failed_total counter\n"
	"brot_tiles_failed_total 24\n"
	"# HELP brot_grids_total Grids of a Buddhabrot's counts that were committed.\n"
	"# TYPE brot_grids_total counter\n"
	"brot_grids_total 26\n"
	"# HELP brot_tiles_revoked_total Copies of tiles that another worker had rendered first.\n"
	"# TYPE brot_tiles_revoked_total counter\n"
	"brot_tiles_revoked_total 25\n"
	"# HELP brot_iterations_total Iterations in the results that counted.\n"
	"# TYPE brot_iterations_total counter\n"
	"brot_iterations_total 18446744073709551615\n"
	"# HELP brot_worker_seconds_total Time that threads spent on the results that counted.\n"
	"# TYPE brot_worker_seconds_total counter\n"
	"brot_worker_seconds_total 3.000042\n"
	"# HELP brot_image_bytes Shared memory that images take.\n"
	"# TYPE brot_image_bytes gauge\n"
	"brot_image_bytes 31\n"
	"# HELP brot_image_budget_bytes Shared memory that images may take.\n"
	"# TYPE brot_image_budget_bytes gauge\n"
	"brot_image_budget_bytes 32\n"
	"# HELP brot_peers Connections that the broker remembers.\n"
	"# TYPE brot_peers gauge\n"
	"brot_peers 33\n"
	"# HELP brot_client_messages_total Messages of clients.\n"
	"# TYPE brot_client_messages_total counter\n"
	"brot_client_messages_total{direction=\"received\"} 41\n"
	"brot_client_messages_total{direction=\"sent\"} 42\n"
	"# HELP brot_worker_messages_total Messages of workers.\n"
	"# TYPE brot_worker_messages_total counter\n"
	"brot_worker_messages_total{direction=\"received\"} 43\n"
	"brot_worker_messages_total{direction=\"sent\"} 44\n"
	"# HELP brot_client_bytes_total Bytes in messages of clients.\n"
	"# TYPE brot_client_bytes_total counter\n"
	"brot_client_bytes_total{direction=\"received\"} 45\n"
	"brot_client_bytes_total{direction=\"sent\"} 46\n"
	"# HELP brot_worker_bytes_total Bytes in messages of workers.\n"
	"# TYPE brot_worker_bytes_total counter\n"
	"brot_worker_bytes_total{direction=\"received\"} 47\n"
	"brot_worker_bytes_total{direction=\"sent\"} 48\n"
	"# HELP brot_store_commits_total Transactions that the store took.\n"
	"# TYPE brot_store_commits_total counter\n"
	"brot_store_commits_total 51\n"
	"# HELP brot_store_failures_total Transactions that the store did not take.\n"
	"# TYPE brot_store_failures_total counter\n"
	"brot_store_failures_total 52\n"
	"# HELP brot_connections_turned_away_total Connections closed for want of descriptors.\n"
	"# TYPE brot_connections_turned_away_total counter\n"
	"brot_connections_turned_away_total 53\n";

static const char expected_refused[] =
	"# HELP brot_refused_total Messages that were refused, by the reason's code.\n"
	"# TYPE brot_refused_total counter\n"
	"brot_refused_total{code=\"usage\"} 101\n"
	"brot_refused_total{code=\"request\"} 102\n"
	"brot_refused_total{code=\"no_input\"} 103\n"
	"brot_refused_total{code=\"not_found\"} 104\n"
	"brot_refused_total{code=\"unavailable\"} 105\n"
	"brot_refused_total{code=\"busy\"} 106\n"
	"brot_refused_total{code=\"no_space\"} 107\n"
	"brot_refused_total{code=\"output\"} 108\n"
	"brot_refused_total{code=\"system\"} 109\n"
	"brot_refused_total{code=\"protocol\"} 110\n"
	"brot_refused_total{code=\"denied\"} 111\n"
	"brot_refused_total{code=\"failed\"} 112\n"
	"brot_refused_total{code=\"cancelled\"} 113\n"
	"brot_refused_total{code=\"internal\"} 114\n"
	"brot_refused_total{code=\"config\"} 115\n";

static void the_text_is_exact(void **state)
{
	(void)state;
	struct metrics m = {
		.ended = {11, 12, 13, 14, 15},
		.leases = 21,
		.leases_again = 22,
		.tiles_done = 23,
		.tiles_failed = 24,
		.tiles_revoked = 25,
		.grids = 26,
		.iterations = UINT64_MAX,
		.worker_us = 3000042,
		.uptime_ms = 61007,
		.jobs = {1, 2, 3, 4, 5},
		.workers = 6,
		.threads = 7,
		.peers = 33,
		.image_bytes = 31,
		.image_budget_bytes = 32,
		.messages = {[SIDE_CLIENT] = {41, 42}, [SIDE_WORKER] = {43, 44}},
		.bytes = {[SIDE_CLIENT] = {45, 46}, [SIDE_WORKER] = {47, 48}},
		.store_commits = 51,
		.store_failures = 52,
		.turned_away = 53,
	};
	for (int code = 1; code < BROT_ERR_COUNT; code++)
		m.refused[code] = 100 + (uint64_t)code;
	char *text = metrics_text(&m, "9.8.7");
	assert_non_null(text);
	const size_t chars = sizeof expected - 1;
	assert_true(strlen(text) > chars);
	assert_string_equal(text + chars, expected_refused);
	text[chars] = '\0';
	assert_string_equal(text, expected);
	free(text);
}

/* Whatever the counts, the text has room for them. */
static void the_largest_numbers_fit(void **state)
{
	(void)state;
	struct metrics m;
	memset(&m, 0xff, sizeof m);
	char *text = metrics_text(&m, "9.8.7");
	assert_non_null(text);
	assert_non_null(strstr(text, "{code=\"internal\"} 18446744073709551615\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_counted),
		cmocka_unit_test(the_text_is_exact),
		cmocka_unit_test(the_largest_numbers_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
