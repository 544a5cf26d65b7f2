/* test_keys.c - the files of certificates. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/sys/keys.h"

struct fixture {
	char folder[32], secret[64], public[64];
	struct cert cert;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/test_keys.XXXXXX");
	if (mkdtemp(f->folder) == NULL || keys_make(&f->cert, NULL) != BROT_OK)
		return -1;
	(void)snprintf(f->secret, sizeof f->secret, "%s/me.cert_secret", f->folder);
	(void)snprintf(f->public, sizeof f->public, "%s/me.cert", f->folder);
	return keys_write(&f->cert, f->folder, "me", NULL) == BROT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	(void)unlink(f->secret);
	(void)unlink(f->public);
	int status = rmdir(f->folder);
	free(f);
	return status;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void both_files_come_back(void **state)
{
	struct fixture *f = *state;
	struct cert cert;
	assert_int_equal(mode_of(f->secret), 0600);
	assert_int_equal(mode_of(f->public), 0644);
	assert_int_equal(keys_read_secret(f->secret, &cert, NULL), BROT_OK);
	assert_memory_equal(&cert, &f->cert, sizeof cert);
	assert_int_equal(keys_read_public(AT_FDCWD, f->public, &cert, NULL), BROT_OK);
	assert_string_equal(cert.public_key, f->cert.public_key);
	assert_string_equal(cert.secret_key, "");
}

static void a_secret_that_others_can_read_is_refused(void **state)
{
	struct fixture *f = *state;
	static const mode_t bad[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644};
	struct cert cert;
	struct brot_error err;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(chmod(f->secret, bad[i]), 0);
		assert_int_equal(keys_read_secret(f->secret, &cert, &err), BROT_E_DENIED);
		assert_non_null(strstr(err.text, f->secret));
		assert_non_null(strstr(err.text, "must be closed to others"));
	}
	assert_int_equal(chmod(f->secret, 0400), 0);
	assert_int_equal(keys_read_secret(f->secret, &cert, &err), BROT_OK);
}

#define NOBODY 65534

/* What keys_read_secret() says to that user; -1: we cannot be it. */
static int read_as_nobody(const char *path, const char *credentials)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct cert cert;
		(void)setenv("CREDENTIALS_DIRECTORY", credentials, 1);
		if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
			_exit(BROT_ERR_COUNT);
		_exit((int)keys_read_secret(path, &cert, NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == BROT_ERR_COUNT ? -1 : WEXITSTATUS(status);
}

/* The group can read it, as the mask of an access list says that somebody can. */
static void group_reads(const char *path)
{
	assert_int_equal(chown(path, 0, NOBODY), 0);
	assert_int_equal(chmod(path, 0440), 0);
}

static void what_systemd_hands_over_may_have_an_access_list(void **state)
{
	struct fixture *f = *state;
	char link[64], around[96];
	if (geteuid() != 0 || read_as_nobody(f->secret, "") == -1)
		skip();
	(void)snprintf(link, sizeof link, "%s/link.cert_secret", f->folder);
	(void)snprintf(around, sizeof around, "%s/../%s", f->folder, f->secret + 5);
	assert_int_equal(chmod(f->folder, 0755), 0);
	group_reads(f->secret);
	assert_int_equal(read_as_nobody(f->secret, f->folder), BROT_OK);
	assert_int_equal(read_as_nobody(f->secret, ""), BROT_E_DENIED);
	assert_int_equal(read_as_nobody(f->secret, "/tmp"), BROT_E_DENIED);
	assert_int_equal(read_as_nobody(f->secret, "/tmp/test_key"), BROT_E_DENIED);
	assert_int_equal(read_as_nobody(around, f->folder), BROT_E_DENIED);
	/* A link would lead to what systemd has not handed over. */
	assert_int_equal(symlink(f->secret, link), 0);
	int code = read_as_nobody(link, f->folder);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(code, BROT_E_NO_INPUT);
	assert_int_equal(chmod(f->secret, 0444), 0);
	assert_int_equal(read_as_nobody(f->secret, f->folder), BROT_E_DENIED);
	assert_int_equal(chmod(f->secret, 0440), 0);
	assert_int_equal(chown(f->secret, NOBODY, NOBODY), 0);
	assert_int_equal(read_as_nobody(f->secret, f->folder), BROT_E_DENIED);
}

static void a_folder_is_not_systemds_because_a_variable_says_so(void **state)
{
	struct fixture *f = *state;
	struct cert cert;
	assert_int_equal(chmod(f->secret, 0440), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->folder, 1), 0);
	int code = keys_read_secret(f->secret, &cert, NULL);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(code, BROT_E_DENIED);
	if (geteuid() != 0 || read_as_nobody(f->secret, "") == -1)
		return;
	group_reads(f->secret);
	assert_int_equal(chmod(f->folder, 0775), 0);
	assert_int_equal(read_as_nobody(f->secret, f->folder), BROT_E_DENIED);
	assert_int_equal(chmod(f->folder, 0755), 0);
	assert_int_equal(chown(f->folder, NOBODY, NOBODY), 0);
	assert_int_equal(read_as_nobody(f->secret, f->folder), BROT_E_DENIED);
}

