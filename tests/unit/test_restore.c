/* test_restore.c - the lives of a broker over one store, with real segments; nobody is connected.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "broker/checkpoint.h"
#include "broker/restore.h"
#include "proto/mirror.h"
#include "proto/sys/clock.h"
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
static const struct principal eve = {"uid:1001", ROLE_CLIENT};
static const struct principal admin = {"uid:0", ROLE_ADMIN};

/* A life before it takes up what the last one left. */
static struct life *life_open(const char *folder, const char *checkpoints, uint64_t image_bytes)
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
	server->peers = peers_new(10);
	server->catalog = catalog_new();
	server->images = images_new(&no_keeper, folder != NULL);
	server->journal = journal_new(life->config.store);
	server->sched = sched_new(&life->config.limits);
	server->now_ms = clock_ms();
	server->who = ada;
	return life;
}

static struct life *life_begin(const char *folder, const char *checkpoints, uint64_t image_bytes)
{
	struct life *life = life_open(folder, checkpoints, image_bytes);
	struct brot_error err = {0};
	if (restore_all(&life->server, &life->restored, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return life;
}

/* As a kill would: nothing is said to anybody, images stay. */
static void life_end(struct life *life)
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

static void say(struct life *life, enum message_type type, const char *body)
{
	struct message m = {.type = type, .body = {body, strlen(body)}};
	struct sched_event event = {.now_ms = clock_ms(), .peer = 1};
	life->server.now_ms = event.now_ms;
	life->server.message = &m;
	inbox_take_client(&life->server, &event);
	life->server.message = NULL;
}

static void say_of(struct life *life, enum message_type type, uint64_t job)
{
	char body[64];
	(void)snprintf(body, sizeof body, "{\"job\":%llu}", (unsigned long long)job);
	say(life, type, body);
}

/* Submits a picture by that key; the id of the newest job. */
static uint64_t submit(struct life *life, unsigned key, const char *more)
{
	char body[512];
	(void)snprintf(body, sizeof body, "{\"key\":\"" KEY "\",\"request\":" PICTURE "%s}", key,
		       more);
	say(life, MSG_SUBMIT, body);
	return life->server.last_job;
}

static struct job_report report_of(const struct life *life, uint64_t job)
{
	struct job_report report;
	if (!sched_job_report(life->server.sched, job, life->server.now_ms, &report))
		fail_msg("job %llu is not there", (unsigned long long)job);
	return report;
}

static bool is_live(const struct life *life, uint64_t job)
{
	struct job_report report;
	bool is_known = catalog_find(life->server.catalog, job) != NULL;
	assert_true(is_known ==
		    sched_job_report(life->server.sched, job, life->server.now_ms, &report));
	return is_known;
}

static bool exists(const char *image_name)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof path, "/dev/shm%.40s", image_name);
	return lstat(path, &st) == 0;
}

/* Fills the first rows as workers would. */
static struct image_id fill_rows(struct life *life, uint64_t work, uint32_t rows)
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

static void assert_rows(struct life *life, uint64_t work, uint32_t rows)
{
	struct image *image = images_find(life->server.images, work);
	assert_non_null(image);
	const uint8_t *pixels = image_pixel(image->shm.memory, &image->layout, 0, 0, 0);
	for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++)
		assert_int_equal(pixels[i], i < (size_t)3 * WIDTH * rows ? 0x5c : 0);
	for (uint32_t y = 0; y < HEIGHT; y++)
		assert_int_equal(image_bit_get(image->shm.memory, &image->layout, y), y < rows);
}

