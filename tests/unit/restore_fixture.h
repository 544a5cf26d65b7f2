/* restore_fixture.h - the lives of a broker over one store, with real segments; nobody is
 * connected. */
#ifndef TESTS_UNIT_RESTORE_FIXTURE_H
#define TESTS_UNIT_RESTORE_FIXTURE_H

#include <sys/resource.h>
#include <sys/stat.h>

#include "broker/checkpoint.h"
#include "broker/restore.h"
#include "proto/sys/clock.h"
#include "tests/unit/store_fixture.h"

#include "tests/unit/store_fixture.h"

#define WIDTH  64
#define HEIGHT 48
#define KEY    "00112233445566778899aabbccddee%02x"
#define PICTURE \
	"{\"brot\":1,\"view\":{\"re\":\"0\",\"im\":\"0.25\",\"width\":\"4\"},\"size\":[64,48]}"

static const struct keeper no_keeper = {.fd = -1};

/* One life. */
struct life {
	struct server_config config;
	struct server server;
	uint32_t restored;
};

static const struct principal ada = {"uid:1000", ROLE_CLIENT};

/* A life before it takes up what the last one left. */
static inline struct life *life_open(const char *folder, const char *checkpoints,
				     uint64_t image_bytes)
{
	struct life *life = calloc(1, sizeof *life);
	assert_non_null(life);
	life->config.limits = sched_limits_default(image_bytes);
	life->config.limits.is_durable = folder != NULL;
	if (folder != NULL)
		life->config.store = open_at(folder);
	if (checkpoints != NULL)
		assert_int_equal(checkpoint_open(checkpoints, store_id(life->config.store),
						 &life->config.checkpoint, NULL),
				 BROT_OK);
	struct server *server = &life->server;
	server->config = &life->config;
	server->peers = peers_new(&(const struct peers_rules){.side_limit = 10});
	server->catalog = catalog_new();
	server->images = images_new(&no_keeper, folder != NULL);
	server->journal = journal_new(life->config.store);
	server->sched = sched_new(&life->config.limits);
	server->now_ms = clock_ms();
	server->who = ada;
	return life;
}

static inline struct life *life_begin(const char *folder, const char *checkpoints,
				      uint64_t image_bytes)
{
	struct life *life = life_open(folder, checkpoints, image_bytes);
	struct brot_error err = {0};
	if (restore_all(&life->server, &life->restored, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return life;
}

/* As a kill would: nothing is said to anybody, images stay. */
static inline void life_end(struct life *life)
{
	struct server *server = &life->server;
	journal_free(server->journal);
	images_free(server->images);
	catalog_free(server->catalog);
	sched_free(server->sched);
	sched_actions_done(&server->actions);
	peers_free(server->peers);
	checkpoint_close(life->config.checkpoint);
	store_close(life->config.store);
	free(life);
}

static inline void say(struct life *life, enum message_type type, const char *body)
{
	struct message m = {.type = type, .body = {body, strlen(body)}};
	struct sched_event event = {.now_ms = clock_ms(), .peer = 1};
	life->server.now_ms = event.now_ms;
	life->server.message = &m;
	inbox_take_client(&life->server, &event);
	life->server.message = NULL;
}

static inline void say_of(struct life *life, enum message_type type, uint64_t job)
{
	char body[64];
	(void)snprintf(body, sizeof body, "{\"job\":%llu}", (unsigned long long)job);
	say(life, type, body);
}

/* Submits a picture by that key; the id of the newest job. */
static inline uint64_t submit(struct life *life, unsigned key, const char *more)
{
	char body[512];
	(void)snprintf(body, sizeof body, "{\"key\":\"" KEY "\",\"request\":" PICTURE "%s}", key,
		       more);
	say(life, MSG_SUBMIT, body);
	return life->server.last_job;
}

static inline struct job_report report_of(const struct life *life, uint64_t job)
{
	struct job_report report;
	if (!sched_job_report(life->server.sched, job, life->server.now_ms, &report))
		fail_msg("job %llu is not there", (unsigned long long)job);
	return report;
}

static inline bool is_live(const struct life *life, uint64_t job)
{
	struct job_report report;
	bool is_known = catalog_find(life->server.catalog, job) != NULL;
	assert_true(is_known ==
		    sched_job_report(life->server.sched, job, life->server.now_ms, &report));
	return is_known;
}

static inline bool exists(const char *image_name)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof path, "/dev/shm%.40s", image_name);
	return lstat(path, &st) == 0;
}

/* Fills the first rows as workers would. */
static inline struct image_id fill_rows(struct life *life, uint64_t work, uint32_t rows)
{
	struct image *image = images_find(life->server.images, work);
	assert_non_null(image);
	const struct rect rect = {0, 0, WIDTH, rows};
	memset(image_pixel(image->shm.memory, &image->layout, 0, 0, 0), 0x5c,
	       (size_t)3 * WIDTH * rows);
	image_mark(image, &rect);
	struct image_id id;
	memcpy(id.name, image->shm.name, sizeof id.name);
	memcpy(id.nonce, image->nonce, sizeof id.nonce);
	return id;
}

static inline void assert_rows(struct life *life, uint64_t work, uint32_t rows)
{
	struct image *image = images_find(life->server.images, work);
	assert_non_null(image);
	const uint8_t *pixels = image_pixel(image->shm.memory, &image->layout, 0, 0, 0);
	for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++)
		assert_int_equal(pixels[i], i < (size_t)3 * WIDTH * rows ? 0x5c : 0);
	for (uint32_t y = 0; y < HEIGHT; y++)
		assert_int_equal(image_bit_get(image->shm.memory, &image->layout, y), y < rows);
}

static inline void limit_to(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(what, &limit), 0);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	assert_int_equal(setrlimit(what, &limit), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
