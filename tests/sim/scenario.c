/* scenario.c - random lives of a broker. */
#include "tests/sim/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define JOBS_MOST    8
#define WORKERS_MOST 40
#define END_MS       600000 /* of virtual time, for all that is left when the troubles end */

struct world {
	struct sim *sim;
	unsigned workers, clients, jobs, restarts;
	bool is_slow; /* so that jobs last, and clients must share */
	bool is_dead[WORKERS_MOST + 2], is_frozen[WORKERS_MOST + 2];
};

static unsigned pick(struct world *world, unsigned count)
{
	return (unsigned)sim_random(world->sim, count);
}

static bool one_in(struct world *world, unsigned count)
{
	return pick(world, count) == 0;
}

static unsigned any_client(struct world *world)
{
	return 1 + pick(world, world->clients);
}

static void new_worker(struct world *world)
{
	if (world->workers >= WORKERS_MOST)
		return;
	unsigned threads = 1 + pick(world, 3);
	int64_t us_per_row = 20 + (int64_t)sim_random(world->sim, one_in(world, 4) ? 20000 : 1000);
	if (world->is_slow)
		us_per_row += 200000;
	world->workers = (one_in(world, 2) ? sim_worker : sim_worker_local)(world->sim, threads,
									    us_per_row);
}

static void new_job(struct world *world)
{
	if (world->jobs == JOBS_MOST)
		return;
	struct sim_request request = {
		.client = any_client(world),
		.width = 1 + pick(world, 200),
		.height = (world->is_slow ? 150 : 3) + pick(world, 300),
		.priority = one_in(world, 2) ? 0 : (int32_t)pick(world, 201) - 100,
		.is_kept = one_in(world, 2),
	};
	unsigned kind = pick(world, 8);
	if (kind < 3)
		request.band_rows = 1 + pick(world, request.height / 2);
	else if (kind == 3)
		request.phases = 1 + pick(world, PHASES_MAX);
	request.is_mirrored = one_in(world, 2);
	if (kind == 4 || kind == 5) {
		request.width = 1 + pick(world, 20);
		request.height = 1 + pick(world, 20);
		request.segments = 1 + pick(world, world->is_slow ? 300 : 120);
		request.grids = 4 + pick(world, 3);
		request.is_kept |= one_in(world, 2);
	}
	if (request.segments == 0 && one_in(world, 8)) {
		request.width = 1 + pick(world, 12);
		request.height = 3 + pick(world, 20);
		request.pixel_work = LIMIT_PIXEL_WORK / (1 + pick(world, 4));
	}
	(void)sim_request(world->sim, &request);
	world->jobs++;
}

/* Now, or before all else in its next session. */
static void speak_oddly(struct world *world, unsigned worker, const struct sched_event *event)
{
	if (!one_in(world, 4)) {
		sim_worker_says(world->sim, worker, event);
		return;
	}
	sim_worker_blurts(world->sim, worker, event);
	if (one_in(world, 2))
		sim_reconnect(world->sim, worker);
}

/* A worker says what it never should, of a tile that may be anybody's. */
static void odd_answer(struct world *world, unsigned worker)
{
	struct sched_event event = {
		.type = one_in(world, 2) ? EVENT_DONE : EVENT_FAIL,
		.tile = {.work = work_id(1 + pick(world, 12), one_in(world, 4)),
			 .phase = one_in(world, 6),
			 .tile = pick(world, 6),
			 .attempt = 1 + pick(world, 2)},
		.code = BROT_E_SYSTEM,
		.text = "it says so",
	};
	if (world->jobs > 0 && !one_in(world, 8)) {
		uint64_t job = sim_job_id(world->sim, pick(world, world->jobs));
		event.tile.work = work_id(job > 0 ? job : 1, one_in(world, 4));
		if (one_in(world, 2))
			event.tile.work = work_grid_id(job > 0 ? job : 1, 1 + pick(world, 4));
	}
	if (one_in(world, 3))
		event.code = BROT_E_CANCELLED;
	if (event.type == EVENT_DONE) {
		event.code = BROT_OK;
		event.text = NULL;
		event.done.elapsed_us = (int64_t)sim_random(world->sim, 100000);
		event.done.has_pixels = !one_in(world, 4);
		event.iterations = 1;
	}
	if (one_in(world, 6))
		event.session = 1 + pick(world, 3);
	speak_oddly(world, worker, &event);
}