static void a_job_and_its_image_outlive_the_broker(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 0);
	uint64_t job = submit(life, 1, ",\"keep\":true,\"priority\":7,\"client\":\"ada\"");
	uint64_t plain = submit(life, 2, "");
	say_of(life, MSG_PAUSE, job);
	struct image_id id = fill_rows(life, job, 20);
	char name[LIMIT_NAME_CHARS + 1];
	strcpy(name, report_of(life, plain).client);
	assert_int_equal(strlen(name), 17);
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 2);
	assert_int_equal(catalog_count(life->server.catalog), 2);
	struct job_report report = report_of(life, job);
	assert_true(report.is_kept && report.is_paused);
	assert_int_equal(report.priority, 7);
	assert_string_equal(report.client, "ada");
	assert_int_equal(report.state, JOB_QUEUED);
	assert_int_equal(report.pixels_done, 20 * WIDTH);
	assert_string_equal(report_of(life, plain).client, name);
	const struct image *image = images_find(life->server.images, job);
	assert_string_equal(image->shm.name, id.name);
	assert_memory_equal(image->nonce, id.nonce, sizeof id.nonce);
	assert_rows(life, job, 20);
	/* The key is the same job, ids go on, and no two connections have one name. */
	assert_true(submit(life, 1, "") > plain);
	assert_int_equal(catalog_count(life->server.catalog), 2);
	life->server.life = 1;
	assert_string_not_equal(report_of(life, submit(life, 3, "")).client, name);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(exists(id.name));
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 2);
	assert_false(is_live(life, job));
	for (uint64_t i = plain; i <= life->server.last_job; i++)
		say_of(life, MSG_CANCEL_JOB, i);
	life_end(life);
}

static void a_complete_job_is_finished_again(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	(void)fill_rows(life, job, HEIGHT);
	life_end(life);
	/* Killed before it was told, and after. */
	for (int i = 0; i < 2; i++) {
		life = life_begin(f->folder, NULL, 1 << 30);
		assert_int_equal(report_of(life, job).state, JOB_FINISHED);
		assert_rows(life, job, HEIGHT);
		assert_true(live_jobs(life->config.store).jobs[0].finished_ms > 0);
		life_end(life);
	}
	life = life_begin(f->folder, NULL, 1 << 30);
	say_of(life, MSG_RELEASE, job);
	assert_false(is_live(life, job));
	assert_int_equal(live_jobs(life->config.store).count, 0);
	assert_int_equal(images(life->config.store).count, 0);
	/* By that key there was a job, and it is over. */
	(void)submit(life, 1, "");
	assert_int_equal(catalog_count(life->server.catalog), 0);
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	life_end(life);
}

static void a_lost_image_is_made_anew(void **state)
{
	struct fixture *f = *state;
	for (int damage = 0; damage < 2; damage++) {
		struct life *life = life_begin(f->folder, NULL, 1 << 30);
		uint64_t job = submit(life, (unsigned)damage, ",\"keep\":true");
		struct image_id id = fill_rows(life, job, 20);
		if (damage == 1) { /* as a kill leaves it between making and header */
			struct image *image = images_find(life->server.images, job);
			memset(image->shm.memory, 0, sizeof(struct image_header));
		}
		life_end(life);
		if (damage == 0)
			shm_remove(id.name);
		life = life_begin(f->folder, NULL, 1 << 30);
		assert_int_equal(life->restored, 1);
		assert_int_equal(report_of(life, job).pixels_done, 0);
		assert_rows(life, job, 0);
		assert_false(exists(id.name));
		struct seen seen = images(life->config.store);
		assert_int_equal(seen.count, 1);
		assert_string_equal(seen.images[0].name,
				    images_find(life->server.images, job)->shm.name);
		say_of(life, MSG_CANCEL_JOB, job);
		assert_int_equal(images(life->config.store).count, 0);
		life_end(life);
	}
}

static void limit_to(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(what, &limit), 0);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	assert_int_equal(setrlimit(what, &limit), 0);
}

/* Until the scheduler has asked for the image again, which it does each second. */
static void tick_until_image(struct life *life, uint64_t work)
{
	int64_t until_ms = clock_ms() + 20000;
	while (images_find(life->server.images, work) == NULL && clock_ms() < until_ms) {
		struct sched_event event = {.type = EVENT_TICK, .now_ms = clock_ms()};
		server_step(&life->server, &event);
		(void)poll(NULL, 0, 10);
	}
	assert_non_null(images_find(life->server.images, work));
}

static void checkpoint_path(const char *folder, uint64_t job, char ret_path[160])
{
	(void)snprintf(ret_path, 160, "%s/%016llx.ckpt", folder, (unsigned long long)job);
}

static void folder_remove(const char *checkpoints)
{
	char path[160];
	(void)snprintf(path, sizeof path, "%s/" CHECKPOINT_OWNER, checkpoints);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(checkpoints), 0);
}

