/* test_broker_options.c - the broker's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_options.h"
#include "proto/sys/log.h"
#include "proto/sys/settings.h"
#include "tests/unit/settings_text.h"
#include "tests/unit/words.h"

#define URLS "--clients tcp://*:5570 --workers tcp://*:5571 "

static const char *memory_text, *log_level_text, *state_dir_text, *key_text, *keys_text;
static struct settings_text told = {.path = "/etc/brot/broker.json", .name = "b.json"};

static const char *environment(const char *name, void *context)
{
	(void)context;
	if (strcmp(name, "BROT_MEMORY") == 0)
		return memory_text;
	if (strcmp(name, "BROT_LOG_LEVEL") == 0)
		return log_level_text;
	if (strcmp(name, "BROT_STATE_DIR") == 0)
		return state_dir_text;
	if (strcmp(name, "BROT_KEY") == 0)
		return key_text;
	if (strcmp(name, "BROT_KEYS") == 0)
		return keys_text;
	return NULL;
}

static enum brot_err parse_line(const char *line, struct broker_options *options,
				struct option_operands *operands, struct brot_error *err)
{
	char *argv[WORDS_MOST];
	const int argc = words_of(line, argv);
	const struct option_sources sources = {
		.env = environment, .file = settings_text_read, .file_context = &told};
	return broker_options_parse(argc, argv, &sources, options, operands, err);
}

static struct broker_options parsed(const char *line)
{
	struct broker_options options;
	struct option_operands operands;
	struct brot_error err = {0};
	if (parse_line(line, &options, &operands, &err) != BROT_OK)
		fail_msg("\"%s\": %s", line, err.text);
	assert_false(operands.wants_help);
	return options;
}

static void refused_as(enum brot_err code, const char *line, const char *sentence)
{
	struct broker_options options, before;
	struct option_operands operands = {.count = 99};
	struct brot_error err = {0};
	memset(&options, 0x5a, sizeof options);
	memcpy(&before, &options, sizeof before);
	assert_int_equal(parse_line(line, &options, &operands, &err), code);
	assert_string_equal(err.text, sentence);
	assert_int_equal(err.code, code);
	assert_memory_equal(&options, &before, sizeof options);
	assert_int_equal(operands.count, 99);
}

static void refused(const char *line, const char *sentence)
{
	refused_as(BROT_E_USAGE, line, sentence);
}

static int clear_environment(void **state)
{
	(void)state;
	memory_text = log_level_text = state_dir_text = told.text = NULL;
	return 0;
}

static void the_least_that_is_needed(void **state)
{
	(void)state;
	struct broker_options options = parsed(URLS);
	assert_int_equal(options.clients.count, 1);
	assert_string_equal(options.clients.values[0], "tcp://*:5570");
	assert_int_equal(options.workers.count, 1);
	assert_string_equal(options.workers.values[0], "tcp://*:5571");
	assert_int_equal(options.memory_bytes, 0);
	assert_int_equal(options.tile_rows, 0);
	assert_int_equal(options.tied_to, 0);
	assert_int_equal(options.ready_fd, 0);
	assert_string_equal(options.log_level, "info");
	assert_false(options.is_embedded);
	assert_false(options.is_insecure);
	assert_false(options.wants_version);
	refused("", "--clients: must be given at least once");
	refused("--workers ipc://w", "--clients: must be given at least once");
	refused("--clients ipc://c", "--workers: must be given at least once");
}

static void everything_at_once(void **state)
{
	(void)state;
	struct broker_options options = parsed(
		"--clients=ipc:///run/a --clients tcp://*:1 --workers=ipc:///run/b --memory 512M "
		"--insecure --log-level debug --tile-rows 16 --ready-fd 3 --tied-to 4711 "
		"--embedded");
	assert_int_equal(options.clients.count, 2);
	assert_string_equal(options.clients.values[0], "ipc:///run/a");
	assert_string_equal(options.clients.values[1], "tcp://*:1");
	assert_int_equal(options.workers.count, 1);
	assert_int_equal(options.memory_bytes, 512 << 20);
	assert_true(options.is_insecure);
	assert_string_equal(options.log_level, "debug");
	assert_int_equal(options.tile_rows, 16);
	assert_int_equal(options.ready_fd, 3);
	assert_int_equal(options.tied_to, 4711);
	assert_true(options.is_embedded);
	assert_false(options.wants_version);
}

static void the_command_line_wins_over_the_environment(void **state)
{
	(void)state;
	memory_text = "2G";
	log_level_text = "error";
	struct broker_options options = parsed(URLS);
	assert_true(options.memory_bytes == 2ull << 30);
	assert_string_equal(options.log_level, "error");
	options = parsed(URLS "--memory 1M --log-level notice");
	assert_int_equal(options.memory_bytes, 1 << 20);
	assert_string_equal(options.log_level, "notice");
	memory_text = log_level_text = "";
	options = parsed(URLS);
	assert_int_equal(options.memory_bytes, 0);
	assert_string_equal(options.log_level, "info");
	memory_text = "much";
	refused(URLS, "BROT_MEMORY: must be 1M..1048576T bytes, such as 512M, got "
		      "\"much\"");
}

static void jobs_are_kept_where_it_is_said(void **state)
{
	(void)state;
	struct broker_options options = parsed(URLS);
	assert_null(options.state_dir);
	assert_null(options.checkpoint_dir);
	assert_int_equal(options.sync, STORE_SYNC_NORMAL);
	assert_true(options.retention_ms == 7 * 86400000ll);
	assert_true(options.checkpoint_every_ms == 60000);
	assert_int_equal(options.history_days, 90);
	options = parsed(URLS "--state-dir /s --sync full --retention 1.5 --checkpoint-dir /c "
			      "--checkpoint-every 0.1 --history-days 1");
	assert_string_equal(options.state_dir, "/s");
	assert_string_equal(options.checkpoint_dir, "/c");
	assert_int_equal(options.sync, STORE_SYNC_FULL);
	assert_true(options.retention_ms == 1500);
	assert_true(options.checkpoint_every_ms == 100);
	assert_int_equal(options.history_days, 1);
	assert_int_equal(parsed(URLS "--sync normal").sync, STORE_SYNC_NORMAL);
	refused(URLS "--sync off", "--sync: must be normal or full, got \"off\"");
	refused(URLS "--checkpoint-dir /c",
		"--checkpoint-dir: needs --state-dir, where the jobs are");
	refused(URLS "--embedded --state-dir /s",
		"--state-dir: must not be given with --embedded, whose jobs end with their call");
	/* The variable is the service's. */
	state_dir_text = "/env";
	assert_string_equal(parsed(URLS).state_dir, "/env");
	assert_string_equal(parsed(URLS "--state-dir /s").state_dir, "/s");
	assert_null(parsed(URLS "--embedded").state_dir);
}

