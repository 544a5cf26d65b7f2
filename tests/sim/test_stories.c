/* test_stories.c - the scheduler's promises, one story each, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim.h"

static struct sched_limits limits(void)
{
	return sched_limits_default(1u << 30);
}

static void check(struct sim *sim)
{
	if (sim_broken(sim) != NULL)
		fail_msg("%s\n%s", sim_broken(sim), sim_trace(sim));
}

static void two_workers_share_a_job(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 16;
	struct sim *sim = sim_new(1, &fixed);
	sim_worker(sim, 1, 1000);
	sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 64);
	assert_true(sim_run_idle(sim, 1000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_true(sim_expect(sim, "[    12] w1: tile 1/0 attempt 1 rows 0+16\n"
				    "[    12] w2: tile 1/1 attempt 1 rows 16+16\n"
				    "[    12] w1: tile 1/2 attempt 1 rows 32+16\n"
				    "[    12] w2: tile 1/3 attempt 1 rows 48+16\n"
				    "[    47] c1: finished 0\n"));
	check(sim);
	sim_free(sim);
}

static void a_silent_worker_loses_its_tiles(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 32;
	struct sim *sim = sim_new(2, &fixed);
	sim_worker(sim, 1, 10000);
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 64);
	sim_run(sim, 40);
	sim_kill(sim, 1);
	sim_run(sim, 10250);
	sim_worker(sim, 1, 1000);
	assert_true(sim_run_idle(sim, 1000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_true(sim_expect(sim, "[    12] w1: tile 1/0 attempt 1 rows 0+32\n"
				    "[    12] w1: tile 1/1 attempt 1 rows 32+32\n"
				    "[    50] w1: killed\n"
				    "[ 10304] w2: tile 1/0 attempt 2 rows 0+32\n"
				    "[ 10304] w2: tile 1/1 attempt 2 rows 32+32\n"
				    "[ 10371] c1: finished 0\n"));
	check(sim);
	sim_free(sim);
}

static void a_parent_reports_a_death_at_once(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 32;
	struct sim *sim = sim_new(3, &fixed);
	sim_worker(sim, 1, 10000);
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	sim_submit(sim, client, 64, 32);
	sim_run(sim, 40);
	sim_kill(sim, 1);
	sim_parent_tells(sim, 1);
	sim_worker(sim, 1, 1000);
	assert_true(sim_run_idle(sim, 1000));
	assert_true(sim_expect(sim, "[    12] w1: tile 1/0 attempt 1 rows 0+32\n"
				    "[    50] w1: killed\n"
				    "[    54] w2: tile 1/0 attempt 2 rows 0+32\n"
				    "[    89] c1: finished 0\n"));
	check(sim);
	sim_free(sim);
}

/* It beats, but is slower than any lease: it is told to start again, and the next lease is longer.
 */
static void a_lease_runs_out(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 32;
	struct sim *sim = sim_new(21, &fixed);
	sim_worker(sim, 1, 1000000); /* 32 s a tile */
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 32);
	assert_true(sim_run_idle(sim, 100000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_non_null(strstr(sim_trace(sim), "w1: tile 1/0 attempt 2"));
	assert_null(strstr(sim_trace(sim), "attempt 3"));
	check(sim);
	sim_free(sim);
}

static void a_stopped_worker_comes_back_late(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 32;
	struct sim *sim = sim_new(4, &fixed);
	unsigned slow = sim_worker(sim, 1, 10000);
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 64);
	sim_run(sim, 40);
	sim_freeze(sim, slow);
	sim_worker(sim, 1, 1000);
	assert_true(sim_run_idle(sim, 20000));
	sim_thaw(sim, slow); /* its results are late: the simulation checks that none is applied */
	unsigned next = sim_submit(sim, client, 64, 640);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_job_state(sim, next), SIM_JOB_FINISHED);
	assert_true(sim_tiles_done(sim, slow) > 2); /* it took part again */
	check(sim);
	sim_free(sim);
}