static void who_has_read_a_secret_leaves_no_core(void **state)
{
	struct fixture *f = *state;
	struct cert cert;
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
	assert_int_equal(keys_read_public(AT_FDCWD, f->public, &cert, NULL), BROT_OK);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
	assert_int_equal(keys_read_secret(f->secret, &cert, NULL), BROT_OK);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
	assert_int_equal(keys_make(&cert, NULL), BROT_OK);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

static void a_public_file_that_others_can_write_is_refused(void **state)
{
	struct fixture *f = *state;
	struct cert cert;
	assert_int_equal(chmod(f->public, 0664), 0);
	assert_int_equal(keys_read_public(AT_FDCWD, f->public, &cert, NULL), BROT_E_DENIED);
	assert_int_equal(chmod(f->public, 0646), 0);
	assert_int_equal(keys_read_public(AT_FDCWD, f->public, &cert, NULL), BROT_E_DENIED);
}

static void each_file_has_its_place(void **state)
{
	struct fixture *f = *state;
	struct cert cert;
	struct brot_error err;
	assert_int_equal(keys_read_secret(f->public, &cert, &err), BROT_E_CONFIG);
	assert_non_null(strstr(err.text, "must have a secret-key"));
	assert_int_equal(keys_read_public(AT_FDCWD, f->secret, &cert, &err), BROT_E_CONFIG);
	assert_non_null(strstr(err.text, "has a secret-key"));
	assert_int_equal(keys_read_secret("/nowhere/me.cert_secret", &cert, &err), BROT_E_NO_INPUT);
	assert_int_equal(keys_read_secret(f->folder, &cert, &err), BROT_E_CONFIG);
}

static void keys_that_do_not_belong_together_are_refused(void **state)
{
	struct fixture *f = *state;
	struct cert other, cert;
	struct brot_error err;
	assert_int_equal(keys_make(&other, NULL), BROT_OK);
	memcpy(other.public_key, f->cert.public_key, sizeof other.public_key);
	assert_int_equal(unlink(f->secret) + unlink(f->public), 0);
	assert_int_equal(keys_write(&other, f->folder, "me", NULL), BROT_OK);
	assert_int_equal(keys_read_secret(f->secret, &cert, &err), BROT_E_CONFIG);
	assert_non_null(strstr(err.text, "must be that of its secret-key"));
}

static void nothing_is_overwritten(void **state)
{
	struct fixture *f = *state;
	struct cert other, cert;
	assert_int_equal(keys_make(&other, NULL), BROT_OK);
	assert_int_equal(keys_write(&other, f->folder, "me", NULL), BROT_E_OUTPUT);
	assert_int_equal(keys_read_secret(f->secret, &cert, NULL), BROT_OK);
	assert_string_equal(cert.secret_key, f->cert.secret_key);
	/* With the public one there alone no secret one stays behind. */
	assert_int_equal(unlink(f->secret), 0);
	assert_int_equal(keys_write(&other, f->folder, "me", NULL), BROT_E_OUTPUT);
	assert_int_not_equal(access(f->secret, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_files_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_secret_that_others_can_read_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_systemd_hands_over_may_have_an_access_list,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_is_not_systemds_because_a_variable_says_so,
						setup, teardown),
		cmocka_unit_test_setup_teardown(who_has_read_a_secret_leaves_no_core, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_public_file_that_others_can_write_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(each_file_has_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_that_do_not_belong_together_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nothing_is_overwritten, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
