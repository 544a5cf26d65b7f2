/* test_outfile.c - files that appear whole or not at all. */
#define _XOPEN_SOURCE 700 /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/outfile.h"

static char folder[] = "/tmp/brot-test-XXXXXX";
static char path[256];

static const char *in_folder(const char *name)
{
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int entries(void)
{
	int count = 0;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count - 2;
}

static void content_is(const char *name, const char *want)
{
	char text[64] = "";
	FILE *file = fopen(in_folder(name), "rb");
	assert_non_null(file);
	(void)fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	assert_string_equal(text, want);
}

/* Each test runs with files of either kind. */
static bool is_named;

static enum brot_err open_file(const char *name, struct outfile *outfile, struct brot_error *err)
{
	return is_named ? outfile_open_named(name, outfile, err) : outfile_open(name, outfile, err);
}

static void write_file(const char *name, const char *text)
{
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	assert_int_equal(open_file(in_folder(name), &outfile, &err), BROT_OK);
	assert_int_equal(outfile_write(&outfile, text, strlen(text), &err), BROT_OK);
	assert_int_equal(outfile_commit(&outfile, false, &err), BROT_OK);
	assert_int_equal(outfile.bytes, strlen(text));
	outfile_discard(&outfile);
}

static void appears_at_the_end(void **state)
{
	(void)state;
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	assert_int_equal(open_file(in_folder("a.png"), &outfile, &err), BROT_OK);
	assert_int_equal(access(path, F_OK), -1);
	/* /tmp knows files without a name, or this whole file tests one kind twice */
	assert_int_equal(entries(), is_named ? 1 : 0);
	assert_int_equal(outfile_write(&outfile, "abc", 3, &err), BROT_OK);
	assert_int_equal(outfile_commit(&outfile, false, &err), BROT_OK);
	assert_int_equal(entries(), 1);
	outfile_discard(&outfile);
	content_is("a.png", "abc");
	write_file("a.png", "defg"); /* replaces */
	content_is("a.png", "defg");
	assert_int_equal(unlink(in_folder("a.png")), 0);
}

/* In place of the system's fsync(), by the linker: what it was told, in order. */
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_syncfs(int fd);
static char synced[64];
static int sync_error; /* the file's */
static int sync_all_error;
static bool has_folder;

int __wrap_fsync(int fd)
{
	struct stat status;
	assert_int_equal(fstat(fd, &status), 0);
	bool is_folder = S_ISDIR(status.st_mode);
	(void)strcat(synced, is_folder ? "folder, " : "file, ");
	/* The bytes are safe before they have the name, the name before anybody relies on it. */
	if (!has_folder)
		assert_int_equal(access(in_folder("a.png"), F_OK), is_folder ? 0 : -1);
	if (!is_folder && sync_error != 0) {
		errno = sync_error;
		return -1;
	}
	return __real_fsync(fd);
}

/* Likewise, and all that is in a folder. */
int __wrap_syncfs(int fd)
{
	struct stat status;
	assert_int_equal(fstat(fd, &status), 0);
	assert_true(S_ISDIR(status.st_mode));
	(void)strcat(synced, "all, ");
	assert_int_equal(access(in_folder("p_files"), F_OK), -1);
	errno = sync_all_error;
	return sync_all_error == 0 ? 0 : -1;
}

static enum brot_err commit_lasting(struct brot_error *err)
{
	struct outfile outfile = OUTFILE_NONE;
	synced[0] = '\0';
	assert_int_equal(open_file(in_folder("a.png"), &outfile, err), BROT_OK);
	assert_int_equal(outfile_write(&outfile, "abc", 3, err), BROT_OK);
	enum brot_err code = outfile_commit(&outfile, true, err);
	outfile_discard(&outfile);
	return code;
}

static void lasts(void **state)
{
	(void)state;
	struct brot_error err;
	assert_int_equal(commit_lasting(&err), BROT_OK);
	assert_string_equal(synced, "file, folder, ");
	content_is("a.png", "abc");
	assert_int_equal(unlink(in_folder("a.png")), 0);

	sync_error = EIO;
	assert_int_equal(commit_lasting(&err), BROT_E_OUTPUT);
	assert_string_equal(synced, "file, ");
	assert_int_equal(entries(), 0);
	sync_error = ENOSPC;
	assert_int_equal(commit_lasting(&err), BROT_E_NO_SPACE);
	assert_int_equal(entries(), 0);
	/* where there is nothing to wait for */
	sync_error = EINVAL;
	assert_int_equal(commit_lasting(&err), BROT_OK);
	content_is("a.png", "abc");
	sync_error = 0;
	assert_int_equal(unlink(in_folder("a.png")), 0);

	/* and nobody waits who has not asked for it */
	synced[0] = '\0';
	write_file("b.png", "abc");
	assert_string_equal(synced, "");
	assert_int_equal(unlink(in_folder("b.png")), 0);
}

static void leaves_nothing(void **state)
{
	(void)state;
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	write_file("a.png", "old");
	assert_int_equal(open_file(in_folder("a.png"), &outfile, &err), BROT_OK);
	assert_int_equal(outfile_write(&outfile, "new", 3, &err), BROT_OK);
	outfile_discard(&outfile);
	outfile_discard(&outfile);
	assert_int_equal(entries(), 1);
	content_is("a.png", "old");
	assert_int_equal(unlink(in_folder("a.png")), 0);
}

static void refuse(const char *name)
{
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err = {0};
	int before = entries();
	assert_int_equal(open_file(in_folder(name), &outfile, &err), BROT_E_OUTPUT);
	assert_true(strncmp(err.text, "--out: ", 7) == 0);
	assert_null(outfile.file);
	assert_int_equal(entries(), before);
}

static void bad_targets(void **state)
{
	(void)state;
	refuse("missing/a.png");
	assert_int_equal(mkdir(in_folder("folder.png"), 0700), 0);
	refuse("folder.png");
	assert_int_equal(rmdir(in_folder("folder.png")), 0);
	assert_int_equal(mkfifo(in_folder("fifo.png"), 0600), 0);
	refuse("fifo.png");
	assert_int_equal(unlink(in_folder("fifo.png")), 0);
	if (geteuid() == 0)
		return; /* root may write anywhere */
	write_file("fixed.png", "x");
	assert_int_equal(chmod(in_folder("fixed.png"), 0400), 0);
	refuse("fixed.png");
	assert_int_equal(unlink(in_folder("fixed.png")), 0);
	assert_int_equal(chmod(folder, 0500), 0);
	refuse("a.png");
	assert_int_equal(chmod(folder, 0700), 0);
}

static void follows_links(void **state)
{
	(void)state;
	struct stat status;
	write_file("real.png", "1");
	assert_int_equal(symlink("real.png", in_folder("link.png")), 0);
	write_file("link.png", "2");
	content_is("real.png", "2");
	assert_int_equal(lstat(in_folder("link.png"), &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(unlink(in_folder("real.png")), 0);
	/* and it leads to a file that is not there yet */
	write_file("link.png", "3");
	content_is("real.png", "3");
	assert_int_equal(unlink(in_folder("link.png")), 0);
	assert_int_equal(unlink(in_folder("real.png")), 0);
}

static void follows_links_to_nothing(void **state)
{
	(void)state;
	struct stat status;
	char whole[sizeof path];
	assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
	assert_int_equal(symlink("second.png", in_folder("sub/first.png")), 0);
	assert_int_equal(symlink("sub/first.png", in_folder("link.png")), 0);
	(void)snprintf(whole, sizeof whole, "%s/sub/real.png", folder);
	assert_int_equal(symlink(whole, in_folder("sub/second.png")), 0);
	write_file("link.png", "1");
	content_is("sub/real.png", "1");
	assert_int_equal(lstat(in_folder("sub/second.png"), &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(unlink(in_folder("sub/real.png")), 0);
	assert_int_equal(unlink(in_folder("sub/second.png")), 0);
	assert_int_equal(unlink(in_folder("sub/first.png")), 0);
	assert_int_equal(rmdir(in_folder("sub")), 0);
	refuse("link.png"); /* no such folder now */
	assert_int_equal(unlink(in_folder("link.png")), 0);
	assert_int_equal(symlink("round.png", in_folder("round.png")), 0);
	refuse("round.png");
	assert_int_equal(unlink(in_folder("round.png")), 0);
}

static unsigned mode_of(const char *name)
{
	struct stat status;
	assert_int_equal(stat(in_folder(name), &status), 0);
	return status.st_mode & 07777;
}

static void keeps_the_mode(void **state)
{
	(void)state;
	static const mode_t modes[] = {0600, 0640, 0666, 0755};
	mode_t mask = umask(0027);
	write_file("a.png", "1");
	assert_int_equal(mode_of("a.png"), 0640);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		assert_int_equal(chmod(in_folder("a.png"), modes[i]), 0);
		write_file("a.png", "2");
		assert_int_equal(mode_of("a.png"), modes[i]);
	}
	(void)umask(mask);
	assert_int_equal(unlink(in_folder("a.png")), 0);
}

/* What another run left, or is making, is nothing to this one. */
static void beside_each_other(void **state)
{
	(void)state;
	struct outfile a = OUTFILE_NONE, b = OUTFILE_NONE;
	struct brot_error err;
	assert_int_equal(open_file(in_folder("a.png"), &a, &err), BROT_OK);
	assert_int_equal(open_file(in_folder("a.png"), &b, &err), BROT_OK);
	assert_int_equal(outfile_write(&a, "a", 1, &err), BROT_OK);
	assert_int_equal(outfile_write(&b, "b", 1, &err), BROT_OK);
	assert_int_equal(outfile_commit(&a, false, &err), BROT_OK);
	content_is("a.png", "a");
	assert_int_equal(outfile_commit(&b, false, &err), BROT_OK);
	content_is("a.png", "b");
	outfile_discard(&a);
	outfile_discard(&b);
	assert_int_equal(entries(), 1);
	assert_int_equal(unlink(in_folder("a.png")), 0);
}

static void long_names(void **state)
{
	(void)state;
	char name[256];
	memset(name, 'x', sizeof name);
	memcpy(name + 251, ".png", 5); /* 255 characters: the most a name may have */
	char *whole = malloc(512);
	assert_non_null(whole);
	(void)snprintf(whole, 512, "%s/%s", folder, name);
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	assert_int_equal(open_file(whole, &outfile, &err), BROT_OK);
	assert_int_equal(outfile_commit(&outfile, false, &err), BROT_OK);
	outfile_discard(&outfile);
	assert_int_equal(unlink(whole), 0);
	free(whole);
}

static void full_disk(void **state)
{
	(void)state;
	/* What a full disk says, through the one file that is always full. */
	struct outfile outfile = {.path = strdup("x.png"), .file = fopen("/dev/full", "wb")};
	struct brot_error err;
	char block[4096] = {0};
	assert_non_null(outfile.file);
	(void)setvbuf(outfile.file, NULL, _IONBF, 0);
	assert_int_equal(outfile_write(&outfile, block, sizeof block, &err), BROT_E_NO_SPACE);
	assert_non_null(strstr(err.text, "x.png"));
	(void)fclose(outfile.file);
	outfile.file = NULL;
	outfile_discard(&outfile);
}

static int set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
	return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder); /* which must be empty */
}

/* ---- with a folder ---- */

static void begin_both(struct outfile *outfile)
{
	char name[512];
	struct brot_error err;
	has_folder = true;
	synced[0] = '\0';
	assert_int_equal(open_file(in_folder("p.dzi"), outfile, &err), BROT_OK);
	assert_int_equal(outfile_add_folder(outfile, in_folder("p_files"), &err), BROT_OK);
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(name, sizeof name, "%s/tile", outfile->folder.path);
	FILE *file = fopen(name, "wb");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(outfile_write(outfile, "abc", 3, &err), BROT_OK);
}

static void a_folder_appears_with_its_file(void **state)
{
	(void)state;
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	const int before = entries();
	for (int must_last = 0; must_last < 2; must_last++) {
		begin_both(&outfile);
		assert_int_equal(outfile_commit(&outfile, must_last != 0, &err), BROT_OK);
		outfile_discard(&outfile);
		assert_string_equal(synced, must_last != 0 ? "file, all, folder, folder, " : "");
		assert_int_equal(entries(), before + 2);
		content_is("p.dzi", "abc");
		content_is("p_files/tile", "");
		assert_int_equal(unlink(in_folder("p_files/tile")), 0);
		/* what is there already is nobody's to replace */
		assert_int_equal(open_file(in_folder("q.dzi"), &outfile, &err), BROT_OK);
		assert_int_equal(outfile_add_folder(&outfile, in_folder("p_files"), &err),
				 BROT_E_OUTPUT);
		outfile_discard(&outfile);
		assert_int_equal(rmdir(in_folder("p_files")), 0);
		assert_int_equal(unlink(in_folder("p.dzi")), 0);
		assert_int_equal(entries(), before);
	}
	has_folder = false;
}

static void a_folder_vanishes_with_its_file(void **state)
{
	(void)state;
	struct outfile outfile = OUTFILE_NONE;
	struct brot_error err;
	const int before = entries();
	begin_both(&outfile);
	outfile_discard(&outfile);
	assert_int_equal(entries(), before);

	static const char *const taken[] = {"p.dzi", "p_files"};
	for (int i = 0; i < 2; i++) {
		begin_both(&outfile);
		assert_int_equal(mkdir(in_folder(taken[i]), 0777), 0);
		assert_int_equal(outfile_commit(&outfile, i == 0, &err), BROT_E_OUTPUT);
		assert_non_null(strstr(err.text, taken[i]));
		/* also where nobody comes to remove it any more */
		if (i == 0)
			assert_int_equal(access(in_folder("p_files"), F_OK), -1);
		outfile_discard(&outfile);
		assert_int_equal(entries(), before + 1);
		assert_int_equal(rmdir(in_folder(taken[i])), 0);
	}
	sync_all_error = ENOSPC;
	begin_both(&outfile);
	assert_int_equal(outfile_commit(&outfile, true, &err), BROT_E_NO_SPACE);
	outfile_discard(&outfile);
	sync_all_error = 0;
	assert_int_equal(entries(), before);
	has_folder = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appears_at_the_end),
		cmocka_unit_test(lasts),
		cmocka_unit_test(leaves_nothing),
		cmocka_unit_test(bad_targets),
		cmocka_unit_test(follows_links),
		cmocka_unit_test(long_names),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(follows_links_to_nothing),
		cmocka_unit_test(keeps_the_mode),
		cmocka_unit_test(beside_each_other),
		cmocka_unit_test(a_folder_appears_with_its_file),
		cmocka_unit_test(a_folder_vanishes_with_its_file),
	};
	int failed = cmocka_run_group_tests(tests, set_up, tear_down);
	is_named = true;
	return failed + cmocka_run_group_tests(tests, set_up, tear_down);
}
