/*
 * test_random.c - random lives of a broker: deaths, echoes, breaks, failures, cancels.
 *
 * Each run draws its world and its troubles from its seed, checks the invariants at every step, and
 * at last lets the troubles end: then every job that was not cancelled or failed must finish.
 * Usage: test_random [RUNS [FIRST_SEED]]
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

#define WORKERS_MAX 12
#define CLIENTS_MAX 4
#define JOBS_MAX    12

struct world {
	struct sim *sim;
	unsigned workers, clients, jobs;
	bool is_dead[64], is_frozen[64];
	unsigned owner[JOBS_MAX];
};

static unsigned pick(struct world *world, unsigned count)
{
	return (unsigned)sim_random(world->sim, count);
}

static void new_worker(struct world *world)
{
	if (world->workers < 60)
		world->workers = sim_worker(world->sim, 1 + pick(world, 3),
					    20 + (int64_t)sim_random(world->sim, 3000));
}

static void new_job(struct world *world)
{
	if (world->jobs == JOBS_MAX)
		return;
	unsigned client = 1 + pick(world, world->clients);
	world->owner[world->jobs] = client;
	bool is_mirrored = pick(world, 2) == 0;
	unsigned phases = 1 + pick(world, PHASES_MAX);
	(is_mirrored ? sim_submit_mirrored : sim_submit_phases)(
		world->sim, client, phases, 1 + pick(world, 500), PHASES_MAX + pick(world, 800));
	world->jobs++;
}

static void trouble_worker(struct world *world)
{
	unsigned worker = 1 + pick(world, world->workers);
	if (world->is_dead[worker])
		return;
	switch (pick(world, 8)) {
	case 0:
		sim_kill(world->sim, worker);
		world->is_dead[worker] = true;
		if (pick(world, 2) == 0)
			sim_parent_tells(world->sim, worker);
		new_worker(world);
		break;
	case 1:
		world->is_frozen[worker] = !world->is_frozen[worker];
		if (world->is_frozen[worker])
			sim_freeze(world->sim, worker);
		else
			sim_thaw(world->sim, worker);
		break;
	case 2:
		sim_reconnect(world->sim, worker);
		break;
	case 3:
		sim_fail_next(world->sim, worker, 1);
		break;
	case 4:
	case 5:
		sim_echo(world->sim, worker);
		break;
	case 6:
		sim_parent_tells(world->sim, worker); /* wrongly: it lives */
		break;
	default:
		new_worker(world);
		break;
	}
}

static void trouble_job(struct world *world)
{
	if (world->jobs == 0)
		new_job(world);
	unsigned job = pick(world, world->jobs);
	unsigned client = 1 + pick(world, world->clients);
	switch (pick(world, 6)) {
	case 0:
		sim_cancel(world->sim, client, job);
		break;
	case 1:
		sim_submit_again(world->sim, client, job);
		break;
	case 2:
		if (sim_job_state(world->sim, job) == SIM_JOB_FINISHED)
			sim_release(world->sim, world->owner[job], job);
		break;
	default:
		new_job(world);
		break;
	}
}

static bool run(uint64_t seed, unsigned *finished)
{
	struct sched_limits limits = sched_limits_default(1u << 24);
	struct world world = {.sim = sim_new(seed, &limits)};
	if (pick(&world, 3) == 0) {
		limits.tile_rows = 1 + pick(&world, 40);
		sim_free(world.sim);
		world.sim = sim_new(seed, &limits);
	}
	world.clients = 1 + pick(&world, CLIENTS_MAX);
	for (unsigned i = 0; i < world.clients; i++)
		sim_client(world.sim);
	for (unsigned i = 1 + pick(&world, WORKERS_MAX); i > 0; i--)
		new_worker(&world);

	for (unsigned i = 5 + pick(&world, 60); i > 0; i--) {
		sim_run(world.sim,
			(int64_t)sim_random(world.sim, pick(&world, 20) == 0 ? 4000 : 200));
		if (pick(&world, 2) == 0)
			trouble_worker(&world);
		else
			trouble_job(&world);
	}
	for (unsigned w = 1; w <= world.workers; w++)
		if (world.is_frozen[w] && !world.is_dead[w])
			sim_thaw(world.sim, w);
	new_worker(&world);
	bool is_idle = sim_run_idle(world.sim, 3600000);
	if (sim_broken(world.sim) != NULL || !is_idle) {
		printf("%sseed %llu: %s\n", sim_trace(world.sim), (unsigned long long)seed,
		       sim_broken(world.sim) != NULL ? sim_broken(world.sim)
						     : "a job never finished");
		sim_free(world.sim);
		return false;
	}
	for (unsigned j = 0; j < world.jobs; j++)
		*finished += sim_job_state(world.sim, j) == SIM_JOB_FINISHED;
	sim_free(world.sim);
	return true;
}

int main(int argc, char **argv)
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 300;
	unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	unsigned failed = 0, finished = 0;
	for (unsigned long seed = first; seed < first + runs && failed == 0; seed++)
		failed += !run(seed, &finished);
	printf("runs %lu, first seed %lu, jobs finished %u, failed %u\n", runs, first, finished,
	       failed);
	/* Runs in which nothing finishes would prove nothing. */
	return failed > 0 || finished < runs ? 1 : 0;
}
