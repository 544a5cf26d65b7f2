/* test_keyring.c - folders of keys, and what becomes of a key that is taken away. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/keyring.h"
#include "proto/sys/keys.h"
#include "proto/sys/log.h"

static const char *const roles[ROLE_COUNT] = {"clients", "workers", "admins"};

struct fixture {
	char folder[32];
	struct keyring *keyring;
};

static const char *path(const struct fixture *f, const char *name)
{
	static char text[128];
	(void)snprintf(text, sizeof text, "%s/%s", f->folder, name);
	return text;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	log_init("test", LOG_LEVEL_ERROR);
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/test_keyring.XXXXXX");
	(void)umask(0022);
	return mkdtemp(f->folder) == NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[64];
	keyring_close(f->keyring);
	(void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
	int status = system(command);
	free(f);
	return status;
}

static void folders_make(const struct fixture *f)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		assert_int_equal(mkdir(path(f, roles[i]), 0755), 0);
}

static void put(const struct fixture *f, const struct cert *cert, const char *folder,
		const char *name)
{
	char text[CERT_TEXT_BYTES], file[128];
	(void)snprintf(file, sizeof file, "%s/%s/%s", f->folder, folder, name);
	cert_write(cert, "test", false, text);
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void open_ring(struct fixture *f)
{
	struct brot_error err;
	if (keyring_open(f->folder, &f->keyring, &err) != BROT_OK)
		fail_msg("%s", err.text);
}

static void the_folder_is_the_role(void **state)
{
	struct fixture *f = *state;
	struct cert a, b, c;
	assert_int_equal(keys_make(&a, NULL) + keys_make(&b, NULL) + keys_make(&c, NULL), 0);
	folders_make(f);
	put(f, &a, "clients", "a.cert");
	put(f, &a, "workers", "same.cert");
	put(f, &b, "admins", "b.cert");
	put(f, &c, "clients", "c.key");
	put(f, &c, "clients", ".c.cert");
	put(f, &c, "clients", ".cert");
	open_ring(f);
	assert_int_equal(keyring_roles(f->keyring, a.public_key), ROLE_CLIENT | ROLE_WORKER);
	assert_int_equal(keyring_roles(f->keyring, b.public_key), ROLE_ADMIN);
	assert_int_equal(keyring_roles(f->keyring, c.public_key), 0);
	assert_int_equal(keyring_roles(f->keyring, ""), 0);
	assert_int_equal(keyring_count(f->keyring, ROLE_CLIENT), 1);
	assert_int_equal(keyring_count(f->keyring, ROLE_WORKER), 1);
	assert_int_equal(keyring_count(f->keyring, ROLE_ADMIN), 1);
}

static void keys_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct cert a, b;
	assert_int_equal(keys_make(&a, NULL) + keys_make(&b, NULL), 0);
	open_ring(f); /* without a folder for any role */
	assert_int_equal(keyring_roles(f->keyring, a.public_key), 0);
	folders_make(f);
	put(f, &a, "clients", "a.cert");
	assert_true(keyring_refresh(f->keyring, false));
	assert_int_equal(keyring_roles(f->keyring, a.public_key), ROLE_CLIENT);
	/* At once again: the time of the folder may be the same. */
	put(f, &b, "clients", "b.cert");
	assert_true(keyring_refresh(f->keyring, false));
	assert_int_equal(keyring_roles(f->keyring, b.public_key), ROLE_CLIENT);
	assert_false(keyring_refresh(f->keyring, false));
	assert_false(keyring_refresh(f->keyring, true));
	assert_int_equal(unlink(path(f, "clients/a.cert")), 0);
	assert_true(keyring_refresh(f->keyring, false));
	assert_int_equal(keyring_roles(f->keyring, a.public_key), 0);
	assert_int_equal(keyring_roles(f->keyring, b.public_key), ROLE_CLIENT);
	/* Another key in the place of the old one. */
	put(f, &a, "clients", "b.cert");
	assert_true(keyring_refresh(f->keyring, true));
	assert_int_equal(keyring_roles(f->keyring, a.public_key), ROLE_CLIENT);
	assert_int_equal(keyring_roles(f->keyring, b.public_key), 0);
}

static void what_others_can_write_opens_nothing(void **state)
{
	struct fixture *f = *state;
	struct cert a, b;
	struct brot_error err;
	struct keyring *keyring;
	assert_int_equal(keys_make(&a, NULL) + keys_make(&b, NULL), 0);
	folders_make(f);
	put(f, &a, "clients", "a.cert");
	put(f, &b, "clients", "b.cert");
	assert_int_equal(chmod(path(f, "clients/b.cert"), 0666), 0);
	open_ring(f);
	assert_int_equal(keyring_roles(f->keyring, a.public_key), ROLE_CLIENT);
	assert_int_equal(keyring_roles(f->keyring, b.public_key), 0);
	assert_int_equal(chmod(path(f, "clients"), 0775), 0);
	assert_true(keyring_refresh(f->keyring, false));
	assert_int_equal(keyring_roles(f->keyring, a.public_key), 0);
	assert_int_equal(chmod(f->folder, 0777), 0);
	assert_int_equal(keyring_open(f->folder, &keyring, &err), BROT_E_DENIED);
	assert_int_equal(keyring_open("/nowhere/at/all", &keyring, &err), BROT_E_NO_INPUT);
}

