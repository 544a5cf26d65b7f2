/*
 * sched_parse.c - lines of sched_str.c read back, so that a debug log can be replayed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/sched_text.h"
#include "proto/format.h"
#include "proto/hex.h"

#define FIELDS_MAX 40

/* One name=value of a line; a quoted value without its quotes, still escaped. */
struct field {
	const char *name, *value;
	size_t name_chars, value_chars;
	bool is_quoted;
};

/* Has is_broken set by whatever does not find what it must. */
struct fields {
	struct field items[FIELDS_MAX];
	size_t count;
	bool is_broken;
};

/* The end of a quoted value, or NULL. */
static const char *quote_end(const char *p)
{
	for (; *p != '\0' && *p != '"'; p++)
		if (*p == '\\' && *++p == '\0')
			return NULL;
	return *p == '"' ? p : NULL;
}

static struct fields split(const char *line)
{
	struct fields fields = {0};
	const char *p = line;
	while (*p == ' ' && !fields.is_broken) {
		struct field field = {.name = ++p};
		field.name_chars = strcspn(p, " =\"");
		p += field.name_chars;
		fields.is_broken = *p != '=' || fields.count == FIELDS_MAX;
		if (fields.is_broken)
			break;
		field.is_quoted = *++p == '"';
		field.value = p += field.is_quoted;
		const char *end = field.is_quoted ? quote_end(p) : p + strcspn(p, " ");
		fields.is_broken = end == NULL;
		if (fields.is_broken)
			break;
		field.value_chars = (size_t)(end - p);
		p = end + field.is_quoted;
		fields.items[fields.count++] = field;
	}
	fields.is_broken |= *p != '\0';
	return fields;
}

static const struct field *find(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (fields->items[i].name_chars == strlen(name) &&
		    strncmp(fields->items[i].name, name, fields->items[i].name_chars) == 0)
			return &fields->items[i];
	return NULL;
}

/* Decimal digits at *at, which moves behind them. */
static bool take_u64(const char **at, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *p = *at;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (p == *at)
		return false;
	*at = p;
	*ret_value = value;
	return true;
}

