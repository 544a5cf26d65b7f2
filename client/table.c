/* table.c - cells as text, first measured and checked, then printed. */
#include "client/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/print.h"
#include "client/reply.h"

#define CELL_BYTES  64
#define COLUMNS_MAX 16

static enum brot_err number_cell(const json_t *object, const struct table_column *column,
				 char cell[CELL_BYTES], struct brot_error *err)
{
	uint64_t value = 0, whole = 0;
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
		(void)snprintf(cell, CELL_BYTES, "%.1f s", (double)value / 1000);
	else if (column->kind == TABLE_SHARE)
		(void)snprintf(cell, CELL_BYTES, "%.0f %%",
			       whole == 0 ? 0 : (double)value * 100 / (double)whole);
	else if (column->kind == TABLE_RATE && value == 0)
		(void)snprintf(cell, CELL_BYTES, "-");
	else if (column->kind == TABLE_RATE)
		(void)snprintf(cell, CELL_BYTES, "%.3g G/s", (double)value / 1e9);
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

static enum brot_err make_cell(const json_t *object, const struct table_column *column,
			       char cell[CELL_BYTES], struct brot_error *err)
{
	const char *text = "";
	if (column->kind == TABLE_SIZE)
		return size_cell(object, column, cell, err);
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

static void print_cell(const char *cell, size_t width)
{
	print_text(stdout, cell);
	for (size_t used = strlen(cell); used < width; used++)
		(void)putchar(' ');
}

/* Checks every cell, and finds how wide the columns are. */
static enum brot_err measure(const json_t *list, const struct table_column *columns, size_t count,
			     size_t widths[COLUMNS_MAX], struct brot_error *err)
{
	char cell[CELL_BYTES];
	for (size_t c = 0; c < count; c++)
		widths[c] = strlen(columns[c].title);
	for (size_t i = 0; i < json_array_size(list); i++) {
		for (size_t c = 0; c < count; c++) {
			enum brot_err code = make_cell(json_array_get(list, i), &columns[c], cell,
						       err);
			if (code != BROT_OK)
				return code;
			if (strlen(cell) > widths[c])
				widths[c] = strlen(cell);
		}
	}
	return BROT_OK;
}

enum brot_err table_print(const json_t *list, const struct table_column *columns, size_t count,
			  const char *nothing, struct brot_error *err)
{
	size_t widths[COLUMNS_MAX];
	char cell[CELL_BYTES];
	enum brot_err code = measure(list, columns, count, widths, err);
	if (code != BROT_OK)
		return code;
	if (json_array_size(list) == 0) {
		(void)puts(nothing);
		return BROT_OK;
	}
	for (size_t c = 0; c < count; c++)
		print_cell(columns[c].title, c + 1 < count ? widths[c] + 2 : 0);
	(void)putchar('\n');
	for (size_t i = 0; i < json_array_size(list); i++) {
		for (size_t c = 0; c < count; c++) {
			(void)make_cell(json_array_get(list, i), &columns[c], cell, err);
			print_cell(cell, c + 1 < count ? widths[c] + 2 : 0);
		}
		(void)putchar('\n');
	}
	return BROT_OK;
}

enum brot_err table_print_object(const json_t *object, const struct table_column *columns,
				 size_t count, struct brot_error *err)
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
			print_cell(columns[c].title, title_width + 2);
			print_cell(cell, 0);
			(void)putchar('\n');
		}
	}
	return BROT_OK;
}
