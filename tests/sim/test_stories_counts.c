/* test_stories_counts.c - Buddhabrots: one promise, one story, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim.h"

#define SEGMENTS  60
#define WIDTH     20
#define HEIGHT    11
#define TILE_ROWS 3

static struct sim *world(uint64_t seed, int64_t grid_ms)
{
	struct sched_limits limits = sched_limits_default(1u << 24);
	limits.tile_rows = TILE_ROWS;
	limits.is_durable = true;
	limits.grid_ms = grid_ms;
	limits.sum_bytes = 3 * WIDTH * sizeof(uint32_t);
	limits.rows_bytes = 2 * WIDTH * sizeof(uint64_t);
	return sim_new(seed, &limits);
}

static void end(struct sim *sim)
{
	if (sim_broken(sim) != NULL)
		fail_msg("%s\n%s", sim_broken(sim), sim_trace(sim));
	sim_free(sim);
}

static unsigned submit(struct sim *sim, unsigned client)
{
	return sim_request(sim, &(struct sim_request){.client = client,
						      .width = WIDTH,
						      .height = HEIGHT,
						      .segments = SEGMENTS,
						      .grids = 4,
						      .is_kept = true});
}

static void finishes(struct sim *sim, unsigned job)
{
	assert_true(sim_run_idle(sim, 60000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
}

static uint64_t pixels_done(struct sim *sim, unsigned job)
{
	struct job_report report = {0};
	assert_true(sim_job_report(sim, job, &report));
	return report.pixels_done;
}

static void say(struct sim *sim, unsigned client, unsigned job, enum sched_event_type verb)
{
	sim_verb(sim, client, job, verb);
}

static void all_samples_are_counted_once(void **state)
{
	(void)state;
	struct sim *sim = world(1, 30000);
	sim_worker_local(sim, 2, 1000);
	sim_worker(sim, 1, 1500);
	unsigned client = sim_client(sim), job = submit(sim, client);
	finishes(sim, job);
	assert_int_equal(sim_leased_segments(sim, job), SEGMENTS);
	sim_release(sim, client, job);
	sim_run(sim, 100);
	assert_true(sim_is_clean(sim));
	end(sim);
}

static void grids_are_committed_now_and_then(void **state)
{
	(void)state;
	struct sim *sim = world(2, 500);
	sim_worker_local(sim, 1, 20000);
	sim_worker(sim, 1, 20000);
	unsigned job = submit(sim, sim_client(sim));
	sim_run(sim, 1100);
	uint64_t done = pixels_done(sim, job);
	assert_true(done > 0);
	finishes(sim, job);
	assert_int_equal(sim_leased_segments(sim, job), SEGMENTS);
	end(sim);
}

static void what_a_dead_worker_counted_is_counted_again(void **state)
{
	(void)state;
	for (unsigned is_local = 0; is_local < 2; is_local++) {
		struct sim *sim = world(3, 30000);
		unsigned victim = (is_local ? sim_worker_local : sim_worker)(sim, 1, 20000);
		sim_worker(sim, 1, 20000);
		unsigned job = submit(sim, sim_client(sim));
		sim_run(sim, 300);
		assert_true(sim_tiles_done(sim, victim) > 1);
		sim_kill(sim, victim);
		sim_parent_tells(sim, victim);
		finishes(sim, job);
		assert_true(sim_leased_segments(sim, job) >
			    SEGMENTS + TILE_ROWS * sim_tiles_done(sim, victim));
		end(sim);
	}
}

/* Its BYE finds no lease out in its grid, for what it had not begun it gave back. */
static void a_worker_that_leaves_loses_nothing(void **state)
{
	(void)state;
	for (unsigned is_local = 0; is_local < 2; is_local++) {
		struct sim *sim = world(4, 30000);
		unsigned leaver = (is_local ? sim_worker_local : sim_worker)(sim, 1, 20000);
		unsigned job = submit(sim, sim_client(sim));
		sim_run(sim, 300);
		sim_drain(sim, leaver);
		sim_run(sim, 600);
		assert_false(sim_worker_is_alive(sim, leaver));
		assert_true(pixels_done(sim, job) > 0);
		sim_worker(sim, 1, 1000);
		finishes(sim, job);
		assert_in_range(sim_leased_segments(sim, job), SEGMENTS, SEGMENTS + TILE_ROWS);
		end(sim);
	}
}

/* Told to end amid its rows, it may return those that it has not begun: they are asked for again,
 * but not for ever. */
