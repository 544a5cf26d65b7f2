/* test_sched_str.c - events and limits as lines, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/sched.h"

static struct plan plan_of(uint32_t width, uint32_t height, uint32_t phases, uint32_t band_rows)
{
	struct plan plan = {
		.phase_count = phases,
		.format = FORMAT_SMOOTH,
		.height_px = height,
		.band_rows = band_rows > 0 ? band_rows : height,
		.band_count = band_rows > 0 ? (height + band_rows - 1) / band_rows : 1,
		.image_bytes = 123456789,
	};
	for (uint32_t p = 0; p < phases; p++) {
		struct phase *phase = &plan.phases[p];
		*phase = (struct phase){.pixel_bytes = 8, .pixel_work = (1ull << 40) + p};
		assert_true(segment_grid_make(width, plan.band_rows, 8, 1ull << 24, &phase->grid));
	}
	assert_true(image_layout_make(&plan.phases[phases - 1].grid, plan.format, &plan.layout));
	return plan;
}

/* Reads the line of an event; the event read makes the same line. Returns the one read. */
static struct sched_event again(const struct sched_event *event,
				struct sched_event_storage *storage)
{
	static char line[1 << 16], copy[1 << 16];
	struct sched_event read;
	memset(&read, 0x5a, sizeof read);
	(void)sched_event_str(event, line, sizeof line);
	if (!sched_event_parse(line, &read, storage))
		fail_msg("%s", line);
	assert_string_equal(sched_event_str(&read, copy, sizeof copy), line);
	assert_int_equal(read.type, event->type);
	assert_true(read.now_ms == event->now_ms);
	assert_true(read.peer == event->peer && read.session == event->session);
	assert_true(read.job == event->job && read.work == event->work);
	return read;
}

static struct sched_event example(enum sched_event_type type)
{
	return (struct sched_event){
		.type = type, .now_ms = INT64_MAX, .peer = UINT64_MAX, .session = 1ull << 63};
}

static void plain_events_come_back(void **state)
{
	(void)state;
	for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
		struct sched_event_storage storage;
		if (type == EVENT_SUBMIT || type == EVENT_RESTORE || type == EVENT_HELLO)
			continue;
		struct sched_event event = {.type = (enum sched_event_type)type};
		(void)again(&event, &storage);
		event = example((enum sched_event_type)type);
		event.job = (1ull << WORK_BAND_SHIFT) - 1;
		event.work = work_id(event.job, (1u << (64 - WORK_BAND_SHIFT)) - 1);
		(void)again(&event, &storage);
	}
}

static void tile_events_come_back(void **state)
{
	(void)state;
	struct sched_event_storage storage;
	struct sched_event event = example(EVENT_DONE), read;
	event.tile = (struct tile_name){work_id(7, 3), 2, UINT32_MAX, 4};
	event.iterations = 1ull << 48;
	event.done.elapsed_us = 86400000000;
	event.done.has_pixels = true;
	read = again(&event, &storage);
	assert_memory_equal(&read.tile, &event.tile, sizeof read.tile);
	assert_true(read.iterations == event.iterations && read.done.has_pixels);
	assert_true(read.done.elapsed_us == event.done.elapsed_us);
	event.type = EVENT_FAIL;
	event.code = BROT_E_SYSTEM;
	event.text = "a \"quoted\" \\ word,\n\ttab \x7f \xc3\xa9 = x";
	read = again(&event, &storage);
	assert_int_equal(read.code, BROT_E_SYSTEM);
	assert_string_equal(read.text, event.text);
}

static void members_of_their_own_come_back(void **state)
{
	(void)state;
	struct sched_event_storage storage;
	struct sched_event event = example(EVENT_CREDIT);
	event.credit = 256;
	assert_int_equal(again(&event, &storage).credit, 256);
	event = example(EVENT_MAPPED);
	event.is_mapped = true;
	assert_true(again(&event, &storage).is_mapped);
	event = example(EVENT_PRIORITY);
	event.priority = -100;
	assert_int_equal(again(&event, &storage).priority, -100);
	event = example(EVENT_RELEASE);
	event.band = 17;
	assert_int_equal(again(&event, &storage).band, 17);
	event.band = SCHED_ALL_BANDS;
	assert_int_equal(again(&event, &storage).band, SCHED_ALL_BANDS);
	event = example(EVENT_DRAIN_WORKER);
	event.text = "";
	assert_string_equal(again(&event, &storage).text, "");
	event.text = NULL;
	assert_null(again(&event, &storage).text);
}

