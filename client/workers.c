/* workers.c - the table of workers. */
#include "client/workers.h"

#include "client/reply.h"
#include "client/table.h"

static const struct table_column columns[] = {
	{"NAME", "name", TABLE_TEXT, NULL},
	{"PID", "pid", TABLE_NUMBER, NULL},
	{"VERSION", "version", TABLE_TEXT, NULL},
	{"KERNEL", "kernel", TABLE_TEXT, NULL},
	{"SPEED", "speed", TABLE_RATE, NULL},
	{"THREADS", "threads", TABLE_NUMBER, NULL},
	{"HOLDS", "tiles_held", TABLE_NUMBER, NULL},
	{"DONE", "tiles_done", TABLE_NUMBER, NULL},
	{"FAILURES", "failures", TABLE_NUMBER, NULL},
	{"LOCAL", "is_local", TABLE_FLAG, NULL},
	{"DRAINING", "is_draining", TABLE_FLAG, NULL},
	{"CONNECTED", "connected_ms", TABLE_SECONDS, NULL},
};

/* Of the kernel in use, in f64; 0 where the worker has not told. */
static json_int_t speed_of(const json_t *worker)
{
	const char *kernel = json_string_value(json_object_get(worker, "kernel"));
	const json_t *speeds = json_object_get(worker, "speeds");
	const json_t *speed = kernel != NULL ? json_object_get(speeds, kernel) : NULL;
	return json_integer_value(json_object_get(speed, "f64"));
}

enum brot_err workers_print(const json_t *report, struct brot_error *err)
{
	json_t *workers, *worker;
	size_t i;
	enum brot_err code = reply_list(report, "workers", &workers, err);
	if (code != BROT_OK)
		return code;
	json_array_foreach(workers, i, worker)
	{
		(void)json_object_set_new(worker, "speed", json_integer(speed_of(worker)));
	}
	return table_print(workers, columns, sizeof columns / sizeof columns[0], "no workers", err);
}