static void a_group_is_for_ipc_sockets(void **state)
{
	(void)state;
	assert_null(parsed(URLS).clients_group);
	struct broker_options options = parsed(
		"--clients tcp://*:1 --clients ipc://c --workers ipc://w --clients-group g");
	assert_string_equal(options.clients_group, "g");
	refused("--clients tcp://*:1 --workers ipc://w --clients-group g",
		"--clients-group: is for ipc sockets, and --clients names none");
}

static void help_and_version_need_no_urls(void **state)
{
	(void)state;
	static const char *const lines[] = {"-h", "--help", "--memory 5M --help --nonsense"};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct broker_options options;
		struct option_operands operands = {0};
		assert_int_equal(parse_line(lines[i], &options, &operands, NULL), BROT_OK);
		assert_true(operands.wants_help);
	}
	assert_true(parsed("--version").wants_version);
	assert_false(parsed(URLS).wants_version);
}

static void limits_are_kept(void **state)
{
	(void)state;
	assert_int_equal(parsed(URLS "--tile-rows 1048576").tile_rows, LIMIT_SIZE_PX);
	assert_int_equal(parsed(URLS "--ready-fd 1023").ready_fd, 1023);
	assert_int_equal(parsed(URLS "--tied-to 2147483647").tied_to, INT32_MAX);
	assert_true(parsed(URLS "--memory 1048576T").memory_bytes == 1ull << 60);
	refused(URLS "--tile-rows 0", "--tile-rows: must be a whole number 1..1048576, got \"0\"");
	refused(URLS "--tile-rows 1048577",
		"--tile-rows: must be a whole number 1..1048576, got \"1048577\"");
	refused(URLS "--ready-fd 2", "--ready-fd: must be a whole number 3..1023, got \"2\"");
	refused(URLS "--ready-fd 1024", "--ready-fd: must be a whole number 3..1023, got \"1024\"");
	refused(URLS "--tied-to 0", "--tied-to: must be a whole number 1..2147483647, got \"0\"");
	refused(URLS "--tied-to 4294967297",
		"--tied-to: must be a whole number 1..2147483647, got \"4294967297\"");
	refused(URLS "--memory 0", "--memory: must be 1M..1048576T bytes, such as 512M, got \"0\"");
	char line[256] = "";
	for (int i = 0; i < LIMIT_ENDPOINTS; i++)
		strcat(line, "--clients c ");
	strcat(line, "--workers w");
	assert_int_equal(parsed(line).clients.count, LIMIT_ENDPOINTS);
	strcat(line, " --clients c");
	refused(line, "--clients: may be given at most 8 times");
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	refused(URLS "--worker w", "--worker: unknown option; did you mean --workers?");
	refused(URLS "--insecure=yes", "--insecure: must be true, false, 1 or 0, got \"yes\"");
	refused(URLS "--memory", "--memory: needs a value BYTES");
	refused("--clients --workers w", "--clients: needs a value URL");
	refused("--clients= --workers w", "--clients: must not be empty");
	refused(URLS "seahorse",
		"brot-broker: takes no operands besides its options, got \"seahorse\"");
}

