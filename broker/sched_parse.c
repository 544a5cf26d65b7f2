/*
 * sched_parse.c - lines of sched_str.c read back, so that a debug log can be replayed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/line_fields.h"
#include "broker/sched_text.h"
#include "proto/format.h"
#include "proto/hex.h"

static bool take_work(const char **at, uint64_t *ret_work)
{
	uint64_t job;
	uint32_t band = 0;
	if (!line_take_u64(at, &job) || job >> WORK_BAND_SHIFT != 0)
		return false;
	bool has_part = line_take_char(at, '.');
	bool is_grid = has_part && line_take_char(at, 'g');
	if (has_part && (!line_take_u32(at, &band) || band >> (64 - WORK_BAND_SHIFT) != 0 ||
			 (is_grid && band >= WORK_GRID_BIT)))
		return false;
	*ret_work = is_grid ? work_grid_id(job, band) : work_id(job, band);
	return true;
}

static uint64_t get_work(struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);
	uint64_t work = 0;
	if (field == NULL)
		return 0;
	const char *p = field->value;
	fields->is_broken |= !take_work(&p, &work) || p != field->value + field->value_chars;
	return work;
}

static struct tile_name get_tile(struct fields *fields)
{
	const struct field *field = fields_find(fields, "tile");
	struct tile_name tile = {0};
	if (field == NULL)
		return tile;
	const char *p = field->value;
	bool is_good = take_work(&p, &tile.work) && line_take_char(&p, '/') &&
		       line_take_u32(&p, &tile.phase) && line_take_char(&p, '/') &&
		       line_take_u32(&p, &tile.tile) && line_take_char(&p, '/') &&
		       line_take_u32(&p, &tile.attempt);
	fields->is_broken |= !is_good || p != field->value + field->value_chars;
	return tile;
}

static uint32_t get_band(struct fields *fields)
{
	const struct field *field = fields_find(fields, "band");
	bool is_all = field != NULL && field->value_chars == 3 &&
		      strncmp(field->value, "all", 3) == 0;
	return is_all ? SCHED_ALL_BANDS : fields_u32(fields, "band");
}

static enum brot_err get_error(struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);
	char text[32] = "";
	if (field == NULL)
		return BROT_OK;
	if (field->value_chars < sizeof text)
		memcpy(text, field->value, field->value_chars);
	return error_code_of_name(text);
}

/* A grid as segment_grid_make() could have made it, or of samples. */
static bool grid_is_good(const struct segment_grid *grid, uint32_t rows_most)
{
	return grid->width_px > 0 && grid->width_px <= LIMIT_SIZE_PX && grid->height_px > 0 &&
	       grid->height_px <= rows_most && grid->slice_px > 0 &&
	       grid->slice_px <= grid->width_px &&
	       (uint64_t)grid->slices_per_row * grid->height_px <= LIMIT_SEGMENTS;
}

static bool take_phase(const char **at, struct phase *ret_phase)
{
	struct phase phase = {0};
	struct segment_grid *grid = &phase.grid;
	while (phase.kind < PHASE_KIND_COUNT && !line_take_word(at, phase_name(phase.kind)))
		phase.kind++;
	bool is_good = phase.kind < PHASE_KIND_COUNT && line_take_char(at, ':') &&
		       line_take_u32(at, &grid->width_px) && line_take_char(at, ':') &&
		       line_take_u32(at, &grid->height_px) && line_take_char(at, ':') &&
		       line_take_u32(at, &grid->slice_px) && line_take_char(at, ':') &&
		       line_take_u32(at, &phase.pixel_bytes) && line_take_char(at, ':') &&
		       line_take_u64(at, &phase.pixel_work);
	if (!is_good || grid->slice_px == 0)
		return false;
	grid->slices_per_row = (grid->width_px + grid->slice_px - 1) / grid->slice_px;
	*ret_phase = phase;
	bool is_sample = phase.kind == PHASE_SAMPLE;
	return grid_is_good(grid, is_sample ? LIMIT_SAMPLE_SEGMENTS : LIMIT_SIZE_PX) &&
	       is_sample == (phase.pixel_bytes == 0);
}

static void get_phases(struct fields *fields, struct plan *plan)
{
	const struct field *field = fields_find(fields, "phases");
	if (field == NULL) {
		fields->is_broken = true;
		return;
	}
	const char *p = field->value;
	do {
		if (plan->phase_count == PHASES_MAX ||
		    !take_phase(&p, &plan->phases[plan->phase_count])) {
			fields->is_broken = true;
			return;
		}
		plan->phase_count++;
	} while (line_take_char(&p, ','));
	fields->is_broken |= p != field->value + field->value_chars;
}