static void a_bad_file_harms_no_other(void **state)
{
	struct fixture *f = *state;
	struct cert a;
	assert_int_equal(keys_make(&a, NULL), 0);
	folders_make(f);
	put(f, &a, "clients", "a.cert");
	FILE *out = fopen(path(f, "clients/bad.cert"), "w");
	assert_non_null(out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(mkdir(path(f, "clients/folder.cert"), 0755), 0);
	assert_int_equal(mkfifo(path(f, "clients/pipe.cert"), 0644), 0);
	assert_int_equal(symlink("/nowhere", path(f, "clients/link.cert")), 0);
	open_ring(f);
	assert_int_equal(keyring_roles(f->keyring, a.public_key), ROLE_CLIENT);
	assert_int_equal(keyring_count(f->keyring, ROLE_CLIENT), 1);
}

static void assert_roles(const struct fixture *f, const struct cert *cert, unsigned roles_now)
{
	assert_int_equal(keyring_roles(f->keyring, cert->public_key), roles_now);
}

/* A ring with one key of each role. */
static void ring_of_three(struct fixture *f, struct cert certs[ROLE_COUNT])
{
	folders_make(f);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		assert_int_equal(keys_make(&certs[i], NULL), BROT_OK);
		put(f, &certs[i], roles[i], "a.cert");
	}
	open_ring(f);
}

enum trouble { LOOP, PLAIN_FILE };

static void spoil(const struct fixture *f, enum trouble trouble)
{
	assert_int_equal(unlink(path(f, "workers/a.cert")), 0);
	assert_int_equal(rmdir(path(f, "workers")), 0);
	if (trouble == LOOP) {
		assert_int_equal(symlink("workers", path(f, "workers")), 0);
		return;
	}
	FILE *out = fopen(path(f, "workers"), "w");
	assert_non_null(out);
	assert_int_equal(fclose(out), 0);
}

static void a_folder_that_cannot_be_read_is_an_empty_one(void **state)
{
	struct fixture *f = *state;
	struct cert certs[ROLE_COUNT];
	ring_of_three(f, certs);
	assert_true(keyring_is_whole(f->keyring));
	for (enum trouble trouble = LOOP; trouble <= PLAIN_FILE; trouble++) {
		spoil(f, trouble);
		assert_true(keyring_refresh(f->keyring, false));
		assert_false(keyring_is_whole(f->keyring));
		assert_roles(f, &certs[1], 0);
		assert_roles(f, &certs[0], ROLE_CLIENT);
		/* The others' keys come and go as ever. */
		assert_int_equal(unlink(path(f, "clients/a.cert")), 0);
		assert_true(keyring_refresh(f->keyring, false));
		assert_roles(f, &certs[0], 0);
		assert_roles(f, &certs[2], ROLE_ADMIN);
		put(f, &certs[0], "clients", "a.cert");
		assert_int_equal(unlink(path(f, "workers")), 0);
		assert_int_equal(mkdir(path(f, "workers"), 0755), 0);
		put(f, &certs[1], "workers", "a.cert");
		assert_true(keyring_refresh(f->keyring, false));
		assert_true(keyring_is_whole(f->keyring));
		assert_roles(f, &certs[1], ROLE_WORKER);
	}
}

static void nothing_opens_with_a_folder_in_trouble(void **state)
{
	struct fixture *f = *state;
	struct cert certs[ROLE_COUNT];
	struct keyring *keyring;
	struct brot_error err;
	ring_of_three(f, certs);
	assert_int_equal(chmod(path(f, "clients"), 0775), 0);
	assert_int_equal(keyring_open(f->folder, &keyring, &err), BROT_E_DENIED);
	assert_non_null(strstr(err.text, "/clients must belong to root or to us"));
	assert_int_equal(chmod(path(f, "clients"), 0755), 0);
	spoil(f, LOOP);
	assert_int_equal(keyring_open(f->folder, &keyring, &err), BROT_E_NO_INPUT);
	assert_non_null(strstr(err.text, "/workers must be a folder that can be read"));
	assert_int_equal(unlink(path(f, "workers")), 0);
	assert_int_equal(keyring_open(f->folder, &keyring, &err), BROT_OK);
	keyring_close(keyring);
}