static void a_lost_image_comes_back_from_its_checkpoint(void **state)
{
	struct fixture *f = *state;
	char checkpoints[96], path[160];
	(void)snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", f->folder);
	struct life *life = life_begin(f->folder, checkpoints, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true"), gone = submit(life, 2, ",\"keep\":true");
	struct image_id id = fill_rows(life, job, 20), other = fill_rows(life, gone, 20);
	saves_begin(&life->server, job);
	saves_begin(&life->server, gone);
	assert_true(checkpoint_wait(life->config.checkpoint, 60000));
	/* More than the checkpoint knows. */
	(void)fill_rows(life, job, 30);
	life_end(life);
	shm_remove(id.name);
	shm_remove(other.name);
	life = life_begin(f->folder, checkpoints, 1 << 30);
	assert_int_equal(life->restored, 2);
	assert_int_equal(report_of(life, job).pixels_done, 20 * WIDTH);
	assert_rows(life, job, 20);
	say_of(life, MSG_CANCEL_JOB, job);
	say_of(life, MSG_CANCEL_JOB, gone);
	assert_true(checkpoint_wait(life->config.checkpoint, 60000));
	checkpoint_path(checkpoints, job, path);
	assert_int_not_equal(access(path, F_OK), 0);
	life_end(life);
	folder_remove(checkpoints);
}

#define TALL                                                                                   \
	"{\"key\":\"00112233445566778899aabbccddee01\",\"keep\":true,\"request\":{\"brot\":1," \
	"\"view\":{\"re\":\"0\",\"im\":\"0.25\",\"width\":\"4\"},\"size\":[64,4800]}}"

/* Without room for its image, on the disk (1) or in memory alone (the store's log stays smaller), a
 * job waits, and so does its checkpoint. */
static void a_checkpoint_waits_for_room(void **state)
{
	struct fixture *f = *state;
	static const rlim_t rooms[] = {1, 500000};
	char checkpoints[96], path[160];
	(void)snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", f->folder);
	for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
		struct life *life = life_begin(f->folder, checkpoints, 1 << 30);
		say(life, MSG_SUBMIT, TALL);
		uint64_t job = life->server.last_job;
		struct image_id id = fill_rows(life, job, 20);
		saves_begin(&life->server, job);
		assert_true(checkpoint_wait(life->config.checkpoint, 60000));
		checkpoint_path(checkpoints, job, path);
		life_end(life);
		shm_remove(id.name);

		life = life_open(f->folder, checkpoints, 1 << 30);
		limit_to(RLIMIT_FSIZE, rooms[i]);
		assert_int_equal(restore_all(&life->server, &life->restored, NULL), BROT_OK);
		assert_int_equal(life->restored, 1);
		assert_null(images_find(life->server.images, job));
		assert_int_equal(access(path, F_OK), 0);
		limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
		tick_until_image(life, job);
		assert_int_equal(report_of(life, job).pixels_done, 20 * WIDTH);
		strcpy(id.name, images_find(life->server.images, job)->shm.name);
		life_end(life);
		shm_remove(id.name);

		/* One that never gets room takes its checkpoint along. */
		life = life_open(f->folder, checkpoints, 1 << 30);
		limit_to(RLIMIT_FSIZE, rooms[i]);
		assert_int_equal(restore_all(&life->server, &life->restored, NULL), BROT_OK);
		limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
		assert_null(images_find(life->server.images, job));
		say_of(life, MSG_CANCEL_JOB, job);
		assert_false(is_live(life, job));
		assert_true(checkpoint_wait(life->config.checkpoint, 60000));
		assert_int_not_equal(access(path, F_OK), 0);
		life_end(life);
	}
	folder_remove(checkpoints);
}

