/* sim_client.c - make-believe clients: what they ask for, and how they insist. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mirror.h"
#include "tests/sim/sim_internal.h"

static void say(struct sim *sim, unsigned c, const struct sched_event *event, unsigned job)
{
	struct sim_client_state *client = &sim->clients[c];
	struct flight *flight = sim_flight_new(sim);
	flight->is_to_broker = true;
	flight->client = c + 1;
	flight->job = job;
	flight->event = *event;
	flight->event.peer = client->link.peer;
	sim_post(sim, flight, &client->link);
}

static void say_verb(struct sim *sim, unsigned c, const struct sim_job *job,
		     enum sched_event_type type, uint32_t band)
{
	const struct sched_event event = {.type = type, .job = job->known_id, .band = band};
	say(sim, c, &event, (unsigned)(job - sim->jobs) + 1);
}

unsigned sim_client(struct sim *sim)
{
	assert(sim->client_count < CLIENTS_MAX);
	unsigned c = sim->client_count++;
	struct sim_client_state *client = &sim->clients[c];
	*client = (struct sim_client_state){.next_watch_ms = sim->now_ms + WATCH_MS};
	sim_link_new(sim, &client->link);
	(void)snprintf(client->name, sizeof client->name, "c%u", c + 1);
	return c + 1;
}

unsigned sim_client_same(struct sim *sim, unsigned other)
{
	unsigned client = sim_client(sim);
	memcpy(sim->clients[client - 1].name, sim->clients[other - 1].name,
	       sizeof sim->clients[0].name);
	return client;
}

#define FIRST_POINT 5000000
#define POINTS      1000 /* of a segment of samples; the last has fewer */

static void make_counts_plan(const struct sim_request *request, struct plan *ret_plan)
{
	struct plan plan = {
		.phase_count = 2,
		.format = FORMAT_DENSITY,
		.height_px = request->height,
		.band_rows = request->height,
		.band_count = 1,
		.grids = request->grids,
		.points = (uint64_t)request->segments * POINTS - POINTS / 3,
		.segment_points = POINTS,
		.first_point = FIRST_POINT,
		.phases[0] = {.kind = PHASE_SAMPLE,
			      .grid = {1, request->segments, 1, 1},
			      .pixel_work = 100000},
		.phases[1] = {.kind = PHASE_SUM, .pixel_work = 1, .pixel_bytes = 8},
	};
	bool fits = segment_grid_make(request->width, request->height, 8, 1,
				      &plan.phases[1].grid) &&
		    image_layout_make(&plan.phases[1].grid, plan.format, &plan.layout) &&
		    grid_layout_make(request->width, request->height, 1, request->is_mirrored,
				     request->segments, GRID_WRAP, &plan.counts) &&
		    grid_layout_make(request->width, request->height, 1, request->is_mirrored,
				     request->segments, GRID_WIDE, &plan.sums);
	assert(fits);
	(void)fits;
	plan.image_bytes = plan.layout.total_bytes + plan_grids_bytes(&plan, plan.grids);
	*ret_plan = plan;
}

static void make_plan(const struct sim_request *request, struct plan *ret_plan)
{
	if (request->segments > 0) {
		make_counts_plan(request, ret_plan);
		return;
	}
	unsigned phases = request->phases > 0 ? request->phases : 1;
	uint64_t work = request->pixel_work > 0 ? request->pixel_work : 1000;
	struct plan plan = {
		.phase_count = phases,
		.format = FORMAT_RGB8,
		.height_px = request->height,
		.band_rows = request->height,
		.band_count = 1,
	};
	if (request->band_rows > 0 && request->band_rows < request->height) {
		plan.band_rows = request->band_rows;
		plan.band_count = (request->height + plan.band_rows - 1) / plan.band_rows;
	}
	bool fits = true;
	for (unsigned p = 0; p < phases; p++) {
		struct phase *phase = &plan.phases[p];
		*phase = (struct phase){.pixel_bytes = 3, .pixel_work = work};
		/* Each phase but the last is a little lower. */
		uint32_t less = plan.band_count == 1 ? phases - 1 - p : 0;
		fits = fits && segment_grid_make(request->width, plan.band_rows - less, 3, work,
						 &phase->grid);
	}
	struct phase *last = &plan.phases[phases - 1];
	fits = fits && image_layout_make(&last->grid, FORMAT_RGB8, &plan.layout);
	assert(fits);
	plan.image_bytes = plan.layout.total_bytes;
	if (plan.band_count > 1)
		plan.image_bytes *= LIMIT_OPEN_BANDS;
	if (request->is_mirrored && plan.band_count == 1) {
		last->kind = PHASE_MIRROR;
		last->grid.height_px = mirror_rows(request->height);
	}
	*ret_plan = plan;
}