static void odd_word(struct world *world, unsigned worker)
{
	static const enum sched_event_type types[] = {EVENT_HELLO, EVENT_CREDIT, EVENT_MAPPED,
						      EVENT_BEAT, EVENT_BYE};
	struct sched_event event = {
		.type = types[pick(world, sizeof types / sizeof types[0])],
		.credit = pick(world, 4),
	};
	if (event.type == EVENT_MAPPED) {
		event.work = 1 + pick(world, 12);
		event.is_mapped = one_in(world, 2);
	}
	if (one_in(world, 3))
		event.session = 1 + pick(world, 3);
	speak_oddly(world, worker, &event);
}

static void kill_worker(struct world *world, unsigned worker)
{
	sim_kill(world->sim, worker);
	world->is_dead[worker] = true;
	if (one_in(world, 2))
		sim_parent_tells(world->sim, worker);
	new_worker(world);
}

/* Seldom all workers fail so many that jobs fail. */
static void fail_tiles(struct world *world, unsigned worker)
{
	if (!one_in(world, 2)) {
		sim_fail_next(world->sim, worker, 1 + pick(world, 2));
		return;
	}
	for (unsigned w = 1; w <= world->workers; w++)
		sim_fail_next(world->sim, w, 30);
}

static void trouble_worker(struct world *world)
{
	unsigned worker = 1 + pick(world, world->workers);
	struct sim *sim = world->sim;
	unsigned trouble = pick(world, 14);
	if (world->is_dead[worker]) {
		if (one_in(world, 2))
			sim_parent_tells(sim, worker);
		return;
	}
	if (trouble == 0) {
		kill_worker(world, worker);
	} else if (trouble < 3) {
		world->is_frozen[worker] = !world->is_frozen[worker];
		(world->is_frozen[worker] ? sim_freeze : sim_thaw)(sim, worker);
	} else if (trouble == 3) {
		sim_reconnect(sim, worker);
	} else if (trouble == 4) {
		fail_tiles(world, worker);
	} else if (trouble < 7) {
		sim_echo(sim, worker);
	} else if (trouble == 7) {
		(one_in(world, 2) ? sim_parent_tells : sim_unreachable)(sim, worker);
	} else if (trouble == 8) {
		sim_credit(sim, worker, pick(world, 5));
	} else if (trouble == 9) {
		sim_drain(sim, worker);
		new_worker(world);
	} else if (trouble == 10) {
		static const char *const names[] = {"w1", "w2", "w3", "w4", "nobody"};
		sim_drain_worker(sim, any_client(world), names[pick(world, 5)]);
	} else if (trouble == 11) {
		odd_answer(world, worker);
	} else if (trouble == 12) {
		odd_word(world, worker);
	} else {
		new_worker(world);
	}
}

/* Of any job, of bands that may not be there, by any client. */
static void odd_verb(struct world *world)
{
	static const enum sched_event_type types[] = {
		EVENT_RELEASE, EVENT_RELEASE, EVENT_ATTACH,   EVENT_PAUSE,     EVENT_RESUME,
		EVENT_RETRY,   EVENT_WATCH,   EVENT_PRIORITY, EVENT_CANCEL_JOB};
	struct sched_event event = {
		.type = types[pick(world, sizeof types / sizeof types[0])],
		.band = one_in(world, 2) ? SCHED_ALL_BANDS : pick(world, 4),
		.priority = (int32_t)pick(world, 201) - 100,
		.job = 1 + pick(world, 12),
	};
	if (!one_in(world, 3))
		event.job = sim_job_id(world->sim, pick(world, world->jobs));
	if (event.job != 0)
		sim_client_says(world->sim, any_client(world), &event);
}