static void rows_that_were_not_begun_are_asked_for_again(void **state)
{
	(void)state;
	for (uint64_t seed = 20; seed < 28; seed++) {
		struct sim *sim = world(seed, 30000);
		unsigned leaver = sim_worker(sim, 1, 20000);
		unsigned client = sim_client(sim), job = submit(sim, client);
		sim_run(sim, 300);
		say(sim, client, job, EVENT_PAUSE);
		sim_run(sim, 150); /* some rows have come, some are on their way */
		assert_int_equal(pixels_done(sim, job), 0);
		sim_drain(sim, leaver);
		sim_run(sim, 1000);
		assert_false(sim_worker_is_alive(sim, leaver));
		assert_true(pixels_done(sim, job) > 0);
		sim_worker(sim, 1, 1000);
		say(sim, client, job, EVENT_RESUME);
		finishes(sim, job);
		assert_int_equal(sim_leased_segments(sim, job), SEGMENTS);
		end(sim);
	}
}

static void rows_are_not_asked_for_for_ever(void **state)
{
	(void)state;
	struct sim *sim = world(28, 30000);
	unsigned leaver = sim_worker(sim, 1, 20000);
	unsigned client = sim_client(sim), job = submit(sim, client);
	sim_run(sim, 300);
	sim_freeze(sim, leaver);
	struct sched_event word = {.type = EVENT_CREDIT};
	sim_worker_says(sim, leaver, &word);
	word = (struct sched_event){.type = EVENT_FAIL, .code = BROT_E_CANCELLED};
	for (unsigned i = 0; i < 100; i++) {
		/* Every tile it may have, under the first grid. */
		for (unsigned phase = 0; phase < 2; phase++) {
			word.tile = (struct tile_name){work_grid_id(sim_job_id(sim, job), 1), phase,
						       i % 10, 1 + i / 10};
			sim_worker_says(sim, leaver, &word);
		}
		sim_run(sim, 20);
	}
	struct job_report report = {0};
	assert_true(sim_job_report(sim, job, &report));
	assert_true(report.pixels_done == 0 && report.held == 0);
	sim_worker(sim, 1, 1000);
	finishes(sim, job);
	end(sim);
}

static void a_pause_commits_what_is_there(void **state)
{
	(void)state;
	struct sim *sim = world(5, 30000);
	sim_worker_local(sim, 1, 20000);
	sim_worker(sim, 1, 20000);
	unsigned client = sim_client(sim), job = submit(sim, client);
	sim_run(sim, 300);
	struct job_report report = {0};
	assert_true(sim_job_report(sim, job, &report));
	assert_true(report.pixels_done == 0 && report.held > 0 && report.previewed == 0);
	say(sim, client, job, EVENT_PAUSE);
	sim_run(sim, 1000);
	assert_true(sim_job_report(sim, job, &report));
	assert_true(report.held == 0 && report.previewed == report.pixels_done);
	uint64_t done = pixels_done(sim, job), leased = sim_leased_segments(sim, job);
	assert_true(done > 0);
	for (int i = 0; i < 3; i++) {
		sim_restart(sim, SIM_RESTART_KILL);
		sim_run(sim, 500);
		assert_int_equal(pixels_done(sim, job), done);
	}
	say(sim, client, job, EVENT_RESUME);
	finishes(sim, job);
	assert_int_equal(sim_leased_segments(sim, job), SEGMENTS);
	assert_true(leased < SEGMENTS);
	end(sim);
}

static void a_reboot_begins_again(void **state)
{
	(void)state;
	struct sim *sim = world(6, 300);
	sim_worker_local(sim, 1, 20000);
	unsigned job = submit(sim, sim_client(sim));
	sim_run(sim, 1000);
	assert_true(pixels_done(sim, job) > 0);
	sim_restart(sim, SIM_RESTART_REBOOT);
	assert_int_equal(pixels_done(sim, job), 0);
	finishes(sim, job);
	end(sim);
}

static void a_stopped_broker_keeps_what_is_whole(void **state)
{
	(void)state;
	struct sim *sim = world(7, 30000);
	sim_worker_local(sim, 1, 10000);
	unsigned client = sim_client(sim), job = submit(sim, client);
	sim_run(sim, 200);
	say(sim, client, job, EVENT_PAUSE);
	sim_run(sim, 500);
	uint64_t done = pixels_done(sim, job);
	sim_restart(sim, SIM_RESTART_STOP);
	assert_int_equal(pixels_done(sim, job), done);
	say(sim, client, job, EVENT_RESUME);
	finishes(sim, job);
	end(sim);
}