/* Of a Buddhabrot: as many points as its phase of samples has segments of. */
static void get_counts(struct fields *fields, struct plan *plan)
{
	bool counts = plan->phases[0].kind == PHASE_SAMPLE;
	plan->grids = fields_u32(fields, "grids");
	plan->points = fields_u64(fields, "points");
	plan->first_point = fields_u64(fields, "first_point");
	plan->segment_points = fields_u64(fields, "segment_points");
	uint32_t channels = fields_u32(fields, "channels");
	bool is_mirrored = fields_bool(fields, "mirrored");
	uint64_t wrap = fields_u64(fields, "wrap"), each = plan->segment_points;
	fields->is_broken |= counts != (plan->grids > 0);
	if (!counts || fields->is_broken)
		return;
	const struct segment_grid *image = &plan->layout.grid;
	uint32_t segments = plan->phases[0].grid.height_px;
	fields->is_broken |= plan->phase_count != 2 || plan->phases[1].kind != PHASE_SUM ||
			     plan->phases[0].grid.width_px != 1 || plan->band_count != 1 ||
			     plan->grids > LIMIT_GRIDS || each == 0 || plan->points == 0 ||
			     plan->points >> 62 != 0 || plan->first_point >> 62 != 0 ||
			     (plan->points - 1) / each + 1 != segments || channels < 1 ||
			     channels > BUDDHA_CHANNELS ||
			     (uint64_t)image->width_px * channels >
				     LIMIT_DATA_BYTES / sizeof(uint64_t) ||
			     (wrap != GRID_WIDE && wrap < 2) || wrap > GRID_WRAP ||
			     !grid_layout_make(image->width_px, image->height_px, channels,
					       is_mirrored, segments, wrap, &plan->counts) ||
			     !grid_layout_make(image->width_px, image->height_px, channels,
					       is_mirrored, segments, GRID_WIDE, &plan->sums);
}

static void get_plan(struct fields *fields, struct plan *ret_plan)
{
	struct plan plan = {0};
	char name[32] = "";
	const struct field *format = fields_find(fields, "format");
	if (format != NULL && format->value_chars < sizeof name)
		memcpy(name, format->value, format->value_chars);
	const struct format_info *info = format_by_name(name);
	get_phases(fields, &plan);
	plan.height_px = fields_u32(fields, "height");
	plan.band_count = fields_u32(fields, "bands");
	plan.band_rows = fields_u32(fields, "band_rows");
	plan.image_bytes = fields_u64(fields, "image_bytes");
	uint64_t rows = plan.band_rows;
	fields->is_broken |= info == NULL || plan.height_px > LIMIT_SIZE_PX || rows == 0 ||
			     plan.band_count != (plan.height_px + rows - 1) / rows;
	if (fields->is_broken)
		return;
	plan.format = info->id;
	struct segment_grid grid = plan.phases[plan.phase_count - 1].grid;
	grid.height_px = plan.band_count > 1 ? plan.band_rows : plan.height_px;
	fields->is_broken |= plan.band_count == 0 || !grid_is_good(&grid, LIMIT_SIZE_PX) ||
			     !image_layout_make(&grid, plan.format, &plan.layout);
	if (!fields->is_broken)
		get_counts(fields, &plan);
	*ret_plan = plan;
}

/* "ff" or "ff*12": a byte, and how often. */
static bool take_run(const char **at, uint8_t *ret_byte, uint64_t *ret_run)
{
	char digits[3] = {(*at)[0], (*at)[0] != '\0' ? (*at)[1] : '\0', '\0'};
	if (!hex_read(digits, ret_byte, 1))
		return false;
	*at += 2;
	*ret_run = 1;
	return !line_take_char(at, '*') || (line_take_u64(at, ret_run) && *ret_run > 0);
}

/* Runs of bytes as sched_str.c writes them. Returns malloc'd, or NULL. */
static uint8_t *runs_read(const struct field *field, size_t bytes)
{
	uint8_t *data = calloc(1, bytes + 1);
	if (data == NULL)
		abort();
	const char *p = field->value, *end = p + field->value_chars;
	size_t used = 0;
	bool is_good = true;
	while (is_good && p < end) {
		uint64_t run = 0;
		uint8_t byte = 0;
		is_good = (used == 0 || line_take_char(&p, ',')) && take_run(&p, &byte, &run) &&
			  run <= bytes - used;
		if (is_good)
			memset(data + used, byte, run);
		used += is_good ? run : 0;
	}
	if (is_good && p == end && used == bytes)
		return data;
	free(data);
	return NULL;
}

