/* test_restore_image.c - images, lost, checkpointed, unwanted, in the next life of a broker. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "proto/mirror.h"
#include "tests/unit/restore_fixture.h"

#define TALL                                                                                   \
	"{\"key\":\"00112233445566778899aabbccddee01\",\"keep\":true,\"request\":{\"brot\":1," \
	"\"view\":{\"re\":\"0\",\"im\":\"0.25\",\"width\":\"4\"},\"size\":[64,4800]}}"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lost_image_is_made_anew),
		TEST(a_lost_image_comes_back_from_its_checkpoint),
		TEST(a_checkpoint_waits_for_room),
		TEST(a_mirrored_image_comes_back_whole),
		TEST(a_checkpoint_that_failed_is_made_again),
		TEST(an_image_is_not_given_up_for_a_lack_of_ours),
		TEST(images_that_nobody_wants_are_removed),
	};
	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
