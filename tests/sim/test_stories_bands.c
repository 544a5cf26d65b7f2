/* test_stories_bands.c - pictures in bands: one promise, one story, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim.h"

#define HEIGHT 95
#define BANDS  10

static struct sim *world(uint64_t seed)
{
	struct sched_limits limits = sched_limits_default(1u << 24);
	limits.tile_rows = 4;
	limits.retention_ms = 60000;
	limits.is_durable = true;
	struct sim *sim = sim_new(seed, &limits);
	sim_worker(sim, 1, 1000);
	return sim;
}

static void end(struct sim *sim)
{
	if (sim_broken(sim) != NULL)
		fail_msg("%s\n%s", sim_broken(sim), sim_trace(sim));
	sim_free(sim);
}

static unsigned submit(struct sim *sim, unsigned client, bool is_kept)
{
	return sim_request(sim, &(struct sim_request){.client = client,
						      .width = 64,
						      .height = HEIGHT,
						      .band_rows = 10,
						      .is_kept = is_kept});
}

static void read_bands(struct sim *sim, unsigned job, unsigned bands)
{
	while (sim_bands_read(sim, job) < bands && sim_broken(sim) == NULL)
		sim_run(sim, 10);
}

static void say(struct sim *sim, unsigned client, enum sched_event_type verb, uint64_t job,
		uint32_t band)
{
	sim_client_says(sim, client, &(struct sched_event){.type = verb, .job = job, .band = band});
}

/* Whether the job is read to its end, by ms from now, though that client asks for it ten times a
 * second. */
static bool is_read_despite(struct sim *sim, unsigned job, unsigned rival, int64_t ms)
{
	uint64_t id = sim_job_id(sim, job);
	for (int64_t end_ms = sim_now_ms(sim) + ms; sim_now_ms(sim) < end_ms;) {
		say(sim, rival, EVENT_ATTACH, id, 0);
		if (sim_run_idle(sim, 100))
			return sim_job_state(sim, job) == SIM_JOB_FINISHED &&
			       sim_bands_read(sim, job) == BANDS;
	}
	return false;
}

static void a_banded_job_is_read_to_its_end(void **state)
{
	(void)state;
	struct sim *sim = world(12);
	sim_worker_local(sim, 1, 1000);
	unsigned job = submit(sim, sim_client(sim), false);
	assert_true(sim_run_idle(sim, 10000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_bands_read(sim, job), BANDS);
	assert_int_equal(sim_leased_segments(sim, job), HEIGHT);
	assert_true(sim_is_clean(sim)); /* gone with its last band */
	end(sim);
}

static void a_banded_job_outlives_its_reader(void **state)
{
	(void)state;
	struct sim *sim = world(13);
	unsigned reader = sim_client(sim), other = sim_client(sim);
	unsigned job = submit(sim, reader, true);
	read_bands(sim, job, 4);
	sim_mute(sim, reader);
	sim_run(sim, 3000);
	sim_attach(sim, other, job); /* too soon: it asks again and again */
	sim_run(sim, 1000);
	assert_int_equal(sim_bands_read(sim, job), 4);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_bands_read(sim, job), BANDS);
	assert_true(sim_leased_segments(sim, job) >= HEIGHT + 40); /* it began again from the top */
	end(sim);
}

/* Though without `keep` it would be abandoned when its reader no longer counts. */
static void a_job_that_is_asked_for_outlives_its_reader(void **state)
{
	(void)state;
	struct sim *sim = world(14);
	unsigned reader = sim_client(sim), other = sim_client(sim);
	unsigned job = submit(sim, reader, false);
	read_bands(sim, job, 4);
	uint64_t id = sim_job_id(sim, job);
	sim_mute(sim, reader);
	sim_run(sim, 3000);
	sim_attach(sim, other, job);
	sim_run(sim, 2000);
	assert_int_equal(sim_bands_read(sim, job), 4);
	while (sim_bands_read(sim, job) == 4 && sim_broken(sim) == NULL)
		sim_run(sim, 10);
	assert_int_equal(sim_job_id(sim, job), id);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	end(sim);
}

/* A reader that was taken for dead comes back, with bands behind it that another has yet to read.
 */
static void only_the_reader_releases_bands(void **state)
{
	(void)state;
	struct sim *sim = world(15);
	unsigned late = sim_client(sim), reader = sim_client(sim);
	unsigned job = submit(sim, late, true);
	read_bands(sim, job, 4);
	uint64_t id = sim_job_id(sim, job);
	sim_mute(sim, late);
	sim_run(sim, 11000);
	sim_attach(sim, reader, job);
	sim_run(sim, 20);
	uint64_t leased = sim_leased_segments(sim, job);
	for (int i = 0; sim_job_id(sim, job) != 0 && i < 2000; i++) {
		say(sim, late, EVENT_WATCH, id, 0);
		say(sim, late, EVENT_RELEASE, id, (uint32_t)i % BANDS);
		sim_run(sim, 5);
	}
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_bands_read(sim, job), BANDS);
	assert_true(sim_leased_segments(sim, job) <= leased + HEIGHT);
	end(sim);
}

