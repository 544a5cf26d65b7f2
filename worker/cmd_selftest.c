/* cmd_selftest.c - rows as they are measured. */
#include "worker/cmd_selftest.h"

#include <brot/version.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/sys/clock.h"

#define ROUNDS   3
#define LEAST_US 4000

struct row {
	const struct kernel *kernel;
	enum precision precision;
	enum escape_step step;
	uint32_t checks;
	struct brot_error error; /* BROT_OK, or the first difference */
	uint64_t speed;          /* iterations a second */
	double ratio;            /* to the scalar kernel's */
};

#define ROW_FORMAT "%-8s %-21s %-10s %-8s %6s  %-7s %14s %9s\n"

static void heading_print(void)
{
	printf(ROW_FORMAT, "kernel", "needs", "precision", "step", "checks", "result",
	       "G iterations/s", "x scalar");
}

static void row_print(const struct row *row)
{
	char checks[16], speed[32], ratio[32];
	(void)snprintf(checks, sizeof checks, "%" PRIu32, row->checks);
	(void)snprintf(speed, sizeof speed, "%.3g", (double)row->speed / 1e9);
	(void)snprintf(ratio, sizeof ratio, "%.1f", row->ratio);
	printf(ROW_FORMAT, row->kernel->name,
	       row->kernel->needs[0] != '\0' ? row->kernel->needs : "-",
	       precision_name(row->precision), selftest_step_name(row->step), checks,
	       row->error.code == BROT_OK ? "ok" : "DIFFERS", speed, ratio);
}

static json_t *row_json(const struct row *row)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:s, s:I, s:f}", "kernel",
			 row->kernel->name, "needs", row->kernel->needs, "precision",
			 precision_name(row->precision), "step", selftest_step_name(row->step),
			 "checks", (json_int_t)row->checks, "ok", row->error.code == BROT_OK,
			 "text", row->error.text, "speed", (json_int_t)row->speed, "ratio",
			 row->ratio);
}

/* The best of several: what else the machine does can only make a kernel seem slower. */
static uint64_t speed_of(const struct kernel *kernel, enum precision precision,
			 enum escape_step step)
{
	uint64_t best = 0;
	for (int round = 0; round < ROUNDS; round++) {
		const uint64_t speed = selftest_speed(kernel, precision, step, LEAST_US, clock_us);
		if (speed > best)
			best = speed;
	}
	return best;
}

static void row_make(struct row *row, const struct kernel *scalar)
{
	(void)selftest_step(row->kernel, row->precision, row->step, SELFTEST_FULL, &row->checks,
			    &row->error);
	row->speed = speed_of(row->kernel, row->precision, row->step);
	const uint64_t base = row->kernel == scalar ? row->speed
						    : speed_of(scalar, row->precision, row->step);
	row->ratio = (double)row->speed / (double)base;
}

/* Kernels of the build that are not offered are named with the reason. */
static void absent_print(void)
{
	const struct kernel *kernel;
	for (size_t i = 0; (kernel = kernel_at(i)) != NULL; i++)
		if (!kernel->supported())
			printf("%s: needs %s, which this CPU has not\n", kernel->name,
			       kernel->needs);
}

static enum brot_err end(const struct choice *choice, bool is_json, json_t *rows,
			 const struct brot_error *first, struct brot_error *err)
{
	const char *chosen = choice->kernel->name;
	if (!is_json) {
		absent_print();
		printf("A worker here %s %s.\n",
		       first->code == BROT_OK ? "uses" : "would refuse to serve; it would use",
		       chosen);
	} else {
		json_t *json = json_pack("{s:s, s:b, s:s, s:o}", "version", BROT_VERSION, "ok",
					 first->code == BROT_OK, "kernel", chosen, "rows", rows);
		char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
		json_decref(json);
		if (text == NULL)
			return error_set(err, BROT_E_SYSTEM, "self-test: no memory");
		printf("%s\n", text);
		free(text);
	}
	if (fflush(stdout) != 0)
		return error_set(err, BROT_E_OUTPUT, "standard output: cannot be written");
	if (first->code != BROT_OK)
		*err = *first;
	return first->code;
}

enum brot_err cmd_selftest(struct choice *choice, bool is_json, struct brot_error *err)
{
	const struct kernel *scalar;
	struct brot_error first = {.code = BROT_OK};
	json_t *rows = is_json ? json_array() : NULL;
	enum brot_err code = kernel_by_name("scalar", &scalar, err);
	if (code != BROT_OK)
		return code;
	choice_measure(choice, clock_us);
	if (!is_json)
		heading_print();
	for (uint32_t i = 0; i < choice->count; i++)
		for (int precision = 0; precision < PRECISION_COUNT; precision++)
			for (int step = 0; step < STEP_COUNT; step++) {
				struct row row = {.kernel = choice->offers[i].kernel,
						  .precision = (enum precision)precision,
						  .step = (enum escape_step)step};
				row_make(&row, scalar);
				if (first.code == BROT_OK)
					first = row.error;
				if (is_json)
					(void)json_array_append_new(rows, row_json(&row));
				else
					row_print(&row);
			}
	return end(choice, is_json, rows, &first, err);
}
