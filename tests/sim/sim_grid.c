/*
 * sim_grid.c - what of a job's samples is in which grid, from what the messages told alone.
 *
 * A grid has what was said to be done under it. One whose worker failed, or left amid a tile, has
 * something nobody knows besides: it must not be committed, and neither must one of whose rows some
 * are missing. What is committed is kept, and is the job's for good.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broker/sum.h"
#include "tests/sim/sim_internal.h"

static uint32_t segments_of(const struct sim_job *job)
{
	return job->plan.counts.segments;
}

static size_t bytes_of(const struct sim_job *job)
{
	return (segments_of(job) + 7) / 8;
}

static struct sim_grid *find(struct sim_job *job, uint64_t work)
{
	for (struct sim_grid *grid = job->grids; grid != NULL; grid = grid->next)
		if (grid->work == work)
			return grid;
	return NULL;
}

static struct sim_grid *take(struct sim_job *job, uint64_t work)
{
	struct sim_grid *grid = find(job, work);
	if (grid != NULL)
		return grid;
	grid = calloc(1, sizeof *grid);
	assert(grid != NULL);
	grid->work = work;
	grid->counts = calloc(segments_of(job), 1);
	grid->bits = calloc(bytes_of(job), 1);
	assert(grid->counts != NULL && grid->bits != NULL);
	grid->next = job->grids;
	job->grids = grid;
	return grid;
}

static void forget(struct sim_job *job, struct sim_grid *grid)
{
	struct sim_grid **at = &job->grids;
	while (*at != grid)
		at = &(*at)->next;
	*at = grid->next;
	free(grid->counts);
	free(grid->bits);
	free(grid);
}

void sim_grids_free(struct sim_job *job)
{
	while (job->grids != NULL)
		forget(job, job->grids);
}

/* Its worker was told of it. */
void sim_grid_begin(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	struct sim_grid *grid = take(job, action->work);
	if (grid->session != 0 || grid->is_committed)
		sim_break(sim, "a grid of job %" PRIu64 " was given to two", job->id);
	grid->session = action->session;
	grid->is_remote = !grid->exists;
}

void sim_grid_create(struct sim *sim, struct sim_job *job, uint64_t work, bool is_sum)
{
	struct sim_grid *grid = take(job, work);
	grid->is_sum = is_sum;
	if (grid->exists)
		sim_break(sim, "a grid of job %" PRIu64 " was made twice", job->id);
	grid->exists = true;
	job->grids_made++;
}

/* Of a job that goes on, what was in it alone is not done any more; nor is what was summed. */
static void lose_counts(struct sim_job *job)
{
	bool has_any = false;
	memset(job->images[0].applied, 0, segments_of(job));
	for (const struct sim_grid *grid = job->grids; grid != NULL; grid = grid->next) {
		has_any |= grid->is_committed;
		for (uint32_t i = 0; grid->is_committed && i < segments_of(job); i++)
			job->images[0].applied[i] |= grid->counts[i] > 0;
	}
	if (!has_any)
		memset(job->images[0].applied + segments_of(job), 0,
		       segment_count(&job->plan.layout.grid));
}

void sim_grid_drop(struct sim *sim, struct sim_job *job, uint64_t work)
{
	struct sim_grid *grid = find(job, work);
	if (grid == NULL || !grid->exists) {
		sim_break(sim, "a grid of job %" PRIu64 " was dropped, but is none", job->id);
		return;
	}
	bool was_committed = grid->is_committed;
	forget(job, grid);
	if (was_committed && job->row.report.state != JOB_FINISHED)
		lose_counts(job);
}

/* Those of a remote worker, once each, in order. */
static void lease_rows(struct sim *sim, struct sim_job *job, struct sim_grid *grid,
		       const struct rect *rect)
{
	const struct grid_layout *counts = &job->plan.counts;
	if (!grid->is_remote || !grid->exists || rect->x != 0 || rect->w != counts->width_px ||
	    rect->y != grid->rows_asked || rect->h > counts->rows - rect->y)
		sim_break(sim, "job %" PRIu64 ": rows were asked for that should not be", job->id);
	grid->rows_asked += rect->h;
}