static void the_folder_of_the_folders_is_looked_at_again(void **state)
{
	struct fixture *f = *state;
	struct cert certs[ROLE_COUNT];
	char away[64];
	ring_of_three(f, certs);
	assert_int_equal(chmod(f->folder, 0777), 0);
	assert_true(keyring_refresh(f->keyring, false));
	assert_false(keyring_is_whole(f->keyring));
	for (size_t i = 0; i < ROLE_COUNT; i++)
		assert_roles(f, &certs[i], 0);
	assert_int_equal(chmod(f->folder, 0755), 0);
	assert_true(keyring_refresh(f->keyring, false));
	assert_true(keyring_is_whole(f->keyring));
	assert_roles(f, &certs[2], ROLE_ADMIN);
	(void)snprintf(away, sizeof away, "%s.away", f->folder);
	assert_int_equal(rename(f->folder, away), 0);
	assert_true(keyring_refresh(f->keyring, false));
	assert_roles(f, &certs[2], 0);
	assert_int_equal(rename(away, f->folder), 0);
	assert_true(keyring_refresh(f->keyring, false));
	assert_roles(f, &certs[2], ROLE_ADMIN);
}

/* Leaves so many descriptors free. */
static void descriptors_leave(int count)
{
	int last = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(last >= 0);
	assert_int_equal(close(last), 0);
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)(last + count);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void want_of_descriptors_forgets_no_key(void **state)
{
	struct fixture *f = *state;
	struct cert certs[ROLE_COUNT];
	struct rlimit limit;
	ring_of_three(f, certs);
	assert_int_equal(unlink(path(f, "admins/a.cert")), 0);
	put(f, &certs[2], "clients", "b.cert");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* For the folder of folders, a folder, a file of it. */
	for (int count = 0; count < 3; count++) {
		descriptors_leave(count);
		(void)keyring_refresh(f->keyring, true);
		bool is_whole = keyring_is_whole(f->keyring);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		assert_false(is_whole);
		assert_roles(f, &certs[0], ROLE_CLIENT);
		assert_roles(f, &certs[1], ROLE_WORKER);
		/* An empty folder needs none for a file. */
		assert_roles(f, &certs[2], count < 2 ? ROLE_ADMIN : 0);
	}
	assert_true(keyring_refresh(f->keyring, false));
	assert_true(keyring_is_whole(f->keyring));
	assert_roles(f, &certs[2], ROLE_CLIENT);
}

/* Reads all again and returns what that logs; to be freed. */
static char *log_of_refresh(const struct fixture *f)
{
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);
	char *text = calloc(1, 65536);
	assert_true(log != NULL && before >= 0 && text != NULL);
	log_set_level(LOG_LEVEL_WARNING);
	assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);
	(void)keyring_refresh(f->keyring, true);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	log_set_level(LOG_LEVEL_ERROR);
	rewind(log);
	assert_true(fread(text, 1, 65535, log) < 65535);
	assert_int_equal(fclose(log) + close(before), 0);
	return text;
}

static void the_first_names_are_read_and_the_others_told(void **state)
{
	struct fixture *f = *state;
	struct cert first, last, added;
	char name[16];
	folders_make(f);
	assert_int_equal(keys_make(&last, NULL) + keys_make(&added, NULL), BROT_OK);
	put(f, &last, "clients", "k9999.cert");
	for (int i = LIMIT_KEYS; i-- > 1;) {
		assert_int_equal(keys_make(&first, NULL), BROT_OK);
		(void)snprintf(name, sizeof name, "k%04d.cert", i);
		put(f, &first, "clients", name);
	}
	open_ring(f);
	assert_int_equal(keyring_count(f->keyring, ROLE_CLIENT), LIMIT_KEYS);
	assert_roles(f, &last, ROLE_CLIENT);
	put(f, &added, "clients", "k0000.cert");
	put(f, &added, "clients", "z.cert");
	char *log = log_of_refresh(f);
	assert_non_null(strstr(log, "more than 4096 are not read"));
	assert_non_null(strstr(log, "count=2 first=\"k9999.cert\""));
	free(log);
	assert_int_equal(keyring_count(f->keyring, ROLE_CLIENT), LIMIT_KEYS);
	assert_roles(f, &first, ROLE_CLIENT);
	assert_roles(f, &added, ROLE_CLIENT);
	assert_roles(f, &last, 0);
}

static void many_bad_files_make_few_lines(void **state)
{
	struct fixture *f = *state;
	struct cert a;
	char name[32];
	unsigned lines = 0;
	assert_int_equal(keys_make(&a, NULL), BROT_OK);
	folders_make(f);
	put(f, &a, "clients", "z.cert");
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "clients/%d.cert", i);
		assert_int_equal(symlink("/nowhere", path(f, name)), 0);
	}
	open_ring(f);
	char *log = log_of_refresh(f);
	for (const char *p = log; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_in_range(lines, 2, 10);
	assert_non_null(strstr(log, "count=100"));
	free(log);
	assert_roles(f, &a, ROLE_CLIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_folder_is_the_role, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(what_others_can_write_opens_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_bad_file_harms_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read_is_an_empty_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nothing_opens_with_a_folder_in_trouble, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_folder_of_the_folders_is_looked_at_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(want_of_descriptors_forgets_no_key, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_first_names_are_read_and_the_others_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(many_bad_files_make_few_lines, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
