/* test_announce.c - what is said of a render, and how often. */
#define _XOPEN_SOURCE 700 /* open_memstream() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/announce.h"

#define HEIGHT 200

static struct announce announce;
static json_t *request;
static char *events, *people;
static size_t events_bytes, people_bytes, events_seen, people_seen;
static FILE *events_file, *people_file;

static void begin(enum announce_mode mode, bool is_terminal)
{
	request = json_pack("{s:i}", "brot", 1);
	events_seen = people_seen = 0;
	events_file = open_memstream(&events, &events_bytes);
	people_file = open_memstream(&people, &people_bytes);
	assert_non_null(events_file);
	assert_non_null(people_file);
	struct announce_config config = {
		.mode = mode,
		.request = request,
		.width_px = 100,
		.height_px = HEIGHT,
		.events = events_file,
		.people = people_file,
		.is_terminal = is_terminal,
	};
	announce_init(&announce, &config, 0);
}

static void end(void)
{
	(void)fclose(events_file);
	(void)fclose(people_file);
	free(events);
	free(people);
	json_decref(request);
}

/* What was said since the last call, of either kind. */
static const char *people_said(void)
{
	assert_int_equal(fflush(people_file), 0);
	const char *said = people + people_seen;
	people_seen = people_bytes;
	return said;
}

static const char *events_said(void)
{
	assert_int_equal(fflush(events_file), 0);
	const char *said = events + events_seen;
	events_seen = events_bytes;
	return said;
}

static void progress(uint64_t done, uint64_t workers, int64_t now_ms)
{
	struct session_action action = {.type = SESSION_PROGRESS,
					.progress = {.is_running = workers != 0,
						     .pixels_done = done,
						     .pixels = 1000,
						     .tiles_done = done / 100,
						     .workers = workers,
						     .elapsed_ms = (uint64_t)now_ms}};
	announce_action(&announce, &action, now_ms);
}

static void finished(int64_t now_ms)
{
	struct session_action action = {.type = SESSION_FINISHED,
					.summary = {.pixels = 1000, .tiles = 10, .workers = 2}};
	announce_action(&announce, &action, now_ms);
}

static void a_line_now_and_then(void **state)
{
	(void)state;
	begin(ANNOUNCE_PEOPLE, false);
	announce_started(&announce, 2);
	assert_string_equal(people_said(), "started an embedded service with 2 workers\n");
	progress(100, 2, 500);
	progress(300, 2, 1999);
	assert_string_equal(people_said(), "");
	progress(400, 2, 2000);
	assert_string_equal(people_said(), "40 %: 4 tiles, 2 workers, 200 px/s, 0:03 left\n");
	progress(600, 2, 3999);
	assert_string_equal(people_said(), "");
	progress(800, 2, 4000);
	assert_non_null(strstr(people_said(), "80 %: 8 tiles"));
	/* who has seen lines sees the last one at once, and then what the file takes */
	finished(4100);
	assert_string_equal(people_said(), "100 %: rendered\n");
	announce_rows(&announce, 20, 6099);
	assert_string_equal(people_said(), "");
	announce_rows(&announce, 50, 6100);
	assert_string_equal(people_said(), "100 %: rendered, 25 % written\n");
	announce_saved(&announce, "a.png", 5, 7000);
	assert_non_null(strstr(people_said(), "100x200 in 7.00 s"));
	assert_string_equal(events_said(), "");
	end();
}

static void a_short_render_has_no_lines(void **state)
{
	(void)state;
	begin(ANNOUNCE_PEOPLE, false);
	progress(100, 2, 500);
	finished(600);
	announce_rows(&announce, 0, 600);
	announce_rows(&announce, 100, 900);
	assert_string_equal(people_said(), "");
	end();
}

