/* test_settings.c - settings files as they are on a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/sys/settings.h"

struct values {
	const char *config, *out;
	struct option_strings clients;
};

static const struct option_spec specs[] = {
	{"config", "FILE", "BROT_CONFIG", "the file", OPTION_STRING,
	 offsetof(struct values, config), 0, 0},
	{"out", "FILE", NULL, "where it goes", OPTION_STRING, offsetof(struct values, out), 0, 0},
	{"clients", "URL", NULL, "where they connect", OPTION_STRINGS,
	 offsetof(struct values, clients), 0, 0},
	{.name = NULL},
};

static char folder[] = "/tmp/brot-settings-XXXXXX";
static char path[64];
static struct settings settings;

static int make_folder(void **state)
{
	(void)state;
	(void)unsetenv("BROT_CONFIG");
	(void)unsetenv("BROT_OUT");
	(void)unsetenv("BROT_CLIENTS");
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/x.json", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	settings_done(&settings);
	(void)unlink(path);
	return rmdir(folder);
}

static void write_file(const char *text, size_t bytes)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
}

/* is_named: by the command line; else it is the command's own, which may lack. */
static enum brot_err parse(bool is_named, struct values *values, struct brot_error *err)
{
	const struct option_command command = {
		.name = "brot-test", .summary = "Tests.", .specs = specs, .file = path};
	char option[] = "--config";
	char *argv[] = {option, path, NULL};
	struct option_operands operands;
	const struct option_sources sources = settings_sources(&settings);
	*values = (struct values){0};
	return options_parse(&command, is_named ? 2 : 0, argv, &sources, values, sizeof *values,
			     &operands, err);
}

static void a_file_that_is_not_there_matters_if_it_is_named(void **state)
{
	(void)state;
	struct values values;
	struct brot_error err;
	char want[128];
	(void)unlink(path);
	assert_int_equal(parse(false, &values, &err), BROT_OK);
	assert_null(values.out);
	assert_int_equal(parse(true, &values, &err), BROT_E_CONFIG);
	(void)snprintf(want, sizeof want, "%s: cannot be read: No such file or directory", path);
	assert_string_equal(err.text, want);
}

static void a_file_is_read_again_each_time(void **state)
{
	(void)state;
	struct values values;
	write_file("{\"out\": \"a\"}", 12);
	assert_int_equal(parse(false, &values, NULL), BROT_OK);
	assert_string_equal(values.out, "a");
	write_file("{\"out\": \"b\"}", 12);
	assert_int_equal(parse(true, &values, NULL), BROT_OK);
	assert_string_equal(values.out, "b");
	assert_int_equal(setenv("BROT_OUT", "env", 1), 0);
	assert_int_equal(parse(true, &values, NULL), BROT_OK);
	assert_string_equal(values.out, "env");
	assert_int_equal(unsetenv("BROT_OUT"), 0);
	/* After a bad one nothing is kept of the one before. */
	write_file("{", 1);
	assert_int_equal(parse(true, &values, NULL), BROT_E_CONFIG);
	assert_null(settings.file);
}

/* Whoever changes the variable then does not change what was read of it. */
static void a_list_of_the_environment_outlives_it(void **state)
{
	(void)state;
	struct values values;
	(void)unlink(path);
	assert_int_equal(setenv("BROT_CLIENTS", "tcp://a:1, ipc:///b", 1), 0);
	assert_int_equal(parse(false, &values, NULL), BROT_OK);
	assert_string_equal(getenv("BROT_CLIENTS"), "tcp://a:1, ipc:///b");
	assert_int_equal(setenv("BROT_CLIENTS", "tcp://c:1", 1), 0);
	assert_int_equal(values.clients.count, 2);
	assert_string_equal(values.clients.values[0], "tcp://a:1");
	assert_string_equal(values.clients.values[1], "ipc:///b");
	assert_int_equal(parse(false, &values, NULL), BROT_OK);
	assert_int_equal(values.clients.count, 1);
	assert_int_equal(unsetenv("BROT_CLIENTS"), 0);
}

static void a_file_is_a_file_of_limited_size(void **state)
{
	(void)state;
	struct values values;
	struct brot_error err;
	char *text = malloc(LIMIT_SETTINGS_BYTES + 1);
	assert_non_null(text);
	memset(text, ' ', LIMIT_SETTINGS_BYTES + 1);
	memcpy(text, "{}", 2);
	write_file(text, LIMIT_SETTINGS_BYTES);
	assert_int_equal(parse(true, &values, &err), BROT_OK);
	write_file(text, LIMIT_SETTINGS_BYTES + 1);
	assert_int_equal(parse(true, &values, &err), BROT_E_CONFIG);
	assert_non_null(strstr(err.text, ": must have at most 65536 bytes"));
	free(text);
	/* One that is no regular file could make us wait. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(parse(false, &values, &err), BROT_E_CONFIG);
	assert_non_null(strstr(err.text, ": cannot be read: it is not a regular file"));
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_is_not_there_matters_if_it_is_named),
		cmocka_unit_test(a_file_is_read_again_each_time),
		cmocka_unit_test(a_list_of_the_environment_outlives_it),
		cmocka_unit_test(a_file_is_a_file_of_limited_size),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