static void a_hello_comes_back(void **state)
{
	(void)state;
	struct sched_event_storage storage;
	struct worker_info info = {
		.threads = 64, .pid = 4194304, .name = "a \"b\"", .version = "1"};
	for (size_t i = 0; i < sizeof info.id; i++)
		info.id[i] = (uint8_t)(i * 17);
	strcpy(info.kernel, "avx2");
	struct sched_event event = example(EVENT_HELLO);
	event.hello.info = &info;
	event.hello.random = UINT64_MAX;
	struct sched_event read = again(&event, &storage);
	assert_memory_equal(read.hello.info, &info, sizeof info);
	assert_true(read.hello.random == UINT64_MAX);
}

static void a_submit_comes_back(void **state)
{
	(void)state;
	struct sched_event_storage storage;
	struct sched_event event = example(EVENT_SUBMIT);
	struct plan plans[] = {plan_of(1, 1, 1, 0), plan_of(640, 480, PHASES_MAX, 0),
			       plan_of(100, 101, 1, 10)};
	plans[0].phases[0].kind = PHASE_MIRROR;
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
		event.submit.plan = &plans[i];
		event.submit.job = 12 + i;
		event.submit.client = i > 0 ? "me@here, \"there\"" : NULL;
		event.submit.priority = -3;
		event.submit.is_kept = true;
		event.submit.owner_jobs = 63;
		memset(event.submit.key, 0xa5, sizeof event.submit.key);
		struct sched_event read = again(&event, &storage);
		assert_memory_equal(read.submit.plan, &plans[i], sizeof plans[i]);
		assert_memory_equal(read.submit.key, event.submit.key, sizeof read.submit.key);
		assert_true(read.submit.job == 12 + i && read.submit.is_kept);
		assert_int_equal(read.submit.priority, -3);
		assert_int_equal(read.submit.owner_jobs, 63);
		assert_true((read.submit.client == NULL) == (i == 0));
		if (i > 0)
			assert_string_equal(read.submit.client, event.submit.client);
	}
}

/* All bits in turn, and names that take four characters a byte. */
static void the_longest_restore_fits(void **state)
{
	(void)state;
	struct sched_event_storage storage, read_storage;
	struct plan plan = plan_of(64, 1000000, 1, 500000);
	uint8_t *bits = malloc(62500);
	for (size_t i = 0; i < 62500; i++)
		bits[i] = (uint8_t)i;
	struct sched_restore restore = {
		.plan = &plan,
		.priority = -100,
		.is_kept = true,
		.is_paused = true,
		.code = BROT_E_UNAVAILABLE,
		.text = storage.text,
		.bits = {bits, bits},
		.tiles_done = UINT32_MAX,
		.retries = UINT32_MAX,
		.workers = UINT32_MAX,
		.iterations = UINT64_MAX,
		.worker_us = INT64_MAX,
		.accepted_ago_ms = -INT64_MAX,
		.finished_ago_ms = -INT64_MAX,
	};
	memset(storage.text, 1, sizeof storage.text - 1);
	storage.text[sizeof storage.text - 1] = '\0';
	memset(restore.client, 1, sizeof restore.client - 1);
	struct sched_event event = example(EVENT_RESTORE), read;
	event.restore = &restore;
	size_t bytes = sched_event_str_bytes(&event);
	char *line = malloc(bytes);
	assert_true(sched_event_parse(sched_event_str(&event, line, bytes), &read, &read_storage));
	assert_memory_equal(read.restore->bits[1], bits, 62500);
	assert_string_equal(read.restore->text, storage.text);
	sched_event_storage_done(&read_storage);
	free(line);
	free(bits);
}

