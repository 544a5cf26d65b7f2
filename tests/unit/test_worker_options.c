/* test_worker_options.c - the worker's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sys/settings.h"
#include "tests/unit/settings_text.h"
#include "tests/unit/words.h"
#include "worker/worker_options.h"

#define NO_BROKER "--broker: must be given, here, as BROT_BROKER or in the settings file"

static const char *broker_text, *kernel_text, *threads_text;
static struct settings_text told = {.path = "/etc/brot/worker.json", .name = "w.json"};

static const char *environment(const char *name, void *context)
{
	(void)context;
	if (strcmp(name, "BROT_BROKER") == 0)
		return broker_text;
	if (strcmp(name, "BROT_KERNEL") == 0)
		return kernel_text;
	if (strcmp(name, "BROT_THREADS") == 0)
		return threads_text;
	return NULL;
}

static enum brot_err parse_line(const char *line, struct worker_options *options,
				struct option_operands *operands, struct brot_error *err)
{
	char *argv[WORDS_MOST];
	const int argc = words_of(line, argv);
	const struct option_sources sources = {
		.env = environment, .file = settings_text_read, .file_context = &told};
	return worker_options_parse(argc, argv, &sources, options, operands, err);
}

static struct worker_options parsed(const char *line)
{
	struct worker_options options;
	struct option_operands operands;
	struct brot_error err = {0};
	if (parse_line(line, &options, &operands, &err) != BROT_OK)
		fail_msg("\"%s\": %s", line, err.text);
	assert_false(operands.wants_help);
	return options;
}

static void refused_as(enum brot_err code, const char *line, const char *sentence)
{
	struct worker_options options, before;
	struct option_operands operands = {.count = 99};
	struct brot_error err = {0};
	memset(&options, 0x5a, sizeof options);
	memcpy(&before, &options, sizeof before);
	assert_int_equal(parse_line(line, &options, &operands, &err), code);
	assert_string_equal(err.text, sentence);
	assert_memory_equal(&options, &before, sizeof before);
	assert_int_equal(operands.count, 99);
}

static void refused(const char *line, const char *sentence)
{
	refused_as(BROT_E_USAGE, line, sentence);
}

static int forget(void **state)
{
	(void)state;
	broker_text = kernel_text = threads_text = told.text = NULL;
	return 0;
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	struct worker_options options = parsed("--broker ipc:///b");
	assert_string_equal(options.broker, "ipc:///b");
	assert_null(options.kernel);
	assert_null(options.name);
	assert_int_equal(options.processes, 0);
	assert_int_equal(options.threads, 0);
	assert_false(options.wants_selftest);
	assert_false(options.is_json);
	assert_false(options.wants_version);
	assert_false(options.is_insecure);
	assert_false(options.no_shm);
}

static void the_command_line_beats_the_environment(void **state)
{
	(void)state;
	broker_text = "ipc:///environment";
	kernel_text = "scalar";
	assert_string_equal(parsed("").broker, "ipc:///environment");
	assert_string_equal(parsed("").kernel, "scalar");
	assert_string_equal(parsed("--kernel avx2").kernel, "avx2");
	assert_string_equal(parsed("--broker ipc:///b").broker, "ipc:///b");
}

static void a_broker_must_be_named_to_serve(void **state)
{
	(void)state;
	refused("", NO_BROKER);
	refused("--kernel scalar", NO_BROKER);
	assert_true(parsed("--selftest").wants_selftest);
	assert_true(parsed("--version").wants_version);
	assert_null(parsed("--selftest").broker);
}

static void a_self_test_may_be_json_and_of_one_kernel(void **state)
{
	(void)state;
	struct worker_options options = parsed("--selftest --json --kernel scalar");
	assert_true(options.wants_selftest);
	assert_true(options.is_json);
	assert_string_equal(options.kernel, "scalar");
	refused("--broker ipc:///b --json", "--json: is for --selftest, which is not there");
}

static void processes_and_threads_exclude_each_other(void **state)
{
	(void)state;
	assert_int_equal(parsed("--broker ipc:///b --processes 3").processes, 3);
	assert_int_equal(parsed("--broker ipc:///b --threads 3").threads, 3);
	refused("--broker ipc:///b --threads 2 --processes 2",
		"--threads: means one process, so --processes cannot stand beside it");
}

static void a_name_is_short_and_printable(void **state)
{
	(void)state;
	assert_string_equal(parsed("--broker ipc:///b --name w1").name, "w1");
	refused("--broker ipc:///b --name "
		"0123456789012345678901234567890123456789012345678901234567"
		"890123",
		"--name: must have 1 to 63 characters, got 64");
	refused("--broker ipc:///b --name a\tb",
		"--name: must be printable ASCII, is not at character 2");
}

static void a_file_alone_is_enough(void **state)
{
	(void)state;
	told.text = "{\"broker\": \"ipc:///file\", \"no_shm\": true, \"name\": \"w\"}";
	struct worker_options options = parsed("");
	assert_string_equal(options.broker, "ipc:///file");
	assert_string_equal(options.name, "w");
	assert_true(options.no_shm);
	assert_string_equal(options.log_level, "notice");
	broker_text = "ipc:///environment";
	assert_string_equal(parsed("").broker, "ipc:///environment");
	/* A worker that is part of a call of brot-client is told all by that. */
	options = parsed("--broker ipc:///line --tied-to 5");
	assert_null(options.name);
	assert_false(options.no_shm);
	assert_string_equal(options.log_level, "warning");
	told.text = "{\"name\": \"\"}";
	refused_as(BROT_E_CONFIG, "", "w.json:1:10: name: must have 1 to 63 characters, got 0");
	told.text = "{\"selftest\": true}";
	refused_as(BROT_E_CONFIG, "", "w.json:1:2: selftest: unknown key");
}

