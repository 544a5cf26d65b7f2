/* sim.c - virtual time, messages on their way, and what tests read of a simulation. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_internal.h"

uint64_t sim_random(struct sim *sim, uint64_t below)
{
	/* splitmix64 */
	uint64_t z = sim->random += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return below > 0 ? z % below : z;
}

void sim_note(struct sim *sim, const char *format, ...)
{
	if (sim->is_quiet)
		return;
	char line[512];
	int head = snprintf(line, sizeof line, "[%6" PRId64 "] ", sim->now_ms);
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, args);
	va_end(args);
	size_t bytes = (size_t)head + (size_t)n;
	if (bytes > sizeof line - 2)
		bytes = sizeof line - 2;
	line[bytes++] = '\n';
	if (sim->trace_bytes + bytes + 1 > sim->trace_capacity) {
		sim->trace_capacity = 2 * (sim->trace_capacity + bytes + 1);
		sim->trace = realloc(sim->trace, sim->trace_capacity);
		assert(sim->trace != NULL);
	}
	memcpy(sim->trace + sim->trace_bytes, line, bytes);
	sim->trace_bytes += bytes;
	sim->trace[sim->trace_bytes] = '\0';
}

void sim_break(struct sim *sim, const char *format, ...)
{
	if (sim->broken[0] != '\0')
		return;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(sim->broken, sizeof sim->broken, format, args);
	va_end(args);
	sim_note(sim, "BROKEN: %s", sim->broken);
}

struct sim *sim_new(uint64_t seed, const struct sched_limits *limits)
{
	struct sim *sim = calloc(1, sizeof *sim);
	assert(sim != NULL);
	sim->random = seed;
	sim->limits = *limits;
	sim->delay_ms = 1;
	sim->sched = sched_new(limits);
	sim_note(sim, "seed %" PRIu64, seed);
	sim->trace_seen = sim->trace_bytes;
	return sim;
}

static void flights_free(struct flight *flight)
{
	while (flight != NULL) {
		struct flight *next = flight->next;
		free(flight);
		flight = next;
	}
}

void sim_free(struct sim *sim)
{
	flights_free(sim->flights);
	flights_free(sim->unused_flights);
	for (unsigned w = 0; w < sim->worker_count; w++)
		flights_free(sim->workers[w].backlog);
	for (unsigned i = 0; i < sim->job_count; i++) {
		sim_grids_free(&sim->jobs[i]);
		sim_images_free(&sim->jobs[i]);
	}
	sched_free(sim->sched);
	sched_actions_done(&sim->actions);
	free(sim->trace);
	free(sim);
}

void sim_be_quiet(struct sim *sim)
{
	sim->is_quiet = true;
}

void sim_log_to(struct sim *sim, FILE *log)
{
	sim->log = log;
	sim_log_limits(sim);
}

int64_t sim_now_ms(const struct sim *sim)
{
	return sim->now_ms;
}

void sim_delay(struct sim *sim, int64_t most_ms)
{
	sim->delay_ms = most_ms;
}

void sim_link_new(struct sim *sim, struct sim_link *link)
{
	*link = (struct sim_link){.peer = ++sim->last_peer, .connection = ++sim->last_connection};
}

struct flight *sim_flight_new(struct sim *sim)
{
	struct flight *flight = sim->unused_flights;
	if (flight == NULL) {
		flight = malloc(sizeof *flight);
		assert(flight != NULL);
	} else {
		sim->unused_flights = flight->next;
	}
	memset(flight, 0, sizeof *flight);
	return flight;
}

void sim_flight_free(struct sim *sim, struct flight *flight)
{
	flight->next = sim->unused_flights;
	sim->unused_flights = flight;
}

void sim_post(struct sim *sim, struct flight *flight, struct sim_link *link)
{
	flight->at_ms = sim->now_ms + 1;
	if (sim->delay_ms > 1)
		flight->at_ms += (int64_t)sim_random(sim, (uint64_t)sim->delay_ms);
	if (link != NULL) {
		int64_t *last = flight->is_to_broker ? &link->last_in_ms : &link->last_out_ms;
		if (flight->at_ms < *last)
			flight->at_ms = *last;
		*last = flight->at_ms;
		flight->connection = link->connection;
	}
	struct flight **at = &sim->flights;
	while (*at != NULL && (*at)->at_ms <= flight->at_ms)
		at = &(*at)->next;
	flight->next = *at;
	*at = flight;
}

/* Time */