static struct plan counted_plan_of(uint32_t width, uint64_t wrap)
{
	struct plan plan = plan_of(width, 30, 2, 0);
	plan.phases[0] = (struct phase){
		.kind = PHASE_SAMPLE, .grid = {1, 2000000, 1, 1}, .pixel_work = 77};
	plan.phases[1].kind = PHASE_SUM;
	plan.grids = 5;
	plan.points = 3999999;
	plan.segment_points = 2;
	plan.first_point = 1ull << 60;
	assert_true(grid_layout_make(width, 30, 3, true, 2000000, wrap, &plan.counts));
	assert_true(grid_layout_make(width, 30, 3, true, 2000000, GRID_WIDE, &plan.sums));
	return plan;
}

static struct plan counted_plan(uint64_t wrap)
{
	return counted_plan_of(64, wrap);
}

/* That a remote worker could not send. */
static void rows_of_counts_fit_a_message(void **state)
{
	(void)state;
	const uint32_t most = LIMIT_DATA_BYTES / 3 / 8;
	for (uint32_t width = most; width <= most + 1; width++) {
		struct plan plan = counted_plan_of(width, GRID_WRAP);
		struct sched_event event = example(EVENT_SUBMIT), read;
		struct sched_event_storage storage;
		char line[SCHED_LINE_BYTES];
		event.submit.plan = &plan;
		bool is_read = sched_event_parse(sched_event_str(&event, line, sizeof line), &read,
						 &storage);
		assert_int_equal(is_read, width == most);
		if (is_read)
			sched_event_storage_done(&storage);
	}
}

static void grids_come_back(void **state)
{
	(void)state;
	struct sched_event_storage storage;
	struct plan plan = counted_plan(GRID_WRAP), wide = counted_plan(GRID_WIDE);
	static uint8_t all[250000], few[250000];
	memset(all, 0x5a, sizeof all);
	few[77777] = 3;
	struct sched_restore restore = {
		.client = "c",
		.plan = &plan,
		.finished_ago_ms = -1,
		.grid_count = 2,
		.grids = {{WORK_GRID_BIT - 1, all}, {0, few}},
	};
	struct sched_event event = example(EVENT_RESTORE);
	event.restore = &restore;
	struct sched_event read = again(&event, &storage);
	assert_memory_equal(read.restore->plan, &plan, sizeof plan);
	assert_int_equal(read.restore->grid_count, 2);
	assert_int_equal(read.restore->grids[0].number, WORK_GRID_BIT - 1);
	assert_memory_equal(read.restore->grids[0].bits, all, sizeof all);
	assert_memory_equal(read.restore->grids[1].bits, few, sizeof few);
	assert_true(sched_event_str_bytes(&event) > sizeof all + sizeof few);
	sched_event_storage_done(&storage);
	restore.plan = &wide;
	read = again(&event, &storage);
	assert_memory_equal(read.restore->plan, &wide, sizeof wide);
	sched_event_storage_done(&storage);

	event = example(EVENT_COMMITTED);
	event.work = work_grid_id(9, 12);
	event.code = BROT_E_PROTOCOL;
	event.text = "it is not exact";
	read = again(&event, &storage);
	assert_true(work_is_grid(read.work) && work_grid(read.work) == 12);
	assert_int_equal(read.code, BROT_E_PROTOCOL);
	sched_event_storage_done(&storage);
}

