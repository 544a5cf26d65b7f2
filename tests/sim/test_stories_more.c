/*
 * test_stories_more.c - second copies, what clients change, and lives of the broker: one promise,
 * one story, in virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim.h"

static struct sim *world(uint64_t seed, uint32_t tile_rows)
{
	struct sched_limits limits = sched_limits_default(1u << 24);
	limits.tile_rows = tile_rows;
	limits.retention_ms = 60000;
	limits.is_durable = true;
	return sim_new(seed, &limits);
}

static void end(struct sim *sim)
{
	if (sim_broken(sim) != NULL)
		fail_msg("%s\n%s", sim_broken(sim), sim_trace(sim));
	sim_free(sim);
}

static bool has(const struct sim *sim, const char *line)
{
	return strstr(sim_trace(sim), line) != NULL;
}

static unsigned submit_kept(struct sim *sim, unsigned client, uint32_t height, uint32_t band_rows)
{
	return sim_request(sim, &(struct sim_request){.client = client,
						      .width = 64,
						      .height = height,
						      .band_rows = band_rows,
						      .is_kept = true});
}

/* Second copies */

static void a_second_copy_wins(void **state)
{
	(void)state;
	struct sim *sim = world(1, 32);
	sim_worker(sim, 1, 1000000);
	sim_run(sim, 10);
	unsigned job = sim_submit(sim, sim_client(sim), 64, 32);
	sim_run(sim, 10);
	sim_worker(sim, 1, 1000);
	assert_true(sim_run_idle(sim, 1000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	sim_run(sim, 10);
	assert_true(has(sim, "w1: tile 1/0 attempt 1"));
	assert_true(has(sim, "w2: tile 1/0 attempt 2"));
	assert_true(has(sim, "w1: gives up tile 0"));
	/* The one that was revoked goes on with something else. */
	sim_speed(sim, 1, 1000);
	sim_kill(sim, 2);
	sim_parent_tells(sim, 2);
	(void)sim_submit(sim, 1, 64, 32);
	assert_true(sim_run_idle(sim, 1000));
	assert_int_equal(sim_tiles_done(sim, 1), 1);
	end(sim);
}

static void a_second_copy_loses(void **state)
{
	(void)state;
	struct sim *sim = world(2, 32);
	sim_worker(sim, 1, 20000);
	sim_run(sim, 10);
	unsigned job = sim_submit(sim, sim_client(sim), 64, 32);
	sim_run(sim, 10);
	sim_worker(sim, 1, 1000000);
	assert_true(sim_run_idle(sim, 1000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	sim_run(sim, 10);
	assert_true(has(sim, "w2: tile 1/0 attempt 2"));
	assert_true(has(sim, "w2: gives up tile 0"));
	assert_int_equal(sim_tiles_done(sim, 1), 1);
	end(sim);
}

static void both_copies_die(void **state)
{
	(void)state;
	struct sim *sim = world(3, 32);
	sim_worker(sim, 1, 1000000);
	sim_worker(sim, 1, 1000000);
	sim_run(sim, 10);
	unsigned job = sim_submit(sim, sim_client(sim), 64, 32);
	sim_run(sim, 1000);
	assert_true(has(sim, "tile 1/0 attempt 2"));
	sim_kill(sim, 1);
	sim_kill(sim, 2);
	sim_worker(sim, 1, 1000);
	sim_run(sim, 5000);
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_OPEN);
	assert_true(sim_run_idle(sim, 7000));
	assert_true(has(sim, "tile 1/0 attempt 3"));
	end(sim);
}

static void the_last_tile_of_a_slow_worker_is_taken_over(void **state)
{
	(void)state;
	struct sim *sim = world(4, 16);
	sim_worker(sim, 1, 1000000); /* 16 s a tile */
	sim_worker(sim, 1, 1000);
	sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	unsigned job = sim_submit(sim, sim_client(sim), 64, 640);
	assert_true(sim_run_idle(sim, 2000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_tiles_done(sim, 1), 0);
	end(sim);
}

static void three_workers_that_fail_a_tile_fail_its_job(void **state)
{
	(void)state;
	struct sim *sim = world(5, 64);
	/* Each fails once: a worker that got it again would render it. */
	for (unsigned w = 1; w <= 4; w++)
		sim_fail_next(sim, sim_worker(sim, 1, 1000), 1);
	sim_run(sim, 10);
	unsigned job = sim_submit(sim, sim_client(sim), 64, 64);
	assert_true(sim_run_idle(sim, 2000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FAILED);
	assert_true(has(sim, "rows 0..63 failed 3 times"));
	assert_true(has(sim, "tile 1/0 attempt 3"));
	assert_false(has(sim, "attempt 4"));
	end(sim);
}

/* What clients change */

static void a_paused_job_waits(void **state)
{
	(void)state;
	struct sim *sim = world(6, 10);
	struct job_report report;
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 1000);
	sim_run(sim, 200);
	sim_verb(sim, client, job, EVENT_PAUSE);
	sim_run(sim, 100);
	uint64_t leased = sim_leased_segments(sim, job);
	sim_run(sim, 5000);
	assert_true(sim_job_report(sim, job, &report));
	assert_true(report.is_paused);
	assert_int_equal(report.tiles_running, 0);
	assert_int_equal(sim_leased_segments(sim, job), leased);
	sim_verb(sim, client, job, EVENT_RESUME);
	assert_true(sim_run_idle(sim, 2000));
	assert_int_equal(sim_leased_segments(sim, job), 1000);
	end(sim);
}

static void a_paused_client_saves_nothing_up(void **state)
{
	(void)state;
	struct sim *sim = world(22, 10);
	sim_worker(sim, 1, 1000);
	unsigned sleeper = sim_client(sim), other = sim_client(sim);
	unsigned job = sim_submit(sim, sleeper, 64, 10000);
	sim_run(sim, 200);
	sim_verb(sim, sleeper, job, EVENT_PAUSE);
	(void)sim_submit(sim, other, 64, 10000);
	sim_run(sim, 5000);
	double share = sim_job_share(sim, job);
	sim_verb(sim, sleeper, job, EVENT_RESUME);
	sim_run(sim, 2000);
	/* Half of the worker's 2 s. */
	double given = sim_job_share(sim, job) - share;
	assert_true(given > 0.08 && given < 0.12);
	end(sim);
}

static void a_pause_outlives_the_broker(void **state)
{
	(void)state;
	struct sim *sim = world(7, 10);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 1000);
	sim_run(sim, 200);
	sim_verb(sim, client, job, EVENT_PAUSE);
	sim_run(sim, 100);
	uint64_t leased = sim_leased_segments(sim, job);
	sim_restart(sim, SIM_RESTART_KILL);
	sim_run(sim, 15000);
	assert_int_equal(sim_leased_segments(sim, job), leased);
	sim_verb(sim, client, job, EVENT_RESUME);
	assert_true(sim_run_idle(sim, 2000));
	assert_int_equal(sim_leased_segments(sim, job), 1000);
	end(sim);
}

static void a_priority_counts_from_when_it_is_set(void **state)
{
	(void)state;
	struct sim *sim = world(8, 10);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	unsigned older = sim_submit(sim, client, 64, 1000),
		 newer = sim_submit(sim, client, 64, 500);
	sim_run(sim, 300);
	assert_true(sim_job_share(sim, newer) == 0);
	sim_priority(sim, client, newer, 1);
	sim_run(sim, 100);
	assert_true(sim_job_share(sim, newer) > 0);
	double share = sim_job_share(sim, older);
	sim_run(sim, 300);
	assert_true(sim_job_share(sim, older) == share);
	assert_true(sim_run_idle(sim, 3000));
	end(sim);
}

static void a_kept_job_waits_for_its_client_and_expires(void **state)
{
	(void)state;
	struct sim *sim = world(9, 10);
	struct job_report report;
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim), other = sim_client(sim);
	unsigned job = submit_kept(sim, client, 20000, 0), second = submit_kept(sim, client, 20, 0);
	sim_run(sim, 100);
	sim_mute(sim, client);
	sim_run(sim, 40000);
	assert_true(sim_job_report(sim, job, &report));
	assert_int_equal(report.state, JOB_FINISHED);
	assert_true(sim_job_report(sim, second, &report));
	sim_attach(sim, other, job);
	sim_run(sim, 2100);
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	sim_release(sim, other, job);
	sim_run(sim, 100);
	assert_false(sim_job_report(sim, job, &report));
	sim_run(sim, 60000); /* nobody has come for the second */
	assert_true(sim_is_clean(sim));
	end(sim);
}

static void a_kept_job_that_is_read_does_not_expire(void **state)
{
	(void)state;
	struct sim *sim = world(23, 10);
	struct job_report report;
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim), reader = sim_client(sim);
	unsigned job = submit_kept(sim, client, 20, 0);
	sim_run(sim, 100);
	sim_mute(sim, client);
	for (int i = 0; i < 60; i++) {
		sim_verb(sim, reader, job, EVENT_WATCH);
		sim_run(sim, 2000);
	}
	assert_true(sim_job_report(sim, job, &report)); /* for twice its retention */
	assert_int_equal(report.state, JOB_FINISHED);
	sim_run(sim, 7500);
	assert_true(sim_job_report(sim, job, &report));
	sim_run(sim, 1000);
	assert_true(sim_is_clean(sim));
	end(sim);
}

static void a_worker_counts_once(void **state)
{
	(void)state;
	struct sim *sim = world(24, 4);
	struct job_report report;
	sim_worker(sim, 1, 1000);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	unsigned job = submit_kept(sim, client, 4000, 0);
	sim_run(sim, 200);
	sim_reconnect(sim, 1);
	sim_run(sim, 200);
	sim_restart(sim, SIM_RESTART_KILL);
	sim_run(sim, 20000);
	assert_true(sim_job_report(sim, job, &report));
	assert_int_equal(report.state, JOB_FINISHED);
	assert_int_equal(report.workers, 2);
	assert_true(sim_tiles_done(sim, 1) > 100 && sim_tiles_done(sim, 2) > 100);
	end(sim);
}

static void a_failed_kept_job_is_tried_again(void **state)
{
	(void)state;
	struct sim *sim = world(10, 10);
	struct job_report report;
	unsigned worker = sim_worker(sim, 1, 1000), client = sim_client(sim);
	unsigned job = submit_kept(sim, client, 400, 0);
	sim_run(sim, 200);
	sim_fail_next(sim, worker, 1000);
	sim_run(sim, 1000);
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FAILED);
	assert_true(sim_job_report(sim, job, &report));
	assert_int_equal(report.state, JOB_FAILED);
	uint64_t done = report.pixels_done;
	assert_true(done > 0);
	sim_fail_next(sim, worker, 0);
	sim_verb(sim, client, job, EVENT_RETRY);
	sim_run(sim, 10);
	assert_true(sim_job_report(sim, job, &report));
	assert_true(report.pixels_done >= done); /* what was done stays: the simulation checks */
	assert_true(sim_run_idle(sim, 2000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	end(sim);
}

static void a_worker_is_drained_by_a_client(void **state)
{
	(void)state;
	struct sim *sim = world(11, 10);
	sim_worker(sim, 1, 1000);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 1000);
	sim_run(sim, 200);
	sim_drain_worker(sim, client, "w1");
	assert_true(sim_run_idle(sim, 3000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_true(has(sim, "w1: left"));
	assert_false(sim_worker_is_alive(sim, 1));
	assert_false(has(sim, "attempt 2"));
	end(sim);
}

/* Lives of the broker */

/* A job of 800 segments of which one worker has done half. */
static unsigned half_done(struct sim *sim)
{
	sim_worker(sim, 1, 1000);
	unsigned job = sim_submit(sim, sim_client(sim), 64, 800);
	while (sim_job_share(sim, job) < 0.5)
		sim_run(sim, 5);
	return job;
}

static void a_restarted_broker_adopts_what_is_there(void **state)
{
	(void)state;
	struct sim *sim = world(15, 8);
	unsigned job = half_done(sim);
	uint64_t leased = sim_leased_segments(sim, job);
	sim_restart(sim, SIM_RESTART_KILL);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	/* The other half, and the two tiles that were on their way. */
	assert_true(leased >= 400 && leased <= 416 + 16);
	assert_true(sim_leased_segments(sim, job) <= 800 + 2 * 8);
	end(sim);
}

static void a_reboot_begins_again(void **state)
{
	(void)state;
	struct sim *sim = world(16, 8);
	unsigned job = half_done(sim);
	uint64_t leased = sim_leased_segments(sim, job);
	sim_restart(sim, SIM_RESTART_REBOOT);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_leased_segments(sim, job), leased + 800);
	end(sim);
}

/* One job from SUBMIT to RELEASE; the broker dies once it has done so many things. Returns how
 * many there were. */
static unsigned live(const struct sim_request *request, unsigned things)
{
	struct sim *sim = world(17, 8);
	sim_worker(sim, 1, 1000);
	sim_worker_local(sim, 1, 1500);
	(void)sim_client(sim);
	sim_run(sim, 10);
	unsigned first = sim_things(sim);
	if (things > 0)
		sim_restart_after(sim, things);
	unsigned job = sim_request(sim, request);
	bool is_idle = sim_run_idle(sim, 60000);
	if (!is_idle || sim_job_state(sim, job) != SIM_JOB_FINISHED)
		fail_msg("killed after %u things, it never finished\n%s", things, sim_trace(sim));
	sim_release(sim, request->client, job);
	sim_run(sim, 5000);
	if (!sim_is_clean(sim))
		fail_msg("killed after %u things, it left something\n%s", things, sim_trace(sim));
	unsigned count = sim_things(sim) - first;
	end(sim);
	return count;
}

static void die_everywhere(const struct sim_request *request)
{
	unsigned count = live(request, 0);
	assert_true(count > 20);
	for (unsigned things = 1; things <= count; things++)
		(void)live(request, things);
}

static void a_broker_may_die_at_each_step_of_a_job(void **state)
{
	(void)state;
	die_everywhere(&(struct sim_request){.client = 1, .width = 64, .height = 60});
}

static void a_broker_may_die_at_each_step_of_a_kept_job(void **state)
{
	(void)state;
	die_everywhere(&(struct sim_request){
		.client = 1, .width = 64, .height = 61, .is_kept = true, .is_mirrored = true});
}

static void a_broker_may_die_at_each_step_of_a_banded_job(void **state)
{
	(void)state;
	die_everywhere(
		&(struct sim_request){.client = 1, .width = 64, .height = 45, .band_rows = 10});
}

static void a_stopped_broker_goes_on_later(void **state)
{
	(void)state;
	struct sim *sim = world(18, 8);
	sim_worker(sim, 1, 1000);
	unsigned job = sim_submit(sim, sim_client(sim), 64, 800);
	sim_run(sim, 300);
	sim_restart(sim, SIM_RESTART_STOP);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_true(sim_leased_segments(sim, job) <= 800 + 2 * 8);
	end(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_copy_wins),
		cmocka_unit_test(a_second_copy_loses),
		cmocka_unit_test(both_copies_die),
		cmocka_unit_test(the_last_tile_of_a_slow_worker_is_taken_over),
		cmocka_unit_test(three_workers_that_fail_a_tile_fail_its_job),
		cmocka_unit_test(a_paused_job_waits),
		cmocka_unit_test(a_paused_client_saves_nothing_up),
		cmocka_unit_test(a_pause_outlives_the_broker),
		cmocka_unit_test(a_priority_counts_from_when_it_is_set),
		cmocka_unit_test(a_kept_job_waits_for_its_client_and_expires),
		cmocka_unit_test(a_kept_job_that_is_read_does_not_expire),
		cmocka_unit_test(a_worker_counts_once),
		cmocka_unit_test(a_failed_kept_job_is_tried_again),
		cmocka_unit_test(a_worker_is_drained_by_a_client),
		cmocka_unit_test(a_restarted_broker_adopts_what_is_there),
		cmocka_unit_test(a_reboot_begins_again),
		cmocka_unit_test(a_broker_may_die_at_each_step_of_a_job),
		cmocka_unit_test(a_broker_may_die_at_each_step_of_a_kept_job),
		cmocka_unit_test(a_broker_may_die_at_each_step_of_a_banded_job),
		cmocka_unit_test(a_stopped_broker_goes_on_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