static void a_broker_may_die_at_each_step(void **state)
{
	(void)state;
	unsigned things = 0;
	for (unsigned at = 0; at == 0 || at < things; at++) {
		struct sim *sim = world(8, 300);
		sim_worker_local(sim, 1, 12000);
		sim_worker(sim, 2, 12000);
		unsigned client = sim_client(sim), job = submit(sim, client);
		if (at > 0)
			sim_restart_after(sim, at);
		finishes(sim, job);
		sim_restart_after(sim, 0);
		sim_release(sim, client, job);
		sim_run(sim, 3000);
		assert_true(sim_is_clean(sim));
		if (at == 0)
			things = sim_things(sim);
		end(sim);
	}
	assert_in_range(things, 60, 400);
}

static void a_grid_that_is_not_exact_is_counted_again(void **state)
{
	(void)state;
	struct sim *sim = world(9, 300);
	sim_worker_local(sim, 1, 20000);
	unsigned job = submit(sim, sim_client(sim));
	sim_fail_next_commit(sim, 2);
	finishes(sim, job);
	assert_true(sim_leased_segments(sim, job) > SEGMENTS);
	end(sim);
}

static void a_failure_costs_its_grid_alone(void **state)
{
	(void)state;
	struct sim *sim = world(10, 30000);
	unsigned clumsy = sim_worker_local(sim, 1, 10000);
	sim_worker_local(sim, 1, 10000);
	unsigned job = submit(sim, sim_client(sim));
	sim_run(sim, 200);
	sim_fail_next(sim, clumsy, 1);
	finishes(sim, job);
	assert_in_range(sim_leased_segments(sim, job), SEGMENTS + TILE_ROWS, 2 * SEGMENTS - 1);
	end(sim);
}

/* Four grids, of which one is for a sum. */
static void many_workers_share_few_places(void **state)
{
	(void)state;
	struct sim *sim = world(11, 2000);
	unsigned workers[9];
	for (unsigned i = 0; i < 9; i++)
		workers[i] = (i < 6 ? sim_worker_local : sim_worker)(sim, 1, 60000);
	unsigned job = submit(sim, sim_client(sim));
	finishes(sim, job);
	unsigned counted = 0;
	for (unsigned i = 0; i < 9; i++)
		counted += sim_tiles_done(sim, workers[i]) > 0;
	assert_true(counted > 5);
	end(sim);
}

static unsigned submit_large(struct sim *sim, unsigned client, uint32_t grids, int32_t priority)
{
	return sim_request(sim, &(struct sim_request){.client = client,
						      .width = WIDTH,
						      .height = HEIGHT,
						      .segments = 3000,
						      .grids = grids,
						      .priority = priority,
						      .is_kept = true});
}

static void a_job_whose_turn_is_later_gets_no_grids(void **state)
{
	(void)state;
	struct sim *sim = world(17, 30000);
	for (unsigned i = 0; i < 5; i++)
		(void)sim_worker_local(sim, 1, 60000);
	unsigned client = sim_client(sim);
	unsigned first = submit_large(sim, client, 16, 0), later = submit(sim, client);
	sim_run(sim, 30000);
	assert_int_equal(sim_grids_made(sim, first), 5);
	assert_int_equal(sim_grids_made(sim, later), 0);
	assert_int_equal(sim_leased_segments(sim, later), 0);
	end(sim);
}

/* The first job has three places; whoever waits for one of them need not be idle. */
static void who_has_no_place_counts_for_the_next_job(void **state)
{
	(void)state;
	struct sim *sim = world(18, 30000);
	for (unsigned i = 0; i < 9; i++)
		(void)sim_worker_local(sim, 1, 60000);
	unsigned client = sim_client(sim);
	unsigned first = submit_large(sim, client, 4, 1);
	unsigned second = submit_large(sim, client, 16, 0);
	sim_run(sim, 2000);
	assert_int_equal(sim_grids_made(sim, first), 3);
	assert_in_range(sim_leased_segments(sim, first), 50, 200);
	assert_in_range(sim_leased_segments(sim, second), 150, 400);
	end(sim);
}

static void memory_for_grids_is_short(void **state)
{
	(void)state;
	struct sim *sim = world(12, 300);
	sim_worker_local(sim, 1, 10000);
	sim_worker(sim, 1, 10000);
	unsigned job = submit(sim, sim_client(sim));
	sim_run(sim, 20);
	sim_fail_next_image(sim, 4);
	finishes(sim, job);
	end(sim);
}