static void waiting_has_a_reason(void **state)
{
	(void)state;
	struct session_action none = {.type = SESSION_WORKERS, .workers = 0};
	struct session_action some = {.type = SESSION_WORKERS, .workers = 3};
	begin(ANNOUNCE_PEOPLE, false);
	progress(0, 0, 2000);
	assert_string_equal(people_said(), "0 %: waiting for a worker\n");
	announce_action(&announce, &none, 2001);
	progress(0, 0, 4000);
	assert_string_equal(people_said(), "0 %: no worker is connected yet\n");
	announce_action(&announce, &some, 4001);
	progress(0, 0, 6000);
	assert_string_equal(people_said(), "0 %: waiting for a worker\n");
	end();
}

static void a_bar_on_a_terminal(void **state)
{
	(void)state;
	begin(ANNOUNCE_PEOPLE, true);
	progress(500, 1, 10);
	const char *text = people_said();
	assert_non_null(strstr(text, "\r\033[K["));
	assert_non_null(strstr(text, "50 %"));
	progress(600, 1, 109);
	assert_string_equal(people_said(), "");
	progress(700, 1, 110);
	assert_non_null(strstr(people_said(), "70 %"));
	finished(111);
	assert_non_null(strstr(people_said(), "100 %  rendered"));
	announce_rows(&announce, 100, 211);
	text = people_said();
	assert_non_null(strstr(text, "50 %  written, 100 % rendered"));
	assert_null(strchr(text, '\n'));
	announce_done(&announce);
	announce_done(&announce);
	assert_string_equal(people_said(), "\r\033[K");
	end();
}

static void events_for_programs(void **state)
{
	(void)state;
	struct session_action accepted = {.type = SESSION_ACCEPTED, .job = {.job = 7}};
	begin(ANNOUNCE_EVENTS, true);
	announce_started(&announce, 2);
	announce_action(&announce, &accepted, 1);
	assert_string_equal(events_said(),
			    "{\"event\":\"started\",\"workers\":2}\n"
			    "{\"event\":\"accepted\",\"job\":7,\"request\":{\"brot\":1}}\n");
	progress(500, 1, 10);
	progress(500, 1, 11); /* each of them */
	const char *text = events_said();
	assert_non_null(strstr(strstr(text, "\"progress\"") + 1, "\"progress\""));
	finished(100);
	assert_non_null(strstr(events_said(), "\"finished\""));
	announce_rows(&announce, 10, 599);
	assert_string_equal(events_said(), "");
	announce_rows(&announce, 20, 600);
	announce_rows(&announce, 30, 1099);
	announce_rows(&announce, 40, 1100);
	assert_string_equal(events_said(),
			    "{\"event\":\"writing\",\"rows_done\":20,\"rows\":200}\n"
			    "{\"event\":\"writing\",\"rows_done\":40,\"rows\":200}\n");
	announce_saved(&announce, "a.png", 5, 1200);
	assert_string_equal(
		events_said(),
		"{\"event\":\"saved\",\"path\":\"a.png\",\"bytes\":5,\"elapsed_ms\":1200}\n");
	assert_string_equal(people_said(), "");
	end();
}

/* Of a job in bands rows are written while others are rendered. */
static void bands(void **state)
{
	(void)state;
	struct session_action accepted = {.type = SESSION_ACCEPTED,
					  .job = {.job = 7, .band_count = 2, .band_rows = 100}};
	struct session_action band = {.type = SESSION_BAND,
				      .band = {.band = 1, .first = 100, .rows = 100}};
	begin(ANNOUNCE_EVENTS, true);
	announce_action(&announce, &accepted, 1);
	announce_action(&announce, &band, 1);
	assert_string_equal(
		events_said(),
		"{\"event\":\"accepted\",\"job\":7,\"request\":{\"brot\":1},\"bands\":2}\n"
		"{\"event\":\"band\",\"band\":1,\"bands\":2,\"first\":100,\"rows\":100}\n");
	end();

	begin(ANNOUNCE_PEOPLE, false);
	announce_action(&announce, &accepted, 1);
	announce_action(&announce, &band, 1);
	progress(500, 2, 500);
	announce_rows(&announce, 50, 2000);
	assert_string_equal(people_said(),
			    "50 %: 5 tiles, 2 workers, 1.00 kpx/s, 0:01 left, 25 % written\n");
	progress(1000, 2, 4000);
	announce_rows(&announce, 150, 6000);
	const char *text = people_said();
	assert_non_null(strstr(text, "100 %: 10 tiles"));
	assert_non_null(strstr(text, "75 % written"));
	finished(6500);
	assert_string_equal(people_said(), "");
	announce_saved(&announce, "a.png", 5, 7000);
	assert_non_null(strstr(people_said(), "100x200 in 7.00 s"));
	end();
}

