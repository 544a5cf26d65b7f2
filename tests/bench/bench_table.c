#include "tests/bench/bench_table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench_measure.h"

#define CLOCK_ADDS 20000000
#define CLOCK_RUNS 10

/* What the processor calls itself; "unknown" where the system does not say. */
static void machine_name(char cell[TABLE_CELL_CHARS])
{
	char line[TABLE_CELL_CHARS];
	table_cell(cell, "unknown processor");
	FILE *file = fopen("/proc/cpuinfo", "r");
	if (file == NULL)
		return;
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "model name", strlen("model name")) == 0 &&
		    strchr(line, ':') != NULL) {
			line[strcspn(line, "\n")] = '\0';
			table_cell(cell, "%s", strchr(line, ':') + 2);
			break;
		}
	(void)fclose(file);
}

/* Keeps the compiler from adding up by itself. */
#define CLOCK_ADD(sum, one)                                  \
	do {                                                 \
		__asm__ volatile("" : "+r"(sum), "+r"(one)); \
		sum += one;                                  \
	} while (0)

/* Additions that wait for each other take a cycle each. */
static double clock_ghz(void)
{
	double best_s = 0.0;
	for (int run = 0; run < CLOCK_RUNS; run++) {
		uint64_t sum = 0, one = 1;
		const double start_s = time_s();
		for (int i = 0; i < CLOCK_ADDS / 8; i++) {
			CLOCK_ADD(sum, one);
			CLOCK_ADD(sum, one);
			CLOCK_ADD(sum, one);
			CLOCK_ADD(sum, one);
			CLOCK_ADD(sum, one);
			CLOCK_ADD(sum, one);
			CLOCK_ADD(sum, one);
			CLOCK_ADD(sum, one);
		}
		__asm__ volatile("" : : "r"(sum));
		const double took_s = time_s() - start_s;
		best_s = run == 0 || took_s < best_s ? took_s : best_s;
	}
	return CLOCK_ADDS * 1e-9 / best_s;
}

void table_head(bool is_markdown)
{
	char name[TABLE_CELL_CHARS];
	machine_name(name);
#ifdef __clang__
	const char *compiler = "";
#else
	const char *compiler = "GCC ";
#endif
	printf("%s, %ld cores, %.2f GHz by a chain of additions; %s%s.\n", name,
	       sysconf(_SC_NPROCESSORS_ONLN), clock_ghz(), compiler, __VERSION__);
	printf("G it/s: 10^9 iterations a second, on one core. bare: the recurrence alone, no "
	       "escape "
	       "test.\n\n");
	const struct table_row head = {"what", "figure", "must reach", "beside it"};
	table_print(is_markdown, &head);
	if (is_markdown)
		puts("|---|---|---|---|");
}

void table_print(bool is_markdown, const struct table_row *row)
{
	if (is_markdown)
		printf("| %s | %s | %s | %s |\n", row->what, row->figure, row->must, row->beside);
	else
		printf("%-46s %10s  %-10s  %s\n", row->what, row->figure, row->must, row->beside);
	(void)fflush(stdout);
}

void table_cell(char cell[TABLE_CELL_CHARS], const char *format, ...)
{
	va_list values;
	va_start(values, format);
	(void)vsnprintf(cell, TABLE_CELL_CHARS, format, values);
	va_end(values);
}