/* A tile of samples, or rows, under a grid. */
void sim_grid_lease(struct sim *sim, struct sim_job *job, const struct sched_action *action,
		    bool is_again)
{
	const struct rect *rect = &action->rect;
	const struct grid_layout *counts = &job->plan.counts;
	struct sim_grid *grid = find(job, action->tile.work);
	if (grid == NULL || grid->is_committed || grid->session != action->session) {
		sim_break(sim, "job %" PRIu64 ": a tile was leased under nobody's grid", job->id);
		return;
	}
	if (action->tile.phase == 1) {
		if (!is_again)
			lease_rows(sim, job, grid, rect);
		return;
	}
	if (action->tile.phase > 1 || rect->x != 0 || rect->w != 1 || rect->h == 0 ||
	    rect->y + rect->h > counts->segments || grid->rows_asked > 0) {
		sim_break(sim, "job %" PRIu64 ": samples were leased that are none", job->id);
		return;
	}
	job->leased_segments += rect->h;
	for (uint32_t i = rect->y; i < rect->y + rect->h; i++) {
		if (job->images[0].applied[i] != 0)
			sim_break(sim, "samples %u of job %" PRIu64 " were leased but are done", i,
				  job->id);
		/* Who has them must have been given up. */
		for (struct sim_grid *other = job->grids; other != NULL; other = other->next)
			other->is_tainted |= other->counts[i] > 0;
	}
}

void sim_grid_done(struct sim *sim, struct sim_job *job, const struct tile_name *name,
		   const struct rect *rect)
{
	struct sim_grid *grid = find(job, name->work);
	(void)sim;
	if (grid == NULL)
		return;
	if (name->phase == 1)
		grid->rows_done += rect->h;
	for (uint32_t i = rect->y; name->phase == 0 && i < rect->y + rect->h; i++)
		grid->counts[i]++;
}

bool sim_grid_holds(struct sim_job *job, const struct sim_tile *tile)
{
	const struct sim_grid *grid = find(job, tile->work);
	return grid != NULL && !grid->is_committed && tile->phase == 0 &&
	       grid->counts[tile->rect.y] > 0;
}

/* A lease under it has ended in another way. */
void sim_grid_taint(struct sim_job *job, uint64_t work)
{
	struct sim_grid *grid = work_is_grid(work) ? find(job, work) : NULL;
	if (grid != NULL)
		grid->is_tainted = true;
}

/* A remote worker takes with it what it has not sent. */
void sim_grids_leave(struct sim_job *job, uint64_t session)
{
	for (struct sim_grid *grid = job->grids; grid != NULL; grid = grid->next)
		if (grid->session == session && grid->is_remote && !grid->is_committed)
			grid->is_tainted = true;
}

static bool has_lease(const struct sim_job *job, uint64_t work)
{
	for (uint32_t i = 0; i < job->tile_count; i++)
		for (uint32_t l = 0; l < job->tiles[i].lease_count; l++)
			if (job->tiles[i].leases[l].work == work)
				return true;
	return false;
}

static const char *why_not(const struct sim_job *job, const struct sim_grid *grid,
			   const struct sched_action *action)
{
	bool is_sum = grid != NULL && grid->session == 0;
	uint32_t rows = job->plan.counts.rows;
	if (grid == NULL || !grid->exists || grid->is_committed)
		return "there is none to commit";
	if (action->bits_bytes != bytes_of(job))
		return "it has other segments";
	if (grid->is_tainted)
		return "it has more than it should";
	if (has_lease(job, grid->work))
		return "it is still counted into";
	if ((is_sum || grid->is_remote) && grid->rows_done != rows)
		return "rows are missing";
	for (uint32_t i = 0; i < segments_of(job); i++) {
		uint32_t bit = action->bits[i / 8] >> i % 8 & 1;
		if (bit != grid->counts[i])
			return "it says that it has other samples than it has";
		if (bit != 0 && (job->images[0].applied[i] != 0) != is_sum)
			return "its samples are there twice, or it is a sum of what is not";
	}
	return NULL;
}

void sim_grid_commit(struct sim *sim, struct sim_job *job, const struct sched_action *action)
{
	struct sim_grid *grid = find(job, action->work);
	const char *why = why_not(job, grid, action);
	if (why != NULL) {
		sim_break(sim, "job %" PRIu64 ": grid %u was committed, but %s", job->id,
			  work_grid(action->work), why);
		return;
	}
	memcpy(grid->bits, action->bits, bytes_of(job));
	if (sim_reached(sim))
		return;
	grid->is_committed = true;
	for (uint32_t i = 0; i < segments_of(job); i++)
		if (grid->counts[i] > 0)
			job->images[0].applied[i] = 1;
}

/* It was not what it should be: it is as if it had never been. */
void sim_grid_undo(struct sim_job *job, uint64_t work)
{
	struct sim_grid *grid = find(job, work);
	grid->is_committed = false;
	for (uint32_t i = 0; grid->session != 0 && i < segments_of(job); i++)
		if (grid->counts[i] > 0)
			job->images[0].applied[i] = 0;
}

