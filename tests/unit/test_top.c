/* test_top.c - snapshots of a broker, the rates between them, and what fits a window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "client/top.h"

static void rates_between_two_snapshots(void **state)
{
	(void)state;
	const struct top_counts before = {
		.pid = 7, .uptime_ms = 1000, .tiles_done = 10, .iterations = 1000};
	struct top_counts now = {.pid = 7, .uptime_ms = 3000, .tiles_done = 14, .iterations = 9000};
	struct top_rates rates = top_rates(&before, &now);
	assert_true(rates.is_known);
	assert_true(rates.tiles_per_s == 2 && rates.iterations_per_s == 4000);
	/* the first, another broker, the same moment, counts that began again */
	struct top_counts none = {0}, other = now, same = now, fewer = now, less = now;
	other.pid = 8;
	same.uptime_ms = before.uptime_ms;
	fewer.tiles_done = 9;
	less.iterations = 999;
	assert_false(top_rates(&none, &now).is_known);
	assert_false(top_rates(&none, &none).is_known);
	assert_false(top_rates(&before, &other).is_known);
	assert_false(top_rates(&before, &same).is_known);
	assert_false(top_rates(&before, &fewer).is_known);
	assert_false(top_rates(&before, &less).is_known);
}

static bool take(struct top *top, const char *text, int64_t now_ms)
{
	struct brot_error err;
	bool is_complete = false;
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_int_equal(top_take(top, json, now_ms, &is_complete, &err), BROT_OK);
	json_decref(json);
	return is_complete;
}

static void take_status(struct top *top, int64_t uptime_ms, int tiles, int64_t iterations)
{
	char text[512];
	(void)snprintf(text, sizeof text,
		       "{\"status\":{\"version\":\"9.9\",\"pid\":42,\"uptime_ms\":%lld,"
		       "\"tiles_done\":%d,\"iterations\":%lld,\"image_bytes\":1500000000,"
		       "\"image_budget_bytes\":12000000000}}",
		       (long long)uptime_ms, tiles, (long long)iterations);
	assert_false(take(top, text, uptime_ms));
}

/* count jobs, the first half of them running and the others paused; and one finished. */
static void take_jobs(struct top *top, int count, int done, int64_t now_ms)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);
	fprintf(file, "{\"jobs\":[{\"job\":99,\"state\":\"finished\"}");
	for (int i = 0; i < count; i++)
		fprintf(file,
			",{\"job\":%d,\"state\":\"%s\",\"client\":\"somebody-with-a-name@host\","
			"\"pixels_done\":%d,\"pixels\":1000,\"tiles_done\":4,\"tiles_running\":2,"
			"\"workers\":1,\"iterations\":5,\"elapsed_ms\":%lld}",
			100 + i, i < (count + 1) / 2 ? "running" : "paused", done,
			(long long)now_ms);
	fprintf(file, "]}");
	(void)fclose(file);
	assert_false(take(top, text, now_ms));
	free(text);
}

static void take_workers(struct top *top, int count, int64_t iterations, int64_t now_ms)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);
	fprintf(file, "{\"workers\":[");
	for (int i = 0; i < count; i++)
		fprintf(file,
			"%s{\"worker\":\"%032d\",\"name\":\"w%d\\u001b\",\"tiles_held\":2,"
			"\"tiles_done\":%d,\"iterations\":%lld,\"silent_ms\":140,"
			"\"is_draining\":%s}",
			i > 0 ? "," : "", i, i, i, (long long)iterations,
			i == 1 ? "true" : "false");
	fprintf(file, "]}");
	(void)fclose(file);
	assert_true(take(top, text, now_ms));
	free(text);
}

static void take_round(struct top *top, int64_t now_ms, int jobs, int workers)
{
	top_begin(top);
	take_status(top, now_ms, (int)now_ms / 100, now_ms * 1000000);
	take_jobs(top, jobs, (int)now_ms / 10, now_ms);
	take_workers(top, workers, now_ms * 500000, now_ms);
}

struct screen {
	unsigned columns, lines;
	char text[65536];
};

static void add(const char *line, void *context)
{
	struct screen *screen = context;
	assert_true(print_columns(line) <= screen->columns);
	screen->lines++;
	(void)strcat(screen->text, line);
	(void)strcat(screen->text, "\n");
}

