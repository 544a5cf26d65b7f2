/* workers.c - the table of workers. */
#include "client/workers.h"

static const struct table_column columns[] = {
	{.title = "NAME", .key = "name", .kind = TABLE_TEXT, .least = 12},
	{.title = "PID", .key = "pid", .kind = TABLE_NUMBER},
	{.title = "VERSION", .key = "version", .kind = TABLE_TEXT},
	{.title = "KERNEL", .key = "kernel", .kind = TABLE_TEXT},
	{.title = "SPEED", .key = "speed", .kind = TABLE_RATE},
	{.title = "THREADS", .key = "threads", .kind = TABLE_NUMBER},
	{.title = "HOLDS", .key = "tiles_held", .kind = TABLE_NUMBER},
	{.title = "DONE", .key = "tiles_done", .kind = TABLE_NUMBER},
	{.title = "FAILURES", .key = "failures", .kind = TABLE_NUMBER},
	{.title = "LOCAL", .key = "local", .kind = TABLE_TEXT},
	{.title = "DRAINING", .key = "is_draining", .kind = TABLE_FLAG},
	{.title = "SILENT", .key = "silent_ms", .kind = TABLE_SECONDS},
	{.title = "CONNECTED", .key = "connected_ms", .kind = TABLE_SECONDS},
};

/* Of the kernel in use, in f64; 0 where the worker has not told. */
static json_int_t speed_of(const json_t *worker)
{
	const char *kernel = json_string_value(json_object_get(worker, "kernel"));
	const json_t *speeds = json_object_get(worker, "speeds");
	const json_t *speed = kernel != NULL ? json_object_get(speeds, kernel) : NULL;
	return json_integer_value(json_object_get(speed, "f64"));
}

/* Whether it writes into the broker's memory shows with its first job. */
static const char *local_of(const json_t *worker)
{
	if (json_is_true(json_object_get(worker, "is_local")))
		return "yes";
	json_int_t tiles = json_integer_value(json_object_get(worker, "tiles_held")) +
			   json_integer_value(json_object_get(worker, "tiles_done")) +
			   json_integer_value(json_object_get(worker, "failures"));
	return tiles == 0 ? "-" : "no";
}

static void add_derived(json_t *worker)
{
	(void)json_object_set_new(worker, "local", json_string(local_of(worker)));
	(void)json_object_set_new(worker, "speed", json_integer(speed_of(worker)));
}

const struct listing workers_listing = {
	.key = "workers",
	.columns = columns,
	.count = sizeof columns / sizeof columns[0],
	.nothing = "no workers",
	.derive = add_derived,
};