/* Only the upper rows say what is done; the lower ones must not be taken for done with them. */
static void a_mirrored_image_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	char checkpoints[96], path[160];
	(void)snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", f->folder);
	struct life *life = life_begin(f->folder, checkpoints, 1 << 30);
	say(life, MSG_SUBMIT,
	    "{\"key\":\"00112233445566778899aabbccddee01\",\"keep\":true,\"request\":{\"brot\":1,"
	    "\"view\":{\"re\":\"0\",\"im\":\"0\",\"width\":\"4\"},\"size\":[64,48]}}");
	uint64_t job = life->server.last_job;
	struct image *image = images_find(life->server.images, job);
	assert_true(image->is_mirrored);
	struct image_id id = fill_rows(life, job, HEIGHT / 2);
	const struct rect upper = {0, 0, WIDTH, HEIGHT / 2};
	mirror_copy(image->shm.memory, &image->layout, &upper);
	assert_rows(life, job, HEIGHT);
	off_t lower = (off_t)image->layout.planes[0].offset + 3 * WIDTH * 40 + 5;
	saves_begin(&life->server, job);
	assert_true(checkpoint_wait(life->config.checkpoint, 60000));
	life_end(life);
	shm_remove(id.name);
	checkpoint_path(checkpoints, job, path);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "!", 1, lower), 1);
	(void)close(fd);

	life = life_begin(f->folder, checkpoints, 1 << 30);
	assert_int_equal(report_of(life, job).state, JOB_FINISHED);
	assert_rows(life, job, HEIGHT);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_true(checkpoint_wait(life->config.checkpoint, 60000));
	life_end(life);
	folder_remove(checkpoints);
}

static void a_checkpoint_that_failed_is_made_again(void **state)
{
	struct fixture *f = *state;
	char checkpoints[96], path[160];
	(void)snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", f->folder);
	struct life *life = life_begin(f->folder, checkpoints, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	(void)fill_rows(life, job, HEIGHT);
	checkpoint_path(checkpoints, job, path);
	limit_to(RLIMIT_FSIZE, 1);
	saves_begin(&life->server, job);
	assert_true(checkpoint_wait(life->config.checkpoint, 60000));
	assert_int_not_equal(access(path, F_OK), 0);
	limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
	/* save_ms is 0: always due */
	saves_tick(&life->server);
	assert_true(checkpoint_wait(life->config.checkpoint, 60000));
	assert_int_equal(access(path, F_OK), 0);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_true(checkpoint_wait(life->config.checkpoint, 60000));
	life_end(life);
	folder_remove(checkpoints);
}

static void an_image_is_not_given_up_for_a_lack_of_ours(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	struct image_id id = fill_rows(life, job, 20);
	life_end(life);

	struct rlimit files;
	struct brot_error err = {0};
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	life = life_open(f->folder, NULL, 1 << 30);
	limit_to(RLIMIT_NOFILE, 3);
	assert_int_equal(restore_all(&life->server, &life->restored, &err), BROT_E_SYSTEM);
	limit_to(RLIMIT_NOFILE, files.rlim_cur);
	assert_non_null(strstr(err.text, id.name));
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	assert_rows(life, job, 20);
	say_of(life, MSG_CANCEL_JOB, job);
	life_end(life);
}

static void what_is_not_stored_is_not_promised(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	const uint64_t *refused = &life->server.metrics.refused[BROT_E_NO_SPACE];
	limit_to(RLIMIT_FSIZE, 1);
	say_of(life, MSG_PAUSE, job);
	assert_true(report_of(life, job).is_paused);
	assert_int_equal(*refused, 1);
	limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
	say_of(life, MSG_RESUME, job);
	assert_int_equal(*refused, 1);
	limit_to(RLIMIT_FSIZE, 1);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_int_equal(*refused, 2);
	assert_false(is_live(life, job));
	limit_to(RLIMIT_FSIZE, RLIM_INFINITY);
	life_end(life);
}

static void what_this_version_cannot_render_ends_as_failed(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t good = submit(life, 1, ",\"keep\":true");
	static const char request[] = "{\"brot\":1,\"kind\":\"of tomorrow\"}";
	struct store_job bad = job_make(good + 1);
	bad.request = request;
	bad.request_bytes = sizeof request - 1;
	struct image_id id = image_id_draw();
	assert_int_equal(journal_add(life->server.journal, &bad, &id, NULL), BROT_OK);
	struct shm shm;
	assert_int_equal(shm_make_named(id.name, 4096, &shm, NULL), BROT_OK);
	shm_unmap(&shm);
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 1);
	assert_true(is_live(life, good));
	assert_false(is_live(life, bad.job));
	assert_false(exists(id.name));
	struct store_job history;
	assert_int_equal(store_find_ended(life->config.store, bad.job, &history, NULL), BROT_OK);
	assert_int_equal(history.end, JOB_END_FAILED);
	assert_int_equal(history.code, BROT_E_REQUEST);
	assert_non_null(strstr(history.text, "tomorrow"));
	say_of(life, MSG_CANCEL_JOB, good);
	life_end(life);
}

