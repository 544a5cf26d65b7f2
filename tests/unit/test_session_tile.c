/* test_session_tile.c - the jobs and tiles of a worker's session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/worker_story.h"

static void tiles_are_rendered_and_answered(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	EXPECT(s, "start 7.0.1, start 7.1.1");
	ended(s, 1, 1, BROT_OK);
	ended(s, 1, 0, BROT_E_SYSTEM);
	EXPECT(s, "DONE 7.1.1, FAIL 7.0.1 system");
	ended(s, 1, 1, BROT_OK);
	EXPECT(s, "");
}

static void a_job_without_its_image_is_rendered_all_the_same(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened(s, 2, false);
	tile(s, 8, 0);
	EXPECT(s, "open 8, MAPPED 8 1 why not, start 8.0.1");
	/* But not what would not fit into a message: 4000 x 2000 x 3 bytes. */
	tile_rect(s, 8, 1, 1, (struct rect){0, 0, 4000, 2000});
	tile_rect(s, 7, 1, 1, (struct rect){0, 0, 4000, 2000});
	EXPECT(s, "FAIL 8.1.1 protocol, start 7.1.1");
}

static void a_job_that_cannot_be_opened_gives_its_tiles_back(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	struct session_event event = {.type = SESSION_ON_OPENED};
	event.opened.handle = 2;
	(void)error_set(&event.opened.error, BROT_E_REQUEST, "view: too deep");
	step(s, &event);
	tile(s, 8, 0);
	EXPECT(s, "open 8, MAPPED 8 1 view: too deep, FAIL 8.0.1 request");
}

static void a_hostile_broker_gets_fail_or_nothing(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 9, 0);
	EXPECT(s, "FAIL 9.0.1 not_found");
	static const struct rect outside[] = {
		{0, 0, 0, 1},
		{0, 0, 1, 0},
		{4000, 0, 1, 1},
		{0, 2000, 1, 1},
		{1, 0, 4000, 1},
		{0, 1999, 1, 2},
		{1, 1, UINT32_MAX, UINT32_MAX},
		{UINT32_MAX, UINT32_MAX, 2, 2},
	};
	for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
		tile_rect(s, 7, 0, 1, outside[i]);
		EXPECT(s, "FAIL 7.0.1 protocol");
	}
	tile(s, 7, 0);
	tile(s, 7, 0);
	EXPECT(s, "start 7.0.1");
	tile_rect(s, 7, 0, 2, (struct rect){0, 0, 4000, 1});
	tile(s, 7, 1);
	EXPECT(s, "start 7.0.2, start 7.1.1");
	tile(s, 7, 2);
	EXPECT(s, "FAIL 7.2.1 busy");
	job(s, 7);
	job(s, 0);
	say_of(s, MSG_DRAIN, SESSION + 1);
	say_of(s, MSG_REREGISTER, 0);
	say(s, (struct message){.type = MSG_TILE, .job = 7, .tile = 5, .w = 1, .h = 1});
	EXPECT(s, "");
}

static void rows(struct story *s, uint32_t phase, uint32_t number, struct rect rect)
{
	say(s, (struct message){.type = MSG_TILE,
				.session = SESSION,
				.job = 8,
				.phase = phase,
				.tile = number,
				.attempt = 1,
				.x = rect.x,
				.y = rect.y,
				.w = rect.w,
				.h = rect.h});
}

static void samples_and_rows_of_a_grid(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened_grid(s, 2, false);
	EXPECT(s, "open 8, MAPPED 8 1 apart");
	rows(s, 0, 0, (struct rect){0, 40, 1, 10});
	EXPECT(s, "start 8.0.1");
	ended(s, 2, 0, BROT_OK);
	EXPECT(s, "DONE 8.0.1");
	rows(s, 1, 1, (struct rect){0, 3, 20, 6});
	s->trace[0] = '\0';
	rows(s, 0, 2, (struct rect){0, 41, 1, 10});
	rows(s, 1, 3, (struct rect){0, 3, 19, 1});
	rows(s, 2, 4, (struct rect){0, 3, 20, 1});
	EXPECT(s, "FAIL 8.2.1 protocol, FAIL 8.3.1 protocol, FAIL 8.4.1 protocol");
}

