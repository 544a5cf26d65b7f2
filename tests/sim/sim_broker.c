/* sim_broker.c - the broker around the scheduler: events in, actions carried out one by one. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_internal.h"

#define LINE_BYTES (1u << 16)
#define SUM_MS     300 /* that a slice of a sum may wait for its turn */

struct sim_job *sim_job_by_id(struct sim *sim, uint64_t id)
{
	for (unsigned i = sim->job_count; i > 0 && id != 0; i--)
		if (sim->jobs[i - 1].id == id)
			return &sim->jobs[i - 1];
	return NULL;
}

bool sim_reached(struct sim *sim)
{
	sim->things++;
	if (!sim->is_dead && sim->die_in > 0 && --sim->die_in == 0) {
		sim->is_dead = true;
		sim_note(sim, "broker: killed");
	}
	return sim->is_dead;
}

/* Number + 1 of the job that a client is told about; it may be an earlier one of its key. */
static unsigned told_job(const struct sim *sim, const struct sched_action *action)
{
	for (unsigned i = sim->job_count; i > 0 && action->job != 0; i--)
		if (sim->jobs[i - 1].id == action->job || sim->jobs[i - 1].known_id == action->job)
			return i;
	return sim->submitting;
}

/* Messages to those who have gone are lost. */
static void send(struct sim *sim, const struct sched_action *action)
{
	for (unsigned w = 0; w < sim->worker_count; w++)
		if (sim->workers[w].link.peer == action->peer) {
			struct flight *flight = sim_flight_new(sim);
			flight->worker = w + 1;
			flight->action = *action;
			sim_post(sim, flight, &sim->workers[w].link);
			return;
		}
	if (action->type == ACTION_PROGRESS)
		return; /* checked, and of no effect */
	for (unsigned c = 0; c < sim->client_count; c++)
		if (sim->clients[c].link.peer == action->peer) {
			struct flight *flight = sim_flight_new(sim);
			flight->client = c + 1;
			flight->job = told_job(sim, action);
			flight->action = *action;
			sim_post(sim, flight, &sim->clients[c].link);
			return;
		}
}

/* Of one that is answered in a later turn, as long as the broker lives. */
static void begin_sum(struct sim *sim, const struct sched_action *action)
{
	struct flight *flight = sim_flight_new(sim);
	flight->is_to_broker = true;
	flight->action = *action;
	flight->event = (struct sched_event){.type = EVENT_SUMMED, .work = action->work};
	sim->delay_ms += SUM_MS;
	sim_post(sim, flight, NULL);
	sim->delay_ms -= SUM_MS;
	flight->connection = sim->life;
}

static void feed_sum(struct sim *sim, struct flight *flight)
{
	if (flight->connection != sim->life)
		return;
	if (sim->fail_sums > 0) {
		sim->fail_sums--;
		flight->event.code = BROT_E_FAILED;
		flight->event.text = "a count is too large";
	} else {
		sim_grid_sum(sim, &flight->action, &flight->event);
	}
	sim_feed(sim, &flight->event);
}

static void create_image(struct sim *sim, const struct sched_action *action)
{
	struct sim_job *job = sim_job_by_id(sim, work_job(action->work));
	if (job == NULL && sim->submitting > 0 && !work_is_grid(action->work)) {
		job = &sim->jobs[sim->submitting - 1];
		job->id = work_job(action->work);
	}
	if (job == NULL) {
		sim_break(sim, "an image was asked for work %" PRIu64 ", which is none",
			  action->work);
		return;
	}
	if (!job->row.exists)
		sim_store_add(sim, job, action);
	if (sim->created_work != 0)
		sim_break(sim, "two images were asked for at once");
	sim->created_work = action->work;
	sim->created_is_sum = action->is_sum;
}

static void carry_out(struct sim *sim, const struct sched_action *action)
{
	uint64_t id = action->type == ACTION_DROP_IMAGE ? work_job(action->work) : action->job;
	if (action->type == ACTION_APPLY)
		id = work_job(action->tile.work);
	if (action->type == ACTION_CREATE_IMAGE) {
		create_image(sim, action);
		return;
	}
	struct sim_job *job = sim_job_by_id(sim, id);
	bool is_grid = work_is_grid(action->work);
	bool is_of_job = action->type == ACTION_COMMIT || action->type == ACTION_SUM ||
			 action->type == ACTION_APPLY || action->type == ACTION_DROP_IMAGE ||
			 action->type == ACTION_RECORD || action->type == ACTION_END;
	if (is_of_job && job == NULL)
		sim_break(sim, "an action is about job %" PRIu64 ", which is none", id);
	else if (action->type == ACTION_APPLY)
		sim_image_apply(sim, job, action);
	else if (action->type == ACTION_DROP_IMAGE && is_grid)
		sim_grid_drop(sim, job, action->work);
	else if (action->type == ACTION_COMMIT) {
		sim->committed_work = action->work;
		sim_grid_commit(sim, job, action);
	} else if (action->type == ACTION_SUM)
		begin_sum(sim, action);
	else if (action->type == ACTION_DROP_IMAGE)
		sim_image_drop(sim, job, work_band(action->work));
	else if (action->type == ACTION_RECORD)
		sim_store_record(sim, job, action);
	else if (action->type == ACTION_END)
		sim_store_end(sim, job, action);
	else if (action->peer != 0)
		send(sim, action);
}

