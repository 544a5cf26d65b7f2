/*
 * bench_table.h - prints the rows of a table, for a terminal or as Markdown.
 */
#ifndef TESTS_BENCH_BENCH_TABLE_H
#define TESTS_BENCH_BENCH_TABLE_H

#include <stdbool.h>

#define TABLE_CELL_CHARS 256

/* One row; cells hold no '|'. */
struct table_row {
	char what[TABLE_CELL_CHARS];
	char figure[TABLE_CELL_CHARS];
	char must[TABLE_CELL_CHARS];   /* what the figure must reach */
	char beside[TABLE_CELL_CHARS]; /* what it is compared with, and the core's own limit */
};

/* Which machine and which compiler, then the table's head. */
void table_head(bool is_markdown);

/* Prints one row at once, for the next may take a while. */
void table_print(bool is_markdown, const struct table_row *row);

/* The same format as printf(), cut off where the cell ends. */
__attribute__((format(printf, 2, 3))) void table_cell(char cell[TABLE_CELL_CHARS],
						      const char *format, ...);

#endif