/* A broker that hears so before the BYE has no lease out in the grid. */
static void a_leaving_worker_gives_samples_back(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened_grid(s, 2, true);
	tile_rect(s, 8, 0, 1, (struct rect){0, 0, 1, 5});
	tile_rect(s, 8, 1, 1, (struct rect){0, 5, 1, 5});
	s->trace[0] = '\0';
	terminate(s);
	EXPECT(s, "CREDIT 0, drop");
	ended(s, 2, 1, BROT_E_CANCELLED);
	EXPECT(s, "FAIL 8.1.1 cancelled");
	tile_rect(s, 8, 2, 1, (struct rect){0, 10, 1, 5}); /* it was on its way */
	EXPECT(s, "FAIL 8.2.1 cancelled");
	tile(s, 7, 30); /* of an image it goes back with the BYE */
	EXPECT(s, "");
	ended(s, 2, 0, BROT_OK);
	EXPECT(s, "DONE 8.0.1, BYE, exit 0");
}

/* Whatever it has counted and not sent would be lost. */
static void a_leaving_worker_waits_for_its_counts_to_be_taken(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened_grid(s, 2, false);
	tile_rect(s, 8, 0, 1, (struct rect){0, 0, 1, 5});
	ended(s, 2, 0, BROT_OK);
	s->trace[0] = '\0';
	terminate(s);
	EXPECT(s, "CREDIT 0");
	rows(s, 1, 1, (struct rect){0, 0, 20, 9});
	EXPECT(s, "start 8.1.1");
	for (uint32_t i = 2; i < 6; i++) /* more than it gave credit for */
		rows(s, 1, i, (struct rect){0, i, 20, 1});
	EXPECT(s, "start 8.2.1, start 8.3.1, start 8.4.1, start 8.5.1");
	for (uint32_t i = 1; i < 6; i++) {
		struct session_event done = {.type = SESSION_ON_TILE_ENDED};
		done.ended = (struct session_ended){
			.handle = 2, .phase = 1, .tile = i, .attempt = 1};
		step(s, &done);
	}
	EXPECT(s, "DONE 8.1.1, DONE 8.2.1, DONE 8.3.1, DONE 8.4.1, DONE 8.5.1");
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 8});
	EXPECT(s, "close, BYE, exit 0");
}

static void but_not_for_ever(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened_grid(s, 2, false);
	tile_rect(s, 8, 0, 1, (struct rect){0, 0, 1, 5});
	ended(s, 2, 0, BROT_OK);
	terminate(s);
	s->trace[0] = '\0';
	const int64_t begin_ms = s->now_ms;
	while (strstr(s->trace, "BYE") == NULL && s->now_ms < begin_ms + 60000) {
		s->trace[0] = '\0';
		wait_until(s, s->now_ms + LOST_MS / 4);
		say_of(s, MSG_WELCOME, SESSION);
	}
	assert_in_range(s->now_ms - begin_ms, 20000, 21000);
}

static void jobs_are_bounded(void **state)
{
	struct story *s = *state;
	serve(s);
	/* All jobs that a broker may have, each with two bands open and two grids. */
	for (unsigned i = 1; i < LIMIT_JOBS * (LIMIT_OPEN_BANDS + 2); i++) {
		job(s, 100 + i);
		opened(s, 1 + i, true);
		s->trace[0] = '\0';
	}
	job(s, 9999);
	EXPECT(s, "MAPPED 9999 1 job: this worker has 1024 already, which is its limit");
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 7});
	job(s, 9999);
	EXPECT(s, "close, open 9999");
}