void sim_log_limits(struct sim *sim)
{
	static char line[LINE_BYTES];
	if (sim->log != NULL)
		fprintf(sim->log, "%s\n", sched_limits_str(&sim->limits, line, sizeof line));
}

static void write_log(struct sim *sim, const struct sched_event *event)
{
	static char line[LINE_BYTES];
	fprintf(sim->log, "%s\n", sched_event_str(event, line, sizeof line));
	for (size_t i = 0; i < sim->actions.count; i++)
		fprintf(sim->log, "%s\n",
			sched_action_str(&sim->actions.items[i], line, sizeof line));
}

static void step_once(struct sim *sim, struct sched_event *event)
{
	char text[SCHED_TEXT_BYTES];
	event->now_ms = sim->now_ms;
	sim->steps++;
	sim_coverage_event(sim, event);
	sim_check_event(sim, event);
	sim->event = event;
	sim->created_work = 0;
	sim->committed_work = 0;
	sim->actions.count = 0;
	sched_step(sim->sched, event, &sim->actions);
	if (sim->log != NULL)
		write_log(sim, event);
	for (size_t i = 0; i < sim->actions.count && !sim_reached(sim); i++) {
		sim_check_action(sim, &sim->actions.items[i]);
		carry_out(sim, &sim->actions.items[i]);
	}
	sim->event = NULL;
	if (sim->is_dead)
		return;
	if (!sched_check(sim->sched, text))
		sim_break(sim, "%s", text);
	if (sched_deadline_ms(sim->sched) <= sim->now_ms && event->type == EVENT_TICK)
		sim_break(sim, "the next tick is due at once");
	if (sim->created_work == 0 && sim->committed_work == 0 && !sim->is_restoring)
		sim_check_step(sim);
}

/* Each of these is answered before anything else is said. */
static void answer_commit(struct sim *sim, uint64_t work)
{
	struct sched_event answer = {.type = EVENT_COMMITTED, .work = work};
	if (sim->fail_commits > 0) {
		sim->fail_commits--;
		answer.code = BROT_E_PROTOCOL;
		answer.text = "it is not exact";
		sim_grid_undo(sim_job_by_id(sim, work_job(work)), work);
	}
	step_once(sim, &answer);
}

void sim_step(struct sim *sim, struct sched_event *event)
{
	step_once(sim, event);
	while ((sim->created_work != 0 || sim->committed_work != 0) && !sim_reached(sim) &&
	       sim->broken[0] == '\0') {
		uint64_t work = sim->created_work, committed = sim->committed_work;
		struct sched_event answer = {.type = EVENT_IMAGE_READY, .work = work};
		if (committed != 0) {
			if (work != 0)
				sim_break(sim, "an image and a commit were asked for at once");
			answer_commit(sim, committed);
			continue;
		}
		if (sim->fail_images > 0) {
			sim->fail_images--;
			answer.type = EVENT_IMAGE_FAILED;
			answer.code = BROT_E_NO_SPACE;
			answer.text = "there is no memory";
		} else {
			struct sim_job *job = sim_job_by_id(sim, work_job(work));
			if (work_is_grid(work))
				sim_grid_create(sim, job, work, sim->created_is_sum);
			else
				sim_image_create(sim, job, work_band(work));
			if (sim_reached(sim))
				return;
		}
		step_once(sim, &answer);
	}
}

void sim_feed(struct sim *sim, struct sched_event *event)
{
	sim_step(sim, event);
	if (sim->is_dead)
		sim_bury(sim, false);
}

static void feed_submit(struct sim *sim, struct flight *flight)
{
	struct sched_event *event = &flight->event;
	struct sim_job *job = &sim->jobs[flight->job - 1];
	sim->submitting = flight->job;
	memcpy(event->submit.key, job->key, sizeof job->key);
	event->submit.plan = &job->plan;
	event->submit.job = ++sim->last_job;
	event->submit.client = sim->clients[flight->client - 1].name;
	event->submit.priority = job->priority;
	event->submit.is_kept = job->is_kept;
	sim_feed(sim, event);
	sim->submitting = 0;
}

static void reach_worker(struct sim *sim, struct flight *flight)
{
	struct sim_worker_state *worker = &sim->workers[flight->worker - 1];
	if (worker->is_alive && worker->is_frozen) {
		struct flight *later = sim_flight_new(sim);
		*later = *flight;
		later->next = NULL;
		*worker->backlog_end = later;
		worker->backlog_end = &later->next;
	} else if (worker->is_alive) {
		sim_worker_hears(sim, flight->worker - 1, &flight->action);
	}
}

void sim_arrive(struct sim *sim, struct flight *flight)
{
	const struct sim_link *link = NULL;
	if (flight->worker > 0)
		link = &sim->workers[flight->worker - 1].link;
	else if (flight->client > 0)
		link = &sim->clients[flight->client - 1].link;
	if (link != NULL && link->connection != flight->connection)
		return; /* lost with its connection */
	if (!flight->is_to_broker && flight->worker > 0) {
		reach_worker(sim, flight);
	} else if (!flight->is_to_broker) {
		sim_client_hears(sim, flight);
	} else if (flight->event.type == EVENT_SUBMIT) {
		feed_submit(sim, flight);
	} else if (flight->event.type == EVENT_SUMMED) {
		feed_sum(sim, flight);
	} else {
		flight->event.hello.info = &flight->info;
		sim_feed(sim, &flight->event);
	}
}