static void counts_that_are_all_zero(void **state)
{
	(void)state;
	begin(ANNOUNCE_PEOPLE, false);
	announce_counts(&announce, 1000, false);
	announce_saved(&announce, "a.png", 5, 7000);
	assert_non_null(strstr(people_said(), "a.png\nno orbit of 1000 points passes through the "
					      "view: every count is 0\n"));
	announce_counts(&announce, 1000, true);
	announce_saved(&announce, "a.png", 5, 7000);
	assert_null(strstr(people_said(), "no orbit"));
	end();
	begin(ANNOUNCE_EVENTS, false);
	announce_saved(&announce, "a.png", 5, 7000);
	assert_null(strstr(events_said(), "hits"));
	announce_counts(&announce, 1000, false);
	announce_saved(&announce, "a.png", 5, 7000);
	assert_non_null(strstr(events_said(), "\"hits\":false}"));
	announce_counts(&announce, 1000, true);
	announce_saved(&announce, "a.png", 5, 7000);
	assert_non_null(strstr(events_said(), "\"hits\":true}"));
	assert_string_equal(people_said(), "");
	end();
}

/* Points that are held are in the events as well, and the words are those of points. */
static void points_that_are_held(void **state)
{
	(void)state;
	struct session_action action = {
		.type = SESSION_PROGRESS,
		.progress = {.is_running = true,
			     .pixels_done = 100,
			     .pixels = 1200,
			     .has_points = true,
			     .held = 400,
			     .image_pixels = 200,
			     .tiles_done = 1,
			     .workers = 2,
			     .elapsed_ms = 1000},
	};
	begin(ANNOUNCE_PEOPLE, false);
	announce_action(&announce, &action, 2000);
	assert_string_equal(people_said(),
			    "50 %: 500 of 1.00 k points, 2 workers, 500 points/s, 0:01 left\n");
	end();
	begin(ANNOUNCE_EVENTS, false);
	announce_action(&announce, &action, 2000);
	assert_non_null(strstr(events_said(), "\"held\":400}"));
	end();
}

static void jobs_that_stay(void **state)
{
	(void)state;
	begin(ANNOUNCE_PEOPLE, true);
	progress(500, 1, 10);
	(void)people_said();
	announce_left(&announce, 17, "a b.png", NULL);
	assert_string_equal(people_said(), "\r\033[K"
					   "job 17 is kept: `brot-client wait 17 --out a b.png` "
					   "gets it\n");
	announce_left(&announce, 17, "a.png", "rgb16");
	assert_string_equal(people_said(), "job 17 is kept: `brot-client wait 17 --out a.png "
					   "--format rgb16` gets it\n");
	announce_ended(&announce, 18);
	assert_string_equal(people_said(), "job 18 is finished\n");
	end();

	begin(ANNOUNCE_EVENTS, true);
	announce_left(&announce, 17, "a.png", NULL);
	announce_left(&announce, 17, "a.png", "rgb16");
	announce_ended(&announce, 18);
	assert_string_equal(events_said(),
			    "{\"event\":\"left\",\"job\":17}\n"
			    "{\"event\":\"left\",\"job\":17,\"format\":\"rgb16\"}\n");
	assert_string_equal(people_said(), "");
	end();
}