unsigned sim_request(struct sim *sim, const struct sim_request *request)
{
	assert(sim->job_count < JOBS_MAX);
	unsigned j = sim->job_count++;
	struct sim_job *job = &sim->jobs[j];
	*job = (struct sim_job){
		.client = request->client - 1,
		.priority = request->priority,
		.is_kept = request->is_kept,
	};
	for (size_t i = 0; i < sizeof job->key; i++)
		job->key[i] = (uint8_t)sim_random(sim, 256);
	make_plan(request, &job->plan);
	sim_images_new(job);
	sim_submit_again(sim, request->client, j);
	return j;
}

unsigned sim_submit(struct sim *sim, unsigned client, uint32_t width, uint32_t height)
{
	return sim_request(
		sim, &(struct sim_request){.client = client, .width = width, .height = height});
}

void sim_submit_again(struct sim *sim, unsigned client, unsigned job)
{
	say(sim, client - 1, &(struct sched_event){.type = EVENT_SUBMIT}, job + 1);
}

void sim_verb(struct sim *sim, unsigned client, unsigned job, enum sched_event_type verb)
{
	struct sim_job *j = &sim->jobs[job];
	if (j->known_id != 0)
		say_verb(sim, client - 1, j, verb, SCHED_ALL_BANDS);
}

static void reads_from(struct sim_job *job, uint32_t band)
{
	job->bands_read = band;
	job->band_until_ms = 0;
	memset(job->bands_told, 0, sizeof job->bands_told);
}

void sim_attach(struct sim *sim, unsigned client, unsigned job)
{
	struct sim_job *j = &sim->jobs[job];
	if (!j->row.exists)
		return;
	j->known_id = j->id; /* it was told */
	j->client = client - 1;
	j->is_attaching = true;
	reads_from(j, j->bands_read); /* it is another's until ACCEPTED */
	j->is_cancelled = j->is_released = false;
	j->state = SIM_JOB_OPEN;
	sim_verb(sim, client, job, EVENT_ATTACH);
}

void sim_cancel(struct sim *sim, unsigned client, unsigned job)
{
	struct sim_job *j = &sim->jobs[job];
	if (j->client == client - 1)
		j->is_cancelled = true;
	sim_verb(sim, client, job, EVENT_CANCEL_JOB);
}

void sim_release(struct sim *sim, unsigned client, unsigned job)
{
	sim->jobs[job].is_released = true;
	sim_verb(sim, client, job, EVENT_RELEASE);
}

void sim_priority(struct sim *sim, unsigned client, unsigned job, int32_t priority)
{
	const struct sched_event event = {
		.type = EVENT_PRIORITY, .job = sim->jobs[job].known_id, .priority = priority};
	if (event.job != 0)
		say(sim, client - 1, &event, job + 1);
}

void sim_drain_worker(struct sim *sim, unsigned client, const char *name)
{
	const struct sched_event event = {.type = EVENT_DRAIN_WORKER, .text = name};
	say(sim, client - 1, &event, 0);
}

void sim_client_says(struct sim *sim, unsigned client, const struct sched_event *event)
{
	say(sim, client - 1, event, 0);
}

void sim_mute(struct sim *sim, unsigned client)
{
	sim->clients[client - 1].is_mute = true;
	sim_note(sim, "c%u: silent", client);
}

void sim_unmute(struct sim *sim, unsigned client)
{
	sim->clients[client - 1].is_mute = false;
}

void sim_client_reconnect(struct sim *sim, unsigned client)
{
	sim_link_new(sim, &sim->clients[client - 1].link);
	sim_note(sim, "c%u: connects again", client);
}

/* What they hear */

static void set_state(struct sim *sim, struct sim_job *job, enum sim_job_state state,
		      const char *verb, const char *why)
{
	if (job->state == state)
		return;
	job->state = state;
	sim_note(sim, "c%u: %s %td%s%s", job->client + 1, verb, job - sim->jobs,
		 why[0] != '\0' ? ": " : "", why);
}

static void reads_next(struct sim *sim, struct sim_job *job)
{
	uint32_t band = job->bands_read;
	if (job->band_until_ms > 0 || job->bands_told[band % LIMIT_OPEN_BANDS] != band + 1)
		return;
	job->band_until_ms = sim->now_ms + 1 + (int64_t)sim_random(sim, 100);
	sim_note(sim, "c%u: reads band %u of %td", job->client + 1, band, job - sim->jobs);
}

static void hears_failed(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	bool is_lost = action->code == BROT_E_NOT_FOUND;
	if (is_lost && job->plan.band_count > 1 && job->bands_read == job->plan.band_count) {
		set_state(sim, job, SIM_JOB_FINISHED, "finished", "");
	} else if (is_lost && (job->is_released || job->state == SIM_JOB_FINISHED)) {
		job->is_released = true;
		job->known_id = 0;
	} else if (is_lost && !job->is_cancelled) {
		/* It has the key still, so it begins again. */
		sim_note(sim, "c%u: asks anew for %td", job->client + 1, job - sim->jobs);
		job->known_id = 0;
		reads_from(job, 0);
		job->is_attaching = false;
		job->state = SIM_JOB_OPEN;
		sim_submit_again(sim, job->client + 1, (unsigned)(job - sim->jobs));
	} else {
		set_state(sim, job, SIM_JOB_FAILED, "failed", action->text);
	}
}