static void a_restore_comes_back(void **state)
{
	(void)state;
	struct sched_event_storage storage;
	struct plan plan = plan_of(64, 1000, 1, 300);
	uint8_t first[38], last[13];
	memset(first, 0xff, sizeof first);
	first[20] = first[21] = 0;
	first[37] = 7;
	memset(last, 0, sizeof last);
	struct sched_restore restore = {
		.client = "c",
		.plan = &plan,
		.priority = 100,
		.is_kept = true,
		.is_paused = true,
		.code = BROT_E_FAILED,
		.text = "it failed",
		.bands_released = 2,
		.bits = {first, last},
		.tiles_done = 1,
		.retries = 2,
		.workers = 3,
		.iterations = 1ull << 60,
		.worker_us = 1ll << 50,
		.accepted_ago_ms = 5000,
		.finished_ago_ms = -1,
	};
	struct sched_event event = example(EVENT_RESTORE);
	event.restore = &restore;
	struct sched_event read = again(&event, &storage);
	assert_memory_equal(read.restore->bits[0], first, sizeof first);
	assert_memory_equal(read.restore->bits[1], last, sizeof last);
	struct sched_restore copy = *read.restore;
	assert_memory_equal(copy.plan, &plan, sizeof plan);
	assert_string_equal(copy.text, restore.text);
	copy.plan = restore.plan;
	copy.text = restore.text;
	memcpy(copy.bits, restore.bits, sizeof copy.bits);
	assert_memory_equal(&copy, &restore, sizeof copy);
	sched_event_storage_done(&storage);

	restore.bits[0] = NULL;
	restore.text = NULL;
	read = again(&event, &storage);
	assert_null(read.restore->bits[0]);
	assert_non_null(read.restore->bits[1]);
	assert_null(read.restore->text);
	sched_event_storage_done(&storage);

	/* Nor have others grids. */
	assert_int_equal(read.restore->grid_count, 0);

	/* Of several phases only that there is an image matters. */
	plan = plan_of(64, 100, 2, 0);
	restore.bands_released = 0;
	restore.bits[0] = first;
	read = again(&event, &storage);
	assert_non_null(read.restore->bits[0]);
	sched_event_storage_done(&storage);
}

static void a_line_that_is_cut_does_not_parse(void **state)
{
	(void)state;
	struct sched_event_storage storage;
	struct sched_event event = example(EVENT_FAIL), read;
	event.tile = (struct tile_name){12345, 0, 678, 1};
	event.text = "some \\ reason \"here\"";
	char line[256], part[256];
	size_t chars = strlen(sched_event_str(&event, line, sizeof line));
	for (size_t bytes = 1; bytes <= chars; bytes++) {
		(void)sched_event_str(&event, part, bytes);
		assert_true(strlen(part) < bytes);
		if (sched_event_parse(part, &read, &storage))
			fail_msg("%s", part);
	}
	assert_true(sched_event_parse(sched_event_str(&event, part, chars + 1), &read, &storage));
}

static void other_lines_do_not_parse(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"[     1]",
		"[     1] event",
		"[     1] event ",
		"[     1] event nothing",
		"[    -1] event tick",
		"[     1] action tick",
		"[     1] event tick ",
		"[     1] event tick x",
		"[     1] event tick peer=",
		"[     1] event tick peer=1x",
		"[     1] event tick peer=-1",
		"[     1] event tick peer=18446744073709551616",
		"[     1] event credit credit=4294967296",
		"[     1] event mapped is_mapped=2",
		"[     1] event release band=some",
		"[     1] event done tile=1/2/3",
		"[     1] event done tile=1/2/3/4/5",
		"[     1] event done tile=1.99999999/2/3/4",
		"[     1] event fail text=word",
		"[     1] event fail text=\"open",
		"[     1] event fail text=\"\\q\"",
		"[     1] event fail text=\"\\x1\"",
		"[     1] event fail text=\"\\",
		"[     1] event hello threads=1",
		"[     1] event submit new_job=1",
		"[     1] event restore job=1",
	};
	struct sched_event_storage storage;
	struct sched_event read;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (sched_event_parse(lines[i], &read, &storage))
			fail_msg("%s", lines[i]);
}

/* Puts `with` for the first `what` in a line that is good without. */
static void refused_with(const struct sched_event *event, const char *what, const char *with)
{
	char line[4096], bad[4096];
	struct sched_event_storage storage;
	struct sched_event read;
	const char *at = strstr(sched_event_str(event, line, sizeof line), what);
	assert_non_null(at);
	(void)snprintf(bad, sizeof bad, "%.*s%s%s", (int)(at - line), line, with,
		       at + strlen(what));
	if (sched_event_parse(bad, &read, &storage))
		fail_msg("%s", bad);
}