static void one_moment(struct sim *sim)
{
	while (sim->flights != NULL && sim->flights->at_ms <= sim->now_ms) {
		struct flight *flight = sim->flights;
		sim->flights = flight->next;
		sim_arrive(sim, flight);
		sim_flight_free(sim, flight);
	}
	for (unsigned w = 0; w < sim->worker_count; w++)
		sim_worker_lives(sim, w);
	for (unsigned c = 0; c < sim->client_count; c++)
		sim_client_lives(sim, c);
	if (sched_deadline_ms(sim->sched) <= sim->now_ms) {
		struct sched_event tick = {.type = EVENT_TICK};
		sim_feed(sim, &tick);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The next moment at which anything happens, or `end`. */
static int64_t next_ms(const struct sim *sim, int64_t end)
{
	int64_t next = earlier(end, sched_deadline_ms(sim->sched));
	if (sim->flights != NULL)
		next = earlier(next, sim->flights->at_ms);
	for (unsigned w = 0; w < sim->worker_count; w++)
		next = earlier(next, sim_worker_wakes_ms(sim, w));
	for (unsigned c = 0; c < sim->client_count; c++)
		next = earlier(next, sim_client_wakes_ms(sim, c));
	return next > sim->now_ms ? next : sim->now_ms + 1;
}

void sim_run(struct sim *sim, int64_t ms)
{
	for (int64_t end = sim->now_ms + ms; sim->now_ms < end && sim->broken[0] == '\0';) {
		one_moment(sim);
		sim->now_ms = next_ms(sim, end);
	}
}

static bool is_idle(const struct sim *sim)
{
	for (unsigned j = 0; j < sim->job_count; j++)
		if (sim->jobs[j].state == SIM_JOB_OPEN)
			return false;
	struct sched_totals totals;
	sched_totals(sim->sched, &totals);
	return totals.jobs_queued + totals.jobs_running + totals.jobs_paused == 0;
}

bool sim_run_idle(struct sim *sim, int64_t ms)
{
	for (int64_t end = sim->now_ms + ms; sim->now_ms < end && sim->broken[0] == '\0';) {
		one_moment(sim);
		sim->now_ms = next_ms(sim, end);
		if (is_idle(sim))
			return true;
	}
	return false;
}

/* Views */

enum sim_job_state sim_job_state(const struct sim *sim, unsigned job)
{
	return sim->jobs[job].state;
}

uint64_t sim_job_id(const struct sim *sim, unsigned job)
{
	const struct sim_job *j = &sim->jobs[job];
	return j->row.exists ? j->id : 0;
}

bool sim_job_report(const struct sim *sim, unsigned job, struct job_report *ret_report)
{
	return sched_job_report(sim->sched, sim->jobs[job].id, sim->now_ms, ret_report);
}

void sim_tell_job(struct sim *sim, unsigned job)
{
	static const char *const wants[] = {"open", "finished", "failed", "refused"};
	static const char *const states[] = {"creating", "queued", "running", "finished", "failed"};
	const struct sim_job *j = &sim->jobs[job];
	struct job_report r = {0};
	bool is_known = sim_job_report(sim, job, &r);
	sim_note(sim,
		 "job %u is %s for c%u, known as %" PRIu64 ", read %u; %" PRIu64
		 " is %s: %s%s, kept %d, bands %u of %u released, pixels %" PRIu64 " of %" PRIu64
		 ", running %u",
		 job, wants[j->state], j->client + 1, j->known_id, j->bands_read, j->id,
		 is_known ? "known" : "unknown", states[r.state], r.is_paused ? ", paused" : "",
		 r.is_kept, r.bands_released, r.bands, r.pixels_done, r.pixels, r.tiles_running);
}

unsigned sim_bands_read(const struct sim *sim, unsigned job)
{
	return sim->jobs[job].bands_read;
}

void sim_totals(const struct sim *sim, struct sched_totals *ret_totals)
{
	sched_totals(sim->sched, ret_totals);
}

const char *sim_job_text(const struct sim *sim, unsigned job)
{
	return sim->jobs[job].row.text;
}

unsigned sim_grids_made(const struct sim *sim, unsigned job)
{
	return sim->jobs[job].grids_made;
}

uint64_t sim_leased_segments(const struct sim *sim, unsigned job)
{
	return sim->jobs[job].leased_segments;
}

unsigned sim_tiles_done(const struct sim *sim, unsigned worker)
{
	return sim->workers[worker - 1].tiles_done;
}

bool sim_worker_is_alive(const struct sim *sim, unsigned worker)
{
	return sim->workers[worker - 1].is_alive;
}

unsigned sim_steps(const struct sim *sim)
{
	return sim->steps;
}

unsigned sim_things(const struct sim *sim)
{
	return sim->things;
}

bool sim_expect(struct sim *sim, const char *expected)
{
	const char *seen = sim->trace + sim->trace_seen;
	bool is_equal = strcmp(seen, expected) == 0;
	if (!is_equal)
		fprintf(stderr, "expected:\n%s\nseen:\n%s", expected, seen);
	sim->trace_seen = sim->trace_bytes;
	return is_equal;
}

const char *sim_broken(const struct sim *sim)
{
	return sim->broken[0] != '\0' ? sim->broken : NULL;
}

const char *sim_trace(const struct sim *sim)
{
	return sim->trace != NULL ? sim->trace : "";
}