static void trouble_job(struct world *world)
{
	if (world->jobs == 0)
		new_job(world);
	struct sim *sim = world->sim;
	unsigned job = pick(world, world->jobs), client = any_client(world);
	switch (pick(world, 16)) {
	case 0:
		sim_cancel(sim, client, job);
		break;
	case 1:
		sim_submit_again(sim, client, job);
		break;
	case 2:
		if (sim_job_state(sim, job) == SIM_JOB_FINISHED)
			sim_release(sim, client, job);
		else
			odd_verb(world);
		break;
	case 3:
		sim_attach(sim, client, job);
		break;
	case 4:
	case 5:
		if (one_in(world, 4))
			sim_fail_next_image(sim, 1 + pick(world, 4));
		sim_verb(sim, client, job, EVENT_PAUSE);
		break;
	case 6:
		sim_verb(sim, client, job, EVENT_RESUME);
		break;
	case 7:
	case 8:
		sim_verb(sim, client, job, EVENT_RETRY);
		break;
	case 9:
		sim_priority(sim, client, job, (int32_t)pick(world, 201) - 100);
		break;
	case 10:
	case 11:
		odd_verb(world);
		break;
	default:
		new_job(world);
		break;
	}
}

static void trouble_broker(struct world *world)
{
	struct sim *sim = world->sim;
	unsigned trouble = pick(world, 11);
	unsigned client = any_client(world);
	world->restarts += trouble < 7;
	if (trouble < 2)
		sim_restart(sim, SIM_RESTART_KILL);
	else if (trouble == 2)
		sim_restart(sim, SIM_RESTART_STOP);
	else if (trouble == 3)
		sim_restart(sim, SIM_RESTART_REBOOT);
	else if (trouble < 7)
		sim_restart_after(sim, 1 + pick(world, 80));
	else if (trouble == 7 || trouble == 10)
		(one_in(world, 3) ? sim_fail_next_commit : sim_fail_next_image)(sim,
										1 + pick(world, 4));
	else if (trouble == 8 && one_in(world, 4))
		sim_fail_next_sum(sim, 1);
	else if (trouble == 8)
		(one_in(world, 2) ? sim_mute : sim_unmute)(sim, client);
	else
		sim_client_reconnect(sim, client);
}

static void settings(struct world *world, struct sched_limits *limits)
{
	*limits = sched_limits_default(one_in(world, 5) ? 400000 : 1u << 25);
	if (one_in(world, 3))
		limits->tile_rows = 1 + pick(world, 40);
	if (one_in(world, 3))
		limits->retention_ms = 15000;
	if (one_in(world, 4))
		limits->lease_ms = 2000;
	limits->grid_ms = one_in(world, 2) ? 300 : 30000;
	if (!one_in(world, 4))
		limits->sum_bytes = limits->rows_bytes = 1 + pick(world, 500);
	if (one_in(world, 8))
		limits->jobs = 3;
	limits->is_durable = !one_in(world, 4);
}

static void begin(struct world *world, const struct scenario *scenario)
{
	struct sched_limits limits = sched_limits_default(1u << 20);
	world->sim = sim_new(scenario->seed, &limits);
	settings(world, &limits);
	sim_free(world->sim);
	world->sim = sim_new(scenario->seed * 2 + 1, &limits);
	if (scenario->is_quiet)
		sim_be_quiet(world->sim);
	if (scenario->log != NULL)
		sim_log_to(world->sim, scenario->log);
	sim_delay(world->sim, 1 + (int64_t)sim_random(world->sim, 40));
	world->clients = 1 + pick(world, 3);
	world->is_slow = one_in(world, 16);
	for (unsigned i = 0; i < world->clients; i++) {
		if (i > 0 && one_in(world, 4))
			(void)sim_client_same(world->sim, 1);
		else
			(void)sim_client(world->sim);
	}
	for (unsigned i = 1 + pick(world, 5); i > 0; i--)
		new_worker(world);
	for (unsigned i = world->is_slow ? 4 : pick(world, 4); i > 0; i--)
		new_job(world);
}

