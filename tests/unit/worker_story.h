/*
 * worker_story.h - stories of a worker's session in virtual time.
 *
 * A story feeds events and compares what came out as text, one word group an action:
 * "HELLO", "CREDIT 3", "open 1", "start 7.0.1", "exit 0".
 */
#ifndef TESTS_UNIT_WORKER_STORY_H
#define TESTS_UNIT_WORKER_STORY_H

#include "worker/session.h"

#define SESSION 77
#define CREDIT  3
#define BEAT_MS 100
#define LOST_MS 1000

struct story {
	struct session *session;
	int64_t now_ms;
	struct session_progress progress;
	char trace[1024];
};

/* Compares and forgets what came out. */
#define EXPECT(s, text)                                \
	do {                                           \
		assert_string_equal((s)->trace, text); \
		(s)->trace[0] = '\0';                  \
	} while (0)

#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)

/* A session with CREDIT that has seen nothing. */
int story_begin(void **state);
int story_end(void **state);

void step(struct story *s, struct session_event *event);

/* Messages: any; one of that type; JOB and TILE of that job. A tile has one row, that of its
 * number, and attempt 1. */
void say(struct story *s, struct message m);
void say_of(struct story *s, enum message_type type, uint64_t session);
void job(struct story *s, uint64_t id);
void tile_rect(struct story *s, uint64_t id, uint32_t tile, uint32_t attempt, struct rect rect);
void tile(struct story *s, uint64_t id, uint32_t number);
void refused(struct story *s, enum brot_err code, bool is_about_hello);

/* The answers to actions. */
void opened(struct story *s, uint64_t handle, bool is_mapped);
/* A grid of 50 segments of samples; one that is not mapped has 9 rows of 20 px, 8 bytes each. */
void opened_grid(struct story *s, uint64_t handle, bool is_mapped);
void ended(struct story *s, uint64_t handle, uint32_t number, enum brot_err code);

void terminate(struct story *s);
void orphan(struct story *s);

/* Lets time pass as the link does: a tick at each deadline. */
void wait_until(struct story *s, int64_t now_ms);

void begin(struct story *s);

/* Up to a session with one mapped job, 7, whose handle is 1. */
void serve(struct story *s);

#endif