static void a_file_alone_is_enough(void **state)
{
	(void)state;
	told.text = "{\"clients\": [\"ipc:///c\"], \"workers\": [\"ipc:///w\"], \"sync\": \"full\","
		    " \"state_dir\": \"/file\", \"log_level\": \"debug\", \"history_days\": 3}";
	struct broker_options options = parsed("");
	assert_string_equal(options.clients.values[0], "ipc:///c");
	assert_string_equal(options.workers.values[0], "ipc:///w");
	assert_int_equal(options.sync, STORE_SYNC_FULL);
	assert_string_equal(options.state_dir, "/file");
	assert_string_equal(options.log_level, "debug");
	assert_int_equal(options.history_days, 3);
	log_level_text = "error";
	state_dir_text = "/env";
	options = parsed("--state-dir /line");
	assert_string_equal(options.log_level, "error");
	assert_string_equal(options.state_dir, "/line");
	/* Of an embedded broker nothing of that is meant. */
	options = parsed(URLS "--embedded");
	assert_null(options.state_dir);
	assert_int_equal(options.clients.count, 1);
	assert_string_equal(options.clients.values[0], "tcp://*:5570");
	assert_string_equal(options.log_level, "error");
	assert_int_equal(options.history_days, 90);
	state_dir_text = NULL;
	told.text = "{\"checkpoint_dir\": \"/c\"}";
	refused_as(BROT_E_CONFIG, URLS,
		   "b.json:1:20: checkpoint_dir: needs --state-dir, where the jobs are");
	told.text = "{\"insecure\": true}";
	assert_true(parsed(URLS).is_insecure);
	assert_false(parsed(URLS "--insecure=false").is_insecure);
	told.text = "{\"memory\": 0}";
	refused_as(BROT_E_CONFIG, URLS,
		   "b.json:1:12: memory: must be 1M..1048576T bytes, such as 512M, got \"0\"");
	assert_true(parsed("--version").wants_version);
}

static void an_ipc_endpoint_is_named_once(void **state)
{
	(void)state;
	refused("--clients ipc://a --workers ipc://b --workers ipc://a",
		"--workers: must not name an ipc endpoint again, got \"ipc://a\"");
	refused("--clients ipc://a --clients ipc://a --workers ipc://b",
		"--clients: must not name an ipc endpoint again, got \"ipc://a\"");
	told.text = "{\"clients\": [\"ipc://a\"],\n \"workers\": [\"ipc://b\", \"ipc://a\"]}";
	refused_as(BROT_E_CONFIG, "",
		   "b.json:2:25: workers: must not name an ipc endpoint again, got \"ipc://a\"");
	(void)parsed("--workers tcp://*:1 --workers tcp://*:1 --clients tcp://*:1");
}

