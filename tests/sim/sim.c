/* sim.c - the make-believe world around a scheduler. */

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
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
	sim->sched = sched_new(limits);
	sim_note(sim, "seed %" PRIu64, seed);
	sim->trace_seen = sim->trace_bytes;
	return sim;
}

void sim_free(struct sim *sim)
{
	for (struct flight *f = sim->flights, *next; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
	for (unsigned w = 0; w < sim->worker_count; w++)
		for (struct flight *f = sim->workers[w].backlog, *next; f != NULL; f = next) {
			next = f->next;
			free(f);
		}
	for (unsigned i = 0; i < sim->job_count; i++) {
		free(sim->jobs[i].applied);
		free(sim->jobs[i].marked);
	}
	sched_free(sim->sched);
	sched_actions_done(&sim->actions);
	free(sim->trace);
	free(sim);
}

int64_t sim_now_ms(const struct sim *sim)
{
	return sim->now_ms;
}

void sim_post(struct sim *sim, struct flight *flight)
{
	flight->at_ms = sim->now_ms + DELAY_MS;
	flight->order = ++sim->last_order;
	struct flight **at = &sim->flights;
	while (*at != NULL && (*at)->at_ms <= flight->at_ms)
		at = &(*at)->next;
	flight->next = *at;
	*at = flight;
}

struct flight *sim_flight_new(void)
{
	struct flight *flight = calloc(1, sizeof *flight);
	assert(flight != NULL);
	return flight;
}

static void client_says(struct sim *sim, unsigned c, struct sched_event event, unsigned job)
{
	struct flight *flight = sim_flight_new();
	flight->is_to_broker = true;
	flight->event = event;
	flight->event.peer = sim->clients[c].peer;
	flight->event.submit.job = job + 1;
	sim_post(sim, flight);
}

unsigned sim_client(struct sim *sim)
{
	assert(sim->client_count < CLIENTS_MAX);
	unsigned c = sim->client_count++;
	sim->clients[c] = (struct sim_client_state){
		.peer = ++sim->last_peer,
		.next_watch_ms = sim->now_ms + WATCH_MS,
	};
	return c + 1;
}

static unsigned submit_new(struct sim *sim, unsigned client, unsigned phases, uint32_t width,
			   uint32_t height, enum phase_kind last)
{
	assert(sim->job_count < JOBS_MAX);
	unsigned j = sim->job_count++;
	struct sim_job *job = &sim->jobs[j];
	*job = (struct sim_job){.client = client - 1};
	for (size_t i = 0; i < sizeof job->key; i++)
		job->key[i] = (uint8_t)sim_random(sim, 256);
	job->plan = (struct plan){.phase_count = phases};
	bool fits = true;
	for (unsigned p = 0; p < phases; p++) {
		struct phase *phase = &job->plan.phases[p];
		*phase = (struct phase){.pixel_bytes = 3, .pixel_work = 1000};
		/* Each phase but the last is a little lower. */
		fits = fits &&
		       segment_grid_make(width, height - (phases - 1 - p), 3, 1000, &phase->grid);
	}
	fits = fits && image_layout_make(&job->plan.phases[phases - 1].grid, FORMAT_RGB8,
					 &job->plan.layout);
	assert(fits);
	job->plan.image_bytes = job->plan.layout.total_bytes;
	struct phase *last_phase = &job->plan.phases[phases - 1];
	last_phase->kind = last;
	if (last == PHASE_MIRROR)
		last_phase->grid.height_px = mirror_rows(height);
	sim_image_make(job);
	sim_submit_again(sim, client, j);
	return j;
}

unsigned sim_submit(struct sim *sim, unsigned client, uint32_t width, uint32_t height)
{
	return sim_submit_phases(sim, client, 1, width, height);
}

unsigned sim_submit_phases(struct sim *sim, unsigned client, unsigned phases, uint32_t width,
			   uint32_t height)
{
	return submit_new(sim, client, phases, width, height, PHASE_RENDER);
}

unsigned sim_submit_mirrored(struct sim *sim, unsigned client, unsigned phases, uint32_t width,
			     uint32_t height)
{
	return submit_new(sim, client, phases, width, height, PHASE_MIRROR);
}

void sim_submit_again(struct sim *sim, unsigned client, unsigned job)
{
	client_says(sim, client - 1, (struct sched_event){.type = EVENT_SUBMIT}, job);
}

static void job_verb(struct sim *sim, unsigned client, unsigned job, enum sched_event_type type)
{
	struct sched_event event = {.type = type, .job = sim->jobs[job].id};
	if (event.job != 0)
		client_says(sim, client - 1, event, job);
}

void sim_cancel(struct sim *sim, unsigned client, unsigned job)
{
	job_verb(sim, client, job, EVENT_CANCEL_JOB);
}

void sim_release(struct sim *sim, unsigned client, unsigned job)
{
	sim->jobs[job].is_released = true;
	job_verb(sim, client, job, EVENT_RELEASE);
}

void sim_mute(struct sim *sim, unsigned client)
{
	sim->clients[client - 1].is_mute = true;
}

/* Actions */

static struct sim_job *job_by_id(struct sim *sim, uint64_t id)
{
	for (unsigned i = 0; i < sim->job_count; i++)
		if (sim->jobs[i].id == id && id != 0)
			return &sim->jobs[i];
	return NULL;
}

static void client_hears(struct sim *sim, const struct sched_action *action)
{
	struct sim_job *job = action->type == ACTION_REFUSE && sim->submitting > 0
				      ? &sim->jobs[sim->submitting - 1]
				      : job_by_id(sim, action->job);
	if (job == NULL)
		return;
	if (action->type == ACTION_FINISHED || action->type == ACTION_PROGRESS)
		sim_image_report(sim, job, action);
	if (action->type == ACTION_FINISHED) {
		if (job->state == SIM_JOB_OPEN)
			sim_note(sim, "c%u: finished %td", job->client + 1, job - sim->jobs);
		job->state = SIM_JOB_FINISHED;
	} else if (action->type == ACTION_FAILED && job->state == SIM_JOB_OPEN) {
		job->state = SIM_JOB_FAILED;
		sim_note(sim, "c%u: failed %td: %s", job->client + 1, job - sim->jobs,
			 action->text);
	} else if (action->type == ACTION_REFUSE && job->id == 0) {
		job->state = SIM_JOB_REFUSED;
		sim_note(sim, "c%u: refused %td: %s", job->client + 1, job - sim->jobs,
			 action->text);
	}
}

static void carry_out(struct sim *sim, const struct sched_action *action)
{
	if (action->type == ACTION_APPLY) {
		struct sim_job *job = job_by_id(sim, action->job);
		if (job != NULL)
			sim_image_apply(sim, job, action);
		else
			sim_break(sim, "a tile of job %" PRIu64 " was applied, which is none",
				  action->job);
		return;
	}
	if (action->peer == 0)
		return;
	for (unsigned w = 0; w < sim->worker_count; w++)
		if (sim->workers[w].peer == action->peer) {
			struct flight *flight = sim_flight_new();
			flight->worker = w + 1;
			flight->connection = sim->workers[w].connection;
			flight->action = *action;
			sim_post(sim, flight);
			return;
		}
	client_hears(sim, action);
}

static void step(struct sim *sim, struct sched_event *event)
{
	char text[SCHED_TEXT_BYTES];
	event->now_ms = sim->now_ms;
	sim->actions.count = 0;
	sched_step(sim->sched, event, &sim->actions);
	uint64_t created = 0;
	for (size_t i = 0; i < sim->actions.count; i++) {
		if (sim->actions.items[i].type == ACTION_CREATE_IMAGE)
			created = sim->actions.items[i].job;
		else
			carry_out(sim, &sim->actions.items[i]);
	}
	if (!sched_check(sim->sched, text))
		sim_break(sim, "%s", text);
	if (sched_deadline_ms(sim->sched) <= sim->now_ms && event->type == EVENT_TICK)
		sim_break(sim, "the next tick is due at once");
	if (created != 0) {
		/* A key whose job has ended meanwhile makes a new one. */
		struct sim_job *job = &sim->jobs[sim->submitting - 1];
		job->id = created;
		job->state = SIM_JOB_OPEN;
		job->is_released = false;
		sim_image_clear(job);
		struct sched_event ready = {.type = EVENT_IMAGE_READY, .job = created};
		step(sim, &ready);
	}
}

static void step_submit(struct sim *sim, struct sched_event *event)
{
	unsigned j = (unsigned)event->submit.job - 1;
	struct sim_job *job = &sim->jobs[j];
	sim->submitting = j + 1;
	memcpy(event->submit.key, job->key, sizeof job->key);
	event->submit.plan = &job->plan;
	event->submit.job = ++sim->last_job;
	step(sim, event);
	sim->submitting = 0;
}

static void client_lives(struct sim *sim, unsigned c)
{
	struct sim_client_state *client = &sim->clients[c];
	if (client->is_mute || sim->now_ms < client->next_watch_ms)
		return;
	client->next_watch_ms = sim->now_ms + WATCH_MS;
	for (unsigned j = 0; j < sim->job_count; j++)
		if (sim->jobs[j].client == c && sim->jobs[j].id != 0 && !sim->jobs[j].is_released &&
		    sim->jobs[j].state != SIM_JOB_FAILED)
			client_says(
				sim, c,
				(struct sched_event){.type = EVENT_WATCH, .job = sim->jobs[j].id},
				j);
}

void sim_arrive(struct sim *sim, struct flight *flight)
{
	struct sim_worker_state *worker = flight->worker > 0 ? &sim->workers[flight->worker - 1]
							     : NULL;
	if (worker != NULL && worker->connection != flight->connection)
		return; /* lost with its connection */
	if (flight->is_to_broker) {
		flight->event.hello.info = &flight->info;
		if (flight->event.type == EVENT_SUBMIT)
			step_submit(sim, &flight->event);
		else
			step(sim, &flight->event);
	} else if (worker->is_alive && worker->is_frozen) {
		struct flight *later = sim_flight_new();
		*later = *flight;
		later->next = NULL;
		*worker->backlog_end = later;
		worker->backlog_end = &later->next;
	} else if (worker->is_alive) {
		sim_worker_hears(sim, flight->worker - 1, &flight->action);
	}
}

static void one_ms(struct sim *sim)
{
	while (sim->flights != NULL && sim->flights->at_ms <= sim->now_ms) {
		struct flight *flight = sim->flights;
		sim->flights = flight->next;
		sim_arrive(sim, flight);
		free(flight);
	}
	for (unsigned w = 0; w < sim->worker_count; w++)
		sim_worker_lives(sim, w);
	for (unsigned c = 0; c < sim->client_count; c++)
		client_lives(sim, c);
	if (sched_deadline_ms(sim->sched) <= sim->now_ms) {
		struct sched_event tick = {.type = EVENT_TICK};
		step(sim, &tick);
	}
	sim->now_ms++;
}

void sim_run(struct sim *sim, int64_t ms)
{
	for (int64_t end = sim->now_ms + ms; sim->now_ms < end && sim->broken[0] == '\0';)
		one_ms(sim);
}

static bool is_open(const struct sim *sim)
{
	for (unsigned j = 0; j < sim->job_count; j++)
		if (sim->jobs[j].state == SIM_JOB_OPEN)
			return true;
	return false;
}

bool sim_run_idle(struct sim *sim, int64_t ms)
{
	for (int64_t end = sim->now_ms + ms; sim->now_ms < end && sim->broken[0] == '\0';) {
		one_ms(sim);
		if (!is_open(sim))
			return true;
	}
	return false;
}

enum sim_job_state sim_job_state(const struct sim *sim, unsigned job)
{
	return sim->jobs[job].state;
}

unsigned sim_tiles_done(const struct sim *sim, unsigned worker)
{
	return sim->workers[worker - 1].tiles_done;
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
	return sim->trace;
}