static void a_new_connection_starts_again(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	struct sim *sim = sim_new(5, &fixed);
	unsigned worker = sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 640);
	sim_run(sim, 100);
	sim_reconnect(sim, worker);
	assert_true(sim_run_idle(sim, 10000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	check(sim);
	sim_free(sim);
}

static void an_echo_changes_nothing(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 8;
	struct sim *sim = sim_new(6, &fixed);
	unsigned worker = sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 640);
	for (int i = 0; i < 100; i++) {
		sim_run(sim, 5);
		sim_echo(sim, worker);
	}
	assert_true(sim_run_idle(sim, 10000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	check(sim);
	sim_free(sim);
}

static void three_failures_of_a_tile_fail_its_job(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 64;
	struct sim *sim = sim_new(7, &fixed);
	unsigned worker = sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	sim_run(sim, 10);
	sim_fail_next(sim, worker, 3);
	unsigned job = sim_submit(sim, client, 64, 64);
	assert_true(sim_run_idle(sim, 10000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FAILED);
	assert_non_null(
		strstr(sim_trace(sim), "rows 0..63 failed 3 times, last on w1: it was told to"));
	unsigned next = sim_submit(sim, client, 64, 64);
	assert_true(sim_run_idle(sim, 10000));
	assert_int_equal(sim_job_state(sim, next), SIM_JOB_FINISHED);
	check(sim);
	sim_free(sim);
}

static void a_failed_tile_goes_to_another_worker(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 32;
	struct sim *sim = sim_new(16, &fixed);
	unsigned bad = sim_worker(sim, 1, 100);
	sim_run(sim, 10);
	sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	sim_fail_next(sim, bad, 1);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 32);
	assert_true(sim_run_idle(sim, 1000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_true(sim_expect(sim, "[    22] w1: tile 1/0 attempt 1 rows 0+32\n"
				    "[    28] w2: tile 1/0 attempt 2 rows 0+32\n"
				    "[    63] c1: finished 0\n"));
	check(sim);
	sim_free(sim);
}

static void a_job_that_no_worker_can_render_fails(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 8;
	struct sim *sim = sim_new(17, &fixed);
	unsigned worker = sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	sim_fail_next(sim, worker, 1000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 640);
	assert_true(sim_run_idle(sim, 1000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FAILED);
	assert_non_null(strstr(sim_trace(sim), "every worker failed its tiles three times, last on "
					       "w1: it was told to fail"));
	check(sim);
	sim_free(sim);
}

static void phases_run_one_after_the_other(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 20;
	struct sim *sim = sim_new(18, &fixed);
	sim_worker(sim, 1, 1000);
	unsigned dying = sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	unsigned job = sim_request(
		sim,
		&(struct sim_request){.client = client, .width = 64, .height = 100, .phases = 3});
	sim_run(sim, 70);
	sim_kill(sim, dying);
	sim_parent_tells(sim, dying);
	assert_true(sim_run_idle(sim, 10000)); /* the order is checked at each tile */
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	check(sim);
	sim_free(sim);
}

static void half_of_a_mirrored_job_is_rendered(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 16;
	struct sim *sim = sim_new(20, &fixed);
	sim_worker(sim, 1, 1000);
	unsigned dying = sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	unsigned client = sim_client(sim);
	unsigned job = sim_request(
		sim, &(struct sim_request){
			     .client = client, .width = 64, .height = 65, .is_mirrored = true});
	sim_run(sim, 12);
	sim_kill(sim, dying);
	sim_parent_tells(sim, dying);
	assert_true(sim_run_idle(sim, 1000)); /* the pixels told are checked at each report */
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_true(sim_expect(sim, "[    12] w1: tile 1/0 attempt 1 rows 0+16\n"
				    "[    12] w2: tile 1/1 attempt 1 rows 16+16\n"
				    "[    12] w1: tile 1/2 attempt 1 rows 32+1\n"
				    "[    22] w2: killed\n"
				    "[    31] w1: tile 1/1 attempt 2 rows 16+16\n"
				    "[    50] c1: finished 0\n"));
	check(sim);
	sim_free(sim);
}

static void a_tile_that_kills_whoever_takes_it_fails_its_job(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 64;
	struct sim *sim = sim_new(19, &fixed);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 64);
	for (int deaths = 0; deaths < 8; deaths++) {
		assert_int_equal(sim_job_state(sim, job), SIM_JOB_OPEN);
		unsigned worker = sim_worker(sim, 1, 1000000);
		sim_run(sim, 20);
		sim_kill(sim, worker);
		sim_parent_tells(sim, worker);
		sim_run(sim, 20);
	}
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FAILED);
	assert_non_null(strstr(sim_trace(sim), "rows 0..63 were lost with 8 workers that were "
					       "rendering them, last with w8"));
	check(sim);
	sim_free(sim);
}

/* Whoever goes without having been killed by its tile is no reason to fail a job. */
static void workers_that_come_and_go_fail_no_job(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 64;
	struct sim *sim = sim_new(21, &fixed);
	unsigned flapping = sim_worker(sim, 1, 10000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 64);
	for (int times = 0; times < 12; times++) {
		sim_run(sim, 100);
		sim_reconnect(sim, flapping);
	}
	for (int times = 0; times < 12; times++) {
		sim_run(sim, 100);
		sim_worker_says(sim, flapping, &(struct sched_event){.type = EVENT_BYE});
	}
	sim_run(sim, 100);
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_OPEN);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	check(sim);
	sim_free(sim);
}

static void a_tile_that_waited_has_killed_nobody(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 10;
	struct sim *sim = sim_new(22, &fixed);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 200);
	/* Each renders one tile, and dies with the next while the others wait in its queue. */
	for (int deaths = 0; deaths < 15; deaths++) {
		unsigned worker = sim_worker(sim, 1, 10000);
		sim_run(sim, 5);
		sim_credit(sim, worker, 16);
		while (sim_tiles_done(sim, worker) == 0)
			sim_run(sim, 10);
		sim_run(sim, 10);
		sim_kill(sim, worker);
		sim_parent_tells(sim, worker);
		sim_run(sim, 10);
		assert_int_equal(sim_job_state(sim, job), SIM_JOB_OPEN);
	}
	sim_worker(sim, 1, 1000);
	assert_true(sim_run_idle(sim, 5000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	check(sim);
	sim_free(sim);
}

static void a_bad_worker_is_kept_off_the_job(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.tile_rows = 4;
	struct sim *sim = sim_new(8, &fixed);
	unsigned bad = sim_worker(sim, 1, 100);
	sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	sim_fail_next(sim, bad, 1000000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 1000);
	sim_run_idle(sim, 20000);
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_tiles_done(sim, bad), 0);
	check(sim);
	sim_free(sim);
}

static void no_client_starves(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	struct sim *sim = sim_new(9, &fixed);
	sim_worker(sim, 1, 1000);
	sim_worker(sim, 1, 1000);
	sim_run(sim, 10);
	unsigned greedy = sim_client(sim), modest = sim_client(sim);
	unsigned big[8];
	for (unsigned i = 0; i < 8; i++)
		big[i] = sim_submit(sim, greedy, 64, 10000);
	sim_run(sim, 2000);
	unsigned small = sim_submit(sim, modest, 64, 1000); /* 0.5 s of both workers */
	for (int waited = 0; sim_job_state(sim, small) == SIM_JOB_OPEN && waited < 100; waited++)
		sim_run(sim, 20);
	assert_int_equal(sim_job_state(sim, small), SIM_JOB_FINISHED);
	double given = 0;
	for (unsigned i = 0; i < 8; i++)
		given += sim_job_share(sim, big[i]);
	/* Half of the workers' time since the small job came, and all before. */
	assert_true(given > 0.45 && given < 0.9);
	check(sim);
	sim_free(sim);
}

static void a_late_worker_gets_tiles_at_once(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	struct sim *sim = sim_new(10, &fixed);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	sim_submit(sim, client, 64, 20000);
	sim_run(sim, 3000);
	unsigned late = sim_worker(sim, 1, 1000);
	sim_run(sim, 400);
	assert_true(sim_tiles_done(sim, late) >= 1);
	assert_true(sim_run_idle(sim, 20000));
	check(sim);
	sim_free(sim);
}

static void a_drained_worker_leaves_nothing(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	struct sim *sim = sim_new(11, &fixed);
	unsigned leaving = sim_worker(sim, 1, 1000);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 5000);
	sim_run(sim, 500);
	sim_drain(sim, leaving);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_non_null(strstr(sim_trace(sim), "w1: left"));
	assert_null(strstr(sim_trace(sim), "attempt 2"));
	check(sim);
	sim_free(sim);
}

static void an_unwatched_job_ends(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	struct sim *sim = sim_new(12, &fixed);
	unsigned client = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 5000); /* and no worker at all */
	sim_run(sim, 20000);
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_OPEN);
	sim_mute(sim, client);
	sim_run(sim, 11000);
	assert_true(sim_is_clean(sim));
	check(sim);
	sim_free(sim);
}