static void an_image_with_bits_is_read_back(void **state)
{
	(void)state;
	static const uint8_t bits[5] = {0xff, 0xff, 0, 0, 1};
	struct sched_event_storage storage;
	struct sched_event event = {.type = EVENT_IMAGE_READY, .now_ms = 1, .work = 7};
	struct sched_event read = again(&event, &storage);
	assert_null(read.bits);
	sched_event_storage_done(&storage);
	event.bits = bits;
	event.bits_bytes = sizeof bits;
	read = again(&event, &storage);
	assert_int_equal(read.bits_bytes, sizeof bits);
	assert_memory_equal(read.bits, bits, sizeof bits);
	sched_event_storage_done(&storage);
	refused_with(&event, "bits_bytes=5", "bits_bytes=6");
	refused_with(&event, "bits_bytes=5", "bits_bytes=0");
	refused_with(&event, "bits_bytes=5", "bits_bytes=99999999999");
}

static void plans_that_cannot_be_do_not_parse(void **state)
{
	(void)state;
	struct plan plan = plan_of(64, 100, 1, 30);
	uint8_t bits[4] = {1, 1, 1, 2};
	struct sched_restore restore = {.plan = &plan, .bits = {bits}};
	struct sched_event event = {.type = EVENT_RESTORE, .job = 1, .restore = &restore};
	refused_with(&event, "phases=render", "phases=other");
	refused_with(&event, "render:64:30:", "render:64:30:0,render:64:30:");
	refused_with(&event, "render:64", "render:0");
	refused_with(&event, "render:64:30", "render:64:1048577");
	refused_with(&event, "format=smooth", "format=rough");
	refused_with(&event, "bands=4", "bands=5");
	refused_with(&event, "band_rows=30", "band_rows=0");
	refused_with(&event, "height=100", "height=0");
	refused_with(&event, "bits_0=01*3,02", "bits_0=01*2,02");
	refused_with(&event, "bits_0=01*3,02", "bits_0=01*4,02");
	refused_with(&event, "bits_0=01*3,02", "bits_0=01*0,02");
	refused_with(&event, "bits_0=01*3,02", "bits_0=01*3,");
	refused_with(&event, "bits_0=01*3,02", "bits_0=01*3,2");
	refused_with(&event, "bits_0=01*3,02", "bits_0=01*3;02");
}

static void limits_come_back(void **state)
{
	(void)state;
	char line[512], copy[512];
	struct sched_limits limits = sched_limits_default(UINT64_MAX), read = {0};
	limits.is_durable = true;
	limits.tile_rows = 7;
	(void)sched_limits_str(&limits, line, sizeof line);
	assert_true(sched_limits_parse(line, &read));
	assert_string_equal(sched_limits_str(&read, copy, sizeof copy), line);
	assert_true(read.image_bytes == UINT64_MAX && read.retention_ms == limits.retention_ms);
	assert_true(read.is_durable && read.tile_rows == 7);
	struct sched_limits before = read;
	assert_false(sched_limits_parse("limits", &read));
	assert_false(sched_limits_parse("limit jobs=1", &read));
	line[strlen(line) - 1] = '2';
	assert_false(sched_limits_parse(line, &read));
	assert_memory_equal(&read, &before, sizeof read);
}

static void actions_have_lines(void **state)
{
	(void)state;
	for (unsigned type = 0; type < ACTION_TYPE_COUNT; type++) {
		char line[512];
		struct sched_action action = {.type = (enum sched_action_type)type, .peer = 3};
		strcpy(action.text, "a \"b\"");
		(void)sched_action_str(&action, line, sizeof line);
		assert_non_null(strstr(line, " peer=3"));
		assert_non_null(strstr(line, " text=\"a \\\"b\\\"\""));
		assert_null(strstr(line, "(null)"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_events_come_back),
		cmocka_unit_test(tile_events_come_back),
		cmocka_unit_test(members_of_their_own_come_back),
		cmocka_unit_test(a_hello_comes_back),
		cmocka_unit_test(a_submit_comes_back),
		cmocka_unit_test(a_restore_comes_back),
		cmocka_unit_test(grids_come_back),
		cmocka_unit_test(rows_of_counts_fit_a_message),
		cmocka_unit_test(the_longest_restore_fits),
		cmocka_unit_test(an_image_with_bits_is_read_back),
		cmocka_unit_test(a_line_that_is_cut_does_not_parse),
		cmocka_unit_test(other_lines_do_not_parse),
		cmocka_unit_test(plans_that_cannot_be_do_not_parse),
		cmocka_unit_test(limits_come_back),
		cmocka_unit_test(actions_have_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