static void get_restored_grids(struct fields *fields, struct sched_event_storage *storage)
{
	struct sched_restore *restore = &storage->restore;
	for (uint32_t i = 0; i < LIMIT_GRIDS && !fields->is_broken; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "grid%u", i);
		const struct field *field = fields_find(fields, name);
		if (field == NULL)
			return;
		struct field runs = *field;
		const char *at = field->value;
		uint32_t number;
		fields->is_broken |= !line_take_u32(&at, &number) || number >= WORK_GRID_BIT ||
				     !line_take_char(&at, ':') || restore->plan->grids == 0;
		if (fields->is_broken)
			return;
		runs.value_chars -= (size_t)(at - field->value);
		runs.value = at;
		storage->grid_bits[i] = runs_read(&runs, sched_grid_bytes(restore->plan));
		restore->grids[i].number = number;
		restore->grids[i].bits = storage->grid_bits[i];
		restore->grid_count = i + 1;
		fields->is_broken |= storage->grid_bits[i] == NULL;
	}
}

static void get_restore(struct fields *fields, struct sched_event_storage *storage)
{
	static const char *const names[] = RESTORE_BITS_NAMES;
	struct sched_restore *restore = &storage->restore;
	get_plan(fields, &storage->plan);
	restore->plan = &storage->plan;
	fields_hex(fields, "key", restore->key, sizeof restore->key);
	(void)fields_text(fields, "client", restore->client, sizeof restore->client);
	restore->priority = fields_i32(fields, "priority");
	restore->is_kept = fields_bool(fields, "kept");
	restore->is_paused = fields_bool(fields, "paused");
	restore->code = get_error(fields, "job_error");
	restore->text = fields_text(fields, "job_text", storage->text, sizeof storage->text);
	restore->bands_released = fields_u32(fields, "bands_released");
	restore->tiles_done = fields_u32(fields, "tiles_done");
	restore->retries = fields_u32(fields, "retries");
	restore->workers = fields_u32(fields, "workers");
	restore->iterations = fields_u64(fields, "iterations");
	restore->worker_us = fields_i64(fields, "worker_us");
	restore->accepted_ago_ms = fields_i64(fields, "accepted_ago_ms");
	restore->finished_ago_ms = fields_i64(fields, "finished_ago_ms");
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS && !fields->is_broken; i++) {
		const struct field *field = fields_find(fields, names[i]);
		if (field == NULL)
			continue;
		storage->bits[i] = runs_read(
			field, sched_restore_bytes(restore->plan, restore->bands_released, i));
		restore->bits[i] = storage->bits[i];
		fields->is_broken |= storage->bits[i] == NULL;
	}
	get_restored_grids(fields, storage);
}

static void get_bits(struct fields *fields, struct sched_event *event,
		     struct sched_event_storage *storage)
{
	const struct field *field = fields_find(fields, "bits");
	uint64_t bytes = fields_u64(fields, "bits_bytes");
	if (field == NULL)
		return;
	fields->is_broken |= bytes == 0 || bytes > LIMIT_SEGMENTS / 8;
	if (!fields->is_broken)
		storage->bits[0] = runs_read(field, (size_t)bytes);
	fields->is_broken |= storage->bits[0] == NULL;
	event->bits = storage->bits[0];
	event->bits_bytes = (size_t)bytes;
}

static void get_submit(struct fields *fields, struct sched_event *event,
		       struct sched_event_storage *storage)
{
	get_plan(fields, &storage->plan);
	event->submit.plan = &storage->plan;
	event->submit.job = fields_u64(fields, "new_job");
	fields_hex(fields, "key", event->submit.key, sizeof event->submit.key);
	event->submit.client = fields_text(fields, "client", storage->client,
					   sizeof storage->client);
	event->submit.priority = fields_i32(fields, "priority");
	event->submit.is_kept = fields_bool(fields, "kept");
	event->submit.owner_jobs = fields_u32(fields, "owner_jobs");
}