static void cancel_drops_tiles_without_an_answer(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	opened(s, 2, true);
	for (uint32_t i = 0; i < 2; i++)
		tile(s, 7, i);
	tile(s, 8, 0);
	EXPECT(s, "open 8, MAPPED 8 0 , start 7.0.1, start 7.1.1, start 8.0.1");
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 7});
	say(s, (struct message){.type = MSG_CANCEL, .session = SESSION, .job = 7});
	ended(s, 1, 0, BROT_E_CANCELLED);
	ended(s, 1, 1, BROT_OK);
	EXPECT(s, "close");
	/* The same job again is another one: late results of the first are not taken for its. */
	job(s, 7);
	opened(s, 3, true);
	tile(s, 7, 0);
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "open 7, MAPPED 7 0 , start 7.0.1");
	ended(s, 3, 0, BROT_OK);
	ended(s, 2, 0, BROT_OK);
	EXPECT(s, "DONE 7.0.1, DONE 8.0.1");
}

/* Where tiles may lie when the image holds some rows of a picture only. */
static void an_image_of_some_rows_takes_their_tiles_alone(void **state)
{
	struct story *s = *state;
	serve(s);
	job(s, 8);
	struct session_event event = {.type = SESSION_ON_OPENED};
	event.opened = (struct session_opened){
		.handle = 2, .area = {0, 1500, 4000, 500}, .pixel_bytes = 3, .is_mapped = true};
	step(s, &event);
	EXPECT(s, "open 8, MAPPED 8 0 ");
	static const struct rect outside[] = {
		{0, 1499, 1, 1},       {0, 1499, 4000, 2}, {0, 2000, 1, 1},
		{0, 1500, 4000, 501},  {0, 0, 4000, 500},  {0, 1999, 1, UINT32_MAX},
		{0, UINT32_MAX, 1, 2}, {1, 1500, 4000, 1},
	};
	for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
		tile_rect(s, 8, 0, 1, outside[i]);
		EXPECT(s, "FAIL 8.0.1 protocol");
	}
	tile_rect(s, 8, 0, 1, (struct rect){0, 1500, 4000, 500});
	tile_rect(s, 8, 1, 1, (struct rect){3999, 1999, 1, 1});
	EXPECT(s, "start 8.0.1, start 8.1.1");
}

static void revoke(struct story *s, uint64_t id, uint32_t number, uint32_t attempt)
{
	say(s, (struct message){.type = MSG_REVOKE,
				.session = SESSION,
				.job = id,
				.tile = number,
				.attempt = attempt});
}

static void a_revoked_tile_is_dropped_without_an_answer(void **state)
{
	struct story *s = *state;
	serve(s);
	for (uint32_t i = 0; i < CREDIT; i++)
		tile(s, 7, i);
	EXPECT(s, "start 7.0.1, start 7.1.1, start 7.2.1");
	revoke(s, 7, 1, 1);
	EXPECT(s, "revoke 7.1.1");
	/* Its credit is free before it has really ended. */
	tile(s, 7, 3);
	tile(s, 7, 4);
	EXPECT(s, "start 7.3.1, FAIL 7.4.1 busy");
	ended(s, 1, 1, BROT_E_CANCELLED);
	ended(s, 1, 0, BROT_OK);
	ended(s, 1, 2, BROT_OK);
	EXPECT(s, "DONE 7.0.1, DONE 7.2.1");
}

static void a_tile_that_ends_as_it_is_revoked_is_not_answered(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	revoke(s, 7, 0, 1);
	ended(s, 1, 0, BROT_OK);
	ended(s, 1, 0, BROT_E_SYSTEM);
	EXPECT(s, "start 7.0.1, revoke 7.0.1");
	/* Leased again, it is another one. */
	tile_rect(s, 7, 0, 2, (struct rect){0, 0, 4000, 1});
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "start 7.0.2");
}