static bool take_u32(const char **at, uint32_t *ret_value)
{
	uint64_t value;
	if (!take_u64(at, &value) || value > UINT32_MAX)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

static bool take_char(const char **at, char c)
{
	bool is_there = **at == c;
	*at += is_there;
	return is_there;
}

/* 0 where the line does not have it, since zeros are left out. */
static uint64_t get_u64(struct fields *fields, const char *name)
{
	const struct field *field = find(fields, name);
	uint64_t value = 0;
	if (field == NULL)
		return 0;
	const char *p = field->value;
	fields->is_broken |= !take_u64(&p, &value) || p != field->value + field->value_chars;
	return value;
}

static uint32_t get_u32(struct fields *fields, const char *name)
{
	uint64_t value = get_u64(fields, name);
	fields->is_broken |= value > UINT32_MAX;
	return (uint32_t)value;
}

static bool get_bool(struct fields *fields, const char *name)
{
	uint64_t value = get_u64(fields, name);
	fields->is_broken |= value > 1;
	return value == 1;
}

static int64_t get_i64(struct fields *fields, const char *name)
{
	const struct field *field = find(fields, name);
	uint64_t value = 0;
	if (field == NULL)
		return 0;
	const char *p = field->value;
	bool is_negative = take_char(&p, '-');
	fields->is_broken |= !take_u64(&p, &value) || p != field->value + field->value_chars ||
			     value > INT64_MAX;
	return is_negative ? -(int64_t)(value & INT64_MAX) : (int64_t)(value & INT64_MAX);
}

static int32_t get_i32(struct fields *fields, const char *name)
{
	int64_t value = get_i64(fields, name);
	fields->is_broken |= value < INT32_MIN || value > INT32_MAX;
	return (int32_t)value;
}

static void get_hex(struct fields *fields, const char *name, uint8_t *ret_data, size_t bytes)
{
	char digits[2 * SCHED_KEY_BYTES + 1] = "";
	const struct field *field = find(fields, name);
	if (field != NULL && field->value_chars == 2 * bytes && 2 * bytes < sizeof digits)
		memcpy(digits, field->value, 2 * bytes);
	fields->is_broken |= !hex_read(digits, ret_data, bytes);
}

/* A character of a quoted value; *at moves behind it. */
static bool take_escaped(const char **at, char *ret_char)
{
	*ret_char = *(*at)++;
	if (*ret_char != '\\')
		return true;
	*ret_char = *(*at)++;
	if (*ret_char != 'x')
		return *ret_char == '"' || *ret_char == '\\';
	uint8_t byte;
	char digits[3] = {(*at)[0], (*at)[0] != '\0' ? (*at)[1] : '\0', '\0'};
	if (!hex_read(digits, &byte, 1))
		return false;
	*at += 2;
	*ret_char = (char)byte;
	return true;
}

/* Returns ret_text; NULL where the line does not have it. */
static const char *get_text(struct fields *fields, const char *name, char *ret_text, size_t bytes)
{
	const struct field *field = find(fields, name);
	size_t chars = 0;
	ret_text[0] = '\0';
	if (field == NULL)
		return NULL;
	const char *p = field->value, *end = p + field->value_chars;
	fields->is_broken |= !field->is_quoted;
	while (p < end && chars + 1 < bytes && !fields->is_broken)
		fields->is_broken |= !take_escaped(&p, &ret_text[chars++]);
	fields->is_broken |= p != end;
	ret_text[chars] = '\0';
	return ret_text;
}

static bool take_work(const char **at, uint64_t *ret_work)
{
	uint64_t job;
	uint32_t band = 0;
	if (!take_u64(at, &job) || job >> WORK_BAND_SHIFT != 0)
		return false;
	if (take_char(at, '.') && (!take_u32(at, &band) || band >> (64 - WORK_BAND_SHIFT) != 0))
		return false;
	*ret_work = work_id(job, band);
	return true;
}

static uint64_t get_work(struct fields *fields, const char *name)
{
	const struct field *field = find(fields, name);
	uint64_t work = 0;
	if (field == NULL)
		return 0;
	const char *p = field->value;
	fields->is_broken |= !take_work(&p, &work) || p != field->value + field->value_chars;
	return work;
}

static struct tile_name get_tile(struct fields *fields)
{
	const struct field *field = find(fields, "tile");
	struct tile_name tile = {0};
	if (field == NULL)
		return tile;
	const char *p = field->value;
	bool is_good = take_work(&p, &tile.work) && take_char(&p, '/') &&
		       take_u32(&p, &tile.phase) && take_char(&p, '/') &&
		       take_u32(&p, &tile.tile) && take_char(&p, '/') &&
		       take_u32(&p, &tile.attempt);
	fields->is_broken |= !is_good || p != field->value + field->value_chars;
	return tile;
}

static uint32_t get_band(struct fields *fields)
{
	const struct field *field = find(fields, "band");
	bool is_all = field != NULL && field->value_chars == 3 &&
		      strncmp(field->value, "all", 3) == 0;
	return is_all ? SCHED_ALL_BANDS : get_u32(fields, "band");
}

static enum brot_err get_error(struct fields *fields, const char *name)
{
	const struct field *field = find(fields, name);
	char text[32] = "";
	if (field == NULL)
		return BROT_OK;
	if (field->value_chars < sizeof text)
		memcpy(text, field->value, field->value_chars);
	return error_code_of_name(text);
}

static bool take_word(const char **at, const char *word)
{
	size_t chars = strlen(word);
	bool is_there = strncmp(*at, word, chars) == 0;
	*at += is_there ? chars : 0;
	return is_there;
}

/* A grid as segment_grid_make() could have made it. */
static bool grid_is_good(const struct segment_grid *grid)
{
	return grid->width_px > 0 && grid->width_px <= LIMIT_SIZE_PX && grid->height_px > 0 &&
	       grid->height_px <= LIMIT_SIZE_PX && grid->slice_px > 0 &&
	       grid->slice_px <= grid->width_px &&
	       (uint64_t)grid->slices_per_row * grid->height_px <= LIMIT_SEGMENTS;
}

static bool take_phase(const char **at, struct phase *ret_phase)
{
	struct phase phase = {0};
	struct segment_grid *grid = &phase.grid;
	while (phase.kind < PHASE_KIND_COUNT && !take_word(at, phase_name(phase.kind)))
		phase.kind++;
	bool is_good = phase.kind < PHASE_KIND_COUNT && take_char(at, ':') &&
		       take_u32(at, &grid->width_px) && take_char(at, ':') &&
		       take_u32(at, &grid->height_px) && take_char(at, ':') &&
		       take_u32(at, &grid->slice_px) && take_char(at, ':') &&
		       take_u32(at, &phase.pixel_bytes) && take_char(at, ':') &&
		       take_u64(at, &phase.pixel_work);
	if (!is_good || grid->slice_px == 0)
		return false;
	grid->slices_per_row = (grid->width_px + grid->slice_px - 1) / grid->slice_px;
	*ret_phase = phase;
	return grid_is_good(grid) && phase.pixel_bytes > 0;
}

static void get_phases(struct fields *fields, struct plan *plan)
{
	const struct field *field = find(fields, "phases");
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
	} while (take_char(&p, ','));
	fields->is_broken |= p != field->value + field->value_chars;
}