static void images_that_nobody_wants_are_removed(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	struct image_id id = image_id_draw();
	struct shm shm;
	assert_int_equal(journal_add_image(life->server.journal, work_id(job, 5), &id, NULL),
			 BROT_OK);
	assert_int_equal(shm_make_named(id.name, 4096, &shm, NULL), BROT_OK);
	shm_unmap(&shm);
	life_end(life);
	life = life_begin(f->folder, NULL, 1 << 30);
	assert_false(exists(id.name));
	assert_int_equal(images(life->config.store).count, 1);
	assert_rows(life, job, 0);
	say_of(life, MSG_CANCEL_JOB, job);
	life_end(life);
}

static void bands_go_on_where_they_were(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 131072);
	static const char body[] = "{\"key\":\"00112233445566778899aabbccddee01\",\"keep\":true,"
				   "\"request\":{\"brot\":1,\"view\":{\"re\":\"0\",\"im\":\"0.25\","
				   "\"width\":\"4\"},\"size\":[64,4800]}}";
	say(life, MSG_SUBMIT, body);
	uint64_t job = life->server.last_job;
	assert_true(is_live(life, job));
	const struct plan plan = catalog_find(life->server.catalog, job)->plan;
	assert_true(plan.band_count > 3);
	assert_int_equal(images(life->config.store).count, LIMIT_OPEN_BANDS);
	char names[2][IMAGE_NAME_CHARS + 1];
	for (uint32_t b = 0; b < 2; b++)
		strcpy(names[b], fill_rows(life, work_id(job, b), plan.band_rows).name);
	life_end(life);

	/* Another budget would cut other bands. */
	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 1);
	assert_int_equal(catalog_find(life->server.catalog, job)->plan.band_rows, plan.band_rows);
	assert_true(sched_band_is_complete(life->server.sched, work_id(job, 0)));
	char release[64];
	(void)snprintf(release, sizeof release, "{\"job\":%llu,\"band\":0}",
		       (unsigned long long)job);
	say(life, MSG_RELEASE, release);
	assert_false(exists(names[0]));
	assert_non_null(images_find(life->server.images, work_id(job, 2)));
	life_end(life);

	life = life_begin(f->folder, NULL, 131072);
	struct job_report report = report_of(life, job);
	assert_int_equal(report.bands_released, 1);
	assert_int_equal(report.pixels_done, 2ull * plan.band_rows * WIDTH);
	assert_string_equal(images_find(life->server.images, work_id(job, 1))->shm.name, names[1]);
	assert_null(images_find(life->server.images, work_id(job, 0)));
	say_of(life, MSG_CANCEL_JOB, job);
	assert_int_equal(images(life->config.store).count, 0);
	assert_false(exists(names[1]));
	life_end(life);
}

static void a_cancelled_job_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"client\":\"ada\"");
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(is_live(life, job));
	life_end(life);
	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 0);
	say_of(life, MSG_RETRY, job);
	struct job_report report = report_of(life, job);
	assert_int_equal(report.state, JOB_QUEUED);
	assert_true(report.is_kept);
	assert_string_equal(report.client, "ada");
	assert_rows(life, job, 0);
	life_end(life);
	life = life_begin(f->folder, NULL, 1 << 30);
	assert_int_equal(life->restored, 1);
	assert_rows(life, job, 0);
	say_of(life, MSG_CANCEL_JOB, job);
	life_end(life);
	life = life_begin(f->folder, NULL, 4096); /* less than its image needs */
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	life_end(life);
}