static void the_same_key_is_the_same_job(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	struct sim *sim = sim_new(13, &fixed);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim), other = sim_client(sim);
	unsigned job = sim_submit(sim, client, 64, 500);
	sim_run(sim, 100);
	sim_submit_again(sim, client, job);
	sim_submit_again(sim, other, job);
	assert_true(sim_run_idle(sim, 10000)); /* applied once each: the simulation checks */
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	check(sim);
	sim_free(sim);
}

static void limits_are_told(void **state)
{
	(void)state;
	struct sched_limits tight = limits();
	tight.image_bytes = 200000;
	tight.jobs = 2;
	struct sim *sim = sim_new(14, &tight);
	unsigned client = sim_client(sim);
	unsigned large = sim_submit(sim, client, 640, 480);
	unsigned first = sim_submit(sim, client, 16, 16);
	unsigned second = sim_submit(sim, client, 100, 250);
	unsigned third = sim_submit(sim, client, 16, 16);
	sim_run(sim, 10);
	assert_int_equal(sim_job_state(sim, large), SIM_JOB_REFUSED);
	assert_int_equal(sim_job_state(sim, first), SIM_JOB_OPEN);
	assert_int_equal(sim_job_state(sim, second), SIM_JOB_OPEN);
	assert_int_equal(sim_job_state(sim, third), SIM_JOB_REFUSED);
	assert_non_null(strstr(sim_trace(sim), "the image needs 929792 bytes, but the broker's "
					       "images may take at most 200000"));
	assert_non_null(strstr(sim_trace(sim), "jobs: the broker holds at most 2: try later"));
	check(sim);
	sim_free(sim);
}