static void hears_band(struct sim *sim, unsigned c, struct sim_job *job,
		       const struct sched_action *action)
{
	uint32_t band = work_band(action->work);
	if (job->client != c || job->is_attaching)
		return;
	if (band < job->bands_read)
		say_verb(sim, c, job, EVENT_RELEASE, band); /* the first one was lost */
	else
		job->bands_told[band % LIMIT_OPEN_BANDS] = band + 1;
	reads_next(sim, job);
}

static void hears_accepted(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	bool is_new = job->known_id != action->job;
	job->known_id = action->job;
	if (is_new || job->is_attaching)
		reads_from(job, action->report.bands_released);
	job->is_attaching = false;
	(void)sim;
}

static void hears_refusal(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	if (job->known_id == 0 && action->job == 0) {
		if (!job->is_released)
			set_state(sim, job, SIM_JOB_REFUSED, "refused", action->text);
	} else if (action->code == BROT_E_NOT_FOUND && action->job == job->known_id) {
		if (job->is_cancelled)
			set_state(sim, job, SIM_JOB_FAILED, "failed", action->text);
		else if (job->is_released)
			job->known_id = 0;
		else if (job->is_attaching)
			hears_failed(sim, job, action);
	}
}

void sim_client_hears(struct sim *sim, const struct flight *flight)
{
	const struct sched_action *action = &flight->action;
	unsigned c = flight->client - 1;
	if (flight->job == 0 || sim->clients[c].is_mute)
		return;
	struct sim_job *job = &sim->jobs[flight->job - 1];
	if (action->type == ACTION_ACCEPTED)
		hears_accepted(sim, job, action);
	else if (action->type == ACTION_REFUSE)
		hears_refusal(sim, job, action);
	if (action->job == 0 || action->job != job->known_id)
		return;
	if (action->type == ACTION_FINISHED)
		set_state(sim, job, SIM_JOB_FINISHED, "finished", "");
	else if (action->type == ACTION_FAILED)
		hears_failed(sim, job, action);
	else if (action->type == ACTION_CANCELLED)
		set_state(sim, job, SIM_JOB_FAILED, "failed", "cancelled");
	else if (action->type == ACTION_BAND)
		hears_band(sim, c, job, action);
	else if (action->type == ACTION_CHANGED && action->report.state != JOB_FAILED &&
		 job->state == SIM_JOB_FAILED)
		job->state = SIM_JOB_OPEN;
}

static void insists(struct sim *sim, unsigned c, struct sim_job *job)
{
	bool is_banded = job->plan.band_count > 1;
	if (job->known_id == 0) {
		if (job->state == SIM_JOB_OPEN)
			sim_submit_again(sim, c + 1, (unsigned)(job - sim->jobs));
	} else if (job->is_cancelled) {
		if (job->state == SIM_JOB_OPEN)
			say_verb(sim, c, job, EVENT_CANCEL_JOB, SCHED_ALL_BANDS);
	} else if (job->is_attaching) {
		say_verb(sim, c, job, EVENT_ATTACH, SCHED_ALL_BANDS);
	} else if (job->is_released) {
		say_verb(sim, c, job, EVENT_RELEASE, SCHED_ALL_BANDS);
	} else if (job->state == SIM_JOB_OPEN || (job->state == SIM_JOB_FINISHED && !is_banded)) {
		say_verb(sim, c, job, EVENT_WATCH, SCHED_ALL_BANDS);
	}
}

static bool is_reading(const struct sim_job *job)
{
	return job->band_until_ms > 0 && job->state == SIM_JOB_OPEN;
}

void sim_client_lives(struct sim *sim, unsigned c)
{
	struct sim_client_state *client = &sim->clients[c];
	if (client->is_mute)
		return;
	bool is_due = sim->now_ms >= client->next_watch_ms;
	if (is_due)
		client->next_watch_ms = sim->now_ms + WATCH_MS;
	for (unsigned j = 0; j < sim->job_count; j++) {
		struct sim_job *job = &sim->jobs[j];
		if (job->client != c)
			continue;
		if (is_reading(job) && sim->now_ms >= job->band_until_ms) {
			say_verb(sim, c, job, EVENT_RELEASE, job->bands_read);
			job->bands_read++;
			job->band_until_ms = 0;
			reads_next(sim, job);
		}
		if (is_due)
			insists(sim, c, job);
	}
}

int64_t sim_client_wakes_ms(const struct sim *sim, unsigned c)
{
	const struct sim_client_state *client = &sim->clients[c];
	if (client->is_mute)
		return SCHED_NEVER;
	int64_t wakes_ms = client->next_watch_ms;
	for (unsigned j = 0; j < sim->job_count; j++) {
		const struct sim_job *job = &sim->jobs[j];
		if (job->client == c && is_reading(job) && job->band_until_ms < wakes_ms)
			wakes_ms = job->band_until_ms;
	}
	return wakes_ms;
}