static void get_plan(struct fields *fields, struct plan *ret_plan)
{
	struct plan plan = {0};
	char name[32] = "";
	const struct field *format = find(fields, "format");
	if (format != NULL && format->value_chars < sizeof name)
		memcpy(name, format->value, format->value_chars);
	const struct format_info *info = format_by_name(name);
	get_phases(fields, &plan);
	plan.height_px = get_u32(fields, "height");
	plan.band_count = get_u32(fields, "bands");
	plan.band_rows = get_u32(fields, "band_rows");
	plan.image_bytes = get_u64(fields, "image_bytes");
	uint64_t rows = plan.band_rows;
	fields->is_broken |= info == NULL || plan.height_px > LIMIT_SIZE_PX || rows == 0 ||
			     plan.band_count != (plan.height_px + rows - 1) / rows;
	if (fields->is_broken)
		return;
	plan.format = info->id;
	struct segment_grid grid = plan.phases[plan.phase_count - 1].grid;
	grid.height_px = plan.band_count > 1 ? plan.band_rows : plan.height_px;
	fields->is_broken |= plan.band_count == 0 || !grid_is_good(&grid) ||
			     !image_layout_make(&grid, plan.format, &plan.layout);
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
	return !take_char(at, '*') || (take_u64(at, ret_run) && *ret_run > 0);
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
		is_good = (used == 0 || take_char(&p, ',')) && take_run(&p, &byte, &run) &&
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

static void get_restore(struct fields *fields, struct sched_event_storage *storage)
{
	static const char *const names[] = RESTORE_BITS_NAMES;
	struct sched_restore *restore = &storage->restore;
	get_plan(fields, &storage->plan);
	restore->plan = &storage->plan;
	get_hex(fields, "key", restore->key, sizeof restore->key);
	(void)get_text(fields, "client", restore->client, sizeof restore->client);
	restore->priority = get_i32(fields, "priority");
	restore->is_kept = get_bool(fields, "kept");
	restore->is_paused = get_bool(fields, "paused");
	restore->code = get_error(fields, "job_error");
	restore->text = get_text(fields, "job_text", storage->text, sizeof storage->text);
	restore->bands_released = get_u32(fields, "bands_released");
	restore->tiles_done = get_u32(fields, "tiles_done");
	restore->retries = get_u32(fields, "retries");
	restore->workers = get_u32(fields, "workers");
	restore->iterations = get_u64(fields, "iterations");
	restore->worker_us = get_i64(fields, "worker_us");
	restore->accepted_ago_ms = get_i64(fields, "accepted_ago_ms");
	restore->finished_ago_ms = get_i64(fields, "finished_ago_ms");
	for (uint32_t i = 0; i < LIMIT_OPEN_BANDS && !fields->is_broken; i++) {
		const struct field *field = find(fields, names[i]);
		if (field == NULL)
			continue;
		storage->bits[i] = runs_read(
			field, sched_restore_bytes(restore->plan, restore->bands_released, i));
		restore->bits[i] = storage->bits[i];
		fields->is_broken |= storage->bits[i] == NULL;
	}
}

static void get_submit(struct fields *fields, struct sched_event *event,
		       struct sched_event_storage *storage)
{
	get_plan(fields, &storage->plan);
	event->submit.plan = &storage->plan;
	event->submit.job = get_u64(fields, "new_job");
	get_hex(fields, "key", event->submit.key, sizeof event->submit.key);
	event->submit.client = get_text(fields, "client", storage->client, sizeof storage->client);
	event->submit.priority = get_i32(fields, "priority");
	event->submit.is_kept = get_bool(fields, "kept");
}

static void get_hello(struct fields *fields, struct sched_event *event,
		      struct sched_event_storage *storage)
{
	struct worker_info *info = &storage->info;
	get_hex(fields, "id", info->id, sizeof info->id);
	(void)get_text(fields, "name", info->name, sizeof info->name);
	(void)get_text(fields, "kernel", info->kernel, sizeof info->kernel);
	(void)get_text(fields, "version", info->version, sizeof info->version);
	info->threads = get_u32(fields, "threads");
	info->pid = get_i64(fields, "pid");
	event->hello.info = info;
	event->hello.random = get_u64(fields, "random");
}

/* "[    12] event NAME"; *at moves behind it. */
static bool take_head(const char **at, struct sched_event *event)
{
	uint64_t now_ms;
	if (!take_char(at, '['))
		return false;
	while (take_char(at, ' '))
		;
	if (!take_u64(at, &now_ms) || now_ms > INT64_MAX || !take_word(at, "] event "))
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
	event->peer = get_u64(fields, "peer");
	event->session = get_u64(fields, "session");
	event->job = get_u64(fields, "job");
	event->work = get_work(fields, "work");
	event->tile = get_tile(fields);
	event->code = get_error(fields, "error");
	if (event->type != EVENT_RESTORE)
		event->text = get_text(fields, "text", storage->text, sizeof storage->text);
	event->credit = get_u32(fields, "credit");
	event->is_mapped = get_bool(fields, "is_mapped");
	if (event->type == EVENT_RELEASE)
		event->band = get_band(fields);
	if (event->type == EVENT_PRIORITY)
		event->priority = get_i32(fields, "priority");
	if (event->type == EVENT_DONE) {
		event->iterations = get_u64(fields, "iterations");
		event->done.elapsed_us = get_i64(fields, "elapsed_us");
		event->done.has_pixels = get_bool(fields, "has_pixels");
	}
	if (event->type == EVENT_HELLO)
		get_hello(fields, event, storage);
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
}

bool sched_event_parse(const char *line, struct sched_event *ret_event,
		       struct sched_event_storage *storage)
{
	struct sched_event event = {0};
	memset(storage, 0, sizeof *storage);
	if (!take_head(&line, &event))
		return false;
	struct fields fields = split(line);
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
	if (!take_word(&line, "limits"))
		return false;
	struct fields fields = split(line);
	for (size_t i = 0; i < LIMIT_FIELD_COUNT && !fields.is_broken; i++) {
		const struct limit_field *field = &sched_limit_fields[i];
		void *at = (char *)&limits + field->offset;
		fields.is_broken |= find(&fields, field->name) == NULL;
		if (field->type == FIELD_U64)
			*(uint64_t *)at = get_u64(&fields, field->name);
		else if (field->type == FIELD_I64)
			*(int64_t *)at = get_i64(&fields, field->name);
		else if (field->type == FIELD_U32)
			*(uint32_t *)at = get_u32(&fields, field->name);
		else
			*(bool *)at = get_bool(&fields, field->name);
	}
	if (fields.is_broken)
		return false;
	*ret_limits = limits;
	return true;
}