/* ---- sums ---- */

/* How often each sample is in those grids; false where one is none that may be read. */
static bool add_up(struct sim_job *job, const struct sched_action *action, uint8_t *counts)
{
	for (uint32_t g = 0; g < action->count; g++) {
		const struct sim_grid *grid = find(job, action->sources[g]);
		if (grid == NULL || !grid->is_committed)
			return false;
		for (uint32_t i = 0; i < segments_of(job); i++)
			counts[i] = (uint8_t)(counts[i] + grid->counts[i]);
	}
	return true;
}

static void sum_image(struct sim *sim, struct sim_job *job, const struct sched_action *action,
		      const uint8_t *counts)
{
	struct sim_image *image = &job->images[0];
	const struct segment_grid *grid = &job->plan.layout.grid;
	uint32_t first, count;
	for (uint32_t i = 0; i < segments_of(job); i++)
		if (counts[i] != 1)
			sim_break(sim, "samples %u of job %" PRIu64 " are in its image %u times", i,
				  job->id, counts[i]);
	if (!rect_segment_run(grid, &action->rect, &first, &count)) {
		sim_break(sim, "job %" PRIu64 ": the rows summed are none", job->id);
		return;
	}
	for (uint32_t i = first; i < first + count; i++) {
		image->applied[segments_of(job) + i] = 1;
		image->bits[i / 8] |= (uint8_t)(1u << (i % 8));
	}
}

/* Rows of the sources; the event gets an error where they are gone. */
void sim_grid_sum(struct sim *sim, const struct sched_action *action, struct sched_event *event)
{
	struct sim_job *job = sim_job_by_id(sim, work_job(action->work));
	struct sim_grid *to = job != NULL ? find(job, action->work) : NULL;
	bool is_there = job != NULL && job->row.exists &&
			(work_is_grid(action->work) ? to != NULL && to->exists
						    : job->images[0].exists);
	uint8_t *counts = is_there ? calloc(segments_of(job), 1) : NULL;
	if (to != NULL && !to->is_sum)
		sim_break(sim, "job %" PRIu64 ": rows are summed into a grid that is counted into",
			  job->id);
	if (!is_there || !add_up(job, action, counts)) {
		event->code = BROT_E_NOT_FOUND;
		event->text = "there is nothing to add up";
	} else if (to == NULL) {
		sum_image(sim, job, action, counts);
	} else {
		if (to->rows_done != action->rect.y)
			sim_break(sim, "job %" PRIu64 ": rows are summed out of turn", job->id);
		to->rows_done += action->rect.h;
		memcpy(to->counts, counts, segments_of(job));
	}
	free(counts);
}

/* ---- a new life ---- */

/* What is committed stays, unless it is in another as well. */
void sim_grids_outlive(struct sim_job *job, bool is_reboot)
{
	const uint8_t *bits[LIMIT_GRIDS + 1] = {NULL};
	bool keep[LIMIT_GRIDS + 1];
	struct sim_grid *found[LIMIT_GRIDS + 1], *next;
	uint32_t count = 0;
	for (struct sim_grid *grid = job->grids; grid != NULL; grid = next) {
		next = grid->next;
		if (!grid->is_committed || !job->row.exists || is_reboot) {
			forget(job, grid);
			continue;
		}
		assert(count <= LIMIT_GRIDS);
		grid->session = 0;
		found[count] = grid;
		bits[count++] = grid->bits;
	}
	sum_choose(bits, count, bytes_of(job), keep);
	memset(job->images[0].applied, 0, segments_of(job));
	for (uint32_t g = 0; g < count; g++) {
		for (uint32_t i = 0; i < segments_of(job); i++)
			job->images[0].applied[i] |= found[g]->counts[i];
		if (!keep[g])
			forget(job, found[g]);
	}
}

void sim_grids_restore(struct sim_job *job, struct sched_restore *ret_restore)
{
	for (const struct sim_grid *grid = job->grids; grid != NULL; grid = grid->next) {
		assert(ret_restore->grid_count < LIMIT_GRIDS);
		ret_restore->grids[ret_restore->grid_count].number = work_grid(grid->work);
		ret_restore->grids[ret_restore->grid_count++].bits = grid->bits;
	}
}

uint64_t sim_grids_bytes(const struct sim_job *job)
{
	uint64_t bytes = 0;
	for (const struct sim_grid *grid = job->grids; grid != NULL; grid = grid->next)
		if (grid->exists)
			bytes += grid->is_sum ? job->plan.sums.total_bytes
					      : job->plan.counts.total_bytes;
	return bytes;
}