static void a_revoke_of_what_is_not_held_means_nothing(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	ended(s, 1, 1, BROT_OK);
	EXPECT(s, "start 7.0.1, start 7.1.1, DONE 7.1.1");
	revoke(s, 7, 1, 1);
	revoke(s, 7, 0, 2);
	revoke(s, 8, 0, 1);
	revoke(s, 7, UINT32_MAX, UINT32_MAX);
	say(s, (struct message){
		       .type = MSG_REVOKE, .session = SESSION, .job = 7, .phase = 1, .attempt = 1});
	say(s,
	    (struct message){.type = MSG_REVOKE, .session = SESSION + 1, .job = 7, .attempt = 1});
	EXPECT(s, "");
	ended(s, 1, 0, BROT_OK);
	EXPECT(s, "DONE 7.0.1");
}

static void draining_ends_when_its_last_tile_is_revoked(void **state)
{
	struct story *s = *state;
	serve(s);
	tile(s, 7, 0);
	tile(s, 7, 1);
	say_of(s, MSG_DRAIN, SESSION);
	EXPECT(s, "start 7.0.1, start 7.1.1, CREDIT 0");
	revoke(s, 7, 1, 1);
	EXPECT(s, "revoke 7.1.1");
	revoke(s, 7, 0, 1);
	EXPECT(s, "revoke 7.0.1, BYE, exit 0");
}

/* Any order of anything: no assert fails, the deadline lies ahead, no more tiles than credit. */
static void random_events_do_no_harm(void **state)
{
	struct story *s = *state;
	static const enum message_type types[] = {MSG_WELCOME, MSG_JOB,  MSG_TILE,      MSG_TILE,
						  MSG_CANCEL,  MSG_TILE, MSG_REREGISTER};
	uint64_t seed = 12345, handle = 0;
	int started = 0, done = 0;
	begin(s);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		unsigned r = (unsigned)(seed >> 33);
		s->trace[0] = '\0';
		if (r % 4 == 0) {
			opened(s, handle + (r >> 8) % 3, r % 8 == 0);
		} else if (r % 4 == 1) {
			ended(s, handle - (r >> 8) % 3, (r >> 4) % 4,
			      (r >> 20) % 3 == 0 ? BROT_E_CANCELLED : BROT_OK);
		} else if (r % 16 == 2) {
			wait_until(s, s->now_ms + (r >> 8) % 60);
		} else {
			unsigned type = (r >> 4) % 32;
			say(s, (struct message){.type = type < 6 ? types[type] : MSG_TILE,
						.session = SESSION + ((r >> 24) % 16 == 0),
						.job = (r >> 10) % 4,
						.tile = (r >> 12) % 4,
						.attempt = 1,
						.x = (r >> 14) % 2 * 3999,
						.w = (r >> 15) % 3,
						.h = 1});
		}
		if (strstr(s->trace, "open") != NULL)
			opened(s, ++handle, r % 2 == 0);
		started += strstr(s->trace, "start") != NULL;
		done += strstr(s->trace, "DONE") != NULL;
		assert_null(strstr(s->trace, "exit"));
		assert_true(session_deadline_ms(s->session) >= s->now_ms);
	}
	assert_true(started > 1000 && done > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(tiles_are_rendered_and_answered),
		STORY(a_job_without_its_image_is_rendered_all_the_same),
		STORY(a_job_that_cannot_be_opened_gives_its_tiles_back),
		STORY(a_hostile_broker_gets_fail_or_nothing),
		STORY(samples_and_rows_of_a_grid),
		STORY(a_leaving_worker_gives_samples_back),
		STORY(a_leaving_worker_waits_for_its_counts_to_be_taken),
		STORY(but_not_for_ever),
		STORY(jobs_are_bounded),
		STORY(cancel_drops_tiles_without_an_answer),
		STORY(an_image_of_some_rows_takes_their_tiles_alone),
		STORY(a_revoked_tile_is_dropped_without_an_answer),
		STORY(a_tile_that_ends_as_it_is_revoked_is_not_answered),
		STORY(a_revoke_of_what_is_not_held_means_nothing),
		STORY(draining_ends_when_its_last_tile_is_revoked),
		STORY(random_events_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
