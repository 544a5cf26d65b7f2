/* test_keyring.c - folders of keys, and what becomes of a key that is taken away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_folder_is_the_role, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(what_others_can_write_opens_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_bad_file_harms_no_other, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
