/* table.c - cells as text, first measured and checked, then printed. */
#include "client/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/print.h"
#include "client/reply.h"

#define CELL_BYTES  256
#define COLUMNS_MAX 16
#define GAP         2 /* between columns */

/* 90 s as "90.0 s", 90 minutes as "1:30:00". */
static void seconds_cell(uint64_t ms, char cell[CELL_BYTES])
{
	uint64_t s = ms / 1000;
	if (s < 3600)
		(void)snprintf(cell, CELL_BYTES, "%.1f s", (double)ms / 1000);
	else
		(void)snprintf(cell, CELL_BYTES, "%" PRIu64 ":%02u:%02u", s / 3600,
			       (unsigned)(s / 60 % 60), (unsigned)(s % 60));
}

static void time_cell(uint64_t unix_ms, char cell[CELL_BYTES])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm parts;
	bool is_known = unix_ms != 0 && localtime_r(&seconds, &parts) != NULL;
	if (!is_known || strftime(cell, CELL_BYTES, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
		(void)snprintf(cell, CELL_BYTES, "-");
}

static enum brot_err number_cell(const json_t *object, const struct table_column *column,
				 char cell[CELL_BYTES], struct brot_error *err)
{
	uint64_t value = 0, whole = 0;
	char rate[PRINT_SCALED_BYTES];
	enum brot_err code = reply_u64(object, column->key, &value, err);
	if (code == BROT_OK && column->kind == TABLE_SHARE)
		code = reply_u64(object, column->whole, &whole, err);
	if (code == BROT_OK && column->kind == TABLE_SHARE && value > whole)
		code = error_set(err, BROT_E_PROTOCOL,
				 "the broker sent an answer whose \"%s\" must be at most \"%s\", "
				 "and is not",
				 column->key, column->whole);
	if (code != BROT_OK)
		return code;
	if (column->kind == TABLE_SECONDS)
		seconds_cell(value, cell);
	else if (column->kind == TABLE_TIME)
		time_cell(value, cell);
	else if (column->kind == TABLE_SHARE)
		(void)snprintf(cell, CELL_BYTES, "%.0f %%",
			       whole == 0 ? 0 : (double)value * 100 / (double)whole);
	else if (column->kind == TABLE_RATE && value == 0)
		(void)snprintf(cell, CELL_BYTES, "-");
	else if (column->kind == TABLE_RATE)
		(void)snprintf(cell, CELL_BYTES, "%s/s", print_scaled((double)value, rate));
	else
		(void)snprintf(cell, CELL_BYTES, "%" PRIu64, value);
	return BROT_OK;
}

static enum brot_err size_cell(const json_t *object, const struct table_column *column,
			       char cell[CELL_BYTES], struct brot_error *err)
{
	json_t *size = NULL;
	enum brot_err code = reply_list(object, column->key, &size, err);
	if (code != BROT_OK)
		return code;
	json_int_t width = json_integer_value(json_array_get(size, 0));
	json_int_t height = json_integer_value(json_array_get(size, 1));
	(void)snprintf(cell, CELL_BYTES, "%" JSON_INTEGER_FORMAT "x%" JSON_INTEGER_FORMAT, width,
		       height);
	return BROT_OK;
}

static enum brot_err signed_cell(const json_t *object, const struct table_column *column,
				 char cell[CELL_BYTES], struct brot_error *err)
{
	int64_t value = 0;
	enum brot_err code = reply_i64(object, column->key, &value, err);
	if (code == BROT_OK)
		(void)snprintf(cell, CELL_BYTES, "%" PRId64, value);
	return code;
}

static enum brot_err make_cell(const json_t *object, const struct table_column *column,
			       char cell[CELL_BYTES], struct brot_error *err)
{
	const char *text = "";
	if (column->kind == TABLE_SIZE)
		return size_cell(object, column, cell, err);
	if (column->kind == TABLE_SIGNED)
		return signed_cell(object, column, cell, err);
	if (column->kind == TABLE_FLAG) {
		text = json_is_true(json_object_get(object, column->key)) ? "yes" : "no";
	} else if (column->kind == TABLE_TEXT) {
		enum brot_err code = reply_text(object, column->key, &text, err);
		if (code != BROT_OK)
			return code;
	} else {
		return number_cell(object, column, cell, err);
	}
	(void)snprintf(cell, CELL_BYTES, "%s", text);
	return BROT_OK;
}

/* width 0: the last column, which is neither cut nor filled up. */
static void print_cell(FILE *file, char cell[CELL_BYTES], size_t width, size_t gap)
{
	size_t columns = print_columns(cell);
	if (width != 0 && columns > width) {
		(void)snprintf(cell + print_bytes(cell, width - 1), 2, "~");
		columns = width;
	}
	print_text(file, cell);
	for (; width != 0 && columns < width + gap; columns++)
		(void)putc(' ', file);
}

/* Checks every cell, and finds how wide the columns are. */
static enum brot_err measure(const json_t *list, const struct table_column *columns, size_t count,
			     size_t widths[COLUMNS_MAX], struct brot_error *err)
{
	char cell[CELL_BYTES];
	assert(count <= COLUMNS_MAX);
	for (size_t c = 0; c < count; c++)
		widths[c] = strlen(columns[c].title);
	for (size_t i = 0; i < json_array_size(list); i++) {
		for (size_t c = 0; c < count; c++) {
			enum brot_err code = make_cell(json_array_get(list, i), &columns[c], cell,
						       err);
			if (code != BROT_OK)
				return code;
			if (print_columns(cell) > widths[c])
				widths[c] = print_columns(cell);
		}
	}
	return BROT_OK;
}

static bool may_narrow(const struct table_column *column, size_t width)
{
	return column->least != 0 && width > column->least && width > strlen(column->title);
}

/* The last column may flow over: nothing stands behind it. */
static void narrow(const struct table_column *columns, size_t count, size_t widths[COLUMNS_MAX])
{
	for (;;) {
		size_t total = 0, widest = count;
		for (size_t c = 0; c < count; c++) {
			total += widths[c] + (c + 1 < count ? GAP : 0);
			if (c + 1 < count && may_narrow(&columns[c], widths[c]) &&
			    (widest == count || widths[c] > widths[widest]))
				widest = c;
		}
		if (total <= TABLE_COLUMNS || widest == count)
			return;
		widths[widest]--;
	}
}

enum brot_err table_print(FILE *file, const json_t *list, const struct table_column *columns,
			  size_t count, const char *nothing, struct brot_error *err)
{
	size_t widths[COLUMNS_MAX];
	char cell[CELL_BYTES];
	enum brot_err code = measure(list, columns, count, widths, err);
	if (code != BROT_OK)
		return code;
	if (json_array_size(list) == 0) {
		fprintf(file, "%s\n", nothing);
		return BROT_OK;
	}
	narrow(columns, count, widths);
	widths[count - 1] = 0;
	for (size_t c = 0; c < count; c++) {
		(void)snprintf(cell, sizeof cell, "%s", columns[c].title);
		print_cell(file, cell, widths[c], GAP);
	}
	(void)putc('\n', file);
	for (size_t i = 0; i < json_array_size(list); i++) {
		for (size_t c = 0; c < count; c++) {
			(void)make_cell(json_array_get(list, i), &columns[c], cell, err);
			print_cell(file, cell, widths[c], GAP);
		}
		(void)putc('\n', file);
	}
	return BROT_OK;
}

enum brot_err table_print_object(FILE *file, const json_t *object,
				 const struct table_column *columns, size_t count,
				 struct brot_error *err)
{
	char cell[CELL_BYTES];
	size_t title_width = 0;
	for (size_t c = 0; c < count; c++)
		if (strlen(columns[c].title) > title_width)
			title_width = strlen(columns[c].title);
	for (int is_printing = 0; is_printing < 2; is_printing++) {
		for (size_t c = 0; c < count; c++) {
			enum brot_err code = make_cell(object, &columns[c], cell, err);
			if (code != BROT_OK)
				return code;
			if (!is_printing)
				continue;
			fprintf(file, "%-*s", (int)title_width + GAP, columns[c].title);
			print_text(file, cell);
			(void)putc('\n', file);
		}
	}
	return BROT_OK;
}
