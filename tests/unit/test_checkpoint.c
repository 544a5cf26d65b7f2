/* test_checkpoint.c - the thread that writes checkpoints: asked, hurried, and without a disk. */
#define _GNU_SOURCE /* unshare() */
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "proto/sys/log.h"
#include "tests/unit/checkpoint_fixture.h"

#define STORE   "00112233445566778899aabbccddeeff"
#define LONG_MS 20000 /* far more than anything here takes */

static struct checkpoint *open_at(const struct fixture *f)
{
	struct checkpoint *checkpoint = NULL;
	struct brot_error err = {0};
	if (checkpoint_open(f->folder, STORE, &checkpoint, &err) != BROT_OK)
		fail_msg("%s", err.text);
	return checkpoint;
}

static void what_is_asked_for_is_written(void **state)
{
	struct fixture *f = *state;
	struct checkpoint *checkpoint = open_at(f);
	done(f, 5, 6);
	assert_true(checkpoint_save(checkpoint, &f->image));
	assert_true(checkpoint_wait(checkpoint, LONG_MS));
	uint32_t segments;
	assert_int_equal(
		checkpoint_load(checkpoint, &f->image, f->loaded, &segments, &f->discarded, NULL),
		BROT_OK);
	assert_int_equal(segments, 6);
	assert_int_equal(count_segments(f), 6);
	checkpoint_close(checkpoint);
	checkpoint_close(NULL);

	/* The next life of the broker goes on with it. */
	checkpoint = open_at(f);
	done(f, 0, 5);
	assert_true(checkpoint_save(checkpoint, &f->image));
	assert_true(checkpoint_wait(checkpoint, LONG_MS));
	checkpoint_close(checkpoint);
	assert_int_equal(load(f, &segments), BROT_OK);
	assert_int_equal(segments, 11);
}

static void an_image_that_is_gone_or_another_is_not_written(void **state)
{
	struct fixture *f = *state;
	struct checkpoint *checkpoint = open_at(f);
	struct checkpoint_image image = f->image;
	done(f, 0, 5);
	shm_name_make(image.name);
	assert_true(checkpoint_save(checkpoint, &image));
	assert_true(checkpoint_wait(checkpoint, LONG_MS));
	image = f->image;
	image.nonce[3]++;
	assert_true(checkpoint_save(checkpoint, &image));
	image = f->image;
	image.work++;
	assert_true(checkpoint_save(checkpoint, &image));
	assert_true(checkpoint_wait(checkpoint, LONG_MS));
	assert_false(file_exists(f, f->image.work));
	assert_false(file_exists(f, f->image.work + 1));
	checkpoint_close(checkpoint);
}

static void what_is_removed_stays_away(void **state)
{
	struct fixture *f = *state;
	struct checkpoint *checkpoint = open_at(f);
	done(f, 0, 111);
	for (unsigned round = 0; round < 50; round++) {
		(void)checkpoint_save(checkpoint, &f->image);
		if (round % 2 == 0)
			assert_true(checkpoint_wait(checkpoint, LONG_MS));
		checkpoint_remove(checkpoint, f->image.work);
		assert_true(checkpoint_wait(checkpoint, LONG_MS));
		assert_false(file_exists(f, f->image.work));
	}
	/* It may come back: a job can be tried again under its id. */
	checkpoint_remove(checkpoint, f->image.work);
	assert_true(checkpoint_save(checkpoint, &f->image));
	assert_true(checkpoint_wait(checkpoint, LONG_MS));
	assert_true(file_exists(f, f->image.work));
	checkpoint_close(checkpoint);
}

static void more_than_the_queue_holds_blocks_nobody(void **state)
{
	struct fixture *f = *state;
	struct checkpoint *checkpoint = open_at(f);
	struct checkpoint_image image = f->image;
	shm_name_make(image.name);
	unsigned taken = 0;
	for (image.work = 1; image.work <= 20 * CHECKPOINT_QUEUE; image.work++)
		taken += checkpoint_save(checkpoint, &image);
	for (uint64_t work = 1; work <= 20 * CHECKPOINT_QUEUE; work++)
		checkpoint_remove(checkpoint, work);
	assert_true(taken > 0);
	assert_true(checkpoint_wait(checkpoint, LONG_MS));
	assert_true(checkpoint_save(checkpoint, &f->image));
	assert_true(checkpoint_wait(checkpoint, LONG_MS));
	assert_true(file_exists(f, f->image.work));
	for (image.work = 1; image.work <= 20 * CHECKPOINT_QUEUE; image.work++)
		(void)checkpoint_save(checkpoint, &image);
	checkpoint_close(checkpoint);
}

static bool is_listed(uint64_t work, void *context)
{
	const uint64_t *list = context;
	while (*list != 0 && *list != work)
		list++;
	return *list != 0;
}

static void the_sweep_leaves_what_lives_and_what_is_not_ours(void **state)
{
	struct fixture *f = *state;
	struct checkpoint *checkpoint = open_at(f);
	static const char *const names[] = {"0000000000000001.ckpt", "0000000000000002.ckpt",
					    "0000000000000003.ckpt", "notes.txt", "3.ckpt"};
	for (size_t i = 0; i < 5; i++)
		(void)close(openat(f->fd, names[i], O_CREAT | O_WRONLY, 0600));
	uint64_t live[] = {9, 2, 0}, none[] = {0};
	assert_int_equal(checkpoint_sweep(checkpoint, is_listed, live), 2);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(faccessat(f->fd, names[i], F_OK, 0) == 0, i != 0 && i != 2);
	assert_int_equal(checkpoint_sweep(checkpoint, is_listed, none), 1);
	checkpoint_close(checkpoint);
}