static void a_broker_that_is_away(void **state)
{
	(void)state;
	struct session_action silent = {.type = SESSION_SILENT};
	struct session_action back = {.type = SESSION_BACK};
	begin(ANNOUNCE_PEOPLE, true);
	announce_broker(&announce, "ipc:///b", 7);
	progress(500, 1, 10);
	(void)people_said();
	announce_action(&announce, &silent, 4000);
	assert_string_equal(people_said(),
			    "\r\033[Kthe broker at ipc:///b does not answer: waiting for it\n");
	announce_action(&announce, &back, 9000);
	assert_string_equal(people_said(), "the broker at ipc:///b is back\n");
	end();

	begin(ANNOUNCE_EVENTS, true);
	announce_broker(&announce, "ipc:///b", 7);
	announce_action(&announce, &silent, 4000);
	announce_action(&announce, &back, 9000);
	assert_string_equal(events_said(), "{\"event\":\"silent\",\"broker\":\"ipc:///b\"}\n"
					   "{\"event\":\"back\",\"broker\":\"ipc:///b\"}\n");
	assert_string_equal(people_said(), "");
	end();
}

static void a_job_that_is_busy(void **state)
{
	(void)state;
	struct session_action busy = {
		.type = SESSION_BUSY, .error.text = "job: 7 waits", .is_read = true};
	begin(ANNOUNCE_PEOPLE, true);
	announce_broker(&announce, "ipc:///b", 7);
	announce_action(&announce, &busy, 0);
	assert_string_equal(people_said(), "another client reads job 7: waiting for it\n");
	busy.is_read = false;
	announce_action(&announce, &busy, 0);
	assert_string_equal(people_said(), "job: 7 waits; waiting\n");
	end();

	begin(ANNOUNCE_EVENTS, true);
	announce_broker(&announce, "ipc:///b", 7);
	announce_action(&announce, &busy, 0);
	assert_string_equal(events_said(),
			    "{\"event\":\"busy\",\"job\":7,\"text\":\"job: 7 waits\"}\n");
	end();
}

static void paused(void **state)
{
	(void)state;
	struct session_action action = {.type = SESSION_PROGRESS,
					.progress = {.is_paused = true, .pixels = 1000}};
	begin(ANNOUNCE_PEOPLE, false);
	announce_action(&announce, &action, 2000);
	assert_string_equal(people_said(), "0 %: paused\n");
	end();
	begin(ANNOUNCE_EVENTS, false);
	announce_action(&announce, &action, 2000);
	assert_non_null(strstr(events_said(), "\"state\":\"paused\""));
	end();
}

static void nothing(void **state)
{
	(void)state;
	begin(ANNOUNCE_NOTHING, true);
	announce_started(&announce, 2);
	progress(500, 1, 5000);
	finished(10000);
	announce_rows(&announce, 20, 20000);
	announce_action(&announce, &(struct session_action){.type = SESSION_SILENT}, 20000);
	announce_action(&announce, &(struct session_action){.type = SESSION_BACK}, 20000);
	announce_action(&announce, &(struct session_action){.type = SESSION_BUSY}, 20000);
	announce_saved(&announce, "a.png", 5, 30000);
	announce_done(&announce);
	assert_string_equal(people_said(), "");
	assert_string_equal(events_said(), "");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_now_and_then),
		cmocka_unit_test(a_short_render_has_no_lines),
		cmocka_unit_test(waiting_has_a_reason),
		cmocka_unit_test(a_bar_on_a_terminal),
		cmocka_unit_test(events_for_programs),
		cmocka_unit_test(bands),
		cmocka_unit_test(counts_that_are_all_zero),
		cmocka_unit_test(points_that_are_held),
		cmocka_unit_test(jobs_that_stay),
		cmocka_unit_test(a_broker_that_is_away),
		cmocka_unit_test(a_job_that_is_busy),
		cmocka_unit_test(paused),
		cmocka_unit_test(nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