static void what_was_not_taken_is_tried_again(void **state)
{
	struct fixture *f = *state;
	static const enum job_end ends[] = {JOB_END_EXPIRED, JOB_END_ABANDONED, JOB_END_RELEASED};
	for (unsigned i = 0; i < 3; i++) {
		struct life *life = life_begin(f->folder, NULL, 1 << 30);
		uint64_t job = submit(life, i, ",\"client\":\"ada\"");
		struct image_id id = fill_rows(life, job, HEIGHT);
		life_end(life);
		shm_remove(id.name);
		struct store *store = open_at(f->folder);
		end(store, job, ends[i], clock_unix_ms());
		commit(store);
		store_close(store);
		life = life_begin(f->folder, NULL, 1 << 30);
		assert_int_equal(life->restored, 0);
		say_of(life, MSG_RETRY, job);
		assert_int_equal(is_live(life, job), ends[i] != JOB_END_RELEASED);
		if (is_live(life, job)) {
			assert_int_equal(report_of(life, job).state, JOB_QUEUED);
			assert_true(report_of(life, job).is_kept);
			assert_rows(life, job, 0);
			say_of(life, MSG_CANCEL_JOB, job);
		}
		life_end(life);
	}
}

static void a_job_tried_again_counts_as_its_clients(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 0, ",\"client\":\"ada\""), last = 0;
	say_of(life, MSG_CANCEL_JOB, job);
	for (unsigned key = 1; key <= LIMIT_JOBS_PER_CLIENT; key++)
		last = submit(life, key, ",\"client\":\"ada\"");
	assert_true(is_live(life, last));
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	say_of(life, MSG_CANCEL_JOB, last);
	say_of(life, MSG_RETRY, job);
	assert_true(is_live(life, job));
	for (uint64_t other = job; other < last; other++)
		say_of(life, MSG_CANCEL_JOB, other);
	assert_int_equal(images(life->config.store).count, 0);
	life_end(life);
}

static void without_a_store_all_ends_with_the_broker(void **state)
{
	(void)state;
	struct life *life = life_begin(NULL, NULL, 1 << 30);
	assert_int_equal(life->restored, 0);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	char name[IMAGE_NAME_CHARS + 1];
	strcpy(name, images_find(life->server.images, job)->shm.name);
	say(life, MSG_HISTORY, "{\"limit\":5}");
	say_of(life, MSG_RETRY, job + 1);
	say_of(life, MSG_ATTACH, job + 1);
	assert_int_equal(catalog_count(life->server.catalog), 1);
	life_end(life);
	assert_false(exists(name));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void an_owner_outlives_the_broker(void **state)
{
	struct fixture *f = *state;
	struct life *life = life_begin(f->folder, NULL, 1 << 30);
	uint64_t job = submit(life, 1, ",\"keep\":true");
	life_end(life);

	life = life_begin(f->folder, NULL, 1 << 30);
	life->server.who = eve;
	say_of(life, MSG_PAUSE, job);
	assert_false(report_of(life, job).is_paused);
	assert_int_equal(submit(life, 1, ",\"keep\":true"), job);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_true(is_live(life, job));
	life->server.who = ada;
	say_of(life, MSG_PAUSE, job);
	assert_true(report_of(life, job).is_paused);
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(is_live(life, job));
	/* Nor is what has ended everybody's. */
	life->server.who = eve;
	say_of(life, MSG_RETRY, job);
	assert_false(is_live(life, job));
	life->server.who = ada;
	say_of(life, MSG_RETRY, job);
	assert_true(is_live(life, job));
	life->server.who = eve;
	say_of(life, MSG_CANCEL_JOB, job);
	assert_true(is_live(life, job));
	life->server.who = admin;
	say_of(life, MSG_CANCEL_JOB, job);
	assert_false(is_live(life, job));
	life_end(life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_and_its_image_outlive_the_broker),
		TEST(a_complete_job_is_finished_again),
		TEST(a_lost_image_is_made_anew),
		TEST(a_lost_image_comes_back_from_its_checkpoint),
		TEST(a_checkpoint_waits_for_room),
		TEST(a_mirrored_image_comes_back_whole),
		TEST(a_checkpoint_that_failed_is_made_again),
		TEST(an_image_is_not_given_up_for_a_lack_of_ours),
		TEST(what_is_not_stored_is_not_promised),
		TEST(what_this_version_cannot_render_ends_as_failed),
		TEST(images_that_nobody_wants_are_removed),
		TEST(bands_go_on_where_they_were),
		TEST(a_cancelled_job_is_tried_again),
		TEST(what_was_not_taken_is_tried_again),
		TEST(an_owner_outlives_the_broker),
		TEST(a_job_tried_again_counts_as_its_clients),
		TEST(without_a_store_all_ends_with_the_broker),
	};
	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
