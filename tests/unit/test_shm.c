/* test_shm.c - segments between processes, and those that must not be mapped. */
#define _GNU_SOURCE /* unshare() */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/grid.h"
#include "proto/sys/clock.h"
#include "proto/sys/shm.h"
#include "proto/sys/signals.h"

#define BYTES 65536

static struct shm make(size_t bytes)
{
	struct shm shm;
	struct brot_error err = {0};
	assert_int_equal(shm_make(bytes, &shm, &err), BROT_OK);
	return shm;
}

static void drop(struct shm *shm)
{
	shm_remove(shm->name);
	shm_unmap(shm);
}

static enum brot_err map_code(const char *name, size_t bytes)
{
	struct shm shm = SHM_NONE;
	struct brot_error err = {0};
	enum brot_err code = shm_map(name, bytes, true, &shm, &err);
	if (code == BROT_OK) {
		shm_unmap(&shm);
	} else {
		assert_null(shm.memory);
		assert_int_equal(err.code, code);
		assert_true(strlen(err.text) > 0);
	}
	return code;
}

static int status_of(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void two_processes_share_it(void **state)
{
	(void)state;
	struct shm shm = make(BYTES);
	assert_true(image_name_is_valid(shm.name));
	memcpy(shm.memory, "question", 9);
	pid_t pid = fork();
	if (pid == 0) {
		struct shm other;
		if (shm_map(shm.name, BYTES, true, &other, NULL) != BROT_OK)
			_exit(1);
		if (other.memory == shm.memory || strcmp(other.memory, "question") != 0)
			_exit(2);
		memcpy((char *)other.memory + BYTES - 7, "answer", 7);
		shm_unmap(&other);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	assert_string_equal((char *)shm.memory + BYTES - 7, "answer");
	drop(&shm);
}

static void a_reader_cannot_write(void **state)
{
	(void)state;
	struct shm shm = make(BYTES);
	struct shm other;
	assert_int_equal(shm_map(shm.name, BYTES, false, &other, NULL), BROT_OK);
	assert_int_not_equal(mprotect(other.memory, BYTES, PROT_READ | PROT_WRITE), 0);
	shm_unmap(&other);
	drop(&shm);
}

static void the_name_is_gone_after_remove(void **state)
{
	(void)state;
	struct shm shm = make(BYTES);
	shm_remove(shm.name);
	assert_int_equal(map_code(shm.name, BYTES), BROT_E_NOT_FOUND);
	/* Whoever has it mapped keeps it. */
	memset(shm.memory, 1, BYTES);
	shm_remove(shm.name);
	shm_unmap(&shm);
	shm_unmap(&shm);
}

static void one_that_was_cut_short_is_not_whole(void **state)
{
	struct shm made = SHM_NONE, mapped = SHM_NONE;
	const size_t bytes = 5 * 4096;
	(void)state;
	assert_false(shm_is_whole(&made));
	assert_int_equal(shm_make(bytes, &made, NULL), BROT_OK);
	assert_int_equal(shm_map(made.name, bytes, false, &mapped, NULL), BROT_OK);
	assert_true(shm_is_whole(&mapped));
	shm_remove(made.name);
	assert_true(shm_is_whole(&mapped));
	assert_int_equal(ftruncate(made.fd, 4096), 0);
	assert_false(shm_is_whole(&mapped));
	shm_unmap(&mapped);
	shm_unmap(&made);
}

static void what_is_not_an_image_is_not_mapped(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "/", "/etc", "/brot-../../x", "brot-", "/brot-0123"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(map_code(bad[i], BYTES), BROT_E_PROTOCOL);

	struct shm shm = make(BYTES);
	assert_int_equal(map_code(shm.name, 0), BROT_E_PROTOCOL);
	assert_int_equal(map_code(shm.name, BYTES - 1), BROT_E_PROTOCOL);
	assert_int_equal(map_code(shm.name, BYTES + 1), BROT_E_PROTOCOL);
	assert_int_equal(map_code(shm.name, BYTES), BROT_OK);

	assert_int_equal(fchmod(shm.fd, 0640), 0);
	assert_int_equal(map_code(shm.name, BYTES), BROT_E_DENIED);
	assert_int_equal(fchmod(shm.fd, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(fchown(shm.fd, 12345, (gid_t)-1), 0);
		assert_int_equal(map_code(shm.name, BYTES), BROT_E_DENIED);
		assert_int_equal(fchown(shm.fd, 0, (gid_t)-1), 0);
	}
	assert_int_equal(ftruncate(shm.fd, BYTES / 2), 0);
	assert_int_equal(map_code(shm.name, BYTES), BROT_E_PROTOCOL);
	drop(&shm);
}

static void a_fifo_or_link_under_the_name_is_refused(void **state)
{
	(void)state;
	struct shm shm = make(BYTES);
	char path[64], target[64];
	(void)snprintf(path, sizeof path, "/dev/shm%s", shm.name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(map_code(shm.name, BYTES), BROT_E_DENIED);
	assert_int_equal(unlink(path), 0);

	struct shm aim = make(BYTES);
	(void)snprintf(target, sizeof target, "/dev/shm%s", aim.name);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(map_code(shm.name, BYTES), BROT_E_DENIED);
	assert_int_equal(unlink(path), 0);
	drop(&aim);
	shm_unmap(&shm);
}

static void too_much_is_an_error_with_figures(void **state)
{
	(void)state;
	struct shm shm = SHM_NONE;
	struct brot_error err = {0};
	size_t bytes = (size_t)shm_total_bytes() + (1u << 20);
	assert_true(shm_total_bytes() >= shm_free_bytes());
	assert_int_equal(shm_make(bytes, &shm, &err), BROT_E_NO_SPACE);
	char wanted[32];
	(void)snprintf(wanted, sizeof wanted, "%zu bytes wanted", bytes);
	assert_non_null(strstr(err.text, wanted));
	assert_null(shm.memory);
	assert_int_equal(shm_make(SIZE_MAX, &shm, &err), BROT_E_NO_SPACE);
}

static void a_file_size_limit_is_no_death(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit limit = {BYTES, BYTES};
		struct shm shm;
		if (signals_open() < 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0)
			_exit(1);
		_exit(shm_make(4 * BYTES, &shm, NULL) == BROT_E_NO_SPACE ? 0 : 2);
	}
	assert_int_equal(status_of(pid), 0);
}

/* In a mount namespace of its own, where /dev/shm is 1 MiB. */
static int full_child(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return 77;
	if (mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m,mode=1777") != 0)
		return 77;
	struct shm first, second;
	struct brot_error err = {0};
	if (shm_make(768 * 1024, &first, &err) != BROT_OK)
		return 1;
	if (shm_make(512 * 1024, &second, &err) != BROT_E_NO_SPACE)
		return 2;
	if (strstr(err.text, "524288 bytes wanted, 262144 of 1048576 free") == NULL)
		return 3;
	memset(first.memory, 1, first.bytes);
	drop(&first);
	/* An empty tmpfs has all its bytes free again. */
	return shm_free_bytes() == shm_total_bytes() ? 0 : 4;
}

static void a_full_folder_is_an_error_and_leaves_nothing(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(full_child());
	int status = status_of(pid);
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

/* Makes a segment with that header in a process that dies, and dates it back. */
static void orphan_make_with(const struct image_header *header, char ret_name[IMAGE_NAME_CHARS + 1],
			     int64_t age_s)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct shm shm;
		if (shm_make(BYTES, &shm, NULL) != BROT_OK)
			_exit(1);
		memcpy(shm.memory, header, sizeof *header);
		struct timespec times[2] = {{0, UTIME_OMIT}, {(time_t)(clock_unix_s() - age_s), 0}};
		if (futimens(shm.fd, times) != 0)
			_exit(2);
		_exit(write(ends[1], shm.name, sizeof shm.name) == sizeof shm.name ? 0 : 3);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(read(ends[0], ret_name, IMAGE_NAME_CHARS + 1), IMAGE_NAME_CHARS + 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void orphan_make(char ret_name[IMAGE_NAME_CHARS + 1], int64_t age_s)
{
	static const struct image_header none;
	orphan_make_with(&none, ret_name, age_s);
}

static int starved_child(const char *name)
{
	struct rlimit limit = {0, 0};
	struct shm shm = SHM_NONE;
	struct brot_error err = {0};
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	return shm_adopt(name, BYTES, &shm, &err) == BROT_E_SYSTEM ? 0 : 2;
}

static void a_lack_of_descriptors_is_not_the_segments_fault(void **state)
{
	(void)state;
	char name[IMAGE_NAME_CHARS + 1];
	orphan_make(name, 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(starved_child(name));
	assert_int_equal(status_of(pid), 0);
	shm_remove(name);
}

static void sweep_takes_old_orphans_only(void **state)
{
	(void)state;
	char old[IMAGE_NAME_CHARS + 1], young[IMAGE_NAME_CHARS + 1];
	orphan_make(old, 60);
	orphan_make(young, 0);
	struct shm owned = make(BYTES);
	struct timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
	assert_int_equal(futimens(owned.fd, times), 0);

	assert_true(shm_sweep(NULL) >= 1);
	assert_int_equal(map_code(old, BYTES), BROT_E_NOT_FOUND);
	assert_int_equal(map_code(young, BYTES), BROT_OK);
	assert_int_equal(map_code(owned.name, BYTES), BROT_OK);
	shm_remove(young);
	drop(&owned);
}

static void sweep_leaves_durable_images_for_a_week(void **state)
{
	(void)state;
	static const int64_t day_s = 24 * 3600;
	struct image_header header = {.flags = IMAGE_DURABLE};
	memcpy(header.magic, IMAGE_MAGIC, sizeof header.magic);
	char durable[IMAGE_NAME_CHARS + 1], old[IMAGE_NAME_CHARS + 1];
	char plain[IMAGE_NAME_CHARS + 1], nonsense[IMAGE_NAME_CHARS + 1];
	orphan_make_with(&header, durable, 6 * day_s);
	orphan_make_with(&header, old, 8 * day_s);
	header.flags = 0;
	orphan_make_with(&header, plain, 60);
	memset(&header, 0xff, sizeof header);
	orphan_make_with(&header, nonsense, 60);

	struct shm_left left;
	(void)shm_sweep(&left);
	/* Of nobody who runs; others on this host may leave some too. */
	assert_true(left.count >= 1 && left.bytes >= BYTES);
	assert_int_equal(map_code(durable, BYTES), BROT_OK);
	assert_int_equal(map_code(old, BYTES), BROT_E_NOT_FOUND);
	assert_int_equal(map_code(plain, BYTES), BROT_E_NOT_FOUND);
	assert_int_equal(map_code(nonsense, BYTES), BROT_E_NOT_FOUND);

	/* Adopted, and orphaned again: its week begins anew. */
	struct timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
	char path[64];
	(void)snprintf(path, sizeof path, "/dev/shm%s", durable);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	struct shm shm = SHM_NONE;
	assert_int_equal(shm_adopt(durable, BYTES, &shm, NULL), BROT_OK);
	/* So it does with each sign of life. */
	assert_int_equal(futimens(shm.fd, times), 0);
	shm_touch(&shm);
	shm_unmap(&shm);
	shm_touch(&shm);
	(void)shm_sweep(NULL);
	assert_int_equal(map_code(durable, BYTES), BROT_OK);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	(void)shm_sweep(NULL);
	assert_int_equal(map_code(durable, BYTES), BROT_E_NOT_FOUND);
}

/* So it does grids, whose header is another one. */
static void sweep_leaves_durable_grids(void **state)
{
	(void)state;
	union {
		struct image_header image;
		struct grid_header grid;
	} header = {.image = {.width_px = 0}};
	memcpy(header.grid.magic, GRID_MAGIC, sizeof header.grid.magic);
	char durable[IMAGE_NAME_CHARS + 1], plain[IMAGE_NAME_CHARS + 1];
	header.grid.flags = IMAGE_DURABLE | GRID_MIRRORED;
	orphan_make_with(&header.image, durable, 60);
	header.grid.flags = GRID_MIRRORED;
	orphan_make_with(&header.image, plain, 60);
	(void)shm_sweep(NULL);
	assert_int_equal(map_code(durable, BYTES), BROT_OK);
	assert_int_equal(map_code(plain, BYTES), BROT_E_NOT_FOUND);
	shm_remove(durable);
}

static void a_segment_is_made_under_a_given_name(void **state)
{
	(void)state;
	char name[IMAGE_NAME_CHARS + 1], other[IMAGE_NAME_CHARS + 1];
	shm_name_make(name);
	shm_name_make(other);
	assert_true(image_name_is_valid(name));
	assert_string_not_equal(name, other);
	assert_int_equal(map_code(name, BYTES), BROT_E_NOT_FOUND);
	struct shm shm = SHM_NONE, second = SHM_NONE;
	assert_int_equal(shm_make_named(name, BYTES, &shm, NULL), BROT_OK);
	assert_string_equal(shm.name, name);
	assert_int_equal(map_code(name, BYTES), BROT_OK);
	/* A name that is taken is not made again, and stays whose it was. */
	struct brot_error err = {0};
	assert_int_equal(shm_make_named(name, BYTES, &second, &err), BROT_E_SYSTEM);
	assert_int_equal(map_code(name, BYTES), BROT_OK);
	assert_int_equal(shm_make_named("/brot-x", BYTES, &second, &err), BROT_E_INTERNAL);
	assert_int_equal(shm_make_named(other, 0, &second, &err), BROT_E_INTERNAL);
	assert_null(second.memory);
	drop(&shm);
}

/* The code of an adoption in another process. */
static enum brot_err adopt_code(const char *name, size_t bytes)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct shm shm = SHM_NONE;
		struct brot_error err = {0};
		enum brot_err code = shm_adopt(name, bytes, &shm, &err);
		bool is_told = code == BROT_OK ? shm.memory != NULL
					       : shm.memory == NULL && strlen(err.text) > 0;
		_exit(is_told ? (int)code : 99);
	}
	return (enum brot_err)status_of(pid);
}

static void an_orphan_is_adopted_with_what_it_holds(void **state)
{
	(void)state;
	struct image_header header = {.magic = "legacy", .job = 42};
	char name[IMAGE_NAME_CHARS + 1];
	orphan_make_with(&header, name, 0);
	struct shm shm = SHM_NONE;
	assert_int_equal(shm_adopt(name, BYTES, &shm, NULL), BROT_OK);
	assert_string_equal(shm.name, name);
	assert_int_equal(shm.bytes, BYTES);
	assert_memory_equal(shm.memory, &header, sizeof header);
	memset(shm.memory, 1, BYTES);
	/* It is owned as if it had been made here. */
	struct timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
	assert_int_equal(futimens(shm.fd, times), 0);
	(void)shm_sweep(NULL);
	assert_int_equal(map_code(name, BYTES), BROT_OK);
	assert_int_equal(adopt_code(name, BYTES), BROT_E_BUSY);
	shm_unmap(&shm);
	assert_int_equal(adopt_code(name, BYTES), BROT_OK);
	shm_remove(name);
	assert_int_equal(adopt_code(name, BYTES), BROT_E_NOT_FOUND);
}

static void what_somebody_owns_is_not_adopted(void **state)
{
	(void)state;
	struct shm shm = make(BYTES), other = SHM_NONE;
	struct brot_error err = {0};
	assert_int_equal(shm_adopt(shm.name, BYTES, &other, &err), BROT_E_BUSY);
	assert_non_null(strstr(err.text, "a living process owns it"));
	assert_null(other.memory);
	assert_int_equal(adopt_code(shm.name, BYTES), BROT_E_BUSY);
	/* That somebody merely sees it does not matter. */
	assert_int_equal(shm_map(shm.name, BYTES, true, &other, NULL), BROT_OK);
	char name[IMAGE_NAME_CHARS + 1];
	(void)snprintf(name, sizeof name, "%s", shm.name);
	shm_unmap(&shm);
	assert_int_equal(adopt_code(name, BYTES), BROT_OK);
	shm_unmap(&other);
	shm_remove(name);
}

static void what_is_not_an_image_is_not_adopted(void **state)
{
	(void)state;
	char name[IMAGE_NAME_CHARS + 1], path[64], target[64];
	orphan_make(name, 0);
	(void)snprintf(path, sizeof path, "/dev/shm%s", name);
	assert_int_equal(adopt_code("/brot-nonsense", BYTES), BROT_E_PROTOCOL);
	assert_int_equal(adopt_code(name, 0), BROT_E_PROTOCOL);
	assert_int_equal(adopt_code(name, BYTES - 1), BROT_E_PROTOCOL);
	assert_int_equal(adopt_code(name, BYTES + 1), BROT_E_PROTOCOL);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(adopt_code(name, BYTES), BROT_E_DENIED);
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
		assert_int_equal(adopt_code(name, BYTES), BROT_E_DENIED);
	}
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(adopt_code(name, BYTES), BROT_E_DENIED);
	assert_int_equal(unlink(path), 0);

	char aim[IMAGE_NAME_CHARS + 1];
	orphan_make(aim, 0);
	(void)snprintf(target, sizeof target, "/dev/shm%s", aim);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(adopt_code(name, BYTES), BROT_E_DENIED);
	assert_int_equal(unlink(path), 0);
	shm_remove(aim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_processes_share_it),
		cmocka_unit_test(a_reader_cannot_write),
		cmocka_unit_test(the_name_is_gone_after_remove),
		cmocka_unit_test(one_that_was_cut_short_is_not_whole),
		cmocka_unit_test(what_is_not_an_image_is_not_mapped),
		cmocka_unit_test(a_fifo_or_link_under_the_name_is_refused),
		cmocka_unit_test(too_much_is_an_error_with_figures),
		cmocka_unit_test(a_file_size_limit_is_no_death),
		cmocka_unit_test(a_full_folder_is_an_error_and_leaves_nothing),
		cmocka_unit_test(a_lack_of_descriptors_is_not_the_segments_fault),
		cmocka_unit_test(sweep_takes_old_orphans_only),
		cmocka_unit_test(sweep_leaves_durable_images_for_a_week),
		cmocka_unit_test(sweep_leaves_durable_grids),
		cmocka_unit_test(a_segment_is_made_under_a_given_name),
		cmocka_unit_test(an_orphan_is_adopted_with_what_it_holds),
		cmocka_unit_test(what_somebody_owns_is_not_adopted),
		cmocka_unit_test(what_is_not_an_image_is_not_adopted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