static void live(struct world *world)
{
	for (unsigned i = 4 + pick(world, 30); i > 0 && sim_broken(world->sim) == NULL; i--) {
		unsigned most_ms = one_in(world, 25) ? 14000 : one_in(world, 3) ? 400 : 40;
		sim_run(world->sim, (int64_t)sim_random(world->sim, most_ms));
		unsigned trouble = pick(world, 9);
		if (trouble < 4)
			trouble_worker(world);
		else if (trouble < 8)
			trouble_job(world);
		else
			trouble_broker(world);
	}
}

/* What was paused goes on, and what nobody reads gets a reader. */
static void settle(struct world *world)
{
	for (unsigned j = 0; j < world->jobs; j++) {
		struct job_report report;
		if (!sim_job_report(world->sim, j, &report))
			continue;
		if (report.is_paused) {
			const struct sched_event event = {.type = EVENT_RESUME, .job = report.job};
			sim_client_says(world->sim, 1, &event);
		}
		/* Its reader has left it, or somebody has released what it did not read. */
		bool is_unread = report.bands > 1 && report.state != JOB_FAILED &&
				 (sim_job_state(world->sim, j) != SIM_JOB_OPEN ||
				  report.bands_released > sim_bands_read(world->sim, j));
		if (is_unread)
			sim_attach(world->sim, 1, j);
	}
}

static bool end_troubles(struct world *world)
{
	struct sim *sim = world->sim;
	sim_restart_after(sim, 0);
	sim_fail_next_image(sim, 0);
	sim_fail_next_commit(sim, 0);
	sim_fail_next_sum(sim, 0);
	for (unsigned w = 1; w <= world->workers; w++) {
		sim_fail_next(sim, w, 0);
		if (world->is_frozen[w] && !world->is_dead[w])
			sim_thaw(sim, w);
	}
	for (unsigned c = 1; c <= world->clients; c++)
		sim_unmute(sim, c);
	sim_run(sim, 100); /* what was said to drain the others must not drain this one */
	(void)sim_worker(sim, 2, world->is_slow ? 200000 : 200);
	for (int64_t end = sim_now_ms(sim) + END_MS; sim_now_ms(sim) < end;) {
		settle(world);
		if (sim_run_idle(sim, 5000))
			return true;
		if (sim_broken(sim) != NULL)
			return false;
	}
	return false;
}

static bool clean_up(struct world *world)
{
	struct sim *sim = world->sim;
	if (one_in(world, 8))
		sim_run(sim, 20000);
	for (unsigned c = 1; c <= world->clients; c++)
		sim_mute(sim, c);
	sim_run(sim, 200);
	for (unsigned j = 0; j < world->jobs; j++) {
		struct job_report report;
		if (!sim_job_report(sim, j, &report))
			continue;
		const struct sched_event event = {
			.type = report.state == JOB_FINISHED && one_in(world, 2) ? EVENT_RELEASE
										 : EVENT_CANCEL_JOB,
			.job = report.job,
			.band = SCHED_ALL_BANDS,
		};
		sim_client_says(sim, 1, &event);
	}
	sim_run(sim, 200);
	return sim_broken(sim) == NULL && sim_is_clean(sim);
}

void scenario_run(const struct scenario *scenario, struct scenario_result *ret_result)
{
	struct world world = {0};
	*ret_result = (struct scenario_result){0};
	begin(&world, scenario);
	live(&world);
	bool is_idle = sim_broken(world.sim) == NULL && end_troubles(&world);
	bool is_clean = is_idle && clean_up(&world);
	const char *broken = sim_broken(world.sim);
	if (broken == NULL && !is_idle)
		broken = "a job never finished";
	ret_result->is_broken = broken != NULL || !is_clean;
	(void)snprintf(ret_result->text, sizeof ret_result->text, "%s",
		       broken != NULL ? broken : "");
	for (unsigned j = 0; !is_idle && j < world.jobs; j++)
		sim_tell_job(world.sim, j);
	ret_result->trace = strdup(sim_trace(world.sim));
	ret_result->jobs = world.jobs;
	ret_result->steps = sim_steps(world.sim);
	ret_result->restarts = world.restarts;
	for (unsigned j = 0; j < world.jobs; j++)
		ret_result->finished += sim_job_state(world.sim, j) == SIM_JOB_FINISHED;
	sim_free(world.sim);
}