static void cancel_and_release_free_everything(void **state)
{
	(void)state;
	struct sched_limits fixed = limits();
	fixed.jobs = 2;
	struct sim *sim = sim_new(15, &fixed);
	sim_worker(sim, 1, 1000);
	unsigned client = sim_client(sim);
	for (int i = 0; i < 20; i++) {
		unsigned cancelled = sim_submit(sim, client, 64, 5000);
		unsigned finished = sim_submit(sim, client, 64, 20);
		sim_run(sim, 100);
		sim_cancel(sim, client, cancelled);
		sim_run_idle(sim, 5000);
		assert_int_equal(sim_job_state(sim, cancelled), SIM_JOB_FAILED);
		assert_int_equal(sim_job_state(sim, finished), SIM_JOB_FINISHED);
		sim_release(sim, client, finished);
		sim_run(sim, 10);
	}
	check(sim);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_workers_share_a_job),
		cmocka_unit_test(a_silent_worker_loses_its_tiles),
		cmocka_unit_test(a_parent_reports_a_death_at_once),
		cmocka_unit_test(a_lease_runs_out),
		cmocka_unit_test(a_stopped_worker_comes_back_late),
		cmocka_unit_test(a_new_connection_starts_again),
		cmocka_unit_test(an_echo_changes_nothing),
		cmocka_unit_test(three_failures_of_a_tile_fail_its_job),
		cmocka_unit_test(a_failed_tile_goes_to_another_worker),
		cmocka_unit_test(a_job_that_no_worker_can_render_fails),
		cmocka_unit_test(phases_run_one_after_the_other),
		cmocka_unit_test(half_of_a_mirrored_job_is_rendered),
		cmocka_unit_test(a_tile_that_kills_whoever_takes_it_fails_its_job),
		cmocka_unit_test(workers_that_come_and_go_fail_no_job),
		cmocka_unit_test(a_tile_that_waited_has_killed_nobody),
		cmocka_unit_test(a_bad_worker_is_kept_off_the_job),
		cmocka_unit_test(no_client_starves),
		cmocka_unit_test(a_late_worker_gets_tiles_at_once),
		cmocka_unit_test(a_drained_worker_leaves_nothing),
		cmocka_unit_test(an_unwatched_job_ends),
		cmocka_unit_test(the_same_key_is_the_same_job),
		cmocka_unit_test(limits_are_told),
		cmocka_unit_test(cancel_and_release_free_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