static void a_folder_that_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	struct checkpoint *checkpoint = NULL;
	struct brot_error err = {0};
	char path[128];
	assert_int_equal(checkpoint_open("/dev/null", STORE, &checkpoint, &err), BROT_E_SYSTEM);
	assert_non_null(strstr(err.text, "/dev/null"));
	(void)snprintf(path, sizeof path, "%s/a/b", f->folder);
	assert_int_equal(checkpoint_open(path, STORE, &checkpoint, &err), BROT_E_SYSTEM);
	assert_null(checkpoint);
	(void)snprintf(path, sizeof path, "%s/a", f->folder);
	assert_int_equal(checkpoint_open(path, STORE, &checkpoint, &err), BROT_OK);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	checkpoint_close(checkpoint);
	(void)snprintf(path, sizeof path, "%s/a/" CHECKPOINT_OWNER, f->folder);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "%s/a", f->folder);
	assert_int_equal(rmdir(path), 0);
}

static void assert_refused(const struct fixture *f, const char *store, enum brot_err code,
			   const char *part)
{
	struct checkpoint *checkpoint = NULL;
	struct brot_error err = {0};
	assert_int_equal(checkpoint_open(f->folder, store, &checkpoint, &err), code);
	assert_null(checkpoint);
	if (strstr(err.text, part) == NULL || strstr(err.text, f->folder) == NULL)
		fail_msg("\"%s\" should be in: %s", part, err.text);
}

static void a_folder_is_of_one_broker_and_one_store(void **state)
{
	struct fixture *f = *state;
	static const char other[] = "ffeeddccbbaa99887766554433221100";
	struct checkpoint *checkpoint = open_at(f);
	assert_refused(f, STORE, BROT_E_BUSY, "in use by another broker");
	assert_refused(f, other, BROT_E_BUSY, "in use by another broker");
	checkpoint_close(checkpoint);
	assert_refused(f, other, BROT_E_SYSTEM, "of store " STORE ", not of ffeeddcc");
	checkpoint_close(open_at(f));
	/* As a power cut may leave it. */
	int owner = openat(f->fd, CHECKPOINT_OWNER, O_WRONLY);
	assert_int_equal(ftruncate(owner, 5), 0);
	(void)close(owner);
	checkpoint_close(open_at(f));
	assert_refused(f, other, BROT_E_SYSTEM, "of store " STORE);
}

static unsigned lines_with(const char *path, const char *part)
{
	FILE *file = fopen(path, "r");
	char line[1024];
	unsigned count = 0;
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		count += strstr(line, part) != NULL;
	if (file != NULL)
		(void)fclose(file);
	return count;
}

/* In a mount namespace of its own, where the folder holds 64 KiB. */
static int full_child(struct fixture *f, const char *log)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", f->folder, "tmpfs", 0, "size=64k") != 0)
		return 77;
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return 1;
	log_init("test", LOG_LEVEL_INFO);
	char blocker[96];
	(void)snprintf(blocker, sizeof blocker, "%s/blocker", f->folder);
	fd = open(blocker, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, 49152) != 0)
		return 2;
	struct checkpoint *checkpoint = NULL;
	if (checkpoint_open(f->folder, STORE, &checkpoint, NULL) != BROT_OK)
		return 3;
	done(f, 0, 111);
	for (unsigned round = 0; round < 5; round++) {
		if (!checkpoint_save(checkpoint, &f->image) ||
		    !checkpoint_wait(checkpoint, LONG_MS))
			return 4;
	}
	if (lines_with(log, "no checkpoint is written") != 1 || lines_with(log, "no_space") != 1)
		return 5;
	if (unlink(blocker) != 0 || close(fd) != 0)
		return 6;
	if (!checkpoint_save(checkpoint, &f->image) || !checkpoint_wait(checkpoint, LONG_MS))
		return 7;
	if (lines_with(log, "checkpoints are written again") != 1 || lines_with(log, "") != 2)
		return 8;
	uint32_t segments;
	if (checkpoint_load(checkpoint, &f->image, f->loaded, &segments, &f->discarded, NULL) !=
		    BROT_OK ||
	    segments != 111)
		return 9;
	checkpoint_close(checkpoint);
	return 0;
}

static void a_full_disk_is_one_line_and_no_more(void **state)
{
	struct fixture *f = *state;
	char log[] = "/tmp/brot-checkpoint-log-XXXXXX";
	int fd = mkstemp(log);
	assert_true(fd >= 0);
	(void)close(fd);
	pid_t pid = fork();
	if (pid == 0)
		_exit(full_child(f, log));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(unlink(log), 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_digest_is_of_the_text(void **state)
{
	(void)state;
	assert_true(checkpoint_digest("{}", 2) == checkpoint_digest("{}x", 2));
	assert_true(checkpoint_digest("{}", 2) != checkpoint_digest("{ }", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_asked_for_is_written),
		TEST(an_image_that_is_gone_or_another_is_not_written),
		TEST(what_is_removed_stays_away),
		TEST(more_than_the_queue_holds_blocks_nobody),
		TEST(the_sweep_leaves_what_lives_and_what_is_not_ours),
		TEST(a_folder_that_cannot_be_is_refused),
		TEST(a_folder_is_of_one_broker_and_one_store),
		TEST(a_full_disk_is_one_line_and_no_more),
		cmocka_unit_test(a_digest_is_of_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