static void of_processes_and_threads_the_later_source_counts(void **state)
{
	(void)state;
	told.text = "{\"broker\": \"ipc:///b\", \"processes\": 4}";
	assert_int_equal(parsed("").processes, 4);
	assert_int_equal(parsed("--threads 3").threads, 3);
	assert_int_equal(parsed("--threads 3").processes, 0);
	threads_text = "2";
	assert_int_equal(parsed("").threads, 2);
	assert_int_equal(parsed("").processes, 0);
	assert_int_equal(parsed("--processes 5").processes, 5);
	assert_int_equal(parsed("--processes 5").threads, 0);
	threads_text = NULL;
	told.text = "{\"processes\": 4, \"threads\": 2, \"broker\": \"b\"}";
	refused_as(
		BROT_E_CONFIG, "",
		"w.json:1:29: threads: means one process, so --processes cannot stand beside it");
}

static void a_key_needs_the_brokers(void **state)
{
	(void)state;
	struct worker_options options = parsed(
		"--broker tcp://h:1 --key w.cert_secret --server-key b.cert");
	assert_string_equal(options.key, "w.cert_secret");
	assert_string_equal(options.server_key, "b.cert");
	assert_string_equal(parsed("--broker ipc:///b --key w").key, "w");
	refused("--broker tcp://h:1 --key w",
		"--key: needs --server-key, the broker's public certificate");
	refused("--broker tcp://h:1 --server-key b",
		"--server-key: needs --key, the worker's own secret certificate");
	told.text = "{\"broker\": \"tcp://h:1\", \"key\": \"w\"}";
	refused_as(BROT_E_CONFIG, "",
		   "w.json:1:32: key: needs --server-key, the broker's public certificate");
}

/* The one of a package. */
static void the_file_in_deploy_is_good(void **state)
{
	(void)state;
	char option[] = "--config", path[] = BROT_ETC_FILE;
	char *argv[] = {option, path, NULL};
	struct settings settings = {0};
	const struct option_sources sources = settings_sources(&settings);
	struct worker_options options;
	struct brot_error err = {0};
	struct option_operands operands;
	if (worker_options_parse(2, argv, &sources, &options, &operands, &err) != BROT_OK)
		fail_msg("%s", err.text);
	assert_string_equal(options.broker, "ipc:///run/brot/workers");
	settings_done(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_not_given_has_its_default, forget),
		cmocka_unit_test_setup(the_command_line_beats_the_environment, forget),
		cmocka_unit_test_setup(a_broker_must_be_named_to_serve, forget),
		cmocka_unit_test_setup(a_self_test_may_be_json_and_of_one_kernel, forget),
		cmocka_unit_test_setup(processes_and_threads_exclude_each_other, forget),
		cmocka_unit_test_setup(a_name_is_short_and_printable, forget),
		cmocka_unit_test_setup(a_file_alone_is_enough, forget),
		cmocka_unit_test_setup(of_processes_and_threads_the_later_source_counts, forget),
		cmocka_unit_test_setup(a_key_needs_the_brokers, forget),
		cmocka_unit_test(the_file_in_deploy_is_good),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	options_file_free(told.file);
	return failed;
}