static void grids_that_get_no_memory_are_not_waited_for_for_ever(void **state)
{
	(void)state;
	for (unsigned is_local = 0; is_local < 2; is_local++) {
		struct sim *sim = world(34, 300);
		(is_local ? sim_worker_local : sim_worker)(sim, 1, 10000);
		unsigned client = sim_client(sim), job = submit(sim, client);
		sim_run(sim, 2);
		sim_fail_next_image(sim, 100000);
		sim_run(sim, 100000);
		struct job_report report = {0};
		assert_true(sim_job_report(sim, job, &report));
		assert_true(report.state == JOB_RUNNING || report.state == JOB_QUEUED);
		assert_int_equal(report.waits, BROT_E_NO_SPACE);
		sim_run(sim, 250000);
		assert_true(sim_job_report(sim, job, &report));
		assert_true(report.state == JOB_FAILED && report.code == BROT_E_NO_SPACE);
		assert_true(report.waits == BROT_OK && report.has_preview);
		sim_fail_next_image(sim, 0);
		say(sim, client, job, EVENT_RETRY);
		sim_run(sim, 3000);
		assert_true(sim_job_report(sim, job, &report));
		assert_true(report.state == JOB_FINISHED && report.waits == BROT_OK);
		end(sim);
	}
}

/* It stays, but nothing of what was counted: that would only fail again. */
static void a_count_that_is_too_large_fails_its_job(void **state)
{
	(void)state;
	struct sim *sim = world(16, 30000);
	struct image_layout image;
	const struct segment_grid grid = {WIDTH, HEIGHT, WIDTH, 1};
	assert_true(image_layout_make(&grid, FORMAT_DENSITY, &image));
	sim_worker_local(sim, 1, 1000);
	unsigned client = sim_client(sim), job = submit(sim, client);
	sim_fail_next_sum(sim, 1);
	assert_true(sim_run_idle(sim, 60000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FAILED);
	struct job_report report = {0};
	assert_true(sim_job_report(sim, job, &report));
	assert_true(report.code == BROT_E_FAILED && report.pixels_done == 0);
	struct sched_totals totals;
	sim_totals(sim, &totals);
	assert_int_equal(totals.image_bytes, image.total_bytes);
	say(sim, client, job, EVENT_RETRY);
	sim_run(sim, 1000);
	assert_true(sim_job_report(sim, job, &report));
	assert_int_equal(report.state, JOB_FINISHED);
	assert_int_equal(sim_leased_segments(sim, job), 2 * SEGMENTS);
	end(sim);
}

static void cancel_leaves_nothing(void **state)
{
	(void)state;
	struct sim *sim = world(13, 300);
	sim_worker_local(sim, 1, 20000);
	sim_worker(sim, 1, 20000);
	unsigned client = sim_client(sim), job = submit(sim, client);
	sim_run(sim, 1000);
	sim_cancel(sim, client, job);
	sim_run(sim, 300);
	assert_true(sim_is_clean(sim));
	end(sim);
}

/* A worker that sees the image, but says of a grid that it does not. */
static void who_does_not_see_a_grid_sends_its_counts(void **state)
{
	(void)state;
	struct sim *sim = world(14, 30000);
	unsigned worker = sim_worker_local(sim, 1, 10000);
	unsigned job = submit(sim, sim_client(sim));
	sim_run(sim, 4); /* JOB of the image; its answer is on its way */
	const struct sched_event no = {.type = EVENT_MAPPED,
				       .work = work_grid_id(sim_job_id(sim, job), 1),
				       .text = "there is nothing"};
	for (int i = 0; i < 6; i++) {
		sim_worker_says(sim, worker, &no);
		sim_run(sim, 1);
	}
	finishes(sim, job);
	end(sim);
}

static void a_lie_about_the_end_of_a_tile_breaks_nothing(void **state)
{
	(void)state;
	struct sim *sim = world(15, 300);
	unsigned liar = sim_worker_local(sim, 1, 20000);
	sim_worker(sim, 1, 20000);
	unsigned job = submit(sim, sim_client(sim));
	sim_run(sim, 50);
	for (unsigned i = 0; i < 200; i++) {
		struct sched_event lie = {
			.type = i % 3 == 0 ? EVENT_FAIL : EVENT_DONE,
			.tile = {work_grid_id(sim_job_id(sim, job), i % 5), i % 2, i % 40,
				 1 + i % 3},
			.code = i % 3 == 0 ? BROT_E_CANCELLED : BROT_OK,
			.done.has_pixels = i % 4 == 0,
		};
		sim_worker_says(sim, liar, &lie);
		sim_run(sim, 7);
	}
	assert_true(sim_run_idle(sim, 60000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	end(sim);
}

/* A GiB of cells is kept open for twice as long. */
static void a_large_grid_is_open_for_longer(void **state)
{
	(void)state;
	for (unsigned is_large = 0; is_large < 2; is_large++) {
		struct sched_limits limits = sched_limits_default(1ull << 40);
		limits.tile_rows = TILE_ROWS;
		limits.grid_ms = 2000;
		struct sim *sim = sim_new(33, &limits);
		sim_worker_local(sim, 1, 100000);
		unsigned job = sim_request(sim,
					   &(struct sim_request){.client = sim_client(sim),
								 .width = is_large ? 16384 : 64,
								 .height = 16384,
								 .segments = SEGMENTS,
								 .grids = 4});
		sim_run(sim, 3000);
		assert_true((pixels_done(sim, job) == 0) == is_large);
		sim_run(sim, 2000);
		assert_true(pixels_done(sim, job) > 0);
		end(sim);
	}
}

static void samples_that_kill_are_called_by_their_numbers(void **state)
{
	(void)state;
	struct sim *sim = world(30, 30000);
	unsigned job = submit(sim, sim_client(sim));
	for (unsigned i = 0; i < LIMIT_TILE_LEASES; i++) {
		unsigned victim = sim_worker_local(sim, 1, 20000);
		sim_run(sim, 20);
		sim_kill(sim, victim);
		sim_parent_tells(sim, victim);
		sim_run(sim, 20);
	}
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FAILED);
	assert_string_equal(sim_job_text(sim, job),
			    "samples 5000000..5002999 were lost with 8 workers that were counting "
			    "them, last with w8");
	end(sim);
}

/* Of one worker's time, by the segments that it was given in 30 s: of a Buddhabrot, and of another
 * client's picture whose rows take as long. */
static void share_with_a_picture(struct sim *sim, unsigned *ret_counted, unsigned *ret_rendered)
{
	unsigned counted = submit_large(sim, sim_client(sim), 4, 0);
	unsigned rendered = sim_request(
		sim, &(struct sim_request){.client = sim_client(sim), .width = 10, .height = 3000});
	sim_run(sim, 30000);
	*ret_counted = (unsigned)sim_leased_segments(sim, counted);
	*ret_rendered = (unsigned)sim_leased_segments(sim, rendered);
}

static void rows_cost_what_they_take(void **state)
{
	(void)state;
	unsigned counted, rendered;
	struct sim *sim = world(31, 500);
	(void)sim_worker(sim, 1, 10000);
	share_with_a_picture(sim, &counted, &rendered);
	assert_in_range(counted, rendered * 6 / 10, rendered);
	end(sim);
}

/* Half of what it counted was for nothing: so it was given so much more. */
static void counts_that_were_lost_are_free(void **state)
{
	(void)state;
	unsigned counted, rendered;
	struct sim *sim = world(32, 500);
	(void)sim_worker_local(sim, 1, 10000);
	sim_fail_next_commit(sim, 1000);
	share_with_a_picture(sim, &counted, &rendered);
	assert_true(rendered > 0 && counted > 4 * rendered);
	end(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_samples_are_counted_once),
		cmocka_unit_test(grids_are_committed_now_and_then),
		cmocka_unit_test(what_a_dead_worker_counted_is_counted_again),
		cmocka_unit_test(a_worker_that_leaves_loses_nothing),
		cmocka_unit_test(rows_that_were_not_begun_are_asked_for_again),
		cmocka_unit_test(rows_are_not_asked_for_for_ever),
		cmocka_unit_test(a_pause_commits_what_is_there),
		cmocka_unit_test(a_reboot_begins_again),
		cmocka_unit_test(a_stopped_broker_keeps_what_is_whole),
		cmocka_unit_test(a_broker_may_die_at_each_step),
		cmocka_unit_test(a_grid_that_is_not_exact_is_counted_again),
		cmocka_unit_test(a_failure_costs_its_grid_alone),
		cmocka_unit_test(many_workers_share_few_places),
		cmocka_unit_test(a_job_whose_turn_is_later_gets_no_grids),
		cmocka_unit_test(who_has_no_place_counts_for_the_next_job),
		cmocka_unit_test(memory_for_grids_is_short),
		cmocka_unit_test(grids_that_get_no_memory_are_not_waited_for_for_ever),
		cmocka_unit_test(a_count_that_is_too_large_fails_its_job),
		cmocka_unit_test(cancel_leaves_nothing),
		cmocka_unit_test(who_does_not_see_a_grid_sends_its_counts),
		cmocka_unit_test(a_lie_about_the_end_of_a_tile_breaks_nothing),
		cmocka_unit_test(a_large_grid_is_open_for_longer),
		cmocka_unit_test(samples_that_kill_are_called_by_their_numbers),
		cmocka_unit_test(rows_cost_what_they_take),
		cmocka_unit_test(counts_that_were_lost_are_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