static const char *draw(const struct top *top, int64_t silent_ms, unsigned columns, unsigned rows,
			struct screen *screen)
{
	*screen = (struct screen){.columns = columns};
	top_draw(top, silent_ms, columns, rows, add, screen);
	return screen->text;
}

static void a_snapshot_in_words(void **state)
{
	(void)state;
	struct screen screen;
	struct top *top = top_new();
	assert_non_null(top);
	take_round(top, 1000, 1, 2);
	assert_non_null(strstr(draw(top, 0, 100, 0, &screen), "tiles: - /s; iterations: - /s;"));
	take_round(top, 3000, 1, 2);
	assert_string_equal(
		draw(top, 0, 100, 0, &screen),
		"brot 9.9, up 0:00:03; jobs: 1 running, 1 finished; workers: 2\n"
		"tiles: 10.0 /s; iterations: 1.00 G/s; images: 1.50 GB of 12.0 GB\n"
		"\n"
		"JOB       CLIENT          PROGRESS\n"
		"100       somebody-with~  [#######...................]  30 %  4 tiles, 1 worker, "
		"100 px/s, 0:07 left\n"
		"\n"
		"WORKER                    HOLDS      DONE      SPEED    SILENT\n"
		"w0?                           2         0    500 M/s     0.1 s\n"
		"w1?                           2         1    500 M/s     0.1 s  draining\n");
	top_free(top);
}

static void every_window_is_big_enough(void **state)
{
	(void)state;
	static const int counts[] = {0, 1, 3, 5, 40};
	struct screen screen;
	for (size_t j = 0; j < 5; j++) {
		for (size_t w = 0; w < 5; w++) {
			struct top *top = top_new();
			assert_non_null(top);
			take_round(top, 1000, counts[j], counts[w]);
			for (unsigned rows = 10; rows < 100; rows += 3) {
				for (unsigned columns = 1; columns < 200; columns += 13) {
					draw(top, rows % 2 ? 3000 : 0, columns, rows, &screen);
					assert_true(screen.lines <= rows);
				}
				const char *text = draw(top, 0, 100, rows, &screen);
				bool is_full = screen.lines == rows;
				bool is_cut = strstr(text, " more\n") != NULL;
				assert_true(is_full || !is_cut);
				assert_int_equal(is_cut, counts[j] + counts[w] + 6 > (int)rows);
			}
			top_free(top);
		}
	}
}

static void silence_is_told(void **state)
{
	(void)state;
	struct screen screen;
	struct top *top = top_new();
	assert_non_null(top);
	take_round(top, 1000, 1, 1);
	assert_null(strstr(draw(top, 0, 80, 24, &screen), "no answer"));
	assert_non_null(strstr(draw(top, 3100, 80, 24, &screen), "\nno answer for 3 s\n"));
	top_free(top);
}

/* What came of a round that stays unfinished does not mix with the next one, and what is wrong
 * leaves the last snapshot. */
static void only_whole_rounds_count(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"{\"status\":[]}",
		"{\"jobs\":{}}",
		"{\"workers\":7}",
	};
	struct screen screen;
	struct brot_error err;
	bool is_complete;
	struct top *top = top_new();
	assert_non_null(top);
	take_round(top, 1000, 1, 1);
	top_begin(top);
	take_status(top, 2000, 20, 20);
	top_begin(top);
	assert_false(take(top, "{\"jobs\":[]}", 2000));
	assert_false(take(top, "{\"workers\":[]}", 2000));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		json_t *json = json_loads(wrong[i], 0, NULL);
		assert_int_equal(top_take(top, json, 2000, &is_complete, &err), BROT_E_PROTOCOL);
		json_decref(json);
	}
	json_t *json = json_loads("{\"status\":{\"pid\":\"me\"}}", 0, NULL);
	assert_int_equal(top_take(top, json, 2000, &is_complete, &err), BROT_E_PROTOCOL);
	json_decref(json);
	assert_non_null(strstr(draw(top, 0, 80, 24, &screen), "up 0:00:01;"));

	json_t *snapshot = top_json(top);
	assert_int_equal(json_array_size(json_object_get(snapshot, "jobs")), 2);
	assert_true(json_is_null(json_object_get(snapshot, "tiles_per_s")));
	json_decref(snapshot);
	top_free(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_between_two_snapshots),
		cmocka_unit_test(a_snapshot_in_words),
		cmocka_unit_test(every_window_is_big_enough),
		cmocka_unit_test(silence_is_told),
		cmocka_unit_test(only_whole_rounds_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
