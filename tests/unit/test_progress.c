/* test_progress.c - what a user reads while a render runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "client/progress.h"

static struct session_progress at(uint64_t done, uint64_t pixels)
{
	return (struct session_progress){.is_running = true,
					 .pixels_done = done,
					 .pixels = pixels,
					 .tiles_done = 12,
					 .tiles_running = 2,
					 .workers = 2};
}

static void rate_and_time_left(void **state)
{
	(void)state;
	struct progress progress = {0};
	struct session_progress now = at(0, 1000000);
	progress_update(&progress, &now, 0);
	assert_true(progress_left_s(&progress) < 0);
	for (int i = 1; i <= 8; i++) {
		now = at((uint64_t)i * 100000, 1000000);
		progress_update(&progress, &now, i * 500);
	}
	/* a steady rate is met exactly */
	double left_s = progress_left_s(&progress);
	assert_true(left_s > 0.999 && left_s < 1.001);
	char text[PROGRESS_TEXT_BYTES];
	assert_string_equal(progress_line(&progress, text),
			    "80 %: 12 tiles, 2 workers, 200 kpx/s, 0:01 left");
	/* a broker that begins again */
	now = at(0, 1000000);
	progress_update(&progress, &now, 5000);
	assert_true(progress_left_s(&progress) < 0);
	now = at(500000, 1000000);
	progress_update(&progress, &now, 6000);
	left_s = progress_left_s(&progress);
	assert_true(left_s > 0.999 && left_s < 1.001);
}

/* Tiles that end together make no rate of their own. */
static void bursts(void **state)
{
	(void)state;
	/* A quarter ends after 10 s, in a moment, and so does the next: 4 s a tenth. */
	for (int64_t step_ms = 500; step_ms <= 1000; step_ms += 500) {
		struct progress progress = {0};
		struct session_progress now = at(0, 1000000);
		for (int64_t now_ms = 0; now_ms <= 10000; now_ms += step_ms) {
			now.elapsed_ms = (uint64_t)now_ms;
			progress_update(&progress, &now, now_ms);
		}
		now.pixels_done = 250000;
		progress_update(&progress, &now, 10001);
		double left_s = progress_left_s(&progress);
		assert_true(left_s > 15 && left_s < 45);
	}
	/* A job that is older: what was done before in a rush, or waited for, is soon forgotten. */
	static const uint64_t ages_ms[] = {100, 3600000};
	for (size_t i = 0; i < 2; i++) {
		struct progress progress = {0};
		struct session_progress now = at(350000, 1000000);
		now.elapsed_ms = ages_ms[i];
		for (int64_t now_ms = 0; now_ms <= 8000; now_ms += 500) {
			progress_update(&progress, &now, now_ms);
			now.pixels_done += 10000; /* 20 000 a second */
			now.elapsed_ms += 500;
		}
		double left_s = progress_left_s(&progress);
		assert_true(left_s > 0.3 * 24.5 && left_s < 1.5 * 24.5);
	}
}

/* The rate of a broker that was away is not known until there is some. */
static void gap(void **state)
{
	(void)state;
	struct progress progress = {0};
	struct session_progress now = at(100000, 1000000);
	now.elapsed_ms = 1000;
	progress_update(&progress, &now, 0);
	assert_true(progress_left_s(&progress) > 0);
	now.pixels_done = 110000;
	progress_update(&progress, &now, 60000);
	assert_true(progress_left_s(&progress) < 0);
	now.pixels_done = 210000;
	progress_update(&progress, &now, 61000);
	double left_s = progress_left_s(&progress);
	assert_true(left_s > 7.8 && left_s < 8);
}

static void bar_fits(void **state)
{
	(void)state;
	struct progress progress = {0};
	struct session_progress now = at(250, 1000);
	now.elapsed_ms = 1000;
	progress_update(&progress, &now, 0);
	char text[PROGRESS_TEXT_BYTES];
	for (unsigned columns = 5; columns < 1000; columns++)
		assert_true(strlen(progress_bar(&progress, columns, text)) <= columns);
	assert_string_equal(
		progress_bar(&progress, 100, text),
		"[#######.......................]  25 %  12 tiles, 2 workers, 250 px/s, "
		"0:03 left");
	assert_string_equal(progress_bar(&progress, 30, text), "[##.........]  25 %  0:03 left");
	assert_string_equal(progress_bar(&progress, 6, text), " 25 %");
}

static void rendered_and_written(void **state)
{
	(void)state;
	struct progress progress = {0};
	struct session_progress now = at(250, 1000);
	char text[PROGRESS_TEXT_BYTES];
	progress_update(&progress, &now, 0);
	progress_rendered(&progress, 0, 400);
	assert_string_equal(progress_line(&progress, text), "100 %: rendered");
	assert_string_equal(progress_bar(&progress, 60, text),
			    "[##############################] 100 %  rendered");
	progress_rendered(&progress, 100, 400);
	assert_string_equal(progress_line(&progress, text), "100 %: rendered, 25 % written");
	assert_string_equal(progress_bar(&progress, 60, text),
			    "[######.....................]  25 %  written, 100 % rendered");
	for (unsigned columns = 5; columns < 200; columns++)
		assert_true(strlen(progress_bar(&progress, columns, text)) <= columns);
	/* a broker that begins again */
	now = at(0, 1000);
	progress_update(&progress, &now, 5000);
	assert_true(strncmp(progress_line(&progress, text), "0 %: 12 tiles", 13) == 0);
}

