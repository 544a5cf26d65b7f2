/*
 * test_planted.c - whether the random lives find mistakes: each of the scheduler's planted bugs is
 * found within some of them, and without it the same lives are sound.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/sched_internal.h"
#include "tests/sim/scenario.h"

#define SEEDS_MOST 1000

/* The first seed that finds it, or 0. */
static uint64_t find(enum sched_plant plant, char text[512])
{
	sched_planted = plant;
	for (uint64_t seed = 1; seed <= SEEDS_MOST; seed++) {
		struct scenario_result result;
		scenario_run(&(struct scenario){.seed = seed, .is_quiet = true}, &result);
		free(result.trace);
		if (result.is_broken) {
			(void)snprintf(text, 512, "%s", result.text);
			return seed;
		}
	}
	return 0;
}

int main(void)
{
	static const struct {
		enum sched_plant plant;
		const char *name;
	} bugs[] = {
		{PLANT_LOST_LEASE, "a tile is forgotten with its lease"},
		{PLANT_DOUBLE_COUNT, "both copies of a tile count"},
		{PLANT_STARVED_CLIENT, "the oldest job takes all"},
		{PLANT_DISCARDED_COUNTS, "a tile counts although its grid was discarded"},
	};
	int failed = 0;
	char text[512];
	for (size_t i = 0; i < sizeof bugs / sizeof bugs[0]; i++) {
		uint64_t seed = find(bugs[i].plant, text);
		printf("%s: %s %" PRIu64 ": %s\n", bugs[i].name,
		       seed > 0 ? "found by seed" : "NOT FOUND by seeds up to",
		       seed > 0 ? seed : SEEDS_MOST, seed > 0 ? text : "");
		failed += seed == 0;
	}
	uint64_t seed = find(PLANT_NONE, text);
	printf("nothing planted: %s\n", seed > 0 ? text : "sound");
	return failed > 0 || seed > 0 ? 1 : 0;
}