static void a_reader_that_connects_again_goes_on(void **state)
{
	(void)state;
	struct sim *sim = world(16);
	unsigned reader = sim_client(sim), rival = sim_client(sim);
	unsigned job = submit(sim, reader, true);
	read_bands(sim, job, 4);
	sim_client_reconnect(sim, reader);
	assert_true(is_read_despite(sim, job, rival, 30000));
	assert_int_equal(sim_leased_segments(sim, job), HEIGHT);
	end(sim);
}

static void a_reader_goes_on_with_the_next_broker(void **state)
{
	(void)state;
	for (int is_kept = 0; is_kept <= 1; is_kept++) {
		struct sim *sim = world(17);
		unsigned reader = sim_client(sim), rival = sim_client(sim);
		unsigned job = submit(sim, reader, is_kept);
		read_bands(sim, job, 4);
		uint64_t leased = sim_leased_segments(sim, job);
		sim_restart(sim, SIM_RESTART_KILL);
		assert_true(is_read_despite(sim, job, rival, 30000));
		/* The rest, and the tiles that were on their way. */
		assert_true(sim_leased_segments(sim, job) <= leased + 55 + 2 * 4);
		end(sim);
	}
}

static void a_reader_may_die_with_its_broker(void **state)
{
	(void)state;
	struct sim *sim = world(18);
	unsigned reader = sim_client(sim), other = sim_client(sim);
	unsigned job = submit(sim, reader, true);
	read_bands(sim, job, 4);
	sim_mute(sim, reader);
	sim_restart(sim, SIM_RESTART_KILL);
	sim_attach(sim, other, job);
	sim_run(sim, 9000);
	assert_int_equal(sim_bands_read(sim, job), 4);
	assert_true(sim_run_idle(sim, 10000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_bands_read(sim, job), BANDS);
	end(sim);
}

/* Its bands would take their memory for ever. */
static void a_kept_job_that_nobody_reads_expires(void **state)
{
	(void)state;
	struct sim *sim = world(19);
	struct job_report report;
	unsigned client = sim_client(sim);
	unsigned job = submit(sim, client, true);
	sim_run(sim, 10);
	sim_mute(sim, client);
	assert_true(sim_job_report(sim, job, &report));
	assert_false(report.is_unread);
	for (int i = 0; i < 40; i++) {
		say(sim, client, EVENT_WATCH, sim_job_id(sim, job), 0);
		sim_run(sim, 2000);
	}
	assert_true(sim_job_report(sim, job, &report));
	assert_int_equal(report.state, JOB_RUNNING);
	assert_true(report.is_unread);
	sim_run(sim, 57000);
	assert_true(sim_job_report(sim, job, &report));
	sim_run(sim, 4000);
	assert_true(sim_is_clean(sim));
	end(sim);
}

static void a_kept_job_that_is_not_done_does_not_expire(void **state)
{
	(void)state;
	struct sim *sim = world(20);
	struct job_report report;
	unsigned client = sim_client(sim);
	sim_speed(sim, 1, 10000000); /* 40 s a tile */
	unsigned job = submit(sim, client, true);
	sim_run(sim, 10);
	sim_mute(sim, client);
	sim_run(sim, 220000);
	assert_true(sim_job_report(sim, job, &report));
	assert_int_equal(report.state, JOB_RUNNING);
	assert_false(report.is_unread);
	end(sim);
}

static void memory_for_a_later_band_is_short(void **state)
{
	(void)state;
	struct sim *sim = world(21);
	unsigned job = submit(sim, sim_client(sim), false);
	read_bands(sim, job, 2);
	sim_fail_next_image(sim, 3);
	assert_true(sim_run_idle(sim, 20000));
	assert_int_equal(sim_job_state(sim, job), SIM_JOB_FINISHED);
	assert_int_equal(sim_bands_read(sim, job), BANDS);
	end(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_banded_job_is_read_to_its_end),
		cmocka_unit_test(a_banded_job_outlives_its_reader),
		cmocka_unit_test(a_job_that_is_asked_for_outlives_its_reader),
		cmocka_unit_test(only_the_reader_releases_bands),
		cmocka_unit_test(a_reader_that_connects_again_goes_on),
		cmocka_unit_test(a_reader_goes_on_with_the_next_broker),
		cmocka_unit_test(a_reader_may_die_with_its_broker),
		cmocka_unit_test(a_kept_job_that_nobody_reads_expires),
		cmocka_unit_test(a_kept_job_that_is_not_done_does_not_expire),
		cmocka_unit_test(memory_for_a_later_band_is_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