static void standstill(void **state)
{
	(void)state;
	struct progress progress = {0};
	struct session_progress now = {.pixels = 1000};
	char text[PROGRESS_TEXT_BYTES];
	progress_update(&progress, &now, 0);
	assert_string_equal(progress_line(&progress, text), "0 %: waiting for a worker");
	progress_workers(&progress, 0);
	assert_string_equal(progress_line(&progress, text), "0 %: no worker is connected yet");
	assert_string_equal(progress_bar(&progress, 50, text),
			    "[..............]   0 %  no worker is connected yet");
	for (unsigned columns = 5; columns < 200; columns++)
		assert_true(strlen(progress_bar(&progress, columns, text)) <= columns);
	now = at(500, 1000);
	now.workers = 0;
	progress_update(&progress, &now, 1000);
	assert_string_equal(progress_line(&progress, text),
			    "50 %: no worker is connected any more");
	progress_workers(&progress, 1);
	assert_non_null(strstr(progress_line(&progress, text), "0 workers"));
	progress_workers(&progress, 0);
	now.workers = 1;
	progress_update(&progress, &now, 2000);
	now.workers = 0; /* between two tiles: what was said of the broker is out of date */
	progress_update(&progress, &now, 3000);
	assert_non_null(strstr(progress_line(&progress, text), "0 workers"));
}

/* Points that are held count, and the image's pixels are no points. */
static void points(void **state)
{
	(void)state;
	struct progress progress = {0};
	struct session_progress now = {
		.is_running = true,
		.pixels = 33000000 + 67000000,
		.has_points = true,
		.image_pixels = 67000000,
		.workers = 4,
	};
	char text[PROGRESS_TEXT_BYTES];
	progress_update(&progress, &now, 0);
	for (int i = 1; i <= 8; i++) {
		now.pixels_done = (uint64_t)i / 4 * 4000000;
		now.held = (uint64_t)i * 2000000 - now.pixels_done;
		progress_update(&progress, &now, i * 1000);
	}
	assert_string_equal(progress_line(&progress, text),
			    "48 %: 16.0 M of 33.0 M points, 4 workers, 2.00 M points/s, 0:09 left");
	assert_int_equal(progress_percent(&now), 48);
	now.held = 33000000 - now.pixels_done;
	now.workers = 0;
	progress_update(&progress, &now, 16000);
	assert_true(progress_left_s(&progress) < 0);
	assert_string_equal(progress_line(&progress, text), "99 %: adding up, 0 % of the image");
	now.pixels_done = 33000000 + 16750000;
	now.held = 0;
	progress_update(&progress, &now, 17000);
	assert_string_equal(progress_line(&progress, text), "99 %: adding up, 25 % of the image");
	assert_string_equal(progress_bar(&progress, 60, text),
			    "[#####################.]  99 %  adding up, 25 % of the image");
	now.pixels_done = now.pixels;
	assert_int_equal(progress_percent(&now), 100);
	/* a broker that does not say the image's size */
	now = (struct session_progress){
		.pixels_done = 1, .held = 49, .pixels = 100, .has_points = true};
	assert_int_equal(progress_percent(&now), 50);
}

static void absurd_numbers(void **state)
{
	(void)state;
	static const struct session_progress cases[] = {
		{.pixels_done = 5},
		{.pixels_done = INT64_MAX, .pixels = 1},
		{.pixels = INT64_MAX, .tiles_done = INT64_MAX, .workers = INT64_MAX},
		{.pixels_done = 999999, .pixels = 1000000, .elapsed_ms = INT64_MAX},
		{.pixels_done = INT64_MAX - 1, .pixels = INT64_MAX, .elapsed_ms = 1},
		{.has_points = true, .pixels_done = 5, .pixels = 9, .image_pixels = INT64_MAX},
		{.has_points = true, .pixels_done = 9, .pixels = 9, .image_pixels = 9},
		{.has_points = true, .held = INT64_MAX, .pixels = INT64_MAX, .image_pixels = 1},
		{.has_points = true, .image_pixels = 1},
	};
	char text[PROGRESS_TEXT_BYTES];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct progress progress = {0};
		progress_update(&progress, &cases[i], 0);
		progress_update(&progress, &cases[i], 0);
		progress_update(&progress, &cases[i], 1);
		for (unsigned columns = 0; columns < 300; columns++)
			(void)progress_bar(&progress, columns, text);
		assert_null(strstr(progress_line(&progress, text), "100 %") == text && i == 3
				    ? text
				    : NULL);
	}
}

static void summary(void **state)
{
	(void)state;
	char text[PROGRESS_TEXT_BYTES];
	struct session_summary s = {.pixels = 2073600,
				    .tiles = 40,
				    .workers = 1,
				    .iterations = 12300000000,
				    .elapsed_ms = 1500};
	assert_string_equal(
		progress_summary(&s, 1920, 1080, 1780, "a.png", text),
		"1920x1080 in 1.78 s (rendered in 1.50 s by 1 worker: 12.3 G iterations, "
		"8.20 G iterations/s) -> a.png");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bursts),
		cmocka_unit_test(gap),
		cmocka_unit_test(rate_and_time_left),
		cmocka_unit_test(bar_fits),
		cmocka_unit_test(rendered_and_written),
		cmocka_unit_test(standstill),
		cmocka_unit_test(points),
		cmocka_unit_test(absurd_numbers),
		cmocka_unit_test(summary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