static void get_hello(struct fields *fields, struct sched_event *event,
		      struct sched_event_storage *storage)
{
	struct worker_info *info = &storage->info;
	fields_hex(fields, "id", info->id, sizeof info->id);
	(void)fields_text(fields, "name", info->name, sizeof info->name);
	(void)fields_text(fields, "kernel", info->kernel, sizeof info->kernel);
	(void)fields_text(fields, "version", info->version, sizeof info->version);
	info->threads = fields_u32(fields, "threads");
	info->pid = fields_i64(fields, "pid");
	event->hello.info = info;
	event->hello.random = fields_u64(fields, "random");
}

/* "[    12] event NAME"; *at moves behind it. */
static bool take_head(const char **at, struct sched_event *event)
{
	uint64_t now_ms;
	if (!line_take_char(at, '['))
		return false;
	while (line_take_char(at, ' '))
		;
	if (!line_take_u64(at, &now_ms) || now_ms > INT64_MAX || !line_take_word(at, "] event "))
		return false;
	event->now_ms = (int64_t)now_ms;
	size_t chars = strcspn(*at, " ");
	for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
		const char *name = sched_event_names[type];
		if (strlen(name) == chars && strncmp(*at, name, chars) == 0) {
			event->type = (enum sched_event_type)type;
			*at += chars;
			return true;
		}
	}
	return false;
}

static void get_event(struct fields *fields, struct sched_event *event,
		      struct sched_event_storage *storage)
{
	event->peer = fields_u64(fields, "peer");
	event->session = fields_u64(fields, "session");
	event->job = fields_u64(fields, "job");
	event->work = get_work(fields, "work");
	event->tile = get_tile(fields);
	event->code = get_error(fields, "error");
	if (event->type != EVENT_RESTORE)
		event->text = fields_text(fields, "text", storage->text, sizeof storage->text);
	event->credit = fields_u32(fields, "credit");
	event->is_mapped = fields_bool(fields, "is_mapped");
	if (event->type == EVENT_RELEASE)
		event->band = get_band(fields);
	if (event->type == EVENT_PRIORITY)
		event->priority = fields_i32(fields, "priority");
	if (event->type == EVENT_DONE) {
		event->iterations = fields_u64(fields, "iterations");
		event->done.elapsed_us = fields_i64(fields, "elapsed_us");
		event->done.has_pixels = fields_bool(fields, "has_pixels");
	}
	if (event->type == EVENT_HELLO)
		get_hello(fields, event, storage);
	if (event->type == EVENT_IMAGE_READY)
		get_bits(fields, event, storage);
	if (event->type == EVENT_SUBMIT)
		get_submit(fields, event, storage);
	if (event->type == EVENT_RESTORE) {
		get_restore(fields, storage);
		event->restore = &storage->restore;
	}
}

void sched_event_storage_done(struct sched_event_storage *storage)
{
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS; i++) {
		free(storage->bits[i]);
		storage->bits[i] = NULL;
	}
	for (uint32_t i = 0; i < LIMIT_GRIDS; i++) {
		free(storage->grid_bits[i]);
		storage->grid_bits[i] = NULL;
	}
}

bool sched_event_parse(const char *line, struct sched_event *ret_event,
		       struct sched_event_storage *storage)
{
	struct sched_event event = {0};
	memset(storage, 0, sizeof *storage);
	if (!take_head(&line, &event))
		return false;
	struct fields fields = fields_split(line);
	if (!fields.is_broken)
		get_event(&fields, &event, storage);
	if (fields.is_broken) {
		sched_event_storage_done(storage);
		return false;
	}
	*ret_event = event;
	return true;
}

bool sched_limits_parse(const char *line, struct sched_limits *ret_limits)
{
	struct sched_limits limits = {0};
	if (!line_take_word(&line, "limits"))
		return false;
	struct fields fields = fields_split(line);
	for (size_t i = 0; i < LIMIT_FIELD_COUNT && !fields.is_broken; i++) {
		const struct limit_field *field = &sched_limit_fields[i];
		void *at = (char *)&limits + field->offset;
		fields.is_broken |= fields_find(&fields, field->name) == NULL;
		if (field->type == FIELD_U64)
			*(uint64_t *)at = fields_u64(&fields, field->name);
		else if (field->type == FIELD_I64)
			*(int64_t *)at = fields_i64(&fields, field->name);
		else if (field->type == FIELD_U32)
			*(uint32_t *)at = fields_u32(&fields, field->name);
		else
			*(bool *)at = fields_bool(&fields, field->name);
	}
	if (fields.is_broken)
		return false;
	*ret_limits = limits;
	return true;
}