/* The one of a package. */
static void the_file_in_deploy_is_good(void **state)
{
	(void)state;
	char option[] = "--config", path[] = BROT_ETC_FILE;
	char *argv[] = {option, path, NULL};
	struct settings settings = {0};
	const struct option_sources sources = settings_sources(&settings);
	struct broker_options options;
	struct brot_error err = {0};
	struct option_operands operands;
	if (broker_options_parse(2, argv, &sources, &options, &operands, &err) != BROT_OK)
		fail_msg("%s", err.text);
	assert_true(options.clients.count > 0 && options.workers.count > 0);
	assert_string_equal(options.state_dir, "/var/lib/brot");
	settings_done(&settings);
}

/* The table's words are those that the log knows. */
static void every_level_of_the_log_is_a_word(void **state)
{
	(void)state;
	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		char line[128];
		enum log_level read = LOG_LEVEL_ERROR;
		(void)snprintf(line, sizeof line, URLS "--log-level %s", log_level_name(level));
		assert_int_equal(log_level_parse(parsed(line).log_level, &read, NULL), BROT_OK);
		assert_int_equal(read, level);
	}
	refused(URLS "--log-level loud",
		"--log-level: must be error, warning, notice, info or debug, got \"loud\"");
}

static void the_help_names_every_option(void **state)
{
	(void)state;
	char *help = options_help(&broker_command);
	assert_non_null(help);
	for (const struct option_spec *spec = broker_command.specs; spec->name != NULL; spec++) {
		char text[64];
		(void)snprintf(text, sizeof text, "--%s", spec->name);
		assert_non_null(strstr(help, text));
	}
	free(help);
}

static void the_budget_fits_the_shared_memory(void **state)
{
	(void)state;
	assert_true(broker_memory_bytes(0, 8ull << 30) == 6ull << 30);
	assert_true(broker_memory_bytes(0, 0) == INT64_MAX); /* it has no limit */
	assert_true(broker_memory_bytes(5 << 20, 0) == 5 << 20);
	assert_true(broker_memory_bytes(8ull << 30, 8ull << 30) == 8ull << 30);
	assert_true(broker_memory_bytes(100ull << 30, 8ull << 30) == 8ull << 30);
	refused(URLS "--memory 1023K",
		"--memory: must be 1M..1048576T bytes, such as 512M, got \"1023K\"");
}

static void a_lock_has_both_its_parts(void **state)
{
	(void)state;
	struct broker_options options = parsed(URLS);
	assert_null(options.key);
	assert_null(options.keys);
	options = parsed(URLS "--key b.cert_secret --keys /etc/brot/keys");
	assert_string_equal(options.key, "b.cert_secret");
	assert_string_equal(options.keys, "/etc/brot/keys");
	refused(URLS "--keys k", "--keys: needs --key, the broker's own secret certificate");
	refused(URLS "--key k", "--key: needs --keys, the folder of those whom it lets in");
	refused(URLS "--key k --keys d --insecure",
		"--insecure: must not be given with --keys, which lock all tcp");
	keys_text = "/keys";
	refused(URLS, "BROT_KEYS: needs --key, the broker's own secret certificate");
	key_text = "/key";
	options = parsed(URLS);
	assert_string_equal(options.key, "/key");
	assert_string_equal(options.keys, "/keys");
	/* They are a client's, or a service's. */
	options = parsed(URLS "--embedded");
	assert_null(options.key);
	assert_null(options.keys);
	key_text = keys_text = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_least_that_is_needed, clear_environment),
		cmocka_unit_test_setup(everything_at_once, clear_environment),
		cmocka_unit_test_setup(the_command_line_wins_over_the_environment,
				       clear_environment),
		cmocka_unit_test_setup(jobs_are_kept_where_it_is_said, clear_environment),
		cmocka_unit_test_setup(a_group_is_for_ipc_sockets, clear_environment),
		cmocka_unit_test_setup(help_and_version_need_no_urls, clear_environment),
		cmocka_unit_test_setup(limits_are_kept, clear_environment),
		cmocka_unit_test_setup(nonsense_is_refused, clear_environment),
		cmocka_unit_test_setup(a_file_alone_is_enough, clear_environment),
		cmocka_unit_test_setup(an_ipc_endpoint_is_named_once, clear_environment),
		cmocka_unit_test(the_file_in_deploy_is_good),
		cmocka_unit_test_setup(every_level_of_the_log_is_a_word, clear_environment),
		cmocka_unit_test(the_help_names_every_option),
		cmocka_unit_test(the_budget_fits_the_shared_memory),
		cmocka_unit_test(a_lock_has_both_its_parts),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	options_file_free(told.file);
	return failed;
}
